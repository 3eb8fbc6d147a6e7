"""Pixels -> whether they can be what the header says: the other sign, the other order of bytes.

Nothing in a file but its pixels tells these mistakes; what they leave behind is so unlike measured signal that it is refused.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell

_FEW_BITS = 10  # below, too few levels tell anything
_FEWEST = 8  # columns: less tells nothing of smoothness
_ROUGHER = 4.0  # times: noise alone is as rough in either order of bytes
_EDGE = 8  # values within this share of the range (1/8) of an end lie close to it


class Bits(NamedTuple):
    """Which bits of a pixel hold its value: of `allocated` bits, `stored` ones, `shift` bits above the lowest."""

    allocated: int
    stored: int
    shift: int


def check_byte_order(place: str, stored: npt.NDArray[Any], tell: Tell) -> None:
    """Refuse pixels that are far smoother when their bytes are swapped: they are written in the other order.

    Parameters
    ----------
    place : str
        What messages call the series.
    stored : array of int, shape (n_slices, rows, columns)
        The pixels of a volume as they stand in the file; its middle slice is looked at.
    tell : callable
        Called where every value is a multiple of 256: the order of bytes cannot be told then.

    Raises
    ------
    ValueError
        With how much rougher the pixels are as they stand.
    """
    middle = stored[len(stored) // 2]
    if stored.dtype.itemsize != 2 or middle.shape[1] < _FEWEST or not np.ptp(middle):
        return
    rough, swapped = _roughness(middle), _roughness(middle.byteswap())
    if rough > _ROUGHER * swapped:
        raise InputError(
            f"{place}: neighbouring pixels differ {rough / swapped:.0f} times as much as with their bytes swapped; they are "
            "written in the other order of bytes than the file. Fetch the series again, or leave it out."
        )
    if not (middle & 0xFF).any():
        why = "every value is a multiple of 256, as of small values whose bytes are swapped; the values are used as they are."
        tell(Decision("order of bytes", place, int(stored.size), why))


def _roughness(image: npt.NDArray[Any]) -> float:
    """Give the mean step between neighbours in a row as a share of the range."""
    values = image.astype(np.float64)
    return float(np.abs(np.diff(values, axis=1)).mean() / np.ptp(values))


def check_sign(place: str, stored: npt.NDArray[Any], bits: Bits, tell: Tell) -> None:
    """Refuse pixels that fill both ends of their range and leave out all between, as values of the other sign do.

    -10 read as unsigned is 65526 of 65535, far above the signal with nothing between; 40,000 read as signed is -25536, far
    below zero with nothing between. Measured signal does neither.

    Parameters
    ----------
    place : str
        What messages call the series.
    stored : array of int
        The pixels of a volume, the bits in use alone.
    bits : Bits
        From the headers.
    tell : callable
        Called where a single far value may be padding that the header does not name.

    Raises
    ------
    ValueError
        With the values and what PixelRepresentation says.
    """
    if bits.stored < _FEW_BITS:
        return
    if stored.dtype.kind == "u":
        _as_unsigned(place, stored, 1 << bits.stored, tell)
    else:
        _as_signed(place, stored, 1 << bits.stored)


def _as_unsigned(place: str, stored: npt.NDArray[Any], limit: int, tell: Tell) -> None:
    high = limit - limit // 4
    if int(stored.max()) < high or int(stored.min()) >= limit // 4 or ((stored >= limit // 4) & (stored < high)).any():
        return
    far = stored[stored >= high]
    if far.min() < far.max():
        raise InputError(
            f"{place}: {far.size} of {stored.size} pixels hold {far.min()} to {far.max()}, the others at most "
            f"{stored[stored < high].max()}, as negative values do that are read as unsigned; PixelRepresentation (0) "
            "contradicts the pixels. Fetch the series again, set PixelRepresentation to 1, or leave it out."
        )
    why = f"{far.size} pixels hold {far[0]}, far above all others; the header does not call it padding, and it counts as signal."
    tell(Decision("far value", place, int(far.size), why))


def _as_signed(place: str, stored: npt.NDArray[Any], limit: int) -> None:
    half = limit // 2
    ends = int(stored.max()) >= half - half // _EDGE and int(stored.min()) < -half + half // _EDGE
    if ends and not ((stored < 0) & (stored >= -half // _EDGE)).any():
        raise InputError(
            f"{place}: pixels run from {stored.min()} to {stored.max()} and none is slightly negative, as large values do that "
            "are read as signed; PixelRepresentation (1) contradicts the pixels. Fetch the series again, set "
            "PixelRepresentation to 0, or leave it out."
        )
