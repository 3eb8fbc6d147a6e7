"""A breast in miniature, without its lesion: tissues, their signal before contrast and their enhancement, and the scanner."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import fft
from scipy.special import expit

Array = npt.NDArray[np.float32]

SHAPE = (16, 64, 64)
"""Voxels along slices, rows and columns."""

SPACING = (2.5, 1.5, 1.5)
"""Their size in mm, in the same order."""

SECONDS = (0.0, 90.0, 180.0, 270.0)
"""When the phases are taken: one before the injection, three after it."""

NOISE = 7.0
"""SD of the noise in each of the two channels of the signal; fat-suppressed gland has a signal of about 240."""

# Sagittal: columns run to the back, rows to the feet, slices to the patient's right.
_DIRECTION = np.column_stack([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]).astype(float)
_WALL_MM = 78.0
_SIGNAL = {"fat": 105.0, "gland": 240.0, "skin": 150.0, "muscle": 165.0, "lung": 25.0}
_UPTAKE = {"fat": 0.03, "skin": 0.25, "muscle": 0.12, "vessel": 1.6}


@dataclass(frozen=True)
class Breast:
    """One breast, each array of `SHAPE`.

    Attributes
    ----------
    signal : array
        Signal before contrast, without noise and without the coil's shading.
    fast, slow : array
        Relative enhancement of what fills at once (vessels) and of what goes on filling (gland, skin, muscle).
    body : array of bool
        The breast before the chest wall.
    depth_mm, wall_mm : float
        From the nipple to the chest wall, and where the wall is along the columns.
    """

    signal: Array
    fast: Array
    slow: Array
    body: npt.NDArray[np.bool_]
    depth_mm: float
    wall_mm: float = _WALL_MM


def place(values: npt.NDArray[np.generic], origin: Sequence[float]) -> sitk.Image:
    """Give an array (slices, rows, columns) its place in the patient -> volume with spacing, direction and origin in mm."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(SPACING[::-1])
    image.SetDirection(_DIRECTION.ravel().tolist())
    image.SetOrigin([float(value) for value in origin])
    return image


def grid() -> tuple[Array, Array, Array]:
    """Give the position of every voxel in mm from the first one, along slices, rows and columns, ready to broadcast."""
    z, y, x = (np.arange(size, dtype=np.float32) * step for size, step in zip(SHAPE, SPACING, strict=True))
    return z[:, None, None], y[None, :, None], x[None, None, :]


def smooth_field(rng: np.random.Generator, sigma_mm: float) -> Array:
    """Draw a smooth random field of mean 0 and SD 1 over the volume: white noise through a Gaussian of that SD."""
    spectrum = fft.rfftn(rng.standard_normal(SHAPE, dtype=np.float32)) * _transfer(sigma_mm)
    field = fft.irfftn(spectrum, SHAPE)
    return np.asarray(field / field.std(), dtype=np.float32)


@lru_cache
def _transfer(sigma_mm: float) -> Array:
    """Give the Gaussian in the space of frequencies; 0 at frequency 0, so that the field's mean is 0."""
    steps = [fft.fftfreq(size, step) for size, step in zip(SHAPE[:2], SPACING[:2], strict=True)]
    z, y, x = steps[0][:, None, None], steps[1][None, :, None], fft.rfftfreq(SHAPE[2], SPACING[2])[None, None, :]
    gauss = np.exp(-2 * (np.pi * sigma_mm) ** 2 * (z**2 + y**2 + x**2))
    gauss[0, 0, 0] = 0.0
    return np.asarray(gauss, dtype=np.float32)


def grow_breast(rng: np.random.Generator) -> Breast:
    """Draw a breast with its own size, density and background enhancement.

    Parameters
    ----------
    rng : numpy.random.Generator
        The patient's own.

    Returns
    -------
    Breast
        Tissues of a fat-suppressed T1-weighted sagittal slab.
    """
    z, y, x = grid()
    depth, height = rng.uniform(60, 72), rng.uniform(40, 46)
    coarse, fine = smooth_field(rng, 9.0), smooth_field(rng, 2.5)
    wall = _WALL_MM + 5 * ((y - 48) / 48) ** 2 + 0.8 * coarse
    # From 1 at the chest wall's middle down to 0 at the skin, then below.
    reach = 1 - np.sqrt(((wall - x) / depth) ** 2 + ((y - 48) / height) ** 2 + ((z - 19) / 62) ** 2) + 0.015 * coarse
    breast = expit(reach * depth / 0.6) * expit((wall - x) / 0.8)
    skin = breast * np.exp(-(((reach * depth - 1.2) / 1.1) ** 2))
    gland = breast * _gland(rng, reach, coarse, fine)
    muscle = expit((x - wall) / 0.8) * expit((wall + 9 - x) / 0.8)
    signal = _signal(breast, skin, gland, muscle, expit((x - wall - 9) / 0.8), fine)
    background = float(np.exp(rng.normal(np.log(0.18), 0.35)))
    slow = background * gland * (1 + 0.25 * fine) + _UPTAKE["skin"] * skin + _UPTAKE["muscle"] * muscle + _UPTAKE["fat"] * breast
    fast = _UPTAKE["vessel"] * _vessel(rng) * breast
    return Breast(
        signal=np.asarray(signal, dtype=np.float32),
        fast=np.asarray(fast, dtype=np.float32),
        slow=np.asarray(np.clip(slow, 0, None), dtype=np.float32),
        body=np.asarray((reach > 0.03) & (x < wall)),
        depth_mm=depth,
    )


def acquire(signal: Array, shading: Array, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Take one phase: the coil's shading, noise in two channels whose magnitude remains (Rician), whole numbers.

    References
    ----------
    Gudbjartsson H., Patz S., "The Rician distribution of noisy MRI data", Magn. Reson. Med. 34 (1995),
    doi:10.1002/mrm.1910340618.
    """
    real, imaginary = NOISE * rng.standard_normal((2, *SHAPE), dtype=np.float32)
    magnitude = np.hypot(signal * shading + real, imaginary)
    return np.asarray(np.clip(magnitude.round(), 0, 32767), dtype=np.int16)


def shade(rng: np.random.Generator) -> Array:
    """Draw the gain of the scanner and the sensitivity of its coil, which falls towards the chest wall."""
    _, _, x = grid()
    gain = np.exp(rng.normal(0, 0.06))
    fall = 1.12 - 0.24 * x / x.max()
    return np.asarray(gain * fall * (1 + 0.04 * smooth_field(rng, 20.0)), dtype=np.float32)


def _gland(rng: np.random.Generator, reach: Array, coarse: Array, fine: Array) -> Array:
    """Share of gland in each voxel: strands around the axis of the breast, none beneath the skin."""
    density = rng.uniform(-0.6, 0.5)
    pattern = 0.8 * coarse + 0.7 * fine + density - 2.5 * np.abs(reach - 0.5)
    return np.asarray(expit(pattern / 0.25) * expit((reach - 0.14) / 0.03), dtype=np.float32)


def _signal(breast: Array, skin: Array, gland: Array, muscle: Array, lung: Array, fine: Array) -> Array:
    fat = np.clip(breast - gland - skin, 0, 1)
    return np.asarray(
        _SIGNAL["fat"] * fat * (1 + 0.06 * fine)
        + _SIGNAL["gland"] * gland * (1 - 0.08 * fine)
        + _SIGNAL["skin"] * skin
        + _SIGNAL["muscle"] * muscle * (1 + 0.05 * fine)
        + _SIGNAL["lung"] * lung,
        dtype=np.float32,
    )


def _vessel(rng: np.random.Generator) -> Array:
    """One winding vessel from the chest wall forwards -> its share of each voxel."""
    z, y, x = grid()
    height, slope, phase, wave = rng.uniform(20, 34), rng.uniform(-0.15, 0.25), rng.uniform(0, 6.3), rng.uniform(12, 18)
    level = rng.uniform(8, 30)
    beside = y - (height + slope * (78 - x) + 4 * np.sin(x / wave + phase))
    above = z - (level + 3 * np.cos(x / wave + phase))
    return np.asarray(np.exp(-(beside**2 + above**2) / 1.6**2), dtype=np.float32)
