"""Small random patient tables for the tests of linking and gene score."""

import numpy as np
import pandas as pd


def table(values, name):
    """An array as a patient table with columns name0, name1..."""
    values = np.asarray(values, dtype=float)
    index = pd.Index([f"P{number:03d}" for number in range(len(values))], name="patient")
    return pd.DataFrame(values, index=index, columns=[f"{name}{number}" for number in range(values.shape[1])])


def two_tables(seed, n=50, left=4, right=3):
    """Features f0... and modules m0... that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return table(rng.normal(size=(n, left)), "f"), table(rng.normal(size=(n, right)), "m")


def with_gaps(left, right):
    """The same tables with other patients missing in f1 and in m2."""
    left, right = left.copy(), right.copy()
    left.iloc[:4, 1] = np.nan
    right.iloc[3:9, 2] = np.nan
    return left, right
