"""Who is in: binary outcomes and the inclusion flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise


def binary_outcome(
    values: pd.Series,
    *,
    positive: Sequence[str],
    negative: Sequence[str],
    excluded: Sequence[str] = (),
) -> pd.Series:
    """Turn recorded words into an outcome -> 1.0, 0.0, or NaN where missing or excluded.

    Parameters
    ----------
    values : Series, shape (n_patients,)
        What the clinical table says, by patient.
    positive, negative, excluded : sequence of str
        The words that mean each. White space at the ends is ignored.

    Returns
    -------
    Series, shape (n_patients,)
        Float, indexed as `values`.

    Raises
    ------
    ValueError
        If a value stands in none of the three lists (it is reported, not guessed), or in two of them.
    """
    meaning = _meanings({"positive": positive, "negative": negative, "excluded": excluded})
    words = values.map(_word)
    unknown = sorted(set(words.dropna()) - set(meaning))
    if unknown:
        counts = words.value_counts()
        examples = ", ".join(f"{word!r} ({counts[word]})" for word in unknown)
        raise InputError(
            f"outcome {values.name!r} has value(s) with no meaning: {examples}; add each to positive, negative or excluded."
        )
    codes = {"positive": 1.0, "negative": 0.0, "excluded": np.nan}
    return words.map({word: codes[kind] for word, kind in meaning.items()}).astype(float)


@dataclass(frozen=True)
class Cohort:
    """The patients of one cohort and how they came to be in it.

    Attributes
    ----------
    patients : DataFrame, shape (n_patients, n_columns)
        Those with features, indexed by 'patient'; columns ``cohort, outcome, has_expression, included``, then clinical ones.
    inclusion : DataFrame
        Columns ``cohort, step, n, excluded, reason``, one row per step, in order.
    left_out : DataFrame
        Columns ``patient, cohort, step, reason``, one row per patient who is not included.
    """

    patients: pd.DataFrame
    inclusion: pd.DataFrame
    left_out: pd.DataFrame


def assemble(
    name: str,
    *,
    features: pd.Index,
    outcome: pd.Series,
    outcome_name: str,
    clinical: pd.DataFrame,
    expression: pd.Index | None = None,
) -> Cohort:
    """Bring a cohort together: who has features, expression (where asked for) and an outcome.

    Parameters
    ----------
    name : str
        The cohort's name.
    features : Index
        Patients with imaging features.
    outcome : Series
        1, 0 or NaN by patient.
    outcome_name : str
        Its name in words, for the flow.
    clinical : DataFrame
        Columns to carry along, by patient.
    expression : Index, optional
        Patients with expression; left out for an imaging-only cohort.

    Returns
    -------
    Cohort
        Patients and inclusion flow.
    """
    patients = pd.DataFrame({"cohort": name, "outcome": outcome.reindex(features)}, index=features.rename("patient"))
    patients["has_expression"] = features.isin(expression) if expression is not None else False
    kept = pd.Series(True, index=patients.index)
    rules = [(f"with known {outcome_name}", patients["outcome"].notna(), f"{outcome_name} not known")]
    if expression is not None:
        rules.insert(0, ("with expression", patients["has_expression"], "no expression profile"))
    flow = [{"step": "with imaging features", "n": len(kept), "excluded": 0, "reason": ""}]
    left_out = [pd.DataFrame(columns=["patient", "cohort", "step", "reason"])]
    for step, passes, reason in rules:
        out = patients.index[kept & ~passes]
        kept &= passes
        flow.append({"step": step, "n": int(kept.sum()), "excluded": len(out), "reason": reason if len(out) else ""})
        left_out.append(pd.DataFrame({"patient": out, "cohort": name, "step": step, "reason": reason}))
    patients["included"] = kept
    inclusion = pd.DataFrame(flow).assign(cohort=name)[["cohort", "step", "n", "excluded", "reason"]]
    return Cohort(patients.join(clinical.reindex(features)), inclusion, pd.concat(left_out, ignore_index=True))


def join_tables(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join tables by patient -> the columns of all, one row for everybody who stands in one of them.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Patient tables by the name that a message shall give.

    Returns
    -------
    DataFrame
        Indexed by 'patient'; a column that two tables have with equal values stands once.

    Raises
    ------
    ValueError
        If a column stands in two of them with other values.
    """
    joined = pd.DataFrame(index=pd.Index([], name="patient", dtype=object))
    for source, table in tables.items():
        again = [column for column in table.columns if column in joined]
        both = joined.index.intersection(table.index)
        unlike = [column for column in again if not joined.loc[both, column].equals(table.loc[both, column])]
        if unlike:
            raise InputError(
                f"column(s) {summarise(unlike)} of {source!r} are also in an earlier table, with other values; "
                "rename or remove them in one of the tables"
            )
        joined = joined.join(table.drop(columns=again), how="outer", sort=False)
    return joined.rename_axis("patient")


def _word(value: Any) -> Any:
    """Give a recorded value as a stripped word; a whole number loses its '.0', so that 1.0 and '1' are the same word."""
    if pd.isna(value):
        return np.nan
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _meanings(lists: Mapping[str, Sequence[str]]) -> dict[str, str]:
    meaning: dict[str, str] = {}
    for kind, words in lists.items():
        for word in words:
            if meaning.setdefault(word.strip(), kind) != kind:
                raise InputError(f"outcome value {word!r} is in both {meaning[word.strip()]} and {kind}; keep it in one list.")
    return meaning
