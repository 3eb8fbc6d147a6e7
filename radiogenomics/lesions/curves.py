"""Phases and zones -> how the signal goes over time in each part of a lesion."""

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics.images import Phases
from radiogenomics.lesions.zones import ZONES


def time_intensity(phases: Phases, labels: sitk.Image) -> pd.DataFrame:
    """Measure the signal of each zone in each phase.

    Parameters
    ----------
    phases : Phases
        The dynamic series.
    labels : SimpleITK.Image
        From `zones`, on the grid of the phases.

    Returns
    -------
    DataFrame, one row per phase and zone
        ``phase``, ``seconds`` (NaN where unknown), ``zone`` (``lesion`` is core and rim), ``voxels``, ``mean``, ``low``,
        ``high`` (quartiles, signal units), ``enhancement`` (percent of the zone's own pre-contrast mean). Zones without
        a voxel are left out.

    Raises
    ------
    ValueError
        If the labels have another size than the phases, or hold no lesion.
    """
    zones = sitk.GetArrayViewFromImage(labels)
    if labels.GetSize() != phases.pre.GetSize():
        raise InputError(
            f"The zones have {labels.GetSize()} voxels and the phases {phases.pre.GetSize()}; place the mask on the phases."
        )
    parts = {"lesion": (zones == ZONES["core"]) | (zones == ZONES["rim"])} | {
        name: zones == label for name, label in ZONES.items()
    }
    if not parts["lesion"].any():
        raise InputError("The zones hold no lesion; grow or read a mask first.")
    before = sitk.GetArrayViewFromImage(phases.pre)
    rows = []
    for (name, image), seconds in zip(phases.images.items(), phases.table["seconds"], strict=True):
        signal = sitk.GetArrayViewFromImage(image)
        for zone, inside in parts.items():
            if inside.any():
                rows.append(_row(name, seconds, zone, signal[inside].astype(float), float(before[inside].mean())))
    return pd.DataFrame(rows)


def _row(phase: str, seconds: float, zone: str, signal: np.ndarray, before: float) -> dict[str, object]:
    low, high = np.percentile(signal, [25, 75])
    return {
        "phase": phase,
        "seconds": seconds,
        "zone": zone,
        "voxels": len(signal),
        "mean": float(signal.mean()),
        "low": float(low),
        "high": float(high),
        "enhancement": 100 * (float(signal.mean()) - before) / before if before > 0 else np.nan,
    }
