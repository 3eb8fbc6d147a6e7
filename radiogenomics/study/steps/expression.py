"""The transcriptome: the prepared matrix, and what became of genes and values on the way to it."""

import pandas as pd

from radiogenomics import expression as room
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.patients import linked


@step(settings=("expression",), sources=lambda manifest: [manifest.expression.source], stored=False)
def matrix(patients: pd.DataFrame, *, settings: Manifest, inputs: Inputs) -> room.Prepared:
    """Prepare the expression matrix of everybody who has one."""
    chosen, training = settings.expression, patients[patients["cohort"] == "training"]
    return room.prepare(
        inputs.expression,
        unit=chosen.unit,
        clip=chosen.clip,
        min_mean=chosen.min_mean,
        linked=training.index[training["has_expression"]],
    )


@step(
    makes={
        "expression_linked": "expression of the linked patients, one column per gene",
        "expression_qc": "principal components of everybody with expression; of counts, the reads and the genes found too",
        "expression_dropped": "genes left out, and why",
        "expression_facts": "how many patients, genes and clipped values there are",
    },
    settings=("expression",),
    sources=lambda manifest: [manifest.expression.source],
)
def expression(patients: pd.DataFrame, matrix: room.Prepared, *, settings: Manifest, inputs: Inputs) -> Tables:
    """Lay out the matrix of the linked patients, and what became of the others and of the genes."""
    scores = room.principal_components(matrix.expression)
    counted = room.quality(inputs.expression) if settings.expression.unit == "counts" else pd.DataFrame(index=scores.index)
    facts = {
        "patients": len(matrix.expression),
        "genes given": inputs.expression.shape[1],
        "genes dropped": len(matrix.dropped),
        "genes kept": matrix.expression.shape[1],
        "values clipped": matrix.clipped,
    }
    facts |= {f"variance of {name}": share for name, share in zip(scores, scores.attrs["variance_ratio"], strict=True)}
    return {
        "expression_linked": matrix.expression.loc[linked(patients)],
        "expression_qc": scores.join(counted).rename_axis("patient"),
        "expression_dropped": matrix.dropped,
        "expression_facts": pd.DataFrame({"fact": facts.keys(), "value": facts.values()}).astype({"value": float}),
    }
