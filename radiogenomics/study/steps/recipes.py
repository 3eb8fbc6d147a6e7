"""What the manifest asks for -> scikit-learn recipes: of one signature, and of all of them fused."""

from typing import Any

import pandas as pd

from radiogenomics import signatures
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Store

SHUFFLED = "shuffled_"
"""How the name of a feature begins that was measured after the lesion's voxels were permuted: a baseline, no measurement."""


def measured(store: Store, kind: str, *, reader: str = "features") -> pd.DataFrame:
    """Read the features of one kind; shuffled copies are not among them."""
    table = store.table(f"{reader}_{kind}")
    return table.loc[:, ~table.columns.str.startswith(SHUFFLED)]


def recipe(plan: Plan, kind: str, *, inner: bool = False, prefix: str = "", shuffled: bool = False) -> Any:
    """Build the recipe of a signature.

    Parameters
    ----------
    plan : Plan
        The study.
    kind : str
        The imaging table it is of.
    inner : bool
        Give its cheaper twin, which a published recipe has: its size is chosen out of bag.
    prefix : str
        What the names of its columns begin with, where tables of several kinds lie side by side.
    shuffled : bool
        Of shuffled copies, which nobody read twice.

    Returns
    -------
    scikit-learn classifier
        Unfitted.
    """
    chosen, seed = plan.inputs.manifest.signature, plan.seed("recipe")
    if chosen.recipe not in signatures.RECIPES:
        return signatures.by_path(chosen.recipe, **chosen.parameters)
    known = signatures.RECIPES[chosen.recipe]
    stable = {} if shuffled or "icc" not in known.keys else _repeated(plan, kind, prefix)
    return known.build(**stable, **chosen.options(), **(known.cheaper if inner else {}), random_state=seed)


def _repeated(plan: Plan, kind: str, prefix: str) -> dict[str, Any]:
    """Give the second reader's features, where features must repeat and somebody read this kind twice."""
    icc = plan.inputs.manifest.signature.icc_of(kind)
    if icc is None or f"second_reader_{kind}" not in plan.store.tables():
        return {}
    return {"second_reader": measured(plan.store, kind, reader="second_reader").add_prefix(prefix), "icc": icc}


def fusion(plan: Plan, columns: dict[str, list[str]]) -> signatures.Fusion:
    """Build the logistic model of signatures (each with its columns, which begin with its name) and clinical columns."""
    chosen = plan.inputs.manifest.fusion
    return signatures.Fusion(
        {kind: (recipe(plan, kind, inner=True, prefix=f"{kind}: "), names) for kind, names in columns.items()},
        clinical=chosen.clinical if chosen else [],
        factors=chosen.factors if chosen else [],
        firth=chosen.firth if chosen else True,
        random_state=plan.seed("fusion"),
    )
