"""Intraclass correlation against irr and psych, Bland-Altman, kappa, and masks by geometry."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.spatial.distance import cdist

from radiogenomics import stats

FORMS = list(product(("oneway", "twoway"), ("consistency", "agreement"), ("single", "average")))


@pytest.fixture(scope="module")
def ratings(reference):
    return pd.read_csv(reference / "stats" / "icc_ratings_30x3.csv")


@pytest.fixture(scope="module")
def by_r(reference):
    return json.loads((reference / "stats" / "icc.json").read_text())


@pytest.mark.parametrize(("model", "definition", "unit"), FORMS)
@pytest.mark.parametrize("raters", [2, 3])
def test_every_form_equals_irr(ratings, by_r, raters, model, definition, unit):
    expected = by_r["irr"][f"{raters} {model} {definition} {unit}"]
    found = stats.icc(ratings.iloc[:, :raters], model=model, definition=definition, unit=unit)
    assert found.name == expected["icc.name"]
    assert (found.icc, found.low, found.high) == pytest.approx(
        (expected["value"], expected["lbound"], expected["ubound"]), rel=1e-10
    )
    assert (found.f, found.df1, found.df2) == pytest.approx((expected["Fvalue"], expected["df1"], expected["df2"]), rel=1e-10)
    assert found.p == pytest.approx(expected["p.value"], rel=1e-8)
    assert (found.subjects, found.raters) == (30, raters)


def test_estimates_equal_psych(ratings, by_r):
    forms = {"ICC1": ("oneway", "agreement"), "ICC2": ("twoway", "agreement"), "ICC3": ("twoway", "consistency")}
    for row in by_r["psych_3raters_aov"]:
        model, definition = forms[row["type"][:4]]
        unit = "average" if row["type"].endswith("k") else "single"
        found = stats.icc(ratings, model=model, definition=definition, unit=unit)
        assert found.icc == pytest.approx(row["ICC"], rel=1e-10)
        if row["type"] != "ICC2k":
            assert (found.low, found.high) == pytest.approx((row["lower bound"], row["upper bound"]), rel=1e-10)


@pytest.mark.parametrize(("model", "definition", "unit"), FORMS)
@settings(deadline=None, max_examples=25)
@given(values=arrays(float, st.tuples(st.integers(2, 8), st.integers(2, 4)), elements=st.integers(-4, 4).map(float)))
def test_bounds_and_order(model, definition, unit, values):
    if np.ptp(values.mean(axis=1)) < 1e-9:
        return
    found = stats.icc(values, model=model, definition=definition, unit=unit)
    # Below 0 only the forms with one F ratio are bounded; ICC(A,.) has the raters in its denominator too.
    if definition == "consistency" or model == "oneway" or found.f >= 1:
        assert found.icc <= 1
        assert unit == "average" or found.icc >= -1 / (values.shape[1] - 1) - 1e-9
        assert found.low <= found.icc + 1e-9
        assert found.icc <= found.high + 1e-9
    assert stats.icc(values[::-1, ::-1], model=model, definition=definition, unit=unit).icc == pytest.approx(found.icc, abs=1e-9)
    assert stats.icc(values + 100, model=model, definition=definition, unit=unit).icc == pytest.approx(found.icc, abs=1e-7)


def test_a_shift_between_raters_counts_against_agreement_only(ratings):
    shifted = ratings.assign(r1=ratings["r1"] + 5)
    for definition, same in (("consistency", True), ("agreement", False)):
        before, after = (stats.icc(table, model="twoway", definition=definition, unit="single") for table in (ratings, shifted))
        assert (after.icc == pytest.approx(before.icc)) is same


def test_by_feature_is_the_single_form_for_each(ratings):
    patients = pd.Index([f"P{i}" for i in range(30)], name="patient")
    rng = np.random.default_rng(0)
    first = pd.DataFrame({"stable": ratings["r1"].to_numpy(), "noise": rng.normal(size=30), "flat": 1.0}, index=patients)
    second = pd.DataFrame({"stable": ratings["r2"].to_numpy(), "noise": rng.normal(size=30), "flat": 1.0}, index=patients)
    found = stats.icc_by_feature([first, second], model="twoway", definition="agreement", unit="single").set_index("feature")
    one = stats.icc(ratings[["r1", "r2"]], model="twoway", definition="agreement", unit="single")
    assert list(found.loc["stable"]) == pytest.approx([one.icc, one.low, one.high, one.f, one.df1, one.df2, one.p])
    assert found.loc["noise", "icc"] < 0.5
    assert found.loc["flat", ["icc", "low", "high"]].isna().all()


def test_planted_reliability_is_estimated():
    rng = np.random.default_rng(1)
    subjects = rng.normal(size=(4000, 1)) * np.sqrt(0.8)
    values = subjects + rng.normal(size=(4000, 3)) * np.sqrt(0.2)
    found = stats.icc(values, model="oneway", definition="agreement", unit="single")
    assert found.icc == pytest.approx(0.8, abs=0.02)
    assert found.low < 0.8 < found.high


def test_icc_faults(ratings):
    forms = {"model": "twoway", "definition": "agreement", "unit": "single"}
    with pytest.raises(ValueError, match="`ratings` has the same values for every subject"):
        stats.icc(np.full((4, 2), 2.0), **forms)
    with pytest.raises(ValueError, match=r"1 subject\(s\) and 3 rater\(s\); give at least two"):
        stats.icc(ratings.iloc[:1], **forms)
    with pytest.raises(ValueError, match=r"`ratings` has 1 value\(s\) that are not finite, the first at row 3, column 'r2'"):
        stats.icc(ratings.mask((ratings.index.to_numpy()[:, None] == 3) & (ratings.columns == "r2")), **forms)
    with pytest.raises(ValueError, match="`model` is 'threeway', it must be one of 'oneway', 'twoway'"):
        stats.icc(ratings, **{**forms, "model": "threeway"})
    table = ratings.rename_axis("patient")
    with pytest.raises(ValueError, match=r"`readings\[1\]` has other patients or features than the first"):
        stats.icc_by_feature([table, table.iloc[::-1]], **forms)
    with pytest.raises(ValueError, match=r"`readings` holds 1 table\(s\)"):
        stats.icc_by_feature([table], **forms)


class TestBlandAltman:
    def test_by_its_formulas(self, ratings):
        found = stats.bland_altman(ratings["r1"], ratings["r2"])
        difference = ratings["r1"] - ratings["r2"]
        assert found.bias == pytest.approx(difference.mean())
        assert found.upper - found.lower == pytest.approx(2 * 1.959964 * difference.std(), rel=1e-6)
        from scipy.stats import t, ttest_rel

        interval = ttest_rel(ratings["r1"], ratings["r2"]).confidence_interval()
        assert (found.bias_low, found.bias_high) == pytest.approx((interval.low, interval.high))
        se = difference.std() * np.sqrt(1 / 30 + 1.959964**2 / 58)
        assert found.lower_high - found.lower == pytest.approx(t.ppf(0.975, 29) * se, rel=1e-6)

    def test_swapping_mirrors(self, ratings):
        there, back = stats.bland_altman(ratings["r1"], ratings["r2"]), stats.bland_altman(ratings["r2"], ratings["r1"])
        assert (there.bias, there.lower, there.upper_high) == pytest.approx((-back.bias, -back.upper, -back.lower_low))

    def test_faults(self):
        with pytest.raises(ValueError, match="`second` has 3 values and `first` has 2"):
            stats.bland_altman([1, 2], [1, 2, 3])
        with pytest.raises(ValueError, match="`first` has one value"):
            stats.bland_altman([1], [1])


class TestKappa:
    # Fleiss, Levin & Paik (2003), table 18.1: two raters, 100 subjects, kappa 0.676, standard error of the estimate 0.087.
    FIRST = np.repeat(["psychotic", "neurotic", "organic"], [80, 10, 10])
    SECOND = np.repeat(
        ["psychotic", "neurotic", "organic", "psychotic", "neurotic", "organic", "psychotic", "neurotic", "organic"],
        [75, 1, 4, 5, 4, 1, 0, 0, 10],
    )

    def test_published_example(self):
        found = stats.cohen_kappa(self.FIRST, self.SECOND)
        assert found.kappa == pytest.approx(0.676, abs=5e-4)
        assert found.se == pytest.approx(0.088, abs=2e-3)
        assert found.p < 1e-10
        assert found.n == 100

    def test_weights_need_the_order(self):
        grades, other = ["low", "mid", "high", "mid"], ["mid", "mid", "high", "low"]
        found = stats.cohen_kappa(grades, other, weights="linear", categories=("low", "mid", "high"))
        numbers = stats.cohen_kappa([0, 1, 2, 1], [1, 1, 2, 0], weights="linear")
        assert found.kappa == numbers.kappa
        from sklearn.metrics import cohen_kappa_score

        for weights in ("linear", "quadratic"):
            ours = stats.cohen_kappa([0, 1, 2, 1], [1, 1, 2, 0], weights=weights).kappa
            assert ours == pytest.approx(cohen_kappa_score([0, 1, 2, 1], [1, 1, 2, 0], weights=weights))

    def test_faults(self):
        with pytest.raises(ValueError, match=r"'odd' is not among `categories` \(a, b\)"):
            stats.cohen_kappa(["a", "odd"], ["a", "b"], categories=("a", "b"))
        with pytest.raises(ValueError, match="Both readers say 1 every time"):
            stats.cohen_kappa([1, 1], [1, 1])
        with pytest.raises(ValueError, match=r"`second` has 1 missing value\(s\)"):
            stats.cohen_kappa([1, 0], [1, None])


class TestMasks:
    def cube(self, low, high, shape=(12, 12, 12)):
        mask = np.zeros(shape, dtype=bool)
        mask[low:high, low:high, low:high] = True
        return mask

    def test_nested_cubes(self):
        found = stats.mask_agreement(self.cube(2, 10), self.cube(4, 8), spacing_mm=(1, 1, 1))
        assert found.dice == 2 * 64 / (512 + 64)
        assert found.jaccard == 64 / 512
        assert found.hausdorff_mm == pytest.approx(np.sqrt(12))
        assert (found.volume_first_mm3, found.volume_second_mm3) == (512, 64)

    def test_a_shift_is_its_distance_in_mm(self):
        one = self.cube(2, 6)
        for axis, expected in enumerate((6.0, 2.0, 1.0)):
            found = stats.mask_agreement(one, np.roll(one, 2, axis=axis), spacing_mm=(3, 1, 0.5))
            assert found.hausdorff_mm == pytest.approx(expected)
            assert 0 < found.surface_distance_mm < found.hausdorff_95_mm <= found.hausdorff_mm

    def test_equal_masks(self):
        found = stats.mask_agreement(self.cube(2, 6), self.cube(2, 6).astype(int), spacing_mm=(1, 1, 1))
        assert (found.dice, found.jaccard, found.hausdorff_mm, found.surface_distance_mm) == (1, 1, 0, 0)

    def test_a_mask_at_the_edge_has_its_surface_there(self):
        full = np.ones((4, 4), dtype=bool)
        core = np.zeros((4, 4), dtype=bool)
        core[1:3, 1:3] = True
        assert stats.mask_agreement(full, core, spacing_mm=(1, 1)).hausdorff_mm == pytest.approx(np.sqrt(2))

    @settings(deadline=None, max_examples=40)
    @given(st.data())
    def test_distances_equal_brute_force(self, data):
        shape = data.draw(array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=5))
        one, two = (data.draw(arrays(bool, shape)) for _ in range(2))
        if not (one.any() and two.any()):
            return
        spacing = np.array([1.5, 1.0, 0.7][: len(shape)])
        surfaces = [np.argwhere(mask & (neighbours(mask) < 2 * mask.ndim)) * spacing for mask in (one, two)]
        distances = cdist(*surfaces)
        ways = distances.min(axis=1), distances.min(axis=0)
        found = stats.mask_agreement(one, two, spacing_mm=spacing)
        assert found.hausdorff_mm == pytest.approx(max(way.max() for way in ways))
        assert found.surface_distance_mm == pytest.approx(np.concatenate(ways).mean())
        assert found.hausdorff_95_mm == pytest.approx(max(np.quantile(way, 0.95) for way in ways))
        assert stats.dice(one, two) == stats.dice(two, one) == found.dice

    def test_faults(self):
        one = self.cube(2, 6)
        with pytest.raises(ValueError, match=r"`first` has shape \(12, 12, 12\) and `second` \(4, 4, 4\); resample"):
            stats.dice(one, one[:4, :4, :4])
        with pytest.raises(ValueError, match="`second` holds 2; a mask is Boolean, or 0 and 1"):
            stats.dice(one, one * 2)
        with pytest.raises(ValueError, match="`second` is empty; a distance needs"):
            stats.mask_agreement(one, np.zeros_like(one), spacing_mm=(1, 1, 1))
        with pytest.raises(ValueError, match="both empty"):
            stats.dice(one & False, one & False)
        with pytest.raises(ValueError, match=r"`spacing_mm` is \[1, 1\]; give one positive size for each of the 3 axes"):
            stats.mask_agreement(one, one, spacing_mm=[1, 1])


def neighbours(mask):
    """Count the face neighbours of every voxel that lie inside the mask."""
    padded = np.pad(mask.astype(int), 1)
    count = sum(np.roll(padded, step, axis=axis) for axis in range(mask.ndim) for step in (-1, 1))
    return count[tuple(slice(1, -1) for _ in range(mask.ndim))]
