"""What every archive does: list what there is, say what a download would bring, and bring it whole or not at all."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd

from radiogenomics._errors import FileError, InputError
from radiogenomics._registry import Registry

Progress = Callable[[int, int, str], None]
"""Called with megabytes done, megabytes in all, and what is done."""


@dataclass(frozen=True)
class Plan:
    """What a download will bring.

    Attributes
    ----------
    items : int
        Series or files that were asked for.
    files, size_mb : int, float
        Files in them and their size; NaN where the archive does not say it beforehand.
    cached : int
        Items that are in the cache already.
    missing_mb : float
        What remains to be downloaded.
    licences : dict of str to int
        Items by licence.
    """

    items: int
    files: int
    size_mb: float
    cached: int
    missing_mb: float
    licences: dict[str, int]


class Archive(Protocol):
    """A public archive.

    Attributes
    ----------
    holds : {"series", "files"}
        What it has: image series of collections, one folder each, or single files.
    """

    holds: Literal["series", "files"]

    def list(
        self, what: str | None = None, *, endpoint: str | None = None, offline: bool = False, **filters: Any
    ) -> pd.DataFrame:
        """List what there is -> one row per series (`archives.series`), or per file (``item, file, sha256``).

        Parameters
        ----------
        what : str, optional
            The collection, or the file's name in the archive.
        endpoint : str, optional
            Address of the server; the archive's own when left out.
        offline : bool
            Take nothing from the network.
        **filters
            As `archives.series` has them.
        """

    def plan(self, table: pd.DataFrame, cache_dir: Path) -> Plan:
        """Say what fetching these rows will bring; nothing is downloaded."""

    def fetch(
        self,
        table: pd.DataFrame,
        cache_dir: Path,
        *,
        endpoint: str | None = None,
        offline: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Path]:
        """Bring these rows to this machine, verified -> folder by series, or file by item; what is in the cache stays.

        Raises
        ------
        InputError
            If the table is not one of this archive.
        DownloadError
            If the archive does not answer, or `offline` and something is not in the cache.
        """


class Fetch(Protocol):
    """The short form of an archive of single files: a function that brings one of them to this machine."""

    def __call__(self, item: str, place: Path, /, *, expected: str | None = None) -> Path:
        """Bring one file to `place`, whole or not at all.

        Parameters
        ----------
        item : str
            What it is called in the archive: an address, a library, an accession.
        place : Path
            Where the file shall lie; its folder may not be there yet.
        expected : str, optional
            SHA-256 that the file must have; it is verified afterwards in any case.

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


class Archives(Registry[Archive]):
    """The table of archives; a function that brings one file stands in it as an archive of single files (`Files`)."""

    def _checked(self, name: str, member: Any) -> Any:
        from radiogenomics.archives.single import Files

        whole = all(hasattr(member, need) for need in self.needs)
        return super()._checked(name, Files(name, member) if callable(member) and not whole else member)


def cache_folder() -> Path:
    """Say where downloads are kept: ``RADIOGENOMICS_CACHE``, or ``~/.cache/radiogenomics``."""
    return Path(os.environ.get("RADIOGENOMICS_CACHE") or Path.home() / ".cache" / "radiogenomics")


def check_columns(table: pd.DataFrame, columns: tuple[str, ...], source: str) -> None:
    """Refuse a table that lacks columns.

    Raises
    ------
    InputError
        With the columns, and where such tables come from.
    """
    lacking = [name for name in columns if name not in table.columns]
    if lacking:
        raise InputError(f"`table` lacks the column(s) {', '.join(lacking)}; give rows of {source}.")


def not_kept(archive: str, item: str, folder: Path, reason: str) -> FileError:
    """Make the error of a series or file that came and could not be written, with the room that is left."""
    free = shutil.disk_usage(folder).free / 1e6
    return FileError(
        f"{archive}: {item} cannot be written to {folder}: {reason} ({free:,.1f} MB are free there); make room, or set "
        "RADIOGENOMICS_CACHE to another disk, and run the same again: what is complete is kept."
    )
