"""Supervised rankings of features: ReliefF and minimum redundancy, maximum relevance."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._errors import InputError

Floats = NDArray[np.float64]

# CORElearn's ramp: two values nearer than 4 % of a feature's range count as equal, farther than 10 % as different.
EQUAL, DIFFERENT = 0.04, 0.10


class Ranked(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """What the rankings share: `ranking_` holds the columns from best to worst, the first `n_features` are kept."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Rank the features by what they tell of the classes.

        Parameters
        ----------
        X : array-like, shape (n_patients, n_features)
            The measurements.
        y : array-like, shape (n_patients,)
            The classes.

        Returns
        -------
        self
            With `scores_` (one a feature) and `ranking_` (column positions, best first; ties in the order of the columns).
        """
        if self.n_features is not None and self.n_features < 1:
            raise InputError(f"`n_features` is {self.n_features}; keep at least one feature, or None for all.")
        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.scores_, self.ranking_ = self._rank(values, np.unique(labels, return_inverse=True)[1])
        return self

    def _rank(self, X: Floats, classes: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
        raise NotImplementedError

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "ranking_")
        kept = np.zeros(self.n_features_in_, dtype=bool)
        kept[self.ranking_[: self.n_features]] = True
        return kept

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class ReliefF(Ranked):
    """Keep the features that differ between near neighbours of different classes and agree between those of one class.

    The weights are those of CORElearn's ``ReliefFequalK`` with every patient visited once: all neighbours weigh the same,
    and a difference is zero below 4 % of the feature's range, one above 10 %, and linear between.

    Parameters
    ----------
    n_features : int, optional
        How many features to keep; None keeps all.
    n_neighbors : int
        Nearest patients of each class; a class with fewer gives all it has.

    Attributes
    ----------
    scores_ : array, shape (n_features,)
        The weights, between -1 and 1.
    ranking_ : array, shape (n_features,)
        Column positions, largest weight first.

    References
    ----------
    I. Kononenko, Estimating attributes: analysis and extensions of RELIEF, ECML 1994. doi:10.1007/3-540-57868-4_57
    M. Robnik-Sikonja, I. Kononenko, Theoretical and empirical analysis of ReliefF and RReliefF, Mach Learn 2003.
    doi:10.1023/A:1025667309714
    """

    def __init__(self, n_features: int | None = None, *, n_neighbors: int = 10) -> None:
        self.n_features = n_features
        self.n_neighbors = n_neighbors

    def _rank(self, X: Floats, classes: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
        if self.n_neighbors < 1:
            raise InputError(f"`n_neighbors` is {self.n_neighbors}; ReliefF needs at least one neighbour.")
        weights = relieff(X, classes, self.n_neighbors)
        return weights, np.argsort(-weights, kind="stable")


class MRMR(Ranked):
    """Keep features that tell much of the classes and little of one another (minimum redundancy, maximum relevance).

    The FCQ form: relevance is the F statistic, redundancy the mean absolute correlation with the features chosen before,
    and each step takes the feature with the largest quotient of the two.

    Parameters
    ----------
    n_features : int, optional
        How many features to keep; None ranks and keeps all.

    Attributes
    ----------
    scores_ : array, shape (n_features,)
        The quotient each feature had when it was chosen; zero for those never reached.
    ranking_ : array, shape (n_ranked,)
        Column positions in the order of choice.

    References
    ----------
    C. Ding, H. Peng, Minimum redundancy feature selection from microarray gene expression data, J Bioinform Comput Biol
    2005. doi:10.1142/S0219720005001004
    """

    def __init__(self, n_features: int | None = None) -> None:
        self.n_features = n_features

    def _rank(self, X: Floats, classes: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
        scaled = _unit(X)
        relevance = _f_statistic(scaled, classes)
        redundancy, open_ = np.zeros(X.shape[1]), np.ones(X.shape[1], dtype=bool)
        scores, ranking = np.zeros(X.shape[1]), np.empty(min(self.n_features or X.shape[1], X.shape[1]), dtype=np.intp)
        for step in range(len(ranking)):
            # 1e-3 keeps a feature without any redundancy from winning whatever its relevance.
            quotient = relevance / np.maximum(redundancy / max(step, 1), 1e-3) if step else relevance
            best = int(np.argmax(np.where(open_, quotient, -np.inf)))
            ranking[step], scores[best], open_[best] = best, quotient[best], False
            redundancy += np.abs(scaled.T @ scaled[:, best])
        return scores, ranking


def relieff(X: Floats, classes: NDArray[np.intp], n_neighbors: int) -> Floats:
    """Weigh every feature by ReliefF -> weights.

    Works patient by patient on the later patients only, so that the memory is that of one table and each pair is met once.

    Parameters
    ----------
    X : array, shape (n_patients, n_features)
        The measurements.
    classes : array of int, shape (n_patients,)
        Class numbers from 0.
    n_neighbors : int
        Nearest patients of each class.

    Returns
    -------
    array, shape (n_features,)
        The weights.
    """
    ranges = np.ptp(X, axis=0)
    scaled = X / np.where(ranges > 0, ranges, 1.0)
    n = len(X)
    distance = np.zeros((n, n))
    for i in range(n - 1):
        distance[i, i + 1 :] = distance[i + 1 :, i] = _ramp(scaled[i + 1 :], scaled[i]).sum(axis=1)
    shares = _shares(distance, classes, n_neighbors)
    pairs = np.triu(shares + shares.T, 1)
    weights = np.zeros(X.shape[1])
    for i in range(n - 1):
        near = np.flatnonzero(pairs[i])
        weights += pairs[i, near] @ _ramp(scaled[near], scaled[i])
    return weights


def _ramp(others: Floats, one: Floats) -> Floats:
    difference = others - one
    np.abs(difference, out=difference)
    difference -= EQUAL
    difference *= 1.0 / (DIFFERENT - EQUAL)
    return np.clip(difference, 0.0, 1.0, out=difference)


def _shares(distance: Floats, classes: NDArray[np.intp], n_neighbors: int) -> Floats:
    """Give what the difference between a patient and each neighbour adds to the weights: misses plus, hits minus."""
    n = len(distance)
    prior = np.bincount(classes) / n
    shares = np.zeros((n, n))
    # A patient is no neighbour of its own; ties go to the earlier patient.
    order = np.argsort(distance + np.diag(np.full(n, np.inf)), axis=1, kind="stable")[:, :-1]
    rows = np.arange(n)
    for other in range(len(prior)):
        is_other = classes[order] == other
        near = is_other & (np.cumsum(is_other, axis=1) <= n_neighbors)
        counts = np.maximum(near.sum(axis=1), 1)
        weight = np.where(classes == other, -1.0, prior[other] / np.maximum(1.0 - prior[classes], 1e-12)) / (counts * n)
        i, place = np.nonzero(near)
        shares[rows[i], order[i, place]] = weight[i]
    return shares


def _unit(X: Floats) -> Floats:
    """Centre the columns and scale them to length one, so that a product is a correlation; constant columns become zero."""
    centred: Floats = X - X.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    constant = length <= 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300)
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, length))


def _f_statistic(scaled: Floats, classes: NDArray[np.intp]) -> Floats:
    """Compare the variance between classes with that within them, for columns of mean zero and length one."""
    counts = np.bincount(classes)
    sums = np.stack([scaled[classes == one].sum(axis=0) for one in range(len(counts))])
    between = (sums**2 / counts[:, None]).sum(axis=0)
    within = np.maximum((scaled**2).sum(axis=0) - between, 1e-12)
    ratio: Floats = between / max(len(counts) - 1, 1) / (within / max(len(scaled) - len(counts), 1))
    return ratio
