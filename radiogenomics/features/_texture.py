"""Signal inside a zone -> texture of the grey levels that neighbour each other, as Haralick measured it."""

from itertools import product

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

TEXTURES = (
    "contrast",
    "correlation",
    "difference_entropy",
    "difference_variance",
    "energy",
    "entropy",
    "homogeneity",
    "imc1",
    "imc2",
    "maximum_correlation_coefficient",
    "sum_average",
    "sum_entropy",
    "sum_variance",
    "variance",
)
"""The features of `texture`, in order."""

# One of each pair of opposite directions: the matrix is symmetric, so that thirteen stand for twenty-six.
_DIRECTIONS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]


def neighbours(inside: npt.NDArray[np.bool_]) -> Pairs:
    """Find the voxels of a zone that touch -> their numbers (in the order of ``values[inside]``), one entry per pair."""
    padded = np.pad(inside, 1)
    number = np.full(padded.shape, -1, dtype=np.intp)
    number[padded] = np.arange(inside.sum())
    strides = np.array(padded.strides) // padded.itemsize
    place = np.flatnonzero(padded)
    right = np.concatenate([number.ravel()[place + int(strides @ step)] for step in _DIRECTIONS])
    left = np.tile(np.arange(len(place)), len(_DIRECTIONS))
    both = right >= 0
    return left[both], right[both]


def texture(signal: Floats, pairs: Pairs, *, levels: int) -> Floats:
    """Measure the texture of one phase inside a zone.

    The signal is divided into equal bins from its lowest to its highest value inside the zone; one symmetric matrix counts
    the pairs of all 13 directions at a distance of one voxel. Logarithms are natural.

    Parameters
    ----------
    signal : array, shape (n_voxels,)
        Inside the zone.
    pairs : pair of arrays of int
        From `neighbours`.
    levels : int
        Number of grey levels.

    Returns
    -------
    array, shape (14,)
        In the order of `TEXTURES`. NaN where no two voxels touch; correlation and its relatives also where all voxels
        are equal.

    References
    ----------
    Haralick R. M., Shanmugam K., Dinstein I., "Textural features for image classification", IEEE Trans. Syst. Man Cybern.
    SMC-3 (1973), doi:10.1109/TSMC.1973.4309314.
    """
    left, right = pairs
    if not len(left):
        return np.full(len(TEXTURES), np.nan)
    grey = _grey_levels(signal, levels)
    counts = np.bincount(grey[left] * levels + grey[right], minlength=levels**2).reshape(levels, levels)
    return _haralick((counts + counts.T) / (2.0 * len(left)))


def _grey_levels(signal: Floats, levels: int) -> npt.NDArray[np.intp]:
    low, high = signal.min(), signal.max()
    if high == low:
        return np.zeros(len(signal), dtype=np.intp)
    return np.asarray(np.minimum(levels * (signal - low) / (high - low), levels - 1), dtype=np.intp)


def _haralick(joint: Floats) -> Floats:
    """Summarise a symmetric matrix of probabilities; both its margins are the same."""
    level = np.arange(1, len(joint) + 1)
    apart, together = np.abs(level[:, None] - level), level[:, None] + level
    margin = joint.sum(axis=0)
    mean = level @ margin
    variance = (level - mean) ** 2 @ margin
    difference: Floats = np.bincount(apart.ravel(), joint.ravel()).astype(float)
    total: Floats = np.bincount(together.ravel(), joint.ravel()).astype(float)
    entropy = _entropy(joint)
    gain = 2 * _entropy(margin) - entropy  # mutual information: HXY1 and HXY2 of Haralick are the same here
    flat = variance == 0
    values = {
        "contrast": (apart**2 * joint).sum(),
        "correlation": np.nan if flat else ((level - mean) @ joint @ (level - mean)) / variance,
        "difference_entropy": _entropy(difference),
        "difference_variance": _variance(difference),
        "energy": (joint**2).sum(),
        "entropy": entropy,
        "homogeneity": (joint / (1 + apart)).sum(),
        "imc1": np.nan if flat else -gain / _entropy(margin),
        "imc2": np.nan if flat else np.sqrt(1 - np.exp(-2 * max(gain, 0.0))),
        "maximum_correlation_coefficient": np.nan if flat else _maximum_correlation(joint, margin),
        "sum_average": np.arange(len(total)) @ total,
        "sum_entropy": _entropy(total),
        "sum_variance": _variance(total),
        "variance": variance,
    }
    return np.array([values[name] for name in TEXTURES])


def _maximum_correlation(joint: Floats, margin: Floats) -> float:
    """Give the second largest singular value of the normalised matrix, the root of Haralick's second eigenvalue."""
    root = np.sqrt(margin[margin > 0])
    scaled = joint[np.ix_(margin > 0, margin > 0)] / np.outer(root, root)
    return float(np.sort(np.abs(np.linalg.eigvalsh(scaled)))[-2])


def _entropy(probability: Floats) -> float:
    held = probability[probability > 0]
    return float(-(held * np.log(held)).sum())


def _variance(probability: Floats) -> float:
    value = np.arange(len(probability))
    return float((value - value @ probability) ** 2 @ probability)
