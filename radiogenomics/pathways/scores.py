"""Pathway scores: expression and gene sets -> patients x pathways, equal to R GSVA 1.46."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import pdtr
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric, check_patients, shown
from radiogenomics.pathways import _kernels
from radiogenomics.pathways.genesets import measured

Method = Literal["gsva", "ssgsea", "zscore", "plage"]
Kernel = Literal["gaussian", "poisson", "none"]
Floats = NDArray[np.float64]


def score(
    expression: pd.DataFrame,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    method: Method = "gsva",
    kernel: Kernel = "gaussian",
    min_size: int = 10,
    max_size: int | None = None,
    tau: float | None = None,
    max_diff: bool = True,
    abs_ranking: bool = False,
    normalise: bool = True,
) -> pd.DataFrame:
    """Score every pathway in every patient.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Log expression or z-scores; counts for the Poisson kernel.
    gene_sets : mapping of str to list of str
        Gene symbols of each pathway.
    method, kernel, min_size, max_size, tau, max_diff, abs_ranking, normalise
        As in `PathwayScores`.

    Returns
    -------
    DataFrame, shape (n_patients, n_pathways)
        GSVA scores depend on the whole cohort: for validation folds fit `PathwayScores` on the training patients and
        transform the others, or call `project`.

    Raises
    ------
    ValueError
        If the table is not a finite patient table, or no set has enough measured genes.

    References
    ----------
    Haenzelmann, Castelo & Guinney (2013), BMC Bioinformatics 14:7, doi:10.1186/1471-2105-14-7.
    """
    scores = PathwayScores(
        gene_sets,
        method=method,
        kernel=kernel,
        min_size=min_size,
        max_size=max_size,
        tau=tau,
        max_diff=max_diff,
        abs_ranking=abs_ranking,
        normalise=normalise,
    )
    return scores.fit_transform(expression)


def project(
    training: pd.DataFrame, new: pd.DataFrame, gene_sets: Mapping[str, Sequence[str]], **settings: object
) -> pd.DataFrame:
    """Score new patients against the training cohort's distribution of every gene.

    Parameters
    ----------
    training, new : DataFrame, shape (n_patients, n_genes)
        Expression of the cohort that sets kernel, means, directions and range, and of the patients to score.
    gene_sets : mapping of str to list of str
        Gene symbols of each pathway.
    **settings
        As in `PathwayScores`.

    Returns
    -------
    DataFrame, shape (n_new, n_pathways)
        Each row depends on the training cohort and on that patient alone.
    """
    return PathwayScores(gene_sets, **settings).fit(training).transform(new)  # type: ignore[arg-type]


class PathwayScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learn a cohort's expression distributions; score pathways of its patients and of new ones.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        Gene symbols of each pathway.
    method : {"gsva", "ssgsea", "zscore", "plage"}
        Gene set variation analysis (Haenzelmann 2013), single-sample GSEA (Barbie 2009), the combined z-score (Lee 2008), or
        the first singular vector (Tomfohr 2005).
    kernel : {"gaussian", "poisson", "none"}
        How GSVA estimates each gene's distribution: of log expression, of counts, or by its empirical steps.
    min_size, max_size : int
        Fewest and most measured genes of a pathway that is scored.
    tau : float, optional
        Exponent of the rank weights; 1 for GSVA and 0.25 for ssGSEA when None.
    max_diff : bool
        GSVA: highest plus lowest deviation of the walk (True), or the one farther from zero.
    abs_ranking : bool
        GSVA: the distance from lowest to highest, so that genes moving either way count alike.
    normalise : bool
        ssGSEA: divide by the range over all pathways and training patients.

    Attributes
    ----------
    gene_sets_ : dict of str to list of str
        The scored pathways with their measured genes.
    genes_ : Index
        Genes that take part: constant ones are left out except by ssGSEA.

    References
    ----------
    Haenzelmann, Castelo & Guinney (2013), doi:10.1186/1471-2105-14-7. Barbie et al. (2009), doi:10.1038/nature08460.
    Lee et al. (2008), doi:10.1371/journal.pcbi.1000217. Tomfohr, Lu & Kepler (2005), doi:10.1186/1471-2105-6-225.
    """

    def __init__(
        self,
        gene_sets: Mapping[str, Sequence[str]],
        *,
        method: Method = "gsva",
        kernel: Kernel = "gaussian",
        min_size: int = 10,
        max_size: int | None = None,
        tau: float | None = None,
        max_diff: bool = True,
        abs_ranking: bool = False,
        normalise: bool = True,
    ) -> None:
        self.gene_sets = gene_sets
        self.method = method
        self.kernel = kernel
        self.min_size = min_size
        self.max_size = max_size
        self.tau = tau
        self.max_diff = max_diff
        self.abs_ranking = abs_ranking
        self.normalise = normalise

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the distribution of every gene from patients x genes."""
        check_choice(self.method, "method", get_args(Method))
        check_choice(self.kernel, "kernel", get_args(Kernel))
        check_numeric(check_patients(X, "expression"), "expression")
        if len(X) < 3:
            raise InputError(f"`expression` has {len(X)} patient(s); pathway scores need at least 3 to compare with.")
        varies = X.ne(X.iloc[0]).any() | (self.method == "ssgsea")
        self.genes_ = X.columns[varies]
        self.gene_sets_ = measured(self.gene_sets, self.genes_, min_size=self.min_size, max_size=self.max_size)
        if self.method in ("gsva", "ssgsea"):
            _check_rest(self.gene_sets_, len(self.genes_))
        self.training_ = _genes_first(X[self.genes_])
        self.members_, self.starts_ = _flat(self.gene_sets_, self.genes_)
        self._learn()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Score patients x genes -> patients x pathways."""
        check_is_fitted(self, "gene_sets_")
        check_patients(X, "expression")
        lacking = self.genes_.difference(X.columns)
        if len(lacking):
            raise InputError(
                f"`expression` lacks {len(lacking)} of {len(self.genes_)} training genes: {shown(lacking)}; add them."
            )
        return self._scores(check_numeric(X[self.genes_], "expression"), own=False)

    def fit_transform(self, X: pd.DataFrame, y: object = None) -> pd.DataFrame:
        """Learn and score the same patients, in half the time of `fit` and `transform`; the same bits."""
        return self.fit(X)._scores(X[self.genes_], own=True)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Name the scored pathways."""
        check_is_fitted(self, "gene_sets_")
        return np.array(list(self.gene_sets_), dtype=object)

    def _learn(self) -> None:
        if self.method in ("zscore", "plage"):
            self.mean_ = self.training_.mean(axis=1, keepdims=True)
            self.scale_ = self.training_.std(axis=1, ddof=1, keepdims=True)
        if self.method == "plage":
            z = self._standard(self.training_)
            self.directions_ = [_direction(z[genes]) for genes in self._sets()]
        if self.method == "ssgsea":
            self.range_ = float(np.ptp(self._ssgsea(self.training_))) if self.normalise else 1.0

    def _scores(self, X: pd.DataFrame, *, own: bool) -> pd.DataFrame:
        values = self.training_ if own else _genes_first(X)
        if self.method == "gsva":
            scores = self._gsva(values, own=own)
        elif self.method == "ssgsea":
            scores = self._ssgsea(values) / self.range_
        elif self.method == "zscore":
            z = self._standard(values)
            scores = np.array([z[genes].sum(axis=0) / np.sqrt(len(genes)) for genes in self._sets()])
        else:
            z = self._standard(values)
            scores = np.array([way @ z[genes] for way, genes in zip(self.directions_, self._sets(), strict=True)])
        return pd.DataFrame(scores.T, index=X.index, columns=pd.Index(self.gene_sets_, name="pathway"))

    def _sets(self) -> list[NDArray[np.int64]]:
        return np.split(self.members_, self.starts_[1:-1])

    def _standard(self, values: Floats) -> Floats:
        return np.asarray((values - self.mean_) / self.scale_)

    def _gsva(self, values: Floats, *, own: bool) -> Floats:
        density = _density(values, self.training_, self.kernel, own=own)
        ends = np.empty((2, len(self.gene_sets_), values.shape[1]))
        tau = 1.0 if self.tau is None else self.tau
        _kernels.walks(_places(density), self.members_, self.starts_, tau, len(self.genes_), ends)
        highest, lowest = ends
        if self.max_diff:
            return np.asarray(highest - lowest if self.abs_ranking else highest + lowest)
        return np.asarray(np.where(highest > -lowest, highest, lowest))

    def _ssgsea(self, values: Floats) -> Floats:
        # R keeps average ranks as integers: ties fall to the lower whole rank.
        ranks = np.trunc(rankdata(values, axis=0))
        weights = np.ascontiguousarray(ranks.T) ** (0.25 if self.tau is None else self.tau)
        scores = np.empty((len(self.gene_sets_), values.shape[1]))
        _kernels.areas(_places(ranks), weights, self.members_, self.starts_, scores)
        return scores


def _genes_first(X: pd.DataFrame) -> Floats:
    return np.ascontiguousarray(X.to_numpy(dtype=float).T)


def _check_rest(gene_sets: Mapping[str, list[str]], n_genes: int) -> None:
    whole = [name for name, genes in gene_sets.items() if len(genes) == n_genes]
    if whole:
        raise InputError(
            f"{shown(whole)} holds all {n_genes} genes of `expression`, and the score compares a pathway's genes with the rest; "
            f"give more genes, or leave it out with max_size={n_genes - 1}."
        )


def _flat(gene_sets: Mapping[str, list[str]], genes: pd.Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lay the sets' gene numbers end to end -> the numbers, and where each set begins."""
    numbers = [genes.get_indexer(pd.Index(members)) for members in gene_sets.values()]
    return np.concatenate(numbers).astype(np.int64), np.cumsum([0, *map(len, numbers)]).astype(np.int64)


def _places(values: Floats) -> NDArray[np.int64]:
    """Rank the genes of every patient downwards, ties in the table's order -> patients x genes, 0 the highest."""
    order = np.argsort(-values.T, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(order.shape[1])[None, :], axis=1)
    return places


def _density(values: Floats, training: Floats, kernel: Kernel, *, own: bool) -> Floats:
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


def _direction(z: Floats) -> Floats:
    """Find the weights, mostly positive, whose product with z-scored genes is the first right singular vector.

    Its sign is free: so a high score means that most of the pathway is high, as of an eigengene.
    """
    left, size, _ = np.linalg.svd(z, full_matrices=False)
    weights = np.asarray(left[:, 0] / size[0])
    return -weights if weights.sum() < 0 else weights
