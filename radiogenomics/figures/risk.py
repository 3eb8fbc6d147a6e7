"""Predicted probabilities: do they mean what they say, are they of use, and how are they read off paper."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting

_BETWEEN_TICKS = 0.01  # of the widest scale; closer ones would run into a block
_SHORTEST = 0.06
_TREAT: dict[str, tuple[str, str, Any]] = {"all": ("Treat all", st.GREY, "-"), "none": ("Treat none", st.INK, "-")}


@st.styled
def calibration(curves: pd.DataFrame, *, groups: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Draw predicted probability against the observed share of events.

    Parameters
    ----------
    curves : DataFrame
        ``predicted, observed``, smoothed, ascending; with ``model`` a curve each.
    groups : DataFrame, optional
        Groups of risk: ``predicted, observed, low, high, n``; drawn as points with intervals.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Both scales from 0 to 1, the diagonal dashed; a smoothed curve is not drawn where it leaves them.
    """
    st.require(curves, "curves", ["predicted", "observed"])
    ax = st.panel_axes(ax, height_mm=94)
    ax.plot([0, 1], [0, 1], ls="--", lw=0.7, color=st.GREY, label="Ideal")
    models = list(curves.groupby("model", sort=False)) if "model" in curves else [("Smoothed", curves)]
    for (name, part), color in zip(models, st.CYCLE, strict=False):
        inside = part["observed"].where(part["observed"].between(0, 1))  # no share of patients lies beyond
        ax.plot(part["predicted"], inside, color=color, label=formatting.short(name, 40))
    if groups is not None:
        errors = np.abs(groups[["low", "high"]].to_numpy(dtype=float).T - groups["observed"].to_numpy(dtype=float))
        label = f"Groups of risk ({groups['n'].min():.0f} to {groups['n'].max():.0f} patients), 95 % CI"
        ax.errorbar(groups["predicted"], groups["observed"], yerr=errors, fmt="o", ms=3, lw=0.8, color=st.INK, label=label)
    ax.set(
        xlabel="Predicted probability", ylabel="Observed share of events", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal"
    )
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0)
    return ax


@st.styled
def decision_curve(benefit: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the net benefit of every model over the thresholds, beside treating all and none.

    Parameters
    ----------
    benefit : DataFrame
        ``model, threshold, net_benefit``, with ``low, high`` where a band was computed; models ``all`` and ``none`` are
        the references.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Net benefit per patient; curves far below zero are cut.
    """
    st.require(benefit, "benefit", ["model", "threshold", "net_benefit"])
    ax = st.panel_axes(ax, height_mm=74 + 3.4 * len(benefit["model"].unique()))
    colors, lines = iter(st.CYCLE * 4), iter(st.LINES * 8)
    for name, part in benefit.groupby("model", sort=False):
        label, color, line = _TREAT.get(str(name), ("", "", ""))
        label, color, line = (label, color, line) if label else (formatting.short(name, 40), next(colors), next(lines))
        ax.plot(part["threshold"], part["net_benefit"], color=color, ls=line, lw=0.8 if str(name) in _TREAT else 1.3, label=label)
        if {"low", "high"} <= set(part) and part["low"].notna().any() and str(name) not in _TREAT:
            ax.fill_between(
                part["threshold"], part["low"].astype(float), part["high"].astype(float), color=color, alpha=0.15, lw=0
            )
    top = float(benefit["net_benefit"].max())
    ax.set(xlabel="Threshold probability", ylabel="Net benefit per patient", ylim=(-0.3 * top, top * 1.1))
    ax.set_xlim(float(benefit["threshold"].min()), float(benefit["threshold"].max()))
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.18), borderaxespad=0)
    return ax


@st.styled
def nomogram(points: pd.DataFrame, *, outcome: str = "Probability", ax: Axes | None = None) -> Axes:
    """Draw a points table as a nomogram: read the points of each term, add them, read the probability below.

    Parameters
    ----------
    points : DataFrame
        Long: ``term, value, points``, in the order of the scales. ``value`` is a number or the name of a level. The term
        ``probability`` has the total points at which each probability is reached.
    outcome : str
        What the last scale is called.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        One scale a line: points, the terms, total points, the probability.
    """
    st.require(points, "points", ["term", "value", "points"])
    terms = {str(name): part for name, part in points.groupby("term", sort=False) if name != "probability"}
    risk = points[points["term"].eq("probability")]
    total = max(float(risk["points"].max()) if len(risk) else 0.0, sum(float(part["points"].max()) for part in terms.values()))
    widest = max(float(part["points"].max()) for part in terms.values())
    ax = st.bare(st.panel_axes(ax, width_mm=st.PAGE_MM, height_mm=14 + 11 * (len(terms) + 2 + bool(len(risk)))))
    _scale(ax, 0, "Points", _round_ticks(widest), _round_ticks(widest), widest)
    for line, (name, part) in enumerate(terms.items(), 1):
        _scale(ax, line, name, part["value"].tolist(), part["points"].tolist(), widest)
    _scale(ax, len(terms) + 1, "Total points", _round_ticks(total), _round_ticks(total), total)
    if len(risk):
        _scale(ax, len(terms) + 2, outcome, risk["value"].tolist(), risk["points"].tolist(), total)
    ax.set(xlim=(-0.34, 1.03), ylim=(len(terms) + 1.6 + bool(len(risk)), -0.6))
    return ax


def _round_ticks(top: float) -> list[float]:
    """Choose about ten round numbers from 0 to `top`."""
    step = 10 ** np.floor(np.log10(top / 5))
    step *= next(factor for factor in (1, 2, 5, 10) if top / (step * factor) <= 11)
    return [float(tick) for tick in np.arange(0, top + step / 1e6, step)]


def _scale(ax: Axes, line: float, name: str, values: Sequence[object], points: list[float], top: float) -> None:
    """Draw one scale of a nomogram from 0 to `top` points; neighbouring labels that would touch go below the line."""
    ax.text(-0.34, line, formatting.wrapped(formatting.short(name, 52), 28), va="center", fontsize=st.FONT_POINTS)
    places = np.array(points, dtype=float) / top
    ax.plot([places.min(), places.max()], [line, line], color=st.INK, lw=0.8)
    if np.ptp(places) < _SHORTEST:  # only its ends can be read
        values, places = [values[0], values[-1]], places[[0, -1]]
    last, tick = {True: -1.0, False: -1.0}, -1.0
    for place, value in sorted(zip(places, values, strict=True), key=lambda pair: pair[0]):
        text = f"{value:g}" if isinstance(value, int | float) else str(value)
        half = 0.0036 * len(text) + 0.004
        above = place - half > last[True]
        if not above and place - half <= last[False]:
            if place - tick > _BETWEEN_TICKS:
                ax.plot([place, place], [line, line - 0.08], color=st.INK, lw=0.6)
                tick = place
            continue
        last[above], tick = place + half, place
        ax.plot([place, place], [line, line - (0.16 if above else -0.16)], color=st.INK, lw=0.6)
        ax.text(
            place, line + (-0.22 if above else 0.22), text, ha="center", va="bottom" if above else "top", fontsize=st.SMALL_POINTS
        )
