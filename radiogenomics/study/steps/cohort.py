"""Who is in: the table of patients, the flow of inclusion, and who was left out."""

import pandas as pd

from radiogenomics.cohort import Cohort
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.cohort import build_cohort, lacking_features
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest


def _sources(manifest: Manifest) -> list[str]:
    named = [source for one in manifest.cohorts().values() for source in one.sources()]
    return [*named, manifest.expression.source, *(joined.source for joined in manifest.joined.values())]


@step(
    makes={
        "patients": "every patient with features: cohort, outcome, clinical columns, expression or not, included or not",
        "inclusion": "how many patients each step of inclusion leaves, and why the others are out",
        "failures": "patients left out, at which step, and why",
    },
    settings=("training", "external", "extraction", "outcome", "clinical_columns", "joined", "expression"),
    sources=_sources,
)
def cohort(features: Tables, left_out_images: pd.DataFrame, *, settings: Manifest, inputs: Inputs) -> Tables:
    """Assemble the cohorts of the patients with every kind of feature."""
    made = {name: build_cohort(inputs, name, _with_features(inputs, name, features, settings)) for name in settings.cohorts()}
    return {
        "patients": pd.concat([one.patients for one in made.values()]),
        "inclusion": pd.concat([_flow(inputs, name, one, settings) for name, one in made.items()], ignore_index=True),
        "failures": pd.concat(
            [left_out_images, *(_in_some_tables(inputs, name) for name in made), *(one.left_out for one in made.values())],
            ignore_index=True,
        ),
    }


def _with_features(inputs: Inputs, name: str, features: Tables, settings: Manifest) -> pd.Index:
    patients = inputs.members(name)
    for kind in settings.kinds():
        patients = patients.intersection(features[kind].index, sort=False)
    return patients


def _in_some_tables(inputs: Inputs, name: str) -> pd.DataFrame:
    """Name the patients whom one table of features of a cohort has and another has not."""
    rows = [
        {"patient": patient, "cohort": name, "step": "with imaging features", "reason": f"no features of kind {', '.join(kinds)}"}
        for patient, kinds in lacking_features(inputs, name).items()
    ]
    return pd.DataFrame(rows, columns=["patient", "cohort", "step", "reason"])


def _flow(inputs: Inputs, name: str, made: Cohort, settings: Manifest) -> pd.DataFrame:
    """Begin the flow of patients with those who have images, where images were measured."""
    if settings.cohorts()[name].images is None:
        return made.inclusion
    have, left = len(inputs.images(name)), len(made.patients)
    flow = made.inclusion.copy()
    flow.loc[0, ["excluded", "reason"]] = [have - left, "images or mask could not be measured" if have > left else ""]
    first = pd.DataFrame([{"cohort": name, "step": "with images", "n": have, "excluded": 0, "reason": ""}])
    return pd.concat([first, flow], ignore_index=True)
