"""What else patients differ in: clinical columns linked with modules, pathways and genes, and links adjusted for them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics import linking, stats
from radiogenomics.study import covariates
from radiogenomics.study.imaging_arm import scores_of, volume, volume_tables
from radiogenomics.study.plan import Plan
from radiogenomics.study.store import Step, Store

_FEWEST_KNOWN = 10
"""A clinical column known of fewer linked patients than this is not linked."""
_FEWEST_INSIDE = 5
"""A group is compared with the others when it holds, and leaves, so many patients."""
_NO_MEASUREMENT = ("cohort", "has_expression", "included")


def steps(plan: Plan) -> list[Step]:
    """List the steps that need clinical columns, in their order; signatures, modules and pathways are finished before."""
    manifest = plan.inputs.manifest
    chosen = {"links": manifest.links.model_dump(), "outcome": manifest.outcome.model_dump(), "seed": manifest.seed}
    linked = ("patients", "signatures", "eigengenes", *(["pathways"] if manifest.gene_sets else []))
    sized = volume_tables(plan)
    return [
        Step("baseline", plan.bind(_baseline), needs=("patients",), settings={"outcome": manifest.outcome.model_dump()}),
        Step("clinical_links", plan.bind(_clinical_links), needs=linked, settings=chosen),
        Step("gene_links", plan.bind(_gene_links), needs=(*linked, "expression_linked"), settings=chosen),
        Step(
            "adjusted_links",
            plan.bind(_adjusted),
            needs=(*linked, *sized),
            settings=chosen | {"volume": manifest.training.volume},
        ),
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
    return table[table.columns[np.minimum(inside, known - inside) >= _FEWEST_INSIDE]]


def _linked_patients(plan: Plan, store: Store) -> pd.DataFrame:
    """Give the clinical columns of the linked patients; the outcome stands first, under its name and in its words."""
    outcome = plan.inputs.manifest.outcome
    patients = store.table("patients").loc[plan.linked]
    words = patients["outcome"].map(dict(enumerate(outcome.labels))).astype(pd.CategoricalDtype(outcome.labels))
    patients = patients.drop(columns=["outcome", *_NO_MEASUREMENT])
    patients.insert(0, outcome.name, words)
    return patients.loc[:, patients.notna().any()]


def _baseline(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Describe the linked patients by outcome: Table 1 of a paper."""
    patients, outcome = _linked_patients(plan, store), plan.inputs.manifest.outcome.name
    patients[outcome] = patients[outcome].astype(str)
    words = [name for name, kind in patients.dtypes.items() if not pd.api.types.is_numeric_dtype(kind) and name != outcome]
    measured = [name for name in patients.columns if name not in words and name != outcome]
    if not words and not measured:
        return {"baseline": pd.DataFrame(columns=["variable", "level", "missing", "overall"])}
    made = stats.table_one(patients, by=outcome, categorical=words, nonnormal=measured)
    return {"baseline": made.assign(level=made["level"].replace("None", "not known"))}


def _clinical_links(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Link every clinical column with every module and pathway."""
    patients = _linked_patients(plan, store)
    parts = [part for kind, right in _molecules(plan, store) for part in _by_columns(plan, patients, right, kind, "all")]
    return {"clinical_links": _stacked(parts)}


def _molecules(plan: Plan, store: Store) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "modules", store.table("eigengenes").loc[plan.linked]
    if plan.inputs.manifest.gene_sets:
        yield "pathways", store.table("pathways").loc[plan.linked]


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
            yield links.assign(measure=_measure(chosen.method))
        else:
            half = pd.Series(0.5, index=left.columns)
            links = linking.contrast(left, varying, thresholds=half, family=_over(over, family), **how)
            yield links.assign(measure="rank-biserial r")


def _over(over: str, family: str) -> str:
    return family if over == "all" else over


def _measure(method: str) -> str:
    return f"{method.capitalize()} r"


def _varying_beside(right: pd.DataFrame, left: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that vary among the patients known in each column of another table."""
    kept = right.columns
    for known in left.notna().to_numpy().T:
        kept = kept[(right.loc[known, kept].nunique() > 1).to_numpy()]
    return right[kept]


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    columns = [*linking.LINK_COLUMNS, "measure"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _gene_links(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Link every gene with signatures and clinical columns, corrected over all genes and, beside it, over the one gene asked."""
    patients, genes, chosen = _linked_patients(plan, store), store.table("expression_linked"), plan.inputs.manifest.links
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
        made = [links.assign(measure=_measure(chosen.method)), *_by_columns(plan, patients, genes, "genes", over)]
        parts.append(_stacked(made))
    everywhere, alone = parts
    return {"gene_links": everywhere.assign(q_gene=alone["q"], p_max_t_gene=alone["p_max_t"])}


def varying_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns with more than one value; no other can be linked."""
    return table.loc[:, table.nunique() > 1]


def _adjusted(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Link signatures with modules and pathways, adjusted for volume, age, subtype and site, and by high against low score."""
    scores, chosen = varying_columns(scores_of(plan, store, "nested").loc[plan.linked]), plan.inputs.manifest.links
    covariates = _confounders(plan, store)
    parts, nulls = [], [pd.DataFrame(columns=["family", "null", "tested", "found", "mean"])]
    for kind, right in _molecules(plan, store):
        family = f"signature x {kind}"
        how: dict[str, Any] = {"n_permutations": chosen.n_permutations, "random_state": plan.seed(f"{family} adjusted")}
        if covariates.shape[1]:
            name = f"{family}, adjusted"
            partial: dict[str, Any] = {"method": "partial", "covariates": covariates}
            adjusted = linking.correlate(scores, right, **partial, family=name, **how)
            known = int(covariates.notna().all(axis=1).sum())
            parts.append(adjusted.assign(measure="partial r", n=known, adjusted_for=", ".join(covariates.columns)))
            seed = plan.seed(f"{name} null")
            null = linking.random_feature_null(scores, right, **partial, family=name, alpha=chosen.alpha, random_state=seed)
            nulls.append(null.assign(family=name, tested=len(adjusted)))
        split = scores.loc[:, np.minimum((scores > scores.median()).sum(), (scores <= scores.median()).sum()) >= _FEWEST_INSIDE]
        if split.shape[1]:
            compared = linking.contrast(split, right, family=f"{family}, high against low", **how)
            parts.append(compared.assign(measure="rank-biserial r", adjusted_for=""))
    return {"adjusted_links": _stacked(parts), "adjusted_null": pd.concat(nulls[1:] or nulls, ignore_index=True)}


def _confounders(plan: Plan, store: Store) -> pd.DataFrame:
    """Lay out what links are adjusted for: the columns that the manifest names, or those found by name, and lesion volume."""
    patients, size = _linked_patients(plan, store), volume(plan, store)
    chosen = plan.inputs.manifest.links.covariates
    table = covariates.by_name(patients) if chosen is None else patients[list(dict.fromkeys(chosen))]
    if size is not None:
        table = table.assign(**{str(size.name): size.loc[table.index]})
    return covariates.affordable(table)
