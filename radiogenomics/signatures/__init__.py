"""Signatures: scikit-learn estimators that turn a feature table into a probability."""

from radiogenomics.signatures._balance import balanced
from radiogenomics.signatures._filters import StableFeatures, Uncorrelated, repeatability
from radiogenomics.signatures._forest import Forest
from radiogenomics.signatures._fusion import Fusion
from radiogenomics.signatures._lasso import Lasso, LassoPath, cross_validate_lasso, lasso_path
from radiogenomics.signatures._nomogram import Nomogram
from radiogenomics.signatures._ranking import MRMR, ReliefF
from radiogenomics.signatures._recipes import by_path
from radiogenomics.signatures._size import ChosenSize
from radiogenomics.signatures.recipes import RECIPES, Recipe
from radiogenomics.signatures.recipes.lasso import lasso
from radiogenomics.signatures.recipes.mrmr import mrmr
from radiogenomics.signatures.recipes.published import published

__all__ = [
    "MRMR",
    "RECIPES",
    "ChosenSize",
    "Forest",
    "Fusion",
    "Lasso",
    "LassoPath",
    "Nomogram",
    "Recipe",
    "ReliefF",
    "StableFeatures",
    "Uncorrelated",
    "balanced",
    "by_path",
    "cross_validate_lasso",
    "lasso",
    "lasso_path",
    "mrmr",
    "published",
    "repeatability",
]
