"""DICOM RTSTRUCT -> masks: contours in the patient become voxels of an image."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, log_decision
from radiogenomics._tables import summarise
from radiogenomics.images import FRAME
from radiogenomics.lesions._choosing import choose
from radiogenomics.lesions._contours import distinct, fill, hollow, thin_rings, without_voxel
from radiogenomics.lesions._datasets import read_dataset
from radiogenomics.lesions._parsing import parsing

Points = npt.NDArray[np.float64]

_KIND = "a DICOM RTSTRUCT"
_EXCLUSIVE = "CLOSEDPLANAR_XOR"
_CLOSED = {"CLOSED_PLANAR", "INTERPOLATED_PLANAR", _EXCLUSIVE}
_OFF_PLANE = 0.3  # of the slice distance: contours this far from a slice were drawn on other images
_ON_PLANE = 0.05  # of the slice distance: contours farther off their slice are told, and farther apart are no one plane
_BESIDE = 1.0  # voxels: a contour that reaches farther outside the image holds centres of voxels that are not there


@dataclass(frozen=True)
class _Contour:
    """One closed contour: its type, its points, shape (n, 3) in mm or (n, 2) in voxels, and how far off its slice it lies."""

    kind: str
    points: Points
    off: float = 0.0


def list_structures(path: Path) -> pd.DataFrame:
    """List the structures of an RTSTRUCT -> ``number``, ``name``, ``contours``."""
    path = Path(path)
    with parsing(path, _KIND):
        dataset = _read(path)
        counts = {number: len(_items(dataset, number)) for number in _known(dataset)}
        rows = [{"number": number, "name": name, "contours": counts[number]} for number, name in _known(dataset).items()]
    return pd.DataFrame(rows)


def read_rtstruct(path: Path, *, image: sitk.Image, structure: int | str | None, tell: Tell = log_decision) -> sitk.Image:
    """Read one structure of an RTSTRUCT -> uint8 mask on the grid of an image.

    A voxel is inside when its centre lies inside the contours of its slice, or on one. A contour inside another is a hole,
    contours that overlap are united, a contour that is stored twice counts once, and contours of the type CLOSEDPLANAR_XOR
    are combined by exclusive or. What encloses nothing (points, open contours) is ignored with a warning.

    Parameters
    ----------
    path : Path
        A DICOM RTSTRUCT.
    image : SimpleITK.Image
        The image that the contours were drawn on.
    structure : int or str or None
        The structure's number or name; None when there is only one.
    tell : callable
        Called with what is decided of single contours; logs it when left out.

    Returns
    -------
    SimpleITK.Image
        1 inside, 0 outside.

    Raises
    ------
    ValueError
        If the file is no RTSTRUCT or is damaged, has several structures and none was chosen, or its contours do not lie in the
        slices of the image, reach outside it, or lie beside its slices in another frame of reference.
    """
    path = Path(path)
    with parsing(path, _KIND), disable_value_validation():  # INTERPOLATED_PLANAR is longer than its field may be
        dataset = _read(path)
        number = choose(path, _known(dataset), structure, what="structures")
        contours = _contours(path, dataset, number, tell)
        frame = _frame(dataset, number)
    slices: dict[int, list[_Contour]] = {}
    off: list[float] = []
    for contour in contours:
        voxels = _to_voxels(image, contour.points)
        at = _slice_of(path, voxels, image.GetSize()[2])
        _check_inside(path, voxels, at, image.GetSize())
        slices.setdefault(at, []).append(_Contour(contour.kind, voxels[:, :2], float(voxels[:, 2].mean()) - at))
        off.append(float(np.abs(voxels[:, 2] - at).max()))
    _check_frame(path, frame, image, off, tell)
    _say_off(path, off, tell)
    _say_gaps(path, sorted(slices), tell)
    values = np.zeros(image.GetSize()[::-1], dtype=np.uint8)
    for at, drawn in slices.items():
        for plane in _planes(drawn):
            values[at] |= _fill_slice(path, at, plane, values.shape[1:], tell)
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(image)
    mask.SetMetaData(FRAME, image.GetMetaData(FRAME) if image.HasMetaDataKey(FRAME) else frame)
    return mask


def _read(path: Path) -> Dataset:
    dataset = read_dataset(path)
    if dataset.get("Modality") != "RTSTRUCT" or not dataset.get("StructureSetROISequence"):
        raise InputError(
            f"{path.name} is not an RTSTRUCT with structures (its modality is {dataset.get('Modality', 'missing')})."
        )
    return dataset


def _known(dataset: Dataset) -> dict[int, str]:
    return {int(roi.ROINumber): str(roi.get("ROIName", "")) for roi in dataset.StructureSetROISequence}


def _frame(dataset: Dataset, number: int) -> str:
    rois = [roi for roi in dataset.StructureSetROISequence if int(roi.ROINumber) == number]
    return str(rois[0].get(f"Referenced{FRAME}", ""))


def _items(dataset: Dataset, number: int) -> list[Dataset]:
    """Collect the contour items of one structure."""
    rois = [roi for roi in dataset.get("ROIContourSequence") or [] if int(roi.ReferencedROINumber) == number]
    return [item for roi in rois for item in roi.get("ContourSequence") or []]


def _contours(path: Path, dataset: Dataset, number: int, tell: Tell) -> list[_Contour]:
    """Collect the closed contours of one structure, in mm, and say what is ignored."""
    contours: list[_Contour] = []
    passed: Counter[str] = Counter()
    for item in _items(dataset, number):
        kind = str(item.get("ContourGeometricType") or "no type").strip().upper()
        if kind in _CLOSED:
            contours.append(_Contour(kind, _points(path, item)))
        else:
            passed[kind] += 1
    if not contours:
        others = f" (only {summarise([f'{count} {kind}' for kind, count in passed.items()])})" if passed else ""
        raise InputError(
            f"{path.name}: structure {number} has no closed contour{others}, its mask is empty; choose another or leave the "
            "patient out."
        )
    for kind, count in passed.items():
        why = f"{count} contour(s) of the type {kind} enclose nothing and are passed over."
        tell(Decision("contours passed over", path.name, count, why))
    return contours


def _points(path: Path, item: Dataset) -> Points:
    values = np.array([float(value) for value in np.atleast_1d(item.ContourData)])
    stated = item.get("NumberOfContourPoints")
    if len(values) == 0 or len(values) % 3 or (stated is not None and int(stated) != len(values) // 3):
        raise InputError(
            f"{path.name}: a contour announces {stated} points and holds {len(values)} numbers; it is damaged or cut short, "
            "export it again."
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"{path.name}: a contour holds {int((~np.isfinite(values)).sum())} coordinates that are not numbers; export it again."
        )
    return values.reshape(-1, 3)


def _to_voxels(image: sitk.Image, points: Points) -> Points:
    to_voxel = np.linalg.inv(np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing()))
    return np.asarray((points - np.array(image.GetOrigin())) @ to_voxel.T)


def _slice_of(path: Path, voxels: Points, depth: int) -> int:
    at = float(voxels[:, 2].mean())
    off = float(np.abs(voxels[:, 2] - np.round(at)).max())
    if off > _OFF_PLANE:
        raise InputError(
            f"{path.name}: a contour lies {off:.2f} slice distances off every slice; it was drawn on other images, give those."
        )
    if not 0 <= round(at) < depth:
        raise InputError(
            f"{path.name}: a contour lies at slice {round(at)}, the image has slices 0 to {depth - 1}; give the image it was "
            "drawn on."
        )
    return round(at)


def _check_inside(path: Path, voxels: Points, at: int, size: tuple[int, ...]) -> None:
    beside = max(float(-voxels[:, :2].min()), float((voxels[:, :2] - (np.array(size[:2]) - 1)).max()))
    if beside > _BESIDE:
        raise InputError(
            f"{path.name}: a contour of slice {at} reaches {beside:.1f} voxels outside the image of {size[0]} x {size[1]}; "
            f"it was drawn on another image or is displaced, give the image it was drawn on."
        )


def _check_frame(path: Path, frame: str, image: sitk.Image, off: list[float], tell: Tell) -> None:
    """Compare the frames of reference where both files name one; contours in another frame must at least lie on the slices."""
    own = image.GetMetaData(FRAME) if image.HasMetaDataKey(FRAME) else ""
    if not frame or not own or frame == own:
        return
    named = f"the frame of reference of its structure (…{frame[-12:]}) is not the image's (…{own[-12:]})"
    if max(off) > _ON_PLANE:
        raise InputError(
            f"{path.name}: {named}, and its contours lie beside the slices; give the image it was drawn on, or register them "
            "first."
        )
    why = f"{named}; its contours lie on slices of the image and are taken for the same place, look at them over the image."
    tell(Decision("mask of another frame of reference", path.name, 1, why))


def _say_off(path: Path, off: list[float], tell: Tell) -> None:
    beside = [value for value in off if value > _ON_PLANE]
    if beside:
        why = (
            f"{len(beside)} contour(s) lie up to {max(beside):.2f} slice distances beside the slices; each counts in the nearest."
        )
        tell(Decision("contours beside slices", path.name, len(beside), why))


def _planes(drawn: list[_Contour]) -> list[list[_Contour]]:
    """Group the contours of one slice by the plane they were drawn in: only in one plane is a contour a hole in another."""
    planes: list[list[_Contour]] = []
    for contour in sorted(drawn, key=lambda contour: contour.off):
        if planes and contour.off - planes[-1][-1].off <= _ON_PLANE:
            planes[-1].append(contour)
        else:
            planes.append([contour])
    return planes


def _say_gaps(path: Path, slices: list[int], tell: Tell) -> None:
    missing = slices[-1] - slices[0] + 1 - len(slices)
    if missing:
        why = f"{missing} of the slices {slices[0]} to {slices[-1]} hold no contour; they stay empty."
        tell(Decision("slices without contour", path.name, missing, why))


def _fill_slice(path: Path, at: int, drawn: list[_Contour], shape: tuple[int, ...], tell: Tell) -> npt.NDArray[np.bool_]:
    """Fill the contours of one slice by the rule of their type; drawn and interpolated ones are united."""
    kinds = sorted({contour.kind for contour in drawn})
    if _EXCLUSIVE in kinds:
        if len(kinds) > 1:
            why = f"slice {at} mixes {', '.join(kinds)}; all are combined by exclusive or."
            tell(Decision("contours combined", path.name, len(drawn), why))
        return fill([contour.points for contour in drawn], shape, exclusive=True)
    filled = np.zeros(shape, dtype=bool)
    for kind in kinds:
        contours = [contour.points for contour in drawn if contour.kind == kind]
        _say_doubt(path, at, contours, shape, tell)
        filled |= fill(contours, shape)
    return filled


def _say_doubt(path: Path, at: int, contours: list[Points], shape: tuple[int, ...], tell: Tell) -> None:
    copies = len(contours) - len(distinct(contours))
    if copies:
        why = f"slice {at} stores {copies} contour(s) twice; each counts once."
        tell(Decision("contours twice", path.name, copies, why))
    folded = hollow(contours)
    if folded:
        why = f"in slice {at} {folded} contour(s) run there and back along the same points and enclose nothing; they are empty."
        tell(Decision("contours that enclose nothing", path.name, folded, why))
    lost = without_voxel(contours, shape)
    if lost:
        why = f"in slice {at} {lost} contour(s) hold no centre of a voxel; they are empty."
        tell(Decision("contours that enclose nothing", path.name, lost, why))
    for share in thin_rings(contours):
        why = (
            f"in slice {at} a contour with {100 * share:.0f} % of the area of another lies inside it and is taken for a hole; "
            f"if the lesion was drawn twice, remove one."
        )
        tell(Decision("contour taken for a hole", path.name, 1, why))
