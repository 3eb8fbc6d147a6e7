"""A seed or a box -> a lesion, grown on the early enhancement map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics._errors import InputError

_NEIGHBOURS = np.ones((3, 3, 3))
_FACES = ndimage.generate_binary_structure(3, 1)
_SEED_MM = 3.0  # the seed's level is taken from the voxels this close to it,
_BRIDGE_MM = 1.5  # radius of what is cut off: vessels are thinner than 3 mm
_SEED_PERCENTILE = 90.0  # high among them, so that a seed near the lesion's edge grows the same lesion
_ROUNDS = 3  # then the level is the lesion's own median, which noise does not raise


@dataclass(frozen=True)
class Grown:
    """A grown lesion.

    Attributes
    ----------
    mask : SimpleITK.Image
        uint8, 1 inside, on the grid of the map.
    threshold : float
        The smoothed enhancement from which a voxel belongs to the lesion.
    seed_level, background_level : float
        Enhancement at the seed and around the lesion.
    volume_mm3 : float
        Volume of the mask.
    """

    mask: sitk.Image
    threshold: float
    seed_level: float
    background_level: float
    volume_mm3: float


def grow_from_seed(
    enhancement: sitk.Image, *, seed: Sequence[int], radius_mm: float, fraction: float, smoothing_mm: float
) -> Grown:
    """Grow a lesion from one voxel on an enhancement map.

    The map is smoothed; the threshold lies at `fraction` of the way from the background (median of the tissue within the
    radius) to the lesion's level (first a high percentile around the seed, then twice the grown lesion's own median). Of what
    lies above it within the radius, the piece that holds the seed is the lesion; bridges thinner than 3 mm are cut where
    the seed survives that, and holes are filled.

    Parameters
    ----------
    enhancement : SimpleITK.Image
        Percent enhancement of the first post-contrast phase; 0 in air.
    seed : sequence of int, shape (3,)
        Voxel number along columns, rows and slices (x, y, z), from 0.
    radius_mm : float
        Farthest reach from the seed; a lesion that gets there is refused as a leak.
    fraction : float
        Between 0 and 1; 0.5 is half-way between background and seed.
    smoothing_mm : float
        Standard deviation of the Gaussian; 0 for none.

    Returns
    -------
    Grown
        Mask, threshold and levels.

    Raises
    ------
    ValueError
        If the seed lies outside the map or does not enhance more than its surroundings, or the lesion leaks to the radius.

    References
    ----------
    Adams R., Bischof L., "Seeded region growing", IEEE Trans. Pattern Anal. Mach. Intell. 16 (1994), doi:10.1109/34.295913.
    """
    place = _check_seed(enhancement, seed)
    _check_numbers(radius_mm=radius_mm, fraction=fraction, smoothing_mm=smoothing_mm)
    spacing = np.array(enhancement.GetSpacing()[::-1])
    window = tuple(
        slice(max(0, int(at - np.ceil(radius_mm / size))), int(at + np.ceil(radius_mm / size)) + 1)
        for at, size in zip(place, spacing, strict=True)
    )
    near = _distance(window, place, enhancement, spacing) <= radius_mm
    grown = _grow(enhancement, window, near, place, fraction, smoothing_mm)
    inside = sitk.GetArrayViewFromImage(grown.mask)[window] > 0
    reach = ndimage.binary_erosion(near, _FACES, border_value=1)
    if (inside & near & ~reach).any():
        raise InputError(
            f"The lesion grown from seed {tuple(seed)} leaks: it reaches {radius_mm:g} mm from the seed at a threshold "
            f"of {grown.threshold:.0f} % "
            f"(seed {grown.seed_level:.0f} %, background {grown.background_level:.0f} %). Raise the fraction or the "
            f"radius, or give a box."
        )
    return grown


def grow_in_box(enhancement: sitk.Image, *, box: Sequence[tuple[int, int]], fraction: float, smoothing_mm: float) -> Grown:
    """Grow a lesion inside a box on an enhancement map.

    The seed is the voxel deepest inside the largest piece of the box that Otsu's threshold calls bright (the brightest voxel
    is often a vessel); the rest is as in `grow_from_seed`.

    Parameters
    ----------
    enhancement : SimpleITK.Image
        Percent enhancement of the first post-contrast phase.
    box : sequence of (int, int), shape (3,)
        First and last voxel number along columns, rows and slices, both inside the box.
    fraction, smoothing_mm : float
        As in `grow_from_seed`.

    Returns
    -------
    Grown
        Mask, threshold and levels.

    Raises
    ------
    ValueError
        If the box is out of order or reaches outside the map, or nothing enhances in it.
    """
    _check_numbers(radius_mm=1.0, fraction=fraction, smoothing_mm=smoothing_mm)
    size = enhancement.GetSize()
    if len(box) != 3 or any(not 0 <= low <= high < most for (low, high), most in zip(box, size, strict=True)):
        raise InputError(f"`box` is {list(box)!r}; it must be first and last voxel along x, y and z inside {size} voxels.")
    window = tuple(slice(low, high + 1) for low, high in list(box)[::-1])
    smooth = _smoothed(enhancement, window, smoothing_mm)
    deepest = _deepest(smooth, enhancement.GetSpacing()[::-1])
    place = [at + side.start for at, side in zip(deepest, window, strict=True)]
    return _grow(enhancement, window, np.ones(smooth.shape, dtype=bool), place, fraction, smoothing_mm)


def dice(left: sitk.Image, right: sitk.Image) -> float:
    """Measure how far two masks agree: twice the common voxels over all voxels, 1 when equal.

    Raises
    ------
    ValueError
        If the masks have different sizes, or both are empty.

    References
    ----------
    Dice L. R., "Measures of the amount of ecologic association between species", Ecology 26 (1945), doi:10.2307/1932409.
    """
    if left.GetSize() != right.GetSize():
        raise InputError(f"The masks have {left.GetSize()} and {right.GetSize()} voxels; place both on one image first.")
    first, second = (sitk.GetArrayViewFromImage(mask) > 0 for mask in (left, right))
    both = int(first.sum()) + int(second.sum())
    if both == 0:
        raise InputError("Both masks are empty; their agreement is not defined.")
    return 2 * int((first & second).sum()) / both


def _grow(
    enhancement: sitk.Image,
    window: tuple[slice, ...],
    near: npt.NDArray[np.bool_],
    place: Sequence[int],
    fraction: float,
    smoothing_mm: float,
) -> Grown:
    smooth = _smoothed(enhancement, window, smoothing_mm)
    spacing = np.array(enhancement.GetSpacing()[::-1])
    seed_level = float(np.percentile(smooth[_distance(window, place, enhancement, spacing) <= _SEED_MM], _SEED_PERCENTILE))
    tissue = smooth[near & (smooth != 0)]
    background = float(np.median(tissue)) if tissue.size else 0.0
    if not seed_level > max(background, 0.0):
        x, y, z = tuple(place)[::-1]
        raise InputError(
            f"The seed ({x}, {y}, {z}) does not enhance: {seed_level:.0f} % there, {background:.0f} % around it. "
            "Choose a voxel inside the bright part of the lesion on the PE1 map."
        )
    local = tuple(at - side.start for at, side in zip(place, window, strict=True))
    level = seed_level
    for _ in range(_ROUNDS):
        threshold = background + fraction * (level - background)
        inside = _clean((smooth >= threshold) & near, local, spacing)
        level = float(np.median(smooth[inside]))
    values = np.zeros(enhancement.GetSize()[::-1], dtype=np.uint8)
    values[window] = inside
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(enhancement)
    return Grown(mask, threshold, seed_level, background, float(inside.sum() * spacing.prod()))


def _clean(bright: npt.NDArray[np.bool_], seed: tuple[int, ...], spacing: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Keep the piece that holds the seed, cut thin bridges to vessels where the seed survives it, and fill holes."""
    piece = _piece(bright, seed)
    ball = _ball(spacing)
    opened = ndimage.binary_opening(piece, ball)
    if opened[seed]:
        core = _piece(opened, seed)
        piece = piece & ndimage.binary_dilation(core, ball)
    return np.asarray(ndimage.binary_fill_holes(piece))


def _ball(spacing: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Give the voxels within `_BRIDGE_MM` of the middle one, and at least its six neighbours."""
    reach = np.maximum(np.floor(_BRIDGE_MM / spacing), 1).astype(int)
    grid = np.meshgrid(*[np.arange(-size, size + 1) * step for size, step in zip(reach, spacing, strict=True)], indexing="ij")
    ball = np.asarray(sum(axis**2 for axis in grid) <= _BRIDGE_MM**2)
    middle = tuple(np.s_[size - 1 : size + 2] for size in reach)
    ball[middle] |= _FACES
    return ball


def _deepest(smooth: npt.NDArray[np.float64], spacing: Sequence[float]) -> list[int]:
    """Find the voxel deepest inside the largest bright piece of a box."""
    if smooth.max() <= smooth.min():
        raise InputError(
            f"Nothing enhances in the box (all {smooth.max():.0f} %); give a box around the bright part of the PE1 map."
        )
    bright = sitk.GetArrayFromImage(sitk.OtsuThreshold(sitk.GetImageFromArray(smooth), 0, 1)) > 0
    pieces, _ = ndimage.label(bright, _NEIGHBOURS)
    largest = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    depth = ndimage.distance_transform_edt(np.pad(largest, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    return [int(at) for at in np.unravel_index(int(depth.argmax()), depth.shape)]


def _piece(inside: npt.NDArray[np.bool_], seed: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    inside = inside.copy()
    inside[seed] = True
    pieces, _ = ndimage.label(inside, _NEIGHBOURS)
    return np.asarray(pieces == pieces[seed])


def _smoothed(enhancement: sitk.Image, window: tuple[slice, ...], smoothing_mm: float) -> npt.NDArray[np.float64]:
    """Smooth the map inside the window, with a margin so that the window's edge is smoothed like the rest."""
    spacing = np.array(enhancement.GetSpacing()[::-1])
    margins = np.ceil(4 * smoothing_mm / spacing).astype(int)
    wide = tuple(slice(max(0, side.start - margin), side.stop + margin) for side, margin in zip(window, margins, strict=True))
    values = sitk.GetArrayViewFromImage(enhancement)[wide].astype(np.float64)
    smooth = ndimage.gaussian_filter(values, smoothing_mm / spacing) if smoothing_mm else values
    inner = tuple(
        slice(side.start - outer.start, side.start - outer.start + size)
        for side, outer, size in zip(window, wide, _shape(enhancement, window), strict=True)
    )
    return np.asarray(smooth[inner])


def _shape(enhancement: sitk.Image, window: tuple[slice, ...]) -> list[int]:
    return [len(range(*side.indices(size))) for side, size in zip(window, enhancement.GetSize()[::-1], strict=True)]


def _distance(
    window: tuple[slice, ...], place: Sequence[int], enhancement: sitk.Image, spacing: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Measure how far every voxel of the window is from one voxel, in mm."""
    axes = [
        (np.arange(side.start, side.start + size) - at) * step
        for side, size, at, step in zip(window, _shape(enhancement, window), place, spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.asarray(np.sqrt(x**2 + y**2 + z**2))


def _check_seed(enhancement: sitk.Image, seed: Sequence[int]) -> tuple[int, ...]:
    size = enhancement.GetSize()
    if len(seed) != 3 or any(int(at) != at or not 0 <= at < most for at, most in zip(seed, size, strict=False)):
        raise InputError(f"The seed {tuple(seed)} is not inside the image of {size} voxels; give x,y,z as voxel numbers from 0.")
    return tuple(int(at) for at in seed)[::-1]


def _check_numbers(*, radius_mm: float, fraction: float, smoothing_mm: float) -> None:
    if not (np.isfinite(radius_mm) and radius_mm > 0):
        raise InputError(f"`radius_mm` is {radius_mm!r}, it must be a positive length in mm.")
    if not 0 < fraction < 1:
        raise InputError(f"`fraction` is {fraction!r}, it must lie between 0 and 1.")
    if not (np.isfinite(smoothing_mm) and smoothing_mm >= 0):
        raise InputError(f"`smoothing_mm` is {smoothing_mm!r}, it must be 0 or a positive length in mm.")
