"""Every signature against volume and against the others, on patients that no fit had seen."""

from typing import Any

import pandas as pd

from radiogenomics import validation
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Store

NEEDED = ("signatures", "gene_score_patients", "evaluation", "gene_score_evaluation")
"""The tables that comparisons are made of: scores, and what they are worth."""


def tables(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Compare signatures, fusion, baselines and gene score by area, NRI and IDI -> the table ``comparisons``.

    NRI and IDI stand where both are probabilities; volume in mm3 is none.
    """
    scores, evaluation = _both(store, *NEEDED[:2]), _both(store, *NEEDED[2:])
    parts = [_against_volume(scores, evaluation)]
    honest = scores[scores["estimate"].isin(["nested", "external"])]
    for estimate, part in honest.groupby("estimate", sort=False):
        if part["signature"].nunique() > 1:
            parts.append(validation.compare(part, evaluation, estimate=str(estimate)))
    return {"comparisons": pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)}


def _both(store: Store, *names: str) -> pd.DataFrame:
    return pd.concat([table for name in names if len(table := store.table(name))], ignore_index=True)


def _against_volume(scores: pd.DataFrame, evaluation: pd.DataFrame) -> pd.DataFrame:
    names = ["cohort", "estimate", "first", "second", "n", "events", "auc_first", "auc_second"]
    names += ["difference", "difference_low", "difference_high", "p"]
    rows: list[list[Any]] = []
    for (cohort, signature), part in scores.groupby(["cohort", "signature"], sort=False):
        wide = part.pivot_table(index="patient", columns="estimate", values="score")
        outcome = part.groupby("patient")["outcome"].first()
        estimate = "nested" if "nested" in wide else "external"
        if "volume" in wide:
            first, second = (validation.area_of(evaluation, str(cohort), str(signature), one) for one in (estimate, "volume"))
            test = validation.compare_areas(outcome, wide[estimate], wide["volume"], areas=(first, second))
            areas = [first.n, first.events, first.auc, second.auc]
            difference = [test.difference, test.low, test.high, test.p]
            rows.append([cohort, estimate, signature, "volume alone", *areas, *difference])
    return pd.DataFrame(rows, columns=names)
