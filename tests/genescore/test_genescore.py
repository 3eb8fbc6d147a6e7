"""Hub genes, their intersection, the score as an estimator, separation, odds ratios and survival."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics import genescore
from radiogenomics.stats import auc, cox
from tests.helpers.patient_tables import table

GENES = [f"G{number:02d}" for number in range(60)]
IMAGING = [f"f{number}" for number in range(6)]
LABELS = pd.Series(np.repeat([1, 2, 3], 20), index=GENES)


def cohort(seed, n=88, strength=1.5):
    """Imaging f0 follows the outcome, module 1 follows f0, modules 2 and 3 follow nothing -> table, outcome, membership."""
    rng = np.random.default_rng(seed)
    outcome = rng.integers(0, 2, n)
    imaging = rng.normal(size=(n, 6))
    imaging[:, 0] += strength * outcome
    eigengenes = rng.normal(size=(n, 3))
    eigengenes[:, 0] += imaging[:, 0]
    genes = np.repeat(eigengenes, 20, axis=1) + 0.7 * rng.normal(size=(n, 60))
    X = table(np.column_stack([imaging, genes, eigengenes]), "c").set_axis([*IMAGING, *GENES, "ME1", "ME2", "ME3"], axis=1)
    membership = X[[*GENES, "ME1", "ME2", "ME3"]].corr().loc[GENES, ["ME1", "ME2", "ME3"]]
    return X, pd.Series(outcome, index=X.index), membership


def hubs(membership, **options):
    signature = make_pipeline(StandardScaler(), LogisticRegression())
    chosen = {"min_kme": 0.6, "min_significance": 0.3, "labels": LABELS, "max_module_p": 0.05, **options}
    return genescore.HubGenes({"one": (signature, IMAGING[:3]), "two": (signature, ["f0", "f4"])}, membership, **chosen)


def test_hub_genes_have_membership_and_significance():
    X, _, membership = cohort(0)
    found = genescore.hub_genes(membership, X[GENES], X["f0"], min_kme=0.6, min_significance=0.3, labels=LABELS)
    assert list(found.columns) == genescore.HUB_COLUMNS
    assert len(found) == 60
    assert set(found.loc[found["hub"], "module"]) == {"ME1"}
    row = found.iloc[0]
    theirs = stats.pearsonr(X[row["gene"]], X["f0"])
    assert row["significance"] == pytest.approx(theirs.statistic)
    assert row["p"] == pytest.approx(theirs.pvalue)
    assert row["kme"] == membership.loc[row["gene"], "ME1"]
    assert found["significance"].abs().is_monotonic_decreasing
    assert (found["q"] >= found["p"]).all()


def test_without_labels_a_gene_belongs_to_its_strongest_module_and_grey_to_none():
    X, _, membership = cohort(1)
    found = genescore.hub_genes(membership, X[GENES], X["f0"], min_kme=0.6, min_significance=0.3)
    assert found.set_index("gene")["module"].str[2:].astype(int).loc[GENES].tolist() == LABELS.tolist()
    grey = LABELS.where(LABELS != 3, 0)
    found = genescore.hub_genes(
        membership, X[GENES], X["f0"], min_kme=0.6, min_significance=0.3, labels=grey, modules=["ME1", "ME3"]
    )
    assert set(found["module"]) == {"ME1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_kme": 1.6}, "`min_kme` is 1.6, it must lie in 0 to 1"),
        ({"modules": ["ME9"]}, "`modules` names ME9, `membership` has ME1, ME2, ME3"),
        ({"method": "kendall"}, "`method` is 'kendall'"),
        ({"score": "gaps"}, "`score` misses 1 of 88 patients"),
        ({"score": "others"}, "`expression` and `score` share no patient"),
        (
            {"expression": "ensembl"},
            "`membership` and `expression` share no gene of the modules: G00, G01 and 58 more against ENSG00",
        ),
    ],
)
def test_hub_genes_refuse_what_does_not_fit(options, message):
    X, _, membership = cohort(2)
    score = {"gaps": X["f0"].where(X.index != "P003"), "others": X["f0"].rename(index=lambda name: "X" + name)}
    score = score.get(options.pop("score", ""), X["f0"])
    expression = X[GENES].rename(columns=lambda name: name.replace("G", "ENSG")) if options.pop("expression", "") else X[GENES]
    with pytest.raises(ValueError, match=re.escape(message)):
        genescore.hub_genes(membership, expression, score, **{"min_kme": 0.6, "min_significance": 0.3, **options})


def test_a_gene_that_varies_by_rounding_alone_does_not_vary():
    X, _, membership = cohort(3)
    flat = X[GENES].assign(**{GENES[0]: 4.7 * (1 + 1e-15 * np.sign(X["f0"]))})
    found = genescore.hub_genes(membership, flat, X["f0"], min_kme=0.0, min_significance=0.0).set_index("gene")
    assert found.loc[GENES[0], ["significance", "p"]].tolist() == [0.0, 1.0]


def test_intersection_counts_signatures():
    one = pd.DataFrame({"gene": ["a", "b", "c", "d"], "hub": [True, True, True, False]})
    hubs_of = {"one": one, "two": ["c", "b", "x"], "three": ["c", "y"]}
    assert genescore.intersect(hubs_of) == ["c"]
    assert genescore.intersect(hubs_of, at_least=2) == ["b", "c"]
    assert genescore.intersect(hubs_of, at_least=1) == ["a", "b", "c", "x", "y"]
    for wrong in (0, 4):
        with pytest.raises(ValueError, match=rf"`at_least` is {wrong} for 3 signature"):
            genescore.intersect(hubs_of, at_least=wrong)


def test_selection_uses_out_of_fold_scores_and_finds_the_planted_module():
    X, y, membership = cohort(3)
    selector = hubs(membership, n_repeats=3).fit(X, y)
    assert set(selector.genes_) <= set(GENES[:20])
    assert len(selector.genes_) > 10
    splits = list(RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0).split(X, y))
    model = make_pipeline(StandardScaler(), LogisticRegression())
    by_hand = [
        cross_val_predict(model, X[IMAGING[:3]], y, cv=splits[first : first + 5], method="predict_proba")[:, 1]
        for first in (0, 5, 10)
    ]
    assert not np.allclose(by_hand[0], by_hand[1])
    np.testing.assert_allclose(selector.scores_["one"], np.mean(by_hand, axis=0))
    assert list(selector.transform(X).columns) == selector.genes_ == list(selector.get_feature_names_out())


@pytest.mark.parametrize("regression", ["penalised", "firth", "plain"])
def test_the_score_weighs_the_selected_genes(regression):
    X, y, membership = cohort(4, n=200)
    model = genescore.GeneScore(hubs(membership, n_repeats=2), regression=regression).fit(X, y)
    assert model.genes_ == model.selector_.genes_
    assert list(model.coefficients_.index) == model.genes_
    assert model.separation_ == "none"
    odds = model.decision_function(X)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-odds)))
    assert set(model.predict(X)) == {0, 1}
    assert auc(y, odds).auc > 0.7
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.decision_function(X), odds)


def test_plain_and_firth_weights_equal_their_references():
    X, y, _ = cohort(5, n=150)
    genes = X[GENES[:3]]
    z = (genes - genes.mean()) / genes.std(ddof=1)
    plain = genescore.GeneScore(regression="plain").fit(genes, y)
    reference = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(z, y)
    np.testing.assert_allclose(plain.coefficients_, reference.coef_[0], atol=1e-5)
    firth = genescore.GeneScore(regression="firth").fit(genes, y)
    assert (firth.coefficients_.abs() < plain.coefficients_.abs() + 1e-12).all()


def test_a_fold_without_a_gene_gives_everyone_the_same_score():
    X, y, membership = cohort(6)
    model = genescore.GeneScore(hubs(membership, min_significance=0.99, n_repeats=1)).fit(X, y)
    assert model.genes_ == []
    assert np.ptp(model.decision_function(X)) == 0
    assert model.predict_proba(X)[0, 1] == pytest.approx(y.mean())
    none_linked = genescore.GeneScore(hubs(membership, max_module_p=1e-300)).fit(X, y)
    assert none_linked.genes_ == []


def test_nested_judgement_is_honest_where_the_published_one_is_not():
    """Pure noise: choosing and fitting on everyone looks like a finding, cross-validating the whole does not."""
    honest, published = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, _, membership = cohort(seed, strength=0.0)
        y = rng.permutation(np.repeat([0, 1], 44))
        model = genescore.GeneScore(
            hubs(membership, min_significance=0.1, max_module_p=1.0, at_least=1, n_splits=3, n_repeats=1), n_splits=3
        )
        folds = StratifiedKFold(3, shuffle=True, random_state=seed)
        honest.append(auc(y, cross_val_predict(model, X, y, cv=folds, method="decision_function")).auc)
        published.append(auc(y, model.fit(X, y).decision_function(X)).auc)
    assert abs(np.mean(honest) - 0.5) < 0.12
    assert np.mean(published) > np.mean(honest) + 0.1


def test_plain_regression_says_when_genes_separate_the_outcome():
    X, y, _ = cohort(7, n=30)
    genes = X[GENES]
    with pytest.warns(genescore.SeparationWarning, match=r"60 gene\(s\) separate the outcome of 30 patients \(complete\)"):
        model = genescore.GeneScore(regression="plain").fit(genes, y)
    assert model.separation_ == "complete"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert genescore.GeneScore(regression="penalised").fit(genes, y).separation_ == "complete"


def test_a_score_needs_two_classes_and_known_names():
    X, y, _ = cohort(8)
    with pytest.raises(ValueError, match=r"`y` has 1 class\(es\)"):
        genescore.GeneScore().fit(X, y * 0)
    with pytest.raises(ValueError, match="`regression` is 'ridge', it must be one of 'penalised', 'firth', 'plain'"):
        genescore.GeneScore(regression="ridge").fit(X, y)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=4, max_size=30))
def test_separation_of_one_predictor_is_what_the_ranges_say(pairs):
    x, y = np.array(pairs).T
    if len(set(y)) < 2:
        return
    ones, zeros = x[y == 1], x[y == 0]
    gap = max(ones.min() - zeros.max(), zeros.min() - ones.max())
    constant = x.min() == x.max()
    expected = "none" if gap < 0 or constant else "quasi" if gap == 0 else "complete"
    assert genescore.separation(x[:, None].astype(float), y) == expected


def test_separation_by_a_combination_is_found():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(60, 2))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    assert genescore.separation(x, y) == "complete"
    assert genescore.separation(x[:, :1], y) == "none"
    assert genescore.separation(np.vstack([x, [0.0, 0.0], [0.0, 0.0]]), np.append(y, [0, 1])) == "quasi"


def score_and_outcome(seed, n=120, slope=0.8):
    rng = np.random.default_rng(seed)
    index = pd.Index([f"P{number}" for number in range(n)], name="patient")
    score = pd.Series(rng.normal(3.0, 2.0, n), index=index)
    return score, pd.Series((slope * (score - 3) / 2 + rng.logistic(size=n) > 0).astype(int), index=index)


def test_odds_ratio_equals_statsmodels_with_profile_limits():
    import statsmodels.api as sm

    score, outcome = score_and_outcome(0)
    ours = genescore.odds_ratio(outcome, score).set_index("scale")
    model = sm.Logit(outcome.to_numpy(), sm.add_constant(score.to_numpy()))
    fit = model.fit(disp=0, tol=1e-12)
    assert ours.loc["per unit", "odds_ratio"] == pytest.approx(np.exp(fit.params[1]), rel=1e-8)
    assert ours.loc["per SD", "odds_ratio"] == pytest.approx(np.exp(fit.params[1] * score.std()), rel=1e-8)
    assert ours.loc["per unit", "p"] == pytest.approx(fit.llr_pvalue, rel=1e-6)
    for limit in ("low", "high"):  # at a profile limit the likelihood has fallen by half the chi-square quantile
        slope = np.log(ours.loc["per unit", limit])
        held = sm.GLM(outcome, np.ones(len(score)), family=sm.families.Binomial(), offset=slope * score.to_numpy()).fit()
        assert 2 * (fit.llf - held.llf) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-6)
    assert (ours["separation"] == "none").all()
    assert (ours["remark"] == "").all()


def test_an_infinite_odds_ratio_is_called_infinite_and_firths_is_finite():
    score, _ = score_and_outcome(1, n=40)
    outcome = (score > score.median()).astype(int)
    plain = genescore.odds_ratio(outcome, score)
    assert np.isinf(plain["odds_ratio"]).all()
    assert np.isinf(plain["high"]).all()
    assert (plain["low"] > 1).all()
    assert set(plain["separation"]) == {"complete"}
    assert plain["remark"].str.contains("no finite maximum likelihood odds ratio exists").all()
    firth = genescore.odds_ratio(outcome, score, method="firth")
    assert np.isfinite(firth["odds_ratio"]).all()
    assert (firth["low"] > 1).all()
    reversed_ = genescore.odds_ratio(outcome, -score)
    assert (reversed_["odds_ratio"] == 0).all()
    assert reversed_["high"].to_numpy() == pytest.approx(1 / plain["low"].to_numpy(), rel=1e-6)


def test_an_odds_ratio_of_164_is_a_warning_sign():
    score, _ = score_and_outcome(2, n=200)
    outcome = (score + 0.25 * np.random.default_rng(20).normal(size=200) > 3).astype(int)
    ours = genescore.odds_ratio(outcome, score).iloc[0]
    assert ours["odds_ratio"] > 164
    assert ours["remark"].startswith("beyond 20 per SD")


def test_an_odds_ratio_takes_series():
    score, outcome = score_and_outcome(4)
    with pytest.raises(TypeError, match="`y_true` must be a pandas Series indexed by patient, it is a ndarray"):
        genescore.odds_ratio(outcome.to_numpy(), score)


def test_firths_odds_ratio_is_close_to_the_plain_one_in_large_samples():
    score, outcome = score_and_outcome(3, n=2000)
    both = [genescore.odds_ratio(outcome, score, method=method).iloc[0] for method in ("plain", "firth")]
    for name in ("odds_ratio", "low", "high"):
        assert both[0][name] == pytest.approx(both[1][name], rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda score, outcome: (score, outcome * 0),
            "`y_true` has the values [0.0] in 120 common patients; an odds ratio needs 0 and 1, both.",
        ),
        (lambda score, outcome: (score * 0 + 2, outcome), "`y_score` is 2 for all 120 patients"),
        (
            lambda score, outcome: (score, outcome.rename(index=lambda name: "X" + name)),
            "No patient has all of y_true, y_score: `y_true` has XP0, XP1",
        ),
        (lambda score, outcome: (pd.concat([score, score[:1]]), outcome), "`y_score` names patient(s) P0 more than once"),
    ],
)
def test_an_odds_ratio_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        genescore.odds_ratio(*reversed(change(*score_and_outcome(4))))


def follow_up(seed, n=200):
    rng = np.random.default_rng(seed)
    score, _ = score_and_outcome(seed, n)
    risk = (score - 3) / 2
    time = rng.exponential(1000 * np.exp(-0.8 * risk.to_numpy()))
    censored = np.minimum(rng.uniform(0, 3000, n), 1200)
    event = pd.Series((time <= censored).astype(int), index=score.index)
    return score, pd.Series(np.minimum(time, censored), index=score.index), event


def test_survival_cuts_at_the_training_median_and_finds_the_planted_hazard():
    score, time, event = follow_up(5)
    training = score.index[:88]
    ages = pd.DataFrame(
        {"age": np.random.default_rng(50).normal(60, 10, 200), "site": np.tile(["a", "b"], 100)}, index=score.index
    )
    found = genescore.survival(score, time, event, training=training, covariates=ages)
    assert found.cut == score[training].median()
    assert set(found.curves["group"]) == {"low", "high"}
    assert found.groups.set_index("group").loc["high", "n"] == (score > found.cut).sum()
    assert found.log_rank_p < 1e-4
    assert found.cut_label == "median of the training patients"
    alone = found.hazards.query("model == 'score'").iloc[0]
    z = pd.DataFrame({"score": (score - score.mean()) / score.std()})
    assert alone["hazard_ratio"] == pytest.approx(cox(z, time, event).terms["hazard_ratio"].iloc[0])
    assert alone["low"] < np.exp(0.8) < alone["high"]
    assert found.hazards.query("model == 'adjusted'")["term"].tolist() == ["score", "age", "site_b"]
    assert found.hazards["p_proportional"].between(0, 1).all()


def test_survival_refuses_a_cut_that_nobody_crosses():
    score, time, event = follow_up(6)
    with pytest.raises(ValueError, match="None of the training patients"):
        genescore.survival(score, time, event, training=["nobody"])
    few = score.sort_values().index[:20]
    with pytest.raises(ValueError, match="All 20 patients with follow-up are low"):
        genescore.survival(score, time[few], event[few])
