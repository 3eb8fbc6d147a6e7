"""The package PyWGCNA as an engine: its prints, exits, plots and settings contained."""

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from radiogenomics._errors import InputError, MissingPackageError, RunError
from radiogenomics.modules.cut import by_size
from radiogenomics.modules.linkage import Tree, tree_from_pairs
from radiogenomics.modules.settings import Found, Settings

Array = np.ndarray[Any, Any]
_NATIVE_ONLY = {"correlation": "pearson", "overlap_denominator": "min"}


def find_with_pywgcna(expression: pd.DataFrame, settings: Settings) -> Found:
    """Find modules with PyWGCNA's network, tree, cut and merging.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Without missing values.
    settings : Settings
        What PyWGCNA does not know must stand at its default: `correlation`, `overlap_denominator`. It has no trimming by
        membership and no reassignment, sets the height of the cut itself, and never respects the tree in its PAM stage (it
        crashes there), so those settings do nothing here.

    Returns
    -------
    Found
        Its labels, renumbered by size, and its tree.

    Raises
    ------
    ImportError
        If PyWGCNA is not installed.
    ValueError
        If values are missing, or a setting is one that PyWGCNA does not have.
    RuntimeError
        If PyWGCNA gave up, with the last thing it said.

    References
    ----------
    Rezaie, Reese & Mortazavi (2023), PyWGCNA: a Python package for weighted gene co-expression network analysis.
    doi:10.1093/bioinformatics/btad415
    """
    _check(expression, settings)
    with _contained():
        labels, unmerged, tree = _run(expression, settings)
    return Found(labels, unmerged, (tree,))


def _check(expression: pd.DataFrame, settings: Settings) -> None:
    for name, only in _NATIVE_ONLY.items():
        if getattr(settings, name) != only:
            raise InputError(
                f"engine='pywgcna' knows only {name}={only!r}, it is {getattr(settings, name)!r}; use engine='native'."
            )
    if settings.overlap not in ("unsigned", "signed"):
        raise InputError(
            f"engine='pywgcna' knows only unsigned and signed overlap, it is {settings.overlap!r}; use engine='native'."
        )
    holes = int(expression.isna().to_numpy().sum())
    if holes:
        raise InputError(f"engine='pywgcna' cannot use the {holes} missing values; impute them first or use engine='native'.")


@contextlib.contextmanager
def _contained() -> Iterator[None]:
    """Hold PyWGCNA's habits: it prints, exits, writes into the working folder and changes matplotlib's settings."""
    import matplotlib as mpl

    said, here = io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(), mpl.rc_context():
        warnings.simplefilter("ignore")
        try:
            os.chdir(scratch)
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                yield
        except SystemExit as leave:
            raise RunError(f"PyWGCNA gave up: {_last_words(said, leave)}; use engine='native'.") from leave
        finally:
            os.chdir(here)


def _last_words(said: io.StringIO, leave: SystemExit) -> str:
    lines = [line.strip() for line in f"{said.getvalue()}\n{leave.code or ''}".splitlines() if line.strip()]
    return lines[-1] if lines else "it did not say why"


def _run(expression: pd.DataFrame, settings: Settings) -> tuple[Array, Array, Tree]:
    try:
        from PyWGCNA import WGCNA
    except ImportError as error:
        raise MissingPackageError("engine='pywgcna' needs the package PyWGCNA: pip install 'radiogenomics[pywgcna]'.") from error
    genes = expression.columns.rename("gene")
    adjacency = WGCNA.adjacency(expression, power=settings.power, adjacencyType=settings.network)
    dissimilarity = 1 - np.asarray(WGCNA.TOMsimilarity(adjacency, TOMType=settings.overlap), dtype=np.float64)
    del adjacency
    np.fill_diagonal(dissimilarity, 0)
    linkage = WGCNA.hclust(squareform(dissimilarity, checks=False), method="average")
    # It crashes when its PAM stage shall respect the tree.
    cut = WGCNA.cutreeHybrid(
        dendro=linkage.copy(), distM=pd.DataFrame(dissimilarity, genes, genes), deepSplit=settings.deep_split,
        minClusterSize=settings.min_size, pamStage=settings.pam, pamRespectsDendro=False,
    )["Name"].to_numpy(dtype=np.int64)  # fmt: skip
    merged = _merge(WGCNA, expression, cut, settings.merge_height)
    return merged, by_size(cut), _tree(linkage, genes)


def _merge(wgcna: Any, expression: pd.DataFrame, labels: Array, merge_height: float) -> Array:
    names = np.where(labels == 0, "grey", labels.astype(str))
    merged = wgcna.mergeCloseModules(expression, names, cutHeight=merge_height)["colors"]
    return by_size(np.array([0 if name == "grey" else int(name) for name in merged]))


def _tree(linkage: Array, genes: pd.Index) -> Tree:
    """Turn scipy's linkage into a tree: a cluster is named by any of its leaves, here the leftmost."""
    leaf = list(range(len(genes)))
    pairs = []
    for left, right in linkage[:, :2].astype(int).tolist():
        pairs.append((leaf[left], leaf[right]))
        leaf.append(leaf[left])
    return tree_from_pairs(np.array(pairs), linkage[:, 2], genes)
