"""The recipe most published signatures follow: z-score, PCA, ReliefF, random forest."""

from typing import Literal

import pandas as pd
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics._errors import InputError
from radiogenomics.signatures._forest import Forest
from radiogenomics.signatures._parts import SIZES, Imbalance, last_step, stable
from radiogenomics.signatures._ranking import ReliefF
from radiogenomics.signatures._size import ChosenSize
from radiogenomics.signatures.recipes.protocol import Recipe


def published(
    *,
    second_reader: pd.DataFrame | None = None,
    icc: float = 0.9,
    sizes: tuple[int, ...] = SIZES,
    n_trees: int = 100,
    variance: float = 0.95,
    choose_by: Literal["folds", "out_of_bag"] = "folds",
    n_splits: int = 5,
    n_neighbors: int = 10,
    imbalance: Imbalance | None = None,
    random_state: int | None = 0,
) -> Pipeline:
    """Build the recipe most published signatures follow: z-score, PCA, ReliefF, random forest.

    Parameters
    ----------
    second_reader : DataFrame, optional
        The features from the second reader's segmentations; without it nothing is filtered by repeatability.
    icc : float
        The least ICC(2,1) to keep, see `StableFeatures`.
    sizes : tuple of int
        Numbers of components to try.
    n_trees : int
        Trees of every forest.
    variance : float
        Share of the variance the principal components keep, above 0 and below 1.
    choose_by : {"folds", "out_of_bag"}
        How the number of components is chosen, see `ChosenSize`.
    n_splits : int
        Inner folds of that choice.
    n_neighbors : int
        Neighbours of ReliefF.
    imbalance : {"weights", "oversample", "undersample", "smote"}, optional
        Weigh the classes inversely to their size, or balance the patients the forest is fitted on (`balanced`).
    random_state : int, optional
        Seed of folds and forests.

    Returns
    -------
    Pipeline
        An unfitted scikit-learn classifier: features that repeat (with a second reader), median imputation, z-score, PCA,
        ReliefF with as many components as serve the forest best in `n_splits` inner folds, and a random forest.

    Raises
    ------
    ValueError
        If `variance` is not between 0 and 1, or a choice is unknown.
    """
    if not 0 < variance < 1:
        raise InputError(f"`variance` is {variance}; give the share of variance to keep, above 0 and below 1.")
    forest = Forest(n_trees, class_weight="balanced" if imbalance == "weights" else None, random_state=random_state)
    last = last_step(forest, imbalance, random_state)
    sized_forest = ChosenSize(
        ReliefF(n_neighbors=n_neighbors),
        last if choose_by == "folds" else forest,  # balanced copies have no out-of-bag votes
        sizes=sizes,
        choose_by=choose_by,
        n_splits=n_splits,
        random_state=random_state,
    )
    return Pipeline(
        [
            *stable(second_reader, icc),
            ("scale", StandardScaler()),
            ("components", PCA(n_components=variance, svd_solver="full")),
            ("select", sized_forest),
            ("classify", last),
        ]
    )


RECIPE = Recipe(published, frozenset({"icc", "sizes", "n_trees", "imbalance"}), cheaper={"choose_by": "out_of_bag"})
