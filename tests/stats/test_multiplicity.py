"""Adjusted p values, against R's p.adjust, and Westfall-Young by planted truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from radiogenomics import stats

P_VALUES = st.lists(st.one_of(st.floats(0, 1), st.just(np.nan)), min_size=1, max_size=30)


def by_definition(name, p):
    """The adjusted values one by one, from the sorted p values."""
    m, order = len(p), np.argsort(p)
    ranked = p[order]
    if name == "bonferroni":
        adjusted = [m * value for value in ranked]
    elif name == "holm":
        adjusted = [max((m - j) * ranked[j] for j in range(i + 1)) for i in range(m)]
    else:
        adjusted = [min(m * ranked[j] / (j + 1) for j in range(i, m)) for i in range(m)]
    result = np.empty(m)
    result[order] = np.minimum(adjusted, 1)
    return result


def test_equal_to_r(reference):
    table = pd.read_csv(reference / "stats" / "univariate_tests.csv", index_col=0)
    np.testing.assert_allclose(stats.benjamini_hochberg(table["welch_p"]), table["BH"], rtol=1e-12)
    np.testing.assert_allclose(stats.bonferroni(table["welch_p"]), table["bonf"], rtol=1e-12)
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    np.testing.assert_allclose(stats.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], rtol=1e-12)


@pytest.mark.parametrize("name", ["benjamini_hochberg", "holm", "bonferroni"])
@settings(deadline=None, max_examples=50)
@given(values=P_VALUES)
def test_q_is_never_below_p_and_nan_does_not_count(name, values):
    p = np.array(values)
    q = getattr(stats, name)(p)
    known = ~np.isnan(p)
    assert (np.isnan(q) == ~known).all()
    assert (q[known] >= p[known] - 1e-15).all()
    assert (q[known] <= 1).all()
    if known.any():
        np.testing.assert_allclose(q[known], by_definition(name, p[known]), rtol=1e-9, atol=1e-300)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_scipys_and_keeps_the_order(values):
    p = np.array(values)
    q = stats.benjamini_hochberg(p)
    np.testing.assert_allclose(q, false_discovery_control(p), rtol=1e-9, atol=1e-300)
    assert (np.diff(q[np.argsort(p)]) >= -1e-15).all()


@pytest.mark.parametrize("name", ["benjamini_hochberg", "holm", "bonferroni"])
def test_an_empty_family_stays_empty(name):
    assert getattr(stats, name)(np.empty(0)).shape == (0,)


def test_series_keep_index_and_name():
    p = pd.Series([0.2, np.nan, 0.01], index=["a", "b", "c"], name="p")
    q = stats.benjamini_hochberg(p)
    assert list(q.index) == ["a", "b", "c"]
    assert q.name == "p"
    assert q["c"] == pytest.approx(0.02)
    assert np.isnan(q["b"])
    assert p["c"] == 0.01


class TestMaxT:
    def family(self, effect, seed=0, n=60, m=20, permutations=499):
        """Correlations of an outcome with m correlated features, the first of which carries the planted effect."""
        rng = np.random.default_rng(seed)
        outcome = rng.normal(size=n)
        features = rng.normal(size=(n, m)) + rng.normal(size=(n, 1))
        features[:, 0] += effect * outcome
        scaled = (features - features.mean(axis=0)) / features.std(axis=0)
        z = (outcome - outcome.mean()) / outcome.std()
        permuted = np.array([rng.permutation(z) @ scaled / n for _ in range(permutations)])
        return z @ scaled / n, permuted

    def test_planted_effect_is_found_and_noise_is_not(self):
        observed, permuted = self.family(effect=2)
        p = stats.max_t(observed, permuted)
        assert p[0] == 1 / 500
        assert (p[1:] > 0.05).all()

    def test_maxima_alone_give_the_single_step(self):
        observed, permuted = self.family(effect=1)
        np.testing.assert_array_equal(stats.max_t(observed, permuted), stats.max_t(observed, np.abs(permuted).max(axis=1)))

    def test_step_down_is_never_larger_and_keeps_the_order(self):
        observed, permuted = self.family(effect=1)
        single, down = stats.max_t(observed, permuted), stats.max_t(observed, permuted, step_down=True)
        assert (down <= single).all()
        assert (np.diff(down[np.argsort(-np.abs(observed))]) >= 0).all()

    def test_equals_the_definition(self):
        observed, permuted = self.family(effect=1, m=5, permutations=99)
        expected = [(1 + sum(np.abs(row).max() >= abs(t) for row in permuted)) / 100 for t in observed]
        np.testing.assert_allclose(stats.max_t(observed, permuted), expected)

    def test_family_wise_error_holds(self):
        smallest = [stats.max_t(*self.family(effect=0, seed=seed, permutations=99)).min() for seed in range(200)]
        assert np.mean(np.array(smallest) <= 0.05) <= 0.09

    def test_nan_is_kept_and_not_counted(self):
        observed, permuted = self.family(effect=2)
        with_gap, wide = np.insert(observed, 1, np.nan), np.insert(permuted, 1, np.nan, axis=1)
        p = stats.max_t(with_gap, wide)
        assert np.isnan(p[1])
        np.testing.assert_array_equal(np.delete(p, 1), stats.max_t(observed, permuted))
        assert np.isnan(stats.max_t([np.nan], [[np.nan]])).all()


def test_faults():
    with pytest.raises(ValueError, match=r"`p` is 1.5 at row 'b'; p values lie in \[0, 1\]"):
        stats.holm(pd.Series([0.1, 1.5], index=["a", "b"]))
    with pytest.raises(ValueError, match=r"`permuted` has shape \(5, 3\); give \(n_permutations, 2\)"):
        stats.max_t([1, 2], np.ones((5, 3)))
    with pytest.raises(ValueError, match="`permuted` holds only maxima; stepping down needs every statistic"):
        stats.max_t([1, 2], np.ones(5), step_down=True)
    with pytest.raises(ValueError, match="`permuted` has 1 NaN, the first in permutation 2"):
        stats.max_t([1, 2], [[1, 1], [1, 1], [1, np.nan]])
