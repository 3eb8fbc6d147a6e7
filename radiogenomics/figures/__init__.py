"""Published panels from finished tables: a result table and an Axes in, the Axes out.

A function of this room computes nothing, shows nothing and saves nothing; `save` writes a panel and the numbers behind it.
"""

from radiogenomics.figures._save import save
from radiogenomics.figures._style import COLUMN_MM, PAGE_MM, Estimate, estimate, module_rgb, style
from radiogenomics.figures.cohorts import expression_pca, inclusion_flow
from radiogenomics.figures.genes import kaplan_meier, odds_forest
from radiogenomics.figures.imaging import lesion_slice, phase_montage, time_intensity
from radiogenomics.figures.links import link_heatmap, module_trait, null_histogram, null_intervals, volcano
from radiogenomics.figures.networks import dendrogram, soft_threshold
from radiogenomics.figures.pathways import enrichment_dot, pathway_bar, pathway_dot
from radiogenomics.figures.prediction import auc_forest, roc, score_distribution, signature_correlation
from radiogenomics.figures.risk import calibration, decision_curve, nomogram

__all__ = [
    "COLUMN_MM",
    "PAGE_MM",
    "Estimate",
    "auc_forest",
    "calibration",
    "decision_curve",
    "dendrogram",
    "enrichment_dot",
    "estimate",
    "expression_pca",
    "inclusion_flow",
    "kaplan_meier",
    "lesion_slice",
    "link_heatmap",
    "module_rgb",
    "module_trait",
    "nomogram",
    "null_histogram",
    "null_intervals",
    "odds_forest",
    "pathway_bar",
    "pathway_dot",
    "phase_montage",
    "roc",
    "save",
    "score_distribution",
    "signature_correlation",
    "soft_threshold",
    "style",
    "time_intensity",
    "volcano",
]
