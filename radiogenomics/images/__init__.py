"""DICOM -> SimpleITK.Image in mm: reading, series and phase naming, preprocessing, registration and enhancement maps."""

from radiogenomics.images.choosing import dynamic_series
from radiogenomics.images.headers import Slice
from radiogenomics.images.maps import (
    axis_of,
    background_level,
    body_mask,
    percent_enhancement,
    signal_enhancement_ratio,
    subtract,
)
from radiogenomics.images.phase_files import VOLUMES, find_phase_files, read_phase_files
from radiogenomics.images.phases import Phases, read_phases, split_phases
from radiogenomics.images.preprocessing import (
    Interpolation,
    bias_field,
    normalise_percentiles,
    normalise_reference,
    normalise_zscore,
    remove_bias,
    resample,
    resample_like,
)
from radiogenomics.images.registration import Aligned, Metric, register, register_phases
from radiogenomics.images.series import Series, find_series, series_table, unpack
from radiogenomics.images.volume import FRAME, PADDING, padding_inside, read_image, sort_slices
from radiogenomics.images.writing import write_dicom, write_volume

__all__ = [
    "FRAME",
    "PADDING",
    "VOLUMES",
    "Aligned",
    "Interpolation",
    "Metric",
    "Phases",
    "Series",
    "Slice",
    "axis_of",
    "background_level",
    "bias_field",
    "body_mask",
    "dynamic_series",
    "find_phase_files",
    "find_series",
    "normalise_percentiles",
    "normalise_reference",
    "normalise_zscore",
    "padding_inside",
    "percent_enhancement",
    "read_image",
    "read_phase_files",
    "read_phases",
    "register",
    "register_phases",
    "remove_bias",
    "resample",
    "resample_like",
    "series_table",
    "signal_enhancement_ratio",
    "sort_slices",
    "split_phases",
    "subtract",
    "unpack",
    "write_dicom",
    "write_volume",
]
