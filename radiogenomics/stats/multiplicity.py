"""Many p values -> p values adjusted for their number: false discovery rate, family-wise error, permutation max-T.

NaN marks a test that could not be made: it stays NaN and does not count.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics.stats._checks import Floats, numbers, place

_P = TypeVar("_P", Floats, "pd.Series[float]")


def benjamini_hochberg(p: _P) -> _P:
    """P values -> q values that hold the false discovery rate.

    ``q_(i) = min over j >= i of m p_(j) / j``, as R's ``p.adjust(method = "BH")``.

    Parameters
    ----------
    p : array or Series, shape (m,)
        P values of one family; NaN is kept and not counted. An empty family stays empty.

    Returns
    -------
    array or Series, shape (m,)
        Q values in the order (and with the index) of `p`; never below `p`.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1] or `p` is not one-dimensional.

    References
    ----------
    Benjamini Y, Hochberg Y (1995). Journal of the Royal Statistical Society B 57:289. doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    values, known = _family(p)
    order = np.argsort(known)[::-1]
    steps = known[order] * (known.size / np.arange(known.size, 0, -1))
    return _like(p, values, order, np.minimum(np.minimum.accumulate(steps), 1.0))


def holm(p: _P) -> _P:
    """P values -> Holm's step-down adjusted p values, which hold the family-wise error.

    ``p'_(i) = max over j <= i of (m - j + 1) p_(j)``, as R's ``p.adjust(method = "holm")``.

    Parameters
    ----------
    p : array or Series, shape (m,)
        P values of one family; NaN is kept and not counted. An empty family stays empty.

    Returns
    -------
    array or Series, shape (m,)
        Adjusted p values in the order (and with the index) of `p`.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1] or `p` is not one-dimensional.

    References
    ----------
    Holm S (1979). Scandinavian Journal of Statistics 6:65.
    """
    values, known = _family(p)
    order = np.argsort(known)
    steps = known[order] * np.arange(known.size, 0, -1)
    return _like(p, values, order, np.minimum(np.maximum.accumulate(steps), 1.0))


def bonferroni(p: _P) -> _P:
    """P values -> ``min(m p, 1)``, as R's ``p.adjust(method = "bonferroni")``.

    Parameters
    ----------
    p : array or Series, shape (m,)
        P values of one family; NaN is kept and not counted. An empty family stays empty.

    Returns
    -------
    array or Series, shape (m,)
        Adjusted p values in the order (and with the index) of `p`.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1] or `p` is not one-dimensional.
    """
    values, known = _family(p)
    return _like(p, values, np.arange(known.size), np.minimum(known * known.size, 1.0))


def max_t(observed: npt.ArrayLike, permuted: npt.ArrayLike, *, step_down: bool = False) -> Floats:
    """Statistics and their permutations -> Westfall-Young p values, which hold the family-wise error under any dependence.

    Single step: ``p_j = (1 + #{b : max_k |T_bk| >= |t_j|}) / (B + 1)``. Step down: with ``|t_(1)| >= |t_(2)| >= ...`` the
    maximum for the j-th largest runs over the j-th and all smaller ones, and p never falls along that order. The observed
    data count as one of the permutations, so no p is 0.

    Parameters
    ----------
    observed : array or Series, shape (m,)
        One statistic per test, large in absolute value against the null; NaN stays NaN and does not count.
    permuted : array, shape (n_permutations, m) or (n_permutations,)
        The statistics of every permutation of the patients, or, for the single step, only their largest absolute value
        in every permutation (so that a large family need not be kept).
    step_down : bool
        Whether to step down (never larger p values; needs the two-dimensional `permuted`).

    Returns
    -------
    array, shape (m,)
        Adjusted p values, each a multiple of 1 / (B + 1).

    Raises
    ------
    ValueError
        If shapes do not fit, or a permuted statistic is NaN where the observed one is not.

    References
    ----------
    Westfall PH, Young SS (1993). Resampling-Based Multiple Testing. Wiley.
    Phipson B, Smyth GK (2010). Statistical Applications in Genetics and Molecular Biology 9:39. doi:10.2202/1544-6115.1585
    """
    statistic = np.abs(numbers(observed, "observed", missing=True))
    known = np.flatnonzero(~np.isnan(statistic))
    adjusted = np.full(statistic.size, np.nan)
    if not known.size:
        return adjusted
    null = _null(permuted, statistic.size, known, step_down)
    order = known[np.argsort(-statistic[known], kind="stable")]
    # The same permutation summed in another order may fall a last bit short of the statistic it equals.
    reached = statistic[order] * (1 - 1e-12)
    if step_down:
        columns = np.maximum.accumulate(null[:, order][:, ::-1], axis=1)[:, ::-1]
        p = np.maximum.accumulate((1 + (columns >= reached).sum(axis=0)) / (null.shape[0] + 1))
    else:
        maxima = np.sort(null if null.ndim == 1 else null[:, known].max(axis=1))
        p = (1 + maxima.size - np.searchsorted(maxima, reached, side="left")) / (maxima.size + 1)
    adjusted[order] = p
    return adjusted


def _null(permuted: npt.ArrayLike, m: int, known: npt.NDArray[np.intp], step_down: bool) -> Floats:
    null = np.abs(np.asarray(permuted, dtype=np.float64))
    if null.ndim not in (1, 2) or not null.size or (null.ndim == 2 and null.shape[1] != m):
        raise InputError(f"`permuted` has shape {null.shape}; give (n_permutations, {m}), or (n_permutations,) for the maxima.")
    if step_down and null.ndim == 1:
        raise InputError("`permuted` holds only maxima; stepping down needs every statistic, shape (n_permutations, m).")
    bad = np.isnan(null if null.ndim == 1 else null[:, known])
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise InputError(
            f"`permuted` has {int(bad.sum())} NaN, the first in permutation {row}; leave such tests out of `observed`."
        )
    return null


def _family(p: npt.ArrayLike) -> tuple[Floats, Floats]:
    values = numbers(p, "p", missing=True) if np.size(p) else np.empty(0)
    bad = (values < 0) | (values > 1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InputError(f"`p` is {values[first]:g} at {place(p, first)}; p values lie in [0, 1].")
    return values, values[~np.isnan(values)]


def _like(p: _P, values: Floats, order: npt.NDArray[np.intp], adjusted: Floats) -> _P:
    """Put adjusted values, given in `order` of the known ones, back where they came from."""
    result = np.full(values.size, np.nan)
    result[np.flatnonzero(~np.isnan(values))[order]] = adjusted
    return pd.Series(result, index=p.index, name=p.name) if isinstance(p, pd.Series) else result
