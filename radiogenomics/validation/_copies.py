"""The same patient under two names: rows that are nearer to each other than two people ever are."""

from collections.abc import Iterator, Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import ndtri

from radiogenomics._errors import InputError
from radiogenomics._tables import check_patients

Floats = NDArray[np.float64]

COPY_COLUMNS = ["first_table", "first", "second_table", "second", "kind", "distance", "n_columns"]
_FARTHEST = 0.125  # of 12 public radiomics tables and 5 others no two patients but two copies come nearer than 0.17
_FEWEST_COLUMNS, _FEWEST_VALUES = 3, 8
_BY_CHANCE = 0.01  # pairs of different people expected below the limit
_SPAN = 4  # the growth is measured between the n-th and the 4 n-th nearest pair
_ROUNDING = 1e-6  # what is left of the distance of equal rows, the root of a difference of large sums


def find_copies(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Find patients who stand in the tables twice under different names -> pairs of identical and near-identical rows.

    Every column becomes normal scores of its ranks, in which the distance of two rows is the root of half the mean squared
    difference over the columns known of both: about 1 for patients who have nothing in common, 0 for copies. A pair counts as
    copies when it lies below 0.125 and below the distance at which, by how the number of pairs grows with distance in the
    table itself, 0.01 pairs of different people would be expected; with few columns that is far less. Between tables also
    ranks within each are compared, so that a copy in other units is found.

    Parameters
    ----------
    tables : mapping of str to DataFrame, shape (n_patients, n_features)
        Feature tables by name, each with one row per patient. Numeric columns alone are compared, and only those with at least
        eight distinct values and more than one for four patients: codes are alike in many people. Tables are compared on the
        columns they share. Patients of one name in two tables are taken for the same one, and not listed.

    Returns
    -------
    DataFrame
        A pair a row, nearest first: ``first_table, first, second_table, second``, ``kind`` ("identical" to nine digits, or
        "near-identical"), ``distance`` and ``n_columns`` (known of both). Empty where there is none, or where fewer than three
        columns can be compared.

    Raises
    ------
    ValueError
        If a table has a patient or a column twice.

    References
    ----------
    Grassberger & Procaccia (1983), doi:10.1016/0167-2789(83)90298-1, on the number of pairs within a distance.
    """
    for name, table in tables.items():
        check_patients(table, name)
    parts = [_pairs(tables, *names) for names in combinations_with_replacement(tables, 2)]
    copies = pd.DataFrame([row for rows in parts for row in rows], columns=COPY_COLUMNS)
    copies = copies.astype({"distance": float, "n_columns": int})
    return copies.sort_values(["distance", "first", "second"], kind="stable", ignore_index=True)


def copy_groups(copies: pd.DataFrame, patients: pd.Index) -> "pd.Series[str]":
    """Give copies of one patient one group, so that they stay in one fold -> the group of every patient.

    Parameters
    ----------
    copies : DataFrame
        From `find_copies`; pairs of which one is not among `patients` say nothing.
    patients : Index
        The patients to group.

    Returns
    -------
    Series, shape (n_patients,)
        For each patient the first identifier of its group, its own when it has no copy: for `groups` of `evaluate`.

    Raises
    ------
    ValueError
        If a patient stands in `patients` twice.
    """
    if patients.has_duplicates:
        raise InputError(f"`patients` holds {patients[patients.duplicated()][0]!r} twice; give each patient once.")
    inside = copies[copies["first"].isin(patients) & copies["second"].isin(patients)]
    ends = patients.get_indexer(pd.Index(inside["first"])), patients.get_indexer(pd.Index(inside["second"]))
    _, label = connected_components(coo_array((np.ones(len(inside)), ends), shape=(len(patients),) * 2), directed=False)
    names = pd.Series(patients, index=patients, dtype=object)
    return names.groupby(label).transform(lambda part: min(part, key=str))


def _pairs(tables: Mapping[str, pd.DataFrame], first: str, second: str) -> list[dict[str, Any]]:
    """List the copies within one table, or between two."""
    both = [tables[name] for name in dict.fromkeys((first, second))]
    shared = [name for name in both[0].columns if all(name in table and _numeric(table[name]) for table in both)]
    whole = pd.concat([table[shared] for table in both]).astype(float)
    distinct = whole.nunique()
    whole = whole.loc[:, (distinct >= _FEWEST_VALUES) & (distinct > whole.notna().sum() / 4)]
    if whole.shape[1] < _FEWEST_COLUMNS:
        return []
    far = np.minimum.reduce([_near(_distances(scores)) for scores in _scored(whole, len(both[0]))])
    one, two = np.nonzero(np.triu(np.isfinite(far), k=1))
    if len(both) == 2:
        between = (one < len(both[0])) & (two >= len(both[0])) & (whole.index[one] != whole.index[two])
        one, two = one[between], two[between]
    return [_row(whole, int(i), int(j), float(far[i, j]), (first, second)) for i, j in zip(one, two, strict=True)]


def _numeric(values: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _scored(whole: pd.DataFrame, n_first: int) -> Iterator[Floats]:
    """Standardise every column in the ways that copies survive: to standard deviations, to ranks, and to ranks in each table."""
    yield ((whole - whole.mean()) / whole.std().replace(0.0, 1.0)).to_numpy()
    yield _normal_scores(whole)
    if n_first < len(whole):
        yield np.vstack([_normal_scores(whole.iloc[:n_first]), _normal_scores(whole.iloc[n_first:])])


def _normal_scores(table: pd.DataFrame) -> Floats:
    """Turn every column into normal scores of its ranks, NaN where missing."""
    ranks = table.rank()
    return np.asarray(ndtri((ranks - 0.5) / ranks.notna().sum()), dtype=float)


def _distances(scores: Floats) -> Floats:
    """Measure every two rows over what is known of both; infinite where that is less than half the columns."""
    known = ~np.isnan(scores)
    values, mask = np.where(known, scores, 0.0), known.astype(float)
    common = mask @ mask.T
    squares = values**2 @ mask.T
    apart = np.maximum(squares + squares.T - 2.0 * values @ values.T, 0.0)
    enough = common >= max(_FEWEST_COLUMNS, scores.shape[1] / 2)
    return np.where(enough, np.sqrt(apart / (2.0 * np.maximum(common, 1.0))), np.inf)


def _near(far: Floats) -> Floats:
    """Keep the distances at which different people would hardly come, judged by how the number of pairs grows with distance.

    So many pairs as there are rows may be copies; the growth is measured on the pairs after them.
    """
    pairs = np.sort(far[np.triu_indices(len(far), k=1)])
    pairs = pairs[np.isfinite(pairs)]
    first, last = len(far), _SPAN * len(far)
    limit = _ROUNDING
    if last < len(pairs) and 0 < pairs[first] < pairs[last]:
        growth = np.log(_SPAN) / np.log(pairs[last] / pairs[first])
        limit = min(_FARTHEST, float(pairs[first] * (_BY_CHANCE / first) ** (1.0 / growth)))
    return np.where(far <= max(limit, _ROUNDING), far, np.inf)


def _row(whole: pd.DataFrame, one: int, two: int, distance: float, names: tuple[str, str]) -> dict[str, Any]:
    left, right = whole.iloc[one], whole.iloc[two]
    known = left.notna() & right.notna()
    same = bool(np.allclose(left[known], right[known], rtol=1e-9, atol=0.0))
    return {
        "first_table": names[0],
        "first": whole.index[one],
        "second_table": names[1],
        "second": whole.index[two],
        "kind": "identical" if same else "near-identical",
        "distance": 0.0 if same else distance,
        "n_columns": int(known.sum()),
    }
