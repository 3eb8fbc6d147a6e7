"""The sources of a study manifest: a file, or the image series of a collection."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from radiogenomics._errors import InputError
from radiogenomics._registry import load
from radiogenomics.study.manifest import choices
from radiogenomics.study.manifest.section import Count, MisfitError, Section, Text, one_of


def _listed(value: object) -> object:
    """Take one value for a list of one."""
    return [value] if isinstance(value, str | int | float) else value


Texts = Annotated[list[Text], Field(min_length=1), BeforeValidator(_listed)]
Years = Annotated[list[Annotated[int, Field(ge=1900, le=2200)]], Field(min_length=1), BeforeValidator(_listed)]
Teslas = Annotated[list[Annotated[float, Field(gt=0, le=25)]], Field(min_length=1), BeforeValidator(_listed)]


class SeriesChoice(Section):
    """Which series of a collection: those of a ``list`` (CSV, .tcia, .s5cmd), and of these, or of all, those that pass filters.

    ``field_strength`` is decided by the scanner's model where that is certain, else by the headers after the download.
    """

    list: Text | None = None
    modality: Texts | None = None
    manufacturer: Texts | None = None
    model: Texts | None = None
    description: Texts | None = None
    year: Years | None = None
    patient: Texts | None = None
    field_strength: Teslas | None = None

    def filters(self) -> dict[str, Any]:
        """Give the filters that the catalogue answers."""
        return self.model_dump(exclude={"list", "field_strength"}, exclude_none=True)


def _choice(value: object) -> object:
    """Take a text for the name of a list."""
    return {"list": value} if isinstance(value, str) else value


class Source(Section):
    """One file, or the image series of a collection: where it comes from, how it is verified, how it is read.

    A file comes from an address (``url``), a library of Enrichr (``library``), or any other archive by its name (``archive``) and
    what the file is called there (``item``). Image series come from an ``archive`` by their ``collection`` and ``series``, in the
    place of ``file``. ``endpoint`` names another server of the archive.

    How a table is written (``separator``, ``decimal``, ``encoding``, ``sheet``) is found out unless it is said. ``missing`` names
    additional words for a missing value; ``duplicates`` and ``unnamed`` say what becomes of genes that appear more than once
    and of genes without a symbol.
    """

    file: Text | None = None
    url: Text | None = None
    library: Text | None = None
    archive: Annotated[str, one_of("archive")] | None = None
    item: Text | None = None
    collection: Text | None = None
    series: Annotated[SeriesChoice, BeforeValidator(_choice)] | None = None
    endpoint: Text | None = None
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64}|first-use)$")] = "first-use"
    licence: Text | None = None
    citation: Text | None = None
    patient: Text | None = None
    header_rows: Count = 1
    barcode: Literal["as-is", "tcga", "plain"] = "as-is"
    genes_in: Literal["rows", "columns"] = "rows"
    duplicates: Literal["mean", "median", "highest_variance"] | None = None
    unnamed: Literal["refuse", "drop"] = "refuse"
    missing: list[Text] = []
    separator: Text | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Text | None = None
    sheet: Text | None = None

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> "Source":
        if self.url and self.library:
            raise InputError("both a url and a library of Enrichr; keep the one it comes from")
        if found := unfit_keys(self.model_dump(exclude_unset=True)):
            raise MisfitError(*found)
        return self

    @field_serializer("url", "item", "endpoint", when_used="json-unless-none")
    def _without_secrets(self, address: str) -> str:
        """Keep passwords and tokens out of records and reports, which are made of what JSON says of a manifest."""
        shown: str = load("radiogenomics.archives:public_address")(address)
        return shown

    def origin(self) -> tuple[str, str] | None:
        """Give the archive it comes from, and what it is called there; None for what is known to lie on this machine only."""
        if self.url:
            return "http", self.url
        if self.library:
            return "enrichr", self.library
        return (self.archive, self.item) if self.archive and self.item else None

    def of_series(self) -> bool:
        """Tell whether it is the image series of a collection, and no file."""
        return self.collection is not None or self.series is not None


def unfit_keys(keys: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """Find keys of one source that do not fit each other -> the parts of each key, and what is wrong with it and what to do.

    Parameters
    ----------
    keys : mapping
        What stands in the section; values may be of any kind, which others refuse.
    """
    of_series = "collection" in keys or "series" in keys
    found = dict(_unfit_series(keys) if of_series else _unfit_file(keys))
    if "endpoint" in keys and "archive" not in keys:
        found[("endpoint",)] = "the address of an archive's server, and there is no archive; name it, or leave the endpoint out"
    elif isinstance(endpoint := keys.get("endpoint"), str) and (wrong := _wrong_address(endpoint)):
        found[("endpoint",)] = wrong
    return list(found.items())


def _unfit_file(keys: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key in ("file", "licence", "citation"):
        if key not in keys:
            yield (key,), "required key is missing; add it"
    if ("archive" in keys) != ("item" in keys):
        lacking = "item" if "archive" in keys else "archive"
        known = _holding("series")
        more = (
            f" (of {', '.join(map(repr, known))}, name a collection instead)"
            if lacking == "item" and keys["archive"] in known
            else ""
        )
        yield (lacking,), f"archive and item go together: whom to ask, and for what; name both, or neither{more}"
    elif "archive" in keys and keys["archive"] in _holding("series"):
        yield ("item",), f"{keys['archive']} has collections of image series; name a collection in the place of file and item"
    if "archive" in keys and ("url" in keys or "library" in keys):
        yield ("archive",), f"both an archive and a {'url' if 'url' in keys else 'library'}; keep the one it comes from"


def _unfit_series(keys: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key in ("file", "item", "url", "library"):
        if key in keys:
            yield (key,), f"both a {key} and the image series of a collection; keep the one that is meant"
    series, known = keys.get("series"), _holding("series")
    if "archive" not in keys:
        yield ("archive",), f"required where image series are chosen; name one of {', '.join(map(repr, known))}"
    elif keys["archive"] in _holding("files"):
        yield ("archive",), f"it has single files and no collections; of image series name one of {', '.join(map(repr, known))}"
    listed = isinstance(series, str) or (isinstance(series, Mapping) and series.get("list") is not None)
    if "collection" not in keys and not listed:
        yield ("collection",), "required where series are chosen by filters; name the collection, or a list of series"
    if isinstance(series, Mapping) and not series:
        yield ("series",), "it chooses nothing; give a list or a filter, or leave it out for the whole collection"


def _holding(what: str) -> list[str]:
    """Name the archives that hold series, or files."""
    return [name for name, archive in choices.table("archive").items() if archive.holds == what]


def _wrong_address(address: str) -> str:
    """Say why an address cannot be asked; nothing where it can."""
    try:
        load("radiogenomics.archives.addresses:request_of")(address)
    except InputError as error:
        return str(error)
    return ""
