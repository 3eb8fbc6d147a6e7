"""Servers that err, dawdle or lead astray: what comes of it is one line, no file, and no secret in what is said."""

import gzip
import http.server
import io
import json
import logging
import re
import threading
import time
import zipfile

import pandas as pd
import pytest

from radiogenomics import archives
from radiogenomics._errors import DownloadError, InputError

TABLE = b"gene,p1\nESR1,1.0\n" * 200
PAGE = b"\n <!DOCTYPE html>\n<html><body>Please log in</body></html>"


def zipped(data: bytes) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("a.csv", data)
    return file.getvalue()


def parquet() -> bytes:
    pd.DataFrame({"a": [1.0]}).to_parquet(file := io.BytesIO())
    return file.getvalue()


def flipped(data: bytes) -> bytes:
    at = data.index(b"ESR1") if b"ESR1" in data else len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


ANSWERS = {
    "log-in page": (200, "text/html; charset=utf-8", PAGE, "a page of the kind text/html came for a.csv"),
    "log-in page called a table": (200, "text/csv", PAGE, "a web page or XML was received for a.csv"),
    "page without a type": (200, None, b"\xef\xbb\xbf<HTML>x", "a web page or XML was received for a.csv"),
    "error in JSON": (200, "application/json", b'{"error": "token expired"}', "of the kind application/json came for a.csv"),
    "error in XML": (200, "application/xml", b"<Error/>", "of the kind application/xml came for a.csv"),
    "error in JSON called text": (200, "text/plain", b' [{"detail": "quota"}]\n', "JSON was received for a.csv"),
    "error in XML without a type": (
        200,
        None,
        b"\n<Error><Code>NoSuchKey</Code></Error>",
        "a web page or XML was received for a.csv",
    ),
    "page in UTF-16": (200, "text/plain", "<html>Log in".encode("utf-16"), "it is a web page or XML"),
    "PDF": (200, "application/octet-stream", b"%PDF-1.7 ...", "a.csv: cannot be read as a table (it is a PDF)"),
    "bytes": (200, "application/octet-stream", bytes(range(256)), "a.csv: cannot be read as a table ("),
    "blanks": (200, "text/csv", b" \r\n\r\n", "an answer of blanks was received for a.csv"),
    "nothing": (200, "text/csv", b"", "an empty answer was received for a.csv"),
    "no content": (204, None, None, "HTTP 204 No Content came, and no file"),
    "accepted, not ready": (202, "text/csv", b"later\n", "HTTP 202 Accepted came, and no file"),
    "part of it": (206, "text/csv", TABLE[:50], "HTTP 206 Partial Content came, and no file"),
}
CONTENTS = {
    "a.csv.gz": (gzip.compress(TABLE), [gzip.compress(TABLE)[:-9], TABLE, flipped(gzip.compress(TABLE))]),
    "a.tsv.gz": (gzip.compress(b"\xef\xbb\xbf" + TABLE), [gzip.compress(b"<p>Log in"), gzip.compress(b'{"error": 1}')]),
    "a.txt": (b"{curly} is a name\n", [b'{"error": "curly"}', b"[]"]),
    "a.zip": (zipped(TABLE), [zipped(TABLE)[:-30], gzip.compress(TABLE), flipped(zipped(TABLE))]),
    "a.parquet": (parquet(), [parquet()[:-1], TABLE]),
}
KEY = "s3cr3t"


class Server(http.server.BaseHTTPRequestHandler):
    """Gives what the test has laid down under a path, and notes what it was asked."""

    answers: dict[str, tuple] = {}  # noqa: RUF012 - one server a test, cleared by the fixture
    asked: list[tuple[str, str | None]] = []  # noqa: RUF012

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Authorization")))
        answer = self.answers[self.path.partition("?")[0]]
        if callable(answer):
            answer(self)
            return
        status, kind, body = answer
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def server():
    Server.answers, Server.asked = {}, []
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.mark.parametrize("case", ANSWERS)
def test_what_is_no_file_is_not_kept_and_asked_for_once(server, tmp_path, case):
    status, kind, body, said = ANSWERS[case]
    Server.answers["/x"] = (status, kind, body)
    with pytest.raises(DownloadError, match=rf"/x could not be downloaded: .*{re.escape(said)}"):
        archives.download(f"{server}/x", tmp_path / "a.csv", wait_s=0.01)
    assert list(tmp_path.iterdir()) == []
    assert len(Server.asked) == 1


def test_a_page_is_kept_where_its_hash_or_its_name_says_that_it_is_meant(server, tmp_path):
    import hashlib

    Server.answers["/x"] = (200, "text/html", PAGE)
    archives.download(f"{server}/x", tmp_path / "a.html")
    archives.download(f"{server}/x", tmp_path / "a.csv", expected=hashlib.sha256(PAGE).hexdigest())
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "a.csv").read_bytes() == PAGE


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_must_read_as_its_name_says(server, tmp_path, name):
    good, bad = CONTENTS[name]
    for i, body in enumerate(bad):
        Server.answers["/x"] = (200, "application/octet-stream", body)
        with pytest.raises(
            DownloadError,
            match=rf"(what was received for {name} is |JSON was received for {name}|{name}: cannot be read as a table)",
        ):
            archives.download(f"{server}/x", tmp_path / str(i) / name, wait_s=0.01)
        assert list(tmp_path.rglob("*.*")) == []
    Server.answers["/x"] = (200, "application/octet-stream", good)
    assert archives.download(f"{server}/x", tmp_path / name).read_bytes() == good


@pytest.mark.parametrize(("body", "cut"), [(TABLE, False), (TABLE[:-3], True)])
def test_where_nobody_says_how_long_a_table_is_it_must_end_with_a_line(server, tmp_path, body, cut):
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body)

    Server.answers["/x"] = answer
    if cut:
        with pytest.raises(DownloadError, match=r"did not say how long a\.csv is, and it ends within a line"):
            archives.download(f"{server}/x", tmp_path / "a.csv")
    else:
        assert archives.download(f"{server}/x", tmp_path / "a.csv").read_bytes() == body


@pytest.mark.parametrize(
    ("tag", "changed", "asked"),
    [
        ('"a"', False, [None, f"bytes={len(TABLE) // 2}-"]),  # the rest alone
        ('"a"', True, [None, f"bytes={len(TABLE) // 2}-"]),  # another file meanwhile: all of it comes
        ('W/"a"', False, [None, None]),  # a weak tag does not promise the same bytes
        (None, False, [None, None]),
    ],
)
def test_half_a_file_goes_on_where_the_server_can_say_that_it_is_the_same(server, tmp_path, tag, changed, asked):
    ranges, new = [], TABLE.replace(b"ESR1", b"PGR0")

    def answer(handler):
        ranges.append(handler.headers.get("Range"))
        body, status, begin = (new if changed and len(ranges) > 1 else TABLE), 200, 0
        if ranges[-1] and not changed:
            assert handler.headers.get("If-Range") == tag
            status, begin = 206, int(ranges[-1].removeprefix("bytes=").removesuffix("-"))
        handler.send_response(status)
        for name, value in {"ETag": tag, "Accept-Ranges": "bytes", "Content-Length": str(len(body) - begin)}.items():
            if value:
                handler.send_header(name, value)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        handler.end_headers()
        handler.wfile.write(body[begin:] if len(ranges) > 1 else body[: len(body) // 2])

    Server.answers["/x"] = answer
    archives.download(f"{server}/x", tmp_path / "a.csv", wait_s=0.01)
    assert (tmp_path / "a.csv").read_bytes() == (new if changed else TABLE)
    assert ranges == asked


def dribble(head: bool):
    """Send a byte now and then: of the head of the answer, or of the file."""

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X-Slow: " if head else b"Content-Length: 100000\r\n\r\n"))
        for _ in range(200):
            time.sleep(0.05)
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    return answer


@pytest.mark.parametrize(
    ("head", "limits", "said"),
    [
        (False, {}, r"only \d+ bytes were received in 0\.3 s"),
        (True, {}, r"no answer within 0\.3 s"),
        (False, {"least_bytes_per_s": 0.0, "limit_s": 0.5}, r"it took longer than 0\.5 s"),
    ],
)
def test_a_server_that_dawdles_is_left(server, tmp_path, head, limits, said):
    Server.answers["/x"] = dribble(head)
    with pytest.raises(DownloadError, match=said):
        archives.download(f"{server}/x", tmp_path / "a.csv", attempts=1, timeout_s=0.3, **limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place",
    [
        "ftp://127.0.0.1:9/a.csv",
        "file:///etc/hostname",
        "http://192.0.2.1/a.csv",
        "http://127.0.0.1@192.0.2.1/a.csv",
        "http://localhost.example.org/a.csv",
        "data:text/csv,a",
        "HTTP://192.0.2.1/?token=abc",
    ],
)
@pytest.mark.parametrize("code", [301, 302, 307])
def test_nobody_is_followed_off_https_and_this_machine(server, tmp_path, place, code):
    def answer(handler):
        handler.send_response(code)
        handler.send_header("Location", place)
        handler.end_headers()

    Server.answers["/x"] = answer
    with pytest.raises(DownloadError, match=r"its server redirects to .*, which is not https, and is not followed") as caught:
        archives.download(f"{server}/x", tmp_path / "a.csv", wait_s=0.01)
    assert "abc" not in str(caught.value)
    assert len(Server.asked) == 1


def test_on_this_machine_a_server_is_followed_without_the_password(server, tmp_path):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", "/y")
        handler.end_headers()

    Server.answers |= {"/x": answer, "/y": (200, "text/csv", TABLE)}
    address = server.replace("//", f"//me:{KEY}@") + "/x"
    assert archives.download(address, tmp_path / "a.csv").read_bytes() == TABLE
    assert [path for path, _ in Server.asked] == ["/x", "/y"]
    assert Server.asked[0][1] == "Basic bWU6czNjcjN0"
    assert Server.asked[1][1] is None


@pytest.mark.parametrize(
    "address",
    [
        "http://me:s3cr3t@127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}/x?access_token=s3cr3t&release=36",
        "http://127.0.0.1:{port}/x?X-Amz-Signature=s3cr3t",
        "http://127.0.0.1:{port}/x?apiKey=s3cr3t#s3cr3t",
        "http://me:s3cr3t@192.0.2.1/x",
        "http://me:s3cr3t@127.0.0.1:s3cr3t/x",
        "http://me:s3cr3t@[::1/x?token=s3cr3t",
        "ftp://me:s3cr3t@127.0.0.1/x",
        "http://127.0.0.1:{port}/x y?token=s3cr3t",
    ],
)
def test_no_secret_of_an_address_is_told(server, tmp_path, address, caplog):
    Server.answers["/x"] = (503, None, b"")
    caplog.set_level(logging.DEBUG)
    with pytest.raises((DownloadError, InputError)) as caught:
        archives.download(address.format(port=server.rpartition(":")[2]), tmp_path / "a.csv", attempts=2, wait_s=0.01)
    assert KEY not in f"{caught.value}{caplog.text}".replace(":s3cr3t/x", "")  # a port that is none stands where a port stands


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:pw@h.org:8443/a.csv?release=36#part", "https://h.org:8443/a.csv?release=36"),
        ("https://h.org/a?accessToken=1&x=2", "https://h.org/a?accessToken=HIDDEN&x=2"),
        ("https://h.org/a?q=eyJhbGciOiJIUzI1NiIsInR5c", "https://h.org/a?q=HIDDEN"),
        ("https://h.org/a?6f1ed002ab5595859014ebf0951522d9", "https://h.org/a?HIDDEN="),
        ("https://www.ncbi.nlm.nih.gov/geo/download/?acc=GSE1&format=file", None),
        ("https://h.org/a%20b?x=a%2Fb&y=", None),
        ("//me:pw@h.org/a.csv", "//h.org/a.csv"),
        ("me:pw@h.org/a.csv", "h.org/a.csv"),
        ("https://h.org/a;PHPSESSID=12ab;v=2/b?x=1", "https://h.org/a;PHPSESSID=HIDDEN;v=2/b?x=1"),
        ("https://h.org/a?via=https%3A%2F%2Fme%3Apw%40i.org%2Fb", "https://h.org/a?via=https%3A%2F%2Fi.org%2Fb"),
        ("https://h.org/a?q=hf_abc&pin=1234&sas=x&part=2", "https://h.org/a?q=HIDDEN&pin=HIDDEN&sas=HIDDEN&part=2"),
        ("tables/a.csv", None),
        ("C:/data/a.csv", None),
        ("C:\\data\\me:you@home.csv", None),
        ("https://h.org/a;v=2/b?x=1", None),
        ("Smith et al. (2020), doi:10.1/x?y", None),
    ],
)
def test_of_an_address_only_secrets_are_hidden(address, shown):
    assert archives.public_address(address) == (shown or address)


def test_a_studys_provenance_tells_no_secret(server, tmp_path, monkeypatch):
    import tomllib

    import tomli_w

    from radiogenomics import study
    from tests.helpers import tiny_study

    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    path = tiny_study.write(tmp_path / "inputs")
    raw = tomllib.loads(path.read_text())
    Server.answers["/x"] = (200, "text/csv", (tmp_path / "inputs" / "assays.csv").read_bytes())
    raw["sources"]["assays"] |= {"file": "far.csv", "url": f"{server.replace('//', f'//me:{KEY}@')}/x?release=3&token={KEY}"}
    path.write_text(tomli_w.dumps(raw))
    inputs = study.gather(path)
    assert inputs.origins()["assays"]["url"] == f"{server}/x?release=3&token=HIDDEN"
    assert Server.asked == [(f"/x?release=3&token={KEY}", "Basic bWU6czNjcjN0")]
    told = json.dumps([inputs.origins(), *map(inputs.identity, inputs.sources), inputs.manifest.without_sources()])
    assert KEY not in told
    assert KEY not in path.with_name("study.toml.lock").read_text()
