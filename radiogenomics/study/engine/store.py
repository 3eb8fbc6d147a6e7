"""A study's folder, written: a finished step is not redone, and nothing is ever half written.

A step is finished when its record lies in ``steps/``: written last, it names all that went in (the content of tables and sources,
settings, code) and the hash of every file that came out. A study killed at any moment starts again from the last finished step
and ends in the same tables.
"""

import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from radiogenomics import __version__
from radiogenomics._errors import InputError, RunError
from radiogenomics._files import is_half_written, make_folder, refuse_links, sha256, write_table, write_text
from radiogenomics._kept import forget_all_but
from radiogenomics.study.engine.code import code_of, libraries
from radiogenomics.study.engine.context import Context
from radiogenomics.study.engine.cost import measured
from radiogenomics.study.engine.results import MADE_BY, MARKER, RUNNING, Page, Panel, Results, digest, is_marked, read_facts
from radiogenomics.study.engine.step import Step, is_family, is_optional

logger = logging.getLogger(__name__)

Product = pd.DataFrame | Panel | Page

_LOCK = "running.lock"
_WRITTEN = {"tables": (".parquet", ".csv", ".gz"), "figures": (".svg", ".png", ".csv"), "steps": (".json",)}
"""Folders of a study, and the endings of what is written there."""
_PAGES = ("report.html", "provenance.json", RUNNING, MARKER)


def claim(folder: Path, name: str) -> Path:
    """Make a folder a study's own, so that nothing else is ever changed or removed -> the folder.

    Parameters
    ----------
    folder : Path
        Absent, empty, or a study's already.
    name : str
        What the caller calls it; stands in the message.

    Raises
    ------
    InputError
        If it holds files and no study made it, or if a folder of results in it is a link to elsewhere.
    """
    folder = make_folder(folder, name)
    marked = is_marked(folder)
    if not marked and not all(_is_begun(path) for path in folder.iterdir()):
        raise InputError(
            f"{name} is {folder}, which is not empty and is not the folder of a study; give a new or an empty folder with --out."
        )
    refuse_links(*(folder / part for part in (*_PAGES, _LOCK, "tables", "figures", "steps")))
    for part in ("work", "kept"):
        refuse_links(folder / part, *(folder / part).glob("*"))
    if not marked:
        _mark(folder, finished=False)
    return folder


def _is_begun(path: Path) -> bool:
    """Tell a marker that a killed process left half written: nothing else lies in a folder before its marker does."""
    return is_half_written(path, Path(MARKER).stem, [Path(MARKER).suffix])


class Store(Results):
    """The folder of one study, for the one process that writes to it; made by `writing`.

    Parameters
    ----------
    folder : Path
        A study's own folder, see `claim`.
    steps : sequence of Step
        The steps of the study in their order.
    """

    def __init__(self, folder: Path, steps: Sequence[Step]) -> None:
        super().__init__(folder)
        self._order = {step.name: i for i, step in enumerate(steps)}
        self._makers = {step.name: step for step in steps if not step.stored}
        self._values: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def writing(cls, folder: Path, steps: Sequence[Step], *, wait: bool = False) -> Iterator["Store"]:
        """Open a study's folder for writing; one process at a time may.

        Parameters
        ----------
        folder : Path
            Made when missing.
        steps : sequence of Step
            The steps of the study in their order; results of any other step are removed.
        wait : bool
            Wait for a run that goes on there, instead of refusing.

        Raises
        ------
        InputError
            If the folder is not a study's.
        RunError
            If another process writes there; says which, and since when.
        """
        folder = claim(folder, "the study's folder")
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout as error:
            raise RunError(
                f"{folder}: {_who(folder)} runs a study there; wait for it to end (--wait), or give another folder."
            ) from error
        try:
            write_text(folder / RUNNING, json.dumps(_me()) + "\n")
            store = cls(folder, steps)
            store.sweep()
            store.forget(step.name for step in steps)
            yield store
        finally:
            (folder / RUNNING).unlink(missing_ok=True)
            lock.release()

    def do(self, step: Step, context: Context) -> bool:
        """Run a step unless it is finished -> whether it ran."""
        made_of = json.loads(json.dumps(self._made_of(step, context), default=str))
        key = digest(made_of)
        if self._finished(step.name, key):
            logger.info("%s: kept", step.name)
            return False
        logger.info("%s: computed, %s", step.name, self._why(step.name, made_of))
        if self.finished:
            _mark(self.folder, finished=False)
        files: dict[str, str] = {}
        tables: dict[str, str] = {}
        panels: dict[str, dict[str, str]] = {}
        with measured() as cost:
            for name, product in _products(step.function(**self._arguments(step, context, key))):
                files |= {str(path.relative_to(self.folder)): sha256(path) for path in self._write(name, product)}
                if isinstance(product, Panel):
                    panels[name] = product.facts
                elif isinstance(product, pd.DataFrame):
                    tables[name] = _description(step, name)
        result = {"files": files, "tables": tables, "panels": panels, "order": self._order[step.name]}
        self._record(step.name, {"key": key, "made_of": made_of, **result, **cost})
        return True

    def finish(self) -> None:
        """Say that every step is finished, and remove the parts of unfinished work."""
        _mark(self.folder, finished=True)
        places = [path for path in (self.folder / "work").rglob("*") if path.is_dir() and not path.is_symlink()]
        for place in (*sorted(places, reverse=True), self.folder / "work"):  # the deepest first
            if place.is_dir():
                forget_all_but([], place)
                if not any(place.iterdir()):  # what somebody else put there stays
                    place.rmdir()

    def forget(self, steps: Iterable[str]) -> None:
        """Remove the results of every step but these: what an earlier manifest asked for is no part of the study any more."""
        for name in set(self._records) - set(steps):
            self._remove(set(self._records.pop(name)["files"]) - set(self._files()))
            (self.folder / "steps" / f"{name}.json").unlink()

    def sweep(self) -> None:
        """Remove what a killed process left half written: hidden files beside the final ones."""
        for folder, suffixes in _WRITTEN.items():
            for path in (self.folder / folder).glob(".*"):
                if is_half_written(path, suffixes=suffixes):
                    path.unlink()
        for page in map(Path, _PAGES):
            for path in self.folder.glob(f".{page.stem}-*"):
                if is_half_written(path, page.stem, [page.suffix]):
                    path.unlink()

    def _files(self) -> list[str]:
        return [file for record in self._records.values() for file in record["files"]]

    def _remove(self, files: Iterable[str]) -> None:
        for file in files:
            path = self.folder / file
            if path.is_file() or path.is_symlink():  # a link itself goes, and not what it leads to
                path.unlink()

    def _record(self, name: str, record: dict[str, Any]) -> None:
        """Write the record of a step, last of all, and remove what the step made before and makes no more."""
        write_text(self.folder / "steps" / f"{name}.json", json.dumps(record, indent=2, default=str) + "\n")
        before = set(self._records.get(name, record)["files"])
        self._records = dict(sorted({**self._records, name: record}.items(), key=lambda item: item[1]["order"]))
        self._remove(before - set(self._files()))

    def _made_of(self, step: Step, context: Context) -> dict[str, Any]:
        """Gather all that a step's result depends on, each kind of thing under a heading of its own."""
        made_of: dict[str, Any] = {
            "code": {"package": code_of(step.function), "version": __version__, **libraries(), **_members(step, context)},
            "settings": context.manifest.model_dump(mode="json", include=set(step.settings)),
            "sources": {name: dict(context.inputs.identity(name)) for name in sorted(set(step.sources(context.manifest)))},
            "tables": {file: self._hash(file) for name in step.needs for file in self._table_files(step, name)},
            "values": {name: digest(self._made_of(self._makers[name], context)) for name in step.needs if name in self._makers},
        }
        if "results" in step.asks:
            made_of["results"] = {name: one["files"] for name, one in self._records.items() if name != step.name}
        return made_of

    def _table_files(self, step: Step, name: str) -> list[str]:
        """Name the files that a parameter is read from; none where it is optional and absent."""
        parameter = step.needs[name]
        if name in self._makers:
            return []
        if is_family(parameter):
            return [f"tables/{table}.parquet" for table in self._family(name)]
        if name in self.tables():
            return [f"tables/{name}.parquet"]
        if not is_optional(parameter):
            raise RuntimeError(f"the step {step.name} needs the table {name!r}, which no step before it has made.")
        return []

    def _family(self, name: str) -> list[str]:
        """Name the tables of a kind in the order they were made."""
        return [table for record in self._records.values() for table in record["tables"] if table.startswith(f"{name}_")]

    def _arguments(self, step: Step, context: Context, key: str) -> dict[str, Any]:
        settings = context.settings(step.settings)
        given: dict[str, Any] = {name: self._argument(step, name, context) for name in step.needs}
        work = self.folder / "work" / f"{step.name}-{key[:16]}"
        offered: dict[str, Any] = {
            "settings": settings,
            "inputs": context.inputs.only(set(step.sources(context.manifest)), settings),
            "run": context.run(work, self.folder / "kept" / step.name),
            "results": Results(self.folder),
        }
        return given | {name: offered[name] for name in step.asks}

    def _argument(self, step: Step, name: str, context: Context) -> Any:
        if name in self._makers:
            return self._value(self._makers[name], context)
        if is_family(step.needs[name]):
            return {table.removeprefix(f"{name}_"): self.table(table) for table in self._family(name)}
        return self.table(name) if self._table_files(step, name) else None

    def _value(self, maker: Step, context: Context) -> Any:
        """Make the value of a step that is not stored, once for each content."""
        key = digest(self._made_of(maker, context))
        if key not in self._values:
            self._values[key] = maker.function(**self._arguments(maker, context, key))
        return self._values[key]

    def _finished(self, name: str, key: str) -> bool:
        record = self._records.get(name)
        if record is None or record["key"] != key:
            return False
        return all(
            (self.folder / file).is_file() and sha256(self.folder / file) == value for file, value in record["files"].items()
        )

    def _why(self, name: str, made_of: Mapping[str, Mapping[str, Any]]) -> str:
        """Say why a step runs: it is new, something that goes in has changed, or a file of its result has."""
        if name not in self._records:
            return "not finished before"
        before = self._records[name]["made_of"]
        changed = [
            f"{heading} {part}"
            for heading, parts in made_of.items()
            for part in {**parts, **before.get(heading, {})}
            if parts.get(part) != before.get(heading, {}).get(part)
        ]
        return f"changed: {', '.join(changed)}" if changed else "its files have changed since they were written"

    def _write(self, name: str, product: Product) -> list[Path]:
        if isinstance(product, pd.DataFrame):
            return write_table(product, self.folder / "tables" / name)
        if isinstance(product, Panel):
            from radiogenomics import figures

            return list(figures.save(product.axes, self.folder / "figures" / name, product.data))
        write_text(self.folder / product.name, product.text)
        return [self.folder / product.name]


def _products(made: Mapping[str, pd.DataFrame] | Iterable[Panel | Page]) -> Iterator[tuple[str, Product]]:
    """Name what a step has made: its tables by their names, panels by kind and subject."""
    if isinstance(made, Mapping):
        yield from made.items()
        return
    from radiogenomics._names import slug

    for one in made:
        yield (one.name if isinstance(one, Page) else f"{one.kind}_{slug(one.subject)}" if one.subject else one.kind), one


def _members(step: Step, context: Context) -> dict[str, str]:
    """Give the code from outside the package that the settings of a step ask for."""
    return {f"members of {part}": context.members[part] for part in step.settings if part in context.members}


def _description(step: Step, name: str) -> str:
    """Find what a step says of a table; a name with a star stands for one a kind. An undeclared table is a bug."""
    for pattern, text in step.makes.items():
        begin, star, _ = pattern.partition("*")
        if name == pattern or (star and name.startswith(begin)):
            return text
    raise RuntimeError(f"the step {step.name} makes the table {name!r}, and declares only {', '.join(step.makes)}.")


def _mark(folder: Path, *, finished: bool) -> None:
    write_text(folder / MARKER, json.dumps({"made_by": MADE_BY, "finished": finished}) + "\n")


def _me() -> dict[str, Any]:
    return {"process": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}


def _who(folder: Path) -> str:
    """Say who writes to a folder, as far as is known."""
    facts = read_facts(folder / RUNNING)
    if not facts.keys() >= {"process", "host", "since"}:  # it is just beginning or ending
        return "another process"
    return f"process {facts['process']} on {facts['host']}, since {facts['since']},"
