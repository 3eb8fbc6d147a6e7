"""A sheet of an Excel workbook -> rows of text."""

import datetime
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiogenomics._errors import InputError
from radiogenomics._files.decisions import Decision
from radiogenomics._files.unpacking import no_table, opening


@dataclass(frozen=True)
class Sheet:
    """The rows of a sheet.

    Attributes
    ----------
    names : list of str
        The heading; "" where a column has none.
    rows : list of list of str or None
        Cells as text, None where empty, all rows as long as the heading.
    lines : list of int
        The row of the sheet that each stands in, from 1.
    title : str
        What the sheet is called.
    """

    names: list[str]
    rows: list[list[str | None]]
    lines: list[int]
    title: str


def read_sheet(data: bytes, path: Path, sheet: str | None, decisions: list[Decision]) -> Sheet:
    """Read one sheet of a workbook; the first that holds something where none is named.

    Raises
    ------
    ValueError
        If there is no such sheet, it holds no row, or a formula has no stored value.
    """
    import openpyxl

    with opening(path, "an Excel workbook", "copy it again, or save it as CSV"):
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        title, cells = _choose({page.title: _cells(page) for page in book.worksheets}, path, sheet, decisions)
        if _has_formulas(data):
            _check_formulas(cells, openpyxl.load_workbook(io.BytesIO(data), read_only=True)[title], path)
    return _table(cells, path, title, decisions)


def _cells(page: Any) -> dict[int, list[str | None]]:
    """Read the rows that hold something, by their number in the sheet."""
    page.reset_dimensions()  # what a workbook says of its size may be a million empty rows
    rows = ((at, [_text(cell) for cell in row]) for at, row in enumerate(page.iter_rows(), start=1))
    return {at: row for at, row in rows if any(row)}


def _has_formulas(data: bytes) -> bool:
    archive = zipfile.ZipFile(io.BytesIO(data))
    parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
    return any(re.search(rb"<f[ >/]", archive.read(name)) is not None for name in parts)


def _text(cell: Any) -> str | None:
    value = cell.value
    if value is None or isinstance(value, str):
        return value.strip() or None if value else None
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(sep=" ")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    zeros = re.fullmatch(r"0+", str(getattr(cell, "number_format", "")))
    return str(value).zfill(len(zeros.group())) if zeros and isinstance(value, int) else str(value)


def _choose(
    pages: dict[str, dict[int, list[str | None]]], path: Path, sheet: str | None, decisions: list[Decision]
) -> tuple[str, dict[int, list[str | None]]]:
    if sheet is not None:
        if sheet not in pages:
            raise InputError(f"{path}: has no sheet {sheet!r}; its sheets are {', '.join(pages)}.")
        return sheet, pages[sheet]
    filled = [title for title, cells in pages.items() if cells]
    if not filled:
        raise no_table(path, "every sheet is empty")
    if len(filled) > 1:
        others = ", ".join(filled[1:6])
        decisions.append(Decision("sheet", path.name, len(filled), f"the first, {filled[0]!r}, is read; others are {others}"))
    return filled[0], pages[filled[0]]


def _check_formulas(cells: dict[int, list[str | None]], page: Any, path: Path) -> None:
    """Refuse formulas whose result was never stored: their cells would be read as empty."""
    page.reset_dimensions()
    for at, row in enumerate(page.iter_rows(values_only=True), start=1):
        known = cells.get(at, [])
        for place, value in enumerate(row):
            empty = place >= len(known) or known[place] is None
            if empty and isinstance(value, str) and value.startswith("="):
                reason = f"sheet {page.title!r}, row {at} holds the formula {value[:30]!r} without its result"
                raise no_table(path, reason, "open and save it in Excel, or paste the values")


def _table(cells: dict[int, list[str | None]], path: Path, title: str, decisions: list[Decision]) -> Sheet:
    lines = list(cells)
    filled = [sum(value is not None for value in row) for row in cells.values()]
    first = 0
    while first + 2 < len(lines) and filled[first] == 1 and filled[first + 1] >= 3:
        first += 1
    if first:
        decisions.append(Decision("title lines", path.name, first, "rows above the heading that fill one field only"))
    if len(lines) - first < 2:
        raise no_table(path, f"sheet {title!r} has a heading and no row", "give a table with rows")
    width = max(max((at for at, value in enumerate(row, 1) if value is not None), default=0) for row in cells.values())
    rows = [(row + [None] * width)[:width] for row in cells.values()]
    return Sheet([name or "" for name in rows[first]], rows[first + 1 :], lines[first + 1 :], title)
