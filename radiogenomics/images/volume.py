"""Slices -> one volume: sorted by position, geometry checked, pixels decoded, rescale slope honoured."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics.images.headers import Slice
from radiogenomics.images.pixels import read_pixels
from radiogenomics.images.series import Series, orientation_of

Array = npt.NDArray[np.float64]

FRAME = "FrameOfReferenceUID"
PADDING = "PixelPaddingValue"
"""Metadata of a volume with padding: the value that voxels without signal hold. A lesion must not hold such voxels."""

_TOLERANCE = 0.01  # of the slice distance: rounding in headers stays below, a shifted slice above
_AGREE = 0.05  # of the slice distance: what the header says of it may be rounded
_COARSEST_MM = 0.1  # positions written with fewer decimals are taken at their word
_OF_ONE_VOLUME = (
    "PatientID", "StudyInstanceUID", FRAME, "Rows", "Columns", "PixelSpacing", "SamplesPerPixel", "PixelRepresentation",
    "BitsAllocated", "PhotometricInterpretation",
)  # fmt: skip


def read_image(series: Series, *, tell: Tell = log_decision) -> sitk.Image:
    """Read one series -> one volume in mm.

    Parameters
    ----------
    series : Series
        From `find_series`, or one phase of `split_phases`.
    tell : callable
        Called with what is decided of bits and padding; logs it when left out.

    Returns
    -------
    SimpleITK.Image
        Slices in ascending position along the cross product of row and column direction, with the true origin,
        spacing (mm) and direction, and the FrameOfReferenceUID as metadata. The stored integer type where no slice has a
        rescale slope or intercept, float32 otherwise. Voxels that the headers call padding hold 0, or the lowest signal
        where that is negative; the metadata `PADDING` then names that value.

    Raises
    ------
    ValueError
        If slices are missing, doubled, of several orientations, sizes or patients, colour, damaged, or not images in space;
        if the headers contradict each other or the pixels.
    """
    slices = sort_slices(series)
    spacing = slice_spacing(series, slices, tell=tell)
    signal = read_pixels(series.place, slices, tell=tell)
    if slices[0].header.get("PhotometricInterpretation") == "MONOCHROME1":
        why = "low values are shown bright (MONOCHROME1); the values are used as they are."
        tell(Decision("inverted grey", series.place, len(slices), why))
    image = sitk.GetImageFromArray(signal.values)
    row, column = slices[0].numbers("PixelSpacing", 2)
    if min(row, column) <= 0:
        raise InputError(
            f"{series.place} has a PixelSpacing of {row:g} x {column:g} mm; it must be positive, leave the series out."
        )
    image.SetSpacing((column, row, spacing))
    image.SetOrigin(slices[0].position.tolist())
    image.SetDirection(slices[0].axes.ravel().tolist())
    image.SetMetaData(FRAME, slices[0].header.get(FRAME, ""))
    if signal.padded:
        image.SetMetaData(PADDING, repr(float(signal.fill)))
    return image


def padding_inside(image: sitk.Image, mask: sitk.Image) -> int:
    """Count the voxels of a mask that hold no signal because the image's header calls them padding.

    Parameters
    ----------
    image : SimpleITK.Image
        From `read_image`; without the metadata `PADDING` it has none.
    mask : SimpleITK.Image
        On the same voxels; above 0 is inside.

    Returns
    -------
    int
        A voxel whose signal happens to equal the padding counts too: the value alone tells padding.

    Raises
    ------
    ValueError
        If the two have different sizes.
    """
    if image.GetSize() != mask.GetSize():
        raise InputError(
            f"The image has {image.GetSize()} voxels and the mask {mask.GetSize()}; bring both onto one grid "
            "(lesions.validate_mask)."
        )
    if not image.HasMetaDataKey(PADDING):
        return 0
    return int(np.count_nonzero(padding_of(image) & (sitk.GetArrayViewFromImage(mask) > 0)))


def padding_of(image: sitk.Image) -> npt.NDArray[np.bool_]:
    """Say of every voxel (z, y, x) whether it is padding; none is where the metadata `PADDING` is not there."""
    values = sitk.GetArrayViewFromImage(image)
    if not image.HasMetaDataKey(PADDING):
        return np.zeros(values.shape, dtype=bool)
    return np.asarray(values == np.float32(image.GetMetaData(PADDING)))


def described_as(result: sitk.Image, image: sitk.Image, *, padded: npt.NDArray[np.bool_], fill: float) -> sitk.Image:
    """Give what was computed from an image the metadata that filters drop: frame of reference and padding.

    Parameters
    ----------
    result : SimpleITK.Image
        Computed from an image.
    image : SimpleITK.Image
        Names the frame of reference.
    padded : array of bool, shape (z, y, x)
        Voxels of the result without signal; they are set to `fill`.
    fill : float
        In the unit of the result.
    """
    if padded.any():
        values = sitk.GetArrayFromImage(result)
        values[padded] = fill
        filled = sitk.GetImageFromArray(values)
        filled.CopyInformation(result)
        filled.SetMetaData(PADDING, repr(float(fill)))
        result = filled
    if image.HasMetaDataKey(FRAME):
        result.SetMetaData(FRAME, image.GetMetaData(FRAME))
    return result


def sort_slices(series: Series) -> list[Slice]:
    """Sort the slices of a series by position, after checking that they share one grid."""
    if series.kind in {"segmentation", "structure set", "other"}:
        raise InputError(f"{series.place} is not an image ({series.kind}); read masks with lesions.read_mask.")
    for keyword in _OF_ONE_VOLUME:
        _same(series, keyword)
    first = series.slices[0]
    photometric = first.header.get("PhotometricInterpretation") or "MONOCHROME2"
    if first.integer("SamplesPerPixel") != 1 or not photometric.startswith("MONOCHROME"):
        raise InputError(f"{series.place} holds colour pixels ({photometric}, {series.kind}), no measured signal; leave it out.")
    check_orientation(series)
    return [series.slices[at] for at in np.argsort(heights(series.slices), kind="stable")]


def heights(slices: Sequence[Slice]) -> Array:
    """Give the position of slices along their common axis in mm, shape (n_slices,).

    One axis serves all: far from the origin, the noise of each slice's own orientation would move it by part of a slice.
    """
    normal = np.mean([one.axes[:, 2] for one in slices], axis=0)
    return np.asarray(np.array([one.position for one in slices]) @ (normal / np.linalg.norm(normal)))


def slice_spacing(series: Series, slices: Sequence[Slice], *, tell: Tell = log_decision) -> float:
    """Measure the distance between sorted slices in mm, or say which slice is missing, doubled or shifted."""
    if len(slices) == 1:
        return _thickness(series, slices[0], tell)
    places = heights(slices)
    gaps = np.diff(places)
    if gaps.min() < 1e-3:
        at = int(gaps.argmin())
        count = int((gaps < 1e-3).sum())
        raise InputError(
            f"{series.place} has {count} position(s) twice, the first at {places[at]:.2f} mm ({slices[at].path.name} and "
            f"{slices[at + 1].path.name}): a doubled slice or several phases; remove the copy, or read it with read_phases."
        )
    usual = float(np.median(gaps))
    odd = np.flatnonzero(np.abs(gaps - usual) > _TOLERANCE * usual)
    if len(odd) and not _only_rounded(slices, places):
        raise InputError(_gap_message(series, places, gaps, usual, odd))
    if len(odd):
        why = f"the distance of slices is {gaps.min():.3g} to {gaps.max():.3g} mm by rounding alone; they are taken as even."
        tell(Decision("positions rounded", series.place, len(odd), why))
    _straight_stack(series, slices)
    # Positions are written with about six decimals; what is finer is rounding, and 2.0000001 mm would match no other volume.
    measured = round(float((places[-1] - places[0]) / (len(places) - 1)), 6)
    _tell_spacing(series, slices, measured, tell)
    return measured


def _tell_spacing(series: Series, slices: Sequence[Slice], measured: float, tell: Tell) -> None:
    """Say where SpacingBetweenSlices is neither the measured distance of slices nor the gap between them, as some write."""
    between, thick = (_length(slices[0], keyword) for keyword in ("SpacingBetweenSlices", "SliceThickness"))
    told = [between, between + thick] if between < (1 - _AGREE) * thick else [between]
    if not between or any(abs(distance - measured) <= _AGREE * measured for distance in told):
        return
    hint = " Every other slice may be missing." if round(measured / between) > 1 else ""
    why = f"SpacingBetweenSlices says {between:g} mm, but the positions lie {measured:g} mm apart, which counts.{hint}"
    tell(Decision("distance of slices", series.place, len(slices), why))


def _length(one: Slice, keyword: str) -> float:
    """Read a length in mm without its sign, which some scanners use for the direction; 0 where there is none."""
    return abs(one.numbers(keyword, 1)[0]) if one.header.get(keyword) else 0.0


def _thickness(series: Series, one: Slice, tell: Tell) -> float:
    """Give the thickness of a single slice from its header; its position says nothing of it."""
    between, thick = (_length(one, keyword) for keyword in ("SpacingBetweenSlices", "SliceThickness"))
    if between and thick and abs(between - thick) > _AGREE * between:
        why = f"a single slice of {thick:g} mm (SliceThickness) with SpacingBetweenSlices {between:g} mm, which counts."
        tell(Decision("distance of slices", series.place, 1, why))
    if between or thick:
        return between or thick
    raise InputError(
        f"{series.place} is a single slice ({one.path.name}) without SpacingBetweenSlices or SliceThickness above 0: its "
        "volume is not known; write the thickness into the header, or leave the series out."
    )


def _only_rounded(slices: Sequence[Slice], places: Array) -> bool:
    """Tell whether positions lie on one line but for the decimals they are written with."""
    step = _rounding(slices)
    even = np.linspace(places[0], places[-1], len(places))
    return bool(step < np.diff(places).min() / 4 and np.abs(places - even).max() <= step + 1e-6)


def _rounding(slices: Sequence[Slice]) -> float:
    """Give how far rounding may move a position along the slice axis in mm; 0 where it is written finely or in whole mm."""
    words = np.array([one.header["ImagePositionPatient"].split("\\") for one in slices])
    units = np.array([10.0 ** -max(_decimals(word) for word in axis) for axis in words.T])
    return float(np.abs(slices[0].axes[:, 2]) @ np.where(units <= _COARSEST_MM, units, 0.0))


def _decimals(word: str) -> int:
    return 9 if "e" in word.lower() else len(word.partition(".")[2])


def _gap_message(series: Series, places: Array, gaps: Array, usual: float, odd: npt.NDArray[np.intp]) -> str:
    at = int(odd[0])
    missing = round(gaps[at] / usual) - 1
    what = f"{missing} slice(s) are missing" if missing > 0 else "the slices are unevenly spaced"
    return (
        f"{series.place}: {what} between {places[at]:.2f} and {places[at + 1]:.2f} mm (a gap of {gaps[at]:.2f} mm "
        f"where {usual:.2f} mm is usual, {len(odd)} such gap(s)); fetch the series again, or leave it out."
    )


def _straight_stack(series: Series, slices: Sequence[Slice]) -> None:
    """Refuse slices that slide sideways: a volume with a rectangular grid cannot hold them."""
    offsets = np.array([one.position for one in slices]) - slices[0].position
    inside = offsets @ slices[0].axes[:, :2]
    allowed = _TOLERANCE * max(slices[0].numbers("PixelSpacing", 2)) * len(slices) + _rounding(slices)
    if np.abs(inside).max() > allowed:
        worst = int(np.abs(inside).max(axis=1).argmax())
        raise InputError(
            f"{series.place} is a slanted stack: {slices[worst].path.name} lies {np.abs(inside).max():.2f} mm beside the "
            "slice axis; a rectangular volume cannot hold it, leave the series out."
        )


def _same(series: Series, keyword: str) -> None:
    values = {one.header.get(keyword, "missing") for one in series.slices}
    if len(values) > 1 and len({_as_numbers(value) for value in values}) > 1:
        examples = ", ".join(repr(value) for value in sorted(values)[:4])
        raise InputError(
            f"{series.place} mixes {keyword} {examples}: these are several stacks in one series; separate the files by {keyword}."
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
