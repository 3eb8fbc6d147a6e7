"""Missing values of an expression matrix -> stand-ins, and how many there are."""

from typing import Literal

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import Decision
from radiogenomics._tables import check_choice, summarise

Imputation = Literal["knn", "median"]
_NEIGHBOURS = 10


def impute(expression: pd.DataFrame, *, method: Imputation = "knn") -> pd.DataFrame:
    """Fill the missing values of an expression matrix -> a complete copy.

    No outcome enters. Every patient takes part, so that within cross-validation a patient judged on has helped to fill others.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        On a log scale or z-scores, NaN where missing; every gene has a value.
    method : {'knn', 'median'}
        The mean of the 10 nearest genes among those that the patient has, by scikit-learn's `KNNImputer`; or the gene's median.

    Returns
    -------
    DataFrame, shape (n_patients, n_genes)
        The matrix itself where nothing is missing.

    Raises
    ------
    ValueError
        If a patient has no value at all.

    References
    ----------
    .. [1] Troyanskaya O et al. (2001). Missing value estimation methods for DNA microarrays. Bioinformatics 17:520-525.
       doi:10.1093/bioinformatics/17.6.520
    """
    check_choice(method, "method", ("knn", "median"))
    empty = expression.index[expression.isna().all(axis=1)]
    if len(empty):
        raise InputError(f"patient(s) {summarise(empty)} have no value of any gene; remove them from the expression matrix.")
    if not expression.isna().to_numpy().any():
        return expression
    if method == "median":
        return expression.fillna(expression.median())
    from sklearn.impute import KNNImputer

    # Genes are the rows here: a gene is like its nearest genes, as in R's impute.knn.
    nearest = KNNImputer(n_neighbors=min(_NEIGHBOURS, expression.shape[1]))
    filled = nearest.fit_transform(expression.to_numpy(dtype=float).T).T
    return pd.DataFrame(filled, index=expression.index, columns=expression.columns)


def imputed(expression: pd.DataFrame, method: Imputation) -> list[Decision]:
    """Tell how many values of a matrix are imputed, and which patients have more imputed than measured values."""
    missing = expression.isna()
    count = int(missing.to_numpy().sum())
    if not count:
        return []
    genes, share = missing.any(), missing.mean(axis=1)
    how = "the mean of the nearest genes" if method == "knn" else "the gene's median"
    why = f"{count / missing.size:.2%} of the values, in {int(genes.sum())} genes, stand for missing ones: {how}"
    said = [Decision("values imputed", "expression", count, why)]
    sparse = share[share > 0.5]
    if len(sparse):
        why = f"more than half of their values are missing and imputed: {summarise(sparse.index)}"
        said.append(Decision("patients mostly imputed", "expression", len(sparse), why))
    return said
