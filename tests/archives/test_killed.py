"""Downloads that are killed at random moments, resumed by a later process, or made by two processes at once."""

import os
import shutil
import signal
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogenomics import archives
from radiogenomics.archives import nbia
from radiogenomics.archives.http import download, fetch_file
from radiogenomics.archives.single import Files
from tests.helpers.killed import begun, kill_at_random, together
from tests.helpers.nbia_server import nbia_server

MOMENTS = [3, pytest.param(20, marks=pytest.mark.slow)]
UIDS = [f"1.3.6.1.4.1.14519.{i}" for i in range(5)]


def images_of(i):
    return {f"1-{j:02d}.dcm": np.random.default_rng([i, j]).bytes(2000 + j) for j in range(3)}


@pytest.fixture
def service(tmp_path, monkeypatch):
    pytest.importorskip("tcia_utils", reason="needs the extra 'archives'")
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "lists"))
    with nbia_server() as server:
        for i, uid in enumerate(UIDS):
            server.add(uid, "New-Breast", f"P{i}", images_of(i))
        monkeypatch.setenv("RADIOGENOMICS_NBIA_ENDPOINT", server.address)
        yield server


def assert_whole_series(folder: Path) -> int:
    """Compare the series that count as fetched with what the service has -> how many there are."""
    there = [path for path in folder.glob("1.*") if path.is_dir()]
    for path in there:
        assert {file.name: file.read_bytes() for file in path.iterdir()} == images_of(UIDS.index(path.name))
    return len(there)


@pytest.mark.parametrize("times", MOMENTS)
def test_nbia_killed_at_any_moment_leaves_no_half_series(service, tmp_path, times):
    table = archives.ARCHIVES["nbia"].list("new_breast")
    service.spoil = lambda what, n, answer: (time.sleep(0.1), answer)[1]

    def check():
        if assert_whole_series(tmp_path / "nbia") == len(UIDS):
            shutil.rmtree(tmp_path / "nbia")  # the next one begins anew

    kill_at_random(nbia.fetch, table, tmp_path, endpoint=service.address, n_workers=1, times=times, within_s=0.6, check=check)
    nbia.fetch(table, tmp_path)
    assert assert_whole_series(tmp_path / "nbia") == len(UIDS)
    assert [path for path in (tmp_path / "nbia").iterdir() if path.name.startswith(".")] == []


def test_two_processes_fetch_a_series_of_nbia_once(service, tmp_path):
    table = archives.ARCHIVES["nbia"].list("new_breast")
    together(nbia.fetch, table, tmp_path, endpoint=service.address)
    assert assert_whole_series(tmp_path / "nbia") == len(UIDS)
    assert len([path for path, _ in service.asked if "getImage" in path]) == len(UIDS)


class Slow(BaseHTTPRequestHandler):
    """Gives a file in pieces, and its rest where that is asked for; after `stop` bytes of an answer it waits."""

    body, etag, heeds, stop, pause_s = b"", '"one"', True, None, 0.0
    asked: list[str | None] = []  # noqa: RUF012 - one server a test, cleared by the fixture
    go_on = threading.Event()

    def do_GET(self):
        asked = self.headers.get("Range")
        self.asked.append(asked)
        same = asked is not None and (self.headers.get("If-Range") == self.etag or not self.heeds)
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if same else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(self.body) - 1}/{len(self.body)}")
        for name, value in {"ETag": self.etag, "Accept-Ranges": "bytes", "Content-Length": str(len(self.body) - begin)}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for at in range(begin, len(self.body), 1000):
                if at == self.stop:
                    self.go_on.wait(20)
                self.wfile.write(self.body[at : at + 1000])
                time.sleep(self.pause_s)
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def slow():
    Slow.asked, Slow.etag, Slow.heeds, Slow.stop, Slow.pause_s = [], '"one"', True, None, 0.0
    Slow.body = b"gene,p1\n" + b"ESR1,1.0\n" * 2222
    Slow.go_on = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/a.csv"
    Slow.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


def row_of(address):
    return pd.DataFrame({"item": [address], "file": ["a.csv"]})


FILES = Files("http", fetch_file)


def cut_in_the_middle(work, place):
    """Kill a process when it has half a file."""
    process = begun(*work)
    give_up = time.monotonic() + 30
    while not place.exists() or place.stat().st_size < Slow.stop:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    Slow.stop = None
    Slow.go_on.set()


@pytest.mark.parametrize("change", ["nothing", "the file", "the half that is there", "the note", "the address"])
def test_a_later_process_goes_on_with_half_a_file_while_it_is_the_same(slow, tmp_path, change):
    import hashlib

    Slow.stop = 9000
    place = tmp_path / "a.csv"
    half = tmp_path / ".a.csv.part"
    cut_in_the_middle((partial(download, slow, place, resume=True),), half)
    assert not place.exists()
    if change == "the file":
        Slow.etag, Slow.body = '"two"', Slow.body.replace(b"ESR1", b"PGR0")
    elif change == "the half that is there":
        half.write_bytes(b"x" * 9000)
    elif change == "the note":
        (tmp_path / ".a.csv.part.json").write_text('{"etag')
    address = slow + "?release=2" if change == "the address" else slow
    download(address, place, resume=True, expected=hashlib.sha256(Slow.body).hexdigest(), wait_s=0.01)
    assert place.read_bytes() == Slow.body
    goes_on = change in ("nothing", "the file", "the half that is there")
    assert Slow.asked == [None, "bytes=9000-" if goes_on else None, *([None] if "half" in change else [])]
    assert list(tmp_path.iterdir()) == [place]


def test_a_study_goes_on_with_half_a_file_of_its_cache(slow, tmp_path):
    Slow.stop = 9000
    place = FILES.place(slow, "a.csv", tmp_path)
    cut_in_the_middle((FILES.fetch, row_of(slow), tmp_path), place.parent / ".coming" / ".a.csv.part")
    (place.parent / ".coming" / ".a-0123abcd.csv").write_bytes(b"left over")
    assert FILES.fetch(row_of(slow), tmp_path) == {slow: place}
    assert place.read_bytes() == Slow.body
    assert Slow.asked == [None, "bytes=9000-"]
    assert {path.name for path in place.parent.iterdir()} == {"a.csv", ".lock"}


def test_a_download_that_fails_says_that_half_of_it_is_kept(slow, tmp_path):
    Slow.stop = 9000
    with pytest.raises(ConnectionError, match="try again later, which goes on with what has come, or"):
        download(slow, tmp_path / "a.csv", resume=True, attempts=1, timeout_s=0.2)
    Slow.stop = None
    Slow.go_on.set()
    download(slow, tmp_path / "a.csv", resume=True)
    assert (tmp_path / "a.csv").read_bytes() == Slow.body
    assert Slow.asked == [None, "bytes=9000-"]


def test_the_rest_of_another_file_is_not_joined(slow, tmp_path):
    """A server that gives the rest although its file has changed."""
    Slow.stop, Slow.heeds = 9000, False
    with pytest.raises(ConnectionError):
        download(slow, tmp_path / "a.csv", resume=True, attempts=1, timeout_s=0.2)
    Slow.stop, Slow.etag, Slow.body = None, '"two"', Slow.body.replace(b"ESR1", b"PGR0")
    Slow.go_on.set()
    download(slow, tmp_path / "a.csv", resume=True, wait_s=0.01)
    assert (tmp_path / "a.csv").read_bytes() == Slow.body
    assert Slow.asked == [None, "bytes=9000-", None]


@pytest.mark.parametrize("times", MOMENTS)
def test_a_file_killed_at_any_moment_is_whole_or_not_there(slow, tmp_path, times):
    Slow.pause_s = 0.02
    place = FILES.place(slow, "a.csv", tmp_path)

    def check():
        if place.exists():
            assert place.read_bytes() == Slow.body
            shutil.rmtree(place.parent)  # the next one begins anew

    kill_at_random(FILES.fetch, row_of(slow), tmp_path, times=times, within_s=0.5, check=check)
    assert FILES.fetch(row_of(slow), tmp_path)[slow].read_bytes() == Slow.body
    assert {path.name for path in place.parent.iterdir()} == {"a.csv", ".lock"}


def test_two_processes_fetch_a_file_once(slow, tmp_path):
    Slow.pause_s = 0.005
    together(FILES.fetch, row_of(slow), tmp_path)
    assert FILES.place(slow, "a.csv", tmp_path).read_bytes() == Slow.body
    assert Slow.asked == [None]
