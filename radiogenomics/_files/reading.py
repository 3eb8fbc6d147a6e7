"""A table in a file, whatever its dialect -> a DataFrame, and what was decided while it was read."""

import csv
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype

from radiogenomics._errors import InputError
from radiogenomics._files.columns import BLANKS, choose_columns
from radiogenomics._files.decisions import Decision, Reading, decision_table, log_decisions
from radiogenomics._files.dialect import UNNAMED, Layout, check_width, lay_out
from radiogenomics._files.sheets import read_sheet
from radiogenomics._files.unpacking import decode, is_workbook, no_table, opening, unpack
from radiogenomics._files.words import (
    PLAIN,
    MissingWords,
    as_words,
    comma_columns,
    has_points,
    number_columns,
    shown_counts,
    with_point,
    without_missing,
)

logger = logging.getLogger(__name__)
_TRUTH = ("bool", "boolean")
_WIDE = 1000
"""From so many columns on, a table is read in one piece."""
_PLAIN_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
"""What every reader takes for a number."""


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
    repeated : dict of str to str
        The name in the heading of each column that was numbered since another has it too.
    """

    table: pd.DataFrame
    lines: list[int]
    comments: int
    decisions: list[Decision]
    repeated: dict[str, str] = field(default_factory=dict)


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
    options: dict[str, Any] = {"separator": separator, "decimal": decimal, "encoding": encoding, "sheet": sheet}
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
    options: dict[str, Any] = {"separator": separator, "decimal": decimal, "encoding": encoding, "sheet": sheet}
    rows = read_rows(path, missing=as_words(missing), text=text, **options)
    log_decisions(rows.decisions, logger)
    return Reading(rows.table, decision_table(rows.decisions))


def read_rows(
    path: Path,
    *,
    missing: MissingWords,
    text: bool = True,
    number_names: bool = False,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Rows:
    """Read a table as `read_table` does -> its rows with their lines, and what was decided; nothing is logged.

    With `number_names`, columns of one name and other values are numbered (`x`, `x.1`) rather than refused.
    """
    path = Path(path)
    decisions: list[Decision] = []
    if decimal not in (None, ".", ","):
        raise InputError(f"{path}: decimal = {decimal!r}; give '.' or ','.")
    data = unpack(path, decisions)
    if data.startswith(b"PAR1"):
        raw = _parquet(data, path)
    elif is_workbook(data, path):
        sheet_read = read_sheet(data, path, sheet, decisions)
        raw = _Raw(
            pd.DataFrame(sheet_read.rows, dtype=object),
            [sheet_read.names[0] or UNNAMED, *sheet_read.names[1:]],
            sheet_read.lines,
            0,
        )
    else:
        with opening(path, "text", "export it again"):
            raw = _parse(lay_out(decode(data, path, encoding, decisions), path, separator, decisions), missing, text)
    names = choose_columns(raw.table, raw.names, path, number_names, decisions)
    table = _values(raw, names, path, missing, decisions)
    table = _points(table, {names[at] for at in raw.numeric & set(names)}, path, decimal, decisions)
    if not text:
        table = pd.concat([table.iloc[:, :1], number_columns(table.iloc[:, 1:])[0]], axis=1)
    headed = {name: raw.names[at].strip(BLANKS) for at, name in names.items()}
    return Rows(table, raw.lines, raw.comments, decisions, {name: was for name, was in headed.items() if was != name})


@dataclass(frozen=True)
class _Raw:
    """Columns 0, 1, ... as they stand in the file, with their names; `numeric` names those of plain numbers by position."""

    table: pd.DataFrame
    names: list[str]
    lines: list[int]
    comments: int
    numeric: set[int] = field(default_factory=set)


def _parse(layout: Layout, missing: MissingWords, text: bool) -> _Raw:
    """Read the rows of a text table, whose numbers of fields have been checked."""
    blank = [word for word in PLAIN if missing.includes(word)]
    if text and len(layout.names) > _WIDE and layout.quoting == csv.QUOTE_NONE and layout.separator != " ":
        return _parse_wide(layout, blank)
    typed = _read_csv(layout, {0: str}, blank)
    table = _read_csv(layout, str, blank) if text else typed
    if len(table) != len(layout.lines):
        raise InputError(f"{len(layout.lines)} rows were counted and {len(table)} read; give the table without quotes.")
    numeric = {at for at, kind in enumerate(typed.dtypes) if kind.kind in "iuf"}
    return _Raw(table, layout.names, layout.lines, layout.comments, numeric)


def _parse_wide(layout: Layout, blank: list[str]) -> _Raw:
    """Read a wide table in one piece: pandas makes every column by itself, which takes a minute for 100,000 of them."""
    words = set(blank)
    rows = [[field.lstrip(" ") for field in line.split(layout.separator)] for line in layout.body]
    cells = np.array(rows, dtype=object)
    missing = np.array([[field in words for field in row] for row in rows])
    plain = {at for at in range(1, cells.shape[1]) if all(map(_PLAIN_NUMBER.fullmatch, cells[~missing[:, at], at]))}
    others = sorted(set(range(1, cells.shape[1])) - plain)
    typed = _read_csv(layout, None, blank, others) if others else pd.DataFrame()
    cells[missing] = np.nan
    numeric = plain | {at for at in others if typed[at].dtype.kind in "iuf"}
    return _Raw(pd.DataFrame(cells), layout.names, layout.lines, layout.comments, numeric)


def _read_csv(layout: Layout, kind: Any, blank: list[str], only: list[int] | None = None) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(
        io.StringIO("\n".join(layout.body) + "\n"),
        sep=layout.separator,
        header=None,
        index_col=False,
        names=range(len(layout.names)),
        usecols=only,
        dtype=kind,
        keep_default_na=False,
        na_values=blank,
        skipinitialspace=layout.separator != " ",
        quoting=cast(Literal[0, 1, 2, 3], layout.quoting),
        low_memory=False,
    )
    return table


def _parquet(data: bytes, path: Path) -> _Raw:
    import pyarrow.parquet

    with opening(path, "parquet", "fetch or write it again"):
        schema = pyarrow.parquet.read_schema(io.BytesIO(data))
        check_width(len(schema), path)
        _check_flat(schema, path)
        table = _plain_columns(pd.read_parquet(io.BytesIO(data)))
    if not isinstance(table.index, pd.RangeIndex) or table.index.name is not None:
        table = table.reset_index(names=table.index.name or UNNAMED)
    if table.empty:
        raise no_table(path, "it has a heading and no row", "give a table with rows")
    numeric = {at for at, kind in enumerate(table.dtypes) if pd.api.types.is_numeric_dtype(kind) and kind.name not in _TRUTH}
    names = [str(name) for name in table.columns]
    return _Raw(table.set_axis(range(len(names)), axis=1), names, list(range(1, len(table) + 1)), 0, numeric)


def _plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    for at, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            table.isetitem(at, _plain(table.iloc[:, at]).array)
    return table


def _plain(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Write dates, spans of time, categories and bytes as the text that a text table has in their place."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _plain(column.astype(kind.categories.dtype))
    if pd.api.types.is_datetime64_any_dtype(kind):
        days = bool((column.dropna() == column.dropna().dt.normalize()).all())
        dates: pd.Series[Any] = column.dt.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")
        return dates
    if pd.api.types.is_timedelta64_dtype(kind):
        return column.astype(str).where(column.notna(), np.nan)
    if is_object_dtype(kind):
        return column.map(lambda value: value.decode("utf-8") if isinstance(value, bytes) else value)
    return column


def _check_flat(schema: Any, path: Path) -> None:
    """Refuse columns whose cells hold several values, such as lists."""
    import pyarrow

    nested = [f"{column.name!r} ({column.type})" for column in schema if pyarrow.types.is_nested(column.type)]
    if nested:
        more = f" and {len(nested) - 3} more" if len(nested) > 3 else ""
        reason = f"column(s) {', '.join(nested[:3])}{more} hold several values per cell"
        raise no_table(path, reason, "give every value a column of its own, or leave them out")


def _values(raw: _Raw, names: dict[int, str], path: Path, missing: MissingWords, decisions: list[Decision]) -> pd.DataFrame:
    """Blank the words for missing, column by column; the first column keeps its words."""
    changed: dict[str, pd.Series] = {}
    blank = MissingWords(known=False, own=frozenset([""] if missing.includes("") else []))
    for at, name in names.items():
        if changed and at in raw.numeric and not missing.own:
            continue
        changed[name], said = without_missing(raw.table[at], missing if changed else blank)
        if said:
            where = f"{path.name}, column {name!r}"
            decisions.append(Decision("word for missing", where, sum(said.values()), shown_counts(said)))
    same = raw.table[[at for at, name in names.items() if name not in changed]]
    same = same.set_axis([name for name in names.values() if name not in changed], axis=1)
    return pd.concat([pd.DataFrame(changed, index=raw.table.index), same], axis=1)[list(names.values())]


def _points(table: pd.DataFrame, numeric: set[str], path: Path, decimal: str | None, decisions: list[Decision]) -> pd.DataFrame:
    """Write decimal commas as points; refuse a table in which a comma may mean two things."""
    words = table[[name for name in table.columns[1:] if name not in numeric]].select_dtypes("object")
    with_sign = [name for name in words.columns if words[name].astype(str).str.contains(",", regex=False).any()]
    commas, thousands, points = comma_columns(words[with_sign])
    if not commas:
        return table
    points = points or any(has_points(table[name]) for name in table.columns[1:] if name not in with_sign)
    shown = ", ".join(commas[:5]) + (f" and {len(commas) - 5} more" if len(commas) > 5 else "")
    if decimal is None and (thousands or points):
        other = "others have a point" if points and not thousands else "it may separate thousands"
        raise InputError(
            f"{path}: column(s) {shown} hold numbers with a comma, while {other}; "
            "give decimal = ',' or '.', or write numbers alike."
        )
    kind = "commas between thousands" if decimal == "." else "decimal comma"
    decisions.append(Decision(kind, path.name, len(commas), f"numbers with a comma in column(s) {shown}"))
    return table.assign(**{name: with_point(table[name], thousands=decimal == ".") for name in commas})
