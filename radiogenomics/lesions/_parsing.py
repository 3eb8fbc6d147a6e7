"""A foreign mask file in a parser -> what it holds, or one error of ours.

This is the one place of the room that takes whatever a parser raises: pydicom, ITK and zlib raise errors of any class on
damaged files, and no list of classes was ever complete.
"""

from pathlib import Path
from types import TracebackType

from radiogenomics._errors import FileError, InputError, RadiogenomicsError

_SHOWN = 160


def parsing(path: Path, kind: str) -> "_Edge":
    """Guard the reading of one file: ``with parsing(path, "a DICOM SEG"): ...``.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What it should be, with its article.

    Raises
    ------
    InputError
        For whatever the parser raises; the parser's own words stand at the end.
    FileError
        If the system could not read the file (no permission, a disk error): its content is not to blame.
    MemoryError
        As it is; it says nothing about the file.
    """
    return _Edge(path, kind)


class _Edge:
    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, (RadiogenomicsError, MemoryError)):
            return
        if isinstance(error, OSError) and error.errno is not None:
            raise FileError(f"{self.path} could not be read ({error.strerror}); make it readable and try again.") from error
        raise InputError(
            f"{self.path.name} cannot be read as {self.kind}; it is damaged or cut short, export the mask again. "
            f"The reader said: {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    """Give the last line of an error, where ITK says what it met, in at most `_SHOWN` characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
