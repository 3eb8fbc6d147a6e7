"""What a link method is: a correlation of values, or of what a function makes of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def unchanged(values: Floats) -> Floats:
    """Give the values themselves."""
    return values


def fisher(r: Floats) -> Floats:
    """Give the variance of Fisher's z of a correlation of normal values, times n - 3: always 1."""
    return np.ones_like(r)


@dataclass(frozen=True)
class LinkMethod:
    """One way to link two columns: the correlation of what it makes of their values.

    Interval, p, permutations and nulls are those of a correlation, whatever the method.

    Attributes
    ----------
    values : callable
        Takes columns without missing values, shape (n_patients, n_columns), and gives what is correlated in their place, of the
        same shape; each column by itself.
    variance : callable
        Takes correlations and gives the variance of Fisher's z of each, times n - 3, for the interval.
    needs_covariates : bool
        Whether what covariates leave of the values is correlated; then covariates must be given, and else none may.
    """

    values: Callable[[Floats], Floats] = unchanged
    variance: Callable[[Floats], Floats] = fisher
    needs_covariates: bool = False
