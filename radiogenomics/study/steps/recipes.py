"""What the manifest asks for -> scikit-learn recipes: of one signature, and of all of them fused."""

from typing import Any

from radiogenomics import signatures
from radiogenomics.study.engine.step import Tables
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import measured


def recipe(
    settings: Manifest, kind: str, *, second_reader: Tables, inner: bool = False, prefix: str = "", shuffled: bool = False
) -> Any:
    """Build the recipe of a signature.

    Parameters
    ----------
    settings : Manifest
        Its ``signature`` and ``seed`` are read.
    kind : str
        The imaging table it is of.
    second_reader : dict of str to DataFrame
        What a second reader measured, by kind.
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
    chosen, seed = settings.signature, settings.seed_of("recipe")
    if chosen.recipe not in signatures.RECIPES:
        return signatures.by_path(chosen.recipe, **chosen.parameters)
    known = signatures.RECIPES[chosen.recipe]
    stable = {} if shuffled or "icc" not in known.keys else _repeated(settings, kind, second_reader, prefix)
    return known.build(**stable, **chosen.options(), **(known.cheaper if inner else {}), random_state=seed)


def _repeated(settings: Manifest, kind: str, second_reader: Tables, prefix: str) -> dict[str, Any]:
    """Give the second reader's features, where features must repeat and somebody read this kind twice."""
    icc = settings.signature.icc_of(kind)
    if icc is None or kind not in second_reader:
        return {}
    return {"second_reader": measured(second_reader[kind]).add_prefix(prefix), "icc": icc}


def fusion(settings: Manifest, columns: dict[str, list[str]], *, second_reader: Tables) -> signatures.Fusion:
    """Build the logistic model of signatures (each with its columns, which begin with its name) and clinical columns."""
    fusion = settings.fusion
    return signatures.Fusion(
        {
            kind: (recipe(settings, kind, second_reader=second_reader, inner=True, prefix=f"{kind}: "), names)
            for kind, names in columns.items()
        },
        clinical=fusion.clinical if fusion else [],
        factors=fusion.factors if fusion else [],
        firth=fusion.firth if fusion else True,
        random_state=settings.seed_of("fusion"),
    )
