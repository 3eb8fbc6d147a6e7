"""How fast the statistics of prediction are: `python benchmarks/stats.py` prints the table of docs/stats.md.

The least of several runs on one core, so that a busy machine does not count; what is compared with DeLong's areas is the
sorting they cannot do without (`numpy.argsort` of the same scores).
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from radiogenomics import stats


def least(function: Callable[[], object], repeats: int) -> float:
    """Run a function several times -> the least wall time in seconds."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def patients(n: int, models: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Simulate outcomes (30 % events) and the scores of some models, shape (models, n)."""
    rng = np.random.default_rng(seed)
    event = rng.random(n) < 0.3
    return event, rng.normal(size=(models, n)) + event


def rows() -> list[tuple[str, float, str]]:
    """Measure everything -> what, seconds, limit."""
    event, (first, second) = patients(100_000)
    few, (score, other) = patients(145)
    risk, more = (1 / (1 + np.exp(-values)) for values in (score, other))
    rng = np.random.default_rng(1)
    follow_up, thresholds = rng.exponential(size=145), np.arange(0.01, 0.6, 0.01)
    index = pd.Index([f"P{i:03}" for i in range(145)], name="patient")
    readings = [pd.DataFrame(rng.normal(size=(145, 1781)), index=index) for _ in range(2)]
    batches = readings[0].rename(columns=str).assign(site=np.arange(145) % 3)
    null = rng.normal(size=(1000, 10_000))
    sorting, area = least(lambda: np.argsort(first), 100), least(lambda: stats.auc(event, first), 100)
    return [
        ("sorting 100,000 scores", sorting, ""),
        ("DeLong area and interval, n = 100,000", area, f"under 1 s; {area / sorting:.1f} x sorting (limit 3)"),
        ("paired DeLong test, n = 100,000", least(lambda: stats.delong_test(event, first, second), 10), ""),
        ("2,000 bootstrap areas, n = 145", least(lambda: stats.bootstrap_auc(few, score, random_state=rng), 5), "under 1 s"),
        (
            "decision curves of 2 models, 59 thresholds, 1,000 samples",
            least(
                lambda: stats.decision_curve(few, {"a": risk, "b": more}, thresholds=thresholds, n_boot=1000, random_state=rng), 3
            ),
            "",
        ),
        (
            "survival decision curve, 59 thresholds, 200 samples",
            least(
                lambda: stats.survival_decision_curve(
                    follow_up, few, {"a": risk}, horizon=1, thresholds=thresholds, n_boot=200, random_state=rng
                ),
                2,
            ),
            "",
        ),
        (
            "ICC(A,1) of 1,781 features, 145 patients, 2 readings",
            least(lambda: stats.icc_by_feature(readings, model="twoway", definition="agreement", unit="single"), 3),
            "",
        ),
        (
            "ComBat of 1,781 features, 145 patients, 3 batches",
            least(lambda: stats.ComBat(batch="site").fit_transform(batches), 3),
            "",
        ),
        (
            "max-T, step down, 10,000 tests, 1,000 permutations",
            least(lambda: stats.max_t(null[0], null[1:], step_down=True), 2),
            "",
        ),
        ("Benjamini-Hochberg, 1,000,000 p values", least(lambda: stats.benjamini_hochberg(rng.random(1_000_000)), 3), ""),
    ]


def main() -> None:
    """Print the table."""
    print("| what | seconds | limit |\n|---|---|---|")
    for what, seconds, limit in rows():
        print(f"| {what} | {seconds:.4f} | {limit} |")


if __name__ == "__main__":
    main()
