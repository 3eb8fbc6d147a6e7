"""Find modules: from an expression table to labels, eigengenes and memberships in one call."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from radiogenomics._tables import check_choice
from radiogenomics.modules.colors import color_names
from radiogenomics.modules.correlation import Correlation, correlate_into
from radiogenomics.modules.cut import cut_tree_hybrid
from radiogenomics.modules.eigengenes import eigengenes, membership
from radiogenomics.modules.inputs import check_enough_patients, check_power, usable
from radiogenomics.modules.linkage import Tree, average_linkage
from radiogenomics.modules.network import Denominator, Network, Overlap, adjacency_in_place, overlap_in_place
from radiogenomics.modules.refine import Kinship, check_merge_height, merge_labels, reassign, trim

Engine = Literal["native", "pywgcna"]
Array = np.ndarray[Any, Any]
# Up to here two squares in double precision cost less than 400 MB, and the tree equals R's merge by merge. Beyond, single
# precision halves memory and time; merges whose heights agree to seven digits may then change places.
_DOUBLE_UP_TO = 5000


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


@dataclass(frozen=True)
class Settings:
    """Every setting of one run, as `find_modules` documents them."""

    power: float
    network: Network
    overlap: Overlap
    overlap_denominator: Denominator
    correlation: Correlation
    max_p_outliers: float
    min_size: int
    deep_split: int
    merge_height: float
    detect_height: float
    pam: bool
    pam_respects_dendro: bool
    min_core_kme: float
    min_kme_to_stay: float
    reassign_threshold: float

    def __post_init__(self) -> None:
        """Check every setting that can be known to be wrong before the work."""
        check_power(self.power)
        check_choice(self.network, "network", get_args(Network))
        check_choice(self.overlap, "overlap", get_args(Overlap))
        check_choice(self.overlap_denominator, "overlap_denominator", get_args(Denominator))
        check_choice(self.correlation, "correlation", get_args(Correlation))
        check_merge_height(self.merge_height)


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
) -> Modules:
    """Find co-expression modules in an expression table."""
    check_enough_patients(expression)
    settings = Settings(
        power=power, network=network, overlap=overlap, overlap_denominator=overlap_denominator, correlation=correlation,
        max_p_outliers=max_p_outliers, min_size=min_size, deep_split=deep_split, merge_height=merge_height,
        detect_height=detect_height, pam=pam, pam_respects_dendro=pam_respects_dendro, min_core_kme=min_core_kme,
        min_kme_to_stay=min_kme_to_stay, reassign_threshold=reassign_threshold,
    )  # fmt: skip
    kept, dropped = usable(expression)
    values = kept.to_numpy(dtype=np.float64, na_value=np.nan)
    genes = kept.columns.rename("gene")
    tree, labels = _block(values, genes, settings)
    kinship = Kinship(network == "unsigned", correlation, max_p_outliers)
    unmerged = reassign(values, labels, kinship, threshold=reassign_threshold)
    merged = merge_labels(values, unmerged, merge_height)
    return describe(kept, merged, unmerged, settings, (tree,), dropped)


def _block(values: Array, genes: pd.Index, settings: Settings) -> tuple[Tree, Array]:
    """Find the modules of one block of genes -> its tree and its labels."""
    kind = np.float64 if values.shape[1] <= _DOUBLE_UP_TO else np.float32
    square, whole = (np.empty((values.shape[1], values.shape[1]), dtype=kind) for _ in range(2))
    correlate_into(square, values, settings.correlation, settings.max_p_outliers)
    keep_sign = settings.overlap in ("signed", "signed Nowick")
    adjacency_in_place(square, power=settings.power, network=settings.network, keep_sign=keep_sign)
    overlap_in_place(square, whole, denominator=settings.overlap_denominator, overlap=settings.overlap, dissimilarity=True)
    tree = average_linkage(square, genes)
    del square
    labels = cut_tree_hybrid(
        tree, whole, min_size=settings.min_size, deep_split=settings.deep_split, cut_height=settings.detect_height,
        pam=settings.pam, pam_respects_dendro=settings.pam_respects_dendro,
    ).to_numpy()  # fmt: skip
    kinship = Kinship(settings.network == "unsigned", settings.correlation, settings.max_p_outliers)
    kept = trim(
        values,
        labels,
        kinship,
        min_size=settings.min_size,
        min_core_kme=settings.min_core_kme,
        min_kme_to_stay=settings.min_kme_to_stay,
    )
    return tree, kept


def describe(
    expression: pd.DataFrame, labels: Array, unmerged: Array, settings: Settings, trees: tuple[Tree, ...], dropped: pd.DataFrame
) -> Modules:
    """Lay found labels out as `Modules`."""
    genes = expression.columns.rename("gene")
    series = pd.Series(labels, index=genes, name="label")
    summary = eigengenes(expression, series)
    return Modules(
        labels=series,
        labels_unmerged=pd.Series(unmerged, index=genes, name="label_unmerged"),
        eigengenes=summary.values,
        variance_explained=summary.variance_explained,
        membership=membership(expression, summary.values, correlation=settings.correlation),
        colors=color_names(series),
        power=settings.power,
        trees=trees,
        loadings=summary.loadings,
        dropped=dropped,
    )
