"""Folders of images and masks -> tables of features: a cohort without expression, or of too few patients for a study."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics import features, lesions
from radiogenomics._errors import InputError
from radiogenomics._files import (
    Decision,
    decision_table,
    files_below,
    log_decisions,
    make_folder,
    sha256,
    voxel_files,
    write_table,
    write_text,
)
from radiogenomics._parallel import Progress, forget_all_but, parallel_map, release_workers
from radiogenomics._registry import Carrying
from radiogenomics._tables import summarise
from radiogenomics.features import Backbone
from radiogenomics.study.engine.code import code_of, libraries
from radiogenomics.study.engine.results import digest
from radiogenomics.study.inputs.members import masks_of, members
from radiogenomics.study.manifest.choices import measuring_code
from radiogenomics.study.manifest.schema import Extraction
from radiogenomics.study.measuring import lesion as measurement
from radiogenomics.study.measuring.tasks import KEPT, Lesions, Patient, fact_table, feature_tables, level_found, measure_patient
from radiogenomics.study.patient import extraction_of, local_networks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeasuredFolder:
    """What was measured in a folder of patients.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``features_radiomics``, ``features_kinetics`` and one a network, ``lesions``, ``nonfinite``, ``left_out`` (who is in no
        table, and why) and ``decisions``. Index `patient`; where each lesion is measured, a column ``lesion`` comes first.
    files : list of Path
        Everything that was written.
    """

    tables: dict[str, pd.DataFrame]
    files: list[Path]


def measure_folder(
    folder: Path,
    *,
    masks: Path,
    out: Path,
    parameters: Path | None = None,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
    **chosen: Any,
) -> MeasuredFolder:
    """Measure the lesions of every patient of a folder, and write the tables.

    Parameters
    ----------
    folder : Path
        One folder per patient, named after the patient: DICOM files, or NIfTI, NRRD or MetaImage volumes, one per phase.
    masks : Path
        One mask per patient, or one folder with a mask, named after the patient.
    out : Path
        Where ``tables/`` and ``settings.json`` go. What is measured is kept in ``kept/``: the same call goes on after a kill, and
        measures only whose images, mask or settings are new.
    parameters : Path, optional
        A PyRadiomics parameter file instead of `features.PARAMETERS`.
    n_jobs : int
        Processes on this machine; -1 for every core.
    scheduler : str or dask.distributed.Client, optional
        A Dask cluster, instead of `n_jobs`.
    progress : callable, optional
        Called as ``progress(done, total, name)`` after each patient.
    **chosen
        Keys of the section ``extraction`` of a manifest: ``lesions``, ``deep``, ``shuffled``, ``register_phases``...

    Returns
    -------
    MeasuredFolder
        Tables and files.

    Raises
    ------
    InputError
        If the folders or settings cannot be used, or nobody can be measured.
    RunError
        If memory, disk or a killed worker kept a patient from being measured; the same call goes on.
    """
    settings = extraction_of(**chosen)
    if not (settings.radiomics or settings.kinetics or settings.deep):
        raise InputError("Nothing is measured; leave radiomics or kinetics on, or name a network under deep.")
    networks = local_networks(settings, parameters)
    tasks, left_out, named = _tasks(Path(folder), Path(masks))
    out = make_folder(out, "the results' folder")
    keys = {name: _key(settings, parameters, networks, task) for name, task in tasks.items()}
    done = parallel_map(
        Carrying((lesions.READERS, features.BACKBONES), partial(measure_patient, settings, parameters, networks)),
        tasks,
        n_jobs=n_jobs,
        scheduler=scheduler,
        progress=progress,
        keep=out / "kept",
        keys=keys,
        of=KEPT,
    )
    release_workers()
    done.require_finished()
    forget_all_but(keys.values(), out / "kept")
    left_out += done.failures.items()
    if not done.results:
        patient, why = left_out[0]
        raise InputError(f"{folder}: none of {len(left_out)} patients could be measured; {patient}: {why}")
    tables = _tables(done.results, settings)
    tables["left_out"] = pd.DataFrame(left_out, columns=["patient", "reason"])
    decisions = [*named, *_decided(done.results, left_out, tables["lesions"], settings)]
    log_decisions(decisions, logger)
    tables["decisions"] = decision_table(decisions)
    files = [path for name, table in tables.items() for path in write_table(table, out / "tables" / name)]
    facts = {
        "extraction": settings.model_dump(),
        "parameters": (parameters or features.PARAMETERS).name,
        "networks": {kind: network.label for kind, network in networks.items()},
        **measurement.CHOICES,
    }
    write_text(out / "settings.json", json.dumps(facts, indent=2) + "\n")
    return MeasuredFolder(tables, [*files, out / "settings.json"])


def _tasks(folder: Path, masks: Path) -> tuple[dict[str, Patient], list[tuple[str, str]], list[Decision]]:
    """Bring images and masks together by patient -> whom to measure, who has no mask, and which masks are called otherwise."""
    have = members(folder, folders=True)
    drawn, named = masks_of(have, members(masks, folders=False), masks)
    if not drawn:
        raise InputError(f"{masks} holds no mask; give a folder with one mask per patient, named after the patient's folder.")
    if not have:
        raise InputError(f"{folder} holds no folder; give a folder with one folder of images per patient.")
    both = [patient for patient in have if patient in drawn]
    if not both:
        raise InputError(
            f"No patient has a mask: images are of {summarise(list(have), 2)}, masks of {summarise(list(drawn), 2)}; name every "
            "mask after its patient's folder."
        )
    strangers = [patient for patient in drawn if patient not in have]
    if strangers:
        raise InputError(f"{masks}: masks of {summarise(strangers)} belong to no folder of images; rename or remove them.")
    tasks = {patient: Patient(patient, have[patient], drawn[patient], _seed(patient)) for patient in both}
    return tasks, [(patient, "no mask of the lesion") for patient in have if patient not in drawn], named


def _seed(patient: str) -> int:
    """Derive the seed of the shuffled copies from the patient's name, so that no other patient changes it."""
    return int(digest({"shuffle": patient})[:8], 16)


def _key(settings: Extraction, parameters: Path | None, networks: Mapping[str, Backbone], task: Patient) -> str:
    """Hash all that a patient's result depends on."""
    return digest(
        {
            "code": [code_of(measure_patient), libraries(), measuring_code(settings)],
            "images": _listing(task.images),
            "mask": _listing(task.mask),
            "extraction": settings.model_dump(),
            "parameters": sha256(parameters) if parameters else None,
            "networks": {kind: [one.label, one.sha256] for kind, one in networks.items()},
            "measurement": measurement.CHOICES,
            "patient": [task.patient, task.random_state],
        }
    )


def _listing(place: Path) -> dict[str, str]:
    files = [place] if place.is_file() else files_below(place)
    named = [voxels for path in files for voxels in voxel_files(path) if voxels.is_file()]
    return {os.path.relpath(path, place.parent): sha256(path) for path in dict.fromkeys([*files, *named])}


def _tables(results: Mapping[str, Lesions], settings: Extraction) -> dict[str, pd.DataFrame]:
    """Lay everybody's numbers side by side, one row per patient or lesion."""
    several = settings.lesions == "each"
    rows = {(patient, at): one for patient, found in results.items() for at, one in found.items()}
    named = {f"{patient}, lesion {at}" if several else patient: one for (patient, at), one in rows.items()}
    made, unknown = feature_tables(named)
    tables = {f"features_{kind}": table for kind, table in made.items()} | {"lesions": fact_table(named)}
    if several:
        patients = pd.Index([patient for patient, _ in rows], name="patient")
        tables = {name: table.set_axis(patients) for name, table in tables.items()}
        for table in tables.values():
            table.insert(0, "lesion", [at for _, at in rows])
    lost = [part.assign(table=f"features_{kind}") for kind, part in zip(made, unknown, strict=True)]
    return tables | {"nonfinite": pd.concat(lost, ignore_index=True)}


def _decided(
    results: Mapping[str, Lesions], left_out: list[tuple[str, str]], facts: pd.DataFrame, settings: Extraction
) -> list[Decision]:
    mine = [decision for found in results.values() for one in found.values() for decision in one.decisions]
    return [*(Decision("patient left out", patient, 1, why) for patient, why in left_out), *mine, *level_found(facts, settings)]
