"""Cleveland's smoother without robustness, as R's ``lowess(x, y, iter = 0)``, on arrays.

Ours, because statsmodels' divides by zero where many probabilities are tied, as those of trees are, and is off there.
"""

import numpy as np

from radiogenomics.stats._checks import Floats

_SPAN, _STEP = 2 / 3, 0.01


def lowess(x: Floats, y: Floats) -> Floats:
    """Smooth `y` over ascending `x` by local lines with tricube weights -> fitted values, shape (n,).

    Each line sees the nearest two thirds of the points. Lines are fitted at points at least a hundredth of the range apart
    and joined by straight pieces. Where all points of a line share one x (tied probabilities), it is their mean.

    References
    ----------
    Cleveland WS (1979). Journal of the American Statistical Association 74:829. doi:10.1080/01621459.1979.10481038
    """
    n = x.size
    k = max(2, min(n, int(_SPAN * n + 1e-7)))
    # Twice the middle of every window of k + 1 points: a point's own window is the first whose middle is not before it.
    middles = x[: n - k] + x[k:]
    anchors = _anchors(x)
    values = [_local(x, y, x[i], int(np.searchsorted(middles, 2 * x[i])), k) for i in anchors]
    return np.interp(x, x[anchors], values)


def _anchors(x: Floats) -> list[int]:
    """Choose the points where lines are fitted: each the last within one step of the one before, or the next one."""
    anchors, at, step = [0], 0, _STEP * (x[-1] - x[0])
    while x[at] < x[-1]:
        beyond = int(np.searchsorted(x, x[at] + step, side="right"))
        at = max(int(np.searchsorted(x, x[at], side="right")), beyond - 1)
        anchors.append(at)
    return anchors


def _local(x: Floats, y: Floats, centre: float, left: int, k: int) -> float:
    width = max(centre - x[left], x[left + k - 1] - centre)
    near = slice(np.searchsorted(x, centre - 0.999 * width), np.searchsorted(x, centre + 0.999 * width, side="right"))
    away = x[near] - centre
    share = np.abs(away) / max(width, 1e-300)
    core = 1 - share * share * share
    weight = np.where(share <= 0.001, 1.0, core * core * core)
    weight /= weight.sum()
    mean = weight @ away
    away -= mean
    spread = weight @ (away * away)
    if np.sqrt(spread) > 0.001 * (x[-1] - x[0]):
        weight *= 1 - mean / spread * away
    return float(weight @ y[near])
