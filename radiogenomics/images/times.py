"""Clock and order tags of images -> numbers that can be compared, also across midnight."""

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from radiogenomics.images.headers import Slice

Array = npt.NDArray[np.float64]

CLOCKS = ("AcquisitionTime", "TriggerTime", "ContentTime")
"""Tags that hold a time, the most trusted first."""

LONGEST_GAP_S = 3600.0
"""Phases of one injection follow each other within minutes; a longer gap is a mistake of the clock or another scan."""

_DATES = {"AcquisitionTime": "AcquisitionDate", "ContentTime": "ContentDate"}
_CLOCK_FORMATS = (
    re.compile(r"^(\d{2})(\d{2})(\d{2})?([.,]\d+)?$"),
    re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?([.,]\d+)?$"),
)
_PARTS = (24, 60, 61)  # hours, minutes, seconds (one may leap) are below
_DATE_FORMAT = re.compile(r"^(\d{4})[-.:]?(\d{2})[-.:]?(\d{2})$")
_DAY_S = 86_400.0


def moments(slices: Sequence[Slice], keyword: str) -> Array:
    """Read one tag of several images as numbers that can be ordered; NaN where it is missing or no number.

    Clock times are seconds. They count with their dates where these are all there and differ. Where dates are missing or all
    one (both are left by de-identification), the images belong to less than a day, which begins after the longest time
    without an image: that is what puts 23:59 before 00:01.

    Parameters
    ----------
    slices : sequence of Slice
        All images that are to be compared.
    keyword : str
        A tag of `CLOCKS`, or one that holds a number.

    Returns
    -------
    array, shape (n_slices,)
        Seconds for the tags of `CLOCKS`, the number itself otherwise.
    """
    if keyword not in _DATES:
        unit = 1000.0 if keyword == "TriggerTime" else 1.0  # milliseconds
        return np.array([_number(one.header.get(keyword, "")) for one in slices]) / unit
    clock = np.array([_clock(one.header.get(keyword, "")) for one in slices])
    days = np.array([_day(one.header.get(_DATES[keyword], "")) for one in slices])
    if not np.isnan(days).any() and len(np.unique(days)) > 1:
        return np.asarray(days * _DAY_S + clock)
    return _unwrapped(clock)


def unreadable(slices: Sequence[Slice], keyword: str) -> list[str]:
    """List the texts of a clock tag that are no time, one an image that has such."""
    values = moments(slices, keyword)
    return [one.header[keyword] for one, value in zip(slices, values, strict=True) if np.isnan(value) and one.header.get(keyword)]


def crosses_midnight(slices: Sequence[Slice], keyword: str) -> bool:
    """Tell whether times without dates were taken to run across midnight."""
    return keyword in _DATES and bool((moments(slices, keyword) < 0).any())


def _unwrapped(clock: Array) -> Array:
    """Let the day begin after the longest gap of the clock: times before midnight become negative."""
    known = np.unique(clock[~np.isnan(clock)])
    if len(known) < 2:
        return clock
    gaps = np.append(np.diff(known), known[0] + _DAY_S - known[-1])
    longest = int(gaps.argmax())
    if gaps[-1] == gaps[longest]:
        return clock
    return np.where(clock > known[longest], clock - _DAY_S, clock)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _clock(text: str) -> float:
    clock = next((clock for pattern in _CLOCK_FORMATS if (clock := pattern.match(text.strip()))), None)
    if not clock:
        return np.nan
    hours, minutes, seconds = (int(part or 0) for part in clock.groups()[:3])
    if any(value >= limit for value, limit in zip((hours, minutes, seconds), _PARTS, strict=True)):
        return np.nan
    return hours * 3600 + minutes * 60 + seconds + float((clock[4] or "0").replace(",", "."))


def _day(text: str) -> float:
    matched = _DATE_FORMAT.match(text.strip())
    try:
        return float(date(*map(int, matched.groups())).toordinal()) if matched else np.nan
    except ValueError:
        return np.nan  # 00000000, as some de-identification writes
