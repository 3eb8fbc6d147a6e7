"""Who is in: patient tables read from files, binary outcomes, and the inclusion flow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import read_table
from radiogenomics._tables import shown

MISSING_WORDS = (
    "",
    "NA",
    "NaN",
    "nan",
    "[Not Available]",
    "[Not Applicable]",
    "[Not Evaluated]",
    "[Unknown]",
    "[Discrepancy]",
    "[Completed]",
)
"""What clinical tables, those of the TCGA above all, write where a value is missing."""

_BARCODE = re.compile(r"^(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})(-.*)?$")


def tcga_patients(identifiers: Sequence[str], *, name: str = "identifiers") -> list[str]:
    """Cut TCGA barcodes to the 12 characters that name the patient.

    Parameters
    ----------
    identifiers : sequence of str
        Barcodes of patients, samples or aliquots; dots in the place of dashes (R's doing) are mended.
    name : str
        What the caller calls them; stands in the message.

    Returns
    -------
    list of str
        ``TCGA-XX-YYYY`` for each.

    Raises
    ------
    ValueError
        If one of them is no TCGA barcode; all that are not are counted and the first are named.
    """
    matches = [_BARCODE.match(str(text).strip().upper().replace(".", "-")) for text in identifiers]
    bad = [text for text, match in zip(identifiers, matches, strict=True) if match is None]
    if bad:
        raise InputError(
            f"{name}: {len(bad)} of {len(matches)} are no TCGA barcodes (TCGA-XX-YYYY...): {shown(bad)}; "
            "correct them, or read the table with barcode = 'as-is'."
        )
    return [match.group(1) for match in matches if match]


def tumour_samples(identifiers: Sequence[str]) -> list[bool]:
    """Tell which TCGA barcodes are of a primary tumour (sample type 01) or name no sample at all.

    Parameters
    ----------
    identifiers : sequence of str
        Barcodes of patients, samples or aliquots.

    Returns
    -------
    list of bool
        False for metastases (06), normal tissue (11) and every other sample type.
    """
    types = [re.match(r"^TCGA.\w{2}.\w{4}.(\d{2})", str(text).strip().upper()) for text in identifiers]
    return [match is None or match.group(1) == "01" for match in types]


def read_patients(
    path: Path,
    *,
    patient: str | None = None,
    header_rows: int = 1,
    barcode: Literal["as-is", "tcga"] = "as-is",
    missing: Sequence[str] = MISSING_WORDS,
) -> pd.DataFrame:
    """Read a table of patients from CSV, TSV or parquet -> DataFrame indexed by 'patient'.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.tsv``, ``.txt`` (tab separated), each also ``.gz``, or ``.parquet``.
    patient : str, optional
        The column that identifies the patient; the first column when left out.
    header_rows : int
        Rows of heading, of which the first names the columns (TCGA's clinical tables have three).
    barcode : {'as-is', 'tcga'}
        'tcga' cuts identifiers to the 12-character barcode of the patient.
    missing : sequence of str
        Words that stand for a missing value.

    Returns
    -------
    DataFrame, shape (n_patients, n_columns)
        Columns in which every present value is a number are numeric, the others text. Rows that are the same but for the
        identifier of the sample are one; `repeated_patients` names whose.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read as a table, lacks the patient column, or says two different things of one patient.
    """
    table = _rows(path, patient=patient, header_rows=header_rows, barcode=barcode, missing=missing)
    # Tables with one row a sample repeat what they know of the patient; rows that say the same are one.
    table = table[~_repeated(table)]
    twice = table.index[table.index.duplicated()].unique()
    if len(twice):
        raise InputError(f"{path}: patient(s) {shown(twice)} have more than one row; reduce to one row per patient first.")
    return table.apply(_to_numbers)


def repeated_patients(
    path: Path,
    *,
    patient: str | None = None,
    header_rows: int = 1,
    barcode: Literal["as-is", "tcga"] = "as-is",
    missing: Sequence[str] = MISSING_WORDS,
) -> list[str]:
    """Name the patients of whom a table says the same more than once; `read_patients`, read alike, counts each once.

    Parameters
    ----------
    path, patient, header_rows, barcode, missing
        As in `read_patients`.

    Returns
    -------
    list of str
        In the order of the table.
    """
    table = _rows(path, patient=patient, header_rows=header_rows, barcode=barcode, missing=missing)
    return list(table.index[_repeated(table)].unique())


def _rows(
    path: Path, *, patient: str | None, header_rows: int, barcode: Literal["as-is", "tcga"], missing: Sequence[str]
) -> pd.DataFrame:
    """Read the rows that name a patient, as text."""
    raw = read_table(path, missing=missing)
    key = patient or str(raw.columns[0])
    if key not in raw.columns:
        raise InputError(f"{path}: no column {key!r} to identify patients; its columns are {shown(raw.columns, 8)}.")
    table = raw.iloc[header_rows - 1 :]
    table = table[table[key].notna()]
    identifiers = [str(text).strip() for text in table[key]]
    names = tcga_patients(identifiers, name=f"{path}, column {key!r}") if barcode == "tcga" else identifiers
    return table.drop(columns=key).set_axis(pd.Index(names, name="patient", dtype=object))


def _repeated(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return table.reset_index().duplicated().to_numpy(dtype=bool)


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
        found = ", ".join(f"{word!r} ({counts[word]})" for word in unknown)
        raise InputError(
            f"outcome {values.name!r} has value(s) with no meaning: {found}; add each to positive, negative or excluded."
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
        Columns ``cohort, step, n, excluded, reason``, one row a step, in order.
    left_out : DataFrame
        Columns ``patient, cohort, step, reason``, one row a patient who is not included.
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


def _to_numbers(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.astype(float) if numbers.notna().sum() == column.notna().sum() else column


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
                raise InputError(
                    f"outcome value {word!r} stands in both {meaning[word.strip()]} and {kind}; keep it in one list."
                )
    return meaning
