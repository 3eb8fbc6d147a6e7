"""Where the arms meet, step by step: links with their null, the gene score, and what was planted against what was found."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics import genescore, linking
from radiogenomics.study.imaging_arm import recipe, training_features
from radiogenomics.study.plan import Plan
from radiogenomics.study.store import Step, Store

MOLECULAR = ("modules", "pathways")
"""What imaging is linked with."""

_TABLES = {"modules": "eigengenes", "pathways": "pathways"}


def steps(plan: Plan) -> list[Step]:
    """List the joint steps in their order; the planted truth only in a simulated study."""
    manifest = plan.inputs.manifest
    seed = {"seed": manifest.seed}
    imaging = ("patients", "signatures", *(f"features_{name}" for name in manifest.training.features))
    molecular = tuple(_TABLES[kind] for kind in _kinds(plan))
    matrix = plan.hashes(manifest.expression.source) | {"expression": manifest.expression.model_dump()}
    score = matrix | seed | {"gene_score": manifest.gene_score.model_dump(), "signature": manifest.signature.model_dump()}
    made = [
        Step("links", plan.bind(_links), needs=(*imaging, *molecular), settings=seed | {"links": manifest.links.model_dump()}),
        Step("gene_score", plan.bind(_gene_score), needs=(*imaging, "modules", "membership"), settings=score),
    ]
    if manifest.truth:
        made.append(Step("planted", plan.bind(_planted), needs=("modules", "links", "evaluation"), settings=plan.hashes(manifest.truth)))
    return made


def out_of_fold(store: Store) -> pd.DataFrame:
    """Give the honest score of every training patient, one column a signature."""
    return _scores(store, "nested")


def _scores(store: Store, estimate: str) -> pd.DataFrame:
    table = store.table("signatures")
    table = table[(table["cohort"] == "training") & (table["estimate"] == estimate)]
    return table.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)


def _kinds(plan: Plan) -> list[str]:
    return [kind for kind in MOLECULAR if kind == "modules" or plan.inputs.manifest.gene_sets]


def _links(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    chosen = plan.inputs.manifest.links
    links, nulls = [], []
    for kind in _kinds(plan):
        right = store.table(_TABLES[kind]).loc[plan.linked]
        for family, estimate, left in _imaging(plan, store):
            name = f"{family} x {kind}"
            settings: dict[str, Any] = {"method": chosen.method, "family": name, "random_state": plan.seed(f"{name} {estimate}")}
            left = _varying(left.loc[plan.linked])
            links.append(linking.correlate(left, right, n_permutations=chosen.n_permutations, estimate=estimate, **settings))
            if estimate == "nested":
                null = linking.random_feature_null(left, right, alpha=chosen.alpha, **settings)
                nulls.append(null.assign(family=name, tested=left.shape[1] * right.shape[1]))
    return {"links": pd.concat(links, ignore_index=True), "link_null": pd.concat(nulls, ignore_index=True)}


def _imaging(plan: Plan, store: Store) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give every imaging table to link, with its family and what it is: fitted scores stand in `published` rows only."""
    yield "signature", "nested", _scores(store, "nested")
    yield "signature", "published", _scores(store, "apparent")
    for signature in plan.inputs.manifest.training.features:
        yield f"{signature} features", "nested", training_features(plan, store, signature)


def _varying(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[:, table.nunique() > 1]
