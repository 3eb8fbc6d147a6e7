"""Published panels from finished tables: a result table and an Axes in, the Axes out.

A function of this room computes nothing, shows nothing and saves nothing; `save` writes a panel and the numbers behind it.
"""

from typing import TYPE_CHECKING

from radiogenomics._lazy import lazy

if TYPE_CHECKING:
    from radiogenomics.figures._save import mark, save
    from radiogenomics.figures._style import COLUMN_MM, PAGE_MM, Estimate, estimate, module_rgb, style
    from radiogenomics.figures.cohorts import expression_pca, inclusion_flow
    from radiogenomics.figures.genes import kaplan_meier, odds_forest
    from radiogenomics.figures.imaging import lesion_slice, phase_montage, time_intensity
    from radiogenomics.figures.links import link_forest, link_heatmap, link_scatter, module_trait, null_histogram, null_intervals
    from radiogenomics.figures.networks import dendrogram, soft_threshold
    from radiogenomics.figures.pathways import enrichment_dot, pathway_bar, pathway_dot
    from radiogenomics.figures.prediction import auc_forest, roc, score_distribution, signature_correlation
    from radiogenomics.figures.repeatability import icc_by_kind
    from radiogenomics.figures.risk import calibration, decision_curve, nomogram

_PLACES = {
    "COLUMN_MM": "_style",
    "PAGE_MM": "_style",
    "Estimate": "_style",
    "auc_forest": "prediction",
    "calibration": "risk",
    "decision_curve": "risk",
    "dendrogram": "networks",
    "enrichment_dot": "pathways",
    "estimate": "_style",
    "expression_pca": "cohorts",
    "inclusion_flow": "cohorts",
    "kaplan_meier": "genes",
    "icc_by_kind": "repeatability",
    "lesion_slice": "imaging",
    "link_forest": "links",
    "link_heatmap": "links",
    "link_scatter": "links",
    "mark": "_save",
    "module_rgb": "_style",
    "module_trait": "links",
    "nomogram": "risk",
    "null_histogram": "links",
    "null_intervals": "links",
    "odds_forest": "genes",
    "pathway_bar": "pathways",
    "pathway_dot": "pathways",
    "phase_montage": "imaging",
    "roc": "prediction",
    "save": "_save",
    "score_distribution": "prediction",
    "signature_correlation": "prediction",
    "soft_threshold": "networks",
    "style": "_style",
    "time_intensity": "imaging",
}

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
    "icc_by_kind",
    "inclusion_flow",
    "kaplan_meier",
    "lesion_slice",
    "link_forest",
    "link_heatmap",
    "link_scatter",
    "mark",
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
]

__getattr__, __dir__ = lazy(__name__, _PLACES)
