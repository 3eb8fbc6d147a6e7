"""What can be known about images, masks and their settings before anything is measured."""

from collections.abc import Callable

from radiogenomics import features
from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric, summarise
from radiogenomics.study.inputs.sources import Inputs

FEWEST_READ_TWICE = 10
"""Of fewer patients read twice no agreement is judged."""


def folders(inputs: Inputs, name: str) -> Callable[[], object]:
    """Check that a cohort's patients have a folder each, and masks that belong to them."""

    def run() -> None:
        have, drawn = inputs.images(name), inputs.masks(name, "reader")
        if not have:
            raise InputError("no patient has a folder in it; give a folder with one folder of DICOM files per patient")
        strangers = [patient for patient in drawn if patient not in have]
        if not set(have) & set(drawn):
            raise InputError(
                f"no patient has a mask: images are of {summarise(list(have), 2)}, masks of {summarise(list(drawn), 2)}; "
                "name every mask after its patient"
            )
        again = inputs.masks(name, "second_reader")
        if again and name != "training":
            raise InputError("repeatability is judged in the training cohort only; remove masks.second_reader here")
        both = [patient for patient in again if patient in drawn and patient in have]
        if again and len(both) < FEWEST_READ_TWICE:
            raise InputError(
                f"only {len(both)} patient(s) have masks of both readers (the second has {summarise(list(again), 2)}); at least "
                f"{FEWEST_READ_TWICE} are needed to judge agreement"
            )
        if strangers:
            raise InputError(f"masks of {summarise(strangers)} belong to no folder of images; rename or remove them")

    return run


def masks_found(inputs: Inputs, name: str) -> list[str]:
    """Say how many patients of a cohort have images and masks, and who has no mask; nothing where no images are measured.

    Parameters
    ----------
    inputs : Inputs
        A checked study's.
    name : str
        The cohort.

    Returns
    -------
    list of str
        A line a fact.
    """
    if inputs.manifest.cohorts()[name].images is None:
        return []
    have, drawn, again = inputs.images(name), inputs.masks(name, "reader"), inputs.masks(name, "second_reader")
    lacking = [patient for patient in have if patient not in drawn]
    lines = [f"with images: {len(have)}, with a mask: {len(have) - len(lacking)}, with a second reader's: {len(again)}"]
    lines += [f"{one.where}: {one.what} ({one.count}): {one.why}" for one in inputs.named_masks(name)]
    return [*lines, *([f"no mask, will be left out: {summarise(lacking)}"] if lacking else [])]


def settings(inputs: Inputs) -> None:
    """Check the parameter file and the networks."""
    extraction = inputs.manifest.extraction
    if extraction.parameters:
        features.check_parameters(inputs.files[extraction.parameters])
    for name, weights in extraction.deep.items():
        if weights not in inputs.files and weights not in (known := ["random", *features.known_weights(name)]):
            raise InputError(f"deep.{name} is {weights!r}; give a source of [sources], or one of {', '.join(known)}")


def second_reader(inputs: Inputs, name: str, kind: str) -> Callable[[], object]:
    """Check that a second reader's table has the columns, and some of the patients, of the first."""

    def run() -> None:
        if name != "training":
            raise InputError("repeatability is judged in the training cohort only; remove it here")
        table, first = inputs.second_reader(name, kind), inputs.features(name, kind)
        check_numeric(table, f"second reader's {kind}", missing=True)
        lacking = first.columns.difference(table.columns)
        if len(lacking):
            raise InputError(f"lacks {len(lacking)} column(s) that the first reader's table has: {summarise(lacking)}")
        both = table.index.intersection(first.index)
        if len(both) < FEWEST_READ_TWICE:
            raise InputError(f"only {len(both)} patient(s) are in both readers' tables; at least {FEWEST_READ_TWICE} are needed")

    return run
