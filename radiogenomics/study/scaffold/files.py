"""Files of one's own -> how each is read, and what stands in it as far as it can be read."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics import cohort, expression
from radiogenomics._errors import InputError
from radiogenomics._files import MissingWords, Reading, how_written, read_rows, read_table, sheets_of
from radiogenomics._tables import summarise
from radiogenomics.study.scaffold.writing import Remark

_FEW = 0.5
"""A table whose patients share less than this with those of the features may name them in another column."""


@dataclass(frozen=True)
class Own:
    """A file of one's own.

    Attributes
    ----------
    name : str
        Of its source.
    file : Path
        Where it lies.
    keys : dict of str to str
        The keys of the source that say how it is read.
    table : DataFrame or None
        One row per patient; None where it cannot be read, which the check will tell.
    remarks : tuple of Remark
        What was decided, beside the keys.
    """

    name: str
    file: Path
    keys: dict[str, Any]
    table: pd.DataFrame | None
    remarks: tuple[Remark, ...] = ()

    def source(self, to: Path) -> dict[str, Any]:
        """Give the source's section; the place is seen from the manifest."""
        place = os.path.relpath(self.file.resolve(), to.parent.resolve())
        return {"file": place, "licence": "own data", "citation": "own data", **self.keys}

    def note(self, key: str, text: str) -> "Own":
        """Add a remark beside a key of the source."""
        return replace(self, remarks=(*self.remarks, Remark(("sources", self.name, key), text)))


def patient_file(name: str, file: Path, *, wanted: str | None = None) -> Own:
    """Read a table of patients, of a workbook the first sheet that can be read and has the column that is wanted."""

    def read(keys: Mapping[str, Any]) -> Reading:
        return cohort.patients_reading(file, **keys)

    return _first(name, Path(file), read, lambda table: wanted is None or wanted in table)


def _first(name: str, file: Path, read: Callable[[dict[str, Any]], Reading], fits: Callable[[pd.DataFrame], bool]) -> Own:
    """Read the first sheet that fits, else the first that can be read; how a file is written is told in either case."""
    if not file.is_file():
        how_written(file)  # says why it cannot serve
    sheets: list[str | None] = [*_sheets(file)] or [None]
    readable = []
    for sheet in sheets:
        try:
            keys: dict[str, Any] = dict(how_written(file, sheet=sheet))
            table = read(keys).table
        except ValueError:  # the check tells it beside the source's key
            continue
        readable.append(Own(name, file, keys, table))
        if fits(table):
            break
    if not readable:
        return Own(name, file, {}, None)
    sheet_read = next((own for own in readable if own.table is not None and fits(own.table)), readable[0])
    others = [str(sheet) for sheet in sheets if sheet != sheet_read.keys.get("sheet")]
    return sheet_read.note("sheet", f"the other sheets are {summarise(others)}") if others and sheets != [None] else sheet_read


def _sheets(file: Path) -> list[str]:
    try:
        return sheets_of(file)
    except ValueError:  # damaged: the check tells it beside the source's key
        return []


def with_patients(own: Own, known: Sequence[str]) -> Own:
    """Name the column of patients where another than the usual one holds the identifiers that are known."""
    if own.table is None:
        return own
    try:
        raw = read_table(own.file, **own.keys)
    except ValueError:  # columns of one name: the usual column stays
        return own
    plain = _plain(known)
    shares = {str(column): len(_plain(raw[column].dropna()) & plain) for column in raw.columns}
    best = max(shares, key=lambda column: shares[column])
    have = len(_plain(own.table.index) & plain)
    if have >= _FEW * len(plain) or shares[best] <= have:
        return own
    keys = own.keys | {"patient": best}
    try:
        table = cohort.read_patients(own.file, **keys)
    except ValueError as error:
        return replace(own.note("patient", str(error)), keys=keys, table=None)
    note = f"{shares[best]} of {len(plain)} patients with features are found in this column, {have} in the usual one"
    return replace(own, keys=keys, table=table).note("patient", note)


def _plain(names: Sequence[Any] | pd.Index | pd.Series) -> set[str]:
    """Write identifiers without case, signs and leading zeros; TCGA barcodes as patients."""
    return {_plain_name(re.sub(r"[\s._/-]+", "-", str(text).strip().upper())) for text in names}


def _plain_name(text: str) -> str:
    barcode = re.match(r"^TCGA-\w{2}-\w{4}(?=-|$)", text)
    return barcode.group() if barcode else re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"^X(?=\d)", "", text))


def expression_file(file: Path, patients: Sequence[str]) -> Own:
    """Read the expression matrix: find the side of the genes, and what becomes of genes that come twice or have no symbol."""

    def read(keys: dict[str, Any]) -> Reading:
        keys["genes_in"] = _genes_in(file, keys, patients)
        # Both rules let everything pass; which of them were needed stands in the decisions.
        reading = expression.expression_reading(file, **keys, duplicates="highest_variance", unnamed="drop")
        needed = set(reading.decisions["what"])
        keys |= {"duplicates": "highest_variance"} if "genes joined" in needed else {}
        keys |= {"unnamed": "drop"} if "genes dropped" in needed else {}
        readings.append(reading)
        return reading

    readings: list[Reading] = []
    own = _first("expression", Path(file), read, lambda table: bool(table.shape[0] > 1))
    if own.table is None:
        return replace(own, keys=own.keys | {"genes_in": "rows"})
    why = readings[-1].decisions.set_index("what")["why"]
    for what, key, also in (
        ("genes joined", "duplicates", " (or: mean, median)"),
        ("genes dropped", "unnamed", ""),
        ("dates for genes", "file", ""),
    ):
        own = own.note(key, f"{why[what]}{also}") if what in why.index else own
    return own


def _genes_in(file: Path, keys: Mapping[str, Any], patients: Sequence[str]) -> str:
    """Find out where the genes stand, by the names of the patients first."""
    table = read_rows(file, missing=MissingWords(known=False), number_names=True, **keys).table
    genes_in = expression.orientation(list(table.iloc[:, 0].astype(str)), list(table.columns[1:]), list(patients))
    if genes_in is None:
        raise InputError(f"{file}: cannot tell whether genes are in rows or in columns; give genes_in in the manifest.")
    return genes_in


def with_barcodes(owns: Sequence[Own]) -> list[Own]:
    """Choose how identifiers are written, so that the patients of all tables fit those of the first.

    TCGA barcodes are cut to the patient where some are of samples, or written with dots or small letters. Other identifiers
    stay as they are, unless more patients are found in capitals, with one sign between their parts, and without leading zeros.
    """
    read = [own for own in owns if own.table is not None]
    if not read or owns[0].table is None:
        return list(owns)
    if _are_barcodes(owns[0].table.index):
        return [_cut(own) if own.table is not None and _are_barcodes(own.table.index) else own for own in owns]
    first = owns[0].table.index
    exact = sum(len(first.intersection(own.table.index)) for own in read if own.table is not None)
    try:
        plain = [_written(own, "plain") for own in owns]
    except ValueError:  # two patients would become one
        return list(owns)
    anchor = plain[0].table
    alike = sum(len(anchor.index.intersection(own.table.index)) for own in plain if own.table is not None and anchor is not None)
    if alike <= exact:
        return list(owns)
    text = "in capitals, a dash between parts, no leading zeros: the tables write identifiers in several ways"
    return [own.note("barcode", text) if own.table is not None else own for own in plain]


def _are_barcodes(names: pd.Index) -> bool:
    return all(re.match(r"(?i)^tcga[-._]\w{2}[-._]\w{4}([-._]|$)", str(name).strip()) for name in names)


def _cut(own: Own) -> Own:
    if own.table is None or all(re.fullmatch(r"TCGA-\w{2}-\w{4}", str(name)) for name in own.table.index):
        return own
    return _written(own, "tcga").note("barcode", "cut to the patient; of expression, tumour samples (01) are kept")


def _written(own: Own, barcode: str) -> Own:
    """Read a table again with its identifiers written in another way."""
    keys = own.keys | {"barcode": barcode}
    if own.table is None:
        return replace(own, keys=keys)
    table = own.table
    if barcode == "tcga" and "genes_in" in keys:
        table = table[cohort.tumour_samples(list(table.index))]
    named = (cohort.tcga_patients if barcode == "tcga" else cohort.plain_patients)(list(table.index), name=str(own.file))
    table = table.set_axis(pd.Index(named, name="patient", dtype=object))
    return replace(own, keys=keys, table=table[~table.index.duplicated()])
