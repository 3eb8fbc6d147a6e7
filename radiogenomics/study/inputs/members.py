"""A folder of images or masks -> what lies in it, by patient."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from radiogenomics import lesions
from radiogenomics._errors import InputError
from radiogenomics._names import readable
from radiogenomics._tables import summarise


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
        raise InputError(f"{folder} {state}; give a folder with one {what} a patient")
    found = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path.is_dir() or not folders))
    found = [path for path in found if folders or not _is_detached(path)]
    names = rename([readable(path.name if folders or path.is_dir() else lesions.mask_stem(path)) for path in found])
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{folder} has more than one entry for {summarise(sorted(twice))}; keep one of each")
    return dict(zip(names, found, strict=True))


def _is_detached(path: Path) -> bool:
    """Tell whether a file holds the voxels of a header beside it."""
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    headers = (path.with_name(f"{stem}{ending}") for ending in (".mhd", ".nhdr"))
    return path.name.endswith((".raw", ".zraw", ".raw.gz")) and any(header.is_file() for header in headers)
