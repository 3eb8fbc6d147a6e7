"""What the recipes share: how they begin, and how their last step is balanced."""

from typing import Any, Literal

import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from radiogenomics._tables import check_choice
from radiogenomics.signatures._balance import balanced
from radiogenomics.signatures._filters import StableFeatures

Imbalance = Literal["weights", "oversample", "undersample", "smote"]

SIZES = (2, 5, 10, 15, 20)


def plain(classifier: Any) -> list[tuple[str, Any]]:
    """Fill missing values, standardise, classify."""
    return [("impute", imputer()), ("scale", StandardScaler()), ("classify", classifier)]


def stable(second_reader: pd.DataFrame | None, icc: float) -> list[tuple[str, Any]]:
    """Begin a recipe: only what a second reader repeats, then missing values filled."""
    steps: list[tuple[str, Any]] = [("impute", imputer())]
    return steps if second_reader is None else [("stable", StableFeatures(second_reader, icc=icc)), *steps]


def imputer() -> SimpleImputer:
    """Fill missing values with the column's median."""
    return SimpleImputer(strategy="median", keep_empty_features=True)


def last_step(classifier: Any, imbalance: Imbalance | None, random_state: int | None) -> Any:
    """Take the classifier as it is, or fit it on balanced patients; its own class weights are its builder's business."""
    if imbalance is None:
        return classifier
    check_choice(imbalance, "imbalance", ("weights", "oversample", "undersample", "smote"))
    return classifier if imbalance == "weights" else balanced(classifier, how=imbalance, random_state=random_state)
