"""Group contrasts and the multivariate view."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radiogenomics import linking
from radiogenomics.stats import auc
from tests.helpers.patient_tables import two_tables, with_gaps


def test_contrast_equals_scipys_mann_whitney_with_ties_and_gaps():
    left, right = with_gaps(*two_tables(0))
    right["m1"] = right["m1"].round()
    links = linking.contrast(left, right, n_permutations=0)
    assert list(links.columns) == linking.LINK_COLUMNS
    for link in links.itertuples():
        both = left[link.feature].notna() & right[link.target].notna()
        high = left[link.feature] > left[link.feature].median()
        first, second = right.loc[both & high, link.target], right.loc[both & ~high, link.target]
        theirs = stats.mannwhitneyu(first, second, method="asymptotic")
        assert link.n == both.sum()
        assert link.p == pytest.approx(theirs.pvalue, abs=1e-12)
        assert link.effect == pytest.approx(2 * theirs.statistic / (len(first) * len(second)) - 1, abs=1e-12)


def test_contrasts_interval_has_delongs_width():
    left, right = two_tables(1, n=400)
    link = linking.contrast(left, right, n_permutations=0).iloc[0]
    area = auc((left["f0"] > left["f0"].median()).astype(int), right["m0"])
    # On Fisher's scale the interval is not symmetric, but in a large cohort near zero it is nearly DeLong's.
    assert link["effect"] == pytest.approx(2 * area.auc - 1, abs=1e-12)
    assert link["effect_low"] == pytest.approx(2 * area.low - 1, abs=0.005)
    assert link["effect_high"] == pytest.approx(2 * area.high - 1, abs=0.005)


def test_contrast_permutation_p_agrees_with_mann_whitneys():
    left, right = two_tables(2, n=60, left=10, right=10)
    links = linking.contrast(left, right, n_permutations=2000)
    assert np.abs(links["p_permutation"] - links["p"]).max() < 0.05
    assert (links["p_max_t"] >= links["p_permutation"]).all()


def test_thresholds_come_from_the_training_patients():
    left, right = two_tables(3)
    training = left.median() + 0.5
    ours = linking.contrast(left, right, thresholds=training, n_permutations=0).iloc[0]
    high = left["f0"] > training["f0"]
    theirs = stats.mannwhitneyu(right.loc[high, "m0"], right.loc[~high, "m0"], method="asymptotic")
    assert ours["p"] == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (pd.Series({"f0": 0.0}), "`thresholds` lacks f1, f2, f3; give every column of `left` the training patients' median."),
        (pd.Series(dict.fromkeys(["f0", "f1", "f2", "f3"], 99.0)), "99 leaves 0 of 50 patients of 'f0' high"),
    ],
)
def test_thresholds_that_make_no_groups_are_refused(thresholds, message):
    left, right = two_tables(4)
    with pytest.raises(ValueError, match=re.escape(message)):
        linking.contrast(left, right, thresholds=thresholds)


def test_canonical_finds_a_planted_direction_and_none_in_noise():
    noise = [linking.canonical(*two_tables(seed, n=80, left=6, right=5), n_permutations=49).components for seed in range(12)]
    assert 0.25 < np.mean([components["p_permutation"].iloc[0] for components in noise]) < 0.75
    left, right = two_tables(5, n=80, left=6, right=5)
    right["m2"] += 2 * left["f3"]
    view = linking.canonical(left, right, n_permutations=99)
    assert view.components["p_permutation"].iloc[0] == pytest.approx(0.01)
    assert set(view.components["estimate"]) == {"exploratory"}
    assert view.left_weights["component 1"].idxmax() == "f3"
    assert view.right_weights["component 1"].abs().idxmax() == "m2"
    together = np.corrcoef(view.left_scores["component 1"], view.right_scores["component 1"])[0, 1]
    assert together == pytest.approx(view.components["correlation"].iloc[0])
    assert view.left_scores.index.name == "patient"


def test_canonical_refuses_more_components_than_columns():
    left, right = two_tables(6)
    with pytest.raises(ValueError, match="`n_components` is 4 for 50 complete patients, 4 and 3 columns; it must be 1 to 3"):
        linking.canonical(left, right, n_components=4)
