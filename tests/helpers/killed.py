"""Work in processes of its own: killed at random moments, or two at once. Work is a function of the package and its arguments."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any

import numpy as np

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pooch", "radiogenomics.archives.idc", "radiogenomics.archives.nbia"])


def begun(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Begin work -> its process."""
    process = FORKS.Process(target=work, args=arguments, kwargs=options, daemon=False)
    process.start()
    return process


def together(work: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Do the same work in two processes at once."""
    both = [begun(work, *arguments, **options) for _ in range(2)]
    for process in both:
        process.join(120)
        assert process.exitcode == 0


def kill_at_random(
    work: Callable[..., Any], *arguments: Any, times: int, within_s: float, check: Callable[[], None], **options: Any
) -> None:
    """Begin work again and again, kill each process at a random moment, and check what it has left."""
    begun(int).join()  # the server of processes is ready, so that the moments lie in the work
    rng, killed = np.random.default_rng(4), 0
    for moment in rng.uniform(0, within_s, times):
        process = begun(work, *arguments, **options)
        time.sleep(float(moment))
        process.kill()
        process.join()
        killed += process.exitcode == -9
        check()
    assert killed
