"""A cohort's images and masks -> patient tables: one patient a task, finished ones kept, failures beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radiogenomics._parallel import fan_out, release_workers
from radiogenomics.features import Backbone
from radiogenomics.study import measurement
from radiogenomics.study.plan import Plan
from radiogenomics.study.sections import Extraction
from radiogenomics.study.store import Store

Reader = Literal["reader", "second_reader"]
Readings = dict[tuple[str, Reader], measurement.Measured]
"""What was measured, by patient and reader."""


@dataclass(frozen=True)
class Task:
    """One lesion to measure: whose, drawn by whom, and where it lies."""

    patient: str
    cohort: str
    reader: Reader
    images: Path
    mask: Path
    seed: int

    @property
    def name(self) -> str:
        """What the task is called, in progress and in the store."""
        return self.patient if self.reader == "reader" else f"{self.patient}, second reader"


@dataclass(frozen=True)
class Extracted:
    """The tables that images give.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``features_<kind>`` of all cohorts together, ``second_reader_<kind>``, ``lesions``, ``nonfinite``, ``networks``.
    failures : DataFrame
        ``patient, cohort, step, reason``: who has images and is in no table.
    """

    tables: dict[str, pd.DataFrame]
    failures: pd.DataFrame


def extract(plan: Plan, store: Store, *, settings: Mapping[str, Any]) -> Extracted:
    """Measure every lesion of every cohort with images.

    Parameters
    ----------
    plan : Plan
        The study.
    store : Store
        Keeps what is finished, so that a killed study goes on.
    settings : mapping
        Everything that goes in; kept results of other settings are not taken.

    Returns
    -------
    Extracted
        Tables and failures. Where the second reader's mask cannot be read, the patient is missing in that reader's tables only.
    """
    chosen = plan.inputs.manifest.extraction
    tasks, failures = _tasks(plan)
    parameters = plan.inputs.files[chosen.parameters] if chosen.parameters else None
    networks = measurement.networks_of(chosen, plan.inputs.files, seed=plan.seed("network"))
    done = fan_out(
        partial(_measure, chosen, parameters, networks),
        {task.name: task for task in tasks},
        n_jobs=plan.n_jobs,
        scheduler=plan.scheduler,
        progress=plan.tasks("images"),
        keep=store.work("images", settings),
    )
    release_workers()  # each holds networks and filters, which nothing after this needs
    readings = {(task.patient, task.reader): done.results[task.name] for task in tasks if task.name in done.results}
    for task in (task for task in tasks if task.name in done.failures):
        step = "images" if task.reader == "reader" else "images, second reader"
        failures.append((task.patient, task.cohort, step, done.failures[task.name]))
    if not any(reader == "reader" for _, reader in readings):
        raise ValueError(
            f"no lesion could be measured; the first of {len(failures)} failures: {failures[0][0]}: {failures[0][3]}"
        )
    tables = _tables(readings, {task.patient: task.cohort for task in tasks})
    if networks:
        rows = [[kind, one.name, one.label, one.sha256, len(one.names)] for kind, one in networks.items()]
        tables["networks"] = pd.DataFrame(rows, columns=["kind", "network", "weights", "sha256", "features"])
    return Extracted(tables, pd.DataFrame(failures, columns=["patient", "cohort", "step", "reason"]))


def _tasks(plan: Plan) -> tuple[list[Task], list[tuple[str, str, str, str]]]:
    tasks, failures = [], []
    for name, cohort in plan.inputs.manifest.cohorts().items():
        if not cohort.images:
            continue
        folders = plan.inputs.images(name)
        masks: dict[Reader, dict[str, Path]] = {
            "reader": plan.inputs.masks(name, "reader"),
            "second_reader": plan.inputs.masks(name, "second_reader"),
        }
        failures += [(patient, name, "images", "no mask of the lesion") for patient in folders if patient not in masks["reader"]]
        for reader, drawn in masks.items():
            here = [patient for patient in folders if patient in drawn]
            tasks += [Task(one, name, reader, folders[one], drawn[one], plan.seed(f"shuffle {one}")) for one in here]
    return tasks, failures


def _measure(settings: Extraction, parameters: Path | None, networks: Mapping[str, Backbone], task: Task) -> measurement.Measured:
    if task.reader == "second_reader":
        settings = settings.model_copy(update={"shuffled": False})  # repeatability is asked of measurements, not of the null
    lesion = measurement.read_lesion(task.images, task.mask, settings=settings)
    return measurement.measure(lesion, settings=settings, parameters=parameters, networks=networks, seed=task.seed)


def _tables(readings: Readings, cohorts: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Lay what was measured side by side: a table a kind and reader, the lesions, and what is not finite."""
    tables, unknown = {}, []
    for kind in next(iter(readings.values())).numbers:
        for reader, name in (("reader", "features"), ("second_reader", "second_reader")):
            rows = {patient: one.numbers[kind] for (patient, who), one in readings.items() if who == reader}
            if rows:
                table, lost = measurement.finite(_patients(rows))
                tables[f"{name}_{kind}"] = table
                unknown.append(lost.assign(table=f"{name}_{kind}"))
    facts = _patients({patient: pd.Series(one.facts) for (patient, who), one in readings.items() if who == "reader"})
    facts.insert(0, "cohort", [cohorts[patient] for patient in facts.index])
    return tables | {"lesions": facts, "nonfinite": pd.concat(unknown, ignore_index=True)}


def _patients(rows: Mapping[str, pd.Series]) -> pd.DataFrame:
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="patient"))
