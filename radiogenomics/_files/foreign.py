"""A foreign file in front of a parser -> what it holds, or one error of ours.

Parsers (pydicom, ITK, zlib, lzma, zipfile, pyarrow, openpyxl, torch) raise errors of any class on damaged files, and no list of
classes was ever complete. `parsing` is the one place that takes whatever they raise; each room has one edge that calls it.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from radiogenomics._errors import FileError, InputError, MissingFileError, RadiogenomicsError

_SHOWN = 160
_NO_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_OF_ITK = "allocate memory"
"""What ITK says, in an error without a class of its own, when memory gives out."""


def parsing(path: Path, refuse: Callable[[Exception], RadiogenomicsError]) -> "_Edge":
    """Guard the reading of one file: ``with parsing(path, refuse): ...``.

    Parameters
    ----------
    path : Path
        The file.
    refuse : callable
        Makes our error from the parser's: what the file should be, and what to do; `said` gives the parser's words.

    Raises
    ------
    RadiogenomicsError
        The one that `refuse` makes, for whatever the parser raises. Our own errors pass as they are.
    FileError
        If the system could not read the file (no permission, a disk error): its content is not to blame.
    MemoryError
        As it is, and where ITK says so: it says nothing about the file. What a file claims to hold is checked before.
    """
    return _Edge(path, refuse)


class _Edge:
    def __init__(self, path: Path, refuse: Callable[[Exception], RadiogenomicsError]) -> None:
        self.path, self.refuse = path, refuse

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, RadiogenomicsError | MemoryError):
            return
        if isinstance(error, RuntimeError) and _OF_ITK in str(error):
            raise MemoryError(f"{self.path}: {said(error)}") from error
        if isinstance(error, OSError) and error.errno is not None:
            raise FileError(f"{self.path} could not be read ({error.strerror}); make it readable and try again.") from error
        raise self.refuse(error) from error


def said(error: BaseException) -> str:
    """Give the class and the last line of an error, where ITK says what it met, in at most 160 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def check_file(path: Path, what: str = "source") -> Path:
    """Check that a path leads to a file that has an end -> the path.

    To read a named pipe waits for a writer, to read a device such as ``/dev/zero`` never ends.

    Parameters
    ----------
    path : Path
        Where the file should lie; links are followed.
    what : str
        What the file is for, such as ``manifest``; stands in the message.

    Raises
    ------
    MissingFileError
        If there is nothing.
    FileError
        If the system refuses to look.
    InputError
        If it is a folder, a named pipe, a socket or a device.
    """
    path = Path(path)
    mode = _mode(path, what)
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder; give the {what}'s file.")
    if not stat.S_ISREG(mode):
        kind = _NO_FILES.get(stat.S_IFMT(mode), "no file")
        raise InputError(f"{path}: is {kind}, which never ends; copy its content to a file and give that as {what}.")
    return path


def endless(path: Path) -> str:
    """Name what a path is if to read it may never end, such as ``a named pipe``; nothing for files, folders and no thing."""
    try:
        return _NO_FILES.get(stat.S_IFMT(path.stat().st_mode), "")
    except OSError:
        return ""


def _mode(path: Path, what: str) -> int:
    if "\0" in os.fspath(path):
        raise MissingFileError(f"{os.fspath(path)!r}: a path cannot contain a NUL character; correct the path of the {what}.")
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(f"{path}: no such file; check the path of the {what}.") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be accessed ({error.strerror}); check the {what}'s path and permissions.") from error
