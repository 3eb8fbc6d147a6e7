"""Gene sets: reading, sizes, names."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from radiogenomics._tables import shown

GeneSets = dict[str, list[str]]


def read_gmt(path: Path | str) -> GeneSets:
    """Read a GMT file -> gene symbols by set name.

    Parameters
    ----------
    path : path
        One set a line: name, description, genes, separated by tabs.

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
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, genes = _gmt_line(line, f"{path}, line {number}")
        if name in sets:
            raise ValueError(f"{path}, line {number}: the set {name!r} comes a second time; remove or rename one.")
        sets[name] = genes
    if not sets:
        raise ValueError(f"{path} holds no gene set; a GMT file has one set a line: name, description, genes, separated by tabs.")
    return sets


def _gmt_line(line: str, place: str) -> tuple[str, list[str]]:
    name, *rest = (field.strip() for field in line.split("\t"))
    genes = list(dict.fromkeys(gene for gene in rest[1:] if gene))
    if not name or not genes:
        raise ValueError(f"{place}: {line[:40]!r} is no gene set; write name, description and genes, separated by tabs.")
    return name, genes


def measured(
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
    here = set(genes)
    kept = {name: list(dict.fromkeys(gene for gene in members if gene in here)) for name, members in gene_sets.items()}
    most = len(here) if max_size is None else max_size
    usable = {name: members for name, members in kept.items() if min_size <= len(members) <= most}
    if not usable:
        largest = max((len(members) for members in kept.values()), default=0)
        examples = next(iter(gene_sets.values()), [])
        raise ValueError(
            f"None of {len(gene_sets)} gene sets has {min_size} to {most} measured genes, the largest has {largest}; the sets name "
            f"genes like {shown(examples, 3)}, the expression like {shown(here, 3)}: bring both to one kind of symbol, or lower `min_size`."
        )
    return usable


def closest(name: str, names: Iterable[str], *, n: int = 5) -> list[str]:
    """Find the names most like what was typed -> at most `n` of them, the best first.

    Capitals, underscores and a collection's prefix do not count: ``MAPK signaling`` finds ``KEGG_MAPK_SIGNALING_PATHWAY``.

    Parameters
    ----------
    name : str
        What was asked for.
    names : iterable of str
        What there is: pathways, genes, modules.
    n : int
        How many to give.

    Returns
    -------
    list of str
        An exact match alone, otherwise the nearest.
    """
    names = list(names)
    asked = _words(name)
    exact = [known for known in names if known == name] or [known for known in names if _words(known) == asked]
    if exact:
        return exact[:1]
    return sorted(names, key=lambda known: (-_likeness(asked, _words(known)), known))[:n]


def _words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z0-9]+", name.lower().replace("signalling", "signaling")))


def _likeness(asked: tuple[str, ...], known: tuple[str, ...]) -> float:
    """Score 0 to 2: the share of asked words that the name holds, then the likeness of the letters."""
    held = sum(any(word.startswith(part) for word in known) for part in asked) / max(len(asked), 1)
    return held + difflib.SequenceMatcher(None, " ".join(asked), " ".join(known)).ratio()
