"""Frames of a DICOM SEG -> one volume, each frame at its place in the patient."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell
from radiogenomics.images import FRAME
from radiogenomics.images.limits import check_voxels

Floats = npt.NDArray[np.float64]

_SAME_PLANE = 1e-2  # mm: planes closer than this are one plane
_SAME_AXIS = 1e-3  # of a direction cosine: headers round to less
_EVEN = 0.05  # of the plane distance
_SLIDE = 0.1  # voxels that a plane may lie beside the others
_PARALLEL = 0.999  # cosine between the normals of mask and image
_COARSE = 1.5  # a mask whose slices are this much thicker than the image's has a grid of its own


def functional_group(dataset: Dataset, frame: int, keyword: str) -> Dataset | None:
    """Find a functional group of a frame, its own or the shared one."""
    own = dataset.PerFrameFunctionalGroupsSequence[frame]
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    return next((place[keyword].value[0] for place in (own, shared[0]) if keyword in place and place[keyword].value), None)


def stack_frames(
    path: Path, dataset: Dataset, frames: Sequence[int], inside: npt.NDArray[np.bool_], *, image: sitk.Image | None, tell: Tell
) -> sitk.Image:
    """Stack the frames of one segment by position -> uint8 mask on its own grid.

    Parameters
    ----------
    path : Path
        The file, for messages.
    dataset : Dataset
        The SEG.
    frames : sequence of int, shape (n,)
        Numbers of the frames, from 0.
    inside : array of bool, shape (n, rows, columns)
        Their voxels.
    image : SimpleITK.Image or None
        The image it was drawn on, see `read_seg`.
    tell : callable
        Called with what is decided, see `radiogenomics._files.Tell`.

    Raises
    ------
    InputError
        If frames lack a place, differ in orientation or voxel size, slide sideways, or are unevenly spaced.
    """
    axes = _axes(path, dataset, frames)
    height, width = _alike(path, dataset, frames, "PixelMeasuresSequence", "PixelSpacing", 2).tolist()
    if min(height, width) <= 0:
        raise InputError(f"{path.name} has a PixelSpacing of {height:g} x {width:g} mm; it must be positive, export it again.")
    positions = np.array([_numbers(path, dataset, at, "PlanePositionSequence", "ImagePositionPatient", 3) for at in frames])
    _check_slide(path, positions, axes, min(height, width))
    heights = positions @ axes[:, 2]
    order = np.argsort(heights, kind="stable")
    step = _plane_distance(path, _distances(dataset, frames[0], axes[:, 2], image), heights[order])
    check_voxels(path.name, (int((heights[order[-1]] - heights[order[0]]) / step) + 1, *inside.shape[1:]))
    planes = np.round((heights - heights[order[0]]) / step).astype(int)
    values = np.zeros((int(planes.max()) + 1, *inside.shape[1:]), dtype=np.uint8)
    for plane, frame in zip(planes, inside, strict=True):
        values[plane] |= frame
    if len(set(planes)) < len(planes):
        doubled = len(planes) - len(set(planes))
        tell(Decision("frames united", path.name, doubled, f"{doubled} planes have several frames; their union counts."))
    mask = sitk.GetImageFromArray(values)
    mask.SetSpacing((float(width), float(height), step))
    mask.SetOrigin(positions[order[0]].tolist())
    mask.SetDirection(axes.ravel().tolist())
    mask.SetMetaData(FRAME, str(dataset.get(FRAME, "")))
    return mask


def _axes(path: Path, dataset: Dataset, frames: Sequence[int]) -> Floats:
    """Give the directions of columns, rows and planes as the columns of a rotation."""
    row, column = _alike(path, dataset, frames, "PlaneOrientationSequence", "ImageOrientationPatient", 6).reshape(2, 3)
    axes = np.column_stack([row, column])
    if np.abs(axes.T @ axes - np.eye(2)).max() > 2 * _SAME_AXIS:
        raise InputError(
            f"{path.name}: ImageOrientationPatient {[*row.tolist(), *column.tolist()]} is not two perpendicular unit vectors; "
            f"its header is damaged, export it again."
        )
    return np.column_stack([row, column, np.cross(row, column)])


def _alike(path: Path, dataset: Dataset, frames: Sequence[int], keyword: str, tag: str, count: int) -> Floats:
    """Read what all frames must share."""
    values = np.array([_numbers(path, dataset, at, keyword, tag, count) for at in frames])
    away = np.abs(values - values[0]).max(axis=1)
    if away.max() > _SAME_AXIS:
        other = int(away.argmax())
        raise InputError(
            f"{path.name}: {tag} is {values[0].tolist()} in frame {frames[0] + 1} and {values[other].tolist()} in frame "
            f"{frames[other] + 1}; its frames form no volume, export the mask on one series."
        )
    return np.asarray(values[0])


def _numbers(path: Path, dataset: Dataset, frame: int, keyword: str, tag: str, count: int) -> Floats:
    group = functional_group(dataset, frame, keyword)
    values = [] if group is None else group.get(tag) or []
    if len(values) != count or not np.isfinite([float(value) for value in values]).all():
        state = f"the {tag} {[str(value) for value in values]}" if len(values) else f"no {tag}"
        raise InputError(
            f"{path.name}: frame {frame + 1} has {state}; its place in the patient is unknown, the mask cannot be used."
        )
    return np.array([float(value) for value in values])


def _check_slide(path: Path, positions: Floats, axes: Floats, voxel: float) -> None:
    slide = np.abs((positions - positions[0]) @ axes[:, :2]).max()
    if slide > _SLIDE * voxel:
        raise InputError(
            f"{path.name}: its planes lie up to {slide:.2f} mm beside each other (voxels of {voxel:.2f} mm); no rectangular grid "
            f"holds them, export the mask on one series."
        )


def _distances(dataset: Dataset, frame: int, normal: Floats, image: sitk.Image | None) -> list[float]:
    """List what the file and the image say of the distance between planes, the surest first; 0 stands for the smallest gap.

    Without SpacingBetweenSlices, a mask that was drawn on every other slice of the image looks like one with thick slices;
    it is taken for the first unless its own SliceThickness says the second.
    """
    measures = functional_group(dataset, frame, "PixelMeasuresSequence") or Dataset()
    between = float(measures.get("SpacingBetweenSlices") or 0)
    thick = float(measures.get("SliceThickness") or 0)
    drawn_on = _step_of(image, normal)
    if thick > _COARSE * drawn_on:
        drawn_on = 0.0
    return [*(step for step in (between, drawn_on) if step > 0), 0.0, *([thick] if thick > 0 else [])]


def _step_of(image: sitk.Image | None, normal: Floats) -> float:
    """Give the voxel size of the image along a direction; 0 where none of its axes lies there."""
    if image is None or image.GetDimension() != len(normal):
        return 0.0
    along = np.abs(normal @ np.reshape(image.GetDirection(), (3, 3)))
    return float(image.GetSpacing()[int(along.argmax())]) if along.max() > _PARALLEL else 0.0


def _plane_distance(path: Path, distances: Sequence[float], heights: Floats) -> float:
    """Choose the first distance that every gap between planes is a multiple of, and measure it."""
    gaps = np.diff(heights)
    gaps = gaps[gaps > _SAME_PLANE]
    if not len(gaps):
        known = [step for step in distances if step > 0]
        if not known:
            raise InputError(
                f"{path.name} has one plane and neither SpacingBetweenSlices nor SliceThickness; its volume is unknown, read "
                f"it with the image it was drawn on."
            )
        return known[0]
    for distance in distances:
        counts = np.maximum(np.round(gaps / (distance or gaps.min())), 1)
        step = float(np.mean(gaps / counts))
        if np.abs(gaps / step - counts).max() <= _EVEN:
            return round(step, 6)
    raise InputError(
        f"{path.name}: the planes are unevenly spaced ({gaps.min():.2f} to {gaps.max():.2f} mm); the mask cannot be placed."
    )
