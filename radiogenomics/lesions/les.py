"""`.les` files (TCGA-Breast-Radiogenomics) -> masks.

Twelve header bytes, six 16-bit bounds of a cuboid (inclusive), then one byte per voxel. The order of bounds and of voxels is
documented inconsistently, so the file itself decides: see `read_les`.
"""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

_HEADER = 12
_NEIGHBOURS = np.ones((3, 3, 3))

Cuboid = tuple[tuple[int, int, int], npt.NDArray[np.uint8]]
"""First voxel (z, y, x), and the voxels of the cuboid (z, y, x)."""


def read_les(path: Path, *, image: sitk.Image) -> sitk.Image:
    """Read a `.les` file -> uint8 mask on the grid of the image it was drawn on.

    The documented reading comes first (bounds y, x, z as low and high of each; x runs fastest, then y, then z). Where its bounds are not
    ordered, its size does not equal the payload, or its lesion falls apart, the other orders of bounds and of voxels are tried the same
    way.

    Parameters
    ----------
    path : Path
        The file.
    image : SimpleITK.Image
        The image it was drawn on; bounds are voxel numbers from 0 in it.

    Returns
    -------
    SimpleITK.Image
        1 inside, 0 outside.

    Raises
    ------
    ValueError
        If the file is cut short, holds other values than 0 and 1, has no reading that gives one connected lesion inside the image, or is empty.
    """
    path = Path(path)
    content = path.read_bytes()
    if len(content) <= _HEADER:
        raise ValueError(
            f"{path.name} holds {len(content)} bytes, a .les file has 12 header bytes and a payload; fetch it again."
        )
    payload = np.frombuffer(content, np.uint8, offset=_HEADER)
    if payload.max() > 1:
        raise ValueError(
            f"{path.name} holds voxel values up to {payload.max()}, a .les file has 0 and 1 only; it is damaged or no .les file."
        )
    if not payload.any():
        raise ValueError(f"{path.name} holds an empty mask ({len(payload):,} voxels, none inside); leave the patient out.")
    start, voxels = _best(path, np.frombuffer(content[:_HEADER], "<u2").astype(int), payload, image.GetSize()[::-1])
    values = np.zeros(image.GetSize()[::-1], dtype=np.uint8)
    values[tuple(slice(low, low + size) for low, size in zip(start, voxels.shape, strict=True))] = voxels
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(image)
    return mask


def write_les(mask: sitk.Image, path: Path) -> Path:
    """Write a mask as a `.les` file in the documented reading.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    values = (sitk.GetArrayFromImage(mask) > 0).astype(np.uint8)
    if not values.any():
        raise ValueError("The mask is empty; there is nothing to write.")
    (z, y, x) = ndimage.find_objects(values)[0]
    bounds = [y.start, y.stop - 1, x.start, x.stop - 1, z.start, z.stop - 1]
    Path(path).write_bytes(np.array(bounds, "<u2").tobytes() + values[z, y, x].tobytes())
    return Path(path)


def _best(path: Path, bounds: npt.NDArray[np.int_], payload: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> Cuboid:
    fitting = 0
    for lows, highs in _bounds(bounds):
        size = tuple(high - low + 1 for low, high in zip(lows, highs, strict=True))
        if min(size) < 1 or np.prod(size) != len(payload) or (np.array(highs) >= shape).any():
            continue
        for voxels in _orders(payload, size):
            fitting += 1
            if ndimage.label(voxels, _NEIGHBOURS)[1] == 1:
                return lows, voxels
    if fitting:
        raise ValueError(
            f"{path.name}: in none of the {fitting} readings that fit its bounds is the lesion one connected piece; the file is damaged or of "
            "another layout, draw the mask anew."
        )
    raise ValueError(
        f"{path.name}: its bounds {bounds.tolist()} and {len(payload):,} voxels fit no cuboid inside the image of {shape[::-1]} voxels; it belongs "
        "to another series or is damaged."
    )


def _bounds(bounds: npt.NDArray[np.int_]) -> Iterator[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """Give the readings of the header as (low, high) in z, y, x: paired or all lows first, for each order of the axes."""
    for names in ("yxz", "xyz", "zyx", "zxy", "yzx", "xzy"):
        for lows, highs in ((bounds[0::2], bounds[1::2]), (bounds[:3], bounds[3:])):
            places = [names.index(axis) for axis in "zyx"]
            yield (_three(lows, places), _three(highs, places))


def _three(values: npt.NDArray[np.int_], places: list[int]) -> tuple[int, int, int]:
    z, y, x = (int(values[place]) for place in places)
    return z, y, x


def _orders(payload: npt.NDArray[np.uint8], size: tuple[int, ...]) -> Iterator[npt.NDArray[np.uint8]]:
    """Give the voxels as (z, y, x) for each order of the axes in the file, the documented one (z, y, x; x fastest) first."""
    for order in permutations((0, 1, 2)):
        stored = payload.reshape([size[axis] for axis in order])
        yield stored.transpose(np.argsort(order))
