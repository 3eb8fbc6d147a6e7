"""A cohort's images and masks -> patient tables: one patient a task, finished ones kept, failures beside the tables.

What was measured is kept under a key of all that goes into it, so that a patient who comes, changes or leaves costs no other.
"""

import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd

from radiogenomics import features, lesions
from radiogenomics._errors import InputError
from radiogenomics._files import Decision, decision_table, log_decisions
from radiogenomics._parallel import forget_all_but, parallel_map, release_workers
from radiogenomics._registry import Carrying
from radiogenomics.features import Backbone
from radiogenomics.study.engine.code import code_of, libraries
from radiogenomics.study.engine.context import Run
from radiogenomics.study.engine.results import digest
from radiogenomics.study.inputs.image_checks import FEWEST_READ_TWICE
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.choices import measuring_code
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import Extraction
from radiogenomics.study.measuring import lesion as measurement
from radiogenomics.study.measuring.tasks import KEPT, Lesions, Patient, fact_table, feature_tables, level_found, measure_patient

Reader = Literal["reader", "second_reader"]
Readings = dict[tuple[str, Reader], measurement.Measured]
"""What was measured, by patient and reader."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task(Patient):
    """One patient to measure: of which cohort, drawn by whom, and where images and mask lie."""

    cohort: str
    reader: Reader

    @property
    def name(self) -> str:
        """What the task is called, in progress and in the store."""
        return self.patient if self.reader == "reader" else f"{self.patient}, second reader"


@dataclass(frozen=True)
class Extracted:
    """The tables that the images of all cohorts give.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``features_<kind>`` of all cohorts together, ``second_reader_<kind>``, ``lesions``, ``nonfinite``, ``networks``.
    failures : DataFrame
        ``patient, cohort, step, reason``: who has images and is in no table.
    decisions : DataFrame
        ``what, where, count, why``: what was decided about single patients.
    """

    tables: dict[str, pd.DataFrame]
    failures: pd.DataFrame
    decisions: pd.DataFrame


def extract(settings: Manifest, inputs: Inputs, run: Run) -> Extracted:
    """Measure every lesion of every cohort with images.

    Parameters
    ----------
    settings : Manifest
        What to measure, in whom.
    inputs : Inputs
        Images, masks, parameters and weights.
    run : Run
        Keeps what is finished: a killed study goes on, and a finished one measures only whose images, mask or settings are new.

    Returns
    -------
    Extracted
        Tables and failures. Where the second reader's mask cannot be read, the patient is missing in that reader's tables only.

    Raises
    ------
    ValueError
        If nobody of a cohort can be measured, or too few patients in both readers' masks.
    RunError
        If memory, disk or a killed worker kept a patient from being measured: that is no failure of the patient's.
    """
    extraction = settings.extraction
    tasks, failures = _tasks(settings, inputs)
    parameters = inputs.files[extraction.parameters] if extraction.parameters else None
    networks = measurement.networks_of(extraction, inputs.files, random_state=settings.seed_of("network"))
    keys = {task.name: _key(settings, inputs, networks, task) for task in tasks}
    done = parallel_map(
        Carrying((lesions.READERS, features.BACKBONES), partial(_measure, extraction, parameters, networks)),
        {task.name: task for task in tasks},
        n_jobs=run.n_jobs,
        scheduler=run.scheduler,
        progress=run.tasks("images"),
        keep=run.kept,
        keys=keys,
        of=KEPT,
    )
    release_workers()  # each holds networks and filters, which nothing after this needs
    done.require_finished()
    forget_all_but(keys.values(), run.kept)
    _check_measured(inputs, tasks, done.failures)
    readings = {
        (task.patient, task.reader): next(iter(done.results[task.name].values())) for task in tasks if task.name in done.results
    }
    for task in (task for task in tasks if task.name in done.failures):
        step = "images" if task.reader == "reader" else "images, second reader"
        failures.append((task.patient, task.cohort, step, done.failures[task.name]))
    tables = _tables(readings, {task.patient: task.cohort for task in tasks})
    if networks:
        rows = [[kind, one.name, one.label, one.sha256, len(one.names)] for kind, one in networks.items()]
        tables["networks"] = pd.DataFrame(rows, columns=["kind", "network", "weights", "sha256", "features"])
    named = [one for cohort in settings.cohorts() for one in inputs.named_masks(cohort)]
    decisions = [*named, *_decided(readings), *level_found(tables["lesions"], extraction)]
    log_decisions(decisions, logger)
    lost = pd.DataFrame(failures, columns=["patient", "cohort", "step", "reason"])
    return Extracted(tables, lost, decision_table(decisions))


def _decided(readings: Readings) -> list[Decision]:
    """Gather what was decided about each patient; of the second reader's mask it is said to be."""
    return [
        replace(decision, where=patient if reader == "reader" else f"{patient}, second reader")
        for (patient, reader), one in readings.items()
        for decision in one.decisions
    ]


def _tasks(settings: Manifest, inputs: Inputs) -> tuple[list[Task], list[tuple[str, str, str, str]]]:
    tasks, failures = [], []
    for name, cohort in settings.cohorts().items():
        if not cohort.images:
            continue
        folders = inputs.images(name)
        masks: dict[Reader, dict[str, Path]] = {
            "reader": inputs.masks(name, "reader"),
            "second_reader": inputs.masks(name, "second_reader"),
        }
        failures += [(patient, name, "images", "no mask of the lesion") for patient in folders if patient not in masks["reader"]]
        for reader, drawn in masks.items():
            here = [patient for patient in folders if patient in drawn]
            tasks += [Task(one, folders[one], drawn[one], settings.seed_of(f"shuffle {one}"), name, reader) for one in here]
    return tasks, failures


def _key(settings: Manifest, inputs: Inputs, networks: Mapping[str, Backbone], task: Task) -> str:
    """Hash all that a task's result depends on."""
    cohort = settings.cohorts()[task.cohort]
    extraction = _settings(settings.extraction, task)
    return digest(
        {
            "code": [code_of(measure_patient), libraries(), measuring_code(extraction)],
            "images": inputs.listing(str(cohort.images), task.images),
            "mask": inputs.listing(str(getattr(cohort.masks, task.reader)), task.mask),
            "extraction": extraction.model_dump(),
            "parameters": inputs.hashes[extraction.parameters] if extraction.parameters else None,
            "networks": {kind: [one.label, one.sha256] for kind, one in networks.items()},
            "measurement": measurement.CHOICES,
            "seed": task.random_state,
        }
    )


def _settings(settings: Extraction, task: Task) -> Extraction:
    """Ask repeatability of measurements, not of the null."""
    return settings.model_copy(update={"shuffled": False}) if task.reader == "second_reader" else settings


def _measure(settings: Extraction, parameters: Path | None, networks: Mapping[str, Backbone], task: Task) -> Lesions:
    return measure_patient(_settings(settings, task), parameters, networks, task)


def _check_measured(inputs: Inputs, tasks: list[Task], failures: Mapping[str, str]) -> None:
    """Refuse, before a later step does, a cohort of whom nobody was measured, and too few patients read twice."""
    drawn = {task.name for task in tasks}
    for name, reader in dict.fromkeys((task.cohort, task.reader) for task in tasks):
        asked = [task for task in tasks if (task.cohort, task.reader) == (name, reader)]
        lost = {task: why for task in asked if (why := _why_lost(task, drawn, failures))}
        least = FEWEST_READ_TWICE if reader == "second_reader" else 1
        if len(asked) - len(lost) < least:
            (first, why), *_ = lost.items()
            where = "training" if name == "training" else f"external.{name}"
            source = getattr(inputs.manifest.cohorts()[name].masks, reader)
            remedy = ", or remove masks.second_reader" if reader == "second_reader" else ""
            raise InputError(
                f"{inputs.path}: {where}.masks.{reader} = {source!r}: {len(asked) - len(lost)} of {len(asked)} patients "
                f"could be measured, at least {least} must be; {first.patient}, {first.mask}: {why} "
                f"Correct images and masks{remedy}."
            )


def _why_lost(task: Task, drawn: AbstractSet[str], failures: Mapping[str, str]) -> str:
    """Say why a lesion was not measured, or for the second reader not in the first reader's mask; nothing where it was."""
    if task.patient not in drawn:
        return "the first reader drew no mask."
    return failures.get(task.name) or failures.get(task.patient) or ""


def _tables(readings: Readings, cohorts: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Lay what was measured side by side: a table a kind and reader, the lesions, and what is not finite."""
    tables: dict[str, pd.DataFrame] = {}
    unknown: list[pd.DataFrame] = []
    for reader, name in (("reader", "features"), ("second_reader", "second_reader")):
        rows = {patient: one for (patient, who), one in readings.items() if who == reader}
        if rows:
            made, lost = feature_tables(rows)
            tables |= {f"{name}_{kind}": table for kind, table in made.items()}
            unknown += [part.assign(table=f"{name}_{kind}") for kind, part in zip(made, lost, strict=True)]
    facts = fact_table({patient: one for (patient, who), one in readings.items() if who == "reader"})
    facts.insert(0, "cohort", [cohorts[patient] for patient in facts.index])
    return tables | {"lesions": facts, "nonfinite": pd.concat(unknown, ignore_index=True)}
