"""What a step may ask for beside tables: declared settings, declared sources, and how the work is spread."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MethodType
from typing import Any, Protocol, Self

from radiogenomics._parallel import Progress


class UndeclaredReadError(RuntimeError):
    """A step read what it does not declare, so that its result's key would not know of it: a bug of the package."""


class Inputs(Protocol):
    """Verified sources: what the engine must know of them."""

    def only(self, sources: Collection[str], settings: Any) -> Self:
        """Give the inputs with these sources alone, read by these settings."""

    def identity(self, source: str) -> Mapping[str, Any]:
        """Give all that a source's values depend on: the hash of its bytes and how they are read."""


@dataclass(frozen=True)
class Run:
    """How the work of a step is spread; results do not depend on it.

    Attributes
    ----------
    n_jobs : int
        Processes on this machine.
    scheduler : str or Client, optional
        A Dask cluster, instead of `n_jobs`.
    progress : callable, optional
        Called as ``progress(done, total, name)``.
    work : Path
        A folder for parts of unfinished work; its name holds the step's key, so that nothing stale is taken.
    kept : Path
        A folder for parts that later runs may take, each under a key of its own.
    """

    n_jobs: int
    scheduler: Any
    progress: Progress | None
    work: Path
    kept: Path

    def tasks(self, label: str) -> Progress | None:
        """Give a progress callback that says which step the tasks belong to."""
        report = self.progress
        if report is None:
            return None
        return lambda done, total, name: report(done, total, f"{label}: {name}")


@dataclass(frozen=True)
class Context:
    """A checked study and how to run it.

    Attributes
    ----------
    manifest : Manifest
        What the study is.
    inputs : Inputs
        Its verified sources.
    n_jobs, scheduler, progress
        See `Run`.
    members : mapping of str to str
        Hashes of code outside the package that the study runs (registered members, a recipe of the user's), by the part of the
        manifest that asks for it.
    """

    manifest: Any
    inputs: Inputs
    n_jobs: int = 1
    scheduler: Any = None
    progress: Progress | None = None
    members: Mapping[str, str] = field(default_factory=dict)

    def settings(self, names: Collection[str]) -> Any:
        """Give the manifest of which only these parts can be read."""
        return Declared(self.manifest, names)

    def run(self, work: Path, kept: Path) -> Run:
        """Say how a step's work is spread."""
        return Run(self.n_jobs, self.scheduler, self.progress, work, kept)


class Declared:
    """A manifest of which only declared parts can be read, by its own methods too."""

    def __init__(self, manifest: Any, names: Collection[str]) -> None:
        self._manifest, self._names = manifest, frozenset(names)

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return getattr(self._manifest, name)
        method: Callable[..., Any] | None = getattr(type(self._manifest), name, None)
        if callable(method):
            return MethodType(method, self)
        raise UndeclaredReadError(f"a step reads the setting {name!r}, and declares only {', '.join(sorted(self._names))}.")


class DeclaredFiles(dict[str, Any]):
    """What lies behind the declared sources, by name."""

    def __missing__(self, name: str) -> Any:
        raise UndeclaredReadError(f"a step reads the source {name!r}, and declares only {', '.join(self) or 'none'}.")
