"""Results that a later run finds again: one file each, whose bytes are verified, and which is read without running anything.

A file is a line that names the format, the SHA-256 of all that follows, and compressed JSON: the key that the result is kept
under, and the result. The JSON holds numbers, texts and lists as they are; anything else stands in it under the name of its kind,
arrays as their bytes. What a file may hold is listed here and by the caller: a foreign file can give wrong values at worst.
"""

import base64
import dataclasses
import hashlib
import json
import logging
import math
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogenomics._errors import FileError, InputError
from radiogenomics._files import atomic, unwritable

logger = logging.getLogger(__name__)

MOST_BYTES = 2**28
"""What a kept result may hold, uncompressed. A larger one is not kept, and a file that says it holds more is not read."""

_FORMAT = b"radiogenomics kept 1"
_OURS = re.compile(r"\.?[0-9a-f]{32}(-[a-z0-9_]{8})?\.(kept|joblib|[0-9]+)")
"""Names of kept results and of their halves that a killed process left, in this format and in the one before."""
_DTYPE = re.compile(r"[<>|=][biufcSUmM][0-9]+(\[[0-9]*[a-zA-Z]+\])?")
"""Data types that are nothing but bytes."""
_DAMAGE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, AssertionError, MemoryError,
    struct.error, pd.errors.InvalidIndexError,
)  # fmt: skip
"""What a foreign file may raise whose hash is right and whose content is not."""

Types = Sequence[type]


class UnreadableError(ValueError):
    """A kept result is damaged, foreign, or not the one that is asked for."""


def check_folder(folder: Path) -> None:
    """Refuse a folder that is a link: results would be written, and old ones removed, where it leads."""
    if Path(folder).is_symlink():
        raise InputError(f"{folder} is a link; results are kept only in a folder that is none: remove the link.")


def place(folder: Path, key: str) -> Path:
    """Give the file that the result of a key is kept in."""
    return Path(folder) / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.kept"


def store(value: Any, key: str, path: Path, *, of: Types = ()) -> None:
    """Keep a result: written beside, then renamed, so that a kill leaves it whole or absent.

    Parameters
    ----------
    value : object
        See `encode`.
    key : str
        What the result depends on; it is read again for this key alone.
    path : Path
        From `place`.
    of : sequence of type
        Dataclasses that the value may hold.

    Raises
    ------
    TypeError
        If the value holds something of another kind.
    FileError
        If it cannot be written.
    """
    text = json.dumps({"key": key, "value": encode(value, of=of)}, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > MOST_BYTES:
        logger.warning("The result of %s is not kept: it holds %d MB, at most %d may be.", key, len(text) >> 20, MOST_BYTES >> 20)
        return
    body = zlib.compress(text, 1)  # a lesion's numbers need a quarter of the room
    try:
        with atomic(path) as temporary:
            temporary.write_bytes(b"\n".join([_FORMAT, hashlib.sha256(body).hexdigest().encode(), body]))
    except FileError:
        raise
    except OSError as error:
        raise unwritable(path, error.errno, reason="" if error.errno else str(error)) from error


def load(key: str, path: Path, *, of: Types = ()) -> Any:
    """Read the result of a key, after its bytes were compared with their hash.

    Parameters
    ----------
    key : str
        What it was kept under.
    path : Path
        From `place`.
    of : sequence of type
        Dataclasses that the value may hold.

    Returns
    -------
    object
        Equal to the bit to what was kept.

    Raises
    ------
    FileNotFoundError
        If nothing is kept there.
    UnreadableError
        If the file is damaged, is none of ours, or holds the result of another key.
    """
    text = _verified(path)
    try:
        content = json.loads(text)
        if content["key"] != key:
            raise UnreadableError("it is the result of something else")
        return decode(content["value"], of=of)
    except UnreadableError:
        raise
    except _DAMAGE as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def forget_all_but(keys: Iterable[str], keep: Path) -> None:
    """Remove the kept results of every key but these, and what killed processes left half written; no other file."""
    check_folder(keep)
    wanted = {place(keep, key) for key in keys}
    for path in Path(keep).glob("*"):
        if path not in wanted and _OURS.fullmatch(path.name) and not (path.is_dir() and not path.is_symlink()):
            path.unlink()


def _verified(path: Path) -> bytes:
    """Read a file's JSON; its hash is compared first, and it is unpacked no further than `MOST_BYTES`."""
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > MOST_BYTES:
        raise UnreadableError("it is no plain file of that size")
    name, _, rest = path.read_bytes().partition(b"\n")
    digest, _, body = rest.partition(b"\n")
    if name != _FORMAT or digest != hashlib.sha256(body).hexdigest().encode():
        raise UnreadableError("its bytes are not those that were written")
    packed = zlib.decompressobj()
    try:
        text = packed.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise UnreadableError(str(error)) from error
    if not packed.eof:
        raise UnreadableError("it holds more than any result does")
    return text


def encode(value: Any, *, of: Types = ()) -> Any:
    """Lay a value out for JSON.

    Parameters
    ----------
    value : object
        None, bool, int, float, str; NumPy scalars and arrays; pandas Series, DataFrames and Indexes of NumPy's types and of
        categories; lists, tuples and dicts of these; and the dataclasses `of`. No subclass of any.
    of : sequence of type
        Dataclasses that the value may hold.

    Returns
    -------
    object
        For `decode`.

    Raises
    ------
    TypeError
        If the value holds something of another kind.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
        return value
    if kind is list:
        return [encode(one, of=of) for one in value]
    if kind in of:
        fields = {field.name: encode(getattr(value, field.name), of=of) for field in dataclasses.fields(kind)}
        return {"dataclass": [kind.__qualname__, fields]}
    name = "scalar" if isinstance(value, np.generic) else _NAMES.get(kind)
    if name is None:
        raise TypeError(f"{kind.__qualname__} cannot be kept; return numbers, texts, arrays, tables, or a declared dataclass.")
    return {name: _KINDS[name][0](value, lambda part: encode(part, of=of))}


def decode(laid: Any, *, of: Types = ()) -> Any:
    """Make the value again that was laid out by `encode`.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError
        If it was not.
    """
    if isinstance(laid, list):
        return [decode(one, of=of) for one in laid]
    if not isinstance(laid, dict):
        return laid
    ((name, content),) = laid.items()
    if name == "dataclass":
        kind = {one.__qualname__: one for one in of}[content[0]]
        if set(content[1]) != {field.name for field in dataclasses.fields(kind)}:
            raise UnreadableError(f"{content[0]} has other fields")
        return kind(**{field: decode(one, of=of) for field, one in content[1].items()})
    return _KINDS[name][1](content, lambda part: decode(part, of=of))


Part = Callable[[Any], Any]
"""Lays out, or makes again, a part of a value."""


def _lay_array(value: NDArray[Any], part: Part) -> dict[str, Any]:
    order: Literal["F", "C"] = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    facts = {"dtype": value.dtype.str, "shape": list(value.shape), "order": order}
    if value.dtype == object:
        return facts | {"items": [part(one) for one in value.ravel(order)]}
    if not _DTYPE.fullmatch(value.dtype.str):
        raise TypeError(f"An array of {value.dtype} cannot be kept.")
    return facts | {"bytes": base64.b64encode(value.tobytes(order)).decode()}


def _make_array(laid: dict[str, Any], part: Part) -> NDArray[Any]:
    shape, order, size = tuple(laid["shape"]), laid["order"], math.prod(laid["shape"])
    if laid["dtype"] == "|O":
        items = np.empty(len(laid["items"]), dtype=object)
        for at, one in enumerate(laid["items"]):  # all at once, NumPy would look into them
            items[at] = part(one)
        return items.reshape(shape, order=order)
    if not _DTYPE.fullmatch(laid["dtype"]):
        raise UnreadableError(f"an array of {laid['dtype']!r}")
    dtype, content = np.dtype(laid["dtype"]), bytearray(base64.b64decode(laid["bytes"], validate=True))
    if min(shape, default=1) < 0 or size * dtype.itemsize != len(content):
        raise UnreadableError(f"{len(content)} bytes are no array of {shape}")
    return np.ndarray(shape, dtype, buffer=content, order=order).copy(order=order)


def _lay_scalar(value: np.generic, part: Part) -> dict[str, Any]:
    return _lay_array(np.asarray(value), part)


def _make_scalar(laid: dict[str, Any], part: Part) -> Any:
    return _make_array(laid, part)[()]


def _lay_column(value: "pd.Series[Any] | pd.Index[Any]", part: Part) -> Any:
    """Lay out the values of a Series or Index; of pandas' own types only categories."""
    if isinstance(value.dtype, pd.CategoricalDtype):
        codes = value.cat.codes if isinstance(value, pd.Series) else value.codes  # type: ignore[attr-defined]
        return {"codes": part(np.asarray(codes)), "levels": part(value.dtype.categories), "ordered": bool(value.dtype.ordered)}
    if not isinstance(value.dtype, np.dtype):
        raise TypeError(f"A column of pandas' type {value.dtype} cannot be kept.")
    return part(value.to_numpy())


def _make_column(laid: dict[str, Any], part: Part) -> Any:
    if "codes" in laid:
        return pd.Categorical.from_codes(part(laid["codes"]), categories=part(laid["levels"]), ordered=laid["ordered"])
    return part(laid)


def _lay_index(value: "pd.Index[Any]", part: Part) -> dict[str, Any]:
    return {"values": _lay_column(value, part), "name": part(value.name)}


def _make_index(laid: dict[str, Any], part: Part) -> "pd.Index[Any]":
    values = _make_column(laid["values"], part)
    index: pd.Index[Any] = pd.Index(values, dtype=values.dtype, name=part(laid["name"]))
    return index


def _lay_range(value: pd.RangeIndex, part: Part) -> list[Any]:
    return [value.start, value.stop, value.step, part(value.name)]


def _make_range(laid: list[Any], part: Part) -> pd.RangeIndex:
    start, stop, step, name = laid
    return pd.RangeIndex(start, stop, step, name=part(name))


def _lay_levels(value: pd.MultiIndex, part: Part) -> list[Any]:
    return [[part(one) for one in value.levels], [part(np.asarray(one)) for one in value.codes], part(list(value.names))]


def _make_levels(laid: list[Any], part: Part) -> pd.MultiIndex:
    return pd.MultiIndex([part(one) for one in laid[0]], [part(one) for one in laid[1]], names=part(laid[2]))


def _lay_series(value: "pd.Series[Any]", part: Part) -> list[Any]:
    return [_lay_column(value, part), part(value.index), part(value.name)]


def _make_series(laid: list[Any], part: Part) -> "pd.Series[Any]":
    return _series(_make_column(laid[0], part), part(laid[1]), part(laid[2]))


def _series(values: Any, index: "pd.Index[Any]", name: Any = None) -> "pd.Series[Any]":
    """Make a Series of the values' own type, which pandas otherwise guesses anew of objects."""
    made: pd.Series[Any] = pd.Series(values, index=index, name=name, dtype=values.dtype)
    return made


def _lay_frame(value: pd.DataFrame, part: Part) -> list[Any]:
    columns = [_lay_column(value.iloc[:, at], part) for at in range(value.shape[1])]
    return [columns, part(value.columns), part(value.index)]


def _make_frame(laid: list[Any], part: Part) -> pd.DataFrame:
    index = part(laid[2])
    columns = {at: _series(_make_column(one, part), index) for at, one in enumerate(laid[0])}
    return pd.DataFrame(columns, index=index).set_axis(part(laid[1]), axis=1)


_KINDS: dict[str, tuple[Callable[[Any, Part], Any], Callable[[Any, Part], Any]]] = {
    "float": (lambda value, _: struct.pack("<d", value).hex(), lambda laid, _: struct.unpack("<d", bytes.fromhex(laid))[0]),
    "tuple": (lambda value, part: [part(one) for one in value], lambda laid, part: tuple(part(one) for one in laid)),
    "dict": (
        lambda value, part: [[part(name), part(one)] for name, one in value.items()],
        lambda laid, part: {part(name): part(one) for name, one in laid},
    ),
    "array": (_lay_array, _make_array),
    "scalar": (_lay_scalar, _make_scalar),
    "index": (_lay_index, _make_index),
    "range": (_lay_range, _make_range),
    "levels": (_lay_levels, _make_levels),
    "series": (_lay_series, _make_series),
    "frame": (_lay_frame, _make_frame),
}
"""How a kind of value is laid out, and how it is made again."""

_NAMES: dict[type, str] = {
    float: "float",
    tuple: "tuple",
    dict: "dict",
    np.ndarray: "array",
    pd.Index: "index",
    pd.CategoricalIndex: "index",
    pd.RangeIndex: "range",
    pd.MultiIndex: "levels",
    pd.Series: "series",
    pd.DataFrame: "frame",
}
