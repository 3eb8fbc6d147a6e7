"""A seed on an enhancement map -> the piece that it grows to, kept within a radius."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics._errors import InputError

Limit = Literal["none", "bridges", "threshold", "radius"]
_Change = Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.bool_]]

_NEIGHBOURS = np.ones((3, 3, 3))
_FACES = ndimage.generate_binary_structure(3, 1)
_SEED_MM = 3.0  # the seed's level is taken from the voxels this close to it,
_BRIDGE_MM = 1.5  # radius of what is cut off: vessels are thinner than 3 mm
_SEED_PERCENTILE = 90.0  # high among them, so that a seed near the lesion's edge grows the same lesion
_ROUNDS = 3  # then the level is the lesion's own median, which noise does not raise
_WIDER_MM = (2.5, 3.5, 5.0)  # radii of the bridges that are cut where the lesion reaches the radius,
_HIGHER = (0.6, 0.7)  # then the fractions that are tried,
_KEPT = 0.25  # as long as the piece keeps this share of what lies above the first threshold nearer than half the radius
_FILLED = 0.5  # tissue around the seed brighter than this share of its level is the lesion itself, not its background


@dataclass(frozen=True)
class Field:
    """The part of a map around a seed: the smoothed map, what lies within reach, and the seed (z, y, x) in it."""

    smooth: npt.NDArray[np.float64]
    near: npt.NDArray[np.bool_]
    seed: tuple[int, ...]
    spacing: npt.NDArray[np.float64]
    seed_level: float
    background: float


@dataclass(frozen=True)
class Piece:
    """One attempt to grow a lesion."""

    inside: npt.NDArray[np.bool_]
    threshold: float


def field_around(
    enhancement: sitk.Image, window: tuple[slice, ...], near: npt.NDArray[np.bool_], place: Sequence[int], smoothing_mm: float
) -> Field:
    """Smooth the map around a seed and measure the levels of seed and background, or say that the seed does not enhance."""
    smooth = smoothed(enhancement, window, smoothing_mm)
    spacing = np.array(enhancement.GetSpacing()[::-1])
    seed_level = float(np.percentile(smooth[distance(window, place, enhancement, spacing) <= _SEED_MM], _SEED_PERCENTILE))
    background = _background(smooth[near], enhancement, seed_level)
    if not seed_level > max(background, 0.0):
        x, y, z = tuple(place)[::-1]
        raise InputError(
            f"The seed ({x}, {y}, {z}) does not enhance: {seed_level:.0f} % there, {background:.0f} % around it. "
            "Choose a voxel inside the bright part of the lesion on the PE1 map."
        )
    local = tuple(at - side.start for at, side in zip(place, window, strict=True))
    return Field(smooth, near, local, spacing, seed_level, background)


def _background(near: npt.NDArray[np.float64], enhancement: sitk.Image, seed_level: float) -> float:
    """Give the median of the tissue around the seed, or of the whole map where the lesion itself fills what lies around."""
    tissue = near[near != 0]
    local = float(np.median(tissue)) if tissue.size else 0.0
    if local <= _FILLED * seed_level:
        return local
    values = sitk.GetArrayViewFromImage(enhancement)
    whole = values[values != 0]
    return min(local, float(np.median(whole)) if whole.size else 0.0)


def grow(field: Field, fraction: float) -> Piece:
    """Grow the piece around the seed; its own median becomes the lesion's level twice."""
    level = field.seed_level
    for _ in range(_ROUNDS):
        threshold = field.background + fraction * (level - field.background)
        inside = _above(field, threshold, _BRIDGE_MM)
        level = float(np.median(field.smooth[inside]))
    return Piece(inside, threshold)


def shrunk(field: Field, leaking: Piece, *, fraction: float, radius_mm: float) -> tuple[Piece, Limit]:
    """Find the mildest change that keeps a piece within the radius, or leave it cut off there -> piece, what was done.

    Wider bridges are cut, then the threshold is raised. A change counts only where it keeps a quarter of what the
    piece held nearer than half the radius: a lesion larger than the radius would else shrink to its brightest spot.
    """
    attempts: list[tuple[float, float, Limit]] = [
        (leaking.threshold, bridge, "bridges") for bridge in _WIDER_MM if bridge < radius_mm / 2
    ]
    for share in _HIGHER:
        if share > fraction:
            attempts.append((field.background + share * (field.seed_level - field.background), _BRIDGE_MM, "threshold"))
    middle = leaking.inside & (_to_seed(field) <= radius_mm / 2)
    for threshold, bridge, limit in attempts:
        piece = Piece(_above(field, threshold, bridge), threshold)
        if not reaches(piece, field) and (piece.inside & middle).sum() >= _KEPT * middle.sum():
            return piece, limit
    return leaking, "radius"


def _above(field: Field, threshold: float, bridge_mm: float) -> npt.NDArray[np.bool_]:
    return _clean((field.smooth >= threshold) & field.near, field.seed, field.spacing, bridge_mm)


def reaches(piece: Piece, field: Field) -> bool:
    """Say whether a lesion reaches the border of what is near, but for the border of the image itself."""
    reach = ndimage.binary_erosion(field.near, _FACES, border_value=1)
    return bool((piece.inside & field.near & ~reach).any())


def _to_seed(field: Field) -> npt.NDArray[np.float64]:
    axes = [(np.arange(size) - at) * step for size, at, step in zip(field.smooth.shape, field.seed, field.spacing, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.asarray(np.sqrt(x**2 + y**2 + z**2))


def _clean(
    bright: npt.NDArray[np.bool_], seed: tuple[int, ...], spacing: npt.NDArray[np.float64], bridge_mm: float
) -> npt.NDArray[np.bool_]:
    """Keep the piece that holds the seed, cut thin bridges to vessels where the seed survives it, and fill holes."""
    piece = _piece(bright, seed)
    thinned, widened = _balls(spacing) if bridge_mm == _BRIDGE_MM else _wide_balls(spacing, bridge_mm)
    opened = widened(thinned(piece))
    if opened[seed]:
        piece = piece & widened(_piece(opened, seed))
    return np.asarray(ndimage.binary_fill_holes(piece))


def _balls(spacing: npt.NDArray[np.float64]) -> tuple[_Change, _Change]:
    """Give erosion and dilation by a small ball, voxel by voxel."""
    ball = _ball(spacing, _BRIDGE_MM)
    return (
        lambda inside: np.asarray(ndimage.binary_erosion(inside, ball)),
        lambda inside: np.asarray(ndimage.binary_dilation(inside, ball)),
    )


def _wide_balls(spacing: npt.NDArray[np.float64], radius_mm: float) -> tuple[_Change, _Change]:
    """Give erosion and dilation by distance, whose time does not grow with the radius."""
    return (
        lambda inside: np.asarray(ndimage.distance_transform_edt(inside, sampling=spacing) > radius_mm),
        lambda inside: np.asarray(ndimage.distance_transform_edt(~inside, sampling=spacing) <= radius_mm),
    )


def _ball(spacing: npt.NDArray[np.float64], radius_mm: float) -> npt.NDArray[np.bool_]:
    """Give the voxels within a radius of the middle one, and at least its six neighbours."""
    reach = np.maximum(np.floor(radius_mm / spacing), 1).astype(int)
    grid = np.meshgrid(*[np.arange(-size, size + 1) * step for size, step in zip(reach, spacing, strict=True)], indexing="ij")
    ball = np.asarray(sum(axis**2 for axis in grid) <= radius_mm**2)
    middle = tuple(np.s_[size - 1 : size + 2] for size in reach)
    ball[middle] |= _FACES
    return ball


def _piece(inside: npt.NDArray[np.bool_], seed: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    inside = inside.copy()
    inside[seed] = True
    pieces, _ = ndimage.label(inside, _NEIGHBOURS)
    return np.asarray(pieces == pieces[seed])


def smoothed(enhancement: sitk.Image, window: tuple[slice, ...], smoothing_mm: float) -> npt.NDArray[np.float64]:
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


def distance(
    window: tuple[slice, ...], place: Sequence[int], enhancement: sitk.Image, spacing: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Measure how far every voxel of the window is from one voxel, in mm."""
    axes = [
        (np.arange(side.start, side.start + size) - at) * step
        for side, size, at, step in zip(window, _shape(enhancement, window), place, spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.asarray(np.sqrt(x**2 + y**2 + z**2))
