"""Files written whole or not at all, and their checksums."""

import errno
import gzip
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from radiogenomics._errors import FileError, InputError, RadiogenomicsError
from radiogenomics._files.foreign import check_file

_OF_THE_DISK = {
    errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip
"""What keeps a file from being written."""


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
        if error.errno not in _OF_THE_DISK or isinstance(error, RadiogenomicsError):
            raise  # what a caller fetches or reads inside the block is for the caller to say
        reason = (error.strerror or str(error)).lower()
        raise FileError(f"{path} cannot be written: {reason}; check its folder's permissions and the space left.") from error


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


def write_text(path: Path, text: str) -> None:
    """Write a text to a file, whole or not at all, in UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


MOST_PLAIN_VALUES = 2_000_000
"""A table with more values is written as gzipped CSV: plain, it would take some 30 MB, and more than a spreadsheet opens."""


def write_table(table: pd.DataFrame, stem: Path) -> list[Path]:
    """Write a table as `<stem>.parquet` and `<stem>.csv` (`.csv.gz` beyond two million values), each whole or not at all.

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
        table.to_csv(file, index=named, lineterminator="\n")
    return [parquet, csv]


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
