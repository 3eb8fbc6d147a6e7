"""Cox regression: hazard ratios, and whether they hold over time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, ndtri

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric
from radiogenomics.stats._checks import Bools, Floats, follow_up_of, level_of, same_patients
from radiogenomics.stats.survival import life_table

if TYPE_CHECKING:
    from lifelines import CoxPHFitter


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


def cox(covariates: pd.DataFrame, time: npt.ArrayLike, event: npt.ArrayLike, *, level: float = 0.95) -> CoxModel:
    """Covariates and follow-up -> Cox regression, ties after Efron, as R's ``coxph``.

    Parameters
    ----------
    covariates : DataFrame, shape (n, n_covariates)
        Numeric covariates; code categories as 0/1 columns.
    time, event : array or Series, shape (n,)
        As in `kaplan_meier`.
    level : float
        Confidence level of the hazard ratios.

    Returns
    -------
    CoxModel
        Terms and tests.

    Raises
    ------
    ValueError
        If a value is missing, lengths or labels differ, nobody has the event, a covariate is constant, or the estimate does
        not settle (a covariate separates those with the event, or copies another).

    References
    ----------
    Cox DR (1972). Journal of the Royal Statistical Society B 34:187. doi:10.1111/j.2517-6161.1972.tb00899.x
    Efron B (1977). Journal of the American Statistical Association 72:557. doi:10.1080/01621459.1977.10480613
    """
    follow_up, failed = _cox_input(covariates, time, event)
    fitter = _fit_cox(covariates, follow_up, failed)
    half = ndtri((1 + level_of(level)) / 2)
    summary = fitter.summary
    coefficient, se = summary["coef"].to_numpy(), summary["se(coef)"].to_numpy()
    terms = {"term": covariates.columns, "coefficient": coefficient, "se": se, "hazard_ratio": np.exp(coefficient)}
    terms |= {"low": np.exp(coefficient - half * se), "high": np.exp(coefficient + half * se)}
    terms |= {"z": summary["z"].to_numpy(), "p": summary["p"].to_numpy()}
    best, df = float(fitter.log_likelihood_), covariates.shape[1]
    chi2 = float(fitter.log_likelihood_ratio_test().test_statistic)
    return CoxModel(
        terms=pd.DataFrame(terms),
        log_likelihood_null=best - chi2 / 2,
        log_likelihood=best,
        chi2=chi2,
        df=df,
        p=float(chdtrc(df, chi2)),
        concordance=float(fitter.concordance_index_),
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
    beta = _fit_cox(covariates, follow_up, failed).params_.to_numpy()
    x = covariates.to_numpy(dtype=np.float64)
    times, residuals, information = _schoenfeld(x - x.mean(axis=0), follow_up, failed, beta)
    g = _time_scale(times, follow_up, failed, transform)
    g = g - g.mean()
    plain, cross, squared = (np.tensordot(g**power, information, axes=1) for power in (0, 1, 2))
    score = g @ residuals
    variance = squared - cross @ np.linalg.solve(plain, cross)
    if np.linalg.matrix_rank(variance) < score.size:
        raise InputError(
            f"{times.size} time(s) with an event are too few to test {score.size} covariate(s); test fewer covariates."
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


def _fit_cox(covariates: pd.DataFrame, time: Floats, failed: Bools) -> "CoxPHFitter":
    import warnings

    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    table = covariates.set_axis([f"x{column}" for column in range(covariates.shape[1])], axis=1).assign(time=time, event=failed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            return CoxPHFitter().fit(table, "time", "event", fit_options={"precision": 1e-12})
    except (ConvergenceError, ConvergenceWarning) as error:
        names = ", ".join(map(str, covariates.columns))
        reason = "a covariate separates those with the event, or is a combination of others"
        raise InputError(f"The Cox regression on {names} does not settle: {reason}; drop it.") from error


def _schoenfeld(x: Floats, time: Floats, failed: Bools, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Give the event times, the Schoenfeld residuals summed at each, and each one's share of Efron's information."""
    order = np.argsort(-time, kind="stable")
    x, time, failed = x[order], time[order], failed[order]
    risk = np.exp(x @ beta)
    moments = [risk, risk[:, None] * x, risk[:, None, None] * x[:, :, None] * x[:, None, :]]
    sums = [np.cumsum(moment, axis=0) for moment in moments]
    times = np.unique(time[failed])
    residuals, information = np.zeros((times.size, beta.size)), np.zeros((times.size, beta.size, beta.size))
    for index, moment in enumerate(times):
        last = int(np.searchsorted(-time, -moment, side="right")) - 1
        dying = np.flatnonzero((time == moment) & failed)
        own = [values[dying].sum(axis=0) for values in moments]
        residuals[index] = x[dying].sum(axis=0)
        # Of d tied deaths, each further one faces a risk set without a further d-th of them (Efron 1977).
        for part in np.arange(dying.size) / dying.size:
            s0, s1, s2 = (total[last] - part * mine for total, mine in zip(sums, own, strict=True))
            mean = s1 / s0
            residuals[index] -= mean
            information[index] += s2 / s0 - np.outer(mean, mean)
    return times, residuals, information


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
