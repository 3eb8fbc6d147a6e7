"""The one fan-out: independent tasks over joblib processes or a Dask cluster, one thread per task.

A worker that dies costs its task, not the study: what was finished is kept, and what it may have been at runs again, one by one.
A task has failed when its data are at fault. One that the machine stopped (no memory, a full disk, a killed worker) is
interrupted: it is no result, and the next run tries it again.
"""

import errno
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from radiogenomics import _kept
from radiogenomics._errors import InputError, RadiogenomicsError, RunError
from radiogenomics._kept import forget_all_but as forget_all_but

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called after every task with the number of finished tasks, the number of all tasks and the task's name."""

DATA_ERRORS = (ValueError, OSError, RuntimeError, ArithmeticError, LookupError, MemoryError)
"""What data or machine can raise inside a task, see `is_transient`. Anything else is a mistake in the code and propagates."""

_MACHINE = frozenset(
    getattr(errno, name)
    for name in ("EIO", "ENOMEM", "ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE", "EAGAIN", "ESTALE", "ETIMEDOUT", "ENOLCK")
    if hasattr(errno, name)
)
"""What the operating system says when a device, memory, or its own limits give out, whatever the file holds."""

_TRIES = 3
"""How often a task that may have lost its worker runs alone."""

_WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent lives."""


@dataclass(frozen=True)
class FanOut:
    """What a fan-out brought, by task name, each in the order of the tasks.

    Attributes
    ----------
    results : dict of str to object
        The return value of every task that succeeded.
    failures : dict of str to str
        The reason for every task whose data are at fault.
    interrupted : dict of str to str
        The reason for every task that the machine stopped; to run it again may help.
    kept : bool
        Whether the results are kept for the next run.
    """

    results: dict[str, Any]
    failures: dict[str, str]
    interrupted: dict[str, str] = field(default_factory=dict)
    kept: bool = False

    def require_finished(self) -> None:
        """Raise RunError if a task was interrupted, naming every one and its reason; a failure is a finished task."""
        if self.interrupted:
            rest = f"The other {len(self.results) + len(self.failures)} are done"
            raise RunError(
                f"{len(self.interrupted)} of {self._count()} tasks were interrupted, not because of their data: "
                f"{_listed(self.interrupted)}. {rest}{' and kept' if self.kept else ''}; check memory and disk space, and run "
                f"the same command again{': it goes on from there' if self.kept else ''}."
            )

    def require(self) -> dict[str, Any]:
        """Give the results, or raise RunError naming every task that was interrupted or failed, and its reason."""
        self.require_finished()
        if self.failures:
            raise RunError(f"{len(self.failures)} of {self._count()} tasks failed: {_listed(self.failures)}")
        return self.results

    def _count(self) -> int:
        return len(self.results) + len(self.failures) + len(self.interrupted)


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


@dataclass(frozen=True)
class _Failed:
    reason: str


@dataclass(frozen=True)
class _Interrupted:
    reason: str


def parallel_map(
    function: Callable[[Any], Any],
    tasks: Mapping[str, Any],
    *,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
    keep: Path | None = None,
    keys: Mapping[str, str] | None = None,
    of: Sequence[type] = (),
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
        By task name, the key that a result is kept under: it says all that the result depends on. The result of a task
        without a key is not kept. Left out, the key is the name, and the folder must say the rest.
    of : sequence of type
        Dataclasses that results hold. What can be kept beside them: numbers, texts, arrays, tables, and lists, tuples and
        dicts of these. Kept results are read without pickle; one that is damaged or foreign is computed again, with a warning.

    Returns
    -------
    FanOut
        Results, failures and interrupted tasks. A task fails when it raises an error that bad data can cause. It is
        interrupted when memory or the file system gives out (`is_transient`), or its worker dies again and again.

    Raises
    ------
    ValueError
        If `n_jobs` is 0, the address cannot be reached, or `keep` is a link.
    FileError
        If a result cannot be kept, on a full disk for instance.
    TypeError
        If a result is to be kept and holds something that cannot be.
    """
    if n_jobs == 0:
        raise InputError("`n_jobs` is 0; give the number of processes, or -1 for every core.")
    if keep is not None:
        _kept.check_folder(keep)
    kept_as = {} if keep is None else {name: name for name in tasks} if keys is None else dict(keys)
    outcomes = {} if keep is None else _found(kept_as, keep, of)
    missing = {name: task for name, task in tasks.items() if name not in outcomes}
    done = len(outcomes)
    for name, outcome in _stream(function, missing, n_jobs, scheduler):
        outcomes[name] = outcome
        done += 1
        if keep is not None and name in kept_as and not isinstance(outcome, _Failed | _Interrupted):
            _kept.store(outcome, kept_as[name], _kept.place(keep, kept_as[name]), of=of)
        if progress is not None:
            progress(done, len(tasks), name)
    return _sorted({name: outcomes[name] for name in tasks}, kept=keep is not None)


def _sorted(outcomes: Mapping[str, Any], *, kept: bool) -> FanOut:
    failed, interrupted = (
        {name: one.reason for name, one in outcomes.items() if isinstance(one, kind)} for kind in (_Failed, _Interrupted)
    )
    results = {name: one for name, one in outcomes.items() if name not in failed and name not in interrupted}
    return FanOut(results, failed, interrupted, kept)


def _found(kept_as: Mapping[str, str], keep: Path, of: Sequence[type]) -> dict[str, Any]:
    """Read what is kept; what cannot be read is missing."""
    kept_results = {}
    for name, key in kept_as.items():
        try:
            kept_results[name] = _kept.load(key, _kept.place(keep, key), of=of)
        except FileNotFoundError:
            continue
        except (_kept.UnreadableError, OSError) as error:
            logger.warning("The kept result of %s cannot be read (%s); it is computed again.", name, error)
    return kept_results


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
    """Run one task on one thread; an error that bad data or the machine can cause becomes a value."""
    with one_thread():
        try:
            return function(task)
        except DATA_ERRORS as error:
            # Our own messages say all there is; of a library's error the kind often says more than its message.
            reason = str(error) if isinstance(error, RadiogenomicsError) else f"{type(error).__name__}: {error}"
            return _Interrupted(reason) if is_transient(error) else _Failed(reason)


def is_transient(error: BaseException) -> bool:
    """Tell whether an error lies in the machine, not in the data, so that to run again may help.

    Memory that gave out, and what the operating system says of files: a disk that is full, a share that is gone. Our own errors
    lie in the data, unless a fault of the machine (`_MACHINE`) is their cause; and so does a library's own kind of OSError, such
    as `gzip.BadGzipFile`, which no system call gave.
    """
    if isinstance(error, RadiogenomicsError):
        return any(isinstance(cause, OSError) and cause.errno in _MACHINE for cause in _causes(error))
    if isinstance(error, OSError):
        return error.errno is not None or type(error).__module__ == "builtins"
    return isinstance(error, MemoryError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    while error.__cause__ is not None:
        error = error.__cause__
        yield error


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
    """Run tasks on worker processes; when one dies, what it may have been at runs alone, and the rest on new workers."""
    missing = dict(tasks)
    while missing:
        begun: list[str] = []
        try:
            for name, outcome in _pool(function, missing, n_jobs, begun):
                del missing[name]
                yield name, outcome
        except TerminatedWorkerError:
            suspects = [name for name in begun if name in missing] or list(missing)
            logger.warning("A worker process died; %d tasks that it may have been at run again, one by one.", len(suspects))
            for name in suspects:
                yield name, _alone(function, missing.pop(name))


def _pool(function: Callable[[Any], Any], tasks: dict[str, Any], n_jobs: int, begun: list[str]) -> Iterator[tuple[str, Any]]:
    """Run tasks on one pool of workers, and note those that were handed out."""

    def calls() -> Iterator[Any]:
        for name, task in list(tasks.items()):
            begun.append(name)
            yield joblib.delayed(_named)(function, name, task)

    settings = {"inner_max_num_threads": 1, "initializer": end_with_parent, "initargs": (os.getpid(),)}
    with warnings.catch_warnings(), joblib.parallel_config("loky", **settings):
        # loky replaces a worker that has grown, as one does that has loaded a deep network; nobody needs to act.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        # Made inside the settings, since it takes them up when it is made.
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
        yield from parallel(calls())


def _alone(function: Callable[[Any], Any], task: Any) -> Any:
    """Run one task in a process of its own, so that its death is nobody else's; a few times if need be."""
    for _ in range(_TRIES):
        with ProcessPoolExecutor(max_workers=1, initializer=end_with_parent, initargs=(os.getpid(),)) as executor:
            try:
                return executor.submit(_attempt, function, task).result()
            except TerminatedWorkerError:
                continue
    return _Interrupted(f"its worker process was killed {_TRIES} times when it ran alone (often too little memory)")


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent: a killed parent cannot end its workers itself.

    A thread asks who the parent is. Linux could send a signal, but it does so when the thread ends that started the worker.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()


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
                yield futures[future], _Interrupted("its Dask worker was killed again and again (often too little memory)")


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


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
