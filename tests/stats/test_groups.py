"""Group tests, Table 1 and correlation tables, against R's stats package."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from radiogenomics import stats


@pytest.fixture(scope="module")
def clinical(reference):
    return pd.read_csv(reference / "stats" / "clin145.csv")


@pytest.fixture(scope="module")
def features(reference):
    return pd.read_csv(reference / "stats" / "features145x40.csv", index_col=0).rename_axis("patient")


@pytest.fixture(scope="module")
def univariate(reference):
    return pd.read_csv(reference / "stats" / "univariate_tests.csv", index_col=0)


@pytest.fixture(scope="module")
def basic(reference):
    return json.loads((reference / "stats" / "basic_tests.json").read_text())


def test_t_and_mann_whitney_equal_r(clinical, features, univariate):
    y = clinical["y"].to_numpy()
    for name, expected in univariate.iterrows():
        first, second = features.loc[y == 0, name], features.loc[y == 1, name]
        welch, student = stats.t_test(first, second), stats.t_test(first, second, equal_variance=True)
        assert (welch.statistic, welch.p) == pytest.approx((expected["welch_t"], expected["welch_p"]), rel=1e-9)
        assert student.p == pytest.approx(expected["t_eq_p"], rel=1e-9)
        rank = stats.mann_whitney(first, second)
        assert (rank.statistic, rank.p) == pytest.approx((expected["W"], expected["wilcox_p_default"]), rel=1e-9)
        few, head = features[name].iloc[:40], y[:40]
        exact = stats.mann_whitney(few[head == 0], few[head == 1])
        assert exact.p == pytest.approx(expected["wilcox_p_exact_first40"], rel=1e-9)
        assert exact.test == "Mann-Whitney, exact"


def test_tables_equal_r(clinical, basic):
    ties = stats.mann_whitney(clinical.loc[clinical["y"] == 0, "size"], clinical.loc[clinical["y"] == 1, "size"])
    assert (ties.statistic, ties.p) == pytest.approx(tuple(basic["size_wilcox_ties"].values()), rel=1e-9)
    for name, column in (("grade_chisq", "grade"), ("er_chisq_yates", "er")):
        found = stats.chi_square(clinical[column], clinical["y"])
        assert (found.statistic, found.p) == pytest.approx(tuple(basic[name].values()), rel=1e-9)
    assert stats.fisher_exact(clinical["grade"], clinical["y"]).p == pytest.approx(basic["grade_fisher"], rel=1e-9)
    assert stats.fisher_exact(clinical["y"], clinical["grade"]).p == pytest.approx(basic["grade_fisher"], rel=1e-9)
    found, expected = stats.fisher_exact(clinical["er"], clinical["y"]), basic["er_fisher"]
    assert found.p == pytest.approx(expected["p.value"], rel=1e-9)
    # R solves for these with uniroot's default tolerance, 1e-4 of the odds ratio's own scale.
    assert (found.effect, found.effect_low, found.effect_high) == pytest.approx(
        (expected["estimate"], *expected["conf.int"]), rel=1e-5
    )


def test_effect_sizes():
    first, second = np.array([3.0, 4, 5, 6]), np.array([1.0, 2, 3, 4])
    g = stats.t_test(first, second)
    pooled = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    assert g.effect == pytest.approx(2 / pooled * (1 - 3 / (4 * 6 - 1)), rel=5e-3)
    rank = stats.mann_whitney(first, second)
    assert rank.effect == pytest.approx(2 * stats.auc([1] * 4 + [0] * 4, np.append(first, second)).auc - 1)
    assert rank.effect_low <= rank.effect <= rank.effect_high <= 1
    paired = stats.paired_t_test(first, second[::-1])
    expected = scipy_stats.ttest_rel(first, second[::-1])
    assert (paired.statistic, paired.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert paired.effect == pytest.approx(paired.statistic / 2)


def test_cramers_v_and_its_interval():
    first, second = np.repeat([0, 0, 1, 1], [30, 10, 12, 28]), np.repeat([0, 1, 0, 1], [30, 10, 12, 28])
    found = stats.chi_square(first, second, continuity=False)
    assert found.effect == pytest.approx(np.sqrt(found.statistic / 80))
    assert found.effect_low < found.effect < found.effect_high
    for limit, share in ((found.effect_low, 0.975), (found.effect_high, 0.025)):
        assert scipy_stats.ncx2.cdf(found.statistic, 1, limit**2 * 80 - 1) == pytest.approx(share, abs=1e-6)
    assert stats.chi_square(first, first, continuity=False).effect == pytest.approx(1)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=4, max_size=25))
def test_fishers_p_is_the_permutation_p(rows):
    first, second = np.array(rows).T
    if np.unique(first).size < 2 or np.unique(second).size < 2:
        return
    p = stats.fisher_exact(first, second).p
    assert 0 < p <= 1
    table = pd.crosstab(first, second).to_numpy()
    if table.shape == (2, 2):
        assert p == pytest.approx(scipy_stats.fisher_exact(table).pvalue, rel=1e-6)


def test_table_one(clinical):
    table = clinical[["age", "size", "grade", "er"]].assign(group=clinical["y"].map({0: "negative", 1: "positive"}))
    table.loc[3, "age"] = np.nan
    found = stats.table_one(table, by="group", categorical=["grade", "er"], nonnormal=["size"])
    assert list(found) == ["variable", "level", "missing", "overall", "negative", "positive", "p", "test"]
    assert list(found.loc[0, ["variable", "overall", "negative", "positive"]]) == ["n", "145", "108", "37"]
    size = found[found["variable"] == "size, median [Q1,Q3]"].iloc[0]
    assert size["overall"] == "2.7 [2.0,3.7]"
    assert found[found["variable"] == "age, mean (SD)"].iloc[0]["missing"] == "1"
    grade = found[found["variable"] == "grade, n (%)"]
    assert list(grade["level"]) == ["1", "2", "3"]
    assert grade.iloc[0]["negative"] == "41 (38.0)"
    assert float(grade.iloc[0]["p"]) == pytest.approx(0.556)
    alone = stats.table_one(table.drop(columns="group"), by=None, categorical=["grade", "er"])
    assert list(alone) == ["variable", "level", "missing", "overall"]


def test_correlations_equal_r(clinical, features, univariate):
    markers = clinical.set_index("id").rename_axis("patient")[["rad"]]
    found = stats.correlation_table(features, markers.iloc[::-1], method="spearman").set_index("first")
    np.testing.assert_allclose(found["r"], univariate["spearman"], rtol=1e-12)
    np.testing.assert_allclose(found["p"], univariate["spearman_p"], rtol=1e-9)
    assert (found["q"] >= found["p"]).all()


def test_pairs_of_one_table_come_once(features):
    few = features.iloc[:, :5].assign(flat=1.0)
    found = stats.correlation_table(few, method="pearson")
    assert len(found) == 15
    expected = scipy_stats.pearsonr(few["F01"], few["F02"])
    row = found[(found["first"] == "F01") & (found["second"] == "F02")].iloc[0]
    assert (row["r"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    interval = expected.confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert found[found["second"] == "flat"][["r", "p", "q"]].isna().all(axis=None)
    itself = stats.correlation_table(few[["F01"]], few[["F01"]], method="pearson").iloc[0]
    assert (itself["r"], itself["p"]) == pytest.approx((1, 0))


def test_table_one_counts_the_unknown_and_tests_the_known(clinical):
    table = clinical[["y", "er"]].astype(str).assign(er=lambda t: t["er"].where(np.arange(len(t)) % 5 > 0))
    known = table.dropna()
    row = stats.table_one(table, by="y", categorical=["er"])
    er = row[row["variable"].str.startswith("er")]
    assert er["missing"].iloc[0] == str(len(table) - len(known))
    assert set(er["level"]) == set(known["er"])
    assert er["p"].iloc[0] == stats.table_one(known, by="y", categorical=["er"])["p"].iloc[1]


class TestFaults:
    def test_samples(self):
        with pytest.raises(ValueError, match="`second` has one value; a t test"):
            stats.t_test([1, 2], [1])
        with pytest.raises(ValueError, match="`first` is 1 and `second` 2 throughout"):
            stats.t_test([1, 1], [2, 2])
        with pytest.raises(ValueError, match="`first` less `second` is 1 throughout"):
            stats.paired_t_test([2, 3], [1, 2])
        with pytest.raises(ValueError, match="`first` and `second` hold 3 only"):
            stats.mann_whitney([3, 3], [3, 3])
        with pytest.raises(ValueError, match="`second` has 1 value"):
            stats.mann_whitney([3, 4], [3, np.nan])

    def test_categories(self):
        with pytest.raises(ValueError, match="`first` is 'a' for every subject"):
            stats.chi_square(["a", "a"], ["x", "y"])
        index = ["P1", "P2", "P3"]
        with pytest.raises(ValueError, match="`second` is missing at row 'P2'"):
            stats.chi_square(pd.Series(["a", "b", "a"], index=index), pd.Series(["x", None, "y"], index=index))
        with pytest.raises(ValueError, match="3 x 3 cells, more than two each way; use chi_square"):
            stats.fisher_exact([1, 2, 3], [1, 2, 3])
        rng = np.random.default_rng(0)
        with pytest.raises(ValueError, match="more than 5,000,000 tables; use chi_square"):
            stats.fisher_exact(rng.integers(0, 9, 5000), rng.integers(0, 2, 5000))

    def test_table_one(self, clinical):
        with pytest.raises(ValueError, match=r"`table` lacks the column\(s\) stage"):
            stats.table_one(clinical, by="y", categorical=["stage"])
        with pytest.raises(ValueError, match=r"Column 'y' has 1 group\(s\) and 0 missing"):
            stats.table_one(clinical[clinical["y"] == 1], by="y", categorical=["er"])

    def test_correlation(self, features):
        with pytest.raises(ValueError, match=r"3 patient\(s\) are left"):
            stats.correlation_table(features.iloc[:3], method="pearson")
        with pytest.raises(ValueError, match="has genes in rows"):
            stats.correlation_table(features.rename_axis("gene"), method="pearson")
