"""Every signature against volume and against the others, on patients that no fit had seen."""

from typing import Any

import pandas as pd

from radiogenomics import validation
from radiogenomics.study.engine.step import Tables, step


@step(
    makes={"comparisons": "every model against volume and the others: difference of AUC, NRI and IDI on patients not seen"},
)
def comparisons(
    signatures: pd.DataFrame,
    gene_score_patients: pd.DataFrame,
    evaluation: pd.DataFrame,
    gene_score_evaluation: pd.DataFrame,
) -> Tables:
    """Compare signatures, fusion, baselines and gene score by area, NRI and IDI.

    NRI and IDI stand where both are probabilities; volume in mm3 is none.
    """
    scores = _stacked(signatures, gene_score_patients)
    areas = _stacked(evaluation, gene_score_evaluation)
    parts = [_against_volume(scores, areas)]
    honest = scores[scores["estimate"].isin(["nested", "external"])]
    for estimate, part in honest.groupby("estimate", sort=False):
        if part["signature"].nunique() > 1:
            parts.append(validation.compare(part, areas, estimate=str(estimate)))
    return {"comparisons": pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)}


def _stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


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
