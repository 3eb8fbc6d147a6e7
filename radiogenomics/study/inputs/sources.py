"""The files a manifest names: found in the mirror, beside the manifest, in the cache, or fetched; verified; read."""

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radiogenomics import archives, cohort, expression, pathways
from radiogenomics._errors import FileError, InputError, MissingFileError
from radiogenomics._files import Decision, Reading, decision_table, files_below, sha256, voxel_files, write_text
from radiogenomics._tables import summarise
from radiogenomics.study.engine.context import DeclaredFiles
from radiogenomics.study.inputs.members import masks_of, members
from radiogenomics.study.manifest.errors import ManifestError, Problem
from radiogenomics.study.manifest.model import Manifest, read_manifest
from radiogenomics.study.manifest.schema import CohortSection, Source

logger = logging.getLogger(__name__)

_MATRIX = "(expression matrix)"
"""What the expression matrix is called among the tables that were read; no source has such a name."""

_WRITTEN = {"missing", "separator", "decimal", "encoding", "sheet"}
"""Keys of a source that say how its table is written."""

_ORIGIN = {"file", "url", "library", "archive", "item", "sha256", "licence", "citation"}
"""Keys of a source that say where it comes from, and change nothing that is read from it."""


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
        Source name -> local file, or folder of images or masks.
    hashes : dict of str to str
        Source name -> SHA-256.
    listings : dict of str to dict of str to str
        Name of a source that is a folder -> SHA-256 of every file in it, by its path inside.
    sources : dict of str to Source
        Source name -> how it is read and where it comes from; those of the manifest when left out.
    """

    path: Path
    manifest: Manifest
    files: dict[str, Path]
    hashes: dict[str, str]
    listings: dict[str, dict[str, str]]
    sources: dict[str, Source] = field(default_factory=dict)
    _tables: dict[str, Reading] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.sources and not isinstance(self.sources, DeclaredFiles):
            object.__setattr__(self, "sources", self.manifest.sources)

    def only(self, sources: Collection[str], settings: Manifest) -> "Inputs":
        """Give the inputs with these sources alone, read by these settings; tables that were read are shared."""

        def declared(part: Mapping[str, Any]) -> DeclaredFiles:
            return DeclaredFiles({name: part[name] for name in sources if name in part})

        return Inputs(
            path=self.path,
            manifest=settings,
            sources=declared(self.sources),
            files=declared(self.files),
            hashes=declared(self.hashes),
            listings=declared(self.listings),
            _tables=self._tables,
        )

    def identity(self, source: str) -> dict[str, Any]:
        """Give all that a source's values depend on: the hash of its bytes, its name's ending, the keys by which it is read."""
        facts = self.sources[source].model_dump(mode="json", exclude=_ORIGIN)
        return {"sha256": self.hashes[source], "ending": "".join(self.files[source].suffixes), **facts}

    def origins(self) -> dict[str, dict[str, Any]]:
        """Say of every source where it comes from, for the provenance; no address with its password or token."""
        named = {"file", "url", "library", "archive", "item", "licence", "citation"}
        return {
            name: {
                "sha256": self.hashes[name],
                **{
                    key: archives.public_address(text)
                    for key, text in source.model_dump(include=named, exclude_none=True).items()
                },
            }
            for name, source in self.sources.items()
        }

    def patients(self, source: str) -> pd.DataFrame:
        """Read a source as a patient table."""
        return self._once(source, lambda: cohort.patients_reading(self.files[source], **self._reading(source)))

    def features(self, name: str, kind: str) -> pd.DataFrame:
        """Read a cohort's feature table; missing measurements stay NaN."""
        return self.patients(self._cohort(name).features[kind])

    def second_reader(self, name: str, kind: str) -> pd.DataFrame:
        """Read a cohort's feature table from the second reader's masks."""
        return self.patients(self._cohort(name).second_reader[kind])

    def members(self, name: str) -> pd.Index:
        """Name the patients who have every feature table of a cohort, and images where it has some."""
        indexes = [self.features(name, kind).index for kind in self._cohort(name).features]
        if self._cohort(name).images:
            indexes.append(pd.Index(self.images(name), name="patient", dtype=object))
        patients = indexes[0]
        for other in indexes[1:]:
            patients = patients.intersection(other, sort=False)
        return patients

    def images(self, name: str) -> dict[str, Path]:
        """Find the patients of a cohort's folder of images -> the folder of each."""
        return self._members(str(self._cohort(name).images), folders=True)

    def masks(self, name: str, reader: Literal["reader", "second_reader"]) -> dict[str, Path]:
        """Find the masks that a reader drew -> the file (or folder of DICOM) of each patient."""
        return self._masks(name, reader)[0]

    def named_masks(self, name: str) -> list[Decision]:
        """Say which masks of a cohort are called otherwise than their patient."""
        return [decision for reader in ("reader", "second_reader") for decision in self._masks(name, reader)[1]]

    def _masks(self, name: str, reader: str) -> tuple[dict[str, Path], list[Decision]]:
        masks = self._cohort(name).masks
        source = getattr(masks, reader) if masks else None
        return masks_of(self.images(name), self._members(source, folders=False), self.files[source]) if source else ({}, [])

    def listing(self, source: str, member: Path) -> dict[str, str]:
        """List the files that a patient has in a folder -> SHA-256 of each by its path inside the folder.

        Files that hold the voxels of a header among them count, wherever they lie.
        """
        place = member.relative_to(self.files[source]).as_posix()
        listed = self.listings[source]
        files = {name: found for name, found in listed.items() if f"{name}/".startswith(f"{place}/")}
        folder = self.files[source]
        named = [os.path.relpath(voxels, folder) for name in files for voxels in voxel_files(folder / name)]
        return files | {name: listed[name] for name in named if name in listed}

    def decisions(self, sources: Iterable[str]) -> pd.DataFrame:
        """Tell what was decided while these tables were read -> ``what, where, count, why``, one row per decision."""
        matrix = self.manifest.expression.source
        for source in sources:
            _ = self.expression if source == matrix else self.patients(source)
        decisions = [self._tables[_MATRIX if source == matrix else source].decisions for source in sources]
        return pd.concat([one for one in decisions if len(one)] or [decision_table([])], ignore_index=True)

    def _once(self, name: str, read: Callable[[], Reading]) -> pd.DataFrame:
        """Read a table once, since the checks and steps ask for the same ones again and again."""
        if name not in self._tables:
            self._tables[name] = read()
        return self._tables[name].table

    def _reading(self, source: str) -> dict[str, Any]:
        """Give the keys by which a table of patients is read."""
        return self.sources[source].model_dump(include={"patient", "header_rows", "barcode", *_WRITTEN})

    def _members(self, source: str, *, folders: bool) -> dict[str, Path]:
        """Name what lies in a folder by patient."""
        folder, barcode = self.files[source], self.sources[source].barcode
        return members(folder, folders=folders, rename=partial(cohort.named_by, barcode, name=str(folder)))

    def clinical(self, name: str) -> pd.DataFrame:
        """Read a cohort's clinical table; of several, the columns of all, for whoever stands in one of them."""
        sources = self._cohort(name).clinical_tables()
        if len(sources) == 1:
            return self.patients(sources[0])
        return cohort.join_tables({source: self.patients(source) for source in sources})

    @property
    def expression(self) -> pd.DataFrame:
        """The expression matrix as it stands in its file, patients x genes."""
        return self._once(_MATRIX, self._read_expression)

    def _read_expression(self) -> Reading:
        source = self.manifest.expression.source
        facts = self.sources[source]
        named = facts.model_dump(include={"genes_in", "duplicates", "unnamed", *_WRITTEN})
        reading = expression.expression_reading(self.files[source], **named)
        table = reading.table
        if facts.barcode == "as-is":
            return reading
        if facts.barcode == "tcga":
            table = table[cohort.tumour_samples(list(table.index))]
        names = pd.Index(
            cohort.named_by(facts.barcode, list(table.index), name=str(self.files[source])), name="patient", dtype=object
        )
        twice = names[names.duplicated()].unique()
        if len(twice):
            raise InputError(
                f"{self.files[source]}: patient(s) {summarise(twice)} have more than one tumour sample; keep one of each"
            )
        return replace(reading, table=table.set_axis(names), decisions=_with_dropped(reading, len(table)))

    def gene_sets(self) -> dict[str, dict[str, list[str]]]:
        """Read the gene sets of every source -> gene symbols by set name; a name that two sources have tells its source."""
        sources = dict.fromkeys(self.manifest.gene_sets.sources if self.manifest.gene_sets else [])
        libraries = {source: pathways.read_gmt(self.files[source]) for source in sources}
        times = Counter(name for sets in libraries.values() for name in sets)
        return {
            source: {f"{name} ({source})" if times[name] > 1 else name: genes for name, genes in sets.items()}
            for source, sets in libraries.items()
        }

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The approved symbol of every gene symbol; empty where the manifest names no table of them."""
        source = self.manifest.gene_sets.aliases if self.manifest.gene_sets else None
        return pathways.read_aliases(self.files[source]) if source else {}

    def joined(self, name: str) -> pd.DataFrame:
        """Read the columns of a further table of training patients."""
        section = self.manifest.joined[name]
        return self.patients(section.source)[[*section.columns, *section.linked]]

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


def _with_dropped(reading: Reading, kept: int) -> pd.DataFrame:
    """Add to what was decided how many samples of a matrix are of no primary tumour."""
    left_out = len(reading.table) - kept
    if not left_out:
        return reading.decisions
    why = "metastases, normal tissue and the like: not of a primary tumour by their barcodes (sample type 01)"
    return pd.concat([reading.decisions, decision_table([Decision("samples left out", "expression", left_out, why)])])


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
        Manifest, files and hashes. Hashes first seen of what comes from an archive are written to ``<manifest>.lock`` and
        verified from then on. Files of one's own may change: they are hashed for the provenance alone.

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
    files, hashes, listings, problems = {}, {}, {}, []
    for name, source in manifest.sources.items():
        try:
            files[name] = _locate(source, folders)
            if files[name].is_dir():
                listings[name] = _list(files[name])
                hashes[name] = _verified_folder(files[name], listings[name], source)
            else:
                hashes[name] = _verified(files[name], source, lock.get(name) if source.origin() else None)
        except (ValueError, OSError) as error:
            problems.append(Problem(str(path), f"sources.{name}.file", repr(source.file), str(error)))
    if problems:
        raise ManifestError(problems)
    _write_lock(path, manifest, lock, hashes)
    return Inputs(path, manifest, files, hashes, listings)


def _locate(source: Source, folders: list[Path]) -> Path:
    local = archives.find(source.file, folders=folders)
    if local is not None:
        if not (local.is_file() or local.is_dir()):
            raise InputError(f"{local} is neither a file nor a folder but a pipe or a device, which has no end; give a file")
        return local
    origin = source.origin()
    if origin is None:
        looked = ", ".join(str(folder) for folder in folders)
        raise MissingFileError(
            f"not found in {looked}, and no url is known; get it from its source ({source.citation}) and give --mirror"
        )
    # Two studies may use one file name for two addresses, so the address is part of the place.
    place = cache_folder() / hashlib.sha256(source.address().encode()).hexdigest()[:12] / Path(source.file).name
    if place.exists():
        return place
    archive, item = origin
    return archives.ARCHIVES[archive](item, place, expected=None if source.sha256 == "first-use" else source.sha256)


def _verified(file: Path, source: Source, locked: str | None) -> str:
    if source.sha256 != "first-use":
        return archives.verify(file, source.sha256)
    return archives.verify(file, locked) if locked else sha256(file)


def _list(folder: Path) -> dict[str, str]:
    """Hash every file of a folder, and those elsewhere that hold the voxels of its headers -> SHA-256 by path inside the folder.

    Hidden files do not count, which nothing reads: a killed writer leaves such.
    """
    files = files_below(folder)
    named = [voxels for path in files for voxels in voxel_files(path) if voxels.is_file()]
    return {Path(os.path.relpath(path, folder)).as_posix(): sha256(path) for path in [*files, *named]}


def _verified_folder(folder: Path, listing: dict[str, str], source: Source) -> str:
    """Hash a folder: the names and hashes of all its files. It may grow, so that no lock is kept of it."""
    text = "".join(f"{name} {value}\n" for name, value in listing.items())
    text_hash = hashlib.sha256(os.fsencode(text)).hexdigest()
    if source.sha256 not in ("first-use", text_hash):
        raise InputError(
            f"{folder}: the {len(listing)} files in it have the SHA-256 {text_hash}, the manifest says {source.sha256}"
        )
    return text_hash


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _read_lock(path: Path) -> dict[str, str]:
    place = _lock_path(path)
    if not os.path.exists(place):  # of a path too long to be one, Path.exists raises
        return {}
    if not place.is_file():
        remedy = "a folder, a pipe or a device, and no lock file; remove it"
        raise ManifestError([Problem(str(place), "(file)", "no file", remedy)])
    try:
        lock = json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ManifestError(
            [Problem(str(place), "(file)", "unreadable", f"not valid JSON ({error}); delete it to start anew")]
        ) from error
    if not isinstance(lock, dict):
        raise ManifestError([Problem(str(place), "(file)", _type(lock), "not names and hashes; delete it to start anew")])
    return {str(name): str(value) for name, value in lock.items()}


def _type(value: object) -> str:
    return type(value).__name__


def _write_lock(path: Path, manifest: Manifest, lock: dict[str, str], hashes: dict[str, str]) -> None:
    folders = {name for cohort in manifest.cohorts().values() for name in cohort.folders()}
    unknown = [
        name
        for name, source in manifest.sources.items()
        if source.sha256 == "first-use" and source.origin() is not None and name not in folders
    ]
    first = {name: hashes[name] for name in unknown}
    if not first or first == lock:
        return
    try:
        write_text(_lock_path(path), json.dumps(first, indent=2, sort_keys=True) + "\n")
    except FileError as error:
        logger.warning(
            "%s Until then nothing tells whether the sources without a hash (%s) change; give their sha256 in the manifest.",
            error,
            summarise(first),
        )
