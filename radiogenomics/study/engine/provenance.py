"""What went into a study and how: versions, inputs with hash and licence, settings, seeds, and the cost of each step."""

import platform
from functools import cache
from importlib.metadata import distributions
from typing import Any

from radiogenomics import __version__
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Store


def provenance(store: Store, plan: Plan) -> dict[str, Any]:
    """Gather the provenance of a study so far -> what ``provenance.json`` holds.

    Parameters
    ----------
    store : Store
        Finished steps.
    plan : Plan
        Inputs and settings.

    Returns
    -------
    dict
        ``radiogenomics, python, platform, packages, manifest, seed, settings, inputs, steps``; every input with SHA-256,
        licence and citation, every finished step with seconds and peak memory in MB.
    """
    inputs = plan.inputs
    sources = {
        name: {
            "sha256": inputs.hashes[name],
            **source.model_dump(include={"file", "url", "licence", "citation"}, exclude_none=True),
        }
        for name, source in inputs.manifest.sources.items()
    }
    return {
        "radiogenomics": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _packages(),
        "manifest": inputs.path.name,
        "seed": inputs.manifest.seed,
        "settings": inputs.manifest.model_dump(exclude={"sources"}, exclude_none=True, mode="json"),
        "inputs": sources,
        "steps": {name: {key: record[key] for key in ("seconds", "peak_mb")} for name, record in store.records().items()},
    }


@cache
def _packages() -> dict[str, str]:
    """Give the version of every installed package; to ask for them takes as long as a small step, and they stay the same."""
    return dict(sorted((item.metadata["Name"], item.version) for item in distributions()))
