"""Intraclass correlation: how much of the spread of ratings lies between the subjects, in all forms of McGraw & Wong.

Ours, because pingouin, the package that has it, is GPL, gives one feature at a time and half of the forms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import fdtrc, fdtri

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric, check_patients
from radiogenomics.stats._checks import Floats, confidence_of

Model = Literal["oneway", "twoway"]
Definition = Literal["consistency", "agreement"]
Unit = Literal["single", "average"]


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation with its interval and F test.

    Attributes
    ----------
    name : str
        As McGraw & Wong write it; for three raters ``ICC(1), ICC(C,1), ICC(A,1), ICC(3), ICC(C,3), ICC(A,3)``.
    icc, low, high : float
        Estimate and interval.
    f, df1, df2, p : float
        F test against an intraclass correlation of 0.
    subjects, raters : int
        Rows and columns of the ratings.
    """

    name: str
    icc: float
    low: float
    high: float
    f: float
    df1: float
    df2: float
    p: float
    subjects: int
    raters: int


def icc(ratings: Floats | pd.DataFrame, *, model: Model, definition: Definition, unit: Unit, confidence: float = 0.95) -> Icc:
    """Subjects rated by several raters -> one intraclass correlation, its interval and F test.

    All forms of McGraw & Wong (1996), with their intervals; equal to R's ``irr::icc``. In the words of Shrout & Fleiss
    (1979), with ``unit="single"``: ``oneway`` is ICC(1,1), ``twoway`` with ``agreement`` ICC(2,1), ``twoway`` with
    ``consistency`` ICC(3,1); ``unit="average"`` gives their ICC(1,k), ICC(2,k) and ICC(3,k).

    Parameters
    ----------
    ratings : array or DataFrame, shape (n_subjects, n_raters)
        One row per subject, one column per rater, reading or segmentation.
    model : {"oneway", "twoway"}
        Whether every subject has raters of its own, or the same raters rate all.
    definition : {"consistency", "agreement"}
        Whether a constant shift between raters is forgiven. For ``oneway`` it makes no difference.
    unit : {"single", "average"}
        Reliability of one rating, or of the mean over the raters.
    confidence : float
        Confidence level of the interval.

    Returns
    -------
    Icc
        Estimate, interval and test. Perfect agreement gives 1 with an interval without width. R's ``psych::ICC`` gives the
        same estimates, another F test for ``agreement``, and for its mean of raters a slightly narrower interval.

    Raises
    ------
    ValueError
        If there are fewer than two subjects or raters, a value is missing, no subject differs, or a choice is unknown.

    References
    ----------
    McGraw KO, Wong SP (1996). Psychological Methods 1:30. doi:10.1037/1082-989X.1.1.30
    Shrout PE, Fleiss JL (1979). Psychological Bulletin 86:420. doi:10.1037/0033-2909.86.2.420
    """
    table = pd.DataFrame(ratings)
    check_numeric(table, "ratings")
    values = table.to_numpy(dtype=np.float64)
    columns = _icc(values[:, :, None], model, definition, unit, confidence_of(confidence))
    if np.isnan(columns["icc"][0]):
        raise InputError("`ratings` has the same values for every subject; an intraclass correlation needs subjects that differ.")
    name = {"oneway": "ICC({k})", "twoway": f"ICC({definition[0].upper()},{{k}})"}[model]
    subjects, raters = values.shape
    label = name.format(k=1 if unit == "single" else raters)
    return Icc(label, **{key: float(column[0]) for key, column in columns.items()}, subjects=subjects, raters=raters)


def icc_by_feature(
    readings: Sequence[pd.DataFrame], *, model: Model, definition: Definition, unit: Unit, confidence: float = 0.95
) -> pd.DataFrame:
    """Repeated feature tables -> the intraclass correlation of every feature, for filters of stable features.

    Parameters
    ----------
    readings : sequence of DataFrame, each shape (n_patients, n_features)
        One table per reader, segmentation or scan, with the same patients and features in the same order.
    model, definition, unit, confidence
        As in `icc`.

    Returns
    -------
    DataFrame, shape (n_features, 8)
        ``feature, icc, low, high, f, df1, df2, p``; NaN for a feature that is constant over patients and readings.

    Raises
    ------
    ValueError
        As `icc`; also if the tables differ in patients or features.

    References
    ----------
    McGraw KO, Wong SP (1996). Psychological Methods 1:30. doi:10.1037/1082-989X.1.1.30
    """
    if len(readings) < 2:
        raise InputError(f"`readings` holds {len(readings)} table(s); an intraclass correlation needs at least two readings.")
    first = check_patients(readings[0], "readings[0]")
    for position, table in enumerate(readings):
        name = f"readings[{position}]"
        check_numeric(check_patients(table, name), name)
        if not (table.index.equals(first.index) and table.columns.equals(first.columns)):
            remedy = f"use {name}.loc[readings[0].index, readings[0].columns]"
            raise InputError(f"`{name}` has other patients or features than the first, or another order; {remedy}.")
    values = np.stack([table.to_numpy(dtype=np.float64) for table in readings], axis=1)
    return pd.DataFrame({"feature": first.columns, **_icc(values, model, definition, unit, confidence_of(confidence))})


def _icc(values: Floats, model: str, definition: str, unit: str, confidence: float) -> dict[str, Floats]:
    """Give estimate, interval and test of every feature of ratings, shape (n_subjects, n_raters, n_features)."""
    check_choice(model, "model", ("oneway", "twoway"))
    check_choice(definition, "definition", ("consistency", "agreement"))
    check_choice(unit, "unit", ("single", "average"))
    n, k, _ = values.shape
    if n < 2 or k < 2:
        raise InputError(f"The ratings have {n} subject(s) and {k} rater(s); give at least two of each.")
    rows, columns, error, within = _mean_squares(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        if model == "oneway":
            single = _ratio_form(rows, within, n - 1.0, n * (k - 1.0), k, confidence)
        elif definition == "consistency":
            single = _ratio_form(rows, error, n - 1.0, (n - 1.0) * (k - 1.0), k, confidence)
        else:
            single = _agreement_form(rows, columns, error, n, k, confidence, unit)
        undefined = (rows <= 0) & ((within if model == "oneway" else error) <= 0)
        for key in ("icc", "low", "high"):
            raw = single[key]
            single[key] = np.where(undefined, np.nan, raw if unit == "single" else _stepped_up(raw, k))
    return {key: single[key] for key in ("icc", "low", "high", "f", "df1", "df2", "p")}


def _stepped_up(single: Floats, k: int) -> Floats:
    """Spearman-Brown: reliability of the mean of k raters; without a lower limit once raters differ more than subjects."""
    below = 1 + (k - 1) * single
    return np.where(below > 1e-12, k * single / np.maximum(below, 1e-12), -np.inf)


def _mean_squares(values: Floats) -> tuple[Floats, ...]:
    """Two-way analysis of variance -> mean squares of rows, columns, error, and within rows."""
    n, k, _ = values.shape
    # Far from 0, squares of deviations from the grand mean keep digits that sums of squares lose.
    centred = values - values.mean(axis=(0, 1))
    rows = k * (centred.mean(axis=1) ** 2).sum(axis=0) / (n - 1)
    columns = n * (centred.mean(axis=0) ** 2).sum(axis=0) / (k - 1)
    within = ((centred - centred.mean(axis=1, keepdims=True)) ** 2).sum(axis=(0, 1))
    residual = centred - centred.mean(axis=1, keepdims=True) - centred.mean(axis=0, keepdims=True)
    squares = rows, columns, (residual**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1)), within / (n * (k - 1))
    # What only rounding left is 0: perfect agreement and constant features must be seen as such.
    rounding = (64 * np.finfo(float).eps * np.abs(values).max(axis=(0, 1))) ** 2
    return tuple(np.where(square > rounding, square, 0.0) for square in squares)


def _ratio_form(rows: Floats, noise: Floats, df1: float, df2: float, k: int, confidence: float) -> dict[str, Floats]:
    """ICC(1) and ICC(C,1): a function of one F ratio, which carries the interval."""
    f = rows / noise
    upper = (1 + confidence) / 2
    low, high = f / fdtri(df1, df2, upper), f * fdtri(df2, df1, upper)
    limits = {name: _of_ratio(ratio, k) for name, ratio in (("icc", f), ("low", low), ("high", high))}
    return {**limits, "f": f, "df1": np.full_like(f, df1), "df2": np.full_like(f, df2), "p": fdtrc(df1, df2, f)}


def _of_ratio(ratio: Floats, k: int) -> Floats:
    return np.where(np.isinf(ratio), 1.0, (ratio - 1) / (ratio + k - 1))


def _agreement_form(
    rows: Floats, columns: Floats, error: Floats, n: int, k: int, confidence: float, unit: str
) -> dict[str, Floats]:
    """ICC(A,1), whose denominator holds the raters too: degrees of freedom by Satterthwaite (McGraw & Wong, table 7)."""
    estimate = (rows - error) / (rows + (k - 1) * error + k / n * (columns - error))
    perfect = (error == 0) & (columns == 0)
    estimate = np.where(perfect, 1.0, estimate)
    # For the mean of raters irr::icc puts ICC(A,k) itself here, where psych::ICC steps the single interval up.
    rho = estimate if unit == "single" else k * estimate / (1 + (k - 1) * estimate)
    a, b = k * rho / (n * (1 - rho)), 1 + k * rho * (n - 1) / (n * (1 - rho))
    df2 = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    df2 = np.where(perfect, (n - 1) * (k - 1), df2)
    least, most = fdtri(n - 1, df2, (1 + confidence) / 2), fdtri(df2, n - 1, (1 + confidence) / 2)
    raters = k * columns + (k * n - k - n) * error
    low = np.where(perfect, 1.0, n * (rows - least * error) / (least * raters + n * rows))
    high = np.where(perfect, 1.0, n * (most * rows - error) / (raters + n * most * rows))
    f = rows / error
    return {
        "icc": estimate,
        "low": low,
        "high": high,
        "f": f,
        "df1": np.full_like(f, n - 1),
        "df2": df2,
        "p": fdtrc(n - 1, df2, f),
    }
