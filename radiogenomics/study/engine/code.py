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
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            imported |= dict.fromkeys(_files(name))
    return tuple(imported)


def _files(name: str) -> Iterator[Path]:
    """Find the files of a dotted name: a file of the study, or every file of another room."""
    first, *parts = name.split(".")
    if first != _PACKAGE.name or not parts:
        return
    if parts[0] == _BY_FILE:
        place = _PACKAGE
        for part in parts:
            place /= part
            yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())
    elif (_PACKAGE / parts[0]).is_dir():
        inside = (_PACKAGE / parts[0]).rglob("*")
        yield from (path for path in inside if path.is_file() and "__pycache__" not in path.parts)
    elif (path := _PACKAGE / f"{parts[0]}.py").is_file():
        yield path
