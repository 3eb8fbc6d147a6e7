"""A folder of images or masks -> what lies in it, by patient."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from radiogenomics import lesions
from radiogenomics._errors import InputError
from radiogenomics._files import Decision
from radiogenomics._names import readable
from radiogenomics._tables import summarise

_WORD = r"(masks?|segs?|segmentations?|segmented|labels?|label[\s_-]?maps?|rois?|lesions?|tumou?rs?|contours?|rtstruct|gt)"
_MARK = re.compile(rf"(?i)^{_WORD}[\s_.-]+(?=.)|(?<=.)([\s_.-]+{_WORD})+$")
"""What people write beside the patient's name on a mask."""


def members(folder: Path, *, folders: bool, rename: Callable[[list[str]], list[str]] = list) -> dict[str, Path]:
    """Name what lies in a folder by patient: a folder of images by its name, a mask by its name before the ending of its kind.

    Parameters
    ----------
    folder : Path
        One folder of images, or one mask (or folder with a mask), a patient.
    folders : bool
        Whether it holds images: files beside the folders are passed over then.
    rename : callable
        Takes all names and gives the patients', where barcodes say more than the patient.

    Returns
    -------
    dict of str to Path
        By name. A dot may stand in a patient's name; bytes that are no UTF-8 are read as Latin-1.

    Raises
    ------
    InputError
        If it is no folder, or a patient has more than one entry.
    """
    folder = Path(folder)
    what = "folder" if folders else "mask"
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {state}; give a folder with one {what} per patient")
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path.is_dir() or not folders))
    entries = [path for path in entries if folders or not _is_detached(path)]
    names = rename([readable(path.name if folders or path.is_dir() else lesions.mask_stem(path)) for path in entries])
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{folder} has more than one entry for {summarise(sorted(twice))}; keep one of each")
    return dict(zip(names, entries, strict=True))


def masks_of(patients: Collection[str], found: Mapping[str, Path], folder: Path) -> tuple[dict[str, Path], list[Decision]]:
    """Give masks to patients: by their name, or by it with a word for a mask at an end, as in ``P1_mask`` or ``seg-P1``.

    Parameters
    ----------
    patients : collection of str
        Who has images.
    found : mapping of str to Path
        From `members`.
    folder : Path
        Where the masks lie, for messages.

    Returns
    -------
    masks : dict of str to Path
        By patient; what belongs to nobody keeps its name.
    decisions : list of Decision
        Which names were read so.

    Raises
    ------
    InputError
        If several masks are then one patient's.
    """
    plain = {name: name if name in patients else _MARK.sub("", name) for name in found}
    owner = {name: patient if patient in patients else name for name, patient in plain.items()}
    twice = [patient for patient, count in Counter(owner.values()).items() if count > 1]
    if twice:
        names = [found[name].name for name, patient in owner.items() if patient == twice[0]]
        raise InputError(f"{folder} has {len(names)} masks of {twice[0]} ({summarise(names)}); keep the one that is meant")
    read = [f"{found[name].name} is {patient}'s" for name, patient in owner.items() if name != patient]
    why = f"a word for a mask is no part of the patient's name: {summarise(read)}"
    told = [Decision("names of masks", folder.name, len(read), why)] if read else []
    return {owner[name]: path for name, path in found.items()}, told


def _is_detached(path: Path) -> bool:
    """Tell whether a file holds the voxels of a header beside it."""
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    headers = (path.with_name(f"{stem}{ending}") for ending in (".mhd", ".nhdr"))
    return path.name.endswith((".raw", ".zraw", ".raw.gz")) and any(header.is_file() for header in headers)
