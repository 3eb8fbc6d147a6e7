"""Ready recipes: whole pipelines from a feature table to a probability."""

from typing import Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics.signatures._forest import Forest
from radiogenomics.signatures._ranking import ReliefF
from radiogenomics.signatures._size import ChosenSize

SIZES = (2, 5, 10, 15, 20)


def published(
    *,
    sizes: tuple[int, ...] = SIZES,
    n_trees: int = 100,
    variance: float = 0.95,
    choose_by: Literal["folds", "out_of_bag"] = "folds",
    n_splits: int = 5,
    n_neighbors: int = 10,
    class_weight: Literal["balanced"] | None = None,
    random_state: int | None = 0,
) -> Pipeline:
    """Build the recipe most published signatures follow: z-score, PCA, ReliefF, random forest.

    Parameters
    ----------
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
    class_weight : "balanced", optional
        Weigh the classes inversely to their size.
    random_state : int, optional
        Seed of folds and forests.

    Returns
    -------
    Pipeline
        An unfitted scikit-learn classifier: median imputation, z-score, PCA, ReliefF with as many components as serve the
        forest best in `n_splits` inner folds, and a random forest.

    Raises
    ------
    ValueError
        If `variance` is not between 0 and 1.
    """
    if not 0 < variance < 1:
        raise ValueError(f"`variance` is {variance}; give the share of variance to keep, above 0 and below 1.")
    forest = Forest(n_trees, class_weight=class_weight, random_state=random_state)
    chosen = ChosenSize(
        ReliefF(n_neighbors=n_neighbors), forest, sizes=sizes, choose_by=choose_by, n_splits=n_splits, random_state=random_state
    )
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("components", PCA(n_components=variance, svd_solver="full")),
            ("select", chosen),
            ("classify", forest),
        ]
    )


def volume_only(column: str) -> Pipeline:
    """Build the baseline every signature must beat: logistic regression on one column, lesion volume.

    Parameters
    ----------
    column : str
        The column that holds the volume (PyRadiomics: ``original_shape_MeshVolume``).

    Returns
    -------
    Pipeline
        An unfitted scikit-learn classifier; it learns the direction from the patients it is fitted on.
    """
    return Pipeline(
        [
            ("volume", ColumnTransformer([("volume", "passthrough", [column])], verbose_feature_names_out=False)),
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("classify", LogisticRegression(C=np.inf)),
        ]
    )
