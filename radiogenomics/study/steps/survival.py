"""Survival of everybody with expression, by the gene score: the cut is the median of the linked patients, never an optimum."""

import pandas as pd

from radiogenomics import genescore
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import Survival

_TESTS = ["endpoint", "test", "term", "hazard_ratio", "low", "high", "p", "p_proportional", "n", "events", "fitted"]


def _sources(manifest: Manifest) -> list[str]:
    return [*manifest.training.clinical_tables(), *(one.source for one in manifest.survival)]


@step(
    makes={
        "survival_curves": "Kaplan-Meier curves by high and low gene score",
        "survival_tests": "log-rank tests and Cox models of the gene score",
    },
    settings=("survival", "training", "external"),
    sources=_sources,
    when=lambda manifest: bool(manifest.survival),
)
def survival(gene_score_everyone: pd.DataFrame, *, settings: Manifest, inputs: Inputs) -> Tables:
    """Draw up Kaplan-Meier curves, log-rank tests and Cox models of every endpoint; empty where the score is constant."""
    scores = gene_score_everyone
    curves, tests = [pd.DataFrame(columns=["endpoint", "group"])], [pd.DataFrame(columns=_TESTS)]
    if scores["score"].nunique() > 1:
        for endpoint in settings.survival:
            followed = _follow(inputs, endpoint, scores)
            curves.append(followed.curves.assign(endpoint=endpoint.name))
            fitted = int(inputs.patients(endpoint.source).index.isin(scores.index[scores["linked"]]).sum())
            tests.append(_tests(followed).assign(endpoint=endpoint.name, fitted=fitted)[_TESTS])
    made = {"survival_curves": curves, "survival_tests": tests}
    return {name: pd.concat(parts[1:] or parts, ignore_index=True) for name, parts in made.items()}


def _follow(inputs: Inputs, endpoint: Survival, scores: pd.DataFrame) -> genescore.ScoreSurvival:
    source = inputs.patients(endpoint.source)
    return genescore.survival(
        scores["score"],
        source[endpoint.time],
        source[endpoint.event],
        training=scores.index[scores["linked"]],
        covariates=inputs.clinical("training")[endpoint.covariates] if endpoint.covariates else None,
    )


def _tests(found: genescore.ScoreSurvival) -> pd.DataFrame:
    """Lay the log-rank test and the Cox models out, one row per test and term."""
    sizes = found.groups[["n", "events"]].sum()
    log_rank = pd.DataFrame([{"test": "log-rank", "term": "high against low", "p": found.log_rank_p, **sizes}])
    names = {"score": "Cox, score per SD", "adjusted": "Cox, adjusted"}
    hazards = found.hazards.rename(columns={"model": "test"}).assign(test=found.hazards["model"].map(names))
    return pd.concat([log_rank, hazards], ignore_index=True).reindex(columns=_TESTS)
