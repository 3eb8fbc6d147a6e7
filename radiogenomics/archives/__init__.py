"""Public archives to verified local files: one file per archive, and the one table of them; always with a checksum."""

from pathlib import Path
from typing import Protocol

from radiogenomics._registry import Registry
from radiogenomics.archives.addresses import public_address
from radiogenomics.archives.catalogue import modalities, series
from radiogenomics.archives.enrichr import COLLECTIONS, fetch_library
from radiogenomics.archives.files import find, verify
from radiogenomics.archives.http import download
from radiogenomics.archives.lists import read_series_list


class Fetch(Protocol):
    """How an archive is asked: a function that brings one item to this machine."""

    def __call__(self, item: str, place: Path, /, *, expected: str | None = None) -> Path:
        """Bring one item to `place`, whole or not at all.

        Parameters
        ----------
        item : str
            What it is called in the archive: an address, a library, an accession.
        place : Path
            Where the file, or folder, shall lie; its folder may not be there yet.
        expected : str, optional
            SHA-256 that a file must have; it is verified afterwards in any case.

        Returns
        -------
        Path
            Where it lies.

        Raises
        ------
        InputError
            If the archive has no such item.
        DownloadError
            If the archive does not answer.
        """


ARCHIVES: Registry[Fetch] = Registry(
    "archives",
    "radiogenomics.archives:ARCHIVES",
    {"http": "radiogenomics.archives.http:download", "enrichr": "radiogenomics.archives.enrichr:fetch_gmt"},
    needs=("__call__",),
)
"""Every archive by the name that a manifest gives it; see `Fetch` for what one is, and `ARCHIVES.register` to add one."""

__all__ = [
    "ARCHIVES",
    "COLLECTIONS",
    "Fetch",
    "download",
    "fetch_library",
    "find",
    "modalities",
    "public_address",
    "read_series_list",
    "series",
    "verify",
]
