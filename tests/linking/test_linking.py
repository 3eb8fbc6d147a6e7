"""Links: scipy's numbers, missing values, permutations, families, adjustment, both nulls, and refusals."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from threadpoolctl import threadpool_limits

from radiogenomics import linking
from radiogenomics.linking._blocks import p_below, p_of
from radiogenomics.linking._table import q_of
from tests.helpers.patient_tables import table, two_tables, with_gaps


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_effect_n_and_p_equal_scipys_with_missing_values(method):
    left, right = with_gaps(*two_tables(0))
    right["m1"] = right["m1"].round()  # ties
    links = linking.correlate(left, right, method=method, n_permutations=0)
    assert list(links.columns) == linking.LINK_COLUMNS
    for link in links.itertuples():
        both = left[link.feature].notna() & right[link.target].notna()
        theirs = getattr(stats, f"{method}r")(left.loc[both, link.feature], right.loc[both, link.target])
        assert link.n == both.sum()
        assert link.effect == pytest.approx(theirs.statistic, abs=1e-12)
        assert link.p == pytest.approx(theirs.pvalue, abs=1e-12)


def test_pearsons_interval_equals_scipys():
    left, right = two_tables(1)
    link = linking.correlate(left, right, n_permutations=0).iloc[5]
    theirs = stats.pearsonr(left[link["feature"]], right[link["target"]]).confidence_interval()
    assert (link["effect_low"], link["effect_high"]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_partial_correlation_is_that_of_the_residuals():
    rng = np.random.default_rng(2)
    left, right = two_tables(2)
    covariates = pd.DataFrame({"age": rng.normal(60, 10, 50), "site": rng.choice(list("abc"), 50)}, index=left.index)
    left["f0"] += covariates["age"] / 5
    right["m0"] += covariates["age"] / 5 + (covariates["site"] == "b") * 2
    links = linking.correlate(left, right, method="partial", covariates=covariates, n_permutations=0)
    design = np.column_stack([np.ones(50), pd.get_dummies(covariates, dtype=float).drop(columns="site_a")])
    x, y = (t - design @ np.linalg.lstsq(design, t, rcond=None)[0] for t in (left.to_numpy(), right.to_numpy()))
    r = np.corrcoef(x.T, y.T)[:4, 4:]
    np.testing.assert_allclose(links["effect"].to_numpy().reshape(4, 3), r, atol=1e-12)
    freedom = 50 - 2 - 3
    t = r * np.sqrt(freedom / (1 - r**2))
    np.testing.assert_allclose(links["p"].to_numpy().reshape(4, 3), 2 * stats.t.sf(np.abs(t), freedom), atol=1e-12)


def test_adjustment_takes_away_what_only_the_covariate_made():
    rng = np.random.default_rng(3)
    volume = rng.normal(size=120)
    left, right = (
        table(volume[:, None] + 0.5 * rng.normal(size=(120, 2)), "f"),
        table(volume[:, None] + 0.5 * rng.normal(size=(120, 2)), "m"),
    )
    covariates = pd.DataFrame({"volume": volume}, index=left.index)
    assert (linking.correlate(left, right, n_permutations=200)["q"] < 1e-6).all()
    adjusted = linking.correlate(left, right, method="partial", covariates=covariates, n_permutations=200)
    assert (adjusted["p_max_t"] > 0.05).all()


def by_hand(left, right, orders):
    """Permutation p and max-T p, one permutation and one pair at a time."""
    r = np.corrcoef(left.T, right.T)[: left.shape[1], left.shape[1] :]
    shuffled = [np.abs(np.corrcoef(left.T, right[order].T)[: left.shape[1], left.shape[1] :]) for order in orders]
    own = (1 + sum(s >= np.abs(r) - 1e-12 for s in shuffled)) / (len(orders) + 1)
    largest = np.array([s.max() for s in shuffled])
    return own, (1 + (largest[:, None, None] >= np.abs(r) - 1e-12).sum(axis=0)) / (len(orders) + 1)


def test_permutation_p_equals_a_plain_loop():
    left, right = two_tables(4)
    links = linking.correlate(left, right, n_permutations=99, random_state=7)
    orders = np.argsort(np.random.default_rng(7).random((99, 50)), axis=1)
    own, largest = by_hand(left.to_numpy(), right.to_numpy(), orders)
    np.testing.assert_allclose(links["p_permutation"].to_numpy().reshape(4, 3), own)
    np.testing.assert_allclose(links["p_max_t"].to_numpy().reshape(4, 3), largest)


def test_the_wider_side_makes_no_difference():
    left, right = with_gaps(*two_tables(5))
    one = linking.correlate(left, right, n_permutations=0)
    other = linking.correlate(right, left, n_permutations=0)
    other = other.rename(columns={"feature": "target", "target": "feature"})
    both = one.merge(other, on=["feature", "target"], suffixes=("", "_other"))
    for column in ("effect", "effect_low", "n", "p", "q"):
        np.testing.assert_allclose(both[column], both[f"{column}_other"], atol=1e-12)


def test_families_are_corrected_separately():
    left, right = two_tables(6)
    right["m0"] += 2 * left["f0"]
    whole = linking.correlate(left, right, family="features x modules", n_permutations=99)
    feature = linking.correlate(left, right, family="feature", n_permutations=99)
    target = linking.correlate(left, right, family="target", n_permutations=99)
    assert set(whole["family"]) == {"features x modules"}
    assert set(feature["family"]) == set(left.columns)
    assert set(target["family"]) == set(right.columns)
    for links, column in ((whole, "estimate"), (feature, "feature"), (target, "target")):
        q = links.groupby(column)["p"].transform(lambda p: stats.false_discovery_control(p))
        np.testing.assert_allclose(links["q"], q, atol=1e-15)
        assert (links["p_max_t"] >= links["p_permutation"]).all()
        assert (links["q"] >= links["p"]).all()
    alone = linking.correlate(left[["f0"]], right, n_permutations=99)
    np.testing.assert_allclose(feature.loc[feature["feature"] == "f0", "q"], alone["q"])


def test_permutation_p_is_uniform_under_the_null_and_close_to_students():
    left, right = two_tables(7, n=60, left=30, right=30)
    links = linking.correlate(left, right, n_permutations=999)
    assert np.abs(links["p_permutation"] - links["p"]).max() < 0.06
    assert stats.kstest(links["p_permutation"], "uniform").pvalue > 1e-3


def test_a_binary_column_with_ties_is_not_decided_by_rounding():
    rng = np.random.default_rng(8)
    left = table(rng.integers(0, 2, (14, 1)), "node")
    right = table(rng.integers(0, 2, (14, 1)), "subtype")
    links = linking.correlate(left, right, n_permutations=20_000)
    _, fisher = stats.fisher_exact(pd.crosstab(left["node0"], right["subtype0"]))
    assert links["p_permutation"].iloc[0] == pytest.approx(fisher, abs=0.02)


def test_bits_do_not_depend_on_blas_threads():
    left, right = with_gaps(*two_tables(9, n=80, left=60, right=7))
    one = linking.correlate(left, right, n_permutations=300, random_state=3)
    with threadpool_limits(2):
        two = linking.correlate(left, right, n_permutations=300, random_state=3)
    columns = ["p_permutation", "p_max_t", "n"]
    pd.testing.assert_frame_equal(one[columns], two[columns], check_exact=True)


def test_links_that_are_permuted_in_chunks_have_the_bits_of_a_few_in_one():
    """Of 60 x 40 links, 416 permutations fit into a million correlations; of 60 x 7, all do."""
    left, right = two_tables(9, n=40, left=60, right=40)
    many, few = (linking.correlate(left, part, n_permutations=600, random_state=3) for part in (right, right.iloc[:, :7]))
    keys = ["feature", "target"]
    both = few[[*keys, "p_permutation"]].merge(many[[*keys, "p_permutation"]], on=keys, suffixes=("", "_in_chunks"))
    assert len(both) == 60 * 7
    assert both["p_permutation"].tolist() == both["p_permutation_in_chunks"].tolist()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), method=st.sampled_from(["pearson", "spearman"]))
def test_patient_order_and_scale_change_nothing(seed, method):
    left, right = with_gaps(*two_tables(seed, n=24))
    links = linking.correlate(left, right, method=method, n_permutations=0)
    moved = linking.correlate(
        left.sample(frac=1, random_state=seed) * 3 - 2,
        right.sample(frac=1, random_state=seed + 1),
        method=method,
        n_permutations=0,
    )
    columns = ["effect", "effect_low", "effect_high", "n", "p", "q"]
    pd.testing.assert_frame_equal(links[columns], moved[columns], atol=1e-10)
    assert links["effect"].between(links["effect_low"], links["effect_high"]).all()
    assert (links["q"] >= links["p"]).all()


def test_identical_columns_have_correlation_one_and_the_smallest_p():
    left, _ = two_tables(10)
    links = linking.correlate(left[["f0"]], left[["f0"]].rename(columns={"f0": "same"}), n_permutations=99)
    link = links.iloc[0]
    assert link["effect"] == pytest.approx(1.0)
    assert link["p"] < 1e-30
    assert link["p_permutation"] == link["p_max_t"] == pytest.approx(0.01)


def test_a_pair_with_too_few_patients_is_empty_and_counts_in_no_family():
    left, right = two_tables(11)
    left.iloc[:25, 0] = np.nan
    right.iloc[28:, 0] = np.nan
    right.iloc[:, 1] = right.iloc[:, 1].where(left.index < "P025")
    links = linking.correlate(left, right, n_permutations=50)
    n = links.set_index(["feature", "target"])["n"]
    assert n["f0", "m0"] == 3
    assert n["f0", "m1"] == 0
    assert links.loc[links["n"] < 4, ["effect", "p", "q", "p_permutation", "p_max_t"]].isna().all(axis=None)
    rest = links[links["n"] > 3]
    np.testing.assert_allclose(rest["q"], stats.false_discovery_control(rest["p"]))


def test_planted_links_are_found_and_both_nulls_stay_low():
    rng = np.random.default_rng(12)
    left, right = two_tables(12, n=88, left=36, right=20)
    right["m0"] += left["f0"]
    right["m1"] -= left["f1"]
    null = linking.random_feature_null(left, right, n_repeats=100, random_state=rng).set_index("null")
    assert list(null.index) == ["permuted patients", "random features"]
    assert (null["found"] >= 2).all()
    assert (null["mean"] < 0.5).all()
    assert (null["p"] < 0.05).all()
    assert (null["n_repeats"] == 100).all()


def test_the_bounds_of_counts_are_counts():
    rng = np.random.default_rng(5)
    index = pd.Index([f"p{i}" for i in range(30)], name="patient")
    left = pd.DataFrame(rng.normal(size=(30, 12)), index=index).add_prefix("f")
    right = pd.DataFrame(rng.normal(size=(30, 3)), index=index).add_prefix("t")
    null = linking.random_feature_null(left, right, alpha=0.6, n_repeats=40)
    assert (null[["low", "high"]] % 1 == 0).all(axis=None)
    assert (null["high"] > 0).all()


def test_the_last_bits_of_a_score_order_nobody():
    rng = np.random.default_rng(6)
    index = pd.Index([f"p{i}" for i in range(20)], name="patient")
    score = pd.Series(rng.normal(size=20).round(2), index=index)
    score.iloc[1] = score.iloc[0] = 0.3
    other = score.copy()
    other.iloc[1] = 0.1 + 0.2  # 0.30000000000000004
    assert other.iloc[0] != other.iloc[1]
    left = pd.DataFrame({"f": rng.normal(size=20)}, index=index)
    for link in (
        lambda right: linking.correlate(left, right, method="spearman", n_permutations=0),
        lambda right: linking.contrast(left, right, n_permutations=0),
    ):
        pd.testing.assert_frame_equal(link(score.to_frame("t")), link(other.to_frame("t")), check_exact=True)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.001, 0.05, 0.3, 1.0]),
    st.sampled_from(["all", "feature", "target"]),
    st.booleans(),
)
def test_counting_by_the_small_p_alone_gives_the_count_of_all(seed, alpha, family, gaps):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 30)), int(rng.integers(1, 8)))
    r = np.clip(rng.normal(0, rng.uniform(0.05, 0.9), shape), -1, 1)
    freedom = rng.integers(3, 90, shape).astype(float)
    if gaps:
        r[rng.random(shape) < 0.3] = np.nan
        freedom[np.isnan(r)] = np.nan
    whole, small = p_of(r, freedom), p_below(r, freedom, alpha)
    np.testing.assert_array_equal(q_of(whole, family) < alpha, q_of(small, family) < alpha)
    np.testing.assert_array_equal(small[whole < alpha], whole[whole < alpha])


def test_what_cannot_be_linked_given_the_covariates_is_dropped_and_nothing_else():
    left, right = two_tables(0)
    age = pd.DataFrame({"age": np.linspace(40, 80, len(left))}, index=left.index)
    spoilt = left.assign(same=1.0, days=age["age"] * 365.25, few=left["f0"].where(np.arange(len(left)) < 4))
    kept = linking.linkable(spoilt, right, method="partial", covariates=age)
    assert list(kept[0]) == list(left)
    assert list(kept[1]) == list(right)
    links = linking.correlate(*kept, method="partial", covariates=age, n_permutations=0)
    assert links["effect"].notna().all()
    assert list(linking.linkable(spoilt, right)[0]) == [*left, "days", "few"]
    assert linking.linkable(spoilt[["same"]], right)[0].empty


def test_random_features_keep_values_correlations_and_gaps():
    rng = np.random.default_rng(13)
    shared = rng.normal(size=(200, 1))
    left = table(np.exp(shared + 0.5 * rng.normal(size=(200, 3))), "f")
    left.iloc[5:20, 1] = np.nan
    drawn = linking.random_features(left, rng)
    for name in left:
        np.testing.assert_array_equal(np.sort(drawn[name].dropna()), np.sort(left[name].dropna()))
    pd.testing.assert_frame_equal(drawn.isna(), left.isna())
    correlations = [linking.random_features(left, rng).corr("spearman").to_numpy() for _ in range(40)]
    np.testing.assert_allclose(np.mean(correlations, axis=0), left.corr("spearman"), atol=0.08)
    against = [abs(stats.spearmanr(linking.random_features(left, rng)["f0"], left["f0"]).statistic) for _ in range(40)]
    assert np.mean(against) < 0.1


def test_permuted_patients_keep_whole_rows():
    left, _ = two_tables(14)
    moved = linking.permuted_patients(left, np.random.default_rng(0))
    assert moved.index.equals(left.index)
    assert sorted(map(tuple, moved.to_numpy())) == sorted(map(tuple, left.to_numpy()))


FAULTS = {
    "no common patient": lambda left, right: (left, right.rename(index=lambda name: "X" + name)),
    "four patients": lambda left, right: (left.iloc[:4], right),
    "constant": lambda left, right: (left.assign(f1=3.3), right),
    "words": lambda left, right: (left.assign(f1="a"), right),
    "infinite": lambda left, right: (left, right.replace(right.iloc[2, 1], np.inf)),
    "twice": lambda left, right: (pd.concat([left, left.iloc[:1]]), right),
}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no common patient", "`left` and `right` share no patient: `left` has P000, P001"),
        ("four patients", "`left` and `right` share 4 patient(s) (P000, P001, P002, P003); a link needs at least 5."),
        ("constant", "`left` has 1 column(s) that do not vary among the common patients"),
        ("words", "`left` must be numeric, column(s) f1 are not"),
        ("infinite", "`right` has 1 value(s) that are not finite, the first at row 'P002', column 'm1'"),
        ("twice", "`left` has more than one row for patient P000"),
    ],
)
def test_tables_that_cannot_be_linked_are_refused(fault, message):
    left, right = FAULTS[fault](*two_tables(15))
    with pytest.raises(ValueError, match=re.escape(message)):
        linking.correlate(left, right)


def test_method_and_covariates_must_fit_together():
    left, right = two_tables(16)
    with pytest.raises(ValueError, match="method is 'partial' without `covariates`; give `covariates`"):
        linking.correlate(left, right, method="partial")
    with pytest.raises(ValueError, match="method is 'pearson' with `covariates`; use method='partial'"):
        linking.correlate(left, right, covariates=left)
    with pytest.raises(ValueError, match="`method` is 'kendall', it must be one of 'pearson', 'spearman', 'partial'"):
        linking.correlate(left, right, method="kendall")
    with pytest.raises(ValueError, match=r"`left` has 1 column.*follow from the covariates: f0; drop them"):
        linking.correlate(left, right, method="partial", covariates=left[["f0"]])


def test_patients_without_a_covariate_are_left_out():
    left, right = two_tables(17)
    covariates = pd.DataFrame({"age": np.arange(50.0)}, index=left.index)
    covariates.iloc[:10] = np.nan
    assert set(linking.correlate(left, right, method="partial", covariates=covariates, n_permutations=0)["n"]) == {40}
    with pytest.raises(
        ValueError, match=r"Only 5 patients have every covariate \(age\); adjusting for 1 columns needs at least 6"
    ):
        linking.correlate(left, right, method="partial", covariates=covariates.iloc[:15])
