"""Tables of one's own -> a valid manifest."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import tomli_w

from radiogenomics import cohort, expression
from radiogenomics._errors import InputError
from radiogenomics._files import make_folder, read_table, sha256, write_text
from radiogenomics._tables import shown
from radiogenomics.study.inputs.checks import check


def init(
    features: Path,
    expression_file: Path,
    clinical: Path,
    *,
    outcome: str,
    positive: Sequence[str] | None = None,
    gene_sets: Path | None = None,
    to: Path,
) -> Path:
    """Write a manifest for a feature table, an expression matrix and a clinical table, and check it.

    Parameters
    ----------
    features, expression_file, clinical : Path
        CSV, TSV or parquet. Features and clinical table have one row a patient, the first column naming them; expression
        has genes in rows or in columns, which is found out from the patients' names.
    outcome : str
        The clinical column to predict.
    positive : sequence of str, optional
        Its positive values; every other value is negative. Left out, the values must be 1 and 0.
    gene_sets : Path, optional
        A GMT file. Left out, the pathway steps are not run.
    to : Path
        Where to write the manifest.

    Returns
    -------
    Path
        `to`.

    Raises
    ------
    ValueError
        If a table cannot be read, the outcome column is not there, its values need `positive`, or `to` exists already.
    """
    to = Path(to)
    if to.exists():
        raise InputError(f"{to} exists already; choose another name with --to, or remove it.")
    patients = cohort.read_patients(features).index
    words = _words(Path(clinical), outcome)
    sources: dict[str, dict[str, object]] = {
        "features": _source(features, to),
        "clinical": _source(clinical, to),
        "expression": _source(expression_file, to) | {"genes_in": _genes_in(expression_file, patients)},
    }
    raw: dict[str, object] = {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", to.stem),
        "title": f"{outcome} from {Path(features).name}",
        "seed": 1,
        "training": {"features": {"imaging": "features"}, "clinical": "clinical"},
        "outcome": {"name": outcome, "column": outcome, **_meaning(words, outcome, positive)},
        "expression": {"source": "expression", **_unit(expression_file, patients)},
        "sources": sources,
    }
    if gene_sets is not None:
        raw["gene_sets"] = {"sources": ["gene_sets"]}
        sources["gene_sets"] = _source(gene_sets, to)
    make_folder(to.parent, "the manifest's folder")
    write_text(to, tomli_w.dumps(raw))
    try:
        check(to)
    except ValueError:
        to.unlink()
        raise
    return to


def _source(file: Path, to: Path) -> dict[str, object]:
    place = os.path.relpath(Path(file).resolve(), to.parent.resolve())
    return {"file": place, "sha256": sha256(file), "licence": "own data", "citation": "own data"}


def _words(clinical: Path, outcome: str) -> list[str]:
    table = cohort.read_patients(clinical)
    if outcome not in table:
        raise InputError(f"{clinical}: no column {outcome!r} to predict; its columns are {shown(table.columns, 12)}.")
    return sorted({f"{value:g}" if isinstance(value, float) else str(value).strip() for value in table[outcome].dropna()})


def _meaning(words: list[str], outcome: str, positive: Sequence[str] | None) -> dict[str, list[str]]:
    chosen = [word.strip() for word in positive] if positive else ["1"]
    absent = [word for word in chosen if word not in words]
    if absent or (positive is None and words != ["0", "1"]):
        raise InputError(
            f"{outcome!r} has the values {shown(words, 12)}; say which are positive with --positive VALUE[,VALUE...]."
        )
    return {"positive": chosen, "negative": [word for word in words if word not in chosen]}


def _genes_in(file: Path, patients: pd.Index) -> Literal["rows", "columns"]:
    """Find out where the genes stand, by the names of the patients first."""
    table = read_table(file, missing=(), text=True)
    found = expression.orientation(list(table.iloc[:, 0].astype(str)), list(table.columns[1:]), list(patients))
    if found is None:
        raise InputError(f"{file}: nothing tells whether genes stand in rows or in columns; name patients as in the features.")
    return found


def _unit(file: Path, patients: pd.Index) -> dict[str, object]:
    """Guess the unit by the values; the manifest says it, so that a wrong guess is seen."""
    guess = expression.guess_unit(expression.read_expression(file, genes_in=_genes_in(file, patients)))
    return {"unit": guess.unit, **({"clip": guess.clip} if guess.clip is not None else {})}
