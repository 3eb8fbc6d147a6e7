"""The fan-out: same results anywhere, finished tasks kept, a dead worker costs its task alone, the machine's faults are no data."""

import errno
import gzip
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from radiogenomics._errors import FileError, InputError, RunError
from radiogenomics._parallel import forget_all_but, is_transient, one_thread, parallel_map

TASKS = {f"task {i}": i for i in range(6)}


def square(task):
    return task**2


def fail_at_three(task):
    if task == 3:
        raise ValueError("three is bad")
    return task


def wrong_type(task):
    return task + "text"


def die_at_three(task):
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def die_once(task):
    number, folder = task
    flag = folder / "died"
    if number == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def count_calls(task):
    number, folder = task
    with (folder / f"calls_{number}").open("a") as file:
        file.write("x")
    return number


def die_often(task):
    """Kill the own process as many times as asked; a file counts."""
    number, times, folder = task
    counter = folder / f"deaths_{number}"
    deaths = len(counter.read_text()) if counter.exists() else 0
    if deaths < times:
        counter.write_text("x" * (deaths + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def raise_once(task):
    number, error, folder = task
    flag = folder / f"raised_{number}"
    if error is not None and not flag.exists():
        flag.touch()
        raise error
    return number


@dataclass(frozen=True)
class Measured:
    numbers: dict
    facts: dict


def measure(seed):
    rng = np.random.default_rng(seed)
    names = pd.Index([f"f{i}" for i in range(4)], name="feature")
    values = pd.Series([*rng.standard_normal(2), np.nan, -0.0], index=names, name=f"patient {seed}")
    table = pd.DataFrame({"n": np.arange(2, dtype="int16"), "side": pd.Categorical(["left", None])}, index=pd.RangeIndex(2, 6, 2))
    return Measured({"radiomics": values, "table": table}, {"volume": float(rng.random()), "phases": 4, "grid": (1, (2.5, None))})


class Trap:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def product(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((300, 300))
    return float((a @ a).sum())


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_results_come_in_the_order_of_the_tasks(n_jobs):
    assert list(parallel_map(square, TASKS, n_jobs=n_jobs).results.items()) == [(f"task {i}", i**2) for i in range(6)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_bad_task_is_a_failure_with_its_reason(n_jobs):
    done = parallel_map(fail_at_three, TASKS, n_jobs=n_jobs)
    assert done.failures == {"task 3": "ValueError: three is bad"}
    assert len(done.results) == 5
    with pytest.raises(RuntimeError, match="1 of 6 tasks failed: task 3: ValueError: three is bad"):
        done.require()


def refuse(number):
    raise InputError(f"`slice` is {number}; give one of 0 to 2.")


def test_a_message_of_our_own_is_the_whole_reason():
    failed = parallel_map(refuse, {"patient 7": 3})
    assert failed.failures == {"patient 7": "`slice` is 3; give one of 0 to 2."}


def test_a_mistake_in_the_code_is_no_failure_of_a_task():
    with pytest.raises(TypeError):
        parallel_map(wrong_type, TASKS)


def test_a_worker_that_always_dies_costs_its_task_alone_and_is_no_failure():
    done = parallel_map(die_at_three, TASKS, n_jobs=2)
    assert list(done.results) == [f"task {i}" for i in (0, 1, 2, 4, 5)]
    assert done.failures == {}
    assert done.interrupted["task 3"].startswith("its worker process was killed 3 times when it ran alone")
    with pytest.raises(
        RunError, match=r"1 of 6 tasks were interrupted, .*: task 3: its worker .* The other 5 are done; check memory"
    ):
        done.require()


@pytest.mark.slow
def test_workers_that_die_again_and_again_cost_nothing(tmp_path):
    tasks = {f"task {i}": (i, deaths, tmp_path) for i, deaths in enumerate([1, 0, 2, 2])}
    done = parallel_map(die_often, tasks, n_jobs=2)
    assert list(done.results.values()) == list(range(4))
    assert (done.failures, done.interrupted) == ({}, {})
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["x", "xx", "xx"]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "error",
    [MemoryError("no room"), OSError("gone"), OSError(errno.ENOSPC, "full"), TimeoutError("late"), FileNotFoundError(2, "no")],
)
def test_a_fault_of_the_machine_is_no_failure_and_the_next_run_tries_again(tmp_path, n_jobs, error):
    tasks = {f"task {i}": (i, error if i == 1 else None, tmp_path) for i in range(3)}
    first = parallel_map(raise_once, tasks, n_jobs=n_jobs, keep=tmp_path / "keep")
    assert first.results == {"task 0": 0, "task 2": 2}
    assert first.failures == {}
    assert list(first.interrupted) == ["task 1"]
    assert first.interrupted["task 1"].startswith(f"{type(error).__name__}: ")
    with pytest.raises(RunError, match=r"The other 2 are done and kept; .* run the same command again: it goes on from there"):
        first.require_finished()
    seen = []
    second = parallel_map(
        raise_once, tasks, n_jobs=n_jobs, keep=tmp_path / "keep", progress=lambda done, total, name: seen.append(name)
    )
    assert second.require() == {f"task {i}": i for i in range(3)}
    assert seen == ["task 1"]


def test_what_lies_in_the_data_is_told_from_what_lies_in_the_machine():
    def caused(error, cause):
        error.__cause__ = cause
        return error

    machine = [
        MemoryError(),
        ConnectionResetError("gone"),
        OSError(errno.EMFILE, "too many files"),
        caused(InputError("a.dcm cannot be read"), OSError(errno.EIO, "the disk")),
        caused(FileError("not written"), caused(InputError("inner"), OSError(errno.ENOSPC, "full"))),
    ]
    data = [
        InputError("a mask is empty"),
        FileError("cut short"),
        RunError("gave up"),
        gzip.BadGzipFile("Not a gzipped file"),
        ValueError("x"),
        RuntimeError("ITK"),
        caused(InputError("a.dcm is no DICOM file"), OSError(errno.EINVAL, "seek before the beginning")),
        caused(InputError("no such file"), FileNotFoundError(errno.ENOENT, "no such file")),
    ]
    assert [is_transient(one) for one in machine] == [True] * len(machine)
    assert [is_transient(one) for one in data] == [False] * len(data)


FAN_OUT = """
import sys, time
from radiogenomics._parallel import parallel_map
sys.path.insert(0, {root!r})
from tests.test_parallel import {function}
parallel_map({function}, {{str(i): i for i in range(9)}}, n_jobs=2)
"""


def sleep(task):
    time.sleep(600)


def until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.1)


def test_no_worker_outlives_a_killed_parent():
    code = FAN_OUT.format(root=str(Path(__file__).parents[1]), function="sleep")
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        until(lambda: sum("loky" in " ".join(one.cmdline()) for one in psutil.Process(parent.pid).children(recursive=True)) >= 3)
        children = psutil.Process(parent.pid).children(recursive=True)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE], seconds=60)


def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    done = parallel_map(die_once, {name: (i, tmp_path) for name, i in TASKS.items()}, n_jobs=2)
    assert done.failures == {}
    assert list(done.results.values()) == list(range(6))


def test_kept_results_are_not_computed_again(tmp_path):
    tasks = {name: (i, tmp_path) for name, i in TASKS.items()}
    keep = tmp_path / "keep"
    first = parallel_map(count_calls, dict(list(tasks.items())[:4]), keep=keep)
    seen = []
    second = parallel_map(count_calls, tasks, keep=keep, progress=lambda done, total, name: seen.append((done, total, name)))
    assert list(first.results.values()) == [0, 1, 2, 3]
    assert list(second.results.values()) == list(range(6))
    assert [(tmp_path / f"calls_{i}").read_text() for i in range(6)] == ["x"] * 6
    assert seen == [(5, 6, "task 4"), (6, 6, "task 5")]


def test_a_kept_result_that_cannot_be_read_is_computed_again(tmp_path):
    parallel_map(square, TASKS, keep=tmp_path)
    broken = sorted(tmp_path.iterdir())[:2]
    broken[0].write_bytes(b"")
    broken[1].write_bytes(b"no pickle")
    assert list(parallel_map(square, TASKS, keep=tmp_path).results.values()) == [i**2 for i in range(6)]


def test_what_is_kept_equals_what_was_computed_to_the_bit(tmp_path):
    tasks = {str(seed): seed for seed in range(3)}
    options = {"keep": tmp_path, "of": (Measured,)}
    computed = parallel_map(measure, tasks, **options).results
    kept = parallel_map(measure, tasks, progress=lambda done, total, name: pytest.fail("computed again"), **options).results
    assert list(kept) == list(computed)
    for name, one in kept.items():
        assert type(one) is Measured
        assert one.facts == computed[name].facts
        for found, made in zip(one.numbers.values(), computed[name].numbers.values(), strict=True):
            assert pickle.dumps(found.index) == pickle.dumps(made.index)
            assert type(found.index) is type(made.index)
        pd.testing.assert_series_equal(one.numbers["radiomics"], computed[name].numbers["radiomics"], check_exact=True)
        assert one.numbers["radiomics"].to_numpy().tobytes() == computed[name].numbers["radiomics"].to_numpy().tobytes()
        pd.testing.assert_frame_equal(one.numbers["table"], computed[name].numbers["table"], check_exact=True)


def test_a_planted_pickle_is_never_loaded(tmp_path, caplog):
    keep = tmp_path / "keep"
    parallel_map(square, {"a": 3}, keep=keep)
    (path,) = keep.iterdir()
    for place in (path, path.with_suffix(".joblib"), path.with_suffix(".pkl")):
        place.write_bytes(pickle.dumps(Trap(tmp_path / "trap")))
    assert parallel_map(square, {"a": 3}, keep=keep).results == {"a": 9}
    assert not (tmp_path / "trap").exists()
    assert "The kept result of a cannot be read (its bytes are not those that were written); it is computed again." in caplog.text
    caplog.clear()
    assert parallel_map(square, {"a": 3}, keep=keep).results == {"a": 9}
    assert caplog.text == ""


def test_the_result_of_another_task_is_not_taken(tmp_path):
    parallel_map(square, {"a": 3}, keep=tmp_path)
    (first,) = tmp_path.iterdir()
    parallel_map(square, {"b": 4}, keep=tmp_path)
    (second,) = set(tmp_path.iterdir()) - {first}
    first.replace(second)
    assert parallel_map(square, {"b": 4}, keep=tmp_path).results == {"b": 16}


def test_a_task_without_a_key_is_not_kept(tmp_path):
    tasks = {"a": (1, tmp_path), "b": (2, tmp_path)}
    for _ in range(2):
        assert parallel_map(count_calls, tasks, keep=tmp_path / "keep", keys={"a": "key"}).results == {"a": 1, "b": 2}
    assert [(tmp_path / f"calls_{number}").read_text() for number in (1, 2)] == ["x", "xx"]


def test_a_result_that_cannot_be_kept_is_a_mistake_in_the_code(tmp_path):
    with pytest.raises(TypeError, match="Measured cannot be kept; return numbers"):
        parallel_map(measure, {"a": 1}, keep=tmp_path)


def test_nothing_is_kept_through_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "keep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="keep is a link"):
        parallel_map(square, TASKS, keep=tmp_path / "keep")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_kept_result_with_a_damaged_byte_is_computed_again(tmp_path):
    parallel_map(square, {"a": 3}, keep=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        assert parallel_map(square, {"a": 3}, keep=tmp_path, n_jobs=1).results == {"a": 9}, place


def test_the_same_bits_for_any_number_of_processes():
    one, two = (parallel_map(product, TASKS, n_jobs=n).results for n in (1, 2))
    assert one == two


@pytest.mark.deep
def test_one_thread_holds_every_library_and_lets_go():
    import SimpleITK as sitk
    import torch
    from threadpoolctl import threadpool_info

    before = torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    with one_thread():
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        assert (torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()) == (1, 1)
    assert (torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()) == before


def test_no_processes_are_refused():
    with pytest.raises(ValueError, match="`n_jobs` is 0"):
        parallel_map(square, TASKS, n_jobs=0)


@pytest.fixture
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def test_a_dask_worker_that_always_dies_interrupts_its_task(cluster):
    done = parallel_map(die_at_three, TASKS, scheduler=cluster.scheduler_address)
    assert done.failures == {}
    assert done.interrupted["task 3"].startswith("its Dask worker was killed again and again")
    assert set(done.results) | set(done.interrupted) == set(TASKS)


def test_dask_gives_the_same_and_survives_a_killed_worker(cluster, tmp_path):
    from distributed import Client

    assert parallel_map(product, TASKS, scheduler=cluster.scheduler_address).results == parallel_map(product, TASKS).results
    with Client(cluster) as client:
        done = parallel_map(die_once, {name: (i, tmp_path) for name, i in TASKS.items()}, scheduler=client)
        failed = parallel_map(fail_at_three, TASKS, scheduler=client)
    assert (tmp_path / "died").exists()
    assert list(done.results.values()) == list(range(6))
    assert failed.failures == {"task 3": "ValueError: three is bad"}


def test_a_scheduler_that_does_not_answer_is_named():
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ValueError, match="No Dask scheduler answers at 'tcp://127"),
    ):
        parallel_map(square, TASKS, scheduler="tcp://127.0.0.1:9")


def test_a_result_is_kept_under_its_key_and_forgotten_with_it(tmp_path):
    tasks, keep = {"a": (1, tmp_path), "b": (2, tmp_path)}, tmp_path / "kept"
    parallel_map(count_calls, tasks, keep=keep, keys={"a": "key of a", "b": "key of b"})
    parallel_map(count_calls, tasks, keep=keep, keys={"a": "key of a", "b": "another"})
    assert [(tmp_path / f"calls_{number}").read_text() for number in (1, 2)] == ["x", "xx"]
    forget_all_but(["another"], keep)
    parallel_map(count_calls, tasks, keep=keep, keys={"a": "key of a", "b": "another"})
    assert [(tmp_path / f"calls_{number}").read_text() for number in (1, 2)] == ["xx", "xx"]
