"""Separation: genes that divide the outcome so well that logistic regression has no finite answer."""

from radiogenomics.stats import Separation, separation

__all__ = ["Separation", "SeparationWarning", "separation"]


class SeparationWarning(UserWarning):
    """The outcome is separated by the predictors: odds ratios are not finite."""
