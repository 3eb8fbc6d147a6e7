"""The real cohort: 88 TCGA-BRCA patients, published and honest side by side, and nothing where nothing can be."""

import os
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w

from radiogenomics import study
from tests.helpers.table_study import run_for_tables

pytestmark = [pytest.mark.real, pytest.mark.slow]

MANIFEST = Path(__file__).parents[2] / "data_manifests" / "tcga-brca-uchicago.toml"
FEW = {"n_repeats": 4, "n_bootstraps": 5, "n_permutations": 10}
QUICK = {"n_trees": 50, "n_repeats": 2, "n_bootstraps": 0, "n_permutations": 0}


def write(raw: dict[str, object], folder: Path) -> Path:
    folder.mkdir(parents=True)
    path = folder / MANIFEST.name
    path.write_text(tomli_w.dumps(raw))
    return path


def quick(folder: Path) -> Path:
    """Copy the real manifest with fewer trees and repeats, and without the fusion, which takes the longest."""
    raw = tomllib.loads(MANIFEST.read_text())
    del raw["fusion"]
    raw["signature"] |= QUICK
    raw["gene_score"] = {"n_repeats": 1}
    raw["links"] |= {"n_permutations": 200}
    return write(raw, folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory, real):
    """The whole study: that of RADIOGENOMICS_REAL_STUDY, finished already, or one with fewer repeats and permutations."""
    if "RADIOGENOMICS_REAL_STUDY" in os.environ:
        return Path(os.environ["RADIOGENOMICS_REAL_STUDY"])
    folder, raw = tmp_path_factory.mktemp("real"), tomllib.loads(MANIFEST.read_text())
    raw["signature"] |= FEW
    manifest = write(raw, folder / "inputs")
    return study.run(manifest, out=folder / "out", mirror=real / "tcga_brca", n_jobs=2).parent


def test_the_counts_are_88_87_and_42(done):
    flow = pd.read_csv(done / "tables" / "inclusion.csv")
    assert flow["n"].tolist() == [91, 88, 87]
    evaluation = pd.read_csv(done / "tables" / "evaluation.csv")
    assert evaluation["n"].unique().tolist() == [87]
    assert evaluation["events"].unique().tolist() == [42]
    text = (done / "report.html").read_text()
    assert all(f">{number}<" in text or f" {number}" in text for number in (88, 87, 42))


def test_published_honest_and_volume_stand_side_by_side(done):
    table = pd.read_csv(done / "tables" / "evaluation.csv")
    assert list(table["signature"].unique()) == ["mri", "fusion", "clinical"]
    table = table[table["signature"] == "mri"].set_index("estimate")
    assert {"apparent", "published", "nested", "optimism", "volume"} == set(table.index)
    assert table.loc["apparent", "auc"] > 0.99
    assert 0.45 < table.loc["nested", "auc"] < 0.65
    assert table.loc["volume", "auc"] == pytest.approx(0.635, abs=0.001)
    shown = table.drop(index="optimism")
    assert (shown["auc_low"] <= shown["auc"]).all()
    assert (shown["auc"] <= shown["auc_high"]).all()


def test_modules_are_of_everybody_and_links_of_the_linked(done):
    assert len(pd.read_parquet(done / "tables" / "eigengenes.parquet")) == 956
    links = pd.read_parquet(done / "tables" / "links.parquet")
    assert links.loc[links["family"].str.endswith("modules"), "n"].unique().tolist() == [87]
    facts = pd.read_parquet(done / "tables" / "expression_facts.parquet").set_index("fact")["value"]
    assert facts["values clipped"] > 0


def test_of_our_36_pathways_34_are_scored_and_modules_are_tested_for_all_sets(done):
    sets = pd.read_parquet(done / "tables" / "gene_sets.parquet").set_index("pathway")
    assert sets["category"].value_counts().to_dict() == {
        "immune system": 14,
        "signal transduction": 12,
        "cell communication": 7,
        "cell growth and death": 3,
    }
    kept = sets.index[sets["kept"]]
    assert len(kept) == 34
    assert set(sets.index[sets["category"].notna()]) - set(kept) == {
        "KEGG_NOTCH_SIGNALING_PATHWAY",
        "KEGG_PHOSPHATIDYLINOSITOL_SIGNALING_SYSTEM",
    }
    links = pd.read_parquet(done / "tables" / "links.parquet").query("family == 'signature x pathways' and estimate == 'nested'")
    assert set(links.loc[links["feature"] == "mri", "target"]) == set(kept)
    assert pd.read_parquet(done / "tables" / "enrichment.parquet")["pathway"].nunique() == 132
    drawn = pd.read_csv(done / "figures" / "pathway_bar_mri.csv").set_index("target")["category"]
    assert drawn.to_dict() == sets.loc[kept, "category"].to_dict()


def test_the_report_tells_survival_and_the_gene_score(done):
    tests = pd.read_parquet(done / "tables" / "survival_tests.parquet")
    assert set(tests["endpoint"]) == {"progression-free interval", "overall survival"}
    odds = pd.read_parquet(done / "tables" / "gene_score_odds.parquet")
    assert set(odds["estimate"]) == {"apparent", "published", "nested"}


def test_shuffled_node_status_shows_nothing(tmp_path, real):
    """The whole study with node status dealt out at random among the patients: honest AUC about 0.5, no link beyond chance."""
    mirror = tmp_path / "mirror"
    shutil.copytree(real / "tcga_brca", mirror / "tcga_brca")
    shutil.copytree(real / "genesets", mirror / "genesets")
    manifest = quick(tmp_path / "inputs")
    raw = tomllib.loads(manifest.read_text())
    clinical = mirror / "tcga_brca" / raw["sources"]["clinical"]["file"]
    table = pd.read_csv(clinical, sep="\t", dtype=str, keep_default_na=False)
    features = pd.read_csv(mirror / "tcga_brca" / raw["sources"]["features"]["file"])["CLID"]
    rows = table.index[table["bcr_patient_barcode"].isin(features)]
    column = raw["outcome"]["column"]
    table.loc[rows, column] = np.random.default_rng(7).permutation(table.loc[rows, column])
    table.to_csv(clinical, sep="\t", index=False)
    raw["sources"]["clinical"]["sha256"] = "first-use"
    manifest.write_text(tomli_w.dumps(raw))
    run_for_tables(manifest, tmp_path / "out", mirror=mirror / "tcga_brca", n_jobs=2)
    table = pd.read_parquet(tmp_path / "out" / "tables" / "evaluation.parquet").query("signature == 'mri'")
    nested = table.set_index("estimate").loc["nested"]
    assert nested["auc_low"] < 0.5 < nested["auc_high"]
    nulls = pd.read_parquet(tmp_path / "out" / "tables" / "link_null.parquet")
    signature = nulls[nulls["family"].str.startswith("signature")]
    assert (signature["found"] <= signature["high"].clip(lower=1)).all()


def test_init_of_the_lung_cohort_needs_nothing_but_the_outcome(tmp_path, real):
    """Standardised CT features, z-scores with an Excel date, a clinical sheet with "Not Collected"; benchmarks/init_to_report.py runs it."""
    folder = real / "nsclc_radiogenomics"
    tables = folder / "features_ct_105.csv", folder / "expression_zscore_1000x130.csv", folder / "clinical.csv"
    path = study.init(*tables, outcome="EGFR mutation status", positive=["Mutant"], to=tmp_path / "lung.toml")
    raw = tomllib.loads(path.read_text())
    assert raw["training"]["volume"] == "CT_original_shape_MeshVolume"
    assert raw["outcome"]["labels"] == ["Wildtype", "Mutant"]
    assert {"Age at Histological Diagnosis", "Smoking status", "Histology"} <= set(raw["clinical_columns"])
    assert "3-Mar is likely MARCHF3 (MARCH3) or MTARC3 (MARC3)" in path.read_text()
    patients = study.check(path).cohorts["training"].patients
    assert (int(patients["included"].sum()), int(patients.loc[patients["included"], "outcome"].sum())) == (94, 18)


def test_init_of_genome_wide_counts_finds_barcodes_and_the_column_of_patients(tmp_path, real):
    folder = real / "tcga_brca"
    counts = pd.read_csv(folder / "expression_counts_20124genes_60samples.csv.gz", index_col=0, nrows=400)
    counts.to_csv(tmp_path / "counts.csv")
    rng = np.random.default_rng(8)
    patients = pd.Index(counts.columns.str.replace(".", "-"), name="Patient")
    table = pd.DataFrame(rng.normal(size=(60, 5)), index=patients, columns=[f"glcm_{i}" for i in range(5)])
    table.assign(Volume=rng.lognormal(7, 1, 60)).to_csv(tmp_path / "features.csv", sep=";", decimal=",")
    clinical = folder / "nationwidechildrens.org_clinical_patient_brca.txt"
    how = {"outcome": "er_status_by_ihc", "positive": ["Positive"], "to": tmp_path / "breast.toml"}
    sources = tomllib.loads(study.init(tmp_path / "features.csv", tmp_path / "counts.csv", clinical, **how).read_text())[
        "sources"
    ]
    assert sources["clinical"]["patient"] == "bcr_patient_barcode"
    assert sources["expression"]["barcode"] == "tcga"
    assert (sources["features"]["separator"], sources["features"]["decimal"]) == (";", ",")
