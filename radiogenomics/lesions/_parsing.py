"""The edge of the room: a foreign mask file in a parser -> what it holds, or one error of ours."""

from contextlib import AbstractContextManager
from pathlib import Path

from radiogenomics import _files
from radiogenomics._errors import InputError


def parsing(path: Path, kind: str) -> AbstractContextManager[None]:
    """Guard the reading of one mask file, see `_files.parsing`: ``with parsing(path, "a DICOM SEG"): ...``."""

    def refuse(error: Exception) -> InputError:
        return InputError(
            f"{path.name} cannot be read as {kind}; it is damaged or cut short, export the mask again. "
            f"The reader said: {_files.said(error)}"
        )

    return _files.parsing(path, refuse)
