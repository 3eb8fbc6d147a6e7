"""One patient's DICOM folder -> phases, maps, lesion, zones, features, tables and figures on disk."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk

from radiogenomics import features, figures, images, lesions
from radiogenomics._errors import InputError
from radiogenomics._files import make_folder, refuse_links, sha256, write_table, write_text
from radiogenomics._tables import check_choice
from radiogenomics.study.lesion import (
    CROP_SIZE,
    INTERPOLATION,
    METRIC,
    MIN_ENHANCEMENT_PERCENT,
    RIM_MM,
    SEG_THRESHOLD,
    SURROUND_MM,
    Lesion,
    finite,
    measure,
    networks_of,
    read_mask,
    read_phases,
    with_zones,
)
from radiogenomics.study.manifest.schema import Extraction

logger = logging.getLogger(__name__)

GROW_RADIUS_MM, GROW_FRACTION = 40.0, 0.5
"""How far from its seed a lesion is grown, and above which part of the way from the background to the lesion's level."""

SETTINGS: dict[str, Any] = {
    "pre_contrast_phases": 1,
    "min_enhancement_percent": MIN_ENHANCEMENT_PERCENT,
    "ser_ceiling": 3.0,
    "grow_smoothing_mm": 0.8,
    "rim_mm": RIM_MM,
    "surround_mm": SURROUND_MM,
    "lesions": "largest",
    "registration_metric": METRIC,
    "registration_interpolation": INTERPOLATION,
    "seg_threshold": SEG_THRESHOLD,
    "crop_size": CROP_SIZE,
}
"""Every choice that `extract_patient` makes; written beside its results."""

_SHOWN_PERCENT = (0.0, 200.0)


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
    series: int | None = None,
    segment: int | str | None = None,
    register: bool = False,
    resample: bool = False,
    parameters: Path | None = None,
    deep: Mapping[str, str] | None = None,
    background: float | None = None,
    content: str | None = None,
    derived: bool = False,
    radius_mm: float = GROW_RADIUS_MM,
    fraction: float = GROW_FRACTION,
    leak: lesions.Leak = "shrink",
) -> ExtractedPatient:
    """Take one patient from a DICOM folder to phases, maps, lesion, zones, features, tables and figures.

    Parameters
    ----------
    folder : Path
        DICOM files as an archive gives them, in subfolders or as a zip.
    mask : Path, optional
        A mask file of any kind `lesions.read_mask` knows; give this, `seed` or `box`.
    seed : sequence of int, shape (3,), optional
        Voxel number along columns, rows and slices (x, y, z) from 0, inside the lesion; it is grown from there.
    box : sequence of (int, int), shape (3,), optional
        First and last voxel along columns, rows and slices; the lesion is grown inside, however large it is.
    out : Path
        Where the results go: ``images/``, ``tables/``, ``figures/``, ``settings.json``.
    series : int, optional
        Number of the dynamic series, or of one of its parts, where the folder holds several.
    segment : int or str, optional
        Which segment, structure or label of the mask.
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
    for network in deep or {}:
        check_choice(network, "deep", features.BACKBONES.names())
    settings = Extraction.model_validate({"deep": dict(deep or {}), "register_phases": register, "segment": segment})
    local = {weights: Path(weights) for weights in settings.deep.values() if Path(weights).is_file()}
    networks = networks_of(settings, local, seed=0)  # first: weights that cannot be had are known before long work
    if parameters is not None:
        features.check_parameters(parameters)
    found = _series(Path(folder), Path(out))
    out = make_folder(out, "the results' folder")
    phases, motion = read_phases(found, settings=settings, series=series, content=content, derived=derived)
    tables = {"series": images.series_table(found), "phases": phases.table, **({} if motion is None else {"motion": motion})}
    level = images.background_level(phases.pre) if background is None else background
    logger.info("Signal below %g counts as air (%s).", level, "found in the image" if background is None else "given")
    maps = make_maps(phases, background=level)
    files = _write_volumes(out, {**phases.images, **maps})  # first: a seed is chosen on them where growth fails
    grow: dict[str, Any] = {"radius_mm": radius_mm, "fraction": fraction, "leak": leak}
    drawn = (
        read_mask(Path(mask), phases, settings=settings, resample=resample)
        if mask is not None
        else _grow(maps["pe1"], seed, box, **grow)
    )
    whole = with_zones(phases, drawn, background=level)
    lesion, zones = whole.mask, whole.zones
    patient = next(iter(phases.sources.values())).header.get("PatientID", "")
    tables |= _lesion_tables(phases, lesion, zones)
    tables |= _feature_tables(patient, whole, settings, parameters, networks)
    files += _write(out, phases, lesion, zones, tables)
    files += draw(out, phases, maps, lesion, zones, tables["curves"])
    files.append(
        _write_settings(
            out,
            {
                "patient": patient,
                "background_level": whole.background,
                "background_from": "the image (images.background_level)" if background is None else "given",
                **_origin(mask, seed, box),
                **({} if mask is not None else {"grown": grow}),
                "extraction": settings.model_dump(),
                "parameters": (parameters or features.PARAMETERS).name,
                "networks": {kind: network.label for kind, network in networks.items()},
            },
        )
    )
    return ExtractedPatient(patient, phases, maps, lesion, zones, tables, files)


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
            min_enhancement=SETTINGS["min_enhancement_percent"],
            ceiling=SETTINGS["ser_ceiling"],
        )
    return maps


def draw(
    out: Path, phases: images.Phases, maps: dict[str, sitk.Image], lesion: sitk.Image, zones: sitk.Image, curves: pd.DataFrame
) -> list[Path]:
    """Draw the overlay, the phases, the maximum projection and the curves through the largest slice of the lesion -> files."""
    at = lesions.largest_slices(lesion).query("axis == 2")["slice"].item()
    spacing = (lesion.GetSpacing()[1], lesion.GetSpacing()[0])
    outline = np.asarray(_slice(lesion, at), dtype=bool)
    title = f"First post-contrast, slice {at} of 0 to {lesion.GetSize()[2] - 1}"
    overlay = figures.lesion_slice(
        _slice(phases.first, at),
        spacing_mm=spacing,
        lesion=outline,
        zones=_slice(zones, at),
        zone_labels=lesions.ZONES,
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


def _series(folder: Path, out: Path) -> list[images.Series]:
    if folder.suffix.lower() == ".zip" and folder.is_file():
        folder = images.unpack(folder, _own_place(folder, make_folder(out, "the results' folder")))
    return images.find_series(folder)


def _own_place(archive: Path, out: Path) -> Path:
    """Give the folder where an archive is unpacked: one for each content, so that no two patients mix, and through no link."""
    place = out / "dicom" / sha256(archive)[:12]
    refuse_links(place.parent, place, *place.rglob("*"))
    return place


def _feature_tables(
    patient: str, lesion: Lesion, settings: Extraction, parameters: Path | None, networks: Mapping[str, features.Backbone]
) -> dict[str, pd.DataFrame]:
    measured = measure(lesion, settings=settings, parameters=parameters, networks=networks, seed=0)
    tables, unknown = {}, []
    for kind, row in measured.numbers.items():
        table, lost = finite(pd.DataFrame([row], index=pd.Index([patient], name="patient")))
        tables[f"features_{kind}"] = table
        unknown.append(lost.assign(table=f"features_{kind}"))
    return tables | {"nonfinite": pd.concat(unknown, ignore_index=True)}


def _grow(
    enhancement: sitk.Image,
    seed: Sequence[int] | None,
    box: Sequence[tuple[int, int]] | None,
    *,
    radius_mm: float,
    fraction: float,
    leak: lesions.Leak,
) -> sitk.Image:
    how: dict[str, float] = {"fraction": fraction, "smoothing_mm": SETTINGS["grow_smoothing_mm"]}
    if box is not None:
        grown = lesions.grow_in_box(enhancement, box=box, **how)
    else:
        grown = lesions.grow_from_seed(enhancement, seed=seed or (), radius_mm=radius_mm, leak=leak, **how)
    logger.info("Grown above %.0f %% enhancement: %.0f mm3.", grown.threshold, grown.volume_mm3)
    return lesions.checked(grown.mask, enhancement)


def _lesion_tables(phases: images.Phases, lesion: sitk.Image, zones: sitk.Image) -> dict[str, pd.DataFrame]:
    slices = lesions.largest_slices(lesion)
    facts = pd.DataFrame(
        {
            "volume_mm3": [lesions.volume_mm3(lesion)],
            "largest_diameter_mm": [slices["diameter_mm"].max()],
            **{f"{name}_mm3": [lesions.volume_mm3(lesions.zone(zones, name))] for name in lesions.ZONES},
        }
    )
    return {"lesion": facts, "slices": slices, "curves": lesions.time_intensity(phases, zones)}


def _write_volumes(out: Path, volumes: Mapping[str, sitk.Image]) -> list[Path]:
    return [images.write_volume(image, out / "images" / f"{name}.nii.gz") for name, image in volumes.items()]


def _write(
    out: Path, phases: images.Phases, lesion: sitk.Image, zones: sitk.Image, tables: dict[str, pd.DataFrame]
) -> list[Path]:
    files = _write_volumes(out, {"lesion": lesion, "zones": zones})
    name = phases.table.loc[phases.table["role"] == "first post-contrast", "phase"].item()
    files.append(lesions.write_seg(lesion, out / "images" / "lesion.seg.dcm", source=phases.sources[name], label="Lesion"))
    return files + [path for stem, table in tables.items() for path in write_table(table, out / "tables" / stem)]


def _origin(mask: Path | None, seed: Sequence[int] | None, box: Sequence[tuple[int, int]] | None) -> dict[str, object]:
    """Say where the lesion comes from."""
    if mask is not None:
        return {"mask": Path(mask).name}
    return {"seed": [int(at) for at in seed]} if seed is not None else {"box": [[int(at) for at in pair] for pair in box or ()]}


def _write_settings(out: Path, chosen: dict[str, object]) -> Path:
    write_text(out / "settings.json", json.dumps({**chosen, **SETTINGS}, indent=2) + "\n")
    return out / "settings.json"


def _timed(phases: images.Phases, name: str) -> str:
    seconds = phases.table.set_index("phase")["seconds"][name]
    return name if np.isnan(seconds) else f"{name}, {seconds:.0f} s"


def _slice(image: sitk.Image, at: int) -> npt.NDArray[Any]:
    return np.asarray(sitk.GetArrayViewFromImage(image)[at])
