"""What is judged: one checked cohort, and the refusals."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from radiogenomics._errors import InputError
from radiogenomics._names import written_alike
from radiogenomics._tables import check_numeric, check_patients, summarise
from radiogenomics.validation._copies import find_copies

Ints = NDArray[np.int_]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cohort:
    """Patients with features and an outcome, in the order of their identifiers, so that the order given does not matter.

    Attributes
    ----------
    name : str
        The cohort's name in the tables.
    features : DataFrame, shape (n_patients, n_features)
        The measurements.
    outcome : array of int, shape (n_patients,)
        0 or 1.
    groups : array of int or None, shape (n_patients,)
        Patients of one group never stand on both sides of a split.
    volume : Series or None, shape (n_patients,)
        Lesion volume, where it is known for every patient.
    """

    name: str
    features: pd.DataFrame
    outcome: Ints
    groups: Ints | None
    volume: pd.Series | None


def check_cohort(
    name: str,
    features: pd.DataFrame,
    outcome: pd.Series,
    *,
    groups: pd.Series | None = None,
    volume: pd.Series | None = None,
) -> Cohort:
    """Check one cohort -> its patients in the order of their identifiers.

    Parameters
    ----------
    name : str
        The cohort's name; stands in the messages.
    features : DataFrame, shape (n_patients, n_features)
        Numeric or of pandas' category type (factors), indexed by ``patient``; NaN is left for the recipe to impute.
    outcome : Series
        0 or 1 (or False and True) for at least these patients.
    groups : Series, optional
        A label for at least these patients.
    volume : Series, optional
        Lesion volume; used when it is known for all of these patients.

    Returns
    -------
    Cohort
        The checked cohort.

    Raises
    ------
    ValueError
        If a table is malformed, an outcome is missing, not 0 or 1, or of one class only, or is among the features.
    """
    place = f"{name} features"
    check_numeric(check_patients(features, place).select_dtypes(exclude="category"), place, missing=True)
    features = features.sort_index()
    if features.shape[1] == 0:
        raise InputError(f"`{place}` has no columns; give at least one feature.")
    values = _outcome(name, features, outcome)
    _not_among(name, features, values, outcome.name)
    known = None if groups is None else _aligned(groups, features.index, f"{name} groups")
    return Cohort(
        name=name,
        features=features,
        outcome=values,
        groups=None if known is None else np.unique(known.to_numpy(), return_inverse=True)[1],
        volume=None if volume is None or not features.index.isin(volume.dropna().index).all() else volume.loc[features.index],
    )


def check_external(
    training: Cohort, external: Mapping[str, tuple[pd.DataFrame, pd.Series]], volume: pd.Series | None
) -> list[Cohort]:
    """Check the external cohorts against the training cohort -> cohorts with the columns in the training order.

    Raises
    ------
    ValueError
        If the columns differ, a patient stands in two cohorts, under one name or as a copy of a training patient under another,
        or two cohorts share a name.
    """
    cohorts, seen = [], dict.fromkeys(training.features.index, training.name)
    for name, (features, outcome) in external.items():
        if name == training.name:
            raise InputError(f"An external cohort is named {name!r} like the training cohort; give it another name.")
        _same_columns(training, name, features)
        cohort = check_cohort(name, features[list(training.features.columns)], outcome, volume=volume)
        twice = [patient for patient in cohort.features.index if patient in seen]
        if twice:
            where = seen[twice[0]]
            raise InputError(
                f"Patient(s) {summarise(twice)} are in cohorts {where!r} and {name!r}; a patient may be in one cohort only."
            )
        alike = written_alike(cohort.features.index, seen)
        if alike:
            one, two = alike[0]
            raise InputError(
                f"{len(alike)} patient(s) of cohort {name!r} stand in {seen[two]!r} in another writing, such as {one!r} and "
                f"{two!r}; a patient may be in one cohort only: drop them from one, or name them apart."
            )
        _check_no_copies(training, cohort)
        seen |= dict.fromkeys(cohort.features.index, name)
        cohorts.append(cohort)
    return cohorts


def keep_copies_together(cohort: Cohort) -> Cohort:
    """Put patients whose features are copies of each other's into one group, and say so -> the cohort, with those groups."""
    copies, n = find_copies({cohort.name: cohort.features}), len(cohort.features)
    groups = np.arange(n) if cohort.groups is None else cohort.groups
    copies = pd.concat([copies[["first", "second"]], _alike(cohort.features.index)], ignore_index=True).drop_duplicates()
    one, two = (groups[cohort.features.index.get_indexer(pd.Index(copies[side]))] for side in ("first", "second"))
    apart = one != two
    if not apart.any():
        return cohort
    logger.warning(
        "Cohort %r: %d pair(s) of patients have features that are copies of each other's, or names that differ in case, signs or "
        "zeros alone (%s); each pair stays in one fold. "
        "If they are one patient, keep one.",
        *(cohort.name, apart.sum(), _named(copies[apart])),
    )
    joined = coo_array((np.ones(apart.sum()), (one[apart], two[apart])), shape=(n, n))
    return replace(cohort, groups=connected_components(joined, directed=False)[1][groups].astype(int))


def _alike(patients: pd.Index) -> pd.DataFrame:
    """Pair patients whose names differ in case, signs or leading zeros alone."""
    pairs = [(one, two) for one, two in written_alike(patients, patients) if str(one) < str(two)]
    return pd.DataFrame(pairs, columns=["first", "second"])


def _named(copies: pd.DataFrame) -> str:
    return summarise(f"{one} and {two}" for one, two in zip(copies["first"], copies["second"], strict=True))


def _check_no_copies(training: Cohort, cohort: Cohort) -> None:
    copies = find_copies({training.name: training.features, cohort.name: cohort.features})
    copies = copies[copies["first_table"] != copies["second_table"]]
    if len(copies):
        count, whose = copies["second"].nunique(), f"{training.name!r}: {_named(copies)}"
        remedy = "a patient may be in one cohort only: drop them from one (see validation.find_copies)"
        raise InputError(f"{count} patient(s) of cohort {cohort.name!r} have the features of patients of {whose}; {remedy}.")


def check_folds(training: Cohort, n_splits: int, n_repeats: int) -> None:
    """Refuse folds that cannot hold patients of both classes.

    Raises
    ------
    ValueError
        If there are fewer than two folds, no repeat, or fewer events (or non-events, or groups of either) than folds.
    """
    if n_splits < 2 or n_repeats < 1:
        raise InputError(f"`n_splits` is {n_splits} and `n_repeats` {n_repeats}; give at least 2 folds and 1 repeat.")
    units = np.arange(len(training.outcome)) if training.groups is None else training.groups
    what = "patients" if training.groups is None else "groups"
    for label, kind in ((1, "events"), (0, "non-events")):
        have = len(np.unique(units[training.outcome == label]))
        if have < n_splits:
            raise InputError(
                f"Cohort {training.name!r} has {kind} in {have} {what}, fewer than the {n_splits} folds; "
                f"lower `n_splits` to at most {have} or add patients."
            )


def check_recipe(recipe: Any, training: Cohort) -> None:
    """Refuse a recipe that gives no probabilities, or one that cannot take the missing values the features have.

    Raises
    ------
    TypeError
        If the recipe is no classifier with ``predict_proba``.
    ValueError
        If missing values are left when a step comes that cannot take them.
    """
    if not hasattr(recipe, "fit") or not hasattr(recipe, "predict_proba"):
        raise TypeError(
            f"The recipe {type(recipe).__name__} must be a scikit-learn classifier with predict_proba, so that scores of "
            "different folds compare; wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    values = training.features
    missing = values.columns[values.isna().any()]
    if len(missing) == 0:
        return
    for name, step in recipe.steps if isinstance(recipe, Pipeline) else [("the recipe", recipe)]:
        if _imputes(step):
            return
        if not get_tags(step).input_tags.allow_nan:
            raise InputError(
                f"`{training.name} features` has NaN in column(s) {summarise(missing)}, and step {name!r} "
                f"({type(step).__name__}) "
                "cannot take them; put sklearn.impute.SimpleImputer before it, so that it learns inside the folds."
            )


def _imputes(step: Any) -> bool:
    return type(step).__module__.startswith("sklearn.impute")


def _outcome(name: str, features: pd.DataFrame, outcome: pd.Series) -> Ints:
    if not isinstance(outcome, pd.Series):
        raise TypeError(f"The outcome of cohort {name!r} must be a pandas Series by patient, it is a {type(outcome).__name__}.")
    values = _aligned(outcome, features.index, f"{name} outcome")
    if not pd.api.types.is_numeric_dtype(values) or not values.isin([0, 1]).all():
        strange = values[~values.isin([0, 1])].unique() if pd.api.types.is_numeric_dtype(values) else values.unique()
        raise InputError(f"The outcome of cohort {name!r} must be 0 or 1, it holds {summarise(strange)}; code the event as 1.")
    if values.nunique() < 2:
        raise InputError(
            f"The outcome of cohort {name!r} has one class, all {len(values)} patients are {int(values.iloc[0])}; "
            "an AUC needs both events and non-events."
        )
    return values.to_numpy(dtype=int)


def _aligned(series: pd.Series, patients: pd.Index, name: str) -> pd.Series:
    if series.index.has_duplicates:
        raise InputError(
            f"`{name}` has more than one value for patient {summarise(series.index[series.index.duplicated()])}; keep one."
        )
    lacking = patients.difference(series.dropna().index)
    if len(lacking):
        raise InputError(
            f"`{name}` lacks {len(lacking)} patient(s) that have features: {summarise(lacking)}; drop them from the features."
        )
    return series.loc[patients]


def _not_among(name: str, features: pd.DataFrame, outcome: Ints, label: Any) -> None:
    same = [column for column in features.columns if label is not None and column == label]
    values = features.apply(_numbers).to_numpy(dtype=float, na_value=np.nan)
    low, high = np.nanmin(values, axis=0, initial=np.inf), np.nanmax(values, axis=0, initial=-np.inf)
    two = np.isfinite(low) & (high > low)
    # The outcome in another coding is the outcome: 0/1, 1/2, -1/1, or reversed.
    scaled = (values[:, two] - low[two]) / (high[two] - low[two])
    copies = (scaled == outcome[:, None]).all(axis=0) | (scaled == 1 - outcome[:, None]).all(axis=0)
    same += [column for column in features.columns[two][copies] if column not in same]
    if same:
        raise InputError(f"`{name} features` holds the outcome itself in column(s) {summarise(same)}; drop them.")


def _numbers(column: pd.Series) -> pd.Series:
    """Give a factor as the numbers of its levels, so that an outcome in words is found too."""
    return column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column


def _same_columns(training: Cohort, name: str, features: pd.DataFrame) -> None:
    check_patients(features, f"{name} features")
    lacking = training.features.columns.difference(features.columns)
    extra = features.columns.difference(training.features.columns)
    if len(lacking) or len(extra):
        parts = [f"{word} {len(some)} ({summarise(some)})" for word, some in (("lacks", lacking), ("adds", extra)) if len(some)]
        raise InputError(
            f"The features of external cohort {name!r} differ from those of {training.name!r}: it {' and '.join(parts)}; "
            "extract both with the same settings."
        )
