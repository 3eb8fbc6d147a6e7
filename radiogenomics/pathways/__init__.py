"""Pathways: gene sets, scores of every patient, enrichment."""

from typing import TYPE_CHECKING

from radiogenomics._lazy import lazy

if TYPE_CHECKING:
    from radiogenomics.pathways.enrichment import enrich, overlap, preranked, redundancy
    from radiogenomics.pathways.genesets import (
        COLLECTIONS,
        Selection,
        fetch_library,
        measured,
        read_gmt,
        select,
        sized,
        tumour_pathways,
    )
    from radiogenomics.pathways.names import Updated, closest, holds, read_aliases, update_symbols
    from radiogenomics.pathways.scores import PathwayScores, project, score

_PLACES = {
    "COLLECTIONS": "genesets",
    "PathwayScores": "scores",
    "Selection": "genesets",
    "Updated": "names",
    "closest": "names",
    "enrich": "enrichment",
    "fetch_library": "genesets",
    "holds": "names",
    "measured": "genesets",
    "overlap": "enrichment",
    "preranked": "enrichment",
    "project": "scores",
    "read_aliases": "names",
    "read_gmt": "genesets",
    "redundancy": "enrichment",
    "score": "scores",
    "select": "genesets",
    "sized": "genesets",
    "tumour_pathways": "genesets",
    "update_symbols": "names",
}

__all__ = [
    "COLLECTIONS",
    "PathwayScores",
    "Selection",
    "Updated",
    "closest",
    "enrich",
    "fetch_library",
    "holds",
    "measured",
    "overlap",
    "preranked",
    "project",
    "read_aliases",
    "read_gmt",
    "redundancy",
    "score",
    "select",
    "sized",
    "tumour_pathways",
    "update_symbols",
]

__getattr__, __dir__ = lazy(__name__, _PLACES)
