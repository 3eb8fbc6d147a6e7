"""One table per kind of thing that people add: its members by name, loaded when they are asked for.

A member is an object, or the place of one, ``"package.module:attribute"``. Three sorts stand in one table: the package's own,
what `Registry.register` added in this process, and what installed packages offer under the entry-point group
``radiogenomics.<kind>``.
"""

import hashlib
import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from radiogenomics._errors import InputError, RadiogenomicsError
from radiogenomics._names import did_you_mean

logger = logging.getLogger(__name__)

Member = TypeVar("Member")
_OURS = __name__.partition(".")[0]
_NOBODYS = {"builtins", "functools", "typing"}  # where wrappers come from, and no member


class Registry(Mapping[str, Member], Generic[Member]):
    """The members of one kind by name, in the table's order; those from outside come last.

    Parameters
    ----------
    kind : str
        What they are, in the plural: ``pathway_methods``. Packages offer theirs as entry points of ``radiogenomics.<kind>``.
    place : str
        Where the table itself lies, ``"package.module:NAME"``; another process finds it there.
    members : mapping of str to str
        The package's own members: the place of each by its name.
    needs : tuple of str
        Attributes that every member must have.
    """

    def __init__(self, kind: str, place: str, members: Mapping[str, str], *, needs: tuple[str, ...] = ()) -> None:
        self.kind, self.place, self.needs = kind, place, needs
        self._members: dict[str, Any] = dict(members)
        self._own = frozenset(members)
        self._registered: set[str] = set()
        self._hashes: dict[str, str] = {}
        self._complete = False

    @property
    def what(self) -> str:
        """What one member is called: ``pathway method``."""
        return self.kind.replace("_", " ").removesuffix("s")

    def names(self) -> list[str]:
        """Name every member; none is loaded."""
        self._read_entry_points()
        return list(self._members)

    def outside(self) -> list[str]:
        """Name the members that are not the package's own."""
        return [name for name in self.names() if name not in self._own]

    def register(self, name: str, member: Member | str) -> None:
        """Add a member to the table of this process.

        Parameters
        ----------
        name : str
            Its name in manifests, options and messages.
        member : object or str
            The member, or its place, ``"package.module:attribute"``, loaded when it is first used.

        Raises
        ------
        InputError
            If the name is taken or empty, or the member lacks what every member of the kind must have.
        """
        if not isinstance(name, str) or not name:
            raise InputError(f"A {self.what} is registered under {name!r}; give its name, a text that is not empty.")
        if name in self.names():
            remedy = "choose another name" + (f", or call unregister({name!r}) first" if name in self._registered else "")
            raise InputError(f"There is a {self.what} {name!r} already ({_described(self._members[name])}); {remedy}.")
        self._members[name] = member if isinstance(member, str) else self._checked(name, member)
        self._registered.add(name)
        self._hashes[name] = hash_of(self.foreign_files([name]))

    def unregister(self, name: str) -> None:
        """Take a member out that `register` added in this process.

        Raises
        ------
        InputError
            If `register` has not added it.
        """
        if name not in self._registered:
            raise InputError(f"The {self.what} {name!r} was not added by `register` in this process; it stays.")
        self._registered.discard(name)
        del self._members[name], self._hashes[name]

    def code(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Hash the source files of members from outside the package -> 64 hexadecimal digits by name.

        Parameters
        ----------
        names : iterable of str, optional
            Of these members only; of all when left out. Names of the package's own members count for nothing.

        Returns
        -------
        dict of str to str
            As the files were when the member was registered or loaded: what has been edited since does not run yet.
        """
        asked = self.outside() if names is None else [name for name in self.outside() if name in set(names)]
        return {name: self._hashes.get(name) or hash_of(self.foreign_files([name])) for name in asked}

    def foreign_files(self, names: Iterable[str] | None = None) -> list[Path]:
        """List the source files of members from outside the package; `code` hashes them for a study's keys.

        Parameters
        ----------
        names : iterable of str, optional
            Of these members only; of all when left out. Names of the package's own members count for nothing.

        Returns
        -------
        list of Path
            Sorted: the file of each member's module, and where that lies in a package every Python file of the package. No
            member is loaded for it. A member without a file, typed into a notebook, is named in a warning.
        """
        asked = self.outside() if names is None else [name for name in self.outside() if name in set(names)]
        files_found: set[Path] = set()
        for name in asked:
            files = {file for module in _modules(self._members[name]) for file in source_files(module)}
            if not files:
                remedy = "a change of it is not noticed: put it into a file, or use a new folder for the study"
                logger.warning("The %s %r has no source file, so that %s.", self.what, name, remedy)
            files_found |= files
        return sorted(files_found)

    def __getitem__(self, name: str) -> Member:
        if name not in self:
            known = ", ".join(map(repr, self._members))
            raise InputError(
                f"There is no {self.what} {name!r}; it must be one of {known}{did_you_mean(str(name), self._members)}."
            )
        member = self._members[name]
        if isinstance(member, str | EntryPoint):
            if name not in self._own:
                self._hashes[name] = hash_of(self.foreign_files([name]))
            member = self._members[name] = self._checked(name, self._loaded(name, member))
        loaded: Member = member
        return loaded

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def get(self, name: str, default: Any = None) -> Any:
        """Give a member, or the default where the table has none of this name."""
        return self[name] if name in self else default  # noqa: SIM401 - this is `get`

    def __repr__(self) -> str:
        return f"Registry({self.kind}: {', '.join(self._members)})"

    def __reduce__(self) -> tuple[Callable[..., "Registry[Member]"], tuple[str, dict[str, Any]]]:
        """Travel as the table's place and what was registered here: the other process has the rest."""
        return _arrive, (self.place, {name: self._members[name] for name in self._members if name in self._registered})

    def _read_entry_points(self) -> None:
        """Add what installed packages offer, once, when the table is first used."""
        if self._complete:
            return
        members = dict(self._members)
        for point in sorted(entry_points(group=f"{_OURS}.{self.kind}"), key=lambda point: (point.name, point.value)):
            taken = members.get(point.name)
            if taken is not None and not (isinstance(taken, EntryPoint) and taken == point):
                raise InputError(
                    f"The {self.what} {point.name!r} of {_described(point)} has a name that is taken "
                    f"({_described(taken)}); remove that package, or ask its authors for another name."
                )
            members[point.name] = point
        self._members, self._complete = members, True

    def _loaded(self, name: str, place: str | EntryPoint) -> Any:
        if name in self._own:
            return load(str(place))
        with ForeignCode(
            f"The {self.what} {name!r} of {_described(place)} cannot be loaded", "correct, reinstall or remove its package"
        ):
            return place.load() if isinstance(place, EntryPoint) else load(place)

    def _checked(self, name: str, member: Any) -> Any:
        lacking = [f"`{need}`" for need in self.needs if not hasattr(member, need)]
        if lacking:
            raise InputError(
                f"The {self.what} {name!r} ({_described(member)}) lacks {', '.join(lacking)}; the page docs/extending.md says "
                f"what a {self.what} must have."
            )
        return member


@dataclass(frozen=True, eq=False)
class Carrying:
    """A function of one task that brings what was registered here along when it goes to another process.

    Attributes
    ----------
    tables : tuple of Registry
        Unpickled first, and with that complete in the other process, before anything in the function needs them.
    function : callable
        What is called with the task.
    """

    tables: tuple[Registry[Any], ...]
    function: Callable[[Any], Any]

    def __call__(self, task: Any) -> Any:
        return self.function(task)


class ForeignCode:
    """A block that runs code from outside the package: whatever goes wrong in it is the user's to mend, and one InputError.

    Parameters
    ----------
    what : str
        What could not be done; stands first in the message.
    remedy : str
        What to do; stands last.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self._what, self._remedy = what, remedy

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Turn an error, or a call of `sys.exit`, into InputError; an interrupt, no memory and our own errors stay."""
        if isinstance(error, Exception | SystemExit) and not isinstance(error, RadiogenomicsError | MemoryError):
            kind_too = not isinstance(error, ImportError | AttributeError) or not str(error)
            said = ": ".join([type(error).__name__] * kind_too + [str(error)] * bool(str(error)))
            raise InputError(f"{self._what} ({said}); {self._remedy}.") from error


def load(place: str) -> Any:
    """Import what lies at ``"package.module:attribute"``."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def hash_of(files: Iterable[Path]) -> str:
    """Hash names and bytes of files, in the order of their paths -> 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _arrive(place: str, members: Mapping[str, Any]) -> Registry[Any]:
    """Find the table in this process, and register what came along."""
    table: Registry[Any] = load(place)
    for name, member in members.items():
        if name not in table:
            table.register(name, member)
    return table


def _described(member: Any) -> str:
    """Say where a member comes from."""
    if isinstance(member, EntryPoint):
        return f"{member.value} of the package {member.dist.name}" if member.dist else member.value
    if isinstance(member, str):
        return member
    return (
        f"{getattr(member, '__module__', type(member).__module__)}.{getattr(member, '__qualname__', type(member).__qualname__)}"
    )


def _modules(member: Any) -> set[str]:
    """Name the modules outside this package that a member was written in: its own, its class's, and its functions'."""
    if isinstance(member, EntryPoint):
        return {member.module}
    if isinstance(member, str):
        return {member.partition(":")[0]}
    parts = [member, type(member), *(part for part in getattr(member, "__dict__", {}).values() if callable(part))]
    parts += [part.func for part in parts if hasattr(part, "func")]
    names = {str(getattr(part, "__module__", None) or "builtins") for part in parts}
    return {name for name in names if name.partition(".")[0] not in {_OURS, *_NOBODYS}}


def source_files(module: str) -> set[Path]:
    """List the files of a module: its own, or every Python file of the package it lies in; none where it was typed in."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # __main__ typed in, or run as a script, has no specification
        spec = None
    if spec is not None and spec.submodule_search_locations:
        return {file for folder in spec.submodule_search_locations for file in Path(folder).rglob("*.py")}
    origin = spec.origin if spec is not None else getattr(sys.modules.get(top), "__file__", None)
    return {Path(origin)} if origin and Path(origin).is_file() else set()
