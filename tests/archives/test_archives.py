"""Downloads from a server on loopback: whole or not at all, verified, tried again."""

import hashlib
import http.server
import json
import threading

import pandas as pd
import pytest

from radiogenomics import archives
from radiogenomics._errors import FileError
from tests.helpers.full_disk import room_for
from tests.helpers.table_study import write_table_study

BODY = b"gene,p1\nA,1.0\n" * 1000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY; `/flaky` fails twice first, `/short` breaks off, `/gone` is not there."""

    calls: dict[str, int] = {}  # noqa: RUF012 - one server a test, cleared by the fixture

    def do_GET(self):
        count = self.calls[self.path] = self.calls.get(self.path, 0) + 1
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path in ("/429", "/500") and count <= 1:
            self.send_response(int(self.path[1:]))
            self.send_header("Retry-After", "0")
            self.end_headers()
            return
        if self.path == "/down" or (self.path == "/flaky" and count <= 2):
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:100] if self.path == "/short" and count <= 1 else BODY)

    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def url():
    Server.calls = {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_comes_whole_and_verified(url, tmp_path):
    path = archives.download(f"{url}/file", tmp_path / "new" / "a.csv", expected=hashlib.sha256(BODY).hexdigest())
    assert path.read_bytes() == BODY


@pytest.mark.parametrize(("place", "calls"), [("/flaky", 3), ("/short", 2), ("/429", 2), ("/500", 2)])
def test_a_failing_server_is_asked_again(url, tmp_path, place, calls):
    archives.download(url + place, tmp_path / "a.csv", wait_s=0.01)
    assert (tmp_path / "a.csv").read_bytes() == BODY
    assert Server.calls[place] == calls


def test_what_is_not_there_is_asked_for_once(url, tmp_path):
    with pytest.raises(
        ConnectionError, match=r"/gone could not be downloaded: HTTP 404 Not Found; try again later, or put the file"
    ):
        archives.download(f"{url}/gone", tmp_path / "a.csv", wait_s=0.01)
    assert Server.calls["/gone"] == 1
    assert list(tmp_path.iterdir()) == []


def test_after_every_attempt_the_last_reason_is_told(url, tmp_path):
    with pytest.raises(ConnectionError, match="HTTP 503"):
        archives.download(f"{url}/down", tmp_path / "a.csv", attempts=3, wait_s=0.01)
    assert Server.calls["/down"] == 3


@pytest.mark.parametrize("resume", [False, True])
def test_a_full_disk_is_told_at_once(url, tmp_path, resume):
    with room_for(5000), pytest.raises(FileError, match=r"a\.csv cannot be written: .*MB are free.*make room") as error:
        archives.download(f"{url}/file", tmp_path / "a.csv", wait_s=30.0, resume=resume)
    assert not isinstance(error.value, ConnectionError)
    assert list(tmp_path.iterdir()) == []
    files, table = archives.ARCHIVES["http"], pd.DataFrame({"item": [f"{url}/file"], "file": ["a.csv"]})
    with room_for(5000), pytest.raises(FileError, match=r"http: http://.*/file cannot be written to .*RADIOGENOMICS_CACHE"):
        files.fetch(table, tmp_path)
    assert files.fetch(table, tmp_path)[f"{url}/file"].read_bytes() == BODY


def test_a_wrong_checksum_leaves_no_file(url, tmp_path):
    with pytest.raises(ValueError, match=r"its sha256 is .* says 000"):
        archives.download(f"{url}/file", tmp_path / "a.csv", expected="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:9/x could not be downloaded: .*refused"):
        archives.download("http://127.0.0.1:9/x", tmp_path / "a.csv", attempts=2, wait_s=0.01)


def test_only_http_is_fetched(tmp_path):
    with pytest.raises(ValueError, match="'file:///etc/passwd' is not an HTTP address"):
        archives.download("file:///etc/passwd", tmp_path / "a.csv")


def test_a_manifest_fetches_what_is_missing(url, tmp_path, monkeypatch):
    import tomllib

    import tomli_w

    from radiogenomics import study

    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    path = write_table_study(tmp_path / "inputs")
    raw = tomllib.loads(path.read_text())
    raw["sources"]["truth"] |= {"file": "remote.csv", "url": f"{url}/file", "sha256": hashlib.sha256(BODY).hexdigest()}
    path.write_text(tomli_w.dumps(raw))
    assert study.gather(path).files["truth"] == next((tmp_path / "cache").glob("*/remote.csv"))
    assert study.gather(path).files["truth"].read_bytes() == BODY
    assert Server.calls == {"/file": 1}


LISTED = {"statistics": [{"libraryName": "Fly_Tissues_2031"}, {"libraryName": "Empty"}, {"libraryName": "Page"}]}
ENRICHR = {
    "/FlyEnrichr/datasetStatistics": ("application/json", json.dumps(LISTED)),
    "/FlyEnrichr/geneSetLibrary?mode=text&libraryName=Fly_Tissues_2031": ("text/plain", "Wing\t\tvg,1.0\tap,0.5\t\nEye\tx\tey\n"),
    "/FlyEnrichr/geneSetLibrary?mode=text&libraryName=Empty": ("text/plain", "\n"),
    "/FlyEnrichr/geneSetLibrary?mode=text&libraryName=Page": ("text/html", "<html>Sign in</html>"),
    "/Enrichr/datasetStatistics": ("application/json", '{"statistics": "under repair"}'),
}


@pytest.fixture
def enrichr():
    """Answer as Enrichr does, on loopback."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = ENRICHR[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            """Stay quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_library_of_enrichr_comes_without_weights(enrichr):
    found = archives.fetch_library("Fly_Tissues_2031", organism="fly", server=enrichr)
    assert found == {"Wing": ["vg", "ap"], "Eye": ["ey"]}


@pytest.mark.parametrize(
    ("library", "organism", "message"),
    [
        ("Fly_Tissue_2030", "fly", r"no library 'Fly_Tissue_2030' for fly; the nearest are Fly_Tissues_2031"),
        ("Empty", "fly", r"did not give the library 'Empty': .*an answer of blanks"),
        ("Page", "fly", r"did not give the library 'Page': .*a page of the kind text/html.*read a GMT file"),
        ("kegg", "human", r"did not give the library 'KEGG_2021_Human': its list of libraries is not what it was"),
        ("kegg", "cat", r"Enrichr has no organism 'cat'; give one of human, mouse"),
    ],
)
def test_what_is_no_library_of_enrichr_is_refused(enrichr, library, organism, message):
    with pytest.raises((ValueError, ConnectionError), match=message):
        archives.fetch_library(library, organism=organism, server=enrichr)
