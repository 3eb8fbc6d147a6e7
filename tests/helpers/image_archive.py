"""A public archive of image series on loopback: DICOM folders in S3 buckets, and the catalogue of them as idc-index ships one."""

import hashlib
import http.client
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from pydicom import dcmread

BUCKET = "idc-open-data"


def catalogue_row(folder: Path, collection: str, **more: object) -> dict[str, object]:
    """Describe a folder with one DICOM series as idc-index does -> a row of its catalogue."""
    files = sorted(folder.iterdir())
    header = dcmread(files[0], stop_before_pixels=True)
    uuid = hashlib.sha256(str(header.SeriesInstanceUID).encode()).hexdigest()[:32]
    return {
        "collection_id": collection,
        "PatientID": str(header.PatientID),
        "StudyInstanceUID": str(header.StudyInstanceUID),
        "SeriesInstanceUID": str(header.SeriesInstanceUID),
        "StudyDate": "2004-05-06",
        "Modality": str(header.Modality),
        "SeriesNumber": str(header.get("SeriesNumber", "1")),
        "SeriesDescription": str(header.get("SeriesDescription", "")),
        "Manufacturer": str(header.get("Manufacturer", "")),
        "ManufacturerModelName": str(header.get("ManufacturerModelName", "")),
        "instanceCount": len(files),
        "series_size_MB": sum(file.stat().st_size for file in files) / 1e6,
        "license_short_name": "CC BY 3.0",
        "source_DOI": "10.7937/simulated",
        "series_aws_url": f"s3://{BUCKET}/{uuid}/*",
        "folder": str(folder),
        **more,
    }


def write_catalogue(rows: Iterable[dict[str, object]], place: Path) -> Path:
    """Write rows as a catalogue."""
    pd.DataFrame(list(rows)).drop(columns="folder", errors="ignore").to_parquet(place)
    return place


def put(port: int, path: str, body: bytes = b"") -> None:
    """Put an object that everyone may read, or make a bucket."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("PUT", path, body, {"x-amz-acl": "public-read"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


@contextmanager
def s3_server() -> Iterator[int]:
    """Run an S3 server with an empty bucket -> its port."""
    from moto.server import ThreadedMotoServer

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(port=port, verbose=False)
    server.start()
    try:
        put(port, f"/{BUCKET}")
        yield port
    finally:
        server.stop()


def upload(port: int, rows: Iterable[dict[str, object]]) -> None:
    """Put the files of every series into the bucket, where its row says."""
    for row in rows:
        prefix = str(row["series_aws_url"]).removeprefix("s3://").removesuffix("*")
        for number, file in enumerate(sorted(Path(str(row["folder"])).iterdir())):
            put(port, f"/{prefix}{number:04d}.dcm", file.read_bytes())
