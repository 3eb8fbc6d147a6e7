"""Weighted co-expression modules: numbers equal to R's WGCNA, at several times the speed.

Ours, because PyWGCNA's modules agree with R's only to an adjusted Rand index of 0.64 on 11,687 genes; it stays an `engine`.
"""

from radiogenomics.modules.colors import color_names
from radiogenomics.modules.cut import cut_tree_hybrid
from radiogenomics.modules.eigengenes import Eigengenes, eigengenes, membership
from radiogenomics.modules.find import Modules, find_modules
from radiogenomics.modules.hubs import hub_genes, intramodular_connectivity
from radiogenomics.modules.inputs import check_enough_patients
from radiogenomics.modules.linkage import Tree, tree_table, trees_from_table
from radiogenomics.modules.network import adjacency, topological_overlap
from radiogenomics.modules.preservation import preservation
from radiogenomics.modules.project import project
from radiogenomics.modules.refine import merge_close_modules
from radiogenomics.modules.soft_threshold import DEFAULT_POWER, SoftThreshold, pick_soft_threshold

__all__ = [
    "DEFAULT_POWER",
    "Eigengenes",
    "Modules",
    "SoftThreshold",
    "Tree",
    "adjacency",
    "check_enough_patients",
    "color_names",
    "cut_tree_hybrid",
    "eigengenes",
    "find_modules",
    "hub_genes",
    "intramodular_connectivity",
    "membership",
    "merge_close_modules",
    "pick_soft_threshold",
    "preservation",
    "project",
    "topological_overlap",
    "tree_table",
    "trees_from_table",
]
