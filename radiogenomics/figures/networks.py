"""Co-expression modules: the power of the network, the tree of the genes with the modules' colours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from radiogenomics._errors import InputError
from radiogenomics.figures import _style as st
from radiogenomics.figures._given import FoundModules, GeneTree, Powers, as_genes, as_merges

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@st.styled
def soft_threshold(
    fits: pd.DataFrame | Powers,
    *,
    power: float | None = None,
    r2_cut: float = 0.85,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw how scale-free and how connected the network is at every power.

    Parameters
    ----------
    fits : DataFrame or SoftThreshold
        One row per power: ``power, r2, slope, mean_k``; or what `modules.pick_soft_threshold` returned.
    power : float, optional
        The power chosen; marked. Without it, that of a SoftThreshold.
    r2_cut : float
        The fit that is good enough; dashed.
    figure : Figure or SubFigure, optional
        Where to draw; it gets two axes.

    Returns
    -------
    Figure or SubFigure
        Signed fit above (negative where connectivity rises with frequency), mean connectivity below.
    """
    if isinstance(fits, Powers):
        return soft_threshold(fits.table, power=fits.power if power is None else power, r2_cut=r2_cut, figure=figure)
    st.require(fits, "fits", ["power", "r2", "slope", "mean_k"])
    figure = st.panel_figure(figure, height_mm=96)
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.axhline(r2_cut, ls="--", lw=0.7, color=st.GREY)
    upper.plot(fits["power"], -np.sign(fits["slope"]) * fits["r2"], "o-", ms=3, lw=0.8, color=st.BLUE)
    upper.set(ylabel="Scale-free fit, signed R²", ylim=(min(-0.05, *(-np.sign(fits["slope"]) * fits["r2"] - 0.05)), 1.02))
    lower.plot(fits["power"], fits["mean_k"], "o-", ms=3, lw=0.8, color=st.BLUE)
    lower.set(ylabel="Mean connectivity", xlabel="Soft-thresholding power", yscale="log")
    for ax in (upper, lower):
        st.panel_axes(ax)
        if power is not None:
            ax.axvline(power, lw=1, color=st.VERMILION)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    lower.yaxis.set_minor_formatter(NullFormatter())
    upper.tick_params(labelbottom=False)
    upper.annotate(
        f"R² = {r2_cut:g}", (1, r2_cut), (0, 2), ("axes fraction", "data"), "offset points", ha="right", fontsize=st.SMALL_POINTS
    )
    if power is not None:
        lower.annotate(
            f"power {power:g}",
            (power, 0.97),
            (4, 0),
            ("data", "axes fraction"),
            "offset points",
            va="top",
            fontsize=st.SMALL_POINTS,
        )
    return figure


@st.styled
def dendrogram(
    tree: pd.DataFrame | GeneTree,
    modules: pd.DataFrame | FoundModules,
    *,
    bands: Mapping[str, str] | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw the clustering of the genes and, under it, the module of each as a band of colour.

    Parameters
    ----------
    tree : DataFrame or Tree
        One block: one of the trees that `modules.find_modules` found (``m.trees[0]``), or a table, either merges alone, ``left,
        right, height`` with leaves numbered in the order of `modules`, or one row per node, ``node, gene,
        position, left, right, height``, leaves first (-1 where nothing is below).
    modules : DataFrame or Modules
        What `modules.find_modules` found, or a table indexed by gene, with a column of colour names for each band.
    bands : mapping of str to str, optional
        Column of `modules` -> what its band is called; ``{"color": "Module"}`` without it.
    figure : Figure or SubFigure, optional
        Where to draw; it gets two axes.

    Returns
    -------
    Figure or SubFigure
        The tree above, the bands below, genes from left to right.
    """
    bands, modules = {"color": "Module"} if bands is None else bands, as_genes(modules)
    if isinstance(tree, GeneTree):
        return dendrogram(as_merges(tree), _of_block(modules, tree.genes), bands=bands, figure=figure)
    st.require(tree, "tree", ["left", "right", "height"])
    st.require(modules, "modules", bands)
    genes, children, heights = _leaves_and_merges(tree, modules)
    order = _order(children, len(genes))
    figure = st.panel_figure(figure, width_mm=st.PAGE_MM, height_mm=62 + 5 * len(bands))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[9, 0.7 * len(bands)])
    lines = LineCollection(list(_brackets(children, heights, order)), colors=st.INK, linewidths=0.35, rasterized=len(genes) > 500)
    upper.add_collection(lines)
    bottom = float(heights.min()) - 0.06 * float(np.ptp(heights))
    st.panel_axes(upper).set(
        xlim=(-0.5, len(genes) - 0.5), ylim=(bottom, float(heights.max()) * 1.005), ylabel="Height (1 − overlap)"
    )
    upper.tick_params(axis="x", bottom=False, labelbottom=False)
    upper.spines["bottom"].set_visible(False)
    _bands(st.panel_axes(lower), modules.loc[genes[order]], bands)
    return figure


def _of_block(modules: pd.DataFrame, genes: "pd.Index[Any]") -> pd.DataFrame:
    """Give the rows of a tree's genes, in its order."""
    lacking = genes.difference(modules.index)
    if len(lacking):
        raise InputError(f"`modules` lacks {len(lacking)} of the tree's genes, such as {lacking[0]!r}; give those of one search.")
    return modules.loc[genes]


def _leaves_and_merges(tree: pd.DataFrame, modules: pd.DataFrame) -> tuple["pd.Index[Any]", Ints, Floats]:
    """Read either form of a tree -> the genes by number, the two nodes under every merge, its height."""
    if "gene" not in tree:
        if len(tree) + 1 != len(modules):
            raise InputError(
                f"`tree` has {len(tree) + 1} leaves, `modules` has {len(modules)} genes; give the genes of one block."
            )
        return modules.index, tree[["left", "right"]].to_numpy(dtype=np.int64), tree["height"].to_numpy(dtype=float)
    nodes = tree.sort_values("node", kind="stable")
    if nodes["node"].duplicated().any():
        raise InputError("`tree` has more than one block; draw one at a time: tree[tree['block'] == 1].")
    leaves, merges = nodes[nodes["left"] < 0], nodes[nodes["left"] >= 0]
    return pd.Index(leaves["gene"]), merges[["left", "right"]].to_numpy(dtype=np.int64), merges["height"].to_numpy(dtype=float)


def _order(children: Ints, n: int) -> Ints:
    """List the leaves from left to right, the left child first; without recursion, since trees are deep."""
    order, stack = [], [2 * n - 2]
    while stack:
        node = stack.pop()
        if node < n:
            order.append(node)
        else:
            left, right = children[node - n]
            stack += [int(right), int(left)]
    return np.array(order)


def _brackets(children: Ints, heights: Floats, order: Ints) -> Floats:
    """Lay every merge out as an upright bracket, shape (n_merges, 4, 2); leaves hang a little below their first merge."""
    n = len(order)
    across, level = np.empty(2 * n - 1), np.empty(2 * n - 1)
    across[order] = np.arange(n)
    level[:n] = np.nan
    brackets = np.empty((n - 1, 4, 2))
    hang = 0.03 * np.ptp(heights)
    for merge, ((left, right), height) in enumerate(zip(children, heights, strict=True)):
        across[n + merge], level[n + merge] = (across[left] + across[right]) / 2, height
        feet = [height - hang if np.isnan(level[node]) else level[node] for node in (left, right)]
        brackets[merge] = [(across[left], feet[0]), (across[left], height), (across[right], height), (across[right], feet[1])]
    return brackets


def _bands(ax: Axes, modules: pd.DataFrame, bands: Mapping[str, str]) -> None:
    rgb = {name: to_rgb(st.module_rgb(name)) for column in bands for name in modules[column].unique()}
    image = np.array([[rgb[name] for name in modules[column]] for column in bands])
    ax.imshow(image, aspect="auto", interpolation="nearest", extent=(-0.5, len(modules) - 0.5, len(bands) - 0.5, -0.5))
    ax.set_yticks(range(len(bands)), list(bands.values()))
    ax.set_xlabel(f"{len(modules):,} genes")
    ax.tick_params(length=0, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
