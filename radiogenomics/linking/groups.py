"""Groups of features that are nearly the same: what a figure shows once and a reader must not count twice."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric, check_patients
from radiogenomics.linking._blocks import FEWEST_OF_PAIR, ROUNDING


def feature_groups(table: pd.DataFrame, *, min_correlation: float = 0.9) -> "pd.Series[str]":
    """Group the columns of a patient table that are nearly the same -> the feature that stands for each.

    Columns are clustered by complete linkage of 1 - |r|, so that every two columns of a group correlate at least so strongly, in
    either direction. Neither genes nor outcome have a say in it.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_features)
        Measurements, NaN where missing; columns without more than one value are in no group.
    min_correlation : float
        The least |r| inside a group, above 0 and at most 1.

    Returns
    -------
    Series, shape (n_varying_features,)
        For every feature that of its group with the largest mean |r| in it (the medoid); alone, itself.

    Raises
    ------
    ValueError
        If the table has a column twice or one that is not numeric, or `min_correlation` lies outside 0 to 1.

    Examples
    --------
    >>> groups = feature_groups(features, min_correlation=0.9)  # doctest: +SKIP
    >>> features[groups.unique()]  # one column per group  # doctest: +SKIP
    """
    if not 0.0 < min_correlation <= 1.0:
        raise InputError(f"`min_correlation` is {min_correlation:g}; it must lie above 0 and be at most 1, usually 0.9.")
    varying = varying_columns(check_numeric(check_patients(table, "table"), "table", missing=True))
    return _medoids(varying.corr().abs().fillna(0), 1 - min_correlation)


def _medoids(alike: pd.DataFrame, farthest: float) -> "pd.Series[str]":
    far = (1 - alike).clip(lower=0).to_numpy(copy=True)
    far[range(len(far)), range(len(far))] = 0
    if len(far) < 2:
        return pd.Series(alike.columns, index=alike.columns)
    groups = pd.Series(fcluster(linkage(squareform(far, checks=False), "complete"), farthest, "distance"), index=alike.columns)
    middle = {group: alike.loc[names, names].mean().idxmax() for group, names in groups.groupby(groups).groups.items()}
    standing: pd.Series[str] = groups.map(middle)
    return standing


def one_per_group(links: pd.DataFrame, groups: "pd.Series[str]") -> pd.DataFrame:
    """Keep, of the links of nearly the same features with one target, the one with the smallest p.

    Parameters
    ----------
    links : DataFrame
        Rows of `correlate` or `contrast`, of one family.
    groups : Series
        From `feature_groups`; features that it lacks stand for themselves.

    Returns
    -------
    DataFrame
        The kept rows, smallest p first.

    Raises
    ------
    ValueError
        If a feature stands twice in `groups`.
    """
    if not groups.index.is_unique:
        raise InputError("`groups` holds a feature twice; group the features of one table at a time.")
    ordered = links.sort_values("p", kind="stable")
    group = ordered["feature"].map(groups).fillna(ordered["feature"])
    return ordered[~pd.DataFrame({"group": group, "target": ordered["target"]}).duplicated()]


def varying_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that vary and are known of enough patients; no other can be linked.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_columns)
        Measurements; missing ones are no value.

    Returns
    -------
    DataFrame
        The same rows, and the columns with more than one value, known of four patients or more. Numbers that differ by
        rounding alone are one value.
    """
    return table.loc[:, _varies(table)]


def _varies(table: pd.DataFrame) -> "np.ndarray[Any, Any]":
    kept = ((table.nunique() > 1) & (table.notna().sum() >= min(FEWEST_OF_PAIR, len(table)))).to_numpy()
    numbers = table.select_dtypes("number")
    values = numbers.to_numpy(dtype=float, na_value=np.nan)
    there = ~np.isnan(values)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    spread = np.linalg.norm(np.where(there, values - mean, 0.0), axis=0)
    rounded = numbers.columns[spread <= ROUNDING * np.linalg.norm(filled, axis=0)]
    return np.asarray(kept & ~table.columns.isin(rounded))


def varying_beside(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that vary among the patients known in each column of another table.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_columns)
        The table whose columns are kept or left.
    other : DataFrame, shape (n_patients, n_others)
        Measurements of the same patients in the same order, NaN where missing.

    Returns
    -------
    DataFrame
        The same rows, and the columns that can be linked with every column of `other`.

    Raises
    ------
    ValueError
        If the tables do not hold the same patients in the same order.
    """
    if not table.index.equals(other.index):
        raise InputError("`table` and `other` must hold the same patients in one order; use table.loc[other.index].")
    kept = table.columns
    for known in other.notna().to_numpy().T:
        kept = kept[_varies(table.loc[known, kept])]
    return table[kept]
