"""Where a study's results lie: a finished step is not redone, and nothing is ever half written.

A step is finished when its record lies in ``steps/``: written last, it names the key of everything that went in (settings,
input hashes, package version) and the hash of every file that came out. A study killed at any moment starts again from the
last finished step and ends in the same tables.
"""

import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from radiogenomics import __version__
from radiogenomics._errors import MissingFileError
from radiogenomics._files import sha256, write_table, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    Panel = Axes | Figure | SubFigure

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawn:
    """A finished panel and the table behind it."""

    panel: "Panel"
    data: pd.DataFrame


@dataclass(frozen=True)
class Page:
    """A finished text file, such as the report, and its name in the study's folder."""

    name: str
    text: str


Product = pd.DataFrame | Drawn | Page


@dataclass(frozen=True)
class Step:
    """One step of a study.

    Attributes
    ----------
    name : str
        Its name in records and progress.
    run : callable
        Takes the `Store` and returns what the step makes, by name.
    needs : tuple of str
        Tables of earlier steps that go in.
    after : tuple of str
        Steps of which everything goes in.
    settings : dict
        Everything else that goes in: settings of the manifest, hashes of source files.
    """

    name: str
    run: Callable[["Store"], Mapping[str, Product]]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


class Store:
    """The folder of one study.

    Parameters
    ----------
    folder : Path
        ``DIR`` of ``radiogenomics run --out DIR``; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._sweep()
        self._records = {
            path.stem: record for path in sorted((self.folder / "steps").glob("*.json")) if (record := _read_record(path))
        }

    def table(self, name: str) -> pd.DataFrame:
        """Read a finished table.

        Raises
        ------
        KeyError
            If no finished step made it; names those that are there.
        """
        path = self.folder / "tables" / f"{name}.parquet"
        if name not in self.tables():
            raise KeyError(f"{self.folder} holds no table {name!r}; it has {', '.join(self.tables()) or 'none'}.")
        return pd.read_parquet(path)

    def tables(self) -> list[str]:
        """Name the finished tables."""
        return sorted(Path(file).stem for file in self._files() if file.endswith(".parquet"))

    def figures(self) -> dict[str, Path]:
        """Name the finished figures -> their PNG files."""
        return {Path(file).stem: self.folder / file for file in sorted(self._files()) if file.endswith(".png")}

    def records(self) -> dict[str, dict[str, Any]]:
        """Give the record of every finished step by name."""
        return dict(self._records)

    def work(self, step: str, settings: Mapping[str, Any]) -> Path:
        """Give the folder where a step keeps parts of unfinished work; it depends on the settings, so nothing stale is taken."""
        return self.folder / "work" / f"{step}-{digest(settings)[:16]}"

    def kept(self, step: str) -> Path:
        """Give the folder where a step keeps parts for later runs, each under a key of its own."""
        return self.folder / "kept" / step

    def do(self, step: Step) -> bool:
        """Run a step unless it is finished -> whether it ran."""
        key = self._key(step)
        if self._finished(step.name, key):
            return False
        with _measured() as cost:
            products = step.run(self)
            files = [path for name, product in products.items() for path in self._write(name, product)]
        record = {
            "key": key,
            "version": __version__,
            "settings": step.settings,
            "needs": list(step.needs),
            "files": {str(path.relative_to(self.folder)): sha256(path) for path in files},
            **cost,
        }
        write_text(self.folder / "steps" / f"{step.name}.json", json.dumps(record, indent=2, sort_keys=True, default=str) + "\n")
        before = set(self._records.get(step.name, record)["files"])
        self._records[step.name] = record
        self._remove(before - set(self._files()))
        return True

    def clean(self) -> None:
        """Remove the parts of unfinished work, once every step is finished."""
        shutil.rmtree(self.folder / "work", ignore_errors=True)

    def forget(self, steps: Iterable[str]) -> None:
        """Remove the results of every step but these: what an earlier manifest asked for is no part of the study any more."""
        for name in set(self._records) - set(steps):
            self._remove(self._records.pop(name)["files"])
            (self.folder / "steps" / f"{name}.json").unlink()

    def _files(self) -> list[str]:
        return [file for record in self._records.values() for file in record["files"]]

    def _remove(self, files: Iterable[str]) -> None:
        for file in files:
            (self.folder / file).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what a killed process left half written: hidden files beside the final ones."""
        for rest in (path for folder in ("tables", "figures", "steps", ".") for path in (self.folder / folder).glob(".*-*.*")):
            rest.unlink()

    def _key(self, step: Step) -> str:
        parts = {f"tables/{name}.parquet": self._hash(f"tables/{name}.parquet") for name in step.needs}
        whole = {name: self._records[name]["files"] for name in step.after}
        return digest({"step": step.name, "version": __version__, "settings": step.settings, "tables": parts, "after": whole})

    def _hash(self, file: str) -> str:
        for record in self._records.values():
            if file in record["files"]:
                return str(record["files"][file])
        raise KeyError(f"no finished step has made {file}; a step needs what an earlier one makes.")

    def _finished(self, name: str, key: str) -> bool:
        record = self._records.get(name)
        if record is None or record["key"] != key:
            return False
        return all(
            (self.folder / file).is_file() and sha256(self.folder / file) == value for file, value in record["files"].items()
        )

    def _write(self, name: str, product: Product) -> list[Path]:
        if isinstance(product, pd.DataFrame):
            return write_table(product, self.folder / "tables" / name)
        if isinstance(product, Drawn):
            from radiogenomics import figures

            return list(figures.save(product.panel, self.folder / "figures" / name, product.data))
        write_text(self.folder / product.name, product.text)
        return [self.folder / product.name]


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
    FileNotFoundError
        If no study lies there; names every place that was tried.
    """
    named = os.environ.get("RADIOGENOMICS_STUDY")
    starts = [Path(os.environ.get("PWD", ".")), Path.cwd()] if named else [Path.cwd()]
    tried = list(dict.fromkeys(Path(os.path.normpath(start / (named or default))) for start in starts))
    found = next((folder for folder in tried if (folder / "provenance.json").is_file()), None)
    if found is None:
        value = (
            f"RADIOGENOMICS_STUDY is {named!r}"
            if named
            else f"RADIOGENOMICS_STUDY is not set, and the default is {str(default)!r}"
        )
        remedy = "set it to the absolute path of a finished study, or make one: radiogenomics demo --out demo"
        raise MissingFileError(f"{value}; no study lies in {' or '.join(map(str, tried))}; {remedy}.")
    return found


def _read_record(path: Path) -> dict[str, Any]:
    """Read a step's record; one that was damaged is none, and its step runs again."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        logger.warning("%s is damaged; its step runs again.", path)
        return {}
    return dict(record)


def digest(value: Any) -> str:
    """Hash settings, or whatever else JSON can say, with SHA-256 -> 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@contextmanager
def _measured() -> Iterator[dict[str, float]]:
    """Measure wall time in seconds and peak memory in MB, worker processes included."""
    cost: dict[str, float] = {}
    peak, stop = [_memory_mb()], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            peak[0] = max(peak[0], _memory_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    started = time.perf_counter()
    watcher.start()
    try:
        yield cost
    finally:
        stop.set()
        watcher.join()
        cost["seconds"] = round(time.perf_counter() - started, 2)
        cost["peak_mb"] = round(max(peak[0], _memory_mb()))


def _memory_mb() -> float:
    import psutil

    total = 0
    me = psutil.Process(os.getpid())
    for process in [me, *me.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the listing and the look
    return total / 1e6
