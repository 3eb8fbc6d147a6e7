"""A multivariate view of two tables: canonical partial least squares, exploratory, with a permutation p."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.cross_decomposition import PLSCanonical

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics.linking._blocks import Floats
from radiogenomics.linking._table import FEWEST, aligned


@dataclass(frozen=True)
class CanonicalLinks:
    """Directions of two tables that vary together. Exploratory: a view that suggests, not a test of any one column.

    Attributes
    ----------
    components : DataFrame, one row per component
        Columns `component, covariance, correlation, p_permutation, n, estimate`; `covariance` between the standardised tables'
        scores, `p_permutation` the share of permutations whose covariance of that component is as large; `estimate` is
        "exploratory".
    left_weights, right_weights : DataFrame, shape (n_columns, n_components)
        What each column contributes; the largest left weight of each component is positive.
    left_scores, right_scores : DataFrame, shape (n_patients, n_components)
        Where each patient lies.
    """

    components: pd.DataFrame
    left_weights: pd.DataFrame
    right_weights: pd.DataFrame
    left_scores: pd.DataFrame
    right_scores: pd.DataFrame


@one_thread()
def canonical(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    n_components: int = 2,
    n_permutations: int = 200,
    random_state: int | np.random.Generator = 0,
) -> CanonicalLinks:
    """Find the directions of two patient tables that vary together, with scikit-learn's PLSCanonical.

    Parameters
    ----------
    left, right : DataFrame, shape (n_patients, n_left) and (n_patients, n_right)
        Measurements; patients with a missing value are left out.
    n_components : int
        Pairs of directions.
    n_permutations : int
        Shuffles of the patients of `right`.
    random_state : int or numpy.random.Generator
        Seed.

    Returns
    -------
    CanonicalLinks
        Components with permutation p, weights and scores.

    Raises
    ------
    ValueError
        If too few patients are complete, or there are more components than columns allow.

    References
    ----------
    Wegelin (2000), A survey of partial least squares methods, University of Washington, report 371.
    """
    left, right = aligned(left, right)
    complete = left.notna().all(axis=1) & right.notna().all(axis=1)
    left, right = left[complete], right[complete]
    most = min(left.shape[1], right.shape[1], len(left) - 1)
    if len(left) < FEWEST or not 1 <= n_components <= most:
        raise InputError(
            f"`n_components` is {n_components} for {len(left)} complete patients, {left.shape[1]} and {right.shape[1]} columns; "
            f"it must be 1 to {max(most, 1)}, with at least {FEWEST} patients."
        )
    x, y = _standard(left), _standard(right)
    model = _fitted(x, y, n_components)
    scores = model.transform(x, y)
    covariances = _covariances(*scores)
    reached = _reached(x, y, covariances, n_permutations, np.random.default_rng(random_state))
    return _labelled(model, scores, left, right, covariances, (1.0 + reached) / (n_permutations + 1.0))


def _standard(table: pd.DataFrame) -> Floats:
    spread = table.std(ddof=1)
    return np.asarray(((table - table.mean()) / spread.where(spread > 0, 1.0)).to_numpy(dtype=float))


def _fitted(x: Floats, y: Floats, n_components: int) -> PLSCanonical:
    # The singular vectors are what the default's power iteration tends to; they need no iteration that may not end.
    return PLSCanonical(n_components=n_components, scale=False, algorithm="svd").fit(x, y)


def _covariances(x_scores: Floats, y_scores: Floats) -> Floats:
    return np.asarray((x_scores * y_scores).sum(axis=0) / (len(x_scores) - 1))


def _reached(x: Floats, y: Floats, found: Floats, n_permutations: int, rng: np.random.Generator) -> Floats:
    reached = np.zeros(len(found))
    for _ in range(n_permutations):
        shuffled = y[rng.permutation(len(y))]
        reached += _covariances(*_fitted(x, shuffled, len(found)).transform(x, shuffled)) >= found * (1.0 - 1e-9)
    return reached


def _labelled(
    model: PLSCanonical, scores: tuple[Floats, Floats], left: pd.DataFrame, right: pd.DataFrame, found: Floats, p: Floats
) -> CanonicalLinks:
    names = pd.Index([f"component {number}" for number in range(1, len(found) + 1)], name="component")
    # The sign of a pair of directions is arbitrary; the largest weight decides, so that two runs agree.
    largest = np.abs(model.x_weights_).argmax(axis=0)
    sign = np.sign(model.x_weights_[largest, np.arange(len(found))])
    correlation = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(scores[0].T, scores[1].T, strict=True)]
    table = pd.DataFrame({"covariance": found, "correlation": correlation, "p_permutation": p}, index=names).reset_index()
    return CanonicalLinks(
        components=table.assign(n=len(left), estimate="exploratory"),
        left_weights=pd.DataFrame(model.x_weights_ * sign, index=left.columns, columns=names),
        right_weights=pd.DataFrame(model.y_weights_ * sign, index=right.columns, columns=names),
        left_scores=pd.DataFrame(scores[0] * sign, index=left.index, columns=names),
        right_scores=pd.DataFrame(scores[1] * sign, index=right.index, columns=names),
    )
