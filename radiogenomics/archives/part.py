"""Half a file: the next attempt, of this process or a later one, asks for the rest where the file is still the same."""

import hashlib
import http
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from radiogenomics._errors import DownloadError
from radiogenomics._files import atomic, make_folder
from radiogenomics.archives.addresses import RefusedError


@dataclass
class Part:
    """Half a file, and how the server tells its file from another.

    Attributes
    ----------
    place : Path
        Where it lies.
    note : Path or None
        Where its ETag stands, for later processes; None where it ends with this one.
    key : str
        SHA-256 of the address; the address itself may hold a secret.
    etag : str
        Strong ETag of the file; empty where the rest cannot be asked for.
    asked : int
        Bytes that were there when the rest was asked for.
    inherited : bool
        Whether it begins with what an earlier process left.
    """

    place: Path
    note: Path | None = None
    key: str = ""
    etag: str = ""
    asked: int = 0
    inherited: bool = False

    @classmethod
    def beside(cls, path: Path, address: str) -> Self:
        """Take up what an earlier process has left beside a file, or begin."""
        make_folder(path.parent, "the folder of the file")
        place, note = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.part.json")
        key = hashlib.sha256(address.encode()).hexdigest()
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            told = None
        same = isinstance(told, dict) and told.get("address") == key and place.is_file()
        etag = str(told.get("etag", "")) if same else ""
        return cls(place, note, key, etag, inherited=bool(etag))

    def ask(self, request: urllib.request.Request) -> None:
        """Ask for the rest of the file, or for all of it."""
        self.asked = self.place.stat().st_size if self.etag else 0
        for name in ("Range", "If-range"):
            request.remove_header(name)
        if self.asked:
            request.add_header("Range", f"bytes={self.asked}-")
            request.add_header("If-Range", self.etag)

    def begin(self, answer: Any) -> str:
        """Look at an answer -> how the file is to be opened: to go on, or anew.

        Raises
        ------
        RefusedError
            If it is neither the file nor the rest of it.
        DownloadError
            If it is the rest of another file.
        """
        etag = answer.headers.get("ETag", "")
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT and self.asked:
            if etag and etag != self.etag:
                self.forget()
                raise DownloadError("the rest of another file came")
            if answer.headers.get("Content-Range", "").startswith(f"bytes {self.asked}-"):
                return "ab"
        elif answer.status == http.HTTPStatus.OK:
            ranges = "bytes" in answer.headers.get("Accept-Ranges", "").lower()
            self._anew(etag if ranges and etag.startswith('"') else "")  # a weak tag does not say that the bytes are the same
            return "wb"
        raise RefusedError(f"HTTP {answer.status} {answer.reason} came, and no file")

    def refused(self, error: urllib.error.HTTPError) -> str:
        """Say why a server refused; where it has no rest to give, the next attempt asks for all."""
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self.etag = ""
        error.close()
        return f"HTTP {error.code} {error.reason}"

    def forget(self) -> bool:
        """Remove what has come, and ask for all of it next time -> whether an earlier process had left its beginning."""
        inherited, self.inherited, self.etag = self.inherited, False, ""
        self.tidy()
        return inherited

    def finish(self, path: Path) -> None:
        """Give the whole file its name, where it was kept under another."""
        if self.note is not None:
            with atomic(path) as temporary:
                self.place.replace(temporary)
            self.etag = ""

    def tidy(self) -> bool:
        """Remove what no later process can go on with -> whether something is left for one."""
        if self.note is not None and not self.etag:
            self.note.unlink(missing_ok=True)
            self.place.unlink(missing_ok=True)
        return self.note is not None and bool(self.etag)

    def _anew(self, etag: str) -> None:
        """Begin the file; what is noted must never belong to other bytes, at whatever moment the process ends."""
        self.etag, self.inherited = etag, False
        if self.note is not None:
            self.note.unlink(missing_ok=True)
            self.place.write_bytes(b"")
            if etag:
                self.note.write_text(json.dumps({"address": self.key, "etag": etag}) + "\n", encoding="utf-8")
