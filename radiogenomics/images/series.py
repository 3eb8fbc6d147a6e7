"""A folder of DICOM files -> the series in it, each told what it is."""

import filecmp
import re
import shutil
import stat
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, atomic, check_file, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images._parsing import unpacking
from radiogenomics.images.contents import split_contents
from radiogenomics.images.headers import IMAGE_STORAGE, Header, Slice, printable, read_folder

Kind = Literal["image", "localiser", "secondary capture", "derived map", "segmentation", "structure set", "other"]
Orientation = Literal["sagittal", "coronal", "axial", "oblique", "mixed", "unknown"]

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}  # the second is a label map
_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_LOCALISER = re.compile(r"\b(localizer|localiser|loc|scout|survey|3[- ]?pl(ane)?)\b", re.IGNORECASE)
_DERIVED = {"DERIVED", "SUB", "SUBTRACT", "SUBTRACTION", "MIP", "MPR", "PROJECTION IMAGE", "PE1", "SER", "ADC"}
_MEASURED: set[Kind] = {"image", "derived map"}
_STRAIGHT = np.cos(np.deg2rad(10.0))  # an axis closer than this to the patient's own counts as straight
_NOMINAL_TESLA = np.array([0.2, 0.35, 0.5, 0.55, 1.0, 1.5, 3.0, 7.0])
_VENDORS = {"GE": "GE", "SIEMENS": "Siemens", "PHILIPS": "Philips", "TOSHIBA": "Toshiba", "CANON": "Canon", "HITACHI": "Hitachi"}


@dataclass(frozen=True)
class Series:
    """Images that belong together: one series, one kind.

    Attributes
    ----------
    uid : str
        SeriesInstanceUID.
    kind : str
        ``image`` (as acquired), ``localiser``, ``secondary capture``, ``derived map``, ``segmentation``,
        ``structure set`` or ``other``.
    slices : tuple of Slice
        In the order of the file names.
    content : str
        What the signal is where it is not the ordinary one, or where one series holds several: ``phase``, ``water``,
        ``echo time 2.3 ms``...; see `contents.split_contents`.
    """

    uid: str
    kind: Kind
    slices: tuple[Slice, ...]
    content: str = ""

    @property
    def header(self) -> Header:
        """The header of the first slice."""
        return self.slices[0].header

    @property
    def description(self) -> str:
        """SeriesDescription, or the end of the UID where there is none."""
        return self.header.get("SeriesDescription") or f"series …{self.uid[-8:]}"

    @property
    def place(self) -> str:
        """What messages call it: number, description and folder."""
        number = self.header.get("SeriesNumber", "?")
        content = f", {self.content}" if self.content else ""
        return f"series {number} ({self.description}, {printable(self.slices[0].path.parent.name)}/{content})"


def find_series(folder: Path, *, tell: Tell = log_decision) -> list[Series]:
    """Find the series in a folder of DICOM files and its subfolders.

    Parameters
    ----------
    folder : Path
        As an archive gives it; other files in it are passed over.
    tell : callable
        Called with what is decided (files passed over, series that are split); logs it when left out.

    Returns
    -------
    list of Series
        By series number. A series that mixes kinds (a localiser among images) gives one entry per kind, and one that mixes
        contents (magnitude and phase, water and fat, two echoes) one entry a content.

    Raises
    ------
    ValueError
        If the folder holds no DICOM, a damaged file, or one image twice.
    """
    groups: dict[tuple[str, Kind], list[Slice]] = {}
    for image in read_folder(folder, tell=tell):
        groups.setdefault((image.header.get("SeriesInstanceUID", ""), kind_of(image.header)), []).append(image)
    series = [
        Series(uid, kind, tuple(part), content)
        for (uid, kind), slices in groups.items()
        for content, part in (split_contents(slices) if kind in _MEASURED else {"": slices}).items()
    ]
    _refuse_copies(series)
    _tell_contents(series, tell)
    _tell_persons(series, tell)
    return sorted(series, key=lambda one: (_number(one.header, "SeriesNumber", np.inf), one.uid, one.kind, one.content))


def _tell_contents(series: Sequence[Series], tell: Tell) -> None:
    """Say which series were split by kind or content."""
    split: dict[str, list[Series]] = {}
    for one in series:
        split.setdefault(one.uid or one.kind, []).append(one)
    for parts in split.values():
        if len(parts) > 1:
            rest = "magnitude" if len({one.kind for one in parts}) == 1 else ""
            told = summarise([f"{one.content or rest or one.kind} ({len(one.slices)} images)" for one in parts])
            why = f"{parts[0].place} holds several kinds of image and was split: {told}."
            tell(Decision("series split", "", sum(len(one.slices) for one in parts), why))


def _tell_persons(series: Sequence[Series], tell: Tell) -> None:
    """Say which series hold images of several persons, though perhaps of one PatientID; names do not stand in the message."""
    for one in series:
        for keyword in ("PatientName", "PatientBirthDate"):
            count = len({image.header.get(keyword, "").rstrip("^").upper() for image in one.slices} - {""})
            if count > 1:
                why = f"its images have {count} values of {keyword}; they may show several persons, compare the files."
                tell(Decision("several persons", one.place, count, why))


def kind_of(header: Header) -> Kind:
    """Tell from the header of an image what kind it is."""
    storage = header.get("SOPClassUID", "")
    if storage in _SEGMENTATIONS:
        return "segmentation"
    if storage == _STRUCTURE_SET:
        return "structure set"
    if storage == _SECONDARY_CAPTURE or storage.startswith(f"{_SECONDARY_CAPTURE}."):
        return "secondary capture"
    if storage not in IMAGE_STORAGE:
        return "other"
    words = {word.strip().upper() for word in header.get("ImageType", "").split("\\")}
    if "LOCALIZER" in words or _LOCALISER.search(header.get("SeriesDescription", "")):
        return "localiser"
    return "derived map" if words & _DERIVED else "image"


def series_table(series: Sequence[Series]) -> pd.DataFrame:
    """List series as a table, one row each: what they are, their scanner and protocol.

    Parameters
    ----------
    series : sequence of Series
        From `find_series`.

    Returns
    -------
    DataFrame, shape (n_series, 19)
        ``series`` (number), ``kind``, ``content`` (``phase``, ``water``...; mostly empty), ``description``, ``images``,
        ``rows``, ``columns``, ``orientation``, ``laterality`` (L, R, B or empty), ``vendor`` (the manufacturer's short name),
        ``manufacturer``, ``model``, ``field_t`` (tesla, the nominal strength where the header is within 5 % of one; values in
        gauss such as 15000 are converted), ``tr_ms``, ``te_ms``, ``flip_deg``, ``thickness_mm``, ``patient``, ``uid``. Numbers
        that the header lacks are NaN. Inclusion is then one line:
        ``table.query("vendor == 'GE' and field_t == 1.5 and kind == 'image'")``.
    """
    return pd.DataFrame([_facts(one) for one in series])


def orientation_of(slices: Iterable[Slice]) -> Orientation:
    """Name the plane of the slices: the patient's axis that they are stacked along, within 10 degrees."""
    try:
        normals = np.array([one.axes[:, 2] for one in slices])
    except ValueError:
        return "unknown"
    if np.ptp(normals, axis=0).max() > 1e-2:
        return "mixed"
    along = np.abs(normals[0])
    planes: tuple[Orientation, ...] = ("sagittal", "coronal", "axial")
    return planes[int(along.argmax())] if along.max() >= _STRAIGHT else "oblique"


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip of DICOM files into a folder -> the folder.

    Parameters
    ----------
    archive : Path
        A zip file as archives give it.
    folder : Path
        Where its files shall lie; made when missing.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    ValueError
        If the file is no zip, is damaged, or names a file outside the folder; then nothing is written.
    """
    with unpacking(check_file(archive, "archive")), zipfile.ZipFile(archive) as file:
        members = [member for member in file.infolist() if not member.is_dir()]
        for member in members:
            _refuse_escape(archive, member)
            _refuse_password(archive, member)
        if (broken := file.testzip()) is not None:
            raise InputError(f"{archive.name} is damaged: the checksum of {broken!r} is wrong; fetch the archive again.")
        for member in members:
            with (
                file.open(member) as source,
                atomic(folder / PurePosixPath(member.filename)) as target,
                target.open("wb") as sink,
            ):
                shutil.copyfileobj(source, sink)
    return folder


def _refuse_escape(archive: Path, member: zipfile.ZipInfo) -> None:
    """Refuse names that would be written elsewhere: absolute, with `..`, with a drive, or links."""
    name = member.filename.replace("\\", "/")
    if (
        name.startswith("/")
        or ".." in name.split("/")
        or re.match(r"^[A-Za-z]:", name)
        or stat.S_ISLNK(member.external_attr >> 16)
    ):
        raise InputError(
            f"{archive.name} names {member.filename!r}, a place outside its folder; it is not safe, nothing was unpacked."
        )


def _refuse_password(archive: Path, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 1:
        raise InputError(
            f"{archive.name} is encrypted ({member.filename!r} needs a password); unpack it yourself and give the folder; "
            "nothing was unpacked."
        )


def _refuse_copies(series: Sequence[Series]) -> None:
    seen: dict[tuple[str, int], Slice] = {}
    for image in (image for one in series for image in one.slices):
        key = (image.header.get("SOPInstanceUID", str(image.path)), image.frame)
        if key in seen:
            names = f"{image.path.parent.name}/{image.path.name} and {seen[key].path.parent.name}/{seen[key].path.name}"
            if filecmp.cmp(image.path, seen[key].path, shallow=False):
                raise InputError(f"{names} are the same image (one SOPInstanceUID, the same bytes); remove one of them.")
            raise InputError(
                f"{names} say that they are the same image (one SOPInstanceUID), but their content differs: one was changed or "
                "has the other's identifier. Keep the right one, or fetch both again."
            )
        seen[key] = image


def _number(header: Header, keyword: str, missing: float = np.nan) -> float:
    try:
        return float(header.get(keyword, "").split("\\")[0])
    except ValueError:
        return missing


def _tesla(header: Header) -> float:
    """Convert MagneticFieldStrength to tesla: some GE archives hold gauss, and 3 T scanners say 2.8936."""
    value = _number(header, "MagneticFieldStrength")
    value = value / 10_000 if value >= 100 else value
    if not value > 0:
        return np.nan
    nearest = float(_NOMINAL_TESLA[np.abs(_NOMINAL_TESLA - value).argmin()])
    return nearest if abs(nearest - value) <= 0.05 * nearest else value


def _vendor(name: str) -> str:
    return next((short for word, short in _VENDORS.items() if re.match(rf"{word}\b", name.upper())), name)


def _facts(series: Series) -> dict[str, object]:
    header = series.header
    return {
        "series": _number(header, "SeriesNumber"),
        "kind": series.kind,
        "content": series.content,
        "description": series.description,
        "images": len(series.slices),
        "rows": _number(header, "Rows"),
        "columns": _number(header, "Columns"),
        "orientation": orientation_of(series.slices),
        "laterality": header.get("Laterality") or header.get("ImageLaterality", ""),
        "vendor": _vendor(header.get("Manufacturer", "")),
        "manufacturer": header.get("Manufacturer", ""),
        "model": header.get("ManufacturerModelName", ""),
        "field_t": _tesla(header),
        "tr_ms": _number(header, "RepetitionTime"),
        "te_ms": _number(header, "EchoTime"),
        "flip_deg": _number(header, "FlipAngle"),
        "thickness_mm": _number(header, "SliceThickness"),
        "patient": header.get("PatientID", ""),
        "uid": series.uid,
    }
