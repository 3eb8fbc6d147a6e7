"""Everything about a study that can be known before long work, every mistake at once."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics import linking
from radiogenomics._errors import InputError
from radiogenomics._files import decision_table
from radiogenomics._parallel import Progress
from radiogenomics._tables import check_numeric, summarise
from radiogenomics.cohort import Cohort
from radiogenomics.expression import check_unit, doubt_unit
from radiogenomics.signatures import RECIPES, by_path
from radiogenomics.study.inputs import image_checks, limits
from radiogenomics.study.inputs.cohort import build_cohort, in_some_tables
from radiogenomics.study.inputs.gathering import gather
from radiogenomics.study.inputs.gene_sets import study_sets
from radiogenomics.study.inputs.identities import identity_problems
from radiogenomics.study.inputs.leftovers import leftovers
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.inputs.suspicions import expression_twice, suspicions
from radiogenomics.study.manifest.errors import ManifestError, Problem
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import GeneSets, Survival

logger = logging.getLogger(__name__)

INNER_FOLDS = 5
"""Folds inside a fold, in which a recipe chooses its size or penalty and a fusion makes its scores."""

MIN_PATIENTS = 10
"""Fewer patients than this with features, expression and outcome are no cohort."""


@dataclass(frozen=True)
class Checked:
    """A study that may run: its inputs and its assembled cohorts, by name."""

    inputs: Inputs
    cohorts: dict[str, Cohort]


def check(path: Path, *, mirror: Path | None = None, offline: bool = False, progress: Progress | None = None) -> Checked:
    """Check a manifest and every table it names, before any long work.

    Parameters
    ----------
    path : Path
        The manifest.
    mirror : Path, optional
        A folder searched first for the files.
    offline : bool
        Take nothing from the network.
    progress : callable, optional
        Called as ``progress(done, total, name)`` while image series are fetched.

    Returns
    -------
    Checked
        Inputs and cohorts.

    Raises
    ------
    ManifestError
        With every mistake: file, key, value and remedy.
    """
    inputs = gather(path, mirror=mirror, offline=offline, progress=progress)
    problems = _each_once(_table_problems(inputs))
    if problems:
        raise ManifestError(problems)
    cohorts = {name: build_cohort(inputs, name, inputs.members(name)) for name in inputs.manifest.cohorts()}
    problems = list(_cohort_problems(inputs, cohorts))
    if problems:
        raise ManifestError(problems)
    return Checked(inputs, cohorts)


def _each_once(problems: Iterator[Problem]) -> list[Problem]:
    """Keep the first problem of a cohort that says the same: a table that cannot be read keeps several checks from their work."""
    return list({(_external(problem.key), problem.remedy): problem for problem in reversed(list(problems))}.values())[::-1]


def _external(key: str) -> str:
    """Give the name of the external cohort that a key belongs to; none for all other keys."""
    section, _, rest = key.partition(".")
    return rest.partition(".")[0] if section == "external" else ""


def decided(inputs: Inputs) -> pd.DataFrame:
    """Tell what is decided about the tables of a study, and what to look at -> ``what, where, count, why``."""
    training = inputs.manifest.training.features
    outcome = inputs.outcome("training", inputs.members("training"))
    seen = suspicions({f"features_{kind}": inputs.features("training", kind) for kind in training}, outcome)
    found = [*in_some_tables(inputs), *leftovers(inputs), *seen, *expression_twice(inputs.expression)]
    found += doubt_unit(inputs.expression, unit=inputs.manifest.expression.unit)
    return pd.concat([inputs.decisions(inputs.manifest.tables()), decision_table(found)], ignore_index=True)


def _table_problems(inputs: Inputs) -> Iterator[Problem]:
    """Read every table once; what cannot be read, or lacks a column, is a problem of its own."""
    manifest, say = inputs.manifest, _Say(str(inputs.path))
    for name, section in manifest.cohorts().items():
        where = "training" if name == "training" else f"external.{name}"
        for kind, source in section.features.items():
            yield from say.attempt(f"{where}.features.{kind}", source, _features_check(inputs, name, kind))
        if section.volume:
            yield from say.attempt(f"{where}.volume", section.volume, _volume_check(inputs, name, section.volume))
        for kind, source in section.second_reader.items():
            yield from say.attempt(f"{where}.second_reader.{kind}", source, image_checks.second_reader(inputs, name, kind))
        if section.images:
            yield from say.attempt(f"{where}.images", section.images, image_checks.folders(inputs, name))
        yield from say.attempt(f"{where}.clinical", ", ".join(section.clinical_tables()), _clinical_check(inputs, name))
    yield from say.attempt("signature.recipe", manifest.signature.recipe, lambda: _recipe_check(inputs))
    if manifest.training.images:
        yield from say.attempt("extraction", ", ".join(manifest.extraction.kinds()), lambda: image_checks.settings(inputs))
    yield from say.attempt("expression", manifest.expression.source, lambda: check_unit(inputs.expression, **_unit(inputs)))
    yield from say.attempt("modules.min_size", str(manifest.modules.min_size), lambda: _size_check(inputs))
    yield from say.attempt("clinical_columns", ", ".join(manifest.clinical_columns), lambda: _columns_check(inputs))
    for i, endpoint in enumerate(manifest.survival):
        yield from say.attempt(f"survival.{i}", endpoint.name, _survival_check(inputs, endpoint))
    if manifest.gene_sets:
        yield from _sets_problems(inputs, manifest.gene_sets, say)
    if manifest.truth:
        yield from say.attempt("truth", manifest.truth, lambda: _truth_check(inputs))
    for name, joined in manifest.joined.items():
        yield from say.attempt(f"joined.{name}", joined.source, _joined_check(inputs, name))


def _features_check(inputs: Inputs, name: str, kind: str) -> Callable[[], object]:
    def run() -> None:
        table = inputs.features(name, kind)
        check_numeric(table, f"features of {name}", missing=True)
        if table.shape[1] == 0:
            raise InputError("it has no column of features beside the patients; check its separator, or give another file")
        column = inputs.manifest.outcome.column
        if column in table:
            raise InputError(f"the outcome column {column!r} is among the features; remove it from the table")
        reference = inputs.features("training", kind).columns
        missing = reference.difference(table.columns)
        if len(missing):
            raise InputError(f"lacks {len(missing)} column(s) that the training cohort has: {summarise(missing)}")

    return run


def _recipe_check(inputs: Inputs) -> None:
    section = inputs.manifest.signature
    try:
        if section.recipe in RECIPES:
            recipe = RECIPES[section.recipe].build(**section.options(), random_state=0)
        else:
            recipe = by_path(section.recipe, **section.parameters)
    except TypeError as error:
        raise InputError(str(error)) from error
    if not hasattr(recipe, "predict_proba"):
        raise InputError(
            "it has no predict_proba, so that scores of different folds could not be compared; take a classifier that has, "
            "such as sklearn.svm:SVC with parameters = { probability = true }"
        )


def _volume_check(inputs: Inputs, name: str, volume: str) -> Callable[[], object]:
    def run() -> None:
        tables = [inputs.features(name, kind) for kind in inputs.manifest.cohorts()[name].features]
        columns = next((table[volume] for table in tables if volume in table), None)
        if columns is None:
            known_columns = [column for table in tables for column in table.columns]
            raise InputError(f"volume column {volume!r} is in no feature table; their columns are {summarise(known_columns, 8)}")
        if columns.isna().any():
            raise InputError(f"it is missing for {summarise(columns.index[columns.isna()])}; give it or leave volume out")
        if columns.nunique() < 2:
            raise InputError(f"it is {columns.iloc[0]} in every patient; name a column that varies or leave volume out")

    return run


def _clinical_check(inputs: Inputs, name: str) -> Callable[[], object]:
    def run() -> None:
        manifest, table = inputs.manifest, inputs.clinical(name)
        wanted = [manifest.outcome.column, *(manifest.clinical_columns if name == "training" else [])]
        missing = [column for column in wanted if column not in table]
        if missing:
            raise InputError(f"no column {summarise(missing)}; its columns are {summarise(table.columns, 8)}")
        patients = inputs.members(name)
        if not patients.isin(table.index).any():
            raise InputError(
                f"no patient with features is in it: features have {summarise(patients, 2)}, it has {summarise(table.index, 2)}; "
                "use the same identifiers in both (barcode = 'tcga' cuts TCGA barcodes; barcode = 'plain' in every source "
                "brings case, signs and leading zeros to one writing; patient = 'COLUMN' names another column of patients)"
            )
        inputs.outcome(name, patients)

    return run


def _sets_problems(inputs: Inputs, section: GeneSets, say: "_Say") -> Iterator[Problem]:
    """Read symbols and sets, then choose: a fault of one is not told again as a fault of the next."""
    key, value = ("scored", ", ".join(section.scored)) if section.scored else ("sources", ", ".join(section.sources))
    faults = list(say.attempt("gene_sets.sources", ", ".join(section.sources), inputs.gene_sets))
    if section.aliases:
        faults += say.attempt("gene_sets.aliases", section.aliases, lambda: inputs.aliases)
    yield from faults or say.attempt(f"gene_sets.{key}", value, lambda: study_sets(inputs, inputs.expression.columns))


def _truth_check(inputs: Inputs) -> None:
    missing = sorted({"kind", "name", "value"} - set(inputs.truth().columns))
    if missing:
        raise InputError(f"no column {summarise(missing)}; a table of planted truth has kind, name and value")


def _unit(inputs: Inputs) -> dict[str, Any]:
    return inputs.manifest.expression.model_dump(include={"unit", "clip", "min_mean"})


def _size_check(inputs: Inputs) -> None:
    genes, least = inputs.expression.shape[1], inputs.manifest.modules.min_size
    if least > genes:
        raise InputError(f"no module can hold {least} genes, since the expression matrix has {genes}; lower it")


def _columns_check(inputs: Inputs) -> None:
    """Refuse columns that would stand twice in the table of patients."""
    manifest = inputs.manifest
    named = [
        *manifest.clinical_columns,
        *(one for joined in manifest.joined.values() for one in (*joined.columns, *joined.linked)),
    ]
    named += ["cohort", "outcome", "has_expression", "included"]
    twice = sorted({column for column in named if named.count(column) > 1})
    if twice:
        raise InputError(
            f"column(s) {summarise(twice)} are named more than once, among them those the study makes itself; name each once"
        )


def _joined_check(inputs: Inputs, name: str) -> Callable[[], object]:
    def run() -> None:
        section = inputs.manifest.joined[name]
        table = inputs.patients(section.source)
        missing = [column for column in (*section.columns, *section.linked) if column not in table]
        if missing:
            raise InputError(f"no column {summarise(missing)}; its columns are {summarise(table.columns, 8)}")
        check_numeric(table[section.linked], f"joined.{name}.linked", missing=True)

    return run


def _survival_check(inputs: Inputs, endpoint: Survival) -> Callable[[], object]:
    def run() -> None:
        table = inputs.patients(endpoint.source)
        missing = [column for column in (endpoint.time, endpoint.event) if column not in table]
        missing += [column for column in endpoint.covariates if column not in inputs.clinical("training")]
        if missing:
            raise InputError(f"no column {summarise(missing)}; {endpoint.source!r} has {summarise(table.columns, 8)}")
        times = check_numeric(table[[endpoint.time, endpoint.event]], endpoint.source, missing=True).dropna()
        patients = inputs.expression.index
        if not patients.isin(times.index).any():
            raise InputError(
                f"no patient with expression has follow-up: expression has {summarise(patients, 2)}, it has "
                f"{summarise(table.index, 2)}"
            )
        words = set(times[endpoint.event]) - {0.0, 1.0}
        if words:
            raise InputError(f"event column {endpoint.event!r} must be 1 or 0, it holds {summarise(sorted(words))}")
        limits.check_follow_up(times[times.index.isin(patients)], endpoint)

    return run


def _cohort_problems(inputs: Inputs, cohorts: dict[str, Cohort]) -> Iterator[Problem]:
    manifest, file = inputs.manifest, str(inputs.path)
    for name, made in cohorts.items():
        where = "training" if name == "training" else f"external.{name}"
        counts = made.patients.loc[made.patients["included"], "outcome"].value_counts()
        flow = "; ".join(f"{row.step}: {row.n}" for row in made.inclusion.itertuples())
        if counts.sum() < MIN_PATIENTS:
            remedy = (
                f"fewer than {MIN_PATIENTS} patients are left; check identifiers ({_written(inputs, name)}) and outcome words"
            )
            yield Problem(file, where, flow, remedy)
        elif len(counts) < 2:
            only = "positive" if 1.0 in counts.index else "negative"
            yield Problem(
                file,
                "outcome.column",
                manifest.outcome.column,
                f"all {counts.sum()} patients of {name} are {only}; check the words",
            )
        elif name == "training" and _innermost(manifest, counts.min()) < INNER_FOLDS:
            remedy = (
                f"the smaller class has {counts.min()} patients, too few for folds inside folds; fewer folds leave more in each"
            )
            yield Problem(file, "signature.n_splits", str(manifest.signature.n_splits), remedy)
        elif name == "training":
            yield from limits.measured_problems(inputs, made)
        yield from _fusion_problems(inputs, name, made)
    yield from limits.expression_problems(inputs)
    yield from limits.fusion_problems(inputs, cohorts["training"])
    yield from _covariate_problems(inputs, cohorts["training"])
    yield from _overlaps(file, cohorts)
    yield from identity_problems(inputs)


def _written(inputs: Inputs, name: str) -> str:
    """Show how the tables of a cohort write their patients."""
    tables = {"features": inputs.members(name), "clinical": inputs.clinical(name).index}
    tables |= {"expression": inputs.expression.index} if name == "training" else {}
    return "; ".join(f"{table} has {summarise(index, 2)}" for table, index in tables.items())


def _innermost(manifest: Manifest, smaller: int) -> int:
    """Count the smaller class where the innermost folds are made: in what is left beside one outer fold, or two for a fusion."""
    left = smaller - -(-smaller // manifest.signature.n_splits)
    recipe = RECIPES.get(manifest.signature.recipe)
    return left - -(-left // INNER_FOLDS) if manifest.fusion and recipe is not None and recipe.makes_folds else left


def _fusion_problems(inputs: Inputs, name: str, made: Cohort) -> Iterator[Problem]:
    """Find clinical columns that the fusion cannot use: absent, incomplete, or with a level that training has not."""
    manifest, file = inputs.manifest, str(inputs.path)
    training = inputs.clinical("training")
    for column in manifest.fusion.clinical if manifest.fusion else []:
        if column not in made.patients:
            yield Problem(file, "fusion.clinical", repr(column), f"the clinical table of {name} has no such column; leave it out")
            continue
        values = made.patients.loc[made.patients["included"], column]
        if values.isna().any():
            lacking = summarise(values.index[values.isna()])
            yield Problem(
                file, "fusion.clinical", repr(column), f"missing for patient(s) {lacking} of {name}; impute it or leave it out"
            )
        elif not pd.api.types.is_numeric_dtype(values) and not values.isin(training[column]).all():
            strange = summarise(sorted(set(values) - set(training[column])))
            yield Problem(file, "fusion.clinical", repr(column), f"{name} has level(s) {strange}, training has none; recode them")


def _covariate_problems(inputs: Inputs, training: Cohort) -> Iterator[Problem]:
    """Find covariates of the links that the linked patients cannot be adjusted for."""
    manifest, file = inputs.manifest, str(inputs.path)
    columns = list(dict.fromkeys(manifest.links.covariates or []))
    patients = training.patients[training.patients["included"]]
    sized = bool(manifest.training.images or manifest.training.volume)
    for name, remedy in linking.unfit_covariates(patients[columns], sized=sized).items():
        yield Problem(file, f"links.covariates.{columns.index(name)}", repr(name), remedy)


def _overlaps(file: str, cohorts: dict[str, Cohort]) -> Iterator[Problem]:
    for first, second in combinations(cohorts, 2):
        both = cohorts[second].patients.index.intersection(cohorts[first].patients.index)
        if len(both):
            remedy = f"also in the {first} cohort: {summarise(both)}; a patient may be in one only"
            yield Problem(file, f"external.{second}", f"{len(both)} patients", remedy)


@dataclass(frozen=True)
class _Say:
    file: str

    def attempt(self, key: str, value: str, action: Callable[[], object]) -> Iterator[Problem]:
        """Do something; a mistake in the data becomes a problem with its place."""
        try:
            action()
        except (ValueError, OSError) as error:
            yield Problem(self.file, key, repr(value), str(error))
