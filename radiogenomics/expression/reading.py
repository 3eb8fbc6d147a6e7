"""An expression matrix in a file -> patients x genes, and what was decided while it was read."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import (
    Decision,
    MissingWords,
    Reading,
    Rows,
    decision_table,
    is_missing_word,
    log_decisions,
    read_rows,
)
from radiogenomics._tables import check_choice, summarise
from radiogenomics.expression.labels import (
    is_annotation,
    is_control,
    is_nameless,
    is_of_patients,
    is_statistic,
    is_summary,
    likely_symbol,
    serial_dates,
    symbol_column,
    without_identifier,
    without_version,
)
from radiogenomics.expression.unlike import unlike_others

logger = logging.getLogger(__name__)

Duplicates = Literal["mean", "median", "highest_variance"]
Side = Literal["rows", "columns"]
_FEWEST_ROWS = 8


def read_expression(
    path: Path,
    *,
    genes_in: Side,
    duplicates: Duplicates | None = None,
    unnamed: Literal["refuse", "drop"] = "refuse",
    missing: Sequence[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> pd.DataFrame:
    """Read an expression matrix -> DataFrame patients x genes.

    Parameters
    ----------
    path : Path
        Text, ``.xlsx`` or parquet; the first column holds the labels of the rows (the symbols, where the first has Entrez's
        numbers). Columns that describe genes (``Entrez_Gene_Id``, ``gene_type``, ``Length``, ...) and counts of reads that
        belong to no gene (``N_unmapped``, ``__no_feature``, ...) are left out. ``SYMBOL|ID`` becomes the symbol, Ensembl
        identifiers lose their version.
    genes_in : {'rows', 'columns'}
        Where the genes stand in the file.
    duplicates : {'mean', 'median', 'highest_variance'}, optional
        What becomes of a gene that comes more than once; refused when left out.
    unnamed : {'refuse', 'drop'}
        What becomes of genes whose symbol is blank, NA or '?'.
    missing : sequence of str, optional
        Words of one's own that stand for a missing value, beside the usual ones.
    separator, decimal, encoding, sheet : str, optional
        How the file is written; found out when left out.

    Returns
    -------
    DataFrame, shape (n_patients, n_genes)
        Index 'patient', columns 'gene', floats. What was decided is logged; `expression_reading` gives it as a table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a value is no number, a gene has no symbol, or a gene or patient comes twice.
    """
    return expression_reading(
        path,
        genes_in=genes_in,
        duplicates=duplicates,
        unnamed=unnamed,
        missing=missing,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
    ).table


def expression_reading(
    path: Path,
    *,
    genes_in: Side,
    duplicates: Duplicates | None = None,
    unnamed: Literal["refuse", "drop"] = "refuse",
    missing: Sequence[str] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Reading:
    """Read an expression matrix as `read_expression` does -> the matrix and what was decided while it was read."""
    check_choice(genes_in, "genes_in", ("rows", "columns"))
    check_choice(unnamed, "unnamed", ("refuse", "drop"))
    if duplicates is not None:
        check_choice(duplicates, "duplicates", get_args(Duplicates))
    path = Path(path)
    options: dict[str, Any] = {"separator": separator, "decimal": decimal, "encoding": encoding, "sheet": sheet}
    words = MissingWords(own=frozenset(word.strip() for word in missing or ()))
    rows = read_rows(path, missing=words, text=False, number_names=genes_in == "columns", **options)
    decisions = [one for one in rows.decisions if one.what != "names numbered"]  # a gene that comes again is joined below
    table = _labelled(rows, genes_in, path, decisions)
    if genes_in == "columns":
        table = _named(table.rename(columns=rows.repeated).T, [], unnamed, path, decisions)
    else:
        table = _named(table, _lines(rows, table), unnamed, path, decisions)
    table = _each_once(table, duplicates, genes_in, path, decisions).T
    odd = unlike_others(table)
    if odd:
        why = f"their genes are ordered unlike those of all others, as lengths or positions are: {summarise(odd)}; they are kept"
        decisions.append(Decision("patients unlike the others", path.name, len(odd), f"{why}, remove what is no patient"))
    log_decisions(decisions, logger)
    return Reading(table.rename_axis(index="patient", columns="gene"), decision_table(decisions))


def _lines(rows: Rows, table: pd.DataFrame) -> list[int]:
    return rows.lines if len(table) == len(rows.lines) else []


def _labelled(rows: Rows, genes_in: Side, path: Path, decisions: list[Decision]) -> pd.DataFrame:
    """Set the labels of the rows apart, leave annotation out, and check that the rest is numeric."""
    names = [str(name) for name in rows.table.columns]
    key = (symbol_column(names) if genes_in == "rows" else _sample_column(names)) or names[0]
    table = rows.table.drop(columns=key)
    notes = [name for name in table.columns if _is_note(str(name), genes_in, words=table[name].dtype == object)]
    if notes:
        why = f"columns that describe {'genes' if genes_in == 'rows' else 'samples'}: {summarise(notes)}"
        decisions.append(Decision("columns left out", path.name, len(notes), why))
    table = table.drop(columns=notes)
    if table.shape[1] == 0:
        raise InputError(f"{path}: has no column of values beside {key!r}; check the separator, or genes_in = {genes_in!r}.")
    _check_numeric(table, rows, key, path)
    if genes_in == "rows":
        _check_fractions(table, path)
    labels = rows.table[key].where(rows.table[key].notna(), "").astype(str)
    return table.astype(float).set_axis(pd.Index(labels.to_numpy(dtype=object)), axis=0)


def _is_note(name: str, genes_in: Side, *, words: bool) -> bool:
    """Say whether a column describes the genes (or, where these are columns, the samples)."""
    if genes_in == "rows":
        return is_annotation(name) or is_statistic(name)
    return is_of_patients(name) or (words and is_annotation(name))


def _check_fractions(table: pd.DataFrame, path: Path) -> None:
    """Refuse columns of whole numbers among columns of fractions: positions, lengths or identifiers of genes."""
    values = table.to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        whole = ((values % 1 == 0) | np.isnan(values)).all(axis=0) & (np.nan_to_num(values) != 0).any(axis=0)
    if len(values) >= _FEWEST_ROWS and 0 < whole.sum() <= len(whole) / 4:
        raise InputError(
            f"{path}: column(s) {summarise(table.columns[whole])} hold whole numbers only, while the other {int((~whole).sum())} "
            "hold fractions: they seem to describe the genes, not to be patients; remove them."
        )


def _sample_column(names: list[str]) -> str | None:
    """Name the column of samples of cBioPortal's download, which begins with the study."""
    plain = [name.upper() for name in names[:2]]
    return names[1] if plain == ["STUDY_ID", "SAMPLE_ID"] else None


def _check_numeric(table: pd.DataFrame, rows: Rows, key: str, path: Path) -> None:
    """Refuse words, naming column, row, line and value."""
    kinds = table.dtypes
    words = [name for name in table.columns if not pd.api.types.is_numeric_dtype(kinds[name]) or kinds[name].kind == "b"]
    if not words:
        return
    labels = rows.table[key].astype(str)
    numbers = pd.to_numeric(table[words[0]].astype(str), errors="coerce")
    place = int(np.flatnonzero((numbers.isna() & table[words[0]].notna()).to_numpy())[0]) if numbers.isna().any() else 0
    first = f"{str(table[words[0]].iloc[place])[:40]!r} in line {rows.lines[place]} ({labels.iloc[place]!r})"
    remedy = "write numbers, or blank where missing"
    if labels.iloc[place].casefold() == "composite element ref":
        remedy = "remove that second line of heading"
    elif len(words) < table.shape[1]:
        remedy += f", or remove the column(s) if they describe the {'genes' if len(words) < 5 else 'rows'}"
    raise InputError(
        f"{path}: column(s) {summarise(words)} hold values that are not numbers, first {first}; expression must be numeric: "
        f"{remedy}."
    )


def _named(table: pd.DataFrame, lines: list[int], unnamed: str, path: Path, decisions: list[Decision]) -> pd.DataFrame:
    """Bring a matrix of genes x patients to plain gene symbols, without summary rows and nameless genes."""
    table = table.set_axis(_plain(pd.Index(table.index), path, decisions), axis=0)
    summary = [label for label in table.index if isinstance(label, str) and is_summary(label)]
    if summary:
        why = f"counts of reads that belong to no gene: {summarise(summary)}"
        decisions.append(Decision("rows left out", path.name, len(summary), why))
    controls = [label for label in table.index if isinstance(label, str) and is_control(label)]
    if controls:
        why = f"controls that a laboratory adds, no genes: {summarise(controls)}"
        decisions.append(Decision("rows left out", path.name, len(controls), why))
    nameless = np.array([is_nameless(label) for label in table.index])
    if nameless.any():
        _tell_nameless(table, nameless, lines, unnamed, path, decisions)
    dates = {label: symbol for label in table.index if isinstance(label, str) and (symbol := likely_symbol(label))}
    dates |= serial_dates([str(label) for label in table.index])
    if dates:
        why = (
            f"Excel has turned symbols into dates: {summarise(f'{label} is likely {symbol}' for label, symbol in dates.items())}"
        )
        decisions.append(Decision("dates for genes", path.name, len(dates), f"{why}; write the symbols"))
    patients = [str(name).strip() for name in table.columns]
    unknown = [at for at, name in enumerate(patients) if is_missing_word(name) or name.casefold() in ("none", "unnamed")]
    if unknown:
        where = "line" if not lines else "column"
        raise InputError(
            f"{path}: {len(unknown)} patient(s) have no identifier, such as {patients[unknown[0]]!r} ({where} "
            f"{summarise([at + 2 for at in unknown])}); name the patients, or remove them."
        )
    notes = [name for name in patients if is_annotation(name)]
    if notes:
        why = f"rows that describe genes, not patients: {summarise(notes)}"
        decisions.append(Decision("rows left out", path.name, len(notes), why))
    table = table.set_axis(pd.Index(patients, dtype=object), axis=1)
    return table.loc[~nameless & ~table.index.isin([*summary, *controls]), ~table.columns.isin(notes)]


def _plain(labels: pd.Index, path: Path, decisions: list[Decision]) -> pd.Index:
    """Write ``SYMBOL|ID`` as the symbol and Ensembl identifiers without version, where most labels are so."""
    plain = pd.Index([str(label).strip() for label in labels], dtype=object)
    kinds = {"SYMBOL|ID": without_identifier, "Ensembl version": without_version}
    for kind, mend in kinds.items():
        mended = pd.Index([mend(label) for label in plain], dtype=object)
        changed = mended != plain
        if changed.mean() > 0.5:
            example = f"{plain[changed][0]} is {mended[changed][0]}"
            decisions.append(Decision("gene labels", path.name, int(changed.sum()), f"{kind} cut: {example}"))
            plain = mended
    return plain


def _tell_nameless(
    table: pd.DataFrame, nameless: np.ndarray, lines: list[int], unnamed: str, path: Path, decisions: list[Decision]
) -> None:
    places = [lines[at] for at in np.flatnonzero(nameless)] if lines else (np.flatnonzero(nameless) + 2).tolist()
    where = f"{'line' if lines else 'column'} {summarise(places)}"
    if unnamed == "refuse":
        raise InputError(
            f"{path}: {len(places)} of {len(table)} genes have no symbol ({where}); name them, remove them, or drop them with "
            "unnamed = 'drop'."
        )
    decisions.append(Decision("genes dropped", path.name, len(places), f"genes without a symbol ({where})"))


def _each_once(
    table: pd.DataFrame, duplicates: Duplicates | None, genes_in: Side, path: Path, decisions: list[Decision]
) -> pd.DataFrame:
    """Bring a matrix of genes x patients to one row per gene by the rule; refuse a patient who comes twice."""
    patients = table.columns[table.columns.duplicated()].unique()
    if len(patients):
        raise InputError(_twice(path, "patient", patients, genes_in) + ".")
    genes = table.index[table.index.duplicated()].unique()
    if genes.empty:
        return table
    if duplicates is None:
        rules = ", ".join(f"'{rule}'" for rule in get_args(Duplicates))
        raise InputError(_twice(path, "gene", genes, genes_in) + f", or say how to join them: duplicates = {rules}.")
    rows = int(table.index.isin(genes).sum())
    why = f"{rows} rows of {len(genes)} genes are joined by {duplicates.replace('_', ' ')}: {summarise(genes, 3)}"
    decisions.append(Decision("genes joined", path.name, len(genes), why))
    return _joined(table, duplicates)


def _twice(path: Path, kind: str, labels: pd.Index, genes_in: Side) -> str:
    return f"{path}: {kind}(s) {summarise(labels)} appear more than once; keep one of each (is genes_in = {genes_in!r} right?)"


def _joined(table: pd.DataFrame, rule: Duplicates) -> pd.DataFrame:
    """Join the rows of a gene, in the order in which genes come first."""
    order = table.index.unique()
    if rule == "highest_variance":
        spread = table.var(axis=1).fillna(-1.0).to_numpy()
        best = pd.Series(spread).groupby(np.asarray(table.index), sort=False).idxmax()
        return table.iloc[best.loc[order].to_numpy()]
    groups = table.groupby(level=0, sort=False)
    return (groups.mean() if rule == "mean" else groups.median()).loc[order]
