"""How a table is written: separator, decimal sign, encoding and sheet, as a manifest names them."""

import io
from pathlib import Path

from radiogenomics._files.dialect import lay_out
from radiogenomics._files.reading import read_rows
from radiogenomics._files.sheets import read_sheet
from radiogenomics._files.unpacking import decode, encoding_of, is_workbook, no_table, unpack
from radiogenomics._files.words import MissingWords


def how_written(path: Path, *, sheet: str | None = None) -> dict[str, str]:
    """Find out how a table is written -> those of ``separator, decimal, encoding, sheet`` that are not the usual.

    Parameters
    ----------
    path : Path
        Text, ``.xlsx`` or parquet, each also packed.
    sheet : str, optional
        The sheet of a workbook; the first that holds something when left out.

    Returns
    -------
    dict of str to str
        Empty for a table with commas, decimal points and UTF-8; a workbook's sheet is always named.

    Raises
    ------
    ValueError
        If the file cannot be read as a table, as `read_table` has it.
    """
    path = Path(path)
    data = unpack(path, [])
    if data.startswith(b"PAR1"):
        return {}
    if is_workbook(data, path):
        return {"sheet": read_sheet(data, path, sheet, []).title, **_decimal(path, sheet)}
    encoding = encoding_of(data)
    separator = lay_out(decode(data, path, None, []), path, None, []).separator
    written = {"separator": separator} if separator != "," else {}
    written |= _decimal(path, None)
    return written | ({"encoding": encoding} if encoding not in ("utf-8", "utf-8-sig") else {})


def _decimal(path: Path, sheet: str | None) -> dict[str, str]:
    rows = read_rows(path, missing=MissingWords(), number_names=True, sheet=sheet)
    return {"decimal": ","} if any(decision.what == "decimal comma" for decision in rows.decisions) else {}


def sheets_of(path: Path) -> list[str]:
    """Name the sheets of an Excel workbook; none for a file of another kind."""
    import openpyxl

    data = unpack(Path(path), [])
    if not is_workbook(data, Path(path)):
        return []
    try:
        return list(openpyxl.load_workbook(io.BytesIO(data), read_only=True).sheetnames)
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise no_table(Path(path), f"the workbook is damaged: {error}", "copy it again, or save it as CSV") from error
