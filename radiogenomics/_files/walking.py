"""A folder -> the files in it, the same ones for whoever reads and whoever hashes them."""

import os
from pathlib import Path

from radiogenomics._errors import FileError, InputError
from radiogenomics._files.foreign import endless


def files_below(folder: Path) -> list[Path]:
    """List the files of a folder and its subfolders, sorted by their place; links are followed, hidden names are passed over.

    Parameters
    ----------
    folder : Path
        A folder, or a link to one.

    Returns
    -------
    list of Path
        Below `folder`. A folder that is reached by several links is listed once at each, but never inside itself.

    Raises
    ------
    FileError
        If a folder cannot be listed: what lies in it would be missing without a word.
    InputError
        If a pipe, a socket or a device lies among the files.
    """
    found: list[Path] = []
    _collect(Path(folder), frozenset(), found)
    return sorted(found)


def _collect(folder: Path, above: frozenset[str], found: list[Path]) -> None:
    """Add the files of a folder; `above` are the real folders that lead to it."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as scanned:
            entries = [entry for entry in scanned if not entry.name.startswith(".")]
    except OSError as error:
        raise FileError(f"{folder} cannot be listed ({error.strerror}); see to it and try again.") from error
    for entry in entries:
        if entry.is_dir():
            _collect(Path(entry.path), above | {real}, found)
        elif entry.is_file():
            found.append(Path(entry.path))
        elif kind := endless(Path(entry.path)):
            raise InputError(f"{entry.path} is {kind}, which has no end to read to; remove it from the folder.")
