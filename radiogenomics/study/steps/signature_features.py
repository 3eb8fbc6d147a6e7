"""Which features carry each signature, and how stably."""

import pandas as pd

from radiogenomics import linking
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import scores_of, training_features

_COLUMNS = ["signature", "feature", "effect", "effect_low", "effect_high", "n", "p", "q", "among_strongest", "chosen"]


@step(
    makes={"signature_features": "correlation of each signature's out-of-fold score with its features, and how stable it is"},
    settings=("training", "extraction", "fusion", "seed"),
)
def signature_features(
    patients: pd.DataFrame, signatures: pd.DataFrame, features: Tables, stability: pd.DataFrame, *, settings: Manifest
) -> Tables:
    """Correlate every signature, out of fold, with its own features; one that gives everybody the same score has no row."""
    scores = linking.varying_columns(scores_of(signatures, "nested", settings))
    parts = [pd.DataFrame(columns=_COLUMNS)]
    for kind in settings.kinds():
        if kind in scores:
            table = linking.varying_columns(training_features(features, patients, kind))
            correlations = linking.structure(table, scores[kind], random_state=settings.seed_of(f"structure {kind}"))
            parts.append(
                correlations.assign(signature=kind, chosen=correlations["feature"].map(_chosen(stability, kind)))[_COLUMNS]
            )
    return {"signature_features": pd.concat(parts[1:] or parts, ignore_index=True)}


def _chosen(stability: pd.DataFrame, kind: str) -> "pd.Series[float]":
    """Give the share of the nested fits that kept each feature; nothing of a recipe that chooses no features."""
    mine = stability[(stability["signature"] == kind) & (stability["kind"] == "feature")]
    return mine.set_index("name")["share"]
