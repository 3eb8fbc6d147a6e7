"""Missing values from the nearest genes."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_NEIGHBOURS = 10
R_BLOCK = 1500
"""R's impute.knn divides more genes than this into blocks, by two-means clustering whose start is not documented."""


def impute_nearest(values: Array, *, neighbours: int = _NEIGHBOURS) -> Array:
    """Fill missing values with the mean of the nearest genes -> a filled copy, patients x genes.

    Parameters
    ----------
    values : array, shape (n_patients, n_genes)
        NaN where missing.
    neighbours : int
        How many genes to average; at most all others.

    Returns
    -------
    array, shape (n_patients, n_genes)
        Distances are mean squared differences over the patients that both genes have. Where no neighbour has the patient
        either, the gene's own mean stands in.

    References
    ----------
    Troyanskaya et al. (2001), Missing value estimation methods for DNA microarrays. doi:10.1093/bioinformatics/17.6.520
    """
    genes = values.T
    there = ~np.isnan(genes)
    filled = np.where(there, genes, 0.0)
    result = values.copy()
    for gene in np.flatnonzero(~there.all(axis=1)):
        near = _nearest_genes(gene, filled, there, min(neighbours, len(genes) - 1))
        holes = ~there[gene]
        known = there[near][:, holes].sum(axis=0)
        with np.errstate(invalid="ignore"):
            means = filled[near][:, holes].sum(axis=0) / known
        result[holes, gene] = np.where(known > 0, means, filled[gene].sum() / there[gene].sum())
    return result


def _nearest_genes(gene: np.integer[Any], filled: Array, there: Array, count: int) -> Array:
    both = there & there[gene]
    squares = ((filled - filled[gene]) ** 2 * both).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.where(both.any(axis=1), squares / both.sum(axis=1), np.inf)
    distance[gene] = np.inf
    return np.argsort(distance, kind="stable")[:count]
