"""How imaging and molecular features go together: heat maps, the strongest links with their intervals, the null."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from radiogenomics._errors import InputError
from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting
from radiogenomics.figures._given import FoundModules, as_genes

Floats = npt.NDArray[np.float64]
_ROW_MM = 4.2
_COLUMNS_POINTS = (6, 88)  # where the texts beside a forest begin
_LEGEND_POINTS = 26
_UPRIGHT = 36  # in more columns than this stars stand one above the other
_NULLS = {"permuted patients": st.SKY, "random features": st.ORANGE}


@st.styled
def module_trait(
    links: pd.DataFrame,
    *,
    modules: pd.DataFrame | FoundModules | None = None,
    most: int = 40,
    note: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the correlation of every eigengene with every trait, feature or signature.

    Parameters
    ----------
    links : DataFrame
        ``feature, target, effect, p, q``, one row per pair; one side of each pair is an eigengene (``ME1``...).
    modules : DataFrame or Modules, optional
        What `modules.find_modules` found, or a table indexed by gene, ``module, color``: adds the module's colour, name and
        number of genes to its row.
    most : int
        Of more traits (or modules) than this, those with the smallest p are drawn, and the title says so.
    note : str
        What the title says beside that, such as what was left out before.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Modules in rows; numbers where they can be read, stars for q below 0.05, 0.01 and 0.001.
    """
    kept, notes = _strongest(_eigengenes_first(links), most, {"target": "modules", "feature": "traits"})
    effect, q = _grids(kept)
    genes = None if modules is None else as_genes(modules)
    labels = [_module_label(name, genes) for name in effect.index]
    ax = _heat(effect, q, rows=[label for label, _ in labels], label="Pearson r", ax=ax)
    _strip(ax, [color for _, color in labels])
    _note(ax, [*([note] if note else []), *notes])
    return ax


def _strip(ax: Axes, colors: Sequence[str | None]) -> None:
    """Set a square of the module's colour between each row and its name."""
    beside = ax.get_yaxis_transform() + ScaledTranslation(-6 / 72, 0, ax.get_figure(root=True).dpi_scale_trans)  # type: ignore[union-attr]
    for place, color in enumerate(colors):
        if color is not None:
            ax.plot(0, place + 0.5, "s", ms=7, mfc=color, mec=st.GREY, mew=0.3, transform=beside, clip_on=False)
    if any(colors):
        ax.tick_params(axis="y", pad=12)


def _eigengenes_first(links: pd.DataFrame) -> pd.DataFrame:
    """Bring the eigengene of every pair to `target`, and order modules by their number."""
    _check_pairs(links, ["feature", "target", "effect", "p", "q"])
    number = links["target"].astype(str).str.extract(r"^ME(\d+)$")[0]
    if number.isna().all():
        links = links.rename(columns={"feature": "target", "target": "feature"})
        number = links["target"].astype(str).str.extract(r"^ME(\d+)$")[0]
    if number.isna().any():
        other = links.loc[number.isna(), "target"].iloc[0]
        raise InputError(f"`links` has pairs without an eigengene (ME1, ME2...), such as {other!r}; keep one family.")
    return links.iloc[number.astype(int).argsort(kind="stable")]


def _module_label(name: object, modules: pd.DataFrame | None) -> tuple[str, str | None]:
    genes = pd.DataFrame() if modules is None else modules[modules["module"].eq(int(str(name)[2:]))]
    if genes.empty:
        return str(name), None
    color = str(genes["color"].iloc[0])
    return f"{name} {color} ({len(genes)})", st.module_rgb(color)


@st.styled
def link_heatmap(links: pd.DataFrame, *, most: int = 40, label: str = "Pearson r", ax: Axes | None = None) -> Axes:
    """Draw the effects of one family of links as a grid, features against targets.

    Parameters
    ----------
    links : DataFrame
        ``feature, target, effect, q, p``, one row per pair.
    most : int
        Of more targets (or features) than this, those with the smallest p are drawn, and the title says so.
    label : str
        What the effect is.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The longer side in rows.
    """
    _check_pairs(links, ["feature", "target", "effect", "p", "q"])
    if links["feature"].nunique() > links["target"].nunique():
        links = links.rename(columns={"feature": "target", "target": "feature"})
    kept, notes = _strongest(links, most, {"target": "rows", "feature": "columns"})
    effect, q = _grids(kept)
    ax = _heat(effect, q, rows=[formatting.pathway_label(name, 38) for name in effect.index], label=label, ax=ax)
    _note(ax, notes)
    return ax


def _strongest(links: pd.DataFrame, most: int, sides: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Keep the rows and columns with the smallest p, in their order -> the links, and what was left out."""
    kept, notes = links, []
    for side, name in sides.items():
        best = links.groupby(side, sort=False)["p"].min().sort_values(kind="stable").index
        if len(best) > most:
            kept = kept[kept[side].isin(best[:most])]
            notes.append(f"{most} of {len(best)} {name}, those with the smallest p")
    return kept, notes


def _note(ax: Axes, notes: list[str]) -> None:
    if notes:
        ax.set_title("\n".join(notes), weight="normal", fontsize=st.SMALL_POINTS, loc="right")  # over the names, if it must


def _check_pairs(links: pd.DataFrame, columns: list[str]) -> None:
    twice = st.require(links, "links", columns).duplicated(["feature", "target"])
    if twice.any():
        pair = " and ".join(repr(name) for name in links.loc[twice, ["feature", "target"]].iloc[0])
        raise InputError(f"`links` has the pair {pair} more than once; keep one family and one estimate.")


def _grids(links: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn long links into a grid of effects and one of q, in the order of their first appearance."""
    rows, columns = links["target"].unique(), links["feature"].unique()
    effect, q = (links.pivot_table(index="target", columns="feature", values=value, dropna=False) for value in ("effect", "q"))
    return effect.reindex(rows, columns=columns), q.reindex(rows, columns=columns)


def _heat(effect: pd.DataFrame, q: pd.DataFrame, *, rows: Sequence[str], label: str, ax: Axes | None) -> Axes:
    """Draw a grid of correlations; numbers in cells wide enough for them, stars in all."""
    count, wide = effect.shape[0], effect.shape[1]
    numbers = wide <= 10
    height = min((4.4 if numbers else 3.6) * count, 190)
    # Names take a millimetre a letter, cells with numbers a dozen; what does not fit one column gets the page.
    width = st.COLUMN_MM if max(map(len, rows)) + 12 * min(wide, 7) + 16 <= st.COLUMN_MM else st.PAGE_MM
    names = [formatting.pathway_label(name, 42) for name in effect.columns]
    upright = min(max(map(len, names)) * 1.15, 50)
    ax = st.panel_axes(ax, width_mm=width, height_mm=height + upright + 12)
    bound = max(0.3, np.ceil(np.nanmax(np.abs(effect.to_numpy(dtype=float)), initial=0.3) * 10) / 10)
    cells = ax.pcolormesh(effect.to_numpy(dtype=float), cmap=st.DIVERGING, vmin=-bound, vmax=bound, edgecolors="white", lw=0.3)
    ax.figure.colorbar(cells, ax=ax, label=label, shrink=min(1, 40 / height), aspect=18, pad=0.015)
    ax.set_xticks(np.arange(wide) + 0.5, names)
    ax.set_yticks(np.arange(count) + 0.5, list(rows))
    ax.set(xlim=(0, wide), ylim=(count, 0))
    _write(ax, effect, q, bound, numbers=numbers)
    ax.set(xlabel="", ylabel="", facecolor=st.PALE)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=90 if wide > 6 else 40)
    for side in ax.spines.values():
        side.set_visible(False)
    for tick in ax.get_xticklabels():
        tick.set(ha="center" if wide > 6 else "right", rotation_mode="default" if wide > 6 else "anchor")
    st.dress_bar(ax)
    return ax


def _write(ax: Axes, effect: pd.DataFrame, q: pd.DataFrame, bound: float, *, numbers: bool) -> None:
    """Write numbers and stars into the cells that have any, white on dark."""
    significance = q.to_numpy(dtype=float)
    for (row, column), value in np.ndenumerate(effect.to_numpy(dtype=float)):
        text = formatting.stars(float(significance[row, column]))
        text = formatting.amount(value) + text if numbers and not np.isnan(value) else text
        if text:
            color = "white" if abs(value) > 0.6 * bound else st.INK
            look: dict[str, Any] = {
                "color": color,
                "fontsize": st.SMALL_POINTS,
                "rotation": 90 if effect.shape[1] > _UPRIGHT else 0,
            }
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", **look)


@st.styled
def link_forest(
    links: pd.DataFrame, *, most: int = 12, q_below: float = 0.05, label: str = "Pearson r", ax: Axes | None = None
) -> Axes:
    """Draw the strongest links of one family as effects with intervals.

    Parameters
    ----------
    links : DataFrame
        ``feature, target, effect, effect_low, effect_high, p, q``, one row per link; with ``p_spearman`` a link that ranks do not
        show is drawn open where q is below `q_below`.
    most : int
        So many links with the smallest p are drawn; the title says when some were left out.
    q_below : float
        Links with q below this are coloured.
    label : str
        What the effect is.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        One row per link, the smallest p on top; effect and q as text on the right.
    """
    st.require(links, "links", ["feature", "target", "effect", "effect_low", "effect_high", "p", "q"])
    drawn = links.nsmallest(most, "p")
    ax = st.panel_axes(ax, width_mm=st.PAGE_MM, height_mm=22 + _ROW_MM * len(drawn))
    ax.axvline(0, lw=0.6, color=st.GREY, zorder=0)
    for place, row in enumerate(drawn.to_dict("records")):
        significant = row["q"] < q_below
        color = st.GREY if not significant else st.VERMILION if row["effect"] > 0 else st.BLUE
        ranks = not (significant and row.get("p_spearman", 0.0) >= q_below)
        ax.plot([row["effect_low"], row["effect_high"]], [place, place], color=color, lw=1.4, solid_capstyle="butt")
        ax.plot(row["effect"], place, "o", ms=4, mfc=color if ranks else "white", mec=color, mew=1)
        _beside(ax, place, formatting.interval(row["effect"], row["effect_low"], row["effect_high"]), formatting.p_text(row["q"]))
    _beside(ax, -1, "r (95 % CI)", "q", weight="bold")
    ax.set_yticks(range(len(drawn)), [_pair(row) for row in drawn.to_dict("records")])
    bound = float(np.nanmax(np.abs(drawn[["effect_low", "effect_high", "effect"]].to_numpy(dtype=float)), initial=0.2)) * 1.05
    ax.set(xlabel=f"Effect ({label})", xlim=(-bound, bound), ylim=(len(drawn) - 0.4, -1.6))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    _forest_legend(ax, q_below, open_points="p_spearman" in links)
    _note(ax, [f"The {len(drawn)} links with the smallest p"] if len(drawn) < len(links) else [])
    return ax


def _beside(ax: Axes, place: float, *texts: str, **look: Any) -> None:
    """Write texts on the right of a row, in columns."""
    right = blended_transform_factory(ax.transAxes, ax.transData)
    for across, text in zip(_COLUMNS_POINTS, texts, strict=True):
        ax.annotate(text, (1, place), (across, 0), right, "offset points", va="center", fontsize=st.SMALL_POINTS, **look)


def _pair(row: dict[Hashable, Any]) -> str:
    return f"{formatting.short(row['feature'], 40)} – {formatting.pathway_label(row['target'], 40)}"


def _forest_legend(ax: Axes, q_below: float, *, open_points: bool) -> None:
    """Explain the points below the panel."""
    looks = [(st.VERMILION, st.VERMILION, f"q < {q_below:g}, r > 0"), (st.BLUE, st.BLUE, f"q < {q_below:g}, r < 0")]
    looks += [(st.GREY, st.GREY, f"q ≥ {q_below:g}")]
    looks += [("white", st.INK, f"q < {q_below:g}, but Spearman p ≥ {q_below:g}")] * open_points
    for fill, rim, label in looks:
        ax.plot([], [], "o", ms=4, mfc=fill, mec=rim, mew=1, label=label)
    below = ScaledTranslation(0, -_LEGEND_POINTS / 72, ax.get_figure(root=True).dpi_scale_trans)  # type: ignore[union-attr]
    ax.legend(
        loc="upper right", bbox_to_anchor=(1, 0), bbox_transform=ax.transAxes + below, ncols=4,
        borderaxespad=0, handletextpad=0.1, columnspacing=1,
    )  # fmt: skip


@st.styled
def null_intervals(nulls: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the number of links found in every family beside what its nulls give.

    Parameters
    ----------
    nulls : DataFrame
        ``family, null, found, mean, low, high``, one row per family and null.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A symmetric logarithmic scale: the links found as diamonds, each null's mean and central 95 % as a bar.
    """
    st.require(nulls, "nulls", ["family", "null", "found", "mean", "low", "high"])
    families = list(dict.fromkeys(nulls["family"]))
    ax = st.panel_axes(ax, height_mm=30 + 9 * len(families))
    ax.set_xscale("symlog", linthresh=1, linscale=0.6)
    for number, (name, part) in enumerate(nulls.groupby("null", sort=False)):
        color, places = _NULLS.get(str(name), st.PURPLE), part["family"].map(families.index) + 0.22 * (number + 0.3)
        ax.hlines(places, part["low"], part["high"], color=color, lw=2.4, alpha=0.6)
        label = f"{str(name).capitalize()} (central 95 %)"
        ax.plot(part["high"], places, "|o"[number % 2], ms=(6, 3)[number % 2], color=color, label=label)
    counts = nulls.drop_duplicates("family")
    ax.plot(counts["found"], counts["family"].map(families.index) - 0.2, "D", ms=4, color=st.VERMILION, label="Found in the data")
    ax.set_yticks(range(len(families)), [formatting.wrapped(name, 22) for name in families])
    top = max(float(nulls[["found", "high"]].to_numpy().max()), 1.0)
    ticks = [tick for tick in (0, 1, 2, 5, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000) if tick <= top * 1.3] or [0, 1]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set(
        xlabel="Links with q below 0.05",
        ylim=(len(families) - 0.4, -0.6),
        xlim=(-0.15, max(top * 1.3, 3)),
    )
    ax.tick_params(axis="x", which="minor", bottom=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.01), borderaxespad=0)
    return ax


@st.styled
def link_scatter(
    patients: pd.DataFrame, links: pd.DataFrame, *, color: str | None = None, figure: Figure | SubFigure | None = None
) -> Figure | SubFigure:
    """Draw the patients behind links: one panel per link, one point per patient.

    Parameters
    ----------
    patients : DataFrame, one row per patient
        The columns that the links name.
    links : DataFrame
        ``feature, target, effect, effect_low, effect_high, n, q``; the first three are drawn. Where ``estimate`` is another than
        "nested", the feature is called by its name alone, and not an out-of-fold score.
    color : str, optional
        A column of groups.
    figure : Figure or SubFigure, optional
        Where to draw; it gets one axes per link.

    Returns
    -------
    Figure or SubFigure
        Features along, targets up; the title of a panel has effect, interval and q. No line is drawn: it would claim more.
    """
    st.require(links, "links", ["feature", "target", "effect", "effect_low", "effect_high", "n", "q"])
    drawn = links.head(3)
    st.require(patients, "patients", [*drawn["feature"], *drawn["target"], *([color] if color else [])])
    figure = st.panel_figure(figure, width_mm=st.COLUMN_MM if len(drawn) == 1 else st.PAGE_MM, height_mm=70)
    for ax, row in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn.to_dict("records"), strict=True):
        parts = patients.groupby(color, sort=True) if color else [("Patients", patients)]
        for (name, part), shade in zip(parts, (st.SKY, st.VERMILION, *st.CYCLE), strict=False):
            label = f"{formatting.short(name, 24)} (n = {len(part)})"
            ax.plot(part[row["feature"]], part[row["target"]], "o", ms=3, mew=0, alpha=0.8, color=shade, label=label)
        effect = formatting.interval(row["effect"], row["effect_low"], row["effect_high"])
        st.panel_axes(ax).set_title(f"r {effect}, n = {row['n']}, q {formatting.p_text(row['q'])}", fontsize=st.SMALL_POINTS)
        of_fold = ", out-of-fold score" * (row.get("estimate", "nested") == "nested")
        ax.set(xlabel=f"{formatting.short(row['feature'], 32)}{of_fold}", ylabel=formatting.pathway_label(row["target"], 40))
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.16), borderaxespad=0)
    return figure
