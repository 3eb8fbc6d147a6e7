"""What a study shows about genes: modules, links beyond chance, the gene score and survival by it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics.figures import wording
from radiogenomics.report._view import View
from radiogenomics.report._words import FITTED, Finding, Tables, above_chance, auc_text, capital, chance_verdict, records

_SEPARATED = 100.0


def modules(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Count modules and genes."""
    table = tables.get("modules", pd.DataFrame())
    if "module" not in table or table.empty:
        return []
    sizes = table.loc[table["module"].ne(0), "module"].value_counts()
    grey = int(table["module"].eq(0).sum())
    if sizes.empty:
        return [Finding("Modules", (f"None of {len(table):,} genes fell into a co-expression module.",), caution=True)]
    text = f"Of {len(table):,} genes, {len(table) - grey:,} form {len(sizes)} co-expression modules"
    line = f"{text} of {sizes.min():,} to {sizes.max():,} genes; {grey:,} belong to none."
    return [Finding("Modules", tuple(filter(None, [line, _enriched(tables)])))]


def _enriched(tables: Tables) -> str:
    """Say in how many modules gene sets are over-represented; that is about genes, and not about imaging."""
    table = tables.get("enrichment", pd.DataFrame())
    if table.empty:
        return ""
    found = table[table["q"].lt(0.05)]
    if found.empty:
        return f"None of {len(table):,} tests shows a gene set over-represented in a module."
    lists, every = found["list"].nunique(), table["list"].nunique()
    text = f"{len(found):,} of {len(table):,} tests show a gene set over-represented, in {lists} of {every} modules"
    return f"{text}: that tells what the genes of a module share, not that imaging goes with it."


def links(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Count the links that survive correction, and what chance would have given."""
    table = tables.get("links", pd.DataFrame())
    if table.empty:
        return []
    fitted = table["estimate"].isin(FITTED) if "estimate" in table else pd.Series(False, index=table.index)
    nulls = tables.get("link_null", pd.DataFrame(columns=["family", "null", "mean"])).rename(columns={"expected": "mean"})
    honest = table[~fitted]
    found = int(honest["q"].lt(0.05).sum())
    rule = "correction for multiple tests (q < 0.05 within the family)"
    lines = [f"{f'{found:,}' if found else 'None'} of {len(honest):,} links survive{'s' * (found < 2)} {rule}."]
    rows = [_family(str(family), part, nulls) for family, part in honest.groupby("family", sort=False)]
    lines += [_by_ranks(honest), _fitted_links(table[fitted], honest)]
    headings = ["Family", "q < 0.05", "Tested", "Patients permuted", "Random features", "Verdict"]
    numeric = [False, True, True, True, True, False]
    shown = View(_COUNTED, headings, numeric, [*rows, *_adjusted(tables)])
    return [Finding("Links", tuple(filter(None, lines)), caution=found == 0, table=shown)]


_COUNTED = (
    "Links with q < 0.05 in each family, beside what chance alone gives: the mean count with the patients permuted, and with "
    "random features."
)


def _adjusted(tables: Tables) -> list[list[str]]:
    """Count the links of the signature that are left when confounders are adjusted for; then those between groups."""
    table = tables.get("adjusted_links", pd.DataFrame())
    if table.empty:
        return []
    nulls = tables.get("adjusted_null", pd.DataFrame(columns=["family", "null", "mean"]))
    rows = []
    for family, part in table.groupby("family", sort=False):
        names = part["adjusted_for"].iloc[0]
        if names:
            rows.append(_family(str(family), part, nulls, f" for {names}"))
        else:
            sure = int(part["p_max_t"].lt(0.05).sum())
            rows.append([*_family(str(family), part, nulls)[:-1], f"{sure:,} with max-T p < 0.05"])
    return rows


def _family(family: str, links: pd.DataFrame, nulls: pd.DataFrame, more: str = "") -> list[str]:
    """Count the links of a family that survive, and those that chance gives -> one row."""
    found = int(links["q"].lt(0.05).sum())
    known = nulls[nulls["family"].eq(family) & nulls["mean"].notna()]
    chance = known.set_index("null")["mean"]
    means = [f"{chance[null]:.2g}" if null in chance else "–" for null in ("permuted patients", "random features")]
    if known.empty:
        verdict = "no null was run"
    elif not found:
        verdict = "none survives"
    else:
        verdict = "within the reach of chance" if _within_chance(found, known) else "beyond chance"
    return [f"{family}{more}".replace(" x ", " × "), f"{found:,}", f"{len(links):,}", *means, verdict]


def links_beyond_chance(honest: pd.DataFrame, tables: Tables) -> tuple[int, int]:
    """Count the surviving links -> those of families beyond chance, and those of families within its reach or without a null."""
    nulls = tables.get("link_null", pd.DataFrame(columns=["family", "null", "mean"])).rename(columns={"expected": "mean"})
    counts = {True: 0, False: 0}
    for family, part in honest.groupby("family", sort=False):
        found, known = int(part["q"].lt(0.05).sum()), nulls[nulls["family"].eq(str(family)) & nulls["mean"].notna()]
        counts[bool(len(known)) and not _within_chance(found, known)] += found
    return counts[True], counts[False]


def _within_chance(found: int, nulls: pd.DataFrame) -> bool:
    """Tell whether some null gives as many links: by its p, or its upper bound, or its mean, whichever is known."""
    if "p" in nulls and nulls["p"].notna().all():
        return bool(nulls["p"].max() >= 0.05)
    column = "high" if "high" in nulls and nulls["high"].notna().all() else "mean"
    return bool(found <= nulls[column].max())


def _by_ranks(links: pd.DataFrame) -> str:
    """Say how many surviving links vanish by ranks: those hang on a few patients far from the others."""
    if "p_spearman" not in links:
        return ""
    surviving = links[links["q"].lt(0.05)]
    weak = surviving[surviving["p_spearman"].ge(0.05)]
    if weak.empty:
        return ""
    names = "; ".join(f"{row['feature']} – {row['target']}" for row in records(weak.head(3)))
    return f"Vanishing by ranks (Spearman p ≥ 0.05), so made by a few outlying patients: {len(weak):,} of them: {names}."


def _fitted_links(fitted: pd.DataFrame, honest: pd.DataFrame) -> str:
    found = int(fitted["q"].lt(0.05).sum()) if len(fitted) else 0
    if not found:
        return ""
    beside = int(honest.loc[honest["feature"].isin(fitted["feature"]), "q"].lt(0.05).sum())
    return (
        f"With the fitted signature {found:,} of {len(fitted):,} links would have passed; "
        f"with the out-of-fold one it is {beside:,}. "
        "A fitted signature is the outcome in disguise, so its links say nothing about imaging."
    )


def gene_score(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Judge the gene score as it seems and as it is, and say when its odds ratio is not to be believed."""
    if "gene_score" not in tables:
        return []
    genes, judged = tables["gene_score"], tables.get("gene_score_evaluation", pd.DataFrame())
    if genes.empty:
        return [Finding("Gene score", ("No gene met the selection rule, so there is no gene score.",), caution=True)]
    rows = {row["estimate"]: row for row in records(judged)} if len(judged) else {}
    lines = [f"The gene score holds {len(genes)} gene{'s' * (len(genes) != 1)}."]
    seeming = next((rows[kind] for kind in FITTED if kind in rows), None)
    if seeming is not None:
        lines.append(f"Built and judged on the same patients it reaches {auc_text(seeming)}.")
    if "nested" in rows:
        lines.append(
            f"With signature, gene selection and regression repeated inside each fold it reaches {auc_text(rows['nested'])}."
        )
        lines.append(chance_verdict(study, rows["nested"]))
    else:
        lines.append("No honest estimate was made for it, so nothing is known about new patients.")
    separation = _separation(genes, judged, tables.get("gene_score_odds", pd.DataFrame()))
    sound = "nested" in rows and above_chance(rows["nested"]) and not separation
    return [Finding("Gene score", tuple(filter(None, [*lines, separation])), caution=not sound)]


def _separation(*tables: pd.DataFrame) -> str:
    # The ratio per unit depends on the unit; only the one per SD says how strong an effect is.
    scaled = [table[table["scale"].eq("per SD")] if "scale" in table else table for table in tables]
    ratios = [table["odds_ratio"].to_numpy(dtype=float) for table in scaled if "odds_ratio" in table]
    values = np.concatenate(ratios) if ratios else np.array([])
    flagged = any(table["separation"].isin(["quasi", "complete", True]).any() for table in tables if "separation" in table)
    extreme = values[(values >= _SEPARATED) | (values <= 1 / _SEPARATED)]
    if not flagged and not extreme.size:
        return ""
    if not extreme.size:
        return (
            "The regression shows separation: its odds ratios are a sign of few patients split by chance, not of strong effects."
        )
    largest = extreme[np.argmax(np.abs(np.log(np.maximum(extreme, 1e-300))))]
    return f"An odds ratio of {largest:,.3g} is a warning sign: few patients split by chance (separation), not a strong effect."


def survival(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Tell the log-rank test of every endpoint."""
    table = tables.get("survival_tests", pd.DataFrame())
    rows = records(table[table["test"].eq("log-rank")]) if "test" in table else []
    lines = []
    for row in rows:
        verdict = (
            "no difference is shown" if not row["p"] < 0.05 else "a difference, before any correction for the number of endpoints"
        )
        counts = f"{row['n']:.0f} patients, {row['events']:.0f} events"
        if row.get("fitted", 0) > 0:
            counts += f"; {row['fitted']:.0f} of them are those the score was fitted to"
        p = f"p = {wording.p_text(row['p'])}".replace("= <", "< ")
        lines.append(
            f"{capital(row['endpoint'])} of patients with a high against a low gene score ({counts}): log-rank {p}, {verdict}."
        )
    return [Finding("Survival", tuple(lines))] if lines else []
