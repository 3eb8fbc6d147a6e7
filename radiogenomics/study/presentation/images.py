"""One example lesion a cohort in pictures, and how far the two readers' features agree."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk

from radiogenomics import figures
from radiogenomics import lesions as room
from radiogenomics._files import Decision
from radiogenomics.study.engine.results import Panel
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.measuring.lesion import CHOICES, Lesion, read_lesion
from radiogenomics.study.presentation.panels import Panels, drawing

_AROUND_MM = 15.0
"""Shown of the image on every side of the lesion."""

ICC_ASKED = 0.9
"""The agreement that the figure marks where the recipe asks for none."""


def _sources(manifest: Manifest) -> list[str]:
    return [source for one in manifest.cohorts().values() for source in one.folders()]


@drawing(
    section="images",
    settings=("training", "external", "extraction"),
    sources=_sources,
    when=lambda manifest: manifest.training.images is not None,
)
def images(lesions: pd.DataFrame, patients: pd.DataFrame, *, settings: Manifest, inputs: Inputs) -> Panels:
    """Draw, for every cohort, the patient whose lesion has the median volume: phases, zones, enhancement over time."""
    measured = lesions.join(patients["included"], how="inner").query("included")
    for cohort, rows in measured.groupby("cohort", sort=False):
        name = str(cohort)
        patient = str(rows["volume_mm3"].sort_values(kind="stable").index[(len(rows) - 1) // 2])
        folder, mask = inputs.images(name)[patient], inputs.masks(name, "reader")[patient]
        yield from _pictures(name, patient, read_lesion(folder, mask, settings=settings.extraction, tell=_said_before))


def _said_before(decision: Decision) -> None:
    """Say nothing: the step that measured this lesion has recorded what was decided."""


def _pictures(cohort: str, patient: str, lesion: Lesion) -> Panels:
    at = int(room.largest_slices(lesion.mask).query("axis == 2")["slice"].item())
    slices = {name: _slice(image, at) for name, image in lesion.phases.images.items()}
    outline, zones = _slice(lesion.mask, at).astype(bool), _slice(lesion.zones, at)
    spacing = (lesion.mask.GetSpacing()[1], lesion.mask.GetSpacing()[0])
    near = _near(outline, spacing)
    shown = pd.DataFrame({"cohort": [cohort], "patient": [patient], "slice": [at], "lesion_voxels": [int(outline.sum())]})
    cut = {name: one[near] for name, one in slices.items()}
    yield Panel("phase_montage", cohort, figures.phase_montage(cut, spacing_mm=spacing, lesion=outline[near]), shown)
    first = next(name for name, image in lesion.phases.images.items() if image is lesion.phases.first)
    overlay = figures.lesion_slice(
        cut[first], spacing_mm=spacing, lesion=outline[near], zones=zones[near], zone_labels=room.ZONES
    )
    yield Panel("lesion_slice", cohort, overlay, shown)
    curves = room.time_intensity(lesion.phases, lesion.zones)
    yield Panel("time_intensity", cohort, figures.time_intensity(curves), curves)


def _near(outline: npt.NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[slice, slice]:
    """Cut a slice to the lesion and what lies around it."""
    parts = []
    for axis, step in enumerate(spacing_mm):
        inside = np.flatnonzero(outline.any(axis=1 - axis))
        around = round(_AROUND_MM / step)
        parts.append(slice(max(int(inside[0]) - around, 0), int(inside[-1]) + around + 1))
    return parts[0], parts[1]


def _slice(image: sitk.Image, at: int) -> npt.NDArray[np.float64]:
    return np.array(sitk.GetArrayViewFromImage(image)[at])


@drawing(
    section="images", settings=("signature", "training", "extraction"), when=lambda manifest: bool(manifest.kinds_read_twice())
)
def agreement(agreement: pd.DataFrame, *, settings: Manifest) -> Panels:
    """Draw the ICC of every feature by its kind; radiomic features by the class that PyRadiomics names."""
    icc = agreement.assign(kind=[_kind(*pair) for pair in zip(agreement["signature"], agreement["feature"], strict=True)])
    asked = [settings.signature.icc_of(str(name)) for name in agreement["signature"].unique()]
    threshold = next((value for value in asked if value is not None), ICC_ASKED)
    yield Panel("icc_by_kind", "", figures.icc_by_kind(icc, threshold=threshold), icc)


def _kind(signature: str, feature: str) -> str:
    parts = str(feature).split("_")
    return f"{signature}: {parts[1]}" if signature == "radiomics" and len(parts) > 2 else str(signature).replace("_", " ")


def segmentation(settings: Manifest, inputs: Inputs) -> pd.DataFrame:
    """Say how the lesions of every cohort came to be: one row per cohort."""
    rows = []
    for name in (name for name, one in settings.cohorts().items() if one.images):
        masks = inputs.masks(name, "reader")
        kinds = sorted({path.name[len(room.mask_stem(path)) :].lstrip(".") or "folder" for path in masks.values()})
        twice = len(inputs.masks(name, "second_reader"))
        images = len(inputs.images(name))
        rows.append([name, images, len(masks), twice, ", ".join(kinds), settings.extraction.lesions, CHOICES["image"]])
    return pd.DataFrame(rows, columns=["cohort", "images", "masks", "second_reader", "files", "lesion", "measured_in"])


def extraction(settings: Manifest) -> dict[str, object]:
    """Say how the features of images were measured, for the reporting checklists."""
    extraction = settings.extraction
    parameters = {"parameters": extraction.parameters or "the package's own"} if extraction.radiomics else {}
    return {**extraction.model_dump(exclude_none=True, mode="json"), **parameters, **CHOICES}
