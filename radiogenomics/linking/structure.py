"""Which features a score is made of: its structure coefficients, and how surely each is among the strongest."""

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics.linking._blocks import Floats
from radiogenomics.linking._table import identifier_order
from radiogenomics.linking.correlation import correlate


@one_thread()
def structure(
    features: pd.DataFrame, score: "pd.Series[float]", *, most: int = 10, n_bootstraps: int = 200, random_state: int
) -> pd.DataFrame:
    """Correlate a score with the features it was made from, and judge by bootstrap which of them carry it.

    A recipe of principal components or trees has no coefficient a feature; how its score goes with each feature is defined for
    every recipe. Features that go with one another share the score, so they stand high together.

    Parameters
    ----------
    features : DataFrame, shape (n_patients, n_features)
        Features that vary, NaN where missing.
    score : Series, shape (n_patients,)
        The score, best out of fold; patients are matched by name.
    most : int
        How many features count as the strongest.
    n_bootstraps : int
        Resamples of the patients.
    random_state : int
        Seed of the resamples.

    Returns
    -------
    DataFrame, n_features rows, the strongest first
        `feature, effect, effect_low, effect_high, n, p, q` (Pearson, q over all features) and `among_strongest`, the share of the
        resamples in which the feature is one of the `most` with the largest absolute r.

    Raises
    ------
    InputError
        If `most` or `n_bootstraps` is below 1, or as in `correlate`.

    References
    ----------
    Structure coefficients: Thompson & Borrello (1985), doi:10.1177/001316448504500202.
    """
    for name, value in (("most", most), ("n_bootstraps", n_bootstraps)):
        if value < 1:
            raise InputError(f"`{name}` is {value}; give 1 or more.")
    links = correlate(features, score.to_frame("score"), n_permutations=0)
    values = features.loc[features.index.intersection(score.dropna().index)]
    values = values.iloc[identifier_order(values.index)]  # the order of the rows shall decide of no draw
    x, y = values.to_numpy(dtype=np.float64), score.loc[values.index].to_numpy(dtype=np.float64)
    share = _among_strongest(x, np.asarray(y, dtype=np.float64), most, n_bootstraps, random_state)
    links["among_strongest"] = pd.Series(share, index=values.columns).reindex(links["feature"]).to_numpy()
    strongest = links.sort_values("effect", key=np.abs, ascending=False, kind="stable")
    columns = ["feature", "effect", "effect_low", "effect_high", "n", "p", "q", "among_strongest"]
    return strongest[columns].reset_index(drop=True)


def _among_strongest(x: Floats, y: Floats, most: int, n_bootstraps: int, seed: int) -> Floats:
    """Count how often each column is among the strongest -> shares, shape (n_features,)."""
    rng, n = np.random.default_rng(seed), len(y)
    times = np.zeros(x.shape[1])
    known, y = ~np.isnan(x), y - y.mean()
    x = np.where(known, x - np.nanmean(x, axis=0), 0.0)
    for _ in range(n_bootstraps):
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        times[np.argsort(-_weighted_r(x, y, known, weight), kind="stable")[:most]] += 1
    return times / n_bootstraps


def _weighted_r(x: Floats, y: Floats, known: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]", weight: Floats) -> Floats:
    """Correlate every column with y, each patient counted so often -> absolute r; 0 where a resample holds one value only."""
    total, wy = weight @ known, weight * y
    sx, sy, sxx = weight @ x, wy @ known, weight @ (x * x)
    covariance = total * (wy @ x) - sx * sy
    spread = (total * sxx - sx * sx) * (total * ((wy * y) @ known) - sy * sy)
    return np.abs(np.divide(covariance, np.sqrt(np.maximum(spread, 0)), out=np.zeros_like(covariance), where=spread > 1e-300))
