"""The combined z-score (Lee et al. 2008, doi:10.1371/journal.pcbi.1000217)."""

import numpy as np

from radiogenomics.pathways.methods.protocol import Floats, Standardised


class ZScore(Standardised):
    """The sum of a pathway's z-scores over the square root of its genes."""

    def score(self, values: Floats, *, own: bool) -> Floats:
        """Give the combined z-scores."""
        z = self.z(values)
        return np.array([z[genes].sum(axis=0) / np.sqrt(len(genes)) for genes in self.sets.rows()])
