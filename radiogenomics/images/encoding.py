"""The bytes of a DICOM file -> how they are encoded and where the pixels lie, whatever the header declares.

Archives hold files that declare no transfer syntax, or another than the one their bytes are written in. Reading such pixels
at the declared place shifts them by a few bytes without any error, so every fact is taken from the bytes themselves.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pydicom.valuerep import VR

from radiogenomics._errors import InputError

UNDEFINED = 0xFFFFFFFF
"""Length of an element that ends with a delimiter: compressed pixels, in a pixel element."""

_MARK_AT, _MARK = 128, b"DICM"
_VALUE_KINDS = {kind.value.encode() for kind in VR if len(kind.value) == 2}
_LAST_LOW_GROUP = 0x00FF  # a data set begins with a low group (0008); read in the wrong order of bytes it is a high one
_ITEM = (0xFFFE, 0xE000)
_PIXELS = (0x7FE0, 0x0010)
_FIRST_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_MOST_INFLATED = 2**32
_STREAM_HEAD = 65536
_CODECS: dict[str, tuple[UID, ...]] = {
    "RLE": (RLELossless,),
    "JPEG": (JPEGBaseline8Bit, JPEGExtended12Bit),
    "JPEG extended": (JPEGExtended12Bit,),
    "lossless JPEG": (JPEGLosslessSV1, JPEGLossless),
    "JPEG-LS": (JPEGLSLossless, JPEGLSNearLossless),
    "JPEG 2000": (JPEG2000Lossless, JPEG2000),
}
_JPEG_FRAMES = {0xC0: "JPEG", 0xC1: "JPEG extended", 0xC3: "lossless JPEG", 0xF7: "JPEG-LS"}


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a data set are written.

    Attributes
    ----------
    implicit : bool
        Whether elements do not name their kind of value.
    little : bool
        Whether numbers are little endian.
    deflated : bool
        Whether the data set is compressed as a whole.
    """

    implicit: bool
    little: bool
    deflated: bool = False

    @property
    def native(self) -> UID:
        """The transfer syntax of uncompressed pixels in this encoding."""
        if self.implicit:
            return ImplicitVRLittleEndian
        return ExplicitVRLittleEndian if self.little else ExplicitVRBigEndian


@dataclass(frozen=True)
class OpenedFile:
    """A DICOM file opened at its first element after the file meta information.

    Attributes
    ----------
    stream : BinaryIO
        The file, or its inflated content.
    encoding : Encoding
        As the bytes say.
    declared : str
        The transfer syntax that the file declares; empty where it declares none.
    """

    stream: BinaryIO
    encoding: Encoding
    declared: str

    @property
    def as_declared(self) -> bool:
        """Whether the data set is written in the transfer syntax that the file declares."""
        plain = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}
        if self.declared == DeflatedExplicitVRLittleEndian:
            return self.encoding.deflated
        return self.declared == self.encoding.native if self.declared in plain else UID(self.declared).is_valid


@dataclass(frozen=True)
class PixelElement:
    """Where the pixels of a file lie.

    Attributes
    ----------
    start : int
        Where their bytes begin in the stream.
    length : int
        Their number; `UNDEFINED` where they are compressed.
    held : int
        How many bytes follow `start`.
    syntax : str
        The transfer syntax that the bytes are written in.
    """

    start: int
    length: int
    held: int
    syntax: str


def is_dicom(file: BinaryIO) -> bool:
    """Tell whether a file carries the DICM mark, or begins with a DICOM element where a mark is missing; rewinds."""
    head = file.read(_MARK_AT + 4)
    file.seek(0)
    return head[_MARK_AT:] == _MARK or _begins(head)


def open_dicom(file: BinaryIO) -> OpenedFile:
    """Open a DICOM file at its data set and find out how that is encoded.

    Parameters
    ----------
    file : BinaryIO
        A file opened at its begin.

    Returns
    -------
    OpenedFile
        The stream stands at the first element of the data set.

    Raises
    ------
    ValueError
        If the file has neither the DICM mark nor begins like a data set, or is neither plain nor deflated.
    """
    head = file.read(_MARK_AT + 4)
    if head[_MARK_AT:] != _MARK:
        if not _begins(head):
            raise ValueError("it lacks the DICM mark")
        file.seek(0)
    meta = read_dataset(file, False, True, stop_when=lambda tag, _kind, _length: tag.group != 2)
    declared = str(meta.get("TransferSyntaxUID", ""))
    first = file.read(8)
    file.seek(-len(first), io.SEEK_CUR)
    encoding = _encoding(first)
    if declared == DeflatedExplicitVRLittleEndian or encoding is None:
        return _inflated(file, declared, encoding)
    return OpenedFile(file, encoding, declared)


def find_pixels(opened: OpenedFile) -> PixelElement | None:
    """Find the pixels where the stream stands at their element -> where they lie; None where another element stands there.

    Raises
    ------
    EOFError
        If the stream ends here.
    ValueError
        If the pixels are compressed by a method that is not known, or where the file says that they are not.
    """
    stream, order = opened.stream, "<" if opened.encoding.little else ">"
    head = stream.read(12)
    if len(head) < 8:
        raise EOFError("all of its pixels are missing")
    if struct.unpack(f"{order}HH", head[:4]) != _PIXELS:
        return None
    explicit = head[4:6] in _VALUE_KINDS  # never a length: DICOM's are even, and these letters as a number are odd
    length = struct.unpack(f"{order}I", head[8:12].ljust(4, b"\0") if explicit else head[4:8])[0]
    start = stream.tell() - len(head) + (12 if explicit else 8)
    held = stream.seek(0, io.SEEK_END) - start
    if length != UNDEFINED:
        _refuse_stream(stream, start)
    syntax = opened.encoding.native if length != UNDEFINED else _compressed_syntax(stream, start, opened.declared)
    return PixelElement(start, length, held, syntax)


def _refuse_stream(stream: BinaryIO, start: int) -> None:
    """Refuse compressed pixels in an element that says by its length that they are not."""
    stream.seek(start)
    head = stream.read(12)
    if head.startswith((struct.pack("<HH", *_ITEM), b"\xff\xd8\xff")) or _codec(head) == "JPEG 2000":
        raise ValueError("its pixels are a compressed stream in an element of uncompressed ones, with a length")


def load(path: Path, *, pixels: bool) -> Dataset:
    """Read a whole DICOM file -> its data set, which declares the transfer syntax that its bytes are written in.

    Parameters
    ----------
    path : Path
        A DICOM file that `open_dicom` takes.
    pixels : bool
        Whether to read the pixels too, where the file has some.

    Returns
    -------
    Dataset
        With `file_meta`, so that pydicom can decode it.
    """
    with path.open("rb") as file:
        opened = open_dicom(file)
        dataset = read_elements(opened)
        at = opened.stream.tell()
        more = bool(opened.stream.read(1))
        opened.stream.seek(at)
        pixels_at = find_pixels(opened) if pixels and more else None
        if pixels_at:
            opened.stream.seek(at)
            dataset.update(read_dataset(opened.stream, opened.encoding.implicit, opened.encoding.little))
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(pixels_at.syntax if pixels_at else opened.encoding.native)
    return dataset


def read_elements(opened: OpenedFile, tags: list[BaseTag | int] | None = None) -> Dataset:
    """Read what stands before the pixels -> a data set; the stream then stands at the pixels."""
    return read_dataset(opened.stream, opened.encoding.implicit, opened.encoding.little, stop_when=_at_pixels, specific_tags=tags)


def _at_pixels(tag: BaseTag, _kind: str | None, _length: int) -> bool:
    return tag in _FIRST_PIXEL_TAGS


def _begins(head: bytes) -> bool:
    """Tell whether a file begins with an element of group 0002 or 0008, as those without preamble and mark do."""
    if len(head) < 16 or head[:2] not in {b"\x02\0", b"\x08\0", b"\0\x08"}:
        return False
    encoding = _encoding(head[:8])
    if encoding is None or encoding.implicit:
        return encoding is not None and struct.unpack("<I", head[4:8])[0] <= _MARK_AT
    return True


def _encoding(first: bytes) -> Encoding | None:
    """Tell from the first eight bytes of a data set how it is encoded; None where it does not begin like one."""
    if len(first) < 8:
        return Encoding(False, True)  # an empty data set; what is missing is told later
    little, big = (struct.unpack(f"{order}H", first[:2])[0] for order in "<>")
    if min(little, big) > _LAST_LOW_GROUP:
        return None
    return Encoding(first[4:6] not in _VALUE_KINDS, little < big)


def _inflated(file: BinaryIO, declared: str, plain: Encoding | None) -> OpenedFile:
    """Open a deflated data set, or a plain one that only calls itself deflated."""
    start = file.tell()
    try:
        packed = zlib.decompressobj(-zlib.MAX_WBITS)
        content = packed.decompress(file.read(), _MOST_INFLATED)
        if packed.unconsumed_tail:
            raise ValueError(f"its data set inflates to more than {_MOST_INFLATED:,} bytes")
        if not packed.eof:
            raise zlib.error("the stream ends early")
    except zlib.error as error:
        if plain is None:
            raise ValueError("its data set is damaged: it begins like none, plain or deflated") from error
        file.seek(start)
        return OpenedFile(file, plain, declared)
    encoding = _encoding(content[:8])
    if encoding is None:
        raise ValueError("its data set is damaged: inflated, it begins like none")
    return OpenedFile(io.BytesIO(content), Encoding(encoding.implicit, encoding.little, True), declared)


def _compressed_syntax(stream: BinaryIO, start: int, declared: str) -> str:
    """Name the transfer syntax of compressed pixels: the declared one where their first bytes agree with it."""
    head = _first_fragment(stream, start)
    codec = _codec(head)
    if codec is None:
        if UID(declared).is_transfer_syntax and UID(declared).is_compressed:
            return declared
        raise ValueError(f"its pixels are compressed in a way that is not known (transfer syntax {declared or 'missing'!r})")
    return declared if declared in _CODECS[codec] else str(_CODECS[codec][0])


def _first_fragment(stream: BinaryIO, start: int) -> bytes:
    """Read the begin of the first compressed frame, which follows the table of offsets."""
    stream.seek(start)
    for skip in (True, False):
        item = stream.read(8)
        if len(item) < 8 or struct.unpack("<HH", item[:4]) != _ITEM:
            return b""
        length = struct.unpack("<I", item[4:])[0]
        if skip:
            stream.seek(length, io.SEEK_CUR)
    return stream.read(min(length, _STREAM_HEAD))


def _codec(head: bytes) -> str | None:
    """Tell the method of compression from the first bytes of a frame (ISO 10918-1, 14495-1, 15444-1; DICOM PS3.5 annex G)."""
    if head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")):
        return "JPEG 2000"
    if head.startswith(b"\xff\xd8"):
        return _jpeg_kind(head)
    segments = struct.unpack("<2I", head[:8]) if len(head) >= 64 else (0, 0)
    return "RLE" if 1 <= segments[0] <= 15 and segments[1] == 64 else None


def _jpeg_kind(head: bytes) -> str | None:
    """Walk along the markers of a JPEG stream to the one that names its kind."""
    at = 2
    while at + 4 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _JPEG_FRAMES:
            return _JPEG_FRAMES[head[at + 1]]
        at += 2 + int(struct.unpack(">H", head[at + 2 : at + 4])[0])
    return None


def check_length(path: Path, found: PixelElement, expected: int, smallest_side: int) -> None:
    """Refuse pixels that are fewer or more than the header's rows and columns say.

    Parameters
    ----------
    path : Path
        The file, for the message.
    found : PixelElement
        Where its pixels lie, not compressed.
    expected : int
        How many bytes the header asks for.
    smallest_side : int
        Bytes of the shorter of one row and one column: a surplus below it cannot be a row or column, only padding.

    Raises
    ------
    ValueError
        If bytes are missing, or so many more are there that the header's size must be wrong.
    """
    missing = expected - min(found.held, found.length)
    if missing > 0:
        raise InputError(f"{path.name} is cut short: {missing:,} bytes of its pixels are missing; fetch it again or remove it.")
    surplus = found.length - expected
    if surplus >= max(2, smallest_side):
        raise InputError(
            f"{path.name} holds {found.length:,} bytes of pixels where its header (NumberOfFrames, Rows, Columns, BitsAllocated) "
            f"asks for {expected:,}: the two contradict each other, and the image would be sheared; fetch it again or remove it."
        )
