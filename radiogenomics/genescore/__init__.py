"""The gene score: hub genes of linked modules, their intersection, a logistic score and its odds ratio."""

from radiogenomics.genescore.odds import odds_ratio
from radiogenomics.genescore.regression import GeneScore
from radiogenomics.genescore.selection import HubGenes, hub_genes, intersect
from radiogenomics.genescore.separation import SeparationWarning, separation

__all__ = ["GeneScore", "HubGenes", "SeparationWarning", "hub_genes", "intersect", "odds_ratio", "separation"]
