"""The stored pixels of slices -> signal: the bits in use, the padding and the rescale slope of the header honoured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images._parsing import decoding
from radiogenomics.images.encoding import load
from radiogenomics.images.headers import Slice
from radiogenomics.images.limits import check_voxels
from radiogenomics.images.plausible import Bits, check_byte_order, check_sign

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Signal:
    """The signal of a volume.

    Attributes
    ----------
    values : array, shape (n_slices, rows, columns)
        The stored integer type where no slice has a rescale slope or intercept, float32 otherwise.
    padded : int
        How many voxels the headers call padding (PixelPaddingValue); they hold `fill`.
    fill : float
        0, or the lowest signal where that is negative.
    """

    values: Array
    padded: int
    fill: float


def read_pixels(place: str, slices: Sequence[Slice], *, tell: Tell = log_decision) -> Signal:
    """Decode the slices of one volume -> their signal.

    Parameters
    ----------
    place : str
        What messages call the series.
    slices : sequence of Slice
        Of one size and type, in the order of the volume.
    tell : callable
        Called with what is decided, see `radiogenomics._files.Tell`.

    Returns
    -------
    Signal
        Values in the order of the slices, and how many of them are padding.

    Raises
    ------
    ValueError
        If pixels cannot be decoded, or contradict what the headers say of bits, padding and slope.
    """
    check_rescale(place, slices)
    first, kind = slices[0], stored_type(slices[0])
    bits = _bits(place, slices)
    rows, columns = first.integer("Rows"), first.integer("Columns")
    check_voxels(place, (len(slices), rows, columns))
    stored: Array = np.empty((len(slices), rows, columns), dtype=kind)
    opened: dict[Path, Dataset] = {}
    for at, one in enumerate(slices):
        stored[at] = _decode(place, one, (rows, columns), opened)
    padding = {at: _padding(one, stored[at]) for at, one in enumerate(slices) if one.header.get("PixelPaddingValue")}
    for at, where in padding.items():
        stored[at][where] = 0
    check_byte_order(place, stored, tell)
    use_bits(place, stored, bits, overlay=_overlay(first), tell=tell)
    check_sign(place, stored, bits, tell)
    signal = _rescaled(slices, stored)
    return Signal(signal, *_fill(place, signal, padding, tell))


def check_rescale(place: str, slices: Sequence[Slice]) -> None:
    """Refuse slices of which some have a rescale slope or intercept and some have none: their values cannot be compared."""
    for one in slices:
        _rescale(one)
    _check_real_world(place, slices)
    for keyword, neutral in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        there = [one for one in slices if one.header.get(keyword)]
        scaled = [one for one in there if one.numbers(keyword, 1)[0] != neutral]
        if scaled and len(there) < len(slices):
            lacking = next(one for one in slices if not one.header.get(keyword))
            raise InputError(
                f"{place}: {len(there)} of {len(slices)} images have a {keyword} ({scaled[0].path.name}: "
                f"{scaled[0].header[keyword]}) and the others none ({lacking.path.name}); their values cannot be compared, "
                "fetch the series again or leave it out."
            )


def _check_real_world(place: str, slices: Sequence[Slice]) -> None:
    """Refuse images whose only scaling is a real world value slope that differs between them: it is not applied."""
    slopes = {one.header.get("RealWorldValueSlope", "none") for one in slices}
    if len(slopes) > 1 and not all(one.header.get("RescaleSlope") for one in slices):
        raise InputError(
            f"{place}: RealWorldValueSlope differs between images ({summarise(sorted(slopes), 4)}) and not all have a "
            "RescaleSlope; stored values cannot be compared. Export the series with a RescaleSlope, or leave it out."
        )


def stored_type(one: Slice) -> np.dtype[np.generic]:
    """Give the type of the stored pixels of a slice."""
    bits, signed = one.integer("BitsAllocated"), one.integer("PixelRepresentation")
    if bits not in {8, 16, 32}:
        raise InputError(f"{one.path.name}: BitsAllocated is {bits}, 8, 16 or 32 can be read; leave the file out.")
    return np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")


def _decode(place: str, one: Slice, shape: tuple[int, int], opened: dict[Path, Dataset]) -> Array:
    """Read the pixels of a slice; `opened` keeps the last compressed file, which may hold the next frame too."""
    if one.offset >= 0:
        start = one.offset + one.frame * int(np.prod(shape)) * stored_type(one).itemsize
        return np.fromfile(one.path, stored_type(one), int(np.prod(shape)), offset=start).reshape(shape)
    with decoding(place, one.path):
        if one.path not in opened:
            opened.clear()
            opened[one.path] = load(one.path, pixels=True)
        pixels = np.asarray(pixel_array(opened[one.path], index=one.frame))
    if pixels.shape != shape:
        raise InputError(
            f"{place}: the pixels of {one.path.name} are {pixels.shape} where its header says {shape} (Rows, Columns); "
            "fetch the file again or remove it."
        )
    return pixels


def _bits(place: str, slices: Sequence[Slice]) -> Bits:
    """Read which bits of a pixel hold its value, the same for all slices."""
    triples = {_bits_of(one) for one in slices}
    if len(triples) > 1:
        stored = summarise([f"{one.stored} of {one.allocated}, {one.shift} above the lowest" for one in sorted(triples)])
        raise InputError(
            f"{place} mixes the bits that hold a value (BitsAllocated, BitsStored, HighBit): {stored}; fetch the series again or "
            "separate the files."
        )
    return triples.pop()


def _bits_of(one: Slice) -> Bits:
    allocated = one.integer("BitsAllocated")
    stored = one.integer("BitsStored") if one.header.get("BitsStored") else allocated
    high = one.integer("HighBit") if one.header.get("HighBit") else stored - 1
    if not 1 <= stored <= allocated or not 0 <= high < allocated:
        raise InputError(
            f"{one.path.name}: BitsStored {stored} and HighBit {high} do not fit into BitsAllocated {allocated}; the header is "
            "damaged, fetch the file again or leave the series out."
        )
    return Bits(allocated, min(stored, high + 1), max(0, high + 1 - stored))


def _overlay(one: Slice) -> int:
    """Give the bit that the header sets aside for an overlay, as a number with that bit alone; 0 where there is none."""
    bit = one.integer("OverlayBitPosition") if one.header.get("OverlayBitPosition") else 0
    return 1 << bit if bit > 0 else 0


def use_bits(place: str, stored: Array, bits: Bits, *, overlay: int, tell: Tell = log_decision) -> None:
    """Keep the bits that hold a pixel's value, in place.

    Old scanners left overlays and constants in the bits above. Where those bits vary and no overlay is declared there, they
    may as well be signal: BitsStored is then wrong, or the bits are an overlay, and only the archive can tell.

    Parameters
    ----------
    place : str
        What messages call the series.
    stored : array of int
        The pixels of a volume.
    bits : Bits
        From the headers.
    overlay : int
        A number with the bits set that an overlay is declared in.
    tell : callable
        Called with what is decided, see `radiogenomics._files.Tell`.

    Raises
    ------
    ValueError
        If bits outside those of the header vary from voxel to voxel.
    """
    raw = stored.view(f"u{stored.dtype.itemsize}")
    if overlay:
        held = int(np.count_nonzero(raw & raw.dtype.type(overlay)))
        if held:
            tell(Decision("overlay cleared", place, held, f"{held} pixels hold a bit of a declared overlay; it is cleared."))
        raw &= raw.dtype.type((1 << bits.allocated) - 1 - overlay)
    if bits.shift:
        _shift(place, raw, bits, tell)
    limit = 1 << bits.stored
    signed = stored.dtype.kind == "i"
    low, high = int(stored.min()), int(stored.max())
    if (-limit // 2 <= low and high < limit // 2) if signed else high < limit:
        return
    _clear(place, stored, raw, bits, tell)


def _shift(place: str, raw: Array, bits: Bits, tell: Tell) -> None:
    """Move values that HighBit places at the upper end of a pixel down to the lower one."""
    below = int(np.bitwise_or.reduce(raw, axis=None)) & ((1 << bits.shift) - 1)
    if not below:
        raw >>= raw.dtype.type(bits.shift)
    elif int(raw.max()) < 1 << bits.stored:
        why = f"HighBit places the values {bits.shift} bit(s) higher than they are; they are read where they are."
        tell(Decision("bits in use", place, raw.size, why))
    else:
        raise InputError(
            f"{place}: BitsStored {bits.stored} and HighBit {bits.stored + bits.shift - 1} leave the lowest {bits.shift} bit(s) "
            f"of a pixel empty, yet they are used and values reach {int(raw.max())}; the header contradicts the pixels, fetch "
            "the series again or leave it out."
        )


def _clear(place: str, stored: Array, raw: Array, bits: Bits, tell: Tell) -> None:
    """Clear the bits above the value, keeping the sign, where they are one constant or the sign itself."""
    unused = bits.allocated - bits.stored
    kept = np.right_shift(np.left_shift(stored, unused), unused)
    above = raw >> raw.dtype.type(bits.stored)
    constant = above.min() == above.max()
    unextended = stored.dtype.kind == "i" and int(above.max()) == 0
    if not (constant or unextended):
        raise InputError(
            f"{place}: values reach {int(stored.max())}, more than the {bits.stored} bits of BitsStored hold, and no overlay is "
            "declared in the bits above; the header contradicts the pixels, fetch the series again or leave it out."
        )
    if int(above.max()):
        why = f"every pixel holds the same number above its {bits.stored} bits of BitsStored; it is cleared."
        tell(Decision("bits cleared", place, stored.size, why))
    elif unextended:
        count = int((kept < 0).sum())
        why = f"{count} values have the highest of {bits.stored} bits set and are read as negative, as PixelRepresentation says."
        tell(Decision("sign extended", place, count, why))
    stored[...] = kept


def _padding(one: Slice, stored: Array) -> npt.NDArray[np.bool_]:
    """Find the stored values that the header of a slice calls padding (DICOM PS3.3 C.7.5.1.1.2)."""
    value = _as_stored(one, "PixelPaddingValue", stored.dtype)
    limit = _as_stored(one, "PixelPaddingRangeLimit", stored.dtype) if one.header.get("PixelPaddingRangeLimit") else value
    return np.asarray((stored >= min(value, limit)) & (stored <= max(value, limit)))


def _as_stored(one: Slice, keyword: str, kind: np.dtype[np.generic]) -> int:
    """Read a pixel value of the header in the type of the pixels: implicit files do not say whether it has a sign."""
    return int(np.array(one.integer(keyword) & 0xFFFF, dtype=np.uint16).astype(f"{kind.kind}2"))


def _rescaled(slices: Sequence[Slice], stored: Array) -> Array:
    """Apply slope and intercept, slice by slice; integers stay integers where no slice has any."""
    rescales = [_rescale(one) for one in slices]
    if all(rescale == (1.0, 0.0) for rescale in rescales):
        return stored
    signal: Array = np.empty(stored.shape, dtype=np.float32)
    for at, (slope, intercept) in enumerate(rescales):
        signal[at] = stored[at] * slope + intercept
    return signal


def _rescale(one: Slice) -> tuple[float, float]:
    """Read slope and intercept; a tag that is there must be a number, one that is not means 1 and 0."""
    slope = one.numbers("RescaleSlope", 1)[0] if one.header.get("RescaleSlope") else 1.0
    if slope == 0:
        raise InputError(
            f"{one.path.name}: RescaleSlope is 0, every value would be the same; the header is damaged, leave the file out."
        )
    return slope, one.numbers("RescaleIntercept", 1)[0] if one.header.get("RescaleIntercept") else 0.0


def _fill(place: str, signal: Array, padding: Mapping[int, npt.NDArray[np.bool_]], tell: Tell) -> tuple[int, float]:
    """Fill padding with no signal, in place -> how many voxels, and what they hold now."""
    count = sum(int(where.sum()) for where in padding.values())
    if not count:
        return 0, 0.0
    fill = min([0.0, *(float(signal[at][~where].min()) for at, where in padding.items() if not where.all())])
    for at, where in padding.items():
        signal[at][where] = fill
    why = f"{count} of {signal.size} voxels are padding by their header (PixelPaddingValue), no signal; they are set to {fill:g}."
    tell(Decision("padding", place, count, why))
    return count, fill
