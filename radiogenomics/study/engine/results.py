"""The results of a study, read: tables, figures and records as they lie in its folder. Reading writes nothing."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from radiogenomics._errors import FileError, InputError
from radiogenomics._files import sha256
from radiogenomics.study.engine.shapes import misfit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

logger = logging.getLogger(__name__)

Read = TypeVar("Read")

MARKER = "study.json"
"""A folder with this file was made by a study; it says whether the study is finished."""

MADE_BY = "radiogenomics"
"""Who the marker says made the folder: other programs have files of that name too."""

RUNNING = "running.json"
"""Who runs the study now."""


@dataclass(frozen=True)
class Panel:
    """A drawn figure, and what is to be known of it.

    Attributes
    ----------
    kind : str
        What kind of figure it is, such as ``module_trait``.
    subject : str
        What it is of, such as a signature or a family of links; empty where a study has one figure of the kind.
    axes : Axes, Figure or SubFigure
        The drawing.
    data : DataFrame
        The table behind it.
    caption : str
        What stands under it, patients and events counted; the report writes that of the kinds it knows.
    section : str
        The section of the report that it belongs to; empty leaves that to the step.
    """

    kind: str
    subject: str
    axes: "Axes | Figure | SubFigure"
    data: pd.DataFrame
    caption: str = ""
    section: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """What a step's record keeps of it."""
        return {name: str(getattr(self, name)) for name in PANEL_FACTS}


PANEL_FACTS = ("kind", "subject", "section", "caption")
"""What is to be known of a figure beside its name and its file."""


@dataclass(frozen=True)
class SavedPanel:
    """A figure of a finished step, the facts of its `Panel`, and its PNG file (an SVG and a CSV lie beside it)."""

    name: str
    kind: str
    subject: str
    section: str
    caption: str
    path: Path

    @property
    def data(self) -> pd.DataFrame:
        """The table behind the figure."""
        return pd.read_csv(self.path.with_suffix(".csv"))

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True)
class Page:
    """A finished text file, such as the report, and its name in the study's folder."""

    name: str
    text: str


class Results:
    """The finished steps of one study's folder.

    Parameters
    ----------
    folder : Path
        ``DIR`` of ``radiogenomics run --out DIR``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._records = read_records(self.folder)
        self._seen: dict[str, tuple[int, int]] = {}

    @property
    def finished(self) -> bool:
        """Whether every step of the study is finished; False while it is run, and after a run that was interrupted."""
        return is_marked(self.folder) and read_facts(self.folder / MARKER).get("finished") is True

    def settings(self) -> dict[str, Any]:
        """Give what the manifest of a finished study says, as its report's record has it.

        Raises
        ------
        InputError
            If the folder holds no study that was run to its end, or one that is being run or was interrupted.
        """
        if not self.finished or "report" not in self._records:
            command = f"radiogenomics run MANIFEST --out {self.folder}"
            raise InputError(f"{self.folder} holds no finished study; {self.state()} {command}")
        settings: dict[str, Any] = self._records["report"]["made_of"].get("settings", {})
        parts = {part: settings.get(part) for part, _ in _ASKED}
        lacking = [f"{part}.{name}" for part, name in _ASKED if not isinstance(one := parts[part], dict) or name not in one]
        if lacking:
            raise FileError(f"{self.folder / 'steps' / 'report.json'} lacks {', '.join(lacking)}: {_AGAIN}")
        return settings

    def state(self) -> str:
        """Say in words why a study is not finished, and what to do."""
        if not is_marked(self.folder):
            return "run one there first:"
        if (self.folder / RUNNING).is_file():
            return "it is being run, or its run was interrupted; wait, or resume it:"
        return "its last run did not finish; resume it:"

    def tables(self) -> dict[str, str]:
        """Name the finished tables, in alphabetical order -> what each holds, in one line."""
        descriptions = {name: text for record in self._records.values() for name, text in record["tables"].items()}
        return dict(sorted(descriptions.items()))

    def table(self, name: str, **options: Any) -> pd.DataFrame:
        """Read a finished table, after its bytes were compared with the record of its step.

        Parameters
        ----------
        name : str
            One of `tables`.
        **options
            For `pandas.read_parquet`: ``columns``, ``filters``.

        Raises
        ------
        InputError
            If no finished step made it; names those that are there.
        FileError
            If its bytes are not those that the step wrote, or it is another table than the step makes.
        """
        if name not in self.tables():
            raise InputError(f"{self.folder} holds no table {name!r}; it has {', '.join(self.tables()) or 'none'}.")
        table = self._read(name, lambda path: pd.read_parquet(path, **options))
        if reason := misfit(name, table, options.get("columns")):
            raise FileError(f"{self.folder / 'tables' / f'{name}.parquet'} {reason}: {_AGAIN}")
        return table

    def columns(self, name: str) -> list[str]:
        """Name the columns of a patient table without reading its values."""
        from pyarrow.parquet import read_schema

        if name not in self.tables():
            raise InputError(f"{self.folder} holds no table {name!r}; it has {', '.join(self.tables()) or 'none'}.")
        columns = self._read(name, lambda path: read_schema(path).names)
        if "patient" not in columns:
            raise FileError(f"{self.folder / 'tables' / f'{name}.parquet'} has no index 'patient': {_AGAIN}")
        return [column for column in columns if column != "patient"]

    def panels(self) -> list[SavedPanel]:
        """List the finished figures, step by step in the order they were drawn."""
        return [
            SavedPanel(name=name, path=self.folder / "figures" / f"{name}.png", **facts)
            for record in self._records.values()
            for name, facts in record["panels"].items()
        ]

    def panel(self, name: str) -> SavedPanel:
        """Give a finished figure of `panels`, after its picture and its table were compared with the record of its step.

        Raises
        ------
        FileError
            If their bytes are not those that the step wrote.
        """
        panel = next(one for one in self.panels() if one.name == name)
        for ending in (".png", ".csv"):
            self._verified(f"figures/{name}{ending}")
        return panel

    def records(self) -> dict[str, dict[str, Any]]:
        """Give the record of every finished step by name."""
        return dict(self._records)

    def _read(self, name: str, read: Callable[[Path], Read]) -> Read:
        """Read a verified table; bytes can be those of the record and still be no table, in a folder that somebody made up."""
        from pyarrow.lib import ArrowException

        path = self._verified(f"tables/{name}.parquet")
        try:
            return read(path)
        except (ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise FileError(f"{path} cannot be read as a table ({_first_line(error)}): {_AGAIN}") from error

    def _verified(self, file: str) -> Path:
        """Give a file whose bytes are those of its record; a run that goes on meanwhile may have renewed both."""
        path = self.folder / file
        if self._is_as_written(file, path):
            return path
        self._records = read_records(self.folder)
        if self._is_as_written(file, path):
            return path
        what = "is missing" if not path.is_file() else "is not what its step wrote"
        raise FileError(f"{path} {what}: it was damaged, or a run is renewing it; run the study again into the same folder.")

    def _is_as_written(self, file: str, path: Path) -> bool:
        """Compare a file's bytes with its record, once as long as neither size nor time of change tells of another."""
        if not path.is_file():
            return False
        facts = path.stat()
        stamp = (facts.st_mtime_ns, facts.st_size)
        if self._seen.get(file) == stamp:
            return True
        if sha256(path) != self._hash(file):
            return False
        self._seen[file] = stamp
        return True

    def _hash(self, file: str) -> str:
        hashes = (record["files"][file] for record in self._records.values() if file in record["files"])
        return str(next(hashes, ""))


def _first_line(error: Exception) -> str:
    """Give the first line of an error: pyarrow lists every column below it."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def read_records(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the records of all finished steps, in the order of the study."""
    records = {path.stem: record for path in sorted((folder / "steps").glob("*.json")) if (record := _record(path))}
    return dict(sorted(records.items(), key=lambda item: item[1]["order"]))


def is_marked(folder: Path) -> bool:
    """Tell whether a study made a folder."""
    return read_facts(folder / MARKER).get("made_by") == MADE_BY


def read_facts(path: Path) -> dict[str, Any]:
    """Read a small JSON file of names and values; empty where there is none, or it is something else."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:  # neither a pipe nor a device, which have no end
            return {}
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _record(path: Path) -> dict[str, Any]:
    """Read a step's record; one that is damaged, or tells of files elsewhere, is none, and its step runs again."""
    record = read_facts(path)
    if not _is_record(record):
        logger.warning("%s is not a record of a step; the step counts as unfinished.", path)
        return {}
    return record


_MOST_BYTES = 2**26
_FACTS: Mapping[str, type | tuple[type, ...]] = {
    "key": str, "made_of": dict, "files": dict, "tables": dict, "panels": dict, "order": int, "seconds": (int, float),
    "peak_mb": (int, float),
}  # fmt: skip
_ASKED = (("links", "alpha"), ("links", "method"), ("outcome", "name"), ("outcome", "labels"))
"""What a question to a study asks of its settings."""
_AGAIN = "the folder was damaged or made up; run the study's manifest into a new folder."
_PLAIN = re.compile(r"[^/\\\x00]+")
"""A name that can be a file's, and leads to no other folder."""


def _is_record(record: Mapping[str, Any]) -> bool:
    if any(not isinstance(record.get(name), kind) for name, kind in _FACTS.items()):
        return False
    made_of: dict[str, Any] = record["made_of"]
    if digest(made_of) != record["key"] or any(not isinstance(parts, dict) for parts in made_of.values()):
        return False
    texts = (*record["files"].values(), *record["tables"].values())
    panels = all(isinstance(one, dict) and set(one) == set(PANEL_FACTS) for one in record["panels"].values())
    names = all(_PLAIN.fullmatch(name) for name in (*record["tables"], *record["panels"]))
    return panels and names and all(isinstance(text, str) for text in texts) and all(_is_own(file) for file in record["files"])


def _is_own(file: str) -> bool:
    """Tell whether a step may have written a file: in one of its two folders of results, or a page beside them."""
    folder, _, name = file.rpartition("/")
    if not _PLAIN.fullmatch(name) or name in (".", ".."):
        return False
    return folder in ("tables", "figures") or (not folder and name.endswith(".html"))


def digest(value: Any) -> str:
    """Hash settings, or whatever else JSON can say, with SHA-256 -> 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
