"""Reader of DICOM RTSTRUCT."""

from pathlib import Path

import SimpleITK as sitk

from radiogenomics._files import Tell
from radiogenomics.lesions.readers.protocol import RTSTRUCT, is_dicom
from radiogenomics.lesions.structures import read_rtstruct


class Rtstruct:
    """Reader of DICOM RTSTRUCT, see `MaskReader`."""

    what = "DICOM RTSTRUCT"
    endings = (".dcm",)

    def reads(self, path: Path, head: bytes) -> bool:
        """Claim DICOM files of the class of structure sets."""
        return is_dicom(head) and RTSTRUCT in head

    def read(self, path: Path, *, image: sitk.Image, segment: int | str | None, threshold: float, tell: Tell) -> sitk.Image:
        """Draw the contours of one structure into the grid of the image."""
        return read_rtstruct(path, image=image, structure=segment, tell=tell)


READER = Rtstruct()
