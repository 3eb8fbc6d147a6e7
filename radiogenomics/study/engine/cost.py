"""What a step costs: wall time and peak memory, worker processes included."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Measure a block -> ``seconds`` and ``peak_mb``, there when it ends."""
    cost: dict[str, float] = {}
    peak, stop = [_memory_mb()], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            peak[0] = max(peak[0], _memory_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    started = time.perf_counter()
    watcher.start()
    try:
        yield cost
    finally:
        stop.set()
        watcher.join()
        cost["seconds"] = round(time.perf_counter() - started, 2)
        cost["peak_mb"] = round(max(peak[0], _memory_mb()))


def _memory_mb() -> float:
    import psutil

    total = 0
    me = psutil.Process(os.getpid())
    for process in [me, *me.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the listing and the look
    return total / 1e6
