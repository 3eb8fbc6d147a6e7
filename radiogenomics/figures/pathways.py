"""Pathways: which go with the signature, which with each feature, which are enriched in a module."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize

from radiogenomics._errors import InputError
from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting

_ROW_MM = 3.9
_LONGEST, _LETTER_MM = 42, 1.15  # letters of a name, and what one takes at the small size
_SMALLEST, _BIGGEST = 2.0, 42.0  # points squared


@st.styled
def pathway_bar(links: pd.DataFrame, *, most: int = 40, ax: Axes | None = None) -> Axes:
    """Draw the correlation of each pathway with one signature as bars with intervals.

    Parameters
    ----------
    links : DataFrame
        ``target, effect, effect_low, effect_high, p, q``, one row per pathway, and optionally ``category``.
    most : int
        So many pathways with the smallest p are drawn; the title says when some were left out.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Grouped and coloured by category where there is one, sorted by effect; full colour where q is below 0.05, pale elsewhere.
    """
    st.require(links, "links", ["target", "effect", "effect_low", "effect_high", "p", "q"])
    _one_row_each(links, "target")
    shown = links.nsmallest(most, "p").sort_values("effect", ascending=False, kind="stable")
    groups = _groups(shown)
    shown = shown.loc[groups.sort_values(kind="stable").index]
    groups = groups[shown.index]
    places = _places(groups)
    ax = st.panel_axes(ax, height_mm=20 + _ROW_MM * (int(places.max()) + 1))
    bars = ax.barh(places, shown["effect"], height=0.7, color=_colors(shown, groups))
    for bar, q in zip(bars, shown["q"], strict=True):
        bar.set_alpha(0.9 if q < 0.05 else 0.4)
    ax.hlines(places, shown["effect_low"], shown["effect_high"], color=st.INK, lw=0.7)
    ax.axvline(0, lw=0.6, color=st.INK)
    _name_bars(ax, places, shown["target"], groups)
    ax.set(ylim=(places.max() + 0.6, -0.6), xlabel=_effect_of(links))
    _explain_bars(ax, _some(len(shown), len(links)))
    return ax


def _groups(links: pd.DataFrame) -> pd.Series:
    """Give every pathway its category, in the order of the categories' strongest links; all the same without categories."""
    names = links["category"].fillna("other") if "category" in links else pd.Series("", index=links.index)
    order = links.groupby(names)["p"].min().sort_values(kind="stable").index
    return pd.Series(pd.Categorical(names, categories=order, ordered=True), index=links.index)


def _colors(links: pd.DataFrame, groups: pd.Series) -> list[str]:
    """Colour bars by category; of one alone by their direction."""
    if len(groups.cat.categories) < 2:
        return [st.VERMILION if effect > 0 else st.BLUE for effect in links["effect"]]
    return [st.CYCLE[code % len(st.CYCLE)] for code in groups.cat.codes]


def _places(groups: pd.Series) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Give every bar its row; where there are several categories, each begins with a row for its name."""
    heads = groups.cat.codes.to_numpy(dtype=int) + 1 if len(groups.cat.categories) > 1 else 0
    return np.arange(len(groups)) + heads


def _name_bars(
    ax: Axes, places: "np.ndarray[tuple[int], np.dtype[np.intp]]", targets: "pd.Series[str]", groups: pd.Series
) -> None:
    names = {int(place): formatting.pathway_label(name, 34) for place, name in zip(places, targets, strict=True)}
    heads = sorted(set(range(int(places.max()) + 1)) - set(names))
    names |= {place: formatting.short(name, 34) for place, name in zip(heads, groups.cat.categories, strict=False)}
    ax.set_yticks(sorted(names), [names[place] for place in sorted(names)])
    ax.tick_params(axis="y", length=0)
    for code, place in enumerate(heads):
        ax.get_yticklabels()[place].set(color=st.CYCLE[code % len(st.CYCLE)], fontweight="bold")


def _explain_bars(ax: Axes, title: str) -> None:
    for alpha, label in ((0.9, "q < 0.05"), (0.4, "q ≥ 0.05")):
        ax.plot([], [], "s", color=st.INK, alpha=alpha, ms=4, mew=0, label=label)
    ax.legend(
        title=title,
        title_fontsize=st.SMALL_POINTS,
        alignment="right",
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
        borderaxespad=0.1,
        handletextpad=0.1,
        columnspacing=0.8,
    )


def _effect_of(links: pd.DataFrame) -> str:
    """Name the signature of the panel where the table does."""
    one_feature = "feature" in links and links["feature"].nunique() == 1
    return (
        f"Correlation with {formatting.short(links['feature'].iloc[0], 20)}\n(Pearson r, 95 % CI)"
        if one_feature
        else "Effect (Pearson r, 95 % CI)"
    )


def _one_row_each(links: pd.DataFrame, column: str) -> None:
    twice = links[column].duplicated()
    if twice.any():
        raise InputError(
            f"`links` has {links.loc[twice, column].iloc[0]!r} more than once; keep one feature, family and estimate."
        )


def _some(drawn: int, all_of_them: int) -> str:
    """Say that a panel shows a part; nothing when it shows all."""
    return f"{drawn} of {all_of_them} pathways, those with the smallest p" if drawn < all_of_them else ""


@st.styled
def pathway_dot(links: pd.DataFrame, *, most: int = 30, ax: Axes | None = None) -> Axes:
    """Draw the links of several features with several pathways as dots.

    Parameters
    ----------
    links : DataFrame
        ``feature, target, effect, p, q``, one row per pair.
    most : int
        So many pathways, and so many features, with the smallest p are drawn; the title says when some were left out.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Colour is the effect, area -log10 p, a black rim q below 0.05.
    """
    st.require(links, "links", ["feature", "target", "effect", "p", "q"])
    best = {side: links.groupby(side, sort=False)["p"].min().nsmallest(most).index for side in ("feature", "target")}
    shown = links[links["feature"].isin(best["feature"]) & links["target"].isin(best["target"])]
    columns, rows = list(dict.fromkeys(shown["feature"])), list(dict.fromkeys(shown["target"]))
    names = [formatting.short(name, _LONGEST) for name in columns]
    upright = _LETTER_MM * max(map(len, names))
    ax = st.panel_axes(
        ax, width_mm=st.COLUMN_MM if len(columns) <= 6 else st.PAGE_MM, height_mm=18 + upright + _ROW_MM * len(rows)
    )
    bound = max(0.3, float(shown["effect"].abs().max()))
    strength = -np.log10(shown["p"].clip(lower=1e-12))
    scale = max(float(strength.max()), 3.0)
    dots = _dots(
        ax, shown["feature"].map(columns.index), shown["target"].map(rows.index), strength / scale, shown["effect"],
        rim=shown["q"] < 0.05, cmap=st.DIVERGING, norm=Normalize(-bound, bound),
    )  # fmt: skip
    _grid(ax, names, [formatting.pathway_label(name, 38) for name in rows])
    _bar(ax, dots, "Pearson r")
    note = f"{_some(len(rows), len(links['target'].unique()))}\nBlack rim: q < 0.05. Area: −log₁₀ p".strip()
    _sizes(ax, [1.3, 2, 3, *([4, 6, 9][: max(0, int(scale > 4) + int(scale > 6) + int(scale > 9))])], scale, note)
    return ax


@st.styled
def enrichment_dot(enrichment: pd.DataFrame, *, most: int = 5, ax: Axes | None = None) -> Axes:
    """Draw the gene sets that are over-represented in each list of genes.

    Parameters
    ----------
    enrichment : DataFrame
        ``list, pathway, overlap, q``, one row per test.
    most : int
        So many gene sets with the smallest q are drawn of each list.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        One column a list, one row per gene set; area is the overlap, colour -log10 q, a black rim q below 0.05.
    """
    st.require(enrichment, "enrichment", ["list", "pathway", "overlap", "q"])
    first = enrichment.sort_values("q", kind="stable").groupby("list", sort=False).head(most)
    rows = list(dict.fromkeys(first["pathway"]))
    columns = [name for name in dict.fromkeys(enrichment["list"]) if name in set(first["list"])]
    shown = enrichment[enrichment["pathway"].isin(rows) & enrichment["list"].isin(columns) & enrichment["overlap"].gt(0)]
    ax = st.panel_axes(ax, width_mm=st.COLUMN_MM if len(columns) <= 8 else st.PAGE_MM, height_mm=40 + _ROW_MM * len(rows))
    strength, biggest = -np.log10(shown["q"].clip(lower=1e-20)), float(shown["overlap"].max())
    dots = _dots(
        ax, shown["list"].map(columns.index), shown["pathway"].map(rows.index), shown["overlap"] / biggest, strength,
        rim=shown["q"] < 0.05, cmap="viridis_r", norm=Normalize(0, max(2.0, float(strength.max()))),
    )  # fmt: skip
    _grid(ax, [formatting.short(name, 26) for name in columns], [formatting.pathway_label(name, 34) for name in rows])
    _bar(ax, dots, "−log₁₀ q")
    shares = sorted({max(1, round(biggest * share)) for share in (0.1, 0.3, 1)})
    _sizes(ax, shares, biggest, f"The {most} smallest q of each list\nBlack rim: q < 0.05. Area: genes shared")
    return ax


def _dots(
    ax: Axes, x: "pd.Series[int]", y: "pd.Series[int]", size: "pd.Series[float]", color: "pd.Series[float]", *,
    rim: "pd.Series[bool]", cmap: str, norm: Normalize,
) -> PathCollection:  # fmt: skip
    """Draw dots whose area grows with `size` (0 to 1), with a black rim where `rim` holds."""
    edges = [st.INK if black else "none" for black in rim]
    area = (_SMALLEST + (_BIGGEST - _SMALLEST) * size).to_numpy(dtype=float)
    return ax.scatter(x, y, s=area, c=color, cmap=cmap, norm=norm, edgecolors=edges, linewidths=0.8)


def _grid(ax: Axes, columns: list[str], rows: list[str]) -> None:
    ax.set_xticks(range(len(columns)), columns, rotation=90 if len(columns) > 4 or max(map(len, columns)) > 14 else 0)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlim=(-0.7, len(columns) - 0.3), ylim=(len(rows) - 0.4, -0.6))
    ax.tick_params(length=0)
    ax.set_axisbelow(True)
    ax.grid(color=st.PALE, lw=0.4)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _bar(ax: Axes, dots: PathCollection, label: str) -> None:
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.5, aspect=18, pad=0.02)
    bar.set_label(label)
    bar.ax.tick_params(labelsize=st.SMALL_POINTS, width=0.6, length=2)
    bar.outline.set_visible(False)


def _sizes(ax: Axes, values: Sequence[float], biggest: float, title: str) -> None:
    """Explain the areas of the dots above the panel."""
    for value in values:
        ax.scatter([], [], s=_SMALLEST + (_BIGGEST - _SMALLEST) * value / biggest, color=st.GREY, lw=0, label=f"{value:g}")
    ax.legend(
        title=title,
        title_fontsize=st.SMALL_POINTS,
        alignment="right",
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(values),
        borderaxespad=0.2,
        handletextpad=0.1,
    )
