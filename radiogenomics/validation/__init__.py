"""Validation: any recipe, judged as published and honestly, in one table."""

from radiogenomics.validation._cohorts import Cohort as CheckedCohort
from radiogenomics.validation._cohorts import check_cohort, check_folds
from radiogenomics.validation._compare import area_of, compare, compare_areas
from radiogenomics.validation._copies import COPY_COLUMNS, copy_groups, find_copies
from radiogenomics.validation._evaluate import Evaluation, Permutation, evaluate
from radiogenomics.validation._interval import cross_validated_auc
from radiogenomics.validation._leaks import LEAK_COLUMNS, find_leaks
from radiogenomics.validation._tasks import folds, seeded

__all__ = [
    "COPY_COLUMNS",
    "LEAK_COLUMNS",
    "CheckedCohort",
    "Evaluation",
    "Permutation",
    "area_of",
    "check_cohort",
    "check_folds",
    "compare",
    "compare_areas",
    "copy_groups",
    "cross_validated_auc",
    "evaluate",
    "find_copies",
    "find_leaks",
    "folds",
    "seeded",
]
