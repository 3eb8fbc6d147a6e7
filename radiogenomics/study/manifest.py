"""The study manifest: a TOML file, read and validated whole; every mistake is listed at once with its remedy."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(_Section):
    """One file: where it comes from, how it is verified, how it is read."""

    file: Text
    url: Text | None = None
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64}|first-use)$")] = "first-use"
    licence: Text
    citation: Text
    patient: Text | None = None
    header_rows: Count = 1
    barcode: Literal["as-is", "tcga"] = "as-is"
    genes_in: Literal["rows", "columns"] = "rows"


class CohortSection(_Section):
    """One cohort: its feature tables by signature name, its clinical table, and the column that is lesion volume."""

    features: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")], Text], Field(min_length=1)]
    clinical: Text
    volume: Text | None = None


class Outcome(_Section):
    """What is predicted: a clinical column, what its words mean, and what patients without and with it are called."""

    name: Text
    column: Text
    labels: Annotated[list[Text], Field(min_length=2, max_length=2)] = ["negative", "positive"]
    positive: Annotated[list[str], Field(min_length=1)]
    negative: Annotated[list[str], Field(min_length=1)]
    excluded: list[str] = []


class Joined(_Section):
    """A further table of training patients: columns to carry along, and numeric columns to link with imaging."""

    source: Text
    columns: list[str] = []
    linked: list[str] = []


class Survival(_Section):
    """One endpoint: the columns with the time in days and the event (1 or 0), and numeric covariates of the clinical table."""

    name: Text
    source: Text
    time: Text
    event: Text
    covariates: list[str] = []


class Expression(_Section):
    """The transcriptome of the training cohort."""

    source: Text
    unit: Literal["counts", "tpm", "fpkm", "log2", "zscore"]
    clip: Annotated[float, Field(gt=0)] | None = None
    min_mean: float | None = None


class GeneSets(_Section):
    """Gene sets for pathway scores, from one GMT file or more."""

    sources: Annotated[list[Text], Field(min_length=1)]
    min_size: Count = 10
    max_size: Count = 500


class Signature(_Section):
    """The recipe of the imaging signature and how it is judged."""

    recipe: Literal["published"] = "published"
    sizes: Annotated[list[Count], Field(min_length=1)] = [5, 10, 20]
    n_trees: Count = 100
    n_splits: Annotated[int, Field(ge=2)] = 5
    n_repeats: Count = 10
    n_bootstraps: Annotated[int, Field(ge=0)] = 0
    n_permutations: Annotated[int, Field(ge=0)] = 0


class ModuleSettings(_Section):
    """Co-expression modules."""

    engine: Literal["native", "pywgcna"] = "native"
    power: Count | Literal["auto"] = "auto"
    network: Literal["unsigned", "signed", "signed hybrid"] = "unsigned"
    min_size: Annotated[int, Field(ge=2)] = 30
    deep_split: Annotated[int, Field(ge=0, le=4)] = 3
    merge_height: Share = 0.25


class PathwaySettings(_Section):
    """Pathway scores."""

    method: Literal["gsva", "ssgsea", "zscore", "plage"] = "gsva"
    kernel: Literal["gaussian", "poisson", "none"] = "gaussian"


class LinkSettings(_Section):
    """Imaging-gene links and their null."""

    method: Literal["pearson", "spearman"] = "pearson"
    n_permutations: Annotated[int, Field(ge=100)] = 1000
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05


class GeneScoreSettings(_Section):
    """How genes enter the score."""

    min_kme: Share = 0.7
    min_significance: Share = 0.2
    max_module_p: Share = 0.05
    at_least: Count | None = None
    regression: Literal["penalised", "firth", "plain"] = "penalised"
    n_repeats: Count = 5


class Manifest(_Section):
    """A whole study."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    title: Text
    simulated: bool = False
    seed: Annotated[int, Field(ge=0)] = 0
    sources: Annotated[dict[str, Source], Field(min_length=1)]
    training: CohortSection
    external: dict[str, CohortSection] = {}
    clinical_columns: list[str] = []
    outcome: Outcome
    joined: dict[str, Joined] = {}
    survival: list[Survival] = []
    expression: Expression
    gene_sets: GeneSets | None = None
    truth: Text | None = None
    signature: Signature = Signature()
    modules: ModuleSettings = ModuleSettings()
    pathways: PathwaySettings = PathwaySettings()
    links: LinkSettings = LinkSettings()
    gene_score: GeneScoreSettings = GeneScoreSettings()

    @model_validator(mode="after")
    def _names_fit(self) -> "Manifest":
        problems = [*self._unknown_sources(), *self._uneven_features()]
        at_least, signatures = self.gene_score.at_least, len(self.training.features)
        if at_least is not None and at_least > signatures:
            problems.append(f"gene_score.at_least is {at_least}, there are {signatures} signature(s); lower it")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def cohorts(self) -> dict[str, CohortSection]:
        """Give every cohort by name, the training cohort first."""
        return {"training": self.training, **self.external}

    def _unknown_sources(self) -> list[str]:
        named = [(f"cohort {name}", source) for name, cohort in self.cohorts().items() for source in cohort.features.values()]
        named += [(f"cohort {name}", cohort.clinical) for name, cohort in self.cohorts().items()]
        named += [("expression", self.expression.source)]
        named += [("gene_sets", source) for source in self.gene_sets.sources] if self.gene_sets else []
        named += [(f"joined {name}", one.source) for name, one in self.joined.items()]
        named += [(f"survival {one.name!r}", one.source) for one in self.survival]
        named += [("truth", self.truth)] if self.truth else []
        known = ", ".join(self.sources)
        return [
            f"{where} names the source {source!r}, [sources] has {known}" for where, source in named if source not in self.sources
        ]

    def _uneven_features(self) -> list[str]:
        wanted = set(self.training.features)
        return [
            f"external cohort {name!r} has feature tables {sorted(cohort.features)}, training has {sorted(wanted)}; give the same"
            for name, cohort in self.external.items()
            if set(cohort.features) != wanted
        ] + [
            f"external cohort {name!r} has the training cohort's name; rename it" for name in self.external if name == "training"
        ]


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
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ManifestError([Problem(str(path), "(file)", "missing", "no such manifest; check the path")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ManifestError([Problem(str(path), "(file)", "unreadable", f"not valid TOML: {error}")]) from error
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        raise ManifestError([_problem(path, raw, item) for item in error.errors()]) from error


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
        if part in ("sources",):
            section = {"": Source}
        elif part in ("external", "joined"):
            section = {"": CohortSection if part == "external" else Joined}
        elif isinstance(section, dict):
            section = section[""]
        else:
            section = section.model_fields[part].annotation
            section = section if isinstance(section, type) else {"": Survival} if part == "survival" else GeneSets
    return list(section.model_fields) if hasattr(section, "model_fields") else []


def _nearest(word: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known here: {', '.join(known)})" if known else ""
