"""One patient's folder -> the dynamic series in it, from DICOM or from volumes of other programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogenomics import images
from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.study.manifest.schema import Extraction

METRIC: images.Metric = "mutual information"
INTERPOLATION: images.Interpolation = "linear"


@dataclass(frozen=True)
class Examination:
    """What lies in one patient's folder.

    Attributes
    ----------
    patient : str
        PatientID; the folder's name where the phases are no DICOM.
    series : list of images.Series
        Every series; empty where the phases are no DICOM.
    phases : images.Phases
        The dynamic series, aligned where that is asked for.
    motion : DataFrame or None
        How far each phase had moved.
    """

    patient: str
    series: list[images.Series]
    phases: images.Phases
    motion: pd.DataFrame | None


def read_examination(folder: Path, *, settings: Extraction, patient: str | None = None, tell: Tell = log_decision) -> Examination:
    """Read one patient's folder: DICOM files, or NIfTI, NRRD or MetaImage volumes, one a phase.

    Parameters
    ----------
    folder : Path
        With its subfolders.
    settings : Extraction
        ``series``, ``content``, ``derived``, ``pre_contrast``, ``seconds`` and ``register_phases`` are used.
    patient : str, optional
        PatientID, where the folder holds DICOM files of several patients.
    tell : callable
        Called with what is decided; logs it when left out.

    Returns
    -------
    Examination
        Patient, series and phases.

    Raises
    ------
    InputError
        If files are damaged, there is no dynamic series or a choice among several, or the folder holds several patients and
        none was chosen.
    """
    files = images.find_phase_files(folder, tell=tell)
    if files:
        phases = images.read_phase_files(files, pre_contrast=settings.pre_contrast, seconds=settings.seconds, tell=tell)
        phases, motion = registered(phases, tell=tell) if settings.register_phases else (phases, None)
        return Examination(Path(folder).name, [], phases, motion)
    series = _of_one_patient(images.find_series(folder, tell=tell), folder, patient)
    dynamic = images.dynamic_series(series, number=settings.series, content=settings.content, derived=settings.derived)
    phases = images.read_phases(dynamic, pre_contrast=settings.pre_contrast, tell=tell)
    phases = phases if settings.seconds is None else phases.timed(settings.seconds)
    phases, motion = registered(phases, tell=tell) if settings.register_phases else (phases, None)
    return Examination(dynamic[0].header.get("PatientID", ""), series, phases, motion)


def registered(phases: images.Phases, *, tell: Tell = log_decision) -> tuple[images.Phases, pd.DataFrame]:
    """Align the phases with the last pre-contrast one -> the phases, and how far each had moved."""
    reference = phases.table.loc[phases.table["role"] == "pre-contrast", "phase"].iloc[-1]
    aligned = images.register_phases(phases.images, reference=reference, metric=METRIC, interpolation=INTERPOLATION)
    far, moved = aligned.motion["shift_mm"].max(), len(phases.images) - 1
    why = f"{moved} phases were moved onto {reference}, by up to {far:.2f} mm, and resampled ({INTERPOLATION})."
    tell(Decision("phases aligned", "", moved, why))
    return images.Phases(aligned.images, phases.sources, phases.table), aligned.motion


def _of_one_patient(series: Sequence[images.Series], folder: Path, patient: str | None) -> list[images.Series]:
    """Take the series of one patient; where there are several, the patient must be named."""
    there = sorted({one.header.get("PatientID", "") for one in series if one.kind == "image"})
    if patient is not None:
        mine = [one for one in series if one.header.get("PatientID", "") == patient]
        if not mine:
            raise InputError(
                f"{folder} holds images of {summarise(map(repr, there))}, none of patient {patient!r}; name one of them."
            )
        return mine
    if len(there) > 1:
        raise InputError(
            f"{folder} holds images of {len(there)} patients ({summarise(map(repr, there))}). Choose one (--patient, `patient`), "
            "or give each a folder: `radiogenomics features` measures all of them."
        )
    return list(series)
