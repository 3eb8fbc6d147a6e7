"""Which power makes the network scale-free."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.modules.correlation import Correlation, row_blocks
from radiogenomics.modules.inplace import in_stripes
from radiogenomics.modules.inputs import check_enough_patients, check_power, usable
from radiogenomics.modules.network import Network

Array = np.ndarray[Any, Any]
POWERS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20)
_BINS = 10


DEFAULT_POWER = {"unsigned": 6, "signed": 12, "signed hybrid": 6}
"""What WGCNA's authors advise for more than 40 patients where no power makes the network scale-free."""


@dataclass(frozen=True, eq=False)
class SoftThreshold:
    """What `pick_soft_threshold` found.

    Attributes
    ----------
    power : float or None
        The first power whose `r2` is above the cut; None when none is.
    table : DataFrame
        One row per power: `power, r2, slope, truncated_r2, mean_k, median_k, max_k`.
    """

    power: float | None
    table: pd.DataFrame


def pick_soft_threshold(
    expression: pd.DataFrame,
    *,
    powers: Sequence[float] = POWERS,
    network: Network = "unsigned",
    r2_cut: float = 0.85,
    correlation: Correlation = "pearson",
    max_p_outliers: float = 1.0,
) -> SoftThreshold:
    """Fit a scale-free topology at every power -> the first power that fits well, and the table of fits.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Expression on a logarithmic scale.
    powers : sequence of float
        The candidates.
    network : {"unsigned", "signed", "signed hybrid"}
        How correlation becomes similarity, see `adjacency`.
    r2_cut : float
        The fit that is good enough.
    correlation, max_p_outliers
        As in `find_modules`.

    Returns
    -------
    SoftThreshold
        `r2` is the fit of log10 p(k) on log10 k over ten bins of connectivity k, `slope` its slope, `truncated_r2` the
        adjusted R2 of the exponentially truncated law.

    Raises
    ------
    ValueError
        If the table is not a numeric patient table, has fewer than 15 patients, or an option is unknown.

    Warns
    -----
    UserWarning
        If no power reaches `r2_cut`, with what to do.

    References
    ----------
    Zhang & Horvath (2005), doi:10.2202/1544-6115.1128
    """
    check_choice(network, "network", get_args(Network))
    candidates = np.array(sorted({check_power(power) for power in powers}))
    if not len(candidates):
        raise InputError("`powers` is empty; give at least one power, for example range(1, 21).")
    check_enough_patients(expression)
    kept, _ = usable(expression)
    k = _connectivity(kept.to_numpy(dtype=np.float64, na_value=np.nan), candidates, network, correlation, max_p_outliers)
    rows = [{"power": power, **scale_free_fit(column), **_spread(column)} for power, column in zip(candidates, k.T, strict=True)]
    table = pd.DataFrame(rows)
    good = table.loc[table["r2"] > r2_cut, "power"]
    if good.empty:
        _warn(table, r2_cut)
    return SoftThreshold(None if good.empty else float(good.iloc[0]), table)


def scale_free_fit(k: Array) -> dict[str, float]:
    """Fit the scale-free law to connectivities -> `r2, slope, truncated_r2`.

    Parameters
    ----------
    k : array, shape (n_genes,)
        Each gene's connectivity, itself excluded.

    References
    ----------
    Zhang & Horvath (2005), doi:10.2202/1544-6115.1128
    """
    x, share = _histogram(np.asarray(k, dtype=np.float64))
    # 1e-9 keeps the logarithm of an empty bin finite.
    log_x, y = np.log10(x), np.log10(share + 1e-9)
    r2, beta = _least_squares(np.column_stack([np.ones(_BINS), log_x]), y)
    truncated, _ = _least_squares(np.column_stack([np.ones(_BINS), log_x, x]), y)
    adjusted = 1 - (1 - truncated) * (_BINS - 1) / (_BINS - 3)
    return {"r2": r2, "slope": float(beta[1]), "truncated_r2": adjusted}


def _histogram(k: Array) -> tuple[Array, Array]:
    """Bin connectivities into ten equal bins -> the mean of each bin (the midpoint of an empty one), its share."""
    low, high = k.min(), k.max()
    edges = np.linspace(low, high, _BINS + 1)
    # Bins are closed on the right, and the outer edges are widened so that the smallest value falls inside.
    inner = np.concatenate([[low - (high - low) / 1000], edges[1:-1], [high + (high - low) / 1000]])
    place = np.searchsorted(inner, k, side="left") - 1
    counts = np.bincount(place, minlength=_BINS)
    sums = np.bincount(place, weights=k, minlength=_BINS)
    middle = (edges[:-1] + edges[1:]) / 2
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), middle)
    return np.where(mean == 0, middle, mean), counts / len(k)


def _least_squares(design: Array, y: Array) -> tuple[float, Array]:
    beta, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ beta
    return float(1 - (residual**2).sum() / ((y - y.mean()) ** 2).sum()), beta


def _spread(k: Array) -> dict[str, float]:
    return {"mean_k": float(k.mean()), "median_k": float(np.median(k)), "max_k": float(k.max())}


def _connectivity(values: Array, powers: Array, network: Network, correlation: Correlation, max_p_outliers: float) -> Array:
    """Sum each gene's adjacencies to all others, at every power -> (n_genes, n_powers)."""
    from radiogenomics.modules import _kernels

    kind = {"unsigned": _kernels.UNSIGNED, "signed": _kernels.SIGNED, "signed hybrid": _kernels.HYBRID}[network]
    sums = np.empty((values.shape[1], len(powers)))
    for start, rows in row_blocks(values, correlation, max_p_outliers):
        chunk = sums[start : start + len(rows)]
        in_stripes(partial(_kernels.power_sums, rows, powers, kind, chunk))
    return sums - 1


def _warn(table: pd.DataFrame, r2_cut: float) -> None:
    best = table.iloc[int(table["r2"].argmax())]
    warnings.warn(
        f"No power reaches r2 > {r2_cut}; the best is {best['r2']:.2f} at power {best['power']:g}. Look for outlying patients or "
        "batches, try network='signed hybrid', or choose a power by the number of patients (6 for an unsigned and 12 for a "
        "signed network with more than 40).",
        UserWarning,
        stacklevel=3,
    )
