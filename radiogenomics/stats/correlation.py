"""Correlation tables: every pair of columns with interval, p and q."""

from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtr

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric, check_patients, common_patients
from radiogenomics.stats._checks import Floats, confidence_of
from radiogenomics.stats.multiplicity import benjamini_hochberg


def correlation_table(
    left: pd.DataFrame,
    right: pd.DataFrame | None = None,
    *,
    method: Literal["pearson", "spearman"],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """One or two patient tables -> the correlation of every pair of columns, long and tidy.

    P values from Student's t (R's ``cor.test``, for Spearman with ``exact = FALSE``); intervals by Fisher's z, for Spearman
    with the variance of Bonett & Wright (2000).

    Parameters
    ----------
    left : DataFrame, shape (n_patients, n_left)
        Numeric columns, indexed by patient.
    right : DataFrame, shape (n_patients, n_right), optional
        Other columns; patients not in both tables are left out. Without it, each pair of columns of `left` comes once.
    method : {"pearson", "spearman"}
        Linear or rank correlation.
    confidence : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame, shape (n_pairs, 8)
        ``first, second, r, low, high, n, p, q``; q is Benjamini-Hochberg over all rows. NaN for a constant column.

    Raises
    ------
    ValueError
        If a table is not indexed by patient, a value is missing, or fewer than four patients are shared.

    References
    ----------
    Bonett DG, Wright TA (2000). Psychometrika 65:23. doi:10.1007/BF02294183
    """
    check_choice(method, "method", ("pearson", "spearman"))
    for name, table in (("left", left), ("right", right)):
        if table is not None:
            check_numeric(check_patients(table, name), name)
    patients = left.index if right is None else common_patients(left, right, ("left", "right"))
    if len(patients) < 4:
        raise InputError(f"{len(patients)} patient(s) are left for a correlation; an interval needs at least four.")
    x, y = _standardised(left.loc[patients], method), None if right is None else _standardised(right.loc[patients], method)
    r = np.clip(x.T @ (x if y is None else y), -1, 1)
    rows, columns = np.triu_indices(len(r), 1) if y is None else np.indices(r.shape).reshape(2, -1)
    other = left if right is None else right
    table = pd.DataFrame({"first": left.columns[rows], "second": other.columns[columns], "r": r[rows, columns]})
    return _inference(table, len(patients), method, confidence_of(confidence))


def _standardised(table: pd.DataFrame, method: str) -> Floats:
    """Centre every column and give it unit length; a constant one becomes NaN."""
    values = (table.rank() if method == "spearman" else table).to_numpy(dtype=np.float64)
    centred = values - values.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    constant = np.ptp(values, axis=0) == 0
    return np.where(constant, np.nan, centred / np.where(constant, 1.0, length))


def _inference(table: pd.DataFrame, n: int, method: str, confidence: float) -> pd.DataFrame:
    r = table["r"].to_numpy()
    spread = np.sqrt((1 + r**2 / 2 if method == "spearman" else 1.0) / (n - 3))
    half = ndtri((1 + confidence) / 2) * spread
    with np.errstate(divide="ignore"):
        z, t = np.arctanh(r), r * np.sqrt((n - 2) / (1 - r**2))
    p = 2 * stdtr(n - 2, -np.abs(t))
    return table.assign(low=np.tanh(z - half), high=np.tanh(z + half), n=n, p=p, q=benjamini_hochberg(p))
