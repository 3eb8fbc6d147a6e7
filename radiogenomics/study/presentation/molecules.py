"""Expression, modules, gene sets, the gene score and survival in figures."""

import pandas as pd

from radiogenomics import figures
from radiogenomics.study.engine.results import Panel
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.presentation.panels import Panels, drawing


@drawing(section="cohort", settings=("outcome", "joined"))
def expression(
    patients: pd.DataFrame, expression_qc: pd.DataFrame, expression_facts: pd.DataFrame, *, settings: Manifest
) -> Panels:
    """Draw everybody with expression on the first two principal components, coloured by outcome, joined columns and reads."""
    facts, outcome = expression_facts.set_index("fact")["value"], settings.outcome
    words = patients["outcome"].map(dict(enumerate(outcome.labels)))
    explained = [facts["variance of PC1"], facts["variance of PC2"]]
    components = expression_qc.filter(regex=r"^PC\d+$")
    scores = components.join(words.rename(outcome.name))  # everybody else is drawn grey
    yield Panel("expression_pca", "", figures.expression_pca(scores, color=outcome.name, explained=explained), scores)
    for column in (column for joined in settings.joined.values() for column in joined.columns):
        scores = components.join(patients[column])
        yield Panel("expression_pca", column, figures.expression_pca(scores, color=column, explained=explained), scores)
    if "total_counts" in expression_qc:
        scores = expression_qc.rename(columns={"total_counts": "reads"})
        yield Panel("expression_pca", "reads", figures.expression_pca(scores, color="reads", explained=explained), scores)


@drawing(section="modules")
def modules(soft_threshold: pd.DataFrame, module_tree: pd.DataFrame, modules: pd.DataFrame, *, settings: Manifest) -> Panels:
    """Draw the choice of power, and the dendrogram of genes with their modules."""
    powers = soft_threshold.loc[soft_threshold["chosen"], "power"]
    power = None if powers.empty else float(powers.iloc[0])
    yield Panel("soft_threshold", "", figures.soft_threshold(soft_threshold, power=power), soft_threshold)
    yield Panel("dendrogram", "", figures.dendrogram(module_tree, modules), module_tree)


@drawing(section="pathways", when=lambda manifest: manifest.gene_sets is not None)
def enrichment(enrichment: pd.DataFrame, *, settings: Manifest) -> Panels:
    """Draw the gene sets that are over-represented in modules."""
    yield Panel("enrichment_dot", "", figures.enrichment_dot(enrichment), enrichment)


@drawing(section="gene-score")
def gene_score(gene_score: pd.DataFrame, *, settings: Manifest) -> Panels:
    """Draw the odds ratio of every gene of the score; nothing where no gene was selected."""
    if len(gene_score):
        yield Panel("odds_forest", "", figures.odds_forest(gene_score), gene_score)


@drawing(section="gene-score", when=lambda manifest: bool(manifest.survival))
def survival(survival_curves: pd.DataFrame, survival_tests: pd.DataFrame, *, settings: Manifest) -> Panels:
    """Draw Kaplan-Meier curves of every endpoint by high and low gene score."""
    for endpoint, part in survival_curves.groupby("endpoint", sort=False):
        named = part.assign(group=part["group"] + " gene score")
        mine = (survival_tests["endpoint"] == endpoint) & (survival_tests["test"] == "log-rank")
        p = survival_tests.loc[mine, "p"].iloc[0]
        yield Panel("kaplan_meier", str(endpoint), figures.kaplan_meier(named, endpoint=str(endpoint), p=p), part)
