"""The settings of one search for modules, and what an engine gives back."""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.modules.correlation import Correlation
from radiogenomics.modules.cut import check_cut
from radiogenomics.modules.inputs import check_power
from radiogenomics.modules.linkage import Tree
from radiogenomics.modules.network import Denominator, Network, Overlap
from radiogenomics.modules.refine import Kinship, Trimming, check_merge_height

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Found:
    """What an engine found: labels after and before merging, and one tree a block."""

    labels: Array
    unmerged: Array
    trees: tuple[Tree, ...]


@dataclass(frozen=True)
class Settings:
    """Every setting of one run, as `find_modules` documents them."""

    power: float
    network: Network
    overlap: Overlap
    overlap_denominator: Denominator
    correlation: Correlation
    max_p_outliers: float
    min_size: int
    deep_split: int
    merge_height: float
    detect_height: float
    pam: bool
    pam_respects_dendro: bool
    min_core_kme: float
    min_kme_to_stay: float
    reassign_threshold: float

    def __post_init__(self) -> None:
        """Check every setting that can be known to be wrong before the work."""
        check_power(self.power)
        check_choice(self.network, "network", get_args(Network))
        check_choice(self.overlap, "overlap", get_args(Overlap))
        check_choice(self.overlap_denominator, "overlap_denominator", get_args(Denominator))
        check_choice(self.correlation, "correlation", get_args(Correlation))
        check_merge_height(self.merge_height)
        _between(self.max_p_outliers, "max_p_outliers", 0, 1)
        _between(self.detect_height, "detect_height", 0, 2)
        _between(self.min_core_kme, "min_core_kme", 0, 1)
        _between(self.min_kme_to_stay, "min_kme_to_stay", 0, 1)
        _between(self.reassign_threshold, "reassign_threshold", 0, 1)
        check_cut(self.min_size, self.deep_split)

    @property
    def kinship(self) -> Kinship:
        """How a gene's closeness to an eigengene is measured."""
        return Kinship(self.network == "unsigned", self.correlation, self.max_p_outliers)

    @property
    def trimming(self) -> Trimming:
        """What a module and its genes must keep after the cut."""
        return Trimming(self.min_size, self.min_core_kme, self.min_kme_to_stay)


def _between(value: float, name: str, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"`{name}` is {value}; it must be in [{low}, {high}].")
