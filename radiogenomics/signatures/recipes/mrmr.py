"""The third common recipe: features that tell much and repeat one another little, logistic regression."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics.signatures._parts import SIZES, Imbalance, last_step, stable
from radiogenomics.signatures._ranking import MRMR
from radiogenomics.signatures._size import ChosenSize
from radiogenomics.signatures.recipes.protocol import Recipe


def mrmr(
    *,
    second_reader: pd.DataFrame | None = None,
    icc: float = 0.9,
    sizes: tuple[int, ...] = SIZES,
    n_splits: int = 5,
    imbalance: Imbalance | None = None,
    random_state: int | None = 0,
) -> Pipeline:
    """Build the third common recipe: features that tell much and repeat one another little, logistic regression.

    Parameters
    ----------
    second_reader : DataFrame, optional
        The features from the second reader's segmentations; without it nothing is filtered by repeatability.
    icc : float
        The least ICC(2,1) to keep, see `StableFeatures`.
    sizes : tuple of int
        Numbers of features to try; `n_splits` inner folds choose, see `ChosenSize`.
    n_splits : int
        Inner folds of that choice.
    imbalance : {"weights", "oversample", "undersample", "smote"}, optional
        Weigh the classes inversely to their size, or balance the patients the last step is fitted on (`balanced`).
    random_state : int, optional
        Seed of folds and draws.

    Returns
    -------
    Pipeline
        An unfitted scikit-learn classifier; its logistic regression has scikit-learn's mild ridge, as that of `lasso`.

    References
    ----------
    H. Peng et al., Feature selection based on mutual information: criteria of max-dependency, max-relevance, and
    min-redundancy, IEEE Trans Pattern Anal Mach Intell 2005. doi:10.1109/TPAMI.2005.159
    """
    last = last_step(LogisticRegression(class_weight="balanced" if imbalance == "weights" else None), imbalance, random_state)
    selection = ChosenSize(MRMR(max(sizes, default=None)), last, sizes=sizes, n_splits=n_splits, random_state=random_state)
    return Pipeline([*stable(second_reader, icc), ("scale", StandardScaler()), ("select", selection), ("classify", last)])


RECIPE = Recipe(mrmr, frozenset({"icc", "sizes", "imbalance"}), makes_folds=True)
