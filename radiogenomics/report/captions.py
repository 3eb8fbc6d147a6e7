"""A figure's kind and subject -> its caption, which says what is shown of whom."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from radiogenomics.figures import estimate
from radiogenomics.report._words import (
    FITTED,
    Tables,
    above_chance,
    auc_text,
    capital,
    level,
    model_name,
    outcome_name,
    positive_name,
    records,
)
from radiogenomics.report.figure import Figure

_PUBLISHED = {"fusion": "with fitted scores fused (the usual leak)", "clinical": "by plain cross-validation"}
"""What stands in rows ``published`` of models that no paper selects the features of."""

_STARS = "Stars: q below 0.05 (*), 0.01 (**), 0.001 (***)."
_GROUPS = (
    "Features that all correlate at |r| of 0.9 or more form a group. Of a group with surviving links the features that have them "
    "are shown, for each target the one with the smallest p; for any other stands the feature nearest to the others, chosen "
    "without a look at genes."
)
_MOST = "Of more than 30 features those with surviving links, then those with the smallest p are shown."
UNIVARIATE = (
    "Odds ratios and p are of one gene at a time, on the very patients that chose the genes, and so look better than they are."
)
_CURVES = (
    "The legend gives the AUC with its 95 % interval. That of nested cross-validation compares patients within one fold, while "
    "its curve is that of each patient's mean score: where the area under the curve as drawn is another, the legend gives it "
    "too. A curve on the dashed diagonal is chance."
)
FIGURES = {
    "inclusion_flow": ("Patients{} who stayed in the study and who were left out, step by step.", ""),
    "expression_pca": (
        "Patients on the first two principal components of expression{}.",
        "Separate groups can reflect biology or batch effects.",
    ),
    "phase_montage": (
        "One slice of an example lesion{}, in every phase, on one grey scale.",
        "The example is the patient whose lesion volume is the median of the cohort; the outline is the mask.",
    ),
    "lesion_slice": ("Zones of the example lesion{}, in the first post-contrast phase.", "The outline is the mask."),
    "time_intensity": ("Enhancement of each zone of the example lesion{} over time.", ""),
    "icc_by_kind": (
        "Agreement of the features between two readers{}.",
        "A point is a feature, a box the quartiles of its kind; the dashed line is the agreement asked for.",
    ),
    "auc_forest": (
        "AUC of every estimate with its 95 % interval{}.",
        "Open diamonds come from patients that the model has seen, filled circles from patients that it has not. The dashed line "
        "is chance. The optimism-corrected value has no interval, and is known to stay too high for forests.",
    ),
    "roc": ("ROC curves{}.", _CURVES),
    "roc_all": ("ROC curves{}.", _CURVES),
    "score_distribution": (
        "Scores of patients without and with the outcome{}, from fits that had not seen them.",
        "Boxes are quartiles, a point is a patient.",
    ),
    "signature_correlation": ("Correlation of the models' scores over patients{}.", ""),
    "calibration": (
        "Predicted probability against the observed share of events{}.",
        "On the diagonal, predictions mean what they say. The curve is a lowess; it is not drawn where it would leave 0 to 1, "
        "which no share of patients can.",
    ),
    "decision_curve": ("Net benefit over the range of thresholds{}, against treating everybody or nobody.", ""),
    "nomogram": (
        "The combined model as a nomogram{}.",
        "Read the points of each term, add them, read the probability.",
    ),
    "soft_threshold": (
        "Scale-free fit and mean connectivity of the network of genes over the powers tried{}.",
        "The chosen power is marked.",
    ),
    "dendrogram": ("Clustering of the genes{}.", "The band shows the module of each gene; grey genes belong to none."),
    "module_trait": (
        "Correlation of module eigengenes with imaging{}: every signature, out of fold, and features.",
        f"{_GROUPS} {_MOST} {_STARS}",
    ),
    "link_forest": (
        "Links of the family {}, with 95 % intervals, the smallest p first.",
        "Of more than twelve those with the smallest p are shown, so their effects are on average too large; of features that "
        "all correlate at |r| of 0.9 or more one link a target is shown. q is corrected over the whole family.",
    ),
    "link_heatmap": (
        "Association of clinical columns with molecular ones{}: Pearson correlations of numbers; of groups, the rank-biserial "
        "correlation with all other patients.",
        _STARS,
    ),
    "link_scatter": ("The patients behind a link{}, one point each.", "The score is out-of-fold."),
    "null_intervals": (
        "Links found in each family beside the central 95 % of the number expected by chance{}.",
        "The axis is linear to 1, then logarithmic.",
    ),
    "pathway_bar": (
        "Correlation of pathway scores with {}, with 95 % intervals.",
        "Of more than 40 those with the smallest p are shown. Colours tell the categories of pathways where they are known.",
    ),
    "pathway_dot": (
        "Correlation of pathway scores with imaging features{}: colour is the effect, area the significance.",
        f"{_GROUPS} Of more than 30 features, or pathways, those with the smallest p are shown.",
    ),
    "enrichment_dot": (
        "Gene sets over-represented in modules{}, against all genes measured: area is the overlap, colour the significance.",
        "",
    ),
    "odds_forest": ("Odds ratios per SD of the genes in the score, one gene at a time, with 95 % intervals{}.", UNIVARIATE),
    "kaplan_meier": (
        "{} of patients with a gene score above (high) and not above (low) the median of the linked patients, with 95 % "
        "intervals and the numbers still followed.",
        "",
    ),
}

Describe = Callable[[str, Mapping[str, Any], Tables], str]


def caption_of(figure: Figure, study: Mapping[str, Any], tables: Tables) -> str:
    """Say what a figure shows, of whom, and how it is read.

    Parameters
    ----------
    figure : Figure
        One with a caption of its own keeps it.
    study, tables : mapping
        As in `render`; cohort, estimate, patients and events are read from them.

    Returns
    -------
    str
        Whole sentences.
    """
    if figure.caption:
        return figure.caption
    if figure.kind not in FIGURES:
        return f"{capital(' '.join([figure.kind, figure.subject]).replace('_', ' ').strip())}."
    what, how = FIGURES[figure.kind]
    plain = f" ({figure.subject.replace('_', ' ')})" if figure.subject else ""
    subject = _SUBJECTS.get(figure.kind, _nobody)(figure.subject, study, tables) or plain
    return capital(" ".join(f"{what.format(subject)} {how}".split()))


def _groups(evaluation: pd.DataFrame) -> list[tuple[str, str]]:
    """List cohort and estimate of the rows, in their order."""
    return list(evaluation[["cohort", "estimate"]].drop_duplicates().itertuples(index=False, name=None))


def _nobody(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    return ""


def _evaluated(tables: Tables, *estimates: str) -> pd.DataFrame:
    table = tables.get("evaluation", pd.DataFrame(columns=["cohort", "signature", "estimate", "n", "events"]))
    return table[table["estimate"].isin(estimates)] if estimates else table


def _counts(rows: pd.DataFrame, study: Mapping[str, Any]) -> str:
    """Write the patients and events of every cohort in the rows."""
    first = rows.drop_duplicates("cohort")
    texts = [
        f"{_cohort(row['cohort'])}, {row['n']:.0f} patients, {row['events']:.0f} {positive_name(study)}"
        for row in first.to_dict("records")
    ]
    return "; ".join(texts)


def _cohort(name: object) -> str:
    return f"{name} cohort"


def _scores(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    """Describe a model by every estimate."""
    rows = _evaluated(tables)
    rows_shown = rows[rows["signature"].eq(subject)]
    if rows_shown.empty:
        return ""
    kinds = [kind for kind in dict.fromkeys(rows_shown["estimate"]) if kind not in ("optimism", "volume")]
    return f" of {model_name(subject)} by every estimate: {_listed(kinds, subject)} ({_counts(rows_shown, study)})"


def _scores_of_all(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    """Describe every model by one estimate in one cohort."""
    rows = _evaluated(tables)
    for cohort, kind in _groups(rows):
        if subject == f"{kind} {cohort}":
            rows_shown = rows[rows["cohort"].eq(cohort) & rows["estimate"].eq(kind)]
            return f" of every model {_listed([kind])} ({_counts(rows_shown, study)})"
    return ""


def _listed(kinds: list[str], signature: str = "") -> str:
    """Write estimates in a sentence; what is called published depends on the model."""
    words = {
        "apparent": "on the patients it was fitted to",
        "published": _PUBLISHED.get(signature, "by the published protocol"),
        "nested": "by nested cross-validation",
        "external": "in the external cohort",
    }
    texts = [words.get(kind, estimate(kind, signature).label.lower()) for kind in kinds]
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


def _out_of_fold(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    rows = _evaluated(tables, "nested")
    if rows.empty:
        return ""
    named = rows[rows["signature"].eq(subject)]
    model = f" of {model_name(named['signature'].iloc[0])}" if len(named) else ""
    return f"{model}, on out-of-fold scores of nested cross-validation ({_counts(rows, study)})"


def _everybody(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    rows = _evaluated(tables)
    return f" for {outcome_name(study)} ({_counts(rows, study)})" if len(rows) else ""


def _fitted(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    rows = _evaluated(tables, *FITTED)
    rows = rows[rows["signature"].eq("fusion")]
    return f", fitted to everybody ({_counts(rows, study)}). {_worth(tables)}".rstrip(". ") if len(rows) else ""


def _worth(tables: Tables) -> str:
    """Say of the combined model what it is worth on patients that it had not seen, and whether it may be used."""
    rows = _evaluated(tables, "nested")
    fusion = next(iter(records(rows[rows["signature"].eq("fusion")])), None)
    if fusion is None:
        return "It was not judged on patients that it had not seen, so it should not be used"
    text = f"On patients that it had not seen it reaches {auc_text(fusion)}"
    return text if above_chance(fusion) else f"{text}, not shown to be better than chance: it should not be used"


def _links(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    """Describe a family of links: its name, patients, and how many survive."""
    for table in ("links", "clinical_links"):
        rows = tables.get(table, pd.DataFrame(columns=["family"]))
        rows = rows[rows["family"].eq(subject)]
        rows = rows[~rows["estimate"].isin(FITTED)] if "estimate" in rows else rows
        if len(rows):
            begin = "" if table == "links" else ": "
            return f"{begin}{family_name(rows['family'].iloc[0])} ({_tested(rows, level(study))})"
    return ""


def _dots(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    text = _links(subject, study, tables)
    return f", {text}" if text else ""


def _traits(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    rows = tables.get("links", pd.DataFrame(columns=["molecular"]))
    rows = rows[rows["molecular"].eq("modules")]
    return f" ({_patients(rows)})" if len(rows) else ""


def _pathways(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    rows = tables.get("links", pd.DataFrame(columns=["imaging", "molecular", "feature"]))
    rows = rows[rows["imaging"].eq("signature") & rows["molecular"].eq("pathways") & rows["feature"].eq(subject)]
    rows = rows[~rows["estimate"].isin(FITTED)] if "estimate" in rows else rows
    return f"the out-of-fold score of {model_name(rows['feature'].iloc[0])} ({_tested(rows, level(study))})" if len(rows) else ""


def _tested(rows: pd.DataFrame, below: float) -> str:
    return f"{_patients(rows)}; {int(rows['q'].lt(below).sum()):,} of {len(rows):,} links with q < {below:g}"


def _patients(rows: pd.DataFrame) -> str:
    if "n" not in rows:
        return "patients with both"
    low, high = int(rows["n"].min()), int(rows["n"].max())
    return f"{high} patients" if low == high else f"{low} to {high} patients"


def family_name(family: object) -> str:
    """Write a family of links with a true sign of multiplication."""
    return str(family).replace(" x ", " × ")


def _expressed(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    facts = tables.get("expression_facts", pd.DataFrame(columns=["fact", "value"])).set_index("fact")["value"]
    colour = f", coloured by {subject or outcome_name(study)}"
    if "genes kept" not in facts:
        return colour
    return f" ({int(facts['patients']):,} patients, {int(facts['genes kept']):,} genes){colour}"


def _genes(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    modules = tables.get("modules", pd.DataFrame())
    return f" ({len(modules):,} genes)" if len(modules) else ""


def _cohorts(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    names = tables.get("inclusion", pd.DataFrame(columns=["cohort"]))["cohort"].unique()
    mine = [name for name in names if not subject or name == subject]
    return f" of the {' and the '.join(_cohort(name) for name in mine)}" if len(mine) else ""


def _readers(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    table = tables.get("agreement", pd.DataFrame())
    return f" ({int(table['n'].max())} patients read twice, {len(table):,} features)" if "n" in table and len(table) else ""


def _scored(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    judged = tables.get("gene_score_evaluation", pd.DataFrame())
    return f" ({_counts(judged, study)})" if {"n", "events", "cohort"} <= set(judged) and len(judged) else ""


def _followed(subject: str, study: Mapping[str, Any], tables: Tables) -> str:
    tests = tables.get("survival_tests", pd.DataFrame(columns=["endpoint"]))
    rows = tests[tests["endpoint"].eq(subject)]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    fitted = f"; {row['fitted']:.0f} of them are those the score was fitted to" if row.get("fitted", 0) > 0 else ""
    return f"{capital(row['endpoint'])} ({row['n']:.0f} patients, {row['events']:.0f} events{fitted})"


_SUBJECTS: dict[str, Describe] = {
    "inclusion_flow": _cohorts,
    "expression_pca": _expressed,
    "phase_montage": _cohorts,
    "lesion_slice": _cohorts,
    "time_intensity": _cohorts,
    "icc_by_kind": _readers,
    "auc_forest": _everybody,
    "roc": _scores,
    "roc_all": _scores_of_all,
    "score_distribution": _scores_of_all,
    "signature_correlation": _out_of_fold,
    "calibration": _out_of_fold,
    "decision_curve": _out_of_fold,
    "nomogram": _fitted,
    "soft_threshold": _genes,
    "dendrogram": _genes,
    "module_trait": _traits,
    "link_forest": _links,
    "link_heatmap": _links,
    "pathway_bar": _pathways,
    "pathway_dot": _dots,
    "odds_forest": _scored,
    "kaplan_meier": _followed,
}
