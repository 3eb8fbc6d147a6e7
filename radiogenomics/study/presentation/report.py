"""The report: finished tables and figures on one page."""

from collections.abc import Iterator

from radiogenomics import report as room
from radiogenomics.study.engine.provenance import provenance
from radiogenomics.study.engine.results import Page, Results
from radiogenomics.study.engine.step import step
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.presentation.images import extraction, segmentation


@step(settings=tuple(Manifest.model_fields), sources=lambda manifest: list(manifest.sources))
def report(*, settings: Manifest, inputs: Inputs, results: Results) -> Iterator[Page]:
    """Write the report from everything that the steps before have made."""
    tables = {name: results.table(name) for name in results.tables()}
    tables["patients"] = tables["patients"].query("included")
    facts = provenance(results, manifest=settings.without_sources(), name=inputs.path.name, origins=inputs.origins())
    if settings.training.images:
        tables["segmentation"] = segmentation(settings, inputs)
        facts["extraction"] = extraction(settings)
    figures = [room.Figure(**vars(panel)) for panel in results.panels()]
    yield Page("report.html", room.render(_facts(settings), tables, figures, facts))


def _facts(settings: Manifest) -> room.Facts:
    return {
        "name": settings.name,
        "title": settings.title,
        "simulated": settings.simulated,
        "outcome": settings.outcome.name,
        "positive": settings.outcome.labels[1],
        "settings": settings.without_sources(),
    }
