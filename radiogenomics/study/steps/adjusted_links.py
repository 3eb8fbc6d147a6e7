"""What lesion size and other confounders leave of the links: features that are size, and every family again given size."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics import linking, stats
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Step, Store
from radiogenomics.study.steps import clinical_links as clinical
from radiogenomics.study.steps import covariates
from radiogenomics.study.steps.signatures import scores_of, training_features, volume, volume_tables

LIKE_SIZE = 0.9
"""A feature whose ranks follow those of lesion volume so closely, in either direction, is lesion size by another name."""
_FEWEST_DRAWS, _DRAWS_A_FAMILY = 200, 30
_NULLS = ["family", "null", "tested", "found", "mean", "p", "p_holm"]


def steps(plan: Plan) -> list[Step]:
    """List the steps; imaging, modules and pathways are finished before."""
    manifest, sized = plan.inputs.manifest, volume_tables(plan)
    settings = {"links": manifest.links.model_dump(), "outcome": manifest.outcome.model_dump(), "seed": manifest.seed}
    settings |= {"joined": {name: one.linked for name, one in manifest.joined.items()}, "volume": manifest.training.volume}
    imaging = ("patients", "signatures", *(f"features_{kind}" for kind in manifest.kinds()))
    molecular = ("eigengenes", *(["pathways"] if manifest.gene_sets else []))
    needs = tuple(dict.fromkeys([*imaging, *molecular, *sized]))
    made = [Step("adjusted_links", plan.bind(_adjusted), needs=needs, settings=settings)]
    if sized:
        needs = tuple(dict.fromkeys([*imaging, *sized]))
        made.append(Step("feature_volume", plan.bind(_sized), needs=needs, settings={"volume": manifest.training.volume}))
    return made


def draws(n_families: int) -> int:
    """Give the draws of a null, so many that its smallest p stays below 0.05 when Holm multiplies it by the families."""
    return max(_FEWEST_DRAWS, _DRAWS_A_FAMILY * n_families)


def holm_over_families(nulls: pd.DataFrame) -> pd.DataFrame:
    """Add ``p_holm``: the larger p of a family's two nulls, adjusted by Holm over the families."""
    larger = nulls.groupby("family", sort=False)["p"].max()
    return nulls.assign(p_holm=nulls["family"].map(stats.holm(larger)))


def _sized(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    parts = [
        like_size(clinical.varying_columns(table), _size(plan, store)).assign(kind=kind) for kind, table in _features(plan, store)
    ]
    return {"feature_volume": pd.concat(parts, ignore_index=True)[["kind", "feature", "rho", "n"]]}


def like_size(features: pd.DataFrame, size: "pd.Series[float]") -> pd.DataFrame:
    """Correlate every feature's ranks with those of lesion volume -> ``feature, rho, n``."""
    found = linking.correlate(features, size.to_frame(), method="spearman", n_permutations=0)
    return found.rename(columns={"effect": "rho"})[["feature", "rho", "n"]]


def _size(plan: Plan, store: Store) -> "pd.Series[float]":
    size = volume(plan, store)
    if size is None:
        raise KeyError(f"The column {plan.inputs.manifest.training.volume!r} of lesion volume stands in no table of features.")
    return size.loc[plan.linked]


def _features(plan: Plan, store: Store) -> Iterator[tuple[str, pd.DataFrame]]:
    for kind in plan.inputs.manifest.kinds():
        yield kind, training_features(plan, store, kind).loc[plan.linked]


def _adjusted(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Link imaging with molecules adjusted for volume, age, subtype and site, and signatures by high against low score."""
    confounders, imaging = _confounders(plan, store), dict(_imaging(plan, store))
    parts, nulls = [], [pd.DataFrame(columns=_NULLS)]
    targets = list(clinical.targets(plan, store))
    for kind, right in targets:
        free = right.drop(columns=confounders.columns, errors="ignore")
        if confounders.shape[1] and free.shape[1]:
            repeats = draws(len(targets) * len(imaging))
            for name, left in imaging.items():
                found, null = _partial(plan, left, free, confounders, family=f"{name} x {kind}", repeats=repeats)
                parts += found
                nulls.append(null)
        parts += _split(plan, imaging["signature"], right, f"signature x {kind}")
    known = pd.concat([one for one in nulls if len(one)] or nulls[:1], ignore_index=True)
    return {"adjusted_links": clinical.stacked(parts), "adjusted_null": holm_over_families(known)}


def _imaging(plan: Plan, store: Store) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give scores out of fold, and the features of each kind but those that are lesion size, of which size leaves nothing."""
    yield "signature", clinical.varying_columns(scores_of(plan, store, "nested").loc[plan.linked])
    for kind, table in _features(plan, store):
        table = clinical.varying_columns(table)
        if volume_tables(plan):
            rho = like_size(table, _size(plan, store)).set_index("feature")["rho"].abs()
            table = table.drop(columns=rho.index[rho >= LIKE_SIZE])
        if table.shape[1]:
            yield f"{kind} features", table


def _partial(
    plan: Plan, left: pd.DataFrame, right: pd.DataFrame, confounders: pd.DataFrame, *, family: str, repeats: int
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Link two tables given the confounders, and without them in the same patients -> the links of both, and the null."""
    chosen, name = plan.inputs.manifest.links, f"{family}, adjusted"
    known = confounders.dropna()
    left, right = linking.linkable(left.loc[known.index], right.loc[known.index], method="partial", covariates=known)
    if not (left.shape[1] and right.shape[1]):
        return [], pd.DataFrame(columns=_NULLS)
    how: dict[str, Any] = {"n_permutations": chosen.n_permutations, "random_state": plan.seed(f"{family} adjusted")}
    given: dict[str, Any] = {"method": "partial", "covariates": known, "family": name}
    links = linking.correlate(left, right, **given, **how)
    parts = [links.assign(measure="partial r", adjusted_for=", ".join(known.columns))]
    if len(known) < len(confounders):
        same = linking.correlate(left, right, method=chosen.method, family=f"{family}, the same patients unadjusted", **how)
        parts.append(same.assign(measure=clinical.measure(chosen.method), adjusted_for=""))
    null = linking.random_feature_null(
        left, right, **given, alpha=chosen.alpha, n_repeats=repeats, random_state=plan.seed(f"{name} null")
    )
    return parts, null.assign(family=name, tested=len(links))


def _split(plan: Plan, scores: pd.DataFrame, right: pd.DataFrame, family: str) -> list[pd.DataFrame]:
    """Compare patients above and not above the median score; a score that does not make two groups is left out."""
    smaller = np.minimum((scores > scores.median()).sum(), (scores <= scores.median()).sum())
    split = scores.loc[:, smaller >= clinical.FEWEST_INSIDE]
    if not split.shape[1]:
        return []
    how: dict[str, Any] = {
        "n_permutations": plan.inputs.manifest.links.n_permutations,
        "random_state": plan.seed(f"{family} adjusted"),
    }
    compared = linking.contrast(split, right, family=f"{family}, high against low", **how)
    return [compared.assign(measure="rank-biserial r", adjusted_for="")]


def _confounders(plan: Plan, store: Store) -> pd.DataFrame:
    """Lay out what links are adjusted for: the columns that the manifest names, or those found by name, and lesion volume."""
    patients, size = clinical.linked_patients(plan, store), volume(plan, store)
    chosen = plan.inputs.manifest.links.covariates
    table = covariates.by_name(patients) if chosen is None else patients[list(dict.fromkeys(chosen))]
    if size is not None:
        table = pd.concat([size.loc[table.index], table.drop(columns=size.name, errors="ignore")], axis=1)
    return covariates.affordable(table)
