"""The maps of one patient's dynamic series, and the pictures of the lesion in it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk

from radiogenomics import figures, images
from radiogenomics import lesions as room
from radiogenomics.study.measuring.lesion import MIN_ENHANCEMENT_PERCENT

SER_CEILING = 3.0
_SHOWN_PERCENT = (0.0, 200.0)


def make_maps(phases: images.Phases, *, background: float) -> dict[str, sitk.Image]:
    """Compute the maps of a dynamic series -> ``pe1``, ``subtraction``, ``body`` and, with a later phase, ``ser``."""
    maps = {
        "pe1": images.percent_enhancement(phases.first, phases.pre, background=background),
        "subtraction": images.subtract(phases.first, phases.pre),
        "body": images.body_mask(phases.pre, background=background),
    }
    if "later post-contrast" in set(phases.table["role"]):
        maps["ser"] = images.signal_enhancement_ratio(
            phases.first,
            phases.last,
            phases.pre,
            background=background,
            min_enhancement=MIN_ENHANCEMENT_PERCENT,
            ceiling=SER_CEILING,
        )
    return maps


def draw(
    out: Path, phases: images.Phases, maps: dict[str, sitk.Image], lesion: sitk.Image, zones: sitk.Image, curves: pd.DataFrame
) -> list[Path]:
    """Draw the overlay, the phases, the maximum projection and the curves through the largest slice of the lesion -> files."""
    at = room.largest_slices(lesion).query("axis == 2")["slice"].item()
    spacing = (lesion.GetSpacing()[1], lesion.GetSpacing()[0])
    outline = np.asarray(_slice(lesion, at), dtype=bool)
    title = f"First post-contrast, slice {at} of 0 to {lesion.GetSize()[2] - 1}"
    overlay = figures.lesion_slice(
        _slice(phases.first, at),
        spacing_mm=spacing,
        lesion=outline,
        zones=_slice(zones, at),
        zone_labels=room.ZONES,
        title=title,
    )
    montage = figures.phase_montage(
        {_timed(phases, name): _slice(image, at) for name, image in phases.images.items()}, spacing_mm=spacing, lesion=outline
    )
    enhancement = figures.lesion_slice(
        _slice(maps["pe1"], at),
        spacing_mm=spacing,
        lesion=outline,
        limits=_SHOWN_PERCENT,
        title=f"Percent enhancement ({_SHOWN_PERCENT[0]:g} to {_SHOWN_PERCENT[1]:g} %), slice {at}",
    )
    shown = pd.DataFrame({"slice": [at], "axis": [2], "lesion_voxels": [int(outline.sum())]})
    files = figures.save(overlay, out / "figures" / "overlay", shown)
    files += figures.save(montage, out / "figures" / "phases", shown)
    files += figures.save(enhancement, out / "figures" / "pe1", shown)
    return files + figures.save(figures.time_intensity(curves), out / "figures" / "curves", curves)


def _timed(phases: images.Phases, name: str) -> str:
    seconds = phases.table.set_index("phase")["seconds"][name]
    return name if np.isnan(seconds) else f"{name}, {seconds:.0f} s"


def _slice(image: sitk.Image, at: int) -> npt.NDArray[Any]:
    return np.asarray(sitk.GetArrayViewFromImage(image)[at])
