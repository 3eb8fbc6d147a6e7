"""From expression to a network: correlation, adjacency (soft threshold) and topological overlap."""

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.modules.correlation import Correlation, correlate_into
from radiogenomics.modules.inplace import in_stripes, rank_update, row_sums
from radiogenomics.modules.inputs import check_power, check_varying

Network = Literal["unsigned", "signed", "signed hybrid"]
Overlap = Literal["unsigned", "signed", "signed Nowick", "none"]
Denominator = Literal["min", "mean"]
Array = np.ndarray[Any, Any]


def adjacency(
    expression: pd.DataFrame,
    *,
    power: float,
    network: Network = "unsigned",
    correlation: Correlation = "pearson",
    max_p_outliers: float = 1.0,
    keep_sign: bool = False,
) -> pd.DataFrame:
    """Connect every two genes by a power of their correlation -> genes x genes.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Expression on a logarithmic scale; NaN is left out pair by pair.
    power : float
        The soft-threshold power.
    network : {"unsigned", "signed", "signed hybrid"}
        |r|^power; ((1 + r) / 2)^power; r^power where r is positive, else 0.
    correlation : {"pearson", "bicor"}
        Pearson's correlation or the biweight midcorrelation.
    max_p_outliers : float
        For "bicor": the largest fraction of patients on either side of the median that may be treated as outliers.
    keep_sign : bool
        Keep the correlation's sign on an unsigned network, as signed topological overlap wants it.

    Returns
    -------
    DataFrame, shape (n_genes, n_genes)
        Symmetric, 1 on the diagonal, in [0, 1] (in [-1, 1] with `keep_sign`).

    Raises
    ------
    ValueError
        If the table is not a numeric patient table, a gene is constant, or an option is unknown.

    References
    ----------
    Zhang & Horvath (2005), A general framework for weighted gene co-expression network analysis. doi:10.2202/1544-6115.1128
    """
    check_choice(network, "network", get_args(Network))
    values = check_varying(expression)
    square = np.empty((values.shape[1], values.shape[1]))
    correlate_into(square, values, correlation, max_p_outliers)
    adjacency_in_place(square, power=check_power(power), network=network, keep_sign=keep_sign)
    genes = expression.columns.rename("gene")
    return pd.DataFrame(square, index=genes, columns=genes, copy=False)


def topological_overlap(
    adjacency: pd.DataFrame, *, overlap: Overlap = "unsigned", denominator: Denominator = "min"
) -> pd.DataFrame:
    """Measure how many neighbours every two genes share -> genes x genes.

    Parameters
    ----------
    adjacency : DataFrame, shape (n_genes, n_genes)
        Symmetric, 1 on the diagonal; with signs for the signed kinds (see `adjacency(keep_sign=True)`).
    overlap : {"unsigned", "signed", "signed Nowick", "none"}
        "signed" takes the absolute value of the signed overlap, "signed Nowick" keeps its sign, "none" returns the adjacency.
    denominator : {"min", "mean"}
        Whether the smaller or the mean connectivity normalises.

    Returns
    -------
    DataFrame, shape (n_genes, n_genes)
        Symmetric, in [0, 1] (in [-1, 1] for "signed Nowick"), 1 on the diagonal.

    Raises
    ------
    ValueError
        If the adjacency is not a symmetric square with values in [-1, 1] and 1 on its diagonal, or an option is unknown.

    References
    ----------
    Zhang & Horvath (2005), doi:10.2202/1544-6115.1128; Nowick et al. (2009), doi:10.1073/pnas.0911376106.
    """
    check_choice(overlap, "overlap", get_args(Overlap))
    check_choice(denominator, "denominator", get_args(Denominator))
    square = _checked_adjacency(adjacency)
    if overlap != "none":
        if overlap == "unsigned":
            np.abs(square, out=square)
        overlap_in_place(square, np.empty_like(square), denominator=denominator, overlap=overlap, dissimilarity=False)
    return pd.DataFrame(square, index=adjacency.index, columns=adjacency.columns, copy=False)


def adjacency_in_place(square: Array, *, power: float, network: Network, keep_sign: bool) -> None:
    """Turn the correlations in a square's lower triangle into the whole adjacency."""
    from radiogenomics.modules import _kernels

    kinds = {"unsigned": _kernels.UNSIGNED, "signed": _kernels.SIGNED, "signed hybrid": _kernels.HYBRID}
    kind = _kernels.KEEP_SIGN if keep_sign and network == "unsigned" else kinds[network]
    in_stripes(lambda first, step: _kernels.adjacency_tiles(square, float(power), kind, first, step))


def overlap_in_place(square: Array, scratch: Array, *, denominator: Denominator, overlap: Overlap, dissimilarity: bool) -> None:
    """Turn an adjacency into its topological overlap (or 1 - overlap), written to both squares."""
    from radiogenomics.modules import _kernels

    if overlap == "none":
        in_stripes(lambda first, step: _kernels.mirror_complement(square, scratch, first, step))
        return
    sums = row_sums(square)
    rank_update(square, scratch)
    mean, absolute = denominator == "mean", overlap != "signed Nowick"
    in_stripes(lambda first, step: _kernels.overlap_tiles(square, scratch, sums, mean, absolute, dissimilarity, first, step))


def _checked_adjacency(adjacency: pd.DataFrame) -> Array:
    values = np.array(adjacency, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise InputError(f"`adjacency` has shape {values.shape}; give a square, genes x genes.")
    if not np.isfinite(values).all() or np.abs(values).max(initial=0) > 1 + 1e-12:
        raise InputError("`adjacency` must be finite and in [-1, 1]; make it with `adjacency(...)`.")
    if not np.allclose(values, values.T, rtol=0, atol=1e-12) or not np.allclose(np.diag(values), 1, rtol=0, atol=1e-12):
        raise InputError("`adjacency` must be symmetric with 1 on its diagonal; make it with `adjacency(...)`.")
    return values
