"""Firth's logistic regression, against logistf's published examples and an exactly solvable table."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from radiogenomics.stats import FirthLogisticRegression


@pytest.fixture(scope="module")
def by_r(reference):
    return json.loads((reference / "logistf" / "logistf.json").read_text())


@pytest.fixture(scope="module")
def sex2(reference):
    table = pd.read_csv(reference / "logistf" / "sex2.csv")
    rows = table.loc[table.index.repeat(table["n"])].reset_index(drop=True)
    return rows[["age", "oc", "vic", "vicl", "vis", "dia"]], rows["case"]


def test_sex2_equals_logistf(sex2, by_r):
    expected = by_r["sex2"]
    found = FirthLogisticRegression().fit(*sex2)
    assert list(found.terms_["term"]) == expected["term"]
    for column in ("coefficient", "low", "high"):
        np.testing.assert_allclose(found.terms_[column], expected[column], rtol=3e-7)
    for column in ("se", "chi2", "p"):
        np.testing.assert_allclose(found.terms_[column], expected[column], rtol=1e-6)
    assert found.log_likelihood_ == pytest.approx(expected["log_likelihood"], abs=5e-5)
    narrower = FirthLogisticRegression(confidence=0.9).fit(*sex2).terms_
    np.testing.assert_allclose(narrower[["low", "high"]].T, [expected["low_90"], expected["high_90"]], rtol=1e-6)


def test_endometrial_equals_logistf(reference, by_r):
    table, expected = pd.read_csv(reference / "logistf" / "endometrial.csv"), by_r["endometrial"]
    found = FirthLogisticRegression().fit(table[["nv", "pi", "eh"]], table["hg"]).terms_
    for column in ("coefficient", "low", "high"):
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.integers(0, 12)] * 4))
def test_a_saturated_table_adds_one_half_to_every_cell(cells):
    a, b, c, d = cells
    if a + b == 0 or c + d == 0 or a + c == 0 or b + d == 0:
        return
    x = np.repeat([1, 1, 0, 0], cells)[:, None]
    y = np.repeat([1, 0, 1, 0], cells)
    found = FirthLogisticRegression(interval="wald").fit(x, y)
    expected = np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))
    assert found.coef_[0, 0] == pytest.approx(expected, abs=1e-8)
    assert found.intercept_[0] == pytest.approx(np.log((c + 0.5) / (d + 0.5)), abs=1e-8)


def test_profile_limits_cut_the_likelihood_at_the_quantile():
    x, y = np.r_[np.zeros(10), np.ones(10)][:, None], np.r_[np.zeros(7), np.ones(13)]
    terms = FirthLogisticRegression().fit(x, y).terms_.set_index("term")
    slope = terms.loc["x0"]
    assert slope["low"] < slope["coefficient"] < slope["high"] < np.inf
    assert slope["high"] - slope["coefficient"] > slope["coefficient"] - slope["low"]
    assert (slope["p"] < 0.05) == (slope["low"] > 0)
    np.testing.assert_allclose(np.log(terms["odds_high"]), terms["high"])


def test_large_samples_give_ordinary_logistic_regression():
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(20_000, 2)), columns=["a", "b"])
    y = (rng.random(20_000) < 1 / (1 + np.exp(1 - x["a"]))).astype(int)
    found = FirthLogisticRegression(interval="wald").fit(x, y).terms_
    expected = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    np.testing.assert_allclose(found["coefficient"], expected.params, atol=2e-3)
    np.testing.assert_allclose(found["se"], expected.bse, rtol=1e-3)


def test_scale_and_order_are_irrelevant(sex2):
    x, y = sex2
    plain = FirthLogisticRegression(interval="wald").fit(x, y)
    moved = FirthLogisticRegression(interval="wald").fit((x * 10 + 3).iloc[::-1], y.iloc[::-1])
    np.testing.assert_allclose(moved.coef_ * 10, plain.coef_, rtol=1e-6)
    np.testing.assert_allclose(moved.predict_proba(x * 10 + 3), plain.predict_proba(x), rtol=1e-6)


def test_it_is_a_classifier(sex2):
    x, y = sex2
    model = clone(FirthLogisticRegression(interval="wald", confidence=0.9)).fit(x, y)
    assert model.get_params() == {"interval": "wald", "confidence": 0.9}
    p = model.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(x), (p[:, 1] >= 0.5).astype(int))
    assert model.score(x, y) > 0.6
    assert list(model.classes_) == [0, 1]
    # The penalty keeps the mean of the predictions near the share of events, between it and one half.
    assert p[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


class TestFaults:
    def test_predictors(self, sex2):
        x, y = sex2
        with pytest.raises(ValueError, match="Predictor 'twice' is constant or a combination of the ones before it; drop it"):
            FirthLogisticRegression().fit(x.assign(twice=2 * x["age"]), y)
        with pytest.raises(ValueError, match="Predictor 'one' is constant"):
            FirthLogisticRegression().fit(x.assign(one=1), y)
        with pytest.raises(ValueError, match=r"Predictor '.*' is constant or a combination"):
            FirthLogisticRegression().fit(x.iloc[[0, 20, 60, 150, 239 - 1]], y.iloc[[0, 20, 60, 150, 239 - 1]])
        with pytest.raises(ValueError, match=r"not finite, the first at row 2, column 'age'"):
            FirthLogisticRegression().fit(x.assign(age=x["age"].where(x.index != 2)), y)
        with pytest.raises(ValueError, match=r"`X` has shape \(3,\)"):
            FirthLogisticRegression().fit([1, 2, 3], [0, 1, 1])

    def test_outcome(self, sex2):
        x, y = sex2
        with pytest.raises(ValueError, match="`y` has one class only"):
            FirthLogisticRegression().fit(x, 0 * y)
        with pytest.raises(ValueError, match="`y` and `X` are labelled differently"):
            FirthLogisticRegression().fit(x, y.iloc[::-1])
        with pytest.raises(ValueError, match="`y` has 3 values and `X` has 239"):
            FirthLogisticRegression().fit(x.to_numpy(), [0, 1, 1])
        with pytest.raises(ValueError, match="`interval` is 'exact'"):
            FirthLogisticRegression(interval="exact").fit(x, y)

    def test_new_patients_need_the_same_predictors(self, sex2):
        x, y = sex2
        model = FirthLogisticRegression(interval="wald").fit(x, y)
        with pytest.raises(ValueError, match=r"`X` has the columns oc, age, .*; the model was fitted on age, oc,"):
            model.predict(x[["oc", "age", "vic", "vicl", "vis", "dia"]])
        with pytest.raises(ValueError, match="the model was fitted on age, oc"):
            model.predict(x.to_numpy()[:, :3])
