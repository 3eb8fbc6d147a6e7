"""Counts, TPM, FPKM or z-scores -> a log matrix of patients x genes, with what was decided and why; QC by scanpy."""

from radiogenomics.expression.guessing import UnitGuess, guess_unit, orientation
from radiogenomics.expression.imputation import impute
from radiogenomics.expression.preparation import (
    Prepared,
    Unit,
    check_unit,
    log_cpm,
    prepare,
    principal_components,
    tmm_factors,
    to_anndata,
)
from radiogenomics.expression.reading import expression_reading, read_expression

__all__ = [
    "Prepared",
    "Unit",
    "UnitGuess",
    "check_unit",
    "expression_reading",
    "guess_unit",
    "impute",
    "log_cpm",
    "orientation",
    "prepare",
    "principal_components",
    "read_expression",
    "tmm_factors",
    "to_anndata",
]
