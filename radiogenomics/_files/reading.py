"""A table in a file, whatever its dialect -> a DataFrame, and what was decided while it was read."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files.decisions import Decision, Reading, decision_table, log_decisions
from radiogenomics._files.dialect import UNNAMED, Layout, lay_out
from radiogenomics._files.sheets import read_sheet
from radiogenomics._files.unpacking import decode, is_workbook, no_table, unpack
from radiogenomics._files.words import (
    PLAIN,
    MissingWords,
    as_words,
    comma_columns,
    number_column,
    shown_counts,
    with_point,
    without_missing,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """The rows of a table with their place in the file.

    Attributes
    ----------
    table : DataFrame
        The rows, numbered from 0.
    lines : list of int
        The line (of a sheet: the row) in which each stands, from 1.
    comments : int
        How many lines of comments stood before the heading.
    decisions : list of Decision
        What was decided.
    """

    table: pd.DataFrame
    lines: list[int]
    comments: int
    decisions: list[Decision]


def read_table(
    path: Path,
    *,
    missing: Sequence[str] | None = None,
    text: bool = True,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> pd.DataFrame:
    """Read a table from text (comma, semicolon or tab separated), an Excel sheet or parquet; each also packed.

    Parameters
    ----------
    path : Path
        The file. What it is, is told from its bytes: gzip, bzip2, xz, a zip or tar of one file, .xlsx, parquet, or text in
        UTF-8, UTF-16 or Windows-1252 (Latin-1).
    missing : sequence of str, optional
        Words that stand for a missing value, exactly these. The usual ones (`MissingWords`) when left out.
    text : bool
        Whether every value stays the text it is; otherwise columns of numbers become numbers, but for the first.
    separator : str, optional
        One character; found out from the lines when left out.
    decimal : {'.', ','}, optional
        How decimals are written; found out when left out. With '.', commas between groups of three digits are dropped.
    encoding : str, optional
        Such as 'latin-1'; found out when left out.
    sheet : str, optional
        The sheet of an Excel workbook; the first that holds something when left out.

    Returns
    -------
    DataFrame
        As it stands in the file, blanks around names and values taken off; an index of a parquet file becomes its first column.
        What was decided is logged; `table_reading` gives it as a table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no such table, damaged, ragged or without rows, or a folder; the message names the line.
    """
    options = {"separator": separator, "decimal": decimal, "encoding": encoding, "sheet": sheet}
    return table_reading(path, missing=missing, text=text, **options).table


def table_reading(
    path: Path,
    *,
    missing: Sequence[str] | None = None,
    text: bool = True,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Reading:
    """Read a table as `read_table` does -> the table and what was decided while it was read."""
    options = {"separator": separator, "decimal": decimal, "encoding": encoding, "sheet": sheet}
    rows = read_rows(path, missing=as_words(missing), text=text, **options)
    log_decisions(rows.decisions, logger)
    return Reading(rows.table, decision_table(rows.decisions))


def read_rows(
    path: Path,
    *,
    missing: MissingWords,
    text: bool = True,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Rows:
    """Read a table as `read_table` does -> its rows with their lines, and what was decided; nothing is logged."""
    path = Path(path)
    decisions: list[Decision] = []
    if decimal not in (None, ".", ","):
        raise InputError(f"{path}: decimal = {decimal!r}; give '.' or ','.")
    data = unpack(path, decisions)
    if data.startswith(b"PAR1"):
        rows = _parquet(data, path, decisions)
    elif is_workbook(data, path):
        found = read_sheet(data, path, sheet, decisions)
        table = pd.DataFrame(found.rows, dtype=object).set_axis([found.names[0] or UNNAMED, *found.names[1:]], axis=1)
        rows = Rows(table, found.lines, 0, decisions)
    else:
        layout = lay_out(decode(data, path, encoding, decisions), path, separator, decisions)
        rows = Rows(_parse(layout, text, missing), layout.lines, layout.comments, decisions)
    rows = replace(rows, table=_once(_headed(rows.table, path, decisions), path, decisions))
    return replace(rows, table=_values(rows, path, missing, decimal, text))


def _parse(layout: Layout, text: bool, missing: MissingWords) -> pd.DataFrame:
    """Read the rows of a text table; their number of fields has been checked."""
    table = pd.read_csv(
        io.StringIO("\n".join(layout.body) + "\n"),
        sep=layout.separator,
        header=None,
        index_col=False,
        names=range(len(layout.names)),
        dtype=str if text else {0: str},
        keep_default_na=False,
        na_values=[word for word in PLAIN if missing.includes(word)],
        skipinitialspace=layout.separator != " ",
        quoting=layout.quoting,
        low_memory=False,
    )
    if len(table) != len(layout.lines):
        raise InputError(f"{len(layout.lines)} rows were counted and {len(table)} read; give the table without quotes.")
    return table.set_axis(layout.names, axis=1)


def _parquet(data: bytes, path: Path, decisions: list[Decision]) -> Rows:
    try:
        table = pd.read_parquet(io.BytesIO(data))
    except (ValueError, OSError) as error:
        raise no_table(path, str(error)) from error
    if not isinstance(table.index, pd.RangeIndex) or table.index.name is not None:
        table = table.reset_index(names=table.index.name or UNNAMED)
    if table.empty:
        raise no_table(path, "it has a heading and no row", "give a table with rows")
    return Rows(table.set_axis([str(name) for name in table.columns], axis=1), list(range(1, len(table) + 1)), 0, decisions)


def _headed(table: pd.DataFrame, path: Path, decisions: list[Decision]) -> pd.DataFrame:
    """Take blanks off the names, leave out nameless empty columns, and refuse nameless ones with values."""
    names = [name.strip(" \t\n\u00a0\u200b") for name in table.columns]
    nameless = [at for at, name in enumerate(names) if not name]
    filled = [at for at in nameless if not _is_blank(table.iloc[:, at])]
    if filled:
        raise no_table(path, f"column {filled[0] + 1} has values and no name", "name it in the heading, or remove it")
    if nameless:
        decisions.append(Decision("empty columns", str(path), len(nameless), "columns without a name and without a value"))
    kept = [at for at in range(len(names)) if at not in nameless]
    return table.set_axis(names, axis=1).iloc[:, kept] if nameless else table.set_axis(names, axis=1)


def _is_blank(column: pd.Series) -> bool:
    return bool((column.isna() | (column.astype(str).str.strip() == "")).all())


def _once(table: pd.DataFrame, path: Path, decisions: list[Decision]) -> pd.DataFrame:
    """Keep one of columns that have the same name and the same values; refuse those that differ."""
    if table.columns.is_unique:
        return table
    copies = []
    for name in table.columns[table.columns.duplicated()].unique():
        places = np.flatnonzero(table.columns == name)
        if any(not table.iloc[:, at].equals(table.iloc[:, places[0]]) for at in places[1:]):
            raise no_table(path, f"column(s) {_named_twice(table)} come more than once", "rename or drop the duplicates")
        copies += places[1:].tolist()
    why = f"columns with the name and the values of another are left out: {_named_twice(table)}"
    decisions.append(Decision("copies of columns", str(path), len(copies), why))
    return table.iloc[:, [at for at in range(table.shape[1]) if at not in copies]]


def _named_twice(table: pd.DataFrame) -> str:
    return ", ".join(sorted(set(table.columns[table.columns.duplicated()]))[:5])


def _values(rows: Rows, path: Path, missing: MissingWords, decimal: str | None, text: bool) -> pd.DataFrame:
    """Blank the words for missing and mend decimal commas, column by column; the first keeps its words."""
    table, columns = rows.table, {}
    for at, name in enumerate(table.columns):
        column = table[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            columns[name] = column
            continue
        words = missing if at else MissingWords(known=False, own=frozenset(["", *missing.own]))
        columns[name], said = without_missing(column, words)
        if said:
            where = f"{path}, column {name!r}"
            rows.decisions.append(Decision("word for missing", where, sum(said.values()), shown_counts(said)))
    clean = pd.DataFrame(columns, index=table.index)
    clean = _points(clean, path, decimal, rows.decisions)
    if text:
        return clean
    return clean.apply(lambda column: column if column.name == clean.columns[0] else number_column(column)[0])


def _points(table: pd.DataFrame, path: Path, decimal: str | None, decisions: list[Decision]) -> pd.DataFrame:
    """Write decimal commas as points; refuse a table in which a comma may mean two things."""
    commas, thousands, points = comma_columns(table.iloc[:, 1:])
    if not commas:
        return table
    names = [str(table.columns[at + 1]) for at in commas]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if decimal is None and (thousands or points):
        other = "others have a point" if points and not thousands else "it may part thousands"
        raise InputError(
            f"{path}: column(s) {shown} hold numbers with a comma, while {other}; say decimal = ',' or '.', or write numbers alike."
        )
    grouped = decimal == "."
    kind = "commas between thousands" if grouped else "decimal comma"
    decisions.append(Decision(kind, str(path), len(names), f"numbers with a comma in column(s) {shown}"))
    mended = {name: with_point(table[name], thousands=grouped) for name in names}
    return table.assign(**mended)
