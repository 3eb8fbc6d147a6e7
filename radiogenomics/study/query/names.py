"""What a finished study can be asked about: gene sets, genes, modules, imaging features."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import log
from pathlib import Path

import pandas as pd

from radiogenomics import pathways
from radiogenomics._errors import InputError
from radiogenomics.study.engine.results import Results
from radiogenomics.study.query import meaning

_SHUFFLED = "shuffled_"
_LIKE = 0.75
"""How like another a word must be to stand for it in a list of the nearest names."""


class UnknownNameError(InputError):
    """A question that names nothing of the study, or too much of it.

    Attributes
    ----------
    nearest : tuple of str
        The five names most like it, by meaning and word first.
    reason : str
        What is unknown, without them.
    """

    def __init__(self, reason: str, nearest: tuple[str, ...]) -> None:
        self.nearest, self.reason = nearest, reason
        super().__init__(f"{reason} The nearest are {', '.join(nearest)}.")


@dataclass(frozen=True)
class Names:
    """What a finished study can be asked about.

    Attributes
    ----------
    pathways : list of str
        Gene sets that the study has scored and linked.
    genes : list of str
        Measured genes.
    modules : list of str
        ``ME1``...
    colors : dict of str to str
        The module by its colour.
    other_sets : list of str
        The other gene sets of its sources, which are scored when they are asked for.
    features : dict of str to str
        Imaging features, each with the table it stands in.
    aliases : dict of str to str
        Further names of genes, in small letters, from the study's own table of symbols.
    categories : dict of str to str
        The category of a gene set, where the study's table of gene sets has one.
    """

    pathways: list[str]
    genes: list[str]
    modules: list[str]
    colors: dict[str, str]
    other_sets: list[str] = field(default_factory=list)
    features: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)

    @property
    def sets(self) -> list[str]:
        """Every gene set, those that are scored first."""
        return [*self.pathways, *self.other_sets]

    def of(self, kind: str) -> list[str]:
        """Give the names of one kind; of all kinds when it is empty."""
        known = {"pathway": self.sets, "gene": self.genes, "module": self.modules, "feature": list(self.features)}
        return known[kind] if kind else [name for names in known.values() for name in names]


def names_of(folder: Path | str) -> Names:
    """List what a finished study can be asked about -> gene sets, genes, modules with their colours, imaging features."""
    return read_names(Results(Path(folder)))


def read_names(results: Results) -> Names:
    """List what a study can be asked about, from its tables."""
    tables, modules = results.tables(), results.table("modules")
    colors = modules.drop_duplicates("module").query("module > 0").set_index("module")["color"].sort_index()
    scored = results.columns("pathways") if "pathways" in tables else []
    sets = results.table("gene_sets") if "gene_sets" in tables else pd.DataFrame(columns=["pathway", "category", "size"])
    kinds = [name for name in tables if name.startswith("features_")]
    return Names(
        pathways=scored,
        genes=results.columns("expression_linked"),
        modules=[f"ME{number}" for number in colors.index],
        colors={str(color).lower(): f"ME{number}" for number, color in colors.items()},
        other_sets=[str(name) for name in sets.loc[sets["size"].notna(), "pathway"] if name not in set(scored)],
        features={
            name: table.removeprefix("features_")
            for table in kinds
            for name in results.columns(table)
            if not name.startswith(_SHUFFLED)
        },
        aliases=_aliases(results.table("gene_symbols")) if "gene_symbols" in tables else {},
        categories=dict(sets.dropna(subset="category")[["pathway", "category"]].itertuples(index=False)),
    )


def _aliases(symbols: pd.DataFrame) -> dict[str, str]:
    known = symbols.dropna(subset="symbol")
    return {str(gene).lower(): str(symbol) for gene, symbol in zip(known["gene"], known["symbol"], strict=True)}


def nearest_names(text: str, names: Names, kind: str, *, n: int = 5) -> tuple[str, ...]:
    """Find what a question that names nothing may have meant -> names by meaning, then by their words, then by their letters.

    Parameters
    ----------
    text : str
        What was asked.
    names : Names
        What there is.
    kind : str
        The kind asked for; empty for any.
    n : int
        How many to give.
    """
    known = names.of(kind)
    asked = [word for word in meaning.telling(text) if word not in meaning.ASIDE]
    meant = [] if kind not in ("", "pathway") else _meant(text, asked, names)
    if asked[:1] in (["module"], ["me"]):
        meant = [*names.modules, *meant]
    byword = _by_words(asked, known)
    letters = pathways.closest(text, known, n=n) if len({*meant, *byword}) < n else []
    return tuple(dict.fromkeys([*meant, *byword, *letters]))[:n]


def _meant(text: str, asked: list[str], names: Names) -> list[str]:
    """List the sets of the categories that a question, one of its words, or the gene that it names belongs to."""
    gene = meaning.gene_of(text, {gene.lower(): gene for gene in names.genes}, names.aliases) or text.upper()
    categories = [meaning.category_of(one) for one in (text, *asked)] + [meaning.SUBJECTS.get(gene)]
    return [name for one in dict.fromkeys(categories) if one for name in meaning.sets_of(one, names.sets, names.categories)]


def _by_words(asked: list[str], known: list[str]) -> list[str]:
    """Order names by the words that they share with a question; a rare word says more than a common one."""
    having: dict[str, set[str]] = {}
    for name in known:
        for word in meaning.telling(name):
            having.setdefault(word, set()).add(name)
    scores: dict[str, float] = {}
    for word in asked:
        for like, names in _alike(word, having).items():
            for name in names:
                scores[name] = scores.get(name, 0.0) + like * log(1 + len(known) / len(names))
    return sorted(scores, key=lambda name: (-scores[name], len(name), name))


def _alike(word: str, having: Mapping[str, set[str]]) -> dict[float, set[str]]:
    """Find the names with a word, or one so like it that it may be a slip -> names by likeness."""
    if word in having:
        return {1.0: having[word]}
    close = get_close_matches(word, list(having), n=3, cutoff=_LIKE) if len(word) > 2 else []
    return {0.9 - 0.1 * place: having[one] for place, one in enumerate(close)}
