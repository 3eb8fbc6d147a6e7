"""Pathway scores of everybody with expression, and the gene sets that modules are enriched for."""

import pandas as pd

from radiogenomics import pathways as room
from radiogenomics.expression import Prepared
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.gene_sets import study_sets
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest


def _sources(manifest: Manifest) -> list[str]:
    return manifest.gene_sets.files() if manifest.gene_sets else []


def _has_sets(manifest: Manifest) -> bool:
    return manifest.gene_sets is not None


@step(
    makes={
        "pathways": "pathway scores, one row per patient",
        "pathway_genes": "measured genes of every gene set",
        "other_set_genes": "measured genes of the gene sets that are too small or too large to be scored",
        "gene_sets": "what became of every gene set: source, category, size, measured genes, why it is not scored",
        "gene_symbols": "gene symbols that were brought up to date",
    },
    settings=("gene_sets", "pathways"),
    sources=_sources,
    when=_has_sets,
)
def pathways(matrix: Prepared, *, settings: Manifest, inputs: Inputs) -> Tables:
    """Score every gene set that is asked for in every patient."""
    chosen, genes = settings.pathways, matrix.expression
    sets = study_sets(inputs, genes.columns)
    usable = room.restrict_to_genes(sets.every, genes.columns, **sets.sizes())
    every = room.restrict_to_genes(sets.every, genes.columns, min_size=1)
    others = {name: members for name, members in every.items() if name not in usable}
    tables = {
        "pathways": room.score(genes, sets.scored, method=chosen.method, kernel=chosen.kernel, **sets.sizes()),
        "pathway_genes": _long(usable),
        "other_set_genes": _long(others),
        "gene_sets": sets.table,
    }
    return tables | ({"gene_symbols": sets.symbols} if sets.section.aliases else {})


def _long(sets: dict[str, list[str]]) -> pd.DataFrame:
    members = [(name, gene) for name, genes in sets.items() for gene in genes]
    return pd.DataFrame(members, columns=["pathway", "gene"])


@step(
    makes={"enrichment": "over-representation of every gene set in every module"},
    settings=("gene_sets",),
    sources=_sources,
    when=_has_sets,
)
def enrichment(modules: pd.DataFrame, *, settings: Manifest, inputs: Inputs) -> Tables:
    """Test the genes of every module for every gene set against all genes that the network was made of."""
    genes = modules["module"]
    lists = {f"ME{label}": list(genes.index[genes == label]) for label in sorted(genes[genes > 0].unique())}
    sets = study_sets(inputs, genes.index)
    enriched = room.enrich(lists, sets.every, genes.index, family="modules x gene sets", **sets.sizes())
    categories = sets.table.set_index("pathway")["category"]
    return {"enrichment": enriched.assign(category=enriched["pathway"].map(categories))}
