"""Signatures: scikit-learn estimators that turn a feature table into a probability."""

from radiogenomics.signatures._forest import Forest
from radiogenomics.signatures._ranking import MRMR, ReliefF
from radiogenomics.signatures._recipes import published, volume_only
from radiogenomics.signatures._size import ChosenSize

__all__ = ["MRMR", "ChosenSize", "Forest", "ReliefF", "published", "volume_only"]
