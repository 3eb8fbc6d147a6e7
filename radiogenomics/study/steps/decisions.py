"""What was decided about the data on the way: dropped, joined, imputed, clipped, taken for missing; one row a decision."""

import pandas as pd

from radiogenomics._files import Decision, decision_table
from radiogenomics.expression import Prepared
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.cohort import in_some_tables
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.inputs.suspicions import suspicions
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import measured
from radiogenomics.study.steps.patients import of_cohort


@step(
    makes={"decisions": "what was decided about the data: what, where, how many, why"},
    settings=("training", "external", "expression", "joined", "survival"),
    sources=lambda manifest: manifest.tables(),
)
def decisions(patients: pd.DataFrame, matrix: Prepared, features: Tables, *, settings: Manifest, inputs: Inputs) -> Tables:
    """Gather what was decided when tables were read, expression prepared and features completed, and what to look at."""
    mine = {f"features_{kind}": of_cohort(measured(table), patients, "training") for kind, table in features.items()}
    seen = suspicions(mine, patients.loc[patients["cohort"] == "training", "outcome"])
    parts = [
        inputs.decisions(settings.tables()),
        matrix.decisions,
        decision_table([*in_some_tables(inputs), *seen, *_imputed(features)]),
    ]
    return {"decisions": pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)}


def _imputed(features: Tables) -> list[Decision]:
    """Say of every kind of features how many values are missing: each fit fills them with the median of its own patients."""
    found = []
    for kind, table in features.items():
        gaps = measured(table).isna().sum()
        if gaps.any():
            names = ", ".join(map(str, gaps[gaps > 0].nlargest(3, keep="first").index))
            why = f"missing values of {int((gaps > 0).sum())} feature(s), most in {names}: the median of the patients of each fit"
            found.append(Decision("features imputed", f"features_{kind}", int(gaps.sum()), why))
    return found
