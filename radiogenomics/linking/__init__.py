"""Linking: any patient table against any other -> tidy links with effect, interval, n, p, q and a permutation null.

Every function runs on one BLAS thread, so that its bits are the same on any machine load and for any number of workers.
"""

from radiogenomics.linking._table import LINK_COLUMNS
from radiogenomics.linking.clinical import clinical_groups, clinical_numbers, columns_to_split
from radiogenomics.linking.contrast import contrast
from radiogenomics.linking.correlation import correlate, linkable
from radiogenomics.linking.covariates import affordable_covariates, find_confounders, unfit_covariates
from radiogenomics.linking.groups import feature_groups, one_per_group, varying_beside, varying_columns
from radiogenomics.linking.methods import METHODS, LinkMethod
from radiogenomics.linking.multivariate import CanonicalLinks, canonical
from radiogenomics.linking.null import (
    NULL_COLUMNS,
    holm_over_families,
    null_draws,
    permuted_patients,
    random_feature_null,
    random_features,
)
from radiogenomics.linking.size import LIKE_SIZE, correlate_with_size, without_size
from radiogenomics.linking.structure import structure

__all__ = [
    "LIKE_SIZE",
    "LINK_COLUMNS",
    "METHODS",
    "NULL_COLUMNS",
    "CanonicalLinks",
    "LinkMethod",
    "affordable_covariates",
    "canonical",
    "clinical_groups",
    "clinical_numbers",
    "columns_to_split",
    "contrast",
    "correlate",
    "correlate_with_size",
    "feature_groups",
    "find_confounders",
    "holm_over_families",
    "linkable",
    "null_draws",
    "one_per_group",
    "permuted_patients",
    "random_feature_null",
    "random_features",
    "structure",
    "unfit_covariates",
    "varying_beside",
    "varying_columns",
    "without_size",
]
