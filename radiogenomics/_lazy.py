"""A room's names, each loaded from its file when it is first asked for, so that a command loads only what it uses."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package that offers the names of its files.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    places : mapping of str to str
        Name -> the file, without suffix, that holds it. No file bears the name of a function that it holds: importing the file
        would put it in the function's place.

    Returns
    -------
    tuple of two callables
        ``__getattr__, __dir__``. An unknown name raises AttributeError, which says the nearest name and all others.
    """

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"{package} has no {name!r}{_nearest(name, places)}; it has {', '.join(sorted(places))}.")
        return getattr(importlib.import_module(f"{package}.{places[name]}"), name)

    return get, lambda: sorted(places)


def _nearest(name: str, known: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
