"""Module eigengenes, and every gene's membership in every module."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from radiogenomics._errors import InputError
from radiogenomics.modules.correlation import Correlation, correlate
from radiogenomics.modules.impute import R_BLOCK, impute_nearest
from radiogenomics.modules.inputs import check_varying

logger = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Eigengenes:
    """The first principal component of every module, and what new patients need to get theirs.

    Attributes
    ----------
    values : DataFrame, shape (n_patients, n_modules)
        Columns `ME1`, `ME2`, ...; length 1 each, on the side of the module's mean expression.
    variance_explained : Series, shape (n_modules,)
        The mean squared correlation of a module's genes with its eigengene, missing values imputed as for the eigengene.
    loadings : DataFrame, shape (n_genes_in_modules, 4)
        Index `gene`, columns `label, mean, sd, weight`: an eigengene is the sum of weight x (expression - mean) / sd.
    """

    values: pd.DataFrame
    variance_explained: pd.Series
    loadings: pd.DataFrame


def eigengenes(expression: pd.DataFrame, labels: pd.Series) -> Eigengenes:
    """Summarise each module by its first principal component over the patients.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        The genes named by `labels`, others are ignored. Missing values come from the ten nearest genes of the module, and the
        log says how many; R does the same within blocks of at most 1,500 genes.
    labels : Series of int, index `gene`
        0 for genes in no module.

    Returns
    -------
    Eigengenes
        Values, explained variance, and the loadings that `project` uses.

    Raises
    ------
    ValueError
        If the expression is not a numeric patient table, or lacks a labelled gene.

    References
    ----------
    Langfelder & Horvath (2007), Eigengene networks for studying the relationships between co-expression modules.
    doi:10.1186/1752-0509-1-54
    """
    values = check_varying(expression.loc[:, known_genes(expression, labels)])
    return _eigengenes(values, labels, expression.index)


def membership(expression: pd.DataFrame, eigengenes: pd.DataFrame, *, correlation: Correlation = "pearson") -> pd.DataFrame:
    """Correlate every gene with every eigengene (kME, signed) -> genes x modules.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Expression; NaN is left out pair by pair.
    eigengenes : DataFrame, shape (n_patients, n_modules)
        Eigengenes of the same patients, in the same order.
    correlation : {"pearson", "bicor"}
        The kind of correlation.

    Returns
    -------
    DataFrame, shape (n_genes, n_modules)
        In [-1, 1].

    Raises
    ------
    ValueError
        If the patients differ.
    """
    if not expression.index.equals(eigengenes.index):
        raise InputError(
            "`expression` and `eigengenes` must have the same patients in the same order; use eigengenes.loc[expression.index]."
        )
    kme = correlate(check_varying(expression), eigengenes.to_numpy(dtype=np.float64), correlation)
    return pd.DataFrame(kme, index=expression.columns.rename("gene"), columns=eigengenes.columns)


def known_genes(expression: pd.DataFrame, labels: pd.Series) -> pd.Index:
    """Check that every labelled gene is in the expression -> their names."""
    missing = labels.index.difference(expression.columns)
    if len(missing):
        raise InputError(
            f"`expression` lacks {len(missing)} of {len(labels)} labelled genes, the first is {missing[0]!r}; "
            "give the table the modules were found in."
        )
    return labels.index


@dataclass(frozen=True, eq=False)
class Component:
    """The first principal component of some genes.

    Attributes
    ----------
    eigengene : array, shape (n_patients,)
        Length 1, on the side of the mean expression.
    weights, mean, sd : array, shape (n_genes,)
        The eigengene is the sum of weight x (expression - mean) / sd.
    explained : float
        The mean squared correlation of the genes with the eigengene, missing values imputed as for the eigengene.
    """

    eigengene: Array
    weights: Array
    mean: Array
    sd: Array
    explained: float


def first_component(values: Array) -> Component:
    """Find the first component of patients x genes, missing values from the nearest genes."""
    whole = impute_nearest(values) if np.isnan(values).any() else values
    mean, sd = whole.mean(axis=0), whole.std(axis=0, ddof=1)
    scaled = (whole - mean) / sd
    # Patients are few and genes many: the component comes from the small product, patients x patients.
    last = len(scaled) - 1
    strength, vector = eigh(scaled @ scaled.T, subset_by_index=[last, last])
    # A component's sign is arbitrary; the module's mean expression fixes it.
    side = np.where(np.dot(_mean_expression(values), vector[:, 0]) < 0, -1.0, 1.0)
    eigengene = side * vector[:, 0]
    weights = scaled.T @ eigengene / strength[0]
    # A gene's correlation with the eigengene is weight x strength / sqrt(n - 1), and their squares sum to strength / (n - 1).
    explained = float(strength[0] / (last * values.shape[1]))
    return Component(eigengene, weights, mean, sd, explained)


def _mean_expression(values: Array) -> Array:
    """Average the scaled genes of each patient over what was measured, centred; 0 for a patient without any."""
    scaled = (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0, ddof=1)
    measured = ~np.isnan(scaled)
    some = measured.any(axis=1)
    average = np.where(measured, scaled, 0.0).sum(axis=1) / np.maximum(measured.sum(axis=1), 1)
    return np.asarray(np.where(some, average - average[some].mean(), 0.0))


def eigengene_matrix(values: Array, labels: Array) -> tuple[Array, Array]:
    """Compute the eigengenes alone -> (the sorted labels above 0, patients x modules)."""
    modules = np.unique(labels[labels > 0])
    columns = [first_component(values[:, labels == module]).eigengene for module in modules]
    return modules, np.column_stack(columns) if len(modules) else np.empty((len(values), 0))


def _eigengenes(values: Array, labels: pd.Series, patients: pd.Index) -> Eigengenes:
    modules = np.unique(labels[labels > 0])
    names = pd.Index([f"ME{module}" for module in modules], name="module")
    columns, explained, loadings = [], [], []
    for module in modules:
        own = (labels == module).to_numpy()
        _say_imputed(values[:, own], int(module))
        first = first_component(values[:, own])
        columns.append(first.eigengene)
        explained.append(first.explained)
        parts = {"label": module, "mean": first.mean, "sd": first.sd, "weight": first.weights}
        loadings.append(pd.DataFrame(parts, index=labels.index[own]))
    table = np.column_stack(columns) if columns else np.empty((len(patients), 0))
    empty = pd.DataFrame(columns=["label", "mean", "sd", "weight"], index=labels.index[:0], dtype=float)
    return Eigengenes(
        pd.DataFrame(table, index=patients, columns=names),
        pd.Series(explained, index=names, name="variance_explained", dtype=float),
        pd.concat(loadings) if loadings else empty,
    )


def _say_imputed(values: Array, module: int) -> None:
    missing = int(np.isnan(values).sum())
    if not missing:
        return
    genes = values.shape[1]
    share = 100 * missing / values.size
    logger.info("module %d: %d missing value(s) (%.2g %%) imputed from the nearest genes", module, missing, share)
    if genes > R_BLOCK:
        logger.warning(
            "module %d: %d genes with missing values; R's impute.knn looks for nearest genes within blocks of at most %d, ours "
            "among all: the eigengene is R's to about 1e-4 only",
            module,
            genes,
            R_BLOCK,
        )
