"""The edge of the room: a foreign mask file in a parser -> what it holds, or one error of ours."""

from contextlib import AbstractContextManager
from pathlib import Path

from radiogenomics import _files
from radiogenomics._errors import InputError


def parsing(path: Path, kind: str) -> AbstractContextManager[None]:
    """Guard the reading of one mask file, see `_files.parsing`: ``with parsing(path, "a DICOM SEG"): ...``."""

    def refuse(words: str) -> InputError:
        return InputError(
            f"{path.name} cannot be read as {kind}; it is damaged or cut short, export the mask again. The reader said: {words}"
        )

    return _files.parsing(path, refuse)
