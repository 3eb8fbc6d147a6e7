"""Headers -> what the signal of an image is: magnitude or phase, water or fat, which echo; only one of them may be a phase."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from radiogenomics.images.descriptions import tissue_of
from radiogenomics.images.headers import Header, Slice
from radiogenomics.images.private import GE_RAW_TYPE

_COMPONENTS = {"PHASE": "phase", "REAL": "real part", "IMAGINARY": "imaginary part", "MIXED": "mixed components"}
_WORDS: Mapping[str, str] = {
    "P": "phase", "PHASE": "phase", "PHASE MAP": "phase", "VELOCITY": "phase", "VELOCITY MAP": "phase",
    "R": "real part", "REAL": "real part", "REAL MAP": "real part",
    "I": "imaginary part", "IMAGINARY": "imaginary part", "IMAGINARY MAP": "imaginary part",
    "W": "water", "WATER": "water", "WATER MAP": "water",
    "F": "fat", "FAT": "fat", "FAT MAP": "fat",
    "IP": "in phase", "IN_PHASE": "in phase", "IN PHASE": "in phase", "INPHASE": "in phase", "DIXON IN PHASE": "in phase",
    "OP": "out of phase", "OUT_PHASE": "out of phase", "OUT_OF_PHASE": "out of phase", "OUT OF PHASE": "out of phase",
    "OPP_PHASE": "out of phase", "OPPOSED_PHASE": "out of phase", "OPPOSED PHASE": "out of phase", "OUTPHASE": "out of phase",
    "FF": "fat fraction", "FAT_FRACTION": "fat fraction", "FAT FRACTION": "fat fraction",
    "WF": "water fraction", "WATER_FRACTION": "water fraction",
    "T2_STAR": "T2* map", "T2STAR": "T2* map", "R2_STAR": "R2* map", "R2STAR": "R2* map", "T1 MAP": "T1 map",
    "T2 MAP": "T2 map", "B0 MAP": "B0 map", "FIELD_MAP": "B0 map",
}  # fmt: skip
"""Words of ImageType after the first two (DICOM PS3.3 C.8.3.1.1.1 and C.8.13.3.1; Siemens, Philips and GE use their own)."""

NEVER_DYNAMIC = {*_COMPONENTS.values(), "fat fraction", "water fraction", "T2* map", "R2* map", "T1 map", "T2 map", "B0 map"}
"""Contents whose change is no enhancement."""

_GE_RAW_TYPES = {"1": "phase", "2": "real part", "3": "imaginary part"}
_SEQUENCES = {"FFE", "SE", "IR", "TSE", "GRE", "EPI", "PCA", "DIXON", "MDIXON"}
_SETTINGS = {
    "EchoTime": "echo time {} ms",
    "EchoNumbers": "echo {}",
    "FlipAngle": "flip angle {}°",
    "InversionTime": "inversion time {} ms",
}
_B_VALUE = "DiffusionBValue"
_ALIKE = 0.02  # settings closer than this are one, written with other decimals


def content_of(header: Header) -> str:
    """Name what the signal of an image is -> ``phase``, ``water``, ``in phase``...; empty for ordinary magnitude images.

    ComplexImageComponent counts first, then GE's raw data type, the words of ImageType, and last the names that scanners
    give the series of a Dixon scan.
    """
    component = header.get("ComplexImageComponent", "").strip().upper()
    named = _COMPONENTS.get(component) or _GE_RAW_TYPES.get(header.get(GE_RAW_TYPE, ""))
    if named:
        return named
    words = [word.strip().upper() for word in header.get("ImageType", "").split("\\")[2:]]
    contents = dict.fromkeys(name for word in words if (name := _word(word)))
    return " ".join(contents) or tissue_of(header.get("SeriesDescription", ""))


def _word(word: str) -> str:
    """Name what one word of ImageType says; scanners join it with the sequence, as in M_FFE, P_SE and DIXON_WATER."""
    alone = "_".join(part for part in re.split(r"[ _]", word) if part not in _SEQUENCES)
    return _WORDS.get(word) or _WORDS.get(alone, "")


def split_contents(slices: Sequence[Slice]) -> dict[str, list[Slice]]:
    """Split the images of one series by what their signal is -> its name to its images, in the order they first appear.

    Images differ in content where their headers name another component or tissue, or where one position was taken with
    several echo times, flip angles or inversion times.

    Parameters
    ----------
    slices : sequence of Slice
        The images of one series.

    Returns
    -------
    dict of str to list of Slice
        One entry, without a name, for an ordinary series.
    """
    groups: dict[str, list[Slice]] = {}
    for one in slices:
        groups.setdefault(content_of(one.header), []).append(one)
    for keyword, formatting in _SETTINGS.items():
        split: dict[str, list[Slice]] = {}
        for name, members in groups.items():
            for setting, part in _by_setting(members, keyword).items():
                label = formatting.format(setting) if setting else ""
                split[", ".join(word for word in (name, label) if word)] = part
        groups = split
    return groups


def settings_that_vary(slices: Sequence[Slice]) -> list[str]:
    """Name the settings that must be one in a dynamic series and have several values, for messages."""
    told = []
    for keyword in (*_SETTINGS, _B_VALUE):
        levels = setting_levels(slices, keyword)
        weighted = keyword == _B_VALUE and any(levels) and any(_number(one, keyword) is None for one in slices)
        if len(levels) > 1 or weighted:  # GE writes no b-value where it is 0
            names = ["none"] * weighted + [f"{level:g}" for level in levels]
            told.append(f"{keyword} {', '.join(names[:4])}")
    return told


def setting_levels(slices: Sequence[Slice], keyword: str) -> list[float]:
    """Give the distinct values of a setting of the scanner in ascending order; values alike but for rounding are one."""
    return _levels([value for one in slices if (value := _number(one, keyword)) is not None])


def setting_of(one: Slice, keyword: str, levels: Sequence[float]) -> str:
    """Name the level of `setting_levels` that an image has, or ``none``."""
    value = _number(one, keyword)
    return "none" if value is None else _nearest(levels, value)


def _by_setting(slices: Sequence[Slice], keyword: str) -> dict[str, list[Slice]]:
    """Split images by a setting of the scanner that has several values at one position; else one group without a name."""
    values = [_number(one, keyword) for one in slices]
    levels = _levels([value for value in values if value is not None])
    names = ["" if value is None else _nearest(levels, value) for value in values]
    seen: dict[tuple[float, ...] | str, set[str]] = {}
    for one, name in zip(slices, names, strict=True):
        seen.setdefault(_place(one), set()).add(name)
    if all(len(found) == 1 for found in seen.values()):
        return {"": list(slices)}
    groups: dict[str, list[Slice]] = {}
    for one, name in zip(slices, names, strict=True):
        groups.setdefault(name or "unknown", []).append(one)
    return groups


def _place(one: Slice) -> tuple[float, ...] | str:
    """Give the position of an image to 0.1 mm; its text where it is no position."""
    text = one.header.get("ImagePositionPatient", "")
    try:
        return tuple(round(float(word), 1) for word in text.split("\\"))
    except ValueError:
        return text


def _number(one: Slice, keyword: str) -> float | None:
    try:
        return float(one.header.get(keyword, "").split("\\")[0])
    except ValueError:
        return None


def _levels(values: Sequence[float]) -> list[float]:
    """Give the distinct settings, each by its lowest value."""
    ordered = sorted(set(values))
    return [
        *ordered[:1], *(right for left, right in pairwise(ordered) if right - left > _ALIKE * max(abs(left), abs(right)))
    ]  # fmt: skip


def _nearest(levels: Sequence[float], value: float) -> str:
    return f"{max(level for level in levels if level <= value):g}"
