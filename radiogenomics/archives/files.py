"""Files at hand: where one lies, and whether it is the one that is meant."""

from pathlib import Path

from radiogenomics._errors import InputError
from radiogenomics._files import sha256


def verify(path: Path, expected: str) -> str:
    """Hash a file and compare with the expected SHA-256 -> the hash.

    Raises
    ------
    ValueError
        If they differ, with both hashes and what to do.
    """
    actual = sha256(path)
    if actual != expected:
        raise InputError(
            f"{path}: its sha256 is {actual}, the manifest or lock file says {expected}; fetch the file again, "
            "or correct the hash if the new file is meant."
        )
    return actual


def find(file: str, *, folders: list[Path]) -> Path | None:
    """Look for a file (or folder) in folders, in order -> the first that holds it, or None when none does."""
    return next((folder / file for folder in folders if (folder / file).exists()), None)
