"""The fan-out: same results anywhere, finished tasks kept, a dead worker costs its task alone."""

import os
import signal

import numpy as np
import pytest

from radiogenomics._parallel import fan_out, forget_all_but, one_thread

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


def product(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((300, 300))
    return float((a @ a).sum())


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_results_come_in_the_order_of_the_tasks(n_jobs):
    assert list(fan_out(square, TASKS, n_jobs=n_jobs).results.items()) == [(f"task {i}", i**2) for i in range(6)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_bad_task_is_a_failure_with_its_reason(n_jobs):
    done = fan_out(fail_at_three, TASKS, n_jobs=n_jobs)
    assert done.failures == {"task 3": "ValueError: three is bad"}
    assert len(done.results) == 5
    with pytest.raises(RuntimeError, match="1 of 6 tasks failed: task 3: ValueError: three is bad"):
        done.require()


def test_a_mistake_in_the_code_is_no_failure_of_a_task():
    with pytest.raises(TypeError):
        fan_out(wrong_type, TASKS)


def test_a_worker_that_always_dies_costs_its_task_alone():
    done = fan_out(die_at_three, TASKS, n_jobs=2)
    assert list(done.results) == [f"task {i}" for i in (0, 1, 2, 4, 5)]
    assert done.failures["task 3"].startswith("its worker process died twice")


def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    done = fan_out(die_once, {name: (i, tmp_path) for name, i in TASKS.items()}, n_jobs=2)
    assert done.failures == {}
    assert list(done.results.values()) == list(range(6))


def test_kept_results_are_not_computed_again(tmp_path):
    tasks = {name: (i, tmp_path) for name, i in TASKS.items()}
    keep = tmp_path / "keep"
    first = fan_out(count_calls, dict(list(tasks.items())[:4]), keep=keep)
    seen = []
    second = fan_out(count_calls, tasks, keep=keep, progress=lambda done, total, name: seen.append((done, total, name)))
    assert list(first.results.values()) == [0, 1, 2, 3]
    assert list(second.results.values()) == list(range(6))
    assert [(tmp_path / f"calls_{i}").read_text() for i in range(6)] == ["x"] * 6
    assert seen == [(5, 6, "task 4"), (6, 6, "task 5")]


def test_a_kept_result_that_cannot_be_read_is_computed_again(tmp_path):
    fan_out(square, TASKS, keep=tmp_path)
    broken = sorted(tmp_path.iterdir())[:2]
    broken[0].write_bytes(b"")
    broken[1].write_bytes(b"no pickle")
    assert list(fan_out(square, TASKS, keep=tmp_path).results.values()) == [i**2 for i in range(6)]


def test_a_kept_result_with_a_damaged_byte_is_computed_again(tmp_path):
    fan_out(square, {"a": 3}, keep=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        assert fan_out(square, {"a": 3}, keep=tmp_path, n_jobs=1).results == {"a": 9}, place


def test_the_same_bits_for_any_number_of_processes():
    one, two = (fan_out(product, TASKS, n_jobs=n).results for n in (1, 2))
    assert one == two


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
        fan_out(square, TASKS, n_jobs=0)


@pytest.fixture
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def test_dask_gives_the_same_and_survives_a_killed_worker(cluster, tmp_path):
    from distributed import Client

    assert fan_out(product, TASKS, scheduler=cluster.scheduler_address).results == fan_out(product, TASKS).results
    with Client(cluster) as client:
        done = fan_out(die_once, {name: (i, tmp_path) for name, i in TASKS.items()}, scheduler=client)
        failed = fan_out(fail_at_three, TASKS, scheduler=client)
    assert (tmp_path / "died").exists()
    assert list(done.results.values()) == list(range(6))
    assert failed.failures == {"task 3": "ValueError: three is bad"}


def test_a_scheduler_that_does_not_answer_is_named():
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ValueError, match="No Dask scheduler answers at 'tcp://127"),
    ):
        fan_out(square, TASKS, scheduler="tcp://127.0.0.1:9")


def test_a_result_is_kept_under_its_key_and_forgotten_with_it(tmp_path):
    tasks, keep = {"a": (1, tmp_path), "b": (2, tmp_path)}, tmp_path / "kept"
    fan_out(count_calls, tasks, keep=keep, keys={"a": "key of a", "b": "key of b"})
    fan_out(count_calls, tasks, keep=keep, keys={"a": "key of a", "b": "another"})
    assert [(tmp_path / f"calls_{number}").read_text() for number in (1, 2)] == ["x", "xx"]
    forget_all_but(["another"], keep)
    fan_out(count_calls, tasks, keep=keep, keys={"a": "key of a", "b": "another"})
    assert [(tmp_path / f"calls_{number}").read_text() for number in (1, 2)] == ["xx", "xx"]
