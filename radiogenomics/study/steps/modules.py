"""Co-expression modules of everybody with expression."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd

from radiogenomics import modules as room
from radiogenomics._errors import InputError
from radiogenomics._files import Decision, decision_table
from radiogenomics._tables import summarise
from radiogenomics.expression import Prepared
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import ModuleSettings

Network = Literal["unsigned", "signed", "signed hybrid"]


@step(
    makes={
        "soft_threshold": "scale-free fit and connectivity by power",
        "modules": "module, colour and membership (kME) of every gene",
        "module_tree": "merges of the gene dendrogram, by block",
        "eigengenes": "module eigengenes, one row per patient",
        "membership": "correlation of every gene with every eigengene",
        "module_decisions": "what was decided on the way to the modules",
    },
    settings=("modules",),
)
def modules(matrix: Prepared, *, settings: Manifest) -> Tables:
    """Find modules at the power asked for, or at the one that makes the network scale-free."""
    chosen, genes = settings.modules, matrix.measured
    fit = _soft_threshold(genes, chosen.network)
    power = chosen.power if chosen.power != "auto" else fit.power or room.DEFAULT_POWER[chosen.network]
    made = room.find_modules(
        genes,
        power=power,
        network=chosen.network,
        min_size=chosen.min_size,
        deep_split=chosen.deep_split,
        merge_height=chosen.merge_height,
        engine=chosen.engine,
    )
    if made.eigengenes.empty:
        raise InputError(
            f"no module of {chosen.min_size} genes or more was found at power {power:g}; lower modules.min_size or the power"
        )
    return {
        "soft_threshold": fit.table.assign(chosen=fit.table["power"] == power),
        "modules": _genes(made),
        "module_tree": room.tree_table(made.trees),
        "eigengenes": made.eigengenes,
        "membership": made.membership,
        "module_decisions": decision_table(_decided(made, fit, chosen)),
    }


def _decided(found: room.Modules, fit: room.SoftThreshold, chosen: ModuleSettings) -> list[Decision]:
    """Say what was dropped and imputed, and which power was taken where none makes the network scale-free."""
    decisions = []
    for (kind, reason), rows in found.dropped.groupby(["kind", "reason"], sort=False):
        decisions.append(Decision(f"{kind}s dropped", "modules", len(rows), f"{reason}: {summarise(rows['name'])}"))
    imputed = found.imputed[found.imputed > 0]
    if len(imputed):
        listed = summarise([f"{name} ({count})" for name, count in imputed.items()])
        why = f"missing values of module genes, from the nearest genes, for the eigengenes of {listed}"
        decisions.append(Decision("values imputed", "modules", int(imputed.sum()), why))
    if chosen.power == "auto" and not fit.power:
        why = (
            f"no power makes the network scale-free (the best fit is r2 {fit.table['r2'].max():.2f}); the customary power "
            f"{found.power:g} of a network that is {chosen.network} is used"
        )
        decisions.append(Decision("power by custom", "modules", 1, why))
    return decisions


def _soft_threshold(matrix: pd.DataFrame, network: Network) -> room.SoftThreshold:
    """Pick the power; that none reaches the cut stands in the table, and the study goes on with the customary one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No power reaches", category=UserWarning)
        return room.pick_soft_threshold(matrix, network=network)


def _genes(found: room.Modules) -> pd.DataFrame:
    """One row per gene: its module, the module's colour, and its membership in it (kME)."""
    table = pd.DataFrame({"module": found.labels, "color": found.colors})
    for label in table["module"].unique():
        members = table.index[table["module"] == label]
        table.loc[members, "kme"] = found.membership.loc[members, f"ME{label}"] if label else np.nan
    return table.rename_axis("gene")
