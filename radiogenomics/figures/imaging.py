"""Lesions in pictures: a slice with outline and zones, the phases side by side, signal over time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from radiogenomics._errors import InputError
from radiogenomics.figures import _style as st

Slice = npt.NDArray[Any]

ZONE_COLORS = {"lesion": st.INK, "core": st.VERMILION, "rim": st.ORANGE, "surround": st.SKY}
_OUTLINE = "#ffe14d"
_GAP = 0.04  # of a slice's width, between the slices of a montage
_BAR_MM = 10.0


@st.styled
def lesion_slice(
    image: Slice,
    *,
    spacing_mm: tuple[float, float],
    lesion: Slice | None = None,
    zones: Slice | None = None,
    zone_labels: Mapping[str, int] | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one slice with the lesion's outline and its zones.

    Parameters
    ----------
    image : array, shape (rows, columns)
        The slice.
    spacing_mm : (float, float)
        Distance of rows and of columns.
    lesion : array of bool, shape (rows, columns), optional
        Outlined.
    zones : array of int, shape (rows, columns), optional
        Tinted.
    zone_labels : mapping of str to int, optional
        The label of each zone (core, rim, surround) in `zones`.
    limits : (float, float), optional
        Values shown black and white; the slice's 1st and 99.5th percentile otherwise.
    title : str
        Above the slice.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        With a 10 mm bar, and a legend of the zones that are in the slice.
    """
    ax = st.panel_axes(ax, height_mm=85)
    _show(ax, image, (0.0, 0.0), spacing_mm, limits)
    present = {name: label for name, label in (zone_labels or {}).items() if zones is not None and (zones == label).any()}
    for name, label in present.items():
        tint = np.ma.masked_where(np.asarray(zones) != label, np.ones(image.shape))
        ax.imshow(
            tint,
            cmap=ListedColormap([ZONE_COLORS.get(name, st.PURPLE)]),
            alpha=0.35,
            interpolation="none",
            extent=_extent(image, (0.0, 0.0), spacing_mm),
        )
    if lesion is not None:
        _outline(ax, lesion, (0.0, 0.0), spacing_mm)
    if present:
        ax.legend(
            handles=[Patch(color=ZONE_COLORS.get(name, st.PURPLE), label=name) for name in present],
            loc="upper left",
            labelcolor="white",
        )
    _bar(ax, image, spacing_mm)
    ax.set_title(title)
    return st.bare(ax)


@st.styled
def phase_montage(
    slices: Mapping[str, Slice], *, spacing_mm: tuple[float, float], lesion: Slice | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the same slice of every phase side by side on one grey scale.

    Parameters
    ----------
    slices : mapping of str to array, shape (rows, columns)
        Title and slice of each phase, in order of time.
    spacing_mm : (float, float)
        Distance of rows and of columns.
    lesion : array of bool, shape (rows, columns), optional
        Outlined in every slice.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The slices from left to right, each under its title.
    """
    if not slices:
        raise InputError("`slices` is empty, there is nothing to draw; leave the panel out.")
    ax = st.panel_axes(ax, width_mm=st.PAGE_MM, height_mm=st.PAGE_MM / len(slices) + 6)
    shapes = {name: np.shape(one) for name, one in slices.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"`slices` have different shapes ({shapes}); give the same slice of every phase.")
    limits = _limits(np.concatenate([np.ravel(one) for one in slices.values()]))
    rows, columns = next(iter(shapes.values()))
    width, height = columns * spacing_mm[1], rows * spacing_mm[0]
    for number, (name, one) in enumerate(slices.items()):
        place = (number * width * (1 + _GAP), 0.0)
        _show(ax, one, place, spacing_mm, limits)
        if lesion is not None:
            _outline(ax, lesion, place, spacing_mm)
        ax.text(place[0], -0.02 * height, name, fontsize=st.FONT_POINTS, va="bottom", fontweight="bold")
    ax.set(xlim=(0, len(slices) * width * (1 + _GAP) - width * _GAP), ylim=(height, -0.1 * height))
    _bar(ax, next(iter(slices.values())), spacing_mm)
    return st.bare(ax)


@st.styled
def time_intensity(curves: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the enhancement of each zone over time.

    Parameters
    ----------
    curves : DataFrame
        One row per phase and zone: ``phase, seconds, zone, enhancement``; where a time is unknown the phases stand at
        equal distances.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        One line per zone.
    """
    st.require(curves, "curves", ["phase", "seconds", "zone", "enhancement"])
    ax = st.panel_axes(ax)
    timed = bool(curves["seconds"].notna().all())
    order = {phase: number for number, phase in enumerate(dict.fromkeys(curves["phase"]))}
    for zone, rows in curves.groupby("zone", sort=False):
        x = rows["seconds"] / 60 if timed else rows["phase"].map(order)
        style: dict[str, Any] = {"ls": "--", "lw": 1.6} if zone == "lesion" else {"ls": "-", "lw": 1.0}
        ax.plot(x, rows["enhancement"], marker="o", ms=3, color=ZONE_COLORS.get(str(zone), st.PURPLE), label=str(zone), **style)
    ax.axhline(0, lw=0.6, color=st.PALE, zorder=0)
    if not timed:
        ax.set_xticks(list(order.values()), list(order))
    ax.set(xlabel="Minutes since the first phase" if timed else "Phase (times unknown)", ylabel="Enhancement, %")
    ax.legend()
    return ax


def _limits(values: Slice) -> tuple[float, float]:
    low, high = np.percentile(values, [1, 99.5])
    return float(low), float(high) if high > low else float(low) + 1


def _extent(image: Slice, place: tuple[float, float], spacing_mm: tuple[float, float]) -> tuple[float, float, float, float]:
    rows, columns = np.shape(image)
    return (place[0], place[0] + columns * spacing_mm[1], place[1] + rows * spacing_mm[0], place[1])


def _show(
    ax: Axes, image: Slice, place: tuple[float, float], spacing_mm: tuple[float, float], limits: tuple[float, float] | None = None
) -> None:
    low, high = limits or _limits(np.asarray(image))
    ax.imshow(image, cmap="gray", vmin=low, vmax=high, extent=_extent(image, place, spacing_mm), interpolation="nearest")


def _outline(ax: Axes, lesion: Slice, place: tuple[float, float], spacing_mm: tuple[float, float]) -> None:
    """Draw the outline along the voxels' edges."""
    inside = np.pad(np.asarray(lesion, dtype=bool), 1)
    edges = [[(row, column - 1), (row, column)] for row, column in np.argwhere(np.diff(inside, axis=0))]
    edges += [[(row - 1, column), (row, column)] for row, column in np.argwhere(np.diff(inside, axis=1))]
    lines = np.reshape(edges, (-1, 2, 2)) * spacing_mm + place[::-1]
    ax.add_collection(LineCollection(list(lines[:, :, ::-1]), colors=_OUTLINE, linewidths=0.8, capstyle="projecting"))


def _bar(ax: Axes, image: Slice, spacing_mm: tuple[float, float]) -> None:
    rows, columns = np.shape(image)
    right, bottom = 0.96 * columns * spacing_mm[1], 0.95 * rows * spacing_mm[0]
    ax.plot([right - _BAR_MM, right], [bottom, bottom], color="white", lw=1.6, solid_capstyle="butt")
    ax.text(
        right - _BAR_MM / 2,
        bottom - 0.015 * rows * spacing_mm[0],
        f"{_BAR_MM:.0f} mm",
        color="white",
        ha="center",
        va="bottom",
        fontsize=st.SMALL_POINTS,
    )
