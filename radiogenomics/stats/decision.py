"""Decision curves: is acting on a model's risk better than treating everybody or nobody, over a range of thresholds.

The threshold is the risk at which a patient would just choose treatment; its odds weigh a needless treatment against a
missed event.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics.stats._checks import Bools, Floats, binary, confidence_of, follow_up_of, numbers, probabilities

Rates: TypeAlias = Callable[[Bools, Floats], tuple[Floats, Floats]]
"""Treated patients, shape (n, n_thresholds), and weights, shape (n_samples, n), to the rates of true and false positives."""

_CELLS = 4_000_000  # of a bootstrap chunk: 32 MB of weights at a time, whatever n is
_BASE = ("all", "none")


def decision_curve(
    y_true: npt.ArrayLike,
    y_prob: Mapping[str, npt.ArrayLike] | pd.DataFrame,
    *,
    thresholds: Sequence[float] | Floats,
    n_boot: int = 0,
    random_state: int | np.random.Generator | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Probabilities of one or more models -> net benefit at every threshold, beside treating all and none.

    ``net benefit = TP / n - FP / n * t / (1 - t)`` with patients treated when ``y_prob >= t``, as in R's ``dcurves``
    and ``rmda``.

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise.
    y_prob : mapping of str to array, or DataFrame, shape (n, n_models)
        Probabilities in [0, 1] of every model, by its name.
    thresholds : sequence of float
        Threshold probabilities in [0, 1), for example ``np.arange(0.01, 0.6, 0.01)``: the range that is clinically sensible.
    n_boot : int
        Bootstrap samples of patients for a pointwise band of the net benefit; 0 draws none.
    random_state : int or numpy.random.Generator, optional
        Source of the draws; required when `n_boot` is not 0. All models share the samples.
    confidence : float
        Confidence level of the band.

    Returns
    -------
    DataFrame, shape ((n_models + 2) * n_thresholds, 10)
        ``model`` (``all``, ``none``, then the models), ``threshold, net_benefit, low, high`` (NaN without a bootstrap),
        ``standardized`` (net benefit over the prevalence: 1 is perfect), ``interventions_avoided`` (fewer treatments per
        100 patients than treating all, without missing more events; NaN at threshold 0), ``tp_rate, fp_rate`` (shares of
        all patients), ``n``.

    Raises
    ------
    ValueError
        If the outcome has one class, a value is missing or outside [0, 1], lengths or labels differ, a model is called
        ``all`` or ``none``, a threshold lies outside [0, 1), or a bootstrap has no `random_state`.

    References
    ----------
    Vickers AJ, Elkin EB (2006). Medical Decision Making 26:565. doi:10.1177/0272989X06295361
    Kerr KF, et al. (2016). Journal of Clinical Oncology 34:2534. doi:10.1200/JCO.2015.65.5654
    """
    event, models = _in_order(binary(y_true), models=_models(y_prob, y_true, "y_true"))

    def _rates(treated: Bools, weights: Floats) -> tuple[Floats, Floats]:
        size = weights.sum(axis=1, keepdims=True)
        return (weights * event) @ treated / size, (weights * ~event) @ treated / size

    return _curves(_rates, models, event.size, _thresholds(thresholds), _Bootstrap(n_boot, random_state, confidence))


def survival_decision_curve(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    y_prob: Mapping[str, npt.ArrayLike] | pd.DataFrame,
    *,
    horizon: float,
    thresholds: Sequence[float] | Floats,
    n_boot: int = 0,
    random_state: int | np.random.Generator | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Probabilities of the event before a horizon -> net benefit at every threshold, for censored outcomes.

    The share of true positives is the share treated times the Kaplan-Meier risk of those treated at the horizon, as in R's
    ``dcurves`` (Vickers et al. 2008).

    Parameters
    ----------
    time : array or Series, shape (n,)
        Follow-up of each patient, in any unit.
    event : array or Series, shape (n,)
        1 when the event ended the follow-up, 0 when it was censored.
    y_prob : mapping of str to array, or DataFrame, shape (n, n_models)
        Probabilities in [0, 1] of the event before the horizon, by model.
    horizon : float
        Time at which the risk is judged, in the unit of `time`.
    thresholds, n_boot, random_state, confidence
        As in `decision_curve`.

    Returns
    -------
    DataFrame, shape ((n_models + 2) * n_thresholds, 10)
        As `decision_curve`; NaN where no treated patient is followed up to the horizon.

    Raises
    ------
    ValueError
        As `decision_curve`; also if a time is negative, nobody has the event, or nobody is followed up to the horizon.

    References
    ----------
    Vickers AJ, Cronin AM, Elkin EB, Gonen M (2008). BMC Medical Informatics and Decision Making 8:53.
    doi:10.1186/1472-6947-8-53
    """
    follow_up, failed = _follow_up(time, event, horizon)
    failed, models = _in_order(failed, follow_up, models=_models(y_prob, time, "time"))
    follow_up = np.sort(follow_up)
    starts = np.flatnonzero(np.diff(follow_up, prepend=-np.inf))
    times = follow_up[starts]
    due = times <= horizon
    last = int(np.searchsorted(times, horizon))

    def _rates(treated: Bools, weights: Floats) -> tuple[Floats, Floats]:
        positive = weights @ treated / weights.sum(axis=1, keepdims=True)
        columns = [_risk(weights * on, failed, starts, due, last) for on in treated.T]
        risk = np.where(positive > 0, np.stack(columns, axis=1), 0.0)
        return positive * risk, positive * (1 - risk)

    return _curves(_rates, models, follow_up.size, _thresholds(thresholds), _Bootstrap(n_boot, random_state, confidence))


class _Bootstrap:
    """Draws of patients, the same for every model."""

    def __init__(self, n_boot: int, random_state: int | np.random.Generator | None, confidence: float) -> None:
        if n_boot < 0 or n_boot == 1:
            raise InputError(f"`n_boot` is {n_boot}; give 0 for no band, or at least 2 samples, usually 1000.")
        if n_boot and random_state is None:
            raise InputError(f"`n_boot` is {n_boot} but `random_state` is missing; give a whole number.")
        self.n_boot = n_boot
        self.seed = np.random.default_rng(random_state).integers(2**63) if random_state is not None else 0
        self.tails = (1 - confidence_of(confidence)) / 2, (1 + confidence) / 2

    def weights(self, n: int) -> Iterator[Floats]:
        """Yield how often each patient is drawn, in chunks of samples, shape (n_chunk, n); the same at every call."""
        rng = np.random.default_rng(self.seed)
        chunk = max(1, _CELLS // n)
        for start in range(0, self.n_boot, chunk):
            size = min(chunk, self.n_boot - start)
            drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
            yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)

    def band(self, rates: Rates, treated: Bools, odds: Floats) -> tuple[Floats, Floats]:
        """Give the percentiles of the bootstrapped net benefit; NaN where there is none."""
        nothing = np.full(odds.size, np.nan)
        if not self.n_boot:
            return nothing, nothing
        parts = [_net_benefit(*rates(treated, weights), odds) for weights in self.weights(treated.shape[0])]
        benefit = np.concatenate(parts)
        low, high = nothing, nothing.copy()
        known = ~np.isnan(benefit).all(axis=0)
        low[known], high[known] = np.nanquantile(benefit[:, known], self.tails, axis=0)
        return low, high


def _in_order(event: Bools, *first: Floats, models: dict[str, Floats]) -> tuple[Bools, dict[str, Floats]]:
    """Sort patients by follow-up where there is one, outcome and probabilities: their order shall decide of no draw."""
    order = np.lexsort([*models.values(), event, *first])
    return event[order], {name: p[order] for name, p in models.items()}


def _curves(rates: Rates, models: dict[str, Floats], n: int, thresholds: Floats, bootstrap: _Bootstrap) -> pd.DataFrame:
    odds = thresholds / (1 - thresholds)
    treated = {name: np.full((n, odds.size), name == "all") for name in _BASE}
    treated |= {name: p[:, None] >= thresholds for name, p in models.items()}
    everybody = np.ones((1, n))
    parts, of_all = [], np.zeros(odds.size)
    for name, on in treated.items():
        tp, fp = (rate[0] for rate in rates(on, everybody))
        benefit = _net_benefit(tp, fp, odds)
        if name == "all":
            prevalence, of_all = tp[0], benefit
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            avoided = np.where(odds > 0, 100 * (benefit - of_all) / odds, np.nan)
        low, high = bootstrap.band(rates, on, odds)
        columns = {"threshold": thresholds, "net_benefit": benefit, "low": low, "high": high}
        columns |= {"standardized": benefit / prevalence, "interventions_avoided": avoided, "tp_rate": tp, "fp_rate": fp}
        parts.append(pd.DataFrame({"model": name, **columns, "n": n}))
    return pd.concat(parts, ignore_index=True)


def _net_benefit(tp: Floats, fp: Floats, odds: Floats) -> Floats:
    return tp - fp * odds


def _risk(weights: Floats, failed: Bools, starts: npt.NDArray[np.intp], due: Bools, last: int) -> Floats:
    """Kaplan-Meier risk at the horizon for weighted patients in order of time; NaN when nobody is followed that far.

    `starts` are the first patients of each distinct time, `due` the times up to the horizon, `last` the first not before it.
    """
    leaving = np.add.reduceat(weights, starts, axis=1)
    deaths = np.add.reduceat(weights * failed, starts, axis=1)
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(deaths[:, due] > 0, 1 - deaths[:, due] / at_risk[:, due], 1.0)
    return np.where(at_risk[:, last] > 0, 1 - steps.prod(axis=1), np.nan)


def _follow_up(time: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> tuple[Floats, Bools]:
    follow_up, failed = follow_up_of(time, event)
    if not failed.any():
        raise InputError("`event` is 0 for every patient; nobody has the event.")
    if not 0 < horizon <= follow_up.max():
        raise InputError(f"`horizon` is {horizon:g}, the longest follow-up is {follow_up.max():g}; choose a time within it.")
    return follow_up, failed


def _models(y_prob: Mapping[str, npt.ArrayLike] | pd.DataFrame, beside: npt.ArrayLike, other: str) -> dict[str, Floats]:
    columns: dict[str, npt.ArrayLike] = {str(name): column for name, column in y_prob.items()}
    for name in _BASE:
        if name in columns:
            raise InputError(f"A model is called {name!r}, which stands for treating {name} patients; rename it.")
    if not columns:
        raise InputError("`y_prob` holds no model; give at least one, such as {'model': probabilities}.")
    return {name: probabilities(p, beside, name) for name, p in columns.items()}


def _thresholds(thresholds: Sequence[float] | Floats) -> Floats:
    values = numbers(thresholds, "thresholds")
    if not ((values >= 0) & (values < 1)).all():
        wrong = values[(values < 0) | (values >= 1)][0]
        raise InputError(f"`thresholds` holds {wrong:g}; threshold probabilities lie in [0, 1).")
    return values
