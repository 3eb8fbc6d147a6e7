"""DICOM files -> slices: where each image's pixels lie, and what its header says of place, time and scanner."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom.charset import convert_encodings, decode_bytes, default_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import TEXT_VR_DELIMS

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, files_below, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images._parsing import REMEDY, reading
from radiogenomics.images.encoding import UNDEFINED, OpenedFile, check_length, find_pixels, is_dicom, open_dicom, read_elements
from radiogenomics.images.frames import clocked, frame_headers
from radiogenomics.images.private import TAGS as PRIVATE_TAGS
from radiogenomics.images.private import private_facts

Header = Mapping[str, str]
"""The tags of `KEYWORDS` as text; several values of one tag are separated by a backslash, as in DICOM itself."""

KEYWORDS = (
    "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "SeriesTime",
    "AcquisitionTime", "ContentTime", "AcquisitionDateTime", "FrameAcquisitionDateTime", "Modality", "Manufacturer",
    "SeriesDescription", "ManufacturerModelName", "DerivationDescription", "PatientID", "SequenceName", "SliceThickness",
    "RepetitionTime", "EchoTime", "MagneticFieldStrength", "SpacingBetweenSlices", "TriggerTime", "FlipAngle",
    "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber", "InstanceNumber", "ImagePositionPatient",
    "ImageOrientationPatient", "FrameOfReferenceUID", "Laterality", "ImageLaterality", "TemporalPositionIdentifier",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleIntercept",
    "RescaleSlope", "RescaleType", "ComplexImageComponent", "InversionTime", "DiffusionBValue", "OverlayBitPosition",
    "EchoNumbers", "ScanOptions", "ReceiveCoilName", "AcquisitionContrast", "VelocityEncodingMinimumValue", "RealWorldValueSlope",
    "PatientName", "PatientBirthDate",
)  # fmt: skip
IMAGE_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR
    "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.128",  # PET
}
"""Classes of images of the body in whole numbers; all else (screens, reports, masks, float maps) has pixels of another
kind or none."""

_ENHANCED = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4", "1.2.840.10008.5.1.4.1.1.2.1"}
_TAGS: dict[int, str] = {tag: keyword for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None}
_TAGS[0x60000102] = "OverlayBitPosition"  # of the first overlay; pydicom knows no tag for a keyword that repeats
_BINARY = {"US", "SS", "UL", "SL"}
_DIRECTORY = "DICOMDIR"
_DIRECTORY_CLASS = b"\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10"  # MediaStorageSOPClassUID as its bytes stand in the file


@dataclass(frozen=True)
class Slice:
    """One image of one file.

    Attributes
    ----------
    path : Path
        The file.
    header : mapping of str to str
        The tags of `KEYWORDS` that the file holds.
    frame : int
        The number of the image inside a multi-frame file, 0 otherwise.
    offset : int
        Where the pixels begin in the file, in bytes; -1 when they are compressed and pydicom must decode them.
    """

    path: Path
    header: Header
    frame: int = 0
    offset: int = -1

    def numbers(self, keyword: str, count: int) -> tuple[float, ...]:
        """Give the `count` numbers of a tag, or raise ValueError naming the file and the tag."""
        text = self.header.get(keyword, "")
        try:
            values = tuple(float(part) for part in text.split("\\"))
        except ValueError:
            values = ()
        if len(values) != count or not np.isfinite(values).all():
            state = f"is {text!r}" if text else "is missing"
            raise InputError(
                f"{self.path.name}: {keyword} {state}, {count} number(s) are needed to place the image; leave the file out."
            )
        return values

    def integer(self, keyword: str) -> int:
        """Give a whole number, or raise ValueError naming the file and the tag."""
        return int(self.numbers(keyword, 1)[0])

    @cached_property
    def axes(self) -> npt.NDArray[np.float64]:
        """The directions of growing column, row and slice number as the columns of a rotation, shape (3, 3)."""
        row, column = np.reshape(self.numbers("ImageOrientationPatient", 6), (2, 3))
        if abs(np.linalg.norm(row) - 1) > 1e-3 or abs(np.linalg.norm(column) - 1) > 1e-3 or abs(row @ column) > 1e-3:
            raise InputError(
                f"{self.path.name}: ImageOrientationPatient {self.header['ImageOrientationPatient']!r} is not two perpendicular "
                "unit vectors; the header is damaged, leave the series out."
            )
        return np.column_stack([row, column, np.cross(row, column)])

    @cached_property
    def position(self) -> npt.NDArray[np.float64]:
        """The centre of the first pixel in the patient, in mm, shape (3,)."""
        return np.asarray(self.numbers("ImagePositionPatient", 3))

    @property
    def height(self) -> float:
        """The position along the slice axis, in mm."""
        return float(self.axes[:, 2] @ self.position)


def read_headers(path: Path, *, tell: Tell = log_decision) -> list[Slice]:
    """Read one DICOM file without its pixels -> its slices; one, or one a frame in a multi-frame file.

    Parameters
    ----------
    path : Path
        A DICOM file.
    tell : callable
        Called where the file is not written as it declares; logs it when left out.

    Returns
    -------
    list of Slice
        In the order of the file.

    Raises
    ------
    ValueError
        If the file is no DICOM, ends inside the header or the pixels, or is empty.
    """
    path = Path(path)
    with reading(path), path.open("rb") as file:
        opened, header = _read_tags(file)
        if not opened.as_declared:
            why = f"it declares {opened.declared or 'no transfer syntax'} and is read as its bytes are written."
            tell(Decision("transfer syntax", printable(path.name), 1, why))
        if "SOPClassUID" not in header:
            raise EOFError
        plain = header["SOPClassUID"] in IMAGE_STORAGE and "Rows" in header
        offset = _pixel_offset(path, opened, header) if plain else -1
        count = _count(path, header, "NumberOfFrames", 1) if plain else 1
        if not plain or not (header["SOPClassUID"] in _ENHANCED or count > 1):
            return [Slice(path, clocked(header), 0, offset)]
        frames = frame_headers(path, header, count, KEYWORDS)
        return [Slice(path, frame, number, offset) for number, frame in enumerate(frames)]


def _read_tags(file: BinaryIO) -> tuple[OpenedFile, dict[str, str]]:
    """Read our tags of one file."""
    opened = open_dicom(file)
    dataset = read_elements(opened, [*_TAGS, *PRIVATE_TAGS])
    letters = convert_encodings(dataset.get("SpecificCharacterSet"))
    header = {keyword: _text(dataset, tag, letters) for tag, keyword in _TAGS.items() if tag in dataset}
    return opened, header | private_facts(dataset, header)


def _text(dataset: Dataset, tag: int, letters: list[str]) -> str:
    """Read a tag as text straight from its bytes: pydicom's own conversion of every value costs as much as the pixels."""
    raw = dataset.get_item(tag)
    if not isinstance(raw, RawDataElement) or raw.value is None:
        value = dataset[tag].value
        return "" if value is None else str(value)
    if len(raw.value) < raw.length < 0xFFFFFFFF:
        raise EOFError(f"{raw.length - len(raw.value)} bytes of a value are missing")
    kind = raw.VR or dictionary_VR(tag)
    if kind in _BINARY or kind == "US or SS":
        order = "little" if raw.is_little_endian else "big"
        return str(int.from_bytes(raw.value[: 4 if kind in {"UL", "SL"} else 2], order, signed=kind in {"SS", "SL"}))
    if kind == "FD":
        order = "<" if raw.is_little_endian else ">"
        return "\\".join(f"{value:g}" for (value,) in struct.iter_unpack(f"{order}d", raw.value))
    return "\\".join(part.strip(" \0\r\n") for part in _decoded(raw.value, letters).split("\\"))


def _decoded(value: bytes, letters: list[str]) -> str:
    """Decode text by the file's character set; where it names none, by one that keeps different names different."""
    if b"\x1b" in value:
        return decode_bytes(value, letters, TEXT_VR_DELIMS)
    named = [] if letters == [default_encoding] else letters[:1]
    for encoding in (*named, "utf-8"):
        try:
            return value.decode(encoding)
        except UnicodeDecodeError:
            continue  # the file names a character set that its text is not written in
    return value.decode("latin-1")


def _pixel_offset(path: Path, opened: OpenedFile, header: Header) -> int:
    """Find where the pixels begin in the file, and check that it holds as many as its header says; -1 to leave it to pydicom."""
    try:
        pixels_at = find_pixels(opened)
    except EOFError as error:
        raise InputError(f"{path.name} is cut short: {error}; {REMEDY}.") from error
    except ValueError as error:
        raise InputError(
            f"{path.name} cannot be read: {error}; convert it to an uncompressed syntax, or leave it out."
        ) from error
    if pixels_at is None:
        raise InputError(f"{path.name} holds no whole-number pixels (PixelData, 7FE0,0010); it is not an image that can be read.")
    if pixels_at.length == UNDEFINED:
        return -1
    rows, columns = (_count(path, header, keyword) for keyword in ("Rows", "Columns"))
    bits = _count(path, header, "SamplesPerPixel", 1) * _count(path, header, "BitsAllocated", 16)
    frames = _count(path, header, "NumberOfFrames", 1)
    if bits % 8 == 0:  # other sizes are told when the pixels are read
        check_length(path, pixels_at, rows * columns * frames * bits // 8, min(rows, columns) * bits // 8)
    return pixels_at.start if opened.encoding.little and not opened.encoding.deflated else -1


def _count(path: Path, header: Header, keyword: str, missing: int | None = None) -> int:
    """Read a tag that must be a positive whole number."""
    text = header.get(keyword, "")
    if not text and missing is not None:
        return missing
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        state = f"is {text!r}" if text else "is missing"
        raise InputError(f"{path.name}: {keyword} {state}, it must be a whole number of 1 or more; {REMEDY}.")
    return int(text)


def find_files(folder: Path) -> list[Path]:
    """List the files of a folder and its subfolders that may be DICOM, by name; links are followed.

    Raises
    ------
    ValueError
        If the folder does not exist or holds no file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {kind}; give the folder that holds the DICOM files.")
    files = files_below(folder)
    if not files:
        raise InputError(f"{folder} holds no file; give the folder that holds the DICOM files.")
    return files


def read_folder(folder: Path, *, tell: Tell = log_decision) -> list[Slice]:
    """Read the headers of every DICOM file of a folder and its subfolders -> slices.

    Files that are not DICOM (licences, tables) are passed over; a file that calls itself `.dcm` and is none is an error.

    Parameters
    ----------
    folder : Path
        A folder, searched with its subfolders.
    tell : callable
        Called with what is decided, see `radiogenomics._files.Tell`.

    Returns
    -------
    list of Slice
        In the order of the file names.

    Raises
    ------
    ValueError
        If there is no folder, no DICOM file in it, or a damaged one.
    """
    slices: list[Slice] = []
    foreign: list[str] = []
    mended: list[Decision] = []
    for path in find_files(folder):
        if is_foreign(path):
            foreign.append(printable(path.name))
        else:
            slices += read_headers(path, tell=mended.append)
    if mended:
        why = f"of {len(mended)} files the transfer syntax is missing or wrong; {mended[0].where}: {mended[0].why}"
        tell(Decision("transfer syntax", printable(folder.name), len(mended), why))
    if foreign:
        why = f"{len(foreign)} files are not DICOM and were ignored: {summarise(foreign)}"
        tell(Decision("files passed over", printable(folder.name), len(foreign), why))
    if not slices:
        raise InputError(
            f"{folder} holds {len(foreign)} file(s) and none is DICOM ({summarise(foreign)}); give the folder of the images."
        )
    return slices


def printable(name: str) -> str:
    """Give a file name that a log or a table can hold, also where its bytes are no valid UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def is_foreign(path: Path) -> bool:
    """Tell whether a file is none that an image may lie in: no DICOM, or the directory of a disc."""
    with path.open("rb") as file:
        if path.name.upper().startswith(_DIRECTORY) or _DIRECTORY_CLASS in file.read(1024):
            return True
        file.seek(0)
        return path.suffix.lower() not in {".dcm", ".ima"} and not is_dicom(file)
