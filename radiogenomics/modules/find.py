"""Find modules: from an expression table to labels, eigengenes and memberships in one call."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice
from radiogenomics.modules.blocks import block_members, precision
from radiogenomics.modules.colors import color_names
from radiogenomics.modules.correlation import Correlation, correlate_into
from radiogenomics.modules.cut import cut_tree_hybrid
from radiogenomics.modules.eigengenes import eigengenes, membership
from radiogenomics.modules.inputs import check_enough_patients, usable, warn_of_counts
from radiogenomics.modules.linkage import Tree, average_linkage
from radiogenomics.modules.network import Denominator, Network, Overlap, adjacency_in_place, overlap_in_place
from radiogenomics.modules.pywgcna import find_with_pywgcna
from radiogenomics.modules.refine import Trimmed, joined, merge_labels, reassign, trim
from radiogenomics.modules.settings import Found, Settings

Engine = Literal["native", "pywgcna"]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Modules:
    """Co-expression modules of one cohort.

    Attributes
    ----------
    labels : Series of int, index `gene`
        0 for genes in no module (grey), then 1, 2, ... by decreasing size.
    labels_unmerged : Series of int, index `gene`
        The labels before close modules were merged.
    eigengenes : DataFrame, shape (n_patients, n_modules)
        Columns `ME1`, `ME2`, ...
    variance_explained : Series, shape (n_modules,)
        The mean squared correlation of a module's genes with its eigengene.
    membership : DataFrame, shape (n_genes, n_modules)
        kME: every gene's correlation with every eigengene.
    colors : Series of str, index `gene`
        The labels as WGCNA's standard colour names, 0 is grey.
    power : float
        The soft-threshold power.
    trees : tuple of Tree
        One dendrogram a block.
    loadings : DataFrame, index `gene`
        Columns `label, mean, sd, weight`; what `project` needs.
    dropped : DataFrame
        Columns `kind, name, reason`: genes and patients that could not be used.
    imputed : Series of int, shape (n_modules,)
        Missing values of each module's genes, which its eigengene takes from the nearest genes.
    """

    labels: pd.Series
    labels_unmerged: pd.Series
    eigengenes: pd.DataFrame
    variance_explained: pd.Series
    membership: pd.DataFrame
    colors: pd.Series
    power: float
    trees: tuple[Tree, ...]
    loadings: pd.DataFrame
    dropped: pd.DataFrame
    imputed: pd.Series


@dataclass(frozen=True, eq=False)
class _Part:
    """What one block brought."""

    tree: Tree
    trimmed: Trimmed


def find_modules(
    expression: pd.DataFrame,
    *,
    power: float,
    network: Network = "unsigned",
    overlap: Overlap = "unsigned",
    overlap_denominator: Denominator = "min",
    correlation: Correlation = "pearson",
    max_p_outliers: float = 1.0,
    min_size: int = 60,
    deep_split: int = 3,
    merge_height: float = 0.25,
    detect_height: float = 0.995,
    pam: bool = True,
    pam_respects_dendro: bool = True,
    min_core_kme: float = 0.5,
    min_kme_to_stay: float = 0.3,
    reassign_threshold: float = 1e-6,
    max_block_size: int = 20000,
    blocks: pd.Series | None = None,
    engine: Engine = "native",
) -> Modules:
    """Find modules of co-expressed genes: network, tree, cut, refinement and merging in one call.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Expression on a logarithmic scale, index `patient`, at least 15 patients. Constant genes, and genes and patients with
        more than half of their values missing, are dropped with a warning; other missing values are left out pair by pair.
    power : float
        The soft-threshold power, see `pick_soft_threshold`.
    network : {"unsigned", "signed", "signed hybrid"}
        How correlation becomes adjacency, see `adjacency`.
    overlap : {"unsigned", "signed", "signed Nowick", "none"}
        The kind of topological overlap, see `topological_overlap`. "signed Nowick" uses the signed |r|^power on any network.
    overlap_denominator : {"min", "mean"}
        Whether the smaller or the mean connectivity normalises the overlap.
    correlation : {"pearson", "bicor"}
        Pearson's correlation or the biweight midcorrelation.
    max_p_outliers : float
        For "bicor": the largest fraction of outliers on either side of the median.
    min_size : int
        The smallest number of genes in a module.
    deep_split : int
        0 (few, loose modules) to 4 (many, tight ones), see `cut_tree_hybrid`.
    merge_height : float
        Modules whose eigengenes correlate above 1 - merge_height become one.
    detect_height : float
        Merges of the tree above this height do not count.
    pam, pam_respects_dendro : bool
        Whether genes outside the branches join the nearest module, and only one on their own branch.
    min_core_kme : float
        A module needs `min_size` / 3 genes with a membership above this.
    min_kme_to_stay : float
        Genes with a lower membership leave their module.
    reassign_threshold : float
        A gene moves when its p with another eigengene is below this times its p with its own; 0 for never.
    max_block_size : int
        More genes than this are divided into blocks of like genes, whose modules are merged at the end. A block of n genes
        needs 8 n^2 bytes (16 n^2 up to 5,000 genes).
    blocks : Series, index `gene`, optional
        The caller's own blocks.
    engine : {"native", "pywgcna"}
        "native" equals R's WGCNA; "pywgcna" runs the package PyWGCNA, which differs, for comparison.

    Returns
    -------
    Modules
        Labels, eigengenes, memberships and trees.

    Raises
    ------
    ValueError
        If the table or a setting cannot be used; the message says what to change.
    MemoryError
        If the largest block would not fit into the free memory, before the work begins.

    References
    ----------
    Zhang & Horvath (2005), doi:10.2202/1544-6115.1128; Langfelder & Horvath (2008), WGCNA: an R package for weighted correlation
    network analysis. doi:10.1186/1471-2105-9-559; Langfelder, Zhang & Horvath (2008), doi:10.1093/bioinformatics/btm563
    """
    check_choice(engine, "engine", get_args(Engine))
    settings = Settings(
        power=power, network=network, overlap=overlap, overlap_denominator=overlap_denominator, correlation=correlation,
        max_p_outliers=max_p_outliers, min_size=min_size, deep_split=deep_split, merge_height=merge_height,
        detect_height=detect_height, pam=pam, pam_respects_dendro=pam_respects_dendro, min_core_kme=min_core_kme,
        min_kme_to_stay=min_kme_to_stay, reassign_threshold=reassign_threshold,
    )  # fmt: skip
    check_enough_patients(expression)
    kept, dropped = usable(expression)
    warn_of_counts(kept)
    modules = _native(kept, settings, blocks, max_block_size) if engine == "native" else find_with_pywgcna(kept, settings)
    return _described(kept, modules, settings, dropped)


def _native(expression: pd.DataFrame, settings: Settings, blocks: pd.Series | None, max_block_size: int) -> Found:
    """Find the modules of each block, then move genes and merge modules across blocks."""
    values = expression.to_numpy(dtype=np.float64, na_value=np.nan)
    genes = expression.columns.rename("gene")
    members = block_members(values, genes, blocks=blocks, max_block_size=max_block_size, unsigned=settings.network == "unsigned")
    parts = [_block(values[:, block], genes[block], settings) for block in members]
    with one_thread():  # Small matrices from here on: a second BLAS thread only costs.
        kinship = settings.kinship
        trimmed = joined([part.trimmed for part in parts], members, len(genes))
        unmerged = reassign(values, trimmed, kinship, threshold=settings.reassign_threshold, min_size=settings.min_size)
        labels = merge_labels(values, unmerged, settings.merge_height, kinship)
    return Found(labels, unmerged, tuple(part.tree for part in parts))


def _block(values: Array, genes: pd.Index, settings: Settings) -> _Part:
    """Find the modules of one block of genes."""
    n = values.shape[1]
    square, whole = (np.empty((n, n), dtype=precision(n)) for _ in range(2))
    correlate_into(square, values, settings.correlation, settings.max_p_outliers)
    # "signed Nowick" works on the signed |r| ** power whatever the network, as R does.
    network = "unsigned" if settings.overlap == "signed Nowick" else settings.network
    keep_sign = settings.overlap in ("signed", "signed Nowick")
    adjacency_in_place(square, power=settings.power, network=network, keep_sign=keep_sign)
    overlap_in_place(square, whole, denominator=settings.overlap_denominator, overlap=settings.overlap, dissimilarity=True)
    tree = average_linkage(square, genes)
    del square
    labels = cut_tree_hybrid(
        tree, whole, min_size=settings.min_size, deep_split=settings.deep_split, cut_height=settings.detect_height,
        pam=settings.pam, pam_respects_dendro=settings.pam_respects_dendro,
    ).to_numpy()  # fmt: skip
    del whole
    with one_thread():
        return _Part(tree, trim(values, labels, settings.kinship, settings.trimming))


def _described(expression: pd.DataFrame, found: Found, settings: Settings, dropped: pd.DataFrame) -> Modules:
    """Lay found labels out as `Modules`."""
    genes = expression.columns.rename("gene")
    labels = pd.Series(found.labels, index=genes, name="label")
    with one_thread():
        summary = eigengenes(expression, labels)
        kme = membership(expression, summary.values, correlation=settings.correlation)
    return Modules(
        labels=labels,
        labels_unmerged=pd.Series(found.unmerged, index=genes, name="label_unmerged"),
        eigengenes=summary.values,
        variance_explained=summary.variance_explained,
        membership=kme,
        colors=color_names(labels),
        power=settings.power,
        trees=found.trees,
        loadings=summary.loadings,
        dropped=dropped,
        imputed=_missing(expression, labels),
    )


def _missing(expression: pd.DataFrame, labels: pd.Series) -> pd.Series:
    """Count the missing values of each module's genes."""
    counts = expression.isna().sum().groupby(labels.to_numpy()).sum()
    counts = counts[counts.index > 0]
    return counts.astype(int).set_axis(pd.Index([f"ME{module}" for module in counts.index], name="module")).rename("imputed")
