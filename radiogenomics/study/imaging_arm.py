"""The imaging arm, step by step: cohorts, features, and the signatures judged as published and honestly."""

from typing import Any, Literal

import pandas as pd

from radiogenomics import signatures, stats, validation
from radiogenomics.study.plan import Plan
from radiogenomics.study.store import Step, Store


def steps(plan: Plan) -> list[Step]:
    """List the steps of the imaging arm in their order."""
    manifest = plan.inputs.manifest
    cohorts = {name: cohort.model_dump() for name, cohort in manifest.cohorts().items()}
    named = [source for cohort in manifest.cohorts().values() for source in [*cohort.features.values(), cohort.clinical]]
    who = {
        "cohorts": cohorts,
        "outcome": manifest.outcome.model_dump(),
        "clinical_columns": manifest.clinical_columns,
        "joined": {name: joined.model_dump() for name, joined in manifest.joined.items()},
        **plan.hashes(*named, manifest.expression.source, *(joined.source for joined in manifest.joined.values())),
    }
    tables = tuple(f"features_{name}" for name in manifest.training.features)
    return [
        Step("cohort", plan.bind(_cohort), settings=who),
        Step("features", plan.bind(_features), settings={"cohorts": cohorts} | plan.hashes(*named)),
        Step("signatures", plan.bind(_signatures), needs=("patients", *tables), settings=_recipe_settings(plan)),
    ]


def training_features(plan: Plan, store: Store, signature: str) -> pd.DataFrame:
    """Give the features of the training patients who are in."""
    return _features_of("training", store.table("patients"), store.table(f"features_{signature}"))


def recipe(plan: Plan, *, inner: bool = False) -> Any:
    """Build the imaging recipe that the manifest names; `inner` gives its cheaper twin, which chooses its size out of bag."""
    chosen = plan.inputs.manifest.signature
    choose_by: Literal["out_of_bag", "folds"] = "out_of_bag" if inner else "folds"
    return signatures.published(
        sizes=tuple(chosen.sizes), n_trees=chosen.n_trees, choose_by=choose_by, random_state=plan.seed("recipe")
    )


def _recipe_settings(plan: Plan) -> dict[str, Any]:
    manifest = plan.inputs.manifest
    volumes = {name: cohort.volume for name, cohort in manifest.cohorts().items()}
    return {"signature": manifest.signature.model_dump(), "seed": manifest.seed, "volume": volumes}


def _cohort(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    made = plan.cohorts.values()
    return {
        "patients": pd.concat([one.patients for one in made]),
        "inclusion": pd.concat([one.inclusion for one in made], ignore_index=True),
        "failures": pd.concat([one.left_out for one in made], ignore_index=True),
    }


def _features(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    manifest = plan.inputs.manifest
    tables = {}
    for signature in manifest.training.features:
        parts = [plan.inputs.features(name, signature) for name in manifest.cohorts()]
        tables[f"features_{signature}"] = pd.concat([part[parts[0].columns] for part in parts])
    return tables


def _signatures(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    judged = [_judge(plan, store, signature) for signature in plan.inputs.manifest.training.features]
    return {
        "evaluation": pd.concat([one.table for one in judged], ignore_index=True),
        "signatures": pd.concat([one.scores for one in judged], ignore_index=True),
        "stability": pd.concat([one.stability for one in judged], ignore_index=True),
        "comparisons": _comparisons(pd.concat([one.scores for one in judged], ignore_index=True)),
    }


def _comparisons(scores: pd.DataFrame) -> pd.DataFrame:
    """Compare every signature with volume, and with the others, on patients that no fit had seen (DeLong's test)."""
    parts = [_against_volume(scores)]
    if scores["signature"].nunique() > 1:
        honest = scores["estimate"].isin(["nested", "external"])
        parts += [validation.compare(scores, estimate=str(one)) for one in scores.loc[honest, "estimate"].unique()]
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _against_volume(scores: pd.DataFrame) -> pd.DataFrame:
    names = ["cohort", "estimate", "first", "second", "n", "events", "auc_first", "auc_second"]
    names += ["difference", "difference_low", "difference_high", "p"]
    rows = []
    for (cohort, signature), part in scores.groupby(["cohort", "signature"], sort=False):
        wide = part.pivot_table(index="patient", columns="estimate", values="score").join(
            part.groupby("patient")["outcome"].first()
        )
        estimate = "nested" if "nested" in wide else "external"
        if "volume" in wide:
            test = stats.delong_test(wide["outcome"], wide[estimate], wide["volume"])
            size = [
                test.first.n,
                test.first.events,
                test.first.auc,
                test.second.auc,
                test.difference,
                test.low,
                test.high,
                test.p,
            ]
            rows.append([cohort, estimate, signature, "volume alone", *size])
    return pd.DataFrame(rows, columns=names)


def _judge(plan: Plan, store: Store, signature: str) -> validation.Evaluation:
    manifest, chosen = plan.inputs.manifest, plan.inputs.manifest.signature
    patients, features = store.table("patients"), store.table(f"features_{signature}")
    cohorts = {name: _with_outcome(name, patients, features) for name in manifest.cohorts()}
    training, outcome = cohorts.pop("training")
    volume = manifest.training.volume
    return validation.evaluate(
        recipe(plan),
        training,
        outcome,
        signature=signature,
        external=cohorts or None,
        volume=features[volume] if volume else None,
        n_splits=chosen.n_splits,
        n_repeats=chosen.n_repeats,
        n_boot_optimism=chosen.n_bootstraps,
        n_permutations=chosen.n_permutations,
        permutation_recipe=recipe(plan, inner=True),
        random_state=plan.seed(signature),
        n_jobs=plan.n_jobs,
        scheduler=plan.scheduler,
        progress=plan.tasks(f"signature {signature}"),
        keep=store.work(f"signatures-{signature}", _recipe_settings(plan) | {"features": plan.inputs.hashes}),
    )


def _with_outcome(name: str, patients: pd.DataFrame, features: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    table = _features_of(name, patients, features)
    return table, patients.loc[table.index, "outcome"]


def _features_of(name: str, patients: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    chosen = patients.index[(patients["cohort"] == name) & patients["included"]]
    return features.loc[chosen]
