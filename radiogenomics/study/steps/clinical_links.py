"""What else patients differ in: clinical columns linked with modules, pathways and genes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics import linking, stats
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Step, Store
from radiogenomics.study.steps.signatures import scores_of

_FEWEST_KNOWN = 10
"""A clinical column known of fewer linked patients than this is not linked."""
FEWEST_INSIDE = 5
"""A group is compared with the others when it holds, and leaves, so many patients."""
_NO_MEASUREMENT = ("cohort", "has_expression", "included")


def steps(plan: Plan) -> list[Step]:
    """List the steps that need clinical columns, in their order; signatures, modules and pathways are finished before."""
    manifest = plan.inputs.manifest
    chosen = {"links": manifest.links.model_dump(), "outcome": manifest.outcome.model_dump(), "seed": manifest.seed}
    linked = ("patients", "signatures", "eigengenes", *(["pathways"] if manifest.gene_sets else []))
    return [
        Step("baseline", plan.bind(_baseline), needs=("patients",), settings={"outcome": manifest.outcome.model_dump()}),
        Step("clinical_links", plan.bind(_clinical_links), needs=linked, settings=chosen),
        Step("gene_links", plan.bind(_gene_links), needs=(*linked, "expression_linked"), settings=chosen),
    ]


def numbers(patients: pd.DataFrame) -> pd.DataFrame:
    """Pick the clinical columns that measure: numeric, more than two values, known of enough patients."""
    table = patients.select_dtypes(["number"]).astype(float)
    return table[table.columns[(table.nunique() > 2) & (table.notna().sum() >= _FEWEST_KNOWN)]]


def groups(patients: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of words, and of two numbers, into groups against all others: 1 inside, 0 outside, missing where unknown.

    Of two groups the second (by a category's own order, else by the alphabet) is compared with the first; of more, each with
    all others.
    """
    made = {}
    for name, values in patients.items():
        if pd.api.types.is_numeric_dtype(values) and values.nunique() > 2:
            continue
        levels = list(values.cat.categories) if values.dtype == "category" else sorted(values.dropna().unique())
        for level in levels[1:] if len(levels) == 2 else levels:
            text = f"{level:g}" if isinstance(level, (int, float)) else str(level)
            made[f"{name}: {text}"] = values.eq(level).astype(float).where(values.notna())
    table = pd.DataFrame(made, index=patients.index)
    inside, known = table.sum(), table.notna().sum()
    return table[table.columns[np.minimum(inside, known - inside) >= FEWEST_INSIDE]]


def linked_patients(plan: Plan, store: Store) -> pd.DataFrame:
    """Give the clinical columns of the linked patients; the outcome stands first, under its name and in its words."""
    outcome = plan.inputs.manifest.outcome
    patients = store.table("patients").loc[plan.linked]
    words = patients["outcome"].map(dict(enumerate(outcome.labels))).astype(pd.CategoricalDtype(outcome.labels))
    patients = patients.drop(columns=["outcome", *_NO_MEASUREMENT])
    patients.insert(0, outcome.name, words)
    return patients.loc[:, patients.notna().any()]


def _baseline(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Describe the linked patients by outcome: Table 1 of a paper."""
    patients, outcome = linked_patients(plan, store), plan.inputs.manifest.outcome.name
    patients[outcome] = patients[outcome].astype(str)
    words = [name for name, kind in patients.dtypes.items() if not pd.api.types.is_numeric_dtype(kind) and name != outcome]
    measured = [name for name in patients.columns if name not in words and name != outcome]
    if not words and not measured:
        return {"baseline": pd.DataFrame(columns=["variable", "level", "missing", "overall"])}
    return {"baseline": stats.table_one(patients, by=outcome, categorical=words, nonnormal=measured)}


def _clinical_links(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Link every clinical column with every module and pathway."""
    patients = linked_patients(plan, store)
    parts = [part for kind, right in _molecules(plan, store) for part in _by_columns(plan, patients, right, kind, "all")]
    return {"clinical_links": stacked(parts)}


def _molecules(plan: Plan, store: Store) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "modules", store.table("eigengenes").loc[plan.linked]
    if plan.inputs.manifest.gene_sets:
        yield "pathways", store.table("pathways").loc[plan.linked]


def targets(plan: Plan, store: Store) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give what imaging is linked with, of the linked patients: modules, pathways, and the numbers of further tables."""
    yield from _molecules(plan, store)
    for name, joined in plan.inputs.manifest.joined.items():
        if joined.linked:
            yield name, store.table("patients").loc[plan.linked, joined.linked]


def _by_columns(plan: Plan, patients: pd.DataFrame, right: pd.DataFrame, kind: str, over: str) -> Iterator[pd.DataFrame]:
    """Link clinical numbers by correlation and clinical groups by contrast; each is a family of its own."""
    chosen = plan.inputs.manifest.links
    for name, left in (("clinical numbers", numbers(patients)), ("clinical groups", groups(patients))):
        varying = _varying_beside(right, left)
        if left.empty or varying.empty:
            continue
        family = f"{name} x {kind}"
        how: dict[str, Any] = {"n_permutations": chosen.n_permutations, "estimate": "measured", "random_state": plan.seed(family)}
        if name == "clinical numbers":
            links = linking.correlate(left, varying, method=chosen.method, family=_over(over, family), **how)
            yield links.assign(measure=measure(chosen.method))
        else:
            half = pd.Series(0.5, index=left.columns)
            links = linking.contrast(left, varying, thresholds=half, family=_over(over, family), **how)
            yield links.assign(measure="rank-biserial r")


def _over(over: str, family: str) -> str:
    return family if over == "all" else over


def measure(method: str) -> str:
    """Name what a link's effect is."""
    return f"{method.capitalize()} r"


def _varying_beside(right: pd.DataFrame, left: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that vary among the patients known in each column of another table."""
    kept = right.columns
    for known in left.notna().to_numpy().T:
        kept = kept[(right.loc[known, kept].nunique() > 1).to_numpy()]
    return right[kept]


def stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of links below one another; without any, an empty one."""
    columns = [*linking.LINK_COLUMNS, "measure"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _gene_links(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Link every gene with signatures and clinical columns, corrected over all genes and, beside it, over the one gene asked."""
    patients, genes, chosen = linked_patients(plan, store), store.table("expression_linked"), plan.inputs.manifest.links
    left = varying_columns(scores_of(plan, store, "nested").loc[plan.linked])
    parts = []
    for over in ("all", "target"):
        varying = _varying_beside(genes, left)
        links = linking.correlate(
            left,
            varying,
            method=chosen.method,
            n_permutations=chosen.n_permutations,
            family=_over(over, "signature x genes"),
            random_state=plan.seed("signature x genes"),
        )
        made = [links.assign(measure=measure(chosen.method)), *_by_columns(plan, patients, genes, "genes", over)]
        parts.append(stacked(made))
    everywhere, alone = parts
    return {"gene_links": everywhere.assign(q_gene=alone["q"], p_max_t_gene=alone["p_max_t"])}


def varying_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns with more than one value; no other can be linked."""
    return table.loc[:, table.nunique() > 1]
