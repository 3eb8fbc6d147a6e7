"""What stands in a report and in which order: sections, their tables and their figures."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from radiogenomics.report._view import View, view
from radiogenomics.report._words import FITTED

Tables = Mapping[str, pd.DataFrame]

_COMPARED = (
    "Tests between signatures on the same patients. The difference is the AUC of the first less that of the second; NRI and IDI "
    "are what the second gains over the first. Standard errors are those of the evaluation, wider than DeLong's where fits share "
    "patients."
)
FIGURES = {
    "inclusion_flow": "Who stayed in the study and who was left out, step by step.",
    "expression_pca": "Patients on the first two principal components of expression. Groups apart can be biology or batch.",
    "lesion_slice": "One slice with the outline of the lesion and its zones.",
    "phase_montage": "The same slice in every phase, on one grey scale.",
    "time_intensity": "Enhancement of each zone over time.",
    "auc_forest": "AUC of every estimate with its 95 % interval. Open diamonds come from patients that the "
    "signature has seen, filled circles from patients that it has not. The dashed line is chance. "
    "The optimism-corrected value is known to stay too high for forests.",
    "roc": "ROC curves of the estimates. A curve on the dashed diagonal is chance.",
    "score_distribution": "Scores of patients without and with the outcome, from fits that had not seen them (nested "
    "cross-validation, external cohorts): quartile boxes, one point a patient.",
    "signature_correlation": "How strongly the signatures agree with one another.",
    "calibration": "Predicted probability, from nested cross-validation, against observed frequency. On the diagonal, "
    "predictions mean what they say.",
    "decision_curve": "Net benefit of the probabilities of nested cross-validation over the range of thresholds, against "
    "treating everybody or nobody.",
    "nomogram": "The combined model as a nomogram: read the points of each term, add them, read the probability.",
    "soft_threshold": "Scale-free fit and mean connectivity over the powers tried; the chosen power is marked.",
    "dendrogram": "Clustering of the genes; the band shows the module of each.",
    "module_trait": "Correlation of module eigengenes with imaging: every signature, and the features with the smallest p. "
    "Stars: q below 0.05 (*), 0.01 (**), 0.001 (***).",
    "volcano": "Effect and significance of every link. Coloured ones survive correction over the family.",
    "link_heatmap": "Correlations of imaging or clinical columns with molecular ones; of groups, the rank-biserial correlation "
    "with all other patients. Stars: q below 0.05 (*), 0.01 (**), 0.001 (***).",
    "link_scatter": "The patients behind a link, one point each; the score is out-of-fold.",
    "null_histogram": "Links that chance alone gives, with patients permuted and with random features, beside the number found.",
    "null_intervals": "Links found in each family beside the central 95 % of what chance alone gives; "
    "the axis is linear to 1, then logarithmic.",
    "pathway_bar": "Correlation of pathways with the signature, with 95 % intervals.",
    "pathway_dot": "Correlation of pathways with imaging: colour is the effect, size the significance.",
    "enrichment_dot": "Gene sets over-represented in modules, against all genes measured: area is the overlap, colour the "
    "significance.",
    "odds_forest": "Odds ratios of the genes in the score with 95 % intervals.",
    "kaplan_meier": "Survival of patients with a gene score above (high) and not above (low) the median of the linked patients, "
    "and how many are still followed.",
}


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes
    ----------
    anchor, title, lead : str
        Its link, its heading and the sentence under it.
    tables : dict of str to callable
        How each table of the study that belongs here is shown.
    figures : tuple of str
        The figures that belong here, by the beginning of their names.
    """

    anchor: str
    title: str
    lead: str
    tables: "dict[str, Show]" = field(default_factory=dict)
    figures: tuple[str, ...] = ()


Show = Callable[[pd.DataFrame], list[View]]


def _plain(name: str, caption: str, *columns: str, most: int = 25) -> Show:
    """Make the way to show a table as it is."""
    return partial(_shown, caption=caption, columns=columns or None, most=most, where=f"tables/{name}.csv")


def _shown(table: pd.DataFrame, **how: Any) -> list[View]:
    return [view(table, **how)]


def _module_sizes(modules: pd.DataFrame) -> list[View]:
    """Reduce the gene table to one row a module with its five best connected genes."""
    genes = modules.rename_axis("gene").reset_index()
    ranked = genes.sort_values("kme", ascending=False, kind="stable", key=abs) if "kme" in genes else genes
    grouped = ranked.groupby(["module", *(["color"] if "color" in genes else [])], sort=True)["gene"]
    sizes = grouped.agg(genes="size", hubs=lambda names: ", ".join(map(str, names.head(5)))).reset_index()
    sizes.loc[sizes["module"].eq(0), "hubs"] = "–"
    caption = (
        "Modules by size with the five genes closest to each eigengene (largest kME); module 0 holds genes that belong to none."
    )
    return [view(sizes.rename(columns={"hubs": "closest genes"}), caption, most=60)]


def _link_views(links: pd.DataFrame) -> list[View]:
    """Show the strongest honest links of every family, and beside them how the fitted ones would have looked."""
    fitted = links["estimate"].isin(FITTED) if "estimate" in links else pd.Series(False, index=links.index)
    columns = ["feature", "target", "effect", "effect_low", "effect_high", "n", "p", "q", "p_permutation", "p_max_t"]
    views = []
    for honest, part in ((True, links[~fitted]), (False, links[fitted])):
        for family, rows in part.groupby("family", sort=False):
            best = rows.sort_values("p", kind="stable")
            found = int(rows["q"].lt(0.05).sum())
            begin = (
                f"{family}: {found:,} of {len(rows):,} with q < 0.05."
                if honest
                else f"{family}, with the fitted signature (leaks, for comparison only)."
            )
            views.append(
                view(best, begin, columns=columns, most=min(12, max(found, 8)) if honest else 5, where="tables/links.csv")
            )
    return views


LINK = ("feature", "target", "measure", "effect", "effect_low", "effect_high", "n", "p", "q", "p_permutation", "p_max_t")


def _by_family(links: pd.DataFrame, where: str, note: Callable[[pd.DataFrame], str], most: int) -> list[View]:
    """Show the strongest links of every family, and how many have q below 0.05."""
    views = []
    for family, rows in links.groupby("family", sort=False):
        begin = f"{family}{note(rows)}: {int(rows['q'].lt(0.05).sum()):,} of {len(rows):,} with q < 0.05."
        views.append(view(rows.sort_values("p", kind="stable"), begin, columns=LINK, most=most, where=where))
    return views


def _adjusted_views(links: pd.DataFrame) -> list[View]:
    """Show the links of the out-of-fold signature, adjusted for confounders, and between high and low scores."""

    def note(rows: pd.DataFrame) -> str:
        names = str(rows["adjusted_for"].iloc[0])
        split = ", split at the training median, Mann-Whitney with the rank-biserial correlation"
        return f" for {names}" if names else split

    return _by_family(links, "tables/adjusted_links.csv", note, 5)


def _clinical_views(links: pd.DataFrame) -> list[View]:
    """Show how modules and pathways go with what else is known of the patients."""
    return _by_family(links, "tables/clinical_links.csv", lambda rows: "", 6)


def _baseline(table: pd.DataFrame) -> list[View]:
    """Show Table 1: the linked patients by outcome."""
    caption = "Characteristics of the linked patients by outcome: median [quartiles] or n (%); missing values are counted."
    return [view(table, caption, most=80, where="tables/baseline.csv")]


def _enriched(table: pd.DataFrame) -> list[View]:
    """Show the gene sets that are most over-represented in modules; genes shared stand in the file."""
    found = int(table["q"].lt(0.05).sum()) if "q" in table else 0
    caption = (
        f"Gene sets over-represented in modules, hypergeometric against all genes measured: {found:,} of {len(table):,} tests "
        "with q < 0.05."
    )
    columns = ["list", "pathway", "overlap", "list_size", "pathway_size", "fold", "p", "q"]
    return [view(table.sort_values("p", kind="stable"), caption, columns=columns, most=20, where="tables/enrichment.csv")]


def _sentence(name: Hashable) -> str:
    return str(name)[:1].upper() + str(name)[1:]


def _pathway_size(pathways: pd.DataFrame) -> list[View]:
    names = ", ".join(map(str, pathways.columns[:5]))
    facts = pd.DataFrame({"patients scored": [len(pathways)], "pathways": [pathways.shape[1]], "the first": [names]})
    return [view(facts, "Pathway scores; all values stand in tables/pathways.csv.")]


NULLS = ("family", "null", "tested", "found", "mean", "low", "high", "p", "n_repeats")
SURVIVAL = ("endpoint", "test", "term", "n", "events", "hazard_ratio", "low", "high", "p")
EVALUATION = ("cohort", "signature", "estimate", "auc", "auc_low", "auc_high", "n", "events", "p")
AT_THRESHOLD = ("cohort", "signature", "estimate", "threshold", "sensitivity", "specificity", "ppv", "npv", "accuracy")


def _evaluations(name: str) -> Show:
    """Make the way to show an evaluation: AUCs first, then what they mean at the threshold."""
    return partial(_evaluated, where=f"tables/{name}.csv")


def _evaluated(table: pd.DataFrame, *, where: str) -> list[View]:
    views = [
        view(table, "AUC of every estimate, flattering and honest ones side by side.", columns=EVALUATION, most=60, where=where)
    ]
    if {"threshold", "sensitivity"} <= set(table.columns):
        wide = [column for name in AT_THRESHOLD for column in (name, f"{name}_low", f"{name}_high")]
        caption = (
            "Performance at a threshold chosen on the training scores: in the training rows on the very scores shown, "
            "in external rows applied unchanged."
        )
        views.append(view(table[table["threshold"].notna()], caption, columns=wide, most=60, where=where))
    return views


def _stability(table: pd.DataFrame) -> list[View]:
    """Show the features that the folds kept most often."""
    features = table[table["kind"].eq("feature")] if "kind" in table else table
    best = features.sort_values("share", ascending=False, kind="stable") if "share" in features else features
    return [view(best, "How often the folds kept each feature.", most=20, where="tables/stability.csv")] if len(best) else []


SECTIONS = (
    Section(
        "cohort", "Patients", "Who is in the study, who was left out, and why.",
        {
            "inclusion": _plain("inclusion", "Patients left after each step.", "cohort", "step", "n", "excluded", "reason"),
            "expression_facts": _plain("expression_facts", "Expression: what was kept and changed."),
            "expression_dropped": _plain("expression_dropped", "Genes left out.", most=10),
            "baseline": _baseline,
        },
        ("inclusion_flow", "expression_pca"),
    ),
    Section(
        "images", "Images and lesions", "Series, masks and features, as they were read and measured.",
        {
            "series": _plain("series", "Series read."),
            "lesions": _plain("lesions", "Lesions measured."),
            "agreement": _plain("agreement", "Agreement of features between two readers."),
        },
        ("phase_montage", "lesion_slice", "time_intensity"),
    ),
    Section(
        "prediction", "Prediction",
        "Each signature is judged twice: as published (on patients it has seen) and honestly (on patients it has not seen).",
        {
            "evaluation": _evaluations("evaluation"),
            "comparisons": _plain("comparisons", _COMPARED),
            "reclassification": _plain("reclassification", "Reclassification between signatures on the same patients."),
            "calibration_summary": _plain("calibration_summary", "Calibration."),
            "stability": _stability,
            "nomogram": _plain("nomogram", "Points of the nomogram.", most=40),
        },
        ("auc_forest", "roc", "score_distribution", "signature_correlation", "calibration", "decision_curve", "nomogram"),
    ),
    Section(
        "modules", "Co-expression modules",
        "Genes that rise and fall together, found without looking at imaging or outcome; an eigengene (ME) sums up each module.",
        {
            "modules": _module_sizes,
            "preservation": _plain("preservation", "Preservation of the modules in other patients.", most=60),
        },
        ("soft_threshold", "dendrogram", "module_trait"),
    ),
    Section(
        "links", "Links between imaging and genes",
        "Correlations over patients. Scores of a signature are out-of-fold; q is corrected over the family named.",
        {
            "link_null": _plain("link_null", "Links found, and links that chance alone gives.", *NULLS, most=60),
            "links": _link_views,
            "adjusted_null": _plain("adjusted_null", "Adjusted links found, and what chance alone gives.", *NULLS, most=60),
            "adjusted_links": _adjusted_views,
            "clinical_links": _clinical_views,
        },
        ("volcano", "null_intervals", "null_histogram", "link_heatmap", "link_scatter"),
    ),
    Section(
        "pathways", "Pathways", "Activity of gene sets in each patient.",
        {"pathways": _pathway_size, "enrichment": _enriched},
        ("pathway_bar", "enrichment_dot", "pathway_dot"),
    ),
    Section(
        "gene-score", "Gene score", "A score from hub genes of the modules that go with the imaging signature.",
        {
            "gene_score": _plain("gene_score", "Genes of the score."),
            "gene_score_evaluation": _evaluations("gene_score_evaluation"),
            "gene_score_odds": _plain("gene_score_odds", "Odds ratio of the score."),
            "survival_tests": _plain("survival_tests", "Survival by the gene score.", *SURVIVAL, most=60),
        },
        ("odds_forest", "kaplan_meier"),
    ),
    Section(
        "planted", "Planted and found", "What the simulation planted, and what the study found of it.",
        {"planted": _plain("planted", "Planted facts.", most=100)},
    ),
    Section(
        "failures", "Failures", "Patients that a step could not handle. They stopped nobody else.",
        {"failures": _plain("failures", "Patients left out.", "patient", "cohort", "step", "reason", most=100)},
    ),
)  # fmt: skip


def figures_of(section: Section, names: Iterable[str]) -> list[str]:
    """Pick the figures of a section, in its order: ``roc`` takes ``roc`` and ``roc_external``."""
    known = list(names)
    return [name for kind in section.figures for name in known if kind_of(name) == kind]


def caption_of(name: str) -> str:
    """Say what a figure shows; what its name adds to the panel's comes first."""
    kind = kind_of(name)
    special = name.removeprefix(kind).strip("_").replace("_", " ")
    text = FIGURES.get(kind, f"{_sentence(name.replace('_', ' '))}.")
    return f"{text[:-1]} ({special})." if special else text


def kind_of(name: str) -> str:
    """Name the kind of panel that a figure is, by the longest beginning of its name; its own name when unknown."""
    kinds = [kind for kind in FIGURES if name == kind or name.startswith(f"{kind}_")]
    return max(kinds, key=len, default=name)
