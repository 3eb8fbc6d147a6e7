"""Phases and zones -> how contrast medium enters and leaves each part of a lesion, and how its texture goes with it."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics.features._texture import TEXTURES, neighbours, texture
from radiogenomics.images import Phases
from radiogenomics.lesions import ZONES

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

UCHICAGO = {
    "maximum_enhancement": "Maximum enhancement (K1)",
    "time_to_peak": "Time to peak (K2)",
    "uptake_rate": "Uptake rate (K3)",
    "washout_rate": "Washout rate (K4)",
    "curve_shape_index": "Curve shape index (K5)",
    "initial_enhancement": "E1 (K6)",
    "signal_enhancement_ratio": "Signal Enhancement Ratio (SER) (K7)",
    "maximum_enhancement_variance": "Maximum enhancement-variance (E1)",
    "enhancement_variance_time_to_peak": "Enhancement-Variance Time to Peak (E2)",
    "enhancement_variance_increasing_rate": "Enhancement-variance Increasing Rate (E3)",
    "enhancement_variance_decreasing_rate": "Enhancement-variance Decreasing Rate (E4)",
    "texture_contrast_post1": "Contrast (T1)",
    "texture_correlation_post1": "Correlation (T2)",
    "texture_difference_entropy_post1": "Difference Entropy (T3)",
    "texture_difference_variance_post1": "Difference Variance (T4)",
    "texture_energy_post1": "Energy (T5)",
    "texture_entropy_post1": "Entropy (T6)",
    "texture_homogeneity_post1": "Homogeneity (T7)",
    "texture_imc1_post1": "IMC1 (T8)",
    "texture_imc2_post1": "IMC2 (T9)",
    "texture_maximum_correlation_coefficient_post1": "Maximum Correlation Coefficient (T10)",
    "texture_sum_average_post1": "Sum Average (T11)",
    "texture_sum_entropy_post1": "Sum Entropy (T12)",
    "texture_sum_variance_post1": "Sum Variance (T13)",
    "texture_variance_post1": "Variance (T14)",
}
"""Features by their names after ``kinetics_lesion_``, and the column of the University of Chicago's 36 features of TCGA-BRCA
(doi:10.7937/K9/TCIA.2014.8SIPIY6G) with the same formula.

The formulas follow from that table itself, in which for example uptake rate = maximum enhancement / time to peak, curve shape
index = 1 / SER - 1, contrast = 2 variance (1 - correlation). The voxels are not the same: their curve is that of the most
enhancing voxels of the lesion, ours the mean of the zone; their grey levels are not documented, so textures compare in
meaning, not in scale; nor is their time zero documented, ours is the last phase before the injection. The other eleven of the
36 are size, shape and margin, no kinetics; the nearest to their volume of most enhancing voxels is ``enhancing_fraction``
times the volume.
"""


def kinetics(
    phases: Phases,
    zones: sitk.Image,
    *,
    background: float,
    min_enhancement: float,
    plateau: float = 10.0,
    levels: int = 32,
    seconds: Sequence[float] | None = None,
    tell: Tell = log_decision,
) -> pd.Series:
    """Measure enhancement kinetics and dynamic texture in the whole lesion, its core, rim and surround.

    Parameters
    ----------
    phases : Phases
        The dynamic series. Enhancement is relative to its last pre-contrast volume: 1 means +100 %.
    zones : SimpleITK.Image
        Labels from `lesions.zones`, on the grid of the phases.
    background : float
        Pre-contrast signal below which a voxel is air or void and is left out; as in `images.percent_enhancement`.
    min_enhancement : float
        Percent enhancement in the first post-contrast phase from which a voxel enhances and has a type of curve.
    plateau : float
        Percent change of the signal from the first to the last post-contrast phase up to which a curve is a plateau.
    levels : int
        Number of grey levels of the textures, between the lowest and highest signal of the zone in the phase.
    seconds : sequence of float, shape (n_phases,), optional
        When each phase was taken, where the headers do not tell; otherwise ``phases.table["seconds"]`` counts.
    tell : callable
        Called with what is decided (voxels left out, times unknown); logs it when left out.

    Returns
    -------
    Series, index ``feature``
        Names are ``kinetics_<zone>_<name>``, zones ``lesion`` (core and rim), ``core``, ``rim``, ``surround``; the names are

        - of the zone's mean curve: ``maximum_enhancement``, ``time_to_peak`` (seconds after the last pre-contrast phase),
          ``peak_phase`` (1 is the first post-contrast), ``uptake_rate`` (maximum / time to peak, a second),
          ``washout_rate`` (fall from the peak to the last phase a second, 0 when the peak is last), ``initial_enhancement``
          (first post-contrast), ``signal_enhancement_ratio`` (initial / last enhancement), ``curve_shape_index`` ((last -
          initial) / initial enhancement);
        - fractions of the zone's voxels: ``enhancing_fraction``, which is the sum of ``persistent_fraction``,
          ``plateau_fraction`` and ``washout_fraction``;
        - of the variance of enhancement among the zone's voxels: ``enhancement_variance_<phase>`` and, as for the curve,
          ``maximum_enhancement_variance``, ``enhancement_variance_time_to_peak``, ``..._increasing_rate``,
          ``..._decreasing_rate``;
        - ``texture_<name>_<phase>`` of each phase from the last pre-contrast (``pre``) on, 14 each, and
          ``texture_<name>_slope``, the least-squares change a second.

        NaN where a number does not exist: a zone without voxels; what needs a later phase in a series of two phases;
        everything in seconds where the times are unknown; a ratio over an enhancement that is not positive. What is NaN is
        logged. `UCHICAGO` names the like features of TCGA-BRCA.

    Raises
    ------
    ValueError
        If the zones lie on another grid or hold no lesion, a signal is not finite, `seconds` do not rise or do not match the
        phases, or a setting is out of range.

    References
    ----------
    Kuhl C. K. et al., "Dynamic breast MR imaging: are signal intensity time course data useful for differential diagnosis of
    enhancing lesions?", Radiology 211 (1999), doi:10.1148/radiology.211.1.r99ap38101 (persistent, plateau, washout; 10 % is the
    usual band of the plateau).
    Chen W. et al., "Computerized interpretation of breast MRI: investigation of enhancement-variance dynamics", Med. Phys. 31
    (2004), doi:10.1118/1.1695652.
    """
    _check_settings(background, min_enhancement, plateau, levels)
    volumes = _from_pre(phases)
    names = list(volumes)
    times = _times(phases, seconds, tell)[-len(names) :]
    labels, signal = _window(volumes, zones)
    tissue = signal[0] >= background
    values: dict[str, float] = {}
    for zone, inside in _parts(labels).items():
        _tell_left_out(zone, inside, tissue, tell)
        held = inside & tissue
        measures = _measures(signal[:, held], times, names, min_enhancement, plateau) | _textures(
            signal, held, times, names, levels
        )
        values |= {f"kinetics_{zone}_{name}": value for name, value in measures.items()}
    result = pd.Series(values, dtype=float, name="kinetics").rename_axis("feature")
    _tell_missing(result)
    return result


def _check_settings(background: float, min_enhancement: float, plateau: float, levels: int) -> None:
    for name, value in (("background", background), ("min_enhancement", min_enhancement), ("plateau", plateau)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"`{name}` is {value!r}, it must be a positive number.")
    if not 2 <= levels <= 256:
        raise InputError(f"`levels` is {levels!r}, it must be between 2 and 256.")


def _from_pre(phases: Phases) -> dict[str, sitk.Image]:
    """Give the phases from the last pre-contrast one on, which is ``pre`` however many there are: a cohort shares its names."""
    before = int((phases.table["role"] == "pre-contrast").sum())
    return {"pre": phases.pre} | dict(list(phases.images.items())[before:])


def _times(phases: Phases, seconds: Sequence[float] | None, tell: Tell) -> Floats:
    """Give the time of each phase since the last pre-contrast one, NaN where unknown."""
    given = phases.table["seconds"].to_numpy(dtype=float) if seconds is None else np.asarray(seconds, dtype=float)
    if given.shape != (len(phases.images),):
        raise InputError(f"`seconds` has {given.size} value(s) and there are {len(phases.images)} phases; give one a phase.")
    if np.isnan(given).any() and seconds is None:
        why = "The times of the phases are unknown: times to peak, rates and slopes are NaN; give `seconds`."
        tell(Decision("times unknown", "", len(given), why))
        return np.full(len(given), np.nan)
    if not (np.isfinite(given).all() and (np.diff(given) > 0).all()):
        raise InputError(f"The seconds of the phases are {given.tolist()}; they must be finite and rise from phase to phase.")
    return np.asarray(given - given[(phases.table["role"] == "pre-contrast").sum() - 1])


def _window(volumes: Mapping[str, sitk.Image], zones: sitk.Image) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Cut the box around all zones out of labels and phases -> labels (z, y, x) and signal (phase, z, y, x)."""
    if zones.GetSize() != volumes["pre"].GetSize() or not zones.IsSameImageGeometryAs(volumes["pre"], 1e-2, 1e-3):
        raise InputError(
            f"The zones ({zones.GetSize()} voxels) do not lie on the grid of the phases ({volumes['pre'].GetSize()}); place the "
            "mask on the phases first."
        )
    labels = sitk.GetArrayViewFromImage(zones)
    if not np.isin(labels, (ZONES["core"], ZONES["rim"])).any():
        raise InputError("The zones hold no lesion; grow or read a mask first.")
    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    signal = np.stack([sitk.GetArrayViewFromImage(volume)[box] for volume in volumes.values()]).astype(float)
    for name, values in zip(volumes, signal, strict=True):
        lost = int((~np.isfinite(values[labels[box] > 0])).sum())
        if lost:
            raise InputError(f"Phase {name} has {lost} voxel(s) inside the zones that are not finite; repair it or leave it out.")
    return np.array(labels[box]), signal


def _parts(labels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.bool_]]:
    lesion = {"lesion": (labels == ZONES["core"]) | (labels == ZONES["rim"])}
    return lesion | {name: labels == label for name, label in ZONES.items()}


def _measures(signal: Floats, times: Floats, names: list[str], min_enhancement: float, plateau: float) -> dict[str, float]:
    """Measure curve, curve types and variance of one zone from its signal (phase, voxel)."""
    if not signal.shape[1]:
        signal = np.full((len(signal), 1), np.nan)
    relative = signal[1:] / signal[0] - 1
    variance = relative.var(axis=1)
    curve = _curve(signal[1:].mean(axis=1) / signal[0].mean() - 1, times[1:])
    each = {f"enhancement_variance_{name}": float(value) for name, value in zip(names[1:], variance, strict=True)}
    return curve | _types(signal, min_enhancement, plateau) | each | _variance_dynamics(variance, times[1:])


def _curve(enhancement: Floats, times: Floats) -> dict[str, float]:
    maximum, at, rate, fall = _rise_and_fall(enhancement, times)
    first, last = (float(enhancement[which]) for which in (0, -1))
    later = len(enhancement) > 1
    return {
        "maximum_enhancement": maximum,
        "time_to_peak": at,
        "peak_phase": float(enhancement.argmax() + 1) if np.isfinite(maximum) else np.nan,
        "uptake_rate": rate,
        "washout_rate": fall,
        "initial_enhancement": first,
        "signal_enhancement_ratio": first / last if later and last > 0 else np.nan,
        "curve_shape_index": (last - first) / first if later and first > 0 else np.nan,
    }


def _variance_dynamics(variance: Floats, times: Floats) -> dict[str, float]:
    names = (
        "maximum_enhancement_variance",
        "enhancement_variance_time_to_peak",
        "enhancement_variance_increasing_rate",
        "enhancement_variance_decreasing_rate",
    )
    return dict(zip(names, _rise_and_fall(variance, times), strict=True))


def _rise_and_fall(values: Floats, times: Floats) -> tuple[float, float, float, float]:
    """Describe a curve by its maximum, the time of it, the rate up to it from 0 and the rate down from it to the last phase."""
    peak = int(values.argmax())
    highest = float(values[peak])
    if not np.isfinite(highest):
        return (np.nan,) * 4
    if len(values) == 1:
        fall = np.nan  # one post-contrast phase cannot fall
    elif peak == len(values) - 1:
        fall = 0.0
    else:
        fall = float((highest - values[-1]) / (times[-1] - times[peak]))
    return highest, float(times[peak]), float(highest / times[peak]), fall


def _types(signal: Floats, min_enhancement: float, plateau: float) -> dict[str, float]:
    """Count which part of the zone's voxels rises on, stays and falls after the first post-contrast phase."""
    names = ("enhancing_fraction", "persistent_fraction", "plateau_fraction", "washout_fraction")
    if np.isnan(signal).any():
        return dict.fromkeys(names, np.nan)
    enhancing = 100 * (signal[1] - signal[0]) >= min_enhancement * signal[0]
    if len(signal) == 2:
        return {name: float(enhancing.mean()) if name == names[0] else np.nan for name in names}
    change = 100 * (signal[-1] - signal[1])
    rises, falls = (enhancing & (way * change > plateau * signal[1]) for way in (1, -1))
    return {
        name: float(voxels.mean())
        for name, voxels in zip(names, (enhancing, rises, enhancing & ~rises & ~falls, falls), strict=True)
    }


def _textures(signal: Floats, held: npt.NDArray[np.bool_], times: Floats, names: list[str], levels: int) -> dict[str, float]:
    """Measure the texture of each phase inside a zone, and its slope over time."""
    pairs = neighbours(held)
    measured = np.array([texture(volume[held], pairs, levels=levels) for volume in signal])
    centred = times - times.mean()
    slopes = centred @ measured / (centred @ centred)
    columns = [*names, "slope"]
    return {
        f"texture_{name}_{column}": float(value)
        for name, values in zip(TEXTURES, np.vstack([measured, slopes]).T, strict=True)
        for column, value in zip(columns, values, strict=True)
    }


def _tell_left_out(zone: str, inside: npt.NDArray[np.bool_], tissue: npt.NDArray[np.bool_], tell: Tell) -> None:
    below = int((inside & ~tissue).sum())
    if below:
        why = f"{below} of the {inside.sum()} voxels of the {zone} lie below the background and are left out."
        tell(Decision("voxels left out", "", below, why))


def _tell_missing(values: pd.Series) -> None:
    missing = values.index[values.isna()]
    if len(missing):
        logger.info("%d of %d kinetic features do not exist here: %s.", len(missing), len(values), ", ".join(missing))
