"""Average linkage of a whole dissimilarity square, in R's order of merges and children."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Tree:
    """A dendrogram in R's convention.

    Attributes
    ----------
    merge : array of int, shape (n - 1, 2)
        A negative entry -i is leaf i, a positive one the merge of that number, both counted from 1. Leaves stand before
        merges, and smaller numbers before larger ones.
    height : array, shape (n - 1,)
        The height of each merge, rising.
    order : array of int, shape (n,)
        The leaves from left to right, counted from 0.
    genes : Index, shape (n,)
        The leaves' names.
    """

    merge: Array
    height: Array
    order: Array
    genes: pd.Index

    @property
    def linkage(self) -> Array:
        """The same tree as scipy wants it: columns left, right, height, size; shape (n - 1, 4)."""
        n = len(self.genes)
        children = np.where(self.merge < 0, -self.merge - 1, self.merge + n - 1)
        size = np.ones(2 * n - 1)
        for i, (left, right) in enumerate(children):
            size[n + i] = size[left] + size[right]
        return np.column_stack([children, self.height, size[n:]])


def average_linkage(square: Array, genes: pd.Index) -> Tree:
    """Link by average -> the tree. Destroys the square.

    Parameters
    ----------
    square : array of float32 or float64, shape (n, n)
        Dissimilarities, whole and symmetric; used as scratch.
    genes : Index, shape (n,)
        The names of rows and columns.

    References
    ----------
    Murtagh (1983), A survey of recent advances in hierarchical clustering algorithms. doi:10.1093/comjnl/26.4.354
    """
    from radiogenomics.modules import _kernels

    pairs, heights = _kernels.average_linkage_chain(square)
    # A stable sort: on equal heights the chain's order decides in R too.
    order = np.argsort(heights, kind="stable")
    return tree_from_pairs(pairs[order], heights[order], genes)


def tree_from_pairs(pairs: Array, heights: Array, genes: pd.Index) -> Tree:
    """Make a tree from merges in the order of their heights, each named by one leaf of either side."""
    merge = _numbered(pairs, len(genes))
    return Tree(merge, heights, _leaves(merge), genes)


def _numbered(pairs: Array, n: int) -> Array:
    """Name the cluster that each pair of members stands for at that moment, by R's numbers."""
    parent, name = list(range(n)), [-(i + 1) for i in range(n)]
    merge = np.empty((n - 1, 2), dtype=np.int64)
    for i, (a, b) in enumerate(pairs.tolist()):
        left, right = _root(parent, a), _root(parent, b)
        merge[i] = _children(name[left], name[right])
        parent[left] = right
        name[right] = i + 1
    return merge


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _children(a: int, b: int) -> tuple[int, int]:
    """Order two children: leaves first, and by number among equals."""
    if a < 0 and b < 0:
        return max(a, b), min(a, b)
    return min(a, b), max(a, b)


def _leaves(merge: Array) -> Array:
    """Read the leaves from left to right."""
    order, stack = [], [len(merge)]
    children = merge.tolist()
    while stack:
        node = stack.pop()
        if node < 0:
            order.append(-node - 1)
        else:
            left, right = children[node - 1]
            stack += [right, left]
    return np.array(order)


def tree_table(trees: tuple[Tree, ...]) -> pd.DataFrame:
    """Lay trees out as one table, to be stored -> one row per node.

    Parameters
    ----------
    trees : tuple of Tree
        For example `modules.trees`, one a block.

    Returns
    -------
    DataFrame
        Columns `block, node, gene, position, left, right, height, size`: a tree of n genes has its leaves as nodes 0 to n - 1
        (with `gene` and `position` from left to right) and its merges as nodes n to 2n - 2 (with the nodes `left` and `right`
        below them); what does not apply is "" or -1.
    """
    return pd.concat([_nodes(tree).assign(block=i) for i, tree in enumerate(trees, start=1)], ignore_index=True)[
        ["block", "node", "gene", "position", "left", "right", "height", "size"]
    ]


def trees_from_table(table: pd.DataFrame) -> tuple[Tree, ...]:
    """Read the table of `tree_table` back -> the trees, to be drawn.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = {"block", "node", "gene", "position", "left", "right", "height"} - set(table.columns)
    if missing:
        raise InputError(f"The tree table lacks the column(s) {', '.join(sorted(missing))}; make it with `tree_table`.")
    return tuple(_tree(rows.sort_values("node")) for _, rows in table.groupby("block"))


def _nodes(tree: Tree) -> pd.DataFrame:
    n, linkage = len(tree.genes), tree.linkage
    position = np.empty(n, dtype=np.int64)
    position[tree.order] = np.arange(n)
    none = np.full(n, -1)
    return pd.DataFrame(
        {
            "node": np.arange(2 * n - 1),
            "gene": [*tree.genes.astype(str), *[""] * (n - 1)],
            "position": np.concatenate([position, none[1:]]),
            "left": np.concatenate([none, linkage[:, 0].astype(np.int64)]),
            "right": np.concatenate([none, linkage[:, 1].astype(np.int64)]),
            "height": np.concatenate([np.zeros(n), linkage[:, 2]]),
            "size": np.concatenate([np.ones(n, dtype=np.int64), linkage[:, 3].astype(np.int64)]),
        }
    )


def _tree(rows: pd.DataFrame) -> Tree:
    leaves, merges = rows[rows["left"] < 0], rows[rows["left"] >= 0]
    n = len(leaves)
    nodes = merges[["left", "right"]].to_numpy()
    merge = np.where(nodes < n, -nodes - 1, nodes - n + 1)
    order = np.argsort(leaves["position"].to_numpy())
    return Tree(merge, merges["height"].to_numpy(), order, pd.Index(leaves["gene"], name="gene"))
