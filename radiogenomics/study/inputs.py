"""The files a manifest names: found in the mirror, beside the manifest, in the cache, or fetched; verified; read."""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from radiogenomics import archives, cohort, expression, pathways
from radiogenomics._files import sha256, write_text
from radiogenomics._tables import shown
from radiogenomics.study.manifest import CohortSection, Manifest, ManifestError, Problem, Source, read_manifest


@dataclass(frozen=True)
class Inputs:
    """A validated manifest with every file it names, on disk and verified.

    Attributes
    ----------
    path : Path
        The manifest file.
    manifest : Manifest
        What it says.
    files : dict of str to Path
        Source name -> local file.
    hashes : dict of str to str
        Source name -> SHA-256.
    """

    path: Path
    manifest: Manifest
    files: dict[str, Path]
    hashes: dict[str, str]

    def patients(self, source: str) -> pd.DataFrame:
        """Read a source as a patient table."""
        facts = self.manifest.sources[source]
        return cohort.read_patients(
            self.files[source], patient=facts.patient, header_rows=facts.header_rows, barcode=facts.barcode
        )

    def features(self, name: str, signature: str) -> pd.DataFrame:
        """Read a cohort's feature table; missing measurements stay NaN."""
        return self.patients(self._cohort(name).features[signature])

    def clinical(self, name: str) -> pd.DataFrame:
        """Read a cohort's clinical table."""
        return self.patients(self._cohort(name).clinical)

    @cached_property
    def expression(self) -> pd.DataFrame:
        """The expression matrix as it stands in its file, patients x genes."""
        source = self.manifest.expression.source
        facts = self.manifest.sources[source]
        table = expression.read_expression(self.files[source], genes_in=facts.genes_in)
        if facts.barcode == "as-is":
            return table
        table = table[cohort.tumour_samples(list(table.index))]
        names = pd.Index(cohort.tcga_patients(list(table.index), name=str(self.files[source])), name="patient", dtype=object)
        twice = names[names.duplicated()].unique()
        if len(twice):
            raise ValueError(
                f"{self.files[source]}: patient(s) {shown(twice)} have more than one tumour sample; keep one of each"
            )
        return table.set_axis(names)

    def gene_sets(self) -> dict[str, list[str]]:
        """Read the gene sets -> gene symbols by set name; empty where the manifest names none."""
        sources = self.manifest.gene_sets.sources if self.manifest.gene_sets else []
        return {name: genes for source in sources for name, genes in pathways.read_gmt(self.files[source]).items()}

    def joined(self, name: str) -> pd.DataFrame:
        """Read the columns of a further table of training patients."""
        chosen = self.manifest.joined[name]
        return self.patients(chosen.source)[[*chosen.columns, *chosen.linked]]

    def truth(self) -> pd.DataFrame:
        """Read what was planted in simulated data: ``kind, name, value``."""
        return pd.read_csv(self.files[str(self.manifest.truth)])

    def outcome(self, name: str, patients: pd.Index) -> pd.Series:
        """Give the outcome of a cohort's patients: 1, 0 or NaN."""
        words = self.manifest.outcome
        values = self.clinical(name)[words.column].reindex(patients)
        return cohort.binary_outcome(values, positive=words.positive, negative=words.negative, excluded=words.excluded)

    def _cohort(self, name: str) -> CohortSection:
        return self.manifest.cohorts()[name]


def cache_folder() -> Path:
    """Say where downloaded files are kept: ``RADIOGENOMICS_CACHE``, or ``~/.cache/radiogenomics``."""
    return Path(os.environ.get("RADIOGENOMICS_CACHE", Path.home() / ".cache" / "radiogenomics"))


def gather(path: Path, *, mirror: Path | None = None) -> Inputs:
    """Read a manifest and bring every file it names to this machine, verified.

    Parameters
    ----------
    path : Path
        The manifest.
    mirror : Path, optional
        A folder searched first; then the manifest's own folder and the cache; what is in none is downloaded.

    Returns
    -------
    Inputs
        Manifest, files and hashes. Hashes first seen are written to ``<manifest>.lock`` and verified from then on.

    Raises
    ------
    ManifestError
        With every mistake in the manifest, or every file that is missing or has the wrong checksum.
    """
    path = Path(path)
    manifest = read_manifest(path)
    if mirror is not None and not Path(mirror).is_dir():
        raise ManifestError([Problem(str(path), "--mirror", str(mirror), "no such folder; check the path")])
    folders = [*([Path(mirror)] if mirror else []), path.parent]
    lock = _read_lock(path)
    files, hashes, problems = {}, {}, []
    for name, source in manifest.sources.items():
        try:
            files[name] = _locate(source, folders)
            hashes[name] = _verified(files[name], source, lock.get(name))
        except (ValueError, OSError) as error:
            problems.append(Problem(str(path), f"sources.{name}.file", repr(source.file), str(error)))
    if problems:
        raise ManifestError(problems)
    _write_lock(path, manifest, lock, hashes)
    return Inputs(path, manifest, files, hashes)


def _locate(source: Source, folders: list[Path]) -> Path:
    found = archives.find(source.file, folders=folders)
    if found is not None:
        return found
    if source.url is None:
        looked = ", ".join(str(folder) for folder in folders)
        raise FileNotFoundError(
            f"not found in {looked}, and no url is known; get it from its source ({source.citation}) and give --mirror"
        )
    expected = None if source.sha256 == "first-use" else source.sha256
    # Two studies may use one file name for two addresses, so the address is part of the place.
    place = cache_folder() / hashlib.sha256(source.url.encode()).hexdigest()[:12] / Path(source.file).name
    return place if place.is_file() else archives.download(source.url, place, expected=expected)


def _verified(file: Path, source: Source, locked: str | None) -> str:
    if source.sha256 != "first-use":
        return archives.verify(file, source.sha256)
    return archives.verify(file, locked) if locked else sha256(file)


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _read_lock(path: Path) -> dict[str, str]:
    place = _lock_path(path)
    if not place.exists():
        return {}
    try:
        lock = json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ManifestError(
            [Problem(str(place), "(file)", "unreadable", f"not valid JSON ({error}); delete it to start anew")]
        ) from error
    if not isinstance(lock, dict):
        raise ManifestError([Problem(str(place), "(file)", _type(lock), "not names and hashes; delete it to start anew")])
    return {str(name): str(value) for name, value in lock.items()}


def _type(value: object) -> str:
    return type(value).__name__


def _write_lock(path: Path, manifest: Manifest, lock: dict[str, str], hashes: dict[str, str]) -> None:
    first = {name: hashes[name] for name, source in manifest.sources.items() if source.sha256 == "first-use"}
    if first and first != lock:
        write_text(_lock_path(path), json.dumps(first, indent=2, sort_keys=True) + "\n")
