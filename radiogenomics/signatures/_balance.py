"""Class imbalance, treated inside the fit, so that no patient that is judged is ever copied or dropped."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._tables import check_choice

Floats = NDArray[np.float64]
How = Literal["oversample", "undersample", "smote"]


class Balanced(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fit a classifier on as many patients of each class.

    Only the patients handed to `fit` are drawn, copied or interpolated; those that are predicted stay as they are. Let it be
    the last step of a pipeline. Probabilities then refer to equal classes.

    Parameters
    ----------
    classifier : classifier
        What is fitted.
    how : {"oversample", "undersample", "smote"}
        Draw the smaller classes with replacement, draw the larger ones without, or interpolate between a patient of a smaller
        class and one of its nearest of that class (Chawla et al. 2002).
    n_neighbors : int
        Neighbours for ``smote``; a class with fewer patients uses all it has.
    random_state : int, optional
        Seed of the draws.

    References
    ----------
    N. V. Chawla et al., SMOTE: synthetic minority over-sampling technique, J Artif Intell Res 2002. doi:10.1613/jair.953
    """

    def __init__(
        self, classifier: Any, *, how: How = "oversample", n_neighbors: int = 5, random_state: int | None = None
    ) -> None:
        self.classifier = classifier
        self.how = how
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Balance the classes and fit the classifier.

        Parameters
        ----------
        X : array-like, shape (n_patients, n_features)
            The measurements.
        y : array-like, shape (n_patients,)
            The classes.

        Returns
        -------
        self
        """
        check_choice(self.how, "how", ("oversample", "undersample", "smote"))
        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, counts = np.unique(labels, return_counts=True)
        goal, rng = counts.min() if self.how == "undersample" else counts.max(), check_random_state(self.random_state)
        parts = [self._members(values[labels == one], goal, rng) for one in self.classes_]
        repeated = np.repeat(self.classes_, [len(part) for part in parts])
        self.classifier_ = clone(self.classifier).fit(np.concatenate(parts), repeated)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Give each patient's probability of every class, shape (n_patients, n_classes)."""
        check_is_fitted(self, "classifier_")
        result: Floats = self.classifier_.predict_proba(validate_data(self, X, dtype=np.float64, reset=False))
        return result

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give each patient's most probable class, shape (n_patients,)."""
        best = np.argmax(self.predict_proba(X), axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def _members(self, members: Floats, goal: int, rng: np.random.RandomState) -> Floats:
        if self.how == "undersample":
            return members[rng.permutation(len(members))[:goal]]
        drawn = rng.randint(len(members), size=goal - len(members))
        if self.how == "oversample" or len(members) == 1:
            return np.concatenate([members, members[drawn]])
        near = (
            NearestNeighbors(n_neighbors=min(self.n_neighbors, len(members) - 1)).fit(members).kneighbors(return_distance=False)
        )
        partner = near[drawn, rng.randint(near.shape[1], size=len(drawn))]
        share = rng.random_sample((len(drawn), 1))
        return np.concatenate([members, members[drawn] + share * (members[partner] - members[drawn])])
