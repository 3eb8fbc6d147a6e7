"""A mask with several lesions -> the region that stands for the patient, or each lesion with its index."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import check_choice
from radiogenomics.lesions.placement import named, source

Lesions = Literal["largest", "union"]
LESIONS = ("largest", "union", "each")
"""What may stand for a patient with several lesions; ``each`` gives one row per lesion (`split_lesions`)."""

_NEIGHBOURS = np.ones((3, 3, 3))


def lesion_of_patient(mask: sitk.Image, *, lesions: Lesions, tell: Tell = log_decision) -> sitk.Image:
    """Reduce the lesions of a patient to the one region that stands for the patient.

    Parameters
    ----------
    mask : SimpleITK.Image
        All lesions; pieces that touch at a corner are one lesion.
    lesions : {'largest', 'union'}
        Keep the lesion with the most voxels (of equal ones the first in the volume), or all of them as one region.
    tell : callable
        Called with what is decided; logs it when left out.

    Returns
    -------
    SimpleITK.Image
        uint8, 1 inside.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    check_choice(lesions, "lesions", get_args(Lesions))
    pieces = _by_size(mask)
    inside = pieces > 0 if lesions == "union" else pieces == 1
    if pieces.max() > 1 and lesions == "largest":
        left_out = int((pieces > 1).sum())
        why = f"Of {pieces.max()} lesions the largest counts; {left_out} voxels of the others are left out."
        tell(Decision("lesions left out", source(mask), int(pieces.max()) - 1, why))
    elif pieces.max() > 1:
        why = f"{pieces.max()} lesions are measured as one region."
        tell(Decision("lesions united", source(mask), int(pieces.max()), why))
    return _like(mask, inside)


def list_lesions(mask: sitk.Image) -> pd.DataFrame:
    """List the lesions of a mask, the largest first.

    Parameters
    ----------
    mask : SimpleITK.Image
        All lesions; pieces that touch at a corner are one lesion.

    Returns
    -------
    DataFrame, one row per lesion, index ``lesion`` from 1
        ``voxels``, ``volume_mm3``, and the voxel nearest to its centre: ``x, y, z``, counted from 0.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    pieces = _by_size(mask)
    voxels = np.bincount(pieces.ravel())[1:]
    centres = np.round(ndimage.center_of_mass(pieces > 0, pieces, np.arange(1, len(voxels) + 1))).astype(int)
    table = pd.DataFrame(centres[:, ::-1], columns=["x", "y", "z"])
    table.insert(0, "voxels", voxels)
    table.insert(1, "volume_mm3", voxels * float(np.prod(mask.GetSpacing())))
    return table.set_index(pd.RangeIndex(1, len(table) + 1, name="lesion"))


def split_lesions(mask: sitk.Image, *, smallest_mm3: float = 0.0, tell: Tell = log_decision) -> dict[int, sitk.Image]:
    """Split a mask into its lesions -> uint8 masks by index, the largest is 1.

    Parameters
    ----------
    mask : SimpleITK.Image
        All lesions; pieces that touch at a corner are one lesion.
    smallest_mm3 : float
        Lesions with a smaller volume are left out.
    tell : callable
        Called with what is decided; logs it when left out.

    Returns
    -------
    dict of int to SimpleITK.Image
        As `list_lesions` counts them.

    Raises
    ------
    ValueError
        If the mask is empty, or no lesion is as large as `smallest_mm3`.
    """
    pieces, table = _by_size(mask), list_lesions(mask)
    kept = table.index[table["volume_mm3"] >= smallest_mm3]
    if not len(kept):
        raise InputError(
            f"{named(mask)}No lesion of the mask reaches {smallest_mm3:g} mm3, the largest has "
            f"{table['volume_mm3'].max():.0f} mm3; lower `smallest_mm3` or leave the patient out."
        )
    if len(kept) < len(table):
        left_out = len(table) - len(kept)
        why = f"{left_out} lesions below {smallest_mm3:g} mm3 are left out."
        tell(Decision("small lesions left out", source(mask), left_out, why))
    return {int(number): _like(mask, pieces == number) for number in kept}


def _by_size(mask: sitk.Image) -> npt.NDArray[np.int_]:
    """Give every lesion its number by size; of equal ones the first in the volume comes first."""
    inside = sitk.GetArrayViewFromImage(mask) > 0
    if not inside.any():
        raise InputError(f"{named(mask)}The mask is empty; there is no lesion to choose.")
    pieces, number = ndimage.label(inside, _NEIGHBOURS)
    ranks = np.zeros(number + 1, dtype=int)
    ranks[1 + np.argsort(-np.bincount(pieces.ravel())[1:], kind="stable")] = np.arange(1, number + 1)
    return np.asarray(ranks[pieces])


def _like(mask: sitk.Image, values: npt.NDArray[np.bool_]) -> sitk.Image:
    result = sitk.GetImageFromArray(values.astype(np.uint8))
    result.CopyInformation(mask)
    return result
