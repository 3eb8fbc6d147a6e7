"""Correlations between genes: Pearson's or biweight, missing values left out pair by pair."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from radiogenomics.modules.inplace import in_stripes, rank_update

Correlation = Literal["pearson", "bicor"]
Array = np.ndarray[Any, Any]
_ROWS = 256


def correlate(left: Array, right: Array, correlation: Correlation = "pearson", max_p_outliers: float = 1.0) -> Array:
    """Correlate the columns of two matrices over their common patients -> (n_left, n_right), float64.

    Parameters
    ----------
    left, right : array, shapes (n_patients, n_left) and (n_patients, n_right)
        Measurements; a patient missing in either column is left out of that pair.
    correlation : {"pearson", "bicor"}
        The kind of correlation.
    max_p_outliers : float
        For "bicor": the largest fraction of outliers on either side of the median.

    References
    ----------
    Langfelder & Horvath (2012), Fast R functions for robust correlations. doi:10.18637/jss.v046.i11
    """
    holes = np.isnan(left).any() or np.isnan(right).any()
    if holes and correlation == "bicor":
        return _pairwise_bicor(left, right, max_p_outliers)
    if holes:
        return _pairwise_pearson(left, right)
    return np.asarray(unit_rows(left, correlation, max_p_outliers) @ unit_rows(right, correlation, max_p_outliers).T).clip(-1, 1)


def correlate_into(square: Array, values: Array, correlation: Correlation, max_p_outliers: float) -> None:
    """Write the correlations of all columns to the lower triangle of a square, in the square's precision."""
    holes = np.flatnonzero(np.isnan(values).any(axis=0))
    unit = np.zeros(values.shape[::-1], dtype=square.dtype)
    whole = np.setdiff1d(np.arange(values.shape[1]), holes)
    unit[whole] = unit_rows(values[:, whole], correlation, max_p_outliers)
    rank_update(unit, square)
    for start in range(0, len(holes), _ROWS):
        genes = holes[start : start + _ROWS]
        rows = correlate(values[:, genes], values, correlation, max_p_outliers)
        for gene, row in zip(genes, rows, strict=True):
            square[gene, :gene] = row[:gene]
            square[gene:, gene] = row[gene:]


def row_blocks(values: Array, correlation: Correlation, max_p_outliers: float) -> Iterator[tuple[int, Array]]:
    """Give the correlations of all columns in float64, some rows at a time, with the first row's number."""
    holes = np.isnan(values).any()
    unit = None if holes else unit_rows(values, correlation, max_p_outliers)
    for start in range(0, values.shape[1], _ROWS):
        stop = start + _ROWS
        if unit is None:
            yield start, correlate(values[:, start:stop], values, correlation, max_p_outliers)
        else:
            yield start, unit[start:stop] @ unit.T


def unit_rows(values: Array, correlation: Correlation = "pearson", max_p_outliers: float = 1.0) -> Array:
    """Centre the columns and give them length 1, weighted for bicor -> genes x patients."""
    rows = np.ascontiguousarray(values.T, dtype=np.float64)
    rows = rows - rows.mean(axis=1, keepdims=True) if correlation == "pearson" else _biweight(rows, max_p_outliers)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(rows / np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None])


def _biweight(rows: Array, max_p_outliers: float) -> Array:
    """Centre each row at its median and weigh down what lies far out; a row without spread falls back to Pearson's."""
    centred = rows - np.median(rows, axis=1, keepdims=True)
    spread = 9 * np.median(np.abs(centred), axis=1, keepdims=True)
    flat = spread[:, 0] == 0
    u = centred / np.where(spread == 0, 1, spread)
    u = _limit_outliers(u, max_p_outliers)
    weighted = np.asarray(centred * np.where(np.abs(u) < 1, (1 - u**2) ** 2, 0))
    weighted[flat] = rows[flat] - rows[flat].mean(axis=1, keepdims=True)
    return weighted


def _limit_outliers(u: Array, most: float) -> Array:
    """Shrink each side of the median so that at most the given fraction lies beyond 1/2, where weights fall steeply."""
    if most >= 0.5:
        return u
    low = np.maximum(1, -2 * np.quantile(u, most, axis=1, keepdims=True))
    high = np.maximum(1, 2 * np.quantile(u, 1 - most, axis=1, keepdims=True))
    return np.asarray(np.where(u < 0, u / low, u / high))


def _pairwise_pearson(left: Array, right: Array) -> Array:
    x, x_there = _centred(left)
    y, y_there = _centred(right)
    n, xy = x_there.T @ y_there, x.T @ y
    sum_x, sum_y = x.T @ y_there, x_there.T @ y
    with np.errstate(invalid="ignore", divide="ignore"):
        var_x = (x**2).T @ y_there - sum_x**2 / n
        var_y = x_there.T @ y**2 - sum_y**2 / n
        return np.asarray((xy - sum_x * sum_y / n) / np.sqrt(var_x * var_y)).clip(-1, 1)


def _centred(values: Array) -> tuple[Array, Array]:
    """Centre columns at their own means first: the pairwise sums then lose no digits."""
    there = ~np.isnan(values)
    return np.where(there, values - np.nanmean(values, axis=0), 0.0), there.astype(np.float64)


def _pairwise_bicor(left: Array, right: Array, max_p_outliers: float) -> Array:
    """Correlate pair by pair: medians must be taken anew over the common patients of each."""
    from radiogenomics.modules import _kernels

    result = np.empty((left.shape[1], right.shape[1]))
    x, y = np.ascontiguousarray(left.T), np.ascontiguousarray(right.T)
    in_stripes(lambda first, step: _kernels.bicor_pairs(x, y, max_p_outliers, result, first, step))
    return result
