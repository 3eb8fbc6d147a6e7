"""One look for every panel: journal sizes, a colour-blind safe palette, the names and colours of estimates and modules."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise

COLUMN_MM = 85.0
PAGE_MM = 180.0
MM_PER_INCH = 25.4
FONT_POINTS = 7.0
SMALL_POINTS = 6.0

INK = "#1a1a1a"
GREY = "#767676"
PALE = "#d9d9d9"
# Okabe & Ito's palette, told apart with every kind of colour vision.
BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)
# Lines differ by dashes too, so that they are told apart without colour.
LINES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
VOLUME_LINE: tuple[Any, ...] = (0, (6, 1, 1, 1, 1, 1))
DIVERGING = "RdBu_r"

RC: dict[Any, Any] = {  # its keys are matplotlib's own
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same text widths on every machine
    "font.size": FONT_POINTS,
    "axes.labelsize": FONT_POINTS,
    "axes.titlesize": FONT_POINTS,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.fontsize": SMALL_POINTS,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "xtick.labelsize": SMALL_POINTS,
    "ytick.labelsize": SMALL_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a dollar in somebody's feature name is a dollar
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "radiogenomics",
}


class Estimate(NamedTuple):
    """How one kind of estimate is called and drawn; `honest` when it comes from patients that the model has not seen."""

    label: str
    color: str
    honest: bool


ESTIMATES = {
    "apparent": Estimate("Apparent (same patients)", VERMILION, False),
    "published": Estimate("Published protocol", ORANGE, False),
    "nested": Estimate("Nested cross-validation", BLUE, True),
    "optimism": Estimate("Optimism-corrected", SKY, False),
    "external": Estimate("External cohort", GREEN, True),
    "volume": Estimate("Volume alone", GREY, True),
}


def style() -> AbstractContextManager[None]:
    """Open the shared look as a context: ``with figures.style(): ...``; nothing is set globally.

    Returns
    -------
    context manager
        With the settings of every panel; it is a decorator too.
    """
    return _look()


@contextmanager
def _look() -> Iterator[None]:
    """Set the look, and all that it leaves open to matplotlib's own defaults: a `matplotlibrc` of the user's changes no figure.

    Put back afterwards is what still stands as it was set here: a notebook's backend may set something meanwhile.
    """
    whole = {**_DEFAULTS, **RC}
    before = {key: dict.__getitem__(mpl.rcParams, key) for key in whole}
    mpl.rcParams.update({key: value for key, value in whole.items() if before[key] != value})
    now = {key: dict.__getitem__(mpl.rcParams, key) for key in whole}
    try:
        yield
    finally:
        kept = {key for key in whole if dict.__getitem__(mpl.rcParams, key) == now[key]}
        mpl.rcParams.update({key: value for key, value in before.items() if key in kept and value != now[key]})


_ENVIRONMENT = (
    "backend", "docstring.", "figure.max_open", "interactive", "keymap.", "savefig.directory", "timezone", "tk.", "toolbar",
    "webagg.",
)  # fmt: skip
"""Settings that say where figures are shown, and not how they look."""
_DEFAULTS = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith(_ENVIRONMENT)}


looked = _look()
"""The same look as a decorator, made anew at every call."""

_Given = ParamSpec("_Given")
_Panel = TypeVar("_Panel", Axes, Figure, SubFigure, Figure | SubFigure)


class Drawn(NamedTuple):
    """What a panel is: the function that drew it, and the table behind it, where there is one."""

    name: str
    data: pd.DataFrame | None


_DRAWN: WeakKeyDictionary[Axes | Figure | SubFigure, Drawn] = WeakKeyDictionary()


def styled(draw: Callable[_Given, _Panel]) -> Callable[_Given, _Panel]:
    """Decorate a panel function: it draws in the shared look, and `drawn` knows its panel as long as that lives."""

    @wraps(draw)
    def draw_styled(*args: _Given.args, **options: _Given.kwargs) -> _Panel:
        with _look():
            panel = draw(*args, **options)
        first = next(iter([*args, *options.values()]), None)
        # A function that turns a result into a table calls itself with that table, which is then what was drawn.
        if isinstance(first, pd.DataFrame) or panel not in _DRAWN:
            _DRAWN[panel] = Drawn(draw.__name__, first if isinstance(first, pd.DataFrame) else None)
        return panel

    return draw_styled


def drawn(panel: Axes | Figure | SubFigure) -> Drawn:
    """Say what a panel is; one that no function of this room drew is a ``figure`` without a table."""
    return _DRAWN.get(panel, Drawn("figure", None))


# What papers publish of a combined model is another thing than what they publish of a signature, and leaks in another way.
_OF_MODELS = {
    ("published", "fusion"): "Fitted scores fused, the usual leak",
    ("published", "clinical"): "Plain cross-validation, pooled",
}


def estimate(name: str, signature: str = "") -> Estimate:
    """Look an estimate up -> its label and colour; an unknown one keeps its name and is drawn in purple.

    Parameters
    ----------
    name : str
        As in the column ``estimate`` of an evaluation.
    signature : str
        What was judged: ``published`` is another thing for the combined model (``fusion``) and for ``clinical`` columns alone.
    """
    known = ESTIMATES.get(name, Estimate(name.replace("_", " ").capitalize(), PURPLE, True))
    return known._replace(label=_OF_MODELS.get((name, signature), known.label))


def estimate_order(names: Iterable[str]) -> list[str]:
    """Order estimates as the reader meets them: flattering first, honest after, unknown ones last."""
    known = list(ESTIMATES)
    return sorted(dict.fromkeys(names), key=lambda name: (known.index(name) if name in known else len(known), name))


def require(table: pd.DataFrame, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """Check that a table can be drawn: it has rows, and the columns that the panel reads -> the table."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"`{name}` must be a pandas DataFrame, it is a {type(table).__name__}.")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        has = summarise(table.columns, 8) or "none"
        raise InputError(f"`{name}` lacks the column(s) {summarise(missing)}; it has {has}.")
    if table.empty:
        raise InputError(f"`{name}` has no rows, there is nothing to draw; leave the panel out.")
    return table


def panel_axes(ax: Axes | None, *, width_mm: float = COLUMN_MM, height_mm: float = 70.0) -> Axes:
    """Give the caller's axes dressed in the shared look, or new ones of the panel's own size in mm."""
    if ax is None:
        _, ax = plt.subplots(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), layout="constrained")
    # Ticks made later, while drawing, read what stands here and not the settings of that moment.
    ax.tick_params(labelsize=SMALL_POINTS, width=0.6, length=2.5, pad=2, colors=INK)
    return ax


def panel_figure(
    figure: Figure | SubFigure | None, *, width_mm: float = COLUMN_MM, height_mm: float = 70.0
) -> Figure | SubFigure:
    """Give the caller's figure, or a new one of the panel's own size in mm."""
    if figure is not None:
        return figure
    return plt.figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), layout="constrained")


def bare(ax: Axes) -> Axes:
    """Take frame and ticks away, for panels that are drawings."""
    ax.set_axis_off()
    return ax


def dress_bar(ax: Axes) -> None:
    """Give the colour bar of a heat map the shared look."""
    bar = ax.collections[0].colorbar
    if bar is not None:
        bar.ax.tick_params(labelsize=SMALL_POINTS, width=0.6, length=2)
        bar.outline.set_visible(False)


def varies(table: pd.DataFrame, column: str) -> bool:
    """Tell whether a table has the column and more than one value in it."""
    return column in table and len(table[column].unique()) > 1


# X11 numbered shades are the base colour at these levels; WGCNA names its modules with them (grey60, sienna3, brown4).
_ONLY_X11 = {"violetred": "#d02090", "navyblue": "#000080", "lightgoldenrod": "#eedd82", "lightslateblue": "#8470ff"}
_SHADES = {"1": 1.0, "2": 0.932, "3": 0.804, "4": 0.548}


def module_rgb(name: str) -> str:
    """Turn one of WGCNA's module colour names into a hexadecimal colour.

    Parameters
    ----------
    name : str
        ``turquoise``, ``grey60``, ``sienna3``... or anything that matplotlib knows.

    Returns
    -------
    str
        ``#rrggbb``.

    Raises
    ------
    ValueError
        If the name is no colour.
    """
    full, name = name, name.split(".")[0]  # a second round through the list of colours is named turquoise.1, blue.1...
    grey = re.fullmatch(r"gr[ea]y(\d{1,3})", name)
    if grey and int(grey[1]) <= 100:
        return to_hex((int(grey[1]) / 100,) * 3)
    numbered = re.fullmatch(r"([a-z]+)([1-4])", name)
    base, level = (numbered[1], _SHADES[numbered[2]]) if numbered else (name, 1.0)
    try:
        red, green, blue = to_rgb(_ONLY_X11.get(base, base))
        return to_hex((red * level, green * level, blue * level))
    except ValueError:
        raise InputError(f"{full!r} is not a module colour; use one of WGCNA's colour names or a matplotlib colour.") from None
