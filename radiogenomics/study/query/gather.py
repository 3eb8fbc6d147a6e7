"""The tables of an answer, gathered from a finished study: what it has computed, and what is computed for this question."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from radiogenomics.study.engine.results import Results
from radiogenomics.study.query.find import Meant
from radiogenomics.study.query.names import Names

LINK = [
    "feature", "target", "imaging", "molecular", "adjustment", "family", "effect", "effect_low", "effect_high", "n", "p",
    "p_spearman", "q", "p_permutation", "p_max_t", "estimate",
]  # fmt: skip
_DRAWN = ["feature", "target", "effect", "p", "q", "measure"]
_FIRST_RELATED, _FIRST_CLINICAL, _FIRST_TARGETS = 8, 6, 12
_MOST_GENES = 50


@dataclass(frozen=True)
class Gathered:
    """The tables of an answer, its measured genes, and what is to be said of how they were made."""

    links: pd.DataFrame
    features: pd.DataFrame
    related: pd.DataFrame
    grid: pd.DataFrame
    measured: pd.DataFrame
    size: int
    note: str = ""


def gather(results: Results, names: Names, meant: Meant, facts: dict[str, Any]) -> Gathered:
    """Gather the tables of an answer.

    Parameters
    ----------
    results : Results
        A finished study.
    names : Names
        What it can be asked about.
    meant : Meant
        What was asked for.
    facts : dict
        What its manifest says.
    """
    if meant.kind == "gene":
        found, missing = _of_gene(results, meant.name, facts), ", ".join(meant.missing)
        return replace(found, note=f"not measured in the study: {missing}, so this is of {meant.name} alone" if missing else "")
    if meant.kind == "feature":
        return _of_features(results, names, meant, facts)
    if meant.kind == "module" or (meant.kind == "pathway" and meant.name in names.pathways):
        return _of_group(results, meant, facts)
    return _scored_now(results, names, meant, facts)


def members(results: Results, kind: str, name: str) -> list[str]:
    """List the measured genes of a gene set or module."""
    if kind == "module":
        modules = results.table("modules")
        return list(modules.index[modules["module"] == int(name[2:])])
    known = [table for table in ("pathway_genes", "other_set_genes") if table in results.tables()]
    return [str(gene) for table in known for gene in results.table(table, filters=[("pathway", "==", name)])["gene"]]


def _measure(facts: dict[str, Any]) -> str:
    return f"{facts['links']['method'].capitalize()} r"


def _group_links(results: Results, names: list[str], facts: dict[str, Any], estimate: str = "nested") -> pd.DataFrame:
    """Read the links of pathways and modules: those with signatures from out-of-fold scores, those with clinical columns."""
    filters = [("target", "in", names), ("estimate", "==", estimate)]
    links = results.table("links", filters=filters).assign(measure=_measure(facts))
    parts = [links, results.table("clinical_links", filters=filters[:1])] if estimate == "nested" else [links]
    return pd.concat(parts, ignore_index=True)[[*LINK, "measure"]]


def _gene_links(results: Results, genes: list[str]) -> pd.DataFrame:
    return results.table("gene_links", filters=[("target", "in", genes)])


def _member_links(results: Results, genes: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the links of member genes -> those with signatures, the smallest p first, and all links of the first genes."""
    links = _gene_links(results, genes)
    honest = links[links["estimate"] == "nested"].sort_values("p", kind="stable")
    first = list(dict.fromkeys(honest["target"]))[:_FIRST_RELATED]
    return honest[[*LINK, "measure"]].reset_index(drop=True), links[links["target"].isin(first)]


def _strongest(links: pd.DataFrame) -> pd.DataFrame:
    return links.sort_values("p", kind="stable").reset_index(drop=True)


def _of_group(results: Results, meant: Meant, facts: dict[str, Any]) -> Gathered:
    """Gather what the study knows of a pathway that it has scored, or of a module."""
    links = _group_links(results, [meant.name], facts)
    genes = members(results, meant.kind, meant.name)
    related, around = _member_links(results, genes)
    table = "eigengenes" if meant.kind == "module" else "pathways"
    features = _strongest(_group_links(results, [meant.name], facts, "measured"))
    values = results.table(table, columns=[meant.name])
    return Gathered(links, features, related, _grid(links, around), values, len(genes))


def _of_gene(results: Results, name: str, facts: dict[str, Any]) -> Gathered:
    """Gather links of a gene, and those of the module and the pathways that hold it."""
    from radiogenomics.study.query.fresh import Fresh

    everywhere = _gene_links(results, [name])
    links = everywhere.assign(
        family=everywhere["imaging"] + f" x {name}",
        q=everywhere["q_gene"],
        p_max_t=everywhere["p_max_t_gene"],
        q_all_genes=everywhere["q"],
    )[[*LINK, "measure", "q_all_genes"]]
    holders = _holders(results, name)
    around = _group_links(results, holders, facts) if holders else links.iloc[:0]
    related = _strongest(around[around["estimate"] == "nested"])[[*LINK, "measure"]]
    first = list(dict.fromkeys(related["target"]))[:_FIRST_RELATED]
    grid = _grid(links, around[around["target"].isin(first)])
    values = results.table("expression_linked", columns=[name])
    features = _strongest(Fresh(results, facts).with_features(values, name))
    return Gathered(links, features, related, grid, values, 1)


def _holders(results: Results, gene: str) -> list[str]:
    """Name the module and the scored pathways that hold a gene."""
    module = int(results.table("modules")["module"].get(gene, 0))
    sets = results.table("pathway_genes", filters=[("gene", "==", gene)]) if "pathway_genes" in results.tables() else None
    return [*([f"ME{module}"] if module else []), *([] if sets is None else sets["pathway"])]


def _scored_now(results: Results, names: Names, meant: Meant, facts: dict[str, Any]) -> Gathered:
    """Gather what is computed for this question: a set that the study has not scored, sets together, a list of genes."""
    from radiogenomics.study.query.fresh import FEWEST_GENES, Fresh

    fresh = Fresh(results, facts)
    sets = {meant.name: list(meant.members)} if meant.kind == "list" else {}
    known = [name for name in meant.members if name in names.pathways] if meant.kind == "category" else []
    if meant.kind != "list":
        sets = {name: members(results, "pathway", name) for name in meant.members if name not in known}
    few = [name for name, genes in sets.items() if len(genes) < FEWEST_GENES]
    if meant.kind == "category" and len(few) < len(meant.members):
        sets = {name: genes for name, genes in sets.items() if name not in few}
    parts = [results.table("pathways", columns=known).loc[fresh.who]] if known else []
    values = pd.concat([*parts, *([fresh.scores(sets)] if sets else [])], axis=1)
    links = pd.concat([fresh.with_signatures(values, meant.name), fresh.with_clinic(values, meant.name)], ignore_index=True)
    groups = [*(members(results, "pathway", name) for name in known), *sets.values()]
    genes = list(dict.fromkeys(gene for group in groups for gene in group))
    related, around = _member_links(results, genes)
    features = _strongest(fresh.with_features(values, meant.name))
    grid = _grid(links, *([around] if values.shape[1] == 1 else []))
    note = _note(meant, list(sets), few, facts, len(fresh.who))
    return Gathered(links[[*LINK, "measure"]], features, related, grid, values, len(genes), note)


def _note(meant: Meant, scored: list[str], few: list[str], facts: dict[str, Any], n: int) -> str:
    """Say what was computed for this question, and what was left out."""
    parts = []
    if scored:
        count = f"{len(scored)} of the {len(meant.members)} sets {'were' if len(scored) > 1 else 'was'}"
        which = count if meant.kind == "category" else "it was"
        among = "" if meant.kind == "list" else "not among the sets that the study has scored, so "
        parts.append(f"{among}{which} scored for this question by {facts['pathways']['method']} among the {n} linked patients")
    if few and meant.kind == "category":
        parts.append(f"left out with fewer than two measured genes: {', '.join(few)}")
    if meant.missing:
        parts.append(f"not measured in the study: {', '.join(meant.missing)}")
    parts.append("q holds over this question alone, and not over the sets of the study")
    return "; ".join(parts)


def _of_features(results: Results, names: Names, meant: Meant, facts: dict[str, Any]) -> Gathered:
    """Gather links of imaging features with modules, pathways and further tables, clinical columns and genes."""
    from radiogenomics.study.query.fresh import Fresh

    fresh, asked = Fresh(results, facts), list(meant.members)
    filters = [("feature", "in", asked), ("estimate", "==", "measured")]
    links = _strongest(results.table("links", filters=filters).assign(measure=_measure(facts))[[*LINK, "measure"]])
    tables = {kind: fresh.features(kind).filter(items=asked) for kind in dict.fromkeys(names.features[name] for name in asked)}
    values = pd.concat([table for table in tables.values() if table.shape[1]], axis=1)
    genes = [fresh.with_genes(table, kind) for kind, table in tables.items() if table.shape[1]]
    related = _strongest(pd.concat(genes, ignore_index=True))[[*LINK, "measure"]].head(_MOST_GENES)
    first = list(dict.fromkeys(links["target"]))[:_FIRST_TARGETS]
    grid = links.loc[links["target"].isin(first), _DRAWN].reset_index(drop=True)
    return Gathered(links, _turned(fresh.with_clinic(values, meant.name)), related, grid, values, len(values.columns))


def _turned(links: pd.DataFrame) -> pd.DataFrame:
    """Name the imaging feature first in links of clinical columns with it, as everywhere else."""
    return _strongest(links.rename(columns={"feature": "target", "target": "feature"})[[*LINK, "measure"]])


def _grid(links: pd.DataFrame, *related: pd.DataFrame) -> pd.DataFrame:
    """Lay out what the heat map shows: the signatures and the clinical columns with the smallest p of what was asked about."""
    clinical = links[links["estimate"] != "nested"].sort_values("p", kind="stable")["feature"].unique()[:_FIRST_CLINICAL]
    features = {*links.loc[links["estimate"] == "nested", "feature"], *clinical}
    grid = pd.concat([links, *related], ignore_index=True)
    return grid.loc[grid["feature"].isin(features), _DRAWN].reset_index(drop=True)


def with_targets(results: Results, gathered: Gathered) -> Gathered:
    """Add the columns of the molecules that a feature is drawn against."""
    first = list(dict.fromkeys(gathered.links["target"]))[:3]
    columns = {name: table for table in ("eigengenes", "pathways", "patients") for name in _columns(results, table)}
    parts = [results.table(columns[name], columns=[name]) for name in first if name in columns]
    measured = gathered.measured
    for part in parts:
        measured = side_by_side(measured, part, kind="target")
    return replace(gathered, measured=measured)


def side_by_side(left: pd.DataFrame, right: pd.DataFrame, *, kind: str) -> pd.DataFrame:
    """Set columns of another kind beside a patient table; one whose name is taken gets its kind behind it: ``MRI (gene)``."""
    return left.join(right.rename(columns={name: f"{name} ({kind})" for name in right.columns if name in left}))


def _columns(results: Results, table: str) -> list[str]:
    return results.columns(table) if table in results.tables() else []
