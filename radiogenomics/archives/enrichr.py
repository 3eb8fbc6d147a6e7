"""Gene set libraries of Enrichr."""

import json
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from radiogenomics._errors import DownloadError, InputError
from radiogenomics._files import write_text
from radiogenomics._names import closest
from radiogenomics.archives.http import download

SERVER = "https://maayanlab.cloud"
"""Where Enrichr lies; ``RADIOGENOMICS_ENRICHR_ENDPOINT`` sets another."""
ORGANISMS = {
    "human": "Enrichr",
    "mouse": "Enrichr",
    "fly": "FlyEnrichr",
    "yeast": "YeastEnrichr",
    "worm": "WormEnrichr",
    "fish": "FishEnrichr",
}
"""Whose genes Enrichr has, and the part of the server with their libraries."""

COLLECTIONS = {
    "reactome": "Reactome_Pathways_2024",
    "wikipathways": "WikiPathways_2024_Human",
    "hallmark": "MSigDB_Hallmark_2020",
    "kegg": "KEGG_2021_Human",
    "go_process": "GO_Biological_Process_2023",
}
"""Short names of Enrichr libraries. Nothing of them is part of this package."""


def fetch_library(name: str, *, organism: str = "human", server: str | None = None) -> dict[str, list[str]]:
    """Fetch a gene set library from Enrichr -> gene symbols by set name.

    Parameters
    ----------
    name : str
        A name of `COLLECTIONS`, or any Enrichr library. KEGG's terms let you fetch it for your own research, not pass it on.
    organism : str
        Whose genes: one of `ORGANISMS`.
    server : str, optional
        Where Enrichr lies, such as a mirror; the address in ``RADIOGENOMICS_ENRICHR_ENDPOINT``, or `SERVER`, when left out.

    Returns
    -------
    dict of str to list of str
        The whole library, unfiltered; weights behind a gene are cut off.

    Raises
    ------
    ValueError
        If Enrichr has no such library or organism; the message names the nearest.
    ConnectionError
        If Enrichr does not answer, is too slow, or sends something else than a library; see `download`.

    References
    ----------
    Chen et al. (2013), Enrichr, doi:10.1186/1471-2105-14-128. Kuleshov et al. (2019), modEnrichr, doi:10.1093/nar/gkz347.
    """
    if organism not in ORGANISMS:
        raise InputError(f"Enrichr has no organism {organism!r}; give one of {', '.join(ORGANISMS)}.")
    server = server or os.environ.get("RADIOGENOMICS_ENRICHR_ENDPOINT", SERVER)
    library, place = COLLECTIONS.get(name, name), f"{server}/{ORGANISMS[organism]}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            known = _libraries(download(f"{place}/datasetStatistics", Path(folder) / "libraries.json"))
            if library not in known:
                near = ", ".join(closest(library, known))
                raise InputError(f"Enrichr has no library {library!r} for {organism}; the nearest are {near}.")
            address = f"{place}/geneSetLibrary?mode=text&libraryName={quote(library)}"
            return _sets(download(address, Path(folder) / "library.gmt"))
    except DownloadError as error:
        reason = f"Enrichr did not give the library {library!r}: {error}"
        raise DownloadError(f"{reason} Or read a GMT file with `read_gmt`.") from error


def _libraries(path: Path) -> list[str]:
    """Read which libraries there are.

    Raises
    ------
    DownloadError
        If the answer is no list of libraries.
    """
    try:
        return sorted(str(one["libraryName"]) for one in json.loads(path.read_text(encoding="utf-8"))["statistics"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DownloadError("its list of libraries is not what it was; tell us, and try again later.") from error


def _sets(path: Path) -> dict[str, list[str]]:
    """Read a library: name, description and genes in a line, a weight behind some genes.

    Raises
    ------
    DownloadError
        If a line is no gene set; what holds nothing was refused when it came.
    """
    sets: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) >= 3:
            sets[parts[0]] = [gene for part in parts[2:] if (gene := part.split(",")[0])]
        elif line.strip():
            raise DownloadError(f"{line.strip()[:40]!r} in it is not a gene set; try again later.")
    return sets


def fetch_gmt(item: str, place: Path, *, expected: str | None = None) -> Path:
    """Keep a library as a GMT file -> `place`; `expected` is verified by who asks, since no server states it beforehand.

    Raises
    ------
    ValueError, ConnectionError
        As in `fetch_library`.
    """
    sets = fetch_library(item)
    write_text(place, "".join("\t".join([pathway, item, *genes]) + "\n" for pathway, genes in sets.items() if genes))
    return place
