"""Reader of `.les` files."""

from pathlib import Path

import SimpleITK as sitk

from radiogenomics._files import Tell
from radiogenomics.lesions.les import read_les


class Les:
    """Reader of `.les` files, see `MaskReader`."""

    what = ".les"
    endings = (".les",)

    def reads(self, path: Path, head: bytes) -> bool:
        """Claim files by the ending of their names."""
        return path.name.lower().endswith(self.endings)

    def read(self, path: Path, *, image: sitk.Image, segment: int | str | None, threshold: float, tell: Tell) -> sitk.Image:
        """Read the cuboid into the grid of the image."""
        return read_les(path, image=image)


READER = Les()
