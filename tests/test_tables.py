"""Tables as people have them: general functions take any unique index, and hand it back."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics import expression, genescore, linking, modules, pathways, signatures, stats, validation

N = 32
INDEXES = {
    "patient": pd.Index([f"P{i:02d}" for i in range(N)], name="patient"),
    "another name": pd.Index([f"P{i:02d}" for i in range(N)], name="sample"),
    "no name": pd.Index([f"P{i:02d}" for i in range(N)]),
    "numbers": pd.RangeIndex(100, 100 + N),
    "several levels": pd.MultiIndex.from_product([["A", "B"], [f"{i:02d}" for i in range(N // 2)]], names=["site", "number"]),
}
AGREEMENT = {"model": "twoway", "definition": "agreement", "unit": "single"}
SETS = {"A": [f"G{i:02d}" for i in range(12)], "B": [f"G{i:02d}" for i in range(20, 34)]}


class Tables:
    """Genes of three groups, features that follow the first, and an outcome that follows both, under one index."""

    def __init__(self, index: pd.Index) -> None:
        rng = np.random.default_rng(5)
        hidden = rng.normal(size=(N, 3))
        genes = 8 + np.repeat(hidden, 14, axis=1) + 0.4 * rng.normal(size=(N, 42))
        self.genes = pd.DataFrame(genes, index=index, columns=[f"G{i:02d}" for i in range(42)])
        features = np.repeat(hidden[:, :2], 3, axis=1) + 0.5 * rng.normal(size=(N, 6))
        self.features = pd.DataFrame(features, index=index, columns=[f"f{i}" for i in range(6)])
        self.again = self.features + 0.1 * rng.normal(size=(N, 6))
        self.outcome = pd.Series((hidden[:, 0] + 0.8 * rng.normal(size=N) > 0).astype(int), index=index, name="outcome")
        self.volume = pd.Series(rng.lognormal(size=N), index=index, name="volume")


def found_modules(t):
    return modules.find_modules(t.genes, power=4, min_size=5)


def fitted(t):
    return signatures.published(n_trees=5, sizes=(2,)).fit(t.features, t.outcome)


def judged(t):
    recipe = make_pipeline(StandardScaler(), LogisticRegression())
    sizes = {"n_splits": 3, "n_repeats": 1, "n_boot_optimism": 2}
    return validation.evaluate(recipe, t.features, t.outcome, volume=t.volume, random_state=0, **sizes)


RESULTS = {
    "eigengenes": lambda t: found_modules(t).eigengenes,
    "projected modules": lambda t: modules.project(found_modules(t), t.genes),
    "pathway scores": lambda t: pathways.score(t.genes, SETS),
    "fitted pathway scores": lambda t: pathways.PathwayScores(SETS).fit(t.genes).transform(t.genes.iloc[:20]),
    "links": lambda t: linking.correlate(t.features, t.genes.iloc[:, :4], n_permutations=100, random_state=0),
    "adjusted links": lambda t: linking.correlate(
        t.features, t.genes.iloc[:, :4], method="partial", covariates=t.volume.to_frame(), n_permutations=100, random_state=0
    ),
    "null of links": lambda t: linking.random_feature_null(t.features, t.genes.iloc[:, :4], n_repeats=5),
    "signature": lambda t: pd.Series(fitted(t).predict_proba(t.features)[:, 1], index=t.features.index),
    "evaluation": lambda t: judged(t).table,
    "scores": lambda t: judged(t).scores,
    "agreement": lambda t: stats.icc_by_feature([t.features, t.again], **AGREEMENT),
    "correlations": lambda t: stats.correlation_table(t.features, method="pearson"),
    "odds": lambda t: genescore.odds_ratio(t.outcome, t.features["f0"]),
    "gene score": lambda t: pd.Series(
        genescore.GeneScore().fit(t.genes.iloc[:, :5], t.outcome).decision_function(t.genes.iloc[:, :5]), index=t.genes.index
    ),
    "filled genes": lambda t: expression.impute(t.genes.mask(t.genes > 9.9)),
}
"""Of every room that takes tables of patients, what its main functions give."""


@pytest.fixture(scope="module")
def plain():
    return {name: give(Tables(INDEXES["patient"])) for name, give in RESULTS.items()}


@pytest.mark.parametrize("index", [name for name in INDEXES if name != "patient"])
@pytest.mark.parametrize("result", RESULTS)
def test_any_unique_index_gives_the_same_numbers_and_comes_back(plain, result, index):
    given = Tables(INDEXES[index])
    made, expected = RESULTS[result](given), plain[result]
    if expected.index.name == "patient":
        back = given.features.index[: len(expected)]
        assert made.index.equals(back)
        assert made.index.names == back.names
    left, right = made.reset_index(drop=True), expected.reset_index(drop=True)
    for one in [] if isinstance(left, pd.Series) else [name for name in ("patient",) if name in left]:
        left, right = left.drop(columns=one), right.drop(columns=one)
    (pd.testing.assert_series_equal if isinstance(left, pd.Series) else pd.testing.assert_frame_equal)(left, right)
