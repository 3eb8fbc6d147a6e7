"""DICOM SEG -> masks, and masks -> DICOM SEG."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics._files import atomic
from radiogenomics._tables import shown
from radiogenomics.images import FRAME, Series, sort_slices

_MR_STORAGE = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1")
_GROUP = 1e-2  # mm: planes closer than this are one plane


def list_segments(path: Path) -> pd.DataFrame:
    """List the segments of a DICOM SEG -> ``number``, ``label``, ``property``, ``algorithm``, ``frames``."""
    dataset = _read(path)
    frames = [_segment_of(dataset, number) for number in range(_frame_count(dataset))]
    rows = [
        {
            "number": int(segment.SegmentNumber),
            "label": str(segment.get("SegmentLabel", "")),
            "property": _meaning(segment),
            "algorithm": str(segment.get("SegmentAlgorithmType", "")),
            "frames": frames.count(int(segment.SegmentNumber)),
        }
        for segment in dataset.SegmentSequence
    ]
    return pd.DataFrame(rows)


def read_seg(path: Path, *, segment: int | str | None, threshold: float) -> sitk.Image:
    """Read one segment of a DICOM SEG -> uint8 mask on the grid of its own frames.

    Frames are placed by their plane positions; planes that the file leaves out because they are empty become empty planes.

    Parameters
    ----------
    path : Path
        A DICOM SEG, binary or fractional.
    segment : int or str or None
        The segment's number or label; None when there is only one.
    threshold : float
        Fraction (0 to 1) from which a voxel of a fractional segment counts as inside.

    Returns
    -------
    SimpleITK.Image
        1 inside, 0 outside. It need not cover the whole image: `place` puts it there.

    Raises
    ------
    ValueError
        If the file is no SEG, refers to no MR image, has several segments and none was chosen, or lacks plane positions.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"`threshold` is {threshold!r}, it must be a fraction above 0 and up to 1.")
    dataset = _read(path)
    _refers_to_mr(path, dataset)
    number = _choose(path, dataset, segment)
    frames = [at for at in range(_frame_count(dataset)) if _segment_of(dataset, at) == number]
    if not frames:
        raise InputError(
            f"{path.name}: segment {number} has no frame, its mask is empty; choose another segment or leave the patient out."
        )
    stack = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    inside = stack[frames] > 0
    if dataset.SegmentationType == "FRACTIONAL":
        inside = stack[frames] >= threshold * float(dataset.get("MaximumFractionalValue", 255))
    return _volume(path, dataset, frames, inside)


def write_seg(mask: sitk.Image, path: Path, *, source: Series, label: str) -> Path:
    """Write a mask as a binary DICOM SEG that refers to the images it was drawn on.

    Parameters
    ----------
    mask : SimpleITK.Image
        On the grid of the source; every voxel above 0 is inside.
    path : Path
        The file to write.
    source : Series
        The slices that the mask lies on, e.g. ``phases.sources["post1"]``.
    label : str
        What the segment is, e.g. ``"Lesion"``.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the mask does not have the source's size, or is empty.
    """
    import highdicom
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
    from highdicom.sr import CodedConcept

    slices = sort_slices(source)
    inside = sitk.GetArrayFromImage(mask) > 0
    expected = (len(slices), slices[0].integer("Rows"), slices[0].integer("Columns"))
    if inside.shape != expected:
        raise InputError(
            f"The mask has {inside.shape} voxels (z, y, x) and {source.place} has {expected}; place it on the image first."
        )
    if not inside.any():
        raise InputError("The mask is empty; there is nothing to write.")
    lesion = SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=CodedConcept("52988006", "SCT", "Lesion"),
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )
    dataset = Segmentation(
        source_images=[_as_source(one.path) for one in slices],
        pixel_array=inside,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[lesion],
        series_instance_uid=_uid(source.uid, label, "series"),
        series_number=int(source.header.get("SeriesNumber") or 0) + 1000,
        sop_instance_uid=_uid(source.uid, label, "instance"),
        instance_number=1,
        manufacturer="radiogenomics",
        manufacturer_model_name="radiogenomics.lesions",
        software_versions=highdicom.__version__,
        device_serial_number="0",
        series_description=label,
        omit_empty_frames=True,
    )
    with atomic(path) as temporary:
        dataset.save_as(temporary)
    return path


def _as_source(path: Path) -> Dataset:
    """Read a source image without pixels; what old files lack and the standard requires is left empty."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    for keyword in ("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime", "PatientName"):
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    return dataset


def _uid(*words: str) -> str:
    return str(pydicom.uid.generate_uid(entropy_srcs=list(words)))


def _read(path: Path) -> Dataset:
    try:
        dataset = pydicom.dcmread(path)
    except (pydicom.errors.InvalidDicomError, EOFError, OSError) as error:
        raise InputError(f"{path.name} is not a whole DICOM file ({error}); fetch it again.") from error
    if dataset.get("Modality") != "SEG" or "SegmentSequence" not in dataset:
        raise InputError(
            f"{path.name} is no DICOM SEG (its modality is {dataset.get('Modality', 'missing')}); give the mask file."
        )
    return dataset


def _refers_to_mr(path: Path, dataset: Dataset) -> None:
    """Refuse segmentations of other images: many archives keep pathology and PET segmentations under one patient."""
    referred = {
        str(item.ReferencedSOPClassUID)
        for keyword in (
            "SourceImageSequence",
            "ReferencedSeriesSequence",
            "SharedFunctionalGroupsSequence",
            "PerFrameFunctionalGroupsSequence",
        )
        for group in dataset.get(keyword, [])
        for item in [group, *(part for part in _descend(group))]
        if "ReferencedSOPClassUID" in item
    }
    if not referred & set(_MR_STORAGE):
        names = shown(sorted(pydicom.uid.UID(uid).name for uid in referred)) or "no image at all"
        raise InputError(
            f"{path.name} refers to {names}, not to MR images; it segments something else, choose the MR segmentation."
        )


def _descend(group: Dataset) -> list[Dataset]:
    inner = [item for element in group if element.VR == "SQ" for item in element.value]
    return inner + [deeper for item in inner for deeper in _descend(item)]


def _choose(path: Path, dataset: Dataset, segment: int | str | None) -> int:
    known = {int(one.SegmentNumber): str(one.get("SegmentLabel", "")) for one in dataset.SegmentSequence}
    listed = shown([f"{number} {label!r}" for number, label in known.items()], 12)
    if segment is None:
        if len(known) == 1:
            return next(iter(known))
        raise InputError(f"{path.name} holds {len(known)} segments ({listed}); choose one with `segment`.")
    chosen = [number for number, label in known.items() if segment in (number, label)]
    if len(chosen) != 1:
        raise InputError(f"{path.name} has {len(chosen)} segments called {segment!r}; it holds {listed}.")
    return chosen[0]


def _frame_count(dataset: Dataset) -> int:
    return len(dataset.get("PerFrameFunctionalGroupsSequence", []))


def _group(dataset: Dataset, frame: int, keyword: str) -> Dataset | None:
    """Find a functional group of a frame, its own or the shared one."""
    own = dataset.PerFrameFunctionalGroupsSequence[frame]
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    return next((place[keyword].value[0] for place in (own, shared[0]) if keyword in place and place[keyword].value), None)


def _segment_of(dataset: Dataset, frame: int) -> int:
    group = _group(dataset, frame, "SegmentIdentificationSequence")
    return int(group.ReferencedSegmentNumber) if group is not None else int(dataset.SegmentSequence[0].SegmentNumber)


def _meaning(segment: Dataset) -> str:
    codes = segment.get("SegmentedPropertyTypeCodeSequence") or [Dataset()]
    return str(codes[0].get("CodeMeaning", ""))


def _numbers(path: Path, dataset: Dataset, frame: int, keyword: str, tag: str, count: int) -> npt.NDArray[np.float64]:
    group = _group(dataset, frame, keyword)
    values = [] if group is None else group.get(tag) or []
    if len(values) != count:
        raise InputError(
            f"{path.name}: frame {frame + 1} has no {tag}; its place in the patient is unknown, the mask cannot be used."
        )
    return np.array([float(value) for value in values])


def _volume(path: Path, dataset: Dataset, frames: Sequence[int], inside: npt.NDArray[np.bool_]) -> sitk.Image:
    """Stack the frames of one segment by position."""
    row, column = _numbers(path, dataset, frames[0], "PlaneOrientationSequence", "ImageOrientationPatient", 6).reshape(2, 3)
    normal = np.cross(row, column)
    positions = np.array([_numbers(path, dataset, at, "PlanePositionSequence", "ImagePositionPatient", 3) for at in frames])
    order = np.argsort(positions @ normal, kind="stable")
    heights = (positions @ normal)[order]
    step = _plane_distance(path, dataset, frames[0], heights)
    planes = np.round((heights - heights[0]) / step).astype(int)
    values = np.zeros((int(planes[-1]) + 1, *inside.shape[1:]), dtype=np.uint8)
    for plane, at in zip(planes, order, strict=True):
        values[plane] |= inside[at]
    mask = sitk.GetImageFromArray(values)
    height, width = _numbers(path, dataset, frames[0], "PixelMeasuresSequence", "PixelSpacing", 2)
    mask.SetSpacing((float(width), float(height), step))
    mask.SetOrigin(positions[order[0]].tolist())
    mask.SetDirection(np.column_stack([row, column, normal]).ravel().tolist())
    mask.SetMetaData(FRAME, str(dataset.get(FRAME, "")))
    return mask


def _plane_distance(path: Path, dataset: Dataset, frame: int, heights: npt.NDArray[np.float64]) -> float:
    """Measure the distance between planes: the smallest gap, which every other gap must be a multiple of."""
    gaps = np.diff(heights)
    gaps = gaps[gaps > _GROUP]
    if not len(gaps):
        measures = _group(dataset, frame, "PixelMeasuresSequence") or Dataset()
        return float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0)
    step = float(gaps.min())
    step = float(np.mean(gaps / np.round(gaps / step)))
    if np.abs(gaps / step - np.round(gaps / step)).max() > 0.05:
        raise InputError(
            f"{path.name}: the planes are unevenly spaced ({gaps.min():.2f} to {gaps.max():.2f} mm); the mask cannot be placed."
        )
    return round(step, 6)
