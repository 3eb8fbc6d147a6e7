"""What stands in a study's tables and takes no part: patients without imaging features, columns that training has not."""

from collections.abc import Iterator

import pandas as pd

from radiogenomics._files import Decision
from radiogenomics._tables import summarise
from radiogenomics.study.inputs.sources import Inputs

_NO_FEATURES = "they have no imaging features: they stand in no signature and no link"
_MODULES_ONLY = "they have no imaging features: modules are found in them too, they stand in no signature and no link"


def leftovers(inputs: Inputs) -> list[Decision]:
    """Tell which patients and columns of a study's tables take no part -> one decision a table.

    Parameters
    ----------
    inputs : Inputs
        A checked study's.

    Returns
    -------
    list of Decision
        By the key of the manifest that names the table.
    """
    everybody = pd.Index(dict.fromkeys(patient for name in inputs.manifest.cohorts() for patient in _with_features(inputs, name)))
    found = []
    for key, why, index in _others(inputs):
        alone = index.difference(everybody, sort=False)
        if len(alone):
            found.append(Decision("patients without features", key, len(alone), f"{why}: {summarise(alone)}"))
    return [*found, *_columns(inputs)]


def _with_features(inputs: Inputs, name: str) -> Iterator[object]:
    """Name whoever stands in a table of features of a cohort, or has a folder of images."""
    section = inputs.manifest.cohorts()[name]
    for kind in section.features:
        yield from inputs.features(name, kind).index
    if section.images:
        yield from inputs.images(name)


def _others(inputs: Inputs) -> Iterator[tuple[str, str, pd.Index]]:
    """Give the patients of every table that is none of features, with its key and what becomes of those without features."""
    seen: set[str] = set()
    for name, section in inputs.manifest.cohorts().items():
        for source in section.clinical_tables():
            if source not in seen:
                seen.add(source)
                yield f"{_place(name)}.clinical: {source}", _NO_FEATURES, inputs.patients(source).index
        for kind in section.second_reader:
            yield f"{_place(name)}.second_reader.{kind}", _NO_FEATURES, inputs.second_reader(name, kind).index
    for name in inputs.manifest.joined:
        yield f"joined.{name}", _NO_FEATURES, inputs.joined(name).index
    yield "expression.source", _MODULES_ONLY, inputs.expression.index


def _columns(inputs: Inputs) -> Iterator[Decision]:
    """Name the columns of features that the training cohort's table lacks: nothing is trained on them."""
    for name, section in inputs.manifest.cohorts().items():
        tables = {f"features.{kind}": (kind, inputs.features(name, kind)) for kind in section.features}
        tables |= {f"second_reader.{kind}": (kind, inputs.second_reader(name, kind)) for kind in section.second_reader}
        for key, (kind, table) in tables.items():
            further = table.columns.difference(inputs.features("training", kind).columns, sort=False)
            if len(further):
                why = f"the training cohort's table of {kind} features has no such column: {summarise(further)}"
                yield Decision("columns left out", f"{_place(name)}.{key}", len(further), why)


def _place(name: str) -> str:
    """Write a cohort as the manifest has it."""
    return name if name == "training" else f"external.{name}"
