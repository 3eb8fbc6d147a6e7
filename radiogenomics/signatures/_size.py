"""How many ranked features a classifier needs, chosen inside the training patients."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.feature_selection import SelectorMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.signatures._ranking import Ranked
from radiogenomics.stats import auc

Floats = NDArray[np.float64]


class ChosenSize(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the best-ranked features, as many as serve a classifier best in inner folds or out of bag.

    The ranking is learned anew in each inner fold, once for all sizes, which is what makes this cheaper than a grid search
    over a pipeline. The size with the largest area under the curve wins, of equals the smallest.

    Parameters
    ----------
    ranker : Ranked
        `ReliefF` or `MRMR`.
    classifier : classifier
        What the sizes are tried with.
    sizes : sequence of int
        The numbers of features to try; those above the number of features count as all of them.
    choose_by : {"folds", "out_of_bag"}
        Inner stratified folds, or the out-of-bag votes of one forest a size (`Forest` or scikit-learn's), at less than half
        the cost. Those votes flatter every size, since the ranking has seen the patients out of bag; as a comparison of sizes
        they serve.
    n_splits : int
        Inner folds.
    random_state : int, optional
        Seed of the inner folds.

    Attributes
    ----------
    size_ : int
        The chosen number of features.
    aucs_ : dict of int to float
        The inner area under the curve of each size.
    ranking_ : array, shape (n_features,)
        Column positions, best first, learned on all training patients.
    """

    def __init__(
        self,
        ranker: Ranked,
        classifier: Any,
        *,
        sizes: tuple[int, ...] = (2, 5, 10, 15, 20),
        choose_by: Literal["folds", "out_of_bag"] = "folds",
        n_splits: int = 5,
        random_state: int | None = None,
    ) -> None:
        self.ranker = ranker
        self.classifier = classifier
        self.sizes = sizes
        self.choose_by = choose_by
        self.n_splits = n_splits
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Rank the features and choose how many to keep.

        Parameters
        ----------
        X : array-like, shape (n_patients, n_features)
            The measurements.
        y : array-like, shape (n_patients,)
            Two classes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not two classes, a size is below one, or a class has fewer patients than there are inner folds.
        """
        check_choice(self.choose_by, "choose_by", ("folds", "out_of_bag"))
        values, labels = validate_data(self, X, y, dtype=np.float64)
        classes = len(np.unique(labels))
        if classes != 2:
            raise InputError(f"Sizes are chosen for two classes; `y` has {classes} class{'' if classes == 1 else 'es'}.")
        sizes = self._sizes(values.shape[1])
        self.ranking_ = clone(self.ranker).fit(values, labels).ranking_
        if len(sizes) == 1:
            self.aucs_ = {sizes[0]: np.nan}
        else:
            votes = self._in_folds if self.choose_by == "folds" else self._out_of_bag
            self.aucs_ = {size: _auc(labels, scores) for size, scores in votes(values, labels, sizes).items()}
        self.size_ = max(sizes, key=lambda size: (self.aucs_[size], -size))
        return self

    def _sizes(self, most: int) -> list[int]:
        if not len(self.sizes) or min(self.sizes) < 1:
            raise InputError(f"`sizes` is {self.sizes!r}; give at least one number of features, each 1 or more.")
        return sorted({min(int(size), most) for size in self.sizes})

    def _in_folds(self, X: Floats, y: NDArray[Any], sizes: list[int]) -> dict[int, Floats]:
        fewest = np.unique(y, return_counts=True)[1].min()
        if fewest < self.n_splits:
            raise InputError(f"a class has {fewest} patient(s), fewer than the {self.n_splits} inner folds; lower `n_splits`.")
        scores = {size: np.empty(len(y)) for size in sizes}
        folds = StratifiedKFold(self.n_splits, shuffle=True, random_state=self.random_state)
        for train, test in folds.split(X, y):
            ranking = clone(self.ranker).fit(X[train], y[train]).ranking_
            for size in sizes:
                kept = ranking[:size]
                fitted = clone(self.classifier).fit(X[np.ix_(train, kept)], y[train])
                scores[size][test] = fitted.predict_proba(X[np.ix_(test, kept)])[:, 1]
        return scores

    def _out_of_bag(self, X: Floats, y: NDArray[Any], sizes: list[int]) -> dict[int, Floats]:
        return {size: _votes(clone(self.classifier), X[:, self.ranking_[:size]], y) for size in sizes}

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "size_")
        kept = np.zeros(self.n_features_in_, dtype=bool)
        kept[self.ranking_[: self.size_]] = True
        return kept

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = None
        return tags


def _votes(forest: Any, X: Floats, y: NDArray[Any]) -> Floats:
    """Give each patient's vote by the trees that did not see it; NaN where all did."""
    if "oob_score" in forest.get_params():  # scikit-learn's forests count these votes when they are asked to
        forest.set_params(oob_score=True)
    votes = getattr(forest.fit(X, y), "oob_decision_function_", None)
    if votes is None:
        raise TypeError(
            f"`choose_by` 'out_of_bag' needs a forest, the classifier is a {type(forest).__name__}; use choose_by='folds'."
        )
    if not np.isfinite(votes).any():
        raise InputError(
            f"No patient is out of bag of the {type(forest).__name__}; give bootstrap=True or use choose_by='folds'."
        )
    # Of a patient in every bag, scikit-learn's votes are 0 for either class.
    return np.where(votes.sum(axis=1) > 0, votes[:, 1], np.nan)


def _auc(y: NDArray[Any], scores: Floats) -> float:
    voted = np.isfinite(scores)  # in a small forest, a patient may be in every bag
    one_class = len(np.unique(y[voted])) < 2
    return 0.5 if one_class else auc((y[voted] == np.max(y)).astype(int), scores[voted]).auc
