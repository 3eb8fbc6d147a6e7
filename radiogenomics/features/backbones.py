"""Crops -> deep features: what a network trained on photographs sees in a lesion."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_choice, check_patients
from radiogenomics.features import _weights
from radiogenomics.features._networks import build, fill, fill_randomly
from radiogenomics.features._precision import exact
from radiogenomics.features.architectures import BACKBONES
from radiogenomics.features.architectures.protocol import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]

_SMALLEST = 32  # pixels: below, the networks pool a picture away


class Backbone:
    """A network without its classifier, filled with weights: crops in, features out.

    ================ ======== ==============================================================================
    name             features what they are
    ================ ======== ==============================================================================
    googlenet        1024     mean of each map of the last layer of convolutions (torchvision)
    resnet50         2048     the same
    vgg16            4096     the second of the two layers of 4096, after its ReLU: the last but one (torchvision)
    efficientnet_b0  1280     mean of each map of the last layer of convolutions (torchvision)
    vit_small        384      the class token after the last normalisation (timm, vit_small_patch16_224)
    ================ ======== ==============================================================================

    Parameters
    ----------
    name : str
        The network, a name of `BACKBONES`: one of those above, or one that was registered.
    weights : str or Path
        A name of torchvision (``IMAGENET1K_V1``; of resnet50 also ``IMAGENET1K_V2``, other weights) or of timm
        (``augreg_in21k_ft_in1k``...), downloaded into the user's cache; or a file with the network's state_dict (``.pth``,
        ``.pt``, ``.safetensors``), with or without its classifier; or ``"random"``.
    sha256 : str, optional
        Checksum of the file; needed with a file, checked with a name too.
    random_state : int
        Seed of random weights.
    device : str
        Where it runs: ``"cpu"``, ``"cuda"``, ``"cuda:1"``...

    Attributes
    ----------
    label : str
        What the features are, to stand in every table and figure: "googlenet, IMAGENET1K_V1"; "googlenet, random weights (seed
        0)".
    random : bool
        Whether the weights are random.
    names : list of str
        ``googlenet_0001``... one a feature; ``googlenet_random_weights_0001``... where the weights are random.
    sha256 : str or None
        Checksum of the weights, None where they are random.

    Raises
    ------
    ValueError
        If the name, the weights, the checksum or the device is not what it must be, or the file does not fit the network.
    ConnectionError
        If weights cannot be downloaded.
    ImportError
        If torch, torchvision or timm is not installed.

    Notes
    -----
    Crops come normalised by ImageNet's mean and deviation. googlenet and most weights of vit_small were trained with 0.5 and
    0.5 instead, and the crops are converted: googlenet always (torchvision's ``transform_input``), vit_small as its name
    demands; a file counts as ``augreg_in21k_ft_in1k``.

    vgg16 computes in float64 (1.1 GB of weights), the others in float32: many of its units hardly fire in any crop, and their
    range is too near to the rounding of float32 to be the same on every device.

    A backbone that goes to another process is made again there, once: a file of weights must lie at the same path.

    References
    ----------
    Szegedy C. et al., "Going deeper with convolutions", CVPR (2015), doi:10.1109/CVPR.2015.7298594.
    He K. et al., "Deep residual learning for image recognition", CVPR (2016), doi:10.1109/CVPR.2016.90.
    Simonyan K., Zisserman A., "Very deep convolutional networks for large-scale image recognition", arXiv:1409.1556.
    Tan M., Le Q. V., "EfficientNet: rethinking model scaling for convolutional neural networks", arXiv:1905.11946.
    Dosovitskiy A. et al., "An image is worth 16x16 words", arXiv:2010.11929.
    """

    def __init__(
        self, name: str, *, weights: str | Path, sha256: str | None = None, random_state: int = 0, device: str = "cpu"
    ) -> None:
        check_choice(name, "name", BACKBONES.names())
        self.name = name
        self.random = weights == _weights.RANDOM
        first = f"{name}_random_weights" if self.random else name
        self.names = [f"{first}_{number:04d}" for number in range(1, BACKBONES[name].features + 1)]
        self.sha256: str | None = None
        if self.random:
            if sha256 is not None:
                raise InputError("`sha256` belongs to a file of weights, and `weights` is 'random'; leave one of them out.")
            self._network = build(name)
            fill_randomly(self._network, random_state=random_state)
            self.label = f"{name}, random weights (seed {random_state})"
        else:
            source = _weights.find(name, weights, sha256)
            self._network = build(name)
            fill(self._network, _weights.read(source.path), name=name, source=str(source.path))
            self.label, self.sha256 = f"{name}, {source.label}", source.sha256
        self._scale, self._shift = _conversion(*_weights.normalisation(name, weights))
        self._device = _checked_device(device)
        self._send()
        self._recipe = (name, weights, self.sha256, random_state, device)

    def __reduce__(self) -> "tuple[Callable[..., Backbone], tuple[object, ...]]":
        """Send the recipe to another process, not up to half a gigabyte of weights with every task; see `_again`."""
        return _again, self._recipe

    def __repr__(self) -> str:
        return f"Backbone({self.label}, on {self._device})"

    def extract(self, crops: npt.ArrayLike, *, batch_size: int = 16) -> Floats:
        """Turn crops into features.

        The same crop gives the same bits in every run and beside whatever other crops: on a CPU each runs alone, on one thread
        (a batch is hardly faster there, and its size would change the last bits); on an accelerator they run in batches, the last
        one filled up, with TF32 off and deterministic kernels.

        Parameters
        ----------
        crops : array, shape (n, 3, s, s)
            From `crop`; vit_small takes s = 224 only.
        batch_size : int
            Crops at once on an accelerator.

        Returns
        -------
        array of float32, shape (n, n_features)
            Columns as in `names`.

        Raises
        ------
        ValueError
            If the crops have another shape or are not finite, or `batch_size` is not positive.
        """
        import torch

        pictures = self._checked(crops)
        if batch_size < 1:
            raise InputError(f"`batch_size` is {batch_size!r}, it must be at least 1.")
        size = 1 if self._device.type == "cpu" else batch_size
        filled = np.concatenate([pictures, np.zeros((-len(pictures) % size, *pictures.shape[1:]), np.float32)])
        with one_thread(), exact(), torch.autocast(self._device.type, enabled=False), torch.inference_mode():
            parts = [self._forward(torch.from_numpy(filled[at : at + size])) for at in range(0, len(filled), size)]
        return np.concatenate(parts)[: len(pictures)]

    def _send(self) -> None:
        import torch

        self._kind = torch.float64 if BACKBONES[self.name].double else torch.float32
        # Channels last is the order that convolutions on a CPU are fastest in.
        self._network = torch.nn.utils.convert_conv2d_weight_memory_format(
            self._network.to(self._device, self._kind), torch.channels_last
        )

    def _forward(self, pictures: "torch.Tensor") -> Floats:
        import torch

        scale, shift = (torch.tensor(values, dtype=torch.float32).reshape(3, 1, 1) for values in (self._scale, self._shift))
        pictures = (pictures * scale + shift).to(device=self._device, dtype=self._kind, memory_format=torch.channels_last)
        return np.asarray(self._network(pictures).float().cpu().numpy())

    def _checked(self, crops: npt.ArrayLike) -> Floats:
        pictures = np.ascontiguousarray(crops, dtype=np.float32)
        only = BACKBONES[self.name].size
        wanted = f"s = {only}" if only else f"s at least {_SMALLEST}"
        square = pictures.ndim == 4 and pictures.shape[1] == 3 and pictures.shape[2] == pictures.shape[3] and len(pictures) > 0
        if not square or not (pictures.shape[2] == only if only else pictures.shape[2] >= _SMALLEST):
            raise InputError(
                f"`crops` has the shape {pictures.shape}; {self.name} takes (n, 3, s, s) with {wanted}, from `crop`."
            )
        if not np.isfinite(pictures).all():
            first = int(np.flatnonzero(~np.isfinite(pictures).all(axis=(1, 2, 3)))[0])
            raise InputError(f"`crops` number {first} holds values that are not finite; repair the image or leave it out.")
        return pictures


def deep(crops: Mapping[str, npt.NDArray[np.float32]], backbone: Backbone, *, batch_size: int = 16) -> pd.DataFrame:
    """Turn the crops of patients into a patient table of deep features.

    Parameters
    ----------
    crops : mapping of str to array, shape (3, s, s)
        One crop of each patient, all of one size, from `crop`.
    backbone : Backbone
        The network.
    batch_size : int
        Crops at once on an accelerator.

    Returns
    -------
    DataFrame, shape (n_patients, n_features), index ``patient``
        Columns ``backbone.names``; ``attrs["weights"]`` is ``backbone.label``, which says so where the weights are random. A
        patient's row does not depend on the others.

    Raises
    ------
    ValueError
        If there is no patient, a crop has another shape than the first, or as `Backbone.extract`.
    """
    if not crops:
        raise InputError("`crops` is empty; give the crop of one patient or more.")
    shape = next(iter(crops.values())).shape
    odd = next((patient for patient, picture in crops.items() if picture.shape != shape), None)
    if odd is not None:
        raise InputError(f"The crop of {odd} has the shape {crops[odd].shape} and the first {shape}; crop all to one size.")
    values = backbone.extract(np.stack(list(crops.values())), batch_size=batch_size)
    table = pd.DataFrame(values, index=pd.Index(list(crops), name="patient"), columns=backbone.names)
    table.attrs["weights"] = backbone.label
    return check_patients(table, "crops")


@lru_cache(maxsize=2)
def _again(name: str, weights: str | Path, sha256: str | None, random_state: int, device: str) -> Backbone:
    """Make a backbone once in a process that receives it with every task."""
    return Backbone(name, weights=weights, sha256=sha256, random_state=random_state, device=device)


def _conversion(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Give the factor and summand of each channel that turn ImageNet's normalisation into another."""
    pairs = list(zip(mean, std, IMAGENET_MEAN, IMAGENET_STD, strict=True))
    return [theirs / own for _, own, _, theirs in pairs], [(middle - own) / width for own, width, middle, _ in pairs]


def _checked_device(name: str) -> "torch.device":
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"`device` is {name!r}, it must be 'cpu', 'cuda' or 'cuda:<number>'.") from error
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        raise InputError(f"`device` is {name!r}, and torch finds {torch.cuda.device_count()} CUDA device(s) here; use 'cpu'.")
    return device
