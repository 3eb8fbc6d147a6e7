"""Reader of label maps: NIfTI, NRRD, MetaImage."""

from pathlib import Path

import SimpleITK as sitk

from radiogenomics._files import Tell
from radiogenomics.images import VOLUMES
from radiogenomics.lesions.volumes import read_volume


class Volume:
    """Reader of label maps: NIfTI, NRRD, MetaImage, see `MaskReader`."""

    what = "NIfTI, NRRD, MetaImage"
    endings = (".seg.nrrd", *VOLUMES)

    def reads(self, path: Path, head: bytes) -> bool:
        """Claim files by the ending of their names."""
        return path.name.lower().endswith(VOLUMES)

    def read(self, path: Path, *, image: sitk.Image, segment: int | str | None, threshold: float, tell: Tell) -> sitk.Image:
        """Read the labels on their own grid."""
        return read_volume(path, segment=segment, tell=tell)


READER = Volume()
