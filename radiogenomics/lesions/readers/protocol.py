"""What a mask reader is: it says whether it can read a file, and reads it."""

from pathlib import Path
from typing import Protocol

import SimpleITK as sitk

from radiogenomics._files import Tell

HEAD = 2048
"""Bytes from the beginning of a file that a reader is shown."""

RTSTRUCT = b"1.2.840.10008.5.1.4.1.1.481.3"
"""The class of structure sets, as it stands in the head of a DICOM file."""


class MaskReader(Protocol):
    """Reads mask files of one kind.

    Attributes
    ----------
    what : str
        What it reads, for messages and help: ``NIfTI``.
    endings : tuple of str
        How the names of its files end, in small letters: what stands before is the patient's name.
    """

    what: str
    endings: tuple[str, ...]

    def reads(self, path: Path, head: bytes) -> bool:
        """Say whether a file is of its kind, by its name and first `HEAD` bytes. A reader from outside goes before ours."""

    def read(self, path: Path, *, image: sitk.Image, segment: int | str | None, threshold: float, tell: Tell) -> sitk.Image:
        """Read the mask.

        Parameters
        ----------
        path : Path
            The file.
        image : SimpleITK.Image
            The image it was drawn on.
        segment : int or str, optional
            Which segment, structure or label is asked for.
        threshold : float
            Fraction from which a voxel of a fractional mask is inside.
        tell : callable
            Called with a `radiogenomics._files.Decision` for whatever is dropped, joined or guessed.

        Returns
        -------
        SimpleITK.Image
            Everything above 0 is inside. On its own grid, with spacing, origin and direction, or on that of the image.

        Raises
        ------
        InputError
            If the file is damaged, or has not what is asked for.
        """


def is_dicom(head: bytes) -> bool:
    """Say whether a file begins as DICOM files do."""
    return head[128:132] == b"DICM"
