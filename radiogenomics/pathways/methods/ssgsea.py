"""Single-sample gene set enrichment analysis (Barbie et al. 2009, doi:10.1038/nature08460)."""

import numpy as np
from scipy.stats import rankdata

from radiogenomics.pathways import _kernels
from radiogenomics.pathways.methods.protocol import Floats, Method, places


class Ssgsea(Method):
    """The sum of a random walk along each patient's ranked genes, over the training cohort's range of scores."""

    keeps_constant_genes = True
    compares_with_the_rest = True

    def fit(self, training: Floats) -> None:
        """Learn the range of the scores."""
        self.range = float(np.ptp(self._sums(training))) if self.options.normalise else 1.0

    def score(self, values: Floats, *, own: bool) -> Floats:
        """Give the sums over the range."""
        return self._sums(values) / self.range

    def _sums(self, values: Floats) -> Floats:
        # R keeps average ranks as integers: ties fall to the lower whole rank.
        ranks = np.trunc(rankdata(values, axis=0))
        weights = np.ascontiguousarray(ranks.T) ** (0.25 if self.options.tau is None else self.options.tau)
        scores = np.empty((len(self.sets), values.shape[1]))
        _kernels.areas(places(ranks), weights, self.sets.members, self.sets.starts, scores)
        return scores
