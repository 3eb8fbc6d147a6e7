"""Separation: predictors that divide the outcome so well that logistic regression has no finite answer."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Separation = Literal["none", "quasi", "complete"]
_TOLERANCE = 1e-7


class SeparationWarning(UserWarning):
    """The outcome is separated by the predictors: odds ratios are not finite."""


def separation(predictors: NDArray[np.float64], outcome: NDArray[np.int64]) -> Separation:
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
    scale = predictors.std(axis=0)
    z = (predictors - predictors.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    signed = np.where(outcome == 1, 1.0, -1.0)[:, None] * np.column_stack([np.ones(len(z)), z])
    return _divided(signed)


def _divided(signed: NDArray[np.float64]) -> Separation:
    n, k = signed.shape
    # The largest sum of margins inside a box, no margin negative: zero when only the null direction is left.
    weak: Any = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(n), bounds=(-1.0, 1.0), method="highs")
    if signed.sum(axis=0) @ weak.x <= _TOLERANCE * n:
        return "none"
    # Complete when every margin can be made positive at once: the smallest one is the last variable.
    wall, goal = np.column_stack([-signed, np.ones(n)]), np.append(np.zeros(k), -1.0)
    strict: Any = linprog(goal, A_ub=wall, b_ub=np.zeros(n), bounds=[(-1.0, 1.0)] * k + [(0.0, 1.0)], method="highs")
    return "complete" if strict.x[-1] > _TOLERANCE else "quasi"
