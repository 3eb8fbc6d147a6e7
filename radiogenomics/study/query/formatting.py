"""What the links of an answer allow to say, in one sentence: effect, interval, q with its family, and the null."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

_MOST_NAMED, _CALLED = 3, 4

Row = Mapping[Any, Any] | pd.Series


def sentence(facts: Mapping[str, Any], nulls: pd.DataFrame, *, simulated: bool, alpha: float) -> str:
    """Say in one sentence what the links of an answer allow to say.

    Parameters
    ----------
    facts : mapping
        ``kind, name, size, links``; of what a study answers also ``question, members, features, note``.
    nulls : DataFrame
        The study's ``link_null``.
    simulated : bool
        Whether the study is simulated, which is then said first.
    alpha : float
        The q below which a link counts.
    """
    begin = "Simulated data: t" if simulated else "T"
    parts = _of_feature(facts, nulls, alpha) if facts["kind"] == "feature" else _of_molecule(facts, nulls, alpha)
    note = f". {_upper(facts['note'])}" if facts.get("note") else ""
    return f"{begin}he {_called(facts)} against {'; '.join(parts)}{note}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _called(facts: Mapping[str, Any]) -> str:
    """Name what was asked about, and how it was asked for where that is another name."""
    kind, name, members = facts["kind"], facts["name"], facts.get("members", ())
    asked = str(facts.get("question", name)).rpartition(":")[2].strip()
    alias = f" (asked for as {asked!r})" if kind == "gene" and asked.lower() != name.lower() else ""
    genes = f"{facts['size']:,} measured gene{'s' * (facts['size'] != 1)}"
    if kind == "gene":
        return f"gene {name}{alias}"
    if kind == "category":
        return f"{len(members)} gene sets of {name!r} ({_listed(members)}; {genes})"
    if kind == "feature":
        return f"imaging feature {members[0]}" if len(members) == 1 else f"{len(members)} imaging features {_listed(members)}"
    return f"list of genes {name} ({genes})" if kind == "list" else f"{kind} {name} ({genes})"


def _listed(names: Any) -> str:
    shown = ", ".join(names[:_CALLED])
    return f"{shown} and {len(names) - _CALLED} more" if len(names) > _CALLED else shown


def _of_molecule(facts: Mapping[str, Any], nulls: pd.DataFrame, alpha: float) -> list[str]:
    links: pd.DataFrame = facts["links"]
    honest, clinical = links[links["estimate"] == "nested"], links[links["estimate"] != "nested"]
    if facts["kind"] == "category":
        parts = [_over_sets(str(name), part, alpha) for name, part in honest.groupby("feature", sort=False)]
    else:
        parts = [_with_signature(row, nulls, alpha) for row in honest.to_dict("records")]
    parts = parts or ["no signature, since none varies between patients"]
    return [*parts, *_with_features(facts.get("features", pd.DataFrame()), nulls, alpha), *_with_clinic(clinical, alpha)]


def _over_sets(feature: str, links: pd.DataFrame, alpha: float) -> str:
    """Count the sets of a category that go with a signature, and tell the strongest."""
    found, best = int(links["q"].lt(alpha).sum()), links.sort_values("p", kind="stable").iloc[0]
    count = f"{found} of {len(links)} sets with q < {alpha:g}" if found else f"none of {len(links)} sets has q < {alpha:g}"
    return f"the out-of-fold score of {feature}: {count}, the strongest {best['target']}, {_effect(best)}, q = {_p(best['q'])}"


def _effect(row: Row) -> str:
    interval = f"95 % interval {row['effect_low']:.2f} to {row['effect_high']:.2f}"
    return f"{row['measure']} = {row['effect']:.2f} ({interval}), n = {row['n']}"


def _of_feature(facts: Mapping[str, Any], nulls: pd.DataFrame, alpha: float) -> list[str]:
    """Count the links of features family by family, and tell the strongest of each."""
    links: pd.DataFrame = facts["links"]
    parts = [_strongest_of(part, str(name), nulls, alpha) for name, part in links.groupby("family", sort=False)]
    clinical = facts.get("features", pd.DataFrame())
    turned = clinical.rename(columns={"feature": "target", "target": "feature"}) if len(clinical) else clinical
    return [*(parts or ["no module or pathway, since it does not vary"]), *_with_clinic(turned, alpha)]


def _strongest_of(links: pd.DataFrame, family: str, nulls: pd.DataFrame, alpha: float) -> str:
    found, best = int(links["q"].lt(alpha).sum()), links.sort_values("p", kind="stable").iloc[0]
    weighed = _weighed(nulls, family) if found else ""
    told = f"{best['target']}, {_effect(best)}, q = {_p(best['q'])}{_by_ranks(best)}"
    count = f"{found or 'none'} of {len(links)} links {_have(found)} q < {alpha:g} over the family {family!r}{weighed}"
    return f"{best['molecular']}: {count}, the strongest with {told}"


def _have(count: int) -> str:
    return "have" if count > 1 else "has"


def _with_features(links: pd.DataFrame, nulls: pd.DataFrame, alpha: float) -> list[str]:
    """Count the imaging features that go with it, kind by kind, and name the strongest."""
    parts = []
    for family, rows in links.groupby("family", sort=False) if len(links) else ():
        significant = rows[rows["q"] < alpha].sort_values("p", kind="stable")
        best = rows.sort_values("p", kind="stable").iloc[0]
        of = f"of {len(rows)} links with {rows['feature'].nunique()} {rows['imaging'].iloc[0]} features"
        if significant.empty:
            told = f"none has q < {alpha:g} over the family {family!r} (the strongest {_named(best, rows)})"
        else:
            count = f"{len(significant)} {_have(len(significant))} q < {alpha:g}"
            told = f"{count} over the family {family!r} ({_first(significant, rows)}){_weighed(nulls, family)}"
        parts.append(f"{of} {told}")
    return parts


def _first(found: pd.DataFrame, rows: pd.DataFrame) -> str:
    return "; ".join(_named(row, rows) for row in found.head(_MOST_NAMED).to_dict("records"))


def _named(row: Row, rows: pd.DataFrame) -> str:
    which = f"{row['feature']} with {row['target']}" if rows["target"].nunique() > 1 else str(row["feature"])
    return f"{which} {row['effect']:.2f}, q = {_p(row['q'])}{_by_ranks(row)}"


def _by_ranks(row: Row) -> str:
    """Say where a small p is not shown by ranks: then a few patients far from the others make it."""
    ranks = row.get("p_spearman")
    return f" (Spearman p = {_p(ranks)}: driven by a few outliers)" if pd.notna(ranks) and row["p"] < 0.05 <= ranks else ""


def _weighed(nulls: pd.DataFrame, family: object) -> str:
    """Say where the count of a whole family is no more than chance gives."""
    known = nulls[nulls["family"] == family]
    return ", no more than expected by chance in that family" if len(known) and not known["p_holm"].max() < 0.05 else ""


def _with_signature(row: Row, nulls: pd.DataFrame, alpha: float) -> str:
    known = nulls[nulls["family"] == row["family"]]
    value = f"{row['measure']} = {row['effect']:.2f} (95 % interval {row['effect_low']:.2f} to {row['effect_high']:.2f})"
    corrected = f"q = {_p(row['q'])} over the family {row['family']!r}"
    if pd.notna(row.get("q_all_genes")):
        corrected += f" and {_p(row['q_all_genes'])} over all genes"
    corrected += f", permutation p = {_p(row['p_permutation'])}"
    return f"the out-of-fold score of {row['feature']}: {_verdict(row, known, alpha)}, {value}, n = {row['n']}, {corrected}"


def _verdict(row: Row, known: pd.DataFrame, alpha: float) -> str:
    """Say whether a link survives, and what chance gives in its family."""
    if not row["q"] < alpha:
        return "no link is shown"
    if pd.notna(row.get("q_all_genes")) and not row["q_all_genes"] < alpha:
        return "significant only if this gene is tested alone, not after correction over all genes"
    chance = " and ".join(f"{mean:.2g} with {null}" for null, mean in known[["null", "mean"]].itertuples(index=False))
    if not chance:
        return f"an association that survives correction (q < {alpha:g}), not a cause"
    counted = f"{known['found'].iloc[0]} links of its family have q < {alpha:g}; expected by chance: {chance}"
    if not known["p_holm"].max() < 0.05:  # Holm over all families of the study
        return f"no more than expected by chance, since {counted}"
    return f"an association that survives correction, not a cause ({counted})"


def _with_clinic(clinical: pd.DataFrame, alpha: float) -> list[str]:
    """Count the clinical columns with a link, and name the strongest."""
    if clinical.empty:
        return []
    significant = clinical[clinical["q"] < alpha].sort_values("p", kind="stable")
    count, several = clinical["feature"].nunique(), clinical["target"].nunique() > 1
    of = f"{len(clinical)} links with {count}" if several else f"{count}"
    if significant.empty:
        return [f"of {of} clinical columns and groups none has q < {alpha:g}"]
    named = [_named(row, clinical) for row in significant.head(_MOST_NAMED).to_dict("records")]
    return [f"of {of} clinical columns and groups {len(significant)} with q < {alpha:g} ({'; '.join(named)})"]


def _p(value: float) -> str:
    """Write a p or q as part of an equation."""
    return (
        "unknown" if pd.isna(value) else f"{value:.1g}" if value < 0.001 else f"{value:.3f}" if value < 0.01 else f"{value:.2f}"
    )
