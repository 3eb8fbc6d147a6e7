"""Objects of a public bucket to files where s5cmd is missing: lists by S3's REST interface, files by `download`."""

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from radiogenomics._errors import DownloadError
from radiogenomics.archives.http import download
from radiogenomics.archives.s5cmd import NAME, Arrivals, Remote, Transfer, absent_files


def copy(
    transfer: Transfer,
    names: dict[str, str],
    remote: dict[str, dict[str, Remote]],
    tell: Callable[[int], None],
    arrived: Callable[[str], object],
) -> str:
    """Copy files below addresses into subfolders -> why it failed, or nothing; half a file is resumed. See `s5cmd.copy`."""
    arrivals, reason = Arrivals(transfer.folder, names, remote, arrived), ""
    with ThreadPoolExecutor(transfer.n_workers) as pool:
        coming = {}
        for address, name in names.items():
            absent = absent_files(transfer.folder / name, remote[address])
            arrivals.expect(address, absent)
            for file in absent:
                coming[pool.submit(_get, transfer, address + file, transfer.folder / name / file)] = address + file
        for future in as_completed(coming):
            try:
                future.result()
            except OSError as error:
                reason = reason or _without_remedy(error)
            else:
                arrivals.hear({"success": True, "source": coming[future]})
            tell(arrivals.received())
    return reason


def listing(transfer: Transfer, addresses: Iterable[str]) -> tuple[dict[str, dict[str, Remote]], str]:
    """Ask what lies below addresses -> by address, every file's name, size and ETag; and why it failed, or nothing."""
    addresses = list(addresses)
    with ThreadPoolExecutor(transfer.n_workers) as pool:
        try:
            return dict(zip(addresses, pool.map(partial(_list, transfer), addresses), strict=True)), ""
        except DownloadError as error:
            return {}, _without_remedy(error)


def _without_remedy(error: OSError) -> str:
    return str(error).partition("; try again later")[0]


def _list(transfer: Transfer, address: str) -> dict[str, Remote]:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    files: dict[str, Remote] = {}
    query = {"list-type": "2", "prefix": prefix}
    while True:
        with tempfile.TemporaryDirectory() as folder:
            text = _get(transfer, f"s3://{bucket}?{urlencode(query)}", Path(folder) / "list.xml").read_bytes()
        try:
            found = ElementTree.fromstring(text)  # noqa: S314 - expat refuses entities that grow
            for one in found.iterfind("{*}Contents"):
                name = str(one.findtext("{*}Key")).removeprefix(prefix)
                if not NAME.fullmatch(name):
                    raise DownloadError(f"a file is called {f'{address}{name}'[:160]!r}")
                files[name] = Remote(int(str(one.findtext("{*}Size"))), str(one.findtext("{*}ETag", "")).strip('"'))
        except (ElementTree.ParseError, ValueError) as error:
            raise DownloadError(f"the list of {address} is no list ({error})") from error
        query["continuation-token"] = found.findtext("{*}NextContinuationToken") or ""
        if not query["continuation-token"]:
            return files


def _get(transfer: Transfer, address: str, place: Path) -> Path:
    """Download an object, or an answer about a bucket."""
    path = quote(address.removeprefix("s3://"), safe="/?=&%")
    url, timeout_s = f"{transfer.endpoint.rstrip('/')}/{path}", transfer.timeout_s
    return download(url, place, attempts=1, timeout_s=timeout_s, resume=True, trusted=True)
