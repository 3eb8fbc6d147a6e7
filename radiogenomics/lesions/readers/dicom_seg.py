"""Reader of DICOM SEG."""

from pathlib import Path

import SimpleITK as sitk

from radiogenomics._files import Tell
from radiogenomics.lesions.readers.protocol import RTSTRUCT, is_dicom
from radiogenomics.lesions.segmentation import read_seg


class DicomSeg:
    """Reader of DICOM SEG, see `MaskReader`."""

    what = "DICOM SEG"
    endings = (".seg.dcm", ".dcm")

    def reads(self, path: Path, head: bytes) -> bool:
        """Claim every DICOM file that is no structure set: what else it may be is said when it is read."""
        return is_dicom(head) and RTSTRUCT not in head

    def read(self, path: Path, *, image: sitk.Image, segment: int | str | None, threshold: float, tell: Tell) -> sitk.Image:
        """Read one segment on the grid of its own frames."""
        return read_seg(path, segment=segment, threshold=threshold, image=image, tell=tell)


READER = DicomSeg()
