"""The sections of a study manifest: every key, its type and its default."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from radiogenomics._errors import InputError
from radiogenomics._names import did_you_mean
from radiogenomics.study.manifest import choices
from radiogenomics.study.manifest.section import Count, Length, MisfitError, Name, Section, Share, Text, Whole, one_of
from radiogenomics.study.manifest.source import Source as Source

Network = Annotated[str, one_of("backbone")]


class Masks(Section):
    """Where the lesions are drawn: a folder with one mask per patient, and perhaps a second reader's."""

    reader: Text
    second_reader: Text | None = None


class CohortSection(Section):
    """One cohort: feature tables by name, or images and masks to measure; its clinical tables; the column that is volume.

    ``clinical`` names one table, or several that are joined by patient, such as one with the outcome and one with the age.
    """

    features: dict[Name, Text] = {}
    second_reader: dict[Name, Text] = {}
    images: Text | None = None
    masks: Masks | None = None
    clinical: Text | Annotated[list[Text], Field(min_length=1)]
    volume: Text | None = None

    @model_validator(mode="after")
    def _has_features(self) -> "CohortSection":
        if not self.features and self.images is None:
            raise InputError("neither features nor images; name feature tables, or a folder of images and one of masks")
        if (self.images is None) != (self.masks is None):
            given = "masks" if self.images is None else "images"
            raise MisfitError(((given,), "images and masks go together; name both, or neither"))
        unknown = sorted(set(self.second_reader) - set(self.features))
        if unknown:
            known = ", ".join(self.features) or "nothing"
            raise MisfitError(*((("second_reader", kind), f"features has {known}; name the same kinds") for kind in unknown))
        return self

    def places(self) -> dict[tuple[str, ...], str]:
        """Give every source of this cohort by the parts of its key."""
        places: dict[tuple[str, ...], str] = {("features", kind): source for kind, source in self.features.items()}
        places |= {("second_reader", kind): source for kind, source in self.second_reader.items()}
        places |= {("images",): self.images} if self.images else {}
        places |= {("masks", reader): source for reader, source in self.masks or () if source}
        if isinstance(self.clinical, str):
            return places | {("clinical",): self.clinical}
        return places | {("clinical", str(i)): source for i, source in enumerate(self.clinical)}

    def clinical_tables(self) -> list[str]:
        """Name the sources of the clinical table."""
        return [self.clinical] if isinstance(self.clinical, str) else self.clinical

    def sources(self) -> list[str]:
        """Name every source of this cohort."""
        return list(self.places().values())

    def folders(self) -> list[str]:
        """Name the sources that are folders: of images, and of masks."""
        masks = [self.masks.reader, self.masks.second_reader] if self.masks else []
        return [source for source in (self.images, *masks) if source]


class Extraction(Section):
    """What is measured in every lesion, and how.

    ``series``, ``content`` and ``derived`` choose the dynamic series where an examination has several; ``seconds`` says when each
    phase was taken where the files do not. ``lesions`` says what of several lesions in a mask counts; ``each`` gives a row a
    lesion and is no choice of a study. ``resample_masks`` allows masks on another grid, ``background`` is the level of air.
    """

    radiomics: bool = True
    parameters: Text | None = None
    shuffled: bool = False
    kinetics: bool = True
    deep: dict[Network, Text] = {}
    view: Literal["slice", "2.5d"] = "2.5d"
    margin_mm: Length = 5.0
    pre_contrast: Count = 1
    series: int | None = None
    content: Text | None = None
    derived: bool = False
    seconds: Annotated[list[float], Field(min_length=2)] | None = None
    register_phases: bool = False
    segment: Whole | Text | None = None
    resample_masks: bool = False
    lesions: Literal["largest", "union", "each"] = "largest"
    background: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _measures_something(self) -> "Extraction":
        if not (self.radiomics or self.kinetics or self.deep):
            raise InputError("nothing is measured; leave radiomics or kinetics on, or name a network under deep")
        return self

    def kinds(self) -> list[str]:
        """Name the tables that are made: ``radiomics``, ``kinetics``, and one a network."""
        networks = self.networks()
        return [*(["radiomics"] if self.radiomics else []), *(["kinetics"] if self.kinetics else []), *networks]

    def networks(self) -> dict[str, tuple[Network, str]]:
        """Give every network and its weights, by the name of its table: a random network says so wherever it is named."""
        return {f"{name}_random_weights" if weights == "random" else name: (name, weights) for name, weights in self.deep.items()}


class Outcome(Section):
    """What is predicted: a clinical column, what its words mean, and what patients without and with it are called."""

    name: Text
    column: Text
    labels: Annotated[list[Text], Field(min_length=2, max_length=2)] = ["negative", "positive"]
    positive: Annotated[list[str], Field(min_length=1)]
    negative: Annotated[list[str], Field(min_length=1)]
    excluded: list[str] = []

    @model_validator(mode="after")
    def _labels_differ(self) -> "Outcome":
        if self.labels[0].strip() == self.labels[1].strip():
            raise MisfitError((("labels",), "both groups would have one name in every table and figure; give two that differ"))
        return self


class Joined(Section):
    """A further table of training patients: columns to carry along, and numeric columns to link with imaging."""

    source: Text
    columns: list[str] = []
    linked: list[str] = []


class Survival(Section):
    """One endpoint: the columns with the time in days and the event (1 or 0), and numeric covariates of the clinical table."""

    name: Text
    source: Text
    time: Text
    event: Text
    covariates: list[str] = []


class Expression(Section):
    """The transcriptome of the training cohort."""

    source: Text
    unit: Literal["counts", "tpm", "fpkm", "log2", "zscore"]
    clip: Annotated[float, Field(gt=0)] | None = None
    min_mean: float | None = None


class GeneSets(Section):
    """Gene sets from one GMT file or more; which of them are scored and linked; HGNC's table, to bring their symbols up to date.

    ``scored`` names sets, sources of which every set counts, and ``tumour_related`` for our 36; everything when left out. Modules
    are tested for every set of the sources.
    """

    sources: Annotated[list[Text], Field(min_length=1)]
    scored: Annotated[list[Text], Field(min_length=1)] | None = None
    aliases: Text | None = None
    min_size: Count = 10
    max_size: Count = 500

    @field_validator("scored", mode="before")
    @classmethod
    def _is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    def places(self) -> dict[tuple[str, ...], str]:
        """Give every source that is read, of sets and of symbols, by the parts of its key."""
        places: dict[tuple[str, ...], str] = {("gene_sets", "sources", str(i)): source for i, source in enumerate(self.sources)}
        return places | ({("gene_sets", "aliases"): self.aliases} if self.aliases else {})

    def files(self) -> list[str]:
        """Name every source that is read: of sets, and of symbols."""
        return list(self.places().values())


class Signature(Section):
    """The recipe of the imaging signatures and how they are judged.

    ``icc`` is asked of every kind of feature that a second reader measured too, or of the kinds that it names.
    """

    recipe: Text = "published"
    icc: Share | dict[Name, Share] | None = None
    max_rho: Share | None = None
    sizes: Annotated[list[Count], Field(min_length=1)] = [5, 10, 20]
    n_trees: Annotated[int, Field(ge=1, le=100_000)] = 100
    penalty: Literal["min", "1se"] = "min"
    imbalance: Literal["weights", "oversample", "undersample", "smote"] | None = None
    parameters: dict[str, bool | Whole | float | str] = {}
    n_splits: Annotated[int, Field(ge=2, le=1_000)] = 5
    n_repeats: Count = 10
    n_bootstraps: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    n_permutations: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @field_validator("recipe")
    @classmethod
    def _is_a_recipe(cls, value: str) -> str:
        if value not in (known := choices.names("recipe")) and not re.fullmatch(r"[\w.]+:\w+", value):
            names = ", ".join(map(repr, known))
            place = "or a classifier by its place, 'package.module:Name'"
            raise InputError(f"unknown recipe; give {names}, {place}{did_you_mean(value, known)}")
        return value

    def icc_of(self, kind: str) -> float | None:
        """Give the least ICC that a feature of one kind must reach; None where nothing is asked of it."""
        return self.icc.get(kind) if isinstance(self.icc, dict) else self.icc

    @model_validator(mode="after")
    def _fits_the_recipe(self) -> "Signature":
        if strange := sorted((self.model_fields_set - _HOW_JUDGED) - (known := self.keys())):
            takes = f"takes {', '.join(sorted(known))}" if known else "takes none"
            remedy = f"it means nothing to the recipe {self.recipe!r}, which {takes}; leave it out"
            raise MisfitError(*(((key,), remedy) for key in strange))
        return self

    def keys(self) -> frozenset[str]:
        """Name the keys of this section that the recipe takes."""
        return choices.keys_of_recipe(self.recipe)

    def options(self) -> dict[str, Any]:
        """Give the keys that the recipe takes and their values; ``icc`` needs a second reader's table and is not among them."""
        values = {key: getattr(self, key) for key in sorted(self.keys() - {"icc", "parameters"})}
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return values | (self.parameters if "parameters" in self.keys() else {})


_HOW_JUDGED = {"recipe", "n_splits", "n_repeats", "n_bootstraps", "n_permutations"}
"""Keys of a signature that mean the same to every recipe."""


class FusionSettings(Section):
    """One logistic model of every signature and some clinical columns: the nomogram."""

    clinical: list[Text] = []
    factors: list[Text] = []
    # Firth's penalty keeps odds ratios finite in a fold where the data separate; false gives maximum likelihood, as rms does.
    firth: bool = True


class ModuleSettings(Section):
    """Co-expression modules."""

    engine: Literal["native", "pywgcna"] = "native"
    power: Annotated[int, Field(ge=1, le=100)] | Literal["auto"] = "auto"
    network: Literal["unsigned", "signed", "signed hybrid"] = "unsigned"
    min_size: Annotated[int, Field(ge=2, le=1_000_000)] = 30
    deep_split: Annotated[int, Field(ge=0, le=4)] = 3
    merge_height: Share = 0.25


class PathwaySettings(Section):
    """Pathway scores."""

    method: Annotated[str, one_of("pathway method")] = "gsva"
    kernel: Literal["gaussian", "poisson", "none"] = "gaussian"


class LinkSettings(Section):
    """Imaging-gene links and their null.

    ``covariates`` names the columns that links are adjusted for, beside lesion volume; left out, the study takes those whose
    names say age, subtype, site or scanner, as far as the patients can pay for them.
    """

    method: Annotated[str, one_of("link method")] = "pearson"
    covariates: list[Text] | None = None
    n_permutations: Annotated[int, Field(ge=100, le=1_000_000)] = 1000
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05


class GeneScoreSettings(Section):
    """How genes enter the score.

    ``n_repeats`` judge the score; ``inner_repeats`` make the signature's out-of-fold scores that choose the genes, in every fit.
    """

    min_kme: Share = 0.7
    min_significance: Share = 0.2
    max_module_p: Share = 0.05
    at_least: Count | None = None
    regression: Literal["penalised", "firth", "plain"] = "penalised"
    n_repeats: Count = 5
    inner_repeats: Count = 10
