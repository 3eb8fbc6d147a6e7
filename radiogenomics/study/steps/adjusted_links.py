"""What lesion size and other confounders leave of the links: features that are size, and every family again given size."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics import linking
from radiogenomics._errors import InputError
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.clinical_links import RANK_BISERIAL, measure, stacked
from radiogenomics.study.steps.imaging import SIGNATURE, has_volume, lesion_volume, scores_of, training_features
from radiogenomics.study.steps.links import family_of, molecules
from radiogenomics.study.steps.patients import linked, with_words

SAME_PATIENTS = "none, in the same patients"
HIGH_AND_LOW = "none, high against low scores"
"""What stands in the column ``adjustment`` of links that stand beside the adjusted ones for comparison."""

_SETTINGS = ("training", "external", "extraction")


@step(
    makes={"feature_volume": "rank correlation of every feature with lesion volume"},
    settings=_SETTINGS,
    when=has_volume,
)
def feature_volume(
    patients: pd.DataFrame, features: Tables, lesions: pd.DataFrame | None = None, *, settings: Manifest
) -> Tables:
    """Correlate every feature's ranks with those of lesion volume."""
    size = _size(patients, features, lesions, settings)
    parts = [
        linking.correlate_with_size(linking.varying_columns(table), size).assign(kind=kind)
        for kind, table in _features(patients, features, settings)
    ]
    return {"feature_volume": pd.concat(parts, ignore_index=True)[["kind", "feature", "rho", "n"]]}


@step(
    makes={
        "adjusted_links": "links given lesion volume and other confounders, and those of high against low scores",
        "adjusted_null": "number of adjusted links expected by chance in each family",
    },
    settings=(*_SETTINGS, "links", "outcome", "joined", "fusion", "seed"),
)
def adjusted_links(
    patients: pd.DataFrame,
    signatures: pd.DataFrame,
    features: Tables,
    eigengenes: pd.DataFrame,
    pathways: pd.DataFrame | None = None,
    lesions: pd.DataFrame | None = None,
    *,
    settings: Manifest,
) -> Tables:
    """Link imaging with molecules adjusted for volume, age, subtype and site, and signatures by high against low score."""
    size = _size(patients, features, lesions, settings) if has_volume(settings) else None
    confounders = _confounders(patients, size, settings)
    imaging = dict(_imaging(patients, signatures, features, size, settings))
    targets = dict(molecules(patients, eigengenes, pathways, settings))
    repeats = linking.null_draws(len(targets) * len(imaging))
    parts, nulls = [], [pd.DataFrame(columns=[*linking.NULL_COLUMNS, "p_holm"])]
    for molecular, right in targets.items():
        free = right.drop(columns=confounders.columns, errors="ignore")
        if confounders.shape[1] and free.shape[1]:
            for name, left in imaging.items():
                found, null = _partial(left, free, confounders, (name, molecular), repeats, settings)
                parts += found
                nulls.append(null)
        parts += _split(imaging[SIGNATURE], right, molecular, settings)
    known = pd.concat([one for one in nulls if len(one)] or nulls[:1], ignore_index=True)
    return {"adjusted_links": stacked(parts), "adjusted_null": linking.holm_over_families(known)}


def _features(patients: pd.DataFrame, features: Tables, settings: Manifest) -> Iterator[tuple[str, pd.DataFrame]]:
    for kind in settings.kinds():
        yield kind, training_features(features, patients, kind).loc[linked(patients)]


def _size(patients: pd.DataFrame, features: Tables, lesions: pd.DataFrame | None, settings: Manifest) -> "pd.Series[float]":
    size = lesion_volume(settings, features, lesions)
    if size is None:
        raise InputError(f"training.volume is {settings.training.volume!r}, which is not in any table of features.")
    return size.loc[linked(patients)]


def _imaging(
    patients: pd.DataFrame,
    signatures: pd.DataFrame,
    features: Tables,
    size: "pd.Series[float] | None",
    settings: Manifest,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give scores out of fold, and the features of each kind but those that are lesion size, of which size leaves nothing."""
    yield SIGNATURE, linking.varying_columns(scores_of(signatures, "nested", settings).loc[linked(patients)])
    for kind, table in _features(patients, features, settings):
        table = linking.varying_columns(table)
        if size is not None:
            table = linking.without_size(table, size)
        if table.shape[1]:
            yield kind, table


def _partial(
    left: pd.DataFrame,
    right: pd.DataFrame,
    confounders: pd.DataFrame,
    names: tuple[str, str],
    repeats: int,
    settings: Manifest,
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Link two tables given the confounders, and without them in the same patients -> the links of both, and the null."""
    chosen, (imaging, molecular) = settings.links, names
    family, known = family_of(*names), confounders.dropna()
    left, right = linking.linkable(left.loc[known.index], right.loc[known.index], method="partial", covariates=known)
    if not (left.shape[1] and right.shape[1]):
        return [], pd.DataFrame()
    named: dict[str, Any] = {"imaging": imaging, "molecular": molecular}
    how = {**named, "n_permutations": chosen.n_permutations, "random_state": settings.seed_of(f"{family} adjusted")}
    given: dict[str, Any] = {"method": "partial", "covariates": known, "adjustment": ", ".join(known.columns)}
    links = linking.correlate(left, right, family=f"{family}, adjusted", **given, **how)
    parts = [links.assign(measure="partial r")]
    if len(known) < len(confounders):
        same: dict[str, Any] = {"adjustment": SAME_PATIENTS, "family": f"{family}, the same patients unadjusted"}
        correlated = linking.correlate(left, right, method=chosen.method, **same, **how)
        parts.append(correlated.assign(measure=measure(chosen.method)))
    draws: dict[str, Any] = {
        "alpha": chosen.alpha,
        "n_repeats": repeats,
        "random_state": settings.seed_of(f"{family}, adjusted null"),
    }
    return parts, linking.random_feature_null(left, right, family=f"{family}, adjusted", **given, **named, **draws)


def _split(scores: pd.DataFrame, right: pd.DataFrame, molecular: str, settings: Manifest) -> list[pd.DataFrame]:
    """Compare patients above and not above the median score; a score that does not make two groups is left out."""
    split = linking.columns_to_split(scores)
    if not split.shape[1]:
        return []
    family = family_of(SIGNATURE, molecular)
    compared = linking.contrast(
        split,
        right,
        imaging=SIGNATURE,
        molecular=molecular,
        adjustment=HIGH_AND_LOW,
        family=f"{family}, high against low",
        n_permutations=settings.links.n_permutations,
        random_state=settings.seed_of(f"{family} adjusted"),
    )
    return [compared.assign(measure=RANK_BISERIAL)]


def _confounders(patients: pd.DataFrame, size: "pd.Series[float] | None", settings: Manifest) -> pd.DataFrame:
    """Lay out what links are adjusted for: the columns that the manifest names, or those found by name, and lesion volume."""
    clinical = with_words(patients, name=settings.outcome.name, labels=settings.outcome.labels)
    covariates = settings.links.covariates
    table = linking.find_confounders(clinical) if covariates is None else clinical[list(dict.fromkeys(covariates))]
    if size is not None:
        table = pd.concat([size.loc[table.index], table.drop(columns=size.name, errors="ignore")], axis=1)
    return linking.affordable_covariates(table)
