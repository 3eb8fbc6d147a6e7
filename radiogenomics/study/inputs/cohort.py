"""The patients of a cohort: who has features, expression and an outcome."""

import pandas as pd

from radiogenomics._files import Decision
from radiogenomics._tables import summarise
from radiogenomics.cohort import Cohort, assemble
from radiogenomics.study.inputs.sources import Inputs


def build_cohort(inputs: Inputs, name: str, patients: pd.Index) -> Cohort:
    """Assemble one cohort of the patients with features: expression where it is the training one, and outcome."""
    manifest = inputs.manifest
    clinical = inputs.clinical(name)
    # The outcome's own column is no description of the patients beside the outcome.
    columns = [column for column in manifest.described() if column in clinical]
    further = [inputs.joined(table) for table in manifest.joined] if name == "training" else []
    return assemble(
        name,
        features=patients,
        outcome=inputs.outcome(name, patients),
        outcome_name=manifest.outcome.name,
        clinical=pd.concat([clinical[columns].reindex(patients), *(table.reindex(patients) for table in further)], axis=1),
        expression=inputs.expression.index if name == "training" else None,
    )


def lacking_features(inputs: Inputs, name: str) -> dict[str, list[str]]:
    """Find the patients whom one table of features of a cohort has and another has not -> the kinds that each lacks."""
    tables = {kind: inputs.features(name, kind).index for kind in inputs.manifest.cohorts()[name].features}
    everybody = dict.fromkeys(patient for index in tables.values() for patient in index)
    lacking = {patient: [kind for kind, index in tables.items() if patient not in index] for patient in everybody}
    return {patient: kinds for patient, kinds in lacking.items() if kinds}


def in_some_tables(inputs: Inputs) -> list[Decision]:
    """Tell of the patients who are left out since a table of features lacks them."""
    decisions = []
    for name in inputs.manifest.cohorts():
        lacking = lacking_features(inputs, name)
        if lacking:
            whom = summarise((f"{patient} (no {', '.join(kinds)})" for patient, kinds in lacking.items()), 5)
            decisions.append(Decision("patients left out", name, len(lacking), f"not in every table of features: {whom}"))
    return decisions
