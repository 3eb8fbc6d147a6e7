"""Module eigengenes, and every gene's membership in every module."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from radiogenomics._errors import InputError
from radiogenomics.modules.correlation import Correlation, correlate
from radiogenomics.modules.impute import impute_nearest
from radiogenomics.modules.inputs import check_varying

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Eigengenes:
    """The first principal component of every module, and what new patients need to get theirs.

    Attributes
    ----------
    values : DataFrame, shape (n_patients, n_modules)
        Columns `ME1`, `ME2`, ...; length 1 each, on the side of the module's mean expression.
    variance_explained : Series, shape (n_modules,)
        The mean squared correlation of a module's genes with its eigengene.
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
        The genes named by `labels`, others are ignored. Missing values come from the ten nearest genes of the module.
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


def first_component(values: Array) -> tuple[Array, Array, Array, Array]:
    """Find the first component of patients x genes -> (eigengene, weights, means, standard deviations)."""
    whole = impute_nearest(values) if np.isnan(values).any() else values
    mean, sd = whole.mean(axis=0), whole.std(axis=0, ddof=1)
    scaled = (whole - mean) / sd
    # Patients are few and genes many: the component comes from the small product, patients x patients.
    last = len(scaled) - 1
    strength, vector = eigh(scaled @ scaled.T, subset_by_index=[last, last])
    # A component's sign is arbitrary; the module's mean expression fixes it.
    side = np.where(np.dot(_mean_expression(values), vector[:, 0]) < 0, -1.0, 1.0)
    eigengene = side * vector[:, 0]
    return eigengene, scaled.T @ eigengene / strength[0], mean, sd


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
    columns = [first_component(values[:, labels == module])[0] for module in modules]
    return modules, np.column_stack(columns) if len(modules) else np.empty((len(values), 0))


def _eigengenes(values: Array, labels: pd.Series, patients: pd.Index) -> Eigengenes:
    modules = np.unique(labels[labels > 0])
    names = pd.Index([f"ME{module}" for module in modules], name="module")
    columns, explained, loadings = [], [], []
    for module in modules:
        own = (labels == module).to_numpy()
        eigengene, weight, mean, sd = first_component(values[:, own])
        columns.append(eigengene)
        explained.append((correlate(values[:, own], eigengene[:, None]) ** 2).mean())
        loadings.append(pd.DataFrame({"label": module, "mean": mean, "sd": sd, "weight": weight}, index=labels.index[own]))
    table = np.column_stack(columns) if columns else np.empty((len(patients), 0))
    empty = pd.DataFrame(columns=["label", "mean", "sd", "weight"], index=labels.index[:0], dtype=float)
    return Eigengenes(
        pd.DataFrame(table, index=patients, columns=names),
        pd.Series(explained, index=names, name="variance_explained", dtype=float),
        pd.concat(loadings) if loadings else empty,
    )
