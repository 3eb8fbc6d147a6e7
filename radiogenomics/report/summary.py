"""Tables -> what the study found, in plain words that claim no more than the numbers allow."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics.figures import wording

Row = Mapping[Hashable, Any]
Tables = Mapping[str, pd.DataFrame]

FITTED = ("apparent", "published")
_SEEMING = {
    "apparent": "On the very patients that the signature was fitted to",
    "published": "By the published protocol, whose feature selection sees every patient,",
}
_ENOUGH_EVENTS = 100  # Collins, Ogundimu & Altman 2016, doi 10.1002/sim.6787: at least 100 events and 100 non-events
_WORTH_SAYING = 0.05
_SUSPICIOUS_AUC = 0.85
_SEPARATED = 100.0


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
    """

    topic: str
    lines: tuple[str, ...]
    caution: bool = False


def summarise(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
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
    parts = (_patients, _prediction, _modules, _links, _gene_score, _planted, _sample, _lost)
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
        As in `summarise`.

    Returns
    -------
    list of KeyNumber
        Patients, the AUC as it seems, as it is, and of volume alone (of the first signature), and the links that survive.
    """
    numbers = []
    table = tables.get("evaluation", pd.DataFrame(columns=["estimate"]))
    honest = next(iter(_records(table[table["estimate"].eq("nested")])), None)
    if honest is not None:
        numbers.append(KeyNumber("Patients", f"{honest['n']:.0f}", f"{honest['events']:.0f} {_positive(study)}"))
        same = table[table["signature"].eq(honest["signature"])]
        fitted = next(iter(_records(same[same["estimate"].isin(FITTED)])), None)
        notes = (
            ("Apparent AUC", "on patients it has seen"),
            ("Honest AUC", "on patients it has not seen"),
            ("AUC of volume alone", "lesion size"),
        )
        rows = (fitted, honest, _volume(table, honest))
        numbers += [
            KeyNumber(label, wording.amount(row["auc"]), _bounds(row) or note)
            for (label, note), row in zip(notes, rows, strict=True)
            if row
        ]
    links = tables.get("links", pd.DataFrame())
    if not links.empty:
        links = links[~links["estimate"].isin(FITTED)] if "estimate" in links else links
        numbers.append(KeyNumber("Links that survive", f"{int(links['q'].lt(0.05).sum()):,}", f"of {len(links):,} tested"))
    return numbers


def _bounds(row: Row) -> str:
    known = bool(pd.notna(row["auc_low"]) and pd.notna(row["auc_high"]))
    return f"95 % CI {wording.amount(row['auc_low'])} to {wording.amount(row['auc_high'])}" if known else ""


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
    outcome = patients.loc[patients["cohort"].eq(str(cohort)), "outcome"].dropna().astype(float)
    if outcome.empty:
        return ""
    events = int(outcome.sum())
    return (
        f"Of {len(outcome)} with known {_outcome(study)}, {events} ({100 * events / len(outcome):.0f} %) are {_positive(study)}."
    )


def _outcome(study: Mapping[str, Any]) -> str:
    return str(study.get("outcome") or "outcome")


def _positive(study: Mapping[str, Any]) -> str:
    return str(study.get("positive") or "positive")


def _prediction(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("evaluation", pd.DataFrame())
    if table.empty:
        return []
    honest = table[table["estimate"].eq("nested")]
    findings = [_judged(study, table, row) for row in _records(honest)]
    if not findings:
        text = "No honest (nested) estimate was made; figures on patients already seen say nothing about new ones."
        findings = [Finding("Prediction", (text,), caution=True)]
    return findings


def _judged(study: Mapping[str, Any], table: pd.DataFrame, honest: Row) -> Finding:
    """Judge one signature: what it seems to reach, what it reaches on unseen patients, and what its size alone does."""
    same = table[table["signature"].eq(honest["signature"])]
    volume = _volume(table, honest)
    lines = (
        *_fitted_against_honest(study, same, honest),
        _chance(study, honest),
        _against_volume(honest, volume),
        *(_external(row) for row in _records(same[same["estimate"].eq("external")])),
        _too_good(study, honest),
    )
    caution = not _above_chance(honest) or (volume is not None and volume["auc"] >= honest["auc"])
    return Finding(f"Prediction: {honest['signature']}", tuple(filter(None, lines)), caution)


def _volume(table: pd.DataFrame, honest: Row) -> Row | None:
    """Find what lesion size alone reaches in the same cohort, the same signature's row first."""
    rows = table[table["estimate"].eq("volume") & table["cohort"].eq(honest["cohort"])]
    own = rows[rows["signature"].eq(honest["signature"])]
    return next(iter(_records(own) + _records(rows)), None)


def _fitted_against_honest(study: Mapping[str, Any], same: pd.DataFrame, honest: Row) -> list[str]:
    fitted = {row["estimate"]: row for row in _records(same[same["estimate"].isin(FITTED)])}
    lines = [f"{_SEEMING[kind]} it reaches {_auc(fitted[kind])}." for kind in FITTED if kind in fitted]
    counts = f"{honest['n']:.0f} patients, {honest['events']:.0f} {_positive(study)}"
    lines.append(
        f"On patients that it had not seen (nested cross-validation; {counts}) it reaches {_auc(honest)} for {_outcome(study)}."
    )
    if not fitted:
        return lines
    gap = max(row["auc"] for row in fitted.values()) - honest["auc"]
    if gap < _WORTH_SAYING:
        return [*lines, "The figures agree, so little of the apparent performance is optimism."]
    meaning = "it measures how well the recipe remembers its own patients and is not to be expected in new ones."
    return [*lines, f"The gap of {gap:.2f} is optimism: {meaning}"]


def _auc(row: Row) -> str:
    if pd.isna(row["auc_low"]) or pd.isna(row["auc_high"]):
        return f"AUC {wording.amount(row['auc'])}"
    return (
        f"AUC {wording.amount(row['auc'])} (95 % interval {wording.amount(row['auc_low'])} to {wording.amount(row['auc_high'])})"
    )


def _above_chance(row: Row) -> bool:
    return bool(row["auc_low"] > 0.5)  # a missing bound compares false: without an interval nothing is claimed


def _chance(study: Mapping[str, Any], row: Row) -> str:
    p = f" (p = {wording.p_text(row['p'])} against chance)".replace("= <", "< ") if pd.notna(row.get("p")) else ""
    if pd.isna(row["auc_low"]) or pd.isna(row["auc_high"]):
        return "No interval was computed, so nothing can be said about chance."
    if row["auc_low"] > 0.5:
        return f"The interval lies above 0.5: better than chance in this cohort{p}."
    if row["auc_high"] < 0.5:
        return f"The interval lies below 0.5: worse than chance{p}, the sign of a mistake or an unstable recipe."
    return (
        f"The interval includes 0.5: this study does not show that the signature tells {_outcome(study)} better than chance{p}."
    )


def _against_volume(honest: Row, volume: Row | None) -> str:
    if volume is None:
        return ""
    begin = f"Lesion volume alone reaches {_auc(volume)}"
    if volume["auc"] >= honest["auc"]:
        return f"{begin}, as much or more: the signature is not shown to add anything to lesion size."
    if not honest["auc_low"] > volume["auc"]:
        return f"{begin}, which lies inside the signature's interval: an advantage over lesion size is not shown."
    return f"{begin}, below the signature's interval."


def _external(row: Row) -> str:
    where = f"In the external cohort {row['cohort']} ({row['n']:.0f} patients, {row['events']:.0f} events)"
    if _above_chance(row):
        return f"{where} it reaches {_auc(row)}, better than chance."
    return f"{where} it reaches {_auc(row)}; the interval does not exclude chance, so the signature is not confirmed there."


def _too_good(study: Mapping[str, Any], row: Row) -> str:
    if study.get("simulated") or not row["auc"] > _SUSPICIOUS_AUC:
        return ""
    return f"An honest AUC above {_SUSPICIOUS_AUC} is rare for imaging of public cohorts: look for a leak before believing it."


def _modules(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("modules", pd.DataFrame())
    if "module" not in table or table.empty:
        return []
    sizes = table.loc[table["module"].ne(0), "module"].value_counts()
    grey = int(table["module"].eq(0).sum())
    if sizes.empty:
        return [Finding("Modules", (f"None of {len(table):,} genes fell into a co-expression module.",), caution=True)]
    text = f"Of {len(table):,} genes, {len(table) - grey:,} form {len(sizes)} co-expression modules"
    return [Finding("Modules", (f"{text} of {sizes.min():,} to {sizes.max():,} genes; {grey:,} belong to none.",))]


def _links(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("links", pd.DataFrame())
    if table.empty:
        return []
    fitted = table["estimate"].isin(FITTED) if "estimate" in table else pd.Series(False, index=table.index)
    nulls = tables.get("link_null", pd.DataFrame(columns=["family", "null", "mean"])).rename(columns={"expected": "mean"})
    honest = table[~fitted]
    found = int(honest["q"].lt(0.05).sum())
    rule = "correction for multiple tests (q < 0.05 within the family)"
    lines = [f"{f'{found:,}' if found else 'None'} of {len(honest):,} links survive{'s' * (found < 2)} {rule}."]
    for family, links in honest.groupby("family", sort=False):
        lines.append(_family(str(family), int(links["q"].lt(0.05).sum()), len(links), nulls[nulls["family"].eq(str(family))]))
    return [Finding("Links", tuple(filter(None, [*lines, _fitted_links(table[fitted])])), caution=found == 0)]


def _family(family: str, found: int, total: int, nulls: pd.DataFrame) -> str:
    """Say how many links of a family survive, and how many chance would have given."""
    text = f"{family[:1].upper()}{family[1:]}: {found:,} of {total:,}"
    known = nulls[nulls["mean"].notna()]
    if known.empty:
        return f"{text}; no null was run."
    chance = " and ".join(f"{row['mean']:.2g} with {row['null']}" for row in _records(known))
    verdict = " That is within the reach of chance." if found and _within_chance(found, known) else ""
    return f"{text}; chance alone would give {chance}.{verdict}"


def _within_chance(found: int, nulls: pd.DataFrame) -> bool:
    """Tell whether some null gives as many links: by its p, or its upper bound, or its mean, whichever is known."""
    if "p" in nulls and nulls["p"].notna().all():
        return bool(nulls["p"].max() >= 0.05)
    column = "high" if "high" in nulls and nulls["high"].notna().all() else "mean"
    return bool(found <= nulls[column].max())


def _fitted_links(fitted: pd.DataFrame) -> str:
    found = int(fitted["q"].lt(0.05).sum()) if len(fitted) else 0
    if not found:
        return ""
    return (
        f"With the fitted signature instead of the out-of-fold one, {found:,} of {len(fitted):,} links would have passed. "
        "A fitted signature is the outcome in disguise, so these say nothing about imaging."
    )


def _gene_score(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    if "gene_score" not in tables:
        return []
    genes, judged = tables["gene_score"], tables.get("gene_score_evaluation", pd.DataFrame())
    if genes.empty:
        return [Finding("Gene score", ("No gene met the selection rule, so there is no gene score.",), caution=True)]
    rows = {row["estimate"]: row for row in _records(judged)} if len(judged) else {}
    lines = [f"The gene score holds {len(genes)} gene{'s' * (len(genes) != 1)}."]
    seeming = next((rows[kind] for kind in FITTED if kind in rows), None)
    if seeming is not None:
        lines.append(f"Built and judged on the same patients it reaches {_auc(seeming)}.")
    if "nested" in rows:
        lines.append(
            f"With signature, gene selection and regression repeated inside each fold it reaches {_auc(rows['nested'])}."
        )
        lines.append(_chance(study, rows["nested"]).replace("the signature", "the score"))
    else:
        lines.append("No honest estimate was made for it, so nothing is known about new patients.")
    separation = _separation(genes, judged, tables.get("gene_score_odds", pd.DataFrame()))
    sound = "nested" in rows and _above_chance(rows["nested"]) and not separation
    return [Finding("Gene score", tuple(filter(None, [*lines, separation])), caution=not sound)]


def _separation(*tables: pd.DataFrame) -> str:
    ratios = [table["odds_ratio"].to_numpy(dtype=float) for table in tables if "odds_ratio" in table]
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
    return f"An odds ratio of {largest:.3g} is a warning sign: few patients split by chance (separation), not a strong effect."


def _planted(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("planted", pd.DataFrame())
    if "ok" not in table or table.empty:
        return []
    right = table["ok"].astype(bool)
    text = f"{int(right.sum())} of {len(table)} planted facts were found again."
    missed = [f"{row['kind']} {row['name']}" for row in _records(table[~right])]
    lines = (text, f"Not found: {', '.join(missed)}.") if missed else (text,)
    return [Finding("Planted and found", lines, caution=bool(missed))]


def _sample(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    table = tables.get("evaluation", pd.DataFrame())
    rows = _records(table[table["estimate"].eq("nested")]) if len(table) else []
    if not rows:
        return []
    events, others = rows[0]["events"], rows[0]["n"] - rows[0]["events"]
    if min(events, others) >= _ENOUGH_EVENTS:
        return []
    text = (
        f"With {events:.0f} patients {_positive(study)} and {others:.0f} not, every figure here is uncertain: "
        f"at least {_ENOUGH_EVENTS} of each are recommended to validate a prediction model (Collins et al. 2016). "
        "Read the results as hypotheses for a larger study."
    )
    return [Finding("Sample size", (text,), caution=True)]


def _lost(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    if "failures" not in tables:
        return []
    table = tables["failures"]
    if table.empty:
        return [Finding("Failures", ("No patient was lost to a failed step.",))]
    lost = len(table["patient"].unique()) if "patient" in table else len(table)
    text = f"{lost} patient{'s were' if lost != 1 else ' was'} lost to failed steps; the section “Failures” lists them."
    return [Finding("Failures", (text,), caution=True)]


def _records(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return table.to_dict("records")
