"""Mask files as people have them -> masks on the grid of an image."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics.images import resample_like
from radiogenomics.lesions.readers import HEAD, READERS, MaskReader

logger = logging.getLogger(__name__)

_OFF_GRID = 0.05  # voxels: centres closer than this are the same voxel, headers round to less


def read_mask(path: Path, *, image: sitk.Image, segment: int | str | None = None, threshold: float = 0.5) -> sitk.Image:
    """Read a mask of any kind -> mask as the file has it, on its own grid or, for contours and `.les`, on that of the image.

    Parameters
    ----------
    path : Path
        DICOM SEG or RTSTRUCT, NIfTI, NRRD or MetaImage (ITK-SNAP, 3D Slicer), `.les`, or what a reader in `READERS` reads.
    image : SimpleITK.Image
        The image it was drawn on.
    segment : int or str, optional
        Which segment, structure or label; needed where the file holds several segments or structures. Without it all labels of
        a label volume stay as they are.
    threshold : float
        Fraction from which a voxel of a fractional SEG is inside.

    Returns
    -------
    SimpleITK.Image
        Pass it through `checked` before use, which also brings it onto the grid of the image.

    Raises
    ------
    ValueError
        If the file is missing, of no known kind, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"The mask {path} does not exist or is a folder; give the one mask file.")
    with path.open("rb") as file:
        head = file.read(HEAD)
    reader = _reader_of(path, head)
    return reader.read(path, image=image, segment=segment, threshold=threshold)


def _reader_of(path: Path, head: bytes) -> MaskReader:
    """Find the reader that can read a file; those from outside are asked first, and two of them must not both claim it."""
    outside = set(READERS.outside())
    claims = {name: reader for name, reader in READERS.items() if reader.reads(path, head)}
    chosen = [name for name in claims if name in outside] or list(claims)
    if not chosen:
        kinds = ", ".join(reader.what for reader in READERS.values())
        raise InputError(f"{path.name} is no mask this can read; give one of {kinds}.")
    if len(chosen) > 1:
        raise InputError(f"{path.name} is claimed by the mask readers {', '.join(chosen)}; take one of them out.")
    return claims[chosen[0]]


def place(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Put a mask whose voxels are voxels of the image onto the image's grid; nothing is interpolated.

    The mask may cover a part of the image only, or count its axes another way round (as NIfTI and SEG do).

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
    if mask.GetSize() == image.GetSize() and mask.IsSameImageGeometryAs(image, 1e-2, 1e-3):
        placed = sitk.Image(mask)
        placed.CopyInformation(image)
        return placed
    placed = resample_like(mask, image, interpolation="nearest")
    lost = count(mask) - count(placed)
    if lost:
        raise InputError(
            f"{lost:,} of the mask's {count(mask):,} voxels lie outside the image; it belongs to another image or is displaced."
        )
    return placed


def resample_mask(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Bring a mask of another voxel size onto the grid of the image by nearest neighbour, and log the volume before and after.

    Raises
    ------
    ValueError
        If nothing of the mask lies inside the image.
    """
    result = resample_like(mask, image, interpolation="nearest")
    before, after = volume_mm3(mask), volume_mm3(result)
    if before > 0 and after == 0:
        raise InputError(f"Nothing of the mask ({before:,.0f} mm3) lies inside the image; it belongs to another image.")
    logger.warning("The mask was resampled onto the image: %.0f mm3 became %.0f mm3.", before, after)
    return result


def grid_problem(mask: sitk.Image, image: sitk.Image) -> str:
    """Say why the voxels of a mask are not voxels of the image, or nothing."""
    if mask.GetDimension() != image.GetDimension():
        return (
            f"The mask has {mask.GetDimension()} dimensions and the image {image.GetDimension()}; give a three-dimensional mask."
        )
    steps = _index_steps(mask, image)
    start = np.array(image.TransformPhysicalPointToContinuousIndex(mask.GetOrigin()))
    reach = np.array(mask.GetSize()) - 1
    corner = start + steps @ reach
    whole = np.abs(np.round(steps)).sum() == 3 and np.abs(steps - np.round(steps)).max() * max(reach.max(), 1) <= _OFF_GRID
    if whole and max(np.abs(start - np.round(start)).max(), np.abs(corner - np.round(corner)).max()) <= _OFF_GRID:
        return ""
    return (
        f"The mask's grid is not the image's: mask {_described(mask)}; image {_described(image)}. Resample it by name, or "
        f"give the image it was drawn on."
    )


def volume_mm3(mask: sitk.Image) -> float:
    """Measure the volume of everything above 0, in mm3."""
    return float(count(mask) * np.prod(mask.GetSpacing()))


def count(mask: sitk.Image) -> int:
    """Count the voxels above 0."""
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(mask) > 0))


def _index_steps(mask: sitk.Image, image: sitk.Image) -> npt.NDArray[np.float64]:
    """Say how far one voxel of the mask is in voxels of the image, for each axis of the mask."""
    of_mask = np.reshape(mask.GetDirection(), (3, 3)) @ np.diag(mask.GetSpacing())
    of_image = np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    return np.asarray(np.linalg.solve(of_image, of_mask))


def _described(image: sitk.Image) -> str:
    spacing = " x ".join(f"{value:.3g}" for value in image.GetSpacing())
    origin = ", ".join(f"{value:.1f}" for value in image.GetOrigin())
    return f"{image.GetSize()} voxels of {spacing} mm from ({origin})"
