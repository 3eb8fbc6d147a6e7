"""What stands beside the links: columns that say what they are, groups of near-copies, covariates, size, clinical columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import linking
from radiogenomics._errors import InputError
from tests.helpers.patient_tables import table, two_tables, with_gaps

_ORIGIN = {"imaging": "kinetics", "molecular": "pathways", "adjustment": "age, site", "family": "kinetics x pathways"}


def test_links_say_in_columns_what_they_are():
    left, right = two_tables(1)
    halves = linking.contrast(left, right, n_permutations=0, estimate="measured", **_ORIGIN)
    links = linking.correlate(left, right, n_permutations=0, estimate="measured", **_ORIGIN)
    for made in (links, halves):
        assert list(made.columns) == linking.LINK_COLUMNS
        for column, word in {**_ORIGIN, "estimate": "measured"}.items():
            assert set(made[column]) == {word}
    plain = linking.correlate(left, right, n_permutations=0)
    assert set(plain["imaging"]) == set(plain["molecular"]) == set(plain["adjustment"]) == {""}
    by_target = linking.correlate(left, right, n_permutations=0, **_ORIGIN | {"family": "target"})
    assert (by_target["family"] == by_target["target"]).all()
    assert set(by_target["molecular"]) == {"pathways"}


def test_one_call_gives_the_spearman_p_beside_the_pearson_one_to_the_bit():
    left, right = with_gaps(*two_tables(2))
    right["m0"] = right["m0"].round()
    both = linking.correlate(left, right, n_permutations=50, ranks=True)
    plain = linking.correlate(left, right, n_permutations=50)
    ranked = linking.correlate(left, right, method="spearman", n_permutations=0)
    assert plain["p_spearman"].isna().all()
    pd.testing.assert_series_equal(both["p_spearman"], ranked["p"], check_names=False, check_exact=True)
    pd.testing.assert_frame_equal(both.drop(columns="p_spearman"), plain.drop(columns="p_spearman"), check_exact=True)
    with pytest.raises(InputError, match="'partial'"):
        linking.correlate(left, right, method="partial", covariates=left[["f0"]], ranks=True, n_permutations=0)


def test_a_null_says_what_it_is_and_counts_the_pairs_that_were_tested():
    left, right = two_tables(3)
    left.iloc[3:, 0] = np.nan  # three patients: no pair of this column is tested
    null = linking.random_feature_null(left, right, n_repeats=3, **_ORIGIN)
    assert list(null.columns) == linking.NULL_COLUMNS
    assert set(null["tested"]) == {9}
    for column, word in _ORIGIN.items():
        assert set(null[column]) == {word}


def test_holm_takes_the_larger_p_of_a_family_and_enough_draws_let_it_pass():
    nulls = pd.DataFrame({"family": ["a", "a", "b", "b"], "p": [0.01, 0.02, 0.03, 0.001]})
    assert linking.holm_over_families(nulls)["p_holm"].tolist() == pytest.approx([0.04, 0.04, 0.04, 0.04])
    assert linking.holm_over_families(nulls.iloc[:2])["p_holm"].tolist() == pytest.approx([0.02, 0.02])
    for n_families in (1, 6, 7, 40):
        assert n_families / (linking.null_draws(n_families) + 1) < 0.05
    assert linking.null_draws(1) == 200


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_no_bit_of_any_link_or_null(seed):
    left, right = with_gaps(*two_tables(11, n=30))
    age = right[["m1"]].rename(columns={"m1": "age"})
    right = right.drop(columns="m1")
    order = np.random.default_rng(seed).permutation(30)
    for made in (
        lambda left, right, age: linking.correlate(left, right, n_permutations=60, ranks=True),
        lambda left, right, age: linking.correlate(left, right, method="partial", covariates=age, n_permutations=60),
        lambda left, right, age: linking.contrast(left, right, n_permutations=60),
        lambda left, right, age: linking.random_feature_null(left, right, alpha=0.7, n_repeats=10),
        lambda left, right, age: linking.canonical(left.fillna(0), right.fillna(0), n_permutations=10).components,
        lambda left, right, age: linking.permuted_patients(left, np.random.default_rng(1)).sort_index(),
        lambda left, right, age: linking.random_features(left, np.random.default_rng(1)).sort_index(),
    ):
        plain = made(left, right, age)
        pd.testing.assert_frame_equal(made(left.iloc[order], right, age), plain, check_exact=True)
        pd.testing.assert_frame_equal(made(left, right.iloc[order], age.iloc[order[::-1]]), plain, check_exact=True)


def test_tables_in_the_order_of_their_identifiers_keep_the_permutations_they_had():
    left, right = two_tables(12, n=25)
    rng = np.random.default_rng(5)
    drawn = np.argsort(np.random.default_rng(5).random((1, 25)), axis=1)[0]
    link = linking.correlate(left[["f0"]], right[["m0"]], n_permutations=1, random_state=rng)
    reached = abs(np.corrcoef(left["f0"], right["m0"].iloc[drawn])[0, 1]) >= abs(link.loc[0, "effect"])
    assert link.loc[0, "p_permutation"] == (1 + reached) / 2
    moved = linking.permuted_patients(left, np.random.default_rng(5))
    np.testing.assert_array_equal(moved, left.iloc[np.random.default_rng(5).permutation(25)])


def _near_copies():
    rng = np.random.default_rng(4)
    base = rng.normal(size=(60, 3))
    noise = rng.normal(size=(60, 5))
    columns = [base[:, 0], base[:, 0] + 0.1 * noise[:, 0], -base[:, 0] + 0.2 * noise[:, 1], base[:, 1], base[:, 2]]
    return table(np.column_stack([*columns, np.ones(60)]), "f")


def test_near_copies_of_either_sign_stand_behind_one_feature():
    features = _near_copies()
    groups = linking.feature_groups(features)
    assert list(groups.index) == ["f0", "f1", "f2", "f3", "f4"]  # f5 never varies
    assert groups[["f0", "f1", "f2"]].nunique() == 1
    assert groups["f0"] in ("f0", "f1", "f2")
    assert groups[["f3", "f4"]].tolist() == ["f3", "f4"]
    inside = features[["f0", "f1", "f2"]].corr().abs()
    assert groups["f0"] == inside.mean().idxmax()
    strict = linking.feature_groups(features, min_correlation=0.999)
    assert (strict == strict.index).all()
    alone = linking.feature_groups(features[["f3", "f5"]])
    assert alone.to_dict() == {"f3": "f3"}
    with pytest.raises(InputError, match="min_correlation"):
        linking.feature_groups(features, min_correlation=0)


def test_every_two_features_of_a_group_correlate_as_asked():
    rng = np.random.default_rng(5)
    walk = table(np.cumsum(rng.normal(size=(80, 25)), axis=1), "w")  # neighbours alike, the ends not
    groups = linking.feature_groups(walk, min_correlation=0.85)
    assert 1 < groups.nunique() < 25
    for names in groups.groupby(groups).groups.values():
        assert walk[list(names)].corr().abs().to_numpy().min() >= 0.85


def test_of_near_copies_the_link_with_the_smallest_p_is_kept_for_each_target():
    features, right = _near_copies().drop(columns="f5"), two_tables(6, n=60)[1]
    links = linking.correlate(features, right, n_permutations=0)
    kept = linking.one_per_group(links, linking.feature_groups(features))
    assert len(kept) == 3 * right.shape[1]
    for target, part in links.groupby("target"):
        alike = part[part["feature"].isin(["f0", "f1", "f2"])]
        best = kept[(kept["target"] == target) & kept["feature"].isin(["f0", "f1", "f2"])]
        assert best["p"].tolist() == [alike["p"].min()]
    assert kept["p"].is_monotonic_increasing
    with pytest.raises(InputError, match="twice"):
        linking.one_per_group(links, pd.Series(["f0", "f0"], index=["f0", "f0"]))


def _clinical():
    index = pd.Index([f"P{i}" for i in range(40)], name="patient")
    return pd.DataFrame(
        {
            "Age_at_diagnosis": np.linspace(30, 80, 40),
            "site": ["a", "b"] * 20,
            "PAM50_call": ["LumA", "LumB", "Basal", "Her2"] * 10,
            "grade": [1, 2, 3, 2] * 10,
            "marital": [f"w{i % 12}" for i in range(40)],
            "scanner": ["one"] * 40,
            "receptor": [0.0, 1.0] * 15 + [np.nan] * 10,
        },
        index=index,
    )


def test_confounders_are_found_by_name_where_they_vary():
    assert list(linking.find_confounders(_clinical())) == ["Age_at_diagnosis", "site", "PAM50_call"]


def test_covariates_cost_their_numbers_and_the_cheapest_come_first():
    table = _clinical()
    assert list(linking.affordable_covariates(table[["PAM50_call", "Age_at_diagnosis"]])) == ["PAM50_call", "Age_at_diagnosis"]
    kept = linking.affordable_covariates(table[["PAM50_call", "Age_at_diagnosis", "grade"]])
    assert list(kept) == ["Age_at_diagnosis", "grade"]  # 40 patients pay for four numbers; the third word level is too dear
    assert list(linking.affordable_covariates(table[["receptor", "grade"]])) == ["grade"]  # known of three in four only


def test_stated_covariates_that_cannot_be_paid_for_are_named_with_the_reason():
    table = _clinical()
    assert linking.unfit_covariates(table[["Age_at_diagnosis", "site"]], sized=True) == {}
    wrong = linking.unfit_covariates(table[["scanner", "marital", "grade", "receptor"]], sized=True)
    assert set(wrong) == {"scanner", "marital", "receptor"}
    assert "same in all" in wrong["scanner"]
    assert "40 linked patients" in wrong["marital"]
    four = table[["Age_at_diagnosis", "grade"]].assign(x=table["grade"] ** 2, y=np.arange(40))
    assert linking.unfit_covariates(four, sized=False) == {}
    assert set(linking.unfit_covariates(four, sized=True)) == {"y"}


def test_features_that_follow_volume_in_rank_are_size_by_another_name():
    rng = np.random.default_rng(8)
    size = pd.Series(rng.lognormal(8, 1, 50), index=table(np.zeros((50, 1)), "x").index, name="volume")
    features = pd.DataFrame({"cube_root": size ** (1 / 3), "inverse": 1 / size, "other": rng.normal(size=50)}, index=size.index)
    features.loc["P003", "other"] = np.nan
    found = linking.correlate_with_size(features, size).set_index("feature")
    assert found.loc["cube_root", "rho"] == pytest.approx(1.0)
    assert found.loc["inverse", "rho"] == pytest.approx(-1.0)
    assert found["n"].to_dict() == {"cube_root": 50, "inverse": 50, "other": 49}
    assert list(linking.without_size(features, size)) == ["other"]
    assert linking.without_size(features, size, min_correlation=0.0).empty


def test_clinical_columns_become_numbers_or_groups_against_all_others():
    patients = _clinical().drop(columns="scanner")
    patients["few"] = patients["Age_at_diagnosis"].where(np.arange(40) < 9)
    patients["stage"] = pd.Categorical(["II", "I"] * 20, categories=["I", "II"])
    assert list(linking.clinical_numbers(patients)) == ["Age_at_diagnosis", "grade"]
    assert "few" in linking.clinical_numbers(patients, min_known=9)
    groups = linking.clinical_groups(patients)
    pam = [f"PAM50_call: {name}" for name in ("Basal", "Her2", "LumA", "LumB")]
    assert list(groups) == ["site: b", *pam, "receptor: 1", "stage: II"]
    assert groups["receptor: 1"].isna().sum() == 10
    assert groups["stage: II"].sum() == 20
    assert "marital: w0" in linking.clinical_groups(patients, min_inside=4)


def test_only_scores_whose_median_makes_two_groups_are_split():
    scores = table(np.column_stack([np.arange(20), np.r_[np.zeros(17), 1, 2, 3]]), "s")
    assert list(linking.columns_to_split(scores)) == ["s0"]
    assert list(linking.columns_to_split(scores, min_inside=3)) == ["s0", "s1"]


def test_columns_that_vary_and_vary_beside_another_table():
    left, right = two_tables(9, n=12)
    left["same"] = 1.0
    assert list(linking.varying_columns(left)) == ["f0", "f1", "f2", "f3"]
    right["gap"] = np.r_[np.nan, np.nan, np.arange(10.0)]
    left["first"] = np.r_[1.0, 2.0, np.zeros(10)]  # varies only where `gap` is missing
    assert list(linking.varying_beside(left, right)) == ["f0", "f1", "f2", "f3"]
    assert "first" in linking.varying_beside(left, right.drop(columns="gap"))
    with pytest.raises(InputError, match="one order"):
        linking.varying_beside(left, right.iloc[::-1])
