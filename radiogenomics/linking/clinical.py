"""Clinical columns as something to link: numbers as they stand, words as groups against all others."""

import numpy as np
import pandas as pd

from radiogenomics.linking.groups import varying_columns

FEWEST_KNOWN = 10
"""A clinical number known of fewer patients than this is not linked."""
FEWEST_INSIDE = 5
"""A group is compared with the others when it holds, and leaves, so many patients."""


def clinical_numbers(patients: pd.DataFrame, *, min_known: int = FEWEST_KNOWN) -> pd.DataFrame:
    """Pick the clinical columns that measure: numeric, more than two values, known of enough patients.

    Parameters
    ----------
    patients : DataFrame, shape (n_patients, n_columns)
        Clinical columns.
    min_known : int
        Patients of whom a column must be known.

    Returns
    -------
    DataFrame of float
        The columns that measure; there may be none.
    """
    table = varying_columns(patients.select_dtypes(["number"]).astype(float))
    return table[table.columns[(table.nunique() > 2) & (table.notna().sum() >= min_known)]]


def clinical_groups(patients: pd.DataFrame, *, min_inside: int = FEWEST_INSIDE) -> pd.DataFrame:
    """Turn columns of words, and of two numbers, into groups against all others: 1 inside, 0 outside, missing where unknown.

    Of two groups the second (by a category's own order, else by the alphabet) is compared with the first; of more, each with
    all others. Groups are for `contrast` with thresholds of 0.5.

    Parameters
    ----------
    patients : DataFrame, shape (n_patients, n_columns)
        Clinical columns.
    min_inside : int
        Patients that a group must hold, and leave outside.

    Returns
    -------
    DataFrame of float
        A column ``"<column>: <group>"`` for every group that is large enough; there may be none.
    """
    made = {}
    for name, values in patients.items():
        if pd.api.types.is_numeric_dtype(values) and values.nunique() > 2:
            continue
        levels = list(values.cat.categories) if values.dtype == "category" else sorted(values.dropna().unique())
        for level in levels[1:] if len(levels) == 2 else levels:
            text = f"{level:g}" if isinstance(level, (int, float)) else str(level)
            made[f"{name}: {text}"] = values.eq(level).astype(float).where(values.notna())
    table = pd.DataFrame(made, index=patients.index)
    inside, known = table.sum(), table.notna().sum()
    return table[table.columns[np.minimum(inside, known - inside) >= min_inside]]


def columns_to_split(scores: pd.DataFrame, *, min_inside: int = FEWEST_INSIDE) -> pd.DataFrame:
    """Keep the scores whose median makes two groups that are large enough to be compared by `contrast`.

    Parameters
    ----------
    scores : DataFrame, shape (n_patients, n_scores)
        Scores to be split at their medians.
    min_inside : int
        Patients that each side must hold.

    Returns
    -------
    DataFrame
        The scores that can be split; there may be none.
    """
    smaller = np.minimum((scores > scores.median()).sum(), (scores <= scores.median()).sum())
    return scores[scores.columns[smaller >= min_inside]]
