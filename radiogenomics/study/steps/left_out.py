"""Whom and what single analyses leave out: patients without covariate or follow-up, covariates, genes; and scores they clip."""

import pandas as pd

from radiogenomics import linking
from radiogenomics._files import Decision
from radiogenomics._tables import summarise
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.adjusted_links import HIGH_AND_LOW, SAME_PATIENTS
from radiogenomics.study.steps.calibration import honest_scores, nearest_probability
from radiogenomics.study.steps.patients import linked, with_words


def clinical_gaps(patients: pd.DataFrame, settings: Manifest) -> list[Decision]:
    """Count the clinical values that are missing among the linked patients: every link and test takes those who have them."""
    gaps = patients.loc[linked(patients), [name for name in settings.columns() if name in patients]].isna().sum()
    gaps = gaps[gaps > 0]
    if gaps.empty:
        return []
    told = summarise((f"{name} ({count})" for name, count in gaps.items()), 8)
    why = f"missing among the linked patients: {told}; every link and test takes the patients who have the value"
    return [Decision("clinical values missing", "patients", int(gaps.sum()), why)]


def left_out_of_adjusted(adjusted: pd.DataFrame, patients: pd.DataFrame, settings: Manifest) -> list[Decision]:
    """Say how many patients links given the confounders lack, and which confounders found by name are not adjusted for."""
    given = adjusted[~adjusted["adjustment"].isin([SAME_PATIENTS, HIGH_AND_LOW])]
    found = []
    for names, rows in given.groupby("adjustment", sort=False):
        lacking = len(linked(patients)) - int(rows["n"].max())
        if lacking:
            why = f"some of {names} is not known of them, or they lack the values linked; the links of all others stand beside"
            found.append(Decision("patients left out", "adjusted_links", lacking, why))
    if settings.links.covariates is None:
        clinical = with_words(patients, name=settings.outcome.name, labels=settings.outcome.labels)
        used = {name for names in given["adjustment"].unique() for name in str(names).split(", ")}
        rest = [str(name) for name in linking.find_confounders(clinical).columns if str(name) not in used]
        if rest:
            why = (
                f"links are not adjusted for {summarise(rest)}: known of fewer than four in five patients, or more numbers and "
                "levels than one for ten patients"
            )
            found.append(Decision("covariates left out", "adjusted_links", len(rest), why))
    return found


def left_out_of_survival(tests: pd.DataFrame | None, everyone: pd.DataFrame) -> list[Decision]:
    """Say how many patients with a gene score each test of survival lacks."""
    if tests is None:
        return []
    sizes, why = (
        tests.drop_duplicates(["endpoint", "test"]),
        "they have a gene score, and no follow-up or not every covariate",
    )
    return [
        Decision("patients left out", f"survival: {row['endpoint']}, {row['test']}", len(everyone) - int(row["n"]), why)
        for row in sizes.to_dict("records")
        if len(everyone) > row["n"]
    ]


def unmeasured_genes(gene_sets: pd.DataFrame | None) -> list[Decision]:
    """Say how many members of scored gene sets the expression matrix lacks."""
    if gene_sets is None:
        return []
    short = gene_sets[gene_sets["kept"] & (gene_sets["measured"] < gene_sets["size"])]
    if short.empty:
        return []
    why = f"members of {len(short)} scored set(s) that the expression matrix lacks; each is scored by the others"
    return [Decision("genes not measured", "gene_sets", int((short["size"] - short["measured"]).sum()), why)]


def clipped_scores(signatures: pd.DataFrame, settings: Manifest) -> list[Decision]:
    """Say how many probabilities near 0 and 1 calibration took for the nearest that so few patients can show."""
    found = []
    for (cohort, name, estimate), part in honest_scores(signatures, settings):
        nearest = nearest_probability(len(part))
        count = int(((part["score"] < nearest) | (part["score"] > 1 - nearest)).sum())
        if count:
            why = f"probabilities nearer to 0 or 1 than {nearest:.3g}, set to it for slope and intercept: log odds have no end"
            found.append(Decision("values clipped", f"calibration: {name}, {cohort}, {estimate}", count, why))
    return found
