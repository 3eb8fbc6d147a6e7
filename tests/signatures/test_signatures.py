"""Selection and classifiers: equal to CORElearn, glmnet and scikit-learn, and safe to put into a pipeline."""

import itertools
import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from radiogenomics import signatures
from radiogenomics.signatures import (
    MRMR,
    ChosenSize,
    Forest,
    Lasso,
    ReliefF,
    StableFeatures,
    Uncorrelated,
    balanced,
    lasso,
    repeatability,
)
from radiogenomics.validation import seeded


@pytest.fixture(scope="module")
def simulated(reference):
    """145 patients with 40 features, the input of the R scripts."""
    features = pd.read_csv(reference / "stats" / "features145x40.csv", index_col=0).rename_axis("patient")
    return features, pd.read_csv(reference / "stats" / "clin145.csv")["y"].to_numpy()


def noise(n=88, p=60, seed=0):
    rng = np.random.default_rng(seed)
    patients = pd.Index([f"P{i:03d}" for i in range(n)], name="patient")
    table = pd.DataFrame(rng.normal(size=(n, p)), index=patients).add_prefix("f")
    return table, pd.Series(np.arange(n) % 2, index=patients, name="node")


# ReliefF and mRMR


def test_relieff_equals_corelearn(simulated, reference):
    features, outcome = simulated
    expected = pd.read_csv(reference / "signatures" / "corelearn_ReliefFequalK10_all.csv")["ReliefFequalK10"]
    np.testing.assert_allclose(ReliefF().fit(features, outcome).scores_, expected, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 15))
def test_relieff_knows_no_order_and_no_scale(seed, n_neighbors):
    rng = np.random.default_rng(seed)
    # Forty features: with few, many pairs differ beyond the ramp in all of them, and equal distances are broken by order.
    X, y = rng.normal(size=(30, 40)), rng.permutation(np.arange(30) % 2)
    order, columns = rng.permutation(30), rng.permutation(40)
    weights = ReliefF(n_neighbors=n_neighbors).fit(X, y).scores_
    assert (np.abs(weights) <= 1).all()
    moved = ReliefF(n_neighbors=n_neighbors).fit((X * 3 - 7)[order][:, columns], y[order]).scores_
    np.testing.assert_allclose(moved, weights[columns], atol=1e-9)


def test_relieff_of_a_constant_feature_is_zero():
    features, outcome = noise(40, 5)
    assert ReliefF().fit(features.assign(f2=3.0), outcome).scores_[2] == 0


def test_relieff_weighs_three_classes_by_their_prior():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], [20, 10, 10])
    X = np.column_stack([y + rng.normal(0, 0.1, 40), rng.normal(size=(40, 4))])
    assert ReliefF(1, n_neighbors=5).fit(X, y).get_support()[0]


def test_mrmr_takes_the_second_signal_before_a_copy_of_the_first():
    rng = np.random.default_rng(1)
    y = np.arange(200) % 2
    first = y + rng.normal(0, 0.6, 200)
    X = np.column_stack([first, first + rng.normal(0, 0.01, 200), y + rng.normal(0, 0.9, 200), rng.normal(size=200)])
    ranking = MRMR(2).fit(X, y).ranking_
    assert set(ranking) in ({0, 2}, {1, 2})  # not the copy


@pytest.mark.parametrize("selector", [ReliefF(0), MRMR(0)])
def test_a_selector_that_keeps_nothing_is_refused(selector):
    with pytest.raises(ValueError, match="keep at least one feature"):
        selector.fit(*noise(20, 3))


# The forest


def test_one_tree_reaches_the_purity_of_scikit_learns():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 3)).astype(np.float32).astype(float)
        y = (X[:, 0] + rng.normal(size=60) > 0).astype(int)
        ours = Forest(1, max_features=None, bootstrap=False, min_samples_leaf=15).fit(X, y).predict_proba(X)[:, 1]
        theirs = DecisionTreeClassifier(min_samples_leaf=15, random_state=0).fit(X, y).predict_proba(X)[:, 1]
        # Equally pure splits may fall on another feature; greedy growth then differs further down, hardly in purity.
        assert (ours * (1 - ours)).sum() == pytest.approx((theirs * (1 - theirs)).sum(), rel=0.15)


def test_one_feature_gives_scikit_learns_tree_exactly():
    same = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 1)).astype(np.float32).astype(float)
        y = (X[:, 0] + rng.normal(size=60) > 0).astype(int)
        ours = Forest(1, max_features=None, bootstrap=False, min_samples_leaf=5).fit(X, y).predict_proba(X)
        theirs = DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(X, y).predict_proba(X)
        same += np.allclose(ours, theirs)
    assert same >= 19  # equally pure cuts may be taken in another order


def test_the_forest_votes_as_scikit_learns():
    rng = np.random.default_rng(5)
    X, Z = rng.normal(size=(80, 12)), rng.normal(size=(400, 12))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=80) > 0).astype(int)
    ours = Forest(2000, random_state=0).fit(X, y)
    theirs = RandomForestClassifier(500, oob_score=True, random_state=0).fit(X, y)
    again = RandomForestClassifier(500, random_state=1).fit(X, y)
    votes = theirs.predict_proba(Z)[:, 1]
    # As near to one of scikit-learn's forests as another of them is.
    assert np.abs(ours.predict_proba(Z)[:, 1] - votes).mean() < 1.2 * np.abs(again.predict_proba(Z)[:, 1] - votes).mean()
    assert np.abs(ours.oob_decision_function_ - theirs.oob_decision_function_).mean() < 0.05


def test_the_forest_is_the_same_for_the_same_seed_only():
    features, outcome = noise(40, 6)
    one, two, three = (Forest(20, random_state=seed).fit(features, outcome).predict_proba(features) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()


def test_balanced_weights_raise_the_rare_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [90, 10])
    X = rng.normal(size=(100, 2)) + 0.8 * y[:, None]
    plain, weighted = (Forest(300, min_samples_leaf=5, class_weight=w, random_state=0).fit(X, y) for w in (None, "balanced"))
    assert weighted.oob_decision_function_[:, 1].mean() > plain.oob_decision_function_[:, 1].mean() + 0.1


# The LASSO


def test_the_lasso_path_equals_glmnet(simulated, reference):
    features, outcome = simulated
    path = signatures.lasso_path(features.to_numpy(), outcome)
    expected = pd.read_csv(reference / "signatures" / "glmnet_binomial_path.csv")
    coefficients = pd.read_csv(reference / "signatures" / "glmnet_binomial_coefs_by_lambda.csv", index_col=0).to_numpy().T
    np.testing.assert_allclose(path.penalty, expected["lambda"], rtol=1e-12)
    np.testing.assert_allclose(path.explained, expected["dev.ratio"], atol=1e-6)
    np.testing.assert_allclose(np.column_stack([path.intercept, path.coef]), coefficients, atol=1e-4)


@pytest.mark.parametrize("measure", ["deviance", "auc", "class"])
def test_the_penalty_is_chosen_as_glmnet_does(simulated, reference, measure):
    features, outcome = simulated
    fold = pd.read_csv(reference / "signatures" / "glmnet_foldid.csv")["fold"]
    table = signatures.cross_validate_lasso(features.to_numpy(), outcome, fold, measure=measure)
    expected = pd.read_csv(reference / "signatures" / f"glmnet_cv_{measure}.csv")
    np.testing.assert_allclose(table["mean"], expected["cvm"], atol=1e-4)
    np.testing.assert_allclose(table["se"], expected["cvsd"], atol=1e-4)
    np.testing.assert_array_equal(table["n_features"], expected["nzero"])


@pytest.mark.parametrize("penalty", ["min", "1se"])
@pytest.mark.parametrize("measure", ["deviance", "auc", "class"])
def test_lambda_min_and_1se_equal_glmnet(simulated, reference, measure, penalty):
    features, outcome = simulated
    fold = pd.read_csv(reference / "signatures" / "glmnet_foldid.csv")["fold"].to_numpy()

    class OnItsFolds(Lasso):
        """On glmnet's own folds, which were drawn at random."""

        def _fold(self, outcome):
            return fold

    fitted = OnItsFolds(penalty=penalty, measure=measure).fit(features, outcome)
    expected = json.loads((reference / "signatures" / "glmnet.json").read_text())[f"binomial_{measure}"]
    assert fitted.penalty_ == pytest.approx(expected[f"lambda_{penalty}"], rel=1e-10)
    coefficients = {name: value for name, value in zip(features, fitted.coef_, strict=True) if value != 0}
    coefficients["(Intercept)"] = fitted.intercept_
    assert coefficients == pytest.approx(expected[f"coef_{penalty}"], abs=1e-4)


def test_the_lasso_copes_with_copies_of_a_feature():
    features, outcome = noise(60, 10)
    twice = features.assign(copy=features["f0"], nearly=features["f0"] * (1 + 1e-9))
    fitted = Lasso(n_splits=5, random_state=0).fit(twice, outcome)
    assert np.isfinite(fitted.path_.coef).all()


def test_a_lasso_without_coefficients_keeps_the_first_to_enter():
    features, outcome = noise(60, 10, seed=2)
    fitted = Lasso(penalty="1se", n_splits=5, random_state=0).fit(features, outcome)
    assert (fitted.coef_ == 0).all()
    assert fitted.get_support().sum() == 1
    np.testing.assert_allclose(fitted.predict_proba(features)[:, 1], outcome.mean())


# Filters


def test_stable_features_are_those_a_second_reader_repeats():
    features, _ = noise(40, 4)
    rng = np.random.default_rng(0)
    second = features + rng.normal(size=features.shape) * np.array([0.05, 0.1, 1.0, 2.0])
    fitted = StableFeatures(second.sample(frac=0.8, random_state=1), icc=0.9).fit(features)
    assert list(fitted.get_feature_names_out()) == ["f0", "f1"]


def test_the_icc_counts_a_shift_between_readers(reference):
    ratings = pd.read_csv(reference / "stats" / "icc_ratings_30x3.csv").rename_axis("patient")
    first, second = ratings[["r1"]].set_axis(["f"], axis=1), ratings[["r2"]].set_axis(["f"], axis=1)
    expected = json.loads((reference / "stats" / "icc.json").read_text())["irr"]["2 twoway agreement single"]["value"]
    assert StableFeatures(second, icc=0).fit(first).icc_[0] == pytest.approx(expected, abs=1e-12)


def test_a_value_that_one_reader_lacks_leaves_its_patient_out_of_that_feature_alone():
    first, _ = noise(20, 4)
    second = first + np.random.default_rng(0).normal(scale=0.2, size=first.shape)
    holed, other = first.copy(), second.copy()
    holed.iloc[:3, 1], other.iloc[2:7, 1], other.iloc[2:, 2], other.iloc[:, 3] = np.nan, np.nan, np.nan, np.nan
    table = repeatability(holed, other).set_index("feature")
    assert table["n"].to_dict() == {"f0": 20, "f1": 13, "f2": 2, "f3": 0}
    alone = repeatability(first.iloc[7:], second.iloc[7:]).set_index("feature")
    assert table.loc["f1", "icc"] == pytest.approx(alone.loc["f1", "icc"], abs=1e-12)
    assert table.loc["f0", "icc"] == pytest.approx(repeatability(first, second)["icc"][0], abs=1e-12)
    assert table["icc"].isna().tolist() == [False, False, True, True]
    assert list(StableFeatures(other, icc=0.8).fit(holed).get_feature_names_out()) == ["f0", "f1"]


def test_a_recipe_compares_readers_before_it_fills_what_is_missing():
    """Filled values of one reader beside measured ones of the other would make a repeatable feature look unstable."""
    features, outcome = noise(40, 3)
    second = features + np.random.default_rng(0).normal(scale=0.05, size=features.shape)
    fitted = lasso(second_reader=second, icc=0.9).fit(features.mask(features > 1.2), outcome)
    assert fitted["stable"].get_support().all()


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (lambda table: table.drop(columns="f1"), "lacks 1 feature.*f1"),
        (lambda table: table.iloc[:2], "shares 2 patient"),
        (lambda table: -table, "No feature reaches an ICC of 0.9"),
        (lambda table: table.rename_axis("gene"), "has genes in rows"),
    ],
)
def test_a_second_reader_that_does_not_fit_is_refused(second, message):
    features, _ = noise(20, 3)
    with pytest.raises(ValueError, match=message):
        StableFeatures(second(features)).fit(features)


def test_stable_features_need_names_to_find_patients():
    features, _ = noise(20, 3)
    with pytest.raises(TypeError, match="first step of the pipeline"):
        StableFeatures(features).fit(features.to_numpy())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.2, 0.99))
def test_no_two_kept_features_correlate_too_much_and_every_dropped_one_does(seed, most):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(30, 4)) @ rng.normal(size=(4, 12)))
    fitted = Uncorrelated(most).fit(table)
    rho = table.corr("spearman").abs().to_numpy()
    kept = fitted.get_support()
    assert (rho[np.ix_(kept, kept)][np.triu_indices(kept.sum(), 1)] <= most + 1e-9).all()
    assert all((rho[j, :j][kept[:j]] > most - 1e-9).any() for j in np.flatnonzero(~kept))


# Size, balance, recipes


def test_the_size_that_serves_best_is_chosen():
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    X = rng.normal(size=(120, 30))
    X[:, :6] += 0.8 * y[:, None]
    forests = Forest(50, random_state=0), RandomForestClassifier(50, random_state=0)
    for choose_by, forest in itertools.product(("folds", "out_of_bag"), forests):
        fitted = ChosenSize(ReliefF(), forest, sizes=(1, 6, 30), choose_by=choose_by, random_state=0).fit(X, y)
        assert fitted.size_ == max(fitted.aucs_, key=fitted.aucs_.get)
        assert fitted.size_ > 1
        assert fitted.get_support().sum() == fitted.size_


def test_sizes_out_of_bag_are_judged_by_scikit_learns_own_votes():
    features, outcome = noise(60, 6, seed=3)
    forest = RandomForestClassifier(200, random_state=0)
    chosen = ChosenSize(ReliefF(), forest, sizes=(2, 6), choose_by="out_of_bag").fit(features, outcome)
    kept = features.iloc[:, chosen.ranking_[:2]].to_numpy()
    votes = RandomForestClassifier(200, oob_score=True, random_state=0).fit(kept, outcome).oob_decision_function_
    assert chosen.aucs_[2] == pytest.approx(roc_auc_score(outcome, votes[:, 1]), abs=1e-12)
    assert not forest.oob_score  # what is given stays as it is


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")  # three trees leave some patients in every bag
def test_patients_in_every_bag_have_no_vote():
    features, outcome = noise(40, 4, seed=1)
    rare = outcome.to_numpy() == 1
    aucs = []
    for forest in (RandomForestClassifier(3, random_state=0), RandomForestClassifier(3, oob_score=True, random_state=0)):
        chosen = ChosenSize(ReliefF(), forest, sizes=(2, 4), choose_by="out_of_bag").fit(features, outcome)
        aucs.append(chosen.aucs_[4])
    votes = forest.fit(features.iloc[:, chosen.ranking_].to_numpy(), outcome).oob_decision_function_
    voted = votes.sum(axis=1) > 0
    assert not voted.all()
    assert aucs == pytest.approx([roc_auc_score(rare[voted], votes[voted, 1])] * 2, abs=1e-12)


@pytest.mark.parametrize(
    ("classifier", "error", "message"),
    [
        (LogisticRegression(), TypeError, "'out_of_bag' needs a forest.*LogisticRegression.*choose_by='folds'"),
        (Forest(5, bootstrap=False), ValueError, "No patient is out of bag.*bootstrap=True"),
        (RandomForestClassifier(5, bootstrap=False), ValueError, "bootstrap=True"),
    ],
)
def test_sizes_out_of_bag_need_a_forest_that_leaves_patients_out(classifier, error, message):
    features, outcome = noise(30, 5)
    with pytest.raises(error, match=message):
        ChosenSize(ReliefF(), classifier, sizes=(1, 2), choose_by="out_of_bag").fit(features, outcome)


class Remembers(LogisticRegression):
    """A classifier that keeps what it was fitted on."""

    def fit(self, X, y):
        self.table_, self.outcome_ = X, np.asarray(y)
        return super().fit(X, y)


def fitted_on(X, y, **options):
    """Give the patients that a balanced classifier is fitted on."""
    seen = balanced(Remembers(), random_state=0, **options).fit(X, y)["classify"]
    return seen.table_, seen.outcome_


@pytest.mark.parametrize("how", ["oversample", "undersample", "smote"])
def test_balancing_draws_equal_classes_from_the_patients_fitted_on(how):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), np.repeat(["mild", "severe"], [40, 10])
    table, outcome = fitted_on(X, y, how=how)
    size = 10 if how == "undersample" else 40
    assert pd.Series(outcome).value_counts().to_dict() == {"mild": size, "severe": size}
    rare = X[y == "severe"]
    made = table[outcome == "severe"]
    if how == "smote":
        assert len(np.unique(made, axis=0)) == 40
        assert (made >= rare.min(axis=0) - 1e-12).all()
        assert (made <= rare.max(axis=0) + 1e-12).all()
    else:
        assert {tuple(row) for row in table} <= {tuple(row) for row in X}
    np.testing.assert_array_equal(table, fitted_on(X, y, how=how)[0])


@pytest.mark.parametrize("n_rare", [1, 2, 3, 6, 7])
def test_smote_uses_the_neighbours_that_a_small_class_has(n_rare):
    """Imbalanced-learn's own SMOTE refuses fewer than six; where there are enough, ours is its."""
    rng = np.random.default_rng(n_rare)
    X, y = rng.normal(size=(40, 2)), np.repeat([0, 1], [40 - n_rare, n_rare])
    table, outcome = fitted_on(X, y, how="smote")
    made, rare = table[outcome == 1], X[y == 1]
    assert len(made) == 40 - n_rare
    assert len(np.unique(made, axis=0)) == (1 if n_rare == 1 else len(made))
    if n_rare == 1:
        assert (made == rare).all()
    if n_rare > 5:
        np.testing.assert_array_equal(table, SMOTE(random_state=0).fit_resample(X, y)[0])


def test_the_seed_of_a_validation_reaches_the_draws():
    recipe = seeded(signatures.mrmr(imbalance="smote", random_state=1), 7)
    assert recipe.get_params()["classify__balance__random_state"] == 7


def test_recipes_cope_with_missing_values_and_empty_columns():
    features, outcome = noise(60, 12)
    features = features.mask(np.random.default_rng(0).random(features.shape) < 0.1).assign(f3=np.nan, f4=1.0)
    for recipe in (signatures.published(n_trees=10), signatures.lasso(max_rho=0.95), signatures.mrmr()):
        assert recipe.fit(features, outcome).predict_proba(features).shape == (60, 2)


@pytest.mark.parametrize("imbalance", ["weights", "oversample", "undersample", "smote"])
def test_recipes_take_every_treatment_of_imbalance(imbalance):
    features, outcome = noise(60, 12)
    for build in (partial(signatures.published, n_trees=10), signatures.lasso, signatures.mrmr):
        assert np.isfinite(build(imbalance=imbalance).fit(features, outcome).predict_proba(features)).all()


def test_any_estimator_is_a_recipe_by_its_path():
    features, outcome = noise(40, 5)
    recipe = signatures.by_path("sklearn.linear_model:LogisticRegression", C=0.1)
    assert isinstance(recipe, Pipeline)
    assert recipe[-1].C == 0.1
    assert recipe.fit(features, outcome).predict_proba(features).shape == (40, 2)
    assert isinstance(signatures.by_path("radiogenomics.signatures:lasso", penalty="1se"), Pipeline)


@pytest.mark.parametrize(
    ("path", "parameters", "error", "message"),
    [
        ("no_such_module:Thing", {}, ValueError, "cannot be imported"),
        ("sklearn.svm", {}, ValueError, "package.module:Name"),
        ("sklearn.svm:Nothing", {}, ValueError, "cannot be imported"),
        ("sklearn.svm:SVC", {"colour": 1}, ValueError, "does not take these parameters.*colour"),
        ("math:pi", {}, TypeError, "must be a scikit-learn estimator"),
        ("builtins:dict", {}, TypeError, "gives a dict"),
    ],
)
def test_a_path_that_is_no_recipe_is_refused(path, parameters, error, message):
    with pytest.raises(error, match=message):
        signatures.by_path(path, **parameters)


def test_an_impossible_variance_is_refused():
    with pytest.raises(ValueError, match=r"`variance` is 1\.5"):
        signatures.published(variance=1.5)


ESTIMATORS = [
    ReliefF(),
    MRMR(),
    Uncorrelated(),
    Lasso(n_splits=2, random_state=0),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_estimators_keep_scikit_learns_contract(estimator):
    check_estimator(estimator, on_skip=None)


def test_the_choice_of_size_keeps_scikit_learns_contract_for_two_classes():
    chosen = ChosenSize(ReliefF(), Forest(5, random_state=0), sizes=(1, 2), n_splits=2)
    results = check_estimator(chosen, on_skip=None, on_fail=None)
    failed = {one["check_name"]: str(one["exception"]) for one in results if one["status"] == "failed"}
    del failed["check_positive_only_tag_during_fit"]  # it hides the reason, which is the same
    # scikit-learn has no tag for transformers of two classes; nothing else may fail.
    assert all("chosen for two classes" in reason for reason in failed.values()), failed


def test_the_forest_keeps_scikit_learns_contract():
    # scikit-learn tames its own trees for this check (min_weight_fraction_leaf); trees grown to the end ignore noise less.
    reason = {"check_class_weight_classifiers": "trees are grown to the end"}
    check_estimator(Forest(10, random_state=0), on_skip=None, expected_failed_checks=reason, on_fail="raise")


def test_a_signal_is_found_by_every_recipe():
    features, outcome = noise(120, 30)
    features.iloc[:, :10] += 1.2 * outcome.to_numpy()[:, None]
    train, test = features.iloc[:80], features.iloc[80:]
    for recipe in (signatures.published(n_trees=50, sizes=(3, 10)), signatures.lasso(), signatures.mrmr(sizes=(3, 10))):
        score = recipe.fit(train, outcome[:80]).predict_proba(test)[:, 1]
        assert roc_auc_score(outcome[80:], score) > 0.75
