"""One image and one mask -> named numbers."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from radiogenomics.features.extraction import PARAMETERS, nonfinite, radiomics, shuffle

_PLACES = {
    "PARAMETERS": "extraction",
    "nonfinite": "extraction",
    "radiomics": "extraction",
    "shuffle": "extraction",
}

__all__ = ["PARAMETERS", "nonfinite", "radiomics", "shuffle"]


def __getattr__(name: str) -> Any:
    """Load a name from its file when it is first asked for, so that a command loads only what it uses."""
    if name not in _PLACES:
        raise AttributeError(f"radiogenomics.features has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
