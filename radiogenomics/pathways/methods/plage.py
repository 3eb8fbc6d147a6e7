"""Pathway level analysis of gene expression (Tomfohr, Lu & Kepler 2005, doi:10.1186/1471-2105-6-225)."""

import numpy as np

from radiogenomics.pathways.methods.protocol import Floats, Standardised


class Plage(Standardised):
    """The first singular vector of a pathway's z-scores."""

    def fit(self, training: Floats) -> None:
        """Learn means, deviations, and every pathway's direction."""
        super().fit(training)
        z = self.z(training)
        self.directions = [_direction(z[genes]) for genes in self.sets.rows()]

    def score(self, values: Floats, *, own: bool) -> Floats:
        """Project the patients on the directions."""
        z = self.z(values)
        return np.array([way @ z[genes] for way, genes in zip(self.directions, self.sets.rows(), strict=True)])


def _direction(z: Floats) -> Floats:
    """Find the weights, mostly positive, whose product with z-scored genes is the first right singular vector.

    Its sign is free: so a high score means that most of the pathway is high, as of an eigengene.
    """
    left, size, _ = np.linalg.svd(z, full_matrices=False)
    weights = np.asarray(left[:, 0] / size[0])
    return -weights if weights.sum() < 0 else weights
