"""From arrays of pairs and a null to the tidy link table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from radiogenomics._tables import check_numeric, check_patients, common_patients, shown
from radiogenomics.linking._blocks import Block, Floats, Ints
from radiogenomics.linking._permutation import Null, chance

LINK_COLUMNS = [
    "feature", "target", "family", "effect", "effect_low", "effect_high", "n", "p", "q", "p_permutation", "p_max_t", "estimate",
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


def aligned(left: pd.DataFrame, right: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check two patient tables and bring them to their common patients, in the left table's order."""
    for table, name in ((left, "left"), (right, "right")):
        check_numeric(check_patients(table, name), name, missing=True)
        if table.shape[1] == 0:
            raise ValueError(f"`{name}` has no column; give at least one measurement.")
    both = common_patients(left, right, ("left", "right"))
    if len(both) < FEWEST:
        raise ValueError(f"`left` and `right` share {len(both)} patient(s) ({shown(both)}); a link needs at least {FEWEST}.")
    return left.loc[both].astype(float), right.loc[both].astype(float)


def check_varies(parts: Sequence[Block], left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Raise ValueError when a column varies in no block, so that nothing can be linked to it."""
    for side, table in (("left", left), ("right", right)):
        varies = np.zeros(table.shape[1], dtype=bool)
        for part in parts:
            columns, values = (part.left, part.x) if side == "left" else (part.right, part.y)
            varies[columns] |= values.any(axis=0)
        if not varies.all():
            raise ValueError(
                f"`{side}` has {int((~varies).sum())} column(s) that do not vary among the common patients, miss too many of them or "
                f"follow from the covariates: {shown(table.columns[~varies])}; drop them."
            )


def tidy(features: pd.Index, targets: pd.Index, pairs: Pairs, null: Null | None, *, family: str, estimate: str) -> pd.DataFrame:
    """Lay the pairs out one a row, features outermost, with q, the permutation p and the max-T p of each family."""
    shape = pairs.effect.shape
    rows = pd.DataFrame({"feature": np.repeat(features, shape[1]), "target": np.tile(targets, shape[0])})
    rows["family"] = rows[family] if family in ("feature", "target") else family
    values = {"effect": pairs.effect, "effect_low": pairs.low, "effect_high": pairs.high, "n": pairs.n, "p": pairs.p}
    values["q"] = _by_family(pairs.p, family, false_discoveries)
    values["p_permutation"], values["p_max_t"] = _null_p(pairs, null, family)
    for name, value in values.items():
        rows[name] = value.ravel()
    rows["estimate"] = estimate
    return rows[LINK_COLUMNS]


def false_discoveries(p: Floats) -> Floats:
    """Give Benjamini-Hochberg's q of the p that are there."""
    q = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    if tested.any():
        q[tested] = false_discovery_control(p[tested])
    return q


def _by_family(p: Floats, family: str, correct) -> Floats:  # type: ignore[no-untyped-def]
    if family == "feature":
        return np.array([correct(row) for row in p])
    if family == "target":
        return np.array([correct(column) for column in p.T]).T
    return np.asarray(correct(p.ravel()).reshape(p.shape))


def _null_p(pairs: Pairs, null: Null | None, family: str) -> tuple[Floats, Floats]:
    empty = np.full(pairs.effect.shape, np.nan)
    if null is None:
        return empty, empty.copy()
    tested = ~np.isnan(pairs.effect)
    own = np.where(tested, (1.0 + null.reached) / (len(null.top_feature) + 1.0), np.nan)
    if family == "feature":
        reached = np.array([chance(row, tops) for row, tops in zip(pairs.t, null.top_feature.T, strict=True)])
    elif family == "target":
        reached = np.array([chance(column, tops) for column, tops in zip(pairs.t.T, null.top_target.T, strict=True)]).T
    else:
        reached = chance(pairs.t, null.top_target.max(axis=1))
    return own, np.where(tested, reached, np.nan)
