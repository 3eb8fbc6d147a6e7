"""Kaplan-Meier, log-rank, Cox and cut-points, against R's survival and lifelines."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifelines.statistics import multivariate_logrank_test
from sklearn.base import clone

from radiogenomics import stats

TERMS = ["rad", "gene", "age", "size"]


@pytest.fixture(scope="module")
def clinical(reference):
    table = pd.read_csv(reference / "stats" / "clin145.csv")
    risk = pd.read_csv(reference / "stats" / "predictions145.csv")["p_full"]
    return table.assign(risk=risk, high=(risk > risk.median()).astype(int))


@pytest.fixture(scope="module")
def by_r(reference):
    return json.loads((reference / "stats" / "survival.json").read_text())


def test_curve_equals_survfit(reference, clinical):
    expected = pd.read_csv(reference / "stats" / "km_two_groups.csv")
    found = stats.kaplan_meier(clinical["time"], clinical["status"], group=clinical["high"])
    assert list(found) == ["group", "time", "at_risk", "events", "censored", "survival", "se", "low", "high"]
    rows = found[found["time"] > 0].reset_index(drop=True)
    for ours, theirs in (("time", "time"), ("at_risk", "n.risk"), ("events", "n.event"), ("censored", "n.censor")):
        np.testing.assert_allclose(rows[ours], expected[theirs])
    for ours, theirs in (("survival", "surv"), ("low", "lower"), ("high", "upper")):
        np.testing.assert_allclose(rows[ours], expected[theirs], rtol=0, atol=1e-12)
    np.testing.assert_allclose(rows["se"] / rows["survival"], expected["std.err"], rtol=0, atol=1e-12)


def test_medians_and_survival_at_equal_r(clinical, by_r):
    found = stats.median_survival(clinical["time"], clinical["status"], group=clinical["high"])
    for row, expected in zip(found.itertuples(), by_r["km_table"], strict=True):
        assert (row.n, row.events, row.median, row.low) == (
            expected["records"],
            expected["events"],
            expected["median"],
            expected["0.95LCL"],
        )
        assert row.high == (expected["0.95UCL"] or np.inf)
    at, expected = (
        stats.survival_at(clinical["time"], clinical["status"], group=clinical["high"], at=[36, 1e4]),
        by_r["surv_at_36"],
    )
    for ours, theirs in (("survival", "surv"), ("se", "std.err"), ("low", "lower"), ("high", "upper")):
        np.testing.assert_allclose(at.loc[at["time"] == 36, ours], expected[theirs], rtol=1e-12)
    assert at.loc[at["time"] == 1e4, "survival"].isna().all()


def test_log_rank_equals_survdiff(clinical, by_r):
    found, expected = stats.log_rank(clinical["time"], clinical["status"], clinical["high"]), by_r["logrank"]
    assert (found.chi2, found.p) == pytest.approx((expected["chisq"], expected["p"]), rel=1e-10)
    np.testing.assert_allclose(found.groups["observed"], expected["obs"])
    np.testing.assert_allclose(found.groups["expected"], expected["exp"], rtol=1e-12)
    three = stats.log_rank(clinical["time"], clinical["status"], clinical["grade"])
    assert (three.chi2, three.p) == pytest.approx(tuple(by_r["logrank_3groups"].values()), rel=1e-10)
    assert three.df == 2
    peto = stats.log_rank(clinical["time"], clinical["status"], clinical["high"], weights="peto")
    assert peto.chi2 == pytest.approx(by_r["peto_rho1"], rel=1e-10)


def test_cox_equals_coxph(clinical, by_r):
    found, expected = stats.cox(clinical[TERMS], clinical["time"], clinical["status"]), by_r["cox_efron"]
    terms = found.terms.set_index("term")
    for ours, theirs in (("coefficient", "coef"), ("se", "se"), ("hazard_ratio", "hr"), ("p", "p")):
        assert terms[ours].to_dict() == pytest.approx(expected[theirs], rel=1e-7)
    assert (found.log_likelihood_null, found.log_likelihood) == pytest.approx(expected["loglik"], rel=1e-10)
    assert found.concordance == pytest.approx(expected["concordance"], rel=1e-12)
    assert (found.n, found.events) == (145, 75)
    np.testing.assert_allclose(np.log(terms["high"]), terms["coefficient"] + 1.959963985 * terms["se"], rtol=1e-8)


def test_proportional_hazards_equal_cox_zph(clinical, by_r):
    found = stats.proportional_hazards_test(clinical[TERMS], clinical["time"], clinical["status"])
    assert list(found["term"]) == [*TERMS, "global"]
    np.testing.assert_allclose(found["chi2"], [row["chisq"] for row in by_r["zph"]], rtol=1e-7)
    np.testing.assert_allclose(found["p"], [row["p"] for row in by_r["zph"]], rtol=1e-7)
    np.testing.assert_array_equal(found["df"], [row["df"] for row in by_r["zph"]])


@pytest.fixture(scope="module")
def cohorts(reference):
    return dict(list(pd.read_csv(reference / "stats" / "coxph_cohorts.csv").groupby("cohort")))


@pytest.fixture(scope="module")
def models_by_r(reference):
    return json.loads((reference / "stats" / "coxph_models.json").read_text())["models"]


@pytest.mark.parametrize("number", range(12))
def test_cox_equals_coxph_whatever_ties_and_units(cohorts, models_by_r, number):
    table, expected = cohorts[number + 1], models_by_r[number]
    found = stats.cox(table[expected["terms"]], table["time"], table["event"])
    for ours, theirs in (("coefficient", "coefficients"), ("se", "se"), ("z", "z"), ("p", "p")):
        np.testing.assert_allclose(found.terms[ours], expected[theirs], rtol=1e-9, atol=0)
    # As it comes, coxph stops when the likelihood no longer rises by a billionth of itself.
    np.testing.assert_allclose(found.terms["coefficient"], expected["coefficients_default"], rtol=1e-7)
    np.testing.assert_allclose((found.log_likelihood_null, found.log_likelihood), expected["log_likelihood"], rtol=1e-12)
    assert found.chi2 == pytest.approx(expected["chi2"][0], rel=1e-10)
    assert found.concordance == pytest.approx(expected["concordance"][0], abs=1e-12)


@pytest.mark.parametrize("number", range(12))
def test_proportional_hazards_equal_cox_zph_whatever_ties_and_units(cohorts, models_by_r, number):
    table, expected = cohorts[number + 1], models_by_r[number]
    for transform, by_r in expected["zph"].items():
        if by_r:  # where R finds the test singular it gives nothing
            found = stats.proportional_hazards_test(table[expected["terms"]], table["time"], table["event"], transform=transform)
            np.testing.assert_allclose(found["chi2"], by_r["chisq"], rtol=1e-7)
            np.testing.assert_allclose(found["p"], by_r["p"], rtol=1e-7)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(-12, 12), min_size=4, max_size=4), st.floats(-1e6, 1e6))
def test_no_unit_and_no_origin_changes_a_cox_test(powers, origin):
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(60, 4)), columns=TERMS)
    time, event = rng.exponential(np.exp(-table["rad"])).round(1), rng.random(60) < 0.7
    units = 10.0 ** np.array(powers)
    plain, scaled = (stats.cox(x, time, event) for x in (table, table * units + [origin, 0, 0, 0] * units))
    for column in ("z", "p"):
        np.testing.assert_allclose(scaled.terms[column], plain.terms[column], rtol=1e-7)
    np.testing.assert_allclose(scaled.terms["coefficient"] * units, plain.terms["coefficient"], rtol=1e-7)
    assert scaled.concordance == plain.concordance


@pytest.mark.parametrize("size", [1, 4, 12])
def test_a_rare_level_without_events_is_named(size):
    """Its hazard ratio is 0 in the limit: where an iteration stops is no estimate."""
    rng = np.random.default_rng(size)
    table = pd.DataFrame({"age": rng.normal(60, 9, 150), "rare": np.arange(150) < size})
    time, event = rng.exponential(size=150), (rng.random(150) < 0.6) & ~table["rare"]
    with pytest.raises(ValueError, match=r"did not converge: rare separate\(s\)"):
        stats.cox(table.astype(float), time, event.astype(float))
    event[0], time[0] = True, np.median(time)
    assert stats.cox(table.astype(float), time, event.astype(float)).terms["se"].iloc[1] < 3


def test_planted_change_of_effect_is_found():
    rng = np.random.default_rng(0)
    x, other = rng.integers(0, 2, 400), rng.normal(size=400)
    early = rng.exponential(1 / np.where(x == 1, 3.0, 0.6))
    time = np.where(early < 0.7, early, 0.7 + rng.exponential(1 / np.where(x == 1, 0.3, 1.5)))
    table = pd.DataFrame({"crossing": x, "other": other})
    for transform in ("km", "identity", "log"):
        found = stats.proportional_hazards_test(table, time, np.ones(400), transform=transform).set_index("term")
        assert found.loc["crossing", "p"] < 1e-4
        assert found.loc["other", "p"] > 0.01


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 1)), min_size=6, max_size=40))
def test_curves_follow_their_definition_and_tests_equal_lifelines(rows):
    time, event, group = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assume(time.any())  # nobody followed is refused
    curve = stats.kaplan_meier(time, event, interval="log-log", confidence=0.9)
    assert list(curve["time"]) == sorted({0.0, *time})
    survival, relative = 1.0, 0.0
    for row in curve.itertuples():
        n, d = (time >= row.time).sum(), event[time == row.time].sum()
        assert (row.at_risk, row.events, row.censored) == (n, d, (time == row.time).sum() - d)
        survival *= 1 - d / n
        assert row.survival == pytest.approx(survival, abs=1e-12)
        if survival < 1e-12:
            assert np.isnan([row.low, row.high]).all()
            continue
        relative += d / (n * (n - d))
        half = 1.6448536269514722 * np.sqrt(relative) / np.log(survival) if survival < 1 else 0
        assert (row.low, row.high) == pytest.approx((survival ** np.exp(-half), survival ** np.exp(half)), abs=1e-9)
    if event.sum() and np.unique(group).size == 2:
        for weights in ("wilcoxon", "tarone-ware"):
            found = stats.log_rank(time, event, group, weights=weights)
            if found.chi2 > 1e-9:
                expected = multivariate_logrank_test(time, group, event, weightings=weights)
                assert found.chi2 == pytest.approx(expected.test_statistic, rel=1e-6)
        plain = stats.log_rank(time, event, group)
        assert plain.groups["observed"].sum() == pytest.approx(plain.groups["expected"].sum())


def test_everybody_dies_and_a_flat_half():
    curve = stats.kaplan_meier([1, 2], [1, 1])
    assert list(curve["survival"]) == [1, 0.5, 0]
    assert np.isnan(curve["low"].iloc[-1])
    assert stats.median_survival([1, 2, 3, 4], [1, 1, 1, 1])["median"][0] == 2.5
    assert stats.median_survival([1, 2, 3, 4], [1, 0, 0, 0])["median"][0] == np.inf


class TestSurvivalCut:
    def test_median_of_training_patients_only(self, clinical):
        train, test = clinical["risk"].iloc[:80], clinical["risk"].iloc[80:]
        cut = stats.SurvivalCut().fit(train)
        assert cut.cut_ == train.median()
        assert list(cut.transform(test)) == ["high" if value > train.median() else "low" for value in test]
        assert not cut.exploratory_
        assert np.isnan(cut.p_corrected_)

    def test_optimal_is_labelled_and_its_p_corrected(self, clinical):
        follow_up = clinical[["time", "status"]].rename(columns={"status": "event"})
        cut = clone(stats.SurvivalCut(rule="optimal")).fit(clinical["risk"], follow_up)
        groups = cut.transform(clinical["risk"])
        best = stats.log_rank(clinical["time"], clinical["status"], groups)
        assert cut.exploratory_
        assert "exploratory" in cut.label_
        assert cut.p_corrected_ > 2 * best.p
        for share in (0.3, 0.5, 0.7):
            other = clinical["risk"] > clinical["risk"].quantile(share)
            assert stats.log_rank(clinical["time"], clinical["status"], other).chi2 <= best.chi2
        assert 0.2 <= (groups == "low").mean() <= 0.8

    def test_corrected_p_holds_its_level_where_the_naive_one_does_not(self):
        rng = np.random.default_rng(0)
        naive, corrected = [], []
        for _ in range(40):
            follow_up = pd.DataFrame({"time": rng.exponential(size=40), "event": rng.integers(0, 2, 40)})
            score = rng.normal(size=40)
            cut = stats.SurvivalCut(rule="optimal").fit(score, follow_up)
            naive.append(stats.log_rank(follow_up["time"], follow_up["event"], cut.transform(score)).p)
            corrected.append(cut.p_corrected_)
        assert np.mean(np.array(naive) < 0.05) > 0.2
        assert np.mean(np.array(corrected) < 0.05) <= 0.12

    def test_faults(self, clinical):
        with pytest.raises(ValueError, match="needs `y` with the columns time and event"):
            stats.SurvivalCut(rule="optimal").fit(clinical["risk"])
        with pytest.raises(ValueError, match="`X` is 2 for every patient"):
            stats.SurvivalCut().fit([2, 2])
        with pytest.raises(ValueError, match=r"`min_share` is 0.7"):
            stats.SurvivalCut(rule="optimal", min_share=0.7).fit([1, 2], pd.DataFrame({"time": [1, 2], "event": [1, 1]}))


class TestFaults:
    def test_follow_up(self):
        labels = ["A", "B"]
        with pytest.raises(ValueError, match="`time` is -3 at row 'B'; follow-up cannot be negative"):
            stats.kaplan_meier(pd.Series([1, -3], index=labels), pd.Series([1, 0], index=labels))
        with pytest.raises(ValueError, match="`event` is 2 at position 1"):
            stats.kaplan_meier([1, 2], [1, 2])
        with pytest.raises(ValueError, match="`event` has 3 values and `time` has 2"):
            stats.kaplan_meier([1, 2], [1, 0, 1])
        with pytest.raises(ValueError, match="`interval` is 'plain'"):
            stats.kaplan_meier([1, 2], [1, 0], interval="plain")

    @pytest.mark.parametrize(
        "ask",
        [
            lambda time, event, x: stats.kaplan_meier(time, event),
            lambda time, event, x: stats.log_rank(time, event, x > 0),
            lambda time, event, x: stats.cox(pd.DataFrame({"x": x}), time, event),
            lambda time, event, x: stats.SurvivalCut(rule="optimal").fit(x, pd.DataFrame({"time": time, "event": event})),
            lambda time, event, x: stats.survival_decision_curve(
                time, event, {"m": np.full(30, 0.3)}, horizon=1, thresholds=[0.2]
            ),
        ],
    )
    def test_nobody_was_followed(self, ask):
        rng = np.random.default_rng(0)
        with pytest.raises(ValueError, match=r"`time` is 0 for every patient.*is it the right column"):
            ask(np.zeros(30), rng.integers(0, 2, 30), rng.normal(size=30))

    def test_groups(self):
        with pytest.raises(ValueError, match="`group` is 'a' for every patient"):
            stats.log_rank([1, 2], [1, 0], ["a", "a"])
        with pytest.raises(ValueError, match="`group` is missing at position 1"):
            stats.log_rank([1, 2], [1, 0], ["a", None])
        with pytest.raises(ValueError, match="nobody has the event"):
            stats.log_rank([1, 2], [0, 0], ["a", "b"])

    def test_cox(self, clinical):
        time, event = clinical["time"], clinical["status"]
        with pytest.raises(ValueError, match=r"Covariate 'one' is 1.* for every patient; drop it"):
            stats.cox(clinical[["rad"]].assign(one=1.0), time, event)
        with pytest.raises(
            ValueError, match=r"did not converge: rad, copy cannot be told apart .* combination of others; drop it"
        ):
            stats.cox(clinical[["rad"]].assign(copy=2 * clinical["rad"]), time, event)
        with pytest.raises(ValueError, match=r"`covariates` has 1 value\(s\) that are not finite"):
            stats.cox(clinical[["rad"]].drop(index=4).reindex(clinical.index), time, event)
        with pytest.raises(ValueError, match=r"did not converge: x separate\(s\) those with the event"):
            stats.cox(pd.DataFrame({"x": [1.0, 1, 1, 0, 0, 0]}), [1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0])
        with pytest.raises(ValueError, match=r"`covariates` has shape \(145, 0\)"):
            stats.cox(clinical[[]], time, event)
        with pytest.raises(ValueError, match=r"1 time\(s\) with an event are too few to test 1 covariate\(s\)"):
            stats.proportional_hazards_test(pd.DataFrame({"x": [0.3, 1, 1, 0, 0, 0]}), [1, 2, 3, 4, 5, 6], [1, 0, 0, 0, 0, 0])
        with pytest.raises(ValueError, match="nobody has the event"):
            stats.cox(clinical[["rad"]], time, 0 * event)
        later = clinical.index > 0
        with pytest.raises(ValueError, match="`transform` is 'log' but somebody has the event at time 0"):
            stats.proportional_hazards_test(clinical[["rad"]], time.where(later, 0), event.where(later, 1), transform="log")
