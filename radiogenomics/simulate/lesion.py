"""A lesion in miniature: its shape follows `size`, its texture `heterogeneity`, its enhancement over time `perfusion`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import expit

from radiogenomics.simulate.breast import SPACING, Array, Breast, grid, smooth_field

Mask = npt.NDArray[np.bool_]

LARGEST_MM3 = 18_000.0
SMALLEST_MM3 = 450.0
"""What the slab can hold, and what can still be measured: spheres of 33 and 9.5 mm."""

_FOLLOWS = {"heterogeneity": 0.82, "perfusion": 0.95}  # correlation of what is drawn with the hidden property


@dataclass(frozen=True)
class Lesion:
    """One lesion, arrays of the breast's shape.

    Attributes
    ----------
    mask : array of bool
        What belongs to it.
    share : array
        Share of lesion in each voxel, soft at the border.
    relief : array
        Enhancement that each place has beside `peak`: mean 0 inside the mask, SD `contrast`.
    contrast : float
        SD of the enhancement inside the lesion, relative to the signal before contrast.
    peak, fill_seconds, washout : float
        Enhancement ``peak * (1 - exp(-t / fill_seconds)) * exp(-washout * t)``.
    """

    mask: Mask
    share: Array
    relief: Array
    contrast: float
    peak: float
    fill_seconds: float
    washout: float

    def curve(self, seconds: float) -> float:
        """Give the share of the peak that the contrast agent reaches at a time after the injection."""
        return float((1 - np.exp(-seconds / self.fill_seconds)) * np.exp(-self.washout * seconds))


def grow_lesion(properties: Mapping[str, float], volume_mm3: float, breast: Breast, rng: np.random.Generator) -> Lesion:
    """Draw a lesion into a breast.

    Parameters
    ----------
    properties : mapping of str to float
        The hidden properties of the patient.
    volume_mm3 : float
        Its volume, held between `SMALLEST_MM3` and `LARGEST_MM3`.
    breast : Breast
        Where it lies.
    rng : numpy.random.Generator
        The patient's own.

    Returns
    -------
    Lesion
        Shape, texture and curve.
    """
    drawn = {
        name: follow * properties[name] + np.sqrt(1 - follow**2) * rng.standard_normal() for name, follow in _FOLLOWS.items()
    }
    depth = _shape(float(np.clip(volume_mm3, SMALLEST_MM3, LARGEST_MM3)), breast, rng)
    mask = _largest(depth > 0)
    contrast = 0.3 * np.exp(0.5 * drawn["heterogeneity"])
    relief = _relief(mask, depth, drawn["heterogeneity"], rng)
    flow = drawn["perfusion"]
    return Lesion(
        mask=mask,
        # The reader draws just inside the border, where a voxel is mostly lesion.
        share=np.asarray(expit(depth / 0.35 + 1.6), dtype=np.float32),
        relief=np.asarray(contrast * relief, dtype=np.float32),
        contrast=float(contrast),
        peak=float(1.15 * np.exp(0.25 * flow)),
        fill_seconds=float(55 * np.exp(-0.2 * flow)),
        washout=float(max(0.0010 + 0.0008 * flow, -0.0004)),
    )


def enhance(breast: Breast, lesion: Lesion, *, seconds: float, before: float) -> Array:
    """Give the signal of the breast with its lesion at one time after the injection, without noise.

    Parameters
    ----------
    breast, lesion : Breast, Lesion
        What is imaged.
    seconds : float
        Since the injection; 0 is before it.
    before : float
        Signal of the lesion before contrast.

    Returns
    -------
    array
        Signal.
    """
    vessel = (1 - np.exp(-seconds / 15)) * np.exp(-0.0015 * seconds)
    tissue = breast.signal * (1 + vessel * breast.fast + (1 - np.exp(-seconds / 200)) * breast.slow)
    tumour = before * (1 + np.clip(lesion.curve(seconds) * (lesion.peak + lesion.relief), 0, None))
    return np.asarray((1 - lesion.share) * tissue + lesion.share * tumour, dtype=np.float32)


def _shape(volume_mm3: float, breast: Breast, rng: np.random.Generator) -> Array:
    """Draw an ellipsoid with an irregular border -> how deep in mm each voxel lies inside it; its size is exactly the volume."""
    z, y, x = grid()
    radius = (volume_mm3 * 3 / (4 * np.pi)) ** (1 / 3)
    # Flattest across the slices: the slab is the narrowest side of the image.
    along, across, turn = rng.uniform(1.08, 1.3), rng.uniform(1.04, 1.12), rng.uniform(0, np.pi)
    slack = max(0.0, 16.5 - 1.2 * radius / (along * across))
    middle = breast.wall_mm - breast.depth_mm * rng.uniform(0.40, 0.52)
    centre = 18.75 + slack * rng.uniform(-0.6, 0.6), rng.uniform(40, 56), middle
    down, back = y - centre[1], x - centre[2]
    first, second = np.cos(turn) * down + np.sin(turn) * back, np.cos(turn) * back - np.sin(turn) * down
    distance = np.sqrt((first / along) ** 2 + (second / across) ** 2 + ((z - centre[0]) * along * across) ** 2)
    level = distance * (1 + rng.uniform(0.06, 0.14) * smooth_field(rng, 3.0))
    size = round(volume_mm3 / float(np.prod(SPACING)))
    return np.asarray(np.partition(level, size, axis=None)[size] - level, dtype=np.float32)


def _relief(mask: Mask, depth: Array, heterogeneity: float, rng: np.random.Generator) -> Array:
    """Patchy enhancement with mean 0 and SD 1 inside the mask; the patches that enhance least die off in uneven lesions."""
    field = smooth_field(rng, 2.2)
    vital = field - 0.5 * depth / depth.max()
    dead = np.quantile(vital[mask], 0.22 * expit(1.5 * heterogeneity - 0.5))
    field = field - 1.2 * expit((dead - vital) / 0.15)
    inside = field[mask]
    return np.asarray((field - inside.mean()) / inside.std(), dtype=np.float32)


def _largest(inside: Mask) -> Mask:
    pieces, _ = ndimage.label(inside)
    return np.asarray(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)


def redraw(mask: Mask, rng: np.random.Generator) -> Mask:
    """Draw a lesion as a second reader would: the border moves in and out by about a voxel, more so in large lesions."""
    outside, inside = (ndimage.distance_transform_edt(part, sampling=SPACING) for part in (~mask, mask))
    radius = (mask.sum() * np.prod(SPACING) * 3 / (4 * np.pi)) ** (1 / 3)
    shift = (0.35 + 0.07 * radius) * smooth_field(rng, 4.0) + rng.normal(0, 0.25)
    # Half a voxel lies between the centres on either side and the border itself.
    signed = np.where(mask, inside, -outside) - 0.5 * SPACING[1] * np.where(mask, 1, -1)
    return np.asarray(ndimage.binary_fill_holes(_largest(signed + shift > 0)))
