"""Validation: any recipe, judged as published and honestly, in one table."""

from radiogenomics.validation._evaluate import Evaluation, Permutation, evaluate

__all__ = ["Evaluation", "Permutation", "evaluate"]
