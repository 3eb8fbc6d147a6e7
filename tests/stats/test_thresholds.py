"""ROC and precision-recall curves, thresholds and what they are worth, against pROC, R's binom.test and scikit-learn."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from radiogenomics import stats


@pytest.fixture(scope="module")
def predictions(reference):
    return pd.read_csv(reference / "stats" / "predictions145.csv")


def test_curve_equals_proc(reference, predictions):
    expected = pd.read_csv(reference / "stats" / "roc_curve_full.csv")
    found = stats.roc_curve(predictions["y"], predictions["p_full"])
    assert list(found) == ["threshold", "sensitivity", "specificity"]
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("model", ["p_clin", "p_clinrad", "p_full"])
def test_youden_and_its_measures_equal_proc(reference, predictions, model):
    expected = json.loads((reference / "stats" / "pROC.json").read_text())["youden"][model]
    threshold = stats.youden_threshold(predictions["y"], predictions[model])
    assert threshold == pytest.approx(expected["threshold"], rel=1e-12)
    found = stats.at_threshold(predictions["y"], predictions[model], threshold).set_index("measure")
    for measure in ("sensitivity", "specificity", "accuracy", "ppv", "npv"):
        assert found.loc[measure, "value"] == pytest.approx(expected[measure], rel=1e-12)


def test_intervals_are_clopper_pearson_and_wilson():
    # binom.test(33, 37) and prop.test(33, 37, correct = FALSE) of R: 0.7458 0.9697, 0.7529 0.9571.
    y, score = np.repeat([1, 0], [37, 3]), np.repeat([1.0, 0.0, 0.0], [33, 4, 3])
    exact = stats.at_threshold(y, score, 0.5).set_index("measure").loc["sensitivity"]
    assert (exact["low"], exact["high"]) == pytest.approx((0.7458, 0.9697), abs=5e-5)
    assert (exact["numerator"], exact["denominator"]) == (33, 37)
    wilson = stats.at_threshold(y, score, 0.5, interval="wilson").set_index("measure").loc["sensitivity"]
    from statsmodels.stats.proportion import proportion_confint

    assert (wilson["low"], wilson["high"]) == pytest.approx(proportion_confint(33, 37, method="wilson"), abs=1e-12)
    assert (exact["low"], exact["high"]) == pytest.approx(proportion_confint(33, 37, method="beta"), abs=1e-12)


def test_nobody_called_positive_leaves_ppv_open():
    found = stats.at_threshold([0, 1, 1], [1, 2, 3], 9).set_index("measure")
    assert np.isnan(found.loc["ppv", ["value", "low", "high"]].astype(float)).all()
    assert found.loc["ppv", "denominator"] == 0
    assert found.loc["sensitivity", "low"] == 0


def test_fixed_sensitivity_is_reached_with_the_best_specificity(predictions):
    y, p = predictions["y"], predictions["p_full"]
    for wanted in (0.5, 0.9, 33 / 37, 1.0):
        threshold = stats.fixed_sensitivity_threshold(y, p, sensitivity=wanted)
        curve = stats.roc_curve(y, p)
        enough = curve[curve["sensitivity"] >= wanted - 1e-12]
        measures = stats.at_threshold(y, p, threshold).set_index("measure")["value"]
        assert measures["sensitivity"] >= wanted - 1e-12
        assert measures["specificity"] == enough["specificity"].max()


def test_neighbouring_floats_keep_their_order():
    low, high = 1.0, np.nextafter(1.0, 2.0)
    curve = stats.roc_curve([0, 1], [low, high])
    assert stats.at_threshold([0, 1], [low, high], curve["threshold"][1])["value"][0] == 1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_curves_agree_with_the_area_and_with_sklearn(rows):
    y, score = np.array([int(event) for event, _ in rows]), np.array([float(value) for _, value in rows])
    if y.min() == y.max():
        return
    curve = stats.roc_curve(y, score)
    area = np.trapezoid(curve["sensitivity"][::-1], 1 - curve["specificity"][::-1])
    assert area == pytest.approx(stats.auc(y, score).auc, abs=1e-12)
    found = stats.average_precision(y, score)
    assert found.average_precision == pytest.approx(average_precision_score(y, score), abs=1e-12)
    assert found.low <= found.average_precision <= found.high
    assert (curve[["sensitivity", "specificity"]].iloc[[0, -1]].to_numpy() == [[1, 0], [0, 1]]).all()
    for row in curve.iloc[1:-1:3].itertuples():
        at = stats.at_threshold(y, score, row.threshold).set_index("measure")["value"]
        assert (at["sensitivity"], at["specificity"]) == pytest.approx((row.sensitivity, row.specificity))


def test_perfect_precision_has_no_width():
    found = stats.average_precision([0, 0, 1, 1], [1, 2, 3, 4])
    assert (found.average_precision, found.low, found.high, found.prevalence) == (1, 1, 1, 0.5)


def test_faults():
    with pytest.raises(ValueError, match=r"`sensitivity` is 90; give a share in \(0, 1\]"):
        stats.fixed_sensitivity_threshold([0, 1], [1, 2], sensitivity=90)
    with pytest.raises(ValueError, match="`threshold` is NaN"):
        stats.at_threshold([0, 1], [1, 2], np.nan)
    with pytest.raises(ValueError, match="`interval` is 'wald', it must be one of 'exact', 'wilson'"):
        stats.at_threshold([0, 1], [1, 2], 1, interval="wald")
    for function in (stats.roc_curve, stats.precision_recall_curve, stats.average_precision, stats.youden_threshold):
        with pytest.raises(ValueError, match="one class only"):
            function([0, 0], [1, 2])
