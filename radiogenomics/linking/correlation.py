"""Correlations of every column of one patient table with every column of another, with a permutation null."""

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice, check_numeric, check_patients, common_patients
from radiogenomics.linking._blocks import Block, Floats, blocks, counts, interval, p_of, t_of
from radiogenomics.linking._permutation import permute
from radiogenomics.linking._table import FEWEST, Origin, Pairs, aligned, check_varies, tidy, varying
from radiogenomics.linking.methods import METHODS, LinkMethod


@one_thread()
def correlate(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    method: str = "pearson",
    covariates: pd.DataFrame | None = None,
    n_permutations: int = 1000,
    ranks: bool = False,
    imaging: str = "",
    molecular: str = "",
    adjustment: str = "",
    family: str = "all",
    estimate: str = "nested",
    confidence: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Link every column of one patient table with every column of another.

    Parameters
    ----------
    left, right : DataFrame, shape (n_patients, n_features) and (n_patients, n_targets)
        Measurements; patients are matched by name. A pair uses the patients that miss in neither column.
    method : str
        A name of `METHODS`: ``pearson`` is the correlation of values, ``spearman`` of ranks, ``partial`` of what the covariates
        leave of the values.
    covariates : DataFrame, optional
        What "partial" adjusts for: volume, age, subtype, site. Words become indicators; patients that miss one are left out.
    n_permutations : int
        Shuffles of the patients; 0 leaves the permutation columns empty.
    ranks : bool
        Whether `p_spearman` holds Spearman's p, of the same pairs' ranks, beside p; it is NaN otherwise.
    imaging, molecular, adjustment : str
        Names of the left table, of the right table and of what was adjusted for; they stand in the columns of that name.
    family : str
        What q and the max-T p are corrected over: "feature" makes a family of each left column, "target" of each right column;
        any other word is the name of one family, the whole table.
    estimate : str
        What the left table is: "nested" for out-of-fold scores, "published" for scores fitted to the same patients.
    confidence : float
        Level of the interval.
    random_state : int or numpy.random.Generator
        Seed of the permutations.

    Returns
    -------
    DataFrame, n_features x n_targets rows
        Columns `feature, target, imaging, molecular, adjustment, family, effect, effect_low, effect_high, n, p, p_spearman, q,
        p_permutation, p_max_t, estimate` (`LINK_COLUMNS`): the correlation with Fisher's interval, Student's p,
        Benjamini-Hochberg's q over the family, the share of permutations that reach the pair's own correlation, and the share
        whose largest |t| in the family reaches it. Pairs with too few common patients hold NaN and count in no family.

    Raises
    ------
    ValueError
        If tables share fewer than five patients, a column does not vary, or covariates or `ranks` do not fit the method.

    References
    ----------
    Benjamini & Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x. Westfall & Young (1993), Resampling-based multiple
    testing. Bonett & Wright (2000), doi:10.1007/BF02294183. Freedman & Lane (1983), doi:10.1080/07350015.1983.10509354.
    """
    check_choice(method, "method", METHODS.names())
    if ranks and method == "partial":
        raise InputError("`ranks` is True with method 'partial'; Spearman's p has no covariates: leave `ranks` out.")
    left, right = aligned(left, right)
    left, right, design = adjusted(left, right, covariates, method)
    parts, pairs = pair(left, right, design, method=METHODS[method], confidence=confidence)
    check_varies(parts, left, right)
    shape = pairs.effect.shape
    null = None
    if n_permutations:
        null = permute(
            parts, shape, len(left), n_permutations=n_permutations, family=family, rng=np.random.default_rng(random_state)
        )
    origin = Origin(imaging, molecular, adjustment, family, estimate)
    p_ranks = _p_of_ranks(left, right) if ranks else None
    return tidy(left.columns, right.columns, pairs, null, origin=origin, p_ranks=p_ranks)


def _p_of_ranks(left: pd.DataFrame, right: pd.DataFrame) -> Floats:
    """Give Spearman's p of every pair of two aligned tables."""
    _, r, freedom = correlations(left.to_numpy(), right.to_numpy(), np.empty((len(left), 0)), method=METHODS["spearman"])
    return p_of(r, freedom)


def linkable(
    left: pd.DataFrame, right: pd.DataFrame, *, method: str = "pearson", covariates: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop the columns that `correlate` would refuse -> both tables, all patients kept.

    Parameters
    ----------
    left, right, method, covariates
        As in `correlate`.

    Returns
    -------
    tuple of two DataFrames
        Without columns that do not vary among the common patients, miss too many of them, or follow from the covariates; a table
        may lose all of its columns.

    Raises
    ------
    ValueError
        As in `correlate`.
    """
    check_choice(method, "method", METHODS.names())
    left_in, right_in, design = adjusted(*aligned(left, right), covariates, method)
    parts, _, _ = correlations(left_in.to_numpy(), right_in.to_numpy(), design, method=METHODS[method])
    kept = varying(parts, (left.shape[1], right.shape[1]))
    return left.loc[:, kept[0]], right.loc[:, kept[1]]


def adjusted(
    left: pd.DataFrame, right: pd.DataFrame, covariates: pd.DataFrame | None, method: str
) -> tuple[pd.DataFrame, pd.DataFrame, Floats]:
    """Bring covariates beside two aligned tables -> both tables and the covariates' numbers for the patients that have them."""
    if METHODS[method].needs_covariates != (covariates is not None):
        remedy = "give `covariates`, or use 'pearson'" if covariates is None else "use method='partial'"
        raise InputError(f"method is {method!r} {'without' if covariates is None else 'with'} `covariates`; {remedy}.")
    if covariates is None:
        return left, right, np.empty((len(left), 0))
    design = indicators(covariates)
    both = common_patients(left, design, ("left", "covariates"))
    if len(both) < FEWEST + design.shape[1]:
        raise InputError(
            f"Only {len(both)} patients have every covariate ({', '.join(map(str, covariates.columns))}); "
            f"adjusting for {design.shape[1]} columns needs at least {FEWEST + design.shape[1]}."
        )
    return left.loc[both], right.loc[both], design.loc[both].to_numpy()


def indicators(covariates: pd.DataFrame) -> pd.DataFrame:
    """Turn covariates into numbers: words into indicators of all but the first, patients with a missing one left out."""
    complete = check_patients(covariates, "covariates").dropna()
    words = [name for name, kind in complete.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    numbers = pd.get_dummies(complete, columns=words, drop_first=True, dtype=float).astype(float)
    return check_numeric(numbers, "covariates")


def pair(
    left: pd.DataFrame, right: pd.DataFrame, design: Floats, *, method: LinkMethod, confidence: float = 0.95
) -> tuple[list[Block], Pairs]:
    """Correlate every left with every right column -> the blocks without missing values, and what was measured of every pair."""
    parts, r, freedom = correlations(left.to_numpy(), right.to_numpy(), design, method=method)
    low, high = interval(r, freedom, variance=method.variance(r), confidence=confidence)
    n = counts(left.to_numpy(), right.to_numpy())
    return parts, Pairs(effect=r, low=low, high=high, n=n, p=p_of(r, freedom), t=np.abs(t_of(r, freedom)))


def correlations(left: Floats, right: Floats, design: Floats, *, method: LinkMethod) -> tuple[list[Block], Floats, Floats]:
    """Correlate every left with every right column -> the blocks without missing values, correlations, degrees of freedom."""
    parts = list(blocks(left, right, design, values=method.values))
    shape = (left.shape[1], right.shape[1])
    r, freedom = np.full(shape, np.nan), np.full(shape, np.nan)
    for part in parts:
        place = np.ix_(part.left, part.right)
        varies = np.outer(part.x.any(axis=0), part.y.any(axis=0))
        r[place] = np.where(varies, np.clip(part.x.T @ part.y, -1.0, 1.0), np.nan)
        freedom[place] = part.freedom
    return parts, r, freedom
