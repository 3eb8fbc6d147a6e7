"""Names: the nearest to what was typed, and gene symbols brought up to date."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import read_table
from radiogenomics._names import closest as closest  # offered here too: names of pathways are what they look for
from radiogenomics._names import words as words


def holds(name: str, asked: str) -> bool:
    """Say whether every word asked for begins a word of the name, so that the name answers the question."""
    known = words(name)
    return all(any(word.startswith(part) for word in known) for part in words(asked))


@dataclass(frozen=True)
class Updated:
    """Gene sets in the symbols of the expression table.

    Attributes
    ----------
    gene_sets : dict of str to list of str
        The sets; a gene that could not be found keeps its name.
    report : DataFrame
        One row per gene not measured under its own name: `gene, symbol` (its measured name, missing when lost), `n_sets`.
    """

    gene_sets: dict[str, list[str]]
    report: pd.DataFrame


def read_aliases(path: Path | str) -> dict[str, str]:
    """Read HGNC's table of approved, previous and alias symbols -> every symbol's approved one.

    A symbol means the gene that it is approved for; else the one gene that it was approved for before; else the one gene that it
    is an alias of. A symbol that two genes claim alike is left out: nothing is guessed.

    Parameters
    ----------
    path : path
        ``hgnc_complete_set.txt``: tab separated, columns `symbol, prev_symbol, alias_symbol`, several symbols joined by ``|``.

    Returns
    -------
    dict of str to str
        The approved symbol of each symbol.

    Raises
    ------
    ValueError
        If the file is no such table.
    """
    table = read_table(Path(path), missing=[])
    fields = ["symbol", "prev_symbol", "alias_symbol"]
    lacking = set(fields) - set(table.columns)
    if lacking:
        raise InputError(
            f"{path} has no column {', '.join(sorted(lacking))}; give HGNC's complete set, or a table with its columns."
        )
    claims: dict[str, set[str]] = {}
    for field in fields:
        here: dict[str, set[str]] = {}
        for gene, listed in zip(table["symbol"], table[field].str.strip('"').str.split("|"), strict=True):
            for symbol in filter(None, listed):
                here.setdefault(symbol, set()).add(gene)
        claims = here | claims  # what a symbol was claimed as first holds
    return {symbol: next(iter(genes)) for symbol, genes in claims.items() if len(genes) == 1}


def update_symbols(gene_sets: Mapping[str, Sequence[str]], genes: Iterable[str], aliases: Mapping[str, str]) -> Updated:
    """Rename the genes of sets to the symbols under which they were measured.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        Gene sets, perhaps in older symbols.
    genes : iterable of str
        The measured genes, perhaps in newer or older symbols.
    aliases : mapping of str to str
        Approved symbols, from `read_aliases`. A gene that was measured under two other symbols is not guessed: it counts as lost.

    Returns
    -------
    Updated
        The renamed sets and a report of what was renamed and lost.
    """
    here = set(genes)
    measured_as: dict[str, list[str]] = {}
    for gene in sorted(here & set(aliases)):
        measured_as.setdefault(aliases[gene], []).append(gene)
    away = pd.Series([gene for members in gene_sets.values() for gene in set(members) - here], dtype=object)
    counts = away.value_counts().sort_index(kind="stable")
    candidates = {gene: measured_as.get(aliases.get(gene, ""), []) for gene in counts.index}
    new = {gene: symbols[0] for gene, symbols in candidates.items() if len(symbols) == 1}
    renamed = {name: list(dict.fromkeys(new.get(gene, gene) for gene in members)) for name, members in gene_sets.items()}
    report = pd.DataFrame({"gene": counts.index, "symbol": [new.get(gene) for gene in counts.index], "n_sets": counts.to_numpy()})
    return Updated(gene_sets=renamed, report=report.astype({"gene": object, "symbol": object}))
