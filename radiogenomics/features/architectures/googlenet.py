"""GoogLeNet (Szegedy et al. 2015, doi:10.1109/CVPR.2015.7298594), from torchvision."""

from typing import Any

from radiogenomics.features._networks import torchvision_models, without
from radiogenomics.features._torchvision import Torchvision
from radiogenomics.features.architectures.protocol import Architecture


def build() -> Any:
    """Build it up to the mean of each map of the last layer of convolutions."""
    # torchvision sets transform_input with its pretrained weights: they expect 0.5 as mean and deviation of each channel. Named
    # here for every source of weights, so that a file and the enum it came from agree. The two side exits serve training only.
    network = torchvision_models().googlenet(weights=None, init_weights=False, aux_logits=False, transform_input=True)
    return without(network, "fc")


ARCHITECTURE = Architecture(1024, build, ("fc.", "aux1.", "aux2."), offered=Torchvision("googlenet"))
