"""ResNet-50 (He et al. 2016, doi:10.1109/CVPR.2016.90), from torchvision."""

from typing import Any

from radiogenomics.features._networks import torchvision_models, without
from radiogenomics.features._torchvision import Torchvision
from radiogenomics.features.architectures.protocol import Architecture


def build() -> Any:
    """Build it up to the mean of each map of the last layer of convolutions."""
    return without(torchvision_models().resnet50(weights=None), "fc")


ARCHITECTURE = Architecture(2048, build, ("fc.",), offered=Torchvision("resnet50"))
