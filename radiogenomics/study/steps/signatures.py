"""The imaging signatures and their fusion, judged as published and honestly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from radiogenomics import validation
from radiogenomics._errors import InputError
from radiogenomics.study.engine.context import Run
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import CLINICAL, FUSION, SHUFFLED, lesion_volume, measured
from radiogenomics.study.steps.patients import of_cohort
from radiogenomics.study.steps.recipes import fusion, recipe

Cohorts = dict[str, tuple[pd.DataFrame, pd.Series]]
"""Features and outcome by cohort, the training cohort first."""

_FEWEST_STABLE = 5  # with fewer on everybody, some fold is left without any


@step(
    makes={
        "evaluation": "AUC of every signature by every estimate: apparent, published, nested, optimism, external, volume",
        "signatures": "score of every patient by every signature and estimate",
        "stability": "how often the fits of nested cross-validation chose each size and feature",
        "fusion_terms": "coefficients of the fusion fitted to everybody",
        "nomogram": "scales of the fusion's nomogram",
    },
    settings=("signature", "fusion", "training", "external", "extraction", "seed"),
)
def signatures(
    patients: pd.DataFrame,
    features: Tables,
    second_reader: Tables,
    agreement: pd.DataFrame | None = None,
    lesions: pd.DataFrame | None = None,
    *,
    settings: Manifest,
    run: Run,
) -> Tables:
    """Judge every signature, their fusion, and what they must beat."""
    if agreement is not None:
        _check_repeatable(agreement, settings)
    judge = _Judge(patients, features, second_reader, lesion_volume(settings, features, lesions), settings, run)
    judged = dict(judge.all())
    tables = {
        "evaluation": pd.concat([one.table for one in judged.values()], ignore_index=True),
        "signatures": pd.concat([one.scores for one in judged.values()], ignore_index=True),
        "stability": pd.concat([one.stability for one in judged.values()], ignore_index=True),
    }
    return tables | (_nomogram(judged[FUSION].fitted) if FUSION in judged else {})


@dataclass(frozen=True)
class _Judge:
    """The included patients of a study, and how a recipe is judged on them."""

    patients: pd.DataFrame
    features: Tables
    second_reader: Tables
    volume: "pd.Series[float] | None"
    settings: Manifest
    run: Run

    def all(self) -> Iterator[tuple[str, validation.Evaluation]]:
        """Judge every signature, its shuffled copy, and the fusion -> evaluations by name."""
        kinds = self.settings.kinds()
        for kind in kinds:
            yield kind, self._judge(kind, self._recipe(kind), self._recipe(kind, inner=True), measured(self.features[kind]))
        for kind in kinds:
            copies = self.features[kind].filter(regex=f"^{SHUFFLED}")
            if copies.shape[1]:
                name, quick = f"{SHUFFLED}{kind}", self._recipe(kind, inner=True, shuffled=True)
                yield name, self._judge(name, self._recipe(kind, shuffled=True), quick, copies)
        if self.settings.fusion:
            yield from self._fused(kinds, self.settings.fusion.clinical)

    def _fused(self, kinds: list[str], columns: list[str]) -> Iterator[tuple[str, validation.Evaluation]]:
        """Judge the fusion, and the clinical columns alone."""
        tables = {kind: measured(self.features[kind]).add_prefix(f"{kind}: ") for kind in kinds}
        clinical = _clinical(self.patients, columns)
        names = {kind: list(table.columns) for kind, table in tables.items()}
        model = fusion(self.settings, names, second_reader=self.second_reader)
        yield FUSION, self._judge(FUSION, model, model, pd.concat([*tables.values(), clinical], axis=1, join="inner"))
        if columns:
            model = fusion(self.settings, {}, second_reader=self.second_reader)
            yield CLINICAL, self._judge(CLINICAL, model, model, clinical)

    def _recipe(self, kind: str, **options: Any) -> Any:
        return recipe(self.settings, kind, second_reader=self.second_reader, **options)

    def _judge(self, name: str, chosen: Any, quick: Any, table: pd.DataFrame) -> validation.Evaluation:
        how, cohorts = self.settings.signature, self._split(table)
        (training, outcome), *_ = cohorts.values()
        return validation.evaluate(
            chosen,
            training,
            outcome,
            signature=name,
            external={cohort: table for cohort, table in cohorts.items() if cohort != "training"} or None,
            volume=self.volume if name in self.settings.kinds() else None,
            n_splits=how.n_splits,
            n_repeats=how.n_repeats,
            n_boot_optimism=how.n_bootstraps,
            n_permutations=how.n_permutations,
            permutation_recipe=quick,
            random_state=self.settings.seed_of(name),
            n_jobs=self.run.n_jobs,
            scheduler=self.run.scheduler,
            progress=self.run.tasks(f"signature {name}"),
            keep=self.run.work / name,
        )

    def _split(self, table: pd.DataFrame) -> Cohorts:
        """Give the included patients of every cohort their rows and their outcome."""
        outcome = self.patients["outcome"]
        parts = {name: of_cohort(table, self.patients, name) for name in self.settings.cohorts()}
        return {name: (part, outcome.loc[part.index]) for name, part in parts.items()}


def _clinical(patients: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Give the clinical columns of the included patients; words become factors, whose levels are those of the training cohort."""
    patients = patients.query("included")
    table = patients[columns].copy()
    for column in columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            levels = sorted(table.loc[patients["cohort"] == "training", column].unique())
            table[column] = pd.Categorical(table[column], categories=levels)
    return table


def _nomogram(fitted: Any) -> dict[str, pd.DataFrame]:
    """Lay the fusion out as terms, and as the points of its nomogram; the last scale is the probability."""
    layout = fitted.nomogram()
    risks = pd.DataFrame({"term": "probability", "value": layout.total["risk"], "points": layout.total["total_points"]})
    points = pd.concat([layout.points[["term", "value", "points"]], risks], ignore_index=True)
    points["value"] = [f"{value:g}" if isinstance(value, float) else str(value) for value in points["value"]]
    return {"fusion_terms": fitted.terms_, "nomogram": points}


def _check_repeatable(agreement: pd.DataFrame, settings: Manifest) -> None:
    """Refuse, before the folds do, a kind of which hardly a feature is as repeatable as asked."""
    for kind, rows in agreement.groupby("signature"):
        asked = settings.signature.icc_of(str(kind))
        if asked is not None and (rows["icc"] >= asked).sum() < _FEWEST_STABLE:
            best = ", ".join(f"{value:.2f}" for value in rows["icc"].nlargest(_FEWEST_STABLE))
            raise InputError(
                f"signature.icc is {asked:g}: fewer than {_FEWEST_STABLE} features of {kind} reach it (the best {best}); "
                f"lower it, or name the kinds it is asked of, such as icc = {{ radiomics = {asked:g} }}"
            )
