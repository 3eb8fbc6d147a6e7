"""Mask files as people have them -> masks, whatever the kind of file."""

from pathlib import Path

import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Tell, endless, log_decision
from radiogenomics.lesions._parsing import parsing
from radiogenomics.lesions.folders import find_mask
from radiogenomics.lesions.placement import SOURCE
from radiogenomics.lesions.readers import HEAD, READERS, MaskReader


def read_mask(
    path: Path,
    *,
    image: sitk.Image,
    segment: int | str | None = None,
    threshold: float = 0.5,
    tell: Tell = log_decision,
) -> sitk.Image:
    """Read a mask of any kind -> mask as the file has it, on its own grid or, for contours and `.les`, on that of the image.

    Parameters
    ----------
    path : Path
        DICOM SEG or RTSTRUCT, NIfTI, NRRD or MetaImage (ITK-SNAP, 3D Slicer), `.les`, or what a reader in `READERS` reads; or a
        folder that holds one of them, as archives give.
    image : SimpleITK.Image
        The image it was drawn on.
    segment : int or str, optional
        Which segment, structure or label; needed where the file holds several segments or structures. Without it all labels of
        a label volume stay as they are.
    threshold : float
        Fraction from which a voxel of a fractional SEG is inside.
    tell : callable
        Called with what is decided while the file is read; logs it when left out.

    Returns
    -------
    SimpleITK.Image
        Pass it through `checked` before use, which also brings it onto the grid of the image.

    Raises
    ------
    InputError
        If the file is missing, of no known kind, or damaged.
    """
    path = Path(path)
    if path.is_dir():
        path = find_mask(path)
    if kind := endless(path):
        raise InputError(f"The mask {path} is {kind}, which never ends; give the mask file.")
    if not path.is_file():
        raise InputError(f"The mask {path} does not exist or is not a file; give the one mask file.")
    with parsing(path, "a mask"), path.open("rb") as file:
        head = file.read(HEAD)
    mask = _reader_of(path, head).read(path, image=image, segment=segment, threshold=threshold, tell=tell)
    mask.SetMetaData(SOURCE, path.name)
    return mask


def _reader_of(path: Path, head: bytes) -> MaskReader:
    """Find the reader that can read a file; those from outside are asked first, and two of them must not both claim it."""
    outside = set(READERS.outside())
    claims = {name: reader for name, reader in READERS.items() if reader.reads(path, head)}
    readers = [name for name in claims if name in outside] or list(claims)
    if not readers:
        kinds = ", ".join(reader.what for reader in READERS.values())
        raise InputError(f"{path.name} is not a mask that can be read; give one of {kinds}.")
    if len(readers) > 1:
        raise InputError(f"{path.name} is claimed by the mask readers {', '.join(readers)}; take one of them out.")
    return claims[readers[0]]
