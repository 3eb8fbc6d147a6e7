"""The files a manifest names, verified: read as what they are, once."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radiogenomics import archives, cohort, expression, pathways
from radiogenomics._errors import InputError
from radiogenomics._files import Decision, Reading, decision_table, voxel_files
from radiogenomics._tables import summarise
from radiogenomics.study.engine.context import DeclaredFiles
from radiogenomics.study.inputs.collections import Fetched
from radiogenomics.study.inputs.members import masks_of, members
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import CohortSection, Source

_MATRIX = "(expression matrix)"
"""What the expression matrix is called among the tables that were read; no source has such a name."""

_WRITTEN = {"missing", "separator", "decimal", "encoding", "sheet"}
"""Keys of a source that say how its table is written."""

_ORIGIN = {
    "file", "url", "library", "archive", "item", "collection", "series", "endpoint", "sha256", "licence", "citation",
}  # fmt: skip
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
    fetched : dict of str to Fetched
        Name of a source that is a collection's image series -> what was fetched.
    """

    path: Path
    manifest: Manifest
    files: dict[str, Path]
    hashes: dict[str, str]
    listings: dict[str, dict[str, str]]
    sources: dict[str, Source] = field(default_factory=dict)
    fetched: dict[str, Fetched] = field(default_factory=dict)
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
            fetched=declared(self.fetched),
            _tables=self._tables,
        )

    def identity(self, source: str) -> dict[str, Any]:
        """Give all that a source's values depend on: the hash of its bytes, its name's ending, the keys by which it is read."""
        facts = self.sources[source].model_dump(mode="json", exclude=_ORIGIN)
        return {"sha256": self.hashes[source], "ending": "".join(self.files[source].suffixes), **facts}

    def origins(self) -> dict[str, dict[str, Any]]:
        """Say of every source where it comes from, for the provenance; no address with its password or token."""
        named = {"file", "url", "library", "archive", "item", "collection", "endpoint", "licence", "citation"}
        return {
            name: {
                "sha256": self.hashes[name],
                **{
                    key: archives.public_address(text)
                    for key, text in source.model_dump(include=named, exclude_none=True).items()
                },
                **(self.fetched[name].facts() if name in self.fetched else {}),
            }
            for name, source in self.sources.items()
        }

    def fetched_series(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Say of every series that was fetched where it came from, when, and the SHA-256 of its files, for the provenance."""
        return {name: fetched.by_series(self.listings[name]) for name, fetched in self.fetched.items()}

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
