"""DICOM files that hold masks -> whole datasets."""

from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics.images.encoding import load

_UNDEFINED = 0xFFFFFFFF


def read_dataset(path: Path) -> Dataset:
    """Read a DICOM file -> its dataset, after checking that no value of it is cut short.

    How it is written is taken from its bytes, whatever transfer syntax it declares, as of images.
    pydicom reads a file that ends inside a value without a word; the contours or frames behind would be lost.

    Raises
    ------
    InputError
        If a value ends before its announced length.
    """
    dataset = load(path, pixels=True)
    for tag in dataset.keys():  # noqa: SIM118  (iterating a Dataset itself would parse every value)
        raw = dataset.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.length != _UNDEFINED and len(raw.value or b"") < raw.length:
            missing = raw.length - len(raw.value or b"")
            raise InputError(f"{path.name} is cut short: {missing:,} bytes of {raw.tag} are missing; fetch or export it again.")
    return dataset
