"""The reporting checklists CLEAR and TRIPOD+AI, filled from what was actually run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pandas as pd

from radiogenomics.report.figure import Figure
from radiogenomics.report.sections import SECTIONS

AUTHORS, MISSING = "for the manuscript", "not done in this study"


@dataclass(frozen=True)
class Item:
    """One item of a guideline.

    Attributes
    ----------
    guideline, item, topic : str
        Which list, which numbers, and what they ask for in our words.
    answer : str
        Where this report answers, or that the manuscript must, or that it was not done.
    anchor : str
        The table or figure to link to, or the section; empty without one.
    section : str
        The section that it stands in; empty without one.
    """

    guideline: str
    item: str
    topic: str
    answer: str
    anchor: str
    section: str


def checklist(tables: Mapping[str, pd.DataFrame], figures: Sequence[Figure], provenance: Mapping[str, Any]) -> list[Item]:
    """Fill the items from the tables, figures and provenance at hand -> one entry an item.

    Parameters
    ----------
    tables, figures, provenance
        As in `render`.

    Returns
    -------
    list of Item
        In the order of the guidelines.

    References
    ----------
    Kocak et al. 2023, CLEAR, doi 10.1186/s13244-023-01415-8. Collins et al. 2024, TRIPOD+AI, doi 10.1136/bmj-2023-078378.
    """
    with files("radiogenomics.report").joinpath("checklist.csv").open(encoding="utf-8") as file:
        rows = pd.read_csv(file, dtype=str).to_dict("records")
    return [
        Item(row["guideline"], row["item"], row["topic"], *_answer(str(row["evidence"]), tables, figures, provenance))
        for row in rows
    ]


def _answer(
    evidence: str, tables: Mapping[str, pd.DataFrame], figures: Sequence[Figure], provenance: Mapping[str, Any]
) -> tuple[str, str, str]:
    """Find the first piece of evidence that the study has -> the words, what to link to, and its section."""
    for piece in evidence.split("|"):
        if piece == "authors":
            return AUTHORS, "", ""
        kind, name = piece.split(":")
        section, anchor = _anchors(kind, name, tables, figures, provenance)
        if section:
            subsection = f", {anchor.replace('-', ' ', 1).replace('_', ' ')}" if anchor != section else ""
            return f"section “{_title(section)}”{subsection}", anchor, section
    return MISSING, "", ""


def _anchors(
    kind: str, name: str, tables: Mapping[str, pd.DataFrame], figures: Sequence[Figure], provenance: Mapping[str, Any]
) -> tuple[str, str]:
    """Find where a piece of evidence stands -> its section and its own anchor; both empty where the study lacks it."""
    if kind == "section":
        return name, name
    if kind == "provenance":
        return ("provenance", "provenance") if provenance.get(name) else ("", "")
    if kind == "figure":
        first = next((figure for figure in figures if figure.kind == name), None)
        return (_home(first.section), f"figure-{first.name}") if first else ("", "")
    if kind == "estimate":
        evaluation = tables.get("evaluation", pd.DataFrame(columns=["estimate"]))
        return ("prediction", "table-evaluation") if evaluation["estimate"].eq(name).any() else ("", "")
    if name not in tables or tables[name].empty:
        return "", ""
    if name == "patients":  # single patients are not listed; the section describes them
        return "cohort", "cohort"
    home = next((section for section in SECTIONS if name in section.tables), None)
    if home is None:
        return "further", f"table-{name}"
    return (home.anchor, f"table-{name}") if home.tables[name](tables[name]) else ("", "")  # nothing of it may be shown


def _home(section: str) -> str:
    """Name the section that a figure stands in: those of sections that the report does not have stand at the end."""
    return section if any(one.anchor == section for one in SECTIONS) else "further"


def _title(anchor: str) -> str:
    others = {
        "summary": "In plain words",
        "checklist": "Reporting checklists",
        "provenance": "Provenance",
        "further": "Further tables",
    }
    return others.get(anchor) or next(section.title for section in SECTIONS if section.anchor == anchor)
