"""The query of a finished study as a widget, for a notebook or a page of its own under Voila."""

import html
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics.study.query.answer import Answer
from radiogenomics.study.query.names import UnknownNameError, names_of
from radiogenomics.study.query.search import query

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_DPI, _MOST_ROWS = 150, 40
_RELATED = {"gene": "The module and pathways that hold it", "feature": "Genes that go with it"}
_COLUMNS = ["measure", "effect (95 % interval)", "n", "p", "q", "p_permutation", "p_max_t"]
_HEADINGS = {"p_permutation": "p (permuted)", "p_max_t": "p (max-T)", "feature": "with", "target": "name"}
_LOOK = "<style>table.links td, table.links th { padding: 0.1rem 1rem 0.1rem 0; text-align: left; line-height: 1.5 }</style>"


def query_panel(folder: Path | str) -> Any:
    """Build a panel that asks a finished study -> an ipywidgets box: a text field with suggestions, tables and figures.

    Parameters
    ----------
    folder : Path or str
        A finished study.

    Returns
    -------
    ipywidgets.VBox
        Display it. A name is asked on Enter, on choosing a suggestion, or with the button; an unknown one offers the five
        nearest as buttons.
    """
    return _Panel(Path(folder)).view


class _Panel:
    """The widgets, and what they do when somebody asks."""

    def __init__(self, folder: Path) -> None:
        import ipywidgets as w

        names = names_of(folder)
        self.folder, self.widgets = folder, w
        self.box = w.Combobox(
            options=[*names.sets, *names.modules, *names.genes, *names.features],
            placeholder="hypoxia, HER2, ME3, immune response",
            description="Ask about",
            continuous_update=False,
            layout=w.Layout(width="32rem", max_width="100%"),
        )
        self.button = w.Button(description="Ask", button_style="primary")
        self.says, self.nearest, self.pictures, self.tables = w.HTML(), w.HBox(), w.VBox(), w.VBox()
        self.box.observe(lambda change: self.ask(change["new"]), "value")
        self.button.on_click(lambda _: self.ask(self.box.value))
        self.view = w.VBox([w.HBox([self.box, self.button]), self.says, self.nearest, self.pictures, self.tables])

    def ask(self, question: str) -> None:
        """Answer a question, or offer the nearest names."""
        if not question.strip():
            return
        try:
            self._show(query(self.folder, question))
        except UnknownNameError as error:
            self._offer(error)
        except InputError as error:
            self.says.value = f"<p>{html.escape(str(error))}</p>"
            self.nearest.children = self.pictures.children = self.tables.children = ()

    def _show(self, answer: Answer) -> None:
        w, also = self.widgets, f" It could also have meant: {', '.join(answer.others)}." if answer.others else ""
        self.says.value = f'<p style="max-width: 60rem; line-height: 1.5">{html.escape(answer.sentence + also)}</p>'
        self.nearest.children = ()
        self.pictures.children = [self._picture(panel) for _, panel, _ in answer.panels()]
        related = _RELATED.get(answer.kind, "Its genes and the signatures")
        links = answer.links.head(_MOST_ROWS)
        first = "Modules, pathways and further tables" if answer.kind == "feature" else "Signatures and clinical columns"
        named = ["feature", *["target"] * bool(answer.links["target"].nunique() > 1)]
        self.tables.children = [
            w.HTML(_table(first, links, *named)),
            w.HTML(_table(f"{answer.beside}, the first 12", answer.features.head(12), "target", "feature")),
            w.HTML(_table(f"{related}, the first 12", answer.related.head(12), "target", "feature")),
        ]

    def _offer(self, error: UnknownNameError) -> None:
        self.says.value = f"<p>{html.escape(error.reason)} The nearest names are:</p>"
        self.nearest.children = [self._button(name) for name in error.nearest]
        self.pictures.children = self.tables.children = ()

    def _picture(self, panel: "Axes | Figure | SubFigure") -> Any:
        value, width = _png(panel)
        return self.widgets.Image(value=value, width=width)

    def _button(self, name: str) -> Any:
        made = self.widgets.Button(description=name, tooltip=f"Ask about {name}", layout={"width": "auto"})
        made.on_click(lambda _: setattr(self.box, "value", name))
        return made


def _png(panel: "Axes | Figure | SubFigure") -> tuple[bytes, int]:
    """Draw a panel as PNG -> its bytes, and its width on screen in pixels."""
    import matplotlib.pyplot as plt

    figure, buffer = panel.get_figure(root=True), BytesIO()
    if figure is None:
        raise InputError("the panel belongs to no figure any more; draw it again.")
    figure.savefig(buffer, format="png", dpi=_DPI)
    plt.close(figure)
    return buffer.getvalue(), round(figure.get_figwidth() * 130)


def _table(title: str, links: pd.DataFrame, *named: str) -> str:
    """Set links as an HTML table: effect with its interval, p and q in three digits."""
    bounds = links[["effect", "effect_low", "effect_high"]].itertuples(index=False)
    interval = [f"{effect:.2f} ({low:.2f} to {high:.2f})" for effect, low, high in bounds]
    shown = links.assign(**{"effect (95 % interval)": interval})[[*named, *_COLUMNS]].rename(columns=_HEADINGS)
    body = shown.to_html(index=False, float_format=lambda value: f"{value:.3g}", border=0, classes="links", justify="left")
    return f"{_LOOK}<h4>{html.escape(title)}</h4>{body}"
