"""What a study decides on the way stands in rows of `decisions`: who is left out, what is imputed, dropped and taken by custom."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from radiogenomics import modules as room
from radiogenomics._files import Reading, decision_table
from radiogenomics.study.inputs import sources
from radiogenomics.study.inputs.checks import check, decided
from radiogenomics.study.inputs.gene_sets import NOT_ASKED
from radiogenomics.study.manifest.schema import ModuleSettings
from radiogenomics.study.steps import decisions as gathering
from radiogenomics.study.steps import left_out
from radiogenomics.study.steps import modules as finding
from tests.helpers import tiny_study


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


def test_who_and_what_stands_in_tables_and_takes_no_part(tmp_path):
    path = tiny_study.write(tmp_path / "study")
    for file, change in {
        "clinical_training.csv": lambda table: pd.concat([table, table.iloc[:2].set_axis(["K1", "K2"])]),
        "second_reader.csv": lambda table: pd.concat([table.assign(hue=1.0), table.iloc[:1].set_axis(["K3"])]),
        "features_external.csv": lambda table: table.assign(hue=2.0, tint=3.0),
        "expression.csv": lambda table: table.assign(K4=table["T03"] + table["T05"] - 8),
    }.items():
        change(pd.read_csv(path.parent / file, index_col=0)).to_csv(path.parent / file)
    said = decided(check(path).inputs)
    assert {(one.what, one.where, one.count) for one in said.itertuples()} >= {
        ("patients without features", "training.clinical: clinical_training", 2),
        ("patients without features", "training.second_reader.mri", 1),
        ("patients without features", "expression.source", 1),
        ("columns left out", "training.second_reader.mri", 1),
        ("columns left out", "external.other.features.mri", 2),
    }
    assert said["why"].str.contains("hue, tint").any()
    assert said["why"].str.endswith(": K4").any()


@pytest.fixture
def patients():
    """Thirty linked patients; one lacks the age, two the stage, all but five the site."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"cohort": "training", "has_expression": True, "included": True}, index=[f"P{at:02d}" for at in range(30)]
    )
    table["outcome"] = np.arange(30) % 2
    table["age"] = [np.nan, *rng.integers(30, 80, 29)]
    table["stage"] = [None, None, *(["I", "II"] * 14)]
    table["site"] = [*("ABCDE"), *[None] * 25]
    return table


def settings(**more):
    outcome = SimpleNamespace(name="node", labels=["no", "yes"])
    links = SimpleNamespace(covariates=more.pop("covariates", None))
    return SimpleNamespace(columns=lambda: ["age", "stage", "site"], outcome=outcome, links=links, kinds=lambda: ["mri"])


def test_values_that_are_missing_among_the_linked_are_counted_by_column(patients):
    (said,) = left_out.clinical_gaps(patients, settings())
    assert (said.what, said.count) == ("clinical values missing", 1 + 2 + 25)
    assert "age (1), stage (2), site (25)" in said.why
    assert left_out.clinical_gaps(patients.assign(age=1.0, stage="I", site="A"), settings()) == []


def test_patients_and_confounders_that_adjusted_links_lack_are_told(patients):
    links = pd.DataFrame(
        {"adjustment": ["age, stage"] * 2 + [left_out.SAME_PATIENTS, left_out.HIGH_AND_LOW], "n": [26, 27, 27, 30]}
    )
    assert rows(left_out.left_out_of_adjusted(links, patients, settings())) == [
        ("patients left out", "adjusted_links", 3),
        ("covariates left out", "adjusted_links", 1),
    ]
    chosen = left_out.left_out_of_adjusted(links.assign(n=30), patients, settings(covariates=["age", "stage"]))
    assert chosen == []


def test_patients_without_follow_up_are_counted_by_test():
    tests = pd.DataFrame(
        {"endpoint": "relapse", "test": ["log-rank", "Cox, adjusted", "Cox, adjusted"], "n": [40, 36, 36]},
    )
    everyone = pd.DataFrame({"score": 0.0}, index=range(40))
    assert rows(left_out.left_out_of_survival(tests, everyone)) == [("patients left out", "survival: relapse, Cox, adjusted", 4)]
    assert left_out.left_out_of_survival(None, everyone) == []


def test_members_of_sets_that_are_not_measured_are_counted():
    sets = pd.DataFrame({"kept": [True, True, False], "size": [9, 12, 7], "measured": [9, 8, 1]})
    assert rows(left_out.unmeasured_genes(sets)) == [("genes not measured", "gene_sets", 4)]
    assert left_out.unmeasured_genes(sets.iloc[:1]) == left_out.unmeasured_genes(None) == []


def test_probabilities_that_calibration_moves_off_the_ends_are_counted():
    scores = pd.DataFrame({"cohort": "training", "signature": "mri", "estimate": "nested", "score": [0.0, 0.08, 0.12, 0.5, 0.95]})
    scores = pd.concat([scores, scores.assign(score=0.5, estimate="external"), scores.assign(score=1.0, estimate="apparent")])
    (said,) = left_out.clipped_scores(scores, settings())
    assert (said.where, said.count) == ("calibration: mri, training, nested", 3)
