"""The molecular arm, step by step: expression, co-expression modules, pathway scores."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd

from radiogenomics import expression, modules, pathways
from radiogenomics._errors import InputError
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Step, Store
from radiogenomics.study.inputs.gene_sets import study_sets

Network = Literal["unsigned", "signed", "signed hybrid"]

# What WGCNA's authors advise for more than 40 patients where no power makes the network scale-free.
_DEFAULT_POWER = {"unsigned": 6, "signed": 12, "signed hybrid": 6}


def steps(plan: Plan) -> list[Step]:
    """List the steps of the molecular arm in their order; pathway scores only where the manifest names gene sets."""
    manifest = plan.inputs.manifest
    matrix = plan.hashes(manifest.expression.source) | {"expression": manifest.expression.model_dump()}
    made = [
        Step("expression", plan.bind(_expression), needs=("patients",), settings=matrix),
        Step("modules", plan.bind(_modules), needs=("patients",), settings=matrix | {"modules": manifest.modules.model_dump()}),
    ]
    if manifest.gene_sets:
        sets = matrix | {"gene_sets": manifest.gene_sets.model_dump()} | plan.hashes(*manifest.gene_sets.files())
        scores = sets | {"pathways": manifest.pathways.model_dump()}
        made.append(Step("pathways", plan.bind(_pathways), needs=("patients",), settings=scores))
        made.append(Step("enrichment", plan.bind(_enrichment), needs=("modules",), settings=sets))
    return made


def _expression(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    prepared = plan.expression
    scores = expression.principal_components(prepared.expression)
    facts = {
        "patients": len(prepared.expression),
        "genes given": plan.inputs.expression.shape[1],
        "genes dropped": len(prepared.dropped),
        "genes kept": prepared.expression.shape[1],
        "values clipped": prepared.clipped,
    }
    facts |= {f"variance of {name}": share for name, share in zip(scores, scores.attrs["variance_ratio"], strict=True)}
    return {
        "expression_linked": prepared.expression.loc[plan.linked],
        "expression_qc": scores.rename_axis("patient"),
        "expression_dropped": prepared.dropped,
        "expression_facts": pd.DataFrame({"fact": facts.keys(), "value": facts.values()}).astype({"value": float}),
    }


def _modules(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    chosen, matrix = plan.inputs.manifest.modules, plan.expression.expression
    fit = _soft_threshold(matrix, chosen.network)
    power = chosen.power if chosen.power != "auto" else fit.power or _DEFAULT_POWER[chosen.network]
    found = modules.find_modules(
        matrix,
        power=power,
        network=chosen.network,
        min_size=chosen.min_size,
        deep_split=chosen.deep_split,
        merge_height=chosen.merge_height,
        engine=chosen.engine,
    )
    if found.eigengenes.empty:
        raise InputError(
            f"no module of {chosen.min_size} genes or more was found at power {power:g}; lower modules.min_size or the power"
        )
    return {
        "soft_threshold": fit.table.assign(chosen=fit.table["power"] == power),
        "modules": _genes(found),
        "module_tree": modules.tree_table(found.trees),
        "eigengenes": found.eigengenes,
        "membership": found.membership,
    }


def _soft_threshold(matrix: pd.DataFrame, network: Network) -> modules.SoftThreshold:
    """Pick the power; that none reaches the cut stands in the table, and the study goes on with the customary one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No power reaches", category=UserWarning)
        return modules.pick_soft_threshold(matrix, network=network)


def _genes(found: modules.Modules) -> pd.DataFrame:
    """One row a gene: its module, the module's colour, and its membership in it (kME)."""
    table = pd.DataFrame({"module": found.labels, "color": found.colors})
    for label in table["module"].unique():
        members = table.index[table["module"] == label]
        table.loc[members, "kme"] = found.membership.loc[members, f"ME{label}"] if label else np.nan
    return table.rename_axis("gene")


def _pathways(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    chosen, matrix = plan.inputs.manifest.pathways, plan.expression.expression
    sets = study_sets(plan.inputs, matrix.columns)
    usable = pathways.measured(sets.every, matrix.columns, **sets.sizes())
    members = [(name, gene) for name, genes in usable.items() for gene in genes]
    tables = {
        "pathways": pathways.score(matrix, sets.scored, method=chosen.method, kernel=chosen.kernel, **sets.sizes()),
        "pathway_genes": pd.DataFrame(members, columns=["pathway", "gene"]),
        "gene_sets": sets.table,
    }
    return tables | ({"gene_symbols": sets.symbols} if sets.section.aliases else {})


def _enrichment(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Test the genes of every module for every gene set against all genes that the network was made of."""
    genes = store.table("modules")["module"]
    lists = {f"ME{label}": list(genes.index[genes == label]) for label in sorted(genes[genes > 0].unique())}
    sets = study_sets(plan.inputs, genes.index)
    found = pathways.enrich(lists, sets.every, genes.index, family="modules x gene sets", **sets.sizes())
    categories = sets.table.set_index("pathway")["category"]
    return {"enrichment": found.assign(category=found["pathway"].map(categories))}
