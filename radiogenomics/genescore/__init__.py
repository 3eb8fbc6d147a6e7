"""The gene score: hub genes of linked modules, their intersection, a logistic score, its odds ratio and its survival."""

from radiogenomics.genescore.odds import SUSPICIOUS, odds_ratio
from radiogenomics.genescore.regression import GeneScore
from radiogenomics.genescore.selection import HUB_COLUMNS, HubGenes, hub_genes, intersect
from radiogenomics.genescore.separation import SeparationWarning, separation
from radiogenomics.genescore.survival import ScoreSurvival, survival

__all__ = [
    "HUB_COLUMNS",
    "SUSPICIOUS",
    "GeneScore",
    "HubGenes",
    "ScoreSurvival",
    "SeparationWarning",
    "hub_genes",
    "intersect",
    "odds_ratio",
    "separation",
    "survival",
]
