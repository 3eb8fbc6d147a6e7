"""Two tables cut into blocks of columns that miss the same patients, each standardised to unit length."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDING = 1e-12  # a column whose spread is this small beside its values is rounding, not measurement
FEWEST_OF_PAIR = 4  # patients of a pair, beside one for every covariate: an interval needs n - 3 above 0
_BITS = 40  # about twelve decimal digits
_SMALLEST = 1e-30  # what 1 - r**2 is at least


@dataclass(frozen=True)
class Block:
    """Columns of both tables over the patients that miss in none of them.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        The patients.
    left, right : ndarray of int
        The columns.
    x, y : ndarray, shape (n, n_left) and (n, n_right)
        The columns' residuals at unit length; zeros where nothing varies.
    basis : ndarray, shape (n, k)
        Orthonormal directions of the centred covariates.
    """

    rows: Ints
    left: Ints
    right: Ints
    x: Floats
    y: Floats
    basis: Floats

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a correlation inside the block."""
        return int(len(self.rows) - 2 - self.basis.shape[1])


def blocks(left: Floats, right: Floats, covariates: Floats, *, values: Callable[[Floats], Floats]) -> Iterator[Block]:
    """Cut two tables into blocks without missing values.

    Parameters
    ----------
    left, right : ndarray, shape (n, n_left) and (n, n_right)
        Measurements, NaN where missing.
    covariates : ndarray, shape (n, k)
        What every column is adjusted for, without missing values; k may be 0.
    values : callable
        Gives what is correlated instead of a block's columns: themselves, `ranks`, or as a link method says.

    Yields
    ------
    Block
        Only blocks with at least one degree of freedom beyond an interval's need.
    """
    for mask_left, columns_left in _patterns(left):
        for mask_right, columns_right in _patterns(right):
            rows = np.flatnonzero(mask_left & mask_right)
            if len(rows) < FEWEST_OF_PAIR:
                continue
            basis = orthonormal(covariates[rows])
            if len(rows) < FEWEST_OF_PAIR + basis.shape[1]:
                continue
            x, y = left[np.ix_(rows, columns_left)], right[np.ix_(rows, columns_right)]
            yield Block(rows, columns_left, columns_right, unit(values(x), basis), unit(values(y), basis), basis)


def _patterns(table: Floats) -> Iterator[tuple[NDArray[np.bool_], Ints]]:
    present = ~np.isnan(table)
    if present.all():
        yield np.ones(len(table), dtype=bool), np.arange(table.shape[1])
        return
    masks, which = np.unique(present.T, axis=0, return_inverse=True)
    for number, mask in enumerate(masks):
        yield mask, np.flatnonzero(which == number)


def ranks(values: Floats) -> Floats:
    """Rank every column, ties at their mean, NaN left out; values that agree to twelve digits are tied."""
    return np.asarray(rankdata(rounded(values), axis=0, nan_policy="omit"))


def rounded(values: Floats) -> Floats:
    """Round to twelve digits: two patients of one score differ in its last bits at times, which must not order them."""
    digits, power = np.frexp(values)
    return np.asarray(np.ldexp(np.round(np.ldexp(digits, _BITS)), power - _BITS))


def orthonormal(covariates: Floats) -> Floats:
    """Find orthonormal directions of the centred covariates, shape (n, rank)."""
    centred = covariates - covariates.mean(axis=0)
    directions, sizes, _ = np.linalg.svd(centred / np.maximum(np.abs(centred).max(axis=0), ROUNDING), full_matrices=False)
    return np.asarray(directions[:, sizes > 1e-10 * max(sizes.max(initial=0.0), 1.0)])


def counts(left: Floats, right: Floats) -> Ints:
    """Count the patients that miss in neither column of every pair, shape (n_left, n_right)."""
    return np.asarray((~np.isnan(left)).T.astype(float) @ (~np.isnan(right)).astype(float)).astype(np.int64)


def unit(values: Floats, basis: Floats) -> Floats:
    """Centre, take out the covariates, and scale every column to unit length; zeros where nothing is left."""
    centred = values - values.mean(axis=0)
    rest = centred - basis @ (basis.T @ centred)
    length = np.linalg.norm(rest, axis=0)
    varies = length > np.maximum(ROUNDING * np.linalg.norm(values, axis=0), 1e-9 * np.linalg.norm(centred, axis=0))
    return np.asarray(np.where(varies, rest / np.where(varies, length, 1.0), 0.0))


def t_of(r: Floats, freedom: Floats | int) -> Floats:
    """Turn correlations into Student's t; at r of 1 as large as rounding can tell."""
    return np.asarray(r * np.sqrt(freedom / np.maximum(1.0 - r * r, _SMALLEST)))


def p_of(r: Floats, freedom: Floats | int) -> Floats:
    """Give the two-sided p of correlations by Student's t."""
    return np.asarray(2.0 * stdtr(freedom, -np.abs(t_of(r, freedom))))


def p_below(r: Floats, freedom: Floats, alpha: float) -> Floats:
    """Give p where it is below alpha, 1 elsewhere and NaN without a correlation: enough to count what survives, and quick."""
    most = float(np.nanmax(freedom, initial=1.0))
    near = np.abs(t_of(r, freedom)) >= 0.999 * stdtrit(most, 1.0 - alpha / 2.0)
    p = np.where(np.isnan(r), np.nan, 1.0)
    p[near] = p_of(r[near], freedom[near])
    return p


def interval(r: Floats, freedom: Floats, *, variance: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give Fisher's interval of correlations; `variance` is that of Fisher's z times n - 3."""
    spread = np.sqrt(variance / (freedom - 1.0))
    half = ndtri(0.5 + confidence / 2.0) * spread
    with np.errstate(divide="ignore"):
        z = np.arctanh(r)
    return np.tanh(z - half), np.tanh(z + half)
