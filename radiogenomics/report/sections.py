"""What stands in a report and in which order: sections, their tables and their figures."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from radiogenomics.figures import formatting
from radiogenomics.report import _estimates
from radiogenomics.report._view import ReportData, cell, view
from radiogenomics.report._words import FITTED
from radiogenomics.report.captions import UNIVARIATE, family_name
from radiogenomics.report.figure import Figure

Tables = Mapping[str, pd.DataFrame]


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
        The kinds of figures that are known to belong here, in their order; any other kind that names this section follows.
    """

    anchor: str
    title: str
    lead: str
    tables: "dict[str, Show]" = field(default_factory=dict)
    figures: tuple[str, ...] = ()


Show = Callable[..., list[ReportData]]
COUNTED = frozenset({"links", "adjusted_links", "gene_links", "clinical_links"})
"""Tables of links: to show them takes `below` too, the q under which the study counts a link."""


def _plain(name: str, caption: str, *columns: str, most: int = 25) -> Show:
    """Make the way to show a table as it is."""
    return partial(_shown, caption=caption, columns=columns or None, most=most, where=f"tables/{name}")


def _shown(table: pd.DataFrame, **how: Any) -> list[ReportData]:
    return [view(table, **how)]


def _decisions(decisions: pd.DataFrame) -> list[ReportData]:
    """Reduce what was decided to one row per kind: where, how much in all, and the reason of the one that touched most."""
    ranked = decisions.sort_values("count", ascending=False, kind="stable")
    kinds = ranked.groupby("what", sort=False).agg(
        places=("where", "nunique"), first=("where", "first"), count=("count", "sum"), why=("why", "first")
    )
    several = kinds["places"] > 1
    kinds["where"] = kinds["first"].where(~several, kinds["first"] + " and " + (kinds["places"] - 1).astype(str) + " more")
    kinds["why"] = kinds["why"].where(~several, "for example: " + kinds["why"])
    table = kinds.loc[decisions["what"].unique(), ["where", "count", "why"]].reset_index()
    caption = (
        f"What was decided about the data, and what to look at: {len(decisions):,} decisions of {len(kinds)} kinds, each with "
        "the place that it touched most; all are in tables/decisions."
    )
    return [view(table, caption, most=len(table))]


def _module_sizes(modules: pd.DataFrame) -> list[ReportData]:
    """Reduce the gene table to one row per module with its five best connected genes."""
    genes = modules.rename_axis("gene").reset_index()
    ranked = genes.sort_values("kme", ascending=False, kind="stable", key=abs) if "kme" in genes else genes
    grouped = ranked.groupby(["module", *(["color"] if "color" in genes else [])], sort=True)["gene"]
    sizes = grouped.agg(genes="size", hubs=lambda names: ", ".join(map(str, names.head(5)))).reset_index()
    sizes.loc[sizes["module"].eq(0), "hubs"] = "–"
    caption = (
        "Modules by size with the five genes closest to each eigengene (largest kME); module 0 holds genes that belong to none."
    )
    return [view(sizes.rename(columns={"hubs": "closest genes"}), caption, most=60)]


def _link_views(links: pd.DataFrame, below: float = 0.05) -> list[ReportData]:
    """Show the strongest honest links of every family, and beside them how the fitted ones would have looked."""
    fitted = links["estimate"].isin(FITTED) if "estimate" in links else pd.Series(False, index=links.index)
    leak = ", with the fitted signature (which leaks; for comparison only)"
    return [
        *_by_family(links[~fitted], "tables/links", lambda rows: "", 8, below),
        *_by_family(links[fitted], "tables/links", lambda rows: leak, 3, below),
    ]


LINK = ("feature", "target", "effect", "effect_low", "effect_high", "n", "p", "q", "p_permutation", "p_max_t")


def _by_family(links: pd.DataFrame, where: str, note: Callable[[pd.DataFrame], str], most: int, below: float) -> list[ReportData]:
    """Show the strongest links of every family, and how many have q below the level of the study."""
    views = []
    for family, rows in links.groupby("family", sort=False):
        n_found = int(rows["q"].lt(below).sum())
        begin = f"Links of the family {family_name(family)}{note(rows)}: {n_found:,} of {len(rows):,} with q < {below:g}."
        best = rows.sort_values("p", kind="stable").head(most)
        best = best.assign(target=[formatting.pathway_label(name, 60) for name in best["target"]])
        if len(rows) > most:
            begin += f" The {most} with the smallest p of {len(rows):,}; all are in {where}."
        views.append(view(best, begin, columns=LINK, most=most))
    return views


def _adjusted_views(links: pd.DataFrame, below: float = 0.05) -> list[ReportData]:
    """Show the links of the out-of-fold signature, adjusted for confounders, and between high and low scores."""

    def note(rows: pd.DataFrame) -> str:
        names, measure = str(rows["adjustment"].iloc[0]), str(rows["measure"].iloc[0])
        split = ", split at the training median, Mann-Whitney with the rank-biserial correlation"
        shown = {"partial r": f" for {names} (partial correlations)", "rank-biserial r": split}
        return shown.get(measure, f" ({measure})")

    return _by_family(links, "tables/adjusted_links", note, 4, below)


def _clinical_views(links: pd.DataFrame, below: float = 0.05) -> list[ReportData]:
    """Show how modules and pathways go with what else is known of the patients."""
    return _by_family(links, "tables/clinical_links", lambda rows: f" ({rows['measure'].iloc[0]})", 4, below)


def _gene_views(links: pd.DataFrame, below: float = 0.05) -> list[ReportData]:
    """Show the genes that go most closely with each signature; those with clinical columns answer single questions."""
    honest = links[links["estimate"].eq("nested")]
    views = []
    for signature, rows in honest.groupby("feature", sort=False):
        n_found = int(rows["q"].lt(below).sum())
        caption = (
            f"Genes by their link with the out-of-fold score of {signature}, the smallest p first: {n_found:,} of {len(rows):,} "
            f"have q < {below:g} over the family {family_name(rows['family'].iloc[0])}."
        )
        best = rows.sort_values("p", kind="stable").rename(columns={"target": "gene"})
        columns = ["gene", *LINK[2:]]
        views.append(view(best, caption, columns=columns, most=10, where="tables/gene_links"))
    return views


def _baseline(table: pd.DataFrame) -> list[ReportData]:
    """Show Table 1: the linked patients by outcome."""
    caption = (
        "Characteristics of the linked patients by outcome: median [quartiles] or n (%). Missing (not known) values are counted, "
        "and take no part in shares and tests. p is that of the test in the last column; numbers are compared by their "
        "ranks (Kruskal-Wallis)."
    )
    again = table["variable"].duplicated() if "variable" in table else pd.Series(False, index=table.index)
    table = table.assign(variable=table["variable"].mask(again, "")) if again.any() else table
    few = table["test"].astype(str).str.contains("expected count") if "test" in table else again
    if few.any():
        table = table.assign(test=table["test"].astype(str).str.replace(r" \(warning: expected count < 5\)", "*", regex=True))
        caption += " * Fewer than five expected in a cell."
    return [view(table, caption, most=80, where="tables/baseline")]


def _enriched(table: pd.DataFrame) -> list[ReportData]:
    """Show the gene sets that are most over-represented in modules; genes shared stand in the file."""
    n_found = int(table["q"].lt(0.05).sum()) if "q" in table else 0
    caption = (
        f"Gene sets over-represented in modules, hypergeometric against all genes measured: {n_found:,} of {len(table):,} tests "
        "with q < 0.05."
    )
    table = table.assign(pathway=[formatting.pathway_label(name, 60) for name in table["pathway"]])
    columns = ["list", "pathway", "overlap", "list_size", "pathway_size", "fold", "p", "q"]
    return [view(table.sort_values("p", kind="stable"), caption, columns=columns, most=20, where="tables/enrichment")]


def _pathway_size(pathways: pd.DataFrame) -> list[ReportData]:
    names = ", ".join(formatting.pathway_label(name) for name in pathways.columns[:5])
    facts = pd.DataFrame({"patients scored": [len(pathways)], "pathways": [pathways.shape[1]], "the first": [names]})
    return [view(facts, "Pathway scores; all values are in tables/pathways.")]


_FIXED = (
    " Signature, gene selection and regression are repeated in every fold; the modules, found without a look at outcome or "
    "imaging, are those of all patients in each."
)
_SURVIVAL = (
    "Survival by the gene score. Fitted: so many of the patients are those that the score was fitted to. p (proportional) tests "
    "the assumption of proportional hazards; a small one says that the hazard ratio changes with time."
)
_HOLM = "The bounds are counts. p (Holm) is the larger of the two nulls' p, adjusted over the families."
NULLS = ("family", "null", "tested", "found", "mean", "low", "high", "p", "p_holm", "n_repeats")
SURVIVAL = ("endpoint", "test", "term", "n", "events", "fitted", "hazard_ratio", "low", "high", "p", "p_proportional")


def _sized(table: pd.DataFrame) -> list[ReportData]:
    """Show the features that follow lesion volume most closely."""
    like = int(table["rho"].abs().ge(0.9).sum())
    caption = (
        f"Spearman correlation of every feature with lesion volume in the linked patients: {like:,} of {len(table):,} are lesion "
        "size by another name (|ρ| of 0.9 or more). The largest |ρ| first."
    )
    best = table.sort_values("rho", key=abs, ascending=False, kind="stable")
    return [view(best, caption, most=max(like, 8), where="tables/feature_volume")]


def _lesions(table: pd.DataFrame) -> list[ReportData]:
    """Reduce the lesions to one row per cohort: medians and quartiles."""
    rows = [
        {
            "cohort": cohort,
            "lesions": len(part),
            "volume, mm³: median [quartiles]": _quartiles(part["volume_mm3"]),
            "largest diameter, mm: median [quartiles]": _quartiles(part["largest_diameter_mm"]),
            "phases": _range(part["phases"]),
        }
        for cohort, part in table.groupby("cohort", sort=False)
    ]
    return [view(pd.DataFrame(rows), "Lesions measured; each is in tables/lesions.")]


def _quartiles(values: "pd.Series[float]") -> str:
    low, middle, high = (cell(value) for value in values.quantile([0.25, 0.5, 0.75]))
    return f"{middle} [{low}, {high}]"


def _range(values: "pd.Series[float]") -> str:
    low, high = f"{values.min():.0f}", f"{values.max():.0f}"
    return low if low == high else f"{low} to {high}"


def _agreement(table: pd.DataFrame) -> list[ReportData]:
    """Reduce the features read twice to one row per signature."""
    rows = [
        {
            "signature": signature,
            "n": int(part["n"].max()),
            "features": len(part),
            "ICC: median [quartiles]": _quartiles(part["icc"]),
            "ICC of 0.75 or more": int(part["icc"].ge(0.75).sum()),
            "ICC of 0.9 or more": int(part["icc"].ge(0.9).sum()),
        }
        for signature, part in table.groupby("signature", sort=False)
    ]
    caption = "Agreement of features between two readers: ICC(2,1), absolute agreement; each feature stands in tables/agreement."
    return [view(pd.DataFrame(rows), caption)]


SECTIONS = (
    Section(
        "cohort", "Patients", "Who is in the study, who was left out, and why.",
        {
            "inclusion": _plain("inclusion", "Patients left after each step.", "cohort", "step", "n", "excluded", "reason"),
            "expression_facts": _plain("expression_facts", "Expression: what was kept and changed."),
            "decisions": _decisions,
            "expression_dropped": _plain("expression_dropped", "Genes left out.", most=10),
            "baseline": _baseline,
        },
        ("inclusion_flow", "expression_pca"),
    ),
    Section(
        "images", "Images and lesions", "Series, masks and features, as they were read and measured.",
        {
            "series": _plain("series", "Series read."),
            "segmentation": _plain(
                "segmentation", "Segmentation: patients with images, with a mask, and with one of a second reader; who drew them "
                "is for the manuscript.",
            ),
            "lesions": _lesions,
            "agreement": _agreement,
        },
        ("phase_montage", "lesion_slice", "time_intensity", "icc_by_kind"),
    ),
    Section(
        "prediction", "Prediction",
        "Each signature is judged twice: as published (on patients it has seen) and honestly (on patients it has not seen).",
        {
            "evaluation": _estimates.evaluations("evaluation"),
            "comparisons": _estimates.compared,
            "reclassification": _plain("reclassification", "Reclassification between signatures on the same patients."),
            "calibration": _estimates.calibrated,
            "signature_features": _estimates.carriers,
            "stability": _estimates.stability,
            "fusion_terms": _estimates.terms,
        },
        (
            "auc_forest", "roc_all", "roc", "score_distribution", "signature_correlation", "calibration", "decision_curve",
            "nomogram",
        ),
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
            "link_null": _plain("link_null", f"Links found, and links expected by chance. {_HOLM}", *NULLS, most=60),
            "links": _link_views,
            "adjusted_null": _plain("adjusted_null", f"Adjusted links found, and what chance gives. {_HOLM}", *NULLS, most=60),
            "adjusted_links": _adjusted_views,
            "feature_volume": _sized,
            "gene_links": _gene_views,
            "clinical_links": _clinical_views,
        },
        ("null_intervals", "link_forest", "link_heatmap", "link_scatter"),
    ),
    Section(
        "pathways", "Pathways", "Activity of gene sets in each patient.",
        {
            "gene_sets": _plain("gene_sets", "Gene sets, those asked for first: scored (kept), or why not.", most=40),
            "gene_symbols": _plain("gene_symbols", "Genes of the sets under another name in the expression table, or not in it."),
            "pathways": _pathway_size,
            "enrichment": _enriched,
        },
        ("pathway_bar", "enrichment_dot", "pathway_dot"),
    ),
    Section(
        "gene-score", "Gene score", "A score from hub genes of the modules that go with the imaging signature.",
        {
            "gene_score": _plain("gene_score", f"Genes of the score. {UNIVARIATE}", most=15),
            "gene_score_evaluation": _estimates.evaluations("gene_score_evaluation", _FIXED),
            "gene_score_odds": _plain(
                "gene_score_odds", "Odds ratio of the score, by its log odds. On out-of-fold scores p is somewhat too small.",
            ),
            "survival_tests": _plain("survival_tests", _SURVIVAL, *SURVIVAL, most=60),
        },
        ("odds_forest", "kaplan_meier"),
    ),
    Section(
        "planted", "Planted and found", "What the simulation planted, and what the study found of it.",
        {"planted": _plain("planted", "Planted facts.", most=100)},
    ),
    Section(
        "failures", "Failures", "Patients that a step could not process; all others were analysed.",
        {"failures": _plain("failures", "Patients left out.", "patient", "cohort", "step", "reason", most=100)},
    ),
)  # fmt: skip


def figures_of(section: Section, figures: Iterable[Figure]) -> list[Figure]:
    """Pick the figures of a section: by kind, in the section's order of kinds, and within a kind as they were drawn."""
    mine = [figure for figure in figures if figure.section == section.anchor]
    places = {kind: place for place, kind in enumerate(section.figures)}
    return sorted(mine, key=lambda figure: places.get(figure.kind, len(places)))
