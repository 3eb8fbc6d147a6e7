"""The patients of a cohort: who has features, expression and an outcome."""

import pandas as pd

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
