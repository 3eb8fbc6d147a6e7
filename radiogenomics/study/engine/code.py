"""The code that makes a result, as a hash: of every file of the package that a function's module reaches by its imports."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from inspect import unwrap
from pathlib import Path
from typing import Any

import radiogenomics

_PACKAGE = Path(radiogenomics.__file__).parent
_BY_FILE = "study"
"""The room whose files count one by one. Any other room counts as a whole: most load their names lazily."""

_LIBRARIES = (
    "gseapy", "imbalanced-learn", "lifelines", "numba", "numpy", "pandas", "pydicom", "pyradiomics", "PyWGCNA", "scanpy",
    "scikit-learn", "scipy", "SimpleITK", "statsmodels", "timm", "torch", "torchvision",
)  # fmt: skip
"""Libraries whose version can change a number."""


@cache
def libraries() -> dict[str, str]:
    """Give the installed version of every library that can change a number."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # an optional one
            versions[name] = ""
    return versions


def code_of(function: Callable[..., Any]) -> str:
    """Hash the files that a function's module reaches -> 64 hexadecimal digits."""
    return _hash(_reached(Path(unwrap(function).__code__.co_filename)))


@cache
def _hash(files: frozenset[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def _reached(start: Path) -> frozenset[Path]:
    reached: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += _imported(path) if path.suffix == ".py" else ()
    return frozenset(reached)


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """List the package's files that one file imports, at its top or inside a function."""
    imported: dict[Path, None] = {}
    for node in _statements(ast.parse(path.read_bytes())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            imported |= dict.fromkeys(_files(name))
    return tuple(imported)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through the statements below a node, where imports stand, and not into their expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


@cache
def _files(name: str) -> tuple[Path, ...]:
    """Find the files of a dotted name: a file of the study, or every file of another room."""
    first, *parts = name.split(".")
    if first != _PACKAGE.name or not parts:
        return ()
    if parts[0] == _BY_FILE:
        places = [_PACKAGE.joinpath(*parts[: end + 1]) for end in range(len(parts))]
        return tuple(path for at in places for path in (at.with_suffix(".py"), at / "__init__.py") if path.is_file())
    return _room(parts[0])


@cache
def _room(name: str) -> tuple[Path, ...]:
    """List every file of a room, or the one file that it is."""
    if (folder := _PACKAGE / name).is_dir():
        return tuple(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return (path,) if (path := _PACKAGE / f"{name}.py").is_file() else ()
