"""Radiogenomics: imaging signatures, co-expression modules and pathways, linked with a null and judged honestly.

The rooms of the package are offered lazily: ``import radiogenomics as rg; rg.modules.find_modules(...)`` loads only
what is used. ``rg.Study.run`` and ``rg.Study.open`` give a study, ``rg.query(folder, "MAPK signaling")`` asks a finished one.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = (
    "archives",
    "cohort",
    "expression",
    "features",
    "figures",
    "genescore",
    "images",
    "lesions",
    "linking",
    "modules",
    "pathways",
    "report",
    "signatures",
    "simulate",
    "stats",
    "study",
    "validation",
)

_NAMES = {
    "InputError": "_errors",
    "RadiogenomicsError": "_errors",
    "Study": "study.api",
    "query": "study.query.search",
}

__all__ = ["InputError", "RadiogenomicsError", "Study", "__version__", "query", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"radiogenomics has no room {name!r}; its rooms are {', '.join(_ROOMS)}.")


def __dir__() -> list[str]:
    return sorted(__all__)
