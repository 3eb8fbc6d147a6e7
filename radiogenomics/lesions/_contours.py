"""Closed contours of one slice -> the voxels inside.

A contour that lies inside another is a hole in it, one inside a hole an island (a hole may also be drawn with a keyhole,
DICOM PS3.3 C.8.8.6.3); contours that overlap are united; a contour that is stored twice counts once. Contours of the type
CLOSEDPLANAR_XOR are combined by exclusive or, as the standard says: of those, two equal ones cancel out.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.bool_]

_EDGE = 1e-3  # voxels: a voxel's centre this close to a contour lies on it; decimal strings round to less
_SAME = 0.25  # voxels: contours that nowhere lie farther apart are one contour, stored twice
_SMALL = 2.0  # voxels: only a smaller contour can lie between all centres, but for slivers
_TWICE = 0.8  # a hole with this share of its outer contour's area may be the same lesion drawn twice


def fill(contours: Sequence[Points], shape: Sequence[int], *, exclusive: bool = False) -> Voxels:
    """Fill closed contours of one slice, edges included -> booleans (y, x).

    Parameters
    ----------
    contours : sequence of array, shape (n_points, 2)
        x and y in voxels; the last point joins the first.
    shape : sequence of int
        Rows and columns of the slice.
    exclusive : bool
        Whether they are combined by exclusive or (CLOSEDPLANAR_XOR).
    """
    contours = _unpaired(contours) if exclusive else distinct(contours)
    if not contours:
        return np.zeros(tuple(shape), dtype=bool)
    regions, edges = zip(*(_raster(contour, shape) for contour in contours), strict=True)
    inside = np.logical_xor.reduce(regions) if exclusive else _nested(contours, regions)
    return np.asarray(np.logical_or.reduce([inside, *edges]))


def distinct(contours: Sequence[Points]) -> list[Points]:
    """Leave out contours that are stored twice, whatever their first point, direction and number of points."""
    kept: list[Points] = []
    for contour in map(_once, contours):
        if not any(_same(contour, other) for other in kept):
            kept.append(contour)
    return kept


def thin_rings(contours: Sequence[Points]) -> list[float]:
    """Give the share of its outer contour that each suspiciously large hole takes: perhaps the lesion was drawn twice."""
    contours = distinct(contours)
    shares = [
        _area(inner) / _area(outer)
        for outer in contours
        for inner in contours
        if inner is not outer and _area(outer) > 0 and _contains(outer, inner)
    ]
    return [share for share in shares if share > _TWICE]


def _nested(contours: Sequence[Points], regions: Sequence[Voxels]) -> Voxels:
    """Unite what lies inside each outer contour or island, without the holes directly in it."""
    within = np.array([[_contains(outer, inner) for inner in contours] for outer in contours])
    depth = within.sum(axis=0)
    inside = np.zeros_like(regions[0])
    for at in np.flatnonzero(depth % 2 == 0).tolist():
        region = regions[at].copy()
        for hole in np.flatnonzero(within[at] & (depth == depth[at] + 1)).tolist():
            region &= ~regions[hole]
        inside |= region
    return inside


def _unpaired(contours: Sequence[Points]) -> list[Points]:
    """Take out pairs of equal contours, which cancel out with their edges."""
    left: list[Points] = []
    for contour in map(_once, contours):
        partner = next((at for at, other in enumerate(left) if _same(contour, other)), None)
        if partner is None:
            left.append(contour)
        else:
            del left[partner]
    return left


def hollow(contours: Sequence[Points]) -> int:
    """Count the paths that go round nothing although they reach over voxels: there and back along the same points."""
    folded = [contour for contour in map(_once, contours) if np.ptp(contour, axis=0).min() > 1 and _area(contour) < _EDGE]
    return sum(not _raster(contour - contour.min(axis=0), _extent(contour))[0].any() for contour in folded)


def without_voxel(contours: Sequence[Points], shape: Sequence[int]) -> int:
    """Count the contours that hold no centre of a voxel, such as a line or a speck between centres."""
    small = [contour for contour in map(_once, contours) if _area(contour) < _SMALL and not hollow([contour])]
    return sum(not np.logical_or(*_raster(contour, shape)).any() for contour in small)


def _extent(contour: Points) -> list[int]:
    """Give rows and columns of a slice that holds a contour."""
    return [int(size) + 2 for size in np.ptp(contour, axis=0)[::-1]]


def _tidied(contour: Points) -> Points:
    """Leave out points that repeat the one before, and a last one that repeats the first."""
    moved = np.abs(contour - np.roll(contour, 1, axis=0)).max(axis=1) > _EDGE
    return contour[moved] if moved.any() else contour[:1]


def _once(contour: Points) -> Points:
    """Cut a path that goes round the same points twice to one round; it would cancel itself out."""
    contour = _tidied(contour)
    half = len(contour) // 2
    while half > 1 and len(contour) % 2 == 0 and np.abs(contour[:half] - contour[half:]).max() <= _EDGE:
        contour, half = contour[:half], half // 2
    return contour


def _same(left: Points, right: Points) -> bool:
    if np.abs(left.min(axis=0) - right.min(axis=0)).max() > _SAME or np.abs(left.max(axis=0) - right.max(axis=0)).max() > _SAME:
        return False
    return bool(_away(_halved(left), right).max() <= _SAME and _away(_halved(right), left).max() <= _SAME)


def _contains(outer: Points, inner: Points) -> bool:
    """Say whether a contour lies inside a larger one, or touches it from inside."""
    if inner is outer or (inner.min(axis=0) < outer.min(axis=0) - _EDGE).any():
        return False
    if (inner.max(axis=0) > outer.max(axis=0) + _EDGE).any() or _area(inner) >= _area(outer):
        return False
    points = _halved(inner)
    return bool((_crossed(points, outer) | (_away(points, outer) <= _EDGE)).all())


def _halved(contour: Points) -> Points:
    """Add the middle of every edge to the points."""
    return np.concatenate([contour, (contour + np.roll(contour, -1, axis=0)) / 2])


def _area(contour: Points) -> float:
    x, y = contour.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _raster(contour: Points, shape: Sequence[int]) -> tuple[Voxels, Voxels]:
    """Say of every voxel centre whether it lies inside a contour, and whether it lies on it."""
    inside, on = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    low = np.maximum(np.floor(contour.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(contour.max(axis=0)).astype(int) + 1, tuple(shape)[::-1])
    if (low < high).all():
        columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        centres = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
        window = np.s_[low[1] : high[1], low[0] : high[0]]
        inside[window] = _crossed(centres, contour).reshape(rows.shape)
        on[window] = (_away(centres, contour) <= _EDGE).reshape(rows.shape)
    return inside, on


def _crossed(points: Points, contour: Points) -> Voxels:
    """Say of points whether a ray to the right crosses a contour an odd number of times."""
    x, y = points.T
    odd = np.zeros(len(points), dtype=bool)
    for start, end in zip(contour, np.roll(contour, -1, axis=0), strict=True):
        along = end - start
        if along[1] != 0:
            meets = start[0] + (y - start[1]) * along[0] / along[1]
            odd ^= ((start[1] > y) != (end[1] > y)) & (x < meets)
    return odd


def _away(points: Points, contour: Points) -> Points:
    """Measure how far points lie from a contour, in voxels."""
    nearest = np.full(len(points), np.inf)
    for start, end in zip(contour, np.roll(contour, -1, axis=0), strict=True):
        along = end - start
        length = float(along @ along)
        share = np.clip((points - start) @ along / length, 0, 1) if length else np.zeros(len(points))
        nearest = np.minimum(nearest, np.linalg.norm(points - start - share[:, None] * along, axis=1))
    return nearest
