"""What every part of the summary says alike: a finding, an AUC with its interval, what an interval allows to claim."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics.figures import formatting
from radiogenomics.report._view import ReportData

Row = Mapping[Hashable, Any]
Tables = Mapping[str, pd.DataFrame]

FITTED = ("apparent", "published")


@dataclass(frozen=True)
class Finding:
    """One paragraph of the summary.

    Attributes
    ----------
    topic : str
        Its heading.
    lines : tuple of str
        Its sentences, one or more a line, not escaped.
    caution : bool
        Whether it warns the reader.
    table : View, optional
        Counts that a paragraph would hide; it stands below.
    """

    topic: str
    lines: tuple[str, ...]
    caution: bool = False
    table: ReportData | None = None


def records(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """List the rows of a table as mappings."""
    return table.to_dict("records")


def capital(text: object) -> str:
    """Begin a text with a capital, and leave the rest."""
    return str(text)[:1].upper() + str(text)[1:]


def outcome_name(study: Mapping[str, Any]) -> str:
    """Name the outcome."""
    return str(study.get("outcome") or "outcome")


def positive_name(study: Mapping[str, Any]) -> str:
    """Name the patients who have the outcome."""
    return str(study.get("positive") or "positive")


def level(study: Mapping[str, Any]) -> float:
    """Give the q below which the study counts a link, and its nulls do; 0.05 where the settings name none."""
    return float((study.get("settings") or {}).get("links", {}).get("alpha", 0.05))


def noun(signature: object) -> str:
    """Say what kind of thing stands among the signatures: not everything that is judged there is one."""
    name = str(signature)
    known = {"fusion": "combined model", "clinical": "clinical model", "gene score": "gene score"}
    return "control" if name.startswith("shuffled_") else known.get(name, "signature")


def model_name(signature: object) -> str:
    """Name a signature, or what stands among them, in a sentence."""
    name, kind = str(signature), noun(signature)
    if kind == "signature":
        return f"the {name.replace('_random_weights', ' (random weights)').replace('_', ' ')} signature"
    return f"the control of shuffled voxels ({name.removeprefix('shuffled_')})" if kind == "control" else f"the {kind}"


def auc_text(row: Row) -> str:
    """Write an AUC with its interval, for a sentence; the words fit where a number would."""
    if not formatting.is_estimated(row["auc"]):
        return f"an AUC that {formatting.NOT_ESTIMATED}"
    if pd.isna(row["auc_low"]) or pd.isna(row["auc_high"]):
        return f"AUC {formatting.amount(row['auc'])}"
    return (
        f"AUC {formatting.amount(row['auc'])} (95 % interval {formatting.amount(row['auc_low'])} to "
        f"{formatting.amount(row['auc_high'])})"
    )


def bounds_text(row: Row) -> str:
    """Write the interval of an AUC; nothing without one."""
    known = bool(pd.notna(row["auc_low"]) and pd.notna(row["auc_high"]))
    return f"95 % CI {formatting.amount(row['auc_low'])} to {formatting.amount(row['auc_high'])}" if known else ""


def above_chance(row: Row) -> bool:
    """Tell whether an AUC may be called better than chance: its whole interval is, and its test does not object."""
    # A missing bound compares false, so that nothing is claimed without an interval; a missing p does not object.
    return bool(row["auc_low"] > 0.5) and not row.get("p", np.nan) >= 0.05


def chance_verdict(study: Mapping[str, Any], row: Row) -> str:
    """Say what an honest AUC allows to claim about chance."""
    if not formatting.is_estimated(row["auc"]):
        return "Nothing can be said about chance: scores that rank everybody the wrong way round are those of fits that failed."
    p = f" (p = {formatting.p_text(row['p'])} by permuting the outcome)".replace("= <", "< ") if pd.notna(row.get("p")) else ""
    if pd.isna(row["auc_low"]) or pd.isna(row["auc_high"]):
        return "No interval was computed, so nothing can be said about chance."
    if row["auc_low"] > 0.5 and not above_chance(row):
        return f"The interval lies above 0.5, but the test does not exclude chance{p}: better than chance is not shown."
    if row["auc_low"] > 0.5:
        return f"The interval lies above 0.5: better than chance in this cohort{p}."
    if row["auc_high"] < 0.5:
        return f"The interval lies below 0.5: worse than chance{p}, the sign of a mistake or an unstable recipe."
    verdict = f"this study does not show that the {noun(row.get('signature', ''))} tells {outcome_name(study)} better than chance"
    return f"The interval includes 0.5: {verdict}{p}."
