"""What a header announces -> whether it can be, before memory is set aside or another file is opened for it."""

import re
from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import check_file

MOST_VOXELS = 2**31
"""More than any examination holds; a header that announces more is damaged, or made to exhaust memory."""

_PACKED = 1100  # gzip makes at most 1,032 bytes out of one
_SPARE = 1 << 20
_HEAD = 1 << 16
_BESIDE = re.compile(rb"^(?:data ?file:|ElementDataFile *=)[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_INSIDE = {"LOCAL", "Local", "local"}


def check_voxels(place: str, shape: Sequence[int]) -> None:
    """Refuse a volume that is larger than any examination, before memory is set aside for it."""
    voxels = 1
    for side in shape:
        voxels *= int(side)
    if voxels > MOST_VOXELS:
        sides = " x ".join(f"{side:,}" for side in shape)
        raise InputError(
            f"{place} announces {sides} voxels, at most {MOST_VOXELS:,} are read; its header is damaged, fetch it again or leave "
            "it out."
        )


def check_volume_file(path: Path) -> None:
    """Check a NRRD or MetaImage file by its header: the voxels it announces fit into its bytes, and lie in it or beside it.

    Parameters
    ----------
    path : Path
        A file that ITK reads by its header (``.nrrd``, ``.nhdr``, ``.mha``, ``.mhd``).

    Raises
    ------
    InputError
        If more voxels are announced than any file of this length can hold, or they lie in several files, in another folder, or
        in what is no file.
    """
    path = Path(path)
    held = _file_of_voxels(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    announced = 1
    for side in reader.GetSize():
        announced *= int(side)
    size = held.stat().st_size
    if announced > _PACKED * size + _SPARE:
        raise InputError(
            f"{path.name} announces {announced:,} voxels in {size:,} bytes; its header is damaged, export the mask again."
        )
    check_voxels(path.name, reader.GetSize())


def _file_of_voxels(path: Path) -> Path:
    """Find the file that holds the voxels: the file itself, or the one beside it that its header names."""
    with path.open("rb") as file:
        named = _BESIDE.search(file.read(_HEAD))
    name = named.group(1).decode("utf-8", "replace").strip() if named else "LOCAL"
    if name in _INSIDE:
        return path
    if name.upper().startswith("LIST") or "%" in name:
        raise InputError(f"{path.name} stores its voxels in several files ({name[:40]}); export it again as one file.")
    if Path(name).name != name:
        raise InputError(f"{path.name} says that its voxels are in {name[:80]!r}, in another folder; put both side by side.")
    return check_file(path.parent / name, "file of voxels")
