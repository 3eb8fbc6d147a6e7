"""Separation: predictors that divide the outcome so well that logistic regression has no finite answer."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from radiogenomics.stats._checks import Floats

Separation = Literal["none", "quasi", "complete"]
_TOLERANCE = 1e-7


def separation(predictors: Floats, outcome: NDArray[np.int64]) -> Separation:
    """Find whether a line divides the outcome, by linear programming.

    Parameters
    ----------
    predictors : ndarray, shape (n_patients, n_predictors)
        The columns of the regression, without the constant.
    outcome : ndarray of int, shape (n_patients,)
        0 or 1.

    Returns
    -------
    {"none", "quasi", "complete"}
        "complete": some direction puts all cases above all others. "quasi": some direction does so but for ties on the
        line. In both the maximum likelihood estimate does not exist.

    References
    ----------
    Albert & Anderson (1984), doi:10.1093/biomet/71.1.1. Konis (2007), Linear programming algorithms for detecting separated data
    in binary logistic regression models.
    """
    signed = _signed(predictors, outcome)
    return _kind(signed) if _direction(signed).any() else "none"


def separating_predictors(predictors: Floats, outcome: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which predictors take part in a division of the outcome, such as a rare level without events.

    Parameters
    ----------
    predictors, outcome
        As in `separation`.

    Returns
    -------
    ndarray of bool, shape (n_predictors,)
        All False where nothing separates, and a finite maximum likelihood estimate exists.
    """
    return np.asarray(np.abs(_direction(_signed(predictors, outcome))[1:]) > _TOLERANCE)


def _signed(predictors: Floats, outcome: NDArray[np.int64]) -> Floats:
    """Standardise the predictors, put the constant first, and turn those without the event round."""
    scale = predictors.std(axis=0)
    z = (predictors - predictors.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    return np.asarray(np.where(outcome == 1, 1.0, -1.0)[:, None] * np.column_stack([np.ones(len(z)), z]))


def _direction(signed: Floats) -> Floats:
    """Find the direction in a box with the largest sum of margins, none negative -> all 0 where there is none."""
    from scipy.optimize import linprog

    n = len(signed)
    weak: Any = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(n), bounds=(-1.0, 1.0), method="highs")
    separated = signed.sum(axis=0) @ weak.x > _TOLERANCE * n
    return np.asarray(weak.x if separated else np.zeros_like(weak.x))


def _kind(signed: Floats) -> Separation:
    """Tell complete from quasi: every margin can be made positive at once, the smallest one is the last variable."""
    from scipy.optimize import linprog

    n, k = signed.shape
    wall, goal = np.column_stack([-signed, np.ones(n)]), np.append(np.zeros(k), -1.0)
    strict: Any = linprog(goal, A_ub=wall, b_ub=np.zeros(n), bounds=[(-1.0, 1.0)] * k + [(0.0, 1.0)], method="highs")
    return "complete" if strict.x[-1] > _TOLERANCE else "quasi"
