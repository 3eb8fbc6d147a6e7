"""What else patients differ in: clinical columns linked with modules, pathways and genes."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics import linking, stats
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import SIGNATURE, scores_of
from radiogenomics.study.steps.patients import linked, with_words

_SETTINGS = ("links", "outcome", "seed")
_GENES = "signature x genes"


@step(makes={"baseline": "characteristics of the linked patients by outcome: Table 1 of a paper"}, settings=("outcome",))
def baseline(patients: pd.DataFrame, *, settings: Manifest) -> Tables:
    """Describe the linked patients by outcome."""
    outcome = settings.outcome
    table = with_words(patients, name=outcome.name, labels=outcome.labels)
    table[outcome.name] = table[outcome.name].astype(str)
    words = [name for name, kind in table.dtypes.items() if not pd.api.types.is_numeric_dtype(kind) and name != outcome.name]
    measured = [name for name in table.columns if name not in words and name != outcome.name]
    if not words and not measured:
        return {"baseline": pd.DataFrame(columns=["variable", "level", "missing", "overall"])}
    return {"baseline": stats.table_one(table, by=outcome.name, categorical=words, nonnormal=measured)}


@step(makes={"clinical_links": "links of clinical columns with modules and pathways"}, settings=_SETTINGS)
def clinical_links(
    patients: pd.DataFrame, eigengenes: pd.DataFrame, pathways: pd.DataFrame | None = None, *, settings: Manifest
) -> Tables:
    """Link every clinical column with every module and pathway."""
    who, clinical = linked(patients), _clinical(patients, settings)
    targets = {"modules": eigengenes.loc[who], **({"pathways": pathways.loc[who]} if pathways is not None else {})}
    parts = [part for kind, right in targets.items() for part in _by_columns(clinical, right, kind, "all", settings)]
    return {"clinical_links": stacked(parts)}


@step(
    makes={"gene_links": "links of every gene with signatures and clinical columns; q over all genes, and over one gene"},
    settings=(*_SETTINGS, "fusion", "training", "extraction"),
)
def gene_links(
    patients: pd.DataFrame, signatures: pd.DataFrame, expression_linked: pd.DataFrame, *, settings: Manifest
) -> Tables:
    """Link every gene with signatures and clinical columns, corrected over all genes and, beside it, over the one gene asked."""
    chosen, clinical = settings.links, _clinical(patients, settings)
    left = linking.varying_columns(scores_of(signatures, "nested", settings).loc[linked(patients)])
    varying = linking.varying_beside(expression_linked, left)
    parts = []
    for over in ("all", "target"):
        links = linking.correlate(
            left,
            varying,
            method=chosen.method,
            n_permutations=chosen.n_permutations,
            imaging=SIGNATURE,
            molecular="genes",
            family=_over(over, _GENES),
            random_state=settings.seed_of(_GENES),
        )
        made = [links.assign(measure=measure(chosen.method)), *_by_columns(clinical, expression_linked, "genes", over, settings)]
        parts.append(stacked(made))
    everywhere, alone = parts
    return {"gene_links": everywhere.assign(q_gene=alone["q"], p_max_t_gene=alone["p_max_t"])}


def _clinical(patients: pd.DataFrame, settings: Manifest) -> pd.DataFrame:
    return with_words(patients, name=settings.outcome.name, labels=settings.outcome.labels)


def _by_columns(
    clinical: pd.DataFrame, right: pd.DataFrame, molecular: str, over: str, settings: Manifest
) -> Iterator[pd.DataFrame]:
    """Link clinical numbers by correlation and clinical groups by contrast; each is a family of its own."""
    rules = settings.links
    tables = {"clinical numbers": linking.clinical_numbers(clinical), "clinical groups": linking.clinical_groups(clinical)}
    for name, left in tables.items():
        varying = linking.varying_beside(right, left)
        if left.empty or varying.empty:
            continue
        family = f"{name} x {molecular}"
        how: dict[str, Any] = {"imaging": name, "molecular": molecular, "family": _over(over, family), "estimate": "measured"}
        how |= {"n_permutations": rules.n_permutations, "random_state": settings.seed_of(family)}
        if name == "clinical numbers":
            links = linking.correlate(left, varying, method=rules.method, **how)
            yield links.assign(measure=measure(rules.method))
        else:
            links = linking.contrast(left, varying, thresholds=pd.Series(0.5, index=left.columns), **how)
            yield links.assign(measure=RANK_BISERIAL)


def _over(over: str, family: str) -> str:
    return family if over == "all" else over


RANK_BISERIAL = "rank-biserial r"


def measure(method: str) -> str:
    """Name what a link's effect is."""
    return f"{method.capitalize()} r"


def stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of links below one another; without any, an empty one."""
    columns = [*linking.LINK_COLUMNS, "measure"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
