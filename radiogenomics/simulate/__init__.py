"""The embedded demo: two simulated cohorts, one with transcriptome and one imaging-only, with planted, known truth.

Every patient has hidden lesion properties. Images, imaging features, co-expression modules and the outcome all follow them, so
what a study should find is known.
"""

from radiogenomics.simulate.tables import (
    DAMAGES,
    LINKED,
    MODULE_SIZES,
    OUTCOME_SLOPE,
    PROPERTIES,
    Simulated,
    oracle_auc,
    simulate,
    volume_mm3,
)
from radiogenomics.simulate.writing import SCANNERS, ImageFolders, Scanner, write_images

__all__ = [
    "DAMAGES",
    "LINKED",
    "MODULE_SIZES",
    "OUTCOME_SLOPE",
    "PROPERTIES",
    "SCANNERS",
    "ImageFolders",
    "Scanner",
    "Simulated",
    "oracle_auc",
    "simulate",
    "volume_mm3",
    "write_images",
]
