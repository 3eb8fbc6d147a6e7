"""Correlation of what covariates leave of the values."""

from radiogenomics.linking.methods.protocol import LinkMethod

METHOD = LinkMethod(needs_covariates=True)
