"""Mask files as people have them -> masks on the grid of an image."""

import gzip
import logging
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics.images import resample_like
from radiogenomics.lesions.les import read_les
from radiogenomics.lesions.segmentation import read_seg
from radiogenomics.lesions.structures import read_rtstruct

logger = logging.getLogger(__name__)

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_OFF_GRID = 0.05  # voxels: centres closer than this are the same voxel, headers round to less


def read_mask(path: Path, *, image: sitk.Image, segment: int | str | None = None, threshold: float = 0.5) -> sitk.Image:
    """Read a mask of any kind -> mask as the file has it, on its own grid or, for contours and `.les`, on that of the image.

    Parameters
    ----------
    path : Path
        DICOM SEG or RTSTRUCT, NIfTI, NRRD or MetaImage (ITK-SNAP, 3D Slicer), or `.les`.
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
    if path.suffix.lower() == ".les":
        return read_les(path, image=image)
    if path.name.lower().endswith(_VOLUMES):
        return _labels(path, segment)
    with path.open("rb") as file:
        head = file.read(132)
    if head[128:] != b"DICM":
        raise InputError(
            f"{path.name} is no mask this can read; give a DICOM SEG or RTSTRUCT, NIfTI, NRRD, MetaImage or .les file."
        )
    if b"1.2.840.10008.5.1.4.1.1.481.3" in _meta(path):
        return read_rtstruct(path, image=image, structure=segment)
    return read_seg(path, segment=segment, threshold=threshold)


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


def _labels(path: Path, segment: int | str | None) -> sitk.Image:
    try:
        if ".nii" in path.suffixes:
            _refuse_cut(path)
        mask = sitk.ReadImage(str(path))
    except (RuntimeError, OSError, EOFError, struct.error, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read as a volume; it is damaged or cut short, export the mask again.") from error
    if mask.GetDimension() == 4 and mask.GetSize()[3] == 1:
        mask = mask[:, :, :, 0]
    if mask.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{path.name} holds {mask.GetNumberOfComponentsPerPixel()} values a voxel; export it as a label map of one."
        )
    if segment is None:
        return mask
    values = np.unique(sitk.GetArrayViewFromImage(mask))
    if segment not in values:
        raise InputError(f"{path.name} has no label {segment!r}; it holds {', '.join(f'{value:g}' for value in values[:12])}.")
    return sitk.Cast(mask == segment, sitk.sitkUInt8)


def _refuse_cut(path: Path) -> None:
    """Refuse a NIfTI file that ends before its last voxel: ITK reads it without a word and leaves the rest as it finds it."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        head = file.read(348)
        order = "<" if struct.unpack("<i", head[:4])[0] in (348, 540) else ">"
        version_2 = struct.unpack(f"{order}i", head[:4])[0] == 540
        dims = struct.unpack_from(f"{order}8{'q' if version_2 else 'h'}", head, 16 if version_2 else 40)
        (bits,) = struct.unpack_from(f"{order}h", head, 14 if version_2 else 72)
        (start,) = struct.unpack_from(f"{order}{'q' if version_2 else 'f'}", head, 168 if version_2 else 108)
        expected = int(start) + int(np.prod(dims[1 : dims[0] + 1])) * bits // 8
        held = len(head)
        while chunk := file.read(1 << 20):
            held += len(chunk)
    if held < expected:
        raise EOFError(f"{expected - held} bytes are missing")


def _meta(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2048)


def _index_steps(mask: sitk.Image, image: sitk.Image) -> npt.NDArray[np.float64]:
    """Say how far one voxel of the mask is in voxels of the image, for each axis of the mask."""
    of_mask = np.reshape(mask.GetDirection(), (3, 3)) @ np.diag(mask.GetSpacing())
    of_image = np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    return np.asarray(np.linalg.solve(of_image, of_mask))


def _described(image: sitk.Image) -> str:
    spacing = " x ".join(f"{value:.3g}" for value in image.GetSpacing())
    origin = ", ".join(f"{value:.1f}" for value in image.GetOrigin())
    return f"{image.GetSize()} voxels of {spacing} mm from ({origin})"
