"""What a study shows about prediction: what seems, what holds on unseen patients, and what lesion size alone does."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from radiogenomics.figures import formatting
from radiogenomics.report._words import (
    FITTED,
    Finding,
    Row,
    Tables,
    above_chance,
    auc_text,
    chance_verdict,
    model_name,
    noun,
    outcome_name,
    positive_name,
    records,
)

_APPARENT = "On the very patients that the {noun} was fitted to"
_PUBLISHED = {
    "signature": "By the published protocol, where the selection of features has seen every patient,",
    "control": "By the published protocol, where the selection of features has seen every patient,",
    "combined model": "With fitted scores fused, the usual leak (the scores that the model is trained on were fitted to every "
    "patient),",
    "clinical model": "By plain cross-validation, since it selects nothing that could have seen every patient, with scores "
    "pooled over the folds, which biases weak models below 0.5,",
}
_SELECTING = ("signature", "control", "combined model")
_WORTH_SAYING = 0.05
_SUSPICIOUS_AUC = 0.85
_CLEARLY_BELOW = 0.45


def prediction(study: Mapping[str, Any], tables: Tables) -> list[Finding]:
    """Judge every signature that has an honest estimate, or say that there is none."""
    table = tables.get("evaluation", pd.DataFrame())
    if table.empty:
        return []
    honest = table[table["estimate"].eq("nested")]
    findings = [_judged(study, table, row) for row in records(honest)]
    if not findings:
        text = "No honest (nested) estimate was made; figures on patients already seen say nothing about new ones."
        findings = [Finding("Prediction", (text,), caution=True)]
    return findings


def _judged(study: Mapping[str, Any], table: pd.DataFrame, honest: Row) -> Finding:
    """Judge one signature: what it seems to reach, what it reaches on unseen patients, and what its size alone does."""
    same = table[table["signature"].eq(honest["signature"])]
    volume = volume_row(table, honest)
    lines = (
        _untaught(str(honest["signature"])),
        *_fitted_against_honest(study, same, honest),
        chance_verdict(study, honest),
        _other_statistic(study, honest),
        _below_half(honest),
        _against_volume(honest, volume),
        *(_external(row, volume_row(table, row)) for row in records(same[same["estimate"].eq("external")])),
        _too_good(study, honest),
    )
    caution = not above_chance(honest) or (volume is not None and volume["auc"] >= honest["auc"])
    return Finding(f"Prediction: {_topic(honest['signature'])}", tuple(filter(None, lines)), caution)


def _topic(signature: object) -> str:
    """Head the finding of a signature by its name, and that of anything else by what it is."""
    return str(signature) if noun(signature) == "signature" else model_name(signature).removeprefix("the ")


def volume_row(table: pd.DataFrame, honest: Row) -> Row | None:
    """Find what lesion size alone reaches in the same cohort, the same signature's row first."""
    rows = table[table["estimate"].eq("volume") & table["cohort"].eq(honest["cohort"])]
    own = rows[rows["signature"].eq(honest["signature"])]
    return next(iter(records(own) + records(rows)), None)


def _fitted_against_honest(study: Mapping[str, Any], same: pd.DataFrame, honest: Row) -> list[str]:
    fitted = {row["estimate"]: row for row in records(same[same["estimate"].isin(FITTED)])}
    what = noun(honest["signature"])
    begin = {"apparent": _APPARENT.format(noun=what), "published": _PUBLISHED.get(what, _PUBLISHED["signature"])}
    lines = [f"{begin[kind]} it reaches {auc_text(fitted[kind])}." for kind in FITTED if kind in fitted]
    counts = f"nested cross-validation; {honest['n']:.0f} patients, {honest['events']:.0f} {positive_name(study)}"
    lines.append(f"On patients that it had not seen ({counts}) it reaches {auc_text(honest)} for {outcome_name(study)}.")
    return [*lines, _gap(fitted, honest)] if fitted else lines


def _gap(fitted: Mapping[Any, Row], honest: Row) -> str:
    """Say what lies between the figure on patients already seen and that on others; by its size and by what the model is."""
    fitted = {name: row for name, row in fitted.items() if formatting.is_estimated(row["auc"])}
    if not fitted or not formatting.is_estimated(honest["auc"]):
        return "The difference between the two cannot be determined."
    largest = max(row["auc"] for row in fitted.values())
    gap, what = largest - honest["auc"], noun(honest["signature"])
    if gap < _WORTH_SAYING:
        return "The figures agree, so little of the apparent performance is optimism."
    if not any(row["auc_low"] > 0.5 for row in fitted.values()):
        return (
            f"Not even on patients that it has seen is the {what} shown to be better than chance: the gap of {gap:.2f} is what a "
            "weak model gains and loses by chance."
        )
    why = "the recipe remembers its own patients" if what in _SELECTING else "a model with few terms fits its own patients"
    return f"The gap of {gap:.2f} is optimism: it measures how well {why} and is not to be expected in new ones."


def _against_volume(honest: Row, volume: Row | None) -> str:
    if volume is None or not formatting.is_estimated(honest["auc"]):
        return ""
    begin, what = f"Lesion volume alone reaches {auc_text(volume)}", noun(honest["signature"])
    if volume["auc"] >= honest["auc"]:
        return f"{begin}, as much or more: the {what} is not shown to add anything to lesion size."
    if pd.isna(honest["auc_low"]):
        return f"{begin}: without an interval an advantage over lesion size is not shown."
    if not honest["auc_low"] > volume["auc"]:
        return f"{begin}, which lies inside the {what}'s interval: an advantage over lesion size is not shown."
    return f"{begin}, below the {what}'s interval."


def _below_half(honest: Row) -> str:
    """Explain a figure below one half, which looks like a reversed signal and is none."""
    if not (formatting.is_estimated(honest["auc"]) and honest["auc"] < _CLEARLY_BELOW and honest["auc_high"] >= 0.5):
        return ""
    return (
        "Below 0.5 it tells nothing, and nothing in reverse either: patients are compared within one fold, where a model that "
        "has learned chance alone has 0.5 on average, and the interval says how far chance carries it to either side."
    )


def _other_statistic(study: Mapping[str, Any], honest: Row) -> str:
    """Say that the permutation test judges another statistic than the AUC beside it."""
    if pd.isna(honest.get("p")):
        return ""
    published = study.get("settings", {}).get("signature", {}).get("recipe", "published") == "published"
    quicker = ", with sizes chosen by the quicker out-of-bag rule" * (published and noun(honest["signature"]) == "signature")
    judged = f"The permutation test judges the area of one cross-validation{quicker}"
    return f"{judged}, not the mean of all repeats above: the two may differ."


def _untaught(signature: str) -> str:
    """Say of a network with random weights what it is: a control."""
    text = "The weights of this network are random: it was not trained, and serves here as a control."
    return text if "random_weights" in signature else ""


def _external(row: Row, volume: Row | None) -> str:
    where = f"In the external cohort ({row['cohort']}; {row['n']:.0f} patients, {row['events']:.0f} events)"
    beside = f" Lesion volume alone reaches {auc_text(volume)} there." if volume is not None else ""
    if above_chance(row):
        return f"{where} it reaches {auc_text(row)}, better than chance.{beside}"
    return f"{where} it reaches {auc_text(row)}; the interval does not exclude chance, so it is not confirmed there.{beside}"


def _too_good(study: Mapping[str, Any], row: Row) -> str:
    if study.get("simulated") or not row["auc"] > _SUSPICIOUS_AUC:
        return ""
    return f"An honest AUC above {_SUSPICIOUS_AUC} is rare for imaging of public cohorts: look for a leak before believing it."
