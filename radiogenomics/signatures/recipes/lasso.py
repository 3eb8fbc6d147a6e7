"""The other common recipe: features that a second reader repeats, LASSO, logistic regression."""

from typing import Literal

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics.signatures._filters import Uncorrelated
from radiogenomics.signatures._lasso import Lasso, Measure
from radiogenomics.signatures._parts import Imbalance, last_step, stable
from radiogenomics.signatures.recipes.protocol import Recipe


def lasso(
    *,
    second_reader: pd.DataFrame | None = None,
    icc: float = 0.9,
    max_rho: float | None = None,
    penalty: Literal["min", "1se"] = "min",
    measure: Measure = "deviance",
    n_splits: int = 5,
    imbalance: Imbalance | None = None,
    random_state: int | None = 0,
) -> Pipeline:
    """Build the other common recipe: features that a second reader repeats, LASSO, logistic regression.

    Parameters
    ----------
    second_reader : DataFrame, optional
        The features from the second reader's segmentations; without it nothing is filtered by repeatability.
    icc : float
        The least ICC(2,1) to keep, see `StableFeatures`.
    max_rho : float, optional
        Drop features with a larger rank correlation to one kept before, see `Uncorrelated`.
    penalty, measure, n_splits
        How the penalty is chosen, see `Lasso`.
    imbalance : {"weights", "oversample", "undersample", "smote"}, optional
        Weigh the classes inversely to their size, or balance the patients the last step is fitted on (`balanced`).
    random_state : int, optional
        Seed of folds and draws.

    Returns
    -------
    Pipeline
        An unfitted scikit-learn classifier. Its logistic regression has scikit-learn's mild ridge (C = 1 on z-scores), since
        the LASSO may keep more features than a few dozen patients can carry unpenalised.
    """
    last = LogisticRegression(class_weight="balanced" if imbalance == "weights" else None)
    steps = stable(second_reader, icc)
    if max_rho is not None:
        steps.append(("uncorrelated", Uncorrelated(max_rho)))
    steps += [
        ("scale", StandardScaler()),
        ("select", Lasso(penalty=penalty, measure=measure, n_splits=n_splits, random_state=random_state)),
        ("classify", last_step(last, imbalance, random_state)),
    ]
    return Pipeline(steps)


RECIPE = Recipe(lasso, frozenset({"icc", "max_rho", "penalty", "imbalance"}), makes_folds=True)
