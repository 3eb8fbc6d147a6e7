"""The independent pieces of an evaluation: each fits the recipe on some patients and scores others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from radiogenomics._errors import InputError
from radiogenomics.stats import auc
from radiogenomics.validation._cohorts import Cohort, Ints
from radiogenomics.validation._interval import area_within_folds

Floats = NDArray[np.float64]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class Material:
    """What every task works on: the recipe, its cheaper twin for permutations, and the cohorts."""

    recipe: Any
    quick: Any
    training: Cohort
    external: tuple[Cohort, ...]


@dataclass(frozen=True)
class Fold:
    """Fit the recipe on one training part, score the patients left out; tell which features were kept."""

    split: Split
    random_state: int

    def __call__(self, material: Material) -> tuple[Floats, tuple[str, ...] | None]:
        train, test = self.split
        features, outcome = material.training.features, material.training.outcome
        fitted = seeded(material.recipe, self.random_state).fit(features.iloc[train], outcome[train])
        return probability(fitted, features.iloc[test]), kept(fitted)


@dataclass(frozen=True)
class Final:
    """Fit the recipe on every training patient, score them and every external cohort -> scores, and the fitted recipe."""

    random_state: int

    def __call__(self, material: Material) -> tuple[dict[str, Floats], Any]:
        training = material.training
        fitted = seeded(material.recipe, self.random_state).fit(training.features, training.outcome)
        return {cohort.name: probability(fitted, cohort.features) for cohort in (training, *material.external)}, fitted


@dataclass(frozen=True)
class Preselected:
    """Select on everyone, then cross-validate only the last step: the leak of the published protocol.

    Of a pipeline the last step is its classifier; a recipe of another shape says by ``preselected`` what stands in its place.
    """

    splits: tuple[tuple[Split, ...], ...]
    random_state: int

    def __call__(self, material: Material) -> Floats:
        recipe, training = seeded(material.recipe, self.random_state), material.training
        table, outcome = training.features, training.outcome
        if hasattr(recipe, "preselected"):
            table, recipe = recipe.preselected(table, outcome)
        elif isinstance(recipe, Pipeline) and len(recipe.steps) > 1:
            table = pd.DataFrame(recipe[:-1].fit_transform(table, outcome), index=table.index)
            table.columns = table.columns.astype(str)
            recipe = recipe[-1]
        return _mean_out_of_fold(recipe, table, outcome, self.splits)


@dataclass(frozen=True)
class Resample:
    """Fit the recipe on a bootstrap sample -> how much better it does there than on the patients it was drawn from."""

    random_state: int
    fewest: int

    def __call__(self, material: Material) -> float:
        training = material.training
        rows = self._rows(training, np.random.default_rng(self.random_state))
        drawn, outcome = training.features.iloc[rows], training.outcome[rows]
        fitted = seeded(material.recipe, self.random_state).fit(drawn, outcome)
        at_home = auc(outcome, probability(fitted, drawn)).auc
        return at_home - auc(training.outcome, probability(fitted, training.features)).auc

    def _rows(self, training: Cohort, rng: np.random.Generator) -> NDArray[np.intp]:
        groups = np.arange(len(training.outcome)) if training.groups is None else training.groups
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        for _ in range(1000):
            rows = np.concatenate([members[one] for one in rng.integers(len(members), size=len(members))])
            if np.bincount(training.outcome[rows], minlength=2).min() >= self.fewest:
                return rows
        raise InputError(f"1000 bootstrap samples had fewer than {self.fewest} patients of a class; there are too few events.")


@dataclass(frozen=True)
class Permuted:
    """Cross-validate the cheap recipe once with the outcome permuted, or as it is -> the area within folds."""

    random_state: int
    n_splits: int
    permute: bool

    def __call__(self, material: Material) -> float:
        training, rng = material.training, np.random.default_rng(self.random_state)
        outcome = _permuted(training.outcome, training.groups, rng) if self.permute else training.outcome
        splits = folds(outcome, training.groups, self.n_splits, self.random_state)
        recipe = seeded(material.quick, self.random_state)
        scores = _out_of_fold(recipe, training.features, outcome, splits)
        return area_within_folds(outcome, scores[None], fold_numbers(splits)[None])


def run(material: Material, task: Callable[[Material], Any]) -> Any:
    """Run one task on the shared material."""
    return task(material)


def folds(outcome: Ints, groups: Ints | None, n_splits: int, random_state: int | None) -> tuple[Split, ...]:
    """Split the patients into stratified folds, groups kept whole.

    Parameters
    ----------
    outcome : array of int, shape (n_patients,)
        0 or 1.
    groups : array of int, shape (n_patients,), optional
        Patients with one number never stand on both sides of a split.
    n_splits : int
        Folds.
    random_state : int, optional
        The same seed gives the same folds.

    Returns
    -------
    tuple of (array of int, array of int)
        Positions of the training and of the left-out patients, one pair a fold.
    """
    if groups is None:
        return tuple(StratifiedKFold(n_splits, shuffle=True, random_state=random_state).split(outcome, outcome))
    return tuple(StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state).split(outcome, outcome, groups))


def fold_numbers(splits: tuple[Split, ...]) -> Ints:
    """Give each patient the number of the fold that leaves it out, from 0."""
    numbers = np.empty(sum(len(test) for _, test in splits), dtype=int)
    for number, (_, test) in enumerate(splits):
        numbers[test] = number
    return numbers


def seeded(recipe: Any, random_state: int) -> Any:
    """Clone a recipe with every seed inside it set -> the clone, whose randomness is its own.

    Parameters
    ----------
    recipe : scikit-learn estimator
        Unfitted; it stays as it is.
    random_state : int
        The value of every parameter named ``random_state``, at any depth.

    Returns
    -------
    scikit-learn estimator
        The clone.
    """
    copy = clone(recipe)
    names = [name for name in copy.get_params() if name == "random_state" or name.endswith("__random_state")]
    return copy.set_params(**dict.fromkeys(names, random_state))


def probability(fitted: Any, features: pd.DataFrame) -> Floats:
    """Give each patient's probability of the event."""
    scores: Floats = fitted.predict_proba(features)[:, list(fitted.classes_).index(1)]
    return scores


def kept(fitted: Any) -> tuple[str, ...] | None:
    """Name what a fitted pipeline hands to its last step, which may be nothing; None where it cannot tell."""
    if not isinstance(fitted, Pipeline) or len(fitted.steps) < 2:
        return None
    try:
        return tuple(str(name) for name in fitted[:-1].get_feature_names_out())
    except AttributeError:  # a step without names, such as a FunctionTransformer
        return None


def _out_of_fold(recipe: Any, table: pd.DataFrame, outcome: Ints, splits: tuple[Split, ...]) -> Floats:
    scores = np.empty(len(outcome))
    for train, test in splits:
        scores[test] = probability(clone(recipe).fit(table.iloc[train], outcome[train]), table.iloc[test])
    return scores


def _mean_out_of_fold(recipe: Any, table: pd.DataFrame, outcome: Ints, splits: tuple[tuple[Split, ...], ...]) -> Floats:
    mean: Floats = np.mean([_out_of_fold(recipe, table, outcome, one) for one in splits], axis=0)
    return mean


def _permuted(outcome: Ints, groups: Ints | None, rng: np.random.Generator) -> Ints:
    """Permute the outcome; a group's outcomes move together, to a group of the same size."""
    if groups is None:
        return rng.permutation(outcome)
    permuted, sizes = outcome.copy(), np.bincount(groups)
    for size in np.unique(sizes):
        blocks = np.array([np.flatnonzero(groups == group) for group in np.flatnonzero(sizes == size)])
        permuted[blocks] = outcome[rng.permutation(blocks)]
    return permuted
