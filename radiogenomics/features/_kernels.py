"""Compiled sums over co-occurrence matrices, each in the order in which PyRadiomics adds, so that no bit differs."""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]


@njit(cache=True, nogil=True)
def sums_and_differences(p: Array, levels: Array, sums: Array, differences: Array) -> None:
    """Add p (levels x levels x angles) up by the sum and by the distance of its two grey levels, into the last two."""
    for i in range(p.shape[0]):
        for j in range(p.shape[1]):
            sums[levels[i] + levels[j] - 2] += p[i, j]
            differences[abs(levels[i] - levels[j])] += p[i, j]


@njit(cache=True, nogil=True)
def correlation_squares(p: Array, px: Array, py: Array, eps: float) -> Array:
    """Q(i, j) = sum over k of p(i, k) p(j, k) / (px(i) py(k)), of every angle; terms of zero are left out.

    p is levels x levels x angles, px and py are levels x angles. Haralick et al. 1973, doi:10.1109/TSMC.1973.4309314,
    feature 14.
    """
    n, _, angles = p.shape
    q = np.zeros((n, n, angles))
    occupied = np.empty(n, np.int64)
    for k in range(n):
        count = 0
        for i in range(n):
            if np.any(p[i, k] != 0):
                occupied[count] = i
                count += 1
        for i in occupied[:count]:
            divisor = px[i] * py[k] + eps
            for j in occupied[:count]:
                for angle in range(angles):
                    q[i, j, angle] += p[i, k, angle] * p[j, k, angle] / divisor[angle]
    return q
