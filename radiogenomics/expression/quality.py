"""Do the patients' transcriptomes look sound: reads and genes found, and the main directions, by scanpy."""

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric
from radiogenomics.expression.preparation import to_anndata

_TOP = 50


def quality(counts: pd.DataFrame) -> pd.DataFrame:
    """Count the reads and the genes found of every patient, by scanpy's ``calculate_qc_metrics``.

    Parameters
    ----------
    counts : DataFrame, shape (n_patients, n_genes)
        Raw counts, none missing.

    Returns
    -------
    DataFrame, shape (n_patients, 3)
        ``n_genes_by_counts`` (genes with a read), ``total_counts`` (reads) and, of 50 genes or more,
        ``pct_counts_in_top_50_genes``: the percentage of the reads that the patient's 50 commonest genes take. A patient
        unlike the others in one of them may owe the place on the principal components to the sequencing.

    Raises
    ------
    ValueError
        If a count is missing or negative, or a column holds no numbers.

    References
    ----------
    McCarthy DJ et al. (2017). Bioinformatics 33:1179. doi:10.1093/bioinformatics/btw777
    """
    import scanpy as sc

    check_numeric(counts, "counts")
    if (counts.to_numpy() < 0).any():
        raise InputError(
            f"`counts` cannot be negative, the smallest value is {counts.min().min():g}; give raw counts, not logarithms."
        )
    top = (_TOP,) if counts.shape[1] >= _TOP else None
    metrics, _ = sc.pp.calculate_qc_metrics(to_anndata(counts), percent_top=top, log1p=False, inplace=False)
    return pd.DataFrame(metrics).set_axis(counts.index)


def principal_components(expression: pd.DataFrame, *, n_components: int = 5) -> pd.DataFrame:
    """Find the main directions of expression by scanpy -> one row per patient, PC1...

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Prepared matrix without missing values.
    n_components : int
        How many.

    Returns
    -------
    DataFrame, shape (n_patients, n_components)
        Scores; ``attrs['variance_ratio']`` holds the share of variance of each.
    """
    import scanpy as sc

    wrapped = to_anndata(expression)
    n_components = min(n_components, min(expression.shape) - 1)
    sc.pp.pca(wrapped, n_comps=n_components, svd_solver="full", random_state=0)
    names = [f"PC{i + 1}" for i in range(n_components)]
    scores = pd.DataFrame(wrapped.obsm["X_pca"], index=expression.index, columns=names)
    scores.attrs["variance_ratio"] = wrapped.uns["pca"]["variance_ratio"].tolist()
    return scores
