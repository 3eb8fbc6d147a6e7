"""Steps that draw: each yields panels, which are marked where data are simulated or a network is random."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from radiogenomics import figures
from radiogenomics._names import slug
from radiogenomics.study.engine.results import Panel
from radiogenomics.study.engine.step import Step
from radiogenomics.study.manifest.model import Manifest

Panels = Iterator[Panel]

_RANDOM = "random_weights"
"""How a network with random weights, and every feature of it, is named."""


def drawing(
    *, section: str, settings: tuple[str, ...] = (), when: Callable[[Any], bool] = lambda manifest: True, **options: Any
) -> Callable[[Callable[..., Panels]], Step]:
    """Make a step of a function that yields panels; it must take ``settings``.

    Parameters
    ----------
    section : str
        The section of the report, by its anchor, that a panel belongs to which names none itself.
    settings, when, **options
        See `engine.step.Step`.
    """

    def decorate(function: Callable[..., Panels]) -> Step:
        @functools.wraps(function)
        def draw(*, settings: Manifest, **given: Any) -> Panels:
            for panel in function(settings=settings, **given):
                axes = figures.mark(panel.axes, "; ".join(_notes(settings, panel.data)))
                yield replace(panel, axes=axes, section=panel.section or section)

        makes: Mapping[str, str] = {}
        return Step(f"figures_{function.__name__}", draw, makes, ("simulated", *settings), when=when, **options)

    return decorate


def _notes(settings: Manifest, data: pd.DataFrame) -> list[str]:
    return ["simulated data"] * settings.simulated + ["a network has random weights"] * _names_random(data)


def _names_random(data: pd.DataFrame) -> bool:
    """Tell whether the table behind a panel names a network with random weights."""
    columns = [
        *map(str, data.columns),
        *(word for name in data.select_dtypes(["object", "string"]) for word in data[name].unique()),
    ]
    return any(_RANDOM in slug(word) for word in columns)
