"""The bytes of a file -> its text: unpacked and decoded by what the bytes hold, whatever the name says."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import unicodedata
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from radiogenomics._errors import FileError, InputError
from radiogenomics._files.decisions import Decision
from radiogenomics._files.foreign import check_file, parsing, said

_PACKED = {b"\x1f\x8b": ("gzip", ".gz"), b"BZh": ("bzip2", ".bz2"), b"\xfd7zXZ\x00": ("xz", ".xz")}
_OPENERS: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls); save it as .xlsx or CSV",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard; unpack it",
    b"RDX": "an R data file; write it with write.csv in R",
    b"$FL2": "an SPSS file; save it as CSV",
    b"ARROW1": "a Feather file; save it as parquet or CSV",
    b"%PDF": "a PDF; give the table as CSV or .xlsx",
}
_LAYERS = 3
"""How often a table may be packed; some files unpack to themselves."""
MOST_BYTES = 2**33
"""What a packed table may unpack to."""
_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_NO_LETTERS = bytes([*range(9), *range(14, 32), 0x81, 0x8D, 0x8F, 0x90, 0x9D])
"""Bytes that are no letters in Windows-1252."""
_MARKUP = re.compile(r"<(!doctype|!--|\?xml|html|head|body|table|div|p|pre|style|script|svg|meta|center|h\d)\b|<!--")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufeff\ufffe]")
_TWICE_DECODED = re.compile(
    "[\u00c2\u00c3][\u0080-\u00bf\u20ac\u201a-\u203a\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc]"
)


def no_table(path: Path, reason: str, remedy: str = "give CSV, tab-separated text, .xlsx or parquet") -> InputError:
    """Make the error of a file that is no table."""
    return InputError(f"{path}: cannot be read as a table ({reason}); {remedy}.")


def read_text(path: Path, *, encoding: str | None = None) -> tuple[str, list[Decision]]:
    """Read a text file of any usual encoding, packed or not -> its text, lines ended by a line feed, and what was decided.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str, optional
        Its encoding, such as 'utf-8' or 'latin-1'; found out from the bytes when left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is a folder, damaged, no text, or of another encoding; the message names the line.
    """
    path = Path(path)
    decisions: list[Decision] = []
    data = unpack(path, decisions)
    return decode(data, path, encoding, decisions), decisions


def unpack(path: Path, decisions: list[Decision]) -> bytes:
    """Read the bytes of a file, unpacked where they are gzip, bzip2, xz, or a zip or tar that holds one file."""
    check_file(path, "table")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}); ask for the permission or copy the file.") from error
    names = path.name.lower()
    for _ in range(_LAYERS + 1):
        unpacked = _unpack_once(data, path)
        if unpacked is None:
            break
        data, kind, ending = unpacked
        if ending not in names:
            decisions.append(Decision("unpacked", path.name, 1, f"the file is {kind} though its name does not end in {ending}"))
    else:
        raise no_table(path, f"it is compressed more than {_LAYERS} times", "unpack it and give the table's file")
    foreign = next((text for mark, text in _FOREIGN.items() if data.startswith(mark)), None)
    if foreign:
        what, remedy = foreign.split("; ")
        raise no_table(path, f"it is {what}", remedy)
    return data


def _unpack_once(data: bytes, path: Path) -> tuple[bytes, str, str] | None:
    kind = next((facts for mark, facts in _PACKED.items() if data.startswith(mark)), None)
    with opening(path, "packed", "fetch or copy it again"):
        if kind is not None:
            with _OPENERS[kind[0]](io.BytesIO(data)) as file:
                return _read_within(file, path), *kind
        if data.startswith(b"PK\x03\x04") and not is_workbook(data, path):
            return _only_zipped(data, path), "zip", ".zip"
        if data[257:262] == b"ustar":
            return _only_in_tar(data, path), "tar", ".t"
    return None


def is_workbook(data: bytes, path: Path) -> bool:
    """Tell an Excel workbook (.xlsx), which is a zip of parts, from other zips."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    kind = "an Excel workbook" if path.suffix.lower().startswith(".xls") else "a zip"
    with opening(path, kind, "copy it again, or save it as CSV"):
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    if "content.xml" in names:
        raise no_table(path, "it is an OpenDocument sheet", "save it as .xlsx or CSV")
    return "xl/workbook.xml" in names


def _only_zipped(data: bytes, path: Path) -> bytes:
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = [info for info in archive.infolist() if not info.is_dir() and _is_content(info.filename)]
    _check_one([info.filename for info in members], path)
    if members[0].flag_bits & 1:
        raise no_table(path, f"{members[0].filename} in it is encrypted", "unpack it with its password and give the file")
    with archive.open(members[0]) as content:
        return _read_within(content, path)


def _only_in_tar(data: bytes, path: Path) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [info for info in archive.getmembers() if info.isfile() and _is_content(info.name)]
        _check_one([info.name for info in members], path)
        content = archive.extractfile(members[0])
        return _read_within(content, path) if content is not None else b""


def _read_within(file: IO[bytes], path: Path, most: int = MOST_BYTES) -> bytes:
    """Read what is packed, as far as a table may be large: some files unpack to a thousand times their size and more."""
    content = file.read(most + 1)
    if len(content) > most:
        raise no_table(path, f"it unpacks to more than {most:,} bytes", "give the columns and rows you need")
    return content


def opening(path: Path, kind: str, remedy: str) -> AbstractContextManager[None]:
    """Guard the parsing of a table's bytes, which are `kind`: the edge of this room, see `parsing`."""
    return parsing(path, lambda error: no_table(path, f"it is {kind}, and damaged or cut: {said(error)}", remedy))


def _is_content(name: str) -> bool:
    return not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")


def _check_one(names: list[str], path: Path) -> None:
    if len(names) != 1:
        held = f": {', '.join(names[:5])}" if names else ""
        raise no_table(path, f"it is an archive of {len(names)} files{held}", "unpack it and give the table's file")


def decode(data: bytes, path: Path, encoding: str | None, decisions: list[Decision]) -> str:
    """Decode bytes by their mark, as UTF-16 without one, as UTF-8, else as Windows-1252 -> text with plain line ends."""
    text = _decode_as(data, path, encoding) if encoding is not None else _detect(data, path, decisions)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
    _check_content(text, path)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _detect(data: bytes, path: Path, decisions: list[Decision]) -> str:
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None) or _unmarked_utf16(data)
    if marked is not None:
        if marked != "utf-8-sig":
            decisions.append(Decision("encoding", path.name, 1, f"the bytes are {marked.upper()}"))
        return _decode_as(data, path, marked)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if b"\xff\xfe" in data or b"\xfe\xff" in data:
            raise no_table(path, "it mixes UTF-16 and another encoding", "save it in one encoding, best UTF-8") from error
        text = _decode_as(data, path, "cp1252", hint=f"nor UTF-8 (line {_line(data, error.start)})")
        mixed = _TWICE_DECODED.search(text)
        if mixed:
            place = text[: mixed.start()].count("\n") + 1
            reason = f"it mixes UTF-8 (line {place}) and another encoding (line {_line(data, error.start)})"
            raise no_table(path, reason, "save it in one encoding, best UTF-8") from error
        words = sorted({word for word in re.findall(r"\w+", text) if not word.isascii()})
        count = sum(byte > 127 for byte in data)
        why = f"not UTF-8, read as Windows-1252 (Latin-1): {', '.join(words[:3])}; if that looks wrong, give `encoding`"
        decisions.append(Decision("encoding", path.name, count, why))
        return text


def decoded(data: bytes) -> tuple[str, str]:
    """Decode the bytes of a text that is no table -> the text with plain line ends, and its encoding.

    By the mark of their beginning, as UTF-16 without one, as UTF-8, else as Windows-1252 (Latin-1).

    Raises
    ------
    UnicodeDecodeError
        If they are no text: where they cease to be UTF-8.
    """
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None) or _unmarked_utf16(data)
    try:
        text, encoding = data.decode(marked or "utf-8"), (marked or "utf-8").removesuffix("-sig")
    except UnicodeDecodeError:
        if marked or any(byte in data for byte in _NO_LETTERS):
            raise
        text, encoding = data.decode("cp1252"), "Windows-1252"
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), encoding


def encoding_of(data: bytes) -> str:
    """Say in which encoding `decode` reads bytes: that of their mark, UTF-16 without one, UTF-8, or Windows-1252."""
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None) or _unmarked_utf16(data)
    if marked is not None:
        return marked
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _unmarked_utf16(data: bytes) -> str | None:
    head = data[:4096]
    even, odd = head[::2].count(0) / max(len(head[::2]), 1), head[1::2].count(0) / max(len(head[1::2]), 1)
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def _decode_as(data: bytes, path: Path, encoding: str, hint: str = "") -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise InputError(f"{path}: encoding = {encoding!r} is not known; give 'utf-8', 'latin-1', 'utf-16', ...") from error
    except UnicodeDecodeError as error:
        also = f", {hint}" if hint else ""
        reason = f"line {_line(data, error.start)} is not in the encoding {encoding}{also}"
        raise no_table(path, reason, "give its `encoding`, or save it as UTF-8") from error


def _line(data: bytes, position: int) -> int:
    return data[:position].count(b"\n") + 1


def _check_content(text: str, path: Path) -> None:
    start = text.lstrip()[:100].lower()
    if _MARKUP.match(start):
        raise no_table(path, "it is a web page or XML", "download the table itself")
    if start.startswith("version https://git-lfs"):
        raise no_table(path, "it is a Git LFS pointer, not the file", "fetch it with `git lfs pull`")
    damage = _CONTROL.search(text)
    if damage:
        begin = text.rfind("\n", 0, damage.start()) + 1
        number, end = text.count("\n", 0, begin) + 1, text.find("\n", damage.start())
        excerpt = text[max(begin, damage.start() - 20) : min(end if end >= 0 else len(text), damage.start() + 20)]
        reason = f"line {number} holds the control character {damage.group()!r} in {excerpt!r}: it is damaged or not a text file"
        raise no_table(path, reason, "copy or export it again")
