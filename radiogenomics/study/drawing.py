"""The last two steps: every figure from finished tables, and the report from tables and figures."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics import figures, report, stats
from radiogenomics.study.plan import Plan
from radiogenomics.study.store import Drawn, Page, Step, Store


def figures_step(plan: Plan, steps: list[Step]) -> Step:
    """Draw every figure whose tables are there."""
    return Step("figures", plan.bind(_figures), needs=_made(steps), settings={"title": plan.inputs.manifest.title})


def report_step(plan: Plan, steps: list[Step]) -> Step:
    """Write the report from tables and figures."""
    settings = {"manifest": plan.inputs.manifest.model_dump(mode="json"), "hashes": plan.inputs.hashes}
    return Step("report", plan.bind(_report), needs=_made(steps), settings=settings)


def _made(steps: list[Step]) -> tuple[str, ...]:
    """Name the tables that figures and report are made of."""
    names = {
        "cohort": ("patients", "inclusion"),
        "signatures": ("evaluation", "signatures", "stability"),
        "expression": ("expression_qc", "expression_facts"),
        "modules": ("modules", "eigengenes", "soft_threshold"),
        "pathways": ("pathways",),
        "links": ("links", "link_null"),
        "gene_score": ("gene_score", "gene_score_evaluation", "gene_score_patients", "gene_score_odds"),
        "planted": ("planted",),
    }
    return tuple(table for step in steps for table in names.get(step.name, ()))


def _figures(plan: Plan, store: Store) -> dict[str, Drawn]:
    return dict(_drawn(plan, store))


def _drawn(plan: Plan, store: Store) -> Iterator[tuple[str, Drawn]]:
    inclusion, evaluation, scores = (store.table(name) for name in ("inclusion", "evaluation", "signatures"))
    yield "inclusion", Drawn(figures.inclusion_flow(inclusion), inclusion)
    curves = _curves(scores)
    yield "roc", Drawn(figures.roc(curves, evaluation=evaluation), curves)
    yield "auc", Drawn(figures.auc_forest(evaluation), evaluation)
    honest = scores[scores["estimate"].isin(["nested", "external"])]
    yield "scores", Drawn(figures.score_distribution(honest, outcome=plan.inputs.manifest.outcome.name), honest)
    yield from _link_figures(store)
    genes = store.table("gene_score")
    if len(genes):
        yield "gene_score", Drawn(figures.odds_forest(genes), genes)


def _link_figures(store: Store) -> Iterator[tuple[str, Drawn]]:
    links = store.table("links")
    honest = links[links["estimate"] == "nested"]
    modules = honest[honest["family"].str.endswith("x modules")]
    yield "module_trait", Drawn(figures.module_trait(modules, modules=store.table("modules")), modules)
    yield "links", Drawn(figures.volcano(honest), honest)


def _curves(scores: pd.DataFrame) -> pd.DataFrame:
    """Every ROC curve, one after another."""
    keys = ["cohort", "signature", "estimate"]
    parts = []
    for key, part in scores.groupby(keys, sort=False):
        curve = stats.roc_curve(part["outcome"].to_numpy(), part["score"].to_numpy())
        parts.append(curve.assign(**dict(zip(keys, key, strict=True))))
    return pd.concat(parts, ignore_index=True)[[*keys, "threshold", "sensitivity", "specificity"]]


def _report(plan: Plan, store: Store) -> dict[str, Page]:
    from radiogenomics.study.provenance import provenance

    tables = {name: store.table(name) for name in store.tables()}
    text = report.render(_facts(plan), tables, store.figures(), provenance(store, plan))
    return {"report": Page("report.html", text)}


def _facts(plan: Plan) -> dict[str, Any]:
    manifest = plan.inputs.manifest
    return {
        "name": manifest.name,
        "title": manifest.title,
        "simulated": manifest.simulated,
        "outcome": manifest.outcome.name,
        "settings": manifest.model_dump(exclude={"sources"}, exclude_none=True, mode="json"),
    }
