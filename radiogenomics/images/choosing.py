"""The series of an examination -> its dynamic series."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.images.contents import NEVER_DYNAMIC
from radiogenomics.images.series import Kind, Series, orientation_of
from radiogenomics.images.splitting import place_numbers

_OF_ONE_SCAN = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "Rows", "Columns", "EchoTime", "EchoNumbers", "FlipAngle")
_SAME_PLACE_MM = 0.5


def dynamic_series(
    series: Sequence[Series], *, number: int | None = None, content: str | None = None, derived: bool = False
) -> list[Series]:
    """Choose the dynamic series among all series of an examination.

    One series with every position several times, or several series on the same grid with the same content; localisers,
    secondary captures, phase images and fraction maps never count.

    Parameters
    ----------
    series : sequence of Series
        From `find_series`.
    number : int, optional
        Number of the series, or of one of several that belong together, where there is a choice.
    content : str, optional
        The content, where a scan gave several: ``water``, ``echo time 2.3 ms``...; as `series_table` names them.
    derived : bool
        Whether images that call themselves derived count too: a dynamic series that was filtered or corrected for motion on
        the scanner. `number` must name it, because subtractions and projections call themselves derived as well.

    Returns
    -------
    list of Series
        What `read_phases` takes.

    Raises
    ------
    ValueError
        If there is none, or more than one choice; the message lists them.
    """
    if derived and number is None:
        raise InputError("`derived` needs `number`: derived images may be subtractions or maps; name the series by its number.")
    kinds: set[Kind] = {"image", "derived map"} if derived else {"image"}
    usable = [one for one in series if one.kind in kinds and one.content not in NEVER_DYNAMIC]
    dynamic = [group for group in _stacks(usable) if len(group) > 1 or _repeats(group[0]) > 1]
    if number is not None:
        dynamic = [group for group in dynamic if any(one.header.get("SeriesNumber") == str(number) for one in group)]
    if content is not None:
        dynamic = [group for group in dynamic if group[0].content == content]
    if len(dynamic) == 1:
        return dynamic[0]
    raise InputError(_choices(dynamic) if dynamic else _none(series, number, content))


def _stacks(series: Sequence[Series]) -> list[list[Series]]:
    """Group the series that may be phases of one scan."""
    groups: list[list[Series]] = []
    for one in series:
        if len(one.slices) > 1 and orientation_of(one.slices) != "unknown":
            group = next((group for group in groups if _one_stack(group[0], one)), None)
            groups.append([one]) if group is None else group.append(one)
    return groups


def _choices(dynamic: Sequence[Sequence[Series]]) -> str:
    """Say how to choose among several dynamic series."""
    listed = "; ".join(" + ".join(one.place for one in group) for group in dynamic)
    patients = sorted({group[0].header.get("PatientID", "") for group in dynamic})
    if len(patients) > 1:
        return (
            f"{len(dynamic)} dynamic series of {len(patients)} patients ({summarise(map(repr, patients))}) are here: {listed}. "
            "Give the folder of one patient."
        )
    contents = list(dict.fromkeys(group[0].content for group in dynamic))
    numbers = {one.header.get("SeriesNumber") for group in dynamic for one in group}
    by = "series number" if len(contents) == 1 else f"content ({', '.join(repr(name) for name in contents)})"
    by += " or series number" if len(contents) > 1 and len(numbers) > 1 else ""
    return f"{len(dynamic)} dynamic series are here: {listed}. Choose one by {by} (--series, --content, or extraction)."


def _none(series: Sequence[Series], number: int | None, content: str | None) -> str:
    """Say why no dynamic series was found."""
    if number is not None or content is not None:
        known = ", ".join(
            f"{one.header.get('SeriesNumber', '?')} ({one.kind}{f', {one.content}' if one.content else ''})" for one in series
        )
        asked = f"Series number {number}" if content is None else f"Content {content!r}"
        asked += f" of series number {number}" if number is not None and content is not None else ""
        hint = (
            "; a derived one needs `derived` (--derived, extraction.derived)"
            if any(_is(one, number) and one.kind == "derived map" for one in series)
            else ""
        )
        return f"{asked} is not part of a dynamic series; the series are {known}{hint}."
    counts = ", ".join(f"{count} {kind}" for kind, count in Counter(one.kind for one in series).items())
    contents = list(dict.fromkeys(one.content for one in series if one.content))
    split = f" Some differ in {summarise(contents)}, which is not a change in time." if contents else ""
    return (
        f"No dynamic series is here ({counts}): no image series repeats its positions, and no two share a grid. "
        f"Give the whole examination{_processed(series)}.{split}"
    )


def _processed(series: Sequence[Series]) -> str:
    """Name the derived series that may be the dynamic one, filtered or corrected on the scanner, and how to choose it."""
    groups = _stacks([one for one in series if one.kind == "derived map" and one.content not in NEVER_DYNAMIC])
    numbers = [group[0].header.get("SeriesNumber", "?") for group in groups if len(group) > 1 or _repeats(group[0]) > 1]
    if not numbers:
        return ""
    choice = f"--series {numbers[0]} --derived, or extraction.series and extraction.derived"
    return f", or choose the derived series {summarise(numbers)} if it is a dynamic one that was processed ({choice})"


def _is(series: Series, number: int | None) -> bool:
    return series.header.get("SeriesNumber") == str(number)


def _one_stack(left: Series, right: Series) -> bool:
    """Tell whether two series show the same slab with the same contrast, as the phases of one examination do.

    One common end is enough: a series that lost a slice at the other must be missed later, not left out here.
    """
    first, second = left.slices[0], right.slices[0]
    if left.content != right.content or any(first.header.get(keyword) != second.header.get(keyword) for keyword in _OF_ONE_SCAN):
        return False
    if np.abs(first.axes - second.axes).max() > 1e-2:
        return False
    beside = (first.position - second.position) @ first.axes[:, :2]
    lows, highs = ([end(one.height for one in series.slices) for series in (left, right)] for end in (min, max))
    together = abs(lows[0] - lows[1]) < _SAME_PLACE_MM or abs(highs[0] - highs[1]) < _SAME_PLACE_MM
    return bool(np.abs(beside).max() < _SAME_PLACE_MM) and together


def _repeats(series: Series) -> int:
    """Count how often the most frequent position of a series is there."""
    return max(Counter(place_numbers(series)).values())
