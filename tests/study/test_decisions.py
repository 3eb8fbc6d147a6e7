"""What a study decides on the way stands in rows of `decisions`: who is left out, what is imputed, dropped and taken by custom."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from radiogenomics import modules as room
from radiogenomics._files import Reading, decision_table
from radiogenomics.study.inputs import sources
from radiogenomics.study.inputs.gene_sets import NOT_ASKED
from radiogenomics.study.manifest.schema import ModuleSettings
from radiogenomics.study.steps import decisions as gathering
from radiogenomics.study.steps import modules as finding


@pytest.fixture(scope="module")
def expression():
    """Three modules of 20 genes in 40 patients, a constant gene, and nine missing values in the second module."""
    rng = np.random.default_rng(8)
    hidden = rng.normal(size=(40, 3))
    values = np.repeat(hidden, 20, axis=1) + 0.5 * rng.normal(size=(40, 60))
    table = pd.DataFrame(values, columns=[f"G{at}" for at in range(60)], index=[f"P{at}" for at in range(40)])
    table.iloc[[1, 5, 9], [22, 25, 31]] = np.nan
    return table.assign(FLAT=4.0)


@pytest.fixture(scope="module")
def found(expression):
    with pytest.warns(UserWarning, match="1 gene"):
        return room.find_modules(expression, power=6, min_size=10)


def rows(decisions):
    return [(one.what, one.where, one.count) for one in decisions]


def test_modules_count_the_values_that_their_eigengenes_impute(expression, found):
    second = found.labels["G22"]
    assert second > 0
    assert found.imputed.index.equals(found.eigengenes.columns)
    assert found.imputed[found.imputed > 0].to_dict() == {f"ME{second}": 9}


@pytest.mark.parametrize(("asked", "reached", "custom"), [("auto", None, 1), ("auto", 6, 0), (6, None, 0)])
def test_dropped_genes_imputed_values_and_a_power_by_custom(found, asked, reached, custom):
    fit = SimpleNamespace(power=reached, table=pd.DataFrame({"r2": [0.3, 0.61]}))
    decided = finding._decided(found, fit, ModuleSettings(power=asked))
    assert rows(decided)[:2] == [("genes dropped", "modules", 1), ("values imputed", "modules", 9)]
    assert [one.what for one in decided[2:]] == ["power by custom"] * custom
    assert "FLAT" in decided[0].why
    if custom:
        assert "the best fit is r2 0.61" in decided[2].why


def test_who_is_left_out_is_counted_by_cohort_step_and_reason():
    failures = pd.DataFrame(
        [["A", "training", "outcome", "unknown"], ["B", "training", "outcome", "unknown"], ["A.1", "other", "images", "no mask"]],
        columns=["patient", "cohort", "step", "reason"],
    )
    decided = gathering._left_out(failures)
    assert rows(decided) == [("patients left out", "training: outcome", 2), ("patients left out", "other: images", 1)]
    assert decided[0].why == "unknown: A, B"


def test_gene_sets_that_were_asked_for_and_are_not_scored():
    sets = pd.DataFrame(
        {"pathway": list("abcd"), "kept": [True, False, False, False], "reason": ["", "too few", NOT_ASKED, "too few"]}
    )
    assert rows(gathering._sets(sets, None)) == [("gene sets left out", "gene_sets", 2)]
    assert rows(gathering._sets(None, pd.DataFrame({"old": ["X"], "new": ["Y"]}))) == [
        ("gene symbols updated", "gene_symbols", 1)
    ]
    assert gathering._sets(None, None) == []


def test_patients_of_some_tables_are_named():
    tables = {
        "mri": pd.DataFrame({"a": [1.0, 2, 3]}, index=list("ABC")),
        "deep": pd.DataFrame({"b": [1.0, 2, 3]}, index=list("BCD")),
    }
    patients, failures = pd.DataFrame(index=list("BC")), pd.DataFrame({"patient": ["D"]})
    decided = gathering._in_some_tables(tables, patients, failures)
    assert rows(decided) == [("patients left out", "features_mri", 1)]
    assert decided[0].why.endswith(": A")


def test_samples_of_no_primary_tumour_are_counted():
    names = ["TCGA-A1-A0SB-01A", "TCGA-A1-A0SB-11A", "TCGA-A2-A0T2-06A"]
    reading = Reading(pd.DataFrame({"G": [1.0, 2, 3]}, index=names), decision_table([]))
    assert sources._with_dropped(reading, 1)[["what", "count"]].to_numpy().tolist() == [["samples left out", 2]]
    assert sources._with_dropped(reading, 3).empty
