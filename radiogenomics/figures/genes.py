"""The gene score: odds ratios of its genes, survival of the groups it makes."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import blended_transform_factory

from radiogenomics._errors import InputError
from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting

_ROW_MM = 4.2
_WIDEST = 1000.0  # an interval beyond this factor is cut with an arrow, so that the others can be read


@st.styled
def odds_forest(genes: pd.DataFrame, *, unit: str = "per SD", most: int = 30, ax: Axes | None = None) -> Axes:
    """Draw the odds ratio of every gene (or term) with its interval, on a logarithmic scale.

    Parameters
    ----------
    genes : DataFrame
        Indexed by gene (or term): ``odds_ratio, odds_ratio_low, odds_ratio_high``.
    unit : str
        What one step of the predictor is.
    most : int
        Of more genes than this, those farthest from 1 are drawn, and the title says so.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        One row per gene, the number as text on the right; intervals that leave the scale end in an arrow.
    """
    st.require(genes, "genes", ["odds_ratio", "odds_ratio_low", "odds_ratio_high"])
    given = len(genes)
    genes = genes.loc[_farthest(genes, most)]
    ax = st.panel_axes(ax, height_mm=15 + _ROW_MM * len(genes) + 4 * (given > most))
    if given > most:
        ax.set_title(f"The {most} of {given} farthest from 1", weight="normal", fontsize=st.SMALL_POINTS)
    low, high = _span(genes)
    right = blended_transform_factory(ax.transAxes, ax.transData)
    ax.axvline(1, ls="--", lw=0.7, color=st.GREY, zorder=1)
    for place, row in enumerate(genes.to_dict("records")):
        known = np.isfinite([row["odds_ratio_low"], row["odds_ratio_high"]]).all()
        clear = known and (row["odds_ratio_low"] > 1 or row["odds_ratio_high"] < 1)
        color = st.VERMILION if clear and row["odds_ratio"] > 1 else st.BLUE if clear else st.GREY
        _whisker(ax, place, row["odds_ratio_low"], row["odds_ratio_high"], (low, high), color)
        ax.plot(np.clip(row["odds_ratio"], low, high), place, "s", ms=3.5, color=color)
        ax.text(1.03, place, _ratio(row), transform=right, va="center", fontsize=st.SMALL_POINTS)
    ax.text(1.03, -1, "OR (95 % CI)", transform=right, va="center", fontsize=st.SMALL_POINTS, weight="bold")
    ax.set_yticks(range(len(genes)), [formatting.short(name, 22) for name in genes.index])
    ax.set(xscale="log", xlim=(low, high), ylim=(len(genes) - 0.4, -1.6), xlabel=f"Odds ratio {unit}")
    ax.xaxis.set_major_locator(_locator(low, high))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def _farthest(genes: pd.DataFrame, most: int) -> "pd.Index[Any]":
    """Pick the genes whose odds ratio is farthest from 1, in the table's order."""
    distance = np.abs(np.log(np.clip(genes["odds_ratio"].to_numpy(dtype=float), 1e-300, None)))
    first = np.argsort(-np.nan_to_num(distance, nan=-1.0), kind="stable")[:most]
    return genes.index[np.sort(first)]


def _locator(low: float, high: float) -> LogLocator:
    """Choose ticks 1, 2, 5 for short scales and powers of ten for long ones."""
    return LogLocator(subs=(1, 2, 5) if high / low < 80 else (1,), numticks=12)


def _span(genes: pd.DataFrame) -> tuple[float, float]:
    values = genes[["odds_ratio", "odds_ratio_low", "odds_ratio_high"]].to_numpy(dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    if values.size == 0:
        raise InputError("`genes` has no finite odds ratio above 0, there is nothing to draw; leave the panel out.")
    return max(min(values.min() / 1.2, 0.5), 1 / _WIDEST), min(max(values.max() * 1.2, 2.0), _WIDEST)


def _whisker(ax: Axes, place: float, low: float, high: float, span: tuple[float, float], color: str) -> None:
    if np.isnan(low) or np.isnan(high):
        return
    ends = np.clip([low, high], *span)
    ax.plot(ends, [place, place], color=color, lw=1.2, solid_capstyle="butt")
    for end, beyond, marker in ((ends[0], low < span[0], "<"), (ends[1], high > span[1], ">")):
        if beyond:
            ax.plot(end, place, marker, ms=3, color=color, clip_on=False)


def _ratio(row: dict[Hashable, Any]) -> str:
    values = [row["odds_ratio"], row["odds_ratio_low"], row["odds_ratio_high"]]
    texts = ["–" if np.isnan(value) else "∞" if np.isinf(value) else _digits(value) for value in values]
    return texts[0] if np.isnan(values[1:]).any() else f"{texts[0]} ({texts[1]}–{texts[2]})"


def _digits(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}" if value < 1e5 else f"{value:.0e}"


@st.styled
def kaplan_meier(
    curves: pd.DataFrame,
    *,
    unit: str = "days",
    endpoint: str = "Survival probability",
    p: float | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw Kaplan-Meier curves with their intervals and the numbers at risk beneath.

    Parameters
    ----------
    curves : DataFrame
        Long: ``group, time, survival, low, high, at_risk``; one row per event time and group, time ascending.
    unit : str
        Unit of time.
    endpoint : str
        What survives; the label of the vertical axis.
    p : float, optional
        Of the log-rank test, written into the panel.
    figure : Figure or SubFigure, optional
        Where to draw; it gets two axes.

    Returns
    -------
    Figure or SubFigure
        The curves above, the numbers at risk below on the same time axis.
    """
    st.require(curves, "curves", ["group", "time", "survival", "at_risk"])
    groups = {str(name): part.sort_values("time", kind="stable") for name, part in curves.groupby("group", sort=False)}
    figure = st.panel_figure(figure, height_mm=66 + 7 * len(groups))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[8, 0.9 + 0.55 * len(groups)])
    colors = _group_colors(list(groups))
    for line, (name, part) in zip(st.LINES * len(groups), groups.items(), strict=False):
        upper.step(
            part["time"],
            part["survival"],
            where="post",
            color=colors[name],
            ls=line,
            label=f"{formatting.short(name, 24)} (n = {part['at_risk'].max():.0f})",
        )
        if {"low", "high"} <= set(part):
            upper.fill_between(
                part["time"],
                part["low"].astype(float),
                part["high"].astype(float),
                step="post",
                color=colors[name],
                alpha=0.15,
                lw=0,
            )
    st.panel_axes(upper).set(ylim=(-0.02, 1.04), ylabel=formatting.wrapped(endpoint, 34))
    upper.tick_params(labelbottom=False)
    upper.set_xlim(left=0, right=float(curves["time"].max()) * 1.02)
    upper.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    if p is not None:
        upper.text(0.03, 0.05, f"Log-rank p {_equals(p)}", transform=upper.transAxes, fontsize=st.SMALL_POINTS)
    _at_risk(st.panel_axes(lower), groups, colors)
    lower.set_xlabel(f"Time ({unit})")
    return figure


def _group_colors(groups: list[str]) -> dict[str, str]:
    """Give high groups the warm colour and low ones the cold, whichever comes first; others take turns."""
    named = {"high": st.VERMILION, "low": st.BLUE}
    words = [group.split()[0].lower() for group in groups]
    if set(words) == set(named):
        return {group: named[word] for group, word in zip(groups, words, strict=True)}
    return {group: st.CYCLE[number % len(st.CYCLE)] for number, group in enumerate(groups)}


def _equals(p: float) -> str:
    text = formatting.p_text(p)
    return text if text.startswith("<") else f"= {text}"


def _at_risk(ax: Axes, groups: dict[str, pd.DataFrame], colors: dict[str, str]) -> None:
    """Write the numbers at risk under the time ticks: those alive and under observation just before each."""
    ticks = [tick for tick in ax.get_xticks() if 0 <= tick <= ax.get_xlim()[1]]
    for place, part in enumerate(groups.values()):
        times = part["time"].to_numpy(dtype=float)
        for tick in ticks:
            after = np.searchsorted(times, tick)
            number = part["at_risk"].iloc[after] if after < len(times) else 0
            ax.text(tick, place, f"{number:.0f}", ha="center", va="center", fontsize=st.SMALL_POINTS)
    ax.set_yticks(range(len(groups)), [formatting.short(name, 20) for name in groups])
    for text, color in zip(ax.get_yticklabels(), colors.values(), strict=True):
        text.set_color(color)
    ax.set(ylim=(len(groups) - 0.4, -0.6))
    ax.set_title("Number at risk", fontsize=st.SMALL_POINTS, weight="normal")
    ax.tick_params(axis="y", length=0, pad=10)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(side == "bottom")
