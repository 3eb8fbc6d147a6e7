"""ROC and precision-recall curves, thresholds on them, and what a threshold is worth.

A patient is called positive when ``y_score >= threshold``.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv, expit, logit, ndtri

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.stats._checks import Bools, Floats, Ints, binary, confidence_of, scores


@dataclass(frozen=True)
class AveragePrecision:
    """Area under the precision-recall curve with its interval.

    Attributes
    ----------
    average_precision, low, high : float
        Sum over thresholds of precision times the step in recall, and its interval.
    prevalence : float
        What a score without information reaches.
    n, events : int
        Patients, and patients with the event.
    """

    average_precision: float
    low: float
    high: float
    prevalence: float
    n: int
    events: int


def roc_curve(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> pd.DataFrame:
    """ROC curve -> one row per threshold, from calling everybody positive to nobody.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.

    Returns
    -------
    DataFrame, shape (n_distinct + 1, 3)
        ``threshold, sensitivity, specificity``. Thresholds ascend from -inf over the midpoints between neighbouring
        distinct scores to +inf, as in R's ``pROC::roc``.

    Raises
    ------
    ValueError
        As `auc`.
    """
    event = binary(y_true)
    threshold, positives, negatives = _called(event, scores(y_score, y_true, "y_score"))
    controls = event.size - int(event.sum())
    return pd.DataFrame(
        {"threshold": threshold, "sensitivity": positives / event.sum(), "specificity": (controls - negatives) / controls}
    )


def precision_recall_curve(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> pd.DataFrame:
    """Precision-recall curve -> one row per threshold, in ascending order of thresholds.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.

    Returns
    -------
    DataFrame, shape (n_distinct, 3)
        ``threshold, recall, precision``: recall is the sensitivity, precision the positive predictive value. The threshold
        that calls nobody positive has no precision and no row.

    Raises
    ------
    ValueError
        As `auc`.
    """
    event = binary(y_true)
    threshold, positives, negatives = (column[:-1] for column in _called(event, scores(y_score, y_true, "y_score")))
    return pd.DataFrame(
        {"threshold": threshold, "recall": positives / event.sum(), "precision": positives / (positives + negatives)}
    )


def average_precision(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, confidence: float = 0.95) -> AveragePrecision:
    """Area under the precision-recall curve -> average precision with a logit interval.

    ``AP = sum (R_i - R_{i+1}) P_i`` without interpolation, as in scikit-learn; the interval is
    ``expit(logit(AP) +- z / sqrt(m AP (1 - AP)))`` with m events (Boyd et al. 2013), and [AP, AP] at 1.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.
    confidence : float
        Confidence level of the interval.

    Returns
    -------
    AveragePrecision
        Estimate, interval, and the prevalence it is to be compared with.

    Raises
    ------
    ValueError
        As `auc`.

    References
    ----------
    Boyd K, Eng KH, Page CD (2013). ECML PKDD, LNCS 8190:451. doi:10.1007/978-3-642-40994-3_29
    """
    curve = precision_recall_curve(y_true, y_score)
    event = binary(y_true)
    steps = -np.diff(curve["recall"], append=0.0)
    value = min(float(steps @ curve["precision"]), 1.0)
    low = high = value
    if value < 1:
        half = ndtri((1 + confidence_of(confidence)) / 2) / np.sqrt(event.sum() * value * (1 - value))
        low, high = (float(expit(logit(value) + side * half)) for side in (-1, 1))
    return AveragePrecision(value, low, high, float(event.mean()), event.size, int(event.sum()))


def youden_threshold(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """ROC curve -> the threshold with the largest sensitivity + specificity; the lowest of several.

    A threshold chosen on the patients it is then judged on flatters: choose it on training patients.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.

    Returns
    -------
    float
        A midpoint between two scores, as in R's ``pROC::coords(best.method = "youden")``.

    Raises
    ------
    ValueError
        As `auc`.

    References
    ----------
    Youden WJ (1950). Cancer 3:32.
    """
    event = binary(y_true)
    threshold, positives, negatives = _called(event, scores(y_score, y_true, "y_score"))
    cases = int(event.sum())
    # Whole numbers, so that equal sums tie exactly: sensitivity + specificity times cases times controls, less a constant.
    return float(threshold[np.argmax(positives * (event.size - cases) - negatives * cases)])


def fixed_sensitivity_threshold(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, sensitivity: float) -> float:
    """ROC curve -> the highest threshold that still has at least the asked sensitivity.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.
    sensitivity : float
        Share of cases that must be called positive, in (0, 1].

    Returns
    -------
    float
        A midpoint between two scores; of all thresholds with that sensitivity it has the best specificity.

    Raises
    ------
    ValueError
        As `auc`; also if `sensitivity` lies outside (0, 1].
    """
    if not 0 < sensitivity <= 1:
        raise InputError(f"`sensitivity` is {sensitivity}; give a share in (0, 1], for example 0.9.")
    event = binary(y_true)
    threshold, positives, _ = _called(event, scores(y_score, y_true, "y_score"))
    # A ratio such as 0.9 is not exact in binary: 9 of 10 cases must satisfy it.
    enough = positives / event.sum() >= sensitivity - 1e-12
    return float(threshold[np.flatnonzero(enough)[-1]])


def at_threshold(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    threshold: float,
    *,
    interval: Literal["exact", "wilson"] = "exact",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Scores cut at one threshold -> accuracy, sensitivity, specificity, PPV and NPV, each with its interval.

    Parameters
    ----------
    y_true, y_score : array or Series, shape (n,)
        As in `auc`.
    threshold : float
        A patient is called positive when ``y_score >= threshold``.
    interval : {"exact", "wilson"}
        Clopper & Pearson's exact binomial interval (R's ``binom.test``), or Wilson's (``prop.test(correct = FALSE)``).
    confidence : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame, shape (5, 6)
        ``measure, value, low, high, numerator, denominator``; NaN where the denominator is 0 (nobody called positive).

    Raises
    ------
    ValueError
        As `auc`; also if the threshold is NaN or `interval` is unknown.

    References
    ----------
    Clopper CJ, Pearson ES (1934). Biometrika 26:404. doi:10.1093/biomet/26.4.404
    Wilson EB (1927). Journal of the American Statistical Association 22:209. doi:10.1080/01621459.1927.10502953
    """
    check_choice(interval, "interval", ("exact", "wilson"))
    event = binary(y_true)
    if np.isnan(threshold):
        raise InputError("`threshold` is NaN; give a number on the scale of the score.")
    called = scores(y_score, y_true, "y_score") >= threshold
    parts = {
        "accuracy": (called == event, np.ones_like(event)),
        "sensitivity": (called & event, event),
        "specificity": (~called & ~event, ~event),
        "ppv": (called & event, called),
        "npv": (~called & ~event, ~called),
    }
    rows = []
    for name, (right, base) in parts.items():
        count, n = int(right.sum()), int(base.sum())
        rows.append((name, *proportion(count, n, interval, confidence), count, n))
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "numerator", "denominator"])


def proportion(count: int, n: int, interval: str, confidence: float) -> tuple[float, float, float]:
    """Give count / n with its exact or Wilson interval; NaN when n is 0."""
    if n == 0:
        return np.nan, np.nan, np.nan
    share, tail = count / n, (1 - confidence_of(confidence)) / 2
    if interval == "exact":
        low = betaincinv(count, n - count + 1, tail) if count > 0 else 0.0
        high = betaincinv(count + 1, n - count, 1 - tail) if count < n else 1.0
        return share, float(low), float(high)
    z = ndtri(1 - tail)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def _called(event: Bools, y_score: Floats) -> tuple[Floats, Ints, Ints]:
    """Give every threshold with the cases and the controls called positive at it, thresholds ascending."""
    distinct, group = np.unique(y_score, return_inverse=True)
    middle = distinct[:-1] + np.diff(distinct) / 2
    # Between two neighbouring floats there is no midpoint: the upper one then separates them.
    threshold = np.concatenate([[-np.inf], np.where(middle > distinct[:-1], middle, distinct[1:]), [np.inf]])
    positives, negatives = (_from_above(np.bincount(group[kind], minlength=distinct.size)) for kind in (event, ~event))
    return threshold, positives, negatives


def _from_above(counts: Ints) -> Ints:
    return np.append(np.cumsum(counts[::-1])[::-1], 0)
