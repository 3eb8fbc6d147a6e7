"""Gene sets: where they come from, which of them are usable, and our 36 tumour-related KEGG pathways."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, log_decisions, read_text
from radiogenomics._tables import summarise
from radiogenomics.pathways.names import words

GeneSets = dict[str, list[str]]
logger = logging.getLogger(__name__)

_WEIGHT = re.compile(r",\d+(\.\d+)?$")
_COLLECTION_WORDS = {"kegg", "reactome", "hallmark", "wp", "biocarta", "pid"}


def read_gmt(path: Path | str) -> GeneSets:
    """Read a GMT file -> gene symbols by set name.

    Parameters
    ----------
    path : path
        One set per line: name, description, genes, separated by tabs. UTF-8, UTF-16 or Latin-1, with or without a byte order
        mark, packed or not; quotes around fields and Enrichr's weights (``TP53,1.0``) are taken off.

    Returns
    -------
    dict of str to list of str
        Genes of each set in the file's order, each once.

    Raises
    ------
    ValueError
        If a line has no gene, a name comes twice, or the file holds no set; the message names file and line.
    """
    sets: GeneSets = {}
    text, decisions = read_text(Path(path))
    repeated = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        name, genes = _gmt_line(line, f"{path}, line {number}")
        if name in sets:
            raise InputError(f"{path}, line {number}: the set {name!r} comes a second time; remove or rename one.")
        sets[name] = list(dict.fromkeys(genes))
        repeated += [name] * (len(genes) - len(sets[name]))
    if repeated:
        why = f"listed again in the same set, counted once: {summarise(dict.fromkeys(repeated))}"
        decisions = [*decisions, Decision("repeated genes", str(path), len(repeated), why)]
    log_decisions(decisions, logger)
    if not sets:
        raise InputError(f"{path} holds no gene set; GMT has one set per line: name, description, genes, separated by tabs.")
    return sets


def _gmt_line(line: str, place: str) -> tuple[str, list[str]]:
    name, *rest = (_unquoted(field.strip()) for field in line.split("\t"))
    genes = [_WEIGHT.sub("", gene) for gene in rest[1:] if gene]
    if not name or not genes:
        raise InputError(f"{place}: {line[:40]!r} is not a gene set; write name, description and genes, separated by tabs.")
    return name, genes


def _unquoted(field: str) -> str:
    return field[1:-1].strip() if len(field) > 1 and field[0] == field[-1] == '"' else field


def sized(gene_sets: Mapping[str, Sequence[str]], *, min_size: int = 1, max_size: int | None = None) -> GeneSets:
    """Keep the sets of a given size as they come from their library, before any gene is looked for.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        Gene sets.
    min_size, max_size : int
        Fewest and most genes; no upper limit when None.

    Returns
    -------
    dict of str to list of str
        The sets that stay.
    """
    most = float("inf") if max_size is None else max_size
    return {name: list(genes) for name, genes in gene_sets.items() if min_size <= len(set(genes)) <= most}


def restrict_to_genes(
    gene_sets: Mapping[str, Sequence[str]], genes: Iterable[str], *, min_size: int = 10, max_size: int | None = None
) -> GeneSets:
    """Keep of every set the measured genes, and of the sets those of a usable size.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        Gene sets.
    genes : iterable of str
        The genes at hand.
    min_size, max_size : int
        Fewest and most measured genes of a set that stays; no upper limit when None.

    Returns
    -------
    dict of str to list of str
        The sets that stay, each with its measured genes once.

    Raises
    ------
    ValueError
        If no set stays.
    """
    here = dict.fromkeys(genes)
    kept = {name: list(dict.fromkeys(gene for gene in members if gene in here)) for name, members in gene_sets.items()}
    usable = sized(kept, min_size=min_size, max_size=max_size)
    if not usable:
        largest = max((len(members) for members in kept.values()), default=0)
        examples = summarise(next(iter(gene_sets.values()), []), 3), summarise(here, 3)
        sizes = f"{min_size} to {max_size or 'any number of'} measured genes"
        raise InputError(
            f"None of {len(gene_sets)} gene sets has {sizes}, the largest has {largest}; the sets name {examples[0]}, "
            f"the expression {examples[1]}: bring both to one kind of symbol, or change the sizes."
        )
    return usable


@dataclass(frozen=True)
class Selection:
    """Named sets found in a library.

    Attributes
    ----------
    gene_sets : dict of str to list of str
        The sets that the library holds, by the library's names.
    found : DataFrame
        One row a wanted name: `name, pathway` (the library's name, missing where it has none), and what `wanted` said beside.
    absent : list of str
        Wanted names that the library does not hold.
    ambiguous : dict of str to list of str
        Wanted names that several sets answer to, and those sets; none of them is taken.
    """

    gene_sets: GeneSets
    found: pd.DataFrame
    absent: list[str]
    ambiguous: dict[str, list[str]]


def select(
    gene_sets: Mapping[str, Sequence[str]], wanted: pd.DataFrame | Sequence[str], *, collection: str | None = None
) -> Selection:
    """Pick named sets from a library, whatever its way of writing names.

    ``Cell adhesion molecules`` finds ``KEGG_CELL_ADHESION_MOLECULES_CAMS`` and ``Cell adhesion molecules WP123`` alike. A name
    that is written as the library writes it is taken; else a set of the same words; else the one set that begins with them.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        The library at hand.
    wanted : DataFrame or list of str
        Names, or a table with a column `name`, such as `tumour_pathways()`.
    collection : str, optional
        Leave out sets whose name says that they are of another collection, so that ``Apoptosis`` of ``kegg`` finds
        ``KEGG_APOPTOSIS`` in a file that has ``HALLMARK_APOPTOSIS`` too.

    Returns
    -------
    Selection
        What was found, what is absent, and what is not clear.
    """
    table = wanted.copy() if isinstance(wanted, pd.DataFrame) else pd.DataFrame({"name": list(wanted)}, dtype=object)
    known = {name: _plain(name) for name in gene_sets if collection is None or _collections(name) <= {collection}}
    fits = [_fitting(name, known) for name in table["name"]]
    table["pathway"] = pd.Series([sets[0] if len(sets) == 1 else None for sets in fits], index=table.index, dtype=object)
    named = dict(zip(table["name"], fits, strict=True))
    return Selection(
        gene_sets={name: list(gene_sets[name]) for name in table["pathway"].dropna()},
        found=table,
        absent=[name for name, sets in named.items() if not sets],
        ambiguous={name: sets for name, sets in named.items() if len(sets) > 1},
    )


def tumour_pathways() -> pd.DataFrame:
    """Give the names of our 36 tumour-related KEGG pathways -> columns `category, name`.

    Liu et al. (2024) scored 36 tumour-related KEGG pathways without listing them. This choice is ours: the pathways of KEGG's
    classes cell growth and death, immune system, cell communication and signal transduction that tumour biology names most.
    Names only; the genes come from the user's library.
    """
    file = resources.files("radiogenomics.pathways") / "tumour_pathways.csv"
    with file.open(encoding="utf-8") as lines:
        return pd.read_csv(lines)


def _collections(name: str) -> set[str]:
    """Say of which collections a name speaks."""
    return _COLLECTION_WORDS & set(words(name))


def _plain(name: str) -> tuple[str, ...]:
    """Write a name as lower-case words, a collection's prefix or identifier and the word "pathway" left out."""
    kept = [word for word in words(name) if word not in _COLLECTION_WORDS | {"pathway", "pathways"}]
    return tuple(word for word in kept if not re.fullmatch(r"(hsa|mmu|wp)\d+", word)) or tuple(words(name))


def _fitting(asked: str, known: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Name the sets that a name can mean: the one written so, those of the same words, or those that begin with them."""
    if asked in known:
        return [asked]
    plain, said = _plain(asked), _collections(asked)
    rest = [name for name in known if plain and said <= _collections(name)]
    return [name for name in rest if known[name] == plain] or [name for name in rest if known[name][: len(plain)] == plain]
