"""What a step would refuse after minutes, said before: too few patients, genes or events, and columns that no model can take."""

import logging
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd

from radiogenomics import modules, validation
from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.cohort import Cohort
from radiogenomics.expression import log_cpm
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.errors import Problem
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import Expression, ModuleSettings, Survival

logger = logging.getLogger(__name__)

FEWEST_IN_LEVEL = 5
"""A level of fewer patients may be missing in a fold, whose model then knows it not."""

FEWEST_KNOWN = 5
"""Of a feature known in fewer patients no signature can be made."""

_QUICK = 1000
"""Modules of no more genes than this are looked for in a second, so that a check can do it."""


def measured_problems(inputs: Inputs, made: Cohort) -> Iterator[Problem]:
    """Find feature tables of which no signature can be made: nothing in them varies, or the outcome stands among them."""
    manifest, file = inputs.manifest, str(inputs.path)
    outcome = made.patients.loc[made.patients["included"], "outcome"]
    for kind, source in manifest.training.features.items():
        table = inputs.features("training", kind)
        table = table.reindex(outcome.index.intersection(table.index, sort=False))
        table = table.loc[:, ~table.columns.str.startswith("shuffled_")]
        key = f"training.features.{kind}"
        try:
            cohort = validation.check_cohort("training", table, outcome.loc[table.index].rename(None))
        except InputError as error:
            yield Problem(file, key, repr(source), str(error))
            continue
        usable = (table.nunique() > 1) & (table.notna().sum() >= FEWEST_KNOWN)
        if not usable.any():
            remedy = f"none of its {table.shape[1]} feature(s) varies and is known of {FEWEST_KNOWN} of the {len(table)} patients"
            yield Problem(file, key, repr(source), f"{remedy}; give a table of measurements")
            continue
        yield from _fold_problems(manifest, file, cohort)


def _fold_problems(manifest: Manifest, file: str, cohort: validation.CheckedCohort) -> Iterator[Problem]:
    how = manifest.signature
    try:
        validation.check_folds(cohort, how.n_splits, how.n_repeats)
    except InputError as error:
        yield Problem(file, "signature.n_splits", str(how.n_splits), str(error))


def expression_problems(inputs: Inputs) -> Iterator[Problem]:
    """Find what keeps modules from being made: too few patients, a patient without a value, no module of the size asked for."""
    matrix, file, chosen = inputs.expression, str(inputs.path), inputs.manifest.expression
    try:
        modules.check_enough_patients(matrix)
    except InputError as error:
        yield Problem(file, "expression.source", repr(chosen.source), str(error))
        return
    empty = matrix.index[matrix.isna().all(axis=1)]
    if len(empty):
        remedy = f"patient(s) {summarise(empty)} have no value of any gene; remove them from the expression matrix"
        yield Problem(file, "expression.source", repr(chosen.source), remedy)
        return
    unread = matrix.index[matrix.sum(axis=1) == 0] if chosen.unit == "counts" else matrix.index[:0]
    if len(unread):
        remedy = f"{len(unread)} of {len(matrix)} patients have no count of any gene: {summarise(unread)}"
        remedy += "; remove them from the expression matrix, or read their files again"
        yield Problem(file, "expression.source", repr(chosen.source), remedy)
        return
    yield from _module_problems(inputs)


def _module_problems(inputs: Inputs) -> Iterator[Problem]:
    """Look for modules in a small matrix; a large one may have too few genes that vary."""
    matrix, chosen, file = inputs.expression, inputs.manifest.modules, str(inputs.path)
    known = (matrix.notna().sum() >= len(matrix) / 2).to_numpy() & (matrix.nunique() > 1).to_numpy()
    if known.sum() < chosen.min_size:
        remedy = f"no module can hold so many genes: {known.sum()} of {matrix.shape[1]} vary and are known of half the patients"
        yield Problem(file, "modules.min_size", str(chosen.min_size), f"{remedy}; lower it, or give more genes")
    elif text := no_module(inputs):
        # What is asked for is refused; of the usual settings it is told, since more genes may be meant to come.
        if {"min_size", "power"} & chosen.model_fields_set:
            yield Problem(file, "modules.min_size", str(chosen.min_size), text)
        else:
            logger.warning("%s: modules.min_size = %d: %s; the run would stop there", file, chosen.min_size, text)


def no_module(inputs: Inputs) -> str:
    """Look for modules in a matrix so small that it costs a second -> what to do where there is none, else nothing."""
    matrix, chosen = inputs.expression, inputs.manifest.modules
    if matrix.shape[1] > _QUICK or chosen.engine != "native":
        return ""
    known = (matrix.notna().sum() >= len(matrix) / 2).to_numpy() & (matrix.nunique() > 1).to_numpy()
    genes = _on_log_scale(matrix.loc[:, known], inputs.manifest.expression)
    power = _power(genes, chosen)
    options = chosen.model_dump(include={"network", "min_size", "deep_split", "merge_height"})
    if len(modules.find_modules(genes, power=power, **options).eigengenes.columns):
        return ""
    return f"no module of {chosen.min_size} genes or more is found at power {power:g}; lower it, or modules.power"


def _on_log_scale(matrix: pd.DataFrame, chosen: Expression) -> pd.DataFrame:
    """Bring a matrix to the scale of `expression.prepare`, which also tells and imputes."""
    if chosen.unit == "counts":
        return log_cpm(matrix)
    matrix = matrix.add(1).apply(np.log2) if chosen.unit in ("tpm", "fpkm") else matrix
    return matrix if chosen.clip is None else matrix.clip(-chosen.clip, chosen.clip)


def _power(genes: pd.DataFrame, chosen: ModuleSettings) -> float:
    if chosen.power != "auto":
        return chosen.power
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No power reaches", category=UserWarning)
        power = modules.pick_soft_threshold(genes, network=chosen.network).power
    return power or modules.DEFAULT_POWER[chosen.network]


def fusion_problems(inputs: Inputs, made: Cohort) -> Iterator[Problem]:
    """Find clinical columns that the fusion cannot take: the same everywhere, with rare levels, combinations of others."""
    manifest, file = inputs.manifest, str(inputs.path)
    patients = made.patients[made.patients["included"]]
    design = np.ones((len(patients), 1))
    for column in manifest.fusion.clinical if manifest.fusion else []:
        values = patients[column] if column in patients else pd.Series(dtype=float)
        if values.empty or values.isna().any():
            continue  # said already
        factor = column in (manifest.fusion.factors if manifest.fusion else []) or not pd.api.types.is_numeric_dtype(values)
        if reason := _unfit(values, factor):
            yield Problem(file, "fusion.clinical", repr(column), f"{reason}; leave it out")
            continue
        terms = pd.get_dummies(values).iloc[:, 1:].to_numpy(float) if factor else values.to_numpy(float)[:, None]
        wider = np.hstack([design, (terms - terms.mean(axis=0)) / terms.std(axis=0)])
        if np.linalg.matrix_rank(wider) < wider.shape[1]:
            remedy = "it follows from the columns before it, so that no model can tell them apart; leave it out"
            yield Problem(file, "fusion.clinical", repr(column), remedy)
        else:
            design = wider


def _unfit(values: pd.Series, factor: bool) -> str:
    counts = values.value_counts()
    if len(counts) < 2:
        return f"it is {counts.index[0]} in all {len(values)} patients"
    if factor and counts.min() < FEWEST_IN_LEVEL:
        rare = f"its level {counts.idxmin()!r} has {counts.min()} patient(s)"
        return f"{rare}, fewer than {FEWEST_IN_LEVEL}, and may be missing in a fold: join levels"
    return ""


def check_follow_up(times: pd.DataFrame, endpoint: Survival) -> None:
    """Refuse follow-up times below zero, and an endpoint that nobody reached.

    Raises
    ------
    ValueError
        With the first patients whose time is negative.
    """
    negative = times.index[times[endpoint.time] < 0]
    if len(negative):
        raise InputError(
            f"follow-up {endpoint.time!r} is negative for {summarise(negative)} ({times.loc[negative[0], endpoint.time]:g}); "
            "correct it, or leave it blank"
        )
    if not (times[endpoint.event] == 1).any():
        raise InputError(f"event column {endpoint.event!r} is 0 for all {len(times)} patients: nobody has the event; remove it")
    if times[endpoint.time].max() == 0:
        raise InputError(f"follow-up {endpoint.time!r} is 0 for all {len(times)} patients; name the column with the time")
