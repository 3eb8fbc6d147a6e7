"""What a question to a study is answered with: tables, one plain sentence, a scatter and a heat map."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from radiogenomics._files import make_folder, refuse_links, write_table, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


@dataclass(frozen=True)
class Answer:
    """What a finished study knows about one pathway, gene or module.

    Attributes
    ----------
    question : str
        What was asked.
    kind : str
        "pathway", "gene" or "module".
    name : str
        The study's name of it.
    size : int
        Its measured genes; 1 for a gene.
    links : DataFrame, one row a signature, clinical number or clinical group
        Columns `feature, target, family, effect, effect_low, effect_high, n, p, q, p_permutation, p_max_t, estimate, measure`;
        `measure` says what the effect is: a correlation, or the rank-biserial correlation of a group with all others. `q` and
        `p_max_t` hold over `family`: all pathways or modules of the study; of a gene, what this gene was asked against, with
        `q_all_genes` over all genes beside it.
    related : DataFrame
        The same columns: links of the member genes with the signatures, over all genes of the study; for a gene, those of the
        module and pathways that hold it.
    grid : DataFrame
        What the heat map shows: `feature, target, effect, p, q, measure`.
    patients : DataFrame, one row a patient
        Out-of-fold scores of the signatures, the values of what was asked about, and the outcome.
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
        """Set the links as text, one line a link."""
        bounds = [f"{low:.2f} to {high:.2f}" for low, high in self.links[["effect_low", "effect_high"]].itertuples(index=False)]
        shown = self.links.assign(interval=bounds)
        columns = ["feature", "measure", "effect", "interval", "n", "p", "q", "p_permutation", "p_max_t"]
        return shown[columns].to_string(index=False, float_format=lambda value: f"{value:.3g}", max_colwidth=40)

    def panels(self) -> "Iterator[tuple[str, Axes | Figure | SubFigure, pd.DataFrame]]":
        """Draw every figure -> its name, the panel and the table behind it; no scatter where no signature varies."""
        if (self.links["estimate"] == "nested").any():
            yield "scatter", self.scatter(), self.patients
        yield "heatmap", self.heatmap(), self.grid

    def scatter(self) -> "Figure | SubFigure":
        """Draw the patients: out-of-fold score of each signature against what was asked about."""
        from radiogenomics import figures

        honest = self.links[self.links["estimate"] == "nested"].sort_values("p", kind="stable")
        return figures.link_scatter(self.patients, honest, color=str(self.patients.columns[-1]))

    def heatmap(self) -> "Axes":
        """Draw the links of what was asked about, and of what belongs to it, with signatures and clinical columns."""
        from radiogenomics import figures

        return figures.link_heatmap(self.grid, label="Correlation, or rank-biserial r of a group")


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
        ``answer.txt``; ``links`` and ``related`` as parquet and CSV; ``scatter`` and ``heatmap`` as SVG, PNG and CSV.
    """
    from radiogenomics import figures

    folder = make_folder(folder, "the answer's folder")
    note = "simulated data" * answer.simulated
    write_text(folder / "answer.txt", answer.sentence + "\n")
    return [
        folder / "answer.txt",
        *write_table(answer.links, folder / "links"),
        *write_table(answer.related, folder / "related"),
        *[file for name, panel, data in answer.panels() for file in figures.save(figures.mark(panel, note), folder / name, data)],
    ]


def sentence(facts: Mapping[str, Any], nulls: pd.DataFrame, *, simulated: bool, alpha: float) -> str:
    """Say in one sentence what the links of an answer allow to say: effect, interval, q with its family, and the null."""
    links: pd.DataFrame = facts["links"]
    honest, clinical = links[links["estimate"] == "nested"], links[links["estimate"] != "nested"]
    begin = "Simulated data: t" if simulated else "T"
    size = "" if facts["kind"] == "gene" else f" ({facts['size']:,} measured genes)"
    parts = [_with_signature(row, nulls, alpha) for row in honest.to_dict("records")]
    if not parts:
        parts = ["no signature, since none varies between patients"]
    whole = "; ".join([*parts, *_with_clinic(clinical, alpha)])
    return f"{begin}he {facts['kind']} {facts['name']}{size} against {whole}."


def _with_signature(row: Mapping[Any, Any], nulls: pd.DataFrame, alpha: float) -> str:
    known = nulls[nulls["family"] == row["family"]]
    value = f"{row['measure']} = {row['effect']:.2f} (95 % interval {row['effect_low']:.2f} to {row['effect_high']:.2f})"
    corrected = f"q = {_p(row['q'])} over the family {row['family']!r}"
    if pd.notna(row.get("q_all_genes")):
        corrected += f" and {_p(row['q_all_genes'])} over all genes"
    corrected += f", permuted patients reach it with p = {_p(row['p_permutation'])}"
    return f"the out-of-fold score of {row['feature']}: {_verdict(row, known, alpha)}, {value}, n = {row['n']}, {corrected}"


def _verdict(row: Mapping[Any, Any], known: pd.DataFrame, alpha: float) -> str:
    """Say whether a link survives, and what chance gives in its family."""
    if not row["q"] < alpha:
        return "no link is shown"
    if pd.notna(row.get("q_all_genes")) and not row["q_all_genes"] < alpha:
        return "a link only for who asked of this gene alone, which does not survive among all genes"
    chance = " and ".join(f"{mean:.2g} with {null}" for null, mean in known[["null", "mean"]].itertuples(index=False))
    if not chance:
        return f"an association that survives correction (q < {alpha:g}), not a cause"
    counted = f"{known['found'].iloc[0]} links of its family have q < {alpha:g} where chance alone gives {chance}"
    if not known["p_holm"].max() < 0.05:  # Holm over all families of the study
        return f"no more than chance can give, since {counted}"
    return f"an association that survives correction, not a cause ({counted})"


def _with_clinic(clinical: pd.DataFrame, alpha: float) -> list[str]:
    """Count the clinical columns with a link, and name the strongest."""
    if clinical.empty:
        return []
    found = clinical[clinical["q"] < alpha].sort_values("p", kind="stable")
    if found.empty:
        return [f"of {len(clinical)} clinical columns and groups none has q < {alpha:g}"]
    named = [f"{row['feature']} {row['effect']:.2f}, q = {_p(row['q'])}" for row in found.head(3).to_dict("records")]
    return [f"of {len(clinical)} clinical columns and groups {len(found)} with q < {alpha:g} ({'; '.join(named)})"]


def _p(value: float) -> str:
    """Write a p or q as part of an equation."""
    return (
        "unknown" if pd.isna(value) else f"{value:.1g}" if value < 0.001 else f"{value:.3f}" if value < 0.01 else f"{value:.2f}"
    )
