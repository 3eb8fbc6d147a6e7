"""Counts, TPM, FPKM or z-scores -> a log matrix of patients x genes, with what was decided and why; QC by scanpy."""

from radiogenomics.expression.guessing import UnitGuess, guess_unit, orientation
from radiogenomics.expression.imputation import impute
from radiogenomics.expression.preparation import (
    Prepared,
    Unit,
    check_unit,
    doubt_unit,
    log_cpm,
    prepare,
    tmm_factors,
    to_anndata,
)
from radiogenomics.expression.quality import principal_components, quality
from radiogenomics.expression.reading import expression_reading, read_expression

__all__ = [
    "Prepared",
    "Unit",
    "UnitGuess",
    "check_unit",
    "doubt_unit",
    "expression_reading",
    "guess_unit",
    "impute",
    "log_cpm",
    "orientation",
    "prepare",
    "principal_components",
    "quality",
    "read_expression",
    "tmm_factors",
    "to_anndata",
]
