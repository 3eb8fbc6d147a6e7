"""Signatures: scikit-learn estimators that turn a feature table into a probability."""

from radiogenomics.signatures._balance import Balanced
from radiogenomics.signatures._filters import StableFeatures, Uncorrelated, repeatability
from radiogenomics.signatures._forest import Forest
from radiogenomics.signatures._fusion import Fusion
from radiogenomics.signatures._lasso import Lasso, LassoPath, cross_validate_lasso, lasso_path
from radiogenomics.signatures._nomogram import Nomogram
from radiogenomics.signatures._ranking import MRMR, ReliefF
from radiogenomics.signatures._recipes import by_path, lasso, mrmr, published, volume_only
from radiogenomics.signatures._size import ChosenSize

__all__ = [
    "MRMR",
    "Balanced",
    "ChosenSize",
    "Forest",
    "Fusion",
    "Lasso",
    "LassoPath",
    "Nomogram",
    "ReliefF",
    "StableFeatures",
    "Uncorrelated",
    "by_path",
    "cross_validate_lasso",
    "lasso",
    "lasso_path",
    "mrmr",
    "published",
    "repeatability",
    "volume_only",
]
