"""After the cut: weak genes leave their modules, better placed ones move, and close modules merge."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import norm

from radiogenomics.modules.correlation import Correlation, correlate
from radiogenomics.modules.cut import by_size
from radiogenomics.modules.eigengenes import eigengene_matrix, known_genes
from radiogenomics.modules.inputs import check_expression

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Kinship:
    """How a gene's closeness to an eigengene is measured: the network's correlation, |r| when it is unsigned."""

    unsigned: bool
    correlation: Correlation
    max_p_outliers: float

    def __call__(self, values: Array, eigengenes: Array) -> Array:
        """Correlate genes with eigengenes -> (n_genes, n_modules)."""
        r = correlate(values, eigengenes, self.correlation, self.max_p_outliers)
        return np.abs(r) if self.unsigned else r

    def p(self, r: Array, n: int) -> Array:
        """Fisher's p of a closeness over n patients: two-sided when unsigned."""
        with np.errstate(divide="ignore"):
            z = np.arctanh(r) * np.sqrt(n - 3)
        return np.asarray(2 * norm.sf(z) if self.unsigned else norm.sf(z))


def trim(values: Array, labels: Array, kinship: Kinship, *, min_size: int, min_core_kme: float, min_kme_to_stay: float) -> Array:
    """Dissolve modules without a core and send genes far from their eigengene to grey -> new labels."""
    labels = labels.copy()
    modules, eigengenes = eigengene_matrix(values, labels)
    for module, eigengene in zip(modules, eigengenes.T, strict=True):
        genes = np.flatnonzero(labels == module)
        kme = kinship(values[:, genes], eigengene[:, None])[:, 0]
        if np.count_nonzero(kme > min_core_kme) < min_size / 3:
            labels[genes] = 0
        else:
            labels[genes[kme < min_kme_to_stay]] = 0
    return labels


def reassign(values: Array, labels: Array, kinship: Kinship, *, threshold: float) -> Array:
    """Move genes whose p with another eigengene is that much smaller than with their own -> new labels."""
    modules, eigengenes = eigengene_matrix(values, labels)
    genes = np.flatnonzero(labels > 0)
    if len(modules) < 2 or threshold <= 0:
        return labels
    p = kinship.p(kinship(values[:, genes], eigengenes), len(values))
    own = p[np.arange(len(genes)), np.searchsorted(modules, labels[genes])]
    with np.errstate(invalid="ignore", divide="ignore"):
        moves = p.min(axis=1) / own < threshold
    labels = labels.copy()
    labels[genes[moves]] = modules[p.argmin(axis=1)[moves]]
    return labels


def merge_close_modules(expression: pd.DataFrame, labels: pd.Series, *, merge_height: float = 0.25) -> pd.Series:
    """Merge modules whose eigengenes correlate above 1 - merge_height, until none do -> new labels by size.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        The expression the modules were found in.
    labels : Series of int, index `gene`
        0 for genes in no module.
    merge_height : float
        Average-linkage height of 1 - r between eigengenes up to which modules merge.

    Returns
    -------
    Series of int, index `gene`
        1, 2, ... by decreasing size; 0 stays.

    Raises
    ------
    ValueError
        If `merge_height` is outside [0, 2] or the expression lacks a labelled gene.
    """
    values = check_expression(expression.loc[:, known_genes(expression, labels)])
    return pd.Series(merge_labels(values, labels.to_numpy(), check_merge_height(merge_height)), index=labels.index, name="label")


def check_merge_height(merge_height: float) -> float:
    """Check the height below which modules merge."""
    if not 0 <= merge_height <= 2:
        raise ValueError(f"`merge_height` is {merge_height}; it is a height of 1 - r and must be in [0, 2], 0 for no merging.")
    return merge_height


def merge_labels(values: Array, labels: Array, merge_height: float) -> Array:
    """Merge close modules on arrays."""
    while True:
        modules, eigengenes = eigengene_matrix(values, labels)
        if len(modules) < 2:
            return by_size(labels)
        distance = 1 - np.corrcoef(eigengenes, rowvar=False)
        tree = linkage(squareform(distance, checks=False), "average")
        group = fcluster(tree, merge_height, "distance")
        if len(np.unique(group)) == len(modules):
            return by_size(labels)
        merged = {module: modules[group == g].min() for module, g in zip(modules, group, strict=True)}
        labels = np.array([merged.get(label, 0) for label in labels.tolist()])
