"""One patient a task: images and a mask -> what was measured in the lesions, and the tables of many such tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, told_of
from radiogenomics.features import Backbone
from radiogenomics.study.manifest.schema import Extraction
from radiogenomics.study.measuring import lesion as measurement

Lesions = dict[int, measurement.Measured]
"""What was measured in a patient, by the index of the lesion; one alone unless each lesion is measured."""

KEPT = (measurement.Measured, Decision)
"""The classes that a kept result may hold."""


@dataclass(frozen=True)
class Patient:
    """Whose lesions are measured, and where images and mask lie."""

    patient: str
    images: Path
    mask: Path
    random_state: int


def measure_patient(settings: Extraction, parameters: Path | None, networks: Mapping[str, Backbone], task: Patient) -> Lesions:
    """Measure the lesions of one patient; what was decided stands with the first of them.

    Parameters
    ----------
    settings : Extraction
        What to measure, and what of several lesions counts.
    parameters : Path, optional
        A PyRadiomics parameter file instead of `features.PARAMETERS`.
    networks : mapping of str to features.Backbone
        Every deep network, by the name of its table.
    task : Patient
        Images and mask.

    Returns
    -------
    dict of int to Measured
        Where each lesion is measured, one that cannot be is left out, and a decision says so.

    Raises
    ------
    InputError
        If images or mask are damaged, or no lesion can be measured.
    """
    decisions: list[Decision] = []
    tell = told_of(task.patient, decisions)
    lesions = measurement.read_lesions(task.images, task.mask, settings=settings, tell=tell)
    measured = measure_lesions(
        lesions, settings=settings, parameters=parameters, networks=networks, random_state=task.random_state, tell=tell
    )
    first, *_ = measured
    return measured | {first: replace(measured[first], decisions=decisions)}


def measure_lesions(
    lesions: Mapping[int, measurement.Lesion],
    *,
    settings: Extraction,
    parameters: Path | None,
    networks: Mapping[str, Backbone],
    random_state: int,
    tell: Tell,
) -> Lesions:
    """Measure the lesions of one patient, see `study.lesion.measure`; of several, those that can be, and at least one."""
    measured: Lesions = {}
    for at, lesion in lesions.items():
        try:
            measured[at] = measurement.measure(
                lesion, settings=settings, parameters=parameters, networks=networks, random_state=random_state, tell=tell
            )
        except InputError as error:
            if at == list(lesions)[-1] and not measured:
                raise
            tell(Decision("lesion left out", "", 1, f"lesion {at} of {len(lesions)} cannot be measured: {error}"))
    return measured


def feature_tables(rows: Mapping[str, measurement.Measured]) -> tuple[dict[str, pd.DataFrame], list[pd.DataFrame]]:
    """Lay what was measured side by side -> a table a kind, and for each what is not finite in it."""
    tables, unknown = {}, []
    for kind in next(iter(rows.values())).numbers:
        table, lost = measurement.finite(patient_table({name: one.numbers[kind] for name, one in rows.items()}))
        tables[kind] = table
        unknown.append(lost)
    return tables, unknown


def fact_table(rows: Mapping[str, measurement.Measured]) -> pd.DataFrame:
    """Lay volume, diameter, number of phases and level of air side by side."""
    return patient_table({name: pd.Series(one.facts) for name, one in rows.items()})


def patient_table(rows: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Make a patient table of one row each."""
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="patient"))


def level_found(facts: pd.DataFrame, settings: Extraction) -> list[Decision]:
    """Say in one row that the level of air was found in each patient's own images."""
    if settings.background is not None or facts.empty:
        return []
    low, high = facts["background"].min(), facts["background"].max()
    why = f"the signal below which a voxel is air was found in each one's own images, {low:.4g} to {high:.4g}"
    return [Decision("level of air found", "lesions: background", len(facts), why)]
