"""Do two masks agree: overlap, and the distance of their surfaces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radiogenomics._errors import InputError
from radiogenomics.stats._checks import Bools, Floats, numbers


@dataclass(frozen=True)
class MaskAgreement:
    """Overlap and distance of two masks on one grid.

    Attributes
    ----------
    dice, jaccard : float
        Overlap: 2 |A & B| / (|A| + |B|), and |A & B| / |A | B|.
    hausdorff_mm, hausdorff_95_mm : float
        Largest, and 95th percentile, distance from the surface of one mask to that of the other; the larger of both ways.
    surface_distance_mm : float
        Mean distance over the voxels of both surfaces (average symmetric surface distance).
    volume_first_mm3, volume_second_mm3 : float
        Volumes (areas in mm2 for two dimensions).
    """

    dice: float
    jaccard: float
    hausdorff_mm: float
    hausdorff_95_mm: float
    surface_distance_mm: float
    volume_first_mm3: float
    volume_second_mm3: float


def dice(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Two masks on one grid -> Dice's coefficient ``2 |A & B| / (|A| + |B|)``, in [0, 1].

    Parameters
    ----------
    first, second : Boolean or 0/1 array, any one shape
        The masks.

    Returns
    -------
    float
        1 for equal masks, 0 for masks that do not touch.

    Raises
    ------
    ValueError
        If the shapes differ, a value is neither 0 nor 1, or both masks are empty.

    References
    ----------
    Dice LR (1945). Ecology 26:297. doi:10.2307/1932409
    """
    one, two = _mask(first, "first"), _mask(second, "second")
    _same_grid(one, two)
    if not (one.any() or two.any()):
        raise InputError("`first` and `second` are both empty; overlap is not defined without a voxel.")
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))


def mask_agreement(first: npt.ArrayLike, second: npt.ArrayLike, *, spacing_mm: Sequence[float]) -> MaskAgreement:
    """Two masks on one grid -> overlap, Hausdorff and surface distances.

    A surface is the voxels of a mask with a face neighbour outside it; beyond the grid counts as outside. Distances run
    between voxel centres, from every surface voxel of one mask to the nearest of the other.

    Parameters
    ----------
    first, second : Boolean or 0/1 array, shape (n_z, n_y, n_x) or any other
        The masks.
    spacing_mm : sequence of float
        Size of a voxel along each axis of the arrays, in their order (z, y, x for an array of a SimpleITK image, whose
        ``GetSpacing`` is x, y, z).

    Returns
    -------
    MaskAgreement
        Overlap without unit, distances in mm.

    Raises
    ------
    ValueError
        If the shapes differ, a value is neither 0 nor 1, a mask is empty, or the spacing does not fit.

    References
    ----------
    Taha AA, Hanbury A (2015). BMC Medical Imaging 15:29. doi:10.1186/s12880-015-0068-x
    """
    one, two = _mask(first, "first"), _mask(second, "second")
    _same_grid(one, two)
    for name, mask in (("first", one), ("second", two)):
        if not mask.any():
            raise InputError(f"`{name}` is empty; a distance needs at least one voxel in each mask.")
    spacing = numbers(spacing_mm, "spacing_mm")
    if spacing.size != one.ndim or (spacing <= 0).any():
        raise InputError(f"`spacing_mm` is {list(spacing_mm)}; give one positive size for each of the {one.ndim} axes.")
    ways = _surface_distances(one, two, spacing)
    both, either, voxel = int((one & two).sum()), int((one | two).sum()), float(spacing.prod())
    return MaskAgreement(
        dice=2 * both / (int(one.sum()) + int(two.sum())),
        jaccard=both / either,
        hausdorff_mm=float(max(way.max() for way in ways)),
        hausdorff_95_mm=float(max(np.quantile(way, 0.95) for way in ways)),
        surface_distance_mm=float(np.concatenate(ways).mean()),
        volume_first_mm3=int(one.sum()) * voxel,
        volume_second_mm3=int(two.sum()) * voxel,
    )


def _mask(values: npt.ArrayLike, name: str) -> Bools:
    array = np.asarray(values)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        raise InputError(f"`{name}` holds {array[wrong][0]}; a mask is Boolean, or 0 and 1: compare with the wanted label first.")
    return array.astype(bool)


def _same_grid(one: Bools, two: Bools) -> None:
    if one.shape != two.shape:
        raise InputError(f"`first` has shape {one.shape} and `second` {two.shape}; resample both masks to one grid first.")


def _surface_distances(one: Bools, two: Bools, spacing: Floats) -> tuple[Floats, Floats]:
    from scipy.ndimage import binary_erosion, distance_transform_edt

    # Only the box around both masks matters, with a margin so that its own edge does not cut the erosion.
    where = np.argwhere(one | two)
    box = tuple(slice(low, high + 1) for low, high in zip(where.min(axis=0), where.max(axis=0), strict=True))
    surfaces = [mask[box] & ~binary_erosion(mask[box], border_value=0) for mask in (one, two)]
    maps = [distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    return maps[1][surfaces[0]], maps[0][surfaces[1]]
