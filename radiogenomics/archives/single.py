"""Archives of single files: pooch keeps the cache and the hashes, the transfer is the archive's own."""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from filelock import FileLock

from radiogenomics._errors import DownloadError, InputError
from radiogenomics._files import make_folder
from radiogenomics.archives.addresses import public_address
from radiogenomics.archives.files import verify
from radiogenomics.archives.protocol import Fetch, Plan, Progress, check_columns, not_kept

_PLAIN = ("http", "enrichr")
"""Archives whose items are places by themselves, and need no name before them."""
_POOCH_LEAVES = re.compile("tmp[a-z0-9_]{8}")
"""Files of pooch that a killed process leaves."""


@dataclass(frozen=True)
class Files:
    """An archive of single files, made of the function that brings one.

    Parameters
    ----------
    name : str
        What the archive is called.
    bring : Fetch
        Brings one file.
    """

    name: str
    bring: Fetch
    holds: ClassVar[Literal["files"]] = "files"

    def list(self, what: str | None = None, **options: Any) -> pd.DataFrame:
        """Give the row of a file -> ``item, file, sha256``; such archives do not tell what else they have."""
        items = [] if what is None else [what]
        return pd.DataFrame({"item": items, "file": [Path(item).name for item in items], "sha256": None}, dtype=object)

    def place(self, item: str, file: str, cache_dir: Path) -> Path:
        """Say where a file is kept: two studies may use one name for two addresses, so the address is part of the place."""
        address = item if self.name in _PLAIN else f"{self.name}: {item}"
        return cache_dir / hashlib.sha256(address.encode()).hexdigest()[:12] / Path(file).name

    def plan(self, table: pd.DataFrame, cache_dir: Path) -> Plan:
        """Say how many files will come; how large they are is not known beforehand."""
        check_columns(table, ("item", "file"), "the archive's list")
        cached = sum(self.place(item, file, cache_dir).is_file() for item, file in zip(table["item"], table["file"], strict=True))
        missing = 0.0 if cached == len(table) else np.nan
        licences = {"as the manifest says": len(table)} if len(table) else {}
        return Plan(len(table), len(table), np.nan, cached, missing, licences)

    def fetch(
        self,
        table: pd.DataFrame,
        cache_dir: Path,
        *,
        endpoint: str | None = None,
        offline: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Path]:
        """Bring files that are not in the cache -> the place of each by its item.

        Raises
        ------
        InputError
            If an endpoint is given, which means nothing to a function that brings one file.
        """
        check_columns(table, ("item", "file"), "the archive's list")
        if endpoint is not None:
            variable = "; RADIOGENOMICS_ENRICHR_ENDPOINT sets its server" if self.name == "enrichr" else ""
            raise InputError(f"the archive {self.name!r} takes no endpoint; remove the key{variable}.")
        hashes = table["sha256"] if "sha256" in table else [None] * len(table)
        rows = zip(table["item"], table["file"], hashes, strict=True)
        return {item: self._kept(item, self.place(item, file, cache_dir), expected, offline) for item, file, expected in rows}

    def _kept(self, item: str, place: Path, expected: str | None, offline: bool) -> Path:
        if offline:
            if not place.is_file():
                shown = public_address(item)
                raise DownloadError(f"{self.name}: {shown} is not in the cache ({place}); fetch it without --offline.")
            return place
        import pooch

        def bring(url: str, file: str, keeper: object) -> None:
            """Bring the file under its own name, which says how it must read; then give it to pooch."""
            with _coming(place.parent / ".coming") as folder:
                brought = self._brought(item, folder / place.name, expected)
                if expected is not None:
                    verify(brought, expected)
                brought.replace(file)

        pooch.get_logger().setLevel(logging.WARNING)
        make_folder(place.parent, "the cache")
        with FileLock(place.parent / ".lock"):  # two studies fetch a file once
            for file in place.parent.iterdir():
                if _POOCH_LEAVES.fullmatch(file.name) and file != place:
                    file.unlink()
            pooch.retrieve(public_address(item), expected, fname=place.name, path=place.parent, downloader=bring)
        return place

    def _brought(self, item: str, place: Path, expected: str | None) -> Path:
        try:
            return self.bring(item, place, expected=expected)
        except DownloadError:
            raise
        except OSError as error:
            raise not_kept(self.name, public_address(item), place.parent, error.strerror or str(error)) from error


@contextmanager
def _coming(folder: Path) -> Iterator[Path]:
    """Give the folder where a file comes in; of what a stopped process has left there, only half a file that can go on stays."""
    _remove_all_but_parts(folder)
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        if not _remove_all_but_parts(folder):
            folder.rmdir()


def _remove_all_but_parts(folder: Path) -> bool:
    files = list(folder.iterdir()) if folder.is_dir() else []
    parts = [file for file in files if file.name.endswith((".part", ".part.json"))]
    for file in set(files) - set(parts):
        file.unlink()
    return bool(parts)
