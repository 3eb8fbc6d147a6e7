"""Permuted patients: how often chance reaches each link, and how far chance reaches in a whole family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from radiogenomics.linking._blocks import Block, Floats, Ints, t_of

_ENTRIES = 1_000_000  # correlations at a time: 8 MB, which stay in the cache
_TIE = 1e-9  # rounding must not decide whether a tied permutation reaches the observed value


@dataclass(frozen=True)
class Null:
    """What permuted patients brought.

    Attributes
    ----------
    reached : ndarray of int, shape (n_left, n_right)
        In how many permutations the pair's own correlation was reached.
    tops : ndarray, shape (n_permutations, n_families)
        The largest |t| of each family in every permutation; one family when the whole table is one.
    """

    reached: Ints
    tops: Floats


def permute(
    parts: Sequence[Block], shape: tuple[int, int], n_patients: int, *, n_permutations: int, family: str, rng: np.random.Generator
) -> Null:
    """Shuffle the patients of one table against the other.

    One order of all patients is drawn for a permutation; every block takes the order of its own patients from it, so that the
    largest value over blocks with different missing patients belongs to one and the same permutation. With covariates
    the residuals are shuffled and adjusted again (Freedman & Lane 1983).

    Parameters
    ----------
    parts : list of Block
        From `blocks`.
    shape : tuple of int
        Number of left and of right columns.
    n_patients, n_permutations : int
        How many patients and shuffles.
    family : str
        "feature" for a family of each left column, "target" of each right column, any other word for one family.
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    Null
        Counts and largest values.
    """
    everyone = np.argsort(rng.random((n_permutations, n_patients)), axis=1)
    n_families = {"feature": shape[0], "target": shape[1]}.get(family, 1)
    null = Null(np.zeros(shape, dtype=np.int64), np.zeros((n_permutations, n_families)))
    for part in parts:
        orders = _within(everyone, part.rows)
        # The narrower table is shuffled: the product then runs along the wider one.
        if len(part.left) < len(part.right):
            reached = _block(part, (part.x, part.y), ("feature", "target"), orders, family, null.tops)
        else:
            reached = _block(part, (part.y, part.x), ("target", "feature"), orders, family, null.tops).T
        null.reached[np.ix_(part.left, part.right)] = reached
    return null


def _within(everyone: Ints, rows: Ints) -> Ints:
    """Take the order of some patients from the order of all -> places among `rows`, shape (n_permutations, n_rows)."""
    place = np.full(everyone.shape[1], -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    places = place[everyone]
    return places[places >= 0].reshape(len(everyone), len(rows))


def _block(part: Block, tables: tuple[Floats, Floats], sides: tuple[str, str], orders: Ints, family: str, tops: Floats) -> Ints:
    """Shuffle the first table of a block against the second: raise the families' tops, count what is reached."""
    moved, fixed = tables
    threshold = np.abs(moved.T @ fixed) - _TIE
    reached = np.zeros(threshold.shape, dtype=np.int64)
    columns = {"feature": part.left, "target": part.right}.get(family, np.zeros(1, dtype=np.int64))
    step = max(1, _ENTRIES // threshold.size)
    for start in range(0, len(orders), step):
        chunk = slice(start, start + step)
        shuffled = _shuffled(moved, part.basis, orders[chunk])
        r = (shuffled.reshape(-1, len(moved)) @ fixed).reshape(len(shuffled), *threshold.shape)
        top = np.zeros((len(r), threshold.shape[0]))
        _tally(r, threshold, reached, top)
        if family == sides[1]:
            top = np.abs(r).max(axis=1)
        elif family != sides[0]:
            top = top.max(axis=1, keepdims=True)
        largest = t_of(np.minimum(top, 1.0), part.freedom)
        tops[chunk, columns] = np.maximum(tops[chunk, columns], largest)
    return reached


def _shuffled(moved: Floats, basis: Floats, orders: Ints) -> Floats:
    """Shuffle columns -> permutations x columns x patients, at unit length after a second adjustment."""
    shuffled = np.ascontiguousarray(moved[orders].transpose(0, 2, 1))
    if basis.shape[1]:
        rest = 1.0 - ((shuffled @ basis) ** 2).sum(axis=2, keepdims=True)
        shuffled /= np.sqrt(np.maximum(rest, _TIE))
    return shuffled


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})  # type: ignore[untyped-decorator]
def _tally(r: Floats, threshold: Floats, reached: Ints, top: Floats) -> None:
    """Count what reaches the threshold and take each shuffled column's maximum while the products lie in the cache."""
    for order in range(r.shape[0]):
        for one in range(r.shape[1]):
            largest = 0.0
            for other in range(r.shape[2]):
                size = abs(r[order, one, other])
                reached[one, other] += size >= threshold[one, other]
                largest = max(largest, size)
            top[order, one] = largest
