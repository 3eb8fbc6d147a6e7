"""Supplements of TCGA-BRCA that TCIA gives as files: features, lesions, readings, gene assays and clinical data, by SHA-256."""

import os
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._names import did_you_mean
from radiogenomics.archives.http import download
from radiogenomics.archives.protocol import Plan, Progress
from radiogenomics.archives.single import Files

ENDPOINT = "https://www.cancerimagingarchive.net/wp-content/uploads"
"""Where they lie; ``RADIOGENOMICS_TCIA_FILES_ENDPOINT`` sets another."""
_SUPPLEMENTS = {
    "TCGA-Run-2014_91cases_features_UChicago-V2010-MRI-Workstation.xls": (
        "d70309bd774d6a55a97235c65ad1194013aea4528a7aa4634863222cbebbdbb4",
        "36 MRI features of 91 patients (U. Chicago workstation)",
    ),
    "TCGA_Segmented_Lesions_UofC.zip": (
        "9c5705c15023accdec5334eaf2195fd73a182a70e7c7f584c6877a2bddcad7f8",
        "lesions of those patients (.les)",
    ),
    "tcga-breast-radiologist-reads.xls": (
        "0e476b63990e3d82f427c46bd45554ada19b1b8898bd34282afe0c84126ed2d1",
        "readings of radiologists",
    ),
    "Perou-TCGA-BRCA-MRIsPAM50GHI21NKI70-MAILED.xlsx": (
        "ca9746b5241269d6d495a64c798098e682e361f312fbea21edb1e1c14501aafe",
        "PAM50, 21-gene and 70-gene assays",
    ),
    "brca-clinicalforwiki.xls": (
        "49671bd7299214731840b52ddc67d3f2435eeefb47cec1703482f3c9dc859f77",
        "clinical data",
    ),
}
"""File name -> SHA-256, what is in it."""
_CITATION = "doi:10.7937/K9/TCIA.2014.8SIPIY6G"
_LICENCE = "CC BY 3.0"


class TciaFiles:
    """TCIA's supplements as a member of the table of archives; pooch keeps the cache and the hashes."""

    holds: ClassVar[Literal["files"]] = "files"

    @staticmethod
    def list(what: str | None = None, **options: Any) -> pd.DataFrame:
        """List the supplements, or one of them -> ``item, file, sha256, content, licence, citation``.

        Raises
        ------
        InputError
            If there is none of this name; the message names the nearest.
        """
        if what is not None:
            _known(what)
        rows = [(name, name, *facts, _LICENCE, _CITATION) for name, facts in _SUPPLEMENTS.items() if what in (None, name)]
        return pd.DataFrame(rows, columns=["item", "file", "sha256", "content", "licence", "citation"])

    @staticmethod
    def plan(table: pd.DataFrame, cache_dir: Path) -> Plan:
        """Say which of them will come."""
        plan = Files("tcia_files", download).plan(table, cache_dir)
        return Plan(plan.items, plan.files, plan.size_mb, plan.cached, plan.missing_mb, {_LICENCE: len(table)})

    @staticmethod
    def fetch(
        table: pd.DataFrame,
        cache_dir: Path,
        *,
        endpoint: str | None = None,
        offline: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Path]:
        """Bring supplements that are not in the cache -> the place of each; every one is verified with its known hash."""
        for item in table["item"]:
            _known(item)
        stated = table["sha256"] if "sha256" in table else pd.Series(None, index=table.index, dtype=object)
        hashes = [given or _SUPPLEMENTS[item][0] for item, given in zip(table["item"], stated, strict=True)]
        server = endpoint or os.environ.get("RADIOGENOMICS_TCIA_FILES_ENDPOINT") or ENDPOINT
        files = Files("tcia_files", partial(_bring, server))
        return files.fetch(table.assign(sha256=hashes), cache_dir, offline=offline, progress=progress)


def _bring(server: str, item: str, place: Path, *, expected: str | None = None) -> Path:
    return download(f"{server.rstrip('/')}/{item}", place, expected=expected, resume=True)


def _known(item: str) -> None:
    if item not in _SUPPLEMENTS:
        names = ", ".join(_SUPPLEMENTS)
        raise InputError(f"tcia_files has no {item!r}{did_you_mean(item, _SUPPLEMENTS)}; it has {names}.")


ARCHIVE = TciaFiles()
"""The one instance."""
