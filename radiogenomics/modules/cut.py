"""The Dynamic Hybrid cut of a dendrogram: branches by shape first, then the nearest branch for what is left."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics.modules.inplace import in_stripes
from radiogenomics.modules.linkage import Tree

Array = np.ndarray[Any, Any]
_MAX_CORE_SCATTER = (0.64, 0.73, 0.82, 0.91, 0.95)


def cut_tree_hybrid(
    tree: Tree,
    dissimilarity: pd.DataFrame | Array,
    *,
    min_size: int = 20,
    deep_split: int = 1,
    cut_height: float | None = None,
    pam: bool = True,
    pam_respects_dendro: bool = True,
) -> pd.Series:
    """Cut a dendrogram into branches that are large, tight and apart -> one label per gene, 0 for none.

    Parameters
    ----------
    tree : Tree
        Average linkage of the dissimilarity.
    dissimilarity : DataFrame or array, shape (n_genes, n_genes)
        What the tree was made from, genes in the order of `tree.genes`.
    min_size : int
        The smallest number of genes in a module.
    deep_split : int
        0 (few, loose modules) to 4 (many, tight ones).
    cut_height : float, optional
        No merge above it counts. By default 99 % of the way from the height of the merge at the 5th percentile to the top.
    pam : bool
        Assign genes outside the branches to the nearest module, if they are near enough.
    pam_respects_dendro : bool
        Assign a gene only to modules on its own branch.

    Returns
    -------
    Series of int, index `gene`
        0 for genes in no module, then 1, 2, ... by decreasing size.

    Raises
    ------
    ValueError
        If an option is out of range or the dissimilarity does not fit the tree.

    References
    ----------
    Langfelder, Zhang & Horvath (2008), Defining clusters from a hierarchical cluster tree. doi:10.1093/bioinformatics/btm563
    """
    check_cut(min_size, deep_split)
    square = _checked(tree, dissimilarity)
    limits = _limits(tree.height, min_size, deep_split, cut_height)
    labels = np.zeros(len(square), dtype=np.int64)
    if np.count_nonzero(tree.height <= limits.cut) >= min_size:
        labels = _cut(tree, square, limits, pam, pam_respects_dendro)
    return pd.Series(labels, index=tree.genes, name="label")


@dataclass(frozen=True)
class _Limits:
    """What a branch must keep to be a module."""

    min_size: int
    reference: float
    cut: float
    max_scatter: float
    min_gap: float


@dataclass(eq=False)
class _Branch:
    """A growing branch. A composite one joins branches that each could be a module: it holds loose leaves only."""

    leaves: list[int]
    parts: list["_Branch"] = field(default_factory=list)
    size: int = 2
    attached: float = np.inf
    swallowed: bool = False
    only_too_small: bool = False

    @property
    def basic(self) -> bool:
        return not self.parts

    @property
    def basics(self) -> list["_Branch"]:
        return self.parts or [self]


def check_cut(min_size: int, deep_split: int) -> None:
    """Check the two settings of the cut that have few sensible values."""
    if deep_split not in range(5):
        raise InputError(f"`deep_split` is {deep_split!r}; it must be 0, 1, 2, 3 or 4.")
    if min_size < 2:
        raise InputError(f"`min_size` is {min_size}; a module needs at least 2 genes.")


def _checked(tree: Tree, dissimilarity: pd.DataFrame | Array) -> Array:
    square = np.asarray(dissimilarity)
    if square.shape != (len(tree.genes), len(tree.genes)):
        raise InputError(f"`dissimilarity` has shape {square.shape}, the tree has {len(tree.genes)} genes; they must fit.")
    return square


def _limits(height: Array, min_size: int, deep_split: int, cut_height: float | None) -> _Limits:
    """Scale the relative limits of the paper to the heights between the reference and the cut."""
    reference = height[max(round(0.05 * len(height)), 1) - 1]
    top = height[-1]
    cut = reference + 0.99 * (top - reference) if cut_height is None else min(cut_height, top)
    scatter = _MAX_CORE_SCATTER[deep_split]
    gap = (1 - scatter) * 3 / 4
    return _Limits(min_size, reference, cut, reference + scatter * (cut - reference), gap * (cut - reference))


def _cut(tree: Tree, square: Array, limits: _Limits, pam: bool, respect: bool) -> Array:
    branches = _grow(tree, square, limits, composite_over_composite=pam and respect)
    modules = [branch for branch in branches if _is_module(branch, square, limits)]
    labels = np.zeros(len(square), dtype=np.int64)
    for number, branch in enumerate(modules, start=1):
        labels[branch.leaves] = number
    if pam and modules:
        labels = _assign_rest(labels, branches, modules, square, limits.cut, respect)
    return by_size(labels)


def by_size(labels: Array) -> Array:
    """Renumber labels 1, 2, ... by decreasing size, the smaller old label first on ties; 0 stays."""
    old, counts = np.unique(labels[labels > 0], return_counts=True)
    new = np.zeros(labels.max(initial=0) + 1, dtype=np.int64)
    new[old[np.argsort(-counts, kind="stable")]] = np.arange(1, len(old) + 1)
    return np.where(labels > 0, new[np.maximum(labels, 0)], 0)


def _grow(tree: Tree, square: Array, limits: _Limits, *, composite_over_composite: bool) -> list[_Branch]:
    """Follow the merges upwards to the cut -> every branch that ever began."""
    branches: list[_Branch] = []
    at: list[_Branch] = []
    for (left, right), height in zip(tree.merge.tolist(), tree.height.tolist(), strict=True):
        if height > limits.cut:
            break
        if right < 0:
            branch = _Branch([-left - 1, -right - 1])
            branches.append(branch)
        elif left < 0:
            branch = at[right - 1]
            branch.leaves.append(-left - 1)
            branch.size += 1
        else:
            branch = _join(at[left - 1], at[right - 1], height, square, limits, composite_over_composite)
            if branch not in (at[left - 1], at[right - 1]):
                branches.append(branch)
        at.append(branch)
    return branches


def _join(a: _Branch, b: _Branch, height: float, square: Array, limits: _Limits, new_composite: bool) -> _Branch:
    """Join two branches: one that could not be a module is swallowed; if both could, they become parts of a composite.

    Below the reference height, the 5th percentile of all merges, no branch is told from its neighbour.
    """
    small, large = (a, b) if a.size <= b.size else (b, a)
    too_low = height < limits.reference
    for weak, strong in ((small, large), (large, small)):
        faults = _faults(weak, height, square, limits)
        if weak.basic and (too_low or any(faults)):
            return _swallow(strong, weak, height, only_too_small=not any(faults[1:]))
    if large.basic and not small.basic:
        small, large = large, small
    small.attached = height
    if large.basic or new_composite:
        large.attached = height
        return _Branch([], parts=[*large.basics, *small.basics])
    large.parts += small.basics
    large.size += 1
    return large


def _swallow(strong: _Branch, weak: _Branch, height: float, *, only_too_small: bool) -> _Branch:
    weak.attached, weak.swallowed, weak.only_too_small = height, True, only_too_small
    strong.leaves += weak.leaves
    strong.size += len(weak.leaves)
    return strong


def _faults(branch: _Branch, height: float, square: Array, limits: _Limits) -> tuple[bool, bool, bool]:
    """Say whether a branch is too small, its core too loose, or its end too near its core."""
    scatter = _core_scatter(branch, square, limits.min_size) if branch.basic else 0.0
    return len(branch.leaves) < limits.min_size, scatter > limits.max_scatter, height - scatter < limits.min_gap


def _core_scatter(branch: _Branch, square: Array, min_size: int) -> float:
    """Average the dissimilarities among the leaves that joined first."""
    n, base = len(branch.leaves), min_size / 2 + 1
    size = int(base + np.sqrt(n - base)) if base < n else n
    core = branch.leaves[:size]
    return float(square[np.ix_(core, core)].sum(dtype=np.float64) / (size * (size - 1)))


def _is_module(branch: _Branch, square: Array, limits: _Limits) -> bool:
    if not branch.basic or branch.swallowed or len(branch.leaves) < limits.min_size:
        return False
    scatter = _core_scatter(branch, square, limits.min_size)
    return scatter < limits.max_scatter and min(branch.attached, limits.cut) - scatter > limits.min_gap


def _assign_rest(
    labels: Array, branches: list[_Branch], modules: list[_Branch], square: Array, cut: float, respect: bool
) -> Array:
    """Give genes outside the modules to the nearest one: small branches as a whole first, then gene by gene.

    Of small branches within one another the outer, which began later, goes first and takes the genes of the inner with it.
    """
    mean = _mean_to_modules(square, labels, len(modules))
    reach = np.maximum(_radii(mean, labels, len(modules)), cut)
    allowed = _on_own_branch(labels, branches, modules) if respect else np.ones(mean.shape, bool)
    mean = np.where(allowed, mean, np.inf)
    result = labels.copy()
    for branch in reversed(branches):
        group = np.array(branch.leaves)[result[branch.leaves] == 0] if branch.only_too_small else np.array([], dtype=int)
        if len(group):
            result[group] = _nearest(mean[group].mean(axis=0)[None], reach)[0] or -1
    loose = np.flatnonzero(result == 0)
    result[loose] = _nearest(mean[loose], reach)
    return np.maximum(result, 0)


def _nearest(mean: Array, reach: Array) -> Array:
    """Find the module with the smallest mean dissimilarity, 0 if even that is out of reach."""
    nearest = mean.argmin(axis=1)
    return np.where(mean[np.arange(len(mean)), nearest] < reach[nearest], nearest + 1, 0)


def _mean_to_modules(square: Array, labels: Array, n_modules: int) -> Array:
    """Average each gene's dissimilarity to every module -> (n_genes, n_modules)."""
    from radiogenomics.modules import _kernels

    sums = np.zeros((len(square), n_modules + 1))
    in_stripes(lambda first, step: _kernels.sums_by_cluster(square, labels, sums, first, step))
    return np.asarray(sums[:, 1:] / np.bincount(labels, minlength=n_modules + 1)[1:])


def _radii(mean: Array, labels: Array, n_modules: int) -> Array:
    """Take the largest mean dissimilarity of a module's own genes."""
    sizes = np.bincount(labels, minlength=n_modules + 1)[1:]
    own = np.where(labels[:, None] == np.arange(1, n_modules + 1), mean, 0.0)
    return np.asarray(own.max(axis=0) * sizes / (sizes - 1))


def _on_own_branch(labels: Array, branches: list[_Branch], modules: list[_Branch]) -> Array:
    """Say which modules lie on each loose gene's branch; a gene on no composite branch has none."""
    allowed = np.zeros((len(labels), len(modules)), bool)
    column = {id(branch): i for i, branch in enumerate(modules)}
    for branch in branches:
        if branch.parts:
            own = [column[id(part)] for part in branch.parts if id(part) in column]
            allowed[np.ix_(branch.leaves, own)] = True
    return allowed
