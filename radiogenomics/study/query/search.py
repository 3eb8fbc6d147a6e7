"""One question to a finished study: a pathway, a gene or a module against every signature and every clinical column.

Only finished tables are read, so that an answer takes a second; the tables hold what was computed with every patient at hand.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radiogenomics import pathways
from radiogenomics._errors import InputError
from radiogenomics.pathways.names import words
from radiogenomics.study.engine.results import Results
from radiogenomics.study.query.answer import Answer, sentence

Kind = Literal["pathway", "gene", "module"]

_IDLE = {"kegg", "hallmark", "reactome", "wp", "biocarta", "pid", "gobp", "gomf", "gocc", "pathway", "pathways"}
_LINK = [
    "feature",
    "target",
    "imaging",
    "molecular",
    "adjustment",
    "family",
    "effect",
    "effect_low",
    "effect_high",
    "n",
    "p",
    "p_spearman",
    "q",
    "p_permutation",
    "p_max_t",
    "estimate",
]
_DRAWN = ["feature", "target", "effect", "p", "q", "measure"]
_FIRST_RELATED, _FIRST_CLINICAL = 8, 6


class UnknownNameError(InputError):
    """A question that names nothing of the study.

    Attributes
    ----------
    nearest : tuple of str
        The five names most like it.
    reason : str
        What is unknown, without them.
    """

    def __init__(self, question: str, folder: Path, nearest: tuple[str, ...]) -> None:
        self.nearest = nearest
        self.reason = f"{question!r} is no pathway, gene or module of the study in {folder}."
        super().__init__(f"{self.reason} The nearest are {', '.join(nearest)}.")


@dataclass(frozen=True)
class Names:
    """What a finished study can be asked about: pathways, measured genes, modules (``ME1``...), and the modules' colours."""

    pathways: list[str]
    genes: list[str]
    modules: list[str]
    colors: dict[str, str]


def query(folder: Path | str, question: str) -> Answer:
    """Ask a finished study about one pathway, gene or module -> its links with every signature and clinical column.

    A question is read in this order: a module (``ME3``, ``module 3``, ``3``, or its colour); a pathway's whole name; a gene
    symbol; a pathway whose name holds every word asked. Capitals, underscores, a collection's prefix (``KEGG_``) and the word
    "pathway" do not count. Where several pathways hold the words, the name most like the question is taken. What else the
    question could have meant stands in `Answer.others`; ``gene: TNF``, ``pathway: TNF``, ``module: blue`` ask for one kind.

    Parameters
    ----------
    folder : Path or str
        ``DIR`` of ``radiogenomics run --out DIR``.
    question : str
        What is asked about.

    Returns
    -------
    Answer
        Links, those of member genes, the patients behind them, and one plain sentence. Signature scores are out-of-fold.

    Raises
    ------
    UnknownNameError
        If the study has no such name; it gives the five nearest.
    ValueError
        If the folder holds no finished study.
    """
    results = Results(Path(folder))
    facts = results.settings()
    names = _names(results)
    kind, name, others = find(names, question, results.folder)
    links, related, grid = _of_gene(results, name, facts) if kind == "gene" else _of_group(results, name, kind, facts)
    size = 1 if kind == "gene" else len(_members(results, kind, name))
    nulls = results.table("link_null")
    parts: dict[str, Any] = {"question": question, "kind": kind, "name": name, "size": size, "links": links, "others": others}
    return Answer(
        **parts,
        related=related,
        grid=grid,
        patients=_patients(results, kind, name, facts),
        simulated=bool(facts["simulated"]),
        sentence=sentence(parts, nulls, simulated=bool(facts["simulated"]), alpha=facts["links"]["alpha"]),
    )


def names_of(folder: Path | str) -> Names:
    """List what a finished study can be asked about -> pathways, genes, modules and their colours."""
    return _names(Results(Path(folder)))


def _names(results: Results) -> Names:
    modules = results.table("modules")
    colors = modules.drop_duplicates("module").query("module > 0").set_index("module")["color"].sort_index()
    return Names(
        pathways=results.columns("pathways") if "pathways" in results.tables() else [],
        genes=results.columns("expression_linked"),
        modules=[f"ME{number}" for number in colors.index],
        colors={str(color).lower(): f"ME{number}" for number, color in colors.items()},
    )


def find(names: Names, question: str, folder: Path) -> tuple[Kind, str, tuple[str, ...]]:
    """Find what a question names -> its kind, its name, and what else it could have meant."""
    kind_asked = re.match(r"\s*(pathway|gene|module)\s*:", question, re.IGNORECASE)
    wanted = kind_asked[1].lower() if kind_asked else ""
    text = question[kind_asked.end() if kind_asked else 0 :].strip()
    found = [(kind, name) for kind, name in _candidates(names, text) if wanted in ("", kind)]
    if not found:
        known = {"pathway": names.pathways, "gene": names.genes, "module": names.modules}
        chosen = known[wanted] if wanted else [name for some in known.values() for name in some]
        raise UnknownNameError(question, folder, tuple(pathways.closest(text, chosen)))
    (kind, name), *others = dict.fromkeys(found)
    return kind, name, tuple(other for _, other in others)


def _candidates(names: Names, text: str) -> list[tuple[Kind, str]]:
    """List everything a text can mean, the first meant first."""
    module = re.fullmatch(r"(?:me|module\s*)?(\d+)", text, re.IGNORECASE)
    label = f"ME{int(module[1])}" if module else names.colors.get(re.sub(r"^module\s+|\s+module$", "", text.lower()), "")
    found: list[tuple[Kind, str]] = [("module", label)] if label in names.modules else []
    asked = _words(text)
    held = [name for name in names.pathways if asked and pathways.holds(name, " ".join(asked))]
    held = list(dict.fromkeys([*pathways.closest(text, held, n=len(held)), *held]))
    found += [("pathway", name) for name in held if _words(name) == asked]
    found += [("gene", gene) for gene in sorted(names.genes, key=lambda gene: gene != text) if gene.lower() == text.lower()]
    return [*found, *(("pathway", name) for name in held)]


def _words(name: str) -> list[str]:
    """Split a name into words, without a collection's prefix and the word pathway."""
    return [word for word in words(name) if word not in _IDLE]


def _members(results: Results, kind: Kind, name: str) -> list[str]:
    """List the measured genes of a pathway or module."""
    if kind == "module":
        modules = results.table("modules")
        return list(modules.index[modules["module"] == int(name[2:])])
    return list(results.table("pathway_genes", filters=[("pathway", "==", name)])["gene"])


def _group_links(results: Results, names: list[str], facts: dict[str, Any]) -> pd.DataFrame:
    """Read the links of pathways and modules: those with signatures from out-of-fold scores, those with clinical columns."""
    chosen = [("target", "in", names), ("estimate", "==", "nested")]
    signatures = results.table("links", filters=chosen).assign(measure=f"{facts['links']['method'].capitalize()} r")
    return pd.concat([signatures, results.table("clinical_links", filters=chosen[:1])], ignore_index=True)[[*_LINK, "measure"]]


def _gene_links(results: Results, genes: list[str]) -> pd.DataFrame:
    return results.table("gene_links", filters=[("target", "in", genes)])


def _of_group(results: Results, name: str, kind: Kind, facts: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Gather links of a pathway or module, those of its genes with signatures, and what the heat map shows."""
    links = _group_links(results, [name], facts)
    genes = _gene_links(results, _members(results, kind, name))
    honest = genes[genes["estimate"] == "nested"].sort_values("p", kind="stable")
    first = list(dict.fromkeys(honest["target"]))[:_FIRST_RELATED]
    return links, honest[[*_LINK, "measure"]].reset_index(drop=True), _grid(links, genes[genes["target"].isin(first)])


def _of_gene(results: Results, name: str, facts: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Gather links of a gene, and those of the module and the pathways that hold it."""
    everywhere = _gene_links(results, [name])
    links = everywhere.assign(
        family=everywhere["imaging"] + f" x {name}",
        q=everywhere["q_gene"],
        p_max_t=everywhere["p_max_t_gene"],
        q_all_genes=everywhere["q"],
    )
    holders = _holders(results, name)
    around = _group_links(results, holders, facts) if holders else links.iloc[:0]
    related = around[around["estimate"] == "nested"].sort_values("p", kind="stable").reset_index(drop=True)
    first = list(dict.fromkeys(related["target"]))[:_FIRST_RELATED]
    grid = _grid(links, around[around["target"].isin(first)])
    return links[[*_LINK, "measure", "q_all_genes"]], related[[*_LINK, "measure"]], grid


def _grid(links: pd.DataFrame, *related: pd.DataFrame) -> pd.DataFrame:
    """Lay out what the heat map shows: the signatures and the clinical columns with the smallest p of what was asked about."""
    clinical = links[links["estimate"] != "nested"].nsmallest(_FIRST_CLINICAL, "p")["feature"]
    features = {*links.loc[links["estimate"] == "nested", "feature"], *clinical}
    grid = pd.concat([links, *related], ignore_index=True)
    return grid.loc[grid["feature"].isin(features), _DRAWN].reset_index(drop=True)


def _holders(results: Results, gene: str) -> list[str]:
    """Name the module and the pathways that hold a gene."""
    module = int(results.table("modules")["module"].get(gene, 0))
    sets = results.table("pathway_genes", filters=[("gene", "==", gene)]) if "pathway_genes" in results.tables() else None
    return [*([f"ME{module}"] if module else []), *([] if sets is None else sets["pathway"])]


def _patients(results: Results, kind: Kind, name: str, facts: dict[str, Any]) -> pd.DataFrame:
    """Lay the out-of-fold signature scores beside what was asked about, one row a patient."""
    table = {"pathway": "pathways", "module": "eigengenes", "gene": "expression_linked"}[kind]
    chosen = [("cohort", "==", "training"), ("estimate", "==", "nested")]
    scores = results.table("signatures", filters=chosen)
    wide = scores.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)
    outcome = scores.drop_duplicates("patient").set_index("patient")["outcome"]
    words = outcome.map(dict(enumerate(facts["outcome"]["labels"]))).rename(facts["outcome"]["name"])
    return wide.join(results.table(table, columns=[name])).join(words)
