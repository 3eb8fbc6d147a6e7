"""Checks of outcomes, scores and probabilities at the room's edge: arrays or Series in, plain arrays out."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from radiogenomics._errors import InputError

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]


def numbers(values: npt.ArrayLike, name: str, *, missing: bool = False) -> Floats:
    """Check one-dimensional finite numbers -> a float array; NaN passes only with `missing`."""
    array = _floats(values, name)
    if array.ndim != 1:
        raise InputError(f"`{name}` has shape {array.shape}; give one value per patient, shape (n,).")
    if not array.size:
        raise InputError(f"`{name}` is empty; give at least one value.")
    bad = np.isinf(array) if missing else ~np.isfinite(array)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        count = f"{int(bad.sum())} value(s) that are not finite"
        raise InputError(
            f"`{name}` has {count}, the first is {array[first]} at {place(values, first)}; drop or impute them first."
        )
    return array


def binary(values: npt.ArrayLike, name: str = "y_true", *, both: bool = True) -> Bools:
    """Check a 0/1 outcome -> a Boolean array; with `both`, each class must occur."""
    array = numbers(values, name)
    bad = (array != 0) & (array != 1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InputError(f"`{name}` is {array[first]:g} at {place(values, first)}; code the event as 1 and everything else as 0.")
    if both and array.min() == array.max():
        remedy = "patients of both classes are needed"
        raise InputError(f"`{name}` has one class only: all {array.size} values are {array[0]:g}; {remedy}.")
    event: Bools = array == 1
    return event


def scores(values: npt.ArrayLike, beside: npt.ArrayLike, name: str, other: str = "y_true", *, missing: bool = False) -> Floats:
    """Check finite scores of the same patients as `beside` -> a float array."""
    array = numbers(values, name, missing=missing)
    same_patients(values, beside, name, other)
    return array


def probabilities(values: npt.ArrayLike, beside: npt.ArrayLike, name: str) -> Floats:
    """Check probabilities in [0, 1] of the same patients as `beside` -> a float array."""
    array = scores(values, beside, name)
    bad = (array < 0) | (array > 1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        remedy = "give predicted probabilities, not scores or linear predictors"
        raise InputError(f"`{name}` is {array[first]:g} at {place(values, first)}, outside [0, 1]; {remedy}.")
    return array


def same_patients(values: npt.ArrayLike, beside: npt.ArrayLike, name: str, other: str) -> None:
    """Refuse two columns of different length, or two Series whose labels differ or stand in another order."""
    mine, theirs = np.shape(values), np.shape(beside)
    if mine[:1] != theirs[:1]:
        raise InputError(f"`{name}` has {mine[0]} values and `{other}` has {theirs[0]}; give both for the same patients.")
    if isinstance(values, pd.Series) and isinstance(beside, pd.Series) and not values.index.equals(beside.index):
        first = int(np.flatnonzero(np.asarray(values.index != beside.index))[0])
        labels = f"row {first + 1} is {values.index[first]!r} in `{name}` and {beside.index[first]!r} in `{other}`"
        raise InputError(f"`{name}` and `{other}` are labelled differently: {labels}; align them with {name}.loc[{other}.index].")


def follow_up_of(time: npt.ArrayLike, event: npt.ArrayLike) -> tuple[Floats, Bools]:
    """Check follow-up and event -> arrays of times and of Booleans."""
    follow_up, failed = numbers(time, "time"), binary(event, "event", both=False)
    same_patients(event, time, "event", "time")
    if follow_up.min() < 0:
        first = int(np.flatnonzero(follow_up < 0)[0])
        raise InputError(f"`time` is {follow_up[first]:g} at {place(time, first)}; follow-up cannot be negative.")
    if follow_up.max() == 0:
        raise InputError(f"`time` is 0 for every patient (all {follow_up.size}): nobody was followed; is it the right column?")
    return follow_up, failed


def confidence_of(confidence: float) -> float:
    """Check a confidence level strictly between 0 and 1 -> the confidence."""
    if not 0 < confidence < 1:
        raise InputError(f"`confidence` is {confidence}; a confidence level lies between 0 and 1, for example 0.95.")
    return float(confidence)


def place(values: object, position: int) -> str:
    """Name a row as its reader knows it: the label of a Series, else the position counted from 0."""
    if isinstance(values, pd.Series):
        return f"row {values.index[position]!r}"
    return f"position {position}"


def _floats(values: npt.ArrayLike, name: str) -> Floats:
    try:
        if isinstance(values, pd.Series):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{name}` must hold numbers ({error}); encode words as numbers first.") from None
