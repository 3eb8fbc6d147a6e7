"""Slices -> one volume: sorted by position, geometry checked, pixels decoded, rescale slope honoured."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from radiogenomics._errors import InputError
from radiogenomics.images.headers import Slice
from radiogenomics.images.series import Series, orientation_of

Array = npt.NDArray[Any]

FRAME = "FrameOfReferenceUID"
_TOLERANCE = 0.01  # of the slice distance: rounding in headers stays below, a shifted slice above


def read_image(series: Series) -> sitk.Image:
    """Read one series -> one volume in mm.

    Parameters
    ----------
    series : Series
        From `find_series`, or one phase of `split_phases`.

    Returns
    -------
    SimpleITK.Image
        Slices in ascending position along the cross product of row and column direction, with the true origin,
        spacing (mm) and direction, and the FrameOfReferenceUID as metadata. The stored integer type where no slice has a
        rescale slope or intercept, float32 otherwise.

    Raises
    ------
    ValueError
        If slices are missing, doubled, of several orientations or sizes, colour, damaged, or not images in space.
    """
    slices = sort_slices(series)
    spacing = slice_spacing(series, slices)
    image = sitk.GetImageFromArray(_pixels(series, slices))
    row, column = slices[0].numbers("PixelSpacing", 2)
    if min(row, column) <= 0:
        raise InputError(
            f"{series.place} has a PixelSpacing of {row:g} x {column:g} mm; it must be positive, leave the series out."
        )
    image.SetSpacing((column, row, spacing))
    image.SetOrigin(slices[0].position.tolist())
    image.SetDirection(slices[0].axes.ravel().tolist())
    image.SetMetaData(FRAME, slices[0].header.get(FRAME, ""))
    return image


def sort_slices(series: Series) -> list[Slice]:
    """Sort the slices of a series by position, after checking that they share one grid."""
    if series.kind in {"segmentation", "structure set", "other"}:
        raise InputError(f"{series.place} is no image ({series.kind}); read masks with lesions.read_mask.")
    for keyword in ("Rows", "Columns", "PixelSpacing", "SamplesPerPixel", "PixelRepresentation", "BitsAllocated"):
        _same(series, keyword)
    if series.slices[0].integer("SamplesPerPixel") != 1:
        raise InputError(f"{series.place} holds colour pixels ({series.kind}), no measured signal; leave it out.")
    check_orientation(series)
    return sorted(series.slices, key=lambda one: one.height)


def slice_spacing(series: Series, slices: Sequence[Slice]) -> float:
    """Measure the distance between sorted slices in mm, or say which slice is missing, doubled or shifted."""
    if len(slices) == 1:
        return float(slices[0].header.get("SpacingBetweenSlices") or slices[0].header.get("SliceThickness") or 1.0)
    heights = np.array([one.height for one in slices])
    gaps = np.diff(heights)
    if gaps.min() < 1e-3:
        at = int(gaps.argmin())
        count = int((gaps < 1e-3).sum())
        raise InputError(
            f"{series.place} has {count} position(s) twice, the first at {heights[at]:.2f} mm ({slices[at].path.name} and "
            f"{slices[at + 1].path.name}): a doubled slice or several phases; remove the copy, or read it with read_phases."
        )
    usual = float(np.median(gaps))
    odd = np.flatnonzero(np.abs(gaps - usual) > _TOLERANCE * usual)
    if len(odd):
        raise InputError(_gap_message(series, heights, gaps, usual, odd))
    _straight_stack(series, slices)
    # Positions are written with about six decimals; what is finer is rounding, and 2.0000001 mm would match no other volume.
    return round(float((heights[-1] - heights[0]) / (len(heights) - 1)), 6)


def _gap_message(
    series: Series, heights: npt.NDArray[np.float64], gaps: npt.NDArray[np.float64], usual: float, odd: npt.NDArray[np.intp]
) -> str:
    at = int(odd[0])
    missing = round(gaps[at] / usual) - 1
    what = f"{missing} slice(s) are missing" if missing > 0 else "the slices are unevenly spaced"
    return (
        f"{series.place}: {what} between {heights[at]:.2f} and {heights[at + 1]:.2f} mm (a gap of {gaps[at]:.2f} mm "
        f"where {usual:.2f} mm is usual, {len(odd)} such gap(s)); fetch the series again, or leave it out."
    )


def _straight_stack(series: Series, slices: Sequence[Slice]) -> None:
    """Refuse slices that slide sideways: a volume with a rectangular grid cannot hold them."""
    offsets = np.array([one.position for one in slices]) - slices[0].position
    inside = offsets @ slices[0].axes[:, :2]
    allowed = _TOLERANCE * max(slices[0].numbers("PixelSpacing", 2)) * len(slices)
    if np.abs(inside).max() > allowed:
        worst = int(np.abs(inside).max(axis=1).argmax())
        raise InputError(
            f"{series.place} is a slanted stack: {slices[worst].path.name} lies {np.abs(inside).max():.2f} mm beside the "
            "slice axis; a rectangular volume cannot hold it, leave the series out."
        )


def _same(series: Series, keyword: str) -> None:
    values = {one.header.get(keyword, "missing") for one in series.slices}
    if len(values) > 1 and len({_as_numbers(value) for value in values}) > 1:
        found = ", ".join(repr(value) for value in sorted(values)[:4])
        raise InputError(
            f"{series.place} mixes {keyword} {found}: these are several stacks in one series; separate the files by {keyword}."
        )


def _as_numbers(text: str) -> tuple[float, ...] | str:
    try:
        return tuple(round(float(part), 6) for part in text.split("\\"))
    except ValueError:
        return text


def check_orientation(series: Series) -> None:
    """Refuse a series whose slices do not all lie in one orientation."""
    axes = np.array([one.axes.ravel() for one in series.slices])
    apart = np.abs(axes - axes[0]).max(axis=1)
    if apart.max() > 1e-3:
        groups = len(np.unique(axes.round(2), axis=0))
        planes = sorted({orientation_of([one]) for one in series.slices})
        raise InputError(
            f"{series.place} mixes {groups} orientations ({', '.join(planes)}): {series.slices[int(apart.argmax())].path.name} "
            "does not lie like the first slice; it is a localiser or several stacks, leave it out or separate the files."
        )


def _pixels(series: Series, slices: Sequence[Slice]) -> Array:
    """Decode every slice into one array (z, y, x)."""
    rescales = [_rescale(one) for one in slices]
    plain = all(rescale == (1.0, 0.0) for rescale in rescales)
    shape = (len(slices), slices[0].integer("Rows"), slices[0].integer("Columns"))
    volume: Array = np.empty(shape, dtype=_stored_type(slices[0]) if plain else np.float32)
    opened: dict[Path, Dataset] = {}
    for at, (one, (slope, intercept)) in enumerate(zip(slices, rescales, strict=True)):
        stored = _decode(series, one, shape[1:], opened)
        volume[at] = stored if plain else stored * slope + intercept
    return volume


def _rescale(one: Slice) -> tuple[float, float]:
    """Read slope and intercept; a tag that is there must be a number, one that is not means 1 and 0."""
    slope = one.numbers("RescaleSlope", 1)[0] if one.header.get("RescaleSlope") else 1.0
    if slope == 0:
        raise InputError(
            f"{one.path.name}: RescaleSlope is 0, every value would be the same; the header is damaged, leave the file out."
        )
    return slope, one.numbers("RescaleIntercept", 1)[0] if one.header.get("RescaleIntercept") else 0.0


def _stored_type(one: Slice) -> np.dtype[np.generic]:
    bits, signed = one.integer("BitsAllocated"), one.integer("PixelRepresentation")
    if bits not in {8, 16, 32}:
        raise InputError(f"{one.path.name}: BitsAllocated is {bits}, 8, 16 or 32 can be read; leave the file out.")
    return np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")


def _decode(series: Series, one: Slice, shape: tuple[int, ...], opened: dict[Path, Dataset]) -> Array:
    """Read the pixels of a slice; `opened` keeps the last compressed file, which may hold the next frame too."""
    if one.offset >= 0:
        start = one.offset + one.frame * int(np.prod(shape)) * _stored_type(one).itemsize
        stored = np.fromfile(one.path, _stored_type(one), int(np.prod(shape)), offset=start).reshape(shape)
        return _used_bits(one, stored)
    try:
        if one.path not in opened:
            opened.clear()
            opened[one.path] = pydicom.dcmread(one.path)
        return np.asarray(pixel_array(opened[one.path], index=one.frame))
    except (ValueError, RuntimeError, OSError, AttributeError, NotImplementedError, pydicom.errors.BytesLengthException) as error:
        raise InputError(
            f"{series.place}: the pixels of {one.path.name} cannot be decoded ({str(error).splitlines()[0]}); "
            "fetch the file again or remove it."
        ) from error


def _used_bits(one: Slice, stored: Array) -> Array:
    """Clear what old scanners left in the bits above BitsStored (overlays), keeping the sign."""
    unused = one.integer("BitsAllocated") - int(one.header.get("BitsStored") or one.integer("BitsAllocated"))
    if unused <= 0:
        return stored
    return np.asarray(np.right_shift(np.left_shift(stored, unused), unused))
