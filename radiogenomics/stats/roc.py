"""Areas under the ROC curve: DeLong's variance and interval, bootstrap, and the comparison of two.

A score speaks for the event when it is high. Tied scores of a case and a control count one half.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.stats._checks import Bools, Floats, Ints, binary, confidence_of, scores

Alternative = Literal["two-sided", "less", "greater"]
_CELLS = 4_000_000  # of a bootstrap chunk: 32 MB of counts at a time, whatever n is


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve with its interval.

    Attributes
    ----------
    auc, low, high : float
        The area and its interval, clipped to [0, 1].
    se : float
        Standard error of the area.
    n, events : int
        Patients, and patients with the event.
    """

    auc: float
    low: float
    high: float
    se: float
    n: int
    events: int


@dataclass(frozen=True)
class DelongTest:
    """Two areas under the ROC curve, compared.

    Attributes
    ----------
    first, second : Auc
        The two areas with their DeLong intervals at the same level.
    difference, low, high : float
        First minus second area, and its interval.
    statistic : float
        Difference over its standard error: normal for paired curves, Student's t with `df` degrees of freedom otherwise.
    df : float
        Degrees of freedom; infinite for paired curves.
    p : float
        P value of the chosen alternative.
    """

    first: Auc
    second: Auc
    difference: float
    low: float
    high: float
    statistic: float
    df: float
    p: float


def auc(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, confidence: float = 0.95) -> Auc:
    """Area under the ROC curve -> estimate, DeLong interval and standard error, in O(n log n).

    The area is the probability that a case scores above a control, ties counting one half. With V10 the share of controls
    below each of the m cases and V01 the share of cases above each of the k controls,
    ``var = var(V10) / m + var(V01) / k``; both come from one sorting (Sun & Xu 2014). Equal to R's ``pROC::ci.auc``.

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise.
    y_score : array or Series, shape (n,)
        High values speak for the event.
    confidence : float
        Confidence level of the interval.

    Returns
    -------
    Auc
        The interval is normal on the scale of the area, clipped to [0, 1]. With perfect separation it has no width, as in R
        (`newcombe_interval` has one); with a single case or control the variance cannot be known and `se`, `low` and `high`
        are NaN.

    Raises
    ------
    ValueError
        If the outcome has one class, a value is missing, lengths or labels differ, or `confidence` lies outside (0, 1).

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988). Biometrics 44:837. doi:10.2307/2531595
    Sun X, Xu W (2014). IEEE Signal Processing Letters 21:1389. doi:10.1109/LSP.2014.2337313
    """
    event = binary(y_true)
    placements = _shares(*_in_order(event, scores(y_score, y_true, "y_score")))
    return _auc(*placements, confidence_of(confidence))


def newcombe_interval(
    area: float, *, events: int, controls: int, confidence: float = 0.95, variance_factor: float = 1.0
) -> tuple[float, float]:
    """Area under the ROC curve and numbers of patients -> score interval, which has a width at areas of 0 and 1 too.

    The limits are the areas t with ``(area - t)^2 = z^2 variance_factor V(t)``, where V is Hanley and McNeil's variance of an
    area t for exponential scores, both classes taken as of their mean size M: ``V(t) = t (1 - t) (2 M - 1 -
    (3 M - 3) / ((2 - t) (1 + t))) / (events controls)``. Newcombe's method 5, which he recommends: it needs no scores, so it does
    not break down where they separate the classes.

    Parameters
    ----------
    area : float
        The area, 0 to 1.
    events, controls : int
        Patients of each class.
    confidence : float
        Confidence level.
    variance_factor : float
        What the variance is multiplied by, for areas that vary more than those of independent scores; 1 or more.

    Returns
    -------
    low, high : float
        The limits, within [0, 1] and on either side of the area.

    Raises
    ------
    ValueError
        If the area lies outside [0, 1], a class has no patient, or `variance_factor` is below 1.

    References
    ----------
    Newcombe RG (2006). Statistics in Medicine 25:559. doi:10.1002/sim.2324
    Hanley JA, McNeil BJ (1982). Radiology 143:29. doi:10.1148/radiology.143.1.7063747
    """
    if not 0 <= area <= 1 or min(events, controls) < 1 or not variance_factor >= 1:
        facts = f"`area` is {area:g}, `events` {events}, `controls` {controls}, `variance_factor` {variance_factor:g}"
        raise InputError(f"{facts}; the area is between 0 and 1, each class has a patient, the factor is 1 or more.")
    reach = variance_factor * float(ndtri((1 + confidence_of(confidence)) / 2)) ** 2 / (events * controls)
    return _newcombe_low(area, events + controls, reach), 1 - _newcombe_low(1 - area, events + controls, reach)


def _newcombe_low(area: float, n: int, reach: float) -> float:
    """Solve for the limit below an area; the one above is that of the reversed score."""

    def excess(limit: float) -> float:
        spread = n - 1 - (1.5 * n - 3) / ((2 - limit) * (1 + limit))
        # At an area of 1 both sides hold 1 - limit, whose root would be the area itself.
        return 1 - limit - reach * limit * spread if area == 1 else (area - limit) ** 2 - reach * limit * (1 - limit) * spread

    return 0.0 if area == 0 else float(brentq(excess, 0.0, area))


def bootstrap_auc(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    *,
    n_boot: int = 2000,
    random_state: int | np.random.Generator,
    confidence: float = 0.95,
) -> Auc:
    """Area under the ROC curve -> estimate with a stratified percentile bootstrap interval.

    Cases and controls are drawn with replacement each from their own, as in R's ``pROC::ci.auc(method = "bootstrap")``.
    Scores are sorted once; a bootstrap sample is a vector of multiplicities, so each costs O(n), and the order of the patients
    does not matter.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.
    n_boot : int
        Bootstrap samples.
    random_state : int or numpy.random.Generator
        Source of the draws; the same state gives the same interval.
    confidence : float
        Confidence level of the interval.

    Returns
    -------
    Auc
        `low` and `high` are percentiles of the bootstrap areas, `se` their standard deviation.

    Raises
    ------
    ValueError
        As `auc`; also if `n_boot` is below 2.

    References
    ----------
    Carpenter J, Bithell J (2000). Statistics in Medicine 19:1141.
    """
    event, confidence = binary(y_true), confidence_of(confidence)
    value = scores(y_score, y_true, "y_score")
    if n_boot < 2:
        raise InputError(f"`n_boot` is {n_boot}; an interval needs at least 2 bootstrap samples, usually 2000.")
    areas = _bootstrap_areas(event, value, n_boot, np.random.default_rng(random_state))
    low, high = np.quantile(areas, [(1 - confidence) / 2, (1 + confidence) / 2])
    area = float(_placements(event, value)[event].mean())
    return Auc(area, float(low), float(high), float(areas.std(ddof=1)), event.size, int(event.sum()))


def delong_test(
    y_true: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    second_y_true: npt.ArrayLike | None = None,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> DelongTest:
    """Two scores -> DeLong's test of the difference of their areas, on the same patients or on different ones.

    Paired (both scores of the same patients): normal statistic, with the covariance of the placements. Unpaired
    (`second_y_true` given): Student's t with Satterthwaite's degrees of freedom. Both equal to R's ``pROC::roc.test``.

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise: of all patients, or of the first score's patients.
    first : array or Series, shape (n,)
        The first score.
    second : array or Series, shape (n,) or (n_second,)
        The second score.
    second_y_true : array or Series, shape (n_second,), optional
        The outcome of the second score's patients, when they are others than the first score's.
    alternative : {"two-sided", "less", "greater"}
        What is tested against equality: that the areas differ, that the first is less, or greater, than the second.
    confidence : float
        Confidence level of the intervals, which are two-sided whatever the alternative.

    Returns
    -------
    DelongTest
        Both areas, their difference with its interval, the statistic and p. A score against itself gives p = 1.

    Raises
    ------
    ValueError
        As `auc`; also if a class has fewer than two patients.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988). Biometrics 44:837. doi:10.2307/2531595
    """
    check_choice(alternative, "alternative", ("two-sided", "less", "greater"))
    confidence, event = confidence_of(confidence), binary(y_true)
    placements = _placements(event, scores(first, y_true, "first"))
    if second_y_true is None:
        other = event
        two = _placements(event, scores(second, y_true, "second"))
    else:
        other = binary(second_y_true, "second_y_true")
        two = _placements(other, scores(second, second_y_true, "second", "second_y_true"))
    areas = _auc(placements[event], placements[~event], confidence), _auc(two[other], two[~other], confidence)
    if not np.isfinite(areas[0].se + areas[1].se):
        raise InputError("A class has a single patient; DeLong's test needs at least two cases and two controls.")
    if second_y_true is None:
        apart = placements - two
        return _compare(areas, _variance(apart[event], apart[~event]), np.inf, alternative, confidence)
    variances = areas[0].se ** 2, areas[1].se ** 2
    weight = variances[0] ** 2 / (event.size - 1) + variances[1] ** 2 / (other.size - 1)
    df = sum(variances) ** 2 / weight if weight > 0 else np.inf
    return _compare(areas, sum(variances), df, alternative, confidence)


def _placements(event: Bools, y_score: Floats) -> Floats:
    """Place each case among the controls and each control among the cases, in the order of the patients."""
    order = np.argsort(y_score)
    cases = event[order]
    placed = np.empty(y_score.size)
    placed[order[cases]], placed[order[~cases]] = _shares(cases, y_score[order])
    return placed


def _shares(cases: Bools, ranked: Floats) -> tuple[Floats, Floats]:
    """Give each case its share of controls below, and each control its share of cases above, in ascending order of the score.

    A midrank among all less the midrank in the own class counts the others below, ties one half (Sun & Xu 2014).
    """
    overall = _midranks(ranked) if (ranked[1:] == ranked[:-1]).any() else None
    shares = []
    for own in (np.flatnonzero(cases), np.flatnonzero(~cases)):
        if overall is None:
            # Without ties a place among all, less the place in the own class, is a subtraction of whole numbers.
            own -= np.arange(own.size)
            shares.append(own / (cases.size - own.size))
        else:
            shares.append((overall[own] - _midranks(ranked[own])) / (cases.size - own.size))
    below, others_below = shares
    return below, np.subtract(1, others_below, out=others_below)


def _in_order(event: Bools, y_score: Floats) -> tuple[Bools, Floats]:
    order = np.argsort(y_score)
    return event[order], y_score[order]


def _midranks(ranked: Floats) -> Floats:
    """Rank ascending values from 0, ties at the middle of their ranks."""
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    size = np.diff(ends, prepend=-1)
    return np.repeat(ends - (size - 1) / 2, size)


def _variance(cases: Floats, controls: Floats) -> float:
    """DeLong's variance of a mean placement; NaN when a class has one patient."""
    if min(cases.size, controls.size) < 2:
        return np.nan
    return float(cases.var(ddof=1) / cases.size + controls.var(ddof=1) / controls.size)


def _auc(cases: Floats, controls: Floats, confidence: float) -> Auc:
    area, se = float(cases.mean()), float(np.sqrt(_variance(cases, controls)))
    half = ndtri((1 + confidence) / 2) * se
    low, high = np.clip([area - half, area + half], 0, 1)
    return Auc(area, float(low), float(high), se, cases.size + controls.size, cases.size)


def _compare(areas: tuple[Auc, Auc], variance: float, df: float, alternative: Alternative, confidence: float) -> DelongTest:
    difference, se = areas[0].auc - areas[1].auc, float(np.sqrt(variance))
    # Equal areas of equal scores have no variance: nothing speaks against equality.
    statistic = difference / se if se > 0 else np.sign(difference) * np.inf if difference else 0.0
    below = float(ndtr(statistic) if np.isinf(df) else stdtr(df, statistic))
    above = float(ndtr(-statistic) if np.isinf(df) else stdtr(df, -statistic))
    p = {"two-sided": min(2 * min(below, above), 1.0), "less": below, "greater": above}[alternative]
    half = float(ndtri((1 + confidence) / 2) if np.isinf(df) else stdtrit(df, (1 + confidence) / 2)) * se
    return DelongTest(*areas, difference, difference - half, difference + half, float(statistic), float(df), p)


def _bootstrap_areas(event: Bools, y_score: Floats, n_boot: int, rng: np.random.Generator) -> Floats:
    distinct, group = np.unique(y_score, return_inverse=True)
    chunk = max(1, _CELLS // max(distinct.size, event.size))
    parts = []
    for start in range(0, n_boot, chunk):
        size = min(chunk, n_boot - start)
        cases, controls = (_drawn(np.sort(group[kind]), distinct.size, size, rng) for kind in (event, ~event))
        below = np.cumsum(controls, axis=1) - controls / 2
        parts.append((cases * below).sum(axis=1))
    areas: Floats = np.concatenate(parts) / (event.sum() * (~event).sum())
    return areas


def _drawn(group: Ints, n_groups: int, n_boot: int, rng: np.random.Generator) -> Ints:
    """Draw members with replacement -> how often each distinct score occurs, shape (n_boot, n_groups)."""
    drawn = group[rng.integers(group.size, size=(n_boot, group.size))]
    drawn += n_groups * np.arange(n_boot)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_boot * n_groups).reshape(n_boot, n_groups)
