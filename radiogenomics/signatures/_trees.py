"""Kernels of the forest, compiled by numba: grow trees, and let them vote."""

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _draw(state: NDArray[np.uint64], below: int) -> np.int64:
    """Draw an integer below a bound with splitmix64 (Steele et al. 2014): one word of state, the same on every machine."""
    state[0] += _MIX[0]
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * _MIX[1]
    z = (z ^ (z >> np.uint64(27))) * _MIX[2]
    z = z ^ (z >> np.uint64(31))
    return np.int64((z >> np.uint64(11)) % np.uint64(below))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _best_cut(x: Floats, y: Ints, weight: Floats, rows: Ints, least: int, total: float, events: float) -> tuple[float, float]:
    """Find the cut of one feature with the purest two sides -> (score, threshold); score -1 where no cut is possible."""
    n = len(rows)
    values = np.empty(n)
    for i in range(n):
        values[i] = x[rows[i]]
    order = np.argsort(values)
    best, threshold = -1.0, 0.0
    left, left_events = 0.0, 0.0
    for i in range(n - 1):
        row = rows[order[i]]
        left += weight[row]
        left_events += weight[row] * y[row]
        low, high = values[order[i]], values[order[i + 1]]
        if high <= low or i + 1 < least or n - i - 1 < least:
            continue
        right, right_events = total - left, events - left_events
        # Largest sum of squared class weights over side weight = smallest weighted Gini impurity.
        score = (left_events**2 + (left - left_events) ** 2) / left + (right_events**2 + (right - right_events) ** 2) / right
        if score > best:
            middle = low + (high - low) / 2
            best, threshold = score, middle if middle < high else low
    return best, threshold


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _best_split(
    X: Floats, y: Ints, weight: Floats, rows: Ints, features: Ints, tries: int, least: int, state: NDArray[np.uint64]
) -> tuple[int, float]:
    """Try features drawn without replacement, until `tries` of them could be cut -> (feature or -1, threshold)."""
    total, events = 0.0, 0.0
    for row in rows:
        total += weight[row]
        events += weight[row] * y[row]
    best, feature, threshold, tried = -1.0, -1, 0.0, 0
    for i in range(len(features)):
        j = i + _draw(state, len(features) - i)
        features[i], features[j] = features[j], features[i]
        score, cut = _best_cut(X[features[i]], y, weight, rows, least, total, events)
        if score < 0:
            continue
        tried += 1
        if score > best:
            best, feature, threshold = score, features[i], cut
        if tried == tries:
            break
    return feature, threshold


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _grow(
    X: Floats, y: Ints, weight: Floats, tries: int, least: int, state: NDArray[np.uint64], nodes: Ints, cuts: Floats
) -> None:
    """Grow one tree. `nodes` rows are (feature or -1, left child); the right child follows the left.

    `cuts` holds a threshold, or a leaf's vote.
    """
    features = np.arange(X.shape[0]).astype(np.int32)
    rows = np.flatnonzero(weight > 0).astype(np.int32)
    starts, ends = np.zeros(len(nodes), np.int32), np.zeros(len(nodes), np.int32)
    ends[0], used, node = len(rows), 1, 0
    while node < used:
        mine = rows[starts[node] : ends[node]].copy()
        total, events = 0.0, 0.0
        for row in mine:
            total += weight[row]
            events += weight[row] * y[row]
        feature, threshold = -1, events / total
        if 0.0 < events < total and len(mine) >= 2 * least:
            found, cut = _best_split(X, y, weight, mine, features, tries, least, state)
            if found >= 0:
                feature, threshold = found, cut
        nodes[node, 0], cuts[node] = feature, threshold
        if feature >= 0:
            front, back = starts[node], ends[node]
            for row in mine:
                if X[feature, row] <= threshold:
                    rows[front] = row
                    front += 1
                else:
                    back -= 1
                    rows[back] = row
            nodes[node, 1] = used
            starts[used], ends[used], starts[used + 1], ends[used + 1] = starts[node], front, front, ends[node]
            used += 2
        node += 1


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _vote(X: Floats, row: int, nodes: Ints, cuts: Floats) -> float:
    node = 0
    while nodes[node, 0] >= 0:
        node = nodes[node, 1] + (0 if X[nodes[node, 0], row] <= cuts[node] else 1)
    return float(cuts[node])


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def grow_forest(
    X: Floats, y: Ints, class_weight: Floats, n_trees: int, tries: int, least: int, bootstrap: bool, seed: int
) -> tuple[Ints, Floats, Floats]:
    """Grow a forest and let each tree vote on the patients its bootstrap sample left out.

    Parameters
    ----------
    X : array, shape (n_features, n_patients)
        One row per feature, so that a feature is read in one run.
    y : array of int32, shape (n_patients,)
        0 or 1.
    class_weight : array, shape (2,)
        What a patient of each class weighs.
    n_trees, tries, least : int
        Trees; features tried at each split; patients each side must keep.
    bootstrap : bool
        Whether each tree sees its own sample drawn with replacement.
    seed : int
        Seed of all draws.

    Returns
    -------
    tuple of arrays
        Nodes, shape (n_trees, n_nodes, 2); cuts, shape (n_trees, n_nodes); out-of-bag means, shape (n_patients,), NaN for a
        patient in every bag.
    """
    n = X.shape[1]
    nodes = np.full((n_trees, 2 * n, 2), -1, np.int32)
    cuts = np.zeros((n_trees, 2 * n))
    votes, voters = np.zeros(n), np.zeros(n)
    state = np.array([seed], dtype=np.uint64)
    for tree in range(n_trees):
        weight = np.zeros(n)
        for i in range(n):
            weight[_draw(state, n) if bootstrap else i] += 1.0
        for i in range(n):
            weight[i] *= class_weight[y[i]]
        _grow(X, y, weight, tries, least, state, nodes[tree], cuts[tree])
        for i in range(n):
            if weight[i] == 0.0:
                votes[i] += _vote(X, i, nodes[tree], cuts[tree])
                voters[i] += 1.0
    out_of_bag = np.full(n, np.nan)
    for i in range(n):
        if voters[i] > 0:
            out_of_bag[i] = votes[i] / voters[i]
    return nodes, cuts, out_of_bag


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def mean_votes(X: Floats, nodes: Ints, cuts: Floats) -> Floats:
    """Average the votes of all trees -> probabilities, shape (n_patients,); `X` has shape (n_features, n_patients)."""
    votes = np.zeros(X.shape[1])
    for row in range(X.shape[1]):
        for tree in range(len(nodes)):
            votes[row] += _vote(X, row, nodes[tree], cuts[tree])
    return votes / len(nodes)
