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

from radiogenomics._errors import InputError
from radiogenomics._files import atomic

_HEADER = 12
_NEIGHBOURS = np.ones((3, 3, 3))

Cuboid = tuple[tuple[int, int, int], npt.NDArray[np.uint8]]
"""First voxel (z, y, x), and the voxels of the cuboid (z, y, x)."""


def read_les(path: Path, *, image: sitk.Image) -> sitk.Image:
    """Read a `.les` file -> uint8 mask on the grid of the image it was drawn on.

    A reading counts when its bounds are ordered and inside the image, its size equals the payload, and its lesion is one
    connected piece; of several, the one with the smallest surface is right, because a wrong order cuts a lesion into
    stripes. Among equals the documented reading is taken (low and high of y, x and z in turn; x runs fastest, then y, then z).

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
        If the file is cut short, empty or holds other values than 0 and 1, or no reading gives one connected lesion inside the
        image.
    """
    path = Path(path)
    if path.stat().st_size - _HEADER > np.prod(image.GetSize(), dtype=object):
        raise InputError(
            f"{path.name} holds {path.stat().st_size:,} bytes, more than the image has voxels ({image.GetSize()}); it belongs to "
            f"another series or is not a .les file."
        )
    content = path.read_bytes()
    if len(content) <= _HEADER:
        raise InputError(
            f"{path.name} holds {len(content)} bytes, a .les file has 12 header bytes and a payload; fetch it again."
        )
    payload = np.frombuffer(content, np.uint8, offset=_HEADER)
    if payload.max() > 1:
        raise InputError(
            f"{path.name} holds voxel values up to {payload.max()}, a .les file has 0 and 1 only; it is damaged or no .les file."
        )
    if not payload.any():
        raise InputError(f"{path.name} holds an empty mask ({len(payload):,} voxels, none inside); leave the patient out.")
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
        raise InputError("The mask is empty; there is nothing to write.")
    (z, y, x) = ndimage.find_objects(values)[0]
    bounds = [y.start, y.stop - 1, x.start, x.stop - 1, z.start, z.stop - 1]
    with atomic(Path(path)) as temporary:
        temporary.write_bytes(np.array(bounds, "<u2").tobytes() + values[z, y, x].tobytes())
    return Path(path)


def _best(path: Path, bounds: npt.NDArray[np.int_], payload: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> Cuboid:
    """Choose the connected reading with the smallest surface; read in a wrong order a lesion becomes stripes or falls apart."""
    fitting: list[tuple[int, Cuboid]] = []
    for lows, highs in _bounds(bounds):
        size = tuple(high - low + 1 for low, high in zip(lows, highs, strict=True))
        if min(size) >= 1 and np.prod(size) == len(payload) and (np.array(highs) < shape).all():
            fitting += [(_surface(voxels), (lows, voxels)) for voxels in _orders(payload, size)]
    if not fitting:
        raise InputError(
            f"{path.name}: its bounds {bounds.tolist()} and {len(payload):,} voxels fit no cuboid inside the image of "
            f"{shape[::-1]} voxels; it belongs to another series or is damaged."
        )
    connected = [reading for reading in fitting if ndimage.label(reading[1][1], _NEIGHBOURS)[1] == 1]
    if not connected:
        raise InputError(
            f"{path.name}: in none of the {len(fitting)} readings that fit its bounds is the lesion one connected piece; the "
            "file is damaged or of another layout, draw the mask anew."
        )
    return min(connected, key=lambda reading: reading[0])[1]


def _bounds(bounds: npt.NDArray[np.int_]) -> Iterator[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """Give both readings of the header as (low, high) in z, y, x: low and high of y, x, z in turn, or all lows first."""
    for lows, highs in ((bounds[0::2], bounds[1::2]), (bounds[:3], bounds[3:])):
        yield (int(lows[2]), int(lows[0]), int(lows[1])), (int(highs[2]), int(highs[0]), int(highs[1]))


def _surface(voxels: npt.NDArray[np.uint8]) -> int:
    """Count the voxel faces between inside and outside."""
    padded = np.pad(voxels.astype(np.int8), 1)
    return sum(int(np.abs(np.diff(padded, axis=axis)).sum()) for axis in range(3))


def _orders(payload: npt.NDArray[np.uint8], size: tuple[int, ...]) -> Iterator[npt.NDArray[np.uint8]]:
    """Give the voxels as (z, y, x) for each order of the axes in the file, the documented one (z, y, x; x fastest) first."""
    for order in permutations((0, 1, 2)):
        stored = payload.reshape([size[axis] for axis in order])
        yield stored.transpose(np.argsort(order))
