"""A study that is killed, read and run twice at once ends in the same bytes."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import radiogenomics as rg
from radiogenomics import study
from radiogenomics._errors import RadiogenomicsError
from tests.helpers import tiny_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

KILLS = 20


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return tiny_study.write(tmp_path_factory.mktemp("tiny") / "inputs")


@pytest.fixture(scope="module")
def clean(manifest, tmp_path_factory):
    """The bytes of a study that nobody disturbed, and the seconds it took."""
    started = time.perf_counter()
    run(manifest, out := tmp_path_factory.mktemp("clean") / "out").communicate()
    return bytes_of(out), time.perf_counter() - started


def bytes_of(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes() for folder in ("tables", "figures") for path in (out / folder).iterdir()
    }


def run(manifest: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "radiogenomics", "run", str(manifest), "--out", str(out), "--quiet", *options]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)


class Reader(threading.Thread):
    """Opens a study in a loop, reads a table, asks a question; what it may meet is our own errors, and nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.stop, self.met, self.reads = folder, threading.Event(), [], 0

    def run(self) -> None:
        while not self.stop.wait(0.05):
            try:
                found = rg.Study.open(self.folder)
                for name in list(found.tables)[:3]:
                    found.table(name)
                found.query("ME1")
            except RadiogenomicsError:
                pass
            except Exception as error:
                self.met.append(repr(error))
            self.reads += 1


def test_killed_at_twenty_moments_while_read_it_ends_in_the_same_bytes(manifest, clean, tmp_path):
    expected, seconds = clean
    rng, out = random.Random(8), tmp_path / "out"
    reader = Reader(out)
    reader.start()
    for kill in range(KILLS):
        process = run(manifest, out, "--n-jobs", str(1 + kill % 2))
        time.sleep(rng.uniform(0.1, 0.6) * seconds)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    last = run(manifest, out)
    assert (last.communicate()[1], last.returncode) == ("", 0)
    reader.stop.set()
    reader.join()
    assert bytes_of(out) == expected
    assert reader.reads > KILLS
    assert reader.met == []
    assert rg.Study.open(out).finished


def test_of_two_runs_at_once_one_leaves_and_says_who_is_there(manifest, clean, tmp_path):
    out = tmp_path / "out"
    first = run(manifest, out)
    while not (out / "running.json").exists() and first.poll() is None:
        time.sleep(0.05)
    second = run(manifest, out)
    said = second.communicate()[1]
    assert second.returncode == 2
    assert f"process {first.pid} on " in said
    assert "wait for it to end (--wait)" in said
    assert (first.communicate()[1], first.returncode) == ("", 0)
    assert bytes_of(out) == clean[0]


def test_of_two_runs_at_once_one_may_wait(manifest, clean, tmp_path):
    out = tmp_path / "out"
    both = [run(manifest, out, "--wait"), run(manifest, out, "--wait")]
    assert [(process.communicate()[1], process.returncode) for process in both] == [("", 0), ("", 0)]
    assert bytes_of(out) == clean[0]


def test_reading_writes_nothing(manifest, tmp_path):
    out = tmp_path / "out"
    study.run(manifest, out=out, figures=False)
    for rest in ("tables/.links-half.parquet", "steps/.links-half.json", "work/part/x"):
        (out / rest).parent.mkdir(parents=True, exist_ok=True)
        (out / rest).write_text("half")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    found = rg.Study.open(out)
    for name in found.tables:
        found.table(name)
    found.query("ME1")
    found.to_anndata()
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
