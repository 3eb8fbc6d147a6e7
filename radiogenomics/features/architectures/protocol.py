"""What is known of a network before it is built, and of the weights that are offered for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of the red, green and blue channel."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of the pictures of ImageNet, scaled to 0 to 1."""


class Offered:
    """Weights that can be had under a name; of this class, none: then a file or random weights are needed."""

    def names(self) -> list[str]:
        """List the names."""
        return []

    def fetch(self, weights: str) -> Path:
        """Give the file of a name, downloaded where it is missing.

        Raises
        ------
        DownloadError
            If it cannot be downloaded.
        """
        raise NotImplementedError(f"{type(self).__name__} offers no weights.")

    def normalisation(self, weights: str | None) -> Normalisation:
        """Give the mean and deviation that crops must have; None stands for a file or random weights."""
        return IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class Architecture:
    """What is known of a network before it is built.

    Attributes
    ----------
    features : int
        How many numbers it gives.
    build : callable
        Makes the network, a ``torch.nn.Module``, with its classifier cut off: crops (n, 3, s, s) in, features (n, `features`)
        out. It is called under ``torch.device("meta")`` and filled with weights afterwards, and shall import torch itself.
    head : tuple of str
        How the names of the parameters begin that belong to what was cut off; a file may hold them or not.
    size : int, optional
        The one size of picture it takes, where it takes one only.
    double : bool
        Whether it computes in float64.
    offered : Offered
        Weights that can be had by name.
    """

    features: int
    build: Callable[[], Any]
    head: tuple[str, ...] = ()
    size: int | None = None
    double: bool = False
    offered: Offered = field(default_factory=Offered)
