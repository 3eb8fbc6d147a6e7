"""What a server has sent: whether it can be the file that was asked for, before it is kept and its hash is locked."""

import bz2
import gzip
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from radiogenomics._errors import InputError
from radiogenomics._files.unpacking import decode, is_workbook, unpack

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
_TABLES = (".csv", ".tsv", ".txt", ".tab", ".gmt", ".gct", ".tcia")
_MARKED_UP = (".html", ".htm", ".xhtml", ".xml", ".svg")
_MARKUP = re.compile(rb"<[!?a-z]")
_MOST_READ = 1 << 26
"""Bytes up to which a table is decoded whole."""
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
    if _MARKUP.match(start) and not lower.endswith(_MARKED_UP):
        raise InputError(f"a web page or XML was received for {name}, such as a log-in or an error")
    if not start and size <= len(head):
        raise InputError(f"an answer of blanks was received for {name}")
    for ending, read in _READERS.items():
        if lower.endswith(ending):
            _try(read, path, name)
    if re.sub(r"\.(gz|bz2|xz)$", "", lower).endswith(_TABLES) and size <= _MOST_READ:
        _check_table(path, name)
    if lower.endswith(".parquet") and not (head.startswith(b"PAR1") and tail == b"PAR1"):
        raise InputError(f"what was received for {name} is an invalid or truncated parquet file")
    if lower.endswith(_TEXTS) and not whole and not tail.endswith((b"\n", b"\r", b"\n\x00")):
        raise InputError(f"the server did not say how long {name} is, and it ends within a line, as one does that was cut")


def _check_table(path: Path, name: str) -> None:
    """Refuse what no table of text can be: another kind of file, a web page in any encoding, an error in JSON."""
    try:
        data = unpack(path, [])
        if data.startswith(b"PAR1") or is_workbook(data, path):
            return
        text = decode(data, path, None, [])
    except InputError as error:
        raise InputError(f"what was received is no text: {error}".replace(str(path), name).rstrip(".")) from error
    try:
        answer = json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return
    if answer is not None:
        raise InputError(f"JSON was received for {name}, such as an error: {text.strip()[:100]}")


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
