"""Where the weights of a network come from: a name to download, a file with its checksum, or a seed."""

import importlib
import pickle
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogenomics._errors import InputError
from radiogenomics._files import check_file, parsing
from radiogenomics._files import sha256 as hash_of
from radiogenomics.features.architectures import BACKBONES
from radiogenomics.features.architectures.protocol import Normalisation

if TYPE_CHECKING:
    import torch

RANDOM = "random"


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
    """List the names under which weights are offered for a network."""
    return BACKBONES[name].offered.names()


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
        path, label = BACKBONES[name].offered.fetch(str(weights)), str(weights)
    else:
        path, label = _local(Path(weights), known, name, sha256), ""
    digest = hash_of(path)
    if sha256 is not None and digest != sha256.lower():
        raise InputError(f"{path} has the SHA-256 {digest}, not {sha256}; it is damaged or another file, fetch it again.")
    return Source(path, digest, label or f"{path.name} (SHA-256 {digest[:12]})")


def normalisation(name: str, weights: str | Path) -> Normalisation:
    """Say which mean and deviation of each channel a network was trained with, where it does not see to that itself."""
    offered = BACKBONES[name].offered
    return offered.normalisation(str(weights) if weights in offered.names() else None)


def read(path: Path) -> "dict[str, torch.Tensor]":
    """Read a file of weights -> tensors by name; nothing in the file is executed.

    Raises
    ------
    ValueError
        If the file is damaged, or holds anything but tensors by name.
    """
    import torch

    with parsing(check_file(path, "weights"), partial(_no_weights, path)):
        if path.suffix == ".safetensors":
            state: Any = importlib.import_module("safetensors.torch").load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not all(isinstance(values, torch.Tensor) for values in state.values()):
        held = f"a {type(state).__name__}" + (f" of {', '.join(map(str, list(state)[:4]))}" if isinstance(state, dict) else "")
        raise InputError(f"{path} holds {held}, not tensors by name; save model.state_dict() alone.")
    return state


def _no_weights(path: Path, error: Exception) -> InputError:
    if path.stat().st_size == 0:
        return InputError(f"{path} cannot be read as weights (it is empty); fetch it again.")
    if isinstance(error, pickle.UnpicklingError):
        return InputError(
            f"{path} holds pickled code or is not a file of weights; it was not run. Save model.state_dict() alone."
        )
    words = (str(error).splitlines() or [type(error).__name__])[0].split(". ")[0]
    return InputError(f"{path} cannot be read as weights ({words}); fetch it again.")


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
