"""Readers of mask files: one file each, and the one table of them."""

from radiogenomics._registry import Registry
from radiogenomics.lesions.readers.protocol import HEAD, MaskReader

READERS: Registry[MaskReader] = Registry(
    "mask_readers",
    "radiogenomics.lesions.readers:READERS",
    {
        "dicom_seg": "radiogenomics.lesions.readers.dicom_seg:READER",
        "rtstruct": "radiogenomics.lesions.readers.rtstruct:READER",
        "volume": "radiogenomics.lesions.readers.volume:READER",
        "les": "radiogenomics.lesions.readers.les:READER",
    },
    needs=("what", "endings", "reads", "read"),
)
"""Every mask reader by name; see `MaskReader` for what one is, and `READERS.register` to add one."""

__all__ = ["HEAD", "READERS", "MaskReader"]
