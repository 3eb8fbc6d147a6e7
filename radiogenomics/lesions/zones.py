"""Masks -> the parts that features are measured in: the lesion that counts, its core, rim and surround, its largest slices."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import check_choice
from radiogenomics.images import axis_of

ZONES = {"core": 1, "rim": 2, "surround": 3}
"""The label of each zone in the result of `zones`."""

_NEIGHBOURS = np.ones((3, 3, 3))
_DIRECT = 500  # points up to which all distances are cheaper than a hull


def zones(mask: sitk.Image, *, rim_mm: float, surround_mm: float, within: sitk.Image, tell: Tell = log_decision) -> sitk.Image:
    """Divide a lesion and what lies around it into shells of equal thickness in mm.

    Distances are measured from the lesion's surface, half-way between its outermost voxels and their neighbours, with the
    true spacing, so that thick slices do not make thick rims.

    Parameters
    ----------
    mask : SimpleITK.Image
        The lesion.
    rim_mm : float
        Thickness of the rim inside the lesion.
    surround_mm : float
        Thickness of the shell outside it.
    within : SimpleITK.Image
        The breast or body (`images.body_mask`); the surround does not leave it.
    tell : callable
        Called where the lesion has no core; logs it when left out.

    Returns
    -------
    SimpleITK.Image
        uint8 labels as in `ZONES`. A lesion thinner than twice the rim has no core (told).

    Raises
    ------
    ValueError
        If a thickness is not positive, the mask is empty, or `within` lies on another grid.
    """
    for name, value in (("rim_mm", rim_mm), ("surround_mm", surround_mm)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"`{name}` is {value!r}, it must be a positive thickness in mm.")
    if within.GetSize() != mask.GetSize():
        raise InputError(f"`within` has {within.GetSize()} voxels and the mask {mask.GetSize()}; place both on one image.")
    inside = sitk.GetArrayViewFromImage(mask) > 0
    if not inside.any():
        raise InputError("The mask is empty; there is nothing to divide into zones.")
    labels = np.zeros(inside.shape, dtype=np.uint8)
    window = _window(inside, mask.GetSpacing()[::-1], surround_mm)
    body = sitk.GetArrayViewFromImage(within)[window] > 0
    labels[window] = _shells(inside[window], body, mask.GetSpacing()[::-1], rim_mm, surround_mm)
    if not (labels[window] == ZONES["core"]).any():
        depth = float(_surface_distance(inside[window], mask.GetSpacing()[::-1]).max())
        why = f"The lesion has no core: it is nowhere deeper than {depth:.1f} mm, its rim is {rim_mm:.1f} mm."
        tell(Decision("no core", "", 1, why))
    return _like(mask, labels)


def zone(labels: sitk.Image, name: str) -> sitk.Image:
    """Take one zone out of the labels of `zones` -> uint8 mask."""
    check_choice(name, "name", tuple(ZONES))
    return sitk.Cast(labels == ZONES[name], sitk.sitkUInt8)


def largest_slices(mask: sitk.Image) -> pd.DataFrame:
    """Find the slice with the largest lesion diameter in each plane.

    Parameters
    ----------
    mask : SimpleITK.Image
        The lesion.

    Returns
    -------
    DataFrame, shape (3, 4), index ``plane``
        Planes sagittal, coronal and axial (the axis of the volume closest to each normal): ``axis`` (0 columns, 1 rows,
        2 slices), ``slice`` (voxel number along it), ``diameter_mm`` (largest distance between voxel centres in the
        slice), ``area_mm2``. Of equal diameters the larger area counts, then the first slice.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    inside = sitk.GetArrayViewFromImage(mask) > 0
    if not inside.any():
        raise InputError("The mask is empty; it has no largest slice.")
    rows = []
    for plane in ("sagittal", "coronal", "axial"):
        axis = axis_of(mask, plane)
        spacing = np.delete(np.array(mask.GetSpacing()[::-1]), 2 - axis)
        slices = np.moveaxis(inside, 2 - axis, 0)
        largest = [
            (_diameter(slices[at], spacing), slices[at].sum() * spacing.prod(), -at)
            for at in np.flatnonzero(slices.any(axis=(1, 2)))
        ]
        diameter, area, at = max(largest)
        rows.append({"plane": plane, "axis": axis, "slice": -int(at), "diameter_mm": diameter, "area_mm2": float(area)})
    return pd.DataFrame(rows).set_index("plane")


def _window(inside: npt.NDArray[np.bool_], spacing: Sequence[float], margin_mm: float) -> tuple[slice, ...]:
    """Find the box around the lesion and its surround: distances beyond it would only cost time and memory."""
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    margins = [int(np.ceil(margin_mm / size)) + 2 for size in spacing]
    return tuple(slice(max(side.start - margin, 0), side.stop + margin) for side, margin in zip(box, margins, strict=True))


def _shells(
    inside: npt.NDArray[np.bool_], body: npt.NDArray[np.bool_], spacing: Sequence[float], rim_mm: float, surround_mm: float
) -> npt.NDArray[np.uint8]:
    depth, distance = _surface_distance(inside, spacing), _surface_distance(~inside, spacing)
    labels = np.where(depth > rim_mm, ZONES["core"], ZONES["rim"]) * inside
    labels[~inside & body & (distance <= surround_mm)] = ZONES["surround"]
    return np.asarray(labels, dtype=np.uint8)


def _diameter(inside: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> float:
    """Measure the largest distance between two voxel centres; only corners of the convex hull can be its ends."""
    points = np.argwhere(inside) * spacing
    if len(points) == 1:
        return 0.0
    if len(points) > _DIRECT:
        try:
            points = points[ConvexHull(points).vertices]
        except QhullError:
            points = points[[0, -1]]  # all on one line, in order
    return round(float(pdist(points).max()), 6)


def _surface_distance(inside: npt.NDArray[np.bool_], spacing: Sequence[float]) -> npt.NDArray[np.float64]:
    """Measure how far every inside voxel's centre lies from the surface in mm, 0 outside.

    The surface runs between the outermost voxels and their outer neighbours, so the distance is the mean of those to either;
    an object that fills the volume has no surface.
    """
    if inside.all():
        return np.full(inside.shape, np.inf)
    outermost = inside & ndimage.binary_dilation(~inside)
    to_neighbour = ndimage.distance_transform_edt(inside, sampling=spacing)
    to_outermost = ndimage.distance_transform_edt(~outermost, sampling=spacing)
    return np.where(inside, (to_neighbour + to_outermost) / 2, 0.0)


def _like(mask: sitk.Image, values: npt.NDArray[np.generic]) -> sitk.Image:
    result = sitk.GetImageFromArray(values.astype(np.uint8))
    result.CopyInformation(mask)
    return result
