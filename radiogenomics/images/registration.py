"""Phases -> phases that lie on the pre-contrast one: rigid registration, with the motion it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice
from radiogenomics.images.preprocessing import Interpolation, resample_like

Metric = Literal["mutual information", "correlation"]

_BINS = 32
_SAMPLES = 40_000  # voxels that the metric looks at on the finest level: more cost time and change the third decimal


@dataclass(frozen=True)
class Aligned:
    """Registered phases.

    Attributes
    ----------
    images : dict of str to SimpleITK.Image
        The phases on the grid of the reference, which is unchanged.
    transforms : dict of str to SimpleITK.Transform
        Maps points of the reference to points of each phase, in mm.
    motion : DataFrame, shape (n_phases, 8)
        ``phase``, ``shift_x``, ``shift_y``, ``shift_z`` (mm, of the volume's centre), ``turn_x``, ``turn_y``, ``turn_z``
        (degrees), ``shift_mm`` (length of the shift).
    """

    images: dict[str, sitk.Image]
    transforms: dict[str, sitk.Transform]
    motion: pd.DataFrame


def register_phases(images: Mapping[str, sitk.Image], *, reference: str, metric: Metric, interpolation: Interpolation) -> Aligned:
    """Align every phase rigidly with one of them.

    Parameters
    ----------
    images : mapping of str to SimpleITK.Image
        The phases, as in `Phases.images`.
    reference : str
        The phase that stays, usually ``pre``.
    metric : {'mutual information', 'correlation'}
        ``mutual information`` bears contrast uptake; ``correlation`` suits phases of like contrast.
    interpolation : {'nearest', 'linear', 'bspline'}
        How the moved phase is resampled.

    Returns
    -------
    Aligned
        Images, transforms and the motion of each phase. The same input gives the same bits: the metric runs on one thread and its
        samples are drawn with a fixed seed.

    Raises
    ------
    ValueError
        If the reference is not among the phases, or a phase has too little content to register.

    References
    ----------
    Mattes D. et al., "PET-CT image registration in the chest using free-form deformations", IEEE Trans. Med. Imaging 22 (2003),
    doi:10.1109/TMI.2003.809072.
    """
    if reference not in images:
        raise InputError(f"`reference` is {reference!r}, the phases are {', '.join(images)}.")
    fixed = images[reference]
    transforms = {
        name: _identity(fixed) if name == reference else register(image, fixed, metric=metric) for name, image in images.items()
    }
    moved = {
        name: image if name == reference else resample_like(image, fixed, interpolation=interpolation, transform=transforms[name])
        for name, image in images.items()
    }
    return Aligned(moved, transforms, pd.DataFrame([_motion(name, transform) for name, transform in transforms.items()]))


def register(moving: sitk.Image, fixed: sitk.Image, *, metric: Metric) -> sitk.Euler3DTransform:
    """Find the rigid motion between two volumes -> transform from points of `fixed` to points of `moving`.

    It turns about the centre of `fixed`.

    Parameters
    ----------
    moving, fixed : SimpleITK.Image
        Two volumes of one patient.
    metric : {'mutual information', 'correlation'}
        See `register_phases`.

    Raises
    ------
    ValueError
        If the volumes hold too little content, or do not overlap.
    """
    check_choice(metric, "metric", get_args(Metric))
    try:
        with one_thread():  # sums over threads differ in their last bits
            transform = _method(fixed, metric).Execute(sitk.Cast(fixed, sitk.sitkFloat32), sitk.Cast(moving, sitk.sitkFloat32))
    except RuntimeError as error:
        reason = next((line for line in str(error).splitlines()[::-1] if line.strip()), "unknown").strip()
        raise InputError(
            f"The volumes cannot be registered ({reason}); check that both show one patient and are not blank."
        ) from error
    return (
        sitk.Euler3DTransform(sitk.CompositeTransform(transform).GetBackTransform())
        if transform.GetName() == "CompositeTransform"
        else transform
    )


def _method(fixed: sitk.Image, metric: Metric) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    if metric == "mutual information":
        method.SetMetricAsMattesMutualInformation(_BINS)
    else:
        method.SetMetricAsCorrelation()
    voxels = int(np.prod(fixed.GetSize()))
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel([min(1.0, share * _SAMPLES / voxels) for share in (64.0, 8.0, 1.0)], 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2.0, 1.0, 0.5])
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(True)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 200, relaxationFactor=0.7, gradientMagnitudeTolerance=1e-6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(_identity(fixed), inPlace=False)
    return method


def _identity(fixed: sitk.Image) -> sitk.Euler3DTransform:
    """Give the transform that moves nothing, turning about the middle of the volume so that shifts and turns do not mix."""
    middle = fixed.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in fixed.GetSize()])
    transform = sitk.Euler3DTransform()
    transform.SetCenter(middle)
    return transform


def _motion(name: str, transform: sitk.Euler3DTransform) -> dict[str, object]:
    shift = np.array(transform.GetTranslation())
    turn = np.rad2deg([transform.GetAngleX(), transform.GetAngleY(), transform.GetAngleZ()])
    row: dict[str, object] = {"phase": name}
    row |= {f"shift_{axis}": value for axis, value in zip("xyz", shift, strict=True)}
    row |= {f"turn_{axis}": value for axis, value in zip("xyz", turn, strict=True)}
    return row | {"shift_mm": float(np.linalg.norm(shift))}
