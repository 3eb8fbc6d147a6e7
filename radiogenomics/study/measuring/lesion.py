"""One lesion -> every number that is measured in it: radiomics, kinetics, and deep features."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics import features, images, lesions
from radiogenomics._files import Decision, Tell, log_decision, sha256
from radiogenomics.features import Backbone
from radiogenomics.study.manifest.schema import Extraction
from radiogenomics.study.measuring.examination import INTERPOLATION, METRIC, read_examination

RIM_MM = 2.0
SURROUND_MM = 5.0
SEG_THRESHOLD = 0.5
MIN_ENHANCEMENT_PERCENT = 70.0
CROP_SIZE = 224

CHOICES = {
    "image": "first post-contrast",
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
    """One patient's dynamic series and a lesion in it.

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
        ``volume_mm3, largest_diameter_mm, phases, background``.
    decisions : list of Decision
        What was decided about the patient on the way.
    """

    numbers: dict[str, pd.Series]
    facts: dict[str, float]
    decisions: list[Decision] = field(default_factory=list)


def read_lesions(folder: Path, mask: Path, *, settings: Extraction, tell: Tell = log_decision) -> dict[int, Lesion]:
    """Read one patient's images and mask -> the lesions that are measured, by their index.

    Parameters
    ----------
    folder : Path
        DICOM files or phases of one patient, see `read_examination`.
    mask : Path
        A mask file of any kind `lesions.read_mask` knows.
    settings : Extraction
        Which series, how masks are read, and what of several lesions counts.
    tell : callable
        Called with what is decided; logs it when left out.

    Returns
    -------
    dict of int to Lesion
        One lesion, 1, for ``largest`` and ``union``; for ``each`` all of them, the largest first.

    Raises
    ------
    ValueError
        If series or mask are damaged, or the mask does not lie on the images.
    """
    phases = read_examination(folder, settings=settings, tell=tell).phases
    drawn = read_mask(mask, phases, settings=settings, tell=tell)
    if settings.lesions == "each":
        return {at: with_zones(phases, one, settings=settings, tell=tell) for at, one in lesions.split_lesions(drawn).items()}
    whole = lesions.lesion_of_patient(drawn, lesions=settings.lesions, tell=tell)
    return {1: with_zones(phases, whole, settings=settings, tell=tell)}


def read_lesion(folder: Path, mask: Path, *, settings: Extraction, tell: Tell = log_decision) -> Lesion:
    """Read one patient's images and the region that stands for the patient; see `read_lesions`."""
    return next(iter(read_lesions(folder, mask, settings=settings, tell=tell).values()))


def read_mask(
    mask: Path, phases: images.Phases, *, settings: Extraction, name: str = "", tell: Tell = log_decision
) -> sitk.Image:
    """Read the lesions that were drawn of a patient (`name`) on the grid of the phases."""
    drawn = lesions.read_mask(mask, image=phases.first, segment=settings.segment, threshold=SEG_THRESHOLD, tell=tell)
    return lesions.validate_mask(drawn, phases.first, resample=settings.resample_masks, name=name, tell=tell)


def with_zones(phases: images.Phases, mask: sitk.Image, *, settings: Extraction, tell: Tell = log_decision) -> Lesion:
    """Lay the zones of a lesion out, in the body above the level of air that is given or found."""
    level = images.background_level(phases.pre) if settings.background is None else settings.background
    body = images.body_mask(phases.pre, background=level)
    zones = lesions.zones(mask, rim_mm=RIM_MM, surround_mm=SURROUND_MM, within=body, tell=tell)
    return Lesion(phases, mask, zones, level)


def measure(
    lesion: Lesion,
    *,
    settings: Extraction,
    parameters: Path | None,
    networks: Mapping[str, Backbone],
    random_state: int,
    tell: Tell = log_decision,
) -> Measured:
    """Measure one lesion: texture, shape and deep features in the first post-contrast phase, kinetics over all phases.

    Parameters
    ----------
    lesion : Lesion
        Phases, mask and zones.
    settings : Extraction
        What to measure.
    parameters : Path, optional
        A PyRadiomics parameter file instead of `features.PARAMETERS`.
    networks : mapping of str to features.Backbone
        Every deep network, by the name of its table.
    random_state : int
        Of the permutation of voxels for the shuffled copies.
    tell : callable
        Called with what is decided; logs it when left out.

    Returns
    -------
    Measured
        The numbers and the facts; the decisions are with `tell`.
    """
    image, mask = lesion.phases.first, lesion.mask
    numbers = {}
    if settings.radiomics:
        numbers["radiomics"] = features.radiomics(image, mask, parameters=parameters)
        if settings.shuffled:
            null = features.shuffle(image, mask, random_state=random_state)
            copies = features.radiomics(null, mask, parameters=parameters).add_prefix("shuffled_")
            numbers["radiomics"] = pd.concat([numbers["radiomics"], copies])
    if settings.kinetics:
        numbers["kinetics"] = features.kinetics(
            lesion.phases, lesion.zones, background=lesion.background, min_enhancement=MIN_ENHANCEMENT_PERCENT, tell=tell
        )
    for kind, network in networks.items():
        crop = features.crop(image, mask, view=settings.view, margin_mm=settings.margin_mm, size=CROP_SIZE)
        numbers[kind] = pd.Series(network.extract(crop[None])[0].astype(float), index=network.names)
    facts = {
        "volume_mm3": lesions.volume_mm3(mask),
        "largest_diameter_mm": float(lesions.largest_slices(mask)["diameter_mm"].max()),
        "phases": float(len(lesion.phases.images)),
        "background": lesion.background,
    }
    return Measured(numbers, facts)


def finite(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make what is infinite missing -> the table, and which feature is not finite in which patients."""
    return table.replace([np.inf, -np.inf], np.nan), features.nonfinite(table)


def networks_of(settings: Extraction, files: Mapping[str, Path], *, random_state: int) -> dict[str, Backbone]:
    """Build every network that is asked for, by the name of its table.

    Parameters
    ----------
    settings : Extraction
        ``deep`` names networks and weights.
    files : mapping of str to Path
        Local files of weights, by what stands for them in ``deep``.
    random_state : int
        Of random weights.

    Returns
    -------
    dict of str to features.Backbone
        Empty where no network is asked for.
    """
    made = {}
    for kind, (network, weights) in settings.networks().items():
        local = {"weights": files[weights], "sha256": sha256(files[weights])} if weights in files else {"weights": weights}
        made[kind] = features.Backbone(network, random_state=random_state, **local)
    return made
