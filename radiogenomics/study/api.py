"""A study as notebooks and scripts use it: run it, open it, read its tables and figures, ask it, hand it on."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from radiogenomics._errors import InputError, MissingFileError
from radiogenomics._names import did_you_mean
from radiogenomics._parallel import Progress
from radiogenomics.study import export, pipeline
from radiogenomics.study.engine.results import Results, SavedPanel, is_marked
from radiogenomics.study.inputs.checks import check
from radiogenomics.study.manifest.errors import ManifestError
from radiogenomics.study.query.answer import Answer
from radiogenomics.study.query.search import query

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

logger = logging.getLogger(__name__)

_PROBLEM = ["file", "key", "value", "remedy"]


class Study:
    """A study in its folder, read only.

    Made by `Study.open` or `Study.run`. Every table is compared with its hash when it is read.

    Examples
    --------
    >>> study = rg.Study.open("demo")  # doctest: +SKIP
    >>> study.evaluation[["signature", "estimate", "auc"]]  # doctest: +SKIP
    >>> study.links(imaging="radiomics", molecular="modules").nsmallest(5, "p")  # doctest: +SKIP
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a study's folder; nothing in it is changed.

        Parameters
        ----------
        folder : Path or str
            ``DIR`` of ``radiogenomics run MANIFEST --out DIR``.

        Raises
        ------
        MissingFileError
            If no study lies there.
        """
        folder = Path(folder)
        if not is_marked(folder):
            raise MissingFileError(f"{folder} holds no study; run one there first: radiogenomics run MANIFEST --out {folder}")
        results = Results(folder)
        if not results.finished:
            logger.warning("%s is not finished: %s radiogenomics run MANIFEST --out %s", folder, results.state(), folder)
        return cls(results)

    @classmethod
    def run(
        cls,
        manifest: Path | str,
        *,
        out: Path | str,
        mirror: Path | str | None = None,
        offline: bool = False,
        n_jobs: int = 1,
        scheduler: Any = None,
        progress: Progress | None = None,
        wait: bool = False,
    ) -> Self:
        """Run a study from its manifest to its report, and open it; see `radiogenomics.study.run`."""
        where = Path(mirror) if mirror is not None else None
        how: dict[str, Any] = {"n_jobs": n_jobs, "scheduler": scheduler, "progress": progress, "wait": wait}
        pipeline.run(Path(manifest), out=Path(out), mirror=where, offline=offline, **how)
        return cls.open(out)

    @staticmethod
    def check(manifest: Path | str, *, mirror: Path | str | None = None, offline: bool = False) -> pd.DataFrame:
        """Check everything that can be known before long work -> one row per problem: ``file, key, value, remedy``."""
        try:
            check(Path(manifest), mirror=Path(mirror) if mirror is not None else None, offline=offline)
        except ManifestError as error:
            return pd.DataFrame([vars(problem) for problem in error.problems], columns=_PROBLEM)
        return pd.DataFrame(columns=_PROBLEM)

    @property
    def folder(self) -> Path:
        """Where the study lies."""
        return self._results.folder

    @property
    def finished(self) -> bool:
        """Whether every step is finished."""
        return self._results.finished

    @property
    def settings(self) -> dict[str, Any]:
        """What the manifest of the finished study says."""
        return self._results.settings()

    @property
    def tables(self) -> dict[str, str]:
        """Every table by name, and what it holds in one line."""
        return self._results.tables()

    def table(self, name: str) -> pd.DataFrame:
        """Read a table; patient tables have one row per patient and the index ``patient``.

        Raises
        ------
        InputError
            If the study has no such table; names the nearest.
        FileError
            If the file was changed since the study wrote it.
        """
        if name not in self.tables:
            raise InputError(
                f"{self.folder} has no table {name!r}{did_you_mean(name, self.tables)}; it has {', '.join(self.tables)}."
            )
        return self._results.table(name)

    def features(self, kind: str) -> pd.DataFrame:
        """Read the imaging features of one kind, such as ``radiomics``."""
        return self.table(f"features_{kind}")

    def links(self, imaging: str | None = None, molecular: str | None = None) -> pd.DataFrame:
        """Read the links of imaging with molecules, all or those of one table on either side.

        Parameters
        ----------
        imaging : str, optional
            ``signature``, or a kind of features.
        molecular : str, optional
            ``modules``, ``pathways``, or the name of a further table.

        Returns
        -------
        DataFrame
            One row per link; rows whose ``estimate`` is "published" use fitted scores, and stand for comparison only.

        Raises
        ------
        InputError
            If no link is of such a table; names those there are.
        """
        links = self.table("links")
        for column, value in (("imaging", imaging), ("molecular", molecular)):
            known = list(links[column].unique())
            if value is not None and value not in known:
                raise InputError(f"`{column}` is {value!r}{did_you_mean(value, known)}; the links are of {', '.join(known)}.")
            links = links if value is None else links[links[column] == value]
        return links.reset_index(drop=True)

    @property
    def evaluation(self) -> pd.DataFrame:
        """AUC of every signature by every estimate."""
        return self.table("evaluation")

    @property
    def figures(self) -> dict[str, str]:
        """Every figure by name, and its caption."""
        return {panel.name: panel.caption for panel in self._results.panels()}

    def figure(self, name: str) -> SavedPanel:
        """Give a figure, which a notebook shows; `SavedPanel.path` is its PNG, `SavedPanel.data` the table behind it.

        Raises
        ------
        InputError
            If the study has no such figure; names the nearest.
        FileError
            If its files are not those that the study drew.
        """
        if name not in self.figures:
            known = ", ".join(self.figures) or "none"
            raise InputError(f"{self.folder} has no figure {name!r}{did_you_mean(name, self.figures)}; it has {known}.")
        return self._results.panel(name)

    def query(self, question: str) -> Answer:
        """Ask about gene sets, genes, a module or an imaging feature; see `radiogenomics.query`."""
        return query(self.folder, question)

    def to_anndata(self) -> "AnnData":
        """Give the expression of the linked patients with modules and clinical columns; see `study.export.to_anndata`."""
        return export.to_anndata(self._results)

    def to_mudata(self) -> "MuData":
        """Give the whole study for the scverse; see `study.export.to_mudata`. ``.write("study.h5mu")`` keeps it."""
        return export.to_mudata(self._results)

    def __repr__(self) -> str:
        state = "" if self.finished else ", not finished"
        return f"Study({str(self.folder)!r}: {len(self.tables)} tables, {len(self.figures)} figures{state})"


def study_folder(default: Path | str = "../demo") -> Path:
    """Find the study that a notebook is about: the one that ``RADIOGENOMICS_STUDY`` names, or a default.

    Jupyter runs a notebook in the notebook's own folder, so a relative path is looked for where Jupyter was started (``PWD``)
    first, then there.

    Parameters
    ----------
    default : Path or str
        The folder where the variable is not set, seen from the notebook.

    Returns
    -------
    Path
        The study's folder.

    Raises
    ------
    MissingFileError
        If no study lies there; names every place that was tried.
    """
    named = os.environ.get("RADIOGENOMICS_STUDY")
    starts = [Path(os.environ.get("PWD", ".")), Path.cwd()] if named else [Path.cwd()]
    tried = list(dict.fromkeys(Path(os.path.normpath(start / (named or default))) for start in starts))
    place = next((folder for folder in tried if is_marked(folder)), None)
    if place is None:
        value = (
            f"RADIOGENOMICS_STUDY is {named!r}"
            if named
            else f"RADIOGENOMICS_STUDY is not set, and the default is {str(default)!r}"
        )
        remedy = "set it to the absolute path of a finished study, or make one: radiogenomics demo --out demo"
        raise MissingFileError(f"{value}; no study in {' or '.join(map(str, tried))}; {remedy}.")
    return place
