"""Tables of one's own -> a manifest, checked; what is wrong stands as a comment beside its key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics import cohort, expression
from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Tell, changes_data, log_decision, make_folder, write_text
from radiogenomics._names import did_you_mean, slug
from radiogenomics._tables import summarise
from radiogenomics.study.inputs.checks import check
from radiogenomics.study.inputs.limits import no_module
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.errors import ManifestError
from radiogenomics.study.scaffold.columns import Baseline, baseline, volume_column
from radiogenomics.study.scaffold.files import Own, expression_file, patient_file, with_barcodes, with_patients
from radiogenomics.study.scaffold.writing import Remark, manifest_text, remarks_of

Files = Path | Sequence[Path]
_OF_THE_STUDY = ("cohort", "outcome", "has_expression", "included")


def init(
    features: Files,
    expression_file: Path,
    clinical: Files,
    *,
    outcome: str,
    positive: Sequence[str] | None = None,
    gene_sets: Path | None = None,
    to: Path,
    overwrite: bool = False,
    tell: Tell = log_decision,
) -> Path:
    """Write a manifest for feature tables, an expression matrix and clinical tables, and check it.

    How every file is written (separator, decimal comma, encoding, sheet), the column of patients, the way identifiers are
    written, the side of the genes, the unit, the column of lesion volume, and the clinical columns that describe, adjust and
    predict are found out and stand in the manifest, with comments that say why. So does what was left out or changed while a
    table was read.

    Parameters
    ----------
    features, clinical : Path or sequence of Path
        Text, ``.xlsx`` or parquet with one row per patient. Several feature tables are several signatures; several clinical
        tables are joined by patient.
    expression_file : Path
        The expression matrix, genes in rows or in columns.
    outcome : str
        The clinical column to predict.
    positive : sequence of str, optional
        Its positive values; every other value is negative. Left out, the values must be 1 and 0.
    gene_sets : Path, optional
        A GMT file. Left out, the pathway steps are not run.
    to : Path
        Where to write the manifest.
    overwrite : bool
        Write over a manifest that is there.
    tell : callable, optional
        Called with each decision that leaves out or changes something of a table; left out, it is logged.

    Returns
    -------
    Path
        `to`.

    Raises
    ------
    FileNotFoundError
        If a file is not there; nothing is written.
    ValueError
        If `to` exists already; or if the check finds something, which then stands in the manifest beside its key.
    """
    to = Path(to)
    if to.exists() and not overwrite:
        raise InputError(f"{to} exists already; choose another name with --to, or remove it, or write over it with --overwrite.")
    files = _read(_listed(features), Path(expression_file), _listed(clinical), outcome)
    if gene_sets is not None and not Path(gene_sets).is_file():
        raise InputError(f"{gene_sets}: no such file; give a GMT file, or leave --gene-sets out.")
    raw, remarks = _manifest(files, outcome, positive, gene_sets, to)
    make_folder(to.parent, "the manifest's folder")
    write_text(to, manifest_text(raw, remarks))
    wrong = [remark for remark in remarks if remark.wrong]
    try:
        checked = check(to)
        if notes := [*_few_genes(checked.inputs), *_decided(checked.inputs, tell)]:
            write_text(to, manifest_text(raw, [*remarks, *notes]))
    except ManifestError as error:
        told = {remark.key[0] for remark in wrong}
        wrong += [remark for remark in remarks_of(error.problems) if remark.key[0] not in told]
    if wrong:
        notes = [remark for remark in remarks if not remark.wrong]
        write_text(to, manifest_text(raw, [*notes, *wrong]))
        count = f"{len(wrong)} problem{'s' if len(wrong) > 1 else ''}"
        raise InputError(
            f"{to} is written, with {count} as comments beside the keys; correct them there, then: radiogenomics check {to}\n"
            + "\n".join(f"  {remark}" for remark in wrong)
        )
    return to


def _few_genes(inputs: Inputs) -> list[Remark]:
    few = no_module(inputs)
    text = f"modules.min_size is 30 unless it is given: {few}; the run would stop there"
    return [Remark(("modules",), text)] if few else []


def _decided(inputs: Inputs, tell: Tell) -> list[Remark]:
    """Tell what is left out or changed of every table, and say it beside its source."""
    notes = []
    for source in inputs.manifest.tables():
        for row in inputs.decisions([source]).to_dict("records"):
            decision = Decision(str(row["what"]), str(row["where"]), int(row["count"]), str(row["why"]))
            if changes_data(decision.what):
                tell(decision)
                notes.append(Remark(("sources", source), f"{decision.where}: {decision.what} ({decision.count}): {decision.why}"))
    return notes


@dataclass(frozen=True)
class _Files:
    """The files of a study, read."""

    features: list[Own]
    expression: Own
    clinical: list[Own]

    def all(self) -> list[Own]:
        return [*self.features, self.expression, *self.clinical]

    def clinical_table(self) -> pd.DataFrame | None:
        """Join the clinical tables that could be read; None where one could not, or they do not fit."""
        tables = {own.name: own.table for own in self.clinical if own.table is not None}
        if len(tables) < len(self.clinical):
            return None
        try:
            return cohort.join_tables(tables)
        except ValueError:  # the check tells it beside training.clinical
            return None


def _listed(files: Files) -> list[Path]:
    return [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]


def _read(features: list[Path], matrix: Path, clinical: list[Path], outcome: str) -> _Files:
    """Read every file; identifiers of all are brought to one way of writing."""
    measured = [patient_file(name, file) for name, file in zip(_named(features, "features"), features, strict=True)]
    told = [patient_file(name, file, wanted=outcome) for name, file in zip(_named(clinical, "clinical"), clinical, strict=True)]
    patients = list(measured[0].table.index) if measured[0].table is not None else []
    genes = expression_file(matrix, patients)
    if genes.table is not None and patients:
        measured = [with_patients(own, list(genes.table.index)) for own in measured[:1]] + measured[1:]
        patients = list(measured[0].table.index) if measured[0].table is not None else []
    if patients:
        measured = [*measured[:1], *(with_patients(own, patients) for own in measured[1:])]
        told = [with_patients(own, patients) for own in told]
    fitted = with_barcodes([*measured, genes, *told])
    return _Files(fitted[: len(measured)], fitted[len(measured)], fitted[len(measured) + 1 :])


def _named(files: list[Path], kind: str) -> list[str]:
    """Name the sources of one kind: the kind where there is one file, else by the files' own names."""
    if len(files) == 1:
        return [kind]
    names = [f"{kind}_{slug(file.name.split('.')[0])}" for file in files]
    return [f"{name}_{at}" if names.count(name) > 1 else name for at, name in enumerate(names, 1)]


def _manifest(
    files: _Files, outcome: str, positive: Sequence[str] | None, gene_sets: Path | None, to: Path
) -> tuple[dict[str, Any], list[Remark]]:
    """Lay a manifest out, with the remarks beside its keys."""
    table = files.clinical_table()
    meaning, remarks = _meaning(table, files.clinical, outcome, positive)
    remarks = [*remarks, *(remark for own in files.all() for remark in own.remarks)]
    volume, said = _volume(files.features)
    baseline = _baseline(files, table, outcome, meaning, sized=volume is not None)
    unit, why = _unit(files.expression)
    raw: dict[str, Any] = {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", to.stem) or "study",
        "title": f"{outcome} from {', '.join(own.file.name for own in files.features)}",
        "seed": 1,
        "clinical_columns": baseline.columns,
        "training": {
            "clinical": [own.name for own in files.clinical] if len(files.clinical) > 1 else files.clinical[0].name,
            **({"volume": volume} if volume else {}),
            "features": {_kind(own): own.name for own in files.features},
        },
        "outcome": {"name": outcome, "column": outcome, **meaning},
        "expression": {"source": files.expression.name, **unit},
        **({"links": {"covariates": baseline.covariates}} if baseline.covariates else {}),
        **({"fusion": {"clinical": baseline.fusion}} if baseline.fusion else {}),
        **({"gene_sets": {"sources": ["gene_sets"]}} if gene_sets else {}),
        "sources": {own.name: own.source(to) for own in files.all()},
    }
    if gene_sets is not None:
        raw["sources"]["gene_sets"] = Own("gene_sets", Path(gene_sets), {}, None).source(to)
    return raw, [*remarks, *said, *why, *_of_baseline(baseline)]


def _kind(own: Own) -> str:
    return "imaging" if own.name == "features" else own.name.removeprefix("features_")


def _meaning(
    table: pd.DataFrame | None, files: list[Own], outcome: str, positive: Sequence[str] | None
) -> tuple[dict[str, list[str]], list[Remark]]:
    """Say which words of the outcome are positive and which negative, and what is unclear of it."""
    positives = [word.strip() for word in positive] if positive else ["1"]
    if table is None:
        return {"positive": positives, "negative": ["0"]}, []
    if outcome not in table:
        names = " and ".join(str(own.file) for own in files)
        near, columns = did_you_mean(outcome, map(str, table.columns)), summarise(table.columns, 12)
        text = f"{names}: no column {outcome!r} to predict{near}; its columns are {columns}"
        return {"positive": positives, "negative": ["0"]}, [Remark(("outcome", "column"), text, wrong=True)]
    counts = table[outcome].dropna().map(_word).value_counts()
    words = sorted(map(str, counts.index))
    negative = [word for word in words if word not in positives]
    absent = [word for word in positives if word not in words]
    if not absent and (positive is not None or words == ["0", "1"]):
        text = f"{', '.join(f'{word}: {counts[word]}' for word in words[:12])}; move what is neither to excluded = []"
        labels = {"labels": [negative[0], positives[0]]} if len(negative) == len(positives) == 1 and words != ["0", "1"] else {}
        return {**labels, "positive": positives, "negative": negative}, [Remark(("outcome", "positive"), text)]
    text = f"{outcome!r} has the values {summarise(words, 12)}; say which are positive with --positive VALUE[,VALUE...]"
    # A word that nobody has keeps the manifest valid, so that the check tells everything else.
    return {"positive": ["?"], "negative": words}, [Remark(("outcome", "positive"), text, wrong=True)]


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).strip()


def _volume(features: list[Own]) -> tuple[str | None, list[Remark]]:
    """Find lesion volume in the first table that has it."""
    said: list[str] = []
    for own in features:
        name, why = volume_column(own.table) if own.table is not None else (None, [])
        said += why
        if name is not None:
            text = "found by its name"
            return name, [Remark(("training", "volume"), "; ".join([text, *said]))]
    text = "no volume column was found by its name: name it as volume, so that every signature is compared with size alone"
    return None, [Remark(("training", "clinical"), "; ".join([text, *said]))]


def _baseline(files: _Files, table: pd.DataFrame | None, outcome: str, meaning: dict[str, list[str]], *, sized: bool) -> Baseline:
    """Choose clinical columns by the patients who will be in."""
    if table is None or outcome not in table:
        return Baseline([], {}, [], [])
    patients = table.index
    for own in [*files.features, files.expression]:
        patients = patients.intersection(own.table.index, sort=False) if own.table is not None else patients
    words = table.loc[patients, outcome].dropna().map(_word)
    if len(words) == 0:
        return Baseline([], {}, [], [])
    return baseline(
        table, words.isin(meaning["positive"]).astype(float), outcome_column=outcome, sized=sized, taken=_OF_THE_STUDY
    )


def _of_baseline(chosen: Baseline) -> list[Remark]:
    """Say which clinical columns are left out and why, and what the chosen ones are for."""
    groups: dict[str, list[str]] = {}
    for name, reason in chosen.left_out.items():
        groups.setdefault(reason, []).append(name)
    left = "; ".join(f"{summarise(names, 6)} ({reason})" for reason, names in groups.items())
    remarks = [Remark(("clinical_columns",), f"left out: {left}")] if left else []
    if chosen.covariates:
        remarks.append(Remark(("links", "covariates"), "links are adjusted for these in addition to lesion volume"))
    text = "one model of the signatures and these columns; as many as the outcome's smaller group allows"
    return [*remarks, *([Remark(("fusion", "clinical"), text)] if chosen.fusion else [])]


def _unit(own: Own) -> tuple[dict[str, Any], list[Remark]]:
    """Guess the unit by the values; the manifest says it, so that a wrong guess is seen."""
    if own.table is None:
        return {"unit": "log2"}, []
    guess = expression.guess_unit(own.table)
    clip = {"clip": guess.clip} if guess.clip is not None else {}
    return {"unit": guess.unit, **clip}, [Remark(("expression", "unit"), f"guessed: {guess.why}")]
