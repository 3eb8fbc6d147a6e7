"""Filters that look at no outcome: features that repeat, and features that say nothing new."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._errors import InputError
from radiogenomics._tables import check_patients, summarise
from radiogenomics.stats import icc_by_feature

Floats = NDArray[np.float64]


_FEWEST_READ_TWICE = 3
"""Of fewer patients whom both readers measured no ICC is given."""


def repeatability(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Compare two readers feature by feature, each feature in the patients of whom both have a value.

    The form is ICC(2,1): two-way random effects, absolute agreement, single reader; a reader who measures everything 10 %
    larger counts as disagreement. A missing value is left out and not filled: a value put in its place repeats nothing.

    Parameters
    ----------
    first, second : DataFrame, shape (n_patients, n_features)
        The features from each reader's segmentations, indexed by ``patient``, NaN where a feature could not be measured.
        Patients whom one reader alone has seen are left out; `second` may have further columns.

    Returns
    -------
    DataFrame, shape (n_features, 9)
        ``feature, n, icc, low, high, f, df1, df2, p`` in the order of the columns of `first`. NaN where fewer than three
        patients have both values, or neither reader sees any difference.

    References
    ----------
    P. E. Shrout, J. L. Fleiss, Intraclass correlations: uses in assessing rater reliability, Psychol Bull 1979.
    doi:10.1037/0033-2909.86.2.420
    """
    both = first.index[first.index.isin(second.index)]
    readings = [table.loc[both, list(first.columns)] for table in (first, second)]
    known = (readings[0].notna() & readings[1].notna()).to_numpy()
    counts = pd.DataFrame({"feature": first.columns, "n": known.sum(axis=0)})
    # Features that lack the same patients are compared in one go; mostly none is lacking.
    patterns, pattern = np.unique(known, axis=1, return_inverse=True)
    parts = []
    for one, rows in enumerate(patterns.T):
        columns = np.flatnonzero(pattern == one)
        if rows.sum() >= _FEWEST_READ_TWICE:
            kept = [reading.iloc[rows, columns] for reading in readings]
            parts.append(icc_by_feature(kept, model="twoway", definition="agreement", unit="single").set_index(columns))
    judged = pd.concat(parts).drop(columns="feature") if parts else pd.DataFrame(columns=["icc", "low", "high", "p"])
    return counts.join(judged.astype(float))


class StableFeatures(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the features that a second segmentation repeats, by their intraclass correlation.

    The form is ICC(2,1), see `repeatability`. Only patients that are fitted on and that the second reader has seen are
    compared, so that the filter may stand inside cross-validation. It stands before any imputation: of each feature only
    patients with a value from both readers count.

    Parameters
    ----------
    second_reader : DataFrame, shape (n_read_twice, n_features)
        The same features from the second reader's segmentations, indexed by ``patient``, NaN where not measured.
    icc : float
        The least intraclass correlation to keep.

    Attributes
    ----------
    icc_ : array, shape (n_features,)
        ICC(2,1) of every feature; NaN where it cannot be known, which counts as not repeated.
    """

    def __init__(self, second_reader: pd.DataFrame, *, icc: float = 0.9) -> None:
        self.second_reader = second_reader
        self.icc = icc

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Compare the two readers.

        Parameters
        ----------
        X : DataFrame, shape (n_patients, n_features)
            The first reader's features, indexed by ``patient``; NaN where not measured.
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
            If a value is infinite, a feature is not there, fewer than three patients were read twice, or no feature is stable.
        """
        if not isinstance(X, pd.DataFrame):
            raise TypeError(
                f"StableFeatures needs a DataFrame indexed by patient, not a {type(X).__name__}; "
                "let it be the first step of the pipeline."
            )
        second = check_patients(self.second_reader, "second_reader")
        validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        lacking = X.columns.difference(second.columns)
        if len(lacking):
            raise InputError(
                f"`second_reader` lacks {len(lacking)} feature(s): {summarise(lacking)}; extract both with the same settings."
            )
        both = X.index[X.index.isin(second.index)].unique()
        if len(both) < _FEWEST_READ_TWICE:
            shares = f"shares {len(both)} patient(s) with the patients fitted on"
            raise InputError(f"`second_reader` {shares}; at least {_FEWEST_READ_TWICE} are needed.")
        self.icc_: Floats = repeatability(X[~X.index.duplicated()], second)["icc"].to_numpy()
        if not (self.icc_ >= self.icc).any():
            best = np.nanmax(self.icc_, initial=-1.0)
            raise InputError(
                f"No feature reaches an ICC of {self.icc} in {len(both)} patients, the best has {best:.3f}; lower `icc`."
            )
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "icc_")
        stable: NDArray[np.bool_] = self.icc_ >= self.icc
        return stable

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


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
            raise InputError(f"`max_rho` is {self.max_rho}; give a correlation above 0 and at most 1.")
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
        raise InputError("every feature is constant; none can be kept.")
    ranks /= np.where(length > 0, length, 1.0)
    kept: NDArray[np.bool_] = length > 0
    for one in range(X.shape[1]):
        if kept[one]:
            rho = np.abs(ranks[:, one + 1 :].T @ ranks[:, one])
            # 1e-12 forgives rounding, so that max_rho = 1 keeps everything that varies.
            kept[one + 1 :] &= rho <= max_rho + 1e-12
    return kept
