"""Permuted patients: how often chance reaches each link, and how far chance reaches in a whole family."""

from dataclasses import dataclass

import numba
import numpy as np

from radiogenomics.linking._blocks import Block, Floats, Ints, t_of

_ENTRIES = 1_000_000  # correlations at a time: 8 MB, which stays in the cache
_TIE = 1e-9  # rounding must not decide whether a tied permutation reaches the observed value


@dataclass(frozen=True)
class Null:
    """What permuted patients brought.

    Attributes
    ----------
    reached : ndarray of int, shape (n_left, n_right)
        In how many permutations the pair's own correlation was reached.
    top_feature, top_target : ndarray, shape (n_permutations, n_left) and (n_permutations, n_right)
        The largest |t| of each left and of each right column in every permutation.
    """

    reached: Ints
    top_feature: Floats
    top_target: Floats


def permute(parts: list[Block], shape: tuple[int, int], n_patients: int, n_permutations: int, rng: np.random.Generator) -> Null:
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
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    Null
        Counts and largest values.
    """
    keys = rng.random((n_permutations, n_patients))
    null = Null(np.zeros(shape, dtype=np.int64), np.zeros((n_permutations, shape[0])), np.zeros((n_permutations, shape[1])))
    for part in parts:
        orders = np.argsort(keys[:, part.rows], axis=1)
        # The narrower table is shuffled: the product then runs along the wider one.
        if len(part.left) < len(part.right):
            reached, top_left, top_right = _block(part.x, part.y, part.basis, orders)
        else:
            reached, top_right, top_left = _block(part.y, part.x, part.basis, orders)
            reached = reached.T
        null.reached[np.ix_(part.left, part.right)] = reached
        _raise_to(null.top_feature, part.left, t_of(top_left, part.freedom))
        _raise_to(null.top_target, part.right, t_of(top_right, part.freedom))
    return null


def _raise_to(tops: Floats, columns: Ints, values: Floats) -> None:
    tops[:, columns] = np.maximum(tops[:, columns], values)


def _block(moved: Floats, fixed: Floats, basis: Floats, orders: Ints) -> tuple[Ints, Floats, Floats]:
    """Count within one block -> reached (moved x fixed), largest |r| of moved and of fixed columns per permutation."""
    n_moved, n_fixed = moved.shape[1], fixed.shape[1]
    threshold = np.abs(moved.T @ fixed) - _TIE
    reached = np.zeros((n_moved, n_fixed), dtype=np.int64)
    top_moved, top_fixed = np.zeros((len(orders), n_moved)), np.zeros((len(orders), n_fixed))
    step = max(1, _ENTRIES // (n_moved * n_fixed))
    for start in range(0, len(orders), step):
        chunk = slice(start, start + step)
        shuffled = _shuffled(moved, basis, orders[chunk])
        r = (shuffled.reshape(-1, len(moved)) @ fixed).reshape(len(shuffled), n_moved, n_fixed)
        _tally(r, threshold, reached, top_moved[chunk], top_fixed[chunk])
    return reached, np.minimum(top_moved, 1.0), np.minimum(top_fixed, 1.0)


def _shuffled(moved: Floats, basis: Floats, orders: Ints) -> Floats:
    """Shuffle columns -> permutations x columns x patients, at unit length after a second adjustment."""
    shuffled = np.ascontiguousarray(moved[orders].transpose(0, 2, 1))
    if basis.shape[1]:
        rest = 1.0 - ((shuffled @ basis) ** 2).sum(axis=2, keepdims=True)
        shuffled /= np.sqrt(np.maximum(rest, _TIE))
    return shuffled


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})  # type: ignore[untyped-decorator]
def _tally(r: Floats, threshold: Floats, reached: Ints, top_moved: Floats, top_fixed: Floats) -> None:
    """Count and take maxima in one pass while the products lie in the cache."""
    n_orders, n_moved, n_fixed = r.shape
    for order in range(n_orders):
        for one in range(n_moved):
            top = 0.0
            for other in range(n_fixed):
                size = abs(r[order, one, other])
                reached[one, other] += size >= threshold[one, other]
                top = max(top, size)
                top_fixed[order, other] = max(top_fixed[order, other], size)
            top_moved[order, one] = top
