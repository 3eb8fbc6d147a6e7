"""Links in figures: modules and pathways against imaging, their nulls, and clinical columns."""

import pandas as pd

from radiogenomics import figures, linking
from radiogenomics.study.engine.results import Panel
from radiogenomics.study.engine.step import Tables
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.presentation.panels import Panels, drawing
from radiogenomics.study.steps.imaging import training_features

_MOST_FEATURES = 30
"""Features that the module-trait heat map shows beside the signatures."""


@drawing(settings=("links", "training", "extraction"))
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
    """Draw the links of out-of-fold scores and of features; of near-copies among these, one."""
    honest = links[links["estimate"] != "published"]
    groups = _groups(features, patients, settings)
    shown = set(groups)
    with_modules = _signatures_first(honest[honest["molecular"] == "modules"], shown)
    yield Panel("module_trait", "", figures.module_trait(with_modules, modules=modules), with_modules)
    yield Panel("null_intervals", "", figures.null_intervals(link_null), link_null)
    for family, part in honest.groupby("family", sort=False):
        part = _categorised(part, gene_sets)
        strongest = linking.one_per_group(part, groups)
        drawn = figures.link_forest(strongest, q_below=settings.links.alpha)
        yield Panel("link_forest", str(family), drawn, strongest)
        if part["molecular"].iloc[0] == "pathways":
            yield from _with_pathways(str(family), part, shown)


def _with_pathways(family: str, part: pd.DataFrame, shown: set[str]) -> Panels:
    """Draw pathways against each signature as bars, against features as dots."""
    if part["imaging"].iloc[0] == "signature":
        for signature, one in part.groupby("feature", sort=False):
            yield Panel("pathway_bar", str(signature), figures.pathway_bar(one), one)
    else:
        part = part[part["feature"].isin(shown)]
        yield Panel("pathway_dot", family, figures.pathway_dot(part), part)


@drawing()
def clinical(clinical_links: pd.DataFrame, gene_sets: pd.DataFrame | None = None, *, settings: Manifest) -> Panels:
    """Draw modules and pathways against clinical columns, one heat map a family."""
    for family, part in clinical_links.groupby("family", sort=False):
        label, part = str(part["measure"].iloc[0]), _categorised(part, gene_sets)
        yield Panel("link_heatmap", str(family), figures.link_heatmap(part, most=24, label=label), part)


def _groups(features: Tables, patients: pd.DataFrame, settings: Manifest) -> pd.Series:
    """Group the features that are nearly the same -> for every feature the one that figures show in its place.

    Neither gene nor outcome has a say in it.
    """
    kinds = [training_features(features, patients, kind) for kind in settings.kinds()]
    groups: pd.Series = pd.concat([linking.feature_groups(table.loc[:, table.nunique() > 1]) for table in kinds])
    return groups[~groups.index.duplicated()]


def _categorised(links: pd.DataFrame, gene_sets: pd.DataFrame | None) -> pd.DataFrame:
    """Give links with pathways the category of each, for panels that group by it; it is missing outside our 36."""
    if gene_sets is None or not (links["molecular"] == "pathways").all():
        return links
    return links.assign(category=links["target"].map(gene_sets.set_index("pathway")["category"]))


def _signatures_first(links: pd.DataFrame, shown: set[str]) -> pd.DataFrame:
    """Keep every signature, and of the features to be shown those with the smallest p, so that no signature is crowded out."""
    signatures = links["imaging"] == "signature"
    features = links[~signatures & links["feature"].isin(shown)]
    best = features.groupby("feature")["p"].min().nsmallest(_MOST_FEATURES).index
    return pd.concat([links[signatures], features[features["feature"].isin(best)]])
