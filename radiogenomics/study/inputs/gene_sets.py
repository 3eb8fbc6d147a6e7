"""The gene sets of a study: those of every source, which of them are scored and linked, and why the others are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from radiogenomics import pathways
from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.schema import GeneSets

TUMOUR_RELATED = "tumour_related"
"""What ``gene_sets.scored`` calls our 36 tumour-related KEGG pathways."""

NOT_ASKED = "not among gene_sets.scored"

Libraries = Mapping[str, Mapping[str, list[str]]]


@dataclass(frozen=True)
class StudySets:
    """The gene sets of a study, held against the genes at hand.

    Attributes
    ----------
    section : GeneSets
        What the manifest says of them.
    every : dict of str to list of str
        All sets of all sources, in the symbols of the expression table; modules are tested for them.
    scored : dict of str to list of str
        Those that are scored and linked: asked for, and of a usable size. Measured genes only.
    table : DataFrame
        One row per set, those asked for first: `pathway, source, category` (of our 36), `size` (genes in the library), `measured`
        (those at hand), `kept` (scored), and the `reason` where it is not.
    symbols : DataFrame
        One row per gene of the sets that is not at hand under its own name: `gene, symbol` (the name it goes by, missing where it
        has none), `n_sets`.
    """

    section: GeneSets
    every: dict[str, list[str]]
    scored: dict[str, list[str]]
    table: pd.DataFrame
    symbols: pd.DataFrame

    def sizes(self) -> dict[str, Any]:
        """Give the fewest and most measured genes of a usable set."""
        return {"min_size": self.section.min_size, "max_size": self.section.max_size}

    def lines(self) -> list[str]:
        """Say what is scored, what is not though it was asked for, and how many symbols are not at hand."""
        asked = self.table[self.table["reason"] != NOT_ASKED]
        lines = [f"gene sets: {len(self.scored)} of {len(asked)} are scored; the sources have {len(self.every)}"]
        for reason, part in asked[~asked["kept"]].groupby("reason", sort=False):
            lines.append(f"gene sets: not scored, {reason}: {summarise(part['pathway'])}")
        lost, total = int(self.symbols["symbol"].isna().sum()), len({gene for genes in self.every.values() for gene in genes})
        renamed = f"; {len(self.symbols) - lost} were renamed" if self.section.aliases else ""
        return [*lines, f"gene sets: {lost} of their {total} symbols are not in the expression table{renamed}"]


def sets_found(inputs: Inputs) -> list[str]:
    """Say which gene sets of a study can be scored; nothing where the manifest names none."""
    return study_sets(inputs, inputs.expression.columns).lines() if inputs.manifest.gene_sets else []


def study_sets(inputs: Inputs, genes: pd.Index) -> StudySets:
    """Read the gene sets of a study, bring their symbols up to date, and choose those to score.

    Parameters
    ----------
    inputs : Inputs
        A manifest with gene sets.
    genes : Index
        The genes at hand.

    Returns
    -------
    StudySets
        All sets, those that are scored, and why the others are not.

    Raises
    ------
    ValueError
        If a name of ``gene_sets.scored`` is unknown or not clear, or no set asked for has a usable size.
    """
    section, libraries = inputs.manifest.gene_sets, inputs.gene_sets()
    if section is None:
        raise InputError(f"{inputs.path} has no section [gene_sets]; add it with its sources.")
    given = {name: members for sets in libraries.values() for name, members in sets.items()}
    updated = pathways.update_symbols(given, genes, inputs.aliases)
    table = _asked_first(libraries, section)
    asked = {name: updated.gene_sets[name] for name in table.loc[table["asked"] & table["source"].notna(), "pathway"]}
    scored = pathways.restrict_to_genes(asked, genes, min_size=section.min_size, max_size=section.max_size)
    here = set(genes)
    table["size"] = _counted(table, given)
    table["measured"] = _counted(table, {name: here.intersection(members) for name, members in updated.gene_sets.items()})
    table["kept"] = table["pathway"].isin(list(scored))
    table["reason"] = [_reason(row, section) for row in table.to_dict("records")]
    return StudySets(section, updated.gene_sets, scored, table.drop(columns="asked"), updated.report)


def _counted(table: pd.DataFrame, sets: Mapping[str, Any]) -> "pd.Series[int]":
    return table["pathway"].map({name: len(members) for name, members in sets.items()}).astype("Int64")


def _reason(row: Mapping[Any, Any], section: GeneSets) -> str:
    if row["kept"]:
        return ""
    if pd.isna(row["size"]):
        return "absent from the sources"
    if not row["asked"]:
        return NOT_ASKED
    few = row["measured"] < section.min_size
    return f"fewer than {section.min_size} measured genes" if few else f"more than {section.max_size} measured genes"


def _asked_first(libraries: Libraries, section: GeneSets) -> pd.DataFrame:
    """List every set of the sources and those asked for in vain -> `pathway, source, category, asked`."""
    sources = {name: source for source, sets in libraries.items() for name in sets}
    ours = _tumour_related(libraries)
    asked = _asked(section.scored, libraries, list(ours)) if section.scored else list(sources)
    table = pd.DataFrame({"pathway": list(dict.fromkeys([*asked, *sources]))})
    table["source"], table["category"] = (table["pathway"].map(facts).astype(object) for facts in (sources, ours))
    return table.assign(asked=table["pathway"].isin(asked))


def _tumour_related(libraries: Libraries) -> dict[str, str]:
    """Find our 36 pathways in the source that has most of them -> category by the source's name, or by ours where it has none."""
    tables = [pathways.select(sets, pathways.tumour_pathways(), collection="kegg").found for sets in libraries.values()]
    best = max(tables, key=lambda table: int(table["pathway"].notna().sum()))
    return dict(zip(best["pathway"].fillna(best["name"]), best["category"], strict=True))


def _asked(words: list[str], libraries: Libraries, ours: list[str]) -> list[str]:
    """Turn the words of ``gene_sets.scored`` into names of sets: a source, our 36, or one set in any way of writing."""
    every = {name: members for sets in libraries.values() for name, members in sets.items()}
    names = [word for word in words if word not in libraries and word != TUMOUR_RELATED]
    selection = pathways.select(every, names)
    known = [*libraries, TUMOUR_RELATED, *every]
    faults = [
        f"{name!r} is neither a gene set nor a source; the nearest are {', '.join(pathways.closest(name, known))}"
        for name in selection.absent
    ]
    faults += [f"{name!r} can be {summarise(sets)}; write one of them whole" for name, sets in selection.ambiguous.items()]
    if TUMOUR_RELATED in words and not every.keys() & set(ours):
        faults.append(f"none of our {len(ours)} KEGG pathways is in the sources; add a source with KEGG's sets")
    if faults:
        raise InputError("; ".join(faults))
    groups = {TUMOUR_RELATED: ours} | {source: list(sets) for source, sets in libraries.items()}
    groups |= {word: [name] for word, name in zip(selection.found["name"], selection.found["pathway"], strict=True)}
    return [name for word in words for name in groups[word]]
