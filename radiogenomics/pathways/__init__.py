"""Pathways: gene sets, scores of every patient, enrichment."""

from radiogenomics.pathways.genesets import closest, measured, read_gmt
from radiogenomics.pathways.scores import PathwayScores, project, score

__all__ = ["PathwayScores", "closest", "measured", "project", "read_gmt", "score"]
