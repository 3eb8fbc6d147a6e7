"""Volumes -> comparable volumes: resampling, bias field and intensity normalisation; every scientific choice is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice
from radiogenomics.images.volume import PADDING, described_as, padding_of

Interpolation = Literal["nearest", "linear", "bspline"]

_ROUNDING = 1e-4  # of a voxel: shares of padding below this are rounding
_INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


def resample(image: sitk.Image, *, spacing_mm: Sequence[float], interpolation: Interpolation) -> sitk.Image:
    """Resample a volume to another voxel size, keeping its field of view.

    Parameters
    ----------
    image : SimpleITK.Image
        A volume or a mask.
    spacing_mm : sequence of float, shape (3,)
        Voxel size along columns, rows and slices.
    interpolation : {'nearest', 'linear', 'bspline'}
        ``nearest`` for masks; ``bspline`` may overshoot at edges.

    Returns
    -------
    SimpleITK.Image
        Same type, direction and outer border (to within one voxel).

    Raises
    ------
    ValueError
        If a voxel size is not positive.
    """
    target = np.asarray(spacing_mm, dtype=float)
    if target.shape != (3,) or not (np.isfinite(target).all() and (target > 0).all()):
        raise InputError(f"`spacing_mm` is {spacing_mm!r}, it must be three positive numbers in mm.")
    now, size = np.array(image.GetSpacing()), np.array(image.GetSize())
    new_size = np.maximum(1, np.round(size * now / target)).astype(int)
    # The centre of the field stays where it is; the corner voxel's centre moves.
    shift = ((size - 1) * now - (new_size - 1) * target) / 2
    origin = np.array(image.GetOrigin()) + np.reshape(image.GetDirection(), (3, 3)) @ shift
    grid = sitk.Image(new_size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(target.tolist())
    grid.SetOrigin(origin.tolist())
    grid.SetDirection(image.GetDirection())
    resampled = _onto(image, grid, sitk.Transform(3, sitk.sitkIdentity), interpolation, extend=True)
    return described_as(resampled, image, **_padding(image, resampled, None, extend=True))


def resample_like(
    image: sitk.Image, reference: sitk.Image, *, interpolation: Interpolation, transform: sitk.Transform | None = None
) -> sitk.Image:
    """Resample a volume to the grid of another one; outside its field it is 0.

    Where the image holds padding, every voxel that touches some, or lies outside the field, is padding too.

    Parameters
    ----------
    image : SimpleITK.Image
        A volume or a mask.
    reference : SimpleITK.Image
        Gives size, spacing, origin and direction.
    interpolation : {'nearest', 'linear', 'bspline'}
        ``nearest`` for masks.
    transform : SimpleITK.Transform, optional
        Maps points of `reference` to points of `image`, as registration finds it.
    """
    moved = _onto(image, reference, transform or sitk.Transform(3, sitk.sitkIdentity), interpolation, extend=False)
    return described_as(moved, reference, **_padding(image, moved, transform, extend=False))


def _padding(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform | None, *, extend: bool) -> dict[str, Any]:
    """Find the voxels of a new grid whose signal is not all from voxels with signal, and what they shall hold."""
    if not image.HasMetaDataKey(PADDING):
        return {"padded": np.zeros(1, dtype=bool), "fill": 0.0}
    signal = sitk.GetImageFromArray((~padding_of(image)).astype(np.float32))
    signal.CopyInformation(image)
    share = _onto(signal, grid, transform or sitk.Transform(3, sitk.sitkIdentity), "linear", extend=extend)
    return {"padded": sitk.GetArrayViewFromImage(share) < 1 - _ROUNDING, "fill": float(image.GetMetaData(PADDING))}


def _onto(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, interpolation: Interpolation, *, extend: bool
) -> sitk.Image:
    check_choice(interpolation, "interpolation", get_args(Interpolation))
    method = sitk.ResampleImageFilter()
    method.SetReferenceImage(grid)
    method.SetTransform(transform)
    method.SetInterpolator(_INTERPOLATORS[interpolation])
    method.SetUseNearestNeighborExtrapolator(extend)
    method.SetOutputPixelType(image.GetPixelID())
    return method.Execute(image)


def bias_field(image: sitk.Image, *, mask: sitk.Image, shrink: int, iterations: Sequence[int]) -> sitk.Image:
    """Estimate the receive coil's shading with N4 -> float32 field around 1 on the grid of the image.

    Estimate it on the pre-contrast volume and divide every phase by that one field (`remove_bias`): a field of its own for
    each phase would take part of the enhancement for shading.

    Parameters
    ----------
    image : SimpleITK.Image
        Usually the pre-contrast volume.
    mask : SimpleITK.Image
        Where tissue is, e.g. from `body_mask`.
    shrink : int
        The field is smooth, so it may be estimated on every `shrink`-th voxel; 4 is usual.
    iterations : sequence of int
        Most iterations at each fitting level, e.g. ``(50, 50, 50, 50)``.

    Returns
    -------
    SimpleITK.Image
        The multiplicative field.

    References
    ----------
    Tustison N. J. et al., "N4ITK: improved N3 bias correction", IEEE Trans. Med. Imaging 29 (2010), doi:10.1109/TMI.2010.2046908.
    """
    if shrink < 1:
        raise InputError(f"`shrink` is {shrink}, it must be 1 or more.")
    factors = [min(shrink, size) for size in image.GetSize()]
    factors[2] = min(factors[2], 2)  # few, thick slices
    signal = sitk.Cast(image, sitk.sitkFloat32)
    coarse, tissue = sitk.Shrink(signal, factors), sitk.Shrink(sitk.Cast(mask > 0, sitk.sitkUInt8), factors)
    with one_thread():  # sums over threads differ in their last bits
        method = sitk.N4BiasFieldCorrectionImageFilter()
        method.SetMaximumNumberOfIterations(list(iterations))
        method.Execute(coarse, tissue)
        log_field = method.GetLogBiasFieldAsImage(signal)
    # N4 leaves the field's scale open; with mean log 0 over the tissue the signal keeps its own.
    middle = float(sitk.GetArrayViewFromImage(log_field)[sitk.GetArrayViewFromImage(mask) > 0].mean())
    return sitk.Cast(sitk.Exp(log_field - middle), sitk.sitkFloat32)


def remove_bias(images: Mapping[str, sitk.Image], field: sitk.Image) -> dict[str, sitk.Image]:
    """Divide every phase by one bias field -> float32 phases."""
    return {
        name: described_as(sitk.Cast(image, sitk.sitkFloat32) / field, image, padded=padding_of(image), fill=_fill(image))
        for name, image in images.items()
    }


def _fill(image: sitk.Image) -> float:
    return float(image.GetMetaData(PADDING)) if image.HasMetaDataKey(PADDING) else 0.0


def normalise_zscore(images: Mapping[str, sitk.Image], *, region: sitk.Image) -> dict[str, sitk.Image]:
    """Shift and scale all phases alike to mean 0 and standard deviation 1 over all phases, so that enhancement stays.

    Parameters
    ----------
    images : mapping of str to SimpleITK.Image
        The phases on one grid.
    region : SimpleITK.Image
        The voxels that count, e.g. from `body_mask`.

    Raises
    ------
    ValueError
        If the region is empty or all its voxels are equal.
    """
    values = _inside(images, region)
    deviation = float(values.std())
    _spread(deviation, values)
    return _affine(images, shift=float(values.mean()), scale=deviation)


def normalise_percentiles(
    images: Mapping[str, sitk.Image], *, region: sitk.Image, low: float, high: float
) -> dict[str, sitk.Image]:
    """Shift and scale all phases alike so that two percentiles over all phases become 0 and 1.

    Parameters
    ----------
    images : mapping of str to SimpleITK.Image
        The phases on one grid.
    region : SimpleITK.Image
        The voxels that count.
    low, high : float
        Percentiles, e.g. 1 and 99; voxels beyond them leave [0, 1] and are not cut.

    Raises
    ------
    ValueError
        If the percentiles are out of order, the region is empty, or both percentiles are one value.
    """
    if not 0 <= low < high <= 100:
        raise InputError(f"`low` is {low!r} and `high` is {high!r}; they must be percentiles with 0 <= low < high <= 100.")
    values = _inside(images, region)
    bottom, top = (float(value) for value in np.percentile(values, [low, high]))
    _spread(top - bottom, values)
    return _affine(images, shift=bottom, scale=top - bottom)


def normalise_reference(images: Mapping[str, sitk.Image], *, tissue: sitk.Image) -> dict[str, sitk.Image]:
    """Divide all phases by the mean signal of a reference tissue (fat, muscle) in the first phase.

    Parameters
    ----------
    images : mapping of str to SimpleITK.Image
        The phases on one grid, pre-contrast first.
    tissue : SimpleITK.Image
        Mask of the reference tissue.

    Raises
    ------
    ValueError
        If the mask is empty or the tissue has no signal.
    """
    name, first = next(iter(images.items()))
    level = float(_inside({name: first}, tissue).mean())
    if level <= 0:
        raise InputError(f"The reference tissue's mean signal in phase {name} is {level:g}; choose tissue with signal.")
    return _affine(images, shift=0.0, scale=level)


def _inside(images: Mapping[str, sitk.Image], region: sitk.Image) -> npt.NDArray[np.float64]:
    where = sitk.GetArrayViewFromImage(region) > 0
    for name, image in images.items():
        if image.GetSize() != region.GetSize():
            raise InputError(
                f"The region has {region.GetSize()} voxels and phase {name} has {image.GetSize()}; resample it first."
            )
    if not where.any():
        raise InputError("The region to normalise over is empty; check the mask.")
    return np.concatenate([sitk.GetArrayViewFromImage(image)[where].astype(np.float64) for image in images.values()])


def _spread(value: float, values: npt.NDArray[np.float64]) -> None:
    if value <= 0:
        raise InputError(f"The signal inside the region does not vary (all about {values[0]:g}); it cannot be normalised.")


def _affine(images: Mapping[str, sitk.Image], *, shift: float, scale: float) -> dict[str, sitk.Image]:
    return {
        name: described_as(
            (sitk.Cast(image, sitk.sitkFloat32) - shift) / scale,
            image,
            padded=padding_of(image),
            fill=float(np.float32((_fill(image) - shift) / scale)),
        )
        for name, image in images.items()
    }
