"""Who is who: patients written differently in two tables, and patients of one cohort who stand in another under another name."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from radiogenomics import validation
from radiogenomics._names import written_alike
from radiogenomics._tables import summarise
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.errors import Problem


def identity_problems(inputs: Inputs) -> Iterator[Problem]:
    """Find patients who would be lost, or stand in two cohorts, because tables write or name them differently."""
    manifest = inputs.manifest
    for name in manifest.cohorts():
        yield from _written_differently(inputs, name)
    for first, second in combinations(manifest.cohorts(), 2):
        yield from _in_two_cohorts(inputs, first, second)
    yield from _same_images(inputs)


def _written_differently(inputs: Inputs, name: str) -> Iterator[Problem]:
    """Compare the features' patients without a row in another table with the names there that are left over."""
    section = inputs.manifest.cohorts()[name]
    where, patients = ("training" if name == "training" else f"external.{name}"), inputs.members(name)
    others = {f"{where}.clinical": inputs.clinical(name).index}
    others |= {f"{where}.features.{kind}": inputs.features(name, kind).index for kind in section.features}
    if name == "training":
        others["expression.source"] = inputs.expression.index
    everybody = patients
    for kind in section.features:
        everybody = everybody.union(inputs.features(name, kind).index, sort=False)
    for key, index in others.items():
        pairs = written_alike(everybody.difference(index, sort=False), index.difference(everybody, sort=False))
        if pairs:
            remedy = f"the features write the same patients differently: {_shown(pairs)}; write them alike (barcode = 'plain')"
            yield Problem(str(inputs.path), key, f"{len(pairs)} patients", remedy)


def _in_two_cohorts(inputs: Inputs, first: str, second: str) -> Iterator[Problem]:
    """Find patients of two cohorts whose names are written alike, or whose features are copies."""
    key = f"external.{second}"
    pairs = written_alike(inputs.members(second), inputs.members(first))
    if pairs:
        remedy = f"also in the {first} cohort, written differently: {_shown(pairs)}; a patient may be in one only"
        yield Problem(str(inputs.path), key, f"{len(pairs)} patients", remedy)
    sections = inputs.manifest.cohorts()
    for kind in sections[first].features:
        if kind not in sections[second].features:
            continue
        copies = validation.find_copies({name: inputs.features(name, kind) for name in (first, second)})
        copies = copies[copies["first_table"] != copies["second_table"]]
        if len(copies):
            remedy = (
                f"their {kind} features are those of patients of the {first} cohort: {_shown(_pairs(copies))}; keep one of each"
            )
            yield Problem(str(inputs.path), f"{key}.features.{kind}", f"{len(copies)} patients", remedy)


def _same_images(inputs: Inputs) -> Iterator[Problem]:
    """Find patients, of any cohort, whose folders hold the same image files: one patient under two names."""
    folders = {(name, patient): hashes for name in inputs.manifest.cohorts() for patient, hashes in _files(inputs, name).items()}
    owners: dict[str, list[tuple[str, str]]] = {}
    for owner, hashes in folders.items():
        for one in hashes:
            owners.setdefault(one, []).append(owner)
    shared = Counter(pair for several in owners.values() for pair in combinations(several, 2))
    for ((first, one), (second, other)), count in shared.items():
        if 2 * count > min(len(folders[first, one]), len(folders[second, other])):
            where = "training" if second == "training" else f"external.{second}"
            remedy = f"{count} of its image files are those of {one} ({first}): one patient under two names; keep one of them"
            yield Problem(str(inputs.path), f"{where}.images", other, remedy)


def _files(inputs: Inputs, name: str) -> dict[str, set[str]]:
    """Give the hashes of all files of every patient with images."""
    source = inputs.manifest.cohorts()[name].images
    if source is None:
        return {}
    below: dict[str, set[str]] = {}
    for file, found in inputs.listings[source].items():
        below.setdefault(file.split("/")[0], set()).add(found)
    return {patient: below.get(folder.name, set()) for patient, folder in inputs.images(name).items()}


def _pairs(copies: pd.DataFrame) -> list[tuple[object, object]]:
    return list(zip(copies["second"], copies["first"], strict=True))


def _shown(pairs: list[tuple[object, object]]) -> str:
    return summarise((f"{one} is {other}" for one, other in pairs), 3)
