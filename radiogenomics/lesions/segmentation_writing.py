"""Masks -> DICOM SEG."""

from pathlib import Path

import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

from radiogenomics._errors import InputError
from radiogenomics._files import atomic
from radiogenomics.images import Series, sort_slices


def write_seg(mask: sitk.Image, path: Path, *, source: Series, label: str) -> Path:
    """Write a mask as a binary DICOM SEG that refers to the images it was drawn on.

    Parameters
    ----------
    mask : SimpleITK.Image
        On the grid of the source; every voxel above 0 is inside.
    path : Path
        The file to write.
    source : Series
        The slices that the mask lies on, e.g. ``phases.sources["post1"]``.
    label : str
        What the segment is, e.g. ``"Lesion"``.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the mask does not have the source's size, or is empty.
    """
    import highdicom
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
    from highdicom.sr import CodedConcept

    slices = sort_slices(source)
    inside = sitk.GetArrayFromImage(mask) > 0
    expected = (len(slices), slices[0].integer("Rows"), slices[0].integer("Columns"))
    if inside.shape != expected:
        raise InputError(
            f"The mask has {inside.shape} voxels (z, y, x) and {source.place} has {expected}; place it on the image first."
        )
    if not inside.any():
        raise InputError("The mask is empty; there is nothing to write.")
    lesion = SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=CodedConcept("52988006", "SCT", "Lesion"),
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )
    dataset = Segmentation(
        source_images=[_as_source(one.path) for one in slices],
        pixel_array=inside,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[lesion],
        series_instance_uid=_uid(source.uid, label, "series"),
        series_number=int(source.header.get("SeriesNumber") or 0) + 1000,
        sop_instance_uid=_uid(source.uid, label, "instance"),
        instance_number=1,
        manufacturer="radiogenomics",
        manufacturer_model_name="radiogenomics.lesions",
        software_versions=highdicom.__version__,
        device_serial_number="0",
        series_description=label,
        omit_empty_frames=True,
    )
    with atomic(path) as temporary:
        dataset.save_as(temporary)
    return path


def _as_source(path: Path) -> Dataset:
    """Read a source image without pixels; what old files lack and the standard requires is left empty."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    for keyword in ("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime", "PatientName"):
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    return dataset


def _uid(*words: str) -> str:
    return str(pydicom.uid.generate_uid(entropy_srcs=list(words)))
