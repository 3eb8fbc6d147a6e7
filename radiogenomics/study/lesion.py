"""One lesion -> every number that is measured in it: radiomics, kinetics, and deep features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics import features, images, lesions
from radiogenomics._files import sha256
from radiogenomics.features import Backbone
from radiogenomics.study.manifest.schema import Extraction

RIM_MM = 2.0
SURROUND_MM = 5.0
SEG_THRESHOLD = 0.5
MIN_ENHANCEMENT_PERCENT = 70.0
CROP_SIZE = 224
METRIC: Literal["mutual information", "correlation"] = "mutual information"
INTERPOLATION: Literal["nearest", "linear", "bspline"] = "linear"

CHOICES = {
    "image": "first post-contrast",
    "lesions": "largest",
    "rim_mm": RIM_MM,
    "surround_mm": SURROUND_MM,
    "seg_threshold": SEG_THRESHOLD,
    "min_enhancement_percent": MIN_ENHANCEMENT_PERCENT,
    "crop_size": CROP_SIZE,
    "registration": [METRIC, INTERPOLATION],
}
"""What is fixed here and no manifest changes; it stands beside the settings of the step."""


@dataclass(frozen=True)
class Lesion:
    """One patient's dynamic series and the lesion in it.

    Attributes
    ----------
    phases : images.Phases
        The dynamic series.
    mask, zones : SimpleITK.Image
        uint8 on the grid of the phases; labels of the zones as in `lesions.ZONES`.
    background : float
        Signal of air, see `images.background_level`.
    """

    phases: images.Phases
    mask: sitk.Image
    zones: sitk.Image
    background: float


@dataclass(frozen=True)
class Measured:
    """What was measured in one lesion.

    Attributes
    ----------
    numbers : dict of str to Series
        ``radiomics``, ``kinetics``, and one a network: values by feature name; what could not be computed is NaN or infinite.
    facts : dict of str to float
        ``volume_mm3, largest_diameter_mm, phases``.
    """

    numbers: dict[str, pd.Series]
    facts: dict[str, float]


def read_lesion(folder: Path, mask: Path, *, settings: Extraction) -> Lesion:
    """Read one patient's DICOM folder and mask.

    Parameters
    ----------
    folder : Path
        DICOM files of one patient.
    mask : Path
        A mask file of any kind `lesions.read_mask` knows.
    settings : Extraction
        ``pre_contrast``, ``register_phases`` and ``segment`` are used.

    Returns
    -------
    Lesion
        Phases, mask and zones.

    Raises
    ------
    ValueError
        If series or mask are damaged, or the mask does not lie on the images.
    """
    phases, _ = read_phases(images.find_series(folder), settings=settings)
    return with_zones(phases, read_mask(mask, phases, settings=settings, name=folder.name))


def read_phases(
    found: Sequence[images.Series],
    *,
    settings: Extraction,
    series: int | None = None,
    content: str | None = None,
    derived: bool = False,
) -> tuple[images.Phases, pd.DataFrame | None]:
    """Read the dynamic series of a patient -> its phases, aligned where that is asked for, and how far each had moved.

    Parameters
    ----------
    found : sequence of images.Series
        The series of one patient.
    settings : Extraction
        ``pre_contrast`` and ``register_phases`` are used.
    series : int, optional
        Number of the dynamic series, where there are several.
    content : str, optional
        Which of its contents, where it has several; as `derived`, see `images.dynamic_series`.
    derived : bool
        Whether the series may call itself derived.
    """
    chosen = images.dynamic_series(found, number=series, content=content, derived=derived)
    phases = images.read_phases(chosen, pre_contrast=settings.pre_contrast)
    return registered(phases) if settings.register_phases else (phases, None)


def read_mask(mask: Path, phases: images.Phases, *, settings: Extraction, resample: bool = False, name: str = "") -> sitk.Image:
    """Read the lesion that was drawn of a patient (`name`) on the grid of the phases; `resample` allows a mask on another."""
    drawn = lesions.read_mask(mask, image=phases.first, segment=settings.segment, threshold=SEG_THRESHOLD)
    return lesions.checked(drawn, phases.first, resample=resample, name=name)


def with_zones(phases: images.Phases, drawn: sitk.Image, *, background: float | None = None) -> Lesion:
    """Reduce what was drawn to the patient's lesion, and lay its zones out; `background` is the level of air, else found."""
    lesion = lesions.lesion_of_patient(drawn, lesions="largest")
    level = images.background_level(phases.pre) if background is None else background
    body = images.body_mask(phases.pre, background=level)
    return Lesion(phases, lesion, lesions.zones(lesion, rim_mm=RIM_MM, surround_mm=SURROUND_MM, within=body), level)


def registered(phases: images.Phases) -> tuple[images.Phases, pd.DataFrame]:
    """Align the phases with the last pre-contrast one -> the phases, and how far each had moved."""
    reference = phases.table.loc[phases.table["role"] == "pre-contrast", "phase"].iloc[-1]
    aligned = images.register_phases(phases.images, reference=reference, metric=METRIC, interpolation=INTERPOLATION)
    return images.Phases(aligned.images, phases.sources, phases.table), aligned.motion


def measure(
    lesion: Lesion, *, settings: Extraction, parameters: Path | None, networks: Mapping[str, Backbone], seed: int
) -> Measured:
    """Measure one lesion: texture, shape and deep features in the first post-contrast phase, kinetics over all phases.

    Parameters
    ----------
    lesion : Lesion
        Phases, mask and zones.
    settings : Extraction
        What to measure.
    parameters : Path, optional
        A PyRadiomics parameter file in the place of `features.PARAMETERS`.
    networks : mapping of str to features.Backbone
        Every deep network, by the name of its table.
    seed : int
        Of the permutation of voxels for the shuffled copies.

    Returns
    -------
    Measured
        The numbers and the facts.
    """
    image, mask = lesion.phases.first, lesion.mask
    numbers = {}
    if settings.radiomics:
        numbers["radiomics"] = features.radiomics(image, mask, parameters=parameters)
        if settings.shuffled:
            null = features.shuffle(image, mask, rng=np.random.default_rng(seed))
            copies = features.radiomics(null, mask, parameters=parameters).add_prefix("shuffled_")
            numbers["radiomics"] = pd.concat([numbers["radiomics"], copies])
    if settings.kinetics:
        numbers["kinetics"] = features.kinetics(
            lesion.phases, lesion.zones, background=lesion.background, min_enhancement=MIN_ENHANCEMENT_PERCENT
        )
    for kind, network in networks.items():
        crop = features.crop(image, mask, view=settings.view, margin_mm=settings.margin_mm, size=CROP_SIZE)
        numbers[kind] = pd.Series(network.extract(crop[None])[0].astype(float), index=network.names)
    facts = {
        "volume_mm3": lesions.volume_mm3(mask),
        "largest_diameter_mm": float(lesions.largest_slices(mask)["diameter_mm"].max()),
        "phases": float(len(lesion.phases.images)),
    }
    return Measured(numbers, facts)


def finite(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make what is infinite missing -> the table, and which feature is not finite in which patients."""
    return table.replace([np.inf, -np.inf], np.nan), features.nonfinite(table)


def networks_of(settings: Extraction, files: Mapping[str, Path], *, seed: int) -> dict[str, Backbone]:
    """Build every network that is asked for, by the name of its table.

    Parameters
    ----------
    settings : Extraction
        ``deep`` names networks and weights.
    files : mapping of str to Path
        Local files of weights, by what stands for them in ``deep``.
    seed : int
        Of random weights.

    Returns
    -------
    dict of str to features.Backbone
        Empty where no network is asked for.
    """
    made = {}
    for kind, (network, weights) in settings.networks().items():
        local = {"weights": files[weights], "sha256": sha256(files[weights])} if weights in files else {"weights": weights}
        made[kind] = features.Backbone(network, seed=seed, **local)
    return made
