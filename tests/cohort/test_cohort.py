"""Barcodes, clinical tables, outcomes, and the inclusion flow."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiogenomics import cohort

NODES = {"positive": ["N1", "N1mi"], "negative": ["N0", "N0 (i-)"], "excluded": ["NX"]}


def test_barcodes_are_cut_to_the_patient():
    given_as = ["TCGA-AO-A03M", "TCGA-AO-A03M-01A-11R", "TCGA.AO.A03M", " tcga-ao-a03m "]
    assert cohort.tcga_patients(given_as) == ["TCGA-AO-A03M"] * 4


def test_only_primary_tumours_count():
    samples = ["TCGA-AO-A03M", "TCGA-AO-A03M-01A-11R", "TCGA.AO.A03M.01", "TCGA-AO-A03M-06A", "TCGA-AO-A03M-11A"]
    assert cohort.tumour_samples(samples) == [True, True, True, False, False]


def test_what_is_no_barcode_is_named():
    with pytest.raises(ValueError, match=r"ids: 2 of 3 are not TCGA barcodes .*: BR-06, TCGA-1; correct them"):
        cohort.tcga_patients(["TCGA-AO-A03M", "BR-06", "TCGA-1"], name="ids")


@given(st.lists(st.from_regex(r"TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}", fullmatch=True), max_size=5))
def test_a_cut_barcode_stays_as_it_is(names):
    assert cohort.tcga_patients(cohort.tcga_patients([f"{name}-01A" for name in names])) == names


def test_a_biotab_with_three_header_rows(tmp_path):
    text = "uuid\tbarcode\tage\tpn\n" + "uuid2\tbarcode2\tage2\tpn2\n" + "CDE\tCDE\tCDE\tCDE\n"
    text += "x\tTCGA-AO-A03M\t55\tN0\n" + "y\tTCGA-AO-A03N\t[Not Available]\t[Unknown]\n"
    (tmp_path / "c.txt").write_text(text)
    table = cohort.read_patients(tmp_path / "c.txt", patient="barcode", header_rows=3, barcode="tcga")
    assert table.index.tolist() == ["TCGA-AO-A03M", "TCGA-AO-A03N"]
    assert table.index.name == "patient"
    assert table["age"].tolist()[0] == 55.0
    assert table.isna().sum().to_dict() == {"uuid": 0, "age": 1, "pn": 1}


def test_a_missing_patient_column_names_those_that_are_there(tmp_path):
    (tmp_path / "c.csv").write_text("id,x\na,1\n")
    with pytest.raises(ValueError, match=r"c\.csv: no column 'CLID' to identify patients; its columns are id, x\."):
        cohort.read_patients(tmp_path / "c.csv", patient="CLID")


def test_samples_of_one_patient_are_refused(tmp_path):
    (tmp_path / "c.csv").write_text("id,x\nTCGA-AO-A03M-01A,1\nTCGA-AO-A03M-11A,2\n")
    with pytest.raises(ValueError, match="patient\\(s\\) TCGA-AO-A03M have more than one row"):
        cohort.read_patients(tmp_path / "c.csv", barcode="tcga")


def test_samples_that_say_the_same_of_a_patient_are_one(tmp_path):
    (tmp_path / "c.csv").write_text("id,x\nTCGA-AO-A03M-01A,1\nTCGA-AO-A03M-11A,1\n")
    assert cohort.read_patients(tmp_path / "c.csv", barcode="tcga")["x"].to_dict() == {"TCGA-AO-A03M": 1.0}


def test_outcome_words():
    words = pd.Series(["N0", "N1", " N1mi", "NX", None, "N0 (i-)"], name="pn")
    assert cohort.binary_outcome(words, **NODES).tolist()[:3] == [0, 1, 1]
    assert cohort.binary_outcome(words, **NODES).isna().tolist() == [False] * 3 + [True] * 2 + [False]


def test_numbers_as_outcome_words():
    assert cohort.binary_outcome(pd.Series([1.0, 0.0]), positive=["1"], negative=["0"]).tolist() == [1, 0]


def test_an_unknown_word_is_reported_not_guessed():
    with pytest.raises(ValueError, match=r"outcome 'pn' has value\(s\) with no meaning: 'N0 \(mol\+\)' \(2\); add each"):
        cohort.binary_outcome(pd.Series(["N0", "N0 (mol+)", "N0 (mol+)"], name="pn"), **NODES)


def test_a_word_with_two_meanings():
    with pytest.raises(ValueError, match="outcome value 'N0' is in both positive and negative; keep it in one list"):
        cohort.binary_outcome(pd.Series(["N0"]), positive=["N0"], negative=["N0"])


def test_the_flow_counts_and_says_why():
    features, expression = pd.Index(list("abcdef")), pd.Index(list("abcdx"))
    outcome = pd.Series([1, 0, np.nan, 1], index=list("abcd"))
    made = cohort.assemble(
        "training",
        features=features,
        outcome=outcome,
        outcome_name="nodes",
        clinical=pd.DataFrame(index=features),
        expression=expression,
    )
    assert made.inclusion["n"].tolist() == [6, 4, 3]
    assert made.inclusion["excluded"].tolist() == [0, 2, 1]
    assert made.inclusion["reason"].tolist() == ["", "no expression profile", "nodes not known"]
    assert made.patients.index[made.patients["included"]].tolist() == ["a", "b", "d"]
    assert made.patients.index.name == "patient"
    assert made.left_out[["patient", "reason"]].to_numpy().tolist() == [
        ["e", "no expression profile"],
        ["f", "no expression profile"],
        ["c", "nodes not known"],
    ]


@pytest.mark.real
def test_the_real_nodes_have_one_word_without_meaning(real):
    path = real / "tcga_brca" / "nationwidechildrens.org_clinical_patient_brca.txt"
    table = cohort.read_patients(path, patient="bcr_patient_barcode", header_rows=3, barcode="tcga")
    assert len(table) == 1097
    above = ["N1mi", "N1", "N1a", "N1b", "N1c", "N2", "N2a", "N3", "N3a", "N3b", "N3c"]
    with pytest.raises(ValueError, match=r"with no meaning: 'N0 \(mol\+\)' \(1\);"):
        cohort.binary_outcome(
            table["ajcc_nodes_pathologic_pn"], positive=above, negative=["N0", "N0 (i-)", "N0 (i+)"], excluded=["NX"]
        )
