"""Dynamic series -> phases: which image belongs to which time point, on what evidence, and when it was taken."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images.headers import Slice
from radiogenomics.images.mixing import refuse_alternating, refuse_copied
from radiogenomics.images.pixels import check_rescale
from radiogenomics.images.series import Series
from radiogenomics.images.splitting import TRUST, Split, check_gaps, split_series
from radiogenomics.images.times import CLOCKS, LONGEST_GAP_S, crosses_midnight, moments, unreadable
from radiogenomics.images.volume import read_image

_SAME_MM = 0.05
"""Slices of two phases nearer to each other than this lie at one place."""


@dataclass(frozen=True)
class Phases:
    """A dynamic series, phase by phase.

    Attributes
    ----------
    images : dict of str to SimpleITK.Image
        One volume per phase in order of time: ``pre`` (``pre1``, ``pre2``... when there are several), ``post1``, ``post2``...
    sources : dict of str to Series
        The slices that each phase was read from; empty where the phases were no DICOM.
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

    def timed(self, seconds: Sequence[float]) -> "Phases":
        """Give the same phases with times of one's own, in seconds, one per phase, rising."""
        given = np.asarray(seconds, dtype=float)
        if given.shape != (len(self.images),) or not np.isfinite(given).all() or not (np.diff(given) > 0).all():
            raise InputError(
                f"`seconds` is {list(seconds)}; give {len(self.images)} rising numbers, one per phase ({', '.join(self.images)})."
            )
        return Phases(self.images, self.sources, self.table.assign(seconds=given, seconds_from="given"))


def read_phases(series: Sequence[Series], *, pre_contrast: int, tell: Tell = log_decision) -> Phases:
    """Read a dynamic series -> its phases, named and timed.

    Parameters
    ----------
    series : sequence of Series
        The one series that holds all phases, or several that hold one or more each; see `dynamic_series`.
    pre_contrast : int
        How many phases were taken before the injection; 1 in nearly every breast protocol.
    tell : callable
        Called with what is decided of clocks, bits and padding; logs it when left out.

    Returns
    -------
    Phases
        Volumes, sources, and a table that names the evidence.

    Raises
    ------
    ValueError
        If there are fewer than two phases, a phase lacks slices or is a copy, or the phases do not share one grid.
    """
    sources, table = split_phases(series, pre_contrast=pre_contrast, tell=tell)
    check_rescale(series[0].place, [one for source in sources.values() for one in source.slices])
    _refuse_missing(sources)
    images = {name: read_image(source, tell=tell) for name, source in sources.items()}
    one_grid(images)
    refuse_copied(images)
    return Phases(images, sources, table)


def split_phases(
    series: Sequence[Series], *, pre_contrast: int, tell: Tell = log_decision
) -> tuple[dict[str, Series], pd.DataFrame]:
    """Tell the phases of a dynamic series apart without reading pixels -> one Series a phase, and the table of `Phases`.

    Inside one series the phases are told apart by the first of these that gives every phase each position once:
    TemporalPositionIdentifier, AcquisitionTime, TriggerTime, ContentTime, and the order of images at repeated positions by
    the same tags, AcquisitionNumber and InstanceNumber.
    Several series follow each other by the first of the same that rises from series to series, else by series number. Weaker
    evidence never contradicts stronger, and no clock is believed that puts phases more than an hour apart.

    Raises
    ------
    ValueError
        As `read_phases`, and if kinds of image are mixed, or two kinds of evidence contradict each other.
    """
    if not series:
        raise InputError("No series was given; choose the dynamic series from find_series.")
    _one_scan(series)
    splits = _in_order([(one, split_series(one)) for one in series])
    phases = [(one, slices, split.evidence) for one, split in splits for slices in split.phases]
    if not 1 <= pre_contrast < len(phases):
        raise InputError(
            f"{summarise([one.place for one in series])}: {len(phases)} phase(s) with {pre_contrast} of them before contrast; a "
            "dynamic series needs at least one before and one after. Give all series of the examination, or another number "
            "of pre-contrast phases."
        )
    place = summarise([one.place for one in series])
    refuse_alternating(place, [slices for _, slices, _ in phases])
    names = name_phases(len(phases), pre_contrast)
    seconds, clock = _seconds(place, [slices for _, slices, _ in phases], tell)
    sources = {name: Series(one.uid, one.kind, slices, one.content) for name, (one, slices, _) in zip(names, phases, strict=True)}
    table = pd.DataFrame(
        {
            "phase": names,
            "role": role_phases(len(phases), pre_contrast),
            "seconds": seconds,
            "seconds_from": clock,
            "evidence": [evidence for _, _, evidence in phases],
            "images": [len(slices) for _, slices, _ in phases],
            "series": [one.header.get("SeriesNumber", "") for one, _, _ in phases],
        }
    )
    return sources, table


def _one_scan(series: Sequence[Series]) -> None:
    """Refuse images of several patients, or of which some are inverted."""
    patients = sorted({one.header.get("PatientID", "") for each in series for one in each.slices})
    if len(patients) > 1:
        raise InputError(
            f"{summarise([one.place for one in series])}: images of {len(patients)} patients are mixed in one dynamic series "
            f"(PatientID {summarise(map(repr, patients))}); separate the files by patient."
        )
    greys = sorted({one.header.get("PhotometricInterpretation", "missing") for each in series for one in each.slices})
    if len(greys) > 1:
        raise InputError(
            f"{summarise([one.place for one in series])}: PhotometricInterpretation {summarise(map(repr, greys))} are mixed in "
            "one dynamic series: low values are bright in some images and dark in others. Fetch the series again, or leave it "
            "out."
        )


def _in_order(splits: list[tuple[Series, Split]]) -> list[tuple[Series, Split]]:
    """Put several series in order of time."""
    if len(splits) == 1:
        return splits
    stronger: dict[str, list[float]] = {}
    for keyword in (*TRUST, "SeriesNumber"):
        spans = _spans([one for one, _ in splits], keyword)
        starts = [start for start, _ in spans]
        if any(np.isnan(span).any() for span in spans):
            stronger[keyword] = starts  # what some series lack orders the others all the same
            continue
        order = sorted(range(len(spans)), key=lambda at: spans[at])
        if all(spans[left][1] < spans[right][0] for left, right in pairwise(order)):
            ordered = [splits[at] for at in order]
            _check_order([one for one, _ in ordered], keyword, [starts[at] for at in order], stronger, order)
            return [(one, Split(split.phases, f"{split.evidence}; series by {keyword}")) for one, split in ordered]
        if len(set(starts)) > 1:
            _refuse_equal_times([one for one, _ in splits], keyword, starts)
            stronger[keyword] = starts
    raise InputError(
        f"{summarise([one.place for one, _ in splits])}: no time or series number tells which came first; give them one by one."
    )


def _spans(series: Sequence[Series], keyword: str) -> list[tuple[float, float]]:
    """Give the first and last value of a tag in each series; NaN where an image lacks it, the last one alone where some do."""
    joint = moments([one for each in series for one in each.slices], keyword)
    parts = np.split(joint, np.cumsum([len(each.slices) for each in series])[:-1])
    known = (part[~np.isnan(part)] for part in parts)
    return [(float(some.min()) if len(some) else np.nan, float(np.max(part))) for part, some in zip(parts, known, strict=True)]


def _refuse_equal_times(series: Sequence[Series], keyword: str, starts: Sequence[float]) -> None:
    """Refuse series that come in sets of one time: water and fat of each phase, say, which no tag names."""
    times = Counter(starts)
    if keyword in TRUST and len(set(times.values())) == 1 and max(times.values()) > 1:
        raise InputError(
            f"{summarise([one.place for one in series])}: {keyword} tells {len(times)} times apart, but these are {len(series)} "
            "series: several kinds of image of each phase (water and fat, or magnitude and phase?). Give the series of one kind."
        )


def _check_order(
    ordered: Sequence[Series], keyword: str, starts: Sequence[float], stronger: dict[str, list[float]], order: Sequence[int]
) -> None:
    """Check an order of series against stronger evidence, their names and the length of an examination."""
    for other, values in stronger.items():
        if any(values[left] > values[right] for left, right in combinations(order, 2)):
            raise InputError(
                f"{summarise([one.place for one in ordered])}: their order by {keyword} contradicts {other}, which is better "
                "evidence but does not tell all apart. Correct the headers, or give them one by one."
            )
    if keyword in CLOCKS:
        check_gaps(summarise([one.place for one in ordered]), starts, keyword)
    _pre_first(ordered)


def _pre_first(ordered: Sequence[Series]) -> None:
    """Refuse an order that contradicts the names: "pre" after a series that is not."""
    pre = [bool(re.search(r"\bpre\b", one.description, re.IGNORECASE)) for one in ordered]
    post = [bool(re.search(r"\bpost\b", one.description, re.IGNORECASE)) for one in ordered]
    late = next((at for at in range(1, len(pre)) if pre[at] and not post[at] and not pre[0]), None)
    if late is not None:
        raise InputError(
            f"By time {ordered[0].place} comes first, but {ordered[late].place} calls itself pre-contrast; check the "
            "order and give only the series of one injection."
        )


def name_phases(count: int, pre: int) -> list[str]:
    """Name phases of which the first `pre` were taken before contrast."""
    before = ["pre"] if pre == 1 else [f"pre{number}" for number in range(1, pre + 1)]
    return before + [f"post{number}" for number in range(1, count - pre + 1)]


def role_phases(count: int, pre: int) -> list[str]:
    """Say of phases what they are, of which the first `pre` were taken before contrast."""
    return ["pre-contrast"] * pre + ["first post-contrast"] + ["later post-contrast"] * (count - pre - 1)


def _seconds(place: str, phases: Sequence[Sequence[Slice]], tell: Tell) -> tuple[list[float], str]:
    """Time the phases by the first clock that rises from phase to phase -> seconds since the first phase, and the clock."""
    images = [one for slices in phases for one in slices]
    ends = np.cumsum([len(slices) for slices in phases])[:-1]
    for keyword in CLOCKS:
        if texts := unreadable(images, keyword):
            values = summarise(map(repr, dict.fromkeys(texts)), 3)
            why = f"{keyword} {values} of {len(texts)} images is not a time; the tag is ignored."
            tell(Decision("clock not read", place, len(texts), why))
        starts = np.array([part.min() for part in np.split(moments(images, keyword), ends)])
        if (np.diff(starts) < 0).any():
            why = f"{keyword} does not rise from phase to phase, which better evidence put in order; it is not used."
            tell(Decision("clock not believed", place, len(phases), why))
        if np.isnan(starts).any() or not (np.diff(starts) > 0).all():
            continue
        if np.diff(starts).max() > LONGEST_GAP_S:
            why = f"{keyword} puts {np.diff(starts).max() / 3600:.1f} hours between two phases; it is not used."
            tell(Decision("clock not believed", place, len(phases), why))
            continue
        if crosses_midnight(images, keyword):
            why = f"{keyword} runs across midnight without dates; times before it are taken for the evening before."
            tell(Decision("times across midnight", place, len(phases), why))
        return [round(float(start - starts[0]), 3) for start in starts], keyword
    return [np.nan] * len(phases), "unknown"


def _refuse_missing(sources: dict[str, Series]) -> None:
    """Refuse a phase that lacks slices which another phase of the same stack has."""
    full = max(sources, key=lambda name: len(sources[name].slices))
    heights = np.array([one.height for one in sources[full].slices])
    for name, source in sources.items():
        mine = np.array([one.height for one in source.slices])
        distances = np.abs(heights[:, None] - mine)
        if len(mine) == len(heights) or distances.min(axis=0).max() > _SAME_MM:
            continue  # complete, or of another stack
        missing = [f"{height:.2f}" for height in heights[distances.min(axis=1) > _SAME_MM]]
        raise InputError(
            f"{source.place}: {len(missing)} slice(s) are missing in phase {name}, at {summarise(missing)} mm, where phase "
            f"{full} has them; fetch the series again, or leave it out."
        )


def one_grid(images: dict[str, sitk.Image]) -> None:
    """Refuse phases that do not share one grid."""
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
