"""The statistics of prediction: areas, reclassification, calibration, decisions, agreement, groups, survival.

Arrays or Series of patients in, one frozen dataclass or one tidy table out, each number equal to R's where R has it. What is
fitted to patients (`ComBat`, `FirthLogisticRegression`, `SurvivalCut`) is a scikit-learn estimator.
"""

import importlib
from typing import TYPE_CHECKING, Any

from radiogenomics.stats._separation import separating_predictors, separation
from radiogenomics.stats.agreement import BlandAltman, Kappa, bland_altman, cohen_kappa
from radiogenomics.stats.calibration import (
    Calibration,
    HosmerLemeshow,
    calibration_curve,
    calibration_groups,
    calibration_measures,
    hosmer_lemeshow,
)
from radiogenomics.stats.correlation import correlation_table
from radiogenomics.stats.decision import decision_curve, survival_decision_curve
from radiogenomics.stats.groups import GroupTest, chi_square, fisher_exact, mann_whitney, paired_t_test, t_test, table_one
from radiogenomics.stats.hazards import CoxModel, cox, proportional_hazards_test
from radiogenomics.stats.intraclass import Icc, icc, icc_by_feature
from radiogenomics.stats.masks import MaskAgreement, dice, mask_agreement
from radiogenomics.stats.multiplicity import benjamini_hochberg, bonferroni, holm, max_t
from radiogenomics.stats.reclassification import idi, nri, reclassification_table
from radiogenomics.stats.roc import Auc, DelongTest, auc, bootstrap_auc, delong_test, newcombe_interval
from radiogenomics.stats.survival import LogRank, kaplan_meier, log_rank, median_survival, survival_at
from radiogenomics.stats.thresholds import (
    AveragePrecision,
    at_threshold,
    average_precision,
    fixed_sensitivity_threshold,
    precision_recall_curve,
    roc_curve,
    youden_threshold,
)

if TYPE_CHECKING:
    from radiogenomics.stats.batch import ComBat
    from radiogenomics.stats.cutpoint import SurvivalCut
    from radiogenomics.stats.firth import FirthLogisticRegression

# The estimators come when they are asked for: scikit-learn costs more than all the rest of the room.
_ESTIMATORS = {"ComBat": "batch", "FirthLogisticRegression": "firth", "SurvivalCut": "cutpoint"}

__all__ = [
    "Auc",
    "AveragePrecision",
    "BlandAltman",
    "Calibration",
    "ComBat",
    "CoxModel",
    "DelongTest",
    "FirthLogisticRegression",
    "GroupTest",
    "HosmerLemeshow",
    "Icc",
    "Kappa",
    "LogRank",
    "MaskAgreement",
    "SurvivalCut",
    "at_threshold",
    "auc",
    "average_precision",
    "benjamini_hochberg",
    "bland_altman",
    "bonferroni",
    "bootstrap_auc",
    "calibration_curve",
    "calibration_groups",
    "calibration_measures",
    "chi_square",
    "cohen_kappa",
    "correlation_table",
    "cox",
    "decision_curve",
    "delong_test",
    "dice",
    "fisher_exact",
    "fixed_sensitivity_threshold",
    "holm",
    "hosmer_lemeshow",
    "icc",
    "icc_by_feature",
    "idi",
    "kaplan_meier",
    "log_rank",
    "mann_whitney",
    "mask_agreement",
    "max_t",
    "median_survival",
    "newcombe_interval",
    "nri",
    "paired_t_test",
    "precision_recall_curve",
    "proportional_hazards_test",
    "reclassification_table",
    "roc_curve",
    "separating_predictors",
    "separation",
    "survival_at",
    "survival_decision_curve",
    "t_test",
    "table_one",
    "youden_threshold",
]


def __getattr__(name: str) -> Any:
    if name in _ESTIMATORS:
        return getattr(importlib.import_module(f"{__name__}.{_ESTIMATORS[name]}"), name)
    raise AttributeError(f"radiogenomics.stats has no {name!r}; see radiogenomics.stats.__all__ for what it offers.")


def __dir__() -> list[str]:
    return sorted(__all__)
