"""Areas under the ROC curve and their comparison, against pROC."""

import json
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from radiogenomics import stats

TIED = st.integers(-5, 5).map(float)
MODELS = ("p_clin", "p_clinrad", "p_full")


@pytest.fixture(scope="module")
def predictions(reference):
    return pd.read_csv(reference / "stats" / "predictions145.csv")


@pytest.fixture(scope="module")
def proc(reference):
    return json.loads((reference / "stats" / "pROC.json").read_text())


def outcomes_and_scores(values=TIED):
    """Small samples with ties and both classes, each at least twice."""
    rows = st.lists(st.tuples(st.booleans(), values), min_size=4, max_size=40)
    return rows.filter(lambda row: 2 <= sum(event for event, _ in row) <= len(row) - 2).map(
        lambda row: (np.array([event for event, _ in row], dtype=int), np.array([score for _, score in row]))
    )


@pytest.mark.parametrize("model", MODELS)
def test_area_interval_and_error_equal_proc(predictions, proc, model):
    found = stats.auc(predictions["y"], predictions[model])
    low, area, high = proc["ci_delong95"][model]
    assert (found.auc, found.low, found.high) == pytest.approx((area, low, high), abs=1e-12)
    assert found.se**2 == pytest.approx(proc["var_delong"][model], rel=1e-12)
    assert (found.n, found.events) == (145, 37)


def test_ties_equal_proc(reference, proc):
    table = pd.read_csv(reference / "stats" / "clin145.csv")
    found = stats.auc(table["y"], table["er"])
    assert [found.low, found.auc, found.high] == pytest.approx(proc["ties_er"]["ci"], abs=1e-12)


@pytest.mark.parametrize(
    ("pair", "key"),
    [
        (("p_clin", "p_clinrad"), "test_clin_vs_clinrad"),
        (("p_clin", "p_full"), "test_clin_vs_full"),
        (("p_clinrad", "p_full"), "test_clinrad_vs_full"),
    ],
)
def test_paired_delong_equals_proc(predictions, proc, pair, key):
    found = stats.delong_test(predictions["y"], predictions[pair[0]], predictions[pair[1]])
    expected = proc[key]
    assert found.statistic == pytest.approx(expected["statistic"], rel=1e-10)
    assert found.p == pytest.approx(expected["p"], rel=1e-10)
    assert (found.low, found.high) == pytest.approx(expected["conf"], rel=1e-10)
    assert (found.first.auc, found.second.auc) == pytest.approx(expected["estimate"], rel=1e-12)
    assert np.isinf(found.df)


def test_one_sided_and_unpaired_delong_equal_proc(predictions, proc):
    y, clin, full = predictions["y"], predictions["p_clin"], predictions["p_full"]
    assert stats.delong_test(y, clin, full, alternative="less").p == pytest.approx(proc["test_one_sided_less"]["p"], rel=1e-10)
    expected = proc["unpaired_first80_vs_last65"]
    found = stats.delong_test(y[:80], full[:80], full[80:], second_y_true=y[80:])
    assert found.statistic == pytest.approx(expected["statistic"], rel=1e-10)
    assert found.df == pytest.approx(expected["parameter"], rel=1e-10)
    assert found.p == pytest.approx(expected["p"], rel=1e-10)


def test_bootstrap_agrees_with_delong_and_repeats(predictions):
    y, p = predictions["y"], predictions["p_full"]
    one, two = (stats.bootstrap_auc(y, p, n_boot=4000, random_state=np.random.default_rng(1)) for _ in range(2))
    assert one == two
    delong = stats.auc(y, p)
    assert one.auc == delong.auc
    assert one.se == pytest.approx(delong.se, rel=0.05)
    assert (one.low, one.high) == pytest.approx((delong.low, delong.high), abs=0.015)


def test_the_order_of_patients_does_not_move_the_bootstrap():
    rng = np.random.default_rng(8)
    y, score = rng.random(50) < 0.5, rng.normal(size=50).round(1)
    order = rng.permutation(50)
    one, two = (
        stats.bootstrap_auc(y[i], score[i], n_boot=300, random_state=np.random.default_rng(5)) for i in (np.arange(50), order)
    )
    assert (one.low, one.high) == (two.low, two.high)


@given(st.floats(0, 1), st.integers(1, 200), st.integers(1, 200), st.floats(1, 3))
def test_newcombes_limits_solve_their_equation_and_have_a_width(area, events, controls, factor):
    low, high = stats.newcombe_interval(area, events=events, controls=controls, variance_factor=factor)
    assert 0 <= low <= area <= high <= 1
    assert high - low > 0.5 / max(events, controls)
    assert stats.newcombe_interval(1 - area, events=events, controls=controls, variance_factor=factor) == pytest.approx(
        (1 - high, 1 - low), abs=1e-9
    )
    mean = (events + controls) / 2
    for limit in (low, high):
        if 1e-6 < limit < 1 - 1e-6 and 1e-6 < area < 1 - 1e-6:
            # As Newcombe (2006) prints it, with N* = mean - 1.
            more = (mean - 1) * ((1 - limit) / (2 - limit) + limit / (1 + limit))
            variance = limit * (1 - limit) * (1 + more) / (events * controls)
            assert abs(area - limit) == pytest.approx(
                NormalDist().inv_cdf(0.975) * (factor * variance) ** 0.5, rel=1e-6, abs=1e-9
            )


@pytest.mark.parametrize(("shift", "sizes"), [(0.0, (20, 30)), (1.0, (15, 25)), (3.0, (20, 20)), (4.5, (12, 30))])
def test_newcombes_interval_covers_the_area_also_near_one(shift, sizes):
    rng = np.random.default_rng(9)
    truth = NormalDist().cdf(shift / 2**0.5)
    covered = []
    for _ in range(600):
        y = np.repeat([1, 0], sizes)
        area = stats.auc(y, rng.normal(size=y.size) + shift * y).auc
        low, high = stats.newcombe_interval(area, events=sizes[0], controls=sizes[1])
        covered.append(low <= truth <= high)
    assert 0.92 < np.mean(covered) <= 1


def test_newcombes_interval_refuses_what_is_no_area():
    for wrong in ({"area": 1.2}, {"area": float("nan")}, {"events": 0}, {"variance_factor": 0.5}):
        with pytest.raises(ValueError, match="the area is between 0 and 1"):
            stats.newcombe_interval(**{"area": 0.8, "events": 10, "controls": 10} | wrong)


def test_bootstrap_draws_equal_areas_computed_one_by_one():
    rng = np.random.default_rng(3)
    y, score = rng.random(60) < 0.4, rng.integers(0, 9, 60).astype(float)
    found = stats.bootstrap_auc(y, score, n_boot=200, random_state=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    cases, controls = (np.sort(score[kind])[rng.integers(kind.sum(), size=(200, kind.sum()))] for kind in (y, ~y))
    areas = [
        roc_auc_score(np.repeat([1, 0], [y.sum(), (~y).sum()]), np.concatenate(draw))
        for draw in zip(cases, controls, strict=True)
    ]
    assert (found.low, found.high) == pytest.approx(np.quantile(areas, [0.025, 0.975]), abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores())
def test_area_is_sklearns_and_interval_holds_it(sample):
    y, score = sample
    found = stats.auc(y, score)
    assert found.auc == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    assert 0 <= found.low <= found.auc + 1e-12
    assert found.auc <= found.high + 1e-12
    assert found.high <= 1


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores())
def test_variance_is_delongs_definition(sample):
    y, score = sample
    cases, controls = score[y == 1], score[y == 0]
    wins = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
    variance = wins.mean(axis=1).var(ddof=1) / cases.size + wins.mean(axis=0).var(ddof=1) / controls.size
    assert stats.auc(y, score).se == pytest.approx(np.sqrt(variance), abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores(), st.sampled_from([np.exp, lambda x: 3 * x + 1, np.cbrt, lambda x: x**3]))
def test_area_is_invariant_to_monotone_maps(sample, change):
    y, score = sample
    assert stats.auc(y, score) == stats.auc(y, change(score))


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores(), st.randoms(use_true_random=False))
def test_order_of_patients_is_irrelevant_and_direction_mirrors(sample, random):
    y, score = sample
    order = list(range(len(y)))
    random.shuffle(order)
    found = stats.auc(y, score)
    assert stats.auc(y[order], score[order]).auc == pytest.approx(found.auc, abs=1e-15)
    assert stats.auc(y, -score).auc == pytest.approx(1 - found.auc, abs=1e-12)
    assert stats.auc(1 - y, score).se == pytest.approx(found.se, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores())
def test_a_score_against_itself_gives_p_one(sample):
    y, score = sample
    assert stats.delong_test(y, score, score).p == 1
    assert stats.delong_test(y, score, np.exp(score)).p == 1


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores(), st.integers(0, 2**32))
def test_delong_is_antisymmetric(sample, seed):
    y, score = sample
    other = np.random.default_rng(seed).integers(-3, 3, y.size).astype(float)
    there, back = stats.delong_test(y, score, other), stats.delong_test(y, other, score)
    assert there.p == pytest.approx(back.p, abs=1e-9)
    assert there.difference == -back.difference


def test_delong_holds_its_level_under_the_null():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(400):
        y, first, second = rng.random(120) < 0.4, rng.normal(size=120), rng.normal(size=120)
        p.append(stats.delong_test(y, first, second).p)
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_interval_covers_the_truth():
    rng = np.random.default_rng(1)
    truth, covered = 0.7602499389065233, []  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    for _ in range(300):
        y = np.repeat([1, 0], [40, 80])
        found = stats.auc(y, rng.normal(size=120) + y)
        covered.append(found.low <= truth <= found.high)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_perfect_separation_and_single_case():
    perfect = stats.auc([0, 0, 1, 1], [1, 2, 3, 4])
    assert (perfect.auc, perfect.low, perfect.high, perfect.se) == (1, 1, 1, 0)
    single = stats.auc([0, 0, 0, 1], [1, 2, 3, 2.5])
    assert single.auc == pytest.approx(2 / 3)
    assert np.isnan([single.low, single.high, single.se]).all()
    opposite = stats.delong_test([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert opposite.p == 0
    assert opposite.statistic == np.inf


@settings(deadline=None, max_examples=50)
@given(outcomes_and_scores(st.floats(-1e6, 1e6)))
def test_arrays_lists_and_series_give_the_same(sample):
    y, score = sample
    assume(np.unique(score).size > 1)
    labels = pd.Index([f"P{i}" for i in range(len(y))], name="patient")
    series = stats.auc(pd.Series(y, index=labels), pd.Series(score, index=labels))
    assert series == stats.auc(list(y), list(score)) == stats.auc(y.astype(bool), score)
    assert series == stats.auc(pd.Series(y, index=labels).astype("boolean"), pd.Series(score, index=labels).astype("Float64"))


class TestFaults:
    @pytest.mark.parametrize(
        ("y", "score", "words"),
        [
            ([1, 1, 1], [1, 2, 3], ["`y_true` has one class only", "all 3 values are 1", "both classes"]),
            ([0, 2, 1], [1, 2, 3], ["`y_true` is 2 at position 1", "code the event as 1"]),
            ([0, np.nan, 1], [1, 2, 3], ["`y_true` has 1 value(s) that are not finite", "position 1", "drop or impute"]),
            ([0, 1, 1], [1, np.inf, 3], ["`y_score` has 1 value(s) that are not finite", "inf at position 1"]),
            ([0, 1, 1], [1, 2], ["`y_score` has 2 values and `y_true` has 3", "same patients"]),
            ([0, 1, 1], [[1], [2], [3]], ["`y_score` has shape (3, 1)", "one value per patient"]),
            ([], [], ["`y_true` is empty"]),
        ],
    )
    def test_message_names_value_place_and_remedy(self, y, score, words):
        with pytest.raises(ValueError) as error:
            stats.auc(y, score)
        assert all(word in str(error.value) for word in words)

    def test_words_are_refused(self):
        with pytest.raises(TypeError, match=r"`y_true` must hold numbers .*encode words"):
            stats.auc(["yes", "no"], [1, 2])

    def test_labels_in_another_order_are_refused(self):
        y = pd.Series([0, 1, 1], index=["A", "B", "C"])
        with pytest.raises(
            ValueError, match=r"row 1 is 'C' in `y_score` and 'A' in `y_true`; align them with y_score.loc\[y_true.index\]"
        ):
            stats.auc(y, pd.Series([1.0, 2, 3], index=["C", "B", "A"]))

    def test_missing_value_is_named_by_its_patient(self):
        y = pd.Series([0, 1, 1], index=["A", "B", "C"])
        with pytest.raises(ValueError, match="nan at row 'B'"):
            stats.auc(y, pd.Series([1.0, None, 3], index=["A", "B", "C"]))

    def test_options(self):
        with pytest.raises(ValueError, match=r"`confidence` is 95; .* between 0 and 1"):
            stats.auc([0, 1], [1, 2], confidence=95)
        with pytest.raises(ValueError, match="`n_boot` is 1"):
            stats.bootstrap_auc([0, 1], [1, 2], n_boot=1, random_state=np.random.default_rng())
        with pytest.raises(ValueError, match="`alternative` is 'upper', it must be one of 'two-sided', 'less', 'greater'"):
            stats.delong_test([0, 1], [1, 2], [1, 2], alternative="upper")
        with pytest.raises(ValueError, match="at least two cases and two controls"):
            stats.delong_test([0, 0, 1], [1, 2, 3], [1, 2, 3])
