"""Lists of series as archives write them: TCIA's ``.tcia``, IDC's ``.s5cmd``, and CSV."""

import re
from pathlib import Path

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import check_file, read_table, read_text
from radiogenomics._tables import summarise

_UID = re.compile(r"[0-9]+(\.[0-9]+){3,}")
_COPY = re.compile(r"(?:cp|sync)\s.*?(s3://[^\s*]+)")
_HEADINGS = ("series", "seriesinstanceuid", "seriesuid")
_MANIFEST_HEADING = "listofseriestodownload="


def read_series_list(path: str | Path) -> pd.DataFrame:
    """Read a list of image series -> one row per series, in the order of the file.

    Parameters
    ----------
    path : path
        A ``.tcia`` manifest (any number of header lines), an ``.s5cmd`` manifest, or a table with a column ``series`` (or
        ``SeriesInstanceUID``), such as ``radiogenomics series --csv`` writes.

    Returns
    -------
    DataFrame
        ``series``, the SeriesInstanceUID, and the other columns of a table; of an ``.s5cmd`` manifest ``address``, an ``s3://``
        address.

    Raises
    ------
    ValueError
        If the file has no series, a line that is not one, or a series twice; the message names the line.

    Examples
    --------
    >>> from radiogenomics import archives
    >>> archives.read_series_list("collection.tcia")["series"]  # doctest: +SKIP
    """
    place = check_file(Path(path), "list of series")
    readers = {".tcia": _of_manifest, ".s5cmd": _of_copies}
    table = readers.get(place.suffix.lower(), _of_table)(place)
    if table.empty:
        raise InputError(f"{place}: lists no series; download the list again.")
    twice = table.iloc[:, 0][table.iloc[:, 0].duplicated()].unique()
    if len(twice):
        raise InputError(f"{place}: {len(twice)} series appear more than once, first {twice[0]}; keep one of each.")
    return table


def _of_manifest(place: Path) -> pd.DataFrame:
    lines = _lines(place)
    heading = next((i for i, (_, line) in enumerate(lines) if line.lower().replace(" ", "") == _MANIFEST_HEADING), None)
    if heading is None:
        raise InputError(f"{place}: has no line 'ListOfSeriesToDownload='; download it again, or give a table of series.")
    for number, line in lines[heading + 1 :]:
        _check_uid(place, number, line)
    return pd.DataFrame({"series": [line for _, line in lines[heading + 1 :]]}, dtype=object)


def _of_copies(place: Path) -> pd.DataFrame:
    addresses = []
    for number, line in _lines(place):
        if line.startswith("#"):
            continue
        copied = _COPY.match(line)
        if copied is None:
            raise InputError(f"{place}: line {number} is {line[:80]!r}, not a copy from s3://; download the manifest again.")
        addresses.append(copied[1])
    return pd.DataFrame({"address": addresses}, dtype=object)


def _of_table(place: Path) -> pd.DataFrame:
    table = read_table(place)
    names = [name for name in table.columns if re.sub(r"[\s_]", "", str(name)).lower() in _HEADINGS]
    if len(names) != 1:
        raise InputError(
            f"{place}: {len(names)} of its columns name series ({summarise(table.columns, 8)}); give one column `series` of "
            "SeriesInstanceUIDs."
        )
    table = table.rename(columns={names[0]: "series"})
    for number, uid in enumerate(table["series"], start=2):
        _check_uid(place, number, str(uid))
    return table[["series", *table.columns.drop("series")]]


def _lines(place: Path) -> list[tuple[int, str]]:
    """Give the lines that are not empty, each with its number."""
    return [(number, line.strip()) for number, line in enumerate(read_text(place)[0].splitlines(), start=1) if line.strip()]


def _check_uid(place: Path, number: int, text: str) -> None:
    if not _UID.fullmatch(text) or len(text) > 64:
        raise InputError(f"{place}: line {number} is {text[:80]!r}, not a SeriesInstanceUID; correct or remove it.")
