"""Gene sets, their names, and enrichment."""

import gzip
import math
import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import pathways


def gmt(tmp_path, text):
    path = tmp_path / "sets.gmt"
    path.write_text(text, encoding="utf-8")
    return path


def test_read_gmt_keeps_order_and_each_gene_once_and_says_so(tmp_path, caplog):
    path = gmt(tmp_path, "A\tna\tTP53\tBRCA1\tTP53\t\n\nB\thttp://x\tMYC\r\n")
    with caplog.at_level("INFO", logger="radiogenomics"):
        assert pathways.read_gmt(path) == {"A": ["TP53", "BRCA1"], "B": ["MYC"]}
    [said] = [record.getMessage() for record in caplog.records if "repeated genes" in record.getMessage()]
    assert all(fact in said for fact in (str(path), "(1)", ": A"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_a_gmt_of_any_encoding_packed_or_not_holds_the_same_sets(tmp_path, encoding):
    text = 'Réponse immune\tna\tTP53\tBRCA1\n"Hypoxia"\t\t"CA9"\t"VEGFA"\t\t\n'
    (tmp_path / "sets.gmt").write_bytes(text.encode(encoding))
    (tmp_path / "sets.gmt.gz").write_bytes(gzip.compress(text.encode(encoding)))
    expected = {"Réponse immune": ["TP53", "BRCA1"], "Hypoxia": ["CA9", "VEGFA"]}
    assert pathways.read_gmt(tmp_path / "sets.gmt") == pathways.read_gmt(tmp_path / "sets.gmt.gz") == expected


def test_the_weights_of_enrichr_are_no_part_of_a_gene(tmp_path):
    assert pathways.read_gmt(gmt(tmp_path, "A\t\tTP53,1.0\tHLA-DRA,0.25\tMYC\n")) == {"A": ["TP53", "HLA-DRA", "MYC"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\tna\tTP53\nA\tna\tMYC\n", "line 2: the set 'A' comes a second time"),
        ("A\tna\tTP53\nB\tna\n", "line 2: 'B\\tna' is not a gene set; write name, description and genes, separated by tabs"),
        ("A,na,TP53\n", "line 1: 'A,na,TP53' is not a gene set"),
        ("\n", "holds no gene set"),
    ],
)
def test_a_broken_gmt_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        pathways.read_gmt(gmt(tmp_path, text))


def test_sizes_count_before_and_after_the_genes_are_looked_for():
    sets = {"small": ["a", "b"], "large": list("abcdefgh"), "elsewhere": list("uvwxyz")}
    assert list(pathways.sized(sets, min_size=3, max_size=7)) == ["elsewhere"]
    assert pathways.restrict_to_genes(sets, list("abc"), min_size=2) == {"small": ["a", "b"], "large": ["a", "b", "c"]}
    assert list(pathways.restrict_to_genes(sets, list("abc"), min_size=2, max_size=2)) == ["small"]


def test_our_36_tumour_pathways_have_four_categories():
    table = pathways.tumour_pathways()
    assert len(table) == 36
    assert table["name"].is_unique
    assert set(table["category"]) == {"cell growth and death", "immune system", "cell communication", "signal transduction"}


def test_select_finds_names_however_a_library_writes_them_and_lists_the_absent():
    library = {
        "KEGG_CELL_ADHESION_MOLECULES_CAMS": ["CD2"],
        "Cell cycle": ["CDK1"],
        "JAK-STAT signaling pathway - Homo sapiens hsa04630": ["JAK1"],
        "KEGG_TGF_BETA_SIGNALING_PATHWAY": ["TGFB1"],
    }
    found = pathways.select(library, pathways.tumour_pathways().query("name.str.contains('adhesion m|cycle|JAK|TGF|Apop')"))
    assert set(found.gene_sets) == set(library)
    assert found.absent == ["Apoptosis"]
    assert set(found.found.columns) == {"category", "name", "pathway"}


def test_select_takes_the_set_of_the_collection_asked_for_and_guesses_nothing():
    library = {name: ["TP53"] for name in ("HALLMARK_APOPTOSIS", "KEGG_APOPTOSIS", "KEGG_CELL_CYCLE", "Cell cycle")}
    found = pathways.select(library, ["KEGG_APOPTOSIS", "hallmark apoptosis", "Cell cycle", "APOPTOSIS", "Cell", "???"])
    assert found.found["pathway"].tolist()[:3] == ["KEGG_APOPTOSIS", "HALLMARK_APOPTOSIS", "Cell cycle"]
    assert found.ambiguous == {
        "APOPTOSIS": ["HALLMARK_APOPTOSIS", "KEGG_APOPTOSIS"],
        "Cell": ["KEGG_CELL_CYCLE", "Cell cycle"],
    }
    assert found.absent == ["???"]
    ours = pathways.select(library, pathways.tumour_pathways().query("name == 'Apoptosis'"), collection="kegg")
    assert list(ours.gene_sets) == ["KEGG_APOPTOSIS"]


@pytest.mark.real
def test_every_tumour_pathway_is_in_msigdbs_kegg(real):
    library = pathways.read_gmt(real / "genesets" / "c2.cp.kegg.v7.5.1.symbols.gmt")
    found = pathways.select(library, pathways.tumour_pathways())
    assert found.absent == []
    assert len(found.gene_sets) == 36


NAMES = [
    "KEGG_MAPK_SIGNALING_PATHWAY",
    "KEGG_WNT_SIGNALING_PATHWAY",
    "KEGG_CELL_CYCLE",
    "KEGG_P53_SIGNALING_PATHWAY",
    "ME1",
    "ME12",
    "MAPK1",
]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("MAPK signaling", "KEGG_MAPK_SIGNALING_PATHWAY"),
        ("mapk signalling pathway", "KEGG_MAPK_SIGNALING_PATHWAY"),
        ("cell cycel", "KEGG_CELL_CYCLE"),
        ("p53", "KEGG_P53_SIGNALING_PATHWAY"),
        ("ME1", "ME1"),
        ("me12", "ME12"),
    ],
)
def test_the_closest_name_comes_first(asked, first):
    assert pathways.closest(asked, NAMES)[0] == first


def test_an_exact_name_stands_alone_and_an_unknown_one_gives_five():
    assert pathways.closest("kegg cell cycle", NAMES) == ["KEGG_CELL_CYCLE"]
    assert len(pathways.closest("oxidative phosphorylation", NAMES)) == 5
    assert pathways.holds("KEGG_MAPK_SIGNALING_PATHWAY", "mapk signaling")
    assert not pathways.holds("KEGG_MAPK_SIGNALING_PATHWAY", "notch signaling")


def hgnc(tmp_path, *rows):
    table = tmp_path / "hgnc.tsv"
    table.write_text("\n".join(["symbol\tprev_symbol\talias_symbol", *rows]) + "\n", encoding="utf-8")
    return pathways.read_aliases(table)


def test_symbols_are_updated_and_the_lost_reported(tmp_path):
    aliases = hgnc(tmp_path, "SEPTIN9\tSEPT9|MSF\tAF17q25", "KMT2A\tMLL\tALL-1", "TWIN1\t\tDUP", "TWIN2\t\tDUP")
    sets = {"one": ["SEPT9", "MLL", "TP53"], "two": ["DUP", "MLL", "GONE"]}
    updated = pathways.update_symbols(sets, ["SEPTIN9", "KMT2A", "TP53", "TWIN1", "TWIN2"], aliases)
    assert updated.gene_sets == {"one": ["SEPTIN9", "KMT2A", "TP53"], "two": ["DUP", "KMT2A", "GONE"]}
    report = updated.report.set_index("gene")
    assert report["symbol"].dropna().to_dict() == {"SEPT9": "SEPTIN9", "MLL": "KMT2A"}
    assert report["n_sets"].to_dict() == {"DUP": 1, "GONE": 1, "MLL": 2, "SEPT9": 1}


def test_a_table_in_older_symbols_than_the_sets_is_met_half_way(tmp_path):
    aliases = hgnc(tmp_path, "SEPTIN9\tSEPT9|MSF\t", "KMT2A\tMLL\tALL-1")
    updated = pathways.update_symbols({"one": ["SEPTIN9", "ALL-1"], "two": ["KMT2A", "MLL"]}, ["MSF", "MLL"], aliases)
    assert updated.gene_sets == {"one": ["MSF", "MLL"], "two": ["MLL"]}
    both = pathways.update_symbols({"one": ["SEPTIN9"]}, ["MSF", "SEPT9"], aliases)
    assert both.gene_sets == {"one": ["SEPTIN9"]}


@pytest.mark.parametrize("measured", [["AURKB"], ["AURKB", "SLC45A2"]])
def test_a_symbol_means_first_what_it_is_approved_for_then_what_it_was(tmp_path, measured):
    """AIM1 was CRYBG1's symbol and is an alias of AURKB: where CRYBG1 was not measured, the gene is lost and AURKB is not taken."""
    rows = ["AURKB\t\tAIM1|AIM-1", "SLC45A2\tMATP\tAIM1", "CRYBG1\tAIM1\t", "MET\t\tHGFR", "SLTM\t\tMET"]
    aliases = hgnc(tmp_path, *rows)
    assert (aliases["AIM1"], aliases["MET"], aliases["AIM-1"]) == ("CRYBG1", "MET", "AURKB")
    updated = pathways.update_symbols({"one": ["AIM1", "MET", "MATP"]}, [*measured, "SLTM"], aliases)
    assert updated.gene_sets["one"][:2] == ["AIM1", "MET"]
    assert updated.gene_sets["one"][2] == ("SLC45A2" if "SLC45A2" in measured else "MATP")


def test_an_alias_table_without_its_columns_is_refused(tmp_path):
    table = tmp_path / "hgnc.tsv"
    table.write_text("symbol\tother\nA\tB\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no column alias_symbol, prev_symbol"):
        pathways.read_aliases(table)


def exact_tail(overlap, background, size, drawn):
    """The hypergeometric tail in whole numbers."""
    ways = sum(math.comb(size, k) * math.comb(background - size, drawn - k) for k in range(overlap, min(size, drawn) + 1))
    return float(Fraction(ways, math.comb(background, drawn)))


@settings(max_examples=40, deadline=None)
@given(background=st.integers(20, 400), data=st.data())
def test_enrichment_p_is_the_exact_hypergeometric_tail(background, data):
    size, drawn = data.draw(st.integers(1, background)), data.draw(st.integers(1, background))
    start = data.draw(st.integers(0, background - 1))
    genes = [f"G{number}" for number in range(background)]
    chosen = [genes[(start + number) % background] for number in range(drawn)]
    row = pathways.enrich({"list": chosen}, {"set": genes[:size]}, genes, min_size=1).iloc[0]
    assert row["overlap"] == len(set(chosen) & set(genes[:size]))
    assert row["p"] == pytest.approx(exact_tail(row["overlap"], background, size, drawn), rel=1e-9, abs=1e-300)


def test_enrichment_corrects_over_the_stated_family():
    genes = [f"G{number}" for number in range(200)]
    sets = {f"S{number}": genes[number * 10 : number * 10 + 15] for number in range(10)}
    lists = {"ME1": genes[:12], "ME2": genes[100:130]}
    whole = pathways.enrich(lists, sets, genes, min_size=5)
    each = pathways.enrich(lists, sets, genes, min_size=5, family="list")
    assert set(whole["family"]) == {"all"}
    assert set(each["family"]) == {"ME1", "ME2"}
    assert (whole["q"].to_numpy() >= each["q"].to_numpy() - 1e-15).all()
    first = whole.iloc[0]
    assert (first["list"], first["pathway"], first["overlap"], first["fold"]) == (
        "ME1",
        "S0",
        12,
        pytest.approx(12 * 200 / (15 * 12)),
    )
    assert first["genes"].split() == sorted(genes[:12])


def test_a_list_outside_the_background_is_refused():
    with pytest.raises(ValueError, match="List 'ME1' holds no gene of the background: ENSG1"):
        pathways.enrich({"ME1": ["ENSG1"]}, {"S": ["A", "B"]}, ["A", "B"], min_size=1)


def test_preranked_scores_equal_fgsea(reference):
    ranks = pd.read_csv(reference / "fgsea" / "fgsea_ranks.csv", index_col=0)["t"]
    theirs = pd.read_csv(reference / "fgsea" / "fgsea_limma_t_trait.csv", index_col="pathway")
    sets = pathways.read_gmt(reference / "gsva" / "sets36.gmt")
    ours = pathways.preranked(ranks, sets, max_size=500, n_permutations=500).set_index("pathway").loc[theirs.index]
    assert (ours["size"] == theirs["size"]).all()
    np.testing.assert_allclose(ours["es"], theirs["ES"], atol=1e-12)
    np.testing.assert_allclose(ours["nes"], theirs["NES"], atol=0.05)
    assert ours["p"].min() >= 1 / 501
    assert (ours["q"] >= ours["p"] - 1e-15).all()
    top = ours["es"].idxmax()
    assert set(ours.loc[top, "leading_edge"].split()) <= set(sets[top])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"g4": np.inf, "g7": -np.inf}, r"infinite for 2 gene\(s\): g4, g7; .* leave them out"),
        (dict.fromkeys([f"g{i}" for i in range(30)], 0.0), "`statistic` is 0 for all 30 genes, which ranks none"),
    ],
)
def test_preranked_refuses_what_ranks_nothing(change, message):
    ranks = pd.Series(np.linspace(2, -2, 30), index=[f"g{i}" for i in range(30)])
    ranks[list(change)] = list(change.values())
    with pytest.raises(ValueError, match=message):
        pathways.preranked(ranks, {"S": ["g1", "g2", "g3"]}, min_size=1, n_permutations=10)


def test_a_pathway_of_all_ranked_genes_is_left_out_by_name(caplog):
    ranks = pd.Series(np.linspace(2, -2, 30), index=[f"g{i}" for i in range(30)])
    sets = {"everything": list(ranks.index), "top": [f"g{i}" for i in range(6)]}
    found = pathways.preranked(ranks, sets, min_size=1, n_permutations=50)
    assert found["pathway"].tolist() == ["top"]
    assert "1 pathway(s) hold all 30 ranked genes and are left out: everything" in caplog.text
    with pytest.raises(ValueError, match=r"Pathway\(s\) everything hold all 30 ranked genes"):
        pathways.preranked(ranks, {"everything": list(ranks.index)}, min_size=1)


def test_preranked_refuses_missing_statistics():
    with pytest.raises(ValueError, match="misses 1 gene"):
        pathways.preranked(pd.Series({"A": 1.0, "B": np.nan}), {"S": ["A"]}, min_size=1)


def test_redundant_pathways_cluster_under_the_first():
    sets = {"best": list("abcdef"), "copy": list("abcdeg"), "other": list("uvwxyz")}
    table = pathways.redundancy(sets, jaccard=0.5).set_index("pathway")
    assert table["cluster"].to_dict() == {"best": 1, "copy": 1, "other": 2}
    assert table.loc["copy", "representative"] == "best"
    assert table.loc["copy", "jaccard"] == pytest.approx(5 / 7)
    assert pathways.redundancy({"alone": ["a"]})["cluster"].tolist() == [1]
    with pytest.raises(ValueError, match="`jaccard` is 0"):
        pathways.redundancy(sets, jaccard=0.0)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from("ABCDE"), st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=1))
def test_overlap_is_symmetric_and_lies_in_0_to_1(sets):
    shared = pathways.overlap({name: sorted(genes) for name, genes in sets.items()}).to_numpy()
    np.testing.assert_array_equal(shared, shared.T)
    assert shared.min() >= 0
    assert shared.max() <= 1
    np.testing.assert_array_equal(np.diag(shared), 1.0)
