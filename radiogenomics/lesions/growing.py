"""A seed or a box -> a lesion, grown on the early enhancement map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import check_choice
from radiogenomics.lesions._growth import Field, Limit, Piece, distance, field_around, grow, reaches, shrunk, smoothed

Leak = Literal["shrink", "refuse"]

_NEIGHBOURS = np.ones((3, 3, 3))


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
    limit : {'none', 'bridges', 'threshold', 'radius'}
        What kept the lesion within the radius: nothing had to; wider bridges were cut; the threshold was raised; it was cut
        off at the radius, and is larger than its mask.
    """

    mask: sitk.Image
    threshold: float
    seed_level: float
    background_level: float
    volume_mm3: float
    limit: Limit = "none"


def grow_from_seed(
    enhancement: sitk.Image,
    *,
    seed: Sequence[int],
    radius_mm: float,
    fraction: float,
    smoothing_mm: float,
    leak: Leak = "shrink",
    tell: Tell = log_decision,
) -> Grown:
    """Grow a lesion from one voxel on an enhancement map.

    The map is smoothed; the threshold lies at `fraction` of the way from the background (median of the tissue within the
    radius) to the lesion's level (first a high percentile around the seed, then twice the grown lesion's own median). Of what
    lies above it within the radius, the piece that holds the seed is the lesion; bridges thinner than 3 mm are cut where
    the seed survives that, and holes are filled.

    A lesion that reaches the radius leaks into other tissue or is larger than the radius. It is then shrunk: wider bridges
    are cut (up to 10 mm); then the threshold is raised (up to a fraction of 0.7); where neither leaves a piece that holds the
    seed, keeps a quarter of its middle and stays within the radius, it is cut off at the radius. What was done is told and
    stands in ``limit``.

    Parameters
    ----------
    enhancement : SimpleITK.Image
        Percent enhancement of the first post-contrast phase; 0 in air.
    seed : sequence of int, shape (3,)
        Voxel number along columns, rows and slices (x, y, z), from 0.
    radius_mm : float
        Farthest reach from the seed.
    fraction : float
        Between 0 and 1; 0.5 is half-way between background and seed.
    smoothing_mm : float
        Standard deviation of the Gaussian; 0 for none.
    leak : {'shrink', 'refuse'}
        What becomes of a lesion that reaches the radius.
    tell : callable
        Called with what kept the lesion within the radius; logs it when left out.

    Returns
    -------
    Grown
        Mask, threshold, levels and limit.

    Raises
    ------
    ValueError
        If the seed lies outside the map or does not enhance more than its surroundings, or the lesion reaches the radius and
        `leak` is ``refuse``.

    References
    ----------
    Adams R., Bischof L., "Seeded region growing", IEEE Trans. Pattern Anal. Mach. Intell. 16 (1994), doi:10.1109/34.295913.
    """
    place = _check_seed(enhancement, seed)
    _check_numbers(radius_mm=radius_mm, fraction=fraction, smoothing_mm=smoothing_mm)
    check_choice(leak, "leak", get_args(Leak))
    spacing = np.array(enhancement.GetSpacing()[::-1])
    window = tuple(
        slice(max(0, int(at - np.ceil(radius_mm / size))), int(at + np.ceil(radius_mm / size)) + 1)
        for at, size in zip(place, spacing, strict=True)
    )
    near = distance(window, place, enhancement, spacing) <= radius_mm
    field = field_around(enhancement, window, near, place, smoothing_mm)
    piece = grow(field, fraction)
    limit: Limit = "none"
    if reaches(piece, field):
        if leak == "refuse":
            raise InputError(_leak_message(seed, radius_mm, piece, field))
        piece, limit = shrunk(field, piece, fraction=fraction, radius_mm=radius_mm)
        tell(Decision("lesion shrunk", "", int(piece.inside.sum()), _limit_message(seed, radius_mm, piece, limit)))
    return _grown(enhancement, window, piece, field, limit)


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
    smooth = smoothed(enhancement, window, smoothing_mm)
    deepest = _deepest(smooth, enhancement.GetSpacing()[::-1])
    place = [at + side.start for at, side in zip(deepest, window, strict=True)]
    field = field_around(enhancement, window, np.ones(smooth.shape, dtype=bool), place, smoothing_mm)
    return _grown(enhancement, window, grow(field, fraction), field, "none")


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


def _grown(enhancement: sitk.Image, window: tuple[slice, ...], piece: Piece, field: Field, limit: Limit) -> Grown:
    values = np.zeros(enhancement.GetSize()[::-1], dtype=np.uint8)
    values[window] = piece.inside
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(enhancement)
    volume = float(piece.inside.sum() * field.spacing.prod())
    return Grown(mask, piece.threshold, field.seed_level, field.background, volume, limit)


def _leak_message(seed: Sequence[int], radius_mm: float, piece: Piece, field: Field) -> str:
    return (
        f"The lesion grown from seed {tuple(int(at) for at in seed)} leaks: it reaches {radius_mm:g} mm from the seed at a "
        f"threshold of {piece.threshold:.0f} % (seed {field.seed_level:.0f} %, background {field.background:.0f} %). Raise "
        f"`fraction` or `radius_mm`, let it shrink (`leak='shrink'`), or give a box."
    )


def _limit_message(seed: Sequence[int], radius_mm: float, piece: Piece, limit: Limit) -> str:
    done = {
        "bridges": "bridges of up to 10 mm were cut",
        "threshold": f"the threshold was raised to {piece.threshold:.0f} %",
        "radius": "it is cut off there; it may be larger than its mask: raise the radius, or give a box",
    }
    return f"The lesion grown from seed {tuple(int(at) for at in seed)} reaches {radius_mm:g} mm from the seed: {done[limit]}."


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
