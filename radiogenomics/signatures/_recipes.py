"""Ready recipes: whole pipelines from a feature table to a probability."""

import importlib
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.signatures._balance import Balanced
from radiogenomics.signatures._filters import StableFeatures, Uncorrelated
from radiogenomics.signatures._forest import Forest
from radiogenomics.signatures._lasso import Lasso, Measure
from radiogenomics.signatures._ranking import MRMR, ReliefF
from radiogenomics.signatures._size import ChosenSize

Imbalance = Literal["weights", "oversample", "undersample", "smote"]

SIZES = (2, 5, 10, 15, 20)


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
        Weigh the classes inversely to their size, or balance the patients the forest is fitted on (`Balanced`).
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
    last = _balanced(forest, imbalance, random_state)
    chosen = ChosenSize(
        ReliefF(n_neighbors=n_neighbors),
        last if choose_by == "folds" else forest,  # balanced copies have no out-of-bag votes
        sizes=sizes,
        choose_by=choose_by,
        n_splits=n_splits,
        random_state=random_state,
    )
    return Pipeline(
        [
            *_stable(second_reader, icc),
            ("scale", StandardScaler()),
            ("components", PCA(n_components=variance, svd_solver="full")),
            ("select", chosen),
            ("classify", last),
        ]
    )


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
        Weigh the classes inversely to their size, or balance the patients the last step is fitted on (`Balanced`).
    random_state : int, optional
        Seed of folds and draws.

    Returns
    -------
    Pipeline
        An unfitted scikit-learn classifier. Its logistic regression has scikit-learn's mild ridge (C = 1 on z-scores), since
        the LASSO may keep more features than a few dozen patients can carry unpenalised.
    """
    last = LogisticRegression(class_weight="balanced" if imbalance == "weights" else None)
    steps = _stable(second_reader, icc)
    if max_rho is not None:
        steps.append(("uncorrelated", Uncorrelated(max_rho)))
    steps += [
        ("scale", StandardScaler()),
        ("select", Lasso(penalty=penalty, measure=measure, n_splits=n_splits, random_state=random_state)),
        ("classify", _balanced(last, imbalance, random_state)),
    ]
    return Pipeline(steps)


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
        Weigh the classes inversely to their size, or balance the patients the last step is fitted on (`Balanced`).
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
    last = _balanced(LogisticRegression(class_weight="balanced" if imbalance == "weights" else None), imbalance, random_state)
    chosen = ChosenSize(MRMR(max(sizes, default=None)), last, sizes=sizes, n_splits=n_splits, random_state=random_state)
    return Pipeline([*_stable(second_reader, icc), ("scale", StandardScaler()), ("select", chosen), ("classify", last)])


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
            *_plain(LogisticRegression(C=np.inf)),
        ]
    )


def by_path(path: str, **parameters: Any) -> Pipeline:
    """Build a recipe from any classifier that can be imported.

    Parameters
    ----------
    path : str
        Module and name, such as ``"sklearn.svm:SVC"`` or ``"my_lab.models:Signature"``.
    **parameters
        The classifier's own parameters.

    Returns
    -------
    Pipeline
        Median imputation, z-score and the classifier; a `Pipeline` is taken as it is.

    Raises
    ------
    ValueError
        If the path cannot be imported, or the classifier does not know a parameter.
    TypeError
        If what lies there is no scikit-learn estimator.
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"The recipe {path!r} cannot be imported ({error}); write it as 'package.module:Name'.") from error
    if not (isinstance(found, type) and issubclass(found, BaseEstimator)) and not callable(found):
        raise TypeError(f"The recipe {path!r} is a {type(found).__name__}; it must be a scikit-learn estimator or a function.")
    try:
        built = found(**parameters)
    except TypeError as error:
        raise InputError(f"The recipe {path!r} does not take these parameters: {error}.") from error
    if not isinstance(built, BaseEstimator):
        raise TypeError(f"The recipe {path!r} gives a {type(built).__name__}; it must be a scikit-learn estimator.")
    return built if isinstance(built, Pipeline) else Pipeline(_plain(built))


def _plain(classifier: Any) -> list[tuple[str, Any]]:
    return [("impute", _imputer()), ("scale", StandardScaler()), ("classify", classifier)]


def _stable(second_reader: pd.DataFrame | None, icc: float) -> list[tuple[str, Any]]:
    """Begin a recipe: only what a second reader repeats, then missing values filled."""
    steps: list[tuple[str, Any]] = [("impute", _imputer())]
    return steps if second_reader is None else [("stable", StableFeatures(second_reader, icc=icc)), *steps]


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _balanced(classifier: Any, imbalance: Imbalance | None, random_state: int | None) -> Any:
    if imbalance is None:
        return classifier
    check_choice(imbalance, "imbalance", ("weights", "oversample", "undersample", "smote"))
    return classifier if imbalance == "weights" else Balanced(classifier, how=imbalance, random_state=random_state)
