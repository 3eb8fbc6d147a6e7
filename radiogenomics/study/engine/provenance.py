"""What went into a study and how: versions, inputs with hash and licence, settings, seeds, and the cost of each step."""

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from typing import Any

from radiogenomics import __version__
from radiogenomics.study.engine.results import Results


def provenance(results: Results, *, manifest: Mapping[str, Any], name: str, origins: Mapping[str, Any]) -> dict[str, Any]:
    """Gather the provenance of a study so far -> what ``provenance.json`` holds.

    Parameters
    ----------
    results : Results
        Finished steps.
    manifest : mapping
        What the manifest says, as JSON.
    name : str
        The manifest's file name.
    origins : mapping
        SHA-256, place, licence and citation of every source.

    Returns
    -------
    dict
        ``radiogenomics, python, platform, packages, manifest, seed, settings, inputs, steps``; every finished step with seconds
        and peak memory in MB.
    """
    return {
        "radiogenomics": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _packages(),
        "manifest": name,
        "seed": manifest["seed"],
        "settings": {key: value for key, value in manifest.items() if key != "sources"},
        "inputs": dict(origins),
        "steps": {name: {key: record[key] for key in ("seconds", "peak_mb")} for name, record in results.records().items()},
    }


@cache
def _packages() -> dict[str, str]:
    """Give the version of every installed package; to ask for them takes as long as a small step, and they stay the same."""
    return dict(sorted((item.metadata["Name"], item.version) for item in distributions()))
