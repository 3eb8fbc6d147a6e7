"""Time to an event: Kaplan-Meier curves, medians, and the log-rank test with its weighted forms.

Curves and log-log limits are lifelines'. The log limits and the medians are R's rules, which lifelines does not have. The
log-rank test is ours: lifelines gives the same chi-square without the numbers observed and expected, 15 times as slowly
(`SurvivalCut` tests every cut), and its ``peto`` is not R's ``rho = 1``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, ndtri

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.stats._checks import Bools, Floats, confidence_of, follow_up_of, numbers, place, same_patients

Interval = Literal["log", "log-log"]
Weights = Literal["none", "wilcoxon", "tarone-ware", "peto"]


@dataclass(frozen=True, eq=False)
class LogRank:
    """A log-rank test of two or more groups.

    Attributes
    ----------
    chi2, df, p : float, int, float
        The test.
    groups : DataFrame
        ``group, n, observed, expected``: patients, and (weighted) events observed and expected without a difference.
    """

    chi2: float
    df: int
    p: float
    groups: pd.DataFrame


def kaplan_meier(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    group: npt.ArrayLike | None = None,
    interval: Interval = "log",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Follow-up -> the Kaplan-Meier curve of every group, one row per distinct time.

    Greenwood's variance; the interval is normal on the scale of log S (R's default) or log(-log S).

    Parameters
    ----------
    time : array or Series, shape (n,)
        Follow-up of each patient, in any unit.
    event : array or Series, shape (n,)
        1 when the event ended the follow-up, 0 when it was censored.
    group : array or Series, shape (n,), optional
        Group of each patient; left out, all are one group called ``all``.
    interval : {"log", "log-log"}
        Scale of the interval.
    confidence : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame
        ``group, time, at_risk, events, censored, survival, se`` (of the survival), ``low, high``. The first row of a group
        is time 0 with survival 1, unless somebody leaves at time 0. Where survival is 0, `se` is 0 and the limits are NaN.

    Raises
    ------
    ValueError
        If a value is missing, a time is negative, an event is neither 0 nor 1, or lengths or labels differ.

    References
    ----------
    Kaplan EL, Meier P (1958). Journal of the American Statistical Association 53:457. doi:10.1080/01621459.1958.10501452
    """
    check_choice(interval, "interval", ("log", "log-log"))
    z = float(ndtri((1 + confidence_of(confidence)) / 2))
    parts = []
    for name, follow_up, failed in _by_group(time, event, group):
        curve = life_table(follow_up, failed, confidence)
        limits = _log_limits(curve, z) if interval == "log" else curve[["low", "high"]]
        curve[["low", "high"]] = limits.where(curve["survival"] > 0)
        parts.append(pd.DataFrame({"group": name, **curve.drop(columns="relative")}))
    return pd.concat(parts, ignore_index=True)


def survival_at(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    at: Sequence[float],
    group: npt.ArrayLike | None = None,
    interval: Interval = "log",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Follow-up -> survival of every group at chosen times.

    Parameters
    ----------
    time, event, group, interval, confidence
        As in `kaplan_meier`.
    at : sequence of float
        Times, in the unit of `time`.

    Returns
    -------
    DataFrame, shape (n_groups * n_times, 6)
        ``group, time, at_risk`` (just before), ``survival, se, low, high``; NaN beyond a group's last follow-up.

    Raises
    ------
    ValueError
        As `kaplan_meier`.
    """
    wanted = numbers(at, "at")
    curve = kaplan_meier(time, event, group=group, interval=interval, confidence=confidence)
    parts = []
    for name, rows in curve.groupby("group", sort=False):
        times = rows["time"].to_numpy()
        reached = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, None)
        survival = rows.iloc[reached][["survival", "se", "low", "high"]].reset_index(drop=True)
        survival[(wanted > times[-1]) | (wanted < 0)] = np.nan
        following = np.searchsorted(times, wanted, side="left")
        at_risk = np.append(rows["at_risk"].to_numpy(), 0)[following]
        parts.append(pd.DataFrame({"group": name, "time": wanted, "at_risk": at_risk}).join(survival))
    return pd.concat(parts, ignore_index=True)


def median_survival(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    group: npt.ArrayLike | None = None,
    interval: Interval = "log",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Follow-up -> median survival of every group with its interval.

    The median is the first time at which the curve falls below one half (the middle of the step when it runs at exactly one
    half); its limits are those of the limits of the curve (Brookmeyer & Crowley 1982), as R prints them.

    Parameters
    ----------
    time, event, group, interval, confidence
        As in `kaplan_meier`.

    Returns
    -------
    DataFrame, shape (n_groups, 6)
        ``group, n, events, median, low, high``; infinite where the curve does not come down to one half.

    Raises
    ------
    ValueError
        As `kaplan_meier`.

    References
    ----------
    Brookmeyer R, Crowley J (1982). Biometrics 38:29. doi:10.2307/2530286
    """
    curve = kaplan_meier(time, event, group=group, interval=interval, confidence=confidence)
    rows = []
    for name, part in curve.groupby("group", sort=False):
        crossings = [_crossing(part["time"].to_numpy(), part[column].to_numpy()) for column in ("survival", "low", "high")]
        rows.append((name, int(part["at_risk"].iloc[0]), int(part["events"].sum()), *crossings))
    return pd.DataFrame(rows, columns=["group", "n", "events", "median", "low", "high"])


def log_rank(time: npt.ArrayLike, event: npt.ArrayLike, group: npt.ArrayLike, *, weights: Weights = "none") -> LogRank:
    """Follow-up of two or more groups -> log-rank test, plain or weighted.

    Every event time contributes observed less expected events, times a weight: 1 (Mantel's log-rank), the number at risk
    (``wilcoxon``, Gehan-Breslow), its root (``tarone-ware``), or the pooled survival just before (``peto``). Plain and
    ``peto`` are R's ``survdiff`` with ``rho`` 0 and 1.

    Parameters
    ----------
    time, event : array or Series, shape (n,)
        As in `kaplan_meier`.
    group : array or Series, shape (n,)
        Group of each patient. A group cut from a score at a point chosen on these patients makes p too small: see
        `SurvivalCut`.
    weights : {"none", "wilcoxon", "tarone-ware", "peto"}
        What counts more: with anything but ``none``, early differences.

    Returns
    -------
    LogRank
        Chi-square on groups - 1 degrees of freedom, and observed and expected numbers.

    Raises
    ------
    ValueError
        As `kaplan_meier`; also if there is one group only, or no event.

    References
    ----------
    Harrington DP, Fleming TR (1982). Biometrika 69:553. doi:10.1093/biomet/69.3.553
    """
    check_choice(weights, "weights", ("none", "wilcoxon", "tarone-ware", "peto"))
    groups = list(_by_group(time, event, group))
    if len(groups) < 2:
        raise InputError(f"`group` is {groups[0][0]!r} for every patient; a comparison needs at least two groups.")
    times = np.unique(np.concatenate([follow_up[failed] for _, follow_up, failed in groups]))
    if not times.size:
        raise InputError("`event` is 0 for every patient; nobody has the event.")
    at_risk = np.array([(follow_up[:, None] >= times).sum(axis=0) for _, follow_up, _ in groups], dtype=np.float64)
    deaths = np.array([(follow_up[failed][:, None] == times).sum(axis=0) for _, follow_up, failed in groups], dtype=float)
    n, d = at_risk.sum(axis=0), deaths.sum(axis=0)
    before = np.cumprod(np.append(1, 1 - d / n))[:-1]
    weight = {"none": np.ones_like(n), "wilcoxon": n, "tarone-ware": np.sqrt(n), "peto": before}[weights]
    share = at_risk / n
    observed, expected = (deaths * weight).sum(axis=1), (share * d * weight).sum(axis=1)
    # The last time with one patient at risk has no variance.
    spread = weight**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    gap = (observed - expected)[:-1]
    chi2 = float(gap @ np.linalg.pinv(covariance[:-1, :-1]) @ gap)
    names, sizes = [name for name, _, _ in groups], [follow_up.size for _, follow_up, _ in groups]
    table = pd.DataFrame({"group": names, "n": sizes, "observed": observed, "expected": expected})
    return LogRank(chi2, len(groups) - 1, float(chdtrc(len(groups) - 1, chi2)), table)


def _by_group(time: npt.ArrayLike, event: npt.ArrayLike, group: npt.ArrayLike | None) -> Iterator[tuple[object, Floats, Bools]]:
    follow_up, failed = follow_up_of(time, event)
    if group is None:
        yield "all", follow_up, failed
        return
    same_patients(group, time, "group", "time")
    labels = pd.Series(np.asarray(group))
    if labels.isna().any():
        raise InputError(
            f"`group` is missing at {place(group, int(np.flatnonzero(labels.isna())[0]))}; drop such patients first."
        )
    for name, members in labels.groupby(labels):
        yield name, follow_up[members.index], failed[members.index]


def life_table(time: Floats, failed: Bools, confidence: float = 0.95) -> pd.DataFrame:
    """Count who leaves at every distinct time, by lifelines -> curve, Greenwood's relative variance, log-log limits."""
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter(alpha=1 - confidence).fit(time, failed)
    counts = fitted.event_table.reset_index()
    events, at_risk = counts["observed"], counts["at_risk"]
    survival = fitted.survival_function_["KM_estimate"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (events / (at_risk * (at_risk - events))).cumsum().to_numpy()
        se = np.where(survival > 0, survival * np.sqrt(relative), 0.0)
    columns = {"time": counts["event_at"], "at_risk": at_risk, "events": events, "censored": counts["censored"]}
    limits = fitted.confidence_interval_survival_function_.set_axis(["low", "high"], axis=1).reset_index(drop=True)
    return pd.DataFrame({**columns, "survival": survival, "se": se, "relative": relative}).join(limits)


def _log_limits(curve: pd.DataFrame, z: float) -> pd.DataFrame:
    """Limits on the scale of log S, R's default, which lifelines does not give."""
    half = z * np.sqrt(curve["relative"])
    return pd.DataFrame({"low": curve["survival"] * np.exp(-half), "high": (curve["survival"] * np.exp(half)).clip(upper=1.0)})


def _crossing(times: Floats, survival: Floats) -> float:
    """Find the first time below one half; the middle of a step that runs at exactly one half; infinity when there is none."""
    below = np.flatnonzero(survival < 0.5 - 1e-12)
    at = np.flatnonzero(np.abs(survival - 0.5) <= 1e-12)
    if at.size:
        return float((times[at[0]] + times[below[0]]) / 2) if below.size else float(times[at[0]])
    return float(times[below[0]]) if below.size else np.inf
