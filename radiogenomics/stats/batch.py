"""Batch effects: ComBat as a fitted transformer, learned on training patients and applied to others of the same batches."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric, summarise
from radiogenomics.stats._checks import Floats, binary, same_patients

_TOLERANCE = 1e-4  # of sva's iteration; a tighter one would leave R's numbers in the fifth digit
_STEPS = 1000
_CELLS = 4_000_000  # of a chunk of the non-parametric weights


@dataclass(frozen=True, eq=False)
class _Batch:
    """What one batch adds to, and multiplies, standardised features."""

    shift: Floats
    scale: Floats


class ComBat(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Empirical Bayes adjustment of features for batches (scanners, sites, cohorts), as R's ``sva::ComBat``.

    Features are standardised by a linear model of batch and covariates; every batch then has a shift and a scale per
    feature, shrunken towards the batch's mean over features. `fit` learns all of it on training patients; `transform`
    applies it to any patients of the same batches, so that nobody is adjusted by what is known of the patients they are
    judged with.

    Parameters
    ----------
    batch : str
        Column of the table that names each patient's batch.
    covariates : sequence of str
        Numeric columns whose effect is kept (age, tumour size). Never the outcome: it is not known for new patients.
    parametric : bool
        Normal and inverse gamma priors, or the non-parametric ones, slower and without assumption.
    mean_only : bool
        Adjust shifts only, not scales.
    reference : object, optional
        A batch that stays as it is and to which the others are brought.
    max_confounding : float
        Largest association (Cramer's V) of batch and outcome that is accepted when `fit` is given an outcome.

    Attributes
    ----------
    features_ : list of str
        The columns that are adjusted: all but batch and covariates.
    batches_ : list
        The batches seen, sorted.
    unadjusted_ : list of str
        Features that are constant within a batch and pass unchanged.
    confounding_ : float
        Cramer's V of batch and outcome; NaN when `fit` had no outcome.

    References
    ----------
    Johnson WE, Li C, Rabinovic A (2007). Biostatistics 8:118. doi:10.1093/biostatistics/kxj037
    """

    def __init__(
        self,
        *,
        batch: str,
        covariates: Sequence[str] = (),
        parametric: bool = True,
        mean_only: bool = False,
        reference: object = None,
        max_confounding: float = 0.8,
    ) -> None:
        self.batch = batch
        self.covariates = covariates
        self.parametric = parametric
        self.mean_only = mean_only
        self.reference = reference
        self.max_confounding = max_confounding

    def fit(self, X: pd.DataFrame, y: npt.ArrayLike | None = None) -> Self:
        """Learn shifts and scales of every batch.

        Parameters
        ----------
        X : DataFrame, shape (n, n_features + 1 + n_covariates)
            Features, the batch column and the covariate columns.
        y : array or Series, shape (n,), optional
            A 0/1 outcome. It does not enter the adjustment; it is used to refuse batches that stand for the outcome, whose
            removal would remove the signal, or whose remains would pass for it.

        Returns
        -------
        ComBat
            Itself.

        Raises
        ------
        ValueError
            If a column is missing, a value is not finite, there is one batch only, a batch has one patient (unless
            `mean_only`), the reference is unknown, covariates are confounded with batch, or the outcome is.
        """
        labels, values, covariates = self._parts(X, None)
        self.batches_ = sorted(labels.unique(), key=str)
        self._check_batches(labels)
        self.confounding_ = np.nan if y is None else self._confounding(labels, X, y)
        self.features_ = [str(name) for name in self._feature_columns(X)]
        members = [np.flatnonzero(labels == name) for name in self.batches_]
        varying = np.all([np.ptp(values[rows], axis=0) > 0 for rows in members if len(rows) > 1], axis=0)
        self.unadjusted_ = [name for name, moves in zip(self.features_, varying, strict=True) if not moves]
        self._varying = varying
        if varying.sum() < 2:
            raise InputError(f"`X` has {int(varying.sum())} feature(s) that vary in every batch; ComBat needs at least two.")
        self._standardise(values[:, varying], covariates, members)
        scaled = self._scaled(values[:, varying], covariates)
        self._adjustments = [self._adjustment(name, scaled[rows]) for name, rows in zip(self.batches_, members, strict=True)]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Features, batch and covariates -> adjusted features.

        Parameters
        ----------
        X : DataFrame, shape (n, n_features + 1 + n_covariates)
            Patients of the batches seen by `fit`.

        Returns
        -------
        DataFrame, shape (n, n_features)
            The features alone, with the index of `X`.

        Raises
        ------
        ValueError
            If a column is missing, a value is not finite, or a batch was not seen by `fit`.
        """
        check_is_fitted(self, "batches_")
        labels, values, covariates = self._parts(X, self.features_)
        unknown = [name for name in labels.unique() if name not in self.batches_]
        if unknown:
            remedy = "fit on patients of every batch that is to be adjusted"
            raise InputError(f"Batch {summarise(unknown)} was not seen by fit, which knows {summarise(self.batches_)}; {remedy}.")
        adjusted = self._scaled(values[:, self._varying], covariates)
        for name, found in zip(self.batches_, self._adjustments, strict=True):
            rows = (labels == name).to_numpy()
            adjusted[rows] = (adjusted[rows] - found.shift) / np.sqrt(found.scale)
        result = values.copy()
        result[:, self._varying] = adjusted * self._sd + self._centre(covariates)
        if self.reference is not None:
            rows = (labels == self.reference).to_numpy()
            result[rows] = values[rows]
        return pd.DataFrame(result, index=X.index, columns=self.features_)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Names of the adjusted features, shape (n_features,)."""
        check_is_fitted(self, "batches_")
        return np.asarray(self.features_, dtype=object)

    def _feature_columns(self, X: pd.DataFrame) -> list[str]:
        return [name for name in X.columns if name != self.batch and name not in self.covariates]

    def _parts(self, X: pd.DataFrame, features: Sequence[str] | None) -> tuple["pd.Series[str]", Floats, Floats]:
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"`X` must be a pandas DataFrame with the batch column {self.batch!r}, it is a {type(X).__name__}.")
        if not isinstance(self.batch, Hashable):
            given = type(self.batch).__name__
            raise InputError(
                f"`batch` is a {given}; give the name of a column of `X`: put the batches there with X.assign(batch=...)."
            )
        missing = [name for name in (self.batch, *self.covariates, *(features or ())) if name not in X.columns]
        if missing:
            raise InputError(f"`X` lacks the column(s) {summarise(missing)}; give features, batch and covariates in one table.")
        if X[self.batch].isna().any():
            raise InputError(
                f"Column {self.batch!r} is missing for {summarise(X.index[X[self.batch].isna()])}; name their batch."
            )
        values = check_numeric(X[self._feature_columns(X) if features is None else list(features)], "X")
        covariates = check_numeric(X[list(self.covariates)], "covariates")
        return X[self.batch], values.to_numpy(dtype=np.float64), covariates.to_numpy(dtype=np.float64)

    def _check_batches(self, labels: "pd.Series[str]") -> None:
        sizes = labels.value_counts()
        if len(sizes) < 2:
            raise InputError(
                f"Column {self.batch!r} is {self.batches_[0]!r} for every patient; ComBat needs at least two batches."
            )
        if sizes.min() < 2 and not self.mean_only:
            raise InputError(
                f"Batch {sizes.idxmin()!r} has one patient, whose scale cannot be known; use mean_only=True or drop it."
            )
        if self.reference is not None and self.reference not in self.batches_:
            raise InputError(f"`reference` is {self.reference!r}, the batches are {summarise(self.batches_)}; name one of them.")

    def _confounding(self, labels: "pd.Series[str]", X: pd.DataFrame, y: npt.ArrayLike) -> float:
        same_patients(y, X[self.batch], "y", "X")
        table = pd.crosstab(labels.to_numpy(), binary(y, "y")).to_numpy()
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(X)
        association = float(np.sqrt(((table - expected) ** 2 / expected).sum() / len(X)))
        if association > self.max_confounding:
            counts = zip(self.batches_, table[:, 1], table.sum(axis=1), strict=True)
            events_by_batch = ", ".join(f"{events} of {size} in {name}" for name, events, size in counts)
            message = f"Batch and outcome are confounded (events {events_by_batch}; Cramer's V {association:.2f})"
            raise InputError(f"{message}; no adjustment can tell them apart. Analyse the batches apart, or use other patients.")
        return association

    def _standardise(self, values: Floats, covariates: Floats, members: list[npt.NDArray[np.intp]]) -> None:
        """Fit the linear model of batch and covariates, and the pooled spread around it."""
        n = len(values)
        indicator = np.zeros((n, len(members)))
        for column, rows in enumerate(members):
            indicator[rows, column] = 1
        design = np.column_stack([indicator, covariates])
        if np.linalg.matrix_rank(design) < design.shape[1]:
            raise InputError(
                f"The covariates {summarise(self.covariates)} are confounded with batch or with each other; drop some."
            )
        effects = np.linalg.lstsq(design, values, rcond=None)[0]
        residual = values - design @ effects
        share = np.array([rows.size for rows in members]) / n
        self._grand, self._slopes = share @ effects[: len(members)], effects[len(members) :]
        if self.reference is not None:
            position = self.batches_.index(self.reference)
            self._grand, residual = effects[position], residual[members[position]]
        # sva divides by n, without the degrees of freedom of the model.
        self._sd = np.sqrt((residual**2).mean(axis=0))

    def _centre(self, covariates: Floats) -> Floats:
        return np.asarray(self._grand + covariates @ self._slopes, dtype=np.float64)

    def _scaled(self, values: Floats, covariates: Floats) -> Floats:
        return np.asarray((values - self._centre(covariates)) / self._sd, dtype=np.float64)

    def _adjustment(self, name: object, scaled: Floats) -> _Batch:
        features = scaled.shape[1]
        if self.reference is not None and name == self.reference:
            return _Batch(np.zeros(features), np.ones(features))
        shift = scaled.mean(axis=0)
        scale = np.ones(features) if self.mean_only else scaled.var(axis=0, ddof=1)
        if not self.parametric:
            return _nonparametric(scaled, shift, scale, self.mean_only)
        if self.mean_only:
            # sva shrinks a shift as if it were one observation of variance 1.
            prior = shift.var(ddof=1)
            return _Batch((prior * shift + shift.mean()) / (prior + 1), scale)
        return _parametric(scaled, shift, scale)


def _parametric(scaled: Floats, shift: Floats, scale: Floats) -> _Batch:
    """Posterior means under a normal prior of shifts and an inverse gamma prior of scales (Johnson et al., section 3.2)."""
    n = len(scaled)
    centre, spread = shift.mean(), shift.var(ddof=1)
    mean, variance = scale.mean(), scale.var(ddof=1)
    shape, rate = 2 + mean**2 / variance, mean + mean**3 / variance
    moved, widened = shift, scale
    for _ in range(_STEPS):
        new = (n * spread * shift + widened * centre) / (n * spread + widened)
        squares = ((scaled - new) ** 2).sum(axis=0)
        wide = (rate + squares / 2) / (n / 2 + shape - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # sva divides by the old value with its sign, so that shifts below 0 never keep it going.
            change = max(np.nanmax(np.abs(new - moved) / moved), np.nanmax(np.abs(wide - widened) / widened))
        moved, widened = new, wide
        if change <= _TOLERANCE:
            break
    return _Batch(moved, widened)


def _nonparametric(scaled: Floats, shift: Floats, scale: Floats, mean_only: bool) -> _Batch:
    """Weigh the other features' shifts and scales by the likelihood they give to this feature's values."""
    n, features = scaled.shape
    within = ((scaled - shift) ** 2).sum(axis=0)
    moved, widened = np.empty(features), np.empty(features)
    chunk = max(1, _CELLS // features)
    for start in range(0, features, chunk):
        rows = slice(start, min(start + chunk, features))
        distance = within[rows, None] + n * (shift[rows, None] - shift) ** 2
        likelihood = -n / 2 * np.log(2 * np.pi * scale) - distance / (2 * scale)
        own = np.arange(rows.start, rows.stop)
        likelihood[own - rows.start, own] = -np.inf
        # Relative to the largest, so that no weight underflows for all others at once.
        weights = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        moved[rows], widened[rows] = weights @ shift, weights @ scale
    return _Batch(moved, np.ones(features) if mean_only else widened)
