"""NBIA's REST service, version 4, on loopback: collections, series and zips of images with their MD5; answers can be spoilt."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Nbia:
    """What the service has, what becomes of its answers, and what it was asked.

    Attributes
    ----------
    series : dict of str to (dict, dict of str to bytes)
        SeriesInstanceUID -> its row in the list, and its images by name.
    spoil : callable
        Takes the endpoint, how often it was asked for this, and the answer (status, headers, body); gives what is sent.
    asked : list of (str, str or None)
        Path with query, and the Authorization header.
    """

    series: dict[str, tuple[dict[str, str], dict[str, bytes]]]
    spoil: Callable[[str, int, Answer], Answer] = lambda what, n, answer: answer
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    def add(self, uid: str, collection: str, patient: str, images: dict[str, bytes], **more: str) -> None:
        """Add a series."""
        row = {
            "SeriesInstanceUID": uid, "StudyInstanceUID": f"{uid}.1", "PatientID": patient, "Collection": collection,
            "Modality": "MR", "SeriesNumber": "4", "SeriesDescription": "dynamic", "Manufacturer": "SIEMENS",
            "ManufacturerModelName": "Avanto", "StudyDate": "2004-05-06 00:00:00.0", "ImageCount": str(len(images)),
            "FileSize": str(sum(map(len, images.values()))), "LicenseName": "CC BY 3.0", "DataDescriptionURI": "https://doi.org/10.7937/nbia",
        }  # fmt: skip
        self.series[uid] = ({**row, **more}, images)

    def answer(self, path: str) -> Answer:
        """Answer as the service does."""
        parts = urlsplit(path)
        what, options = parts.path.removeprefix("/v4/"), {key: values[0] for key, values in parse_qs(parts.query).items()}
        rows = [row for row, _ in self.series.values() if all(row.get(key) == value for key, value in options.items())]
        if what == "getCollectionValues":
            names = sorted({row["Collection"] for row, _ in self.series.values()})
            return 200, {"Content-Type": "application/json"}, json.dumps([{"Collection": name} for name in names]).encode()
        if what == "getSeries":
            return 200, {"Content-Type": "application/json"}, json.dumps(rows).encode()
        if what == "getImageWithMD5Hash" and rows:
            return 200, {"Content-Type": "application/octet-stream"}, zipped(self.series[options["SeriesInstanceUID"]][1])
        return 404, {}, b""


def zipped(images: dict[str, bytes], *, wrong: bool = False) -> bytes:
    """Pack images with a licence and the list of their MD5, which may be wrong."""
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for name, content in images.items():
            archive.writestr(name, content)
        archive.writestr("LICENSE", "CC BY 3.0")
        hashes = [f"{name},{hashlib.md5(content + b'x' * wrong).hexdigest()}" for name, content in images.items()]
        archive.writestr("md5hashes.csv", "\n".join(["SOPInstanceUID,MD5Hash", *hashes]))
    return file.getvalue()


@contextmanager
def nbia_server() -> Iterator[Nbia]:
    """Run the service, empty at first."""
    nbia, lock = Nbia({}), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with lock:
                n = 1 + sum(path == self.path for path, _ in nbia.asked)
                nbia.asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = nbia.spoil(urlsplit(self.path).path.rpartition("/")[2], n, nbia.answer(self.path))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    nbia.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield nbia
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
