"""One step of a study: a function whose parameters are all that goes in."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

Tables = dict[str, pd.DataFrame]
"""Annotation of a parameter that takes every table of a kind: ``features: Tables`` takes ``features_radiomics``, ... by kind."""

CONTEXT = ("settings", "inputs", "run", "results")
"""Keyword-only parameters that a step may have beside tables; see `Step`."""


@dataclass(frozen=True)
class Step:
    """One step of a study, made by `step`.

    What goes in is read from the function's signature. A positional parameter takes the table of its name; annotated `Tables`,
    every table whose name begins with it; the name of a step that is not stored, its value. One with the default None may be
    absent. Keyword-only parameters are ``settings`` (the declared parts of the manifest), ``inputs`` (the declared sources),
    ``run`` (how the work is spread, of which no result depends) and ``results`` (everything that earlier steps have made).

    Attributes
    ----------
    name : str
        Its name in records and progress.
    function : callable
        Takes the parameters, returns what the step makes: tables by name, or panels and pages.
    makes : dict of str to str
        Its tables, and what each holds in one line; ``features_*`` stands for one a kind. Those that not every study has too.
    settings : tuple of str
        Parts of the manifest that it reads.
    sources : callable
        Manifest -> names of the sources that it reads.
    when : callable
        Manifest -> whether a study has the step.
    stored : bool
        False for a value that is made anew in each process that needs it, and lies in no file.
    """

    name: str
    function: Callable[..., Any]
    makes: Mapping[str, str]
    settings: tuple[str, ...] = ()
    sources: Callable[[Any], Iterable[str]] = field(default=lambda manifest: ())
    when: Callable[[Any], bool] = field(default=lambda manifest: True)
    stored: bool = True

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function itself."""
        return self.function(*arguments, **named)

    @property
    def needs(self) -> dict[str, inspect.Parameter]:
        """The tables and values that go in, by name."""
        return {name: one for name, one in self._parameters.items() if name not in CONTEXT}

    @property
    def asks(self) -> set[str]:
        """The keyword-only parameters, of `CONTEXT`."""
        return set(self._parameters) & set(CONTEXT)

    @property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.function).parameters)


def step(
    *,
    makes: Mapping[str, str] = MappingProxyType({}),
    settings: Iterable[str] = (),
    sources: Callable[[Any], Iterable[str]] = lambda manifest: (),
    when: Callable[[Any], bool] = lambda manifest: True,
    stored: bool = True,
) -> Callable[[Callable[..., Any]], Step]:
    """Make a step of a function; its name is the function's. See `Step` for the parameters."""

    def decorate(function: Callable[..., Any]) -> Step:
        return Step(function.__name__, function, dict(makes), tuple(settings), sources, when, stored)

    return decorate


def is_family(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter takes every table of a kind."""
    return bool(parameter.annotation == Tables)


def is_optional(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter may be absent from a study."""
    return parameter.default is None
