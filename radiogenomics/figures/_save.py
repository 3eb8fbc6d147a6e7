"""A finished panel to disk: SVG, PNG and the numbers behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from radiogenomics._errors import InputError
from radiogenomics._files import atomic, without_formulas
from radiogenomics.figures._style import GREY, SMALL_POINTS, drawn, looked

PNG_DPI = 300
_NOTE_INCHES = 0.11
# Neither a date nor a version of the drawing library: the same table gives the same bytes.
_METADATA = {".svg": {"Date": None, "Creator": "radiogenomics"}, ".png": {"Software": None}}


@looked
def save(panel: Axes | Figure | SubFigure, stem: Path | str | None = None, data: pd.DataFrame | None = None) -> list[Path]:
    """Write a panel as ``<stem>.svg`` and ``<stem>.png`` and its numbers as ``<stem>.csv``, each whole or not at all.

    ``figures.save(ax)`` is enough: a panel is named after the function that drew it, and its numbers are the table that this
    function was given.

    The figure is closed for pyplot afterwards, so that a study can draw hundreds; the object itself can still be displayed.

    Parameters
    ----------
    panel : Axes or Figure
        What a function of this room returned.
    stem : Path or str, optional
        The path without suffix (``.svg``, ``.png`` or ``.csv`` at its end does not count); missing folders are made. Without it
        the files lie in the current folder under the panel's name, such as ``roc``.
    data : DataFrame, optional
        The table that the panel was drawn from, where that is another one; its index is written when it has a name.

    Returns
    -------
    list of Path
        The SVG, the PNG (300 dots per inch) and the CSV file; no CSV for a panel without a table, such as one of images.

    Raises
    ------
    InputError
        If the panel belongs to no figure any more.
    """
    figure = panel.get_figure(root=True)
    if figure is None:
        raise InputError("`panel` belongs to no figure any more; draw it again before saving it.")
    known = drawn(panel)
    data, place = known.data if data is None else data, _without_suffix(known.name if stem is None else stem)
    pictures = [Path(f"{place}{suffix}") for suffix in _METADATA]
    with _drawn_in_memory(figure):
        _settle(figure)
        for path in pictures:
            with atomic(path) as temporary:
                figure.savefig(temporary, dpi=PNG_DPI, metadata=_METADATA[path.suffix])
    tables = [] if data is None else [_write_numbers(data, Path(f"{place}.csv"))]
    plt.close(figure)
    return [*pictures, *tables]


def _without_suffix(stem: Path | str) -> str:
    """Give a path without the suffix that a file of it would have; any other dot belongs to its name."""
    text = str(stem)
    return next((text.removesuffix(end) for end in (*_METADATA, ".csv") if text.endswith(end) and Path(text).stem != end), text)


def _write_numbers(data: pd.DataFrame, path: Path) -> Path:
    with atomic(path) as temporary:
        without_formulas(data).to_csv(temporary, index=data.index.name is not None, lineterminator="\n")
    return path


@looked
def mark(panel: Axes | Figure | SubFigure, note: str) -> Axes | Figure | SubFigure:
    """Write a short note below a panel, at the right, such as that its data are simulated -> the panel.

    Parameters
    ----------
    panel : Axes or Figure
        What a function of this room returned; its figure grows by the line, so that nothing is covered.
    note : str
        A few words; without any the panel stays as it is.

    Returns
    -------
    Axes or Figure
        What was given.
    """
    if not note:
        return panel
    figure = panel.get_figure(root=True)
    if figure is None:
        raise InputError("`panel` belongs to no figure any more; draw it again before marking it.")
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + _NOTE_INCHES)
    engine, share = figure.get_layout_engine(), _NOTE_INCHES / (height + _NOTE_INCHES)
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, share, 1, 1 - share))
    figure.text(0.995, 0.3 * share, note, ha="right", va="bottom", fontsize=SMALL_POINTS, color=GREY, style="italic")
    return panel


@contextmanager
def _drawn_in_memory(figure: Figure) -> Iterator[None]:
    """Draw on pixels in memory, whatever window or file the user's backend draws on: letters have other widths on each."""
    canvas = figure.canvas
    FigureCanvasAgg(figure)
    try:
        yield
    finally:
        figure.set_canvas(canvas)


def _settle(figure: Figure) -> None:
    """Lay the panel out once, for both files, at the PNG's resolution: on coarse pixels letters have other widths."""
    dpi = figure.get_dpi()
    figure.set_dpi(PNG_DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    figure.set_dpi(dpi)
