"""Cox regression: hazard ratios, and whether they hold over time.

Ours, because lifelines' coefficients stop 3e-8 away from ``coxph`` in one of the twelve reference cohorts (here 1e-9), and
its test of proportional hazards is the approximation that R's survival 3.0 gave up. The concordance is lifelines'.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, ndtr, ndtri

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric
from radiogenomics.stats._checks import Bools, Floats, confidence_of, follow_up_of, same_patients
from radiogenomics.stats._partial_likelihood import CoxFit, fit_partial_likelihood
from radiogenomics.stats.survival import life_table


@dataclass(frozen=True, eq=False)
class CoxModel:
    """A Cox regression with Efron's handling of ties.

    Attributes
    ----------
    terms : DataFrame
        ``term, coefficient, se, hazard_ratio, low, high`` (of the ratio), ``z, p``.
    log_likelihood_null, log_likelihood : float
        Without covariates and at the estimate.
    chi2, df, p : float, int, float
        Likelihood ratio test of all covariates.
    concordance : float
        Harrell's C of the linear predictor on these patients (apparent).
    n, events : int
        Patients, and patients with the event.
    """

    terms: pd.DataFrame
    log_likelihood_null: float
    log_likelihood: float
    chi2: float
    df: int
    p: float
    concordance: float
    n: int
    events: int


def cox(covariates: pd.DataFrame, time: npt.ArrayLike, event: npt.ArrayLike, *, confidence: float = 0.95) -> CoxModel:
    """Covariates and follow-up -> Cox regression, ties after Efron, as R's ``coxph``.

    Parameters
    ----------
    covariates : DataFrame, shape (n, n_covariates)
        Numeric covariates; code categories as 0/1 columns.
    time, event : array or Series, shape (n,)
        As in `kaplan_meier`.
    confidence : float
        Confidence level of the hazard ratios.

    Returns
    -------
    CoxModel
        Terms and tests.

    Raises
    ------
    ValueError
        If a value is missing, lengths or labels differ, nobody has the event, every time is 0, a covariate is constant, or the
        estimate did not converge (a covariate separates those with the event, or copies another).

    References
    ----------
    Cox DR (1972). Journal of the Royal Statistical Society B 34:187. doi:10.1111/j.2517-6161.1972.tb00899.x
    Efron B (1977). Journal of the American Statistical Association 72:557. doi:10.1080/01621459.1977.10480613
    """
    follow_up, failed = _cox_input(covariates, time, event)
    x, scale = _standardised(covariates)
    fit = fit_partial_likelihood(x, follow_up, failed, list(covariates.columns))
    df, chi2 = covariates.shape[1], 2 * (fit.point.log_likelihood - fit.log_likelihood_null)
    return CoxModel(
        terms=_terms(covariates.columns, fit, scale, confidence_of(confidence)),
        log_likelihood_null=fit.log_likelihood_null,
        log_likelihood=fit.point.log_likelihood,
        chi2=chi2,
        df=df,
        p=float(chdtrc(df, chi2)),
        concordance=_concordance(x, fit.coefficients, follow_up, failed),
        n=failed.size,
        events=int(failed.sum()),
    )


def proportional_hazards_test(
    covariates: pd.DataFrame,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    transform: Literal["km", "identity", "log"] = "km",
) -> pd.DataFrame:
    """Cox regression -> score test of each covariate, and of all, against an effect that changes with time.

    Adds ``x g(t)`` to the model and tests its coefficient by the score at 0, which equals ``cox.zph`` of R's survival since
    version 3.0 (Grambsch & Therneau's test without its approximation).

    Parameters
    ----------
    covariates, time, event
        As in `cox`.
    transform : {"km", "identity", "log"}
        g(t): one minus the Kaplan-Meier curve just before t (R's default), t itself, or its logarithm.

    Returns
    -------
    DataFrame, shape (n_covariates + 1, 4)
        ``term`` (the last one ``global``), ``chi2, df, p``; a small p speaks against proportional hazards.

    Raises
    ------
    ValueError
        As `cox`; also if the events are too few, or `transform` is ``log`` and somebody has the event at time 0.

    References
    ----------
    Grambsch PM, Therneau TM (1994). Biometrika 81:515. doi:10.1093/biomet/81.3.515
    """
    check_choice(transform, "transform", ("km", "identity", "log"))
    follow_up, failed = _cox_input(covariates, time, event)
    # The test does not depend on the unit of a covariate.
    fit = fit_partial_likelihood(_standardised(covariates)[0], follow_up, failed, list(covariates.columns))
    g = _time_scale(fit.times, follow_up, failed, transform)
    g = g - g.mean()
    plain, cross, squared = (np.tensordot(g**power, fit.point.information, axes=1) for power in (0, 1, 2))
    score = g @ fit.point.residuals
    variance = squared - cross @ np.linalg.solve(plain, cross)
    if np.linalg.matrix_rank(variance) < score.size:
        raise InputError(
            f"{fit.times.size} time(s) with an event are too few to test {score.size} covariate(s); test fewer covariates."
        )
    chi2 = np.append(score**2 / np.diag(variance), score @ np.linalg.solve(variance, score))
    df = np.append(np.ones(score.size, dtype=int), score.size)
    return pd.DataFrame({"term": [*covariates.columns, "global"], "chi2": chi2, "df": df, "p": chdtrc(df, chi2)})


def _cox_input(covariates: pd.DataFrame, time: npt.ArrayLike, event: npt.ArrayLike) -> tuple[Floats, Bools]:
    if covariates.empty:
        raise InputError(f"`covariates` has shape {covariates.shape}; give at least one patient and one covariate.")
    check_numeric(covariates, "covariates")
    follow_up, failed = follow_up_of(time, event)
    same_patients(time, covariates.iloc[:, 0], "time", "covariates")
    if not failed.any():
        raise InputError("`event` is 0 for every patient; nobody has the event.")
    for name in covariates.columns:
        if (covariates[name] == covariates[name].iloc[0]).all():
            raise InputError(f"Covariate {name!r} is {covariates[name].iloc[0]} for every patient; drop it.")
    return follow_up, failed


def _standardised(covariates: pd.DataFrame) -> tuple[Floats, Floats]:
    """Centre the covariates and give them standard deviation 1 -> the values, and what a unit was divided by."""
    x = covariates.to_numpy(dtype=np.float64)
    # By the largest deviation first: squares of very large or small numbers would leave the range of numbers.
    x = x - x.mean(axis=0)
    largest = np.abs(x).max(axis=0)
    scale = largest * (x / largest).std(axis=0)
    return x / scale, scale


def _terms(names: pd.Index, fit: CoxFit, scale: Floats, confidence: float) -> pd.DataFrame:
    coefficient, se = fit.coefficients / scale, np.sqrt(np.diag(fit.covariance)) / scale
    z, half = coefficient / se, float(ndtri((1 + confidence) / 2)) * se
    with np.errstate(over="ignore"):  # the ratio of a whole unit, where a unit is far more than patients differ by
        ratios = {"hazard_ratio": np.exp(coefficient), "low": np.exp(coefficient - half), "high": np.exp(coefficient + half)}
    return pd.DataFrame({"term": names, "coefficient": coefficient, "se": se, **ratios, "z": z, "p": 2 * ndtr(-np.abs(z))})


def _concordance(x: Floats, coefficients: Floats, time: Floats, failed: Bools) -> float:
    from lifelines.utils import concordance_index

    # Row by row: a matrix product can tell equal patients apart in the last digit.
    return float(concordance_index(time, -(x * coefficients).sum(axis=1), failed))


def _time_scale(times: Floats, follow_up: Floats, failed: Bools, transform: str) -> Floats:
    if transform == "identity":
        return times
    if transform == "log":
        if times[0] <= 0:
            raise InputError("`transform` is 'log' but somebody has the event at time 0; use 'km' or 'identity'.")
        return np.log(times)
    curve = life_table(follow_up, failed)
    before = np.searchsorted(curve["time"].to_numpy(), times, side="left") - 1
    return np.where(before >= 0, 1 - curve["survival"].to_numpy()[np.maximum(before, 0)], 0.0)
