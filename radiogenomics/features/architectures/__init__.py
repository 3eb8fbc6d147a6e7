"""The deep networks: one file each, and the one table of them."""

from radiogenomics._registry import Registry
from radiogenomics.features.architectures.protocol import Architecture, Offered

BACKBONES: Registry[Architecture] = Registry(
    "backbones",
    "radiogenomics.features.architectures:BACKBONES",
    {
        "googlenet": "radiogenomics.features.architectures.googlenet:ARCHITECTURE",
        "resnet50": "radiogenomics.features.architectures.resnet50:ARCHITECTURE",
        "vgg16": "radiogenomics.features.architectures.vgg16:ARCHITECTURE",
        "efficientnet_b0": "radiogenomics.features.architectures.efficientnet_b0:ARCHITECTURE",
        "vit_small": "radiogenomics.features.architectures.vit_small:ARCHITECTURE",
    },
    needs=("features", "build", "head", "size", "double", "offered"),
)
"""Every network by name; see `Architecture` for what one is, and `BACKBONES.register` to add one."""

__all__ = ["BACKBONES", "Architecture", "Offered"]
