"""EfficientNet-B0 (Tan & Le 2019, arXiv:1905.11946), from torchvision."""

from typing import Any

from radiogenomics.features._networks import torchvision_models, without
from radiogenomics.features._torchvision import Torchvision
from radiogenomics.features.architectures.protocol import Architecture


def build() -> Any:
    """Build it up to the mean of each map of the last layer of convolutions."""
    return without(torchvision_models().efficientnet_b0(weights=None), "classifier")


ARCHITECTURE = Architecture(1280, build, ("classifier.",), offered=Torchvision("efficientnet_b0"))
