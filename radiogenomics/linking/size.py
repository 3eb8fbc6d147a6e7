"""Lesion size in disguise: features whose ranks follow those of the lesion's volume."""

import pandas as pd

from radiogenomics.linking.correlation import correlate

LIKE_SIZE = 0.9
"""A feature whose ranks follow those of lesion volume so closely, in either direction, is lesion size by another name."""


def correlate_with_size(features: pd.DataFrame, size: "pd.Series[float]") -> pd.DataFrame:
    """Correlate every feature's ranks with those of lesion volume -> ``feature, rho, n``.

    Parameters
    ----------
    features : DataFrame, shape (n_patients, n_features)
        Imaging features that vary.
    size : Series, shape (n_patients,)
        Lesion volume, in any unit; patients are matched by name.

    Returns
    -------
    DataFrame, n_features rows
        `feature`, `rho` (Spearman) and `n`, the patients known in both.

    Raises
    ------
    ValueError
        As in `correlate`.
    """
    links = correlate(features, size.to_frame(), method="spearman", n_permutations=0)
    return links.rename(columns={"effect": "rho"})[["feature", "rho", "n"]]


def without_size(features: pd.DataFrame, size: "pd.Series[float]", *, min_correlation: float = LIKE_SIZE) -> pd.DataFrame:
    """Leave out the features that are lesion size by another name: given size, nothing but rounding is left of them.

    Parameters
    ----------
    features, size
        As in `correlate_with_size`.
    min_correlation : float
        The |rho| from which a feature counts as size.

    Returns
    -------
    DataFrame
        The other features; there may be none.

    Raises
    ------
    ValueError
        As in `correlate`.
    """
    rho = correlate_with_size(features, size).set_index("feature")["rho"].abs()
    return features.drop(columns=rho.index[rho >= min_correlation])
