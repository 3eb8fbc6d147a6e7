"""Work on whole squares, in place: BLAS for products, threads for the compiled loops."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.linalg import blas

from radiogenomics._parallel import cores

Array = np.ndarray[Any, Any]


def rank_update(rows: Array, into: Array) -> None:
    """Write rows . rows' to the lower triangle of `into`: half the work of a general product, and no copy."""
    syrk = blas.ssyrk if into.dtype == np.float32 else blas.dsyrk
    # The transposed views are in Fortran's order, so BLAS works in place; its upper triangle is our lower one.
    syrk(1.0, rows.T, trans=1, beta=0.0, c=into.T, lower=0, overwrite_c=1)


def in_stripes(kernel: Callable[[int, int], None]) -> None:
    """Run a kernel on every stripe of a square, one thread a core; stripes share no element."""
    step = cores()
    with ThreadPoolExecutor(step) as pool:
        list(pool.map(lambda first: kernel(first, step), range(step)))


def row_sums(square: Array) -> Array:
    """Sum the absolute values of each row in float64."""
    from radiogenomics.modules import _kernels

    sums = np.zeros(len(square))
    in_stripes(lambda first, step: _kernels.absolute_row_sums(square, sums, first, step))
    return sums
