"""What a new model moves: net reclassification improvement and integrated discrimination improvement.

Both compare an old with a new probability of the same patients and give one row for events, non-events and their total.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from radiogenomics._errors import InputError
from radiogenomics.stats._checks import Bools, Floats, Ints, binary, confidence_of, probabilities


def nri(
    y_true: npt.ArrayLike,
    old: npt.ArrayLike,
    new: npt.ArrayLike,
    *,
    cutoffs: Sequence[float] = (),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Two models' probabilities -> net reclassification improvement of events, non-events and total.

    With `up` and `down` the patients who move to a higher or lower risk, ``NRI_events = (up - down) / n``,
    ``NRI_nonevents = (down - up) / n``, each with ``SE^2 = (up + down) / n^2 - (up - down)^2 / n^3``, and their sum is the
    total. Without cut-offs any change of probability is a move (continuous NRI, R's ``Hmisc::improveProb``); with them a
    move crosses a category (categorical NRI, R's ``PredictABEL::reclassification``).

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise.
    old, new : array or Series, shape (n,)
        Probabilities of the event in [0, 1], by the old and by the new model.
    cutoffs : sequence of float
        Inner limits of the risk categories, for example ``(0.2, 0.4)``; a probability on a limit belongs above it.
    confidence : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame, shape (3, 7)
        ``group`` (events, non-events, total), ``estimate, se, low, high, z, p``.

    Raises
    ------
    ValueError
        If the outcome has one class, a value is missing or outside [0, 1], lengths or labels differ, or the cut-offs do not
        ascend inside (0, 1).

    Notes
    -----
    The NRI can be positive for a new model that predicts worse; report it beside the difference of areas
    (Hilden & Gerds 2014, doi:10.1002/sim.5804).

    References
    ----------
    Pencina MJ, D'Agostino RB, D'Agostino RB Jr, Vasan RS (2008). Statistics in Medicine 27:157. doi:10.1002/sim.2929
    Pencina MJ, D'Agostino RB, Steyerberg EW (2011). Statistics in Medicine 30:11. doi:10.1002/sim.4085
    """
    event, before, after = _models(y_true, old, new)
    limits = _limits(cutoffs)
    moved = _category(after, limits) - _category(before, limits) if limits.size else after - before
    groups = [_net(moved[event]), _net(-moved[~event])]
    return _three_rows(groups, confidence_of(confidence))


def idi(y_true: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
    """Two models' probabilities -> integrated discrimination improvement of events, non-events and total.

    The mean gain in probability of events plus the mean fall of non-events; each mean has its usual standard error, the
    total the root of their summed squares, as R's ``Hmisc::improveProb``.

    Parameters
    ----------
    y_true, old, new : array or Series, shape (n,)
        As in `nri`.
    confidence : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame, shape (3, 7)
        ``group`` (events, non-events, total), ``estimate, se, low, high, z, p``. With a single event or non-event the
        standard error cannot be known and is NaN, with all that follows from it.

    Raises
    ------
    ValueError
        As `nri`.

    References
    ----------
    Pencina MJ, D'Agostino RB, D'Agostino RB Jr, Vasan RS (2008). Statistics in Medicine 27:157. doi:10.1002/sim.2929
    """
    event, before, after = _models(y_true, old, new)
    gain = after - before
    return _three_rows([_mean(gain[event]), _mean(-gain[~event])], confidence_of(confidence))


def reclassification_table(
    y_true: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike, *, cutoffs: Sequence[float]
) -> pd.DataFrame:
    """Two models' risk categories -> how many events and non-events each pair of categories holds.

    Parameters
    ----------
    y_true, old, new : array or Series, shape (n,)
        As in `nri`.
    cutoffs : sequence of float
        Inner limits of the risk categories; at least one.

    Returns
    -------
    DataFrame, shape (2 * n_categories ** 2, 4)
        ``group`` (events, non-events), ``old, new`` (the category, written ``[0.2, 0.4)``), ``n``.

    Raises
    ------
    ValueError
        As `nri`; also if there is no cut-off.
    """
    event, before, after = _models(y_true, old, new)
    limits = _limits(cutoffs)
    if not limits.size:
        raise InputError(
            "`cutoffs` is empty; a table needs at least one limit between two risk categories, for example (0.2, 0.4)."
        )
    edges = [0.0, *limits, 1.0]
    names = [f"[{low:g}, {high:g}{']' if high == 1 else ')'}" for low, high in pairwise(edges)]
    cells = _category(before, limits) * len(names) + _category(after, limits)
    parts = []
    for group, members in (("events", event), ("non-events", ~event)):
        n = np.bincount(cells[members], minlength=len(names) ** 2)
        parts.append(pd.DataFrame({"group": group, "old": np.repeat(names, len(names)), "new": names * len(names), "n": n}))
    return pd.concat(parts, ignore_index=True)


def _models(y_true: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike) -> tuple[Bools, Floats, Floats]:
    return binary(y_true), probabilities(old, y_true, "old"), probabilities(new, y_true, "new")


def _limits(cutoffs: Sequence[float]) -> Floats:
    limits = np.asarray(cutoffs, dtype=np.float64)
    if limits.ndim != 1 or not ((limits > 0) & (limits < 1)).all() or not (np.diff(limits) > 0).all():
        raise InputError(f"`cutoffs` is {list(cutoffs)}; give ascending limits inside (0, 1), without 0 and 1 themselves.")
    return limits


def _category(y_prob: Floats, limits: Floats) -> Ints:
    return np.searchsorted(limits, y_prob, side="right")


def _net(moved: Floats | Ints) -> tuple[float, float]:
    """Net share of patients who moved up, and its variance."""
    n, up, down = moved.size, int((moved > 0).sum()), int((moved < 0).sum())
    return (up - down) / n, (up + down) / n**2 - (up - down) ** 2 / n**3


def _mean(gain: Floats) -> tuple[float, float]:
    return float(gain.mean()), float(gain.var(ddof=1) / gain.size) if gain.size > 1 else np.nan


def _three_rows(groups: list[tuple[float, float]], confidence: float) -> pd.DataFrame:
    (events, of_events), (others, of_others) = groups
    estimate = np.array([events, others, events + others])
    se = np.sqrt([of_events, of_others, of_events + of_others])
    # Nobody moved: neither an estimate nor a spread, and nothing speaks against equality.
    z = np.where((se == 0) & (estimate == 0), 0.0, estimate / np.where(se == 0, np.finfo(float).tiny, se))
    half = ndtri((1 + confidence) / 2) * se
    columns = {"estimate": estimate, "se": se, "low": estimate - half, "high": estimate + half, "z": z, "p": 2 * ndtr(-np.abs(z))}
    return pd.DataFrame({"group": ["events", "non-events", "total"], **columns})
