"""Mask files as people have them -> masks, whatever the kind of file."""

from pathlib import Path

import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics.lesions.folders import find_mask
from radiogenomics.lesions.les import read_les
from radiogenomics.lesions.placement import SOURCE
from radiogenomics.lesions.segmentation import read_seg
from radiogenomics.lesions.structures import read_rtstruct
from radiogenomics.lesions.volumes import VOLUMES, read_volume


def read_mask(path: Path, *, image: sitk.Image, segment: int | str | None = None, threshold: float = 0.5) -> sitk.Image:
    """Read a mask of any kind -> mask as the file has it, on its own grid or, for contours and `.les`, on that of the image.

    Parameters
    ----------
    path : Path
        DICOM SEG or RTSTRUCT, NIfTI, NRRD or MetaImage (ITK-SNAP, 3D Slicer), or `.les`; or a folder that holds one of them,
        as archives give.
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
    if path.is_dir():
        path = find_mask(path)
    mask = _read(path, image, segment, threshold)
    mask.SetMetaData(SOURCE, path.name)
    return mask


def _read(path: Path, image: sitk.Image, segment: int | str | None, threshold: float) -> sitk.Image:
    if not path.is_file():
        raise InputError(f"The mask {path} does not exist or is no file; give the one mask file.")
    if path.suffix.lower() == ".les":
        return read_les(path, image=image)
    if path.name.lower().endswith(VOLUMES):
        return read_volume(path, segment=segment)
    with path.open("rb") as file:
        head = file.read(132)
    if head[128:] != b"DICM":
        raise InputError(
            f"{path.name} is no mask this can read; give a DICOM SEG or RTSTRUCT, NIfTI, NRRD, MetaImage or .les file."
        )
    if b"1.2.840.10008.5.1.4.1.1.481.3" in _meta(path):
        return read_rtstruct(path, image=image, structure=segment)
    return read_seg(path, segment=segment, threshold=threshold, image=image)


def _meta(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2048)
