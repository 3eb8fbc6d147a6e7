"""The gene sets of a study: which are scored and linked, what became of the others, and where they come from."""

import http.server
import json
import re
import threading
import tomllib

import pytest
import tomli_w

from radiogenomics import pathways, study
from radiogenomics.study.inputs.gene_sets import study_sets
from radiogenomics.study.manifest.model import ManifestError
from tests.helpers.table_study import write_table_study

GENES = [f"SIMG{number:05d}" for number in range(1, 1201)]
KEGG = {
    "KEGG_CELL_CYCLE": GENES[:30],
    "KEGG_APOPTOSIS": [*GENES[20:45], "NOT_MEASURED"],
    "KEGG_NOTCH_SIGNALING_PATHWAY": [*GENES[50:54], *(f"ELSEWHERE{number}" for number in range(40))],
    "KEGG_RIBOSOME": GENES[60:90],
}


def gmt(sets):
    return "".join("\t".join([name, "simulated", *genes]) + "\n" for name, genes in sets.items())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The inputs of a simulated study, with four sets named as KEGG names them."""
    manifest = write_table_study(tmp_path_factory.mktemp("sets"))
    (manifest.parent / "kegg.gmt").write_text(gmt(KEGG), encoding="utf-8")
    (manifest.parent / "hallmark.gmt").write_text(gmt({"HALLMARK_APOPTOSIS": GENES[:40]}), encoding="utf-8")
    return manifest


@pytest.fixture
def change(made):
    """Write a manifest with other gene sets."""

    def apply(name="changed", more=None, **section):
        raw = tomllib.loads(made.read_text())
        own = {"licence": "simulated", "citation": "simulated"}
        raw["sources"] |= {source: {"file": f"{source}.gmt", **own} for source in ("kegg", "hallmark")}
        raw["sources"] |= {source: own | facts for source, facts in (more or {}).items()}
        raw["gene_sets"] |= section
        path = made.parent / f"{name}.toml"
        path.write_text(tomli_w.dumps(raw))
        return path

    return apply


def sets_of(path):
    inputs = study.gather(path)
    return study_sets(inputs, inputs.expression.columns)


def test_our_36_are_scored_alone_and_what_became_of_each_is_told(change):
    found = sets_of(change(sources=["hallmark", "gene_sets", "kegg"], scored="tumour_related"))
    assert found.scored == {"KEGG_CELL_CYCLE": GENES[:30], "KEGG_APOPTOSIS": GENES[20:45]}
    table = found.table.set_index("pathway")
    assert list(found.table["pathway"][:3]) == ["KEGG_CELL_CYCLE", "KEGG_APOPTOSIS", "p53 signaling pathway"]
    assert table["category"].notna().sum() == 36
    assert (table["reason"] == "absent from the sources").sum() == 33
    row = table.loc["KEGG_NOTCH_SIGNALING_PATHWAY"]
    assert row.to_dict() == {
        "source": "kegg",
        "category": "signal transduction",
        "size": 44,
        "measured": 4,
        "kept": False,
        "reason": "fewer than 10 measured genes",
    }
    assert set(table.loc[["KEGG_RIBOSOME", "HALLMARK_APOPTOSIS"], "reason"]) == {"not among gene_sets.scored"}
    assert len(found.every) == 5 + 20
    assert found.lines()[0] == "gene sets: 2 of 36 are scored; the sources have 25"
    assert "gene sets: 41 of their " in found.lines()[-1]


def test_sets_are_named_singly_or_by_their_source(change):
    found = sets_of(change(sources=["hallmark", "kegg"], scored=["hallmark", "Ribosome", "kegg apoptosis"]))
    assert list(found.scored) == ["HALLMARK_APOPTOSIS", "KEGG_RIBOSOME", "KEGG_APOPTOSIS"]
    everything = sets_of(change(sources=["hallmark", "kegg"]))
    assert list(everything.scored) == ["HALLMARK_APOPTOSIS", "KEGG_CELL_CYCLE", "KEGG_APOPTOSIS", "KEGG_RIBOSOME"]
    assert "not among gene_sets.scored" not in set(everything.table["reason"])


def test_a_name_that_two_sources_have_tells_its_source(change, made):
    (made.parent / "again.gmt").write_text(gmt({"KEGG_RIBOSOME": GENES[:12]}), encoding="utf-8")
    found = sets_of(change(more={"again": {"file": "again.gmt"}}, sources=["kegg", "again"], scored=["again"]))
    assert found.scored == {"KEGG_RIBOSOME (again)": GENES[:12]}
    assert found.every["KEGG_RIBOSOME (kegg)"] == GENES[60:90]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"scored": ["Ribosom biogenesis", "kegg"]},
            "'Ribosom biogenesis' is neither a gene set nor a source; the nearest are KEGG_RIBOSOME, ",
        ),
        ({"scored": "tumor_related"}, "'tumor_related' is neither a gene set nor a source; the nearest are tumour_related"),
        ({"scored": ["apoptosis"]}, "'apoptosis' can be HALLMARK_APOPTOSIS, KEGG_APOPTOSIS; write one of them whole"),
        ({"scored": ["KEGG_NOTCH_SIGNALING_PATHWAY"]}, "None of 1 gene sets has 10 to 500 measured genes, the largest has 4"),
        (
            {"sources": ["hallmark"], "scored": "tumour_related"},
            "none of our 36 KEGG pathways is in the sources; add a source with KEGG's sets",
        ),
        ({"scored": []}, "gene_sets.scored = []: give 1 or more entries"),
        ({"aliases": "nowhere"}, "gene_sets.aliases = 'nowhere': no source has this name; [sources] has "),
        (
            {"aliases": "hallmark"},
            "hallmark.gmt: cannot be read as a table (it has a heading and no row); give a table with rows",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused(change, section, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        sets_of(change(**{"sources": ["hallmark", "kegg"]} | section))


def test_the_check_says_which_key_is_wrong_and_each_fault_once(change):
    with pytest.raises(ManifestError) as caught:
        study.check(change(sources=["kegg"], scored=["ribosom", "cell cycel"], min_size=11))
    assert len(caught.value.problems) == 1
    text = str(caught.value.problems[0])
    assert (
        "gene_sets.scored = 'ribosom, cell cycel': 'ribosom' is neither a gene set nor a source; the nearest are KEGG_RIBOSOME"
        in text
    )
    assert "'cell cycel' is neither a gene set nor a source; the nearest are KEGG_CELL_CYCLE" in text


def test_symbols_are_brought_up_to_date_and_the_lost_listed(change, made):
    (made.parent / "hgnc.tsv").write_text(
        "symbol\tprev_symbol\talias_symbol\nSIMG00099\tNOT_MEASURED\t\nELSEWHERE0\t\t\n", encoding="utf-8"
    )
    more = {"hgnc": {"file": "hgnc.tsv"}}
    found = sets_of(change(more=more, sources=["kegg"], aliases="hgnc"))
    assert found.scored["KEGG_APOPTOSIS"] == [*GENES[20:45], "SIMG00099"]
    assert found.table.set_index("pathway")["measured"]["KEGG_APOPTOSIS"] == 26
    assert found.symbols.dropna().to_dict("records") == [{"gene": "NOT_MEASURED", "symbol": "SIMG00099", "n_sets": 1}]
    assert len(found.symbols) == 41
    assert found.lines()[-1] == "gene sets: 40 of their 120 symbols are not in the expression table; 1 were renamed"


class Enrichr(http.server.BaseHTTPRequestHandler):
    """Answers as Enrichr does: its libraries, and one of them, with a weight behind a gene and an empty set."""

    def do_GET(self):
        if self.path == "/Enrichr/datasetStatistics":
            body = json.dumps({"statistics": [{"libraryName": "KEGG_2021_Human"}]})
        else:
            assert self.path == "/Enrichr/geneSetLibrary?mode=text&libraryName=KEGG_2021_Human"
            body = "Cell cycle\t\tSIMG00001,1.0\t" + "\t".join(GENES[1:20]) + "\nEmpty\t\t\nApoptosis\t\t" + "\t".join(GENES[:15])
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def enrichr(tmp_path, monkeypatch):
    """Enrichr on loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Enrichr)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    monkeypatch.setenv("RADIOGENOMICS_ENRICHR_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("enrichr")
def test_a_library_of_enrichr_is_fetched_kept_and_locked(change, tmp_path):
    more = {"enrichr": {"file": "KEGG_2021_Human.gmt", "library": "kegg"}}
    path = change(more=more, name="fetched", sources=["enrichr"], scored="tumour_related")
    assert sets_of(path).scored == {"Cell cycle": GENES[:20], "Apoptosis": GENES[:15]}
    kept = next((tmp_path / "cache").glob("*/KEGG_2021_Human.gmt"))
    assert list(pathways.read_gmt(kept)) == ["Cell cycle", "Apoptosis"]
    lock = json.loads((path.parent / "fetched.toml.lock").read_text())
    assert len(lock["enrichr"]) == 64
    kept.write_text("Cell cycle\t\tSIMG00001\n", encoding="utf-8")
    with pytest.raises(ManifestError, match="the manifest or lock file says"):
        study.gather(path)


@pytest.mark.usefixtures("enrichr")
def test_a_library_that_enrichr_has_not_is_refused_with_the_nearest(change):
    more = {"enrichr": {"file": "x.gmt", "library": "KEGG_2031_Human"}}
    with pytest.raises(ManifestError, match="no library 'KEGG_2031_Human' for human; the nearest are KEGG_2021_Human"):
        study.gather(change(more=more, sources=["enrichr"]))
    more["enrichr"]["url"] = "https://example.org/x.gmt"
    with pytest.raises(ManifestError, match="both a url and a library of Enrichr; keep the one it comes from"):
        study.read_manifest(change(more=more, sources=["enrichr"]))
