"""The columns of a table and their names: nameless ones, and names that appear more than once."""

from pathlib import Path

import pandas as pd

from radiogenomics._files.decisions import Decision
from radiogenomics._files.unpacking import no_table

BLANKS = " \t\n\u00a0\u200b"
"""What is taken off around a name."""


def choose_columns(
    table: pd.DataFrame, names: list[str], path: Path, number_names: bool, decisions: list[Decision]
) -> dict[int, str]:
    """Choose the columns that stay -> their names by position.

    Nameless columns without a value go, and so do copies: columns with the name and the values of another.

    Raises
    ------
    ValueError
        If a nameless column holds values, or a name comes again over other values and `number_names` is False.
    """
    named = _named(table, [name.strip(BLANKS) for name in names], path, decisions)
    kept = _without_copies(table, named, path, decisions)
    again = _again(kept)
    if not again:
        return kept
    if not number_names:
        raise no_table(path, f"column(s) {again} appear more than once", "rename or drop the duplicates")
    return _numbered(kept, again, path, decisions)


def _named(table: pd.DataFrame, names: list[str], path: Path, decisions: list[Decision]) -> dict[int, str]:
    nameless = [at for at, name in enumerate(names) if not name]
    filled = [at for at in nameless if not _is_blank(table[at])]
    if filled:
        raise no_table(path, f"column {filled[0] + 1} has values and no name", "name it in the heading, or remove it")
    if nameless:
        decisions.append(Decision("empty columns", path.name, len(nameless), "columns without a name and without a value"))
    return {at: name for at, name in enumerate(names) if name}


def _is_blank(column: pd.Series) -> bool:
    return bool((column.isna() | (column.astype(str).str.strip() == "")).all())


def _without_copies(table: pd.DataFrame, names: dict[int, str], path: Path, decisions: list[Decision]) -> dict[int, str]:
    first: dict[str, int] = {}
    copies = {at: name for at, name in names.items() if first.setdefault(name, at) != at and table[at].equals(table[first[name]])}
    if copies:
        why = f"columns with the name and the values of another are left out: {', '.join(list(copies.values())[:5])}"
        decisions.append(Decision("copies of columns", path.name, len(copies), why))
    return {at: name for at, name in names.items() if at not in copies}


def _again(names: dict[int, str]) -> str:
    labels = pd.Index(list(names.values()))
    return ", ".join(sorted(set(labels[labels.duplicated()]))[:5])


def _numbered(names: dict[int, str], again: str, path: Path, decisions: list[Decision]) -> dict[int, str]:
    seen: dict[str, int] = {}
    numbered = {}
    for at, name in names.items():
        seen[name] = seen.get(name, -1) + 1
        numbered[at] = f"{name}.{seen[name]}" if seen[name] else name
    count = sum(numbered[at] != name for at, name in names.items())
    decisions.append(Decision("names numbered", path.name, count, f"{again} are repeated: the second 'x' is renamed 'x.1'"))
    if _again(numbered):
        raise no_table(path, f"column(s) {_again(numbered)} appear more than once", "rename or drop the duplicates")
    return numbered
