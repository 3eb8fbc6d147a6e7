"""DICOM SEG -> masks: binary, fractional, or a label map of segments (Supplement 243)."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics._files import Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images.limits import check_voxels
from radiogenomics.lesions._choosing import choose
from radiogenomics.lesions._datasets import read_dataset
from radiogenomics.lesions._frames import functional_group, stack_frames
from radiogenomics.lesions._parsing import parsing

_MR_STORAGE = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")
_KIND = "a DICOM SEG"
_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


def list_segments(path: Path) -> pd.DataFrame:
    """List the segments of a DICOM SEG -> ``number``, ``label``, ``property``, ``algorithm``, ``frames``.

    ``frames`` counts the frames of a segment; in a label map, the frames that hold a voxel of it.
    """
    path = Path(path)
    with parsing(path, _KIND):
        dataset = _read(path)
        held = _segments_of_frames(path, dataset)
        rows = [
            {
                "number": int(segment.SegmentNumber),
                "label": str(segment.get("SegmentLabel", "")),
                "property": _meaning(segment),
                "algorithm": str(segment.get("SegmentAlgorithmType", "")),
                "frames": sum(int(segment.SegmentNumber) in numbers for numbers in held),
            }
            for segment in dataset.SegmentSequence
            if int(segment.SegmentNumber) in _known(dataset)
        ]
    return pd.DataFrame(rows)


def read_seg(
    path: Path, *, segment: int | str | None, threshold: float, image: sitk.Image | None = None, tell: Tell = log_decision
) -> sitk.Image:
    """Read one segment of a DICOM SEG -> uint8 mask on the grid of its own frames.

    Frames are placed by their plane positions; planes that the file leaves out because they are empty become empty planes.

    Parameters
    ----------
    path : Path
        A DICOM SEG: binary, fractional, or a label map, in which a pixel is the number of its segment and 0 is background.
    segment : int or str or None
        The segment's number or label; None when there is only one.
    threshold : float
        Fraction (0 to 1) from which a voxel of a fractional segment counts as inside.
    image : SimpleITK.Image, optional
        The image it was drawn on. It tells the distance of planes where the file does not: where only one plane was drawn,
        or none beside another.
    tell : callable
        Called with what is decided (frames of one plane united); logs it when left out.

    Returns
    -------
    SimpleITK.Image
        1 inside, 0 outside. It need not cover the whole image: `place` puts it there.

    Raises
    ------
    ValueError
        If the file is no SEG or is damaged, refers to no MR image, describes fewer frames than it holds, has several segments
        and none was chosen, or lacks plane positions.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"`threshold` is {threshold!r}, it must be a fraction above 0 and up to 1.")
    path = Path(path)
    with parsing(path, _KIND):
        dataset = _read(path)
        _refers_to_mr(path, dataset)
        number = choose(path, _known(dataset), segment, what="segments")
        frames = _frames_of(path, dataset, number)
        inside = _inside(path, dataset, frames, number, threshold)
        return stack_frames(path, dataset, frames, inside, image=image, tell=tell)


def _read(path: Path) -> Dataset:
    dataset = read_dataset(path)
    if dataset.get("Modality") != "SEG" or not dataset.get("SegmentSequence"):
        raise InputError(
            f"{path.name} is not a DICOM SEG (its modality is {dataset.get('Modality', 'missing')}); give the mask file."
        )
    if "PixelData" not in dataset:
        raise InputError(f"{path.name} is a DICOM SEG without pixels (PixelData, 7FE0,0010); fetch or export it again.")
    kind = dataset.get("SegmentationType")
    if kind not in _KINDS:
        raise InputError(f"{path.name} has the SegmentationType {kind!r}; {', '.join(_KINDS)} can be read, export it as one.")
    _check_frame_count(path, dataset)
    return dataset


def _check_frame_count(path: Path, dataset: Dataset) -> None:
    """Refuse a SEG whose frames, their descriptions and its pixels do not agree in number: a slice would be lost."""
    stated = int(dataset.get("NumberOfFrames") or 1)
    described = len(dataset.get("PerFrameFunctionalGroupsSequence", []))
    if stated != described:
        raise InputError(
            f"{path.name} announces {stated} frames (NumberOfFrames) and describes {described}; slices of the mask would be "
            f"lost, fetch or export it again."
        )
    if min(int(dataset.Rows), int(dataset.Columns)) < 1:
        raise InputError(f"{path.name} has {dataset.Rows} rows and {dataset.Columns} columns; export the mask again.")
    check_voxels(path.name, (stated, int(dataset.Rows), int(dataset.Columns)))
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated)
    expected, held = (stated * bits + 7) // 8, len(dataset.PixelData)
    side = min(int(dataset.Rows), int(dataset.Columns)) * int(dataset.BitsAllocated) // 8
    if held < expected or held - expected >= max(side, 2):
        raise InputError(
            f"{path.name} announces {stated} frames (NumberOfFrames) of {dataset.Rows} x {dataset.Columns} pixels (Rows, "
            f"Columns), {expected:,} bytes of pixels, and holds {held:,}; slices of the mask would be lost or sheared, fetch or "
            "export it again."
        )


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
        names = summarise(sorted(pydicom.uid.UID(uid).name for uid in referred)) or "no image at all"
        raise InputError(
            f"{path.name} refers to {names}, not to MR images; it segments something else, choose the MR segmentation."
        )


def _descend(group: Dataset) -> list[Dataset]:
    inner = [item for element in group if element.VR == "SQ" for item in element.value]
    return inner + [deeper for item in inner for deeper in _descend(item)]


def _known(dataset: Dataset) -> dict[int, str]:
    """Give number and label of every segment; segment 0 of a label map is the background."""
    numbers = {int(part.SegmentNumber): str(part.get("SegmentLabel", "")) for part in dataset.SegmentSequence}
    return {number: label for number, label in numbers.items() if number or dataset.SegmentationType != "LABELMAP"}


def _pixels(dataset: Dataset) -> npt.NDArray[np.integer]:
    return np.asarray(dataset.pixel_array).reshape(-1, int(dataset.Rows), int(dataset.Columns))


def _segments_of_frames(path: Path, dataset: Dataset) -> list[set[int]]:
    """Say for each frame which segments it shows."""
    if dataset.SegmentationType == "LABELMAP":
        return [set(np.unique(frame).tolist()) for frame in _pixels(dataset)]
    return [{_segment_of(dataset, frame)} for frame in range(len(dataset.PerFrameFunctionalGroupsSequence))]


def _segment_of(dataset: Dataset, frame: int) -> int:
    group = functional_group(dataset, frame, "SegmentIdentificationSequence")
    return int(group.ReferencedSegmentNumber) if group is not None else int(dataset.SegmentSequence[0].SegmentNumber)


def _frames_of(path: Path, dataset: Dataset, number: int) -> list[int]:
    frames = [at for at, numbers in enumerate(_segments_of_frames(path, dataset)) if number in numbers]
    if not frames:
        raise InputError(
            f"{path.name}: segment {number} has no frame, its mask is empty; choose another segment or leave the patient out."
        )
    return frames


def _inside(path: Path, dataset: Dataset, frames: list[int], number: int, threshold: float) -> npt.NDArray[np.bool_]:
    stack = _pixels(dataset)[frames]
    if dataset.SegmentationType == "LABELMAP":
        return np.asarray(stack == number)
    if dataset.SegmentationType == "BINARY":
        return np.asarray(stack > 0)
    most = float(dataset.get("MaximumFractionalValue") or 0)
    if most <= 0:
        raise InputError(
            f"{path.name} is fractional and has the MaximumFractionalValue {dataset.get('MaximumFractionalValue')!r}; no "
            f"threshold can be set, export the mask as a binary SEG."
        )
    return np.asarray(stack >= threshold * most)


def _meaning(segment: Dataset) -> str:
    codes = segment.get("SegmentedPropertyTypeCodeSequence") or [Dataset()]
    return str(codes[0].get("CodeMeaning", ""))
