"""The networks behind the deep features: how each is built, without its classifier, and filled with numbers."""

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.features.architectures import BACKBONES

if TYPE_CHECKING:
    import torch


def torchvision_models() -> Any:
    """Import `torchvision.models`, also where torchvision's compiled operators do not fit this build of torch.

    PyPI's torchvision is compiled for PyPI's torch. Beside a CPU-only torch its operators do not load, and its module that
    describes them to torch fails on import ("operator torchvision::nms does not exist"). No classification network uses one
    of them, so that an empty module may stand in its place; only then, and only if the plain import fails so.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        name = "torchvision._meta_registrations"
        sys.modules[name] = ModuleType(name)
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    return importlib.import_module("torchvision.models")


def timm() -> Any:
    """Import timm, which imports torchvision."""
    torchvision_models()
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error


def build(name: str) -> "torch.nn.Module":
    """Build a network in evaluation mode, its parameters still without values."""
    models = torchvision_models()
    import torch

    del models
    with torch.device("meta"):  # no memory and no time for initial values that are overwritten
        module: torch.nn.Module = BACKBONES[name].build()
    return module.to_empty(device="cpu").eval().requires_grad_(False)


def fill_randomly(module: "torch.nn.Module", *, random_state: int) -> None:
    """Draw weights from a normal distribution of variance 2 / fan-in; biases 0, normalisation layers pass through.

    The weights of a unit are centred (those that see a single map keep their sum). Behind a ReLU all signals are positive, and
    without this their common level would decide alone whether a unit fires: in every picture, or in none. torch's own random
    state is neither used nor changed.

    References
    ----------
    He K. et al., "Delving deep into rectifiers", ICCV (2015), doi:10.1109/ICCV.2015.123.
    Qiao S. et al., "Micro-batch training with batch-channel normalization and weight standardization", arXiv:1903.10520.
    """
    import torch

    generator = torch.Generator().manual_seed(random_state)
    for name, values in module.state_dict().items():
        if values.ndim > 1:
            values.normal_(0.0, (2 / values[0].numel()) ** 0.5, generator=generator)
            if values.ndim in (2, 4) and values.shape[1] > 1:  # others are tokens and positions
                values -= values.mean(dim=tuple(range(1, values.ndim)), keepdim=True)
        else:
            values.fill_(1 if name.endswith(("weight", "running_var")) else 0)


def fill(module: "torch.nn.Module", state: Mapping[str, "torch.Tensor"], *, name: str, source: str) -> None:
    """Copy the weights of a file into a network; what belongs to the classifier is left out.

    Raises
    ------
    ValueError
        If a parameter is missing, unknown, of another shape or not finite.
    """
    own = module.state_dict()
    given = {key: values for key, values in state.items() if not key.startswith(BACKBONES[name].head)}
    counted = "num_batches_tracked"  # older files lack it, and evaluation does not use it
    missing = [key for key in own if key not in given and not key.endswith(counted)]
    unknown = [key for key in given if key not in own]
    misfit = [key for key in own if key in given and own[key].shape != given[key].shape]
    if missing or unknown or misfit:
        raise InputError(
            f"{source} does not hold the weights of a {name}: {_listed(missing, 'missing')}, {_listed(unknown, 'unknown')}, "
            f"{_listed(misfit, 'of another shape')}; give the state_dict of this network, or another name."
        )
    broken = [key for key, values in given.items() if not values.isfinite().all()]
    if broken:
        raise InputError(f"{source} holds weights that are not finite ({summarise(broken, 2)}); give another file.")
    for key, values in own.items():
        values.copy_(given[key]) if key in given else values.zero_()


def _listed(keys: list[str], what: str) -> str:
    return f"{len(keys)} {what}" + (f" ({summarise(keys, 2)})" if keys else "")


def _not_installed(error: ModuleNotFoundError) -> ImportError:
    return ImportError(
        f"Deep features need torch, torchvision and timm, and {error.name} is not installed: pip install 'radiogenomics[deep]'."
    )


def without(network: Any, layer: str) -> Any:
    """Put nothing instead of a layer."""
    import torch

    setattr(network, layer, torch.nn.Identity())
    return network
