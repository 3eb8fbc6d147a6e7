"""The edge of the room: a foreign DICOM file or archive in a parser -> what it holds, or one error of ours."""

import struct
from contextlib import AbstractContextManager
from pathlib import Path

from radiogenomics import _files
from radiogenomics._errors import InputError

_ENDS_EARLY = (EOFError, struct.error, KeyError, OSError)
REMEDY = "fetch it again or remove it"


def reading(path: Path) -> AbstractContextManager[None]:
    """Guard the reading of one DICOM file's header, see `_files.parsing`."""

    def refuse(error: Exception) -> InputError:
        size = path.stat().st_size
        reason = _files.said(error)
        if size == 0:
            reason = "it is empty"
        elif type(error) is ValueError:
            reason = str(error)
        elif isinstance(error, _ENDS_EARLY):
            reason = f"it ends early, after {size:,} bytes"
        return InputError(f"{path.name} is not a whole DICOM file ({reason}); {REMEDY}.")

    return _files.parsing(path, refuse)


def decoding(place: str, path: Path) -> AbstractContextManager[None]:
    """Guard the decoding of the pixels of one file of a series, see `_files.parsing`."""

    def refuse(error: Exception) -> InputError:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        return InputError(f"{place}: the pixels of {path.name} cannot be decoded ({words}); fetch the file again or remove it.")

    return _files.parsing(path, refuse)


def reading_volume(path: Path) -> AbstractContextManager[None]:
    """Guard the reading of a NIfTI, NRRD or MetaImage file, see `_files.parsing`."""

    def refuse(error: Exception) -> InputError:
        words = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        return InputError(f"{path.name} cannot be read as a volume ({words}); export the file again.")

    return _files.parsing(path, refuse)


def unpacking(archive: Path) -> AbstractContextManager[None]:
    """Guard the unpacking of a zip, see `_files.parsing`."""

    def refuse(error: Exception) -> InputError:
        return InputError(
            f"{archive.name} is an invalid or truncated zip file ({error or type(error).__name__}); fetch the archive again."
        )

    return _files.parsing(archive, refuse)
