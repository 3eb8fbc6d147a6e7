"""A table of patients in a file -> one row per patient, and what was decided while it was read."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import (
    Decision,
    MissingWords,
    Reading,
    Rows,
    decision_table,
    is_missing_word,
    is_number_like,
    log_decisions,
    number_columns,
    read_rows,
)
from radiogenomics._tables import summarise
from radiogenomics.cohort.identifiers import plain_patients, tcga_patients

logger = logging.getLogger(__name__)

Barcode = Literal["as-is", "tcga", "plain"]
_SUMMARY = re.compile(
    r"(?i)^((grand[\s_])?total|sums?|mean|average|avg\.?|median|s\.?d\.?|std(\.|ev)?|standard deviation"
    r"|variance|min(imum)?|max(imum)?|count|mean ?(±|\+/?-) ?sd|iqr|range)$"
)
_FEWEST_NUMBERS = 5  # distinct; fewer are classes, such as 1-3 and 4-9 nodes
_PATIENT = re.compile(r"(?i)^(patient|subject|case|participant)?s?[\s_.-]*(id|ids|name|no|number|barcode|identifier)?$")


def read_patients(
    path: Path,
    *,
    patient: str | None = None,
    header_rows: int = 1,
    barcode: Barcode = "as-is",
    missing: Sequence[str] | None = None,
    text_columns: Sequence[str] = (),
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> pd.DataFrame:
    """Read a table of patients from text, an Excel sheet or parquet -> DataFrame indexed by 'patient'.

    Parameters
    ----------
    path : Path
        Text (comma, semicolon or tab separated; UTF-8, UTF-16 or Latin-1), ``.xlsx`` or ``.parquet``, each also packed.
    patient : str, optional
        The column that identifies the patient. Left out, the first, or the one column that is named so where the first
        only counts rows or holds measurements.
    header_rows : int
        Rows of heading, of which the first names the columns (TCGA's clinical tables have three, which is seen by their
        ``CDE_ID``). Lines of comments before the heading count as such.
    barcode : {'as-is', 'tcga', 'plain'}
        'tcga' cuts identifiers to the 12-character barcode of the patient; 'plain' writes them as `plain_patients` does.
    missing : sequence of str, optional
        Words of one's own that stand for a missing value, beside the usual ones ("Not Collected", "[Not Available]",
        "Unknown", "N/A", "NC", "NP", "--", ...).
    text_columns : sequence of str
        Columns that stay text although most of their values are numbers.
    separator, decimal, encoding, sheet : str, optional
        How the file is written; found out when left out.

    Returns
    -------
    DataFrame, shape (n_patients, n_columns)
        Columns in which every present value is a number are numeric, the others text. Rows that are the same but for the
        identifier of the sample are one. PyRadiomics' columns ``diagnostics_...`` describe the extraction and are left out.
        What was decided is logged; `patients_reading` gives it as a table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read as a table, lacks the patient column, has a row without identifier, says two different
        things of one patient, or holds an entry such as ``>80`` in a column of numbers; the message names the line.
    """
    return patients_reading(
        path,
        patient=patient,
        header_rows=header_rows,
        barcode=barcode,
        missing=missing,
        text_columns=text_columns,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
    ).table


def patients_reading(
    path: Path,
    *,
    patient: str | None = None,
    header_rows: int = 1,
    barcode: Barcode = "as-is",
    missing: Sequence[str] | None = None,
    text_columns: Sequence[str] = (),
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Reading:
    """Read a table of patients as `read_patients` does -> the table and what was decided while it was read."""
    options: dict[str, Any] = {"separator": separator, "decimal": decimal, "encoding": encoding, "sheet": sheet}
    rows = _rows(path, patient=patient, header_rows=header_rows, barcode=barcode, missing=missing, **options)
    table, lines, decisions = _once(rows, Path(path))
    _check_text_columns(text_columns, table, Path(path))
    table = _without_diagnostics(_numeric(table, lines, Path(path), text_columns, decisions), Path(path), decisions)
    _check_finite(table, lines, Path(path))
    decisions += _numbers_in_words(table.drop(columns=list(text_columns)), Path(path))
    log_decisions(decisions, logger)
    return Reading(table, decision_table(decisions))


def _rows(
    path: Path,
    *,
    patient: str | None,
    header_rows: int,
    barcode: Barcode,
    missing: Sequence[str] | None,
    **options: Any,
) -> Rows:
    """Read the rows of patients as text, each with its identifier as index."""
    words = MissingWords(own=frozenset(word.strip() for word in missing or ()))
    raw = read_rows(path, missing=words, number_names=True, **options)
    first = max(header_rows - 1 - raw.comments, _further_headings(raw, Path(path)), 0)
    table, lines = raw.table.iloc[first:], raw.lines[first:]
    if table.empty:
        raise InputError(f"{path}: has no row after its {header_rows} rows of heading; give header_rows = 1, or add patients.")
    key = _key(table, patient, Path(path), raw.decisions)
    if key != table.columns[0] and _counts_rows(table.iloc[:, 0]):
        raw.decisions.append(
            Decision("columns left out", Path(path).name, 1, "a first column without a name that counts the rows")
        )
        table = table.iloc[:, 1:]
    identifiers = [_identifier(value) for value in table[key]]
    _check_named(identifiers, lines, key, Path(path))
    names = named_by(barcode, identifiers, name=f"{path}, column {key!r}")
    table = table.drop(columns=key).set_axis(pd.Index(names, name="patient", dtype=object))
    return Rows(table, lines, raw.comments, raw.decisions)


def _further_headings(raw: Rows, path: Path) -> int:
    """Count the rows below the heading that are heading too: TCGA's, told by ``CDE_ID:`` in the last of them."""
    for at in range(min(3, len(raw.table))):
        if raw.table.iloc[at].astype(str).str.startswith("CDE_ID:").any():
            why = f"further rows of heading down to the one with CDE_ID, line {raw.lines[at]}"
            raw.decisions.append(Decision("heading", path.name, at + 1, why))
            return at + 1
    return 0


def _key(table: pd.DataFrame, patient: str | None, path: Path, decisions: list[Decision]) -> str:
    """Say which column identifies the patient."""
    if patient is not None:
        names = {str(name).lstrip("#"): str(name) for name in table.columns}
        if patient.strip().lstrip("#") not in names:
            raise InputError(
                f"{path}: no column {patient!r} to identify patients; its columns are {summarise(table.columns, 8)}."
            )
        return names[patient.strip().lstrip("#")]
    first, others = str(table.columns[0]), [str(name) for name in table.columns[1:] if _PATIENT.match(str(name))]
    if not others or _PATIENT.match(first) or not _is_no_name(table[first]):
        return first
    unique = [name for name in others if table[name].notna().all() and table[name].is_unique]
    if len(unique) != 1:
        return first
    why = f"column {unique[0]!r} names the patients, since the first, {first!r}, counts rows or holds measurements"
    decisions.append(Decision("patient column", path.name, len(table), why))
    return unique[0]


def _is_no_name(column: pd.Series) -> bool:
    """Tell measurements, and the row numbers that pandas and R write, from identifiers."""
    numbers = pd.to_numeric(column, errors="coerce")
    return _counts_rows(column) or (not numbers.isna().any() and bool((numbers % 1 != 0).any()))


def _counts_rows(column: pd.Series) -> bool:
    numbers = pd.to_numeric(column, errors="coerce")
    unnamed = str(column.name).startswith("Unnamed")
    return unnamed and numbers.iloc[0] in (0, 1) and bool((numbers.diff().iloc[1:] == 1).all())


def named_by(barcode: Barcode, identifiers: list[str], *, name: str) -> list[str]:
    """Write identifiers as a source's ``barcode`` says."""
    if barcode == "tcga":
        return tcga_patients(identifiers, name=name)
    return plain_patients(identifiers, name=name) if barcode == "plain" else identifiers


def _identifier(value: object) -> str:
    """Write an identifier as text: a whole number of a parquet column without its '.0'."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value).strip()


def _check_named(identifiers: list[str], lines: list[int], key: str, path: Path) -> None:
    unknown = [is_missing_word(text) or text.casefold() == "none" for text in identifiers]
    nameless = [line for line, missing in zip(lines, unknown, strict=True) if missing]
    if nameless:
        raise InputError(
            f"{path}: {len(nameless)} row(s) have no patient identifier in column {key!r} (line {summarise(nameless)}); "
            "name the patients, or remove the rows."
        )
    summary = [f"{text!r} in line {line}" for text, line in zip(identifiers, lines, strict=True) if _SUMMARY.match(text)]
    if summary:
        raise InputError(
            f"{path}: row(s) of column {key!r} are named like a summary of the others ({summarise(summary)}); remove the rows, "
            "or give the patients other names."
        )


def _repeated(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    repeated = np.zeros(len(table), dtype=bool)
    again = table.index.duplicated(keep=False)
    if again.any():
        repeated[again] = table[again].reset_index().duplicated().to_numpy(dtype=bool)
    return repeated


def _once(rows: Rows, path: Path) -> tuple[pd.DataFrame, list[int], list[Decision]]:
    """Keep one of rows that say the same of a patient; refuse rows that say different things."""
    # Tables with one row per sample repeat what they know of the patient; rows that say the same are one.
    copies = _repeated(rows.table)
    table = rows.table[~copies]
    lines = [line for line, copy in zip(rows.lines, copies, strict=True) if not copy]
    twice = table.index[table.index.duplicated()].unique()
    if len(twice):
        at = [line for line, name in zip(lines, table.index, strict=True) if name == twice[0]]
        raise InputError(
            f"{path}: patient(s) {summarise(twice)} have more than one row; "
            f"reduce to one row per patient first ({twice[0]} is in lines {summarise(at)})."
        )
    decisions = list(rows.decisions)
    if copies.any():
        why = f"rows that say the same of a patient once more: {summarise(rows.table.index[copies].unique())}"
        decisions.append(Decision("repeated rows", path.name, int(copies.sum()), why))
    return table, lines, decisions


def _check_text_columns(chosen: Sequence[str], table: pd.DataFrame, path: Path) -> None:
    absent = [name for name in chosen if name not in table.columns]
    if absent:
        raise InputError(f"{path}: text_columns names {summarise(absent)}, which the table has not; name its columns.")


def _numeric(
    table: pd.DataFrame, lines: list[int], path: Path, text_columns: Sequence[str], decisions: list[Decision]
) -> pd.DataFrame:
    """Make columns of numbers numeric; refuse an entry such as ``>80`` that keeps one from being so, and tell of words."""
    numbers, exceptions = number_columns(table[[name for name in table.columns if name not in text_columns]])
    problems = []
    for name, places in exceptions.items():
        entries = summarise([f"{table[name].iloc[at]!r} (patient {table.index[at]}, line {lines[at]})" for at in places], 3)
        if all(is_number_like(table[name].iloc[at]) for at in places):
            problems.append(f"column {name!r} holds numbers, but for {entries}")
        else:
            why = (
                f"the column is read as words, since its numbers are mixed with {entries}; name them in `missing` to read numbers"
            )
            decisions.append(Decision("words amid numbers", f"{path.name}, column {name!r}", len(places), why))
    if problems:
        raise InputError(
            f"{path}: {'; '.join(problems)}; write a number or leave the cell blank, name the entry in `missing` "
            "if it means a missing value, or name the column in `text_columns` if it holds words."
        )
    kept = table[[name for name in table.columns if name in text_columns]]
    return pd.concat([numbers, kept], axis=1)[list(table.columns)]


def _check_finite(table: pd.DataFrame, lines: list[int], path: Path) -> None:
    """Refuse infinite numbers, which no measurement is."""
    numbers = table.select_dtypes("number")
    rows, columns = np.nonzero(np.isinf(numbers.to_numpy(dtype=float)))
    if len(rows):
        row, name = int(rows[0]), numbers.columns[columns[0]]
        raise InputError(
            f"{path}: {len(rows)} value(s) are infinite, the first of patient {table.index[row]} in column {name!r} (line "
            f"{lines[row]}); write a number, or leave the cell blank where the value is missing."
        )


def _numbers_in_words(table: pd.DataFrame, path: Path) -> list[Decision]:
    """Tell of columns read as words although every value is a number with something about it, such as ``45%``."""
    said = []
    for name in table.select_dtypes("object").columns:
        present = table[name].dropna().astype(str)
        strange = present[pd.to_numeric(present, errors="coerce").isna()]
        if present.nunique() >= _FEWEST_NUMBERS and len(strange) and all(map(is_number_like, present.unique())):
            why = f"read as words, since its numbers are written like {summarise(strange.unique(), 3)}; write plain numbers"
            said.append(Decision("numbers read as words", f"{path.name}, column {name!r}", len(strange), why))
    return said


def _without_diagnostics(table: pd.DataFrame, path: Path, decisions: list[Decision]) -> pd.DataFrame:
    notes = [name for name in table.columns if str(name).startswith("diagnostics_")]
    if notes:
        why = f"PyRadiomics' notes on the extraction are not features: {summarise(notes, 3)}"
        decisions.append(Decision("columns left out", path.name, len(notes), why))
    return table.drop(columns=notes)
