"""Dynamic series -> phases: which image belongs to which time point, on what evidence, and when it was taken."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._tables import shown
from radiogenomics.images.headers import Slice
from radiogenomics.images.series import Series, orientation_of
from radiogenomics.images.volume import check_orientation, read_image

_TRUST = ("TemporalPositionIdentifier", "AcquisitionTime", "TriggerTime", "ContentTime")
_CLOCKS = ("AcquisitionTime", "TriggerTime", "ContentTime")
_POSITIONS = "repeated positions"
_DATES = {"AcquisitionTime": "AcquisitionDate", "ContentTime": "ContentDate"}
_OF_ONE_SCAN = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "Rows", "Columns", "EchoTime", "FlipAngle")
_SAME_PLACE_MM = 0.5
_SAME_SLICE_MM = 0.05
_CLOCK_FORMAT = re.compile(r"^(\d{2}):?(\d{2}):?(\d{2})?(\.\d{1,6})?$")


@dataclass(frozen=True)
class Phases:
    """A dynamic series, phase by phase.

    Attributes
    ----------
    images : dict of str to SimpleITK.Image
        One volume a phase in order of time: ``pre`` (``pre1``, ``pre2``... when there are several), ``post1``, ``post2``...
    sources : dict of str to Series
        The slices that each phase was read from.
    table : DataFrame, shape (n_phases, 7)
        ``phase``, ``role`` (pre-contrast, first post-contrast, later post-contrast), ``seconds`` since the first phase (NaN
        where unknown), ``seconds_from`` (the tag, or "unknown"), ``evidence`` (what told the phases apart), ``images``,
        ``series``.
    """

    images: dict[str, sitk.Image]
    sources: dict[str, Series]
    table: pd.DataFrame

    def _role(self, role: str, which: int) -> sitk.Image:
        names = self.table.loc[self.table["role"] == role, "phase"]
        if names.empty:
            raise InputError(f"There is no {role} phase among {', '.join(self.images)}; this needs a longer dynamic series.")
        return self.images[names.iloc[which]]

    @property
    def pre(self) -> sitk.Image:
        """The last pre-contrast volume."""
        return self._role("pre-contrast", -1)

    @property
    def first(self) -> sitk.Image:
        """The first post-contrast volume."""
        return self._role("first post-contrast", 0)

    @property
    def last(self) -> sitk.Image:
        """The last of the later post-contrast volumes."""
        return self._role("later post-contrast", -1)


@dataclass(frozen=True)
class _Split:
    """One series split into phases, before they have names."""

    phases: list[tuple[Slice, ...]]
    evidence: str


def read_phases(series: Sequence[Series], *, pre_contrast: int) -> Phases:
    """Read a dynamic series -> its phases, named and timed.

    Parameters
    ----------
    series : sequence of Series
        The one series that holds all phases, or several that hold one or more each; see `dynamic_series`.
    pre_contrast : int
        How many phases were taken before the injection; 1 in nearly every breast protocol.

    Returns
    -------
    Phases
        Volumes, sources, and a table that names the evidence.

    Raises
    ------
    ValueError
        If there are fewer than two phases, a phase lacks slices, or the phases do not share one grid.
    """
    sources, table = split_phases(series, pre_contrast=pre_contrast)
    images = {name: read_image(source) for name, source in sources.items()}
    _one_grid(images)
    return Phases(images, sources, table)


def split_phases(series: Sequence[Series], *, pre_contrast: int) -> tuple[dict[str, Series], pd.DataFrame]:
    """Tell the phases of a dynamic series apart without reading pixels -> one Series a phase, and the table of `Phases`.

    Inside one series the phases are told apart by the first of these that gives every phase each position once:
    TemporalPositionIdentifier, AcquisitionTime, TriggerTime, ContentTime, and the order of images at repeated positions.
    Several series follow each other by the first of the same that rises from series to series, else by series number.

    Raises
    ------
    ValueError
        As `read_phases`.
    """
    if not series:
        raise InputError("No series was given; choose the dynamic series from find_series.")
    splits = _in_order([(one, _split(one)) for one in series])
    phases = [(one, slices, split.evidence) for one, split in splits for slices in split.phases]
    if not 1 <= pre_contrast < len(phases):
        raise InputError(
            f"{shown([one.place for one in series])}: {len(phases)} phase(s) with {pre_contrast} of them before contrast; a "
            "dynamic series needs at least one before and one after. Give all series of the examination, or another number "
            "of pre-contrast phases."
        )
    names = _names(len(phases), pre_contrast)
    seconds, clock = _seconds([slices for _, slices, _ in phases])
    sources = {name: Series(one.uid, one.kind, slices) for name, (one, slices, _) in zip(names, phases, strict=True)}
    table = pd.DataFrame(
        {
            "phase": names,
            "role": _roles(len(phases), pre_contrast),
            "seconds": seconds,
            "seconds_from": clock,
            "evidence": [evidence for _, _, evidence in phases],
            "images": [len(slices) for _, slices, _ in phases],
            "series": [one.header.get("SeriesNumber", "") for one, _, _ in phases],
        }
    )
    return sources, table


def dynamic_series(series: Sequence[Series], *, number: int | None = None) -> list[Series]:
    """Choose the dynamic series among all series of an examination.

    One series with every position several times, or several series on the same grid; derived maps, localisers and secondary
    captures never count.

    Parameters
    ----------
    series : sequence of Series
        From `find_series`.
    number : int, optional
        Number of the series, or of one of several that belong together, where there is a choice.

    Returns
    -------
    list of Series
        What `read_phases` takes.

    Raises
    ------
    ValueError
        If there is none, or more than one choice; the message lists them.
    """
    candidates: list[list[Series]] = []
    for one in series:
        if one.kind == "image" and len(one.slices) > 1 and orientation_of(one.slices) != "unknown":
            group = next((group for group in candidates if _one_stack(group[0], one)), None)
            candidates.append([one]) if group is None else group.append(one)
    dynamic = [group for group in candidates if len(group) > 1 or _repeats(group[0]) > 1]
    if number is not None:
        dynamic = [group for group in dynamic if any(one.header.get("SeriesNumber") == str(number) for one in group)]
    if len(dynamic) == 1:
        return dynamic[0]
    if dynamic:
        listed = "; ".join(" + ".join(one.place for one in group) for group in dynamic)
        raise InputError(f"{len(dynamic)} dynamic series are here: {listed}. Choose one by series number.")
    if number is not None:
        known = ", ".join(f"{one.header.get('SeriesNumber', '?')} ({one.kind})" for one in series)
        raise InputError(f"Series number {number} is not part of a dynamic series; the series are {known}.")
    kinds = Counter(one.kind for one in series)
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    raise InputError(
        f"No dynamic series is here ({found}): no image series repeats its positions, and no two share a grid. "
        "Give the whole examination."
    )


def _one_stack(left: Series, right: Series) -> bool:
    """Tell whether two series show the same slab with the same contrast, as the phases of one examination do.

    One common end is enough: a series that lost a slice at the other must be missed later, not left out here.
    """
    first, second = left.slices[0], right.slices[0]
    if any(first.header.get(keyword) != second.header.get(keyword) for keyword in _OF_ONE_SCAN):
        return False
    if np.abs(first.axes - second.axes).max() > 1e-2:
        return False
    beside = (first.position - second.position) @ first.axes[:, :2]
    lows, highs = ([end(one.height for one in series.slices) for series in (left, right)] for end in (min, max))
    together = abs(lows[0] - lows[1]) < _SAME_PLACE_MM or abs(highs[0] - highs[1]) < _SAME_PLACE_MM
    return bool(np.abs(beside).max() < _SAME_PLACE_MM) and together


def _heights(series: Series) -> list[float]:
    """Give the position of every slice, one number a position: phases repeat positions with other rounding."""
    heights = np.array([one.height for one in series.slices])
    order = np.argsort(heights, kind="stable")
    place = np.empty(len(heights), dtype=int)
    place[order] = np.concatenate([[0], np.cumsum(np.diff(heights[order]) > _SAME_SLICE_MM)])
    firsts = [round(float(heights[place == number].min()), 3) for number in range(place.max() + 1)]
    return [firsts[number] for number in place]


def _repeats(series: Series) -> int:
    return max(Counter(_heights(series)).values())


def _split(series: Series) -> _Split:
    """Split one series by the most trusted evidence that fits."""
    check_orientation(series)
    heights = _heights(series)
    counts = Counter(heights)
    number = max(counts.values())
    if number == 1:
        return _Split([series.slices], "one phase a series")
    for keyword in _TRUST:
        phases = _by_value(series, heights, keyword, number)
        if phases:
            return _Split(phases, f"{keyword}: {number} values, each position once")
    complete = len(set(counts.values())) == 1
    for keyword in (*_TRUST, "InstanceNumber") if complete else ():
        phases = _by_rank(series, heights, keyword, number)
        if phases:
            return _Split(phases, f"{_POSITIONS}: {number} images each, in order of {keyword}")
    raise InputError(_why_not(series, counts))


def _by_value(series: Series, heights: Sequence[float], keyword: str, number: int) -> list[tuple[Slice, ...]]:
    """Group by one tag; empty unless it has `number` values and no group holds a position twice."""
    groups: dict[float, dict[float, Slice]] = {}
    for one, height in zip(series.slices, heights, strict=True):
        value = _value(one, keyword)
        group = groups.setdefault(value, {})
        if np.isnan(value) or height in group:
            return []
        group[height] = one
    return [tuple(groups[value].values()) for value in sorted(groups)] if len(groups) == number else []


def _by_rank(series: Series, heights: Sequence[float], keyword: str, number: int) -> list[tuple[Slice, ...]]:
    """Take the k-th image at every position; empty unless the tag orders the images of every position."""
    places: dict[float, list[Slice]] = {}
    for one, height in zip(series.slices, heights, strict=True):
        places.setdefault(height, []).append(one)
    for images in places.values():
        values = [_value(one, keyword) for one in images]
        if np.isnan(values).any() or len(set(values)) < number:
            return []
        images.sort(key=lambda one: _value(one, keyword))
    return [tuple(images[rank] for images in places.values()) for rank in range(number)]


def _why_not(series: Series, counts: Counter[float]) -> str:
    usual = Counter(counts.values()).most_common(1)[0][0]
    odd = {height: count for height, count in counts.items() if count != usual}
    if not odd:
        return (
            f"{series.place}: every position is there {usual} times, but no tag tells the phases apart, not even "
            "InstanceNumber; leave it out."
        )
    height, count = next(iter(sorted(odd.items())))
    files = shown([one.path.name for one, place in zip(series.slices, _heights(series), strict=True) if place == height])
    state = "doubled" if count > usual else "missing"
    return (
        f"{series.place}: most positions are there {usual} times, {len(odd)} are not; a slice is {state} at "
        f"{height:.2f} mm ({count} times: {files}). Remove the copy or fetch the series again."
    )


def _value(one: Slice, keyword: str) -> float:
    """Read a tag as a number that can be ordered: clock times become seconds, dates included; NaN where it is missing."""
    text = one.header.get(keyword, "")
    if keyword in _DATES:
        moment = _moment(text, one.header.get(_DATES[keyword], ""))
        return np.nan if moment is None else (moment - datetime(1900, 1, 1)).total_seconds()
    try:
        return float(text)
    except ValueError:
        return np.nan


def _moment(clock: str, date: str) -> datetime | None:
    found = _CLOCK_FORMAT.match(clock.strip())
    if not found:
        return None
    hours, minutes, seconds, fraction = found.groups()
    try:
        day = datetime.fromisoformat(date)
    except ValueError:
        day = datetime(1900, 1, 1)  # anonymised away; one day for all phases
    return day + timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0) + float(fraction or 0))


def _in_order(splits: list[tuple[Series, _Split]]) -> list[tuple[Series, _Split]]:
    """Put several series in order of time."""
    if len(splits) == 1:
        return splits
    for keyword in (*_TRUST, "SeriesNumber"):
        spans = [_span(one, keyword) for one, _ in splits]
        order = sorted(range(len(spans)), key=lambda at: spans[at])
        follows = all(spans[left][1] < spans[right][0] for left, right in pairwise(order))
        if follows and not np.isnan(spans).any():
            ordered = [splits[at] for at in order]
            _pre_first(ordered)
            return [(one, _Split(split.phases, f"{split.evidence}; series by {keyword}")) for one, split in ordered]
    raise InputError(
        f"{shown([one.place for one, _ in splits])}: no time or series number tells which came first; give them one by one."
    )


def _span(series: Series, keyword: str) -> tuple[float, float]:
    values = [_value(one, keyword) for one in series.slices]
    return (float(np.min(values)), float(np.max(values)))  # NaN when one is missing


def _pre_first(ordered: list[tuple[Series, _Split]]) -> None:
    """Refuse an order that contradicts the names: "pre" after a series that is not."""
    pre = [bool(re.search(r"\bpre\b", one.description, re.IGNORECASE)) for one, _ in ordered]
    post = [bool(re.search(r"\bpost\b", one.description, re.IGNORECASE)) for one, _ in ordered]
    late = next((at for at in range(1, len(pre)) if pre[at] and not post[at] and not pre[0]), None)
    if late is not None:
        raise InputError(
            f"By time {ordered[0][0].place} comes first, but {ordered[late][0].place} calls itself pre-contrast; check the "
            "order and give only the series of one injection."
        )


def _names(count: int, pre: int) -> list[str]:
    before = ["pre"] if pre == 1 else [f"pre{number}" for number in range(1, pre + 1)]
    return before + [f"post{number}" for number in range(1, count - pre + 1)]


def _roles(count: int, pre: int) -> list[str]:
    return ["pre-contrast"] * pre + ["first post-contrast"] + ["later post-contrast"] * (count - pre - 1)


def _seconds(phases: Sequence[Sequence[Slice]]) -> tuple[list[float], str]:
    """Time the phases by the first clock that rises from phase to phase -> seconds since the first phase, and the clock."""
    for keyword in _CLOCKS:
        starts = [min((_value(one, keyword) for one in slices), default=np.nan) for slices in phases]
        if not np.isnan(starts).any() and (np.diff(starts) > 0).all():
            unit = 1000.0 if keyword == "TriggerTime" else 1.0  # milliseconds
            return [round((start - starts[0]) / unit, 3) for start in starts], keyword
    return [np.nan] * len(phases), "unknown"


def _one_grid(images: dict[str, sitk.Image]) -> None:
    for (left, first), (right, second) in _pairs(images):
        if first.GetSize() != second.GetSize() or not first.IsSameImageGeometryAs(second, 1e-2, 1e-3):
            raise InputError(
                f"Phases {left} and {right} lie on different grids: {first.GetSize()} voxels from {_rounded(first.GetOrigin())} "
                f"mm and {second.GetSize()} from {_rounded(second.GetOrigin())}; slices are missing at an end, or resample them "
                "to one grid first."
            )


def _pairs(images: dict[str, sitk.Image]) -> Iterator[tuple[tuple[str, sitk.Image], tuple[str, sitk.Image]]]:
    items = list(images.items())
    return ((items[0], item) for item in items[1:])


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, 2) for value in values)
