"""What a study shows about links of imaging and molecules: how many survive, what chance gives, and what lesion size explains."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics._tables import summarise
from radiogenomics.figures import formatting
from radiogenomics.report._view import ReportData
from radiogenomics.report._words import FITTED, Finding, Tables, level, records

_SIGNIFICANT = 0.05  # of p over families and of single tests; q is held against the level of the study
_LIKE_SIZE = 0.9
_MOST_NAMED = 4
BEYOND = "beyond chance"
_SAME = "none, in the same patients"
"""What stands in ``adjustment`` of links without adjustment, in the patients of the adjusted ones."""


def links(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Count the links that survive correction, what chance would have given, and whose they are."""
    table = tables.get("links", pd.DataFrame())
    if table.empty:
        return []
    fitted, below = _fitted(table), level(study)
    honest = table[~fitted]
    n_found = int(honest["q"].lt(below).sum())
    rule = f"correction for multiple tests (q < {below:g} within the family)"
    lines = [f"{f'{n_found:,}' if n_found else 'None'} of {len(honest):,} links survive{'s' * (n_found < 2)} {rule}."]
    lines += [
        _whose(honest, tables, below),
        _size(honest, tables, below),
        _by_ranks(honest, below),
        *_given(tables, below),
        _fitted_links(table[fitted], honest, below),
    ]
    rows = _rows(honest, tables.get("link_null"), below) + _adjusted(tables, below)
    shown = ReportData(_counted(tables, below), ["Family", f"q < {below:g}", *_HEADINGS], [False, *[True] * 7, False], rows)
    return [Finding("Links", tuple(filter(None, lines)), caution=not links_beyond_chance(honest, tables, below)[0], table=shown)]


_HEADINGS = [
    "Max-T p < 0.05",
    "Tested",
    "Patients permuted",
    "Random features",
    "p",
    "p (Holm)",
    "Verdict",
]


def _counted(tables: Tables, below: float) -> str:
    caption = (
        f"Links with q < {below:g}, and with a max-T p below 0.05, in each family, beside the mean count that chance alone "
        "gives with the patients permuted and with random features. p is the larger of the two nulls' p of the count; Holm "
        "adjusts it over the families, and a family is beyond chance where that stays below 0.05."
    )
    names = _confounders(tables)
    if not names:
        return caption
    return (
        f"{caption} Adjusted families, which Holm takes by themselves, are partial correlations given {names}, in the patients "
        "of whom all of that is known; features that are lesion size are not among them."
    )


def _confounders(tables: Tables) -> str:
    """Name what links were adjusted for; empty where they were not."""
    table = tables.get("adjusted_links", pd.DataFrame(columns=["adjustment", "measure"]))
    return next((str(name) for name in _partial(table)["adjustment"].unique()), "")


def _partial(links: pd.DataFrame) -> pd.DataFrame:
    """Keep the links that were adjusted for something."""
    return links[links["measure"].eq("partial r")]


def _fitted(links: pd.DataFrame) -> "pd.Series[bool]":
    return links["estimate"].isin(FITTED) if "estimate" in links else pd.Series(False, index=links.index)


def _rows(links: pd.DataFrame, nulls: pd.DataFrame | None, below: float) -> list[list[str]]:
    return [_family(str(family), part, nulls, below) for family, part in links.groupby("family", sort=False)]


def _adjusted(tables: Tables, below: float) -> list[list[str]]:
    """Count the links that are left when confounders are adjusted for, and those between groups."""
    table = tables.get("adjusted_links", pd.DataFrame())
    if table.empty:
        return []
    beside = table["adjustment"].eq(_SAME)  # for comparison alone: the text names them where that says something
    return _rows(table[~beside], tables.get("adjusted_null"), below)


def _family(family: str, links: pd.DataFrame, nulls: pd.DataFrame | None, below: float) -> list[str]:
    """Count the links of a family that survive, and those that chance gives -> one row."""
    known = _null_of(family, nulls)
    means = dict(zip(known.get("null", ()), known.get("mean", ()), strict=True))
    chance = [f"{means[null]:.2g}" if null in means else "–" for null in ("permuted patients", "random features")]
    counts = [f"{int(links['q'].lt(below).sum()):,}", f"{_sure(links):,}" if "p_max_t" in links else "–", f"{len(links):,}"]
    p = [formatting.p_text(known[name].max()) if name in known else "–" for name in ("p", "p_holm")]
    return [family.replace(" x ", " × "), *counts, *chance, *p, _verdict(family, links, nulls, below)]


def _null_of(family: str, nulls: pd.DataFrame | None) -> pd.DataFrame:
    return pd.DataFrame() if nulls is None or nulls.empty else nulls[nulls["family"].eq(family)]


def _sure(links: pd.DataFrame) -> int:
    """Count the links that hold the family-wise error."""
    return int(links["p_max_t"].lt(_SIGNIFICANT).sum()) if "p_max_t" in links else 0


def _verdict(family: str, links: pd.DataFrame, nulls: pd.DataFrame | None, below: float) -> str:
    """Weigh the count of a family by its null over all families, and then its single links by max-T."""
    known = _null_of(family, nulls)
    if not links["q"].lt(below).any():
        return "none survives"
    if "p_holm" not in known or known["p_holm"].isna().all():
        return "no null was run"
    if not known["p_holm"].max() < _SIGNIFICANT:
        return "within the reach of chance"
    return BEYOND if _sure(links) else "more than chance gives, but no single link by max-T"


def links_beyond_chance(honest: pd.DataFrame, tables: Tables, below: float) -> tuple[int, int]:
    """Count the surviving links -> those of families beyond chance, and those of families within its reach or without a null."""
    counts = {True: 0, False: 0}
    for family, part in honest.groupby("family", sort=False):
        counts[_verdict(str(family), part, tables.get("link_null"), below) == BEYOND] += int(part["q"].lt(below).sum())
    return counts[True], counts[False]


def _whose(honest: pd.DataFrame, tables: Tables, below: float) -> str:
    """Say whose the surviving links are: several of one feature, with targets that go together, are one finding."""
    surviving = honest[honest["q"].lt(below)]
    features = surviving["feature"].value_counts(sort=False)
    if len(surviving) < 2 or len(features) == len(surviving):
        return ""
    first = [f"{name} with {count}" for name, count in features.sort_values(ascending=False, kind="stable").items()]
    named = "; ".join(first[:_MOST_NAMED]) + f" and {len(first) - _MOST_NAMED} more" * (len(first) > _MOST_NAMED)
    text = f"They are {_links_of(len(surviving), len(features))} ({named}), so not as many findings."
    return f"{text} {_together(surviving, features, tables)}".strip()


def _links_of(n_links: int, n_features: int) -> str:
    return f"{n_links:,} link{'s' * (n_links != 1)} of {n_features:,} feature{'s' * (n_features != 1)}"


def _together(surviving: pd.DataFrame, features: "pd.Series[int]", tables: Tables) -> str:
    """Say how closely the targets of the feature with most links correlate among themselves."""
    feature = str(features.idxmax())
    targets = list(dict.fromkeys(surviving.loc[surviving["feature"].eq(feature), "target"]))
    known = [tables[name] for name in ("eigengenes", "pathways", "patients") if name in tables]
    measured = {str(name): table[str(name)] for name in targets for table in known if name in table}
    if len(measured) < 2:
        return ""
    among = pd.DataFrame(measured).corr().abs().to_numpy()
    middle = float(np.nanmedian(among[np.triu_indices(len(measured), 1)]))
    return f"The {len(measured)} targets of {feature} correlate among themselves (median |r| {middle:.2f})."


def sized(links: pd.DataFrame, tables: Tables) -> "pd.Series[bool]":
    """Tell which links are of features that are lesion size by another name."""
    table = tables.get("feature_volume", pd.DataFrame(columns=["kind", "feature", "rho"]))
    like = table[table["rho"].abs().ge(_LIKE_SIZE)]
    names = set(zip(like["kind"], like["feature"], strict=True))
    return pd.Series(
        [pair in names for pair in zip(links["imaging"], links["feature"], strict=True)], index=links.index, dtype=bool
    )


def _size(honest: pd.DataFrame, tables: Tables, below: float) -> str:
    """Say how many surviving links are those of lesion size, and what size and the other confounders leave of the others."""
    if tables.get("feature_volume", pd.DataFrame()).empty:
        return ""
    surviving = honest[honest["q"].lt(below) & honest["estimate"].eq("measured")]
    like = sized(surviving, tables)
    rest = _kept(surviving[~like], tables, below)
    if not like.any():
        return rest
    names = list(dict.fromkeys(surviving.loc[like, "feature"]))
    text = (
        f"{_links_of(int(like.sum()), len(names))} reflect lesion size ({summarise(names, 3)}: |Spearman ρ| "
        f"with volume {_LIKE_SIZE:g} or more): molecules are associated with the size of the lesion, which says nothing about "
        "imaging beyond it."
    )
    return f"{text} {rest}".strip()


def _kept(surviving: pd.DataFrame, tables: Tables, below: float) -> str:
    """Count the surviving links that survive given the confounders too."""
    table = tables.get("adjusted_links", pd.DataFrame())
    if surviving.empty or table.empty:
        return ""
    pair = ["feature", "target", "imaging", "molecular"]
    again = surviving[pair].merge(_partial(table), on=pair)
    if again.empty:
        return ""
    kept, names = int(again["q"].lt(below).sum()), again["adjustment"].iloc[0]
    begin = f"Surviving links of features that are not lesion size: {len(again):,}"
    return f"{begin}, of them with q < {below:g} given {names}: {kept:,}."


def _given(tables: Tables, below: float) -> list[str]:
    """Say of families in which more links survive with the adjustment than without how the same patients look without it."""
    table = tables.get("adjusted_links", pd.DataFrame(columns=["imaging", "molecular", "adjustment", "measure"]))
    whole = tables["links"][~_fitted(tables["links"])]
    lines = []
    for names, part in _partial(table).groupby(["imaging", "molecular"], sort=False):
        imaging, molecular = map(str, names)
        every = whole[whole["imaging"].eq(imaging) & whole["molecular"].eq(molecular)]
        found, name = int(part["q"].lt(below).sum()), str(every["family"].iloc[0])
        if found > every["q"].lt(below).sum():
            sure = _sure(part) or "none"
            counts = f"{found:,} of {len(part):,} links of {name} have q < {below:g}, {sure} a max-T p below 0.05"
            text = f"Given {part['adjustment'].iloc[0]}, {counts}"
            same = table[table["imaging"].eq(imaging) & table["molecular"].eq(molecular) & table["adjustment"].eq(_SAME)]
            beside = [_beside(same, "the same", below)] * bool(len(same)) + [_beside(every, "all", below)]
            lines.append(f"{text} ({_n(part)} patients); unadjusted, {' and '.join(filter(None, beside))}.".replace(" x ", " × "))
    return lines


def _beside(links: pd.DataFrame, which: str, below: float) -> str:
    n_found = int(links["q"].lt(below).sum())
    return f"{f'{n_found:,}' if n_found else 'none'} in {which} {_n(links)} patients" if len(links) else ""


def _n(links: pd.DataFrame) -> str:
    return f"{int(links['n'].max())}" if "n" in links and len(links) else ""


def _by_ranks(links: pd.DataFrame, below: float) -> str:
    """Say how many surviving links vanish by ranks: those hang on a few patients far from the others."""
    if "p_spearman" not in links:
        return ""
    surviving = links[links["q"].lt(below)]
    weak = surviving[surviving["p_spearman"].ge(_SIGNIFICANT)]
    if weak.empty:
        return ""
    names = "; ".join(f"{row['feature']} – {row['target']}" for row in records(weak.head(3)))
    said = "Not significant by rank correlation (Spearman p ≥ 0.05), so probably driven by a few outliers"
    return f"{said}: {len(weak):,} of them: {names}."


def _fitted_links(fitted: pd.DataFrame, honest: pd.DataFrame, below: float) -> str:
    n_found = int(fitted["q"].lt(below).sum()) if len(fitted) else 0
    if not n_found:
        return ""
    beside = int(honest.loc[honest["feature"].isin(fitted["feature"]), "q"].lt(below).sum())
    return (
        f"With the fitted signature {n_found:,} of {len(fitted):,} links would have passed; "
        f"with the out-of-fold one it is {beside:,}. "
        "A fitted signature is the outcome in disguise, so its links say nothing about imaging."
    )
