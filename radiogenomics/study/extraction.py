"""A cohort's images and masks -> patient tables: one patient a task, finished ones kept, failures beside the tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from radiogenomics._parallel import fan_out
from radiogenomics.study import measurement
from radiogenomics.study.plan import Plan
from radiogenomics.study.sections import Extraction, Network
from radiogenomics.study.store import Store

Reader = Literal["reader", "second_reader"]
Readings = dict[tuple[str, Reader], measurement.Measured]
"""What was measured, by patient and reader."""

Facts = tuple[Network, tuple[tuple[str, Any], ...], int]
"""A network: its name, what gives it its weights, and a seed."""

_BATCH = 16


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
    done = fan_out(
        partial(_measure, chosen, plan.inputs.files[chosen.parameters] if chosen.parameters else None),
        {task.name: task for task in tasks},
        n_jobs=plan.n_jobs,
        scheduler=plan.scheduler,
        progress=plan.tasks("images"),
        keep=store.work("images", settings),
    )
    readings = {(task.patient, task.reader): done.results[task.name] for task in tasks if task.name in done.results}
    for task in (task for task in tasks if task.name in done.failures):
        step = "images" if task.reader == "reader" else "images, second reader"
        failures.append((task.patient, task.cohort, step, done.failures[task.name]))
    if not any(reader == "reader" for _, reader in readings):
        raise ValueError(
            f"no lesion could be measured; the first of {len(failures)} failures: {failures[0][0]}: {failures[0][3]}"
        )
    deep, networks = _deep(plan, store, readings, settings)
    tables = _tables(readings, deep, {task.patient: task.cohort for task in tasks})
    return Extracted(
        tables | ({"networks": networks} if chosen.deep else {}),
        pd.DataFrame(failures, columns=["patient", "cohort", "step", "reason"]),
    )


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


def _measure(settings: Extraction, parameters: Path | None, task: Task) -> measurement.Measured:
    lesion = measurement.read_lesion(task.images, task.mask, settings=settings)
    return measurement.measure(lesion, settings=settings, parameters=parameters, seed=task.seed)


def _deep(
    plan: Plan, store: Store, readings: Readings, settings: Mapping[str, Any]
) -> tuple[dict[str, dict[tuple[str, Reader], pd.Series]], pd.DataFrame]:
    """Send the crops through every network, a batch a task -> features by kind, and what each network is."""
    made: dict[str, dict[tuple[str, Reader], pd.Series]] = {}
    networks = []
    for kind, (network, weights) in plan.networks().items():
        facts = (network, tuple(weights.items()), plan.seed("network"))
        done = fan_out(
            partial(_through, facts),
            dict(_batches(readings)),
            n_jobs=plan.n_jobs,
            scheduler=plan.scheduler,
            progress=plan.tasks(kind),
            keep=store.work(kind, settings),
        ).require()
        rows = [row for batch in done.values() for row in batch]
        model = _network(facts)
        made[kind] = {key: pd.Series(row, index=model.names) for key, row in zip(readings, rows, strict=True)}
        networks.append([kind, network, model.label, len(model.names)])
    return made, pd.DataFrame(networks, columns=["kind", "network", "weights", "features"])


def _batches(readings: Readings) -> Iterator[tuple[str, np.ndarray]]:
    crops = [one.crop for one in readings.values() if one.crop is not None]
    for first in range(0, len(crops), _BATCH):
        yield f"lesions {first + 1} to {min(first + _BATCH, len(crops))}", np.stack(crops[first : first + _BATCH])


def _through(facts: Facts, crops: np.ndarray) -> np.ndarray:
    found: np.ndarray = _network(facts).extract(crops, batch_size=_BATCH)
    return found


@lru_cache(maxsize=2)
def _network(facts: Facts) -> Any:
    """Build a network once a process."""
    network, weights, seed = facts
    return measurement.backbone(network, dict(weights), seed=seed)


def _tables(
    readings: Readings, deep: dict[str, dict[tuple[str, Reader], pd.Series]], cohorts: Mapping[str, str]
) -> dict[str, pd.DataFrame]:
    kinds: dict[str, dict[tuple[str, Reader], pd.Series]] = {kind: {} for one in readings.values() for kind in one.numbers}
    for key, one in readings.items():
        for kind, numbers in one.numbers.items():
            kinds[kind][key] = numbers
    tables, unknown = {}, []
    for kind, rows in (kinds | deep).items():
        for reader, name in (("reader", "features"), ("second_reader", "second_reader")):
            mine = {patient: row for (patient, who), row in rows.items() if who == reader}
            if mine:
                table, lost = measurement.finite(_patients(mine))
                tables[f"{name}_{kind}"] = table
                unknown.append(lost.assign(table=f"{name}_{kind}"))
    facts = _patients({patient: pd.Series(one.facts) for (patient, who), one in readings.items() if who == "reader"})
    facts.insert(0, "cohort", [cohorts[patient] for patient in facts.index])
    return tables | {"lesions": facts, "nonfinite": pd.concat(unknown, ignore_index=True)}


def _patients(rows: Mapping[str, pd.Series]) -> pd.DataFrame:
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="patient"))
