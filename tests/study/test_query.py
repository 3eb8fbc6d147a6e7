"""A finished study is asked about a pathway, a gene or a module: found by name, linked honestly, answered in one sentence."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w
from scipy import stats as scipy_stats

import radiogenomics as rg
from radiogenomics import linking, study
from radiogenomics._errors import FileError
from radiogenomics.stats import benjamini_hochberg
from radiogenomics.study.query.find import find
from radiogenomics.study.query.formatting import sentence
from radiogenomics.study.query.names import Names
from tests.helpers.command_line import call
from tests.helpers.table_study import run_for_tables, write_table_study

SMALL = {
    "signature": {"sizes": [3], "n_trees": 20, "n_repeats": 1, "n_splits": 3},
    "links": {"n_permutations": 100, "covariates": ["subtype"]},
    "gene_score": {"n_repeats": 1, "inner_repeats": 2, "min_kme": 0.8, "min_significance": 0.3},
}
NAMES = Names(
    pathways=[
        "KEGG_MAPK_SIGNALING_PATHWAY",
        "KEGG_CELL_CYCLE",
        "KEGG_APOPTOSIS",
        "HALLMARK_APOPTOSIS",
        "HALLMARK_P53_PATHWAY",
        "KEGG_P53_SIGNALING_PATHWAY",
        "HALLMARK_MYC_TARGETS_V1",
        "HALLMARK_MYC_TARGETS_V2",
        "KEGG_WNT_SIGNALING_PATHWAY",
    ],
    genes=["TP53", "MYC", "WNT", "C1orf112", "TAN"],
    modules=["ME1", "ME2", "ME3"],
    colors={"turquoise": "ME1", "blue": "ME2", "tan": "ME3"},
)
CLINIC = Names(
    pathways=["KEGG_ECM_RECEPTOR_INTERACTION", "KEGG_T_CELL_RECEPTOR_SIGNALING_PATHWAY", "KEGG_MAPK_SIGNALING_PATHWAY"],
    genes=["ERBB2", "CD274", "VEGFA", "KDR", "NOTCH1", "TNF", "HIF1A"],
    modules=["ME1"],
    colors={"turquoise": "ME1"},
    other_sets=[
        "HALLMARK_HYPOXIA", "HALLMARK_ESTROGEN_RESPONSE_EARLY", "HALLMARK_ESTROGEN_RESPONSE_LATE", "HALLMARK_INFLAMMATORY_RESPONSE",
        "HALLMARK_INTERFERON_GAMMA_RESPONSE", "HALLMARK_TNFA_SIGNALING_VIA_NFKB", "HALLMARK_EPITHELIAL_MESENCHYMAL_TRANSITION",
        "HALLMARK_HEME_METABOLISM", "KEGG_TGF_BETA_SIGNALING_PATHWAY", "HALLMARK_E2F_TARGETS",
    ],
    features={
        "Signal Enhancement Ratio (SER) (K7)": "mri", "Lesion volume (S1)": "mri", "Surface to Volume ratio (G3)": "mri",
        "original_glcm_Contrast": "radiomics",
    },
    aliases={"flk1": "KDR"},
    categories={"KEGG_T_CELL_RECEPTOR_SIGNALING_PATHWAY": "immune system"},
)  # fmt: skip
SMALL_SETS = {
    "HALLMARK_HYPOXIA": ["SIMG00001", "SIMG00004", "SIMG00050", "SIMG00051", "NOWHERE"],
    "HALLMARK_ESTROGEN_RESPONSE_EARLY": ["SIMG00002", "SIMG00003", "SIMG00060"],
    "HALLMARK_ESTROGEN_RESPONSE_LATE": ["SIMG00005", "SIMG00006", "SIMG00007"],
    "HALLMARK_SPERMATOGENESIS": ["SIMG00008", "NOBODY"],
}
"""Sets too small for the study to score: they are scored when they are asked for."""


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A finished small study."""
    folder = tmp_path_factory.mktemp("asked")
    manifest = write_table_study(folder / "inputs")
    raw = tomllib.loads(manifest.read_text())
    del raw["training"]["features"]["deep"]  # one signature answers as well, and sooner
    del raw["training"]["second_reader"], raw["signature"]["icc"], raw["fusion"], raw["survival"], raw["external"]
    lines = ["\t".join([name, "made up", *genes]) for name, genes in SMALL_SETS.items()]
    (manifest.parent / "hallmark.gmt").write_text("\n".join(lines))
    raw["gene_sets"]["sources"].append("hallmark")
    raw["sources"]["hallmark"] = {"file": "hallmark.gmt", "licence": "simulated", "citation": "simulated"}
    manifest.write_text(
        tomli_w.dumps({key: raw.get(key, {}) | SMALL[key] if key in SMALL else raw[key] for key in {*raw, *SMALL}})
    )
    return run_for_tables(manifest, folder / "out")


def table(done: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(done / "tables" / f"{name}.parquet")


@pytest.mark.parametrize(
    ("question", "kind", "name"),
    [
        ("MAPK signaling", "pathway", "KEGG_MAPK_SIGNALING_PATHWAY"),
        ("mapk_signalling pathway", "pathway", "KEGG_MAPK_SIGNALING_PATHWAY"),
        ("KEGG_MAPK_SIGNALING_PATHWAY", "pathway", "KEGG_MAPK_SIGNALING_PATHWAY"),
        ("Hallmark apoptosis", "pathway", "HALLMARK_APOPTOSIS"),
        ("cycle", "pathway", "KEGG_CELL_CYCLE"),
        ("tp53", "gene", "TP53"),
        ("c1ORF112", "gene", "C1orf112"),
        ("ME3", "module", "ME3"),
        ("module 3", "module", "ME3"),
        (" 3 ", "module", "ME3"),
        ("Blue", "module", "ME2"),
        ("blue module", "module", "ME2"),
        # A gene's whole symbol comes before a pathway that holds the word, a pathway's whole name and a module before a gene.
        ("MYC", "gene", "MYC"),
        ("WNT signaling", "pathway", "KEGG_WNT_SIGNALING_PATHWAY"),
        ("TAN", "module", "ME3"),
        ("gene:TAN", "gene", "TAN"),
        ("P53", "pathway", "HALLMARK_P53_PATHWAY"),
    ],
)
def test_a_name_is_found_by_the_stated_rule(question, kind, name):
    assert find(NAMES, question, Path("study"))[:2] == (kind, name)


def test_what_else_a_question_could_mean_is_named():
    assert find(NAMES, "MYC", Path("study"))[2] == ("HALLMARK_MYC_TARGETS_V1", "HALLMARK_MYC_TARGETS_V2")
    assert find(NAMES, "P53", Path("study"))[2] == ("KEGG_P53_SIGNALING_PATHWAY", "TP53")
    assert find(NAMES, "TAN", Path("study"))[2] == ("TAN",)
    assert find(NAMES, "MAPK signaling", Path("study"))[2] == ()


@pytest.mark.parametrize(
    ("question", "first"), [("MAPK signling", "KEGG_MAPK_SIGNALING_PATHWAY"), ("gene: TP54", "TP53"), ("module 9", "ME1")]
)
def test_an_unknown_name_gives_the_five_nearest(question, first):
    with pytest.raises(study.UnknownNameError, match="not a pathway, gene, module") as caught:
        find(NAMES, question, Path("study"))
    assert caught.value.nearest[0] == first
    assert len(caught.value.nearest) == 5
    assert all(name in str(caught.value) for name in caught.value.nearest)


@pytest.mark.parametrize(
    ("question", "kind", "members"),
    [
        ("hypoxia", "pathway", ["HALLMARK_HYPOXIA"]),
        ("Oestrogen", "category", ["HALLMARK_ESTROGEN_RESPONSE_EARLY", "HALLMARK_ESTROGEN_RESPONSE_LATE"]),
        ("estrogen response", "category", ["HALLMARK_ESTROGEN_RESPONSE_EARLY", "HALLMARK_ESTROGEN_RESPONSE_LATE"]),
        ("MAPK signalling", "pathway", ["KEGG_MAPK_SIGNALING_PATHWAY"]),
        ("haem metabolism", "pathway", ["HALLMARK_HEME_METABOLISM"]),
        ("TGF-β", "pathway", ["KEGG_TGF_BETA_SIGNALING_PATHWAY"]),
        ("NF-κB", "pathway", ["HALLMARK_TNFA_SIGNALING_VIA_NFKB"]),
        ("EMT", "pathway", ["HALLMARK_EPITHELIAL_MESENCHYMAL_TRANSITION"]),
        ("proliferation", "pathway", ["HALLMARK_E2F_TARGETS"]),
        ("What about the HER2 gene?", "gene", ["ERBB2"]),
        ("HER2/ERBB2", "gene", ["ERBB2"]),
        ("PD-L1", "gene", ["CD274"]),
        ("FLK1", "gene", ["KDR"]),
        ("CD274, VEGFA; her2", "list", ["CD274", "VEGFA", "ERBB2"]),
        ("VEGFA KDR", "list", ["VEGFA", "KDR"]),
        ("SER", "feature", ["Signal Enhancement Ratio (SER) (K7)"]),
        ("k7", "feature", ["Signal Enhancement Ratio (SER) (K7)"]),
        ("tumour volume", "feature", ["Lesion volume (S1)"]),
        ("tumour size", "feature", ["Lesion volume (S1)"]),
        ("cell cycle", "pathway", ["HALLMARK_E2F_TARGETS"]),
        (
            "inflammation of the breast tumours",
            "category",
            ["HALLMARK_INFLAMMATORY_RESPONSE", "HALLMARK_TNFA_SIGNALING_VIA_NFKB"],
        ),
        ("HER2 positive", "gene", ["ERBB2"]),
        ("volume", "feature", ["Lesion volume (S1)", "Surface to Volume ratio (G3)"]),
        ("glcm contrast", "feature", ["original_glcm_Contrast"]),
    ],
)
def test_a_question_in_the_words_of_a_clinician_finds_what_is_meant(question, kind, members):
    meant = find(CLINIC, question, Path("study"))
    assert (meant.kind, list(meant.members)) == (kind, members)


def test_a_category_holds_its_sets_of_every_source_and_those_that_the_study_calls_so():
    immune = find(CLINIC, "the immune response", Path("study"))
    assert immune.kind == "category"
    expected = {"HALLMARK_INFLAMMATORY_RESPONSE", "HALLMARK_INTERFERON_GAMMA_RESPONSE", "KEGG_T_CELL_RECEPTOR_SIGNALING_PATHWAY"}
    assert set(immune.members) == expected


def test_genes_that_are_not_measured_are_said_and_never_replaced():
    assert find(CLINIC, "CA9, VEGFA, SLC2A1", Path("study"))[1:] == ("VEGFA", (), ("VEGFA",), ("CA9", "SLC2A1"))
    assert find(CLINIC, "VEGFA SLC2A1 KDR", Path("study"))[3:] == (("VEGFA", "KDR"), ("SLC2A1",))
    with pytest.raises(study.UnknownNameError, match="None of MKI67, CA9 is among the 7 genes"):
        find(CLINIC, "MKI67 CA9", Path("study"))
    with pytest.raises(study.UnknownNameError, match="'VEGFA TRIAL' is not a"):
        find(CLINIC, "VEGFA TRIAL", Path("study"))
    with pytest.raises(study.UnknownNameError, match="'ER negative' is the gene ESR1, which is not among"):
        find(CLINIC, "ER negative", Path("study"))
    assert find(CLINIC, "oestrogen receptor", Path("study")).missing == ("ESR1",)
    with pytest.raises(study.UnknownNameError, match="'ER' is the gene ESR1, which is not among the 7 genes") as caught:
        find(CLINIC, "ER", Path("study"))
    assert caught.value.nearest[:2] == ("HALLMARK_ESTROGEN_RESPONSE_EARLY", "HALLMARK_ESTROGEN_RESPONSE_LATE")
    with pytest.raises(study.UnknownNameError, match="None of CA9, MKI67 is among") as caught:
        find(CLINIC, "CA9, MKI67", Path("study"))
    with pytest.raises(study.UnknownNameError, match="is the gene MKI67") as caught:
        find(CLINIC, "Ki-67", Path("study"))
    assert caught.value.nearest[0] == "HALLMARK_E2F_TARGETS"


@pytest.mark.parametrize("question", ["signaling", "signalling pathway", "response"])
def test_a_word_that_many_sets_have_names_none_of_them(question):
    with pytest.raises(study.UnknownNameError, match=r"could mean \d+ things of the study .* name one of them whole"):
        find(CLINIC, question, Path("study"))


@pytest.mark.parametrize("question", ["", "  ", "pathway", "???", "gene:"])
def test_a_question_without_a_name_is_no_match_for_everything(question):
    with pytest.raises(study.UnknownNameError):
        find(NAMES, question, Path("study"))


def test_a_pathway_is_answered_from_out_of_fold_scores_and_every_clinical_column(done):
    answer = rg.query(done, "planted module 1 a")
    assert (answer.kind, answer.name, answer.size) == ("pathway", "PLANTED_MODULE_1_A", 30)
    assert list(answer.links.columns) == [*linking.LINK_COLUMNS, "measure"]
    assert set(answer.links["estimate"]) == {"nested", "measured"}
    features = ["radiomics", "age_years", "lymph node status: node-positive"]
    assert answer.links["feature"].tolist() == [*features, *(f"subtype: {name}" for name in ("Basal", "Her2", "LumA", "LumB"))]
    links = table(done, "links").query("target == 'PLANTED_MODULE_1_A' and estimate == 'nested'").iloc[0]
    first = answer.links.iloc[0]
    assert first[linking.LINK_COLUMNS].tolist() == links[linking.LINK_COLUMNS].tolist()
    assert first["family"] == "signature x pathways"


def test_the_numbers_of_an_answer_are_those_of_scipy(done):
    answer = rg.query(done, "planted module 2 b")
    rows, patients = answer.links.set_index("feature"), table(done, "patients").query("cohort == 'training' and included")
    values = table(done, "pathways").loc[patients.index, answer.name]
    nested = table(done, "signatures").query("estimate == 'nested'").set_index("patient")["score"].loc[patients.index]
    for name, other in (("radiomics", nested), ("age_years", patients["age_years"])):
        expected = scipy_stats.pearsonr(other, values)
        interval = expected.confidence_interval()
        found = rows.loc[name, ["effect", "effect_low", "effect_high", "p"]].to_numpy(dtype=float)
        np.testing.assert_allclose(found, [expected.statistic, *interval, expected.pvalue], rtol=1e-9)
    for name, high in (
        ("subtype: LumB", patients["subtype"] == "LumB"),
        ("lymph node status: node-positive", patients["outcome"] == 1),
    ):
        expected = scipy_stats.mannwhitneyu(values[high], values[~high], method="asymptotic")
        effect = 2 * expected.statistic / (high.sum() * (~high).sum()) - 1
        np.testing.assert_allclose(rows.loc[name, ["effect", "p"]].to_numpy(dtype=float), [effect, expected.pvalue], rtol=1e-9)
        assert rows.loc[name, "measure"] == "rank-biserial r"


def test_q_of_clinical_links_holds_over_the_family_that_is_named(done):
    links = table(done, "clinical_links")
    kinds = ("numbers x modules", "groups x modules", "numbers x pathways", "groups x pathways")
    assert set(links["family"]) == {f"clinical {kind}" for kind in kinds}
    for _, part in links.groupby("family"):
        np.testing.assert_allclose(part["q"], benjamini_hochberg(part["p"].to_numpy()))
        assert (part["p_max_t"] >= part["p_permutation"]).all()


def test_a_gene_is_corrected_over_its_own_questions_and_over_all_genes(done):
    answer = rg.query(done, "simg00004")
    everywhere = table(done, "gene_links")
    assert (answer.kind, answer.name, answer.size) == ("gene", "SIMG00004", 1)
    groups = answer.links[answer.links["family"] == "clinical groups x SIMG00004"]
    np.testing.assert_allclose(groups["q"], benjamini_hochberg(groups["p"].to_numpy()))
    family = everywhere[everywhere["family"] == "clinical groups x genes"]
    everywhere_q = pd.Series(benjamini_hochberg(family["p"].to_numpy()), index=family.index)[family["target"] == "SIMG00004"]
    np.testing.assert_allclose(groups["q_all_genes"], everywhere_q)
    assert (answer.links["p_max_t"] >= answer.links["p_permutation"]).all()
    label = table(done, "modules").loc["SIMG00004", "module"]
    assert {f"ME{label}", "PLANTED_MODULE_1_A"} <= set(answer.related["target"])
    assert set(answer.grid["target"]) <= {"SIMG00004", *answer.related["target"]}


def test_the_member_genes_have_links_of_their_own(done):
    answer = rg.query(done, "ME2")
    members = table(done, "modules").query("module == 2").index
    assert answer.size == len(members) == len(answer.related)
    assert set(answer.related["target"]) == set(members)
    assert set(answer.related["family"]) == {"signature x genes"}
    assert answer.related["p"].is_monotonic_increasing
    scores, matrix = answer.patients["radiomics"], table(done, "expression_linked")
    for row in answer.related.head(3).to_dict("records"):
        assert row["effect"] == pytest.approx(np.corrcoef(scores, matrix.loc[scores.index, row["target"]])[0, 1])


def test_every_answer_holds_the_links_of_the_imaging_features(done):
    scored, gene = rg.query(done, "planted module 1 a"), rg.query(done, "SIMG00004")
    stored = table(done, "links").query("target == 'PLANTED_MODULE_1_A' and estimate == 'measured'").sort_values("p")
    pd.testing.assert_frame_equal(scored.features[linking.LINK_COLUMNS], stored.reset_index(drop=True), check_dtype=False)
    assert f"of {len(stored)} links with {len(stored)} radiomics features" in scored.sentence
    assert gene.features["feature"].nunique() == len(gene.features) == len(stored)
    best = gene.features.iloc[0]
    who = table(done, "patients").query("cohort == 'training' and included").index
    measured, expression = table(done, "features_radiomics").loc[who], table(done, "expression_linked").loc[who]
    assert best["effect"] == pytest.approx(np.corrcoef(measured[best["feature"]], expression["SIMG00004"])[0, 1])
    np.testing.assert_allclose(gene.features["q"], benjamini_hochberg(gene.features["p"].to_numpy()))


@pytest.mark.parametrize(
    ("question", "kind", "genes"),
    [
        ("hypoxia", "pathway", SMALL_SETS["HALLMARK_HYPOXIA"][:4]),
        ("SIMG00001, SIMG00050, SIMG00077", "list", ["SIMG00001", "SIMG00050", "SIMG00077"]),
    ],
)
def test_what_the_study_has_not_scored_is_scored_when_it_is_asked_for_and_said_so(done, question, kind, genes):
    answer = rg.query(done, question)
    assert (answer.kind, answer.size) == (kind, len(genes))
    who = answer.patients.index
    expected = rg.pathways.score(table(done, "expression_linked").loc[who], {"asked": genes}, min_size=1)["asked"]
    np.testing.assert_allclose(answer.patients[answer.name], expected)
    nested = answer.links[answer.links["estimate"] == "nested"].iloc[0]
    assert nested["effect"] == pytest.approx(np.corrcoef(answer.patients["radiomics"], expected)[0, 1])
    assert nested["family"] == f"signature x {answer.name}"
    assert "cored for this question by gsva among the" in answer.sentence
    assert "q holds over this question alone" in answer.sentence
    assert set(answer.related["target"]) == set(genes)


def test_a_category_is_answered_set_by_set(done):
    answer = rg.query(done, "oestrogen")
    assert answer.kind == "category"
    assert set(answer.grid["target"]) == {"HALLMARK_ESTROGEN_RESPONSE_EARLY", "HALLMARK_ESTROGEN_RESPONSE_LATE"}
    assert "sets" in answer.sentence
    assert {name for name, _, _ in answer.panels()} == {"scatter", "heatmap", "forest"}
    assert "HALLMARK_ESTROGEN_RESPONSE_LATE" in answer.table()


def test_a_set_with_one_measured_gene_is_no_set(done):
    with pytest.raises(ValueError, match=r"HALLMARK_SPERMATOGENESIS cannot be scored: .* one of its genes \(SIMG00008\)"):
        rg.query(done, "spermatogenesis")


def test_an_imaging_feature_is_asked_for_by_its_name(done):
    name = table(done, "features_radiomics").columns[0]
    answer = rg.query(done, f"feature: {name}")
    stored = table(done, "links").query("feature == @name and estimate == 'measured'")
    assert answer.kind == "feature"
    assert set(answer.links["target"]) == set(stored["target"])
    assert len(answer.related) == 50
    assert set(answer.features["feature"]) == {name}
    assert f"The imaging feature {name} against".removeprefix("T") in answer.sentence
    assert {kind for kind, _, _ in answer.panels()} == {"scatter", "heatmap", "forest"}


def test_a_link_that_ranks_do_not_show_is_said():
    facts = one_link() | {"features": one_link(feature="f1", p_spearman=0.4, q=0.03, estimate="measured", imaging="mri")["links"]}
    assert "Spearman p = 0.40: driven by a few outliers" in sentence(facts, NULL, simulated=False, alpha=0.05)


def test_pathways_planted_with_a_link_are_linked_and_others_are_not(done):
    planted, alone = rg.query(done, "planted module 1 a"), rg.query(done, "planted module 3 a")
    assert planted.links["q"].iloc[0] < 0.05
    assert "association that survives correction, not a cause" in planted.sentence
    assert "expected by chance" in planted.sentence
    assert "no link is shown" in alone.sentence
    assert planted.sentence.startswith("Simulated data: ")
    assert planted.simulated


NULL = pd.DataFrame(
    {"family": "f", "null": ["permuted patients", "random features"], "found": 4, "mean": [3.0, 2.5], "p_holm": [0.3, 0.3]}
)


def one_link(**changes) -> dict[str, object]:
    row = {
        "feature": "mri", "target": "X", "family": "f", "effect": 0.4, "effect_low": 0.1, "effect_high": 0.6, "n": 50, "p": 0.001,
        "q": 0.01, "p_permutation": 0.002, "p_max_t": 0.02, "estimate": "nested", "measure": "Pearson r",
    }  # fmt: skip
    return {"kind": "pathway", "name": "X", "size": 20, "links": pd.DataFrame([row | changes])}


@pytest.mark.parametrize(
    ("changes", "null_p", "said"),
    [
        ({"q": 0.2}, [0.01, 0.01], "no link is shown"),
        ({}, [0.3, 0.01], "no more than expected by chance, since 4 links of its family have q < 0.05; expected by chance: 3"),
        ({}, [0.01, 0.01], "an association that survives correction, not a cause"),
        ({"q_all_genes": 0.4}, [0.01, 0.01], "significant only if this gene is tested alone"),
        ({"q": np.nan}, [0.01, 0.01], "no link is shown"),
    ],
)
def test_the_sentence_claims_no_more_than_q_and_the_null_allow(changes, null_p, said):
    text = sentence(one_link(**changes), NULL.assign(p_holm=null_p), simulated=False, alpha=0.05)
    assert said in text
    assert "95 % interval 0.10 to 0.60" in text
    assert "permutation p = 0.002" in text
    assert "imulated" not in text
    assert ("survives correction, not a cause" in text) == (said == "an association that survives correction, not a cause")


def test_the_command_writes_tables_and_figures_and_prints_the_sentence(done):
    out = call("query", done, "module 1")
    assert out.returncode == 0, out.stderr
    place = done / "queries" / "ME1"
    names = {"answer.txt", *(f"{name}.{kind}" for name in ("links", "related") for kind in ("csv", "parquet"))}
    names |= {f"features.{kind}" for kind in ("csv", "parquet")}
    names |= {f"{name}.{kind}" for name in ("scatter", "heatmap", "forest") for kind in ("svg", "png", "csv")}
    assert {path.name for path in place.iterdir()} == names
    assert (place / "answer.txt").read_text().strip() in out.stdout
    assert "Simulated data" in out.stdout
    assert "p_max_t" in out.stdout
    assert len(pd.read_csv(place / "links.csv")) == 7
    assert len(pd.read_csv(place / "scatter.csv")) == len(table(done, "expression_linked"))


@pytest.mark.parametrize(
    ("question", "said"), [("plantd modul 3", "The nearest are PLANTED_MODULE_3_A, PLANTED_MODULE_3_B"), ("", "The nearest are")]
)
def test_the_command_gives_the_nearest_and_exit_code_2(done, question, said):
    out = call("query", done, question)
    assert out.returncode == 2
    assert said in out.stderr
    assert out.stderr.partition("nearest are ")[2].count(",") == 4
    assert "Traceback" not in out.stderr


def test_a_folder_without_a_finished_study_is_said_so(tmp_path, done):
    out = call("query", tmp_path / "nothing", "ME1")
    assert out.returncode == 2
    assert "holds no finished study" in out.stderr
    copy = shutil.copytree(done, tmp_path / "copy")
    (copy / "tables" / "gene_links.parquet").unlink()
    with pytest.raises(FileError, match=r"gene_links\.parquet is missing"):
        rg.query(copy, "ME1")
    assert not (tmp_path / "nothing").exists()


def test_an_answer_goes_into_a_folder_and_over_no_file(done, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in ("file", "file/inside"):
        out = call("query", done, "ME1", "--out", tmp_path / place)
        assert out.returncode == 2
        assert f"the answer's folder is {tmp_path / place}, but {tmp_path / 'file'} is a file; give a folder." in out.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_an_answer_loads_nothing_that_takes_a_second(done):
    code = (
        "import sys; from radiogenomics import study; answer = study.query(sys.argv[1], 'ME1'); list(answer.panels());"
        "heavy = {'scipy', 'sklearn', 'seaborn', 'numba', 'statsmodels', 'pydantic', 'scanpy', 'IPython'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code, done], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_adjusted_links_say_what_they_are_adjusted_for(done):
    links = table(done, "adjusted_links")
    families = {f"signature x {kind}, {how}" for kind in ("modules", "pathways") for how in ("adjusted", "high against low")}
    given = {f"radiomics features x {kind}, adjusted" for kind in ("modules", "pathways")}
    assert set(links["family"]) == families | given
    adjusted = links[links["family"] == "signature x modules, adjusted"]
    assert set(adjusted["adjustment"]) == {"volume_mm3, subtype"}
    score = table(done, "signatures").query("estimate == 'nested'").set_index("patient")[["score"]]
    patients = table(done, "patients").loc[score.index]
    design = pd.get_dummies(patients["subtype"], drop_first=True, dtype=float).assign(
        one=1.0, volume=table(done, "features_radiomics").loc[score.index, "volume_mm3"]
    )
    both = score.assign(ME1=table(done, "eigengenes").loc[score.index, "ME1"]).to_numpy()
    rest = both - design.to_numpy() @ np.linalg.lstsq(design.to_numpy(), both, rcond=None)[0]
    assert adjusted.set_index("target").loc["ME1", "effect"] == pytest.approx(np.corrcoef(rest.T)[0, 1])


def test_everything_is_scored_where_no_list_is_given(done):
    sets = table(done, "gene_sets")
    assert set(sets.loc[~sets["kept"], "pathway"]) == set(SMALL_SETS)
    assert set(table(done, "other_set_genes")["pathway"]) == set(SMALL_SETS)
    sets = sets[sets["kept"]]
    assert list(sets["pathway"]) == list(table(done, "pathways").columns)
    assert (sets["measured"] == table(done, "pathway_genes").groupby("pathway").size().loc[sets["pathway"]].to_numpy()).all()


def test_enrichment_finds_the_planted_sets_in_their_modules(done):
    found = table(done, "enrichment").query("q < 0.05")
    assert set(found["family"]) == {"modules x gene sets"}
    assert (found["background"] == len(table(done, "modules"))).all()
    assert found.groupby("pathway")["list"].nunique().filter(like="PLANTED").eq(1).all()
    assert not found["pathway"].str.startswith("RANDOM").any()
    assert len(found) == 12


def test_the_panel_answers_and_offers_the_nearest(done):
    pytest.importorskip("ipywidgets", reason="ipywidgets is not installed")
    panel = study.query_panel(done)
    (box, _), says, nearest, pictures, tables = panel.children[0].children, *panel.children[1:]
    assert {"PLANTED_MODULE_1_A", "HALLMARK_HYPOXIA", "SIMG00001", "ME1"} <= set(box.options)
    box.value = "<b>hello"
    assert "&lt;b&gt;hello" in says.value
    assert len(nearest.children) == 5
    assert len(tables.children) == 0
    first = nearest.children[0]
    first.click()
    assert box.value == first.description
    assert nearest.children == ()
    assert says.value.count("Simulated data") == 1
    assert [picture.value[:4] for picture in pictures.children] == [b"\x89PNG"] * 3
    assert "p (max-T)" in tables.children[0].value


@pytest.mark.slow
def test_the_page_under_voila_answers_in_a_browser_without_the_network(done, tmp_path):
    voila, chromium = Path(sys.executable).with_name("voila"), shutil.which("chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not voila.exists() or chromium is None:
        pytest.skip("voila is not installed" if chromium else "no chromium on the path")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(voila), "pathway_query.ipynb", f"--port={port}", "--no-browser", "--Voila.ip=127.0.0.1"]
    with (tmp_path / "voila.log").open("w") as log:
        environment = os.environ | {"RADIOGENOMICS_STUDY": str(done)}
        folder = Path(__file__).parents[2] / "notebooks"
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            ask_in_browser(browser.new_page(), f"http://127.0.0.1:{port}")
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=30)
    text = (tmp_path / "voila.log").read_text()
    assert "Traceback" not in text
    assert "Error" not in text


def ask_in_browser(page, address: str) -> None:
    """Ask for a pathway, then for what does not exist, and watch what the page loads."""
    outside, broken = {}, []
    page.on("requestfailed", lambda request: outside.update({request.url: request.failure}))
    page.on("response", lambda response: outside.update({response.url: "answered"}))
    page.on("pageerror", lambda error: broken.append(str(error)))
    arrive(page, address)
    field = page.locator("input[placeholder]")
    field.wait_for(timeout=120_000)
    field.fill("planted module 1 a")
    field.press("Enter")
    page.locator("table.links").first.wait_for(timeout=60_000)
    assert page.get_by_text("the pathway PLANTED_MODULE_1_A (30 measured genes)").count() == 1
    page.wait_for_function("Array.from(document.images).filter(image => image.naturalWidth > 300).length === 3", timeout=60_000)
    assert page.locator("table.links").first.locator("tbody tr").count() == 7
    field.fill("plantd modul 3")
    field.press("Enter")
    page.get_by_text("The nearest names are").wait_for(timeout=60_000)
    page.locator("button", has_text="PLANTED_MODULE").nth(4).wait_for(
        timeout=60_000
    )  # the sentence comes first, the buttons after
    assert page.locator("button", has_text="PLANTED_MODULE").count() == 5
    page.locator("button", has_text="PLANTED_MODULE_3_A").click()
    page.get_by_text("the pathway PLANTED_MODULE_3_A").wait_for(timeout=60_000)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert broken == []
    # The page's policy lets it load from its own server alone: what its template asks of elsewhere is never sent.
    elsewhere = {url: why for url, why in outside.items() if not url.startswith((address, "data:", "blob:"))}
    assert set(elsewhere.values()) <= {"csp"}


def arrive(page, address: str) -> None:
    """Open the page as soon as the server listens."""
    import time

    for _ in range(120):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0:
                break
        time.sleep(0.5)
    page.goto(address, timeout=120_000)


def test_the_study_says_what_it_was_asked_from(done):
    record = json.loads((done / "provenance.json").read_text())["steps"]
    assert {"clinical_links", "gene_links", "adjusted_links", "enrichment", "baseline"} <= set(record)
