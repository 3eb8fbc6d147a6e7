"""Tables -> what the study found, in plain words that claim no more than the numbers allow."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from radiogenomics.figures import formatting
from radiogenomics.report._links import links, links_beyond_chance, sized
from radiogenomics.report._molecules import gene_score, modules, survival
from radiogenomics.report._prediction import prediction, volume_row
from radiogenomics.report._words import FITTED, Finding, Row, Tables, bounds_text, level, outcome_name, positive_name, records

_SECOND_READER = "images, second reader"
_ENOUGH_EVENTS = 100  # Collins, Ogundimu & Altman 2016, doi 10.1002/sim.6787: at least 100 events and 100 non-events


def findings(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Say what the tables of a study show -> paragraphs in the order of the report.

    Parameters
    ----------
    study : mapping
        The facts that `render` takes: ``outcome``, ``positive``, ``simulated``...
    tables : mapping of str to DataFrame
        The tables of the study by name; what is missing is not spoken of.

    Returns
    -------
    list of Finding
        Every number stands in one of the tables.
    """
    parts = (_patients, prediction, modules, links, gene_score, survival, _planted, _sample, _lost)
    return [finding for part in parts for finding in part(study, tables)]


@dataclass(frozen=True)
class KeyNumber:
    """One number at the head of the report: what it is, its value, and what to think of it."""

    label: str
    value: str
    note: str


def key_numbers(study: Mapping[str, Any], tables: Tables) -> list[KeyNumber]:
    """Pick the few numbers that sum up a study -> at most five, in the order of the report.

    Parameters
    ----------
    study, tables
        As in `findings`.

    Returns
    -------
    list of KeyNumber
        Patients, the AUC as it seems, as it is, and of volume alone (of the first signature), and the links that
        survive in families beyond chance.
    """
    numbers = []
    table = tables.get("evaluation", pd.DataFrame(columns=["estimate"]))
    honest = next(iter(records(table[table["estimate"].eq("nested")])), None)
    if honest is not None:
        numbers.append(KeyNumber("Patients", f"{honest['n']:.0f}", f"{honest['events']:.0f} {positive_name(study)}"))
        same = table[table["signature"].eq(honest["signature"])]
        fitted = next(iter(records(same[same["estimate"].isin(FITTED)])), None)
        of = f", {honest['signature']}" if table["signature"].nunique() > 1 else ""
        notes = (
            (f"Apparent AUC{of}", "on patients it has seen"),
            (f"Honest AUC{of}", "on patients it has not seen"),
            ("AUC of volume alone", "lesion size"),
        )
        rows = (fitted, honest, volume_row(table, honest))
        numbers += [KeyNumber(label, *_auc_number(row, note)) for (label, note), row in zip(notes, rows, strict=True) if row]
    pairs = tables.get("links", pd.DataFrame())
    if not pairs.empty:
        pairs = pairs[~pairs["estimate"].isin(FITTED)] if "estimate" in pairs else pairs
        beyond, reached = links_beyond_chance(pairs, tables, level(study))
        note = f"of {len(pairs):,} tested" + (f"; {reached:,} more are within the reach of chance" if reached else "")
        size = int((sized(pairs, tables) & pairs["q"].lt(level(study))).sum())
        note += f"; {size:,} of the {beyond + reached:,} are lesion size" if size else ""
        numbers.append(KeyNumber("Links beyond chance", f"{beyond:,}", note))
    return numbers


def _auc_number(row: Row, note: str) -> tuple[str, str]:
    """Write an AUC as a key number, and what to think of it."""
    if not formatting.is_estimated(row["auc"]):
        return "–", formatting.NOT_ESTIMATED
    return formatting.amount(row["auc"]), bounds_text(row) or note


def _patients(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    if "inclusion" not in tables or tables["inclusion"].empty:
        return []
    findings = []
    for cohort, steps in tables["inclusion"].groupby("cohort", sort=False):
        path = "; ".join(f"{row['step']} {row['n']:.0f}" for row in steps.to_dict("records"))
        lines = (f"Patients left after each step: {path}.", _events(study, tables, cohort))
        findings.append(Finding(f"Patients of {cohort}", tuple(filter(None, lines))))
    return findings


def _events(study: Mapping[str, Any], tables: Tables, cohort: Hashable) -> str:
    patients = tables.get("patients", pd.DataFrame())
    if not {"cohort", "outcome"} <= set(patients.columns):
        return ""
    if "included" in patients:
        patients = patients[patients["included"].astype(bool)]
    outcome = patients.loc[patients["cohort"].eq(str(cohort)), "outcome"].dropna().astype(float)
    if outcome.empty:
        return ""
    events = int(outcome.sum())
    share = f"{events} ({100 * events / len(outcome):.0f} %)"
    return f"Of {len(outcome)} with known {outcome_name(study)}, {share} are {positive_name(study)}."


def _planted(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("planted", pd.DataFrame())
    if "ok" not in table or table.empty:
        return []
    bounds = table[table["kind"].eq("bound")]
    table = table[~table["kind"].eq("bound")]
    right = table["ok"].astype(bool)
    text = f"{int(right.sum())} of {len(table)} planted facts were found again."
    if len(bounds):
        reach = int(bounds["ok"].astype(bool).sum())
        text += f" The 95 % intervals of {reach} of {len(bounds)} honest AUCs begin at or below the ceiling that was planted."
    missed = [f"{row['kind']} {row['name']}" for row in records(table[~right])]
    lines = (text, f"Not found: {', '.join(missed)}.") if missed else (text,)
    return [Finding("Planted and found", lines, caution=bool(missed))]


def _sample(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("evaluation", pd.DataFrame())
    rows = records(table[table["estimate"].eq("nested")]) if len(table) else []
    if not rows:
        return []
    events, others = rows[0]["events"], rows[0]["n"] - rows[0]["events"]
    if min(events, others) >= _ENOUGH_EVENTS:
        return []
    text = (
        f"With {events:.0f} patients {positive_name(study)} and {others:.0f} not, every figure here is uncertain: "
        f"at least {_ENOUGH_EVENTS} of each are recommended to validate a prediction model (Collins et al. 2016). "
        "Read the results as hypotheses for a larger study."
    )
    return [Finding("Sample size", (text,), caution=True)]


def _lost(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    if "failures" not in tables:
        return []
    table = tables["failures"]
    if table.empty:
        return [Finding("Left out", ("No patient was left out.",))]
    if "step" in table:
        table = table[table["step"].ne(_SECOND_READER)]  # the patient stays; one reading of two is missing
    lost = len(table["patient"].unique()) if "patient" in table else len(table)
    text = f"{lost} patient{'s were' if lost != 1 else ' was'} left out; the section “Failures” lists each with step and reason."
    return [Finding("Left out", (text,))]
