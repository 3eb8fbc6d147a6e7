"""What a study shows about genes: modules, the gene score and survival by it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics.figures import formatting
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
    significant = table[table["q"].lt(0.05)]
    if significant.empty:
        return f"None of {len(table):,} tests shows a gene set over-represented in a module."
    lists, every = significant["list"].nunique(), table["list"].nunique()
    text = f"{len(significant):,} of {len(table):,} tests show a gene set over-represented, in {lists} of {every} modules"
    return f"{text}: that tells what the genes of a module share, not that imaging goes with it."


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
    lines.append(_chosen_again(genes, tables.get("gene_score_stability", pd.DataFrame())))
    separation = _separation(genes, judged, tables.get("gene_score_odds", pd.DataFrame()))
    sound = "nested" in rows and above_chance(rows["nested"]) and not separation
    return [Finding("Gene score", tuple(filter(None, [*lines, separation])), caution=not sound)]


def _chosen_again(genes: pd.DataFrame, stability: pd.DataFrame) -> str:
    """Say how much of the list of genes comes back when a fifth of the patients is left out."""
    sizes = stability[stability["kind"].eq("size")] if len(stability) else stability
    if sizes.empty or "chosen" not in genes:
        return ""
    numbers, fits = sizes["name"].astype(int), int(sizes["fits"].iloc[0])
    none = int(sizes.loc[numbers.eq(0), "times"].sum())
    line = f"Chosen again in each of the {fits} nested fits, the genes number {numbers.min()} to {numbers.max()}"
    line += f", in {none} of them there is none" if none else ""
    share = genes["chosen"].median()
    line += f"; half of the genes above are chosen in {share:.0%} of the fits or less."
    return line + (" The list depends on these particular patients and is not a finding." if share < 0.5 else "")


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
        p = f"p = {formatting.p_text(row['p'])}".replace("= <", "< ")
        lines.append(
            f"{capital(row['endpoint'])} of patients with a high against a low gene score ({counts}): log-rank {p}, {verdict}."
        )
    return [Finding("Survival", tuple(lines))] if lines else []
