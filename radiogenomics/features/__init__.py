"""One image and one mask -> named numbers: radiomics (PyRadiomics), deep features, and enhancement kinetics."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from radiogenomics.features._weights import known_weights
    from radiogenomics.features.backbones import BACKBONES, Backbone, deep
    from radiogenomics.features.crops import View, crop
    from radiogenomics.features.enhancement import UCHICAGO, kinetics
    from radiogenomics.features.extraction import PARAMETERS, check_parameters, nonfinite, radiomics, shuffle

# No file bears the name of a function: importing the file would put it in the function's place.
_PLACES = {
    "BACKBONES": "backbones",
    "Backbone": "backbones",
    "deep": "backbones",
    "known_weights": "_weights",
    "View": "crops",
    "crop": "crops",
    "UCHICAGO": "enhancement",
    "kinetics": "enhancement",
    "PARAMETERS": "extraction",
    "check_parameters": "extraction",
    "nonfinite": "extraction",
    "radiomics": "extraction",
    "shuffle": "extraction",
}

__all__ = [
    "BACKBONES",
    "PARAMETERS",
    "UCHICAGO",
    "Backbone",
    "View",
    "check_parameters",
    "crop",
    "deep",
    "kinetics",
    "known_weights",
    "nonfinite",
    "radiomics",
    "shuffle",
]


def __getattr__(name: str) -> Any:
    """Load a name from its file when it is first asked for, so that a command loads only what it uses."""
    if name not in _PLACES:
        raise AttributeError(f"radiogenomics.features has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
