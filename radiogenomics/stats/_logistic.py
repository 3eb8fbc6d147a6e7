"""Logistic regression by Newton's method, plain or with Firth's penalty, on arrays."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from radiogenomics._errors import InputError
from radiogenomics.stats._checks import Bools, Floats

_STEPS, _HALVINGS, _LONGEST = 200, 40, 5.0
# With the augmented information Firth's iteration converges linearly, the more slowly the more the data separate.
_FIRTH_STEPS = 5000


@dataclass(frozen=True)
class Fit:
    """Coefficients, the (penalised) log-likelihood they reach, and the inverse information there."""

    coefficients: Floats
    log_likelihood: float
    covariance: Floats


def fit_logistic(
    design: Floats,
    event: Bools,
    *,
    offset: Floats | float = 0.0,
    firth: bool = False,
    start: Floats | None = None,
    held: int | None = None,
) -> Fit:
    """Maximise the (penalised) likelihood over the columns of a design -> coefficients, shape (n_columns,).

    With `held`, that coefficient stays where it starts while the penalty still sees the whole information: a point of the
    profile likelihood. Raises ValueError when the information is singular or the iteration did not converge (separated
    data without penalty).
    """
    beta = np.zeros(design.shape[1]) if start is None else start
    free = np.arange(design.shape[1]) != (-1 if held is None else held)
    value, score, information = likelihood(design, event, beta, offset, firth)
    for _ in range(_FIRTH_STEPS if firth else _STEPS):
        step = np.zeros_like(beta)
        step[free] = _solve(information[np.ix_(free, free)], score[free])
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        for _ in range(_HALVINGS):
            new = likelihood(design, event, beta + step, offset, firth)
            if new[0] >= value - 1e-12 * abs(value):
                break
            step /= 2
        beta = beta + step
        value, score, information = new
        if np.abs(step).max() <= 1e-10 * (1 + np.abs(beta).max()):
            return Fit(beta, value, _inverse(information))
    raise InputError(
        "The logistic regression did not converge: a combination of the predictors separates events from non-events; "
        "drop predictors or use FirthLogisticRegression."
    )


def likelihood(design: Floats, event: Bools, beta: Floats, offset: Floats | float, firth: bool) -> tuple[float, Floats, Floats]:
    """Give the log-likelihood, its (modified) score and the information at `beta`.

    Firth's penalty adds ``log |I| / 2`` to the log-likelihood and ``h (1/2 - p)`` to the residuals, with h the leverages
    of the weighted design (Heinze & Schemper 2002, equation 2): as if each patient came 1 + h times, h of them half with
    and half without the event. The information returned is that of these augmented data, as logistf's.
    """
    linear = design @ beta + offset
    p = expit(linear)
    weight = p * (1 - p)
    information = design.T @ (weight[:, None] * design)
    value = float(np.where(event, log_expit(linear), log_expit(-linear)).sum())
    if not firth:
        return value, design.T @ (event - p), information
    sign, log_determinant = np.linalg.slogdet(information)
    if sign <= 0:
        return -np.inf, design.T @ (event - p), information
    leverage = weight * np.einsum("ij,ij->i", design, _solve(information, design.T).T)
    augmented = design.T @ ((weight * (1 + leverage))[:, None] * design)
    return value + log_determinant / 2, design.T @ (event - p + leverage * (0.5 - p)), augmented


def _solve(matrix: Floats, right: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise InputError(_SINGULAR) from None


def _inverse(matrix: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise InputError(_SINGULAR) from None


_SINGULAR = (
    "The logistic regression has no unique solution: a predictor is constant, a copy of others, or separates events from "
    "non-events; drop such predictors."
)
