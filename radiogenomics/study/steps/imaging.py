"""The imaging tables of a study as links and scores read them: measurements, out-of-fold scores, lesion volume."""

import pandas as pd

from radiogenomics.study.engine.step import Tables
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.patients import of_cohort

SHUFFLED = "shuffled_"
"""How the name of a feature begins that was measured after the lesion's voxels were permuted: a baseline, no measurement."""

SIGNATURE = "signature"
"""What the imaging side of a link is called where it is the scores of the signatures."""

FUSION = "fusion"
CLINICAL = "clinical"
"""Names of the combined model, and of the clinical columns alone, among the signatures."""


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Keep what was measured; shuffled copies are not among it."""
    return table.loc[:, ~table.columns.str.startswith(SHUFFLED)]


def training_features(features: Tables, patients: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Give the features of the training patients who are in."""
    return of_cohort(measured(features[kind]), patients, "training")


def scores_of(signatures: pd.DataFrame, estimate: str, settings: Manifest) -> pd.DataFrame:
    """Give the score of every training patient, one column per signature.

    Baselines are no signatures, and a fusion with clinical columns is no imaging: its links would be theirs.
    """
    table = signatures[(signatures["cohort"] == "training") & (signatures["estimate"] == estimate)]
    wide = table.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)
    mixed = [FUSION] if settings.fusion and settings.fusion.clinical else []
    return wide.drop(columns=[*baselines(settings), *mixed], errors="ignore")


def baselines(settings: Manifest) -> list[str]:
    """Name what stands among the signatures and is none: whatever a signature must beat."""
    return [CLINICAL, *(f"{SHUFFLED}{kind}" for kind in settings.kinds())]


def has_volume(settings: Manifest) -> bool:
    """Tell whether lesion volume is known: measured in the masks, or a column that the manifest names."""
    return settings.training.images is not None or settings.training.volume is not None


def lesion_volume(settings: Manifest, features: Tables, lesions: pd.DataFrame | None) -> "pd.Series[float] | None":
    """Give lesion volume in mm3; None where the manifest names none."""
    if settings.training.images is not None and lesions is not None:
        return lesions["volume_mm3"]
    tables = (features[kind] for kind in settings.training.features)
    return next((table[settings.training.volume] for table in tables if settings.training.volume in table), None)
