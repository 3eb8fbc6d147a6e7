"""Phantoms for the tests of images and lesions: volumes with a known lesion, written as DICOM for real."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radiogenomics import images

AXES = {
    "axial": np.eye(3),
    "sagittal": np.column_stack([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]).astype(float),
    "oblique": None,  # turned below
}


def direction(plane: str) -> np.ndarray:
    if plane != "oblique":
        return AXES[plane]
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.31, -0.44, 0.27)
    return np.reshape(turn.GetMatrix(), (3, 3))


def volume(values: np.ndarray, *, plane: str = "axial", spacing=(0.9, 0.8, 2.0), origin=(-40.5, 12.25, 7.125)) -> sitk.Image:
    """Give an array (z, y, x) a place in the patient."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction(plane).ravel().tolist())
    return image


def noise_volume(shape=(6, 10, 12), *, seed: int = 0, plane: str = "axial", **place) -> sitk.Image:
    rng = np.random.default_rng(seed)
    return volume(rng.integers(0, 4000, shape).astype(np.int16), plane=plane, **place)


def ellipsoid(shape, center, radii) -> np.ndarray:
    grid = np.indices(shape, dtype=float)
    return sum(((axis - middle) / radius) ** 2 for axis, middle, radius in zip(grid, center, radii, strict=True)) <= 1


def breast(shape=(20, 48, 52), *, noise: float = 0.0, seed: int = 0, plane: str = "sagittal", seconds=(0, 90, 300)):
    """Simulate a breast with one washing-out lesion -> phases and the lesion's true mask."""
    rng = np.random.default_rng(seed)
    body = ellipsoid(shape, [size / 2 for size in shape], [size * 0.46 for size in shape])
    gland = ellipsoid(shape, [size * 0.5 for size in shape], [size * 0.3 for size in shape])
    lesion = ellipsoid(shape, [shape[0] * 0.5, shape[1] * 0.45, shape[2] * 0.55], [3.2, 6.5, 5.5])
    base = 300.0 * body + 150.0 * gland
    base += body * 20 * np.sin(np.indices(shape).sum(axis=0) / 3.0)
    uptake = {0: (0.0, 0.0, 0.0), 1: (0.08, 0.15, 1.2), 2: (0.12, 0.25, 0.95)}
    phases = []
    for number, _ in enumerate(seconds):
        fat, tissue, tumour = uptake[min(number, 2)]
        rise = np.where(lesion, tumour, np.where(gland, tissue, fat))
        signal = base * (1 + rise) + rng.normal(0, noise, shape)
        phases.append(volume(np.clip(signal, 0, 32000).round().astype(np.int16), plane=plane, spacing=(0.9, 0.9, 2.0)))
    mask = volume(lesion.astype(np.uint8), plane=plane, spacing=(0.9, 0.9, 2.0))
    return phases, mask


def write(phases, folder: Path, *, seconds=None, timing="ContentTime", patient="PHANTOM-01", tags=None) -> list[Path]:
    seconds = seconds or [60.0 * number for number in range(len(phases))]
    return images.write_dicom(phases, folder, patient=patient, seconds=seconds, timing=timing, tags=tags)


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)
