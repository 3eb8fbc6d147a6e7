"""What a question to a study is answered with: tables, one plain sentence, a scatter and a heat map."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from radiogenomics._files import make_folder, refuse_links, write_table, write_text
from radiogenomics.study.query.formatting import sentence as sentence  # its words stand there

_MOST_LINES, _MOST_FEATURES = 15, 5

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


@dataclass(frozen=True)
class Answer:
    """What a finished study knows about gene sets, genes, a module or imaging features.

    Attributes
    ----------
    question : str
        What was asked.
    kind : str
        "pathway", "gene", "module", "feature", "category" (several gene sets) or "list" (genes asked for together).
    name : str
        The study's name of it, or what several things were asked for as.
    size : int
        Its measured genes; 1 for a gene, the number of features for features.
    links : DataFrame, one row per signature, clinical number or group; of a feature one per module, pathway or the like
        Columns `feature, target, family, effect, effect_low, effect_high, n, p, q, p_permutation, p_max_t, estimate, measure`;
        `measure` says what the effect is: a correlation, or the rank-biserial correlation of a group with all others. `q` and
        `p_max_t` hold over `family`: all pathways or modules of the study; of a gene, what this gene was asked against, with
        `q_all_genes` over all genes beside it.
    features : DataFrame
        The same columns: links with every imaging feature, the smallest p first; of features, their links with clinical columns.
    related : DataFrame
        The same columns: links of the member genes with the signatures, over all genes of the study; for a gene, those of the
        module and pathways that hold it; for features, their links with genes, the fifty with the smallest p.
    grid : DataFrame
        What the heat map shows: `feature, target, effect, p, q, measure`.
    patients : DataFrame, one row per patient
        Out-of-fold scores of the signatures, the values of what was asked about, and the outcome. A gene that is called like a
        signature is named with its kind: ``MRI (gene)``.
    sentence : str
        What may be said, no more.
    others : tuple of str
        What else the question could have meant.
    simulated : bool
        Whether the study is simulated.
    """

    question: str
    kind: str
    name: str
    size: int
    links: pd.DataFrame
    features: pd.DataFrame
    related: pd.DataFrame
    grid: pd.DataFrame
    patients: pd.DataFrame
    sentence: str
    others: tuple[str, ...]
    simulated: bool

    @property
    def slug(self) -> str:
        """The name, fit for a folder."""
        return re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_")

    def table(self) -> str:
        """Set the links as text, one line per link, the strongest first where there are many; then those of imaging features."""
        links = self.links.head(_MOST_LINES) if self.kind == "feature" else self.links
        if self.kind == "category":
            links = self.links[self.links["estimate"] == "nested"].sort_values("p", kind="stable").head(_MOST_LINES)
        texts = [_as_text(links, several=links["target"].nunique() > 1)]
        if len(self.features):
            first = self.features.head(_MOST_FEATURES)
            texts.append(f"{self.beside}, the first {len(first)} of {len(self.features)}:")
            texts.append(_as_text(first, several=self.features["target"].nunique() > 1))
        return "\n".join(texts)

    @property
    def beside(self) -> str:
        """What `features` holds, as a heading."""
        return "Clinical columns" if self.kind == "feature" else "Imaging features"

    def panels(self) -> "Iterator[tuple[str, Axes | Figure | SubFigure, pd.DataFrame]]":
        """Draw every figure -> its name, the panel and the table behind it; no scatter where no signature varies."""
        if len(self._drawn):
            yield "scatter", self.scatter(), self.patients
        yield "heatmap", self.heatmap(), self.grid
        if len(self.features):
            yield "forest", self.forest(), self.features

    @property
    def _drawn(self) -> pd.DataFrame:
        """The links that the scatter shows: those of out-of-fold scores, or of the features asked for."""
        links = self.links if self.kind == "feature" else self.links[self.links["estimate"] == "nested"]
        kinds = ("target", self.kind)
        links = links.assign(target=[self._column(name, kinds) for name in links["target"]])
        if self.kind == "feature":
            links = links.assign(feature=[self._column(name, kinds[1:]) for name in links["feature"]])
        return links[links["target"].isin(self.patients.columns)].sort_values("p", kind="stable")

    def _column(self, name: str, kinds: tuple[str, ...]) -> str:
        """Find the column of `patients` with the values of a name, see `side_by_side`."""
        return next((column for kind in kinds if (column := f"{name} ({kind})") in self.patients), name)

    def scatter(self) -> "Figure | SubFigure":
        """Draw the patients: score of each signature, or the feature, against what was asked about or goes with it."""
        from radiogenomics import figures

        return figures.link_scatter(self.patients, self._drawn, color=str(self.patients.columns[-1]))

    def heatmap(self) -> "Axes":
        """Draw the links of what was asked about, and of what belongs to it, with signatures and clinical columns."""
        from radiogenomics import figures

        return figures.link_heatmap(self.grid, label=_effect_of(self.grid))

    def forest(self) -> "Axes":
        """Draw the strongest links with imaging features (of a feature: with clinical columns), each with its interval."""
        from radiogenomics import figures

        return figures.link_forest(self.features, most=12, label=_effect_of(self.features))


def _effect_of(links: pd.DataFrame) -> str:
    """Name what the effects of a panel are."""
    names = list(dict.fromkeys(links["measure"]))
    return "Correlation, or rank-biserial r of a group" if len(names) > 1 else names[0]


def _as_text(links: pd.DataFrame, *, several: bool) -> str:
    bounds = [f"{low:.2f} to {high:.2f}" for low, high in links[["effect_low", "effect_high"]].itertuples(index=False)]
    columns = ["feature", *["target"] * several, "measure", "effect", "interval", "n", "p", "q", "p_permutation", "p_max_t"]
    shown = links.assign(interval=bounds)[columns]
    return shown.to_string(index=False, float_format=lambda value: f"{value:.3g}", max_colwidth=40)


def answer_folder(folder: Path, answer: Answer) -> Path:
    """Say where an answer lies in the study that was asked -> ``FOLDER/queries/NAME``.

    Raises
    ------
    InputError
        If one of these folders is a link, so that the answer would be written elsewhere.
    """
    queries = Path(folder) / "queries"
    refuse_links(queries, queries / answer.slug)
    return queries / answer.slug


def save_answer(answer: Answer, folder: Path) -> list[Path]:
    """Write an answer's tables, figures and sentence into a folder -> the files.

    Parameters
    ----------
    answer : Answer
        From `query`.
    folder : Path
        Made when missing.

    Returns
    -------
    list of Path
        ``answer.txt``; ``links``, ``features`` and ``related`` as parquet and CSV; ``scatter``, ``heatmap`` and, of the features,
        ``forest`` as SVG, PNG and CSV.
    """
    from radiogenomics import figures

    folder = make_folder(folder, "the answer's folder")
    note = "simulated data" * answer.simulated
    write_text(folder / "answer.txt", answer.sentence + "\n")
    return [
        folder / "answer.txt",
        *write_table(answer.links, folder / "links"),
        *write_table(answer.features, folder / "features"),
        *write_table(answer.related, folder / "related"),
        *[file for name, panel, data in answer.panels() for file in figures.save(figures.mark(panel, note), folder / name, data)],
    ]
