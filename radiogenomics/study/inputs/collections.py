"""Sources that are image series of a collection: chosen by list and filters, fetched, laid out with one folder per patient."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from radiogenomics import archives
from radiogenomics._errors import FileError, InputError, MissingFileError
from radiogenomics._files import make_folder
from radiogenomics._parallel import Progress
from radiogenomics._tables import summarise
from radiogenomics.study.manifest.errors import Problem
from radiogenomics.study.manifest.model import read_raw, sources_in
from radiogenomics.study.manifest.source import SeriesChoice, Source

_FILTERS = ("modality", "manufacturer", "model", "description", "year", "patient")
"""Keys of a choice that the catalogue answers."""


@dataclass(frozen=True)
class Fetched:
    """The image series of a source on this machine.

    Attributes
    ----------
    folder : Path
        Holds ``<patient>/<SeriesInstanceUID>/*``.
    table : DataFrame
        The rows of the archive's list; ``attrs["release"]`` says of which release.
    records : dict of str to dict
        What the cache remembers of each series: where it came from, and when.
    """

    folder: Path
    table: pd.DataFrame
    records: dict[str, dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """Say what was used: release, number of series and images, size, licences, citations, when and from where."""
        table = self.table
        dates = sorted(record["fetched"] for record in self.records.values() if "fetched" in record)
        servers = sorted({str(record["endpoint"]) for record in self.records.values() if "endpoint" in record})
        counts = table["licence"].fillna("not stated").value_counts(sort=False)
        return {
            "release": str(table.attrs.get("release", "")),
            "patients": int(table["patient"].nunique()),
            "series": len(table),
            "images": int(table["images"].sum()),
            "size_mb": round(float(table["size_mb"].sum()), 1),
            "licences": ", ".join(f"{licence} ({count})" for licence, count in counts.items()),
            "citations": ", ".join(f"doi:{doi}" for doi in sorted(table["doi"].dropna().unique())),
            "fetched": " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "",
            "servers": ", ".join(servers),
        }

    def by_series(self, listing: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Say of each series where it came from, and the SHA-256 of its files by their name; `listing` is the folder's."""
        said: dict[str, dict[str, Any]] = {}
        for row in self.table.to_dict("records"):
            place = f"{row['patient']}/{row['series']}/"
            files = {name.removeprefix(place): value for name, value in listing.items() if name.startswith(place)}
            kept = {key: value for key, value in self.records[row["series"]].items() if key in ("fetched", "endpoint")}
            said[row["series"]] = {
                "patient": row["patient"],
                "address": row["address"],
                "licence": row["licence"],
                **kept,
                "sha256": files,
            }
        return said


@dataclass(frozen=True)
class Choice:
    """What a source of image series asks for: the rows of the archive's list, or what is wrong with the keys."""

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    problems: list[Problem] = field(default_factory=list)

    def plan(self, source: Source) -> archives.Plan:
        """Say what fetching them will bring."""
        return archives.ARCHIVES[str(source.archive)].plan(self.table, archives.cache_folder())

    def fetch(self, source: Source, *, offline: bool, progress: Progress | None) -> Fetched:
        """Bring the series to this machine and lay them out with one folder per patient.

        Raises
        ------
        InputError
            If no series has the field strength that is asked for.
        DownloadError
            If the archive does not answer, or `offline` and a series is not in the cache.
        """
        cache, name = archives.cache_folder(), str(source.archive)
        places = archives.ARCHIVES[name].fetch(self.table, cache, endpoint=source.endpoint, offline=offline, progress=progress)
        table = self.table
        if source.series is not None and source.series.field_strength:
            table = _of_strength(table, places, source.series.field_strength)
        records = {uid: archives.read_record(cache, name, uid) for uid in table["series"]}
        return Fetched(_lay_out(table, places, cache / "by_patient"), table, records)


def chosen_series(path: Path, *, mirror: Path | None, offline: bool) -> dict[str, Choice]:
    """Choose the series of every source that names a collection -> by source, also where the manifest has other mistakes.

    Sources whose images lie in the mirror, in a folder with their name, are passed over.

    Parameters
    ----------
    path : Path
        The manifest.
    mirror : Path, optional
        A folder that may hold the images.
    offline : bool
        Take nothing from the network.
    """
    folders = [*([Path(mirror)] if mirror else []), path.parent]
    found = {}
    for name, keys in sources_in(read_raw(path)).items():
        if ("collection" in keys or "series" in keys) and not (mirror and (Path(mirror) / name).is_dir()):
            found[name] = _Chooser(str(path), name, keys, folders, offline).choose()
    return found


@dataclass
class _Chooser:
    """Looks the keys of one source up; a key of a wrong kind is passed over, since the schema names it."""

    file: str
    name: str
    keys: Mapping[str, Any]
    folders: list[Path]
    offline: bool
    problems: list[Problem] = field(default_factory=list)

    def choose(self) -> Choice:
        archive, known = self.keys.get("archive"), archives.ARCHIVES
        if not isinstance(archive, str) or archive not in known or known[archive].holds != "series":
            return Choice()
        asked = self._valid()
        listed = self._list_of(asked["list"]) if "list" in asked else None
        if "list" in asked and listed is None:
            self._known_collection(archive)
            return Choice(problems=self.problems)
        table = self._listing(archive, listed)
        return Choice(problems=self.problems) if table is None else Choice(self._filtered(table, asked), self.problems)

    def _valid(self) -> dict[str, Any]:
        """Keep the keys of the choice that have the right kind of value."""
        series = self.keys.get("series", {})
        series = {"list": series} if isinstance(series, str) else series
        kept: dict[str, Any] = {}
        for key, value in series.items() if isinstance(series, dict) else ():
            try:
                kept |= SeriesChoice.model_validate({key: value}).model_dump(exclude_none=True)
            except ValidationError:
                continue  # the schema says what is wrong with it
        return kept

    def _list_of(self, name: str) -> pd.DataFrame | None:
        try:
            place = archives.find(name, folders=self.folders)
            if place is None:
                looked = ", ".join(map(str, self.folders))
                raise MissingFileError(f"no such list in {looked}; write one: radiogenomics series COLLECTION --csv {name}")
            return archives.read_series_list(place)
        except (ValueError, OSError) as error:
            self._wrong("series" if isinstance(self.keys["series"], str) else "series.list", error)
            return None

    def _listing(self, archive: str, listed: pd.DataFrame | None) -> pd.DataFrame | None:
        """Ask the archive's list for the series, unless the list of the manifest says all itself."""
        if listed is not None and archives.is_complete(listed):
            return self._try(
                "series" if isinstance(self.keys["series"], str) else "series.list", lambda: archives.as_listed(listed)
            )
        collection = self.keys.get("collection")
        named: dict[str, Any] = {} if listed is None else {"uids" if "series" in listed else "addresses": list(listed.iloc[:, 0])}
        if not (isinstance(collection, str) and collection) and (collection is not None or listed is None):
            return None  # the schema says what is wrong with it
        try:
            return self._ask(archive, collection, **named)
        except (ValueError, OSError) as error:
            of_list = named and "public collection" not in str(error)
            self._wrong("series" if of_list else "collection", error)
            return None

    def _known_collection(self, archive: str) -> None:
        """Look up a collection whose list of series cannot be read."""
        collection = self.keys.get("collection")
        if isinstance(collection, str) and collection:
            try:
                self._ask(archive, collection)
            except (ValueError, OSError) as error:
                self._wrong("collection", error)

    def _ask(self, archive: str, collection: str | None, **named: Any) -> pd.DataFrame:
        endpoint = self.keys.get("endpoint")
        server = endpoint if isinstance(endpoint, str) else None
        return archives.ARCHIVES[archive].list(collection, endpoint=server, offline=self.offline, **named)

    def _filtered(self, table: pd.DataFrame, asked: Mapping[str, Any]) -> pd.DataFrame:
        """Apply the filters: each by itself, so that every one which nothing passes is named; then all together."""
        before, what = (
            len(self.problems),
            f"collection {self.keys.get('collection')!r}" if "collection" in self.keys else "the list",
        )
        filters = {key: asked[key] for key in _FILTERS if key in asked}
        for key, value in filters.items():
            self._try(f"series.{key}", lambda key=key, value=value: archives.filtered(table, what=what, **{key: value}))
        if len(self.problems) == before and filters:
            found = self._try("series", lambda: archives.filtered(table, what=what, **filters))
            table = table if found is None else found
        if "field_strength" in asked and len(self.problems) == before:
            found = self._try("series.field_strength", lambda: _may_have_strength(table, asked["field_strength"]))
            table = table if found is None else found
        self._try("collection", lambda: _check_patients(table))
        return table

    def _try(self, key: str, action: Any) -> pd.DataFrame | None:
        try:
            found: pd.DataFrame = action()
        except ValueError as error:
            self._wrong(key, error)
            return None
        return found

    def _wrong(self, key: str, error: Exception) -> None:
        """Note what is wrong with a key."""
        value: Any = self.keys
        for part in key.split("."):
            value = value[part] if isinstance(value, Mapping) and part in value else "(absent)"
        self.problems.append(Problem(self.file, f"sources.{self.name}.{key}", repr(value)[:60], str(error)))


def _may_have_strength(table: pd.DataFrame, asked: list[float]) -> pd.DataFrame:
    """Leave out series whose scanner model has another field strength for certain."""
    tesla = archives.tesla_by_model(table["model"])
    kept: pd.DataFrame = table[[pd.isna(value) or archives.is_tesla(value, asked) for value in tesla]]
    if kept.empty:
        raise InputError(
            f"no series has it: the scanners are {summarise(table['model'].dropna().unique())}, of {summarise(tesla.unique())} T"
        )
    return kept.reset_index(drop=True)


def _of_strength(table: pd.DataFrame, places: Mapping[str, Path], asked: list[float]) -> pd.DataFrame:
    """Keep the fetched series of a field strength: by model where that is certain, else by the header of an image."""
    tesla = archives.tesla_by_model(table["model"])
    known = [
        archives.tesla_of(places[uid]) if pd.isna(value) else value for uid, value in zip(table["series"], tesla, strict=True)
    ]
    kept: pd.DataFrame = table[[archives.is_tesla(value, asked) for value in known]]
    if kept.empty:
        raise InputError(
            f"no fetched series has field_strength {summarise(asked)}; their headers say {summarise(sorted(set(known)))} T."
        )
    return kept.reset_index(drop=True)


def _check_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Refuse patients and series that cannot be names of folders."""
    for name in (*table["patient"], *table["series"]):
        if not isinstance(name, str) or Path(name).name != name or name.startswith(".") or "\x00" in name or "\\" in name:
            raise InputError(f"its list names {name!r}, which cannot be a folder; leave it out by a filter.")
    return table


def _lay_out(table: pd.DataFrame, places: Mapping[str, Path], folder: Path) -> Path:
    """Give fetched series a folder of ``<patient>/<series>``, hard links into the cache: no byte is kept twice."""
    rows = sorted(zip(table["patient"], table["series"], strict=True))
    key = hashlib.sha256("".join(f"{patient}\t{places[uid]}\n" for patient, uid in rows).encode()).hexdigest()[:16]
    if (folder / key).is_dir():
        return folder / key
    make_folder(folder, "the cache of image series")
    made = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        for patient, uid in rows:
            (made / patient / uid).mkdir(parents=True)
            for file in places[uid].iterdir():
                os.link(file, made / patient / uid / file.name)
        made.chmod(0o755)
        if not (folder / key).is_dir():
            made.rename(folder / key)
    except OSError as error:
        if not (folder / key).is_dir():  # another study has made it meanwhile
            remedy = "set RADIOGENOMICS_CACHE to a disk that allows hard links and has room"
            raise FileError(f"{folder} cannot hold the series by patient ({error.strerror}); {remedy}.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder / key
