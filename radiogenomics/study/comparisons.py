"""Every signature against volume and against the others, on patients that no fit had seen."""

from typing import Any

import pandas as pd

from radiogenomics import stats, validation
from radiogenomics.study.plan import Plan
from radiogenomics.study.store import Store


def tables(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Compare signatures, fusion, baselines and gene score by DeLong's test, NRI and IDI -> the table ``comparisons``.

    NRI and IDI stand where both are probabilities; volume in mm3 is none.
    """
    made = [table for name in ("signatures", "gene_score_patients") if len(table := store.table(name))]
    scores = pd.concat(made, ignore_index=True)
    parts = [_against_volume(scores)]
    honest = scores[scores["estimate"].isin(["nested", "external"])]
    for estimate, part in honest.groupby("estimate", sort=False):
        if part["signature"].nunique() > 1:
            parts.append(validation.compare(part, estimate=str(estimate)))
    return {"comparisons": pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)}


def _against_volume(scores: pd.DataFrame) -> pd.DataFrame:
    names = ["cohort", "estimate", "first", "second", "n", "events", "auc_first", "auc_second"]
    names += ["difference", "difference_low", "difference_high", "p"]
    rows: list[list[Any]] = []
    for (cohort, signature), part in scores.groupby(["cohort", "signature"], sort=False):
        wide = part.pivot_table(index="patient", columns="estimate", values="score")
        wide = wide.join(part.groupby("patient")["outcome"].first())
        estimate = "nested" if "nested" in wide else "external"
        if "volume" in wide:
            test = stats.delong_test(wide["outcome"], wide[estimate], wide["volume"])
            size = [test.first.n, test.first.events, test.first.auc, test.second.auc]
            difference = [test.difference, test.low, test.high, test.p]
            rows.append([cohort, estimate, signature, "volume alone", *size, *difference])
    return pd.DataFrame(rows, columns=names)
