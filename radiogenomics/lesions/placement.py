"""A mask on its own grid -> the same voxels on the grid of an image."""

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics.images import FRAME, resample_like

SOURCE = "MaskFile"
"""The metadata of a mask that names the file it was read from."""

Floats = npt.NDArray[np.float64]

_OFF_GRID = 0.05  # voxels: centres closer than this are the same voxel, headers round to less
_DRIFT = 0.5  # voxels: a mask whose voxels differ so little in size over its whole width is drawn on voxels of the image
_TIE = 1e-3  # voxels: half a voxel off, to within rounding of the header


def place(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Put a mask onto the image's grid voxel by voxel; nothing is interpolated, no voxel is lost or doubled.

    The mask may cover a part of the image only, or count its axes another way round (as NIfTI and SEG do). Within one frame
    of reference its voxels may lie beside the image's, as in masks whose header gives a corner for a centre: each goes to the
    nearest voxel, all by the same whole number; half a voxel goes to the higher one.

    Parameters
    ----------
    mask : SimpleITK.Image
        Labels on its own grid.
    image : SimpleITK.Image
        Gives the grid.

    Returns
    -------
    SimpleITK.Image
        Same labels, on the grid of the image.

    Raises
    ------
    ValueError
        If the grids differ, or labelled voxels lie outside the image; the message gives both geometries.
    """
    problem = grid_problem(mask, image)
    if problem:
        raise InputError(problem)
    return _moved(mask, image)


def resample_mask(mask: sitk.Image, image: sitk.Image, *, tell: Tell = log_decision) -> sitk.Image:
    """Bring a mask of another voxel size onto the grid of the image by nearest neighbour, and tell the volume before and after.

    A mask of the image's voxel size is moved to the nearest voxels instead, and keeps every voxel.

    Raises
    ------
    ValueError
        If nothing of the mask lies inside the image.
    """
    if same_voxels(mask, image):
        moved, shift = _moved(mask, image), describe_shift(offset(mask, image), image)
        why = f"The mask was moved to the nearest voxels of the image, by {shift}."
        tell(Decision("mask moved", source(mask), count(mask), why))
        return moved
    result = resample_like(mask, image, interpolation="nearest")
    before, after = volume_mm3(mask), volume_mm3(result)
    if before > 0 and after == 0:
        raise InputError(f"Nothing of the mask ({before:,.0f} mm3) lies inside the image; it belongs to another image.")
    why = f"The mask was resampled onto the image: {before:.0f} mm3 became {after:.0f} mm3."
    tell(Decision("mask resampled", source(mask), count(mask), why))
    return result


def grid_problem(mask: sitk.Image, image: sitk.Image) -> str:
    """Say why a mask cannot be placed on an image voxel by voxel, or nothing."""
    if mask.GetDimension() != image.GetDimension():
        return (
            f"The mask has {mask.GetDimension()} dimensions and the image {image.GetDimension()}; give a three-dimensional mask."
        )
    if same_voxels(mask, image) and (same_frame(mask, image) or np.abs(offset(mask, image)).max() <= _OFF_GRID):
        return ""
    return (
        f"The mask's grid is not the image's: mask {_described(mask)}; image {_described(image)}. Give the image it was drawn "
        f"on, or allow resampling (`resample=True`, --resample, extraction.resample_masks = true in a manifest)."
    )


def same_voxels(mask: sitk.Image, image: sitk.Image) -> bool:
    """Say whether the mask's voxels have the size and axes of the image's, wherever they lie.

    The thickness of a single plane counts for nothing: it is often that of the slice, not the distance of slices.
    """
    if mask.GetDimension() != image.GetDimension():
        return False
    steps, whole = _index_steps(mask, image), _whole_steps(mask, image)
    if not np.array_equal(np.abs(whole).sum(axis=0), [1, 1, 1]) or not np.array_equal(np.abs(whole).sum(axis=1), [1, 1, 1]):
        return False
    reach = np.array(mask.GetSize()) - 1
    return bool((np.abs(steps - whole) @ reach).max() <= _DRIFT)


def same_frame(mask: sitk.Image, image: sitk.Image) -> bool:
    """Say whether both files name the same frame of reference."""
    frames = [volume.GetMetaData(FRAME) if volume.HasMetaDataKey(FRAME) else "" for volume in (mask, image)]
    return frames[0] == frames[1] != ""


def offset(mask: sitk.Image, image: sitk.Image) -> Floats:
    """Measure how far the mask's voxels lie off the nearest voxels of the image, along its axes, in voxels.

    Where voxel sizes differ by rounding, the greatest offset over the mask.
    """
    exact, nearest = _exact_start(mask, image), _start(mask, image)
    drift = np.abs(_index_steps(mask, image) - _whole_steps(mask, image)) @ ((np.array(mask.GetSize()) - 1) / 2)
    away = exact - nearest
    return np.asarray(away + np.copysign(np.round(drift, 9), away))


def describe_shift(shift: Floats, image: sitk.Image) -> str:
    """Put an offset into words, in voxels and mm."""
    millimetres = float(np.linalg.norm(shift * np.array(image.GetSpacing())))
    return f"({', '.join(f'{round(value, 2) + 0.0:.2f}' for value in shift)}) voxels, {millimetres:.2f} mm"


def source(mask: sitk.Image) -> str:
    """Name the file of a mask, where it is known."""
    return str(mask.GetMetaData(SOURCE)) if mask.HasMetaDataKey(SOURCE) else ""


def named(mask: sitk.Image) -> str:
    """Name the file of a mask in front of a message, where it is known."""
    return f"{source(mask)}: " if source(mask) else ""


def volume_mm3(mask: sitk.Image) -> float:
    """Measure the volume of everything above 0, in mm3."""
    return float(count(mask) * np.prod(mask.GetSpacing()))


def count(mask: sitk.Image) -> int:
    """Count the voxels above 0."""
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(mask) > 0))


def _moved(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Give the mask the image's own voxels, and cut or fill it to the image's size."""
    axes = _axes(image) @ _whole_steps(mask, image)
    moved = sitk.Image(mask)
    spacing = np.linalg.norm(axes, axis=0)
    moved.SetSpacing(spacing.tolist())
    moved.SetDirection((axes / spacing).ravel().tolist())
    moved.SetOrigin(image.TransformContinuousIndexToPhysicalPoint(_start(mask, image).tolist()))
    placed = resample_like(moved, image, interpolation="nearest")
    lost = count(mask) - count(placed)
    if lost:
        raise InputError(
            f"{lost:,} of the mask's {count(mask):,} voxels lie outside the image; it belongs to another image or is displaced."
        )
    return placed


def _axes(volume: sitk.Image) -> Floats:
    return np.asarray(np.reshape(volume.GetDirection(), (3, 3)) @ np.diag(volume.GetSpacing()))


def _index_steps(mask: sitk.Image, image: sitk.Image) -> Floats:
    """Say how far one voxel of the mask is in voxels of the image, for each axis of the mask."""
    return np.asarray(np.linalg.solve(_axes(image), _axes(mask)))


def _whole_steps(mask: sitk.Image, image: sitk.Image) -> Floats:
    """Round the steps to whole voxels; along an axis with a single voxel the step is one, whatever its size."""
    steps = _index_steps(mask, image)
    whole = np.round(steps)
    for axis in np.flatnonzero(np.array(mask.GetSize()) == 1):
        along = int(np.abs(steps[:, axis]).argmax())
        whole[:, axis] = 0
        whole[along, axis] = np.sign(steps[along, axis])
    return np.asarray(whole)


def _exact_start(mask: sitk.Image, image: sitk.Image) -> Floats:
    """Say where the mask's first voxel lies in voxels of the image, measured at the mask's middle, where rounding is least."""
    half = (np.array(mask.GetSize()) - 1) / 2
    origin = np.linalg.solve(_axes(image), np.array(mask.GetOrigin()) - np.array(image.GetOrigin()))
    return np.asarray(origin + _index_steps(mask, image) @ half - _whole_steps(mask, image) @ half)


def _start(mask: sitk.Image, image: sitk.Image) -> Floats:
    return np.asarray(np.floor(_exact_start(mask, image) + 0.5 + _TIE))


def _described(image: sitk.Image) -> str:
    spacing = " x ".join(f"{value:.3g}" for value in image.GetSpacing())
    origin = ", ".join(f"{value:.1f}" for value in image.GetOrigin())
    return f"{image.GetSize()} voxels of {spacing} mm from ({origin})"
