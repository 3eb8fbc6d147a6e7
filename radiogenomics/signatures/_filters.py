"""Filters that look at no outcome: features that repeat, and features that say nothing new."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._tables import check_patients, shown
from radiogenomics.stats import icc_by_feature

Floats = NDArray[np.float64]


class StableFeatures(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the features that a second segmentation repeats, by their intraclass correlation.

    The form is ICC(2,1): two-way random effects, absolute agreement, single reader; a reader who measures everything 10 %
    larger counts as disagreement. Only patients that are fitted on and that the second reader has seen are compared, so that
    the filter may stand inside cross-validation.

    Parameters
    ----------
    second_reader : DataFrame, shape (n_read_twice, n_features)
        The same features from the second reader's segmentations, indexed by ``patient``.
    icc : float
        The least intraclass correlation to keep.

    Attributes
    ----------
    icc_ : array, shape (n_features,)
        ICC(2,1) of every feature; NaN where neither reader sees any difference.

    References
    ----------
    P. E. Shrout, J. L. Fleiss, Intraclass correlations: uses in assessing rater reliability, Psychol Bull 1979.
    doi:10.1037/0033-2909.86.2.420
    """

    def __init__(self, second_reader: pd.DataFrame, *, icc: float = 0.9) -> None:
        self.second_reader = second_reader
        self.icc = icc

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Compare the two readers.

        Parameters
        ----------
        X : DataFrame, shape (n_patients, n_features)
            The first reader's features, indexed by ``patient``.
        y : ignored
            Stands here for pipelines.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `X` is no DataFrame: patients could not be found in the second reader's table.
        ValueError
            If a value is missing, a feature is not there, fewer than three patients were read twice, or no feature is stable.
        """
        if not isinstance(X, pd.DataFrame):
            raise TypeError(
                f"StableFeatures needs a DataFrame indexed by patient, not a {type(X).__name__}; "
                "let it be the first step of the pipeline."
            )
        second = check_patients(self.second_reader, "second_reader")
        validate_data(self, X, dtype=np.float64)
        lacking = X.columns.difference(second.columns)
        if len(lacking):
            raise ValueError(
                f"`second_reader` lacks {len(lacking)} feature(s): {shown(lacking)}; extract both with the same settings."
            )
        both = X.index[X.index.isin(second.index)].unique()
        if len(both) < 3:
            raise ValueError(f"`second_reader` shares {len(both)} patient(s) with the patients fitted on; at least 3 are needed.")
        readings = [X[~X.index.duplicated()].loc[both], second.loc[both, list(X.columns)]]
        table = icc_by_feature(readings, model="twoway", definition="agreement", unit="single")
        self.icc_: Floats = table["icc"].to_numpy()
        if not (self.icc_ >= self.icc).any():
            best = np.nanmax(self.icc_, initial=-1.0)
            raise ValueError(
                f"No feature reaches an ICC of {self.icc} in {len(both)} patients, the best has {best:.3f}; lower `icc`."
            )
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "icc_")
        stable: NDArray[np.bool_] = self.icc_ >= self.icc
        return stable


class Uncorrelated(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep features no two of which have a larger rank correlation than allowed.

    Features are gone through in the order of the columns; one is kept if its Spearman correlation with every feature kept
    before is at most `max_rho` in absolute value. Constant features are dropped.

    Parameters
    ----------
    max_rho : float
        The largest absolute correlation allowed, between 0 and 1.
    """

    def __init__(self, max_rho: float = 0.9) -> None:
        self.max_rho = max_rho

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the features to keep.

        Parameters
        ----------
        X : array-like, shape (n_patients, n_features)
            The measurements.
        y : ignored
            Stands here for pipelines.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `max_rho` is not between 0 and 1, or every feature is constant.
        """
        if not 0 < self.max_rho <= 1:
            raise ValueError(f"`max_rho` is {self.max_rho}; give a correlation above 0 and at most 1.")
        values = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        self.kept_ = _greedy(values, self.max_rho)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "kept_")
        kept: NDArray[np.bool_] = self.kept_
        return kept


def _greedy(X: Floats, max_rho: float) -> NDArray[np.bool_]:
    ranks = rankdata(X, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    if not (length > 0).any():
        raise ValueError("every feature is constant; none can be kept.")
    ranks /= np.where(length > 0, length, 1.0)
    kept: NDArray[np.bool_] = length > 0
    for one in range(X.shape[1]):
        if kept[one]:
            rho = np.abs(ranks[:, one + 1 :].T @ ranks[:, one])
            # 1e-12 forgives rounding, so that max_rho = 1 keeps everything that varies.
            kept[one + 1 :] &= rho <= max_rho + 1e-12
    return kept
