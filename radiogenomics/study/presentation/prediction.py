"""What the signatures predict, in figures: every estimate of each, and all of them side by side on patients not seen."""

import numpy as np
import pandas as pd

from radiogenomics import figures, stats
from radiogenomics.study.engine.results import Panel
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.presentation.panels import Panels, drawing
from radiogenomics.study.steps.imaging import baselines

_THRESHOLDS = np.arange(0.05, 0.80, 0.01)
"""Range of the decision curve: from treating nearly everybody to treating hardly anybody."""


@drawing(section="prediction", settings=("outcome", "fusion", "training", "extraction"))
def prediction(
    inclusion: pd.DataFrame,
    evaluation: pd.DataFrame,
    signatures: pd.DataFrame,
    nomogram: pd.DataFrame | None = None,
    *,
    settings: Manifest,
) -> Panels:
    """Draw inclusion, discrimination, scores, calibration, benefit and, with a fusion, the nomogram."""
    yield Panel("inclusion_flow", "", figures.inclusion_flow(inclusion), inclusion, section="cohort")
    yield from _discrimination(_shown(evaluation), signatures)
    honest = signatures[signatures["estimate"].isin(["nested", "external"])]
    yield from _distributions(_shown(honest), settings)
    nested = honest[honest["estimate"] == "nested"]
    models = nested.pivot_table(index="patient", columns="signature", values="score")[list(nested["signature"].unique())]
    truth = nested.groupby("patient")["outcome"].first()
    yield from _calibration(models.drop(columns=baselines(settings), errors="ignore"), truth)
    models = models.rename(columns=_title)
    benefit = stats.decision_curve(truth, models, thresholds=_THRESHOLDS)
    yield Panel("decision_curve", "", figures.decision_curve(benefit), benefit)
    if models.shape[1] > 1:
        correlation = models.corr()
        table = correlation.rename_axis("signature")
        yield Panel("signature_correlation", "", figures.signature_correlation(correlation), table)
    if nomogram is not None:
        points = nomogram.assign(term=nomogram["term"].map(_title))
        drawn = figures.nomogram(points, outcome=f"Probability: {settings.outcome.labels[1]}")
        yield Panel("nomogram", "", drawn, points)


def _title(name: object) -> str:
    """Write a name as words; a random network says so in brackets."""
    return str(name).replace("_random_weights", " (random weights)").replace("_", " ")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Name signatures in words, and volume, which is the same beside every signature, once and by itself."""
    volume = table["estimate"].eq("volume")
    once = [name for name in ("patient", "cohort", "estimate") if name in table]
    named = table.assign(signature=table["signature"].map(_title).mask(volume, "lesion volume"))
    return pd.concat([named[~volume], named[volume & ~named.duplicated(once)]], ignore_index=True)


def _discrimination(evaluation: pd.DataFrame, scores: pd.DataFrame) -> Panels:
    """Draw the ROC curves of each signature by every estimate, all of them out of fold, and the areas as a forest."""
    for signature, part in scores[scores["estimate"] != "volume"].groupby("signature", sort=False):
        curves = _curves(_shown(part))
        yield Panel("roc", str(signature), figures.roc(curves, evaluation=evaluation), curves)
    for (cohort, estimate), part in scores[scores["estimate"].isin(["nested", "external"])].groupby(
        ["cohort", "estimate"], sort=False
    ):
        if part["signature"].nunique() > 1:
            volume = scores[(scores["estimate"] == "volume") & (scores["cohort"] == cohort)]
            curves = _curves(_shown(pd.concat([part, volume])))
            yield Panel("roc_all", f"{estimate} {cohort}", figures.roc(curves, evaluation=evaluation), curves)
    yield Panel("auc_forest", "", figures.auc_forest(evaluation), evaluation)


def _distributions(honest: pd.DataFrame, settings: Manifest) -> Panels:
    outcome, labels = settings.outcome.name, settings.outcome.labels
    for (cohort, estimate), part in honest.groupby(["cohort", "estimate"], sort=False):
        panel = figures.score_distribution(part, labels=(labels[0], labels[1]), outcome=outcome)
        yield Panel("score_distribution", f"{estimate} {cohort}", panel, part)


def _calibration(models: pd.DataFrame, truth: pd.Series) -> Panels:
    for name in models.columns.astype(str):
        curve = stats.calibration_curve(truth, models[name]).assign(model=_title(name))
        groups = stats.calibration_groups(truth, models[name], groups=5).assign(model=_title(name))
        yield Panel("calibration", name, figures.calibration(curve, groups=groups), curve)


def _curves(scores: pd.DataFrame) -> pd.DataFrame:
    """Lay every ROC curve under one another."""
    parts = []
    for (cohort, signature, estimate), part in scores.groupby(["cohort", "signature", "estimate"], sort=False):
        curve = stats.roc_curve(part["outcome"].to_numpy(), part["score"].to_numpy())
        parts.append(curve.assign(cohort=str(cohort), signature=str(signature), estimate=str(estimate)))
    return pd.concat(parts, ignore_index=True)[["cohort", "signature", "estimate", "threshold", "sensitivity", "specificity"]]
