"""Who of the table of patients belongs where."""

import pandas as pd

_NO_MEASUREMENT = ("cohort", "has_expression", "included")


def of_cohort(table: pd.DataFrame, patients: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give the rows of a cohort's included patients."""
    return table.loc[patients.index[(patients["cohort"] == name) & patients["included"]]]


def linked(patients: pd.DataFrame) -> pd.Index:
    """Name the training patients with features, expression and outcome: those whom links and gene score are made of."""
    return patients.index[(patients["cohort"] == "training") & patients["included"]]


def with_words(patients: pd.DataFrame, *, name: str, labels: list[str]) -> pd.DataFrame:
    """Give the clinical columns of the linked patients; the outcome stands first, under its name and in its words."""
    described = patients.loc[linked(patients)]
    words = described["outcome"].map(dict(enumerate(labels))).astype(pd.CategoricalDtype(labels))
    described = described.drop(columns=["outcome", *_NO_MEASUREMENT])
    described.insert(0, name, words)
    return described.loc[:, described.notna().any()]
