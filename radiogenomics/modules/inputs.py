"""Checks of an expression table, and what is left out of it before modules can be found."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric, check_patients, summarise

Array = np.ndarray[Any, Any]
FEWEST_PATIENTS = 15
_FEWEST_VALUES = 4
_CONSTANT = 1e-10
_LARGEST_LOG, _NEARLY_ALL = 30.0, 0.999


def check_expression(expression: pd.DataFrame) -> Array:
    """Check an expression table, patients x genes -> its values in float64, NaN where missing."""
    check_numeric(check_patients(expression, "expression"), "expression", missing=True)
    if expression.shape[1] < 2:
        raise InputError(f"`expression` has {expression.shape[1]} gene(s); a network needs at least 2.")
    return expression.to_numpy(dtype=np.float64, na_value=np.nan)


def check_varying(expression: pd.DataFrame) -> Array:
    """Check an expression table in which every gene has something to correlate -> its values."""
    values = check_expression(expression)
    flat = expression.columns[_bad_genes(values) == "constant"]
    if len(flat):
        raise InputError(
            f"`expression` has {len(flat)} gene(s) without variance: {summarise(flat)}; drop them, as `find_modules` does."
        )
    return values


def check_enough_patients(expression: pd.DataFrame) -> None:
    """Refuse cohorts in which correlations are mostly noise."""
    if len(expression) < FEWEST_PATIENTS:
        raise InputError(
            f"`expression` has {len(expression)} patients; modules need at least {FEWEST_PATIENTS}, since correlations of "
            "fewer are mostly noise. Add patients, or project modules of a larger cohort with `project`."
        )


def check_power(power: float) -> float:
    """Check a soft-threshold power."""
    if isinstance(power, bool) or not isinstance(power, int | float | np.integer | np.floating):
        raise TypeError(f"`power` is {power!r}; give a number, for example the one `pick_soft_threshold` suggests.")
    if not 0 < power <= 100:
        raise InputError(f"`power` is {power}; it must be above 0 and at most 100 (usually 4 to 20).")
    return float(power)


def warn_of_counts(expression: pd.DataFrame) -> None:
    """Warn of what is on no log scale: correlations of counts follow library size, those of TPM a few samples of large values."""
    values = expression.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values[~np.isnan(values)]
    if not known.size or known.min() < 0 or np.quantile(known, _NEARLY_ALL) <= _LARGEST_LOG:
        return
    counts = bool((known == np.round(known)).all())
    what = "raw counts (whole numbers" if counts else "values on a linear scale, such as TPM, FPKM or intensities (numbers"
    why = "follow library size" if counts else "follow a few patients of large values"
    warnings.warn(
        f"`expression` looks like {what} up to {known.max():,.0f}), whose correlations {why}; bring them to a log scale first, "
        f"for example with `expression.prepare(table, unit={'counts' if counts else 'tpm'!r}).measured`.",
        UserWarning,
        stacklevel=3,
    )


def usable(expression: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop genes without variance, and genes and patients with more than half missing -> what is left, what was dropped.

    Returns
    -------
    kept : DataFrame, shape (n_kept_patients, n_kept_genes)
        The table itself where nothing had to go.
    dropped : DataFrame
        Columns `kind` ("gene" or "patient"), `name`, `reason`, with a warning when it is not empty.
    """
    values = check_expression(expression)
    genes, patients = np.ones(values.shape[1], bool), np.ones(values.shape[0], bool)
    reasons: list[tuple[str, object, str]] = []
    while True:
        reason = _bad_genes(values[patients])
        bad = genes & (reason != "")
        reasons += [("gene", expression.columns[g], str(reason[g])) for g in np.flatnonzero(bad).tolist()]
        genes &= ~bad
        sparse = patients & (np.isnan(values[:, genes]).mean(axis=1) > 0.5 if genes.any() else False)
        reasons += [
            ("patient", expression.index[p], "more than half of its values are missing") for p in np.flatnonzero(sparse).tolist()
        ]
        patients &= ~sparse
        if not bad.any() and not sparse.any():
            break
    dropped = pd.DataFrame(reasons, columns=["kind", "name", "reason"])
    _warn(dropped)
    return (expression if dropped.empty else expression.loc[patients, genes]), dropped


def _bad_genes(values: Array) -> Array:
    """Say why a gene cannot be used, "" where it can."""
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    spread = np.sqrt((np.where(there, values - mean, 0.0) ** 2).sum(axis=0) / np.maximum(n - 1, 1))
    reason = np.where(spread <= _CONSTANT * np.maximum(1.0, np.abs(mean)), "constant", "").astype(object)
    reason[(n < len(values) / 2) | (n < _FEWEST_VALUES)] = "more than half of its values are missing"
    return reason


def _warn(dropped: pd.DataFrame) -> None:
    for kind, rows in dropped.groupby("kind"):
        counts = ", ".join(f"{count} {reason}" for reason, count in rows["reason"].value_counts().items())
        message = f"{len(rows)} {kind}(s) cannot be used and were dropped ({counts}): {summarise(rows['name'])}."
        warnings.warn(message, UserWarning, stacklevel=4)
