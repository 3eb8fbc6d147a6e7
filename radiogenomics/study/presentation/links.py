"""Links in figures: modules and pathways against imaging, their nulls, and clinical columns."""

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from radiogenomics import figures, linking
from radiogenomics.study.engine.results import Panel
from radiogenomics.study.engine.step import Tables
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.presentation.panels import Panels, drawing
from radiogenomics.study.steps.imaging import SIGNATURE, training_features

_MOST_FEATURES = 30
"""Features that the module-trait heat map shows beside the signatures, unless more have links that survive."""

_MOST_TRAITS = 60
"""So many columns of the heat map can be read; where more links survive it says so."""


@drawing(section="links", settings=("links", "training", "extraction"))
def links(
    links: pd.DataFrame,
    link_null: pd.DataFrame,
    modules: pd.DataFrame,
    patients: pd.DataFrame,
    features: Tables,
    gene_sets: pd.DataFrame | None = None,
    *,
    settings: Manifest,
) -> Panels:
    """Draw the links of out-of-fold scores and of features; of near-copies among these, one, or those whose links survive."""
    kinds = {kind: training_features(features, patients, kind) for kind in settings.kinds()}
    shared = _shared_names(kinds)
    honest, alpha = _told_apart(links[links["estimate"] != "published"], shared), settings.links.alpha
    groups = _groups(kinds, shared)
    with_modules, left_out = _for_the_heat_map(honest[honest["molecular"] == "modules"], groups, alpha)
    drawn = figures.module_trait(with_modules, modules=modules, most=_MOST_TRAITS, note=left_out)
    yield Panel("module_trait", "", drawn, with_modules, section="modules")
    yield Panel("null_intervals", "", figures.null_intervals(link_null), link_null)
    for family, rows in honest.groupby("family", sort=False):
        rows = _categorised(rows, gene_sets)
        strongest = linking.one_per_group(rows, groups)
        yield Panel("link_forest", str(family), figures.link_forest(strongest, q_below=alpha), strongest)
        if rows["molecular"].iloc[0] == "pathways":
            yield from _with_pathways(str(family), rows, groups, alpha)


def _with_pathways(family: str, part: pd.DataFrame, groups: "pd.Series[str]", alpha: float) -> Panels:
    """Draw pathways against each signature as bars, against features as dots."""
    if part["imaging"].iloc[0] == SIGNATURE:
        for signature, one in part.groupby("feature", sort=False):
            yield Panel("pathway_bar", str(signature), figures.pathway_bar(one), one, section="pathways")
    else:
        part = part[part["feature"].isin(_standing(part, groups, alpha))]
        yield Panel("pathway_dot", family, figures.pathway_dot(part), part, section="pathways")


@drawing(section="links")
def clinical(clinical_links: pd.DataFrame, gene_sets: pd.DataFrame | None = None, *, settings: Manifest) -> Panels:
    """Draw modules and pathways against clinical columns, one heat map a family."""
    for family, part in clinical_links.groupby("family", sort=False):
        label, part = str(part["measure"].iloc[0]), _categorised(part, gene_sets)
        yield Panel("link_heatmap", str(family), figures.link_heatmap(part, most=24, label=label), part)


def _shared_names(kinds: Mapping[str, pd.DataFrame]) -> set[str]:
    """Name the features that several tables have, such as the same radiomics of two sequences."""
    times = Counter(name for table in kinds.values() for name in table.columns)
    return {name for name, count in times.items() if count > 1}


def _told_apart(links: pd.DataFrame, shared: set[str]) -> pd.DataFrame:
    """Put the table's name before a feature that several tables have."""
    again = links["feature"].isin(shared) & (links["imaging"] != SIGNATURE)
    return links.assign(feature=links["feature"].where(~again, links["imaging"] + ": " + links["feature"]))


def _groups(kinds: Mapping[str, pd.DataFrame], shared: set[str]) -> "pd.Series[str]":
    """Group the features of each table that are nearly the same -> for every feature the one that figures show in its place.

    Neither gene nor outcome has a say in it.
    """
    parts = []
    for kind, table in kinds.items():
        named = table.rename(columns={name: f"{kind}: {name}" for name in shared})
        parts.append(linking.feature_groups(linking.varying_columns(named)))
    return pd.concat(parts)


def _categorised(links: pd.DataFrame, gene_sets: pd.DataFrame | None) -> pd.DataFrame:
    """Give links with pathways the category of each, for panels that group by it; it is missing outside our 36."""
    if gene_sets is None or not (links["molecular"] == "pathways").all():
        return links
    return links.assign(category=links["target"].map(gene_sets.set_index("pathway")["category"]))


def _standing(links: pd.DataFrame, groups: "pd.Series[str]", alpha: float) -> set[str]:
    """Name the features to be shown: of every group the one that stands for it, or those that have its surviving links."""
    surviving = set(linking.one_per_group(links[links["q"] < alpha], groups)["feature"])
    told = groups[groups.index.isin(surviving)]
    return surviving | (set(groups) - set(told))


def _for_the_heat_map(links: pd.DataFrame, groups: "pd.Series[str]", alpha: float) -> tuple[pd.DataFrame, str]:
    """Choose what the heat map has room for -> its links, and what it must say of those left out.

    Every signature, so that none is crowded out; of the features those with surviving links first, and the smallest p.
    """
    signatures = links["imaging"] == SIGNATURE
    features = links[~signatures]
    features = features[features["feature"].isin(_standing(features, groups, alpha))]
    best = features.assign(fails=~(features["q"] < alpha)).groupby("feature")[["fails", "p"]].min().sort_values(["fails", "p"])
    surviving = int((~best["fails"]).sum())
    most = min(max(_MOST_FEATURES, surviving), _MOST_TRAITS - links.loc[signatures, "feature"].nunique())
    left_out = f"{most} of {surviving} features with surviving links, those with the smallest p" if most < surviving else ""
    return pd.concat([links[signatures], features[features["feature"].isin(best.index[:most])]]), left_out
