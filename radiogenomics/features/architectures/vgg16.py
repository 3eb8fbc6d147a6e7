"""VGG-16 (Simonyan & Zisserman 2015, arXiv:1409.1556), from torchvision."""

from typing import Any

from radiogenomics.features._networks import torchvision_models
from radiogenomics.features._torchvision import Torchvision
from radiogenomics.features.architectures.protocol import Architecture


def build() -> Any:
    """Build it up to the ReLU after the second of the two layers of 4096."""
    network = torchvision_models().vgg16(weights=None, init_weights=False)
    network.classifier = network.classifier[:5]
    return network


# Many units behind a ReLU hardly fire in any picture: their range is near the rounding of float32, up to 1e-3 of it off.
ARCHITECTURE = Architecture(4096, build, ("classifier.6.",), double=True, offered=Torchvision("vgg16"))
