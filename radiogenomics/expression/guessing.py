"""What an expression file says of itself: which side the genes are on, and what its numbers are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from radiogenomics.expression.labels import is_annotation, is_summary
from radiogenomics.expression.preparation import Unit

_GENE = re.compile(r"^(ENS[A-Z]*[GT]\d{11}(\.\d+)?(_PAR_Y)?|[A-Z][A-Z0-9]{1,9}(-[A-Z0-9]{1,4})?|C\d+orf\d+|\w+_at|\S+\|\d+)$")
# fmt: off
_COMMON = frozenset([
    "A2M", "ACTB", "AKT1", "ALB", "APC", "AR", "ATM", "B2M", "BCL2", "BRAF", "BRCA1", "BRCA2", "CCNB1", "CCND1", "CD274",
    "CD3E", "CD4", "CD8A", "CDH1", "CDK1", "CDK4", "EGFR", "EPCAM", "ERBB2", "ESR1", "FOXA1", "FOXP3", "GAPDH", "GATA3",
    "HIF1A", "IFNG", "IL6", "JAK2", "KIT", "KRAS", "KRT5", "KRT8", "LDHA", "MAPK1", "MKI67", "MTOR", "MYC", "PCNA", "PGR",
    "PIK3CA", "PTEN", "PTPRC", "RB1", "SLC2A1", "SMAD4", "STAT1", "STAT3", "TGFB1", "TNF", "TOP2A", "TP53", "TYMS", "VEGFA",
])
# fmt: on
_LARGEST_LOG = 30.0
"""Two to the power of 30 is a thousand million: no expression on a log2 scale lies above."""


@dataclass(frozen=True)
class UnitGuess:
    """What the numbers of an expression matrix seem to be.

    Attributes
    ----------
    unit : str
        One of `Unit`.
    clip : float or None
        Where z-scores should be clipped.
    why : str
        The evidence, for a decision and for the manifest.
    """

    unit: Unit
    clip: float | None
    why: str


def guess_unit(expression: pd.DataFrame) -> UnitGuess:
    """Guess from the values what the numbers of an expression matrix are.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        As read; only genes, no annotation.

    Returns
    -------
    UnitGuess
        The unit with the evidence. A guess: the range tells a log scale from a linear one, but not TPM from FPKM for sure.
    """
    values = expression.to_numpy(dtype=float)
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    span = f"values from {low:g} to {high:g}"
    if low < 0:
        return _with_negatives(expression, span, max(-low, high))
    if known.size and (known == np.round(known)).all() and high > 1:
        return UnitGuess("counts", None, f"{span}, all whole numbers")
    if float(np.quantile(known, 0.999)) <= _LARGEST_LOG:
        return UnitGuess("log2", None, f"{span}, within the range of a log2 scale")
    sums = expression.sum(axis=1)
    million = bool(((sums - 1e6).abs() < 0.05e6).all())
    why = "each patient's values sum to a million" if million else "a linear scale that is not counts; FPKM is treated alike"
    return UnitGuess("tpm", None, f"{span}, {why}")


def _with_negatives(expression: pd.DataFrame, span: str, largest: float) -> UnitGuess:
    """Tell z-scores, whose genes have mean 0 and standard deviation 1, from logarithms that go below zero."""
    mean, spread = expression.median().abs().median(), expression.std().median()
    if mean < 0.5 and (0.5 < spread < 2.0 or largest > _LARGEST_LOG):
        clip = 4.0 if largest > 4.0 else None
        return UnitGuess("zscore", clip, f"{span}, genes with median near 0 and standard deviation {spread:.2g}")
    return UnitGuess("log2", None, f"{span}, genes with medians up to {expression.median().abs().max():.3g}")


def orientation(rows: Sequence[str], columns: Sequence[str], patients: Sequence[str]) -> Literal["rows", "columns"] | None:
    """Say where the genes stand in an expression file -> 'rows', 'columns', or None where nothing tells.

    Parameters
    ----------
    rows, columns : sequence of str
        The labels of the file's rows and columns.
    patients : sequence of str
        Patients of another table, in whatever way they are written.

    Returns
    -------
    {'rows', 'columns'} or None
        By the patients' names first (without case, signs and leading zeros, TCGA barcodes cut), then by labels of annotation
        and by names of well-known genes, then by the shape of the labels.
    """
    plain = {_patient(name) for name in patients}
    tests = (
        lambda labels: sum(_patient(label) in plain for label in labels),
        lambda labels: -sum(label in _COMMON or is_summary(label) for label in labels),
        lambda labels: sum(is_annotation(label) for label in labels),
        lambda labels: -round(sum(bool(_GENE.match(label)) for label in labels) / max(len(labels), 1), 1),
    )
    for test in tests:
        in_rows, in_columns = test([str(label) for label in rows]), test([str(label) for label in columns])
        if in_rows != in_columns:
            return "columns" if in_rows > in_columns else "rows"
    return None


def _patient(name: str) -> str:
    """Write an identifier without case, signs and leading zeros, a TCGA barcode as its patient."""
    text = re.sub(r"[\s._/-]+", "-", str(name).strip().casefold())
    barcode = re.match(r"^tcga-\w{2}-\w{4}", text)
    return barcode.group() if barcode else re.sub(r"(?<!\d)0+(?=\d)", "", text)
