"""Label maps as volumes: NIfTI, NRRD and MetaImage."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radiogenomics._errors import InputError


def read_volume(path: Path, *, segment: int | str | None) -> sitk.Image:
    """Read a label map -> mask on its own grid.

    Parameters
    ----------
    path : Path
        NIfTI, NRRD or MetaImage.
    segment : int or str, optional
        Which label; without it all labels stay as they are.

    Returns
    -------
    SimpleITK.Image
        The labels, or 1 inside and 0 outside the one asked for.

    Raises
    ------
    ValueError
        If the file is damaged or cut short, has several values a voxel, or has no such label.
    """
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
