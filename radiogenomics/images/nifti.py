"""NIfTI headers -> what ITK does not check or does not say: a file that is cut short, axes that are not perpendicular."""

import gzip
import math
import struct
import tempfile
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell
from radiogenomics.images.limits import check_voxels

Floats = npt.NDArray[np.float64]

_SIZES = (348, 540)  # bytes of the header of NIfTI-1 and NIfTI-2
_FLOATS = {16: "f4", 64: "f8"}
_SHEAR = 1e-3  # of a cosine between two axes: what is finer is rounding of float32
_BEND = 0.25  # voxels: axes that move no voxel farther are taken for perpendicular


def read_nifti(path: Path, *, tell: Tell, finite: bool = False) -> sitk.Image:
    """Read a NIfTI file -> a volume, or say that it is cut short or that its axes are not perpendicular.

    The sform may be sheared, as an affine registration leaves it; no volume of rectangular voxels can hold that. Where the
    qform is known it counts (with a warning); where the shear moves no voxel by a quarter of its size, the nearest
    perpendicular axes count (with a warning). ITK reads what is no finite number as 0; that is told, or refused where `finite`.

    Raises
    ------
    InputError
        If the axes are sheared farther, or the header holds an impossible size or offset.
    EOFError
        If voxels are missing: ITK itself reads such a file without a word and leaves the rest as it finds it.
    """
    head, lost = _check_whole(path)
    if lost and finite:
        raise InputError(f"{path.name} holds {lost:,} voxel(s) that are not finite numbers; export the file again.")
    if lost:
        why = f"{lost:,} voxel(s) are not finite numbers and are read as 0."
        tell(Decision("voxels not finite", path.name, lost, why))
    sform = _sform(head)
    if sform is None or _shear(sform) <= _SHEAR:
        return sitk.ReadImage(str(path))
    angle = float(np.degrees(np.arcsin(min(_shear(sform), 1.0))))
    if _qform_is_set(head):
        why = f"its sform is sheared by {angle:.2f} degrees and is ignored; its qform counts."
        tell(Decision("sform sheared", path.name, 1, why))
        return sitk.ReadImage(str(path))
    bend = _bend(sform, _dims(head))
    if bend > _BEND:
        raise InputError(
            f"{path.name}: its sform is sheared: two axes are at {90 - angle:.2f} degrees, not 90, and it has no "
            f"qform. Voxels are moved by up to {bend:.1f} of their size; resample it onto the image in the program that "
            f"wrote it, and save that."
        )
    why = f"its sform is sheared by {angle:.3f} degrees; the nearest perpendicular axes are used."
    tell(Decision("sform sheared", path.name, 1, why))
    return _read_straightened(path, head, sform)


def _check_whole(path: Path) -> tuple[bytes, int]:
    """Refuse a NIfTI file that ends before its last voxel -> its header, and how many voxels are no finite number."""
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        head = file.read(max(_SIZES))
        expected = _bytes(path, head)
        held, lost = _count(cast("IO[bytes]", file), head, expected)
    if held < expected:
        raise EOFError(f"{expected - held:,} bytes are missing")
    return head, lost


def _count(file: IO[bytes], head: bytes, most: int) -> tuple[int, int]:
    """Count the bytes, as far as they matter, of a file whose head was read, and the floats in it that are not finite.

    What is packed may have no end.
    """
    kind, start = _floats(head), _start(head)
    held, lost, rest = len(head), 0, head[start:]
    while held < most and (chunk := file.read(1 << 20)):
        data, held = rest + chunk[max(0, start - held) :], held + len(chunk)
        rest = b"" if kind is None else data[len(data) - len(data) % kind.itemsize :]
        lost += 0 if kind is None else _not_finite(data, kind)
    return held, lost + (_not_finite(rest, kind) if kind is not None and held == len(head) else 0)


def _not_finite(data: bytes, kind: np.dtype[np.floating]) -> int:
    values = np.frombuffer(data, kind, len(data) // kind.itemsize)
    return int(np.count_nonzero(~np.isfinite(values)))


def _floats(head: bytes) -> np.dtype[np.floating] | None:
    """Give the type of the voxels where they are floats."""
    (code,) = struct.unpack_from(f"{_order(head)}h", head, 12 if _is_2(head) else 70)
    return np.dtype(f"{_order(head)}{_FLOATS[code]}") if code in _FLOATS else None


def _start(head: bytes) -> int:
    """Give the byte at which the voxels begin."""
    second = _is_2(head)
    (start,) = struct.unpack_from(f"{_order(head)}{'q' if second else 'f'}", head, 168 if second else 108)
    return int(start)


def _bytes(path: Path, head: bytes) -> int:
    """Compute from the header how long the file must be."""
    order, second = _order(head), _is_2(head)
    dims = _dims(head)
    (bits,) = struct.unpack_from(f"{order}h", head, 14 if second else 72)
    (start,) = struct.unpack_from(f"{order}{'q' if second else 'f'}", head, 168 if second else 108)
    if not np.isfinite(start) or start < 0:
        raise InputError(
            f"{path.name}: its voxels should begin at byte {start} (vox_offset); its header is damaged, export again."
        )
    if not dims or min(dims) < 1 or bits < 1:
        raise InputError(f"{path.name}: its size is {dims} voxels of {bits} bits; its header is damaged, export the file again.")
    check_voxels(path.name, dims)
    return int(start) + math.prod(dims) * int(bits) // 8


def _is_2(head: bytes) -> bool:
    return bool(struct.unpack(f"{_order(head)}i", head[:4])[0] == _SIZES[1])


def _order(head: bytes) -> str:
    return "<" if struct.unpack("<i", head[:4])[0] in _SIZES else ">"


def _dims(head: bytes) -> list[int]:
    values = struct.unpack_from(f"{_order(head)}8{'q' if _is_2(head) else 'h'}", head, 16 if _is_2(head) else 40)
    return list(values[1 : max(values[0], 0) + 1])


def _sform(head: bytes) -> Floats | None:
    """Give the directions times voxel sizes of the sform, shape (3, 3); None where it is not set."""
    order, second = _order(head), _is_2(head)
    (code,) = struct.unpack_from(f"{order}{'i' if second else 'h'}", head, 348 if second else 254)
    if code <= 0:
        return None
    rows = struct.unpack_from(f"{order}12{'d' if second else 'f'}", head, 400 if second else 280)
    matrix = np.reshape(rows, (3, 4))[:, :3].astype(float)
    return matrix if np.isfinite(matrix).all() and np.linalg.norm(matrix, axis=0).min() > 0 else None


def _qform_is_set(head: bytes) -> bool:
    second = _is_2(head)
    return bool(struct.unpack_from(f"{_order(head)}{'i' if second else 'h'}", head, 344 if second else 252)[0] > 0)


def _shear(matrix: Floats) -> float:
    """Give the largest cosine between two axes, 0 where all are perpendicular."""
    axes = matrix / np.linalg.norm(matrix, axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def _straightened(matrix: Floats) -> Floats:
    """Find the nearest perpendicular axes, keeping the voxel sizes."""
    sizes = np.linalg.norm(matrix, axis=0)
    left, _, right = np.linalg.svd(matrix / sizes)
    return np.asarray(left @ right * sizes)


def _bend(matrix: Floats, dims: list[int]) -> float:
    """Measure by how much of a voxel the perpendicular axes move the corners of the volume."""
    straight = _straightened(matrix)
    corners = np.stack(np.meshgrid(*[[-(size - 1) / 2, (size - 1) / 2] for size in dims[:3]], indexing="ij")).reshape(3, -1)
    away = np.linalg.solve(straight, (matrix - straight) @ corners)
    return float(np.abs(away).max())


def _read_straightened(path: Path, head: bytes, sform: Floats) -> sitk.Image:
    """Read a copy with perpendicular axes; the middle of the volume stays where it is."""
    content = bytearray(gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes())
    second, order = _is_2(head), _order(head)
    kind, at = ("d", 400) if second else ("f", 280)
    offset = np.reshape(struct.unpack_from(f"{order}12{kind}", head, at), (3, 4))[:, 3]
    straight = _straightened(sform)
    middle = (np.array(_dims(head)[:3]) - 1) / 2
    rows = np.column_stack([straight, offset + (sform - straight) @ middle])
    struct.pack_into(f"{order}12{kind}", content, at, *rows.ravel())
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "mask.nii"
        copy.write_bytes(content)
        return sitk.ReadImage(str(copy))
