"""Calibration, against ResourceSelection, generalhoslem and rms::val.prob."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import chi2

from radiogenomics import stats


@pytest.fixture(scope="module")
def predictions(reference):
    return pd.read_csv(reference / "stats" / "predictions145.csv")


@pytest.mark.parametrize(
    ("key", "model", "groups"),
    [
        ("RS_clin_g10", "p_clin", 10),
        ("RS_full_g10", "p_full", 10),
        ("RS_full_g5", "p_full", 5),
        ("RS_rounded_ties_g10", "p_full", 10),
    ],
)
def test_hosmer_lemeshow_equals_resourceselection(reference, predictions, key, model, groups):
    expected = json.loads((reference / "stats" / "hosmer_lemeshow.json").read_text())[key]
    p = predictions[model].round(1) if "rounded" in key else predictions[model]
    found = stats.hosmer_lemeshow(predictions["y"], p, groups=groups)
    assert found.statistic == pytest.approx(expected["chisq"], rel=1e-9)
    assert found.df == expected["df"]
    assert found.p == pytest.approx(expected["p"], rel=1e-9)
    assert list(found.groups["events"]) == [row["y1"] for row in expected["observed"]]
    assert list(found.groups["n"] - found.groups["events"]) == [row["y0"] for row in expected["observed"]]
    np.testing.assert_allclose(found.groups["expected"], [row["yhat1"] for row in expected["expected"]], rtol=1e-9)


@pytest.mark.parametrize("name", ["clinrad", "miscalibrated"])
def test_measures_equal_val_prob(reference, predictions, name):
    expected = json.loads((reference / "stats" / f"val_prob_{name}.json").read_text())
    p = predictions["p_clinrad"] if name == "clinrad" else expit(0.7 * logit(predictions["p_full"]) + 0.2)
    found = stats.calibration_measures(predictions["y"], p)
    names = {
        "intercept": "Intercept",
        "slope": "Slope",
        "brier": "Brier",
        "e_max": "Emax",
        "e_90": "E90",
        "e_avg": "Eavg",
        "r2": "R2",
        "discrimination": "D",
        "unreliability": "U",
        "unreliability_chi2": "U:Chi-sq",
        "unreliability_p": "U:p",
        "quality": "Q",
        "spiegelhalter_z": "S:z",
        "spiegelhalter_p": "S:p",
    }
    for ours, theirs in names.items():
        # val.prob's own logistic fit stops at 1e-7.
        tolerance = 3e-7 if ours in ("intercept", "slope") else 1e-11
        assert getattr(found, ours) == pytest.approx(expected[theirs], rel=0, abs=tolerance), ours
    assert (found.n, found.events) == (145, 37)


def test_intervals_are_those_of_the_logistic_regression(predictions):
    import statsmodels.api as sm

    p = np.clip(predictions["p_full"] ** 1.3, 0.01, 0.99)
    found = stats.calibration_measures(predictions["y"], p)
    fit = sm.Logit(predictions["y"], sm.add_constant(logit(p).to_numpy())).fit(disp=0)
    np.testing.assert_allclose([found.intercept, found.slope], fit.params, rtol=1e-6)
    np.testing.assert_allclose(
        [[found.intercept_low, found.intercept_high], [found.slope_low, found.slope_high]], fit.conf_int(), rtol=1e-6
    )
    large = sm.GLM(predictions["y"], np.ones(145), family=sm.families.Binomial(), offset=logit(p)).fit()
    assert found.in_the_large == pytest.approx(large.params.iloc[0], rel=1e-6)


def test_planted_miscalibration_is_measured():
    rng = np.random.default_rng(2)
    linear = rng.normal(-0.5, 1.2, 10_000)
    y = rng.random(10_000) < expit(linear)
    true = stats.calibration_measures(y, expit(linear))
    assert true.slope == pytest.approx(1, abs=0.05)
    assert true.intercept == pytest.approx(0, abs=0.05)
    extreme = stats.calibration_measures(y, expit(2 * linear + 1))
    assert extreme.slope == pytest.approx(0.5, abs=0.03)
    assert extreme.in_the_large < -0.5
    assert extreme.e_avg > 4 * true.e_avg
    assert stats.hosmer_lemeshow(y, expit(linear)).p > 0.01
    assert stats.hosmer_lemeshow(y, expit(2 * linear + 1)).p < 1e-12


def test_patients_whom_no_fit_has_seen_lose_no_degree_of_freedom():
    rng = np.random.default_rng(17)
    p_true = expit(rng.normal(size=(400, 80)))  # 400 cohorts, each with its true risks
    found = [stats.hosmer_lemeshow(rng.random(80) < p, p, groups=5, fitted=False) for p in p_true]
    assert {test.df for test in found} == {5}
    assert np.mean([test.statistic for test in found]) == pytest.approx(5.0, abs=0.6)  # chi2 of 5, not of 3
    seen = stats.hosmer_lemeshow(np.arange(80) % 2, p_true[0], groups=5)
    unseen = stats.hosmer_lemeshow(np.arange(80) % 2, p_true[0], groups=5, fitted=False)
    assert (seen.df, seen.statistic) == (3, unseen.statistic)
    assert unseen.p == pytest.approx(chi2.sf(unseen.statistic, 5), rel=1e-12)


def test_curve_and_groups(predictions):
    y, p = predictions["y"], predictions["p_full"]
    curve = stats.calibration_curve(y, p)
    assert list(curve) == ["predicted", "observed"]
    assert curve["predicted"].is_monotonic_increasing
    smooth = np.interp(p, curve["predicted"], curve["observed"])
    assert np.abs(smooth - p).max() == pytest.approx(stats.calibration_measures(y, p).e_max, rel=1e-12)
    groups = stats.calibration_groups(y, p, groups=5)
    assert list(groups) == ["predicted", "observed", "low", "high", "n", "events"]
    assert (groups["n"].sum(), groups["events"].sum()) == (145, 37)
    assert ((groups["low"] <= groups["observed"]) & (groups["observed"] <= groups["high"])).all()
    np.testing.assert_allclose(groups["observed"], groups["events"] / groups["n"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0])), min_size=5, max_size=40))
def test_groups_never_lose_a_patient(rows):
    y, p = np.array([int(event) for event, _ in rows]), np.array([value for _, value in rows])
    if y.min() == y.max() or np.ptp(p) == 0:
        return
    groups = stats.calibration_groups(y, p)
    assert groups["n"].sum() == len(y)
    assert groups["events"].sum() == y.sum()
    assert (groups["predicted"] * groups["n"]).sum() == pytest.approx(p.sum())


def test_smoother_is_statsmodels_where_it_knows_how(predictions):
    from statsmodels.nonparametric.smoothers_lowess import lowess

    rng = np.random.default_rng(0)
    for n in (10, 50, 400):
        x, y = np.sort(rng.beta(1, 3, n)), (rng.random(n) < 0.3).astype(float)
        y[:2] = 0, 1
        expected = lowess(y, x, frac=2 / 3, it=0, delta=0.01 * np.ptp(x), return_sorted=False)
        found = stats.calibration_curve(y, x)
        # Between the last two lines statsmodels joins the points in a slightly other way than R.
        np.testing.assert_allclose(found["observed"], expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found["observed"].iloc[: int(0.9 * n)], expected[: int(0.9 * n)], rtol=0, atol=1e-9)


def test_few_distinct_probabilities_smooth_to_their_shares():
    p = np.repeat([0.2, 0.8], [50, 10])
    y = np.r_[np.repeat([1, 0], [12, 38]), np.repeat([1, 0], [7, 3])]
    curve = stats.calibration_curve(y, p)
    assert list(curve["predicted"]) == [0.2, 0.8]
    assert curve["observed"].iloc[0] == pytest.approx(0.24)
    measures = stats.calibration_measures(y, p)
    assert np.isfinite([measures.e_max, measures.e_avg]).all()


class TestFaults:
    def test_probability_without_a_logit(self):
        y = pd.Series([0, 1, 0, 1], index=list("ABCD"))
        with pytest.raises(ValueError, match=r"`y_prob` is 1 at row 'D', its logit is infinite; clip"):
            stats.calibration_measures(y, pd.Series([0.2, 0.4, 0.6, 1.0], index=y.index))

    def test_separated_equal_or_few(self):
        with pytest.raises(ValueError, match="separates"):
            stats.calibration_measures([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
        with pytest.raises(ValueError, match=r"`y_prob` is 0.5 for every patient"):
            stats.calibration_measures([0, 0, 1, 1], [0.5] * 4)
        with pytest.raises(ValueError, match=r"`y_prob` is 0.5 for every patient"):
            stats.calibration_curve([0, 0, 1, 1], [0.5] * 4)
        with pytest.raises(ValueError, match=r"falls into 2 group\(s\) of risk \(2 distinct values\); the test needs at least 3"):
            stats.hosmer_lemeshow([0, 1, 0, 1], [0.2, 0.2, 0.6, 0.6])
        with pytest.raises(ValueError, match="`groups` is 1"):
            stats.calibration_groups([0, 1], [0.2, 0.3], groups=1)

    def test_outcome_and_range(self):
        for function in (stats.calibration_measures, stats.hosmer_lemeshow, stats.calibration_curve, stats.calibration_groups):
            with pytest.raises(ValueError, match="one class only"):
                function([1, 1, 1], [0.2, 0.3, 0.4])
            with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
                function([0, 1, 1], [0.2, 0.3, -0.4])
