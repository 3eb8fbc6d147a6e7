"""Compiled inner loops. Imported inside the functions that use them, so that importing the room stays cheap."""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from typing import Any

import numpy as np
from numba import njit

TILE = 64
STRIP = 512
UNSIGNED, SIGNED, HYBRID, KEEP_SIGN = 0, 1, 2, 3

Array = np.ndarray[Any, Any]


@njit(cache=True, nogil=True)
def _similarity(r: float, kind: int) -> float:
    r = min(1.0, max(-1.0, r))
    if kind == SIGNED:
        return 0.5 + 0.5 * r
    if kind == HYBRID:
        return max(r, 0.0)
    return abs(r)


@njit(cache=True, nogil=True)
def _raise(row: Array, result: Array, power: float) -> None:
    """Raise each element of `row` to a power; whole powers by squaring, which is fast and exact."""
    if power != np.floor(power):
        result[:] = row**power
        return
    result[:] = 1
    rest = int(power)
    while rest:
        if rest & 1:
            result *= row
        row *= row
        rest >>= 1


@njit(cache=True, nogil=True)
def adjacency_tiles(square: Array, power: float, kind: int, first: int, step: int) -> None:
    """Turn correlations in the lower triangle into adjacencies in the whole square, in place, tile by tile."""
    n = square.shape[0]
    row, raised = np.empty(TILE, square.dtype), np.empty(TILE, square.dtype)
    for top in range(first * TILE, n, step * TILE):
        for left in range(0, top + 1, TILE):
            for i in range(top, min(top + TILE, n)):
                width = max(0, min(left + TILE, i) - left)
                for j in range(width):
                    row[j] = _similarity(square[i, left + j], kind)
                _raise(row[:width], raised[:width], power)
                for j in range(width):
                    value = raised[j]
                    if kind == KEEP_SIGN and square[i, left + j] < 0:
                        value = -value
                    square[i, left + j] = value
                    square[left + j, i] = value
        for i in range(top, min(top + TILE, n)):
            square[i, i] = 1


@njit(cache=True, nogil=True, fastmath={"nsz", "reassoc", "contract"})
def absolute_row_sums(square: Array, sums: Array, first: int, step: int) -> None:
    """Sum the absolute values of each row in float64."""
    for i in range(first, square.shape[0], step):
        total = 0.0
        for j in range(square.shape[1]):
            total += abs(square[i, j])
        sums[i] = total


@njit(cache=True, nogil=True)
def overlap_tiles(
    adjacency: Array, product: Array, k: Array, mean_denominator: bool, absolute: bool, dissimilarity: bool, first: int, step: int
) -> None:
    """Turn A and the lower triangle of A.A into the overlap (or 1 - overlap), written to both whole squares."""
    n = adjacency.shape[0]
    own = 0.0 if dissimilarity else 1.0
    for top in range(first * TILE, n, step * TILE):
        for left in range(0, top + 1, TILE):
            for i in range(top, min(top + TILE, n)):
                for j in range(left, min(left + TILE, i)):
                    a = adjacency[i, j]
                    shared = 0.5 * (k[i] + k[j]) if mean_denominator else min(k[i], k[j])
                    value = (product[i, j] - a) / (shared - abs(a))
                    if absolute:
                        value = abs(value)
                    if dissimilarity:
                        value = 1.0 - value
                    adjacency[i, j] = value
                    adjacency[j, i] = value
                    product[i, j] = value
                    product[j, i] = value
        for i in range(top, min(top + TILE, n)):
            adjacency[i, i] = own
            product[i, i] = own


@njit(cache=True, nogil=True)
def mirror_complement(square: Array, copy: Array, first: int, step: int) -> None:
    """Write 1 - square to both squares."""
    for i in range(first, square.shape[0], step):
        for j in range(square.shape[1]):
            value = 1 - square[i, j]
            square[i, j] = value
            copy[i, j] = value


@njit(cache=True, nogil=True, fastmath={"nsz", "reassoc", "contract"})
def power_sums(correlations: Array, powers: Array, kind: int, sums: Array, first: int, jump: int) -> None:
    """Sum similarity ** power over each row for every power, in float64; `sums` has shape (n_rows, n_powers)."""
    n = correlations.shape[1]
    raised, factor, scratch = np.empty(STRIP), np.empty(STRIP), np.empty(STRIP)
    for i in range(first, correlations.shape[0], jump):
        sums[i] = 0
        for left in range(0, n, STRIP):
            width = min(STRIP, n - left)
            for j in range(width):
                correlations[i, left + j] = _similarity(correlations[i, left + j], kind)
            raised[:width] = 1
            before, step = 0.0, 0.0
            for p in range(len(powers)):
                if powers[p] - before != step:
                    step = powers[p] - before
                    scratch[:width] = correlations[i, left : left + width]
                    _raise(scratch[:width], factor[:width], step)
                total = 0.0
                for j in range(width):
                    raised[j] *= factor[j]
                    total += raised[j]
                sums[i, p] += total
                before = powers[p]


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _row_minimum(row: Array) -> float:
    smallest = row[0]
    for j in range(len(row)):
        smallest = min(smallest, row[j])
    return smallest


@njit(cache=True, nogil=True)
def _nearest(row: Array, before: int) -> int:
    """Find the nearest column, the chain's previous one on ties (without which the chain could run in circles)."""
    smallest = _row_minimum(row)
    if before >= 0 and row[before] <= smallest:
        return before
    for j in range(len(row)):
        if row[j] == smallest:
            return j
    return -1


@njit(cache=True, nogil=True)
def _fuse(square: Array, width: int, size: Array, gone: int, kept: int) -> None:
    """Average two rows by size into one (Lance-Williams for average linkage) and mask the other."""
    total = size[gone] + size[kept]
    left, right = size[gone] / total, size[kept] / total
    for j in range(width):
        square[kept, j] = left * square[gone, j] + right * square[kept, j]
    for i in range(width):
        square[i, kept] = square[kept, i]
        square[i, gone] = np.inf
    square[kept, gone] = np.inf
    square[kept, kept] = np.inf
    size[kept] = total
    size[gone] = 0


@njit(cache=True, nogil=True)
def _compact(square: Array, width: int, size: Array, member: Array, chain: Array, length: int) -> int:
    """Move the living rows and columns together, so that later searches read less memory."""
    place = np.full(width, -1)
    alive = np.flatnonzero(size[:width] > 0)
    for i in range(len(alive)):
        place[alive[i]] = i
        for j in range(len(alive)):
            square[i, j] = square[alive[i], alive[j]]
        size[i] = size[alive[i]]
        member[i] = member[alive[i]]
    for i in range(length):
        chain[i] = place[chain[i]]
    return len(alive)


@njit(cache=True, nogil=True)
def average_linkage_chain(square: Array) -> tuple[Array, Array]:
    """Link by average with the nearest-neighbour chain, destroying `square` -> pairs of members, heights, in its order."""
    n = square.shape[0]
    pairs, heights = np.empty((n - 1, 2), np.int64), np.empty(n - 1)
    size, member, chain = np.ones(n), np.arange(n), np.empty(n, np.int64)
    for i in range(n):
        square[i, i] = np.inf
    width, alive, length = n, n, 0
    for merge in range(n - 1):
        if length == 0:
            chain[0], length = np.argmax(size[:width] > 0), 1
        while True:
            last, before = chain[length - 1], chain[length - 2] if length > 1 else -1
            nearest = _nearest(square[last, :width], before)
            if nearest == before:
                break
            chain[length] = nearest
            length += 1
        length -= 2
        gone, kept = min(last, before), max(last, before)
        pairs[merge, 0], pairs[merge, 1], heights[merge] = member[gone], member[kept], square[gone, kept]
        _fuse(square, width, size, gone, kept)
        alive -= 1
        if alive < 0.8 * width and alive > TILE:
            width = _compact(square, width, size, member, chain, length)
    return pairs, heights


@njit(cache=True, nogil=True, fastmath={"nsz", "reassoc", "contract"})
def sums_by_cluster(square: Array, cluster: Array, sums: Array, first: int, step: int) -> None:
    """Sum each row's dissimilarities to every cluster, in float64; cluster 0 gathers what is in none."""
    for i in range(first, square.shape[0], step):
        for j in range(square.shape[1]):
            sums[i, cluster[j]] += square[i, j]


@njit(cache=True, nogil=True)
def _quantile(ordered: Array, share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@njit(cache=True, nogil=True)
def _biweight(x: Array, most: float) -> Array:
    """Centre at the median and weigh down what lies far out; `correlation._biweight` for one gene."""
    centred = x - np.median(x)
    spread = 9 * np.median(np.abs(centred))
    if spread == 0:
        return x - x.mean()
    u = centred / spread
    low, high = 1.0, 1.0
    if most < 0.5:
        ordered = np.sort(u)
        low = max(1.0, -2 * _quantile(ordered, most))
        high = max(1.0, 2 * _quantile(ordered, 1 - most))
    for i in range(len(u)):
        side = u[i] / (low if u[i] < 0 else high)
        centred[i] *= (1 - side**2) ** 2 if abs(side) < 1 else 0.0
    return centred


@njit(cache=True, nogil=True)
def bicor_pairs(left: Array, right: Array, most: float, result: Array, first: int, step: int) -> None:
    """Correlate rows with rows, each pair over the patients that both have."""
    for i in range(first, left.shape[0], step):
        for j in range(right.shape[0]):
            both = ~(np.isnan(left[i]) | np.isnan(right[j]))
            x, y = _biweight(left[i][both], most), _biweight(right[j][both], most)
            scale = np.sqrt((x * x).sum() * (y * y).sum())
            result[i, j] = min(1.0, max(-1.0, (x * y).sum() / scale)) if scale > 0 else np.nan
