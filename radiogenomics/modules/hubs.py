"""Connectivity inside modules, and the genes at their centres."""

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics.modules.find import Modules


def intramodular_connectivity(adjacency: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Sum each gene's adjacencies to all genes and to its own module's -> one row per gene.

    Parameters
    ----------
    adjacency : DataFrame, shape (n_genes, n_genes)
        From `adjacency`.
    labels : Series of int, index `gene`
        The genes' modules, grey genes are a group of their own.

    Returns
    -------
    DataFrame, shape (n_genes, 4)
        Columns `k_total, k_within, k_out, k_diff` (within minus out); a gene's adjacency to itself does not count.

    Raises
    ------
    ValueError
        If adjacency and labels do not name the same genes in the same order.

    References
    ----------
    Zhang & Horvath (2005), doi:10.2202/1544-6115.1128
    """
    if not adjacency.index.equals(labels.index) or not adjacency.columns.equals(labels.index):
        raise InputError("`adjacency` and `labels` must name the same genes in the same order; use labels.loc[adjacency.index].")
    values = adjacency.to_numpy(dtype=np.float64)
    codes, _ = pd.factorize(labels)
    within = values @ np.eye(codes.max(initial=-1) + 1)[codes]
    k_total = values.sum(axis=1) - 1
    k_within = within[np.arange(len(codes)), codes] - 1
    k_out = k_total - k_within
    columns = {"k_total": k_total, "k_within": k_within, "k_out": k_out, "k_diff": k_within - k_out}
    return pd.DataFrame(columns, index=labels.index.rename("gene"))


def hub_genes(modules: Modules, *, most: int = 10) -> pd.DataFrame:
    """List each module's genes with the highest membership -> one row per gene, best first.

    Parameters
    ----------
    modules : Modules
        From `find_modules`.
    most : int
        How many genes a module.

    Returns
    -------
    DataFrame
        Columns `module, rank, gene, membership`; `membership` is the signed kME, ranked by its size.

    Raises
    ------
    ValueError
        If `most` is below 1.

    References
    ----------
    Horvath & Dong (2008), Geometric interpretation of gene coexpression network analysis. doi:10.1371/journal.pcbi.1000117
    """
    if most < 1:
        raise InputError(f"`most` is {most}; ask for at least 1 gene a module.")
    own = modules.labels[modules.labels > 0]
    columns = modules.membership.columns.get_indexer(pd.Index([f"ME{label}" for label in own]))
    kme = modules.membership.loc[own.index].to_numpy()[np.arange(len(own)), columns]
    table = pd.DataFrame({"module": own.to_numpy(), "gene": own.index, "membership": kme, "size": np.abs(kme)})
    table = table.sort_values(["module", "size"], ascending=[True, False], kind="stable")
    table["rank"] = table.groupby("module").cumcount() + 1
    return table.loc[table["rank"] <= most, ["module", "rank", "gene", "membership"]].reset_index(drop=True)
