"""Pathways: gene sets, scores of every patient, enrichment."""

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
