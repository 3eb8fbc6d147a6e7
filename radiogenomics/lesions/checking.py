"""A mask and an image -> what is wrong between them, before any long work."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics.images import FRAME, padding_inside
from radiogenomics.lesions.placement import (
    count,
    describe_shift,
    grid_problem,
    offset,
    place,
    resample_mask,
    same_frame,
    source,
)

_NEIGHBOURS = np.ones((3, 3, 3))
_MOST_LABELS = 50
"""Of more labels than this one must be chosen: an image of signal that was given as a mask has hundreds."""
_SHIFTED = 0.05  # voxels: a mask that lies farther off the image's voxels is said to


@dataclass(frozen=True)
class MaskProblem:
    """One thing about a mask that its user should know.

    Attributes
    ----------
    name : str
        ``grid``, ``shifted``, ``frame``, ``labels``, ``empty``, ``outside``, ``one voxel``, ``several labels``,
        ``several lesions`` or ``border``.
    fatal : bool
        Whether the mask cannot be used so.
    message : str
        A plain sentence with the numbers and the remedy.
    count : int
        How many voxels, labels or lesions it concerns.
    """

    name: str
    fatal: bool
    message: str
    count: int = 1


_TOLD = {
    "shifted": "mask shifted",
    "frame": "mask of another frame of reference",
    "several labels": "labels united",
    "several lesions": "several lesions",
    "border": "lesion at the border",
}
"""What a finding that is not fatal is called among decisions."""


def check(mask: sitk.Image, image: sitk.Image) -> list[MaskProblem]:
    """Check a mask against its image -> findings, fatal ones first; an empty list means all is well.

    Parameters
    ----------
    mask : SimpleITK.Image
        From `read_mask`.
    image : SimpleITK.Image
        The image that features shall be computed on.

    Returns
    -------
    list of MaskProblem
        Fatal: other grid, other frame of reference on another grid, labels that are not whole numbers, empty, outside the
        image, over padding, one voxel, more labels than lesions can be. To know: placed at the nearest voxels of the same
        frame of reference, several labels, several lesions, touching the border, another frame of reference although the
        voxels coincide.
    """
    findings = [*_check_labels(mask), *_check_grid(mask, image), *_check_frame(mask, image)]
    if not any(finding.fatal for finding in findings):
        placed = place(mask, image)
        findings += [*_check_padding(placed, image), *_check_lesions(placed)]
    return sorted(findings, key=lambda finding: not finding.fatal)


def validate_mask(
    mask: sitk.Image, image: sitk.Image, *, resample: bool = False, name: str = "", tell: Tell = log_decision
) -> sitk.Image:
    """Bring a mask onto the grid of its image, or say why it cannot be used -> uint8 mask, 1 inside.

    What is not fatal is told. Messages begin with `name` and the file that the mask was read from.

    Parameters
    ----------
    mask : SimpleITK.Image
        From `read_mask`.
    image : SimpleITK.Image
        The image that features shall be computed on.
    resample : bool
        Whether a mask on another grid may be resampled onto the image's.
    name : str
        Whose mask it is, e.g. the patient.
    tell : callable
        Called with every finding that is not fatal; logs it as a warning when left out.

    Raises
    ------
    ValueError
        With every fatal finding.
    """
    where = ": ".join(part for part in (name, source(mask)) if part)
    findings = check(mask, image)
    if resample and [finding.name for finding in findings if finding.fatal] == ["grid"]:
        mask = resample_mask(mask, image, tell=tell)
        findings = check(mask, image)
    fatal = [finding.message for finding in findings if finding.fatal]
    if fatal:
        raise InputError(": ".join(part for part in (where, " ".join(fatal)) if part))
    for finding in findings:
        tell(Decision(_TOLD[finding.name], where, finding.count, finding.message))
    return sitk.Cast(place(mask, image) > 0, sitk.sitkUInt8)


def _check_labels(mask: sitk.Image) -> list[MaskProblem]:
    values = sitk.GetArrayViewFromImage(mask)
    if not np.isfinite(values).all():
        return [
            MaskProblem(
                "labels",
                True,
                f"The mask holds {int((~np.isfinite(values)).sum()):,} values that are not numbers; export it again as labels.",
            )
        ]
    broken = values[values != np.round(values)]
    if broken.size:
        message = (
            f"The mask holds values that are not whole numbers ({broken.size:,} voxels, e.g. {float(broken[0]):.3g}); threshold "
            "it first."
        )
        return [MaskProblem("labels", True, message)]
    if values.min() < 0:
        return [
            MaskProblem("labels", True, f"The mask holds negative labels (down to {float(values.min()):g}); give labels from 0.")
        ]
    if not values.any():
        return [
            MaskProblem(
                "empty",
                True,
                f"The mask is empty: none of its {values.size:,} voxels is labelled; draw the lesion or leave the patient out.",
            )
        ]
    return []


def _check_grid(mask: sitk.Image, image: sitk.Image) -> list[MaskProblem]:
    problem = grid_problem(mask, image)
    if problem:
        return [MaskProblem("grid", True, problem)]
    try:
        place(mask, image)
    except InputError as error:
        return [MaskProblem("outside", True, str(error))]
    return _check_offset(mask, image) if same_frame(mask, image) else []


def _check_padding(mask: sitk.Image, image: sitk.Image) -> list[MaskProblem]:
    """Refuse a mask over voxels that the image's header calls padding: no feature of them means anything."""
    count = padding_inside(image, mask)
    if not count:
        return []
    message = f"{count:,} voxels of the mask hold padding, no signal; draw it inside the image, or leave the patient out."
    return [MaskProblem("padding", True, message)]


def _check_offset(mask: sitk.Image, image: sitk.Image) -> list[MaskProblem]:
    shift = offset(mask, image)
    if np.abs(shift).max() <= _SHIFTED:
        return []
    message = (
        f"The mask's voxels lie {describe_shift(shift, image)} off those of the image in the same frame of reference; each was "
        f"placed at the nearest one, none is lost."
    )
    return [MaskProblem("shifted", False, message, count(mask))]


def _check_frame(mask: sitk.Image, image: sitk.Image) -> list[MaskProblem]:
    """Compare the frames of reference where both files named one; positions in different frames mean different places."""
    frames = [one.GetMetaData(FRAME) if one.HasMetaDataKey(FRAME) else "" for one in (mask, image)]
    if "" in frames or frames[0] == frames[1]:
        return []
    named = f"The mask's frame of reference (…{frames[0][-12:]}) is not the image's (…{frames[1][-12:]})"
    if grid_problem(mask, image):
        message = f"{named}: their positions mean different places; give the image it was drawn on, or register them first."
        return [MaskProblem("frame", True, message)]
    return [MaskProblem("frame", False, f"{named}, but their voxels coincide; they are taken for the same place.")]


def _check_lesions(mask: sitk.Image) -> list[MaskProblem]:
    values = sitk.GetArrayFromImage(mask)
    inside = values > 0
    pieces, number = ndimage.label(inside, _NEIGHBOURS)
    sizes = np.sort(np.bincount(pieces.ravel())[1:])[::-1]
    findings: list[MaskProblem] = []
    if sizes[0] == 1:
        message = "The mask's largest piece is one voxel; no texture or shape can be measured in it, draw the lesion anew."
        findings.append(MaskProblem("one voxel", True, message))
    labels = np.unique(values[inside])
    named = ", ".join(f"{label:g}" for label in labels[:6])
    if len(labels) > _MOST_LABELS:
        message = (
            f"The mask holds {len(labels)} labels ({named}...), more than lesions can be: is it an image of signal? Give the "
            "mask, or choose a label (`segment`, --segment, segment in a manifest)."
        )
        findings.append(MaskProblem("labels", True, message, len(labels)))
    elif len(labels) > 1:
        findings.append(
            MaskProblem(
                "several labels",
                False,
                f"The mask holds {len(labels)} labels ({named}); all count as lesion unless one is chosen.",
                len(labels),
            )
        )
    if number > 1:
        share = 100 * sizes[0] / count(mask)
        findings.append(
            MaskProblem(
                "several lesions",
                False,
                f"The mask holds {number} lesions, the largest with {share:.0f} % of {count(mask):,} voxels.",
                number,
            )
        )
    touched = _touched(inside)
    if touched:
        message = f"The mask touches the border of the image ({', '.join(touched)}); the lesion may be cut off there."
        findings.append(MaskProblem("border", False, message))
    return findings


def _touched(inside: npt.NDArray[np.bool_]) -> list[str]:
    sides = {
        "first column": inside[:, :, 0],
        "last column": inside[:, :, -1],
        "first row": inside[:, 0],
        "last row": inside[:, -1],
        "first slice": inside[0],
        "last slice": inside[-1],
    }
    return [name for name, side in sides.items() if side.any()]
