"""One image and one mask -> named numbers: radiomics (PyRadiomics), deep features, and enhancement kinetics."""

from typing import TYPE_CHECKING

from radiogenomics._lazy import lazy

if TYPE_CHECKING:
    from radiogenomics.features._weights import known_weights
    from radiogenomics.features.backbones import BACKBONES, Backbone, deep
    from radiogenomics.features.crops import View, crop
    from radiogenomics.features.enhancement import UCHICAGO, kinetics
    from radiogenomics.features.extraction import PARAMETERS, check_parameters, nonfinite, radiomics, shuffle

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

__getattr__, __dir__ = lazy(__name__, _PLACES)
