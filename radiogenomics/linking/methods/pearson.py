"""Correlation of values (Fisher 1921 for its interval)."""

from radiogenomics.linking.methods.protocol import LinkMethod

METHOD = LinkMethod()
