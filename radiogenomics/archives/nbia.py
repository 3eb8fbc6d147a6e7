"""Image series from TCIA's NBIA service (REST, version 4), for what the Imaging Data Commons lacks: whole or not at all.

tcia-utils brings the answers of the service to one form; the transfer is our own, streamed to disk, with limits of time and a
settable server, which tcia-utils has not. pooch keeps the answers; series are folders, which it does not serve.
"""

import csv
import hashlib
import json
import logging
import os
import re
import shutil
import threading
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

import pandas as pd
from filelock import FileLock

from radiogenomics._errors import DownloadError, FileError, InputError, MissingPackageError
from radiogenomics._files import make_folder
from radiogenomics._names import did_you_mean
from radiogenomics._tables import summarise
from radiogenomics.archives.addresses import public_address
from radiogenomics.archives.catalogue import filtered
from radiogenomics.archives.http import download
from radiogenomics.archives.protocol import Plan, Progress, cache_folder, check_columns, not_kept
from radiogenomics.archives.records import write_record
from radiogenomics.archives.single import Files
from radiogenomics.archives.zipped import unzip

logger = logging.getLogger(__name__)

ENDPOINT = "https://nbia.cancerimagingarchive.net/nbia-api/services"
"""Where the service is; ``RADIOGENOMICS_NBIA_ENDPOINT`` sets another."""
TOKEN = "RADIOGENOMICS_NBIA_TOKEN"  # noqa: S105 - the name of the variable
"""Environment variable with the token for collections that are not public."""

_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_HASHES = "md5hashes.csv"
_MB = 1_000_000
_BESIDE_BYTES = 10 * _MB  # licence and hashes in a zip
_SPARE = 2.1  # zip and files lie beside each other for a moment
_COLUMNS = {
    "PatientID": "patient",
    "StudyInstanceUID": "study",
    "SeriesInstanceUID": "series",
    "StudyDate": "date",
    "Modality": "modality",
    "SeriesNumber": "number",
    "SeriesDescription": "description",
    "Manufacturer": "manufacturer",
    "ManufacturerModelName": "model",
    "ImageCount": "images",
    "FileSize": "size_mb",
    "LicenseName": "licence",
    "DataDescriptionURI": "doi",
}


@dataclass
class _Transfer:
    """How series are fetched, and how many bytes have come so far."""

    server: str
    folder: Path
    attempts: int
    wait_s: float
    timeout_s: float
    progress: Progress | None
    total_mb: int
    done_mb: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, size_mb: float) -> None:
        """Say that a series has come."""
        with self.lock:
            self.done_mb += size_mb
            if self.progress is not None:
                self.progress(min(int(self.done_mb), self.total_mb), self.total_mb, "image series (MB)")


def listing(
    what: str | None = None,
    *,
    uids: Iterable[str] | None = None,
    endpoint: str | None = None,
    offline: bool = False,
    **filters: Any,
) -> pd.DataFrame:
    """List the image series of a collection as NBIA has them -> one row per series, as `archives.series`.

    Answers are kept in the cache: a collection is asked for once. Delete ``<cache>/<hash>/series.json`` to ask anew.

    Parameters
    ----------
    what : str, optional
        The collection: its name in TCIA; left out where `uids` names series.
    uids : iterable of str, optional
        SeriesInstanceUIDs, all of which must be there.
    endpoint : str, optional
        Address of the service; that in ``RADIOGENOMICS_NBIA_ENDPOINT``, or `ENDPOINT`, when left out.
    offline : bool
        Take nothing from the network.
    **filters
        As in `archives.series`.

    Raises
    ------
    ValueError
        If there is no such collection or series, or none passes a filter.
    ConnectionError
        If the service does not answer, or with something else than a list.
    """
    server, uids = _server(endpoint), None if uids is None else list(uids)
    if "addresses" in filters:
        raise InputError("a list of s3:// addresses is of the archive idc; give nbia a list of SeriesInstanceUIDs.")
    if what is not None:
        rows = _ask(server, "getSeries", {"Collection": _known(server, what, offline)}, offline)
    else:
        rows = [row for uid in uids or () for row in _ask(server, "getSeries", {"SeriesInstanceUID": uid}, offline)]
    table = _table(rows)
    if uids is not None:
        absent = sorted(set(uids) - set(table["series"]))
        if absent:
            where = f"the collection {what!r}" if what else "NBIA"
            raise InputError(
                f"{len(absent)} of {len(uids)} listed series are not in {where}, first {absent[0]}; correct the list."
            )
        table = table[table["series"].isin(uids)]
    table = filtered(table, what=f"collection {what!r}" if what else "the list", **filters)
    table.attrs["release"] = "NBIA v4"
    return table


def plan(table: pd.DataFrame, cache_dir: Path) -> Plan:
    """Say what fetching series will bring; nothing is downloaded."""
    _check(table)
    there = table["series"].map(lambda uid: (cache_dir / "nbia" / uid).is_dir())
    licences = table["licence"].fillna("not stated").value_counts()
    return Plan(
        items=len(table),
        files=int(table["images"].sum()),
        size_mb=float(table["size_mb"].sum()),
        cached=int(there.sum()),
        missing_mb=float(table.loc[~there, "size_mb"].sum()),
        licences={str(name): int(count) for name, count in licences.items()},
    )


def fetch(
    table: pd.DataFrame,
    cache_dir: Path,
    *,
    endpoint: str | None = None,
    offline: bool = False,
    attempts: int = 4,
    wait_s: float = 2.0,
    timeout_s: float = 60.0,
    n_workers: int = 4,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Bring image series to this machine, each whole or not at all -> its folder by SeriesInstanceUID.

    A series comes as a zip with the MD5 of every image. It is complete when the zip is sound, every image has its MD5, and
    number and bytes are those of the list. The service makes zips while it sends them, so that half a zip cannot be resumed;
    series that are complete are not fetched again. Two processes take turns.

    Parameters
    ----------
    table : DataFrame
        Rows of `listing`.
    cache_dir : Path
        Where series are kept: ``<cache_dir>/nbia/<SeriesInstanceUID>/``.
    endpoint, offline
        As in `listing`.
    attempts, wait_s, timeout_s
        As in `download`.
    n_workers : int
        Series at once.
    progress : callable, optional
        Called with megabytes done, megabytes in all, and what is done.

    Raises
    ------
    ValueError
        If the table is not one of series.
    OSError
        If the disk is too full, or (ConnectionError) a series could not be fetched; the message names the first.
    """
    _check(table)
    folder, places = cache_dir / "nbia", {uid: cache_dir / "nbia" / uid for uid in table["series"]}
    if _absent(table, folder).empty:
        return places
    if offline:
        missing = _absent(table, folder)["series"]
        raise DownloadError(
            f"NBIA: {len(missing)} of {len(table)} series are not in the cache {cache_dir}: {summarise(missing, 3)}; fetch them "
            "without --offline."
        )
    make_folder(folder, "the cache of image series")
    with FileLock(folder / "fetching.lock"):
        rows = _absent(table, folder)  # another process may have brought some meanwhile
        _check_space(rows, folder)
        total, server = int(table["size_mb"].sum()), _server(endpoint)
        transfer = _Transfer(server, folder, attempts, wait_s, timeout_s, progress, total)
        transfer.done_mb = float(table["size_mb"].sum() - rows["size_mb"].sum())
        with ThreadPoolExecutor(n_workers) as pool:
            failed = [reason for reason in pool.map(partial(_fetch_one, transfer), rows.to_dict("records")) if reason]
    if failed:
        raise DownloadError(
            f"NBIA: {len(failed)} of {len(table)} series could not be downloaded from {public_address(server)}, first "
            f"{failed[0]}; try again later: series that are complete are kept."
        )
    return places


def _fetch_one(transfer: _Transfer, row: dict[str, Any]) -> str:
    """Fetch one series -> why it failed, or nothing. What is damaged on its way is fetched once more."""
    reason = ""
    for _ in range(2):
        partial_folder = transfer.folder / f".{row['series']}.partial"
        shutil.rmtree(partial_folder, ignore_errors=True)
        partial_folder.mkdir()
        try:
            _bring(transfer, row, partial_folder)
        except DownloadError as error:
            return f"{row['series']}: {str(error).partition('; try again later')[0]}"
        except InputError as error:
            logger.warning("NBIA: %s", reason := f"{row['series']}: {error}")
        except OSError as error:
            raise not_kept("NBIA", str(row["series"]), transfer.folder, error.strerror or str(error)) from error
        else:
            transfer.tell(float(row["size_mb"]))
            return ""
        finally:
            shutil.rmtree(partial_folder, ignore_errors=True)
    return reason


def _bring(transfer: _Transfer, row: dict[str, Any], folder: Path) -> None:
    """Fetch, unpack and verify one series in a folder of its own, then give it its name."""
    uid, images = str(row["series"]), folder / "images"
    address = f"{transfer.server}/v4/getImageWithMD5Hash?{urlencode({'SeriesInstanceUID': uid})}"
    how: dict[str, Any] = {"attempts": transfer.attempts, "wait_s": transfer.wait_s, "timeout_s": transfer.timeout_s}
    packed = download(address, folder / "series.part", token=_token(), **how)
    images.mkdir()
    expected = round(float(row["size_mb"]) * _MB)
    files = unzip(packed, images, most_bytes=expected + _BESIDE_BYTES)
    hashes = _verify(files, int(row["images"]), expected)
    facts = {"address": public_address(address), "endpoint": public_address(transfer.server), "md5": hashes}
    write_record(transfer.folder.parent, "nbia", uid, facts)
    images.rename(transfer.folder / uid)


def _verify(files: list[Path], count: int, size: int) -> dict[str, str]:
    """Compare images with the list and the hashes that came with them, and remove what is no image -> MD5 by name."""
    stated = next((_hashes(file) for file in files if file.name.lower() == _HASHES), {})
    images = [file for file in files if file.suffix.lower() == ".dcm"]
    for file in set(files) - set(images):
        file.unlink()
    if len(images) != count:
        raise InputError(f"{len(images)} images came, the list says {count}")
    found = {}
    for image in images:
        with image.open("rb") as content:
            found[image.name] = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        named = [stated[image.name]] if image.name in stated else stated.values()
        if stated and found[image.name] not in named:
            raise InputError(f"the MD5 of {image.name} is not the one that NBIA states")
    bytes_in = sum(image.stat().st_size for image in images)
    if bytes_in != size:
        raise InputError(f"the images have {bytes_in} bytes, the list says {size}")
    return found


def _hashes(file: Path) -> dict[str, str]:
    """Read the MD5 of every image: its file name, or another name of it, and a hash in a line, whatever the heading."""
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        rows = [[part.strip() for part in row] for row in csv.reader(text)]
    return {row[0]: row[1].lower() for row in rows if len(row) > 1 and _MD5.fullmatch(row[1])}


def _known(server: str, collection: str, offline: bool) -> str:
    """Find a collection as NBIA writes it."""
    names = [str(row.get("Collection", "")) for row in _ask(server, "getCollectionValues", {}, offline)]
    plain = {_plain(name): name for name in names}
    if _plain(collection) not in plain:
        near = did_you_mean(collection, names)
        raise InputError(f"There is no public collection {collection!r} in NBIA{near}; {len(names)} are known.")
    return plain[_plain(collection)]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def _ask(server: str, what: str, options: dict[str, str], offline: bool) -> list[dict[str, Any]]:
    """Ask the service, or the cache -> the rows of the answer."""
    address = f"{server}/v4/{what}" + (f"?{urlencode(options)}" if options else "")
    answers = Files("nbia", partial(download, token=_token()))
    row = pd.DataFrame({"item": [address], "file": ["series.json"]})
    place = answers.fetch(row, cache_folder(), offline=offline)[address]
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        found = error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        place.unlink()
        raise DownloadError(
            f"NBIA: {public_address(address)} did not give a list; try again later, or set {TOKEN} if it asks for one."
        )
    return found


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Bring answers of the service to the columns of `archives.series`."""
    if not rows:
        return pd.DataFrame(columns=[*_COLUMNS.values(), "address"])
    found = _tcia_utils().formatSeriesInput(rows, "", "").replace("None", None)
    table = pd.DataFrame(found, columns=list(_COLUMNS)).rename(columns=_COLUMNS)
    for name in ("images", "size_mb"):
        if table[name].isna().any():
            uid = table.loc[table[name].isna(), "series"].iloc[0]
            raise DownloadError(f"NBIA: its list does not say {name} of the series {uid}; take the collection from idc.")
    links = table["doi"].fillna("").str.extract(r"doi\.org/(.+)$")[0]
    return table.assign(
        date=pd.to_datetime(table["date"]).dt.strftime("%Y-%m-%d"),
        number=table["number"].map(lambda value: None if pd.isna(value) else f"{value:g}"),
        images=table["images"].astype(int),
        size_mb=table["size_mb"] / _MB,
        doi=links,
        address=[f"nbia:{uid}" for uid in table["series"]],
    ).sort_values(["patient", "date", "series"], kind="stable")


def _tcia_utils() -> Any:
    """Import tcia-utils without what it does to everyone's log."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from tcia_utils import nbia
    except ModuleNotFoundError as error:
        raise MissingPackageError("NBIA needs tcia-utils: pip install 'radiogenomics[archives]'.") from error
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    return nbia


def _check(table: pd.DataFrame) -> None:
    check_columns(table, ("series", "images", "size_mb", "licence"), "NBIA's list")
    wrong = [str(uid) for uid in table["series"] if not _UID.fullmatch(str(uid))]
    if wrong or table["series"].duplicated().any():
        what = f"{wrong[0][:80]!r} as series" if wrong else "a series twice"
        raise InputError(f"`table` has {what}; give rows of NBIA's list.")


def _check_space(rows: pd.DataFrame, folder: Path) -> None:
    needed, free = float(rows["size_mb"].sum()) * _SPARE, shutil.disk_usage(folder).free / _MB
    if needed > free:
        raise FileError(
            f"NBIA: {len(rows)} series need {needed / 1000:,.1f} GB, and {folder} has {free / 1000:,.1f} GB free; free some "
            "space, or set RADIOGENOMICS_CACHE to another disk."
        )


def _absent(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return table[[not (folder / uid).is_dir() for uid in table["series"]]]


def _server(endpoint: str | None) -> str:
    return (endpoint or os.environ.get("RADIOGENOMICS_NBIA_ENDPOINT") or ENDPOINT).rstrip("/")


def _token() -> str | None:
    return os.environ.get(TOKEN) or None


class Nbia:
    """NBIA as a member of the table of archives."""

    holds: ClassVar[Literal["series"]] = "series"
    list = staticmethod(listing)
    plan = staticmethod(plan)
    fetch = staticmethod(fetch)


ARCHIVE = Nbia()
"""The one instance."""
