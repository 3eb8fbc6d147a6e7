"""Survival of everybody with expression, by the gene score: the cut is the median of the linked patients, never an optimum."""

import pandas as pd

from radiogenomics import stats
from radiogenomics.study.manifest import Survival
from radiogenomics.study.plan import Plan
from radiogenomics.study.store import Store


def tables(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Draw up Kaplan-Meier curves, log-rank tests and Cox models of every endpoint; empty where the score is constant."""
    scores = store.table("gene_score_everyone")
    curves, tests = [_no_curves()], [_no_tests()]
    if scores["score"].nunique() > 1:
        for endpoint in plan.inputs.manifest.survival:
            table = _followed(plan, endpoint, scores)
            curves.append(_curves(table).assign(endpoint=endpoint.name))
            tests.append(_tests(table, endpoint).assign(endpoint=endpoint.name))
    return {"survival_curves": pd.concat(curves, ignore_index=True), "survival_tests": pd.concat(tests, ignore_index=True)}


def _no_curves() -> pd.DataFrame:
    return pd.DataFrame({"endpoint": pd.Series(dtype=str), "group": pd.Series(dtype=str)})


def _no_tests() -> pd.DataFrame:
    return pd.DataFrame({"endpoint": pd.Series(dtype=str), "test": pd.Series(dtype=str)})


def _followed(plan: Plan, endpoint: Survival, scores: pd.DataFrame) -> pd.DataFrame:
    """Bring together who has a score, a time and an event; the score in SD, the group above or below the linked median."""
    source = plan.inputs.patients(endpoint.source)
    clinical = plan.inputs.clinical("training")[endpoint.covariates]
    table = source[[endpoint.time, endpoint.event]].set_axis(["time", "event"], axis=1).join(clinical).join(scores, how="inner")
    table = table.dropna(subset=["time", "event"])
    cut = scores.loc[scores["linked"], "score"].median()
    table["group"] = (table["score"] > cut).map({True: "high gene score", False: "low gene score"})
    table["gene score"] = table["score"] / table["score"].std()
    return table


def _curves(table: pd.DataFrame) -> pd.DataFrame:
    return stats.kaplan_meier(table["time"], table["event"], group=table["group"])


def _tests(table: pd.DataFrame, endpoint: Survival) -> pd.DataFrame:
    """One row a test: log-rank of the groups, Cox of the score alone, Cox beside the covariates."""
    test = stats.log_rank(table["time"], table["event"], table["group"])
    size = {"n": len(table), "events": int(table["event"].sum())}
    rows = [pd.DataFrame([{"test": "log-rank", "term": "high against low gene score", "p": test.p, **size}])]
    for name, terms in (("Cox", ["gene score"]), ("Cox, adjusted", ["gene score", *endpoint.covariates])):
        if name == "Cox" or endpoint.covariates:
            complete = table.dropna(subset=terms)
            model = stats.cox(complete[terms], complete["time"], complete["event"])
            size = {"n": len(complete), "events": int(complete["event"].sum())}
            rows.append(model.terms.assign(test=name, **size))
    return pd.concat(rows, ignore_index=True)
