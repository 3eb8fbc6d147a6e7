"""The study manifest: a TOML file, read and validated whole; every mistake is listed at once with its remedy."""

import hashlib
import logging
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from radiogenomics._files import decoded, endless, parsing
from radiogenomics._names import did_you_mean, slug
from radiogenomics._tables import summarise
from radiogenomics.study.manifest.errors import ManifestError, Problem, problems_of
from radiogenomics.study.manifest.schema import (
    CohortSection,
    Expression,
    Extraction,
    FusionSettings,
    GeneScoreSettings,
    GeneSets,
    Joined,
    LinkSettings,
    ModuleSettings,
    Outcome,
    PathwaySettings,
    Signature,
    Survival,
)
from radiogenomics.study.manifest.section import MisfitError, Name, Section, Text
from radiogenomics.study.manifest.source import Source, unfit_keys

logger = logging.getLogger(__name__)

RESERVED = ("fusion", "clinical", "volume", "signature")
"""Names that the study gives itself: to what stands among the signatures, and to these on the imaging side of a link."""

FAMILIES = ("_x_modules", "_x_pathways")
"""How the study's own families of links end, as their figures' files write it."""

Unfit = tuple[tuple[str, ...], str]
"""The parts of a key, and what is wrong with it and what to do."""


class Manifest(Section):
    """A whole study."""

    name: Name
    title: Text
    simulated: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    sources: Annotated[dict[str, Source], Field(min_length=1)]
    training: CohortSection
    external: dict[str, CohortSection] = Field(default_factory=dict)
    clinical_columns: list[str] = Field(default_factory=list)
    outcome: Outcome
    joined: dict[str, Joined] = Field(default_factory=dict)
    survival: list[Survival] = Field(default_factory=list)
    expression: Expression
    gene_sets: GeneSets | None = None
    truth: Text | None = None
    extraction: Extraction = Extraction()
    signature: Signature = Signature()
    fusion: FusionSettings | None = None
    modules: ModuleSettings = ModuleSettings()
    pathways: PathwaySettings = PathwaySettings()
    links: LinkSettings = LinkSettings()
    gene_score: GeneScoreSettings = GeneScoreSettings()

    @model_validator(mode="after")
    def _names_fit(self) -> "Manifest":
        names = [*self._taken_names(), *self._equal_names()]
        unfit = [*self._unfit_lesions(), *self._unfit_signature(), *self._unfit_columns()]
        mistakes = [*self._unknown_sources(), *self._uneven_features(), *names, *unfit]
        if mistakes:
            raise MisfitError(*mistakes)
        return self

    def cohorts(self) -> dict[str, CohortSection]:
        """Give every cohort by name, the training cohort first."""
        return {"training": self.training, **self.external}

    def without_sources(self) -> dict[str, Any]:
        """Give all that the manifest says but its sources, as JSON has it."""
        named = ((name, getattr(self, name)) for name in Manifest.model_fields if name != "sources")
        return {name: _as_json(value) for name, value in named if value is not None}

    def seed_of(self, purpose: str) -> int:
        """Derive a seed from the study's seed and a purpose, so that no two steps draw the same numbers."""
        digest = hashlib.sha256(f"{self.seed}:{purpose}".encode()).digest()
        return int.from_bytes(digest[:4], "big")

    def tables(self) -> list[str]:
        """Name the sources that are tables of patients or the expression matrix."""
        named = [source for one in self.cohorts().values() for source in (*one.features.values(), *one.second_reader.values())]
        named += [source for one in self.cohorts().values() for source in one.clinical_tables()]
        named += [*(one.source for one in self.joined.values()), *(one.source for one in self.survival), self.expression.source]
        return list(dict.fromkeys(named))

    def kinds(self, name: str = "training") -> list[str]:
        """Name a cohort's imaging tables, one a signature: those it gives, and those measured in its images."""
        cohort = self.training if name == "training" else self.external[name]
        return [*cohort.features, *(self.extraction.kinds() if cohort.images else [])]

    def described(self) -> list[str]:
        """Name the clinical columns that describe patients: those asked for but the outcome's own, which stands by itself."""
        return [column for column in self.clinical_columns if column != self.outcome.column]

    def columns(self) -> list[str]:
        """Name the columns that the table of patients carries along: of the clinical table and of those joined to it."""
        return [*self.described(), *(name for one in self.joined.values() for name in (*one.columns, *one.linked))]

    def _unknown_sources(self) -> Iterator[Unfit]:
        """Find names that no source has, and tables that are image series."""
        named = {(*_where(name), *key): source for name, one in self.cohorts().items() for key, source in one.places().items()}
        named |= {("expression", "source"): self.expression.source}
        named |= self.gene_sets.places() if self.gene_sets else {}
        named |= {("joined", name, "source"): one.source for name, one in self.joined.items()}
        named |= {("survival", str(i), "source"): one.source for i, one in enumerate(self.survival)}
        named |= {("truth",): self.truth} if self.truth else {}
        named |= {("extraction", "parameters"): self.extraction.parameters} if self.extraction.parameters else {}
        for key, source in named.items():
            if source not in self.sources:
                yield key, f"no source has this name{did_you_mean(source, self.sources)}; [sources] has {', '.join(self.sources)}"
            elif self.sources[source].of_series() and not {"images", "masks"} & set(key):
                yield key, f"{source!r} is a collection of image series, and no table; name it under images or masks"

    def kinds_read_twice(self) -> list[str]:
        """Name the imaging tables of the training cohort that a second reader gave too."""
        masks = self.training.masks
        measured = self.extraction.kinds() if masks and masks.second_reader else []
        return [kind for kind in self.kinds() if kind in self.training.second_reader or kind in measured]

    def _uneven_features(self) -> Iterator[Unfit]:
        for name, cohort in self.external.items():
            if name == "training":
                yield _where(name, external=True), "this is the training cohort's name; rename it"
            if set(cohort.features) != set(self.training.features):
                wanted = ", ".join(sorted(self.training.features)) or "none"
                yield (*_where(name, external=True), "features"), f"training has {wanted}; give the same kinds"
            if (cohort.images is None) != (self.training.images is None):
                remedy = "images must be measured in it and in training, or in neither; name both, or none"
                yield (*_where(name, external=True), "images"), remedy

    def _unfit_lesions(self) -> Iterator[Unfit]:
        if self.extraction.lesions == "each":
            remedy = "a study has one row per patient: give 'largest' or 'union' (`radiogenomics features` takes each)"
            yield ("extraction", "lesions"), remedy

    def _taken_names(self) -> Iterator[Unfit]:
        """Find names that the study gives itself; what differs from one only in marks would share its files."""
        measured = self.extraction.kinds() if self.training.images else []
        taken = {slug(name) for name in (*RESERVED, *measured)}
        features = [kind for kind in self.training.features if slug(kind) in taken or slug(kind).startswith("shuffled_")]
        joined = [name for name in self.joined if f"_x_{slug(name)}".endswith(FAMILIES)]
        for key in (*(("training", "features", kind) for kind in features), *(("joined", name) for name in joined)):
            yield key, "the study uses this name itself; rename the table"

    def _equal_names(self) -> Iterator[Unfit]:
        """Find names of one sort that would write the same files."""
        for key, names in ((("training", "features"), self.training.features), (("external",), self.external)):
            known: dict[str, str] = {"training": "training"} if key == ("external",) else {}
            for name in names:
                first = known.setdefault(slug(name), name)
                if first != name:
                    yield (*key, name), f"its figures would have the same file names as those of {first!r}; rename one of them"

    def _unfit_signature(self) -> Iterator[Unfit]:
        at_least, kinds, masks = self.gene_score.at_least, self.kinds(), self.training.masks
        if at_least is not None and at_least > len(kinds):
            yield ("gene_score", "at_least"), f"there are {len(kinds)} signature(s); lower it"
        if self.signature.icc is not None and not self.training.second_reader and not (masks and masks.second_reader):
            remedy = "it asks for features measured twice; name training.masks.second_reader or training.second_reader"
            yield ("signature", "icc"), remedy
        for kind in self.signature.icc if isinstance(self.signature.icc, dict) else {}:
            if kind not in kinds:
                remedy = f"the features are {', '.join(kinds)}; name one of them{did_you_mean(kind, kinds)}"
                yield ("signature", "icc", kind), remedy
            elif kind not in self.kinds_read_twice():
                yield ("signature", "icc", kind), "no second reader has measured it; leave it out"

    def _unfit_columns(self) -> Iterator[Unfit]:
        for i, column in enumerate(self.links.covariates or []):
            if column not in self.columns():
                remedy = (
                    f"no column of the patients{did_you_mean(column, self.columns())}; add it to clinical_columns, or name one "
                    "of "
                )
                yield ("links", "covariates", str(i)), remedy + (summarise(self.columns(), 12) or "those there")
        if self.outcome.name in self.columns():
            yield ("outcome", "name"), "a clinical column has this name, and is not the outcome; give the outcome another name"
        if not self.fusion:
            return
        if self.outcome.column in self.fusion.clinical:
            yield ("fusion", "clinical"), f"{self.outcome.column!r} is the outcome itself; leave it out"
        for i, column in enumerate(self.fusion.clinical):
            if column not in self.clinical_columns:
                near = did_you_mean(column, self.clinical_columns)
                yield ("fusion", "clinical", str(i)), f"clinical_columns has it not{near}; add it there"
        for i, column in enumerate(self.fusion.factors):
            if column not in self.fusion.clinical:
                near = did_you_mean(column, self.fusion.clinical)
                yield ("fusion", "factors", str(i)), f"fusion.clinical has it not{near}; add it there"
        if len(self.kinds()) + len(self.fusion.clinical) < 2:
            yield ("fusion",), "there is one signature and nothing to fuse it with; name clinical columns, or leave it out"


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Section) else value


def _where(name: str, *, external: bool = False) -> tuple[str, ...]:
    return ("external", name) if external or name != "training" else ("training",)


def read_manifest(path: Path) -> Manifest:
    """Read and validate a manifest by itself -> Manifest; the files it names are checked by `check`.

    Parameters
    ----------
    path : Path
        A TOML file.

    Returns
    -------
    Manifest
        Validated.

    Raises
    ------
    ManifestError
        With every mistake: unreadable TOML, unknown keys, wrong types, values out of range, names of sources that are not there.
    """
    raw = read_raw(path)
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        found = [*problems_of(path, raw, error, Manifest), *_unfit_sources(path, raw)]
        raise ManifestError(list(dict.fromkeys(found))) from error


def sources_in(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the sections of sources that stand in a manifest, valid or not."""
    sources = raw.get("sources")
    named = sources.items() if isinstance(sources, dict) else ()
    return {name: keys for name, keys in named if isinstance(keys, dict)}


def _unfit_sources(path: Path, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Find keys of sources that do not fit each other, also where one has a wrong value and pydantic compares no more."""
    for name, keys in sources_in(raw).items():
        for key, remedy in unfit_keys(keys):
            shown = repr(keys[key[0]]) if key[0] in keys else "(absent)"
            yield Problem(str(path), ".".join(("sources", name, *key)), shown if len(shown) <= 60 else shown[:57] + "...", remedy)


def read_raw(path: Path) -> dict[str, Any]:
    """Read the TOML file; what keeps it from being one is a problem of its own."""
    path = Path(path)

    def refuse(error: Exception) -> ManifestError:
        return _no_manifest(path, "unreadable", f"not valid TOML: {error}")

    if kind := endless(path):
        raise _no_manifest(path, kind, "it never ends; give a TOML file")
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_manifest(path, "missing", "no such manifest; check the path") from error
    except IsADirectoryError as error:
        raise _no_manifest(path, "a folder", "give the manifest file, not its folder") from error
    except OSError as error:
        raise _no_manifest(path, "unreadable", f"{error.strerror}; check its path and permissions") from error
    try:
        text, encoding = decoded(data)
    except UnicodeDecodeError as error:
        remedy = f"not text in UTF-8 (byte {error.start} is no part of it); give a TOML file"
        raise _no_manifest(path, "unreadable", remedy) from error
    if encoding != "utf-8":
        logger.warning("%s: the manifest is not UTF-8, as TOML must be; it is read as %s.", path, encoding)
    with parsing(path, refuse):
        return tomllib.loads(text)


def _no_manifest(path: Path, value: str, remedy: str) -> ManifestError:
    return ManifestError([Problem(str(path), "(file)", value, remedy)])
