"""Weights that torchvision offers."""

import re
from pathlib import Path

from radiogenomics._errors import InputError
from radiogenomics._files import sha256
from radiogenomics.features._downloading import downloading
from radiogenomics.features._networks import torchvision_models
from radiogenomics.features.architectures.protocol import Offered


class Torchvision(Offered):
    """The weights of one network of torchvision, kept in torch's cache.

    Parameters
    ----------
    network : str
        torchvision's name of the network.
    """

    def __init__(self, network: str) -> None:
        self.network = network

    def names(self) -> list[str]:
        """List the weights that were trained as classifiers of ImageNet."""
        # IMAGENET1K_FEATURES of VGG16 has no second layer of 4096 and another normalisation.
        return [one.name for one in torchvision_models().get_model_weights(self.network) if one.name.startswith("IMAGENET1K_V")]

    def fetch(self, weights: str) -> Path:
        """Give torch's cached file, downloaded where it is missing; its name states how its SHA-256 begins."""
        import torch

        url = torchvision_models().get_model_weights(self.network)[weights].url
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
        hash_in_name = re.search(r"-([0-9a-f]{8,})\.", path.name)
        start = hash_in_name.group(1) if hash_in_name else ""
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with downloading(f"{self.network}, {weights}", url):
                torch.hub.download_url_to_file(url, str(path), hash_prefix=start, progress=False)
        if not sha256(path).startswith(start):
            raise InputError(f"{path} is damaged: its SHA-256 does not begin with {start}; delete it, and it is fetched again.")
        return path
