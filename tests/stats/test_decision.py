"""Decision curves, against R's dcurves and rmda and the dcurves package."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import stats

MODELS = ["p_clin", "p_clinrad", "p_full"]
COLUMNS = ["model", "threshold", "net_benefit", "low", "high"]
COLUMNS += ["standardized", "interventions_avoided", "tp_rate", "fp_rate", "n"]


@pytest.fixture(scope="module")
def predictions(reference):
    return pd.read_csv(reference / "stats" / "predictions145.csv")


@pytest.fixture(scope="module")
def clinical(reference):
    return pd.read_csv(reference / "stats" / "clin145.csv")


def test_equal_to_r_dcurves(reference, predictions):
    expected = pd.read_csv(reference / "stats" / "dca_dcurves.csv")
    found = stats.decision_curve(predictions["y"], predictions[MODELS], thresholds=np.arange(100) / 100)
    assert list(found) == COLUMNS
    for model, rows in expected.groupby("variable"):
        mine = found[found["model"] == model]
        for ours, theirs in (("net_benefit", "net_benefit"), ("tp_rate", "tp_rate"), ("fp_rate", "fp_rate")):
            np.testing.assert_allclose(mine[ours], rows[theirs], rtol=0, atol=1e-12)


def test_the_order_of_patients_changes_no_bit_of_a_band():
    rng = np.random.default_rng(12)
    risks = pd.DataFrame(rng.uniform(0.05, 0.95, (70, 2)), columns=["old", "new"])
    event, days = (rng.random(70) < risks["new"]).astype(int), rng.integers(10, 90, 70).astype(float)
    dealt = rng.permutation(70)
    how = {"thresholds": [0.1, 0.35, 0.6], "n_boot": 40, "random_state": 6}
    first = stats.decision_curve(event, risks, **how)
    assert first["low"].lt(first["high"]).any()
    pd.testing.assert_frame_equal(first, stats.decision_curve(event[dealt], risks.iloc[dealt], **how), check_exact=True)
    first = stats.survival_decision_curve(days, event, risks, horizon=50, **how)
    again = stats.survival_decision_curve(days[dealt], event[dealt], risks.iloc[dealt], horizon=50, **how)
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_standardised_equals_rmda(reference, predictions):
    expected = pd.read_csv(reference / "stats" / "dca_rmda_full.csv")
    for name, model in (("p_full", "y ~ p_full"), ("all", "All")):
        rows = expected[(expected["model"] == model) & (expected["thresholds"] < 1)]
        found = stats.decision_curve(predictions["y"], predictions[["p_full"]], thresholds=rows["thresholds"].to_numpy())
        mine = found[found["model"] == name]
        known = rows["NB"].notna().to_numpy()
        assert known.sum() > 80
        np.testing.assert_allclose(mine["net_benefit"][known], rows["NB"][known], rtol=0, atol=1e-12)
        np.testing.assert_allclose(mine["standardized"][known], rows["sNB"][known], rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*:FutureWarning")
def test_survival_and_avoided_equal_the_dcurves_package(predictions, clinical):
    import dcurves

    thresholds = np.arange(1, 60) / 100
    data = clinical.assign(risk=predictions["p_full"])
    expected = dcurves.dca(
        data=data, outcome="status", modelnames=["risk"], thresholds=thresholds, time=36, time_to_outcome_col="time", nper=100
    )
    found = stats.survival_decision_curve(data["time"], data["status"], data[["risk"]], horizon=36, thresholds=thresholds)
    merged = found.merge(expected, on=["model", "threshold"], suffixes=("", "_r"))
    assert len(merged) == 3 * 59
    np.testing.assert_allclose(merged["net_benefit"], merged["net_benefit_r"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(merged["interventions_avoided"], merged["net_intervention_avoided"], rtol=0, atol=1e-10)


def test_survival_without_censoring_is_the_binary_curve(predictions):
    y, p = predictions["y"], {"model": predictions["p_full"]}
    thresholds = [0.1, 0.2, 0.3, 0.5]
    time = np.where(y == 1, 10.0, 60.0)
    binary = stats.decision_curve(y, p, thresholds=thresholds)
    survival = stats.survival_decision_curve(time, y, p, horizon=36, thresholds=thresholds)
    pd.testing.assert_frame_equal(binary, survival)


def test_nobody_followed_to_the_horizon_is_unknown():
    found = stats.survival_decision_curve(
        [1, 2, 3, 50], [1, 0, 1, 0], {"model": [0.9, 0.8, 0.7, 0.1]}, horizon=36, thresholds=[0.05, 0.5]
    )
    model = found[found["model"] == "model"]["net_benefit"].to_numpy()
    assert np.isfinite(model[0])
    assert np.isnan(model[1])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=30),
    st.lists(st.floats(0, 0.99), min_size=1, max_size=5),
)
def test_net_benefit_follows_its_formula(rows, thresholds):
    y, p = np.array([int(event) for event, _ in rows]), np.array([value for _, value in rows])
    if y.min() == y.max():
        return
    found = stats.decision_curve(y, {"model": p}, thresholds=thresholds)
    for name, called in (("all", lambda t: p >= 0), ("none", lambda t: p < 0), ("model", lambda t: p >= t)):
        mine = found[found["model"] == name]
        expected = [(called(t) & (y == 1)).mean() - (called(t) & (y == 0)).mean() * t / (1 - t) for t in np.asarray(thresholds)]
        np.testing.assert_allclose(mine["net_benefit"], expected, rtol=1e-9, atol=1e-12)
    prevalence = y.mean()
    everybody = found[found["model"] == "all"]
    odds = np.asarray(thresholds) / (1 - np.asarray(thresholds))
    np.testing.assert_allclose(everybody["net_benefit"], prevalence - (1 - prevalence) * odds, rtol=1e-9, atol=1e-12)
    assert (found["standardized"] <= 1 + 1e-12).all()


def test_band_repeats_holds_the_estimate_and_has_the_binomial_width(predictions):
    y, p, thresholds = predictions["y"], predictions[["p_full"]], [0.1, 0.2, 0.3]
    one, two = (
        stats.decision_curve(y, p, thresholds=thresholds, n_boot=2000, random_state=np.random.default_rng(4)) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one, two)
    known = one[one["model"] != "none"]
    assert ((known["low"] < known["net_benefit"]) & (known["net_benefit"] < known["high"])).all()
    everybody = one[(one["model"] == "all") & (one["threshold"] == 0.1)].iloc[0]
    width = 2 * 1.96 * np.sqrt(y.mean() * (1 - y.mean()) / 145) / 0.9
    assert everybody["high"] - everybody["low"] == pytest.approx(width, rel=0.08)
    assert (one[one["model"] == "none"][["low", "high"]] == 0).all(axis=None)
    assert stats.decision_curve(y, p, thresholds=thresholds)[["low", "high"]].isna().all(axis=None)


def test_survival_band(predictions, clinical):
    arguments = (clinical["time"], clinical["status"], {"risk": predictions["p_full"]})
    found = stats.survival_decision_curve(
        *arguments, horizon=36, thresholds=[0.2, 0.3], n_boot=200, random_state=np.random.default_rng(1)
    )
    known = found[found["model"] != "none"]
    assert ((known["low"] < known["net_benefit"]) & (known["net_benefit"] < known["high"])).all()


class TestFaults:
    def test_thresholds(self):
        with pytest.raises(ValueError, match=r"`thresholds` holds 1; threshold probabilities lie in \[0, 1\)"):
            stats.decision_curve([0, 1], {"model": [0.1, 0.2]}, thresholds=[0.5, 1])

    def test_models(self):
        with pytest.raises(ValueError, match=r"A model is called 'all'.*; rename it"):
            stats.decision_curve([0, 1], {"all": [0.1, 0.2]}, thresholds=[0.5])
        with pytest.raises(ValueError, match="`y_prob` holds no model"):
            stats.decision_curve([0, 1], {}, thresholds=[0.5])
        with pytest.raises(ValueError, match=r"`volume` is 3 at position 1, outside \[0, 1\]"):
            stats.decision_curve([0, 1], {"volume": [0.1, 3]}, thresholds=[0.5])

    def test_bootstrap(self):
        with pytest.raises(ValueError, match="`n_boot` is 10 but `random_state` is missing"):
            stats.decision_curve([0, 1], {"model": [0.1, 0.2]}, thresholds=[0.5], n_boot=10)
        with pytest.raises(ValueError, match="`n_boot` is 1"):
            stats.decision_curve([0, 1], {"model": [0.1, 0.2]}, thresholds=[0.5], n_boot=1, random_state=np.random.default_rng())

    def test_follow_up(self):
        models = {"model": [0.1, 0.2]}
        with pytest.raises(ValueError, match="`time` is -1 at position 0; follow-up cannot be negative"):
            stats.survival_decision_curve([-1, 2], [0, 1], models, horizon=1, thresholds=[0.5])
        with pytest.raises(ValueError, match="`horizon` is 5, the longest follow-up is 2"):
            stats.survival_decision_curve([1, 2], [0, 1], models, horizon=5, thresholds=[0.5])
        with pytest.raises(ValueError, match="nobody has the event"):
            stats.survival_decision_curve([1, 2], [0, 0], models, horizon=1, thresholds=[0.5])
