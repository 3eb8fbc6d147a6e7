"""Where the weights of a network come from: a name to download, a file with its checksum, or a seed."""

import importlib
import pickle
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogenomics._errors import DownloadError, InputError
from radiogenomics._files import sha256 as hash_of
from radiogenomics.features._networks import VIT, timm, torchvision_models
from radiogenomics.features.crops import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    import torch

RANDOM = "random"

_SILENCE_S = 60.0  # torch.hub sets no time limit: a dead connection would hang for ever
_DEFAULT_TAG = "augreg_in21k_ft_in1k"

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Source:
    """Weights that lie on this machine.

    Attributes
    ----------
    path : Path
        The file.
    sha256 : str
        Its checksum.
    label : str
        What stands in tables and figures after the name of the network.
    """

    path: Path
    sha256: str
    label: str


def known_weights(name: str) -> list[str]:
    """List the names under which torchvision or timm offers weights for a network."""
    if name == "vit_small":
        return [model.partition(".")[2] for model in timm().list_pretrained(f"{VIT}.*")]
    # IMAGENET1K_FEATURES of VGG16 has no second layer of 4096 and another normalisation.
    return [one.name for one in torchvision_models().get_model_weights(name) if one.name.startswith("IMAGENET1K_V")]


def find(name: str, weights: str | Path, sha256: str | None) -> Source:
    """Find the file with the weights of a network, downloading it where a name stands for it.

    Raises
    ------
    ValueError
        If there is no such file or name, or the checksum is missing or wrong.
    ConnectionError
        If the download fails.
    """
    known = known_weights(name)
    if weights in known:
        path = _from_hub(str(weights)) if name == "vit_small" else _from_torchvision(name, str(weights))
        label = str(weights)
    else:
        path, label = _local(Path(weights), known, name, sha256), ""
    digest = hash_of(path)
    if sha256 is not None and digest != sha256.lower():
        raise InputError(f"{path} has the SHA-256 {digest}, not {sha256}; it is damaged or another file, fetch it again.")
    return Source(path, digest, label or f"{path.name} (SHA-256 {digest[:12]})")


def normalisation(name: str, weights: str | Path) -> Normalisation:
    """Say which mean and deviation of each channel a network was trained with, where it does not see to that itself."""
    if name != "vit_small":
        return IMAGENET_MEAN, IMAGENET_STD
    tag = weights if weights in known_weights(name) else _DEFAULT_TAG
    chosen = timm().get_pretrained_cfg(f"{VIT}.{tag}")
    return tuple(chosen.mean), tuple(chosen.std)


def read(path: Path) -> "dict[str, torch.Tensor]":
    """Read a file of weights -> tensors by name; nothing in the file is executed.

    Raises
    ------
    ValueError
        If the file is damaged, or holds anything but tensors by name.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            state: Any = importlib.import_module("safetensors.torch").load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds pickled code or is no file of weights; it was not run. Save model.state_dict() alone."
        ) from error
    except (RuntimeError, EOFError, ValueError, importlib.import_module("safetensors").SafetensorError) as error:
        raise InputError(f"{path} cannot be read as weights ({str(error).splitlines()[0]}); fetch it again.") from error
    if not isinstance(state, dict) or not all(isinstance(values, torch.Tensor) for values in state.values()):
        held = f"a {type(state).__name__}" + (f" of {', '.join(map(str, list(state)[:4]))}" if isinstance(state, dict) else "")
        raise InputError(f"{path} holds {held}, not tensors by name; save model.state_dict() alone.")
    return state


def _local(path: Path, known: list[str], name: str, sha256: str | None) -> Path:
    if not path.is_file():
        raise InputError(
            f"`weights` is {str(path)!r}: no such file, and no weights of {name} by that name; give a file, "
            f"{', '.join(map(repr, known))}, or {RANDOM!r}."
        )
    if sha256 is None:
        raise InputError(
            f"Weights from a file need its SHA-256, that of {path} is {hash_of(path)}; compare it with what its source states, "
            "and pass it as `sha256`."
        )
    return path


def _from_torchvision(name: str, weights: str) -> Path:
    """Give torch's cached file, downloaded where it is missing; its name states how its SHA-256 begins."""
    import torch

    url = torchvision_models().get_model_weights(name)[weights].url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    found = re.search(r"-([0-9a-f]{8,})\.", path.name)
    start = found.group(1) if found else ""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _downloading(f"{name}, {weights}", url):
            torch.hub.download_url_to_file(url, str(path), hash_prefix=start, progress=False)
    if not hash_of(path).startswith(start):
        raise InputError(f"{path} is damaged: its SHA-256 does not begin with {start}; delete it, and it is fetched again.")
    return path


def _from_hub(tag: str) -> Path:
    """Give Hugging Face's cached file, downloaded where it is missing."""
    repository = timm().get_pretrained_cfg(f"{VIT}.{tag}").hf_hub_id
    repository = f"{repository}{VIT}.{tag}" if repository.endswith("/") else repository
    with _downloading(f"vit_small, {tag}", repository):
        return Path(importlib.import_module("huggingface_hub").hf_hub_download(repository, "model.safetensors"))


@contextmanager
def _downloading(what: str, place: str) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise DownloadError(
            f"The weights {what} could not be fetched from {place} ({error}); fetch them where there is a network, and give "
            "the local file with its SHA-256."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
