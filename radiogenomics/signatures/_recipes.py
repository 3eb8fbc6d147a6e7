"""A recipe that has no name in the table: any classifier that can be imported."""

import importlib
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from radiogenomics._registry import ForeignCode
from radiogenomics.signatures._parts import plain


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
    with ForeignCode(f"The recipe {path!r} cannot be imported", "write it as 'package.module:Name', and correct its module"):
        classifier = getattr(importlib.import_module(module), name)
    if not (isinstance(classifier, type) and issubclass(classifier, BaseEstimator)) and not callable(classifier):
        raise TypeError(
            f"The recipe {path!r} is a {type(classifier).__name__}; it must be a scikit-learn estimator or a function."
        )
    given = ", ".join(parameters) or "none"
    with ForeignCode(
        f"The recipe {path!r} does not take these parameters: {given}", "correct signature.parameters or the recipe"
    ):
        built = classifier(**parameters)
    if not isinstance(built, BaseEstimator):
        raise TypeError(f"The recipe {path!r} gives a {type(built).__name__}; it must be a scikit-learn estimator.")
    return built if isinstance(built, Pipeline) else Pipeline(plain(built))
