"""Columns of different tables brought to the patients that have them all."""

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise


def matched(**columns: pd.Series) -> pd.DataFrame:
    """Match Series by patient -> a table of the patients that miss in none of them.

    Raises
    ------
    TypeError
        If a column is no Series.
    ValueError
        If a Series names a patient twice, or no patient is in all of them.
    """
    for name, column in columns.items():
        if not isinstance(column, pd.Series):
            raise TypeError(f"`{name}` must be a pandas Series indexed by patient, it is a {type(column).__name__}.")
        if column.index.has_duplicates:
            twice = column.index[column.index.duplicated()].unique()
            raise InputError(
                f"`{name}` names patient(s) {summarise(twice)} more than once; reduce to one value per patient first."
            )
    first = next(iter(columns.values()))
    table: pd.DataFrame = pd.concat(columns, axis=1, join="inner").dropna()
    table.index.name = first.index.name
    if table.empty:
        examples = "; ".join(f"`{name}` has {summarise(column.dropna().index, 2)}" for name, column in columns.items())
        raise InputError(f"No patient has all of {', '.join(columns)}: {examples}. Use the same identifiers in all.")
    return table
