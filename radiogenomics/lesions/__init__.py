"""Masks: read from every format in use, checked against their image, divided into zones, grown from a seed."""

from radiogenomics.lesions.checking import MaskProblem, check, validate_mask
from radiogenomics.lesions.curves import time_intensity
from radiogenomics.lesions.folders import find_mask, mask_stem
from radiogenomics.lesions.growing import Grown, Leak, dice, grow_from_seed, grow_in_box
from radiogenomics.lesions.les import read_les, write_les
from radiogenomics.lesions.masks import read_mask
from radiogenomics.lesions.placement import count, place, resample_mask, volume_mm3
from radiogenomics.lesions.readers import READERS, MaskReader
from radiogenomics.lesions.segmentation import list_segments, read_seg
from radiogenomics.lesions.segmentation_writing import write_seg
from radiogenomics.lesions.several import LESIONS, lesion_of_patient, list_lesions, split_lesions
from radiogenomics.lesions.structures import list_structures, read_rtstruct
from radiogenomics.lesions.zones import ZONES, largest_slices, zone, zones

__all__ = [
    "LESIONS",
    "READERS",
    "ZONES",
    "Grown",
    "Leak",
    "MaskProblem",
    "MaskReader",
    "check",
    "count",
    "dice",
    "find_mask",
    "grow_from_seed",
    "grow_in_box",
    "largest_slices",
    "lesion_of_patient",
    "list_lesions",
    "list_segments",
    "list_structures",
    "mask_stem",
    "place",
    "read_les",
    "read_mask",
    "read_rtstruct",
    "read_seg",
    "resample_mask",
    "split_lesions",
    "time_intensity",
    "validate_mask",
    "volume_mm3",
    "write_les",
    "write_seg",
    "zone",
    "zones",
]
