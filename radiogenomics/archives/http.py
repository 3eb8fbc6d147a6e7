"""Files of any web server, over HTTP with retries, whole or not at all."""

import http.client
import logging
import random
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import nullcontext
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from radiogenomics._errors import DownloadError, FileError, InputError
from radiogenomics._files import OF_THE_DISK, atomic, unwritable
from radiogenomics.archives.addresses import RefusedError, SafeRedirects, public_address, request_of
from radiogenomics.archives.contents import check_content, check_type
from radiogenomics.archives.files import verify
from radiogenomics.archives.part import Part

logger = logging.getLogger(__name__)

_FINAL = (301, 302, 303, 307, 308, 400, 401, 403, 404, 410)
_CHUNK = 1 << 16
_LONGEST_PAUSE_S = 300.0


def download(
    url: str,
    path: Path,
    *,
    expected: str | None = None,
    token: str | None = None,
    resume: bool = False,
    trusted: bool = False,
    attempts: int = 4,
    wait_s: float = 1.0,
    timeout_s: float = 60.0,
    least_bytes_per_s: float = 1000.0,
    limit_s: float = 6 * 3600.0,
) -> Path:
    """Download a file over HTTP, whole or not at all.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``. User and password in it go to its server alone, and stand in no message.
    path : Path
        Where it shall lie.
    expected : str, optional
        SHA-256 that the file must have.
    token : str, optional
        Secret that the server asks for (``Authorization: Bearer``); sent to it alone, over https or to this machine, and told to
        nobody.
    resume : bool
        Keep what has come beside `path` when the download fails or is killed, and go on with it in the next call, where the
        server gives parts and says by a strong ETag that its file is the same. Only one process at a time may do so.
    trusted : bool
        Take any content: the caller verifies it by other means than `expected`.
    attempts : int
        How often to try. What has come is kept for the next attempt where the server gives parts and tells its file by an ETag.
        The wait doubles from one to the next, with chance added so that many clients do not come back at once, and is at least
        what a busy server asks for (Retry-After).
    wait_s : float
        Seconds before the second attempt.
    timeout_s : float
        Seconds that the server may be silent.
    least_bytes_per_s : float
        What must come on average in every `timeout_s` seconds.
    limit_s : float
        Seconds that one attempt may take.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the address is none of HTTP, or the checksum differs.
    ConnectionError
        If the server refuses, redirects to an address without https, sends a web page, an empty or a cut file, or every attempt
        fails; the message names the address without its secrets, and the last reason.
    """
    request, shown = request_of(url, token=token), public_address(url)
    limits = (timeout_s, least_bytes_per_s, limit_s)
    with nullcontext(None) if resume else atomic(path) as temporary:
        part = Part.beside(path, url) if temporary is None else Part(temporary)
        try:
            reason = _attempts(request, part, path, expected, trusted, attempts, wait_s, limits)
            if not reason:
                part.finish(path)
                return path
        finally:
            kept = ", which goes on with what has come" if part.tidy() else ""
        raise DownloadError(
            f"{shown} could not be downloaded: {reason}; try again later{kept}, or put the file into a folder and give --mirror."
        )


def fetch_file(item: str, place: Path, *, expected: str | None = None) -> Path:
    """Bring a file into the cache, and go on with what an earlier process left of it; see `download`."""
    return download(item, place, expected=expected, resume=True)


def _attempts(
    request: urllib.request.Request,
    part: Part,
    path: Path,
    expected: str | None,
    trusted: bool,
    attempts: int,
    wait_s: float,
    limits: tuple[float, float, float],
) -> str:
    """Try to download a file -> why the last attempt failed, or nothing."""
    reason, asked_s = "", 0.0
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause_s(attempt, wait_s, asked_s))
        watch = _Watch(*limits)
        try:
            _download_once(request, part, path.name, expected, trusted, watch)
        except urllib.error.HTTPError as error:
            reason, asked_s = part.refused(error), _retry_after(error.headers.get("Retry-After"))
            if error.code in _FINAL:
                part.forget()
                break
        except RefusedError as error:
            reason = str(error)
            if not part.forget():
                break
        except InputError as error:  # another checksum, which what an earlier process left may be to blame for
            reason = str(error)
            if not part.forget():
                raise
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, FileError) and not isinstance(error, DownloadError):
                raise
            if (number := getattr(error, "errno", None)) in OF_THE_DISK:
                raise unwritable(path, number) from error  # which no further attempt mends
            reason = watch.reason or str(error) or type(error).__name__
        else:
            return ""
        logger.warning("%s: attempt %d of %d failed: %s", public_address(request.full_url), attempt + 1, attempts, reason)
    return reason


def pause_s(attempt: int, wait_s: float, asked_s: float = 0.0) -> float:
    """Say how long to wait before a further attempt, the first of which is 1 -> seconds."""
    backoff = wait_s * 2.0 ** (attempt - 1)
    return max(backoff * random.uniform(0.75, 1.25), asked_s)  # noqa: S311 - no secret hangs on it


def _retry_after(value: str | None) -> float:
    """Read how long a busy server wants to be left alone -> seconds, at most five minutes; 0 where it does not say."""
    if value is None:
        return 0.0
    try:
        seconds = float(value) if value.strip().isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_PAUSE_S)


def _download_once(
    request: urllib.request.Request, part: Part, name: str, expected: str | None, trusted: bool, watch: "_Watch"
) -> None:
    look = expected is None and not trusted
    part.ask(request)
    with watch, _opener(watch).open(request, timeout=watch.timeout_s) as answer, part.place.open(part.begin(answer)) as file:
        if look:
            _or_refuse(check_type, answer.headers.get_content_type() if "Content-Type" in answer.headers else "", name)
        watch.begin()
        while data := answer.read1(_CHUNK):
            file.write(data)
            file.flush()  # a killed process leaves what has come
            watch.received += len(data)
    if watch.reason:
        raise DownloadError(watch.reason)
    announced = answer.headers.get("Content-Length", "").strip()
    if announced.isdecimal() and int(announced) != watch.received:
        raise DownloadError(f"{watch.received} of {announced} bytes came")
    if expected is not None:
        verify(part.place, expected)
    if look:
        chunked = "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
        _or_refuse(check_content, part.place, name, whole=announced.isdecimal() or chunked)


def _or_refuse(check: Any, *arguments: Any, **named: Any) -> None:
    """Turn what is wrong with an answer into the end of the download."""
    try:
        check(*arguments, **named)
    except InputError as error:
        raise RefusedError(f"{error}: fetch it by hand where a log-in is needed, or give its sha256 if it is the file") from error


class _Watch:
    """Ends a connection that has become too slow or takes too long: a socket's own time limit begins anew with every byte.

    Attributes
    ----------
    received : int
        Bytes of the file so far; kept by the reader.
    reason : str
        Why the connection was ended; empty where it was not.
    """

    def __init__(self, timeout_s: float, least_bytes_per_s: float, limit_s: float) -> None:
        self.timeout_s, self.least, self.limit_s = timeout_s, least_bytes_per_s * timeout_s, limit_s
        self.received, self.reason = 0, ""
        self._socket: socket.socket | None = None
        self._begun, self._ended = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, daemon=True, name="watch of a download").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._begun.set()

    def begin(self) -> None:
        """Say that the head of the answer has come, and the file begins."""
        self._begun.set()

    def take(self, connection: http.client.HTTPConnection) -> None:
        """Look after a connection that was just made."""
        self._socket = connection.sock

    def _look(self) -> None:
        started = time.monotonic()
        if not self._begun.wait(min(self.timeout_s, self.limit_s)):
            self._end(f"no answer within {self.timeout_s:g} s")
            return
        before = self.received
        while not self._ended.wait(min(self.timeout_s, max(self.limit_s - (time.monotonic() - started), 0.01))):
            if time.monotonic() - started >= self.limit_s:
                self._end(f"it took longer than {self.limit_s:g} s")
                return
            if self.received - before < self.least:
                self._end(f"only {self.received - before} bytes were received in {self.timeout_s:g} s")
                return
            before = self.received

    def _end(self, reason: str) -> None:
        self.reason = reason
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                logger.debug("The connection had ended by itself.")


def _opener(watch: _Watch) -> urllib.request.OpenerDirector:
    """Make what opens http and https addresses, and no other; proxies are those of the environment."""

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            watch.take(self)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            watch.take(self)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req)

    opener = urllib.request.OpenerDirector()
    errors = (urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor())
    for handler in (urllib.request.ProxyHandler(), PlainHandler(), SecureHandler(), SafeRedirects(), *errors):
        opener.add_handler(handler)
    return opener
