"""Label volumes (NIfTI, NRRD, MetaImage; ITK-SNAP, 3D Slicer) -> masks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images.limits import check_volume_file
from radiogenomics.images.nifti import read_nifti
from radiogenomics.lesions._choosing import as_number, choose
from radiogenomics.lesions._parsing import parsing

_SHOWN = 12


@dataclass(frozen=True)
class _Segment:
    """One segment of a file by 3D Slicer: its name, its label, and the layer of the file that holds it."""

    name: str
    label: int
    layer: int


def read_volume(path: Path, *, segment: int | str | None, tell: Tell = log_decision) -> sitk.Image:
    """Read a label volume -> its labels, or one of them as uint8 mask, on the grid of the file.

    Files of 3D Slicer (``.seg.nrrd``) name their segments; those that overlap lie in layers of their own.

    Parameters
    ----------
    path : Path
        A file with one of the endings of `images.VOLUMES`.
    segment : int or str or None
        A label, or the name of a segment. None keeps all labels as they are.
    tell : callable
        Called with what is decided (axes of a sheared header); logs it when left out.

    Raises
    ------
    ValueError
        If the file is damaged, cut short or sheared, has no such label, or its segments lie in several layers and none was
        chosen.
    """
    path = Path(path)
    with parsing(path, "a volume"):
        volume = _read(path, tell)
        segments = _segments(volume)
        if segments:
            return _slicer_mask(path, volume, segments, segment)
        if volume.GetNumberOfComponentsPerPixel() != 1:
            raise InputError(
                f"{path.name} holds {volume.GetNumberOfComponentsPerPixel()} values a voxel; export it as a label map of one."
            )
        return volume if segment is None else _label(path, volume, segment)


def _read(path: Path, tell: Tell) -> sitk.Image:
    if path.name.lower().endswith((".nii", ".nii.gz")):
        volume = read_nifti(path, tell=tell)
    else:
        check_volume_file(path)
        volume = sitk.ReadImage(str(path))
    while volume.GetDimension() > 3 and volume.GetSize()[-1] == 1:
        volume = sitk.Extract(volume, [*volume.GetSize()[:-1], 0])
    return volume


def _label(path: Path, volume: sitk.Image, segment: int | str) -> sitk.Image:
    values = np.unique(sitk.GetArrayViewFromImage(volume))
    number = as_number(segment)
    if number is None or number not in values:
        raise InputError(
            f"{path.name} has no label {segment!r}; it holds {summarise([f'{value:g}' for value in values], _SHOWN)}."
        )
    return sitk.Cast(volume == number, sitk.sitkUInt8)


def _segments(volume: sitk.Image) -> dict[int, _Segment]:
    """Find the segments that 3D Slicer wrote into the header; old versions gave each a layer of its own and the label 1."""
    tags = {key: volume.GetMetaData(key) for key in volume.GetMetaDataKeys()}
    numbers = sorted({int(number) for key in tags if (number := _number_of(key)) is not None})
    return {
        number: _Segment(
            tags.get(f"Segment{number}_Name", tags.get(f"Segment{number}_ID", "")),
            int(tags.get(f"Segment{number}_LabelValue", 1)),
            int(tags.get(f"Segment{number}_Layer", number if volume.GetNumberOfComponentsPerPixel() > 1 else 0)),
        )
        for number in numbers
    }


def _number_of(key: str) -> str | None:
    word, _, field = key.partition("_")
    number = word.removeprefix("Segment")
    return number if field and word.startswith("Segment") and as_number(number) is not None else None


def _slicer_mask(path: Path, volume: sitk.Image, segments: dict[int, _Segment], segment: int | str | None) -> sitk.Image:
    """Take one segment by name, or by label where a single layer holds them all."""
    layers = volume.GetNumberOfComponentsPerPixel()
    if set(volume.GetSize()) == {1}:
        raise InputError(f"{path.name} is a segmentation of 3D Slicer without a voxel; draw the lesion or leave the patient out.")
    if layers == 1 and segment is None:
        return volume
    if layers == 1:
        return _named(path, volume, segments, segment)
    if segment is None and len(segments) > 1:
        names = summarise([repr(each.name) for each in segments.values()], _SHOWN)
        raise InputError(f"{path.name} holds {len(segments)} segments ({names}) in {layers} layers; choose one with `segment`.")
    member = segments[choose(path, {number: each.name for number, each in segments.items()}, segment, what="segments")]
    if not 0 <= member.layer < layers:
        raise InputError(f"{path.name}: segment {member.name!r} lies in layer {member.layer} of {layers}; export the mask again.")
    return sitk.Cast(sitk.VectorIndexSelectionCast(volume, member.layer) == member.label, sitk.sitkUInt8)


def _named(path: Path, volume: sitk.Image, segments: dict[int, _Segment], segment: int | str | None) -> sitk.Image:
    labels = {part.label: part.name for part in segments.values()}
    return sitk.Cast(volume == choose(path, labels, segment, what="segments"), sitk.sitkUInt8)
