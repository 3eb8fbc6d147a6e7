"""Group contrasts: patients high in one column against those low in it, compared in every column of another table."""

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata, tiecorrect

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics._tables import summarise
from radiogenomics.linking._blocks import Block, Floats, blocks, counts, ranks, rounded, t_of
from radiogenomics.linking._permutation import permute
from radiogenomics.linking._table import Origin, Pairs, aligned, check_varies, tidy


@one_thread()
def contrast(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    thresholds: pd.Series | None = None,
    n_permutations: int = 1000,
    imaging: str = "",
    molecular: str = "",
    adjustment: str = "",
    family: str = "all",
    estimate: str = "nested",
    confidence: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Compare patients above and not above a threshold of every left column in every right column.

    Parameters
    ----------
    left, right : DataFrame, shape (n_patients, n_features) and (n_patients, n_targets)
        Scores that make the groups, and measurements that are compared; patients are matched by name.
    thresholds : Series, optional
        A patient is high above the threshold of each left column: the training patients' medians (``training.median()``). The
        medians of `left` itself when None, which suits a training cohort alone.
    n_permutations, imaging, molecular, adjustment, family, estimate, confidence, random_state
        As in `correlate`.

    Returns
    -------
    DataFrame, n_features x n_targets rows
        The columns of `correlate`, `p_spearman` empty. `effect` is the rank-biserial correlation: how much more often a high
        patient exceeds a low one than the reverse, -1 to 1, with DeLong's interval on Fisher's scale; p is Mann-Whitney's by the
        normal approximation with ties and continuity, as R's ``wilcox.test(exact = FALSE)``.

    Raises
    ------
    ValueError
        If a threshold is missing, or leaves fewer than two patients on one side.

    References
    ----------
    Mann & Whitney (1947), doi:10.1214/aoms/1177730491. DeLong, DeLong & Clarke-Pearson (1988), doi:10.2307/2531595.
    """
    left, right = aligned(left, right)
    high = _groups(left, left.median() if thresholds is None else thresholds)
    parts = list(blocks(high.to_numpy(), right.to_numpy(), np.empty((len(left), 0)), values=ranks))
    check_varies(parts, high, right)
    shape = (left.shape[1], right.shape[1])
    pairs = _pairs(parts, high.to_numpy(), right.to_numpy(), shape, ndtri(0.5 + confidence / 2.0))
    null = None
    if n_permutations:
        null = permute(
            parts, shape, len(left), n_permutations=n_permutations, family=family, rng=np.random.default_rng(random_state)
        )
    origin = Origin(imaging, molecular, adjustment, family, estimate)
    return tidy(left.columns, right.columns, pairs, null, origin=origin)


def _groups(left: pd.DataFrame, thresholds: pd.Series) -> pd.DataFrame:
    """Mark high patients 1 and the others 0, missing ones stay missing."""
    lacking = left.columns.difference(thresholds.dropna().index)
    if len(lacking):
        raise InputError(f"`thresholds` lacks {summarise(lacking)}; give every column of `left` the training patients' median.")
    high = (left > thresholds[left.columns]).astype(float).where(left.notna())
    counts, n = high.sum(), high.notna().sum()
    uneven = high.columns[np.minimum(counts, n - counts) < 2]
    if len(uneven):
        first = str(uneven[0])
        raise InputError(
            f"`thresholds` leave fewer than two patients on one side of {len(uneven)} column(s): {thresholds[first]:g} leaves "
            f"{int(counts[first])} of {n[first]} patients of {first!r} high; choose another threshold or drop the column."
        )
    return high


def _pairs(parts: list[Block], high: Floats, right: Floats, shape: tuple[int, int], width: float) -> Pairs:
    effect, low, top, p, t = (np.full(shape, np.nan) for _ in range(5))
    for part in parts:
        place, groups = np.ix_(part.left, part.right), high[np.ix_(part.rows, part.left)] == 1
        values = right[np.ix_(part.rows, part.right)]
        for row, group in zip(part.left, groups.T, strict=True):
            if 2 <= group.sum() <= len(group) - 2:
                compared = _mann_whitney(values, group, width)
                effect[row, part.right], low[row, part.right], top[row, part.right], p[row, part.right] = compared
        t[place] = np.where(np.isnan(effect[place]), np.nan, np.abs(t_of(part.x.T @ part.y, part.freedom)))
    return Pairs(effect=effect, low=low, high=top, n=counts(high, right), p=p, t=t)


def _mann_whitney(values: Floats, high: np.ndarray, width: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Compare every column between two groups -> rank-biserial correlation, its interval, and p."""
    values = rounded(values)
    ranks = rankdata(values, axis=0)
    first, second = int(high.sum()), int((~high).sum())
    above = (ranks[high] - rankdata(values[high], axis=0)) / second  # share of low patients below each high one
    below = 1.0 - (ranks[~high] - rankdata(values[~high], axis=0)) / first
    area = above.mean(axis=0)
    effect = 2.0 * area - 1.0
    error = 2.0 * np.sqrt(above.var(axis=0, ddof=1) / first + below.var(axis=0, ddof=1) / second)
    half = width * error / np.maximum(1.0 - effect**2, 1e-12)
    with np.errstate(divide="ignore"):
        z = np.arctanh(effect)
    ties = np.array([tiecorrect(column) for column in ranks.T])
    spread = np.sqrt(ties * first * second * (first + second + 1) / 12.0)
    distance = np.maximum(np.abs(area - 0.5) * first * second - 0.5, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(spread > 0, 2.0 * ndtr(-distance / spread), np.nan)
    return effect, np.tanh(z - half), np.tanh(z + half), p
