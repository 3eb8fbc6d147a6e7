"""Logistic regression with Firth's penalty: finite estimates and honest intervals where the data separate.

Ours, because none of scikit-learn, statsmodels and lifelines has Firth's penalty with profile intervals.
"""

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, expit, ndtri
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric
from radiogenomics.stats._checks import Bools, Floats, binary, confidence_of, same_patients
from radiogenomics.stats._logistic import Fit, fit_logistic

_DOUBLINGS = 60


class FirthLogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Penalised logistic regression of a 0/1 outcome on a table of predictors.

    Maximises ``log L + log |I| / 2`` (Jeffreys' prior), which removes the first-order bias and exists for separated data
    too. Intervals are those of the profile penalised likelihood and p values come from penalised likelihood ratio tests
    (Heinze & Schemper 2002), as in R's ``logistf``.

    Parameters
    ----------
    interval : {"profile", "wald"}
        Profile intervals and likelihood ratio tests, or Wald's, which are poor where data separate.
    confidence : float
        Confidence level of the intervals.

    Attributes
    ----------
    coef_ : array, shape (1, n_predictors)
        Log odds ratios, as scikit-learn has them.
    intercept_ : array, shape (1,)
        Log odds where every predictor is 0.
    terms_ : DataFrame, shape (n_predictors + 1, 10)
        ``term`` (``intercept`` first), ``coefficient, se, low, high`` (log odds), ``odds_ratio, odds_low, odds_high``,
        ``chi2`` (likelihood ratio, or Wald's z squared) and ``p``.
    log_likelihood_ : float
        Penalised log-likelihood at the estimate.
    classes_ : array, shape (2,)
        0 and 1.
    n_features_in_ : int
        Number of predictors.

    References
    ----------
    Firth D (1993). Biometrika 80:27. doi:10.1093/biomet/80.1.27
    Heinze G, Schemper M (2002). Statistics in Medicine 21:2409. doi:10.1002/sim.1047
    """

    def __init__(self, *, interval: Literal["profile", "wald"] = "profile", confidence: float = 0.95) -> None:
        self.interval = interval
        self.confidence = confidence

    def fit(self, X: npt.ArrayLike | pd.DataFrame, y: npt.ArrayLike) -> Self:
        """Learn coefficients, intervals and tests from patients.

        Parameters
        ----------
        X : DataFrame or array, shape (n, n_predictors)
            Predictors, without an intercept.
        y : array or Series, shape (n,)
            1 for the event, 0 otherwise.

        Returns
        -------
        FirthLogisticRegression
            Itself.

        Raises
        ------
        ValueError
            If a value is missing, the outcome has one class, lengths or labels differ, or a predictor is constant or a
            combination of others.
        """
        check_choice(self.interval, "interval", ("profile", "wald"))
        confidence = confidence_of(self.confidence)
        table = _table(X)
        event = binary(y, "y")
        same_patients(y, table.iloc[:, 0] if isinstance(X, pd.DataFrame) else table.to_numpy(), "y", "X")
        design = np.column_stack([np.ones(len(table)), table.to_numpy(dtype=np.float64)])
        _full_rank(design, ["intercept", *map(str, table.columns)])
        fit = fit_logistic(design, event, firth=True)
        self.terms_ = _terms(fit, design, event, ["intercept", *map(str, table.columns)], self.interval, confidence)
        self.intercept_, self.coef_ = fit.coefficients[:1], fit.coefficients[None, 1:]
        self.log_likelihood_ = fit.log_likelihood
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = table.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def decision_function(self, X: npt.ArrayLike | pd.DataFrame) -> Floats:
        """Predictors -> log odds of the event, shape (n,).

        Parameters
        ----------
        X : DataFrame or array, shape (n, n_predictors)
            The predictors of `fit`, in the same order.

        Returns
        -------
        array, shape (n,)
            Log odds.

        Raises
        ------
        ValueError
            If a value is missing or the columns are not those of `fit`.
        """
        check_is_fitted(self)
        table = _table(X)
        known = getattr(self, "feature_names_in_", None)
        if table.shape[1] != self.n_features_in_ or (
            known is not None and isinstance(X, pd.DataFrame) and list(X) != list(known)
        ):
            expected = ", ".join(map(str, known)) if known is not None else f"{self.n_features_in_} columns"
            raise InputError(f"`X` has the columns {', '.join(map(str, table.columns))}; the model was fitted on {expected}.")
        linear: Floats = table.to_numpy(dtype=np.float64) @ self.coef_[0] + self.intercept_[0]
        return linear

    def predict_proba(self, X: npt.ArrayLike | pd.DataFrame) -> Floats:
        """Predictors -> probabilities of no event and event, shape (n, 2)."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: npt.ArrayLike | pd.DataFrame) -> npt.NDArray[np.int64]:
        """Predictors -> 1 where the event is at least as probable as not, shape (n,)."""
        return (self.decision_function(X) >= 0).astype(np.int64)


def _table(X: Any) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        array = np.asarray(X)
        if array.ndim != 2:
            raise InputError(f"`X` has shape {array.shape}; give one row per patient, one column per predictor.")
        X = pd.DataFrame(array).rename(columns=lambda column: f"x{column}")
    if X.empty:
        raise InputError(f"`X` has shape {X.shape}; give at least one patient and one predictor.")
    return check_numeric(X, "X")


def _full_rank(design: Floats, names: list[str]) -> None:
    """Refuse a column that the ones before it explain, by name."""
    scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-300)
    diagonal = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    if diagonal.size < len(names) or diagonal.min() < 1e-10:
        name = names[int(np.flatnonzero(diagonal < 1e-10)[0])] if diagonal.min() < 1e-10 else names[diagonal.size]
        raise InputError(f"Predictor {name!r} is constant or a combination of the ones before it; drop it.")


def _terms(fit: Fit, design: Floats, event: Bools, names: list[str], interval: str, confidence: float) -> pd.DataFrame:
    se = np.sqrt(np.diag(fit.covariance))
    if interval == "wald":
        half = ndtri((1 + confidence) / 2) * se
        limits = np.column_stack([fit.coefficients - half, fit.coefficients + half])
        chi2 = (fit.coefficients / se) ** 2
    else:
        profiles = [_Profile(fit, design, event, column) for column in range(len(names))]
        limits = np.array([profile.limits(se[j], float(chdtri(1, 1 - confidence))) for j, profile in enumerate(profiles)])
        chi2 = np.array([max(profile.fall(0.0), 0.0) for profile in profiles])
    columns = {"term": names, "coefficient": fit.coefficients, "se": se, "low": limits[:, 0], "high": limits[:, 1]}
    odds = {"odds_ratio": fit.coefficients, "odds_low": limits[:, 0], "odds_high": limits[:, 1]}
    with np.errstate(over="ignore"):
        columns |= {name: np.exp(value) for name, value in odds.items()}
    return pd.DataFrame(columns).assign(chi2=chi2, p=chdtrc(1, chi2))


class _Profile:
    """The penalised likelihood with one coefficient held, the others refitted."""

    def __init__(self, fit: Fit, design: Floats, event: Bools, column: int) -> None:
        self.fit, self.event, self.column, self.design = fit, event, column, design
        self.start = fit.coefficients

    def fall(self, value: float) -> float:
        """Twice the fall of the penalised log-likelihood when the coefficient is held at `value`."""
        start = self.start.copy()
        start[self.column] = value
        held = fit_logistic(self.design, self.event, firth=True, start=start, held=self.column)
        self.start = held.coefficients
        return 2 * (self.fit.log_likelihood - held.log_likelihood)

    def limits(self, se: float, quantile: float) -> tuple[float, float]:
        """Give the two values where twice the fall reaches the quantile."""
        return self._limit(-se, quantile), self._limit(se, quantile)

    def _limit(self, step: float, quantile: float) -> float:
        centre = float(self.fit.coefficients[self.column])
        near, far = centre, centre + step
        for _ in range(_DOUBLINGS):
            if self.fall(far) > quantile:
                return float(brentq(lambda value: self.fall(value) - quantile, near, far, xtol=1e-10))
            near, far = far, far + 2 * (far - near)
        return float(np.sign(step) * np.inf)
