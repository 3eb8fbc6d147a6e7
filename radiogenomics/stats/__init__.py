"""The statistics of prediction: areas, reclassification, calibration, decisions, agreement, groups, survival.

Arrays or Series of patients in, one frozen dataclass or one tidy table out, each number equal to R's where R has it.
"""

from radiogenomics.stats.multiplicity import benjamini_hochberg, bonferroni, holm, max_t
from radiogenomics.stats.roc import (
    Auc,
    DelongTest,
    auc,
    bootstrap_auc,
    delong_test,
)
from radiogenomics.stats.thresholds import (
    AveragePrecision,
    at_threshold,
    average_precision,
    fixed_sensitivity_threshold,
    precision_recall_curve,
    roc_curve,
    youden_threshold,
)

__all__ = [
    "Auc",
    "AveragePrecision",
    "DelongTest",
    "at_threshold",
    "auc",
    "average_precision",
    "benjamini_hochberg",
    "bonferroni",
    "bootstrap_auc",
    "delong_test",
    "fixed_sensitivity_threshold",
    "holm",
    "max_t",
    "precision_recall_curve",
    "roc_curve",
    "youden_threshold",
]
