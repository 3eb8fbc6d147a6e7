"""The one fan-out: independent tasks over joblib processes or a Dask cluster, one thread a task.

A worker that dies costs its task, not the study: what was finished is kept, what is missing runs once more by itself,
and what fails then is returned as a failure.
"""

import hashlib
import logging
import os
import pickle
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from radiogenomics._errors import InputError, RunError

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called after every task with the number of finished tasks, the number of all tasks and the task's name."""

DATA_ERRORS = (ValueError, OSError, RuntimeError, ArithmeticError, LookupError, MemoryError)
"""What bad data can raise inside a task. Anything else (TypeError, AttributeError...) is a mistake in the code and propagates."""


@dataclass(frozen=True)
class FanOut:
    """What a fan-out brought: `results` and `failures` by task name, each in the order of the tasks.

    Attributes
    ----------
    results : dict of str to object
        The return value of every task that succeeded.
    failures : dict of str to str
        The reason for every task that did not.
    """

    results: dict[str, Any]
    failures: dict[str, str]

    def require(self) -> dict[str, Any]:
        """Give the results, or raise RuntimeError naming every failed task and its reason."""
        if self.failures:
            lines = "; ".join(f"{name}: {reason}" for name, reason in self.failures.items())
            raise RunError(f"{len(self.failures)} of {len(self.failures) + len(self.results)} tasks failed: {lines}")
        return self.results


@dataclass(frozen=True)
class _Failed:
    reason: str


def fan_out(
    function: Callable[[Any], Any],
    tasks: Mapping[str, Any],
    *,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
    keep: Path | None = None,
    keys: Mapping[str, str] | None = None,
) -> FanOut:
    """Run one function on every task -> results and failures by name.

    Parameters
    ----------
    function : callable
        Takes one task, returns its result. Importable, so that worker processes find it.
    tasks : mapping of str to object
        The argument of each call, by name. A task that needs randomness carries its own seed.
    n_jobs : int
        Processes on this machine; 1 runs in this process, -1 uses every core. The results do not depend on it.
    scheduler : str or dask.distributed.Client, optional
        A Dask scheduler's address, or a connected client. Takes the place of `n_jobs`.
    progress : callable, optional
        Called as ``progress(done, total, name)`` after each task.
    keep : Path, optional
        A folder where every finished result is kept; a second call with the same folder computes only what is missing.
    keys : mapping of str to str, optional
        By task name, the key that a result is kept under: it says all that the result depends on. Left out, the name, and the
        folder must say the rest.

    Returns
    -------
    FanOut
        Results and failures. A task fails when it raises an error that bad data can cause (`DATA_ERRORS`), or when its
        worker dies twice.

    Raises
    ------
    ValueError
        If `n_jobs` is 0 or the address cannot be reached.
    """
    if n_jobs == 0:
        raise InputError("`n_jobs` is 0; give the number of processes, or -1 for every core.")
    places = {name: _place(keep, keys[name] if keys else name) for name in tasks} if keep is not None else {}
    outcomes = _kept(places)
    missing = {name: task for name, task in tasks.items() if name not in outcomes}
    done = len(outcomes)
    for name, outcome in _stream(function, missing, n_jobs, scheduler):
        outcomes[name] = outcome
        done += 1
        if keep is not None and not isinstance(outcome, _Failed):
            _store(outcome, places[name])
        if progress is not None:
            progress(done, len(tasks), name)
    return FanOut(
        results={name: outcomes[name] for name in tasks if not isinstance(outcomes[name], _Failed)},
        failures={name: outcomes[name].reason for name in tasks if isinstance(outcomes[name], _Failed)},
    )


def forget_all_but(keys: Iterable[str], keep: Path) -> None:
    """Remove the kept results of every key but these."""
    wanted = {_place(keep, key) for key in keys}
    for path in (path for path in Path(keep).glob("*") if path not in wanted):
        path.unlink()


def release_workers() -> None:
    """End the idle worker processes of this machine, after work that has made them large."""
    get_reusable_executor().shutdown(wait=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS, OpenMP, torch and ITK at one thread inside the block.

    OpenBLAS differs in bits between one and two threads, so the same numbers for any `n_jobs` need one thread everywhere.
    Only libraries that are already imported can be held: import torch and SimpleITK before the block.
    """
    torch, itk = sys.modules.get("torch"), sys.modules.get("SimpleITK")
    torch_threads = torch.get_num_threads() if torch else 1
    itk_threads = itk.ProcessObject.GetGlobalDefaultNumberOfThreads() if itk else 1
    _set_threads(torch, itk, 1, 1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        _set_threads(torch, itk, torch_threads, itk_threads)


def _set_threads(torch: Any, itk: Any, torch_threads: int, itk_threads: int) -> None:
    if torch:
        torch.set_num_threads(torch_threads)
    if itk:
        itk.ProcessObject.SetGlobalDefaultNumberOfThreads(itk_threads)


def _attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Run one task on one thread; an error that bad data can cause becomes a value."""
    with one_thread():
        try:
            return function(task)
        except DATA_ERRORS as error:
            return _Failed(f"{type(error).__name__}: {error}")


def _named(function: Callable[[Any], Any], name: str, task: Any) -> tuple[str, Any]:
    return name, _attempt(function, task)


def _stream(function: Callable[[Any], Any], tasks: dict[str, Any], n_jobs: int, scheduler: Any) -> Iterator[tuple[str, Any]]:
    if not tasks:
        return iter(())
    if scheduler is not None:
        return _on_dask(function, tasks, scheduler)
    if n_jobs == 1:
        return ((name, _attempt(function, task)) for name, task in tasks.items())
    return _on_joblib(function, tasks, n_jobs)


def _on_joblib(function: Callable[[Any], Any], tasks: dict[str, Any], n_jobs: int) -> Iterator[tuple[str, Any]]:
    missing = dict(tasks)
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
    try:
        with warnings.catch_warnings(), joblib.parallel_config("loky", inner_max_num_threads=1):
            # loky replaces a worker that has grown, as one does that has loaded a deep network; nobody needs to act.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
            for name, outcome in parallel(joblib.delayed(_named)(function, name, task) for name, task in tasks.items()):
                del missing[name]
                yield name, outcome
    except TerminatedWorkerError:
        logger.warning("A worker process died; %d unfinished tasks run once more, one by one.", len(missing))
        for name, task in missing.items():
            yield name, _alone(function, task)


def _alone(function: Callable[[Any], Any], task: Any) -> Any:
    """Run one task in a process of its own, so that its death is nobody else's."""
    with ProcessPoolExecutor(max_workers=1) as executor:
        try:
            return executor.submit(_attempt, function, task).result()
        except TerminatedWorkerError:
            return _Failed("its worker process died twice (often too little memory)")


def _on_dask(function: Callable[[Any], Any], tasks: dict[str, Any], scheduler: Any) -> Iterator[tuple[str, Any]]:
    from distributed import CancelledError, KilledWorker, as_completed

    with _client(scheduler) as client:
        # A worker's death makes Dask run its tasks again by itself; KilledWorker comes when that fails too.
        futures = {client.submit(_attempt, function, task, pure=False): name for name, task in tasks.items()}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except CancelledError as error:
                raise RunError("The Dask scheduler is gone; finished tasks are kept, start again when it is back.") from error
            except KilledWorker:
                yield futures[future], _Failed("its Dask worker died more than once (often too little memory)")


@contextmanager
def _client(scheduler: Any) -> Iterator[Any]:
    from distributed import Client

    if isinstance(scheduler, Client):
        yield scheduler
        return
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {scheduler!r} ({error}); check the address or leave it out.") from error
    with client:
        yield client


def _place(folder: Path, name: str) -> Path:
    return Path(folder) / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.joblib"


def _store(outcome: Any, path: Path) -> None:
    """Keep a result: written beside, then renamed, so that a kill leaves it whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    with temporary.open("wb") as file:
        joblib.dump(outcome, file, compress=1)  # a lesion's numbers need a quarter of the room
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


# A damaged byte shows in the compressed stream, or first as a wrong word of the pickle in it.
_UNREADABLE = (*DATA_ERRORS, EOFError, AttributeError, TypeError, ImportError, pickle.UnpicklingError, zlib.error)


def _kept(places: Mapping[str, Path]) -> dict[str, Any]:
    kept = {}
    for name, path in places.items():
        try:
            kept[name] = joblib.load(path)
        except FileNotFoundError:
            continue
        except _UNREADABLE as error:
            logger.warning("The kept result of %s cannot be read (%s); it is computed again.", name, error)
    return kept


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
