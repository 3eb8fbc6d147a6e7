"""One patient's DICOM folder -> phases, maps, lesion, zones, features, tables and figures on disk."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk
from pydantic import ValidationError

from radiogenomics import features, images
from radiogenomics import lesions as room
from radiogenomics._errors import InputError
from radiogenomics._files import (
    Decision,
    Tell,
    decision_table,
    log_decision,
    make_folder,
    refuse_links,
    sha256,
    told_of,
    write_table,
    write_text,
)
from radiogenomics._tables import check_choice
from radiogenomics.study.manifest.schema import Extraction
from radiogenomics.study.measuring.drawing import SER_CEILING, draw, make_maps
from radiogenomics.study.measuring.examination import INTERPOLATION, METRIC, Examination, read_examination
from radiogenomics.study.measuring.lesion import (
    CROP_SIZE,
    MIN_ENHANCEMENT_PERCENT,
    RIM_MM,
    SEG_THRESHOLD,
    SURROUND_MM,
    Lesion,
    Measured,
    networks_of,
    read_mask,
    with_zones,
)
from radiogenomics.study.measuring.tasks import feature_tables, measure_lesions

logger = logging.getLogger(__name__)

GROW_RADIUS_MM, GROW_FRACTION = 40.0, 0.5
"""How far from its seed a lesion is grown, and above which part of the way from the background to the lesion's level."""

SETTINGS: dict[str, Any] = {
    "min_enhancement_percent": MIN_ENHANCEMENT_PERCENT,
    "ser_ceiling": SER_CEILING,
    "grow_smoothing_mm": 0.8,
    "rim_mm": RIM_MM,
    "surround_mm": SURROUND_MM,
    "registration_metric": METRIC,
    "registration_interpolation": INTERPOLATION,
    "seg_threshold": SEG_THRESHOLD,
    "crop_size": CROP_SIZE,
}
"""Every choice that `extract_patient` makes; written beside its results."""


@dataclass(frozen=True)
class ExtractedPatient:
    """One patient's images, ready for features.

    Attributes
    ----------
    patient : str
        PatientID.
    phases : images.Phases
        The dynamic series, registered where that was asked for.
    maps : dict of str to SimpleITK.Image
        ``pe1``, ``subtraction``, ``body`` and, with a later phase, ``ser``.
    lesion : SimpleITK.Image
        uint8 mask on the grid of the phases.
    zones : SimpleITK.Image
        Labels as in `lesions.ZONES`.
    tables : dict of str to DataFrame
        ``series``, ``phases``, ``lesion``, ``slices``, ``curves``, where registered ``motion``; ``features_radiomics``,
        ``features_kinetics`` and one a network, each one row; ``nonfinite`` names what could not be computed.
    files : list of Path
        Everything that was written.
    """

    patient: str
    phases: images.Phases
    maps: dict[str, sitk.Image]
    lesion: sitk.Image
    zones: sitk.Image
    tables: dict[str, pd.DataFrame]
    files: list[Path]

    @property
    def features(self) -> dict[str, pd.DataFrame]:
        """The tables of features, one row each."""
        return {name: table for name, table in self.tables.items() if name.startswith("features_")}


def extract_patient(
    folder: Path,
    *,
    mask: Path | None = None,
    seed: Sequence[int] | None = None,
    box: Sequence[tuple[int, int]] | None = None,
    out: Path,
    patient: str | None = None,
    series: int | None = None,
    segment: int | str | None = None,
    lesions: str = "largest",
    register: bool = False,
    resample: bool = False,
    parameters: Path | None = None,
    deep: Mapping[str, str] | None = None,
    background: float | None = None,
    content: str | None = None,
    derived: bool = False,
    pre_contrast: int = 1,
    seconds: Sequence[float] | None = None,
    radius_mm: float = GROW_RADIUS_MM,
    fraction: float = GROW_FRACTION,
    leak: room.Leak = "shrink",
) -> ExtractedPatient:
    """Take one patient from a folder of images to phases, maps, lesion, zones, features, tables and figures.

    Parameters
    ----------
    folder : Path
        DICOM files as an archive gives them, in subfolders or as a zip; or NIfTI, NRRD or MetaImage volumes, one a phase, whose
        names tell their order (`images.find_phase_files`).
    mask : Path, optional
        A mask file of any kind `lesions.read_mask` knows; give this, `seed` or `box`.
    seed : sequence of int, shape (3,), optional
        Voxel number along columns, rows and slices (x, y, z) from 0, inside the lesion; it is grown from there.
    box : sequence of (int, int), shape (3,), optional
        First and last voxel along columns, rows and slices; the lesion is grown inside, however large it is.
    out : Path
        Where the results go: ``images/``, ``tables/``, ``figures/``, ``settings.json``.
    patient : str, optional
        PatientID, where the folder holds several patients.
    series : int, optional
        Number of the dynamic series, or of one of its parts, where the folder holds several.
    segment : int or str, optional
        Which segment, structure or label of the mask.
    lesions : {'largest', 'union', 'each'}
        What of several lesions is measured: the largest, all as one region, or each, with a row of its own.
    register : bool
        Whether the phases are aligned rigidly with the pre-contrast one first.
    resample : bool
        Whether a mask on another grid may be resampled onto the phases.
    parameters : Path, optional
        A PyRadiomics parameter file; left out, the package's own (`features.PARAMETERS`).
    deep : mapping of str to str, optional
        Networks to run and their weights: a name of torchvision or timm, a local file, or ``random``.
    background : float, optional
        Pre-contrast signal below which a voxel is air; left out, `images.background_level` finds it. Archives used levels of
        their own (Breast-MRI-NACT-Pilot 35 or 40): give theirs to compare maps with them.
    content : str, optional
        Which images of the dynamic series, where the scan gave several kinds: ``water``..., see `images.dynamic_series`.
    derived : bool
        Whether the series that `series` names may call itself derived.
    pre_contrast : int
        How many phases were taken before the injection.
    seconds : sequence of float, optional
        When each phase was taken, where the files do not say.
    radius_mm, fraction, leak
        How a lesion is grown from a seed, see `lesions.grow_from_seed`; `fraction` counts in a box too.

    Returns
    -------
    ExtractedPatient
        The same in memory.

    Raises
    ------
    ValueError
        Unless exactly one of `mask`, `seed` and `box` is given, or if the input is damaged.
    """
    if sum(origin is not None for origin in (mask, seed, box)) != 1:
        raise InputError("Give exactly one of a mask file, a seed voxel and a box: the lesion is read from it or grown from it.")
    settings = extraction_of(
        deep=dict(deep or {}), register_phases=register, segment=segment, lesions=lesions, background=background, series=series,
        content=content, derived=derived, pre_contrast=pre_contrast, resample_masks=resample,
        seconds=None if seconds is None else [float(one) for one in seconds],
    )  # fmt: skip
    networks = local_networks(settings, parameters)  # first: weights that cannot be had are known before long work
    place = _unpacked(Path(folder), Path(out))
    told = _Told(patient or Path(folder).name.removesuffix(".zip"))
    examination = read_examination(place, settings=settings, patient=patient, tell=told)
    told.patient = examination.patient or told.patient
    out = make_folder(out, "the results' folder")
    phases = examination.phases
    level = images.background_level(phases.pre) if background is None else background
    told.level(level, found=background is None)
    maps = make_maps(phases, background=level)
    files = _write_volumes(out, {**phases.images, **maps})  # first: a seed is chosen on them where growth fails
    grow: dict[str, Any] = {"radius_mm": radius_mm, "fraction": fraction, "leak": leak}
    drawn = (
        read_mask(Path(mask), phases, settings=settings, tell=told)
        if mask is not None
        else _grow(maps["pe1"], seed, box, maps_in=out / "images", tell=told, **grow)
    )
    whole, parts = _lesions(phases, drawn, settings=settings.model_copy(update={"background": level}), tell=told)
    measured = measure_lesions(parts, settings=settings, parameters=parameters, networks=networks, random_state=0, tell=told)
    tables = _tables(examination, told, whole, {at: parts[at] for at in measured}, measured, settings)
    files += _write(out, phases, whole, tables)
    if settings.lesions == "each":
        files += _write_volumes(out, {"lesions": numbered({at: one.mask for at, one in parts.items()})})
    files += draw(out, phases, maps, whole.mask, whole.zones, tables["curves"])
    choices = {
        "patient": told.patient,
        "background_level": level,
        "background_from": "the image (images.background_level)" if background is None else "given",
        **_origin(mask, seed, box),
        **({} if mask is not None else {"grown": grow}),
        "extraction": settings.model_dump(),
        "parameters": (parameters or features.PARAMETERS).name,
        "networks": {kind: network.label for kind, network in networks.items()},
        **SETTINGS,
        "pre_contrast_phases": pre_contrast,
        "lesions": lesions,
    }
    files.append(_write_settings(out, choices))
    return ExtractedPatient(told.patient, phases, maps, whole.mask, whole.zones, tables, files)


class _Told:
    """Logs what is decided as it comes, and keeps it for the table; every entry names the patient."""

    def __init__(self, patient: str) -> None:
        self.patient = patient
        self.decisions: list[Decision] = []

    def __call__(self, decision: Decision) -> None:
        told_of(self.patient, self.decisions)(decision)
        log_decision(self.decisions[-1])

    def level(self, level: float, *, found: bool) -> None:
        """Tell which signal counts as air."""
        if found:
            self(Decision("level of air found", "", 1, f"Signal below {level:g} counts as air (found in the image)."))
        else:
            logger.info("Signal below %g counts as air (given).", level)

    def table(self) -> pd.DataFrame:
        """Give all of it; what was told before the patient was known too."""
        return decision_table(replace(one, where=self.patient) for one in self.decisions)


def extraction_of(**chosen: Any) -> Extraction:
    """Make settings of keywords; what is no value for one is an error that names it."""
    try:
        return Extraction.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        raise InputError(f"`{name}` is {first['input']!r}: {first['msg'].lower()}.") from error


def local_networks(settings: Extraction, parameters: Path | None) -> dict[str, features.Backbone]:
    """Check the names of networks and a parameter file, and build the networks, whose weights may be local files."""
    for network in settings.deep:
        check_choice(network, "deep", features.BACKBONES.names())
    local = {weights: Path(weights) for weights in settings.deep.values() if Path(weights).is_file()}
    networks = networks_of(settings, local, random_state=0)
    if parameters is not None:
        features.check_parameters(parameters)
    return networks


def _lesions(phases: images.Phases, drawn: sitk.Image, *, settings: Extraction, tell: Tell) -> tuple[Lesion, dict[int, Lesion]]:
    """Give the region that pictures and curves show, and the lesions that are measured, by their index."""
    if settings.lesions == "each":
        whole = room.lesion_of_patient(drawn, lesions="union", tell=_nothing)
        parts = room.split_lesions(drawn, tell=tell)
        return (
            with_zones(phases, whole, settings=settings, tell=_nothing),
            {at: with_zones(phases, one, settings=settings, tell=tell) for at, one in parts.items()},
        )
    only = with_zones(phases, room.lesion_of_patient(drawn, lesions=settings.lesions, tell=tell), settings=settings, tell=tell)
    return only, {1: only}


def _nothing(decision: Decision) -> None:
    """Say nothing: the region only serves pictures."""


def numbered(masks: Mapping[int, sitk.Image]) -> sitk.Image:
    """Lay masks of several lesions into one volume -> the index of its lesion at every voxel."""
    first = next(iter(masks.values()))
    values = np.zeros(first.GetSize()[::-1], dtype=np.uint16)
    for at, mask in masks.items():
        values[sitk.GetArrayViewFromImage(mask) > 0] = at
    labels = sitk.GetImageFromArray(values)
    labels.CopyInformation(first)
    return labels


def _tables(
    examination: Examination,
    told: _Told,
    whole: Lesion,
    parts: Mapping[int, Lesion],
    measured: Mapping[int, Measured],
    settings: Extraction,
) -> dict[str, pd.DataFrame]:
    """Lay out what was found and measured: one row per lesion where each is measured."""
    facts = [_facts(one) for one in parts.values()]
    tables = {"phases": examination.phases.table, "lesion": pd.DataFrame(facts)}
    tables |= {"series": images.series_table(examination.series)} if examination.series else {}
    tables |= {} if examination.motion is None else {"motion": examination.motion}
    tables |= {"slices": room.largest_slices(whole.mask), "curves": room.time_intensity(whole.phases, whole.zones)}
    made, unknown = feature_tables({f"{at}": one for at, one in measured.items()})
    patients = pd.Index([told.patient] * len(measured), name="patient")
    tables |= {f"features_{kind}": table.set_axis(patients) for kind, table in made.items()}
    lost = pd.concat([part.assign(table=f"features_{kind}") for kind, part in zip(made, unknown, strict=True)], ignore_index=True)
    if settings.lesions == "each":
        for name in ("lesion", *(f"features_{kind}" for kind in made)):
            tables[name].insert(0, "lesion", list(measured))
        lost = lost.rename(columns={"patients": "lesions"})
    else:
        lost["patients"] = told.patient
    return tables | {"nonfinite": lost, "decisions": told.table()}


def _facts(lesion: Lesion) -> dict[str, float]:
    parts = {f"{name}_mm3": room.volume_mm3(room.zone(lesion.zones, name)) for name in room.ZONES}
    diameter = float(room.largest_slices(lesion.mask)["diameter_mm"].max())
    return {"volume_mm3": room.volume_mm3(lesion.mask), "largest_diameter_mm": diameter, **parts}


def _unpacked(folder: Path, out: Path) -> Path:
    if folder.suffix.lower() == ".zip" and folder.is_file():
        return images.unpack(folder, _own_place(folder, make_folder(out, "the results' folder")))
    return folder


def _own_place(archive: Path, out: Path) -> Path:
    """Give the folder where an archive is unpacked: one for each content, so that no two patients mix, and through no link."""
    place = out / "dicom" / sha256(archive)[:12]
    refuse_links(place.parent, place, *place.rglob("*"))
    return place


def _grow(
    enhancement: sitk.Image,
    seed: Sequence[int] | None,
    box: Sequence[tuple[int, int]] | None,
    *,
    maps_in: Path,
    radius_mm: float,
    fraction: float,
    leak: room.Leak,
    tell: Tell,
) -> sitk.Image:
    how: dict[str, Any] = {"fraction": fraction, "smoothing_mm": SETTINGS["grow_smoothing_mm"]}
    try:
        if box is not None:
            grown = room.grow_in_box(enhancement, box=box, **how)
        else:
            grown = room.grow_from_seed(enhancement, seed=seed or (), radius_mm=radius_mm, leak=leak, tell=tell, **how)
    except InputError as error:
        raise InputError(f"{error} The maps are in {maps_in}.") from error
    why = f"Grown above {grown.threshold:.0f} % enhancement: {grown.volume_mm3:.0f} mm3."
    tell(Decision("lesion grown", "", room.count(grown.mask), why))
    return room.validate_mask(grown.mask, enhancement, tell=tell)


def _write_volumes(out: Path, volumes: Mapping[str, sitk.Image]) -> list[Path]:
    return [images.write_volume(image, out / "images" / f"{name}.nii.gz") for name, image in volumes.items()]


def _write(out: Path, phases: images.Phases, whole: Lesion, tables: dict[str, pd.DataFrame]) -> list[Path]:
    files = _write_volumes(out, {"lesion": whole.mask, "zones": whole.zones})
    name = phases.table.loc[phases.table["role"] == "first post-contrast", "phase"].item()
    if name in phases.sources:  # a DICOM SEG refers to DICOM images
        files.append(room.write_seg(whole.mask, out / "images" / "lesion.seg.dcm", source=phases.sources[name], label="Lesion"))
    return files + [path for stem, table in tables.items() for path in write_table(table, out / "tables" / stem)]


def _origin(mask: Path | None, seed: Sequence[int] | None, box: Sequence[tuple[int, int]] | None) -> dict[str, object]:
    """Say where the lesion comes from."""
    if mask is not None:
        return {"mask": Path(mask).name}
    return {"seed": [int(at) for at in seed]} if seed is not None else {"box": [[int(at) for at in pair] for pair in box or ()]}


def _write_settings(out: Path, chosen: dict[str, object]) -> Path:
    write_text(out / "settings.json", json.dumps(chosen, indent=2) + "\n")
    return out / "settings.json"
