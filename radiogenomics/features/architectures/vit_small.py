"""Small vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), from timm."""

import importlib
from pathlib import Path
from typing import Any

from radiogenomics.features._downloading import downloading
from radiogenomics.features._networks import timm
from radiogenomics.features.architectures.protocol import Architecture, Normalisation, Offered

_MODEL = "vit_small_patch16_224"
_DEFAULT_TAG = "augreg_in21k_ft_in1k"


class _Tags(Offered):
    """timm's weights of the network, kept in Hugging Face's cache; each has a normalisation of its own."""

    def names(self) -> list[str]:
        return [model.partition(".")[2] for model in timm().list_pretrained(f"{_MODEL}.*")]

    def fetch(self, weights: str) -> Path:
        """Give Hugging Face's cached file, downloaded where it is missing."""
        repository = timm().get_pretrained_cfg(f"{_MODEL}.{weights}").hf_hub_id
        repository = f"{repository}{_MODEL}.{weights}" if repository.endswith("/") else repository
        with downloading(f"vit_small, {weights}", repository):
            return Path(importlib.import_module("huggingface_hub").hf_hub_download(repository, "model.safetensors"))

    def normalisation(self, weights: str | None) -> Normalisation:
        """Give what the weights were trained with; a file counts as the default weights."""
        configuration = timm().get_pretrained_cfg(f"{_MODEL}.{weights or _DEFAULT_TAG}")
        return tuple(configuration.mean), tuple(configuration.std)


def build() -> Any:
    """Build it up to the class token after the last normalisation."""
    return timm().create_model(_MODEL, pretrained=False, num_classes=0)


ARCHITECTURE = Architecture(384, build, ("head.",), size=224, offered=_Tags())
