"""Survival of everybody with expression, by the gene score: the cut is the median of the linked patients, never an optimum."""

import pandas as pd

from radiogenomics import genescore
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Store
from radiogenomics.study.manifest.schema import Survival

_TESTS = ["endpoint", "test", "term", "hazard_ratio", "low", "high", "p", "p_proportional", "n", "events", "fitted"]


def tables(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Draw up Kaplan-Meier curves, log-rank tests and Cox models of every endpoint; empty where the score is constant."""
    scores = store.table("gene_score_everyone")
    curves, tests = [pd.DataFrame(columns=["endpoint", "group"])], [pd.DataFrame(columns=_TESTS)]
    if scores["score"].nunique() > 1:
        for endpoint in plan.inputs.manifest.survival:
            found = _follow(plan, endpoint, scores)
            curves.append(found.curves.assign(endpoint=endpoint.name))
            fitted = int(plan.inputs.patients(endpoint.source).index.isin(scores.index[scores["linked"]]).sum())
            tests.append(_tests(found).assign(endpoint=endpoint.name, fitted=fitted)[_TESTS])
    made = {"survival_curves": curves, "survival_tests": tests}
    return {name: pd.concat(parts[1:] or parts, ignore_index=True) for name, parts in made.items()}


def _follow(plan: Plan, endpoint: Survival, scores: pd.DataFrame) -> genescore.ScoreSurvival:
    source = plan.inputs.patients(endpoint.source)
    return genescore.survival(
        scores["score"],
        source[endpoint.time],
        source[endpoint.event],
        training=scores.index[scores["linked"]],
        covariates=plan.inputs.clinical("training")[endpoint.covariates] if endpoint.covariates else None,
    )


def _tests(found: genescore.ScoreSurvival) -> pd.DataFrame:
    """Lay the log-rank test and the Cox models out, one row a test and term."""
    sizes = found.groups[["n", "events"]].sum()
    log_rank = pd.DataFrame([{"test": "log-rank", "term": "high against low", "p": found.log_rank_p, **sizes}])
    names = {"score": "Cox, score per SD", "adjusted": "Cox, adjusted"}
    hazards = found.hazards.rename(columns={"model": "test"}).assign(test=found.hazards["model"].map(names))
    return pd.concat([log_rank, hazards], ignore_index=True).reindex(columns=_TESTS)
