"""Blocks of genes that fit into memory: the caller's, or ours by likeness of the genes."""

import os
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError, MemoryLimitError
from radiogenomics._tables import summarise
from radiogenomics.modules.correlation import unit_rows

Array = np.ndarray[Any, Any]
# Up to here two squares in double precision cost less than 400 MB, and the tree equals R's merge by merge. Beyond, single
# precision halves memory and time; merges whose heights agree to seven digits may then change places.
_DOUBLE_UP_TO = 5000
_CENTRES_A_BLOCK = 50
_ROUNDS = 30


def block_members(
    values: Array, genes: pd.Index, *, blocks: pd.Series | None, max_block_size: int, unsigned: bool
) -> list[Array]:
    """Divide genes into blocks -> the positions of each block's genes, rising."""
    if max_block_size < 2:
        raise InputError(f"`max_block_size` is {max_block_size}; a block needs at least 2 genes.")
    if blocks is not None:
        members = _callers(genes, blocks)
    elif len(genes) <= max_block_size:
        members = [np.arange(len(genes))]
    else:
        members = _alike(values, genes, max_block_size, unsigned)
    _check_memory(max(len(block) for block in members))
    return members


def precision(n_genes: int) -> type[np.floating[Any]]:
    """Choose the precision of a block's squares by its size."""
    return np.float64 if n_genes <= _DOUBLE_UP_TO else np.float32


def _callers(genes: pd.Index, blocks: pd.Series) -> list[Array]:
    if not isinstance(blocks, pd.Series):
        raise TypeError(f"`blocks` is a {type(blocks).__name__}; give a Series with the genes as its index.")
    missing = genes.difference(blocks.index)
    if len(missing):
        raise InputError(
            f"`blocks` names no block for {len(missing)} gene(s): {summarise(missing)}; give a Series with every gene in its "
            "index."
        )
    codes, names = pd.factorize(blocks.loc[genes], sort=True)
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    small = [name for name, block in zip(names, members, strict=True) if len(block) < 2]
    if small:
        raise InputError(f"`blocks` has block(s) with fewer than 2 usable genes: {summarise(small)}; join them to others.")
    return members


def _check_memory(largest: int) -> None:
    available = _available_bytes()
    needed = 2 * largest**2 * np.dtype(precision(largest)).itemsize
    if available is not None and needed > available:
        fits = int(np.sqrt(available / (2 * np.dtype(np.float32).itemsize)) * 0.9)
        raise MemoryLimitError(
            f"A block of {largest} genes needs {needed / 1e9:.1f} GB and {available / 1e9:.1f} GB are free; "
            f"call again with max_block_size={fits}, or leave out genes of low variance."
        )


def _available_bytes() -> int | None:
    """Read how much memory is free, None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        known = "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {})
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else None
    return free


def _alike(values: Array, genes: pd.Index, most: int, unsigned: bool) -> list[Array]:
    """Cluster genes around centres, then join the likest clusters as long as they fit into one block."""
    by_name = np.argsort(genes.astype(str), kind="stable")
    # Starting from every so-many-th gene by name makes the blocks the same for any order of the genes.
    rows = unit_rows(np.where(np.isnan(values), np.nanmean(values, axis=0), values)[:, by_name]).astype(np.float32)
    clusters = _clusters(rows, np.arange(len(rows)), most, unsigned)
    joined = _join_alike([rows[cluster] for cluster in clusters], most, unsigned)
    return [np.sort(by_name[np.concatenate([clusters[i] for i in group])]) for group in joined]


def _clusters(rows: Array, members: Array, most: int, unsigned: bool) -> list[Array]:
    """Cluster until every cluster fits into a block -> the members of each."""
    count = min(len(members) // 2, int(np.ceil(_CENTRES_A_BLOCK * len(members) / most)))
    nearest = _around_centres(rows[members], max(count, 2), unsigned)
    clusters = [members[nearest == centre] for centre in np.unique(nearest)]
    if len(clusters) == 1:  # Genes that cannot be told apart: any division is as good.
        clusters = np.array_split(members, len(members) // most + 1)
    return [
        part for cluster in clusters for part in ([cluster] if len(cluster) <= most else _clusters(rows, cluster, most, unsigned))
    ]


def _around_centres(rows: Array, count: int, unsigned: bool) -> Array:
    """Assign genes to the centre they correlate with most, centres moving until nothing changes -> the centre of each gene."""
    centres = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    nearest = np.full(len(rows), -1)
    for _ in range(_ROUNDS):
        r = rows @ centres.T
        before, nearest = nearest, (np.abs(r) if unsigned else r).argmax(axis=1)
        if np.array_equal(before, nearest):
            break
        own = r[np.arange(len(rows)), nearest]
        centres = np.stack([_centre(rows[nearest == i], own[nearest == i], old, unsigned) for i, old in enumerate(centres)])
    return nearest


def _centre(rows: Array, r: Array, old: Array, unsigned: bool) -> Array:
    if not len(rows):
        return old
    total = (rows * np.sign(r)[:, None] if unsigned else rows).sum(axis=0)
    length = np.linalg.norm(total)
    return np.asarray(total / length) if length > 0 else old


def _join_alike(clusters: list[Array], most: int, unsigned: bool) -> list[list[int]]:
    """Join the two likest groups of clusters that together fit into a block, until none do."""
    centres = np.stack([_centre(rows, rows @ rows[0], rows[0], unsigned) for rows in clusters])
    alike = np.abs(centres @ centres.T) if unsigned else centres @ centres.T
    sizes = np.array([len(rows) for rows in clusters])
    groups = [[i] for i in range(len(clusters))]
    while True:
        fits = sizes[:, None] + sizes <= most
        np.fill_diagonal(fits, False)
        if not fits.any():
            return groups
        i, j = sorted(np.unravel_index(np.where(fits, alike, -np.inf).argmax(), alike.shape))
        row = (sizes[i] * alike[i] + sizes[j] * alike[j]) / (sizes[i] + sizes[j])
        alike[i], alike[:, i] = row, row
        sizes[i] += sizes[j]
        groups[i] += groups.pop(j)
        alike, sizes = np.delete(np.delete(alike, j, 0), j, 1), np.delete(sizes, j)
