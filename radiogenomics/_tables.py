"""Checks of tables at the public edge: each raises one clear error with value, place and remedy."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError

_SHOWN = 5


def summarise(values: Iterable[object], most: int = _SHOWN) -> str:
    """Name the first few values and count the rest, for error messages."""
    values = list(values)
    rest = len(values) - most
    return ", ".join(str(value) for value in values[:most]) + (f" and {rest} more" if rest > 0 else "")


def check_patients(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Check that a table has one row per patient -> the same table.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_columns)
        A patient table; its index holds the identifiers, may have any name, and more than one level.
    name : str
        What the caller calls it; stands in the message.

    Returns
    -------
    DataFrame
        The table itself, so that the check can stand inside an expression.

    Raises
    ------
    ValueError
        If the index is named as one of genes, holds a patient twice or a missing identifier, or a column name comes twice.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"`{name}` must be a pandas DataFrame with one row per patient, it is a {type(table).__name__}.")
    if table.index.name in ("gene", "symbol", "gene_id"):
        raise InputError(f"`{name}` has genes in rows (its index is {table.index.name!r}); use table.T.rename_axis('patient').")
    unnamed = int(np.sum(table.index.to_frame().isna().to_numpy().any(axis=1)))
    if unnamed:
        raise InputError(f"`{name}` has {unnamed} rows without a patient identifier; drop or name them.")
    _unique(table.index, f"`{name}` has more than one row for patient", "reduce to one row per patient first")
    _unique(table.columns, f"`{name}` has more than one column named", "rename or drop the duplicates")
    return table


def check_numeric(table: pd.DataFrame, name: str, *, missing: bool = False) -> pd.DataFrame:
    """Check that every column is numeric and finite -> the same table.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_columns)
        The measurements.
    name : str
        What the caller calls it.
    missing : bool
        Whether NaN is allowed. Infinity never is.

    Returns
    -------
    DataFrame
        The table itself.

    Raises
    ------
    ValueError
        If a column is not numeric, or a value is infinite, or NaN without leave; the message names columns and rows.
    """
    words = [str(column) for column, kind in table.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if words:
        raise InputError(f"`{name}` must be numeric, column(s) {summarise(words)} are not; drop them or encode them as numbers.")
    values = table.to_numpy(dtype=float, na_value=np.nan)
    bad = np.isinf(values) if missing else ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        place = f"row {table.index[row]!r}, column {table.columns[column]!r}"
        remedy = "replace infinite values" if missing else "impute or drop them first"
        raise InputError(f"`{name}` has {int(bad.sum())} value(s) that are not finite, the first at {place}; {remedy}.")
    return table


def check_choice(value: str, name: str, known: Sequence[str]) -> str:
    """Check that a closed choice is one of the known ones -> the value.

    Raises
    ------
    ValueError
        Naming the value and every known choice.
    """
    if value not in known:
        raise InputError(f"`{name}` is {value!r}, it must be one of {', '.join(map(repr, known))}.")
    return value


def common_patients(left: pd.DataFrame, right: pd.DataFrame, names: tuple[str, str]) -> pd.Index:
    """Find the patients that two tables share -> their index in the left table's order.

    Raises
    ------
    ValueError
        If no patient is in both; the message shows identifiers of each side.
    """
    both = left.index.intersection(right.index, sort=False)
    if both.empty:
        examples = f"`{names[0]}` has {summarise(left.index, 2)}; `{names[1]}` has {summarise(right.index, 2)}"
        raise InputError(f"`{names[0]}` and `{names[1]}` share no patient: {examples}. Use the same identifiers in both.")
    return both


def _unique(labels: pd.Index, message: str, remedy: str) -> None:
    twice = labels[labels.duplicated()].unique()
    if len(twice):
        raise InputError(f"{message} {summarise(twice)}; {remedy}.")
