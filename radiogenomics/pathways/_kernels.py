"""The inner loops of GSVA and ssGSEA on arrays, compiled once and kept on disk.

Arrays are genes x patients here, because every kernel runs along one gene or one patient at a time.
"""

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# GSVA's normal distribution function is a table, cut at ten bandwidths and read without interpolation;
# the exact function moves scores by up to 1e-3.
_REACH = 10.0
_STEPS = 10_000
_TABLE = np.ascontiguousarray(ndtr(np.arange(_STEPS + 1) * (_REACH / _STEPS)))
_BANDWIDTH = 4.0  # standard deviations over bandwidths (Haenzelmann et al. 2013)


def bandwidths(training: Floats) -> Floats:
    """Take a quarter of each gene's standard deviation, shape (n_genes,)."""
    return np.asarray(training.std(axis=1, ddof=1) / _BANDWIDTH)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tail(distance: float, table: Floats) -> float:
    """Read the table at a distance in bandwidths that is not negative."""
    return 1.0 if distance > _REACH else table[int(distance / _REACH * _STEPS)]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _own_density(training: Floats, width: Floats, table: Floats, density: Floats) -> None:
    """Fill each gene's kernel distribution at its own patients: F(-d) = 1 - F(d) halves the work.

    Terms reach every sum in the order of the patients, as in a plain double loop.
    """
    n_genes, n = training.shape
    for gene in range(n_genes):
        x, left = training[gene], density[gene]
        left[:] = 0.0
        for j in range(n):
            own = 0.0
            for i in range(j):
                distance = (x[j] - x[i]) / width[gene]
                near = _tail(abs(distance), table)
                own += 1.0 - near if distance < 0.0 else near
                left[i] += near if distance < 0.0 else 1.0 - near
            left[j] = own + table[0]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _new_density(new: Floats, training: Floats, width: Floats, table: Floats, density: Floats) -> None:
    """Fill each gene's kernel distribution of the training patients at other patients."""
    n_genes, n = training.shape
    for gene in range(n_genes):
        for j in range(new.shape[1]):
            total = 0.0
            for i in range(n):
                distance = (new[gene, j] - training[gene, i]) / width[gene]
                near = _tail(abs(distance), table)
                total += 1.0 - near if distance < 0.0 else near
            density[gene, j] = total


def gaussian_density(new: Floats, training: Floats, *, own: bool) -> Floats:
    """Estimate each gene's distribution with a Gaussian kernel -> log odds at every patient, genes x patients.

    Parameters
    ----------
    new : ndarray, shape (n_genes, n_new)
        Where to evaluate.
    training : ndarray, shape (n_genes, n_patients)
        What to estimate from.
    own : bool
        Whether `new` is `training`, which takes half the time and gives the same bits.
    """
    density = np.empty(new.shape)
    if own:
        _own_density(training, bandwidths(training), _TABLE, density)
    else:
        _new_density(new, training, bandwidths(training), _TABLE, density)
    return _log_odds(density / training.shape[1])


def _log_odds(below: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # a patient beyond ten bandwidths of everybody has odds 0 or infinity, and a clear rank
        return np.asarray(-np.log((1.0 - below) / below))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def walks(places: Ints, members: Ints, starts: Ints, tau: float, n_genes: int, scores: Floats) -> None:
    """Fill the highest and lowest point of every set's random walk in every patient.

    Only the places of the set's genes matter: between two of them the walk falls in a straight line.

    Parameters
    ----------
    places : ndarray of int, shape (n_patients, n_genes)
        Each gene's place in the patient's ranking, 0 the highest.
    members, starts : ndarray of int
        The sets' genes one after another, and where each set begins (one more entry than sets).
    tau : float
        Exponent of the rank weights.
    n_genes : int
        Genes in the ranking.
    scores : ndarray, shape (2, n_sets, n_patients)
        Filled with the highest and the lowest point.
    """
    weights = np.abs(np.arange(n_genes, 0, -1) - n_genes / 2.0) ** tau
    # The middle gene has no weight; a set of that gene alone climbs by all it has, as it does anywhere else.
    weights = np.maximum(weights, 1e-300)
    for patient in range(places.shape[0]):
        for one in range(starts.size - 1):
            hits = np.sort(places[patient][members[starts[one] : starts[one + 1]]])
            total = weights[hits].sum()
            misses = n_genes - hits.size
            highest = lowest = climbed = 0.0
            for k in range(hits.size):
                fallen = (hits[k] - k) / misses
                lowest = min(lowest, climbed / total - fallen)
                climbed += weights[hits[k]]
                highest = max(highest, climbed / total - fallen)
            scores[0, one, patient], scores[1, one, patient] = highest, lowest


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def areas(places: Ints, weights: Floats, members: Ints, starts: Ints, scores: Floats) -> None:
    """Fill the sum of every set's random walk in every patient (ssGSEA).

    Parameters
    ----------
    places : ndarray of int, shape (n_patients, n_genes)
        Each gene's place in the patient's ranking, 0 the highest.
    weights : ndarray, shape (n_patients, n_genes)
        Each gene's rank weight.
    members, starts : ndarray of int
        As in `walks`.
    scores : ndarray, shape (n_sets, n_patients)
        Filled with the sums.
    """
    n_genes = places.shape[1]
    everything = n_genes * (n_genes + 1) / 2.0
    for patient in range(places.shape[0]):
        for one in range(starts.size - 1):
            climbed = total = inside = 0.0
            for member in members[starts[one] : starts[one + 1]]:
                steps = n_genes - places[patient, member]  # the walk keeps a gene's step from its place to the end
                weight = weights[patient, member]
                climbed += weight * steps
                total += weight
                inside += steps
            misses = n_genes - (starts[one + 1] - starts[one])
            scores[one, patient] = climbed / total - (everything - inside) / misses
