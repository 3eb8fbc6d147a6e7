"""Linking: any patient table against any other -> tidy links with effect, interval, n, p, q and a permutation null.

Every function runs on one BLAS thread, so that its bits are the same on any machine load and for any number of workers.
"""

from radiogenomics.linking._table import LINK_COLUMNS
from radiogenomics.linking.contrast import contrast
from radiogenomics.linking.correlation import correlate, linkable
from radiogenomics.linking.multivariate import CanonicalLinks, canonical
from radiogenomics.linking.null import permuted_patients, random_feature_null, random_features

__all__ = [
    "LINK_COLUMNS",
    "CanonicalLinks",
    "canonical",
    "contrast",
    "correlate",
    "linkable",
    "permuted_patients",
    "random_feature_null",
    "random_features",
]
