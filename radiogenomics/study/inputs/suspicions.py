"""What may make a study look better than it is: patients who stand in it twice, columns that tell who a patient is."""

from collections.abc import Mapping

import pandas as pd

from radiogenomics import validation
from radiogenomics._files import Decision
from radiogenomics._names import written_alike
from radiogenomics._tables import summarise

_FEWEST_KNOWN, _MOST_GENES = 5, 1000


def suspicions(tables: Mapping[str, pd.DataFrame], outcome: "pd.Series[float] | None" = None) -> list[Decision]:
    """Look for copies of patients and for tell-tale columns in feature tables -> one decision a finding.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Feature tables by the name that the findings shall give, one row per patient.
    outcome : Series, optional
        Of at least some of the patients; numbers that tell it like a code are named then too.

    Returns
    -------
    list of Decision
        Copies, which validation keeps in one fold; columns to look at, of which nothing is dropped.
    """
    suspicious = []
    for name, table in tables.items():
        suspicious += _uninformative(name, table)
        suspicious += _twice(name, table, "they have nearly the same features", "they stay in one fold")
        alike = [(one, two) for one, two in written_alike(table.index, table.index) if str(one) < str(two)]
        if alike:
            why = f"names that differ in case, signs or zeros alone: {summarise((f'{one} and {two}' for one, two in alike), 5)}"
            suspicious.append(
                Decision("patients alike in name", name, len(alike), f"{why}; they stay in one fold, keep one of each")
            )
        leaks = validation.find_leaks(table, outcome)
        for row in leaks.to_dict("records"):
            why = f"{row['detail']}; it is kept: remove it from the table unless it is a measurement"
            suspicious.append(Decision(f"possible leak: {row['kind']}", f"{name}: {row['column']}", 1, why))
    return suspicious


def expression_twice(expression: pd.DataFrame) -> list[Decision]:
    """Look for copies of patients in an expression matrix, by up to a thousand genes -> a decision, if there are some."""
    some = expression.iloc[:, :: max(1, expression.shape[1] // _MOST_GENES)]
    return _twice("expression", some, "they have nearly the same expression", "both count in modules and links")


def _twice(name: str, table: pd.DataFrame, what: str, so: str) -> list[Decision]:
    """Name the patients who stand in a table twice under different names."""
    copies = validation.find_copies({name: table})
    if copies.empty:
        return []
    pairs = summarise((f"{one} and {other}" for one, other in zip(copies["first"], copies["second"], strict=True)), 5)
    why = f"{what}: {pairs}; {so}. Drop one of each if they are one person"
    return [Decision("patients twice", name, len(copies), why)]


def _uninformative(name: str, table: pd.DataFrame) -> list[Decision]:
    """Name the features that tell nothing: the same in every patient, or known of too few to be linked."""
    known = table.notna().sum()
    rare = list(known.index[known < _FEWEST_KNOWN])
    flat = [column for column in table.columns if column not in rare and table[column].nunique() < 2]
    suspicious = []
    if flat:
        suspicious.append(
            Decision("features constant", name, len(flat), f"the same in every patient: {summarise(flat)}; they have no links")
        )
    if rare:
        why = f"known of fewer than {_FEWEST_KNOWN} patients: {summarise(rare)}; they have no links, and signatures fill them in"
        suspicious.append(Decision("features hardly known", name, len(rare), why))
    return suspicious
