"""A patient's mask folder, as archives give it -> the one mask file in it; a mask file -> the name in front of its ending."""

from pathlib import Path

from radiogenomics._errors import InputError
from radiogenomics._files import files_below
from radiogenomics._tables import summarise
from radiogenomics.images.encoding import load
from radiogenomics.lesions._parsing import parsing
from radiogenomics.lesions.readers import HEAD, READERS
from radiogenomics.lesions.readers.protocol import is_dicom

MASK_STORAGE = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation
    "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set
)
"""DICOM classes that hold masks."""


def mask_stem(path: Path) -> str:
    """Give the name of a mask file in front of its ending: ``ISPY1.1001.nii.gz`` -> ``ISPY1.1001``.

    Only endings of masks are taken off, so that a dot may stand in a patient's name.
    """
    name = Path(path).name
    known = sorted({ending for reader in READERS.values() for ending in reader.endings}, key=len, reverse=True)
    ending = next((ending for ending in known if name.lower().endswith(ending) and len(name) > len(ending)), "")
    return name[: len(name) - len(ending)]


def find_mask(folder: Path) -> Path:
    """Find the one mask in a folder and its subfolders; other files (images, licences, tables) are passed over.

    Parameters
    ----------
    folder : Path
        One patient's.

    Returns
    -------
    Path
        The mask file, or the only file.

    Raises
    ------
    ValueError
        If the folder holds no mask, or several.
    """
    folder = Path(folder)
    files = files_below(folder)
    masks = [path for path in files if _is_mask(path)]
    if len(masks) == 1 or len(files) == 1:
        return [*masks, *files][0]  # of a single file its reader says what is wrong with it
    if not masks:
        raise InputError(
            f"The folder {folder} holds no mask ({len(files)} other files); give one of "
            f"{', '.join(reader.what for reader in READERS.values())}."
        )
    names = summarise([str(path.relative_to(folder)) for path in masks])
    raise InputError(f"The folder {folder} holds {len(masks)} masks ({names}); give the one that is meant, or remove the others.")


def _is_mask(path: Path) -> bool:
    with parsing(path, "a file"):
        with path.open("rb") as file:
            head = file.read(HEAD)
        claims = {name for name, reader in READERS.items() if reader.reads(path, head)}
        if not is_dicom(head) or claims & set(READERS.outside()):
            return bool(claims)
        return load(path, pixels=False).get("SOPClassUID") in MASK_STORAGE
