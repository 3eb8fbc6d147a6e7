"""Validation: any recipe, judged as published and honestly, in one table."""

from radiogenomics.validation._compare import area_of, compare, compare_areas
from radiogenomics.validation._evaluate import Evaluation, Permutation, evaluate
from radiogenomics.validation._interval import cross_validated_auc
from radiogenomics.validation._tasks import folds, seeded

__all__ = [
    "Evaluation",
    "Permutation",
    "area_of",
    "compare",
    "compare_areas",
    "cross_validated_auc",
    "evaluate",
    "folds",
    "seeded",
]
