"""Image and lesion -> the picture of the lesion that a network trained on photographs takes."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice
from radiogenomics.features.architectures.protocol import IMAGENET_MEAN, IMAGENET_STD
from radiogenomics.lesions import largest_slices

View = Literal["slice", "2.5d"]

_DARKEST, _BRIGHTEST = 1.0, 99.0  # percentiles
_SMALLEST = 32  # pixels: below, the networks pool a picture away

Floats = npt.NDArray[np.float64]


def crop(image: sitk.Image, mask: sitk.Image, *, view: View, margin_mm: float = 5.0, size: int = 224) -> npt.NDArray[np.float32]:
    """Crop the lesion out of its slice of largest diameter -> three channels as ImageNet networks expect them.

    The slice is taken among those the scanner made, along the third axis of the volume (axis 2 of `lesions.largest_slices`),
    where the pixels are finest. The crop is a square in mm around the box of the lesion in that slice, its side the longer
    side of the box and the margin at either end; it may leave the image, and is black there.

    Parameters
    ----------
    image : SimpleITK.Image
        One volume, usually the first post-contrast phase or its subtraction.
    mask : SimpleITK.Image
        The lesion, on the grid of the image.
    view : {'slice', '2.5d'}
        The slice in all three channels, or the slice before, the slice itself and the slice after (at an end of the volume the
        slice itself takes the place of its missing neighbour).
    margin_mm : float
        Tissue shown around the lesion.
    size : int
        Pixels of each side of the result.

    Returns
    -------
    array of float32, shape (3, size, size)
        Rows and columns run as in the volume. MRI has no absolute unit: signal is scaled from the 1st and 99th percentile of
        the crop's own voxels, all its slices together, to 0 and 1, clipped, resampled (linear, with the triangle widened
        where pixels grow, against aliasing), and normalised by ImageNet's mean and standard deviation of each channel.

    Raises
    ------
    ValueError
        If image and mask lie on different grids, the mask is empty, the crop is constant or not finite, or an option is out
        of range.
    """
    check_choice(view, "view", get_args(View))
    _check_options(margin_mm, size)
    _check_grid(image, mask)
    slices, (rows, columns) = _place(mask, view, margin_mm, size)
    volume = sitk.GetArrayViewFromImage(image)
    depth = {number: volume[number].astype(float) for number in set(slices)}
    low, high = _range([values[rows.inside, columns.inside] for values in depth.values()], max(slices))
    with one_thread():
        pictures = {
            number: rows.weights @ np.clip((values - low) / (high - low), 0, 1) @ columns.weights.T
            for number, values in depth.items()
        }
    channels = np.stack([pictures[number] for number in slices])
    mean, std = (np.reshape(values, (3, 1, 1)) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return np.asarray((channels - mean) / std, dtype=np.float32)


class _Side:
    """One side of the square on an axis of the slice.

    Attributes
    ----------
    inside : slice
        Voxels whose centre lies in the crop and in the image.
    weights : array, shape (size, n_voxels)
        What each voxel gives to each pixel; beyond the image there is nothing to give.
    """

    def __init__(self, start: float, length: float, size: int, voxels: int) -> None:
        """Take start and length in voxels; voxel 0 reaches from -0.5 to 0.5."""
        step = length / size
        centres = start + (np.arange(size) + 0.5) * step
        reach = max(step, 1.0)
        grid = np.arange(int(np.floor(centres[0] - reach)), int(np.ceil(centres[-1] + reach)) + 1)
        weights = np.clip(1 - np.abs(centres[:, None] - grid) / reach, 0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        held = (grid >= 0) & (grid < voxels)
        self.weights = np.zeros((size, voxels))
        self.weights[:, grid[held]] = weights[:, held]
        self.inside = slice(max(int(np.ceil(start)), 0), min(int(np.floor(start + length)), voxels - 1) + 1)


def _check_options(margin_mm: float, size: int) -> None:
    if not (np.isfinite(margin_mm) and margin_mm >= 0):
        raise InputError(f"`margin_mm` is {margin_mm!r}, it must be 0 or a positive number of mm.")
    if size < _SMALLEST:
        raise InputError(f"`size` is {size!r}, it must be at least {_SMALLEST} pixels.")


def _check_grid(image: sitk.Image, mask: sitk.Image) -> None:
    if image.GetSize() != mask.GetSize() or not image.IsSameImageGeometryAs(mask, 1e-2, 1e-3):
        raise InputError(
            f"The mask ({mask.GetSize()} voxels) does not lie on the grid of the image ({image.GetSize()}); place it there first."
        )


def _place(mask: sitk.Image, view: View, margin_mm: float, size: int) -> tuple[list[int], list[_Side]]:
    """Find the slices and the square: rows, then columns."""
    at = int(largest_slices(mask).query("axis == 2")["slice"].item())
    last = mask.GetSize()[2] - 1
    inside = sitk.GetArrayViewFromImage(mask)[at] > 0
    spacings = mask.GetSpacing()[1::-1]
    ends = [np.flatnonzero(inside.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    side_mm = max((high - low + 1) * spacing for (low, high), spacing in zip(ends, spacings, strict=True)) + 2 * margin_mm
    sides = [
        _Side((low + high) / 2 - side_mm / spacing / 2, side_mm / spacing, size, voxels)
        for (low, high), spacing, voxels in zip(ends, spacings, inside.shape, strict=True)
    ]
    return ([at] * 3 if view == "slice" else [max(at - 1, 0), at, min(at + 1, last)]), sides


def _range(parts: list[Floats], at: int) -> tuple[float, float]:
    values = np.concatenate([part.ravel() for part in parts])
    if not np.isfinite(values).all():
        raise InputError(f"The crop around slice {at} holds values that are not finite; repair the image or leave it out.")
    low, high = np.percentile(values, [_DARKEST, _BRIGHTEST])
    if low == high:
        low, high = values.min(), values.max()
    if low == high:
        raise InputError(f"The crop around slice {at} holds one value only ({low:g}); it shows nothing, check image and mask.")
    return float(low), float(high)
