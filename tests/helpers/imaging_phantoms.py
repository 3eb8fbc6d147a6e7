"""Phantoms for the tests of images and lesions: volumes with a known lesion, written as DICOM for real."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

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
    """Simulate a breast before the chest wall, with branching gland and one washing-out lesion -> phases and true mask."""
    rng = np.random.default_rng(seed)
    depth, height, width = shape
    body = ellipsoid(shape, [depth / 2, height / 2, width], [depth * 0.46, height * 0.44, width * 0.85])
    wall = np.broadcast_to(np.arange(width) > width * 0.86, shape)
    texture = ndimage.gaussian_filter(np.random.default_rng(12).normal(size=shape), [depth / 12, height / 20, width / 20])
    gland = (
        body
        & ~wall
        & (texture > 0.3 * texture.std())
        & ellipsoid(shape, [depth / 2, height / 2, width * 0.6], np.array(shape) * 0.38)
    )
    lesion = ellipsoid(shape, [depth * 0.5, height * 0.45, width * 0.55], [3.2, 6.5, 5.5])
    base = ndimage.gaussian_filter(200.0 * body + 180.0 * gland + 120.0 * wall, 0.6)
    uptake = {0: (0.0, 0.0, 0.0), 1: (0.08, 0.15, 1.2), 2: (0.12, 0.25, 0.95)}
    phases = []
    for number, _ in enumerate(seconds):
        fat, tissue, tumour = uptake[min(number, 2)]
        rise = np.where(lesion, tumour, np.where(gland, tissue, fat))
        signal = np.where(lesion, 380.0, base) * (1 + rise) + rng.normal(0, noise, shape)
        phases.append(volume(np.clip(signal, 0, 32000).round().astype(np.int16), plane=plane, spacing=(0.9, 0.9, 2.0)))
    mask = volume(lesion.astype(np.uint8), plane=plane, spacing=(0.9, 0.9, 2.0))
    return phases, mask


def write(phases, folder: Path, *, seconds=None, timing="ContentTime", patient="PHANTOM-01", tags=None) -> list[Path]:
    seconds = seconds or [60.0 * number for number in range(len(phases))]
    return images.write_dicom(phases, folder, patient=patient, seconds=seconds, timing=timing, tags=tags)


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def redeclare(path: Path, syntax: str) -> None:
    """Let a file written in explicit little endian declare another transfer syntax, or none."""
    raw = path.read_bytes()
    at = raw.index(b"\x02\0\x10\0UI")
    end = at + 8 + int.from_bytes(raw[at + 6 : at + 8], "little")
    text = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = raw[at : at + 6] + len(text).to_bytes(2, "little") + text if syntax else b""
    size = raw.index(b"\x02\0\0\0UL") + 8
    length = int.from_bytes(raw[size : size + 4], "little") - (end - at) + len(element)
    path.write_bytes(raw[:size] + length.to_bytes(4, "little") + raw[size + 4 : at] + element + raw[end:])
