"""What a pathway method is: it learns from training patients, and scores sets of genes in any patients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kernel = Literal["gaussian", "poisson", "none"]


@dataclass(frozen=True)
class Sets:
    """The genes of every pathway, as rows of the expression arrays.

    Attributes
    ----------
    members : ndarray of int
        The rows of all sets, one set after another.
    starts : ndarray of int, shape (n_sets + 1,)
        Where each set begins in `members`, and the end of the last.
    n_genes : int
        Rows of the expression arrays.
    """

    members: Ints
    starts: Ints
    n_genes: int

    @classmethod
    def of(cls, gene_sets: Mapping[str, list[str]], genes: pd.Index) -> "Sets":
        """Find the rows of named genes."""
        numbers = [genes.get_indexer(pd.Index(members)) for members in gene_sets.values()]
        starts = np.cumsum([0, *map(len, numbers)]).astype(np.int64)
        return cls(np.concatenate(numbers).astype(np.int64), starts, len(genes))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self) -> list[Ints]:
        """Give the rows of each set."""
        return np.split(self.members, self.starts[1:-1])


@dataclass(frozen=True)
class Options:
    """What `PathwayScores` was asked for; each method takes what it knows, see there."""

    kernel: str = "gaussian"
    tau: float | None = None
    max_diff: bool = True
    abs_ranking: bool = False
    normalise: bool = True


class Method:
    """One way to score pathways; a method is a class of its own that fills `fit` and `score`.

    Arrays are genes x patients. `PathwayScores` has checked them: they are finite, and hold the training genes in one order.

    Parameters
    ----------
    sets : Sets
        The genes of every pathway.
    options : Options
        What was asked for.

    Attributes
    ----------
    keeps_constant_genes : bool
        Whether genes of one value in all training patients take part; most methods divide by a gene's spread.
    compares_with_the_rest : bool
        Whether a pathway is compared with the genes outside of it, so that none may hold all genes.
    """

    keeps_constant_genes: ClassVar[bool] = False
    compares_with_the_rest: ClassVar[bool] = False

    def __init__(self, sets: Sets, options: Options) -> None:
        self.sets, self.options = sets, options

    def fit(self, training: Floats) -> None:
        """Learn from the training patients whatever new patients shall be measured by; shape (n_genes, n_patients)."""
        self.training = training

    def score(self, values: Floats, *, own: bool) -> Floats:
        """Score every set in every patient.

        Parameters
        ----------
        values : ndarray, shape (n_genes, n_patients)
            Patients to score.
        own : bool
            Whether they are the training patients themselves, which some methods score faster.

        Returns
        -------
        ndarray, shape (n_sets, n_patients)
            A patient's scores must not depend on the other patients of `values`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `score`.")


def places(values: Floats) -> Ints:
    """Rank the genes of every patient downwards, ties in the table's order -> patients x genes, 0 the highest."""
    order = np.argsort(-values.T, axis=1, kind="stable")
    ranked = np.empty_like(order)
    np.put_along_axis(ranked, order, np.arange(order.shape[1])[None, :], axis=1)
    return ranked


class Standardised(Method):
    """What the methods share that work on z-scores of the training patients' means and deviations."""

    def fit(self, training: Floats) -> None:
        """Learn every gene's mean and standard deviation."""
        self.mean = training.mean(axis=1, keepdims=True)
        self.scale = training.std(axis=1, ddof=1, keepdims=True)

    def z(self, values: Floats) -> Floats:
        """Give z-scores of every gene."""
        return np.asarray((values - self.mean) / self.scale)
