"""The study manifest: a TOML file, read and validated whole; every mistake is listed at once with its remedy."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from radiogenomics.study.sections import (
    CohortSection,
    Expression,
    Extraction,
    FusionSettings,
    GeneScoreSettings,
    GeneSets,
    Joined,
    LinkSettings,
    Masks,
    ModuleSettings,
    Name,
    Outcome,
    PathwaySettings,
    Section,
    Signature,
    Source,
    Survival,
    Text,
)

RESERVED = ("fusion", "clinical", "volume")
"""Names that the study gives to what stands among the signatures."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a manifest or in the files it names.

    Attributes
    ----------
    file : str
        The file it stands in.
    key : str
        The manifest key, such as ``outcome.column``.
    value : str
        What stands there.
    remedy : str
        What is wrong with it and what to do.
    """

    file: str
    key: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key} = {self.value}: {self.remedy}"


class ManifestError(ValueError):
    """Everything that is wrong with a manifest, at once.

    Attributes
    ----------
    problems : list of Problem
        One a mistake.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        super().__init__(f"{count} in the manifest:\n" + "\n".join(f"  {problem}" for problem in problems))


class Manifest(Section):
    """A whole study."""

    name: Name
    title: Text
    simulated: bool = False
    seed: Annotated[int, Field(ge=0)] = 0
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
        problems = [*self._unknown_sources(), *self._uneven_features(), *self._unfit_settings()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def cohorts(self) -> dict[str, CohortSection]:
        """Give every cohort by name, the training cohort first."""
        return {"training": self.training, **self.external}

    def kinds(self, name: str = "training") -> list[str]:
        """Name a cohort's imaging tables, one a signature: those it gives, and those measured in its images."""
        cohort = self.cohorts()[name]
        return [*cohort.features, *(self.extraction.kinds() if cohort.images else [])]

    def _unknown_sources(self) -> list[str]:
        named = [(f"cohort {name}", source) for name, cohort in self.cohorts().items() for source in cohort.sources()]
        named += [("expression", self.expression.source)]
        named += [("gene_sets", source) for source in self.gene_sets.files()] if self.gene_sets else []
        named += [(f"joined {name}", one.source) for name, one in self.joined.items()]
        named += [(f"survival {one.name!r}", one.source) for one in self.survival]
        named += [("truth", self.truth)] if self.truth else []
        named += [("extraction.parameters", self.extraction.parameters)] if self.extraction.parameters else []
        known = ", ".join(self.sources)
        return [
            f"{where} names the source {source!r}, [sources] has {known}" for where, source in named if source not in self.sources
        ]

    def kinds_read_twice(self) -> list[str]:
        """Name the imaging tables of the training cohort that a second reader gave too."""
        masks = self.training.masks
        measured = self.extraction.kinds() if masks and masks.second_reader else []
        return [kind for kind in self.kinds() if kind in self.training.second_reader or kind in measured]

    def _uneven_features(self) -> Iterator[str]:
        for name, cohort in self.external.items():
            if name == "training":
                yield f"external cohort {name!r} has the training cohort's name; rename it"
            if set(cohort.features) != set(self.training.features):
                wanted = sorted(self.training.features)
                yield f"external cohort {name!r} has features {sorted(cohort.features)}, training has {wanted}; give the same"
            if (cohort.images is None) != (self.training.images is None):
                yield f"images must be measured in external cohort {name!r} and in training, or in neither; name both, or none"
        measured = self.extraction.kinds() if self.training.images else []
        for kind in self.training.features:
            if kind in (*RESERVED, *measured) or kind.startswith("shuffled_"):
                yield f"the feature table {kind!r} has a name that the study uses itself; rename it"

    def _unfit_settings(self) -> list[str]:
        at_least, signatures, problems = self.gene_score.at_least, len(self.kinds()), []
        if at_least is not None and at_least > signatures:
            problems.append(f"gene_score.at_least is {at_least}, there are {signatures} signature(s); lower it")
        masks = self.training.masks
        if self.signature.icc is not None and not self.training.second_reader and not (masks and masks.second_reader):
            problems.append(
                "signature.icc asks for repeated features; name training.masks.second_reader or training.second_reader"
            )
        asked = self.signature.icc if isinstance(self.signature.icc, dict) else {}
        known = ", ".join(self.kinds())
        strange = [kind for kind in asked if kind not in self.kinds()]
        problems += [f"signature.icc has {kind!r}, the features are {known}; name one of them" for kind in strange]
        once = [kind for kind in asked if kind in self.kinds() and kind not in self.kinds_read_twice()]
        problems += [f"signature.icc has {kind!r}, which no second reader has measured; leave it out" for kind in once]
        if self.fusion:
            unknown = [column for column in self.fusion.clinical if column not in self.clinical_columns]
            problems += [f"fusion.clinical has {column!r}, clinical_columns has not; add it there" for column in unknown]
            strange = [column for column in self.fusion.factors if column not in self.fusion.clinical]
            problems += [f"fusion.factors has {column!r}, fusion.clinical has not; add it there" for column in strange]
            if len(self.kinds()) + len(self.fusion.clinical) < 2:
                problems.append("fusion has one signature and nothing to fuse it with; name clinical columns, or leave it out")
        return problems


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
    raw = _read(Path(path))
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        raise ManifestError([_problem(path, raw, item) for item in error.errors()]) from error


def _read(path: Path) -> dict[str, Any]:
    """Read the TOML file; what keeps it from being one is a problem of its own."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ManifestError([Problem(str(path), "(file)", "missing", "no such manifest; check the path")]) from error
    except IsADirectoryError as error:
        raise ManifestError([Problem(str(path), "(file)", "a folder", "give the manifest file, not its folder")]) from error
    except UnicodeDecodeError as error:
        remedy = f"not text in UTF-8 (byte {error.start} is no part of it); give a TOML file"
        raise ManifestError([Problem(str(path), "(file)", "unreadable", remedy)]) from error
    except tomllib.TOMLDecodeError as error:
        raise ManifestError([Problem(str(path), "(file)", "unreadable", f"not valid TOML: {error}")]) from error
    except OSError as error:
        raise ManifestError([Problem(str(path), "(file)", "unreadable", f"{error.strerror}; check its permissions")]) from error


_REMEDIES = {
    "extra_forbidden": "unknown key; remove it or correct its spelling",
    "missing": "required key is missing; add it",
}


def _problem(path: Path, raw: dict[str, Any], item: Any) -> Problem:
    place = item["loc"]
    key = ".".join(str(part) for part in place) or "(whole)"
    value = "(absent)" if item["type"] == "missing" else "..." if not place else _brief(item["input"])
    remedy = _REMEDIES.get(item["type"], item["msg"].removeprefix("Value error, "))
    if item["type"] == "extra_forbidden":
        remedy += _nearest(str(place[-1]), _known_keys(place[:-1]))
    return Problem(str(path), key, value, remedy)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _known_keys(place: Iterable[Any]) -> list[str]:
    """Name the keys that a section of the manifest may hold."""
    section: Any = Manifest
    for part in place:
        known = {"sources": Source, "external": CohortSection, "joined": Joined, "survival": Survival, "gene_sets": GeneSets}
        known |= {"fusion": FusionSettings, "masks": Masks}
        if isinstance(section, dict):
            section = section[""]
        elif part in ("sources", "external", "joined", "survival"):
            section = {"": known[str(part)]}
        else:
            section = known.get(str(part), section.model_fields[part].annotation)
    return list(section.model_fields) if hasattr(section, "model_fields") else []


def _nearest(word: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known here: {', '.join(known)})" if known else ""
