"""What the other rooms return, as far as a panel reads it: results are drawn as they come, without being taken apart first."""

from typing import Any, Protocol, runtime_checkable

import pandas as pd


@runtime_checkable
class Judged(Protocol):
    """A signature that was judged, such as `validation.evaluate` returns it."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per cohort and estimate."""

    @property
    def scores(self) -> pd.DataFrame:
        """The scores behind every row."""

    def curves(self) -> pd.DataFrame:
        """Give the ROC curve of every row."""


@runtime_checkable
class Powers(Protocol):
    """Fits of the network by power, such as `modules.pick_soft_threshold` returns them."""

    @property
    def power(self) -> float | None:
        """The power chosen."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per power."""


@runtime_checkable
class FoundModules(Protocol):
    """Modules, such as `modules.find_modules` returns them."""

    @property
    def labels(self) -> "pd.Series[Any]":
        """The module of each gene."""

    @property
    def colors(self) -> "pd.Series[Any]":
        """Its colour."""


@runtime_checkable
class GeneTree(Protocol):
    """The tree of the genes of one block, such as ``modules.trees`` holds it."""

    @property
    def linkage(self) -> Any:
        """Merges, one row each: left, right, height, size; leaves are numbered from 0."""

    @property
    def genes(self) -> "pd.Index[Any]":
        """The leaves' names."""


def as_genes(modules: pd.DataFrame | FoundModules) -> pd.DataFrame:
    """Give modules as a table -> one row per gene, ``module, color``."""
    if isinstance(modules, FoundModules):
        return pd.DataFrame({"module": modules.labels, "color": modules.colors})
    return modules


def as_merges(tree: GeneTree) -> pd.DataFrame:
    """Give a tree as a table -> one row per merge, ``left, right, height``."""
    merges = pd.DataFrame(tree.linkage[:, :3], columns=["left", "right", "height"])
    return merges.astype({"left": int, "right": int})
