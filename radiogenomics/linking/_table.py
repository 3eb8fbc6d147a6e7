"""From arrays of pairs and a null to the tidy link table."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogenomics._errors import InputError
from radiogenomics._tables import check_numeric, check_patients, common_patients, summarise
from radiogenomics.linking._blocks import Block, Floats, Ints
from radiogenomics.linking._permutation import Null
from radiogenomics.stats import benjamini_hochberg, max_t

LINK_COLUMNS = [
    "feature", "target", "imaging", "molecular", "adjustment", "family", "effect", "effect_low", "effect_high", "n",
    "p", "p_spearman", "q", "p_permutation", "p_max_t", "estimate",
]  # fmt: skip
FEWEST = 5


@dataclass(frozen=True)
class Pairs:
    """What was measured of every pair, each array of shape (n_features, n_targets), NaN where a pair has too few patients."""

    effect: Floats
    low: Floats
    high: Floats
    n: Ints
    p: Floats
    t: Floats


@dataclass(frozen=True)
class Origin:
    """What the links of one call are, as their columns say it: the tables' names, what was adjusted for, family, estimate."""

    imaging: str
    molecular: str
    adjustment: str
    family: str
    estimate: str


def aligned(left: pd.DataFrame, right: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check two patient tables and bring them to their common patients, in the order of their identifiers.

    The order in which patients happen to stand must not decide whom a shuffle deals to whom.
    """
    for table, name in ((left, "left"), (right, "right")):
        check_numeric(check_patients(table, name), name, missing=True)
        if table.shape[1] == 0:
            raise InputError(f"`{name}` has no column; give at least one measurement.")
    both = common_patients(left, right, ("left", "right"))
    if len(both) < FEWEST:
        raise InputError(f"`left` and `right` share {len(both)} patient(s) ({summarise(both)}); a link needs at least {FEWEST}.")
    both = both[identifier_order(both)]
    return left.loc[both].astype(float), right.loc[both].astype(float)


def identifier_order(patients: pd.Index) -> NDArray[np.intp]:
    """Give the places of identifiers in their alphabetical order, whatever they are: words, numbers, or both."""
    words = [(str(patient), type(patient).__name__) for patient in patients]
    return np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.intp)


def varying(parts: Sequence[Block], shape: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which left and which right columns vary in some block, so that something can be linked to them."""
    left, right = np.zeros(shape[0], dtype=bool), np.zeros(shape[1], dtype=bool)
    for part in parts:
        left[part.left] |= part.x.any(axis=0)
        right[part.right] |= part.y.any(axis=0)
    return left, right


def check_varies(parts: Sequence[Block], left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Raise ValueError when a column varies in no block, so that nothing can be linked to it."""
    varying_columns = varying(parts, (left.shape[1], right.shape[1]))
    for side, table, varies in zip(("left", "right"), (left, right), varying_columns, strict=True):
        if not varies.all():
            raise InputError(
                f"`{side}` has {int((~varies).sum())} column(s) that do not vary among the common patients, "
                f"miss too many of them or follow from the covariates: {summarise(table.columns[~varies])}; drop them."
            )


def tidy(
    features: pd.Index, targets: pd.Index, pairs: Pairs, null: Null | None, *, origin: Origin, p_ranks: Floats | None = None
) -> pd.DataFrame:
    """Lay the pairs out one a row, features outermost, with q, the permutation p and the max-T p of each family."""
    shape = pairs.effect.shape
    rows = pd.DataFrame({"feature": np.repeat(features, shape[1]), "target": np.tile(targets, shape[0])})
    rows = rows.assign(**asdict(origin))
    if origin.family in ("feature", "target"):
        rows["family"] = rows[origin.family]
    q, own, largest = corrected(pairs, null, origin.family)
    values = {"effect": pairs.effect, "effect_low": pairs.low, "effect_high": pairs.high, "n": pairs.n, "p": pairs.p}
    values |= {"p_spearman": np.full(shape, np.nan) if p_ranks is None else p_ranks}
    for name, value in {**values, "q": q, "p_permutation": own, "p_max_t": largest}.items():
        rows[name] = value.ravel()
    return rows[LINK_COLUMNS]


def corrected(pairs: Pairs, null: Null | None, family: str) -> tuple[Floats, Floats, Floats]:
    """Correct every pair for its family -> q, permutation p of the pair alone, and max-T p."""
    own, largest = (np.full(pairs.p.shape, np.nan) for _ in range(2))
    if null is not None:
        own = np.where(np.isnan(pairs.t), np.nan, (1.0 + null.reached) / (len(null.tops) + 1.0))
        for number, place in enumerate(_families(pairs.p.shape, family)):
            largest[place] = max_t(pairs.t[place].ravel(), null.tops[:, number]).reshape(pairs.t[place].shape)
    return q_of(pairs.p, family), own, largest


def q_of(p: Floats, family: str) -> Floats:
    """Give Benjamini-Hochberg's q of every pair within its family."""
    q = np.full(p.shape, np.nan)
    for place in _families(p.shape, family):
        q[place] = benjamini_hochberg(p[place].ravel()).reshape(p[place].shape)
    return q


def _families(shape: tuple[int, ...], family: str) -> Iterator[Any]:
    """Give each family's place in the table of pairs."""
    if family == "feature":
        yield from (np.s_[one, :] for one in range(shape[0]))
    elif family == "target":
        yield from (np.s_[:, one] for one in range(shape[1]))
    else:
        yield np.s_[:, :]
