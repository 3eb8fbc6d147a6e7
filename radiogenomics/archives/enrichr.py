"""Gene set libraries of Enrichr, through gseapy."""

from pathlib import Path

from radiogenomics._errors import DownloadError, InputError
from radiogenomics._files import write_text
from radiogenomics._names import closest

COLLECTIONS = {
    "reactome": "Reactome_Pathways_2024",
    "wikipathways": "WikiPathways_2024_Human",
    "hallmark": "MSigDB_Hallmark_2020",
    "kegg": "KEGG_2021_Human",
    "go_process": "GO_Biological_Process_2023",
}
"""Short names of Enrichr libraries. Nothing of them is part of this package."""


def fetch_library(name: str, *, organism: str = "human") -> dict[str, list[str]]:
    """Fetch a gene set library from Enrichr, through gseapy -> gene symbols by set name.

    Parameters
    ----------
    name : str
        A name of `COLLECTIONS`, or any Enrichr library. KEGG's terms let you fetch it for your own research, not pass it on.
    organism : str
        Whose genes: human, mouse, fly...

    Returns
    -------
    dict of str to list of str
        The whole library, unfiltered.

    Raises
    ------
    ValueError
        If Enrichr has no such library; the message names the nearest.
    ConnectionError
        If Enrichr does not answer.

    References
    ----------
    Chen et al. (2013), Enrichr, doi:10.1186/1471-2105-14-128. Fang, Liu & Peltz (2023), doi:10.1093/bioinformatics/btac757.
    """
    import gseapy

    library = COLLECTIONS.get(name, name)
    try:
        known = gseapy.get_library_name(organism)
        if library not in known:
            raise InputError(
                f"Enrichr has no library {library!r} for {organism}; the nearest are {', '.join(closest(library, known))}."
            )
        sets: dict[str, list[str]] = gseapy.get_library(library, organism=organism, max_size=1_000_000)
    except OSError as error:
        reason = f"Enrichr did not give the library {library!r} ({type(error).__name__})"
        raise DownloadError(f"{reason}; try again later, or read a GMT file with `read_gmt`.") from error
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
