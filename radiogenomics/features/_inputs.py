"""An image and a mask -> a lesion that features can be measured in, or what is wrong."""

from typing import Any

import numpy as np
import SimpleITK as sitk

from radiogenomics import lesions
from radiogenomics._errors import InputError
from radiogenomics._tables import summarise

Array = np.ndarray[Any, Any]


def placed_mask(image: sitk.Image, mask: sitk.Image) -> sitk.Image:
    """Put a mask on the image's grid, or raise what is wrong with either."""
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"The image has {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} value(s) a voxel; "
            f"give one three-dimensional volume of one value per voxel, such as one phase."
        )
    alike = mask.GetSize() == image.GetSize() and mask.IsSameImageGeometryAs(image, 1e-2, 1e-3)
    # What can be wrong with a mask on the image's own grid shows in the box around what is not 0.
    parts = box_of(sitk.GetArrayViewFromImage(mask) != 0) if alike else []
    findings = lesions.check(mask[parts], image[parts]) if parts else lesions.check(mask, image)
    fatal = [finding.message for finding in findings if finding.fatal]
    if fatal:
        raise InputError(" ".join(fatal))
    return lesions.place(mask, image)


def labelled_mask(image: sitk.Image, mask: sitk.Image, *, label: int, source: str) -> sitk.Image:
    """Put a mask on the image's grid, and check that it holds a label and that features of it have a meaning."""
    placed = placed_mask(image, mask)
    inside = sitk.GetArrayViewFromImage(placed) == label
    if not inside.any():
        held = np.unique(sitk.GetArrayViewFromImage(placed))
        raise InputError(
            f"The mask has no label {label}, which {source} asks for; it holds {summarise(held[held > 0])}. "
            f"Give mask == label, or name the label in the parameters."
        )
    values = sitk.GetArrayViewFromImage(image)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        wrong = int((~np.isfinite(values)).sum())
        raise InputError(f"The image has {wrong:,} voxels that are not finite; fill or crop them before features are measured.")
    within = values[inside]
    if within.min() == within.max():
        raise InputError(
            f"The lesion has one grey value ({within[0]:g}) in all its {within.size:,} voxels, so it has no texture; "
            f"the mask or the image is wrong."
        )
    return placed


def box_of(inside: Array) -> list[slice]:
    """Find the smallest box around all that is true (z, y, x) -> slices along x, y, z; none where nothing is."""
    sides = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in (2, 1, 0)]
    return [slice(int(side[0]), int(side[-1]) + 1) for side in sides if side.size]


def described(mask: sitk.Image, label: int) -> str:
    """Say how large a lesion is, for error messages."""
    inside, spacing = sitk.GetArrayViewFromImage(mask) == label, mask.GetSpacing()
    sides = [f"{(part.stop - part.start) * one:.3g}" for part, one in zip(box_of(inside), spacing, strict=True)]
    voxels = np.count_nonzero(inside)
    return f"The lesion ({voxels * np.prod(spacing):,.0f} mm3, {voxels:,} voxels, {' x '.join(sides)} mm)"
