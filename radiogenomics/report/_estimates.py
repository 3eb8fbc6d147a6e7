"""Tables of prediction as they are shown: estimates, tests between models, calibration, stability and the combined model."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from radiogenomics.figures import formatting
from radiogenomics.report._view import ReportData, view

_BELOW_HALF = "an AUC below 0.5"
_COMPARED = (
    "DeLong's tests on the same patients: the difference is the AUC of the first less that of the second. Standard errors are "
    "those of the evaluation, wider than DeLong's where fits share patients."
)
_NO_VERDICT = (
    " Where one of the two AUCs lies below 0.5 (last column) p does not say that one model predicts better: any model then seems "
    "better than one that ranks patients the wrong way round."
)
_TESTS = " p (Mann-Whitney) is two-sided and takes the scores of its row as they are."
_PERMUTED = (
    " p (outcome permuted) is one-sided, and of another statistic than the AUC beside it: the area of one cross-validation of "
    "the recipe (a signature by the published recipe with sizes chosen by the quicker out-of-bag rule), where the AUC is the "
    "mean of all repeats."
)
_GAINED = (
    "Reclassification: what the second model gains over the first on the same patients. NRI: net reclassification index, the "
    "share of patients with the outcome moved up less that moved down, and the reverse of those without it, added. IDI: "
    "integrated discrimination improvement, the gain in the difference of mean probabilities. Both can favour a model "
    "that is badly calibrated (Hilden & Gerds 2014), so they stand beside the AUC, and not in its place."
)
_CARRIED = (
    "Features that carry each signature: correlation of its out-of-fold score with every feature that it was made from, q over "
    "all of these. Among strongest: the share of bootstrap samples in which the feature is one of the ten with the largest |r|; "
    "near-copies share it among them."
)
_KEPT = " Chosen: the share of the nested fits that kept the feature."
_NOT_KEPT = " The recipe chooses components of them all, or nothing: no fit keeps or leaves a feature."
_CALIBRATION = (
    "Calibration of probabilities of patients that no fit had seen. Intercept and slope are those of the logistic regression of "
    "the outcome on the logit of the probability: 0 and 1 are perfect, a slope below 1 says that probabilities are too extreme, "
    "and one near 0 that they tell nothing. In nested rows they judge the mean of a patient's out-of-fold probabilities, and so "
    "the recipe, not one model that could be applied; over folds, a model that knows nothing has a slope below 0, which is no "
    "signal in reverse. Brier: mean squared error. HL: Hosmer-Lemeshow over groups of risk, with as many degrees of freedom as "
    "groups, since the patients were in no fit."
)
EVALUATION = ("cohort", "signature", "estimate", "auc", "auc_low", "auc_high", "n", "events", "p_mann_whitney", "p_outcome")
AT_THRESHOLD = ("cohort", "signature", "estimate", "threshold", "sensitivity", "specificity", "ppv", "npv", "accuracy")


def evaluations(name: str, more: str = "") -> Callable[[pd.DataFrame], list[ReportData]]:
    """Make the way to show an evaluation: AUCs first, then what they mean at the threshold."""
    return partial(_evaluated, where=f"tables/{name}", more=more)


def _evaluated(table: pd.DataFrame, *, where: str, more: str = "") -> list[ReportData]:
    table = _volume_once(table)
    sized = bool(table["estimate"].eq("volume").any())
    nested = table["estimate"].eq("nested")
    columns = {"p_mann_whitney": table["p"].mask(nested), "p_outcome": table["p"].where(nested)}
    shown = table.assign(**{name: p for name, p in columns.items() if p.notna().any()})
    caption = f"AUC of every estimate, flattering and honest ones side by side{', and of lesion volume alone' * sized}.{_TESTS}"
    views = [view(shown, f"{caption}{_PERMUTED * ('p_outcome' in shown)}{more}", columns=EVALUATION, most=60, where=where)]
    if {"threshold", "sensitivity"} <= set(table.columns):
        wide = [column for name in AT_THRESHOLD for column in (name, f"{name}_low", f"{name}_high")]
        caption = (
            "Performance at a threshold chosen on the training scores: in the training rows on the very scores shown, "
            "in external rows applied unchanged."
        )
        table = table[table["threshold"].notna()]
        values = zip(table["threshold"], table["estimate"].eq("volume"), strict=True)
        # A volume below 1 is no mm³: a standardised column, as combined cohorts give it.
        texts = [f"{value:,.0f} mm³" if volume and value >= 1 else formatting.amount(value) for value, volume in values]
        views.append(view(table.assign(threshold=texts), caption, columns=wide, most=60, where=where))
    return views


def _volume_once(table: pd.DataFrame) -> pd.DataFrame:
    """Keep of volume, which is the same beside every signature, one row per cohort, under its own name at the end."""
    volume = table["estimate"].eq("volume")
    once = table[volume].drop_duplicates("cohort").assign(signature="lesion volume")
    return pd.concat([table[~volume], once], ignore_index=True) if volume.any() else table


def compared(table: pd.DataFrame) -> list[ReportData]:
    """Show the tests between models, and beside each whether an AUC below 0.5 takes the meaning from its p."""
    below = table[["auc_first", "auc_second"]].lt(0.5).any(axis=1)
    sides = {
        f"{side}: AUC": [f"{name}: {formatting.amount(auc)}" for name, auc in zip(table[side], table[f"auc_{side}"], strict=True)]
        for side in ("first", "second")
    }
    shown = table.assign(**sides, note=below.map({True: _BELOW_HALF, False: ""}))
    columns = ["cohort"] * bool(table["cohort"].nunique() > 1) + ["estimate", *sides, "difference", "p", "q"]
    caption = f"{_COMPARED}{_NO_VERDICT if below.any() else ''}"
    tests = view(shown, caption, columns=[*columns, *["note"] * bool(below.any())], most=60, where="tables/comparisons")
    return [tests, *_reclassified(table)]


def _reclassified(table: pd.DataFrame) -> list[ReportData]:
    """Show what the second of two models gains over the first by NRI and IDI, where both give probabilities."""
    if not {"nri", "idi"} <= set(table.columns) or table["nri"].isna().all():
        return []
    columns = ["cohort"] * bool(table["cohort"].nunique() > 1) + ["estimate", "first", "second", "n", "events"]
    known = table[table["nri"].notna()]
    return [view(known, _GAINED, columns=[*columns, "nri", "nri_p", "idi", "idi_p"], most=60, where="tables/comparisons")]


def calibrated(table: pd.DataFrame) -> list[ReportData]:
    """Show what the probabilities are worth; the remark only where something could not be measured."""
    left_out = {"events", "brier_scaled", *(["remark"] if table["remark"].eq("").all() else [])}
    columns = [str(name) for name in table if name not in left_out]
    return [view(table, _CALIBRATION, columns=columns, most=60, where="tables/calibration")]


def terms(table: pd.DataFrame) -> list[ReportData]:
    """Show the whole combined model."""
    renamed = table.rename(columns={"odds_low": "odds_ratio_low", "odds_high": "odds_ratio_high"})
    return [view(renamed, "Terms of the combined model, fitted to everybody: log odds with standard errors, and odds ratios.")]


def carriers(table: pd.DataFrame) -> list[ReportData]:
    """Show for every signature the features that its score goes with most closely."""
    views = []
    for signature, rows in table.groupby("signature", sort=False):
        selects = bool(rows["chosen"].notna().any())
        caption = f"{_CARRIED}{_KEPT if selects else _NOT_KEPT} Signature: {signature}."
        columns = ["feature", "effect", "n", "p", "q", "among_strongest", *["chosen"] * selects]
        views.append(view(rows, caption, columns=columns, most=10, where="tables/signature_features"))
    return views


def stability(table: pd.DataFrame) -> list[ReportData]:
    """Show the features that the folds kept most often."""
    features = table[table["kind"].eq("feature")] if "kind" in table else table
    best = features.sort_values("share", ascending=False, kind="stable") if "share" in features else features
    return [view(best, "How often the folds kept each feature.", most=20, where="tables/stability")] if len(best) else []
