"""Downloads by libraries that set no time limit of their own, and fail with errors of many kinds."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from radiogenomics._errors import DownloadError

_SILENCE_S = 60.0  # torch.hub sets no time limit: a dead connection would hang for ever


@contextmanager
def downloading(what: str, place: str) -> Iterator[None]:
    """Set a time limit, and say of a failure what could not be fetched, from where, and what to do."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise DownloadError(
            f"The weights {what} could not be fetched from {place} ({error}); fetch them where there is a network, and give "
            "the local file with its SHA-256."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
