"""DICOM files -> slices: where each image's pixels lie, and what its header says of place, time and scanner."""

import logging
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiogenomics._errors import InputError
from radiogenomics._tables import shown

logger = logging.getLogger(__name__)

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
    "BitsStored", "PixelRepresentation", "RescaleIntercept", "RescaleSlope", "RescaleType",
)  # fmt: skip
IMAGE_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.128",  # PET
}
"""Classes of images of the body in whole numbers; all else (screens, reports, masks, float maps) has pixels of another
kind or none."""

_TAGS = {tag: keyword for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None}
_BINARY = {"US", "SS", "UL", "SL"}
_REMEDY = "fetch it again or remove it"
_PIXELS = (0x7FE0, 0x0010)
_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian}
_NO_FILE_OFFSET = {DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}


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


def read_headers(path: Path) -> list[Slice]:
    """Read one DICOM file without its pixels -> its slices; one, or one a frame in a multi-frame file.

    Parameters
    ----------
    path : Path
        A DICOM file.

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
    with path.open("rb") as file:
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
            header = {keyword: _text(dataset, tag) for tag, keyword in _TAGS.items() if tag in dataset}
        except (InvalidDicomError, EOFError, struct.error, KeyError, NotImplementedError, OSError) as error:
            raise InputError(
                f"{path.name} is not a whole DICOM file ({_reason(path, error)}); fetch it again or remove it."
            ) from error
        syntax = dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)
        if "SOPClassUID" not in header:
            raise InputError(
                f"{path.name} is not a whole DICOM file (it ends early, after {path.stat().st_size:,} bytes); {_REMEDY}."
            )
        plain = header["SOPClassUID"] in IMAGE_STORAGE and "Rows" in header and syntax not in _NO_FILE_OFFSET
        offset = _pixel_offset(file, path, header, syntax) if plain else -1
    header = _clocked(header)
    if header.get("Modality") == "MR" and int(header.get("NumberOfFrames") or 1) > 1:
        return _frames(path, header, offset)
    return [Slice(path, header, 0, offset)]


def _reason(path: Path, error: Exception) -> str:
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    return "it lacks the DICM mark" if isinstance(error, InvalidDicomError) else f"it ends early, after {size:,} bytes"


def _text(dataset: Dataset, tag: int) -> str:
    """Read a tag as text straight from its bytes: pydicom's own conversion of every value costs as much as the pixels."""
    raw = dataset.get_item(tag)
    if not isinstance(raw, RawDataElement) or raw.value is None:
        return str(dataset[tag].value)
    if len(raw.value) < raw.length < 0xFFFFFFFF:
        raise EOFError(f"{raw.length - len(raw.value)} bytes of a value are missing")
    kind = raw.VR or dictionary_VR(tag)
    if kind in _BINARY or kind == "US or SS":
        order = "little" if raw.is_little_endian else "big"
        return str(int.from_bytes(raw.value[: 4 if kind in {"UL", "SL"} else 2], order, signed=kind in {"SS", "SL"}))
    return "\\".join(part.strip(" \0\r\n") for part in raw.value.decode("utf-8", "replace").split("\\"))


def _pixel_offset(file: Any, path: Path, header: Header, syntax: str) -> int:
    """Find where the pixels begin, and check that the file holds all of them."""
    at = file.tell()
    head = file.read(12)
    if len(head) < 8 or struct.unpack("<HH", head[:4]) != _PIXELS:
        if len(head) < 8:
            raise InputError(f"{path.name} is cut short: all of its pixels are missing; {_REMEDY}.")
        raise InputError(f"{path.name} holds no whole-number pixels (PixelData, 7FE0,0010); it is no image that can be read.")
    if syntax not in _NATIVE:
        return -1
    start = at + (8 if syntax == ImplicitVRLittleEndian else 12)
    missing = start + _pixel_bytes(header) - file.seek(0, 2)
    if missing > 0:
        raise InputError(f"{path.name} is cut short: {missing:,} bytes of its pixels are missing; {_REMEDY}.")
    return int(start)


def _pixel_bytes(header: Header) -> int:
    sizes = [int(header.get(keyword) or 1) for keyword in ("Rows", "Columns", "SamplesPerPixel")]
    bits = int(np.prod(sizes)) * int(header.get("NumberOfFrames") or 1) * int(header.get("BitsAllocated") or 16)
    return bits // 8


def _clocked(header: dict[str, str]) -> dict[str, str]:
    """Give date and time of acquisition their own tags where the file has them in one."""
    moment = header.get("FrameAcquisitionDateTime") or header.get("AcquisitionDateTime", "")
    if "AcquisitionTime" in header or len(moment) < 14:
        return header
    return header | {"AcquisitionDate": moment[:8], "AcquisitionTime": moment[8:].split("+")[0].split("-")[0]}


def _frames(path: Path, header: dict[str, str], offset: int) -> list[Slice]:
    """Give every frame of a multi-frame file its own header, from the functional groups (DICOM PS3.3 C.7.6.16)."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    groups = dataset.get("PerFrameFunctionalGroupsSequence", [])
    shared = dataset.get("SharedFunctionalGroupsSequence", [Dataset()])[0] if groups else Dataset()
    if not groups:
        raise InputError(f"{path.name} holds several frames and does not say where each lies; leave the file out.")
    common = header | _group_tags(shared)
    common.pop("AcquisitionTime", None)  # of the whole file; each frame has its own
    return [Slice(path, _clocked(common | _group_tags(group)), number, offset) for number, group in enumerate(groups)]


def _group_tags(group: Dataset) -> dict[str, str]:
    """Collect our tags from one functional group, whatever sequence they stand in."""
    names = {"EffectiveEchoTime": "EchoTime", "TemporalPositionIndex": "TemporalPositionIdentifier", "FrameType": "ImageType"}
    found: dict[str, str] = {}
    for element in group.iterall():
        keyword = names.get(element.keyword, element.keyword)
        if keyword in KEYWORDS and element.VR != "SQ" and element.value is not None and keyword not in found:
            value = element.value
            found[keyword] = str(value) if isinstance(value, str) or np.isscalar(value) else "\\".join(map(str, value))
    return found


def find_files(folder: Path) -> list[Path]:
    """List the files of a folder and its subfolders that may be DICOM, by name.

    Raises
    ------
    ValueError
        If the folder does not exist or holds no file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {kind}; give the folder that holds the DICOM files.")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise InputError(f"{folder} holds no file; give the folder that holds the DICOM files.")
    return files


def read_folder(folder: Path) -> list[Slice]:
    """Read the headers of every DICOM file of a folder and its subfolders -> slices.

    Files that are not DICOM (licences, tables) are passed over; a file that calls itself `.dcm` and is none is an error.

    Parameters
    ----------
    folder : Path
        A folder, searched with its subfolders.

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
    for path in find_files(folder):
        if _is_foreign(path):
            foreign.append(path.name)
        else:
            slices += read_headers(path)
    if foreign:
        logger.info("%s: %d files are not DICOM and were passed over: %s", folder, len(foreign), shown(foreign))
    if not slices:
        raise InputError(
            f"{folder} holds {len(foreign)} file(s) and none is DICOM ({shown(foreign)}); give the folder of the images."
        )
    return slices


def _is_foreign(path: Path) -> bool:
    if path.name == "DICOMDIR":
        return True
    if path.suffix.lower() in {".dcm", ".ima"}:
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] != b"DICM"
