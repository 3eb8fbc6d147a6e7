"""DICOM RTSTRUCT -> masks: contours in the patient become voxels of an image."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics._tables import shown
from radiogenomics.images import FRAME

Points = npt.NDArray[np.float64]

_EDGE = 1e-3  # voxels: a voxel's centre this close to a contour lies on it; decimal strings round to less
_OFF_PLANE = 0.3  # of the slice distance: contours this far from a slice were drawn on other images


def list_structures(path: Path) -> pd.DataFrame:
    """List the structures of an RTSTRUCT -> ``number``, ``name``, ``contours``."""
    dataset = _read(path)
    contours = {
        int(roi.ReferencedROINumber): len(roi.get("ContourSequence", [])) for roi in dataset.get("ROIContourSequence", [])
    }
    rows = [
        {"number": int(roi.ROINumber), "name": str(roi.get("ROIName", "")), "contours": contours.get(int(roi.ROINumber), 0)}
        for roi in dataset.StructureSetROISequence
    ]
    return pd.DataFrame(rows)


def read_rtstruct(path: Path, *, image: sitk.Image, structure: int | str | None) -> sitk.Image:
    """Read one structure of an RTSTRUCT -> uint8 mask on the grid of an image.

    A voxel is inside when its centre lies inside an odd number of the contours of its slice (so a contour inside another is
    a hole), or on a contour.

    Parameters
    ----------
    path : Path
        A DICOM RTSTRUCT.
    image : SimpleITK.Image
        The image that the contours were drawn on.
    structure : int or str or None
        The structure's number or name; None when there is only one.

    Returns
    -------
    SimpleITK.Image
        1 inside, 0 outside.

    Raises
    ------
    ValueError
        If the file is no RTSTRUCT, has several structures and none was chosen, or its contours do not lie in the slices
        of the image.
    """
    dataset = _read(path)
    number = _choose(path, dataset, structure)
    values = np.zeros(image.GetSize()[::-1], dtype=bool)
    outlines: dict[int, list[Points]] = {}
    for points in _contours(path, dataset, number):
        voxels = _to_voxels(image, points)
        outlines.setdefault(_slice_of(path, voxels, values.shape[0]), []).append(voxels[:, :2])
    for at, contours in outlines.items():
        values[at] = fill(contours, values.shape[1:])
    mask = sitk.GetImageFromArray(values.astype(np.uint8))
    mask.CopyInformation(image)
    mask.SetMetaData(FRAME, _frame(dataset, number))
    return mask


def fill(contours: list[Points], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Fill closed contours of one slice by the even-odd rule, edges included -> booleans (y, x).

    Parameters
    ----------
    contours : list of array, shape (n_points, 2)
        x and y in voxels; the last point joins the first.
    shape : tuple of int
        Rows and columns of the slice.
    """
    odd = np.zeros(shape, dtype=bool)
    edge = np.zeros(shape, dtype=bool)
    for contour in contours:
        low = np.maximum(np.floor(contour.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(contour.max(axis=0)).astype(int) + 1, shape[::-1])
        if (low >= high).any():
            continue
        window = np.s_[low[1] : high[1], low[0] : high[0]]
        inside, on = _inside(contour, np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        odd[window] ^= inside
        edge[window] |= on
    return odd | edge


def _inside(
    contour: Points, columns: npt.NDArray[np.int_], rows: npt.NDArray[np.int_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Count for every voxel centre the edges that a ray to the right crosses, and see whether it lies on one."""
    x, y = np.meshgrid(columns.astype(float), rows.astype(float))
    crossed = np.zeros(x.shape, dtype=bool)
    on = np.zeros(x.shape, dtype=bool)
    for start, end in zip(contour, np.roll(contour, -1, axis=0), strict=True):
        along = end - start
        if along[1] != 0:
            meets = start[0] + (y - start[1]) * along[0] / along[1]
            crossed ^= ((start[1] > y) != (end[1] > y)) & (x < meets)
        length = float(along @ along)
        share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1) if length else 0.0
        on |= np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= _EDGE
    return crossed, on


def _read(path: Path) -> Dataset:
    try:
        dataset = pydicom.dcmread(path)
    except (pydicom.errors.InvalidDicomError, EOFError, OSError) as error:
        raise InputError(f"{path.name} is not a whole DICOM file ({error}); fetch it again.") from error
    if dataset.get("Modality") != "RTSTRUCT" or not dataset.get("StructureSetROISequence"):
        raise InputError(f"{path.name} is no RTSTRUCT with structures (its modality is {dataset.get('Modality', 'missing')}).")
    return dataset


def _choose(path: Path, dataset: Dataset, structure: int | str | None) -> int:
    known = {int(roi.ROINumber): str(roi.get("ROIName", "")) for roi in dataset.StructureSetROISequence}
    listed = shown([f"{number} {name!r}" for number, name in known.items()], 12)
    if structure is None:
        if len(known) == 1:
            return next(iter(known))
        raise InputError(f"{path.name} holds {len(known)} structures ({listed}); choose one with `segment`.")
    chosen = [number for number, name in known.items() if structure in (number, name)]
    if len(chosen) != 1:
        raise InputError(f"{path.name} has {len(chosen)} structures called {structure!r}; it holds {listed}.")
    return chosen[0]


def _frame(dataset: Dataset, number: int) -> str:
    return next(
        (str(roi.get(f"Referenced{FRAME}", "")) for roi in dataset.StructureSetROISequence if int(roi.ROINumber) == number), ""
    )


def _contours(path: Path, dataset: Dataset, number: int) -> list[Points]:
    """Collect the closed planar contours of one structure, in mm."""
    found: list[Points] = []
    for roi in dataset.get("ROIContourSequence", []):
        if int(roi.ReferencedROINumber) != number:
            continue
        for contour in roi.get("ContourSequence", []):
            if str(contour.get("ContourGeometricType", "")).startswith("CLOSED"):
                found.append(np.array([float(value) for value in contour.ContourData]).reshape(-1, 3))
    if not found:
        raise InputError(
            f"{path.name}: structure {number} has no closed contour, its mask is empty; choose another or leave the patient out."
        )
    return found


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
            f"{path.name}: a contour lies at slice {round(at)}, the image has slices 0 to {depth - 1}; give the image "
            f"it was drawn on."
        )
    return round(at)
