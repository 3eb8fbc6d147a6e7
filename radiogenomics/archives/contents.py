"""What a server has sent: whether it can be the file that was asked for, before it is kept and its hash is locked."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from radiogenomics._errors import InputError

_PAGES = {
    "text/html": (".html", ".htm"),
    "application/xhtml+xml": (".html", ".htm", ".xhtml"),
    "application/json": (".json",),
    "application/problem+json": (".json",),
    "application/xml": (".xml", ".svg"),
    "text/xml": (".xml", ".svg"),
}
"""Kinds of answer that servers use for log-in pages and errors, and the names of files that are meant to be such."""

_TEXTS = (".csv", ".tsv", ".txt", ".tab", ".gmt", ".gct", ".toml", ".yaml", ".yml", ".json", ".tcia")
_CHUNK = 1 << 20


def check_type(kind: str, name: str) -> None:
    """Refuse a kind of answer (``text/html``...) that a file of this name cannot be.

    Raises
    ------
    InputError
        With the kind; the caller names the address.
    """
    endings = _PAGES.get(kind)
    if endings is not None and not name.lower().endswith(endings):
        raise InputError(f"a page of the kind {kind} came for {name}, such as a log-in or an error")


def check_content(path: Path, name: str, *, whole: bool) -> None:
    """Read a fetched file as far as its name says what it is.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What it will be called; its ending says what it should be.
    whole : bool
        Whether the server said where the file ends. Where it did not, a text must end with a whole line.

    Raises
    ------
    InputError
        If it is empty, a web page, damaged or cut; the caller names the address.
    """
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"an empty answer was received for {name}")
    with path.open("rb") as file:
        head = file.read(1024)
        file.seek(max(size - 4, 0))
        tail = file.read()
    lower = name.lower()
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) and not lower.endswith((".html", ".htm")):
        raise InputError(f"a web page was received for {name}, such as a log-in or an error")
    for ending, read in _READERS.items():
        if lower.endswith(ending):
            _try(read, path, name)
    if lower.endswith(".parquet") and not (head.startswith(b"PAR1") and tail == b"PAR1"):
        raise InputError(f"what was received for {name} is an invalid or truncated parquet file")
    if lower.endswith(_TEXTS) and not whole and not tail.endswith((b"\n", b"\r", b"\n\x00")):
        raise InputError(f"the server did not say how long {name} is, and it ends within a line, as one does that was cut")


def _try(read: Callable[[Path], None], path: Path, name: str) -> None:
    try:
        read(path)
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
    ) as error:
        raise InputError(f"what was received for {name} is not whole, or not packed as its name says ({error})") from error


def _stream(opened: Callable[[Path], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        with opened(path) as file:
            while file.read(_CHUNK):
                pass

    return read


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        encrypted = any(member.flag_bits & 1 for member in archive.infolist())
        broken = None if encrypted else archive.testzip()
    if broken is not None:
        raise InputError(f"the checksum of {broken!r} in it is wrong")


_READERS: dict[str, Callable[[Path], None]] = {
    ".gz": _stream(gzip.GzipFile),
    ".tgz": _stream(gzip.GzipFile),
    ".bz2": _stream(bz2.BZ2File),
    ".xz": _stream(lzma.LZMAFile),
    ".zip": _zip,
    ".xlsx": _zip,
}
