"""Class imbalance, treated by imbalanced-learn inside the fit, so that no patient that is judged is ever copied or dropped."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from radiogenomics._tables import check_choice

How = Literal["oversample", "undersample", "smote"]


def balanced(classifier: Any, *, how: How = "oversample", n_neighbors: int = 5, random_state: int | None = None) -> Any:
    """Build a classifier that is fitted on as many patients of each class.

    Only the patients handed to `fit` are drawn, copied or interpolated; those that are predicted stay as they are. It can be
    the last step of a pipeline. Probabilities then refer to equal classes.

    Parameters
    ----------
    classifier : classifier
        What is fitted.
    how : {"oversample", "undersample", "smote"}
        Draw the smaller classes with replacement (``RandomOverSampler``), draw the larger ones without
        (``RandomUnderSampler``), or interpolate between a patient of a smaller class and one of its nearest of that class
        (``SMOTE``, Chawla et al. 2002).
    n_neighbors : int
        Neighbours for ``smote``; a class with fewer patients uses all it has, and a class of one patient is copied.
    random_state : int, optional
        Seed of the draws.

    Returns
    -------
    imblearn.pipeline.Pipeline
        The unfitted steps ``balance`` and ``classify``.

    References
    ----------
    N. V. Chawla et al., SMOTE: synthetic minority over-sampling technique, J Artif Intell Res 2002. doi:10.1613/jair.953
    """
    from imblearn.over_sampling import SMOTE, RandomOverSampler
    from imblearn.pipeline import Pipeline
    from imblearn.under_sampling import RandomUnderSampler

    check_choice(how, "how", ("oversample", "undersample", "smote"))
    if how == "smote":  # which counts a patient as the nearest one of its own
        sampler = SMOTE(k_neighbors=_OfTheClass(n_neighbors=n_neighbors + 1), random_state=random_state)
    else:
        sampler = (RandomOverSampler if how == "oversample" else RandomUnderSampler)(random_state=random_state)
    return Pipeline([("balance", sampler), ("classify", classifier)])


class _OfTheClass(NearestNeighbors):  # type: ignore[misc]
    """The nearest patients of a class, as many as it has: imbalanced-learn refuses a class with fewer than it asks for."""

    def kneighbors(
        self, X: ArrayLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> NDArray[np.intp] | tuple[NDArray[np.float64], NDArray[np.intp]]:
        wanted = min(n_neighbors or self.n_neighbors, self.n_samples_fit_)
        distance, near = super().kneighbors(X, wanted)
        if self.n_samples_fit_ == 1:  # its own neighbour
            distance, near = np.repeat(distance, 2, axis=1), np.repeat(near, 2, axis=1)
        return (distance, near) if return_distance else near
