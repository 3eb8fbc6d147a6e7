"""Do two readings of the same subjects agree: Bland-Altman's limits and Cohen's kappa."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri, stdtrit

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.stats._checks import confidence_of, numbers, same_patients


@dataclass(frozen=True)
class BlandAltman:
    """Bias of one method against another, and its limits of agreement.

    Attributes
    ----------
    bias, bias_low, bias_high : float
        Mean of first minus second, and its interval.
    sd : float
        Standard deviation of the differences.
    lower, lower_low, lower_high : float
        Lower limit of agreement, bias - z sd, and its interval.
    upper, upper_low, upper_high : float
        Upper limit of agreement, bias + z sd, and its interval.
    n : int
        Pairs.
    """

    bias: float
    bias_low: float
    bias_high: float
    sd: float
    lower: float
    lower_low: float
    lower_high: float
    upper: float
    upper_low: float
    upper_high: float
    n: int


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa with its interval and test.

    Attributes
    ----------
    kappa, low, high : float
        Chance-corrected agreement and its interval.
    se : float
        Standard error of the estimate.
    z, p : float
        Test against a kappa of 0, with the standard error under that hypothesis.
    n : int
        Pairs of readings.
    """

    kappa: float
    low: float
    high: float
    se: float
    z: float
    p: float
    n: int


def bland_altman(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> BlandAltman:
    """Two measurements of the same subjects -> bias and limits of agreement, each with its interval.

    Limits are ``bias +- z sd`` with z the normal quantile of the level; the standard error of a limit is
    ``sd sqrt(1/n + z^2 / (2 (n - 1)))`` with Student's t (Bland & Altman 1999).

    Parameters
    ----------
    first, second : array or Series, shape (n,)
        The measurements, in one unit.
    confidence : float
        Share of differences between the limits, and confidence level of the intervals.

    Returns
    -------
    BlandAltman
        In the unit of the measurements.

    Raises
    ------
    ValueError
        If a value is missing, lengths or labels differ, or there are fewer than two pairs.

    References
    ----------
    Bland JM, Altman DG (1999). Statistical Methods in Medical Research 8:135. doi:10.1177/096228029900800204
    """
    one, two = numbers(first, "first"), numbers(second, "second")
    same_patients(second, first, "second", "first")
    n = one.size
    if n < 2:
        raise InputError("`first` has one value; limits of agreement need at least two pairs.")
    difference = one - two
    bias, sd, z = float(difference.mean()), float(difference.std(ddof=1)), float(ndtri((1 + confidence_of(confidence)) / 2))
    t = float(stdtrit(n - 1, (1 + confidence) / 2)) * sd
    half, wide = t * n**-0.5, t * (1 / n + z**2 / (2 * (n - 1))) ** 0.5
    lower, upper = ((limit, limit - wide, limit + wide) for limit in (bias - z * sd, bias + z * sd))
    return BlandAltman(bias, bias - half, bias + half, sd, *lower, *upper, n)


def cohen_kappa(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    weights: Literal["none", "linear", "quadratic"] = "none",
    categories: Sequence[object] | None = None,
    confidence: float = 0.95,
) -> Kappa:
    """Two readers' categories of the same subjects -> Cohen's kappa, its interval and test.

    Parameters
    ----------
    first, second : array or Series, shape (n,)
        Categories, as numbers, words or Booleans.
    weights : {"none", "linear", "quadratic"}
        How disagreement grows with the distance of two ordered categories.
    categories : sequence, optional
        All categories in their order; left out, those that occur, sorted. Needed for weights when words do not sort in
        their order, or when a middle category does not occur.
    confidence : float
        Confidence level of the interval.

    Returns
    -------
    Kappa
        With the large-sample standard errors of Fleiss, Cohen & Everitt (1969).

    Raises
    ------
    ValueError
        If lengths or labels differ, a category is missing or not among `categories`, or both readers know one category only.

    References
    ----------
    Cohen J (1968). Psychological Bulletin 70:213. doi:10.1037/h0026256
    Fleiss JL, Cohen J, Everitt BS (1969). Psychological Bulletin 72:323. doi:10.1037/h0028106
    """
    check_choice(weights, "weights", ("none", "linear", "quadratic"))
    same_patients(second, first, "second", "first")
    one, two = pd.Series(first).reset_index(drop=True), pd.Series(second).reset_index(drop=True)
    table = _square_table(one, two, categories)
    from statsmodels.stats.inter_rater import cohens_kappa

    result = cohens_kappa(table, wt=None if weights == "none" else weights)
    half = ndtri((1 + confidence_of(confidence)) / 2) * result.std_kappa
    kappa, p = float(result.kappa), float(result.pvalue_two_sided)
    return Kappa(kappa, float(kappa - half), float(kappa + half), float(result.std_kappa), float(result.z_value), p, len(one))


def _square_table(one: pd.Series, two: pd.Series, categories: Sequence[object] | None) -> npt.NDArray[np.int64]:
    for name, column in (("first", one), ("second", two)):
        if column.isna().any():
            raise InputError(f"`{name}` has {int(column.isna().sum())} missing value(s); drop those subjects first.")
    known = list(categories) if categories is not None else sorted(set(one) | set(two))
    strange = (set(one) | set(two)) - set(known)
    if strange:
        raise InputError(f"{sorted(map(str, strange))[0]!r} is not among `categories` ({', '.join(map(str, known))}).")
    if len(set(one) | set(two)) < 2:
        raise InputError(f"Both readers say {one.tolist()[0]!r} every time; kappa needs at least two categories.")
    position = {category: index for index, category in enumerate(known)}
    cells = one.map(position).to_numpy() * len(known) + two.map(position).to_numpy()
    return np.bincount(cells, minlength=len(known) ** 2).reshape(len(known), len(known))
