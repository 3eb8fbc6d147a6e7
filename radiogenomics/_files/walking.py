"""A folder -> every file that a reader may read in it, through links too; a header -> the files that hold its voxels."""

import re
from collections.abc import Iterator
from pathlib import Path

from radiogenomics._errors import FileError, InputError, MissingFileError
from radiogenomics._files.foreign import endless

_HEADERS = (".mhd", ".mha", ".nhdr", ".nrrd")
_MOST_HEADER = 65536
_NAMES_FILE = re.compile(r"^(?:ElementDataFile\s*=|data ?file\s*:)\s*(.*?)\s*$", re.IGNORECASE)
_SERIES = re.compile(r"^(.*%\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(?:\s+\d+)?$")


def files_below(folder: Path) -> list[Path]:
    """List the files of a folder and its subfolders, sorted by their place; links are followed, hidden names are passed over.

    Whoever reads a folder and whoever hashes it must both list it this way: what is read without being hashed can change
    without a word.

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
    MissingFileError
        If a link leads nowhere.
    FileError
        If a folder cannot be listed: what lies in it would be missing without a word.
    InputError
        If a pipe, a socket or a device lies among the files.
    """
    return sorted(_below(Path(folder), frozenset()))


def _below(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:
        return  # a link to a folder that it lies in
    try:
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise FileError(f"{folder} cannot be listed ({error.strerror}); make it readable and try again.") from error
    for path in entries:
        if path.is_dir():
            yield from _below(path, above | {real})
        elif path.is_file():
            yield path
        elif kind := endless(path):
            raise InputError(f"{path} is {kind}, which never ends; remove it from the folder.")
        elif not path.exists():
            raise MissingFileError(f"{path} is a link that leads nowhere; bring back the file that it names, or remove it.")


def voxel_files(path: Path) -> list[Path]:
    """List the files that a MetaImage or NRRD header says its voxels lie in; none where they lie in the file itself.

    Parameters
    ----------
    path : Path
        A file of any kind.

    Returns
    -------
    list of Path
        Whether they are there or not.
    """
    path = Path(path)
    if not path.name.lower().endswith(_HEADERS):
        return []
    with path.open("rb") as file:
        lines = file.read(_MOST_HEADER).decode("latin-1").splitlines()
    for at, line in enumerate(lines):
        if not line.strip():
            return []  # the voxels of NRRD follow
        if found := _NAMES_FILE.match(line):
            return [path.parent / name for name in _named(found[1], lines[at + 1 :])]
    return []


def _named(text: str, rest: list[str]) -> list[str]:
    """Give the names that a header lists: one, those of the lines that follow, or a pattern with its range."""
    if text.upper() == "LOCAL":
        return []
    if text.upper().startswith("LIST"):
        return [line.strip() for line in rest if line.strip()]
    series = _SERIES.match(text)
    if series is None:
        return [text]
    first, last, step = (int(number) for number in series.groups()[1:])
    return [series[1] % number for number in range(first, last + 1, max(step, 1))]
