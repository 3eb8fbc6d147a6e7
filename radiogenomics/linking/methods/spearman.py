"""Correlation of ranks; the interval's variance after Bonett & Wright (2000), doi:10.1007/BF02294183."""

import numpy as np

from radiogenomics.linking._blocks import ranks
from radiogenomics.linking.methods.protocol import Floats, LinkMethod


def variance(r: Floats) -> Floats:
    """Give the variance of Fisher's z of a rank correlation, times n - 3."""
    return np.asarray(1.0 + r * r / 2.0)


METHOD = LinkMethod(values=ranks, variance=variance)
