"""How many links chance alone finds, from permuted patients and from random features of the same distribution."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import ndtri

from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice
from radiogenomics.linking._blocks import Floats, Ints, p_below, ranks
from radiogenomics.linking._table import aligned, identifier_order, q_of
from radiogenomics.linking.correlation import adjusted, correlations
from radiogenomics.linking.methods import METHODS
from radiogenomics.stats import holm

Draw = Callable[[np.random.Generator], Floats]

NULL_COLUMNS = [
    "imaging", "molecular", "adjustment", "family", "null", "tested", "found", "mean", "low", "high", "share", "p", "n_repeats",
]  # fmt: skip
_FEWEST_DRAWS, _DRAWS_A_FAMILY = 200, 30
_PAIRS_AT_ONCE = 1 << 18  # draws lie side by side in one product of matrices, as many as take a few megabytes


@one_thread()
def random_feature_null(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    method: str = "pearson",
    covariates: pd.DataFrame | None = None,
    imaging: str = "",
    molecular: str = "",
    adjustment: str = "",
    family: str = "all",
    alpha: float = 0.05,
    n_repeats: int = 200,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Count the links found at q < alpha, beside the counts that chance finds.

    Two nulls: the left table's patients are permuted, which keeps its rows whole; or every left column is drawn anew, with its
    own values and the columns' rank correlations (a Gaussian copula), but from no patient.

    Parameters
    ----------
    left, right, method, covariates, imaging, molecular, adjustment, family
        As in `correlate`.
    alpha : float
        Links with q below it are counted.
    n_repeats : int
        Draws of each null.
    random_state : int or numpy.random.Generator
        Seed.

    Returns
    -------
    DataFrame, two rows
        Columns `imaging, molecular, adjustment, family, null, tested, found, mean, low, high, share, p, n_repeats`
        (`NULL_COLUMNS`): `null` is "permuted patients" or "random features"; `tested` the pairs with enough patients to be
        tested, `found` the links among them; `mean, low, high` the mean and central 95 % of the null's counts (the bounds are
        counts themselves); `share` that of draws with any link, `p` that of draws with at least as many, the real one counted
        among them.

    References
    ----------
    Venet, Dumont & Detours (2011), doi:10.1371/journal.pcbi.1002240, on random signatures as the null of signatures.
    """
    check_choice(method, "method", METHODS.names())
    left, right, design = adjusted(*aligned(left, right), covariates, method)

    def p_values(*draws: Floats) -> list[Floats]:
        _, r, freedom = correlations(np.hstack(draws), right.to_numpy(), design, method=METHODS[method])
        return np.split(p_below(r, freedom, alpha), len(draws))

    def count(p: Floats) -> int:
        return int((q_of(p, family) < alpha).sum())

    real = p_values(left.to_numpy(dtype=float))[0]
    origin = {"imaging": imaging, "molecular": molecular, "adjustment": adjustment, "family": family}
    tested, found = int((~np.isnan(real)).sum()), count(real)
    streams = np.random.default_rng(random_state).spawn(2)
    at_once = max(_PAIRS_AT_ONCE // max(real.size, 1), 1)
    draws: dict[str, Draw] = {"permuted patients": _permuted(left), "random features": _copula(left)}
    rows = []
    for (name, draw), rng in zip(draws.items(), streams, strict=True):
        sizes = [min(at_once, n_repeats - start) for start in range(0, n_repeats, at_once)]
        counts = np.array([count(p) for size in sizes for p in p_values(*(draw(rng) for _ in range(size)))])
        rows.append({**origin, "null": name, "tested": tested, "found": found, **_summary(counts, found)})
    return pd.DataFrame(rows, columns=NULL_COLUMNS)


def null_draws(n_families: int) -> int:
    """Give the draws of a null, so many that its smallest p stays below 0.05 when Holm multiplies it by the families.

    Parameters
    ----------
    n_families : int
        Families of links whose nulls are judged together.

    Returns
    -------
    int
        30 a family, and at least 200: for `n_repeats` of `random_feature_null`.
    """
    return max(_FEWEST_DRAWS, _DRAWS_A_FAMILY * n_families)


def holm_over_families(nulls: pd.DataFrame) -> pd.DataFrame:
    """Adjust the nulls of several families by Holm -> the same rows with a further column `p_holm`.

    Parameters
    ----------
    nulls : DataFrame
        Rows of `random_feature_null`, of as many families as are judged together; may be empty.

    Returns
    -------
    DataFrame
        With `p_holm`: the larger p of a family's two nulls, adjusted over the families.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6:65.
    """
    larger = nulls.groupby("family", sort=False)["p"].max()
    return nulls.assign(p_holm=nulls["family"].map(holm(larger)))


def permuted_patients(left: pd.DataFrame, random_state: int | np.random.Generator) -> pd.DataFrame:
    """Give every patient another's row: values and correlations between columns stay, patients do not.

    Patients are dealt to in the order of their identifiers, so that the order of the rows does not matter.
    """
    return left.iloc[_permutation(identifier_order(left.index), np.random.default_rng(random_state))].set_axis(left.index)


def random_features(left: pd.DataFrame, random_state: int | np.random.Generator) -> pd.DataFrame:
    """Draw a table of the same distribution: each column's own values, the columns' rank correlations, and no patient.

    Every row is a random mixture of the normal scores of all rows, which keeps their correlation; each column's values are then
    dealt out in the order of the mixture. Missing values stay where they are, and the order of the rows does not matter.
    """
    ordered = left.iloc[identifier_order(left.index)]
    drawn = pd.DataFrame(_copula(ordered)(np.random.default_rng(random_state)), index=ordered.index, columns=ordered.columns)
    return drawn.loc[left.index]


def _permutation(places: Ints, rng: np.random.Generator) -> Ints:
    """Deal the patients out in the order of their places -> the row that each row is given."""
    source = np.empty_like(places)
    source[places] = places[rng.permutation(len(places))]
    return source


def _permuted(left: pd.DataFrame) -> Draw:
    """Prepare `permuted_patients` of a table for many draws."""
    values, places = left.to_numpy(dtype=float), identifier_order(left.index)
    return lambda rng: values[_permutation(places, rng)]


def _copula(left: pd.DataFrame) -> Draw:
    """Prepare `random_features` of a table for many draws."""
    values = left.to_numpy(dtype=float)
    present, ordered = ~np.isnan(values), np.sort(values, axis=0)
    scores = np.where(present, ndtri(ranks(values) / (present.sum(axis=0) + 1.0)), 0.0)

    def draw(rng: np.random.Generator) -> Floats:
        mixed = rng.standard_normal((len(left), len(left))) @ scores
        order = np.argsort(np.where(present, mixed, np.inf), axis=0)
        dealt = np.empty_like(values)
        np.put_along_axis(dealt, order, ordered, axis=0)  # NaN sorts last, and so do the places of the missing
        return dealt

    return draw


def _summary(counts: Ints, found: int) -> dict[str, float]:
    low, high = np.quantile(counts, [0.025, 0.975], method="inverted_cdf")  # bounds of counts are counts
    return {
        "mean": float(counts.mean()),
        "low": float(low),
        "high": float(high),
        "share": float((counts > 0).mean()),
        "p": float((1 + (counts >= found).sum()) / (len(counts) + 1)),
        "n_repeats": len(counts),
    }
