"""The features of every patient: tables that are given, and lesions measured in images; and how far two readers agree."""

import pandas as pd

from radiogenomics import signatures
from radiogenomics._files import decision_table
from radiogenomics.study.engine.context import Run
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps import lesions
from radiogenomics.study.steps.imaging import measured


def _sources(manifest: Manifest) -> list[str]:
    named = [source for one in manifest.cohorts().values() for source in one.sources() if source not in one.clinical_tables()]
    extraction = manifest.extraction
    files = (extraction.parameters, *extraction.deep.values()) if manifest.training.images else ()
    return [*named, *(part for part in files if part in manifest.sources)]


@step(
    makes={
        "features_*": "imaging features of one kind, every cohort, one row per patient",
        "second_reader_*": "the same features from the second reader's masks",
        "lesions": "volume in mm3, largest diameter in mm, number of phases and background (air) signal of every measured lesion",
        "nonfinite": "features that could not be computed, by table and patient",
        "networks": "deep networks, their weights and the hash of these",
        "image_decisions": "what was decided about single patients' images and masks",
        "left_out_images": "patients with images that could not be measured, and why",
    },
    settings=("training", "external", "extraction", "seed"),
    sources=_sources,
)
def features(*, settings: Manifest, inputs: Inputs, run: Run) -> Tables:
    """Read the feature tables that are given, and measure those that images give."""
    tables = {}
    for kind in settings.training.features:
        parts = [inputs.features(name, kind) for name in settings.cohorts()]
        tables[f"features_{kind}"] = pd.concat([part[parts[0].columns] for part in parts])
    for kind in settings.training.second_reader:
        tables[f"second_reader_{kind}"] = inputs.second_reader("training", kind)
    lost, decided = pd.DataFrame(columns=["patient", "cohort", "step", "reason"]), decision_table([])
    if settings.training.images:
        made = lesions.extract(settings, inputs, run)
        tables, lost, decided = tables | made.tables, made.failures, made.decisions
    return tables | {"left_out_images": lost, "image_decisions": decided}


@step(
    makes={"agreement": "intraclass correlation of every feature that two readers measured"},
    settings=("training", "extraction"),
    when=lambda manifest: bool(manifest.kinds_read_twice()),
)
def agreement(features: Tables, second_reader: Tables, *, settings: Manifest) -> Tables:
    """Compare two readers feature by feature, each feature in the patients of whom both measured it."""
    parts = []
    for kind in settings.kinds_read_twice():
        first, second = measured(features[kind]), measured(second_reader[kind])
        parts.append(signatures.repeatability(first, second).assign(signature=kind))
    return {"agreement": pd.concat(parts, ignore_index=True)[["signature", "feature", "n", "icc", "low", "high", "p"]]}
