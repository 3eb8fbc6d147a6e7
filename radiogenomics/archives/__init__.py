"""Public archives to verified local files: one file per archive, and the one table of them; always with a checksum."""

from radiogenomics.archives.addresses import public_address
from radiogenomics.archives.catalogue import as_listed, filtered, is_complete, modalities, series
from radiogenomics.archives.enrichr import COLLECTIONS, fetch_library
from radiogenomics.archives.files import find, verify
from radiogenomics.archives.http import download
from radiogenomics.archives.lists import read_series_list
from radiogenomics.archives.protocol import Archive, Archives, Fetch, Plan, cache_folder
from radiogenomics.archives.records import read_record
from radiogenomics.archives.single import Files
from radiogenomics.archives.tesla import is_tesla, tesla_by_model, tesla_of

ARCHIVES = Archives(
    "archives",
    "radiogenomics.archives:ARCHIVES",
    {
        "http": "radiogenomics.archives.http:fetch_file",
        "enrichr": "radiogenomics.archives.enrichr:fetch_gmt",
        "idc": "radiogenomics.archives.idc:ARCHIVE",
        "nbia": "radiogenomics.archives.nbia:ARCHIVE",
        "tcia_files": "radiogenomics.archives.tcia_files:ARCHIVE",
    },
    needs=("list", "plan", "fetch"),
)
"""Every archive by the name that a manifest gives it; see `Archive` for what one is, and `ARCHIVES.register` to add one."""

__all__ = [
    "ARCHIVES",
    "COLLECTIONS",
    "Archive",
    "Fetch",
    "Files",
    "Plan",
    "as_listed",
    "cache_folder",
    "download",
    "fetch_library",
    "filtered",
    "find",
    "is_complete",
    "is_tesla",
    "modalities",
    "public_address",
    "read_record",
    "read_series_list",
    "series",
    "tesla_by_model",
    "tesla_of",
    "verify",
]
