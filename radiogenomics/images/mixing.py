"""Phases -> signs that they are no times of one scan: settings that alternate, pixels that are a copy."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.images.contents import setting_levels, setting_of
from radiogenomics.images.headers import Slice
from radiogenomics.images.private import GE_RAW_TYPE

_WORDS = ("ImageType", GE_RAW_TYPE, "SequenceName", "ScanOptions", "AcquisitionContrast", "ReceiveCoilName", "SeriesDescription")
_NUMBERS = (
    "EchoNumbers", "EchoTime", "RepetitionTime", "FlipAngle", "InversionTime", "DiffusionBValue", "VelocityEncodingMinimumValue"
)  # fmt: skip


def refuse_alternating(place: str, phases: Sequence[Sequence[Slice]]) -> None:
    """Refuse phases of which a setting goes away and comes back: so do kinds of image that were taken in turns, times do not.

    A setting that changes once, at the injection, is no such sign.

    Parameters
    ----------
    place : str
        What messages call the series.
    phases : sequence of sequence of Slice
        In order of time.

    Raises
    ------
    ValueError
        With the tag and its values.
    """
    for keyword in (*_WORDS, *_NUMBERS):
        values = _values(phases, keyword)
        if any(value in values[: at - 1] and value != values[at - 1] for at, value in enumerate(values) if at > 1):
            names = summarise([repr(value) for value in dict.fromkeys(values)], 4)
            raise InputError(
                f"{place}: {keyword} alternates between {names} from phase to phase: several kinds of image are mixed (magnitude "
                f"and phase, water and fat, echoes?), not times of one. Give the images of one kind, separated by {keyword}."
            )


def _values(phases: Sequence[Sequence[Slice]], keyword: str) -> list[str]:
    """Give the values that a tag has in each phase."""
    images = [one for phase in phases for one in phase]
    levels = setting_levels(images, keyword) if keyword in _NUMBERS else []

    def value(one: Slice) -> str:
        return setting_of(one, keyword, levels) if keyword in _NUMBERS else one.header.get(keyword) or "none"

    return [", ".join(sorted({value(one) for one in phase})) for phase in phases]


def refuse_copied(images: Mapping[str, sitk.Image]) -> None:
    """Refuse phases that hold the very same pixels: noise never repeats, so that one is a copy of the other.

    Raises
    ------
    ValueError
        With the names of the phases.
    """
    for (left, first), (right, second) in combinations(images.items(), 2):
        if np.array_equal(sitk.GetArrayViewFromImage(first), sitk.GetArrayViewFromImage(second)):
            raise InputError(
                f"Phases {left} and {right} hold the same pixels, voxel by voxel: one is a copy of the other under another "
                "name; remove its files, or fetch the examination again."
            )
