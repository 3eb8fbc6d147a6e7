"""Eigengenes of new patients, by the loadings learned in the cohort the modules were found in."""

import warnings

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric, check_patients, summarise
from radiogenomics.modules.find import Modules

_ENOUGH = 0.5


def project(modules: Modules, expression: pd.DataFrame) -> pd.DataFrame:
    """Compute every module's eigengene in other patients, nothing learned from them -> patients x modules.

    Parameters
    ----------
    modules : Modules
        Modules of the training cohort.
    expression : DataFrame, shape (n_patients, n_genes)
        New patients on the same scale as the training cohort. Genes in no module are ignored; a missing value counts as the
        gene's training mean.

    Returns
    -------
    DataFrame, shape (n_patients, n_modules)
        On the scale of the training eigengenes: the training patients get their own values back.

    Raises
    ------
    ValueError
        If less than half of a module's genes are measured in the new table, or it is not a numeric patient table.

    Warns
    -----
    UserWarning
        If genes of modules are missing from the new table.
    """
    loadings = modules.loadings
    check_patients(expression, "expression")
    there = loadings.index.isin(expression.columns)
    _check_coverage(loadings, there)
    loadings = loadings[there]
    values = check_numeric(expression.loc[:, loadings.index], "expression", missing=True).to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    scaled = np.nan_to_num((values - loadings["mean"].to_numpy()) / loadings["sd"].to_numpy())
    names = modules.eigengenes.columns
    weights = np.where(
        ("ME" + loadings["label"].astype(str)).to_numpy()[:, None] == names.to_numpy(),
        loadings["weight"].to_numpy()[:, None],
        0.0,
    )
    return pd.DataFrame(scaled @ weights, index=expression.index, columns=names)


def _check_coverage(loadings: pd.DataFrame, there: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
    if there.all():
        return
    covered = pd.Series(there, index=loadings["label"]).groupby(level=0).mean()
    poor = covered[covered < _ENOUGH]
    if len(poor):
        raise InputError(
            f"`expression` measures less than half of the genes of module(s) {summarise(poor.index)}; bring both tables to the "
            "same kind of gene identifier, or drop those modules."
        )
    absent = loadings.index[~there]
    warnings.warn(
        f"{len(absent)} gene(s) of modules are missing and count as their training mean: {summarise(absent)}.", stacklevel=3
    )
