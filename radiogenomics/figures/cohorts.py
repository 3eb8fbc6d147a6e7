"""Who is in the study, and whether their expression looks sound.

The components are scanpy's, their picture is ours: figures take tables, and scanpy's plots an AnnData with colours of its own.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting

_STEP_MM, _GAP_MM, _LINE_MM, _SIDE_SHARE = 15.0, 4.0, 2.8, 0.42
_TEXT: dict[str, Any] = {"va": "center", "fontsize": 6.5}
_ARROW = {"arrowstyle": "-|>", "lw": 0.7, "color": st.INK, "shrinkA": 0, "shrinkB": 0}
_MM_PER_LETTER = 1.45  # the mean advance of DejaVu Sans at 6.5 points


@st.styled
def inclusion_flow(inclusion: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw who stayed and who left, step by step: one column of boxes a cohort.

    Parameters
    ----------
    inclusion : DataFrame
        One row per step, in order: ``cohort, step, n, excluded, reason``; ``n`` patients are left after the step.
    ax : Axes, optional
        Where to draw; new axes, one journal column wide for one cohort and a page for more, without it.

    Returns
    -------
    Axes
        In millimetres, the first step on top.
    """
    st.require(inclusion, "inclusion", ["cohort", "step", "n", "excluded", "reason"])
    cohorts = list(inclusion.groupby("cohort", sort=False))
    width = st.COLUMN_MM if len(cohorts) == 1 else st.PAGE_MM
    share = width / len(cohorts)
    letters = int(share * _SIDE_SHARE / _MM_PER_LETTER) - 4
    depth = max(_heights(steps, letters).sum() for _, steps in cohorts)
    ax = st.bare(st.panel_axes(ax, width_mm=width, height_mm=depth + 4))
    ax.set(xlim=(0, width), ylim=(depth - _GAP_MM + 1, -7))
    for place, (cohort, steps) in enumerate(cohorts):
        ax.text(place * share + share * 0.27, -3, str(cohort), ha="center", va="center", weight="bold", fontsize=st.FONT_POINTS)
        _flow(ax, steps, left=place * share, share=share, letters=letters)
    return ax


def _heights(steps: pd.DataFrame, letters: int) -> "pd.Series[float]":
    """Give every step the room that its longer text needs, in mm."""
    main = np.array([formatting.wrapped(step, letters + 4).count("\n") + 2 for step in steps["step"]])
    side = np.array([_excluded(row, letters).count("\n") + 1 for row in steps.to_dict("records")])
    return pd.Series(np.maximum(_GAP_MM + 5 + _LINE_MM * np.maximum(main, side), _STEP_MM), index=steps.index)


def _excluded(row: dict[Hashable, Any], letters: int) -> str:
    reason = "" if pd.isna(row["reason"]) else str(row["reason"])
    return formatting.wrapped(f"{row['excluded']:.0f} left out" + (f": {reason}" if reason else ""), letters)


def _flow(ax: Axes, steps: pd.DataFrame, *, left: float, share: float, letters: int) -> None:
    middle, half, edge = left + share * 0.27, share * 0.25, left + share * (1 - _SIDE_SHARE)
    top, text = 0.0, _TEXT
    for number, (row, height) in enumerate(zip(steps.to_dict("records"), _heights(steps, letters), strict=True)):
        bottom = top + height - _GAP_MM
        level = (top + bottom) / 2
        if number:
            ax.annotate("", (middle, top), (middle, top - _GAP_MM), arrowprops=_ARROW)
        _box(ax, middle - half, top, 2 * half, bottom - top, st.BLUE)
        ax.text(middle, level, f"{row['n']:.0f} patients\n{formatting.wrapped(row['step'], letters + 4)}", ha="center", **text)
        if row["excluded"] > 0:
            ax.plot([middle + half, edge], [level, level], color=st.GREY, lw=0.7)
            _box(ax, edge, top + 0.8, share * _SIDE_SHARE - 2, bottom - top - 1.6, st.PALE)
            ax.text(edge + 1.5, level, _excluded(row, letters), ha="left", **text)
        top += height


def _box(ax: Axes, x: float, y: float, width: float, height: float, color: str) -> None:
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=1", fc="white", ec=color, lw=0.9))


@st.styled
def expression_pca(
    scores: pd.DataFrame, *, color: str | None = None, explained: Sequence[float] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the first two principal components of expression, one point per patient.

    Parameters
    ----------
    scores : DataFrame, shape (n_patients, ...)
        Indexed by patient, with ``PC1``, ``PC2`` and the columns to colour by.
    color : str, optional
        The column to colour by: few values give classes, many numbers a colour bar. Missing values are drawn grey.
    explained : sequence of float, optional
        Share of the variance that PC1 and PC2 explain, between 0 and 1.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        With the shares on its labels.
    """
    st.require(scores, "scores", ["PC1", "PC2", *([color] if color else [])])
    ax = st.panel_axes(ax, height_mm=66)
    for number, axis in enumerate((ax.xaxis, ax.yaxis)):
        share = "" if explained is None else f" ({100 * explained[number]:.1f} % of variance)"
        axis.set_label_text(f"PC{number + 1}{share}")
    if color is None:
        ax.scatter(scores["PC1"], scores["PC2"], s=7, color=st.BLUE, lw=0)
    elif pd.api.types.is_numeric_dtype(scores[color]) and scores[color].nunique() > 8:
        _continuous(ax, scores, color)
    else:
        _classes(ax, scores, color)
    return ax


def _continuous(ax: Axes, scores: pd.DataFrame, color: str) -> None:
    known = scores[color].notna()
    ax.scatter(scores.loc[~known, "PC1"], scores.loc[~known, "PC2"], s=7, color=st.PALE, lw=0)
    points = ax.scatter(
        scores.loc[known, "PC1"], scores.loc[known, "PC2"], s=7, c=scores.loc[known, color].astype(float), cmap="viridis", lw=0
    )
    bar = ax.figure.colorbar(points, ax=ax, shrink=0.8, aspect=25)
    bar.set_label(formatting.short(color))
    bar.ax.tick_params(labelsize=st.SMALL_POINTS)


def _classes(ax: Axes, scores: pd.DataFrame, color: str) -> None:
    labels = scores[color].map(_class_name)
    order = sorted(set(labels), key=lambda name: (name == "others", name))
    looks = [st.PALE if name == "others" else st.CYCLE[number % len(st.CYCLE)] for number, name in enumerate(order)]
    for depth, (name, look) in enumerate(zip(order, looks, strict=True)):
        members = scores[labels.eq(name)]
        behind = 1 if name == "others" else 2 + depth / 10
        ax.scatter(
            members["PC1"],
            members["PC2"],
            s=9,
            lw=0,
            color=look,
            label=f"{formatting.short(name, 20)} (n = {len(members)})",
            zorder=behind,
        )
    ax.legend(
        title=formatting.short(color), title_fontsize=st.SMALL_POINTS, alignment="left", loc="upper left",
        bbox_to_anchor=(0, -0.19), borderaxespad=0,
        ncols=3 if max(map(len, order)) <= 10 else 2, handletextpad=0.2, columnspacing=1,
    )  # fmt: skip


def _class_name(value: object) -> str:
    return "others" if pd.isna(value) else f"{value:g}" if isinstance(value, float) else str(value)  # type: ignore[call-overload]
