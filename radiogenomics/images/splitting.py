"""One dynamic series -> its phases: which image belongs to which time, by the strongest evidence that fits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.images.contents import settings_that_vary
from radiogenomics.images.headers import Slice
from radiogenomics.images.series import Series
from radiogenomics.images.times import CLOCKS, LONGEST_GAP_S, Array, moments
from radiogenomics.images.volume import check_orientation, heights

TRUST = ("TemporalPositionIdentifier", *CLOCKS)
"""The tags that tell phases apart, the most trusted first."""

_SAME_SLICE_MM = 0.05
_BY_RANK = (*TRUST, "AcquisitionNumber", "InstanceNumber")
"""The tags that may order the images of each position, the most trusted first."""

_SAYS_LITTLE = {"ContentTime", "AcquisitionNumber", "InstanceNumber"}
"""Tags that count files as they were made: they tell a magnitude from a phase image as readily as two times."""
_TELLING = ("ImageType", "EchoTime", "FlipAngle", "RepetitionTime", "InversionTime", "DiffusionBValue", "SequenceName",
            "DerivationDescription", "AcquisitionNumber")  # fmt: skip


@dataclass(frozen=True)
class Split:
    """One series split into phases, before they have names.

    Attributes
    ----------
    phases : list of tuple of Slice
        In order of time.
    evidence : str
        What told them apart.
    """

    phases: list[tuple[Slice, ...]]
    evidence: str


def split_series(series: Series) -> Split:
    """Split one series into phases by the most trusted evidence that fits; weaker evidence never contradicts stronger.

    Raises
    ------
    ValueError
        If slices are missing or doubled, if a trusted tag says that several images of one position belong to one time, or if
        two kinds of evidence contradict each other.
    """
    check_orientation(series)
    if varying := settings_that_vary(series.slices):
        raise InputError(
            f"{series.place} was taken with several settings ({'; '.join(varying)}): its images differ by more than contrast "
            "agent, it is not a dynamic series; leave it out or separate the files."
        )
    places = place_numbers(series)
    number = max(Counter(places).values())
    if number == 1:
        return Split([series.slices], "one phase per series")
    values = {keyword: moments(series.slices, keyword) for keyword in _BY_RANK}
    stronger: list[str] = []
    for keyword in TRUST:
        phases = _by_value(series.slices, places, values[keyword], number)
        if phases:
            return _checked(series, phases, keyword, stronger, f"{keyword}: {number} values, each position once")
        if _orders(series, places, keyword, values[keyword], number):
            stronger.append(keyword)
    return _by_ranks(series, places, values, number)


def place_numbers(series: Series) -> list[int]:
    """Count the positions of a series from the lowest -> the number of each image; rounding makes no new position."""
    along = heights(series.slices)
    order = np.argsort(along, kind="stable")
    place = np.empty(len(along), dtype=int)
    place[order] = np.concatenate([[0], np.cumsum(np.diff(along[order]) > _SAME_SLICE_MM)])
    return [int(number) for number in place]


def check_gaps(place: str, starts: Sequence[float], keyword: str) -> None:
    """Refuse phases that a clock puts hours apart: they are no phases of one injection."""
    gaps = np.diff(starts)
    if len(gaps) and gaps.max() > LONGEST_GAP_S:
        at = int(gaps.argmax())
        raise InputError(
            f"{place}: {keyword} puts {gaps[at] / 3600:.1f} hours between phases {at + 1} and {at + 2}; phases of one injection "
            "follow within minutes. Dates or times are wrong, or these are several scans: correct the headers, or give the "
            "series of one injection."
        )


def _by_ranks(series: Series, places: Sequence[int], values: dict[str, Array], number: int) -> Split:
    """Split by the order of the images at each position, where no value holds a whole phase."""
    counts = Counter(places)
    stronger: list[str] = []
    for keyword in _BY_RANK if len(set(counts.values())) == 1 else ():
        phases = _by_rank(series.slices, places, values[keyword], number)
        if phases:
            evidence = f"repeated positions: {number} images each, in order of {keyword}"
            return _checked(series, phases, keyword, stronger, evidence)
        if _orders(series, places, keyword, values[keyword], number):
            stronger.append(keyword)
    raise InputError(_why_not(series, places))


def _by_value(slices: Sequence[Slice], places: Sequence[int], values: Array, number: int) -> list[tuple[Slice, ...]]:
    """Group by one tag; empty unless it has `number` values and no group holds a position twice."""
    groups: dict[float, dict[int, Slice]] = {}
    for one, place, value in zip(slices, places, values.tolist(), strict=True):
        group = groups.setdefault(value, {})
        if np.isnan(value) or place in group:
            return []
        group[place] = one
    return [tuple(groups[value].values()) for value in sorted(groups)] if len(groups) == number else []


def _by_rank(slices: Sequence[Slice], places: Sequence[int], values: Array, number: int) -> list[tuple[Slice, ...]]:
    """Take the k-th image at every position; empty unless the tag orders the images of every position."""
    if np.isnan(values).any():
        return []
    ranked: list[list[Slice]] = []
    for place in dict.fromkeys(places):
        here = [at for at, other in enumerate(places) if other == place]
        if len(set(values[here])) < number:
            return []
        ranked.append([slices[at] for at in sorted(here, key=lambda at: values[at])])
    return [tuple(images[rank] for images in ranked) for rank in range(number)]


def _orders(series: Series, places: Sequence[int], keyword: str, values: Array, number: int) -> bool:
    """Tell whether a tag says something of the order of the images; refuse where it says that several belong to one time."""
    known = ~np.isnan(values)
    first = keyword == TRUST[0]
    if not known.all():
        if first and len(np.unique(values[known])) > 1:
            raise InputError(
                f"{series.place}: {int((~known).sum())} of {len(values)} images lack the {keyword} that tells the phases of the "
                "others apart; fetch the series again, or remove the images that lack it."
            )
        return keyword in CLOCKS and len(np.unique(values[known])) > 1
    times = [Counter(values[np.array(places) == place].tolist()) for place in sorted(set(places))]
    several = max(len(found) for found in times)
    if several < 2:
        return False
    shares = {share for found in times for share in found.values()}
    if several < number and (first or (keyword in CLOCKS and len(shares) == 1 and shares != {1})):
        raise InputError(
            f"{series.place}: {keyword} tells {several} times apart, but each position is there {number} times: several kinds "
            f"of image are mixed in one series{_differing(series)}. Give the images of one kind."
        )
    return True


def _differing(series: Series) -> str:
    """Name the tags whose values differ between the images of a series, for the end of a message."""
    values_of = {keyword: sorted({one.header.get(keyword, "none") for one in series.slices}) for keyword in _TELLING}
    told = [f"{keyword} {summarise(map(repr, values), 4)}" for keyword, values in values_of.items() if len(values) > 1]
    return f"; they differ in {', '.join(told)}" if told else " that no tag names (water and fat, or magnitude and phase?)"


def _checked(series: Series, phases: list[tuple[Slice, ...]], keyword: str, stronger: Sequence[str], evidence: str) -> Split:
    """Check phases against stronger evidence, image types, the order of the files and the length of an examination."""
    if keyword in _SAYS_LITTLE and (types := _mixed_types(phases)):
        raise InputError(
            f"{series.place} mixes images of ImageType {summarise(types, 4)} at one position, and only {keyword} orders them: "
            "they may be kinds of image, not times. Give the images of one kind."
        )
    for other in stronger:
        _refuse_contradiction(series, phases, keyword, other)
    if keyword in CLOCKS:
        if _backwards(phases, "InstanceNumber"):
            raise InputError(
                f"{series.place}: the order of the phases by {keyword} contradicts their order by InstanceNumber at every "
                "position; one of them is wrong. Correct the headers, or add TemporalPositionIdentifier."
            )
        joint = moments([one for phase in phases for one in phase], keyword)
        ends = np.cumsum([len(phase) for phase in phases])[:-1]
        check_gaps(series.place, [float(part.min()) for part in np.split(joint, ends)], keyword)
    return Split(phases, evidence)


def _rows(phases: Sequence[Sequence[Slice]]) -> list[list[Slice]]:
    """Sort the images of each phase by position, as many as the shortest phase has."""
    rows = [[phase[at] for at in np.argsort(heights(phase), kind="stable")] for phase in phases]
    return [row[: min(map(len, rows))] for row in rows]


def _mixed_types(phases: Sequence[Sequence[Slice]]) -> list[str]:
    """List the ImageTypes of one position, where one has several."""
    columns = zip(*_rows(phases), strict=True)
    types = ({one.header.get("ImageType", "none") for one in column} for column in columns)
    return sorted(next((found for found in types if len(found) > 1), set()))


def _table(phases: Sequence[Sequence[Slice]], keyword: str) -> Array:
    """Lay a tag out by phase and position, shape (n_phases, n_positions)."""
    rows = _rows(phases)
    return moments([one for row in rows for one in row], keyword).reshape(len(rows), -1)


def _refuse_contradiction(series: Series, phases: Sequence[Sequence[Slice]], keyword: str, other: str) -> None:
    table = _table(phases, other)  # with NaN where an image lacks the tag, which contradicts nothing
    if any((later < earlier).any() for earlier, later in combinations(table, 2)):
        raise InputError(
            f"{series.place}: the order of the phases by {keyword} contradicts {other}, which is better evidence but does not "
            "tell all images apart. Correct the headers, or give the phases one by one."
        )


def _backwards(phases: Sequence[Sequence[Slice]], keyword: str) -> bool:
    """Tell whether files were counted phase by phase, or position by position, and that puts the phases into another order."""
    table = _table(phases, keyword)
    if np.isnan(table).any() or not (_in_blocks(table) or _in_blocks(table.T)):
        return False
    orders = {tuple(np.argsort(column)) for column in table.T}
    return len(orders) == 1 and orders != {tuple(range(len(phases)))}


def _in_blocks(table: Array) -> bool:
    """Tell whether each row of a table spans numbers that no other row reaches into."""
    rows = table[np.argsort(table.min(axis=1))]
    return bool((rows.max(axis=1)[:-1] < rows.min(axis=1)[1:]).all())


def _why_not(series: Series, places: Sequence[int]) -> str:
    counts = Counter(places)
    usual = Counter(counts.values()).most_common(1)[0][0]
    odd = {place: count for place, count in counts.items() if count != usual}
    if not odd:
        return (
            f"{series.place}: every position is there {usual} times, but no tag tells the phases apart, not even "
            "InstanceNumber; leave it out."
        )
    place, count = next(iter(sorted(odd.items())))
    here = [at for at, other in enumerate(places) if other == place]
    state = "doubled" if count > usual else "missing"
    return (
        f"{series.place}: most positions are there {usual} times, {len(odd)} are not; a slice is {state} at "
        f"{heights(series.slices)[here].min():.2f} mm ({count} times: "
        f"{summarise([series.slices[at].path.name for at in here])}). "
        "Remove the copy or fetch the series again."
    )
