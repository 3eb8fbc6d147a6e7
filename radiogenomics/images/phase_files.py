"""NIfTI, NRRD and MetaImage volumes -> the phases of a dynamic series, for examinations that are no longer DICOM."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images._parsing import reading_volume
from radiogenomics.images.headers import find_files, is_foreign, printable
from radiogenomics.images.limits import check_volume_file
from radiogenomics.images.nifti import read_nifti
from radiogenomics.images.phases import Phases, name_phases, one_grid, role_phases

VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
"""How the names of volumes end."""

_MASK = re.compile(r"(?<![a-z])(mask|masks|seg|segmentation|label|labels|labelmap|roi|lesion|tumou?r)(?![a-z])|\.seg\.nrrd$")
_PRE = re.compile(r"(?<![a-z])pre(?![a-z])|precontrast")
_SHORTEST_S = 1.0  # a fourth voxel size up to this is a default, no time between phases


def find_phase_files(folder: Path, *, tell: Tell = log_decision) -> list[Path]:
    """Find the volumes of a folder, in the order of their phases; none where the folder holds DICOM files.

    Names that say pre-contrast come first, the others in the order of the numbers in them: ``pre.nii.gz``, ``post1.nii.gz``,
    ``post2.nii.gz``, or ``P1_0000.nii.gz``, ``P1_0001.nii.gz``. Names that say mask, segmentation or lesion are passed over.

    Parameters
    ----------
    folder : Path
        One patient's.
    tell : callable
        Called with files that are passed over; logs them when left out.

    Returns
    -------
    list of Path
        For `read_phase_files`.

    Raises
    ------
    InputError
        If the folder does not exist, or holds no file.
    """
    files = find_files(folder)
    volumes = [path for path in files if path.name.lower().endswith(VOLUMES)]
    if not volumes or any(not is_foreign(path) for path in files if path not in volumes):
        return []
    masks = [path for path in volumes if _MASK.search(path.name.lower())]
    if masks and len(masks) < len(volumes):
        names = summarise([printable(path.name) for path in masks])
        why = f"{len(masks)} volumes are masks by their names and are not phases: {names}."
        tell(Decision("files passed over", printable(Path(folder).name), len(masks), why))
        volumes = [path for path in volumes if path not in masks]
    return sorted(volumes, key=lambda path: _order(path.name))


def read_phase_files(
    paths: Sequence[Path], *, pre_contrast: int, seconds: Sequence[float] | None = None, tell: Tell = log_decision
) -> Phases:
    """Read volumes as the phases of a dynamic series: one file per phase, or one of four dimensions or several values per voxel.

    Parameters
    ----------
    paths : sequence of Path
        In the order of time, see `find_phase_files`.
    pre_contrast : int
        How many phases were taken before the injection.
    seconds : sequence of float, shape (n_phases,), optional
        When each phase was taken; left out, it is known only of a file with a fourth axis in seconds.
    tell : callable
        Called with what is decided (the order of the phases); logs it when left out.

    Returns
    -------
    Phases
        Without `sources`: there are no slices.

    Raises
    ------
    InputError
        If a file is damaged, phases lie on different grids or hold no finite signal, or there are fewer than two.
    """
    if not paths:
        raise InputError("No volume was given; name the files of the phases in the order of time.")
    volumes, clock = _volumes(paths, tell)
    if not 1 <= pre_contrast < len(volumes):
        raise InputError(
            f"{_called(paths)}: {len(volumes)} phase(s) with {pre_contrast} of them before contrast; a dynamic series needs at "
            "least one before and one after. Give one volume per phase, or another number of pre-contrast phases."
        )
    evidence = "fourth axis of the file" if len(paths) == 1 else "names of the files"
    if len(paths) > 1:
        why = f"the phases are in the order of their file names: {summarise([printable(path.name) for path in paths], 12)}."
        tell(Decision("phases by file name", printable(paths[0].parent.name), len(paths), why))
    names = name_phases(len(volumes), pre_contrast)
    images = dict(zip(names, volumes, strict=True))
    one_grid(images)
    table = pd.DataFrame(
        {
            "phase": names,
            "role": role_phases(len(volumes), pre_contrast),
            "seconds": clock,
            "seconds_from": "unknown" if np.isnan(clock).any() else "the file's fourth axis",
            "evidence": evidence,
            "images": [volume.GetDepth() for volume in volumes],
            "series": "",
        }
    )
    phases = Phases(images, {}, table)
    return phases if seconds is None else phases.timed(seconds)


def _order(name: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Sort names that say pre-contrast first, and numbers in names by their value."""
    parts = re.split(r"(\d+)", name.lower())
    return not _PRE.search(name.lower()), [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _called(paths: Sequence[Path]) -> str:
    return summarise([printable(path.name) for path in paths])


def _volumes(paths: Sequence[Path], tell: Tell) -> tuple[list[sitk.Image], list[float]]:
    """Read the volumes -> one a phase, and the seconds of each, NaN where unknown."""
    read = [_read(path, tell) for path in paths]
    if len(paths) > 1:
        for path, volume in zip(paths, read, strict=True):
            _check(path, volume)
        return read, [np.nan] * len(read)
    whole = read[0]
    parts = _parts(whole)
    for part in parts:
        _check(paths[0], part)
    step = whole.GetSpacing()[3] if whole.GetDimension() == 4 else np.nan
    return parts, [at * step if step > _SHORTEST_S else np.nan for at in range(len(parts))]


def _read(path: Path, tell: Tell) -> sitk.Image:
    with reading_volume(path):
        if path.name.lower().endswith((".nii", ".nii.gz")):
            volume = read_nifti(path, tell=tell, finite=True)
        else:
            check_volume_file(path)
            volume = sitk.ReadImage(str(path))
    while volume.GetDimension() > 3 and volume.GetSize()[-1] == 1:
        volume = sitk.Extract(volume, [*volume.GetSize()[:-1], 0])
    return volume


def _parts(whole: sitk.Image) -> list[sitk.Image]:
    """Take a volume with a fourth axis, or several values per voxel, apart."""
    if whole.GetDimension() == 4:
        size = [*whole.GetSize()[:3], 0]
        return [sitk.Extract(whole, size, [0, 0, 0, at]) for at in range(whole.GetSize()[3])]
    if whole.GetNumberOfComponentsPerPixel() > 1:
        return [sitk.VectorIndexSelectionCast(whole, at) for at in range(whole.GetNumberOfComponentsPerPixel())]
    return [whole]


def _check(path: Path, volume: sitk.Image) -> None:
    """Refuse what is no volume of one finite number a voxel."""
    if volume.GetDimension() != 3 or volume.GetNumberOfComponentsPerPixel() != 1 or "complex" in volume.GetPixelIDTypeAsString():
        kind = f"{volume.GetDimension()} axes, {volume.GetPixelIDTypeAsString()}"
        raise InputError(f"{printable(path.name)} is not a phase ({kind}); give 3D volumes of one number per voxel.")
    values = sitk.GetArrayViewFromImage(volume)
    lost = int((~np.isfinite(values)).sum()) if values.dtype.kind == "f" else 0
    if lost:
        raise InputError(f"{printable(path.name)} holds {lost:,} voxel(s) that are not finite numbers; export the file again.")
