"""What a recipe is: a function that builds a whole classifier, and what a manifest may ask of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """One recipe of signatures.

    Attributes
    ----------
    build : callable
        Builds an unfitted scikit-learn classifier with ``predict_proba``, from a table of features to a probability: all that
        learns from patients stands inside it. It takes as keywords ``random_state`` and the values of `keys`; for ``icc`` it
        takes ``second_reader`` (a table of features) and ``icc``, where features must repeat; for ``parameters`` every key of
        that table of the manifest.
    keys : frozenset of str
        The keys of the manifest's ``[signature]`` that it takes: of ``icc, max_rho, sizes, n_trees, penalty, imbalance,
        parameters``.
    cheaper : mapping of str to object
        Further keywords for its cheaper twin, which judges permutations and stands inside fusions and gene scores.
    makes_folds : bool
        Whether the twin makes folds among the patients it is fitted on, so that each class needs a few more of them.
    """

    build: Callable[..., Any]
    keys: frozenset[str] = frozenset()
    cheaper: Mapping[str, Any] = field(default_factory=dict)
    makes_folds: bool = False
