"""Simulated patients -> the files of a study: DICOM series as scanners write them, masks by two readers, a few damaged ones."""

import re
import zlib
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics import images
from radiogenomics._errors import InputError
from radiogenomics._files import is_half_written
from radiogenomics._parallel import Progress, parallel_map
from radiogenomics._tables import summarise
from radiogenomics.images.writing import Timing
from radiogenomics.simulate.breast import SECONDS, SHAPE, SPACING, acquire, grow_breast, place, shade
from radiogenomics.simulate.lesion import Lesion, Mask, enhance, grow_lesion, redraw
from radiogenomics.simulate.tables import Simulated, volume_mm3

_SLICE = re.compile(r"\d+-\d{3,}\.dcm")
"""How `images.write_dicom` calls its files."""
_LOST_SLICE = 9  # of the first post-contrast phase, counted from 1


@dataclass(frozen=True)
class Scanner:
    """How one make of scanner writes a dynamic series: which tags tell the phases apart, and what else differs."""

    timing: tuple[Timing, ...]
    tags: dict[str, str]


SCANNERS = {
    "GE": Scanner(("ContentTime",), {"Manufacturer": "GE MEDICAL SYSTEMS", "MagneticFieldStrength": "15000"}),
    "Siemens": Scanner(("AcquisitionTime",), {"Manufacturer": "SIEMENS", "MagneticFieldStrength": "1.494"}),
    "Philips": Scanner(("TriggerTime",), {"Manufacturer": "Philips Medical Systems", "MagneticFieldStrength": "1.5"}),
    "GE numbered": Scanner(("TemporalPositionIdentifier", "AcquisitionTime"), {"Manufacturer": "GE MEDICAL SYSTEMS"}),
}
"""The conventions that the patients take in turn; the last numbers its phases beside timing them."""


@dataclass(frozen=True)
class ImageFolders:
    """Where the simulated images lie, and what was drawn into them.

    Attributes
    ----------
    folder : Path
        Holds ``<cohort>/dicom/<patient>/*.dcm``, ``<cohort>/masks/<patient>.nii.gz`` and, for some patients of the training
        cohort, ``<cohort>/second_reader/<patient>.nii.gz``.
    patients : dict of str to DataFrame
        Cohort name -> one row per patient: ``scanner`` (of `SCANNERS`), ``second_reader`` (whether there is a second mask),
        ``damage`` (of `DAMAGES`, or empty), and what was drawn: ``volume_mm3``, ``contrast`` (SD of the enhancement inside
        the lesion), ``peak`` (enhancement it tends to), ``fill_seconds``, ``washout`` (per second).
    """

    folder: Path
    patients: dict[str, pd.DataFrame]

    def dicom(self, cohort: str) -> Path:
        """Give the folder with one folder of DICOM files per patient."""
        return self.folder / cohort / "dicom"

    def masks(self, cohort: str) -> Path:
        """Give the folder with the first reader's masks."""
        return self.folder / cohort / "masks"

    def second_reader(self, cohort: str) -> Path:
        """Give the folder with the second reader's masks."""
        return self.folder / cohort / "second_reader"


@dataclass(frozen=True)
class _Task:
    """One patient to draw and write."""

    patient: str
    properties: dict[str, float]
    volume_mm3: float
    scanner: str
    second_reader: bool
    damage: str
    folder: Path
    random_state: int


def write_images(
    made: Simulated,
    folder: Path,
    *,
    second_reader: int,
    random_state: int,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> ImageFolders:
    """Draw the lesions of simulated patients and write their images -> DICOM series, masks of two readers, and the truth.

    Every patient has one dynamic series of a breast in miniature (sagittal, 16 slices of 64 x 64 voxels, 2.5 x 1.5 x 1.5 mm, one
    phase before and three after contrast). Volume follows `size` as in `volume_mm3`, the unevenness of the enhancement
    `heterogeneity` (r 0.82), and peak, speed and washout follow `perfusion` (r 0.95); the rest is the patient's own. The first
    reader draws the lesion as it is; the second moves the border by about a voxel.

    Parameters
    ----------
    made : Simulated
        From `simulate`; its damaged patients get images that cannot be used.
    folder : Path
        Made when missing. Slices of an earlier simulation of the same patients are replaced; a patient's folder with other
        files is refused.
    second_reader : int
        How many patients of the training cohort, from the first on, a second reader draws too.
    random_state : int
        Seeds the images. Each patient has their own generator, so the files do not depend on `n_jobs` or on the others.
    n_jobs : int
        Processes.
    progress : callable, optional
        Called as ``progress(done, total, patient)``.

    Returns
    -------
    ImageFolders
        Folders and what was drawn.

    Raises
    ------
    ValueError
        If `made` has no lesions, or fewer whole patients in the training cohort than the second reader shall draw.
    RuntimeError
        If a patient cannot be written, a full disk for instance.
    """
    folder = Path(folder)
    _check(made, second_reader)
    tasks = {name: _tasks(made, name, folder / name, second_reader, random_state) for name in made.lesions}
    every = {task.patient: task for cohort in tasks.values() for task in cohort}
    facts = parallel_map(_write_patient, every, n_jobs=n_jobs, progress=progress).require()
    tables = {
        name: pd.DataFrame([facts[task.patient] for task in cohort], index=made.lesions[name].index)
        for name, cohort in tasks.items()
    }
    return ImageFolders(folder, tables)


def _check(made: Simulated, second_reader: int) -> None:
    if not made.lesions:
        raise InputError("`made` holds no lesions to draw; make it with simulate().")
    whole = len(made.lesions["training"]) - len(made.damaged)
    if not 0 <= second_reader <= whole:
        raise InputError(
            f"`second_reader` is {second_reader}, the training cohort has {whole} whole patients; give 0 to {whole}."
        )
    twice = made.lesions["training"].index.intersection(made.lesions["external"].index)
    if len(twice):
        raise InputError(f"Patient(s) {summarise(twice)} are in both cohorts; name them apart.")


def _tasks(made: Simulated, cohort: str, folder: Path, second_reader: int, random_state: int) -> list[_Task]:
    lesions = made.lesions[cohort]
    drawn_twice = set(lesions.index[:second_reader]) if cohort == "training" else set()
    rows = zip(lesions.to_dict("records"), volume_mm3(lesions), lesions.index, cycle(SCANNERS), strict=False)
    return [
        _Task(
            patient=patient,
            properties=cast(dict[str, float], properties),
            volume_mm3=volume,
            scanner=scanner,
            second_reader=patient in drawn_twice,
            damage=made.damaged.get(patient, ""),
            folder=folder,
            random_state=random_state,
        )
        for properties, volume, patient, scanner in rows
    ]


def _write_patient(task: _Task) -> dict[str, object]:
    """Draw and write one patient -> what was drawn."""
    rng = np.random.default_rng([task.random_state, zlib.crc32(task.patient.encode())])
    lesion, phases, origin = _draw(task, rng)
    dicom = task.folder / "dicom" / task.patient
    _clear(dicom)
    _write_series(task, [place(phase, origin) for phase in phases], dicom)
    images.write_volume(_mask(task, lesion.mask, origin), task.folder / "masks" / f"{task.patient}.nii.gz")
    if task.second_reader:
        second = place(redraw(lesion.mask, rng).astype(np.uint8), origin)
        images.write_volume(second, task.folder / "second_reader" / f"{task.patient}.nii.gz")
    return {
        "scanner": task.scanner,
        "second_reader": task.second_reader,
        "damage": task.damage,
        "volume_mm3": float(lesion.mask.sum() * np.prod(SPACING)),
        "contrast": lesion.contrast,
        "peak": lesion.peak,
        "fill_seconds": lesion.fill_seconds,
        "washout": lesion.washout,
    }


def _clear(dicom: Path) -> None:
    """Remove the slices of another simulation, which must not stand among the new ones; refuse a folder with other files."""
    files = list(dicom.glob("*"))
    others = [path.name for path in files if not (path.is_file() and (_SLICE.fullmatch(path.name) or is_half_written(path)))]
    if others:
        raise InputError(f"{dicom} holds {summarise(others, 3)}, which no simulation wrote; give another folder.")
    for path in files:
        path.unlink()


def _draw(task: _Task, rng: np.random.Generator) -> tuple[Lesion, list[np.ndarray], tuple[float, ...]]:
    breast = grow_breast(rng)
    lesion = grow_lesion(task.properties, task.volume_mm3, breast, rng)
    shading, before = shade(rng), float(230 * np.exp(rng.normal(0, 0.03)))
    phases = [acquire(enhance(breast, lesion, seconds=second, before=before), shading, rng) for second in SECONDS]
    origin = tuple(np.round(rng.uniform((40, -140, 30), (80, -120, 60)), 2))
    return lesion, phases, origin


def _write_series(task: _Task, phases: list[sitk.Image], folder: Path) -> None:
    if task.damage == "one phase only":
        phases = phases[:1]
    scanner = SCANNERS[task.scanner]
    texts = {"StudyDescription": "simulated", "SeriesDescription": "DYNAMIC simulated", "SeriesNumber": "3"}
    paths = images.write_dicom(
        phases,
        folder,
        patient=task.patient,
        seconds=SECONDS[: len(phases)],
        timing=scanner.timing,
        tags=texts | scanner.tags,
    )
    if task.damage == "a slice is missing":
        paths[SHAPE[0] + _LOST_SLICE - 1].unlink()


def _mask(task: _Task, drawn: Mask, origin: tuple[float, ...]) -> sitk.Image:
    """Give the first reader's mask, damaged where it shall be."""
    mask = place(drawn.astype(np.uint8), origin)
    if task.damage == "mask is empty":
        return sitk.Image(mask) * 0
    if task.damage == "mask outside the image":
        beyond = (2 * SHAPE[2], 0, 0)
        mask.SetOrigin(mask.TransformIndexToPhysicalPoint(beyond))
    if task.damage == "mask on another grid":
        return images.resample(mask, spacing_mm=(1.0, 1.0, 1.0), interpolation="nearest")
    return mask
