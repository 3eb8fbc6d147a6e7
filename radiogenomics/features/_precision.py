"""Full float32 and the same kernels in every run, whatever torch is set to outside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def exact() -> Iterator[None]:
    """Compute in full float32 with deterministic kernels inside the block: TF32 would cost three digits.

    What the caller has set comes back at the end, by torch's older settings or its newer ones (which refuse to be read when
    both are mixed).
    """
    import torch
    from torch import backends

    cudnn: Any = backends.cudnn  # torch's hints do not know their parts
    mkldnn: Any = backends.mkldnn
    places = (cudnn.conv, cudnn.rnn, backends.cuda.matmul, mkldnn.conv, mkldnn.matmul)
    settings: list[tuple[Any, str, str | bool]] = [(place, "fp32_precision", "ieee") for place in places]
    settings += [(cudnn, "deterministic", True), (cudnn, "benchmark", False)]
    before = [getattr(place, setting) for place, setting, _ in settings]
    older = _older(torch.get_float32_matmul_precision, "highest"), _older(lambda: cudnn.allow_tf32, True)
    try:
        torch.set_float32_matmul_precision("highest")
        cudnn.allow_tf32 = False
        for place, setting, value in settings:
            setattr(place, setting, value)
        yield
    finally:
        torch.set_float32_matmul_precision(older[0])
        cudnn.allow_tf32 = older[1]
        for (place, setting, _), value in zip(settings, before, strict=True):
            setattr(place, setting, value)


def _older(read: Callable[[], T], default: T) -> T:
    try:
        return read()
    except RuntimeError:  # the newer settings are in use, and the older one stands where torch left it
        return default
