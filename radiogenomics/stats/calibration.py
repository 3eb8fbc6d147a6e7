"""Do predicted probabilities come true: Hosmer-Lemeshow, slope and intercept, Brier, the smoothed curve and its errors."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, logit, ndtr, ndtri

from radiogenomics._errors import InputError
from radiogenomics.stats._checks import Bools, Floats, binary, confidence_of, place, probabilities
from radiogenomics.stats._logistic import Fit, fit_logistic, likelihood
from radiogenomics.stats._lowess import lowess
from radiogenomics.stats.thresholds import proportion


@dataclass(frozen=True, eq=False)
class HosmerLemeshow:
    """The Hosmer-Lemeshow test of fit.

    Attributes
    ----------
    statistic : float
        Chi-square over groups of predicted risk.
    df : int
        Number of groups less two.
    p : float
        Small where observed and expected numbers differ.
    groups : DataFrame
        One row per group of risk: ``lower, upper`` (limits; the lower one is open but in the first group), ``n, events,
        expected`` (sum of probabilities).
    """

    statistic: float
    df: int
    p: float
    groups: pd.DataFrame


@dataclass(frozen=True)
class Calibration:
    """How predicted probabilities agree with outcomes, in the words of R's ``rms::val.prob``.

    Attributes
    ----------
    intercept, slope : float
        Of the logistic regression of the outcome on the logit of the probability; 0 and 1 are perfect, a slope below 1 means
        too extreme predictions (overfitting).
    intercept_low, intercept_high, slope_low, slope_high : float
        Their Wald intervals.
    in_the_large : float
        Intercept with the slope held at 1: above 0 the risks are too low on average.
    brier : float
        Mean squared difference of outcome and probability.
    brier_scaled : float
        1 less `brier` over that of the prevalence: 0 without information, 1 perfect.
    r2 : float
        Nagelkerke's R squared of the probabilities as they are; below 0 where the prevalence alone does better.
    discrimination, unreliability, quality : float
        Harrell's D, U and Q = D - U, per patient.
    unreliability_chi2, unreliability_p : float
        Joint test of intercept 0 and slope 1 (two degrees of freedom).
    e_max, e_90, e_avg : float
        Largest, 90th percentile and mean of the distance between probability and smoothed curve over the patients.
    spiegelhalter_z, spiegelhalter_p : float
        Spiegelhalter's test of the Brier score.
    n, events : int
        Patients, and patients with the event.
    """

    intercept: float
    intercept_low: float
    intercept_high: float
    slope: float
    slope_low: float
    slope_high: float
    in_the_large: float
    brier: float
    brier_scaled: float
    r2: float
    discrimination: float
    unreliability: float
    unreliability_chi2: float
    unreliability_p: float
    quality: float
    e_max: float
    e_90: float
    e_avg: float
    spiegelhalter_z: float
    spiegelhalter_p: float
    n: int
    events: int


def hosmer_lemeshow(y_true: npt.ArrayLike, y_prob: npt.ArrayLike, *, groups: int = 10, fitted: bool = True) -> HosmerLemeshow:
    """Predicted probabilities -> the Hosmer-Lemeshow test over groups of risk.

    Groups are cut at type-7 quantiles, closed on the right, doubled limits dropped, as in R's
    ``ResourceSelection::hoslem.test``; ``chi2 = sum (O1 - E1)^2 / E1 + (O0 - E0)^2 / E0`` on groups - 2 degrees of freedom,
    or on as many as groups for patients whom no fit has seen.

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise.
    y_prob : array or Series, shape (n,)
        Probabilities of the event in [0, 1].
    groups : int
        Groups asked for; ties of the probabilities may leave fewer.
    fitted : bool
        Whether the model was fitted to these patients, which costs two degrees of freedom. False for patients of another cohort
        or outside the folds of a fit (`calibration_measures` says more about those).

    Returns
    -------
    HosmerLemeshow
        Statistic, degrees of freedom, p, and the observed and expected numbers per group.

    Raises
    ------
    ValueError
        If the outcome has one class, a value is missing or outside [0, 1], lengths or labels differ, or fewer than three
        groups remain.

    References
    ----------
    Hosmer DW, Lemeshow S (1980). Communications in Statistics A 9:1043. doi:10.1080/03610928008827941
    Hosmer DW, Lemeshow S, Sturdivant RX (2013). Applied Logistic Regression, 3rd ed., section 5.2.2 and on external validation.
    doi:10.1002/9781118548387
    """
    event, p = binary(y_true), probabilities(y_prob, y_true, "y_prob")
    table = _risk_groups(event, p, groups)
    if len(table) < 3:
        remedy = "the test needs at least 3; ask for more groups or give probabilities with fewer ties"
        raise InputError(f"`y_prob` falls into {len(table)} group(s) of risk ({np.unique(p).size} distinct values); {remedy}.")
    expected = np.column_stack([table["expected"], table["n"] - table["expected"]])
    observed = np.column_stack([table["events"], table["n"] - table["events"]])
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = np.where(observed == expected, 0.0, (observed - expected) ** 2 / expected)
    statistic, df = float(cells.sum()), len(table) - 2 * fitted
    return HosmerLemeshow(statistic, df, float(chdtrc(df, statistic)), table)


def calibration_measures(y_true: npt.ArrayLike, y_prob: npt.ArrayLike, *, confidence: float = 0.95) -> Calibration:
    """Predicted probabilities -> slope, intercept, Brier score, smoothed errors and their tests.

    Equal to R's ``rms::val.prob``, whose curve is the lowess of the outcome on the probability (span 2/3, no robustness).

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise.
    y_prob : array or Series, shape (n,)
        Probabilities of the event, inside (0, 1).
    confidence : float
        Confidence level of the intervals of intercept and slope.

    Returns
    -------
    Calibration
        See there. On the patients a logistic model was fitted on, intercept 0 and slope 1 hold by construction.

    Raises
    ------
    ValueError
        If the outcome has one class, a value is missing, 0 or 1 (its logit is infinite), lengths or labels differ, all
        probabilities are equal, or the probabilities separate the classes.

    References
    ----------
    Harrell FE (2015). Regression Modeling Strategies, 2nd ed. Springer. doi:10.1007/978-3-319-19425-7
    Van Calster B, et al. (2019). BMC Medicine 17:230. doi:10.1186/s12916-019-1466-7
    Spiegelhalter DJ (1986). Statistics in Medicine 5:421. doi:10.1002/sim.4780050506
    """
    event, p = binary(y_true), _inside(y_prob, y_true)
    linear, n = logit(p), event.size
    if np.ptp(p) == 0:
        raise InputError(f"`y_prob` is {p[0]:g} for every patient; slope and curve need probabilities that differ.")
    fit = fit_logistic(np.column_stack([np.ones(n), linear]), event)
    large = fit_logistic(np.ones((n, 1)), event, offset=linear)
    curve = _smoothed(event, p)
    distance = np.abs(p - np.interp(p, *curve))
    brier, prevalence = float(np.mean((event - p) ** 2)), float(event.mean())
    z = float(((event - p) * (1 - 2 * p)).sum() / np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum()))
    return Calibration(
        **_recalibration(fit, confidence_of(confidence)),
        **_likelihoods(fit, event, linear),
        in_the_large=float(large.coefficients[0]),
        brier=brier,
        brier_scaled=1 - brier / (prevalence * (1 - prevalence)),
        e_max=float(distance.max()),
        e_90=float(np.quantile(distance, 0.9)),
        e_avg=float(distance.mean()),
        spiegelhalter_z=z,
        spiegelhalter_p=float(2 * ndtr(-abs(z))),
        n=n,
        events=int(event.sum()),
    )


def calibration_curve(y_true: npt.ArrayLike, y_prob: npt.ArrayLike) -> pd.DataFrame:
    """Predicted probabilities -> the smoothed calibration curve, one row per distinct probability.

    Parameters
    ----------
    y_true, y_prob : array or Series, shape (n,)
        As in `hosmer_lemeshow`.

    Returns
    -------
    DataFrame, shape (n_distinct, 2)
        ``predicted`` (ascending) and ``observed``, the lowess of the outcome (span 2/3, no robustness), which may leave
        [0, 1] at the ends, as in R.

    Raises
    ------
    ValueError
        If the outcome has one class, a value is missing or outside [0, 1], lengths or labels differ, or all probabilities
        are equal.

    References
    ----------
    Cleveland WS (1979). Journal of the American Statistical Association 74:829. doi:10.1080/01621459.1979.10481038
    """
    event, p = binary(y_true), probabilities(y_prob, y_true, "y_prob")
    if np.ptp(p) == 0:
        raise InputError(f"`y_prob` is {p[0]:g} for every patient; a curve needs probabilities that differ.")
    predicted, observed = _smoothed(event, p)
    return pd.DataFrame({"predicted": predicted, "observed": observed})


def calibration_groups(
    y_true: npt.ArrayLike, y_prob: npt.ArrayLike, *, groups: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Predicted probabilities -> observed share of events in groups of risk, with exact intervals.

    Parameters
    ----------
    y_true, y_prob : array or Series, shape (n,)
        As in `hosmer_lemeshow`.
    groups : int
        Groups of about equal size; ties of the probabilities may leave fewer.
    confidence : float
        Confidence level of the Clopper-Pearson intervals.

    Returns
    -------
    DataFrame, shape (n_groups, 6)
        ``predicted`` (mean probability), ``observed, low, high, n, events``.

    Raises
    ------
    ValueError
        As `calibration_curve`.
    """
    event, p = binary(y_true), probabilities(y_prob, y_true, "y_prob")
    table = _risk_groups(event, p, groups)
    shares = [proportion(events, n, "exact", confidence) for events, n in table[["events", "n"]].to_numpy().tolist()]
    frame = pd.DataFrame(shares, columns=["observed", "low", "high"])
    frame.insert(0, "predicted", table["expected"] / table["n"])
    return frame.assign(n=table["n"], events=table["events"])


def _risk_groups(event: Bools, p: Floats, groups: int) -> pd.DataFrame:
    if groups < 2:
        raise InputError(f"`groups` is {groups}; give at least 2 groups of risk, usually 10.")
    edges = np.unique(np.quantile(p, np.linspace(0, 1, groups + 1)))
    if edges.size < 2:
        raise InputError(f"`y_prob` is {p[0]:g} for every patient; groups of risk need probabilities that differ.")
    index = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, edges.size - 2)
    n, events, expected = (np.bincount(index, weights=w, minlength=edges.size - 1) for w in (np.ones_like(p), event, p))
    table = pd.DataFrame({"lower": edges[:-1], "upper": edges[1:], "n": n.astype(int), "events": events.astype(int)})
    return table.assign(expected=expected)[n > 0].reset_index(drop=True)


def _inside(y_prob: npt.ArrayLike, y_true: npt.ArrayLike) -> Floats:
    p = probabilities(y_prob, y_true, "y_prob")
    edge = (p == 0) | (p == 1)
    if edge.any():
        first = int(np.flatnonzero(edge)[0])
        value = f"`y_prob` is {p[first]:g} at {place(y_prob, first)}, its logit is infinite"
        raise InputError(f"{value}; clip the probabilities first, for example to [1/(2n), 1 - 1/(2n)].")
    return p


def _recalibration(fit: Fit, confidence: float) -> dict[str, float]:
    half = ndtri((1 + confidence) / 2) * np.sqrt(np.diag(fit.covariance))
    values: dict[str, float] = {}
    for name, estimate, width in zip(("intercept", "slope"), fit.coefficients, half, strict=True):
        values |= {name: float(estimate), f"{name}_low": float(estimate - width), f"{name}_high": float(estimate + width)}
    return values


def _likelihoods(fit: Fit, event: Bools, linear: Floats) -> dict[str, float]:
    """Compare no information, the probabilities as they are, and the recalibrated ones by their likelihoods."""
    n, prevalence = event.size, event.mean()
    empty = float(n * (prevalence * np.log(prevalence) + (1 - prevalence) * np.log1p(-prevalence)))
    given, _, _ = likelihood(linear[:, None], event, np.ones(1), 0.0, False)
    gain, wrong = 2 * (given - empty), 2 * (fit.log_likelihood - given)
    discrimination, unreliability = (gain - 1) / n, (wrong - 2) / n
    return {
        "r2": float(-np.expm1(-gain / n) / -np.expm1(2 * empty / n)),
        "discrimination": discrimination,
        "unreliability": unreliability,
        "unreliability_chi2": wrong,
        "unreliability_p": float(chdtrc(2, max(wrong, 0.0))),
        "quality": discrimination - unreliability,
    }


def _smoothed(event: Bools, p: Floats) -> tuple[Floats, Floats]:
    """Smooth the outcome over the probability -> distinct probabilities, smoothed outcome."""
    order = np.argsort(p, kind="stable")
    x = p[order]
    distinct, first = np.unique(x, return_index=True)
    return distinct, lowess(x, event[order].astype(np.float64))[first]
