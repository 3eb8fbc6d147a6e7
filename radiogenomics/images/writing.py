"""Volumes -> files: simulated phases as the DICOM series a scanner would write, and NIfTI, NRRD or MetaImage for viewers."""

import errno
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_dataset, write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from radiogenomics._errors import InputError
from radiogenomics._files import atomic, said, unwritable
from radiogenomics._tables import check_choice

Timing = Literal["TemporalPositionIdentifier", "AcquisitionTime", "TriggerTime", "ContentTime", "none"]

_NIFTI_HEAD = 352  # bytes before the voxels
_LITTLE_ROOM = 1_000_000
_COMPRESSION = 2  # a fifth larger than the default and three times as fast
_STUDY_START = datetime(2000, 1, 1, 9, 0, 0)
_OWN = {"SOPInstanceUID": "UI", "InstanceNumber": "IS", "ImagePositionPatient": "DS", "PixelData": "OW"}
"""What differs from slice to slice, in the order of the tags, each with its kind of value."""
_DEFAULTS = {
    "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "ManufacturerModelName": "SIMULATED",
    "MagneticFieldStrength": "1.5",
    "RepetitionTime": "8.2",
    "EchoTime": "4.2",
    "FlipAngle": "20",
    "SeriesDescription": "DYNAMIC",
    "SeriesNumber": "1",
    "Laterality": "",
    "ScanningSequence": "GR",
    "SequenceVariant": "SP",
    "ScanOptions": "",
    "MRAcquisitionType": "3D",
    "EchoTrainLength": "1",
    "PatientName": "",
    "PatientBirthDate": "",
    "PatientSex": "F",
    "PatientPosition": "FFP",
    "ReferringPhysicianName": "",
    "AccessionNumber": "",
    "StudyID": "1",
    "PositionReferenceIndicator": "",
}


def write_dicom(
    phases: Sequence[sitk.Image],
    folder: Path,
    *,
    patient: str,
    seconds: Sequence[float],
    timing: Timing | Sequence[Timing],
    tags: Mapping[str, object] | None = None,
) -> list[Path]:
    """Write the phases of a dynamic series, or one volume, as one DICOM series of MR images.

    Parameters
    ----------
    phases : sequence of SimpleITK.Image
        Volumes of 16-bit integers on one grid, right-handed (the third axis is the cross product of the first two).
    folder : Path
        Made when missing.
    patient : str
        PatientID. UIDs follow from it, the series number and description alone, so the same call writes the same bytes.
    seconds : sequence of float, shape (n_phases,)
        When each phase was taken, from the first on.
    timing : str or sequence of str
        The tag, or tags, that tell the phases apart; with ``none`` only the repeated positions do.
    tags : mapping of str to object, optional
        DICOM keywords and values that replace the defaults, e.g. ``{"Manufacturer": "SIEMENS", "SeriesNumber": "4"}``.

    Returns
    -------
    list of Path
        One file per slice, phase after phase.

    Raises
    ------
    ValueError
        If a volume is not of 16-bit integers, is left-handed or lies on another grid, or the numbers of phases and times differ.
    """
    marks: Sequence[Timing] = [timing] if isinstance(timing, str) else timing
    for mark in marks:
        check_choice(mark, "timing", get_args(Timing))
    _check_phases(phases, seconds)
    values = {**_DEFAULTS, **(tags or {})}
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (image, second) in enumerate(zip(phases, seconds, strict=True)):
        base = _base(image, patient, values) | _times(number, second, marks)
        shared = _encode_shared(base)  # encoding the tags costs most of the time, and slices share nearly all
        for at, pixels in enumerate(sitk.GetArrayViewFromImage(image)):
            instance = number * image.GetDepth() + at + 1
            position = image.TransformIndexToPhysicalPoint((0, 0, at))
            path = Path(folder) / f"{number + 1}-{at + 1:03d}.dcm"
            _write(path, shared, _uid(str(base["SeriesInstanceUID"]), str(instance)), instance, position, pixels)
            paths.append(path)
    return paths


def write_volume(image: sitk.Image, path: Path) -> Path:
    """Write a volume or a mask compressed, as NIfTI, NRRD or MetaImage by its suffix, whole or not at all.

    Parameters
    ----------
    image : SimpleITK.Image
        A volume, a map or a mask.
    path : Path
        Ends in ``.nii``, ``.nii.gz``, ``.nrrd`` or ``.mha``; missing folders are made.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the suffix is not one of those.
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz", ".nrrd", ".mha")):
        raise InputError(f"{path.name} does not end in .nii, .nii.gz, .nrrd or .mha; give one of those.")
    with atomic(path) as temporary:
        # SimpleITK knows the format by the name, and a temporary name keeps only the last of two suffixes.
        whole = temporary.with_suffix(".nii.gz") if temporary.suffix == ".gz" else temporary
        try:
            sitk.WriteImage(image, str(whole), useCompression=True, compressionLevel=_COMPRESSION)
            _refuse_cut(whole, image, path)
            whole.replace(temporary)
        except RuntimeError as error:
            if shutil.disk_usage(path.parent).free < _LITTLE_ROOM:  # the part that was written still takes its room
                raise unwritable(path, errno.ENOSPC) from OSError(errno.ENOSPC, said(error))
            raise unwritable(path, reason=said(error)) from error
        finally:
            if whole != temporary:
                whole.unlink(missing_ok=True)
    return path


def _refuse_cut(written: Path, image: sitk.Image, path: Path) -> None:
    """Refuse a NIfTI file that the disk had no room for: ITK writes as much as there is room, and says nothing.

    A gzip file ends with the length of what it holds; where it was cut, other bytes stand there.
    """
    voxels = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel() * image.GetSizeOfPixelComponent()
    size = written.stat().st_size
    if written.suffix == ".nii":
        whole = size >= _NIFTI_HEAD + voxels
    elif written.suffix == ".gz":
        with written.open("rb") as file:
            file.seek(max(size - 4, 0))
            whole = int.from_bytes(file.read(), "little") == (_NIFTI_HEAD + voxels) % 2**32
    else:
        return  # of other formats ITK says it
    if not whole:
        raise unwritable(path, errno.ENOSPC) from OSError(errno.ENOSPC, f"{size} bytes were written")


def _check_phases(phases: Sequence[sitk.Image], seconds: Sequence[float]) -> None:
    if not phases or len(phases) != len(seconds):
        raise InputError(f"{len(phases)} phase(s) and {len(seconds)} time(s) were given; each phase needs one time.")
    for image in phases:
        if image.GetDimension() != 3 or image.GetPixelID() not in {sitk.sitkInt16, sitk.sitkUInt16}:
            kind = f"{image.GetDimension()}-dimensional of {image.GetPixelIDTypeAsString()}"
            raise InputError(f"A volume is {kind}; MR images hold 16-bit integers: scale, round and cast it first.")
        if np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) < 0:
            raise InputError(
                "A volume is left-handed; flip its slices first (sitk.Flip along the third axis), DICOM orders them right-handed."
            )
        if image.GetSize() != phases[0].GetSize() or not image.IsSameImageGeometryAs(phases[0]):
            raise InputError(
                f"The phases lie on different grids ({image.GetSize()} and {phases[0].GetSize()} voxels); "
                "resample them to one first."
            )


def _base(image: sitk.Image, patient: str, values: Mapping[str, object]) -> dict[str, object]:
    """Collect what all slices of a phase share."""
    columns, rows, _ = image.GetSize()
    direction = np.reshape(image.GetDirection(), (3, 3))
    width, height, depth = image.GetSpacing()
    signed = image.GetPixelID() == sitk.sitkInt16
    number, description = str(values["SeriesNumber"]), str(values["SeriesDescription"])
    return {
        **values,
        "SOPClassUID": MRImageStorage,
        "Modality": "MR",
        "PatientID": patient,
        "StudyInstanceUID": _uid(patient, "study"),
        "SeriesInstanceUID": _uid(patient, number, description),
        "FrameOfReferenceUID": _uid(patient, "frame of reference"),
        "StudyDate": f"{_STUDY_START:%Y%m%d}",
        "StudyTime": f"{_STUDY_START:%H%M%S}",
        "ImageOrientationPatient": [_ds(value) for value in (*direction[:, 0], *direction[:, 1])],
        "PixelSpacing": [_ds(height), _ds(width)],
        "SliceThickness": _ds(depth),
        "SpacingBetweenSlices": _ds(depth),
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(signed),
    }


def _times(number: int, second: float, timing: Sequence[Timing]) -> dict[str, object]:
    """Give the tags that tell the phases apart; the other clocks say when the study began, as archives have them."""
    begun, now = _STUDY_START, _STUDY_START + timedelta(seconds=float(second))
    marks: dict[Timing, dict[str, object]] = {
        "TemporalPositionIdentifier": {"TemporalPositionIdentifier": number + 1},
        "AcquisitionTime": {"AcquisitionDate": f"{now:%Y%m%d}", "AcquisitionTime": f"{now:%H%M%S.%f}"},
        "TriggerTime": {"TriggerTime": _ds(1000 * float(second))},
        "ContentTime": {"ContentDate": f"{now:%Y%m%d}", "ContentTime": f"{now:%H%M%S.%f}"},
        "none": {},
    }
    times: dict[str, object] = {"ContentDate": f"{begun:%Y%m%d}", "ContentTime": f"{begun:%H%M%S}"}
    for mark in timing:
        times |= marks[mark]
    return times


def _encode_shared(values: Mapping[str, object]) -> list[bytes]:
    """Encode what all slices of a phase share -> the pieces of a file between the elements that each slice has of its own."""
    dataset = Dataset()
    for keyword, value in values.items():
        if keyword not in _OWN:
            setattr(dataset, keyword, value)
    edges = [None, *(tag_for_keyword(keyword) for keyword in _OWN), None]
    letters = dataset.get("SpecificCharacterSet", "ISO_IR 6")
    return [_encode(dataset[low:high], letters) for low, high in pairwise(edges)]


def _encode(dataset: Dataset, letters: str) -> bytes:
    buffer = _buffer()
    write_dataset(buffer, dataset, letters)
    return buffer.getvalue()


def _buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    return buffer


def _write(
    path: Path, shared: Sequence[bytes], uid: UID, instance: int, position: Sequence[float], pixels: npt.NDArray[np.generic]
) -> None:
    """Write one slice: the shared pieces with its own elements between them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stored = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
    buffer = _buffer()
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta)
    buffer.write(shared[0])
    values = (uid, instance, [_ds(value) for value in position], stored)
    for (keyword, kind), value, piece in zip(_OWN.items(), values, shared[1:], strict=True):
        write_data_element(buffer, DataElement(keyword, kind, value))
        buffer.write(piece)
    _replace(path, buffer.getvalue())


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, but leave the disk its time: a series has hundreds, and waiting for each costs most."""
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unwritable(path, error.errno) from error


def _uid(*words: str) -> UID:
    return generate_uid(entropy_srcs=list(words))


def _ds(value: float) -> str:
    """Write a number in the 16 characters of a DICOM decimal string."""
    return format_number_as_ds(float(value))
