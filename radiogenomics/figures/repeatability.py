"""How far two readers agree about the features of the lesions that both have drawn."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting

_ROW_MM = 5.0
_LOWEST = -0.2  # an ICC may be far below 0 by chance; those are drawn at the edge


@st.styled
def icc_by_kind(icc: pd.DataFrame, *, threshold: float = 0.9, ax: Axes | None = None) -> Axes:
    """Draw the ICC of every feature, one row per kind of feature.

    Parameters
    ----------
    icc : DataFrame
        ``kind, icc``, one row per feature; kinds in the order of their first row. An ICC may be unknown (NaN).
    threshold : float
        The agreement that is asked for; dashed.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A point a feature, a box of the quartiles, and on the right how many features of known ICC reach the threshold, and how
        many are unknown.
    """
    st.require(icc, "icc", ["kind", "icc"])
    kinds = {str(name): part["icc"].to_numpy(dtype=float) for name, part in icc.groupby("kind", sort=False)}
    ax = st.panel_axes(ax, height_mm=17 + _ROW_MM * len(kinds))
    ax.axvline(threshold, ls="--", lw=0.8, color=st.INK, zorder=3)
    right = blended_transform_factory(ax.transAxes, ax.transData)
    for place, values in enumerate(kinds.values()):
        known = values[~np.isnan(values)]
        _row(ax, place, np.clip(known, _LOWEST, 1))
        text = f"{int((known >= threshold).sum()):,} of {known.size:,}"
        if known.size < values.size:
            text += f", {values.size - known.size:,} unknown"
        ax.text(1.03, place, text, transform=right, va="center", fontsize=st.SMALL_POINTS)
    ax.text(1.03, -1, f"ICC ≥ {threshold:g}", transform=right, va="center", fontsize=st.SMALL_POINTS, weight="bold")
    ax.set_yticks(range(len(kinds)), [formatting.short(name, 28) for name in kinds])
    ax.set(xlabel="ICC(2,1) of two readers", xlim=(_LOWEST - 0.02, 1.02), ylim=(len(kinds) - 0.4, -1.6))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def _row(ax: Axes, place: int, values: np.ndarray) -> None:
    """Draw the features of one kind, spread by a fixed low-discrepancy sequence, and their quartiles."""
    spread = (np.arange(values.size) * 0.6180339887 % 1 - 0.5) * 0.5
    ax.plot(values, place + spread, "o", ms=1.8, mew=0, color=st.SKY, alpha=0.7, rasterized=values.size > 500)
    if not values.size:
        return
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    ax.plot([low, high, high, low, low], place + 0.33 * np.array([-1, -1, 1, 1, -1]), color=st.BLUE, lw=0.8)
    ax.plot([middle, middle], [place - 0.33, place + 0.33], color=st.BLUE, lw=1.8)
