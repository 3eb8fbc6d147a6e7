"""The imaging arm, step by step: features, cohorts, and the signatures judged as published and honestly."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics import cohort, signatures, validation
from radiogenomics._errors import InputError
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Step, Store
from radiogenomics.study.inputs.checks import build_cohort
from radiogenomics.study.lesion import CHOICES
from radiogenomics.study.steps import lesions as extraction
from radiogenomics.study.steps.recipes import SHUFFLED, fusion, measured, recipe

Cohorts = dict[str, tuple[pd.DataFrame, pd.Series]]
"""Features and outcome by cohort, the training cohort first."""

_FEWEST_STABLE = 5  # with fewer on everybody, some fold is left without any

FUSION = "fusion"
CLINICAL = "clinical"
"""Names of the combined model, and of the clinical columns alone, among the signatures."""


def steps(plan: Plan) -> list[Step]:
    """List the steps of the imaging arm in their order."""
    manifest = plan.inputs.manifest
    tables = tuple(f"features_{kind}" for kind in manifest.kinds())
    repeated = tuple(f"second_reader_{kind}" for kind in plan.inputs.manifest.kinds_read_twice())
    made = [Step("features", plan.bind(_features), settings=_measured_settings(plan))]
    if repeated:
        made.append(Step("agreement", plan.bind(_agreement), needs=(*tables, *repeated)))
        repeated = (*repeated, "agreement")
    made += [
        Step("cohort", plan.bind(_cohort), needs=(*tables, "left_out_images"), settings=_cohort_settings(plan)),
        Step(
            "signatures",
            plan.bind(_signatures),
            needs=("patients", *tables, *repeated, *volume_tables(plan)),
            settings=_settings(plan),
        ),
    ]
    return made


def training_features(plan: Plan, store: Store, kind: str) -> pd.DataFrame:
    """Give the features of the training patients who are in."""
    return _of_cohort(store, "training", measured(store, kind))


def scores_of(plan: Plan, store: Store, estimate: str) -> pd.DataFrame:
    """Give the score of every training patient, one column a signature.

    Baselines are no signatures, and a fusion with clinical columns is no imaging: its links would be theirs.
    """
    table = store.table("signatures")
    table = table[(table["cohort"] == "training") & (table["estimate"] == estimate)]
    wide = table.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)
    fusion_settings = plan.inputs.manifest.fusion
    mixed = [FUSION] if fusion_settings and fusion_settings.clinical else []
    return wide.drop(columns=[*baselines(plan), *mixed], errors="ignore")


def volume_tables(plan: Plan) -> tuple[str, ...]:
    """Name the tables that lesion volume is read from."""
    manifest = plan.inputs.manifest
    if manifest.training.images:
        return ("lesions",)
    return tuple(f"features_{kind}" for kind in manifest.training.features) if manifest.training.volume else ()


def volume(plan: Plan, store: Store) -> pd.Series | None:
    """Give lesion volume in mm3, measured in the masks or in the column that the manifest names; None where it names none."""
    manifest = plan.inputs.manifest
    if manifest.training.images:
        return store.table("lesions")["volume_mm3"]
    tables = (store.table(name) for name in volume_tables(plan))
    return next((table[manifest.training.volume] for table in tables if manifest.training.volume in table), None)


def baselines(plan: Plan) -> list[str]:
    """Name what stands among the signatures and is none: whatever a signature must beat."""
    return [CLINICAL, *(f"{SHUFFLED}{kind}" for kind in plan.inputs.manifest.kinds())]


def _measured_settings(plan: Plan) -> dict[str, Any]:
    manifest = plan.inputs.manifest
    named = [source for one in manifest.cohorts().values() for source in one.sources() if source != one.clinical]
    keys = {"features", "second_reader", "images", "masks"}
    cohorts = {name: one.model_dump(include=keys) for name, one in manifest.cohorts().items()}
    settings = {"cohorts": cohorts, **plan.hashes(*named)}
    if manifest.training.images is None:
        return settings
    chosen = manifest.extraction
    files = [part for part in (chosen.parameters, *chosen.deep.values()) if part in manifest.sources]
    return settings | {
        "extraction": chosen.model_dump(),
        "measurement": CHOICES,
        "seed": manifest.seed,
        **plan.hashes(*map(str, files)),
    }


def _cohort_settings(plan: Plan) -> dict[str, Any]:
    manifest = plan.inputs.manifest
    named = [source for one in manifest.cohorts().values() for source in one.sources()]
    return {
        "cohorts": {name: one.model_dump() for name, one in manifest.cohorts().items()},
        "outcome": manifest.outcome.model_dump(),
        "clinical_columns": manifest.clinical_columns,
        "joined": {name: joined.model_dump() for name, joined in manifest.joined.items()},
        **plan.hashes(*named, manifest.expression.source, *(joined.source for joined in manifest.joined.values())),
    }


def _settings(plan: Plan) -> dict[str, Any]:
    manifest = plan.inputs.manifest
    volumes = {name: one.volume for name, one in manifest.cohorts().items()}
    fused = manifest.fusion.model_dump() if manifest.fusion else None
    return {"signature": manifest.signature.model_dump(), "fusion": fused, "seed": manifest.seed, "volume": volumes}


def _features(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Read the feature tables that are given, and measure those that images give."""
    manifest = plan.inputs.manifest
    tables = {}
    for kind in manifest.training.features:
        parts = [plan.inputs.features(name, kind) for name in manifest.cohorts()]
        tables[f"features_{kind}"] = pd.concat([part[parts[0].columns] for part in parts])
    for kind in manifest.training.second_reader:
        tables[f"second_reader_{kind}"] = plan.inputs.second_reader("training", kind)
    lost = pd.DataFrame(columns=["patient", "cohort", "step", "reason"])
    if manifest.training.images:
        made = extraction.extract(plan, store)
        tables, lost = tables | made.tables, made.failures
    return tables | {"left_out_images": lost}


def _cohort(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    manifest, lost = plan.inputs.manifest, store.table("left_out_images")
    made = {name: _with_features(plan, store, name) for name in manifest.cohorts()}
    return {
        "patients": pd.concat([one.patients for one in made.values()]),
        "inclusion": pd.concat([_flow(plan, name, one) for name, one in made.items()], ignore_index=True),
        "failures": pd.concat([lost, *(one.left_out for one in made.values())], ignore_index=True),
    }


def _with_features(plan: Plan, store: Store, name: str) -> cohort.Cohort:
    patients = plan.inputs.members(name)
    for kind in plan.inputs.manifest.kinds():
        patients = patients.intersection(store.table(f"features_{kind}").index, sort=False)
    return build_cohort(plan.inputs, name, patients)


def _flow(plan: Plan, name: str, made: cohort.Cohort) -> pd.DataFrame:
    """Begin the flow of patients with those who have images, where images were measured."""
    if plan.inputs.manifest.cohorts()[name].images is None:
        return made.inclusion
    have, left = len(plan.inputs.images(name)), len(made.patients)
    flow = made.inclusion.copy()
    flow.loc[0, ["excluded", "reason"]] = [have - left, "images or mask could not be measured" if have > left else ""]
    first = pd.DataFrame([{"cohort": name, "step": "with images", "n": have, "excluded": 0, "reason": ""}])
    return pd.concat([first, flow], ignore_index=True)


def _signatures(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    _check_repeatable(plan, store)
    judged = dict(_judged(plan, store))
    tables = {
        "evaluation": pd.concat([one.table for one in judged.values()], ignore_index=True),
        "signatures": pd.concat([one.scores for one in judged.values()], ignore_index=True),
        "stability": pd.concat([one.stability for one in judged.values()], ignore_index=True),
    }
    return tables | (_nomogram(judged[FUSION].fitted) if FUSION in judged else {})


def _judged(plan: Plan, store: Store) -> Iterator[tuple[str, validation.Evaluation]]:
    """Judge every signature, their fusion, and what they must beat."""
    for kind in plan.inputs.manifest.kinds():
        yield kind, _judge(plan, store, kind, recipe(plan, kind), recipe(plan, kind, inner=True), _of(plan, store, kind))
    for kind in plan.inputs.manifest.kinds():
        copies = store.table(f"features_{kind}").filter(regex=f"^{SHUFFLED}")
        if copies.shape[1]:
            name, quick = f"{SHUFFLED}{kind}", recipe(plan, kind, inner=True, shuffled=True)
            yield name, _judge(plan, store, name, recipe(plan, kind, shuffled=True), quick, _split(plan, store, copies))
    chosen = plan.inputs.manifest.fusion
    if chosen:
        tables = {kind: measured(store, kind).add_prefix(f"{kind}: ") for kind in plan.inputs.manifest.kinds()}
        clinical = _clinical(store, chosen.clinical)
        whole = pd.concat([*tables.values(), clinical], axis=1, join="inner")
        model = fusion(plan, {kind: list(table.columns) for kind, table in tables.items()})
        yield FUSION, _judge(plan, store, FUSION, model, model, _split(plan, store, whole))
        if chosen.clinical:
            model = fusion(plan, {})
            yield CLINICAL, _judge(plan, store, CLINICAL, model, model, _split(plan, store, clinical))


def _judge(plan: Plan, store: Store, name: str, chosen: Any, quick: Any, cohorts: Cohorts) -> validation.Evaluation:
    how = plan.inputs.manifest.signature
    (training, outcome), *_ = cohorts.values()
    return validation.evaluate(
        chosen,
        training,
        outcome,
        signature=name,
        external={cohort: table for cohort, table in cohorts.items() if cohort != "training"} or None,
        volume=volume(plan, store) if name in plan.inputs.manifest.kinds() else None,
        n_splits=how.n_splits,
        n_repeats=how.n_repeats,
        n_boot_optimism=how.n_bootstraps,
        n_permutations=how.n_permutations,
        permutation_recipe=quick,
        random_state=plan.seed(name),
        n_jobs=plan.n_jobs,
        scheduler=plan.scheduler,
        progress=plan.tasks(f"signature {name}"),
        keep=store.work(f"signatures-{name}", _settings(plan) | {"features": plan.inputs.hashes}),
    )


def _of(plan: Plan, store: Store, kind: str) -> Cohorts:
    return _split(plan, store, measured(store, kind))


def _split(plan: Plan, store: Store, table: pd.DataFrame) -> Cohorts:
    """Give the included patients of every cohort their rows and their outcome."""
    outcome = store.table("patients")["outcome"]
    parts = {name: _of_cohort(store, name, table) for name in plan.inputs.manifest.cohorts()}
    return {name: (part, outcome.loc[part.index]) for name, part in parts.items()}


def _of_cohort(store: Store, name: str, table: pd.DataFrame) -> pd.DataFrame:
    patients = store.table("patients")
    return table.loc[patients.index[(patients["cohort"] == name) & patients["included"]]]


def _clinical(store: Store, columns: list[str]) -> pd.DataFrame:
    """Give the clinical columns of the included patients; words become factors, whose levels are those of the training cohort."""
    patients = store.table("patients").query("included")
    table = patients[columns].copy()
    for column in columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            levels = sorted(table.loc[patients["cohort"] == "training", column].unique())
            table[column] = pd.Categorical(table[column], categories=levels)
    return table


def _nomogram(fitted: Any) -> dict[str, pd.DataFrame]:
    """Lay the fusion out as terms, and as the points of its nomogram; the last scale is the probability."""
    layout = fitted.nomogram()
    risks = pd.DataFrame({"term": "probability", "value": layout.total["risk"], "points": layout.total["total_points"]})
    points = pd.concat([layout.points[["term", "value", "points"]], risks], ignore_index=True)
    points["value"] = [f"{value:g}" if isinstance(value, float) else str(value) for value in points["value"]]
    return {"fusion_terms": fitted.terms_, "nomogram": points}


def _check_repeatable(plan: Plan, store: Store) -> None:
    """Refuse, before the folds do, a kind of which hardly a feature is as repeatable as asked."""
    table = store.table("agreement") if plan.inputs.manifest.kinds_read_twice() else pd.DataFrame(columns=["signature", "icc"])
    for kind, rows in table.groupby("signature"):
        asked = plan.inputs.manifest.signature.icc_of(str(kind))
        if asked is not None and (rows["icc"] >= asked).sum() < _FEWEST_STABLE:
            best = ", ".join(f"{value:.2f}" for value in rows["icc"].nlargest(_FEWEST_STABLE))
            raise InputError(
                f"signature.icc is {asked:g}: fewer than {_FEWEST_STABLE} features of {kind} reach it (the best {best}); "
                f"lower it, or name the kinds it is asked of, such as icc = {{ radiomics = {asked:g} }}"
            )


def _agreement(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Compare two readers feature by feature, each feature in the patients of whom both measured it."""
    parts = []
    for kind in plan.inputs.manifest.kinds_read_twice():
        first, second = measured(store, kind), measured(store, kind, reader="second_reader")
        parts.append(signatures.repeatability(first, second).assign(signature=kind))
    return {"agreement": pd.concat(parts, ignore_index=True)[["signature", "feature", "n", "icc", "low", "high", "p"]]}
