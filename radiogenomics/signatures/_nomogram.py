"""A logistic model as a nomogram: how many points each value gives, and which risk the total means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from radiogenomics._errors import InputError

Floats = NDArray[np.float64]

RISKS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_FEW = 10
"""A continuous term with at most this many distinct values shows those, as rms does."""


@dataclass(frozen=True)
class Nomogram:
    """Points on the scale of R's ``rms::nomogram``: 100 for the term with the widest effect.

    Attributes
    ----------
    points : DataFrame
        ``term, value, linear, points``: one row per tick; `value` is a number, or a level of a factor.
    total : DataFrame
        ``total_points, linear, risk``: the risks asked for that the training patients reach.
    points_per_unit : float
        Points per unit of the linear predictor.
    """

    points: pd.DataFrame
    total: pd.DataFrame
    points_per_unit: float


@dataclass(frozen=True)
class Axis:
    """One term: the values its axis shows, and what each adds to the linear predictor."""

    term: str
    values: Sequence[Any]
    linear: Floats


def continuous_axis(term: str, values: Floats, coefficient: float) -> Axis:
    """Lay the axis of a continuous term over the range of the training patients, extended to round ticks."""
    distinct = np.unique(values)
    ticks = distinct if len(distinct) <= _FEW else pretty(distinct[0], distinct[-1], 10)
    return Axis(term, [float(tick) for tick in ticks], ticks * coefficient)


def build_nomogram(axes: Sequence[Axis], intercept: float, linear: Floats, risks: Sequence[float]) -> Nomogram:
    """Turn the axes of a logistic model into points.

    Parameters
    ----------
    axes : sequence of Axis
        One a term.
    intercept : float
        The model's intercept.
    linear : array, shape (n_patients,)
        Linear predictors of the training patients; risks beyond their range, extended to ticks of some 10 intervals, are left
        out.
    risks : sequence of float
        The risks to mark.

    Returns
    -------
    Nomogram
        Points and totals.

    Raises
    ------
    ValueError
        If no term has any effect, or a risk is not between 0 and 1.

    References
    ----------
    F. E. Harrell, Regression modeling strategies, 2nd ed., Springer 2015, chapter 5. doi:10.1007/978-3-319-19425-7
    """
    widest = max((float(np.ptp(axis.linear)) for axis in axes), default=0.0)
    if widest == 0:
        raise InputError("No term changes the linear predictor; a nomogram needs at least one with a coefficient.")
    wrong = [risk for risk in risks if not 0 < risk < 1]
    if wrong:
        raise InputError(f"`risks` holds {wrong[0]}; risks lie between 0 and 1.")
    scale = 100 / widest
    parts = [
        pd.DataFrame({"term": axis.term, "value": pd.Series(list(axis.values), dtype=object), "linear": axis.linear}).assign(
            points=scale * (axis.linear - axis.linear.min())
        )
        for axis in axes
    ]
    least = intercept + sum(float(axis.linear.min()) for axis in axes)
    # rms marks its axis of the linear predictor with `nint` = 10 intervals, and risks within that axis.
    reach = pretty(float(linear.min()), float(linear.max()), 10)
    shown = np.array([logit(risk) for risk in risks if reach[0] <= logit(risk) <= reach[-1]])
    total = pd.DataFrame({"total_points": scale * (shown - least), "linear": shown, "risk": expit(shown)})
    return Nomogram(pd.concat(parts, ignore_index=True), total, scale)


def pretty(low: float, high: float, n: int) -> Floats:
    """Cover a range with about `n` steps of 1, 2 or 5 times a power of ten, as R's ``pretty`` -> ascending ticks."""
    if high <= low:
        return np.array([low])
    cell = (high - low) / n
    base = 10.0 ** np.floor(np.log10(cell))
    unit = base
    # The larger unit wins although it is farther off: by 1.5 for 2 and 10, by 2.75 for 5 (R's help page of `pretty`).
    for factor, bias in ((2, 1.5), (5, 2.75), (10, 1.5)):
        if factor * base - cell < bias * (cell - unit):
            unit = factor * base
    first, last = np.floor(low / unit + 1e-10), np.ceil(high / unit - 1e-10)
    ticks: Floats = np.arange(first, last + 1) * unit
    return ticks
