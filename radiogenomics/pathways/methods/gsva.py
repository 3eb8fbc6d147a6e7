"""Gene set variation analysis (Haenzelmann, Castelo & Guinney 2013, doi:10.1186/1471-2105-14-7)."""

import numpy as np
from scipy.special import pdtr

from radiogenomics._errors import InputError
from radiogenomics.pathways import _kernels
from radiogenomics.pathways.methods.protocol import Floats, Method, places


class Gsva(Method):
    """A random walk along each patient's genes, ranked by where each gene lies in the cohort's distribution."""

    compares_with_the_rest = True

    def fit(self, training: Floats) -> None:
        """Keep the training patients: every gene's distribution is estimated from them."""
        self.training = training

    def score(self, values: Floats, *, own: bool) -> Floats:
        """Give the walk's highest and lowest point together, or the larger of them."""
        density = _density(values, self.training, self.options.kernel, own=own)
        ends = np.empty((2, len(self.sets), values.shape[1]))
        tau = 1.0 if self.options.tau is None else self.options.tau
        _kernels.walks(places(density), self.sets.members, self.sets.starts, tau, self.sets.n_genes, ends)
        highest, lowest = ends
        if self.options.max_diff:
            return np.asarray(highest - lowest if self.options.abs_ranking else highest + lowest)
        return np.asarray(np.where(highest > -lowest, highest, lowest))


def _density(values: Floats, training: Floats, kernel: str, *, own: bool) -> Floats:
    if kernel == "gaussian":
        return _kernels.gaussian_density(values, training, own=own)
    if kernel == "poisson":
        return _poisson(values, training)
    counts = [np.searchsorted(np.sort(old), new, side="right") for old, new in zip(training, values, strict=True)]
    return np.asarray(np.array(counts, dtype=float) / training.shape[1])


def _poisson(values: Floats, training: Floats) -> Floats:
    """Average Poisson distributions around every training count; half a count keeps the mean of zeros positive."""
    if (values < 0).any() or (training < 0).any():
        raise InputError(
            "The Poisson kernel takes counts, `expression` has negative values; use kernel='gaussian' for log expression."
        )
    below = [pdtr(new[:, None], old[None, :] + 0.5).mean(axis=1) for old, new in zip(training, values, strict=True)]
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log((1.0 - np.array(below)) / np.array(below)))
