"""Kernel of the LASSO path: coordinate descent for penalised logistic regression, compiled by numba."""

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST_PASSES = 10_000
_LEAP_AFTER = 10
_MOST_NEWTON = 50


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _probabilities(X: Floats, intercept: float, beta: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = intercept
    for j in range(len(beta)):
        if beta[j] != 0.0:
            for i in range(len(out)):
                out[i] += beta[j] * X[j, i]
    for i in range(len(out)):
        out[i] = 1.0 / (1.0 + np.exp(-out[i]))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _deviance(y: Floats, p: Floats) -> float:
    total = 0.0
    for i in range(len(y)):
        q = min(max(p[i] if y[i] > 0.5 else 1.0 - p[i], 1e-9), 1.0)
        total -= 2.0 * np.log(q)
    return total


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _pass(
    X: Floats, weight: Floats, residual: Floats, beta: Floats, members: NDArray[np.bool_], curve: Floats, penalty: float
) -> float:
    """Update every member coefficient once -> the largest change of the objective."""
    n, largest = len(weight), 0.0
    for j in range(len(beta)):
        if not members[j] or curve[j] <= 0.0:
            continue
        gradient = 0.0
        for i in range(n):
            gradient += X[j, i] * residual[i]
        pull = gradient / n + curve[j] * beta[j]
        new = np.sign(pull) * max(abs(pull) - penalty, 0.0) / curve[j]
        step = new - beta[j]
        if step != 0.0:
            beta[j] = new
            for i in range(n):
                residual[i] -= step * weight[i] * X[j, i]
            largest = max(largest, curve[j] * step * step)
    return largest


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _leap(X: Floats, weight: Floats, residual: Floats, beta: Floats, penalty: float) -> float:
    """Solve for the coefficients in use at once, their signs held; one that meets zero leaves -> the intercept's step.

    Coordinate descent crawls where features are nearly copies of one another; this does not.
    """
    n, intercept = len(weight), 0.0
    while True:
        used = np.flatnonzero(beta)
        k = len(used)
        rows = np.ones((k + 1, n))
        pull = np.empty(k + 1)
        for a in range(k):
            rows[a] = X[used[a]]
        for a in range(k + 1):
            pull[a] = np.dot(rows[a], residual) / n - (penalty * np.sign(beta[used[a]]) if a < k else 0.0)
        curve = np.dot(rows * weight, rows.T) / n
        for a in range(k):
            curve[a, a] += 1e-9 * weight.mean()  # exact copies have no unique solution
        step = np.linalg.solve(curve, pull)
        share, gone = 1.0, -1
        for a in range(k):
            if beta[used[a]] * (beta[used[a]] + share * step[a]) < 0.0:
                share, gone = -beta[used[a]] / step[a], a
        for a in range(k):
            beta[used[a]] += share * step[a]
        intercept += share * step[k]
        residual -= share * weight * np.dot(rows.T, step)
        if gone < 0:
            return float(intercept)
        beta[used[gone]] = 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _quadratic(
    X: Floats,
    weight: Floats,
    residual: Floats,
    start: float,
    beta: Floats,
    strong: NDArray[np.bool_],
    penalty: float,
    tolerance: float,
) -> float:
    """Minimise the quadratic approximation over the strong set, mostly on the coefficients in use -> the intercept."""
    n, intercept, total = len(weight), start, weight.sum()
    curve = np.zeros(len(beta))
    for j in range(len(beta)):
        if strong[j]:
            for i in range(n):
                curve[j] += weight[i] * X[j, i] ** 2 / n
    members, whole = strong, True
    for turn in range(_MOST_PASSES):
        if turn % _LEAP_AFTER == _LEAP_AFTER - 1:
            intercept += _leap(X, weight, residual, beta, penalty)
        largest = _pass(X, weight, residual, beta, members, curve, penalty)
        step = residual.sum() / total
        intercept += step
        for i in range(n):
            residual[i] -= step * weight[i]
        largest = max(largest, total / n * step * step)
        if largest >= tolerance:
            members, whole = (beta != 0.0) & strong, False
        elif whole:
            break
        else:
            members, whole = strong, True
    return intercept


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _one_penalty(
    X: Floats, y: Floats, intercept: float, beta: Floats, p: Floats, strong: NDArray[np.bool_], penalty: float, tolerance: float
) -> float:
    """Solve for one penalty by Newton steps; features that the strong rule left out wrongly are taken in -> the intercept."""
    n = len(y)
    while True:
        for _ in range(_MOST_NEWTON):
            old, before = beta.copy(), intercept
            weight = np.maximum(p * (1.0 - p), 1e-9)
            intercept = _quadratic(X, weight, y - p, intercept, beta, strong, penalty, tolerance)
            _probabilities(X, intercept, beta, p)
            change = (intercept - before) ** 2 * weight.sum() / n
            for j in range(len(beta)):
                change = max(change, (beta[j] - old[j]) ** 2 * weight.sum() / n)
            if change < tolerance:
                break
        clean = True
        for j in range(len(beta)):
            if not strong[j]:
                gradient = 0.0
                for i in range(n):
                    gradient += X[j, i] * (y[i] - p[i])
                if abs(gradient) / n > penalty * (1.0 + 1e-9):
                    strong[j], clean = True, False
        if clean:
            return intercept


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def descend(X: Floats, y: Floats, penalties: Floats, tolerance: float) -> tuple[Floats, Floats, Floats]:
    """Follow the LASSO from the largest penalty down.

    Parameters
    ----------
    X : array, shape (n_features, n_patients)
        One row per feature, mean 0 and mean square 1 (constant rows zero).
    y : array, shape (n_patients,)
        0 or 1.
    penalties : array, shape (n_penalties,)
        Descending.
    tolerance : float
        Largest change of the objective at which a loop ends.

    Returns
    -------
    tuple of arrays
        Intercepts (k,), coefficients (k, n_features) and explained share of the deviance (k,); k is smaller than the number
        of penalties when the path ended early: 99.9 % explained, or a gain below 1e-5.
    """
    n_features, n = X.shape
    intercepts, betas = np.zeros(len(penalties)), np.zeros((len(penalties), n_features))
    explained = np.zeros(len(penalties))
    mean = y.mean()
    intercept, beta, p = np.log(mean / (1.0 - mean)), np.zeros(n_features), np.full(n, mean)
    null, last = _deviance(y, p), penalties[0]
    for k in range(len(penalties)):
        strong = beta != 0.0
        for j in range(n_features):
            gradient = 0.0
            for i in range(n):
                gradient += X[j, i] * (y[i] - p[i])
            # The sequential strong rule (Tibshirani et al. 2012).
            strong[j] |= abs(gradient) / n >= 2.0 * penalties[k] - last
        intercept, last = _one_penalty(X, y, intercept, beta, p, strong, penalties[k], tolerance), penalties[k]
        intercepts[k], betas[k], explained[k] = intercept, beta, 1.0 - _deviance(y, p) / null
        if k >= 5 and (explained[k] > 0.999 or explained[k] - explained[k - 1] < 1e-5):
            return intercepts[: k + 1], betas[: k + 1], explained[: k + 1]
    return intercepts, betas, explained
