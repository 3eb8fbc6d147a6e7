"""A study of images whose processes are killed at random moments, workers and parent, ends in the same bytes."""

import multiprocessing
import os
import random
import shutil
import signal
import time
import tomllib
from pathlib import Path

import pandas as pd
import psutil
import pytest
import tomli_w

from radiogenomics import study
from radiogenomics._errors import RunError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

KILLS = 20
"""Half of them of a run in one process, half in two."""

INTERRUPTED = 3
"""The exit code of a run that says that it is not finished."""

QUICK = """
setting: {resampledPixelSpacing: [4, 4, 4], interpolator: sitkLinear, binWidth: 25}
imageType: {Original: {}}
featureClass: {shape: , firstorder: }
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Images of 24 patients, some of them damaged; little is measured, and nothing fused or drawn."""
    path = study.write_demo(tmp_path_factory.mktemp("killed") / "inputs", n_training=24, n_external=2, fast=True, n_jobs=2)
    (path.parent / "quick.yaml").write_text(QUICK)
    raw = tomllib.loads(path.read_text())
    raw["sources"]["quick"].pop("sha256")
    raw["extraction"] |= {"kinetics": False}
    raw["signature"] |= {"sizes": [2], "n_trees": 3, "n_repeats": 1, "n_splits": 3}
    del raw["signature"]["icc"], raw["training"]["masks"]["second_reader"]
    raw["links"] = {"n_permutations": 100}
    raw["gene_score"] |= {"n_repeats": 1, "inner_repeats": 1}
    raw["external"] = {}
    raw["sources"] = {
        name: source for name, source in raw["sources"].items() if "external" not in name
    }  # else hashed at every start
    for name in ("fusion", "gene_sets", "survival", "truth"):
        del raw[name]
    path.write_text(tomli_w.dumps(raw))
    return path


def work(manifest: Path, out: Path, n_jobs: int) -> None:
    """Run the study, as the head of a group of processes that can be killed together."""
    os.setsid()
    try:
        study.run(manifest, out=out, n_jobs=n_jobs, figures=False)
    except RunError:
        os._exit(INTERRUPTED)


@pytest.fixture(scope="module")
def start(manifest):
    """Start a run in a process that has loaded all it needs, since twenty beginnings would take longer than the study."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(
        [
            "radiogenomics.study.pipeline",
            "radiogenomics.study.measuring.tasks",
            "radiogenomics.study.steps.lesions",
            "SimpleITK",
            "sklearn.ensemble",
        ]
    )

    def begin(out: Path, n_jobs: int) -> multiprocessing.Process:
        process = server.Process(target=work, args=(manifest, out, n_jobs))
        process.start()
        return process

    return begin


@pytest.fixture(scope="module")
def clean(start, tmp_path_factory):
    """The bytes of a study that nobody disturbed, and the seconds it took."""
    out, began = tmp_path_factory.mktemp("clean") / "out", time.perf_counter()
    process = start(out, 1)
    process.join()
    assert process.exitcode == 0
    return bytes_of(out), time.perf_counter() - began


def bytes_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "tables").iterdir()}


def workers(process: multiprocessing.Process) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def test_killed_at_twenty_random_moments_it_measures_every_patient_to_the_same_bytes(manifest, start, clean, tmp_path):
    expected, seconds = clean
    rng, out, killed, process = random.Random(20), tmp_path / "out", [], None
    while len(killed) < KILLS:
        process = process if process is not None and process.is_alive() else start(out, 1 + len(killed) % 2)
        process.join(rng.uniform(0.02, 0.18) * seconds)
        if not process.is_alive():
            assert process.exitcode in (0, INTERRUPTED)
            if process.exitcode == 0:
                shutil.rmtree(out)  # it came to its end between two kills: begin anew, so that every kill meets a run
            continue
        some = workers(process)
        if some and rng.random() < 0.5:
            victim = rng.choice(some)
            victim.kill()
            killed.append("worker")
        else:
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
            killed.append("parent")
            for left in some:
                left.wait(timeout=60)
    while process.is_alive() or process.exitcode != 0:
        process = process if process.is_alive() else start(out, 2)
        process.join()
        assert process.exitcode in (0, INTERRUPTED, -signal.SIGKILL)
    assert bytes_of(out) == expected
    assert set(killed) == {"parent", "worker"}
    failures = pd.read_csv(out / "tables" / "failures.csv")
    measured = pd.read_parquet(out / "tables" / "features_radiomics.parquet")
    assert not failures["reason"].str.contains("kill|worker|memory", case=False).any()
    lost = set(failures.loc[failures["step"] == "images", "patient"])
    assert set(measured.index) | lost == set(study.gather(manifest).images("training"))
    assert not set(measured.index) & lost
