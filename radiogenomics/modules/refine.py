"""After the cut: weak genes leave their modules, better placed ones move, and close modules merge."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import norm

from radiogenomics._errors import InputError
from radiogenomics.modules.correlation import Correlation, correlate
from radiogenomics.modules.cut import by_size
from radiogenomics.modules.eigengenes import eigengene_matrix, known_genes
from radiogenomics.modules.inputs import check_varying

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


@dataclass(frozen=True, eq=False)
class Trimmed:
    """Labels after trimming, and the surviving modules' eigengenes as they were before it: reassignment uses those.

    `used` is the highest label before trimming; the next block's labels follow it.
    """

    labels: Array
    modules: Array
    eigengenes: Array
    used: int


@dataclass(frozen=True)
class Trimming:
    """What must hold after the cut: a module has `min_size` genes, and a third as many above `min_core_kme`."""

    min_size: int
    min_core_kme: float
    min_kme_to_stay: float


def trim(values: Array, labels: Array, kinship: Kinship, rules: Trimming) -> Trimmed:
    """Send genes far from their eigengene to grey, and dissolve modules that lack a core or become too small."""
    labels = labels.copy()
    modules, eigengenes = eigengene_matrix(values, labels)
    for module, eigengene in zip(modules, eigengenes.T, strict=True):
        genes = np.flatnonzero(labels == module)
        kme = kinship(values[:, genes], eigengene[:, None])[:, 0]
        stays = kme >= rules.min_kme_to_stay
        if np.count_nonzero(kme > rules.min_core_kme) < rules.min_size / 3 or np.count_nonzero(stays) < rules.min_size:
            stays[:] = False
        labels[genes[~stays]] = 0
    survives = np.isin(modules, labels)
    return Trimmed(labels, modules[survives], eigengenes[:, survives], used=int(modules.max(initial=0)))


def joined(parts: list[Trimmed], members: list[Array], n_genes: int) -> Trimmed:
    """Join the trimmed modules of all blocks; each block's labels follow those of the block before."""
    labels = np.zeros(n_genes, dtype=np.int64)
    modules, used = [], 0
    for part, genes in zip(parts, members, strict=True):
        labels[genes] = np.where(part.labels > 0, part.labels + used, 0)
        modules.append(part.modules + used)
        used += part.used
    return Trimmed(labels, np.concatenate(modules), np.hstack([part.eigengenes for part in parts]), used)


def reassign(values: Array, trimmed: Trimmed, kinship: Kinship, *, threshold: float, min_size: int) -> Array:
    """Move genes whose p with another eigengene is that much smaller than with their own -> new labels.

    A module that would keep fewer than `min_size` genes is dissolved, with those that move into it.
    """
    labels, modules = trimmed.labels.copy(), trimmed.modules
    if len(modules) < 2 or threshold <= 0:
        return labels
    dissolved = []
    for place, module in enumerate(modules):
        genes = np.flatnonzero(trimmed.labels == module)
        p = kinship.p(kinship(values[:, genes], trimmed.eigengenes), len(values))
        with np.errstate(invalid="ignore", divide="ignore"):
            moves = p.min(axis=1) / p[:, place] < threshold
        if moves.any() and np.count_nonzero(~moves) < min_size:
            dissolved.append(module)
        # R writes the eigengene's place among the surviving ones, not its label; the two differ once a module was dissolved.
        labels[genes[moves]] = p.argmin(axis=1)[moves] + 1
    return np.where(np.isin(labels, dissolved), 0, labels)


def merge_close_modules(
    expression: pd.DataFrame,
    labels: pd.Series,
    *,
    merge_height: float = 0.25,
    correlation: Correlation = "pearson",
    max_p_outliers: float = 1.0,
) -> pd.Series:
    """Merge modules whose eigengenes correlate above 1 - merge_height, until none do -> new labels by size.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        The expression the modules were found in.
    labels : Series of int, index `gene`
        0 for genes in no module.
    merge_height : float
        Average-linkage height of 1 - r between eigengenes up to which modules merge.
    correlation : {"pearson", "bicor"}
        The correlation of eigengenes.
    max_p_outliers : float
        For "bicor": the largest fraction of outliers on either side of the median.

    Returns
    -------
    Series of int, index `gene`
        1, 2, ... by decreasing size; 0 stays.

    Raises
    ------
    ValueError
        If `merge_height` is outside [0, 2] or the expression lacks a labelled gene.

    References
    ----------
    Langfelder & Horvath (2008), doi:10.1186/1471-2105-9-559
    """
    values = check_varying(expression.loc[:, known_genes(expression, labels)])
    kinship = Kinship(False, correlation, max_p_outliers)
    merged = merge_labels(values, labels.to_numpy(), check_merge_height(merge_height), kinship)
    return pd.Series(merged, index=labels.index, name="label")


def check_merge_height(merge_height: float) -> float:
    """Check the height below which modules merge."""
    if not 0 <= merge_height <= 2:
        raise InputError(f"`merge_height` is {merge_height}; it is a height of 1 - r and must be in [0, 2], 0 for no merging.")
    return merge_height


def merge_labels(values: Array, labels: Array, merge_height: float, kinship: Kinship) -> Array:
    """Merge close modules on arrays; closeness keeps its sign, also in an unsigned network."""
    while True:
        modules, eigengenes = eigengene_matrix(values, labels)
        if len(modules) < 2:
            return by_size(labels)
        distance = 1 - correlate(eigengenes, eigengenes, kinship.correlation, kinship.max_p_outliers)
        tree = linkage(squareform(distance, checks=False), "average")
        group = fcluster(tree, merge_height, "distance")
        if len(np.unique(group)) == len(modules):
            return by_size(labels)
        merged = {module: modules[group == g].min() for module, g in zip(modules, group, strict=True)}
        labels = np.array([merged.get(label, 0) for label in labels.tolist()])
