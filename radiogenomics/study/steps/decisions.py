"""What was decided about the data on the way: dropped, joined, imputed, clipped, taken for missing; one row per decision."""

import logging

import pandas as pd

from radiogenomics._files import Decision, decision_table, log_decisions
from radiogenomics._tables import summarise
from radiogenomics.expression import Prepared
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.gene_sets import NOT_ASKED
from radiogenomics.study.inputs.leftovers import leftovers
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.inputs.suspicions import expression_twice, suspicions
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import measured
from radiogenomics.study.steps.left_out import (
    clinical_gaps,
    clipped_scores,
    left_out_of_adjusted,
    left_out_of_survival,
    unmeasured_genes,
)
from radiogenomics.study.steps.patients import of_cohort

logger = logging.getLogger(__name__)


def _sources(manifest: Manifest) -> list[str]:
    """Name the tables, and the folders of images, whose names say who has features."""
    return [*manifest.tables(), *(cohort.images for cohort in manifest.cohorts().values() if cohort.images)]


@step(
    makes={"decisions": "what was decided about the data: what, where, how many, why"},
    settings=("training", "external", "extraction", "expression", "joined", "survival", "clinical_columns", "outcome", "links"),
    sources=_sources,
)
def decisions(
    patients: pd.DataFrame,
    failures: pd.DataFrame,
    matrix: Prepared,
    features: Tables,
    image_decisions: pd.DataFrame,
    module_decisions: pd.DataFrame,
    signatures: pd.DataFrame,
    adjusted_links: pd.DataFrame,
    gene_score_everyone: pd.DataFrame,
    survival_tests: pd.DataFrame | None = None,
    gene_sets: pd.DataFrame | None = None,
    gene_symbols: pd.DataFrame | None = None,
    *,
    settings: Manifest,
    inputs: Inputs,
) -> Tables:
    """Gather what was decided on the way from files to tests, who was left out, and what to look at."""
    mine = {f"features_{kind}": of_cohort(measured(table), patients, "training") for kind, table in features.items()}
    seen = suspicions(mine, patients.loc[patients["cohort"] == "training", "outcome"])
    rows = [
        *seen,
        *expression_twice(inputs.expression),
        *_left_out(failures),
        *_in_some_tables(features, patients, failures),
        *leftovers(inputs),
        *_imputed(features),
        *clinical_gaps(patients, settings),
        *_sets(gene_sets, gene_symbols),
        *unmeasured_genes(gene_sets),
        *left_out_of_adjusted(adjusted_links, patients, settings),
        *left_out_of_survival(survival_tests, gene_score_everyone),
        *clipped_scores(signatures, settings),
    ]
    log_decisions(rows, logger)
    parts = [inputs.decisions(settings.tables()), image_decisions, matrix.decisions, module_decisions, decision_table(rows)]
    return {"decisions": pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)}


def _left_out(failures: pd.DataFrame) -> list[Decision]:
    """Say who was left out of each cohort, by step and reason."""
    return [
        Decision("patients left out", f"{cohort}: {step}", len(rows), f"{reason}: {summarise(rows['patient'])}")
        for (cohort, step, reason), rows in failures.groupby(["cohort", "step", "reason"], sort=False)
    ]


def _in_some_tables(features: Tables, patients: pd.DataFrame, failures: pd.DataFrame) -> list[Decision]:
    """Say who stands in some tables of features and not in all, and is therefore no patient of the study."""
    known = patients.index.union(pd.Index(failures["patient"]))
    rows = []
    for kind, table in features.items():
        alone = table.index.difference(known, sort=False)
        if len(alone):
            why = f"not in every table of features: {summarise(alone)}"
            rows.append(Decision("patients left out", f"features_{kind}", len(alone), why))
    return rows


def _sets(gene_sets: pd.DataFrame | None, symbols: pd.DataFrame | None) -> list[Decision]:
    """Say which gene sets that were asked for are not scored, and how many symbols were brought up to date."""
    listed = []
    if symbols is not None and len(symbols):
        listed.append(Decision("gene symbols updated", "gene_symbols", len(symbols), "old symbols of gene sets or of the matrix"))
    if gene_sets is not None:
        lost = gene_sets[~gene_sets["kept"] & (gene_sets["reason"] != NOT_ASKED)]
        for reason, rows in lost.groupby("reason", sort=False):
            listed.append(Decision("gene sets left out", "gene_sets", len(rows), f"{reason}: {summarise(rows['pathway'])}"))
    return listed


def _imputed(features: Tables) -> list[Decision]:
    """Say of every kind of features how many values are missing: each fit fills them with the median of its own patients."""
    rows = []
    for kind, table in features.items():
        gaps = measured(table).isna().sum()
        if gaps.any():
            names = ", ".join(map(str, gaps[gaps > 0].nlargest(3, keep="first").index))
            why = f"missing values of {int((gaps > 0).sum())} feature(s), most in {names}: the median of the patients of each fit"
            rows.append(Decision("features imputed", f"features_{kind}", int(gaps.sum()), why))
    return rows
