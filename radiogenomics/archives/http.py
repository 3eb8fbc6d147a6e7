"""Files of any web server, over HTTP with retries, whole or not at all."""

import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from radiogenomics._errors import DownloadError, FileError, InputError
from radiogenomics._files import atomic
from radiogenomics.archives.files import verify

logger = logging.getLogger(__name__)

_TIMEOUT_S = 60
_FINAL = (400, 401, 403, 404, 410)


def download(url: str, path: Path, *, expected: str | None = None, attempts: int = 4, wait_s: float = 1.0) -> Path:
    """Download a file over HTTP, whole or not at all.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``.
    path : Path
        Where it shall lie.
    expected : str, optional
        SHA-256 that the file must have.
    attempts : int
        How often to try; the wait doubles from one to the next.
    wait_s : float
        Seconds before the second attempt.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the address is none of HTTP, or the checksum differs.
    ConnectionError
        If the server refuses, or every attempt fails; the message names the address and the last reason.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url!r} is no HTTP address; use http:// or https://, or `file` for a local file.")
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(wait_s * 2 ** (attempt - 1))
        try:
            return _download_once(url, path, expected)
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code} {error.reason}"
            if error.code in _FINAL:
                break
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, FileError) and not isinstance(error, DownloadError):
                raise  # the file cannot be written, which no further attempt mends
            reason = str(error) or type(error).__name__
        logger.warning("%s: attempt %d of %d failed: %s", url, attempt + 1, attempts, reason)
    raise DownloadError(
        f"{url} could not be downloaded: {reason}; try again later, or put the file into a folder and give --mirror."
    )


def _download_once(url: str, path: Path, expected: str | None) -> Path:
    with atomic(path) as temporary:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, temporary.open("wb") as file:  # noqa: S310 - scheme checked
            shutil.copyfileobj(answer, file)
            announced = answer.headers.get("Content-Length")
        size = temporary.stat().st_size
        if announced is not None and int(announced) != size:
            raise DownloadError(f"{size} of {announced} bytes came")
        if expected is not None:
            verify(temporary, expected)
    return path
