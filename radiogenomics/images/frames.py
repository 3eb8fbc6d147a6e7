"""Enhanced (multi-frame) MR -> one header a frame, from the functional groups (DICOM PS3.3 C.7.6.16)."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics.images.encoding import load

_NAMES = {
    "EffectiveEchoTime": "EchoTime",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "FrameType": "ImageType",
    "InversionTimes": "InversionTime",
}


def frame_headers(path: Path, header: Mapping[str, str], count: int, keywords: Collection[str]) -> list[dict[str, str]]:
    """Give every frame of a multi-frame file its own header.

    Parameters
    ----------
    path : Path
        The file.
    header : mapping of str to str
        The tags of the file as a whole.
    count : int
        NumberOfFrames.
    keywords : collection of str
        The tags to collect.

    Returns
    -------
    list of dict
        In the order of the frames.

    Raises
    ------
    ValueError
        If the file has no functional groups, or not one a frame.
    """
    dataset = load(path, pixels=False)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if not groups:
        raise InputError(f"{path.name} holds several frames and does not say where each lies; leave the file out.")
    if len(groups) != count:
        raise InputError(
            f"{path.name} says that it holds {count} frames (NumberOfFrames) and describes {len(groups)} of them "
            "(PerFrameFunctionalGroupsSequence): it cannot be told which lies where; fetch it again or leave it out."
        )
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    common = dict(header) | _group_tags(shared, keywords)
    return [_whole(common, _group_tags(group, keywords)) for group in groups]


def clocked(header: Mapping[str, str]) -> dict[str, str]:
    """Give date and time of acquisition their own tags where the file has them in one."""
    moment = header.get("FrameAcquisitionDateTime") or header.get("AcquisitionDateTime", "")
    if "AcquisitionTime" in header or len(moment) < 14:
        return dict(header)
    return {**header, "AcquisitionDate": moment[:8], "AcquisitionTime": moment[8:].split("+")[0].split("-")[0]}


def _whole(common: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Join the file's tags and a frame's own; the file's time is not the frame's."""
    return clocked({keyword: value for keyword, value in common.items() if keyword != "AcquisitionTime"} | dict(own))


def _group_tags(group: Dataset, keywords: Collection[str]) -> dict[str, str]:
    """Collect our tags from one functional group, whatever sequence they stand in."""
    values: dict[str, str] = {}
    for element in group.iterall():
        keyword = _NAMES.get(element.keyword, element.keyword)
        if keyword in keywords and element.VR != "SQ" and element.value is not None and keyword not in values:
            value = element.value
            values[keyword] = str(value) if isinstance(value, str) or np.isscalar(value) else "\\".join(map(str, value))
    return values
