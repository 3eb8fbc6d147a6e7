"""Cox's partial likelihood with Efron's handling of ties, and its maximum by Newton's method, on arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.stats._checks import Bools, Floats

_STEPS, _HALVINGS = 30, 30
_WIDEST = 600.0  # hazards that differ by more than the exponential of this leave the range of numbers
_CLOSE = 1e-6
_SINGULAR = 1e-10


@dataclass(frozen=True, eq=False)
class Point:
    """The partial likelihood at one vector of coefficients.

    Attributes
    ----------
    log_likelihood : float
        Minus infinity where the hazards differ beyond the range of numbers.
    residuals : array, shape (n_times, n_covariates)
        Schoenfeld's residuals, summed over the events of each time; their sum is the score.
    information : array, shape (n_times, n_covariates, n_covariates)
        Each time's share of the information.
    """

    log_likelihood: float
    residuals: Floats
    information: Floats


@dataclass(frozen=True, eq=False)
class CoxFit:
    """The coefficients with the largest partial likelihood, and the point they reach.

    Attributes
    ----------
    coefficients, covariance : array
        Per unit of the covariates given, and their inverse information.
    log_likelihood_null : float
        Without covariates.
    times : array, shape (n_times,)
        The distinct times with an event, ascending.
    point : Point
        At the coefficients.
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood_null: float
    times: Floats
    point: Point


def fit_partial_likelihood(x: Floats, time: Floats, failed: Bools, names: Sequence[object]) -> CoxFit:
    """Maximise the partial likelihood of standardised covariates, until a step changes nothing.

    Raises ValueError, naming covariates, where there is no finite or no unique maximum.
    """
    cohort = _Cohort(x, time, failed)
    beta = np.zeros(x.shape[1])
    here = start = cohort.at(beta)
    for _ in range(_STEPS):
        beta, here, step = _uphill(cohort, beta, here, names)
        if np.abs(step).max() <= _CLOSE * (1 + np.abs(beta).max()):
            # Newton's method doubles the correct digits with every step: one more leaves rounding alone.
            beta, here, _ = _uphill(cohort, beta, here, names)
            covariance = np.linalg.inv(here.information.sum(axis=0))
            return CoxFit(beta, covariance, start.log_likelihood, cohort.times, here)
    running = [name for name, change in zip(names, np.abs(step), strict=True) if change > 0.1 * np.abs(step).max()]
    raise InputError(
        f"The Cox regression did not converge: {summarise(running)} separate(s) those with the event from the others at risk, as "
        "a rare level without events does, and no finite coefficient is the best; join levels or drop it."
    )


def _uphill(cohort: "_Cohort", beta: Floats, here: Point, names: Sequence[object]) -> tuple[Floats, Point, Floats]:
    """Take Newton's step, shortened until the likelihood does not fall -> new coefficients, their point, the step."""
    step = _newton(here, names)
    for _ in range(_HALVINGS):
        there = cohort.at(beta + step)
        if there.log_likelihood >= here.log_likelihood - 1e-12 * abs(here.log_likelihood):
            break
        step = step / 2
    return beta + step, there, step


def _newton(point: Point, names: Sequence[object]) -> Floats:
    information = point.information.sum(axis=0)
    scale = np.sqrt(np.diag(information).clip(min=np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    if values[0] < _SINGULAR:
        guilty = [name for name, weight in zip(names, np.abs(vectors[:, 0]), strict=True) if weight > 0.1]
        raise InputError(
            f"The Cox regression did not converge: {summarise(guilty)} cannot be told apart among those at risk at the events, "
            "one is constant there or a combination of others; drop it."
        )
    return np.asarray(vectors @ ((vectors.T @ (point.residuals.sum(axis=0) / scale)) / values) / scale, dtype=np.float64)


class _Cohort:
    """Patients from the last follow-up to the first, so that those at risk at a time are the first ones."""

    def __init__(self, x: Floats, time: Floats, failed: Bools) -> None:
        order = np.argsort(-time, kind="stable")
        self.x, falling = x[order], -time[order]
        self.events = np.flatnonzero(failed[order])
        times, self.first, self.group, counts = np.unique(
            falling[self.events], return_index=True, return_inverse=True, return_counts=True
        )
        self.last = np.searchsorted(falling, times, side="right") - 1
        # Of d tied events, each further one faces a risk set without a further d-th of them (Efron 1977).
        self.share = (np.arange(self.events.size) - self.first[self.group]) / counts[self.group]
        self.times: Floats = -times[::-1]

    def at(self, beta: Floats) -> Point:
        """Evaluate the likelihood, its residuals and its information."""
        linear = (self.x * beta).sum(axis=1)
        if not np.ptp(linear) < _WIDEST:
            return Point(-np.inf, np.empty(0), np.empty(0))
        linear = linear - linear.max()
        risk = np.exp(linear)
        weighted = risk[:, None] * self.x
        s0, s1, s2 = (self._at_risk(moment) for moment in (risk, weighted, weighted[:, :, None] * self.x[:, None, :]))
        mean = s1 / s0[:, None]
        information = s2 / s0[:, None, None] - mean[:, :, None] * mean[:, None, :]
        value = float(linear[self.events].sum() - np.log(s0).sum())
        return Point(value, self._by_time(self.x[self.events] - mean), self._by_time(information))

    def _at_risk(self, moment: Floats) -> Floats:
        """Sum a moment over those at risk at each event, tied events partly left out."""
        tied = np.add.reduceat(moment[self.events], self.first, axis=0)
        total = np.cumsum(moment, axis=0)[self.last]
        share = self.share.reshape(-1, *[1] * (moment.ndim - 1))
        return np.asarray(total[self.group] - share * tied[self.group])

    def _by_time(self, values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, self.first, axis=0)[::-1])
