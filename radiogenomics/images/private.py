"""Private elements of scanners -> facts that the standard tags of a file leave out: GE's raw data type, and b-values."""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

GE_RAW_TYPE = "GERawDataType"
"""What headers call GE's private element (0043,102F): 0 magnitude, 1 phase, 2 real part, 3 imaginary part."""


class _Element(NamedTuple):
    """A private element: who must have reserved its block, its tag and kind of value, and what headers call it."""

    reserved: int
    creator: str
    vendor: str
    tag: int
    kind: str
    keyword: str


_ELEMENTS = (
    _Element(0x00430010, "GEMS_PARM_01", "GE", 0x0043102F, "SS", GE_RAW_TYPE),
    _Element(0x00430010, "GEMS_PARM_01", "GE", 0x00431039, "IS", "DiffusionBValue"),
    _Element(0x00190010, "SIEMENS MR HEADER", "SIEMENS", 0x0019100C, "IS", "DiffusionBValue"),
    _Element(0x20010010, "Philips Imaging DD 001", "PHILIPS", 0x20011003, "FL", "DiffusionBValue"),
)
_FLAG = 100_000  # GE marks a b-value by adding a multiple of this to it

TAGS = tuple(dict.fromkeys(tag for element in _ELEMENTS for tag in (element.reserved, element.tag)))
"""The tags that a reader must ask for."""


def private_facts(dataset: Dataset, header: Mapping[str, str]) -> dict[str, str]:
    """Read what private elements say and the standard tags of a file do not.

    An element counts where its maker reserved the block, or where nobody did and the scanner is the maker's: de-identification
    may take away either.

    Parameters
    ----------
    dataset : Dataset
        The elements of `TAGS`, as far as the file holds them.
    header : mapping of str to str
        The standard tags of the file.

    Returns
    -------
    dict of str to str
        Like a header.
    """
    maker = header.get("Manufacturer", "").upper()
    values: dict[str, str] = {}
    for element in _ELEMENTS:
        if element.tag not in dataset or header.get(element.keyword):
            continue
        creator = _value(dataset, element.reserved, "LO")
        if creator == element.creator or (not creator and maker.startswith(element.vendor)):
            values[element.keyword] = _value(dataset, element.tag, element.kind)
    if "DiffusionBValue" in values:
        values["DiffusionBValue"] = _unflagged(values["DiffusionBValue"])
    return {keyword: value for keyword, value in values.items() if value}


def _value(dataset: Dataset, tag: int, kind: str) -> str:
    """Read the first value of an element straight from its bytes; implicit files do not say of what kind it is."""
    raw = dataset.get_item(tag) if tag in dataset else None
    if not isinstance(raw, RawDataElement) or not raw.value:
        return ""
    order = "<" if raw.is_little_endian else ">"
    layout = {"SS": "h", "FL": "f"}.get(kind)
    if layout is None:
        return raw.value.decode("latin-1").split("\\")[0].strip(" \0")
    size = struct.calcsize(layout)
    return f"{struct.unpack(order + layout, raw.value[:size])[0]:g}" if len(raw.value) >= size else ""


def _unflagged(text: str) -> str:
    return str(int(text) % _FLAG) if text.isascii() and text.isdigit() else text
