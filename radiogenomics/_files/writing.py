"""Files written whole or not at all, and their checksums."""

import errno
import gzip
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from radiogenomics._errors import FileError, InputError, RadiogenomicsError
from radiogenomics._files.foreign import check_file

OF_THE_DISK = {
    errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip
"""What keeps a file from being written."""
_OF_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What says that a file has no room."""
_HALF_WRITTEN = re.compile(r"\.(?P<stem>.+)-[a-z0-9_]{8}(?P<suffix>\.[a-z0-9]+)")
_FORMULA = re.compile(r"[=+\-@\t\r].", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path that becomes `path` when the block ends, and vanishes when it fails.

    A reader sees the old file or the new one, never half of one: the rename is atomic on one file system.

    Parameters
    ----------
    path : Path
        Where the file shall lie; missing folders are made.

    Yields
    ------
    Path
        The temporary path to write to, in the same folder and with the same suffix.

    Raises
    ------
    FileError
        If the file cannot be written: no permission, no space.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in OF_THE_DISK or isinstance(error, RadiogenomicsError):
            raise  # what a caller fetches or reads inside the block is for the caller to say
        raise unwritable(path, error.errno) from error


def is_half_written(path: Path, stem: str = "", suffixes: Collection[str] = ()) -> bool:
    """Tell the temporary file of `atomic` that a killed process left, from a hidden file of somebody else.

    Parameters
    ----------
    path : Path
        The file.
    stem : str
        The stem of the file that it would have become; any when empty.
    suffixes : collection of str
        Endings, with their dot, of the files that are written in its folder; any when empty.
    """
    name = _HALF_WRITTEN.fullmatch(path.name)
    if name is None or (stem and name["stem"] != stem) or (suffixes and name["suffix"] not in suffixes):
        return False
    return path.is_file() and not path.is_symlink()


def unwritable(path: Path, number: int | None = None, *, reason: str = "") -> FileError:
    """Make the error of a file that cannot be written, with the space that is left where that is the reason.

    Parameters
    ----------
    path : Path
        The file.
    number : int, optional
        Of `errno`: what the system said.
    reason : str
        In words, where the system gave no number.
    """
    reason = reason or os.strerror(number or errno.EIO).lower()
    if number in _OF_ROOM:
        free = shutil.disk_usage(next(place for place in path.absolute().parents if place.is_dir())).free
        reason = f"{reason} ({free / 1e6:,.1f} MB are free on its disk)"
        remedy = "make room there, or choose a folder on another disk, and run the same again"
    else:
        remedy = "check its folder's permissions and the space left"
    return FileError(f"{path} cannot be written: {reason}; {remedy}.")


def make_folder(path: Path, name: str) -> Path:
    """Make the folder that results go to -> its path.

    Parameters
    ----------
    path : Path
        The folder; missing parents are made.
    name : str
        What the caller calls it; stands in the message.

    Raises
    ------
    ValueError
        If a file is in the way, or the folder cannot be made or written to.
    """
    path = Path(path)
    file = next((place for place in (path, *path.parents) if place.is_file()), None)
    if file is not None:
        raise InputError(f"{name} is {path}, but {file} is a file; give a folder.")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{name} is {path}, which cannot be made ({error.strerror}); give another folder.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"{name} is {path}, which may not be written to; give another folder, or ask for the permission.")
    return path


def refuse_links(*places: Path) -> None:
    """Refuse files and folders that are links, through which would be written elsewhere.

    Raises
    ------
    InputError
        With the first of them and where it leads.
    """
    for place in places:
        if place.is_symlink():
            raise InputError(
                f"{place} is a link to {os.readlink(place)}; a study writes only into its own folder: remove the link."
            )


def write_text(path: Path, text: str) -> None:
    """Write a text to a file, whole or not at all, in UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


MOST_PLAIN_VALUES = 2_000_000
"""A table with more values is written as gzipped CSV: plain, it would take some 30 MB, and more than a spreadsheet opens."""


def write_table(table: pd.DataFrame, stem: Path) -> list[Path]:
    """Write a table as `<stem>.parquet` and `<stem>.csv` (`.csv.gz` beyond two million values), each whole or not at all.

    In the CSV, texts that a spreadsheet would run have an apostrophe before them (`without_formulas`); parquet has all as it is.

    Parameters
    ----------
    table : DataFrame
        Any table; its index is written when it has a name.
    stem : Path
        The path without suffix.

    Returns
    -------
    list of Path
        The parquet file and the CSV file.
    """
    named = table.index.name is not None
    packed = table.size > MOST_PLAIN_VALUES
    parquet, csv = Path(f"{stem}.parquet"), Path(f"{stem}.csv.gz" if packed else f"{stem}.csv")
    with atomic(parquet) as temporary:
        table.to_parquet(temporary, index=named)
    with atomic(csv) as temporary, temporary.open("wb") as plain, _packed(plain) if packed else nullcontext(plain) as file:
        without_formulas(table).to_csv(file, index=named, lineterminator="\n")
    return [parquet, csv]


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table whose texts no spreadsheet takes for a formula -> the same, with an apostrophe before such texts.

    Texts of the index, the columns' names and the cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return
    are such, unless they are a number or one sign.

    References
    ----------
    OWASP Foundation, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    safe = table.copy(deep=False)
    for at, kind in enumerate(table.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            values: Any = table.iloc[:, at].map(_without_formula, na_action="ignore")
            safe.isetitem(at, values)
    axes = {name: _safe_axis(axis) for name, axis in (("index", safe.index), ("columns", safe.columns))}
    return safe.set_axis(axes["index"], axis=0).set_axis(axes["columns"], axis=1)


def _safe_axis(axis: pd.Index) -> pd.Index:
    if isinstance(axis, pd.MultiIndex):
        levels: list[Any] = [level.map(_without_formula, na_action="ignore") for level in axis.levels]
        axis = axis.set_levels(levels)
    elif not pd.api.types.is_numeric_dtype(axis.dtype):
        axis = axis.map(_without_formula, na_action="ignore")
    return axis.set_names([_without_formula(name) for name in axis.names])


def _without_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


def _packed(file: BinaryIO) -> gzip.GzipFile:
    """Pack what is written; with neither a name nor a time in the header the same table gives the same bytes."""
    return gzip.GzipFile("", "wb", fileobj=file, mtime=0)


def sha256(path: Path) -> str:
    """Hash the bytes of a file with SHA-256 -> 64 hexadecimal digits; what has no end, such as a named pipe, is refused."""
    with check_file(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Bring the bytes to disk before the rename, so that a power cut leaves no empty file under the final name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
