"""What the predicted probabilities of every model are worth as probabilities, on patients that no fit had seen."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics import stats
from radiogenomics._errors import InputError
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import baselines

_GROUPS = 5
"""Groups of risk, as many as the figures show."""
_MEASURES = ("intercept", "intercept_low", "intercept_high", "slope", "slope_low", "slope_high", "brier", "brier_scaled")
_KEYS = ["cohort", "signature", "estimate"]
_COLUMNS = [*_KEYS, "n", "events", *_MEASURES, "hl_chi2", "hl_df", "hl_p", "remark"]


@step(
    makes={"calibration": "slope, intercept, Brier score and Hosmer-Lemeshow test of every model on patients it had not seen"},
    settings=("training", "extraction"),
)
def calibration(signatures: pd.DataFrame, *, settings: Manifest) -> Tables:
    """Measure the calibration of every model by nested cross-validation and in the external cohorts."""
    rows = [
        dict(zip(_KEYS, names, strict=True)) | _measured(part["outcome"].to_numpy(), part["score"].to_numpy())
        for names, part in honest_scores(signatures, settings)
    ]
    return {"calibration": pd.DataFrame(rows, columns=_COLUMNS)}


def honest_scores(signatures: pd.DataFrame, settings: Manifest) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Give the scores of patients whom no fit had seen, by cohort, signature and estimate."""
    honest = signatures["estimate"].isin(["nested", "external"]) & ~signatures["signature"].isin(baselines(settings))
    for (cohort, signature, estimate), part in signatures[honest].groupby(_KEYS, sort=False):
        yield (str(cohort), str(signature), str(estimate)), part


def nearest_probability(n: int) -> float:
    """Give the probability nearest to 0 that n patients can show; the logit of 0 and 1 is infinite."""
    return 1 / (2 * n)


def _measured(outcome: "np.ndarray[Any, Any]", probability: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """Measure one model; where a measure cannot be had, the remark says why."""
    n = len(outcome)
    inside = np.clip(probability, nearest_probability(n), 1 - nearest_probability(n))
    facts: dict[str, Any] = {"n": n, "events": int(outcome.sum())}
    try:
        measures = stats.calibration_measures(outcome, inside)
        fit = stats.hosmer_lemeshow(outcome, probability, groups=_GROUPS, fitted=False)
    except InputError as error:  # all have one score, or scores separate the classes
        return facts | {"remark": str(error)}
    tested = {"hl_chi2": fit.statistic, "hl_df": fit.df, "hl_p": fit.p, "remark": ""}
    return facts | {name: getattr(measures, name) for name in _MEASURES} | tested
