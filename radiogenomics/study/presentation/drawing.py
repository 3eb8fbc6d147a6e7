"""The last two steps: every figure from finished tables, and the report from tables and figures."""

from collections.abc import Callable

import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from radiogenomics import figures, report
from radiogenomics._names import slug
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.provenance import provenance
from radiogenomics.study.engine.store import Drawn, Page, Step, Store
from radiogenomics.study.presentation import images as image_figures
from radiogenomics.study.presentation import prediction as prediction_figures
from radiogenomics.study.presentation.prediction import Panels
from radiogenomics.study.steps.signatures import training_features

_MOST_FEATURES = 30
"""Features that the module-trait heat map shows beside the signatures."""

_ALIKE = 0.9
"""Features whose correlations are all at least so strong, of either sign, form a group that one of them stands for."""

_RANDOM = "random_weights"
"""How a network with random weights, and every feature of it, is named."""


def figure_steps(plan: Plan) -> list[Step]:
    """Draw what the study has shown, one step a subject, so that a changed table redraws its own figures alone."""
    manifest = plan.inputs.manifest
    facts = {"outcome": manifest.outcome.model_dump(), "joined": {name: one.columns for name, one in manifest.joined.items()}}
    molecules = ("patients", "expression_qc", "expression_facts", "modules", "module_tree", "soft_threshold", "gene_score")
    sets = ["gene_sets"] if manifest.gene_sets else []
    wanted = {
        "prediction": (
            prediction_figures.draw,
            ("inclusion", "evaluation", "signatures", *(["nomogram"] if manifest.fusion else [])),
        ),
        "molecules": (_molecules, molecules),
        "links": (_links, _links_from(plan)),
        "clinical": (_clinical, ("clinical_links", *sets)),
    }
    pictures = {"images": image_figures.draw_images, "agreement": image_figures.draw_agreement}
    wanted |= {name: (pictures[name], needs) for name, needs in image_figures.wanted(plan).items()}
    if manifest.gene_sets:
        wanted["enrichment"] = (_enrichment, ("enrichment",))
    if manifest.survival:
        wanted["survival"] = (_survival, ("survival_curves", "survival_tests"))
    settings = facts | {
        "alpha": manifest.links.alpha,
        "simulated": manifest.simulated,
        "icc": manifest.signature.model_dump()["icc"],
    }
    return [
        Step(
            f"figures_{name}",
            _drawn(plan, draw),
            needs=needs,
            settings=settings | (image_figures.settings(plan) if name == "images" else {}),
        )
        for name, (draw, needs) in wanted.items()
    ]


def _links_from(plan: Plan) -> tuple[str, ...]:
    """Name the tables that figures of links are drawn from."""
    manifest = plan.inputs.manifest
    features = (f"features_{kind}" for kind in manifest.kinds())
    return ("links", "link_null", "modules", "patients", *features, *(["gene_sets"] if manifest.gene_sets else []))


def _drawn(plan: Plan, draw: Callable[[Plan, Store], Panels]) -> Callable[[Store], dict[str, Drawn]]:
    def run(store: Store) -> dict[str, Drawn]:
        made = {}
        for name, panel, data in draw(plan, store):
            notes = ["simulated data"] * plan.inputs.manifest.simulated + ["a network has random weights"] * _names_random(data)
            made[name] = Drawn(figures.mark(panel, "; ".join(notes)), data)
        return made

    return run


def _names_random(data: pd.DataFrame) -> bool:
    """Tell whether the table behind a panel names a network with random weights."""
    columns = [
        *map(str, data.columns),
        *(word for name in data.select_dtypes(["object", "string"]) for word in data[name].unique()),
    ]
    return any(_RANDOM in slug(word) for word in columns)


def report_step(plan: Plan, steps: list[Step]) -> Step:
    """Write the report from tables and figures."""
    settings = {"manifest": plan.inputs.manifest.model_dump(mode="json"), "hashes": plan.inputs.hashes}
    return Step("report", plan.bind(_report), after=tuple(step.name for step in steps), settings=settings)


def _molecules(plan: Plan, store: Store) -> Panels:
    facts = store.table("expression_facts").set_index("fact")["value"]
    outcome = plan.inputs.manifest.outcome.name
    words = store.table("patients")["outcome"].map(dict(enumerate(plan.inputs.manifest.outcome.labels)))
    scores = store.table("expression_qc").join(words.rename(outcome))  # everybody else is drawn grey
    explained = [facts["variance of PC1"], facts["variance of PC2"]]
    yield "expression_pca", figures.expression_pca(scores, color=outcome, explained=explained), scores
    for column in (column for joined in plan.inputs.manifest.joined.values() for column in joined.columns):
        scores = store.table("expression_qc").join(store.table("patients")[column])
        yield f"expression_pca_{slug(column)}", figures.expression_pca(scores, color=column, explained=explained), scores
    fits = store.table("soft_threshold")
    chosen = fits.loc[fits["chosen"], "power"]
    yield "soft_threshold", figures.soft_threshold(fits, power=None if chosen.empty else float(chosen.iloc[0])), fits
    tree, modules = store.table("module_tree"), store.table("modules")
    yield "dendrogram", figures.dendrogram(tree, modules), tree
    genes = store.table("gene_score")
    if len(genes):
        yield "odds_forest", figures.odds_forest(genes), genes


def _links(plan: Plan, store: Store) -> Panels:
    links, nulls, alpha = store.table("links"), store.table("link_null"), plan.inputs.manifest.links.alpha
    honest = links[links["estimate"] != "published"]
    groups = _groups(plan, store)
    shown = set(groups)
    modules = _signatures_first(honest[honest["family"].str.endswith(" x modules")], shown)
    yield "module_trait", figures.module_trait(modules, modules=store.table("modules")), modules
    yield "null_intervals", figures.null_intervals(nulls), nulls
    for family, part in honest.groupby("family", sort=False):
        name = slug(family)
        part = _categorised(part, store)
        strongest = _one_a_group(part, groups)
        yield f"link_forest_{name}", figures.link_forest(strongest, q_below=alpha), strongest
        if family == "signature x pathways":
            for signature, one in part.groupby("feature", sort=False):
                yield f"pathway_bar_{slug(signature)}", figures.pathway_bar(one), one
        elif str(family).endswith(" x pathways"):
            part = part[part["feature"].isin(shown)]
            yield f"pathway_dot_{name}", figures.pathway_dot(part), part


def _categorised(links: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Give links with pathways the category of each, for panels that group by it; it is missing outside our 36."""
    if not links["family"].str.endswith(" x pathways").all():
        return links
    return links.assign(category=links["target"].map(store.table("gene_sets").set_index("pathway")["category"]))


def _clinical(plan: Plan, store: Store) -> Panels:
    links = store.table("clinical_links")
    for family, part in links.groupby("family", sort=False):
        label, part = str(part["measure"].iloc[0]), _categorised(part, store)
        yield f"link_heatmap_{slug(family)}", figures.link_heatmap(part, most=24, label=label), part


def _enrichment(plan: Plan, store: Store) -> Panels:
    found = store.table("enrichment")
    yield "enrichment_dot", figures.enrichment_dot(found), found


def _survival(plan: Plan, store: Store) -> Panels:
    curves, tests = store.table("survival_curves"), store.table("survival_tests")
    for endpoint, part in curves.groupby("endpoint", sort=False):
        named = part.assign(group=part["group"] + " gene score")
        p = tests.loc[(tests["endpoint"] == endpoint) & (tests["test"] == "log-rank"), "p"].iloc[0]
        yield f"kaplan_meier_{slug(endpoint)}", figures.kaplan_meier(named, endpoint=str(endpoint), p=p), part


def _report(plan: Plan, store: Store) -> dict[str, Page]:
    tables = {name: store.table(name) for name in store.tables()}
    tables["patients"] = tables["patients"].query("included")
    facts = provenance(store, plan)
    if plan.inputs.manifest.training.images:
        tables["segmentation"] = image_figures.segmentation(plan)
        facts["extraction"] = image_figures.extraction(plan)
    return {"report": Page("report.html", report.render(_facts(plan), tables, store.figures(), facts))}


def _facts(plan: Plan) -> report.Facts:
    manifest = plan.inputs.manifest
    return {
        "name": manifest.name,
        "title": manifest.title,
        "simulated": manifest.simulated,
        "outcome": manifest.outcome.name,
        "positive": manifest.outcome.labels[1],
        "settings": manifest.model_dump(exclude={"sources"}, exclude_none=True, mode="json"),
    }


def _groups(plan: Plan, store: Store) -> pd.Series:
    """Group the features that are nearly the same -> for every feature the one that figures show in its place.

    Neither gene nor outcome has a say in it.
    """
    kinds = [training_features(plan, store, kind) for kind in plan.inputs.manifest.kinds()]
    groups: pd.Series = pd.concat([_medoids(table.loc[:, table.nunique() > 1]) for table in kinds])
    return groups[~groups.index.duplicated()]


def _medoids(table: pd.DataFrame) -> pd.Series:
    """Group columns by complete linkage of 1 - |r| -> for every column the one of its group with the largest mean |r| in it."""
    alike = table.corr().abs().fillna(0)
    far = (1 - alike).clip(lower=0).to_numpy(copy=True)
    far[range(len(far)), range(len(far))] = 0
    if len(far) < 2:
        return pd.Series(table.columns, index=table.columns)
    groups = pd.Series(fcluster(linkage(squareform(far, checks=False), "complete"), 1 - _ALIKE, "distance"), index=table.columns)
    middle = {group: alike.loc[names, names].mean().idxmax() for group, names in groups.groupby(groups).groups.items()}
    standing: pd.Series = groups.map(middle)
    return standing


def _one_a_group(links: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Keep, of the links of nearly the same features with one target, that with the smallest p."""
    ordered = links.sort_values("p", kind="stable")
    group = ordered["feature"].map(groups).fillna(ordered["feature"])
    return ordered[~pd.DataFrame({"group": group, "target": ordered["target"]}).duplicated()]


def _signatures_first(links: pd.DataFrame, shown: set[str]) -> pd.DataFrame:
    """Keep every signature, and of the features to be shown those with the smallest p, so that no signature is crowded out."""
    signatures = links["family"].str.startswith("signature x ")
    features = links[~signatures & links["feature"].isin(shown)]
    best = features.groupby("feature")["p"].min().nsmallest(_MOST_FEATURES).index
    return pd.concat([links[signatures], features[features["feature"].isin(best)]])
