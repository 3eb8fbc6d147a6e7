"""Phases -> maps: subtraction, maximum intensity projection, percent enhancement and signal enhancement ratio."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice

View = Literal["sagittal", "coronal", "axial"]


def subtract(post: sitk.Image, pre: sitk.Image) -> sitk.Image:
    """Subtract the pre-contrast volume from a later one -> float32 volume of enhancement in signal units.

    Raises
    ------
    ValueError
        If the volumes do not share one grid.
    """
    after, before = _aligned(post, pre)
    return _like(pre, after - before)


def axis_of(image: sitk.Image, view: View) -> int:
    """Find the axis (0 columns, 1 rows, 2 slices) that runs closest to the normal of a plane.

    The three planes get three different axes, also in an oblique volume.
    """
    check_choice(view, "view", get_args(View))
    closeness = np.abs(np.reshape(image.GetDirection(), (3, 3)))
    axes: dict[int, int] = {}
    for _ in range(3):
        patient, voxel = np.unravel_index(int(closeness.argmax()), (3, 3))
        axes[int(patient)] = int(voxel)
        closeness[patient, :] = closeness[:, voxel] = -1.0
    return axes[get_args(View).index(view)]


def percent_enhancement(post: sitk.Image, pre: sitk.Image, *, background: float) -> sitk.Image:
    """Map the percent enhancement PE = 100 (S1 - S0) / S0.

    Parameters
    ----------
    post, pre : SimpleITK.Image
        A post-contrast volume (the first gives PE1) and the pre-contrast one, on one grid.
    background : float
        Pre-contrast signal below which a voxel is air and gets 0. `background_level` suggests one.

    Returns
    -------
    SimpleITK.Image
        float32, in percent; negative where signal falls.

    Raises
    ------
    ValueError
        If the volumes do not share one grid, or `background` is not positive.

    References
    ----------
    Hylton N. M. et al., "Locally advanced breast cancer: MR imaging for prediction of response to neoadjuvant chemotherapy",
    Radiology 263 (2012), doi:10.1148/radiol.12110748.
    """
    after, before = _aligned(post, pre)
    inside = before >= _positive(background)
    return _like(pre, np.divide(100 * (after - before), before, out=np.zeros_like(before), where=inside))


def signal_enhancement_ratio(
    first: sitk.Image, later: sitk.Image, pre: sitk.Image, *, background: float, min_enhancement: float, ceiling: float
) -> sitk.Image:
    """Map the signal enhancement ratio SER = (S1 - S0) / (S2 - S0).

    Above 1 the signal falls after the first phase (washout), below 1 it rises on.

    Parameters
    ----------
    first, later, pre : SimpleITK.Image
        First and later post-contrast volume and the pre-contrast one, on one grid.
    background : float
        Pre-contrast signal below which a voxel is air and gets 0.
    min_enhancement : float
        Percent enhancement in the first phase below which a voxel gets 0, because the ratio is noise there; 70 is usual.
    ceiling : float
        Largest value, also given where the later signal fell to the pre-contrast one or below; 3 is usual.

    Returns
    -------
    SimpleITK.Image
        float32, between 0 and `ceiling`.

    Raises
    ------
    ValueError
        If the volumes do not share one grid, or a threshold is not positive.

    References
    ----------
    Partridge S. C. et al., "MRI measurements of breast tumor volume predict response to neoadjuvant chemotherapy and
    recurrence-free survival", AJR 184 (2005), doi:10.2214/ajr.184.6.01841774.
    """
    early, before = _aligned(first, pre)
    late, _ = _aligned(later, pre)
    rise, rest = early - before, late - before
    inside = (before >= _positive(background)) & (100 * rise >= _positive(min_enhancement, "min_enhancement") * before)
    falling = inside & (rest <= 0)
    ratio = np.divide(rise, rest, out=np.zeros_like(before), where=inside & ~falling)
    ratio[falling] = ceiling
    return _like(pre, np.clip(ratio, 0, _positive(ceiling, "ceiling")))


def background_level(pre: sitk.Image) -> float:
    """Suggest the pre-contrast signal that separates air from tissue.

    Air is most of a breast volume, so the threshold is Li's minimum cross entropy, which does not cut dark fat as
    Otsu's variance does when a few voxels are very bright.

    Returns
    -------
    float
        In signal units; at least the smallest positive step of the volume.

    References
    ----------
    Li C. H., Tam P. K. S., "An iterative algorithm for minimum cross entropy thresholding", Pattern Recognit. Lett. 19
    (1998), doi:10.1016/S0167-8655(98)00057-9.
    """
    signal = sitk.GetArrayViewFromImage(pre)
    if signal.max() <= signal.min():
        raise InputError(
            f"The pre-contrast volume holds one value only ({float(signal.min()):g}); it is not an image, leave the patient out."
        )
    filtered = sitk.LiThresholdImageFilter()
    filtered.Execute(pre)
    return float(max(filtered.GetThreshold(), np.nextafter(0.0, 1.0)))


def body_mask(pre: sitk.Image, *, background: float) -> sitk.Image:
    """Find the breast or body in a pre-contrast volume -> uint8 mask of the largest piece above the background, holes filled.

    Raises
    ------
    ValueError
        If no voxel reaches `background`.
    """
    tissue = sitk.BinaryMorphologicalClosing(pre >= _positive(background), (2, 2, 1), sitk.sitkBox)
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(tissue))
    body = sitk.Cast(pieces == 1, sitk.sitkUInt8)
    if not sitk.GetArrayViewFromImage(body).any():
        highest = float(sitk.GetArrayViewFromImage(pre).max())
        raise InputError(
            f"No voxel reaches the background level of {background:g} (the highest is {highest:g}); give a lower level."
        )
    return sitk.BinaryFillhole(body)


def _aligned(left: sitk.Image, right: sitk.Image) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    if left.GetSize() != right.GetSize() or not left.IsSameImageGeometryAs(right, 1e-2, 1e-3):
        raise InputError(
            f"The volumes lie on different grids ({left.GetSize()} and {right.GetSize()} voxels); "
            "resample one with images.resample_like first."
        )
    return sitk.GetArrayFromImage(left).astype(np.float32), sitk.GetArrayFromImage(right).astype(np.float32)


def _positive(value: float, name: str = "background") -> float:
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"`{name}` is {value!r}, it must be a positive number.")
    return value


def _like(image: sitk.Image, values: npt.NDArray[np.float32]) -> sitk.Image:
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result
