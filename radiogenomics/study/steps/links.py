"""Links of imaging with modules, pathways and further tables, each family with its nulls."""

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics import linking
from radiogenomics._tables import summarise
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import SIGNATURE, scores_of, training_features
from radiogenomics.study.steps.patients import linked

logger = logging.getLogger(__name__)


@step(
    makes={
        "links": "links of signatures and features with modules, pathways and further tables",
        "link_null": "number of links expected by chance in each family, with permuted patients and with random features",
    },
    settings=("links", "joined", "fusion", "training", "extraction", "seed"),
)
def links(
    patients: pd.DataFrame,
    signatures: pd.DataFrame,
    features: Tables,
    eigengenes: pd.DataFrame,
    pathways: pd.DataFrame | None = None,
    *,
    settings: Manifest,
) -> Tables:
    """Link every imaging table with every molecular one; scores fitted to the same patients stand in `published` rows only."""
    rules = settings.links
    found, nulls = [], []
    targets = dict(molecules(patients, eigengenes, pathways, settings))
    repeats = linking.null_draws(len(targets) * (1 + len(settings.kinds())))
    for molecular, right in targets.items():
        for imaging, estimate, left in _imaging(patients, signatures, features, settings):
            family = family_of(imaging, molecular)
            seed = settings.seed_of(f"{family} {estimate}")
            how: dict[str, Any] = {"imaging": imaging, "molecular": molecular, "family": family, "random_state": seed}
            how["method"] = rules.method
            left, usable = _linkable(left.loc[linked(patients)], right, family, rules.method)
            if not (left.shape[1] and usable.shape[1]):
                continue
            found.append(
                linking.correlate(left, usable, estimate=estimate, ranks=True, n_permutations=rules.n_permutations, **how)
            )
            if estimate != "published":
                nulls.append(linking.random_feature_null(left, usable, alpha=rules.alpha, n_repeats=repeats, **how))
    null = linking.holm_over_families(pd.concat(nulls, ignore_index=True))
    return {"links": pd.concat(found, ignore_index=True), "link_null": null}


def _linkable(left: pd.DataFrame, right: pd.DataFrame, family: str, method: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out what cannot be linked, since it does not vary or is missing for too many patients, and say so."""
    kept = linking.linkable(linking.varying_columns(left), linking.varying_columns(right), method=method)
    for table, rest in zip((left, right), kept, strict=True):
        gone = table.columns.difference(rest.columns, sort=False)
        if len(gone):
            logger.warning(
                "%s: %d column(s) do not vary or are missing for too many patients: %s", family, len(gone), summarise(gone)
            )
    return kept


def family_of(imaging: str, molecular: str) -> str:
    """Name a family of links as it is printed."""
    return f"{imaging if imaging == SIGNATURE else f'{imaging} features'} x {molecular}"


def molecules(
    patients: pd.DataFrame, eigengenes: pd.DataFrame, pathways: pd.DataFrame | None, settings: Manifest
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give what imaging is linked with, of the linked patients: modules, pathways, and the numbers of further tables."""
    who = linked(patients)
    yield "modules", eigengenes.loc[who]
    if pathways is not None:
        yield "pathways", pathways.loc[who]
    for name, joined in settings.joined.items():
        if joined.linked:
            yield name, patients.loc[who, joined.linked]


def _imaging(
    patients: pd.DataFrame, signatures: pd.DataFrame, features: Tables, settings: Manifest
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give every imaging table to link, with its name and what it is."""
    for estimate, label in (("nested", "nested"), ("apparent", "published")):
        yield SIGNATURE, label, scores_of(signatures, estimate, settings)
    for kind in settings.kinds():
        yield kind, "measured", training_features(features, patients, kind)
