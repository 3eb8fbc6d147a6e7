"""The sources of a manifest: found in the mirror, beside the manifest, in the cache, or fetched; verified."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from radiogenomics import archives
from radiogenomics._errors import FileError, InputError, MissingFileError
from radiogenomics._files import files_below, sha256, voxel_files, write_text
from radiogenomics._names import did_you_mean
from radiogenomics._parallel import Progress
from radiogenomics._tables import summarise
from radiogenomics.study.inputs.collections import Choice, Fetched, chosen_series
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.errors import ManifestError, Problem
from radiogenomics.study.manifest.model import Manifest, read_manifest
from radiogenomics.study.manifest.schema import Source

logger = logging.getLogger(__name__)


def gather(
    path: Path, *, mirror: Path | None = None, offline: bool = False, progress: Progress | None = None, only: str | None = None
) -> Inputs:
    """Read a manifest and bring every file it names to this machine, verified.

    Parameters
    ----------
    path : Path
        The manifest.
    mirror : Path, optional
        A folder searched first; then the manifest's own folder and the cache; what is in none is downloaded. Image series of a
        collection are looked for in its subfolder with the source's name.
    offline : bool
        Take nothing from the network: what is in no folder and not in the cache is a problem.
    progress : callable, optional
        Called with megabytes done, megabytes in all, and what is done, while image series are fetched.
    only : str, optional
        Bring this source alone; the inputs have no other.

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
    folders, choices = [*([Path(mirror)] if mirror else []), path.parent], chosen_series(path, mirror=mirror, offline=offline)
    manifest = _checked(path, choices)
    if mirror is not None and not Path(mirror).is_dir():
        raise ManifestError([Problem(str(path), "--mirror", str(mirror), "no such folder; check the path")])
    lock = _read_lock(path)
    files, hashes, listings, fetched, problems = {}, {}, {}, {}, []
    sources = _wanted(path, manifest, only)
    for name, source in sources.items():
        try:
            if name in choices:
                fetched[name] = choices[name].fetch(source, offline=offline, progress=progress)
            files[name] = _place(name, source, fetched, folders, offline)
            if files[name].is_dir():
                listings[name] = _list(files[name])
                hashes[name] = _verified_folder(files[name], listings[name], source)
            else:
                hashes[name] = _verified(files[name], source, lock.get(name) if source.origin() else None)
        except (ValueError, OSError) as error:
            key, value = ("collection", source.collection) if source.of_series() else ("file", source.file)
            problems.append(Problem(str(path), f"sources.{name}.{key}", repr(value), str(error)))
    if problems:
        raise ManifestError(problems)
    if only is None:
        _write_lock(path, manifest, lock, hashes)
    return Inputs(path, manifest, files, hashes, listings, dict(sources), fetched)


def planned(path: Path, *, mirror: Path | None = None, offline: bool = False, only: str | None = None) -> pd.DataFrame:
    """Say what fetching a manifest's sources will bring -> one row per source that is not at hand; nothing is downloaded.

    Parameters
    ----------
    path : Path
        The manifest.
    mirror, offline, only
        As in `gather`.

    Returns
    -------
    DataFrame
        ``source, archive, items, files, size_mb, cached, missing_mb, licences``; NaN: the archive does not say it.

    Raises
    ------
    ManifestError
        With every mistake in the manifest.
    """
    path = Path(path)
    folders, choices = [*([Path(mirror)] if mirror else []), path.parent], chosen_series(path, mirror=mirror, offline=offline)
    rows = []
    for name, source in _wanted(path, _checked(path, choices), only).items():
        origin = source.origin()
        if name in choices:
            plan = choices[name].plan(source)
        elif origin is None or source.file is None or archives.find(source.file, folders=folders) is not None:
            continue
        else:
            plan = archives.ARCHIVES[origin[0]].plan(_row(source), archives.cache_folder())
        licences = ", ".join(f"{licence} ({count})" for licence, count in plan.licences.items())
        archive = source.archive or (origin[0] if origin else "")
        rows.append([name, archive, plan.items, plan.files, plan.size_mb, plan.cached, plan.missing_mb, licences])
    return pd.DataFrame(rows, columns=["source", "archive", "items", "files", "size_mb", "cached", "missing_mb", "licences"])


def _checked(path: Path, choices: Mapping[str, Choice]) -> Manifest:
    """Read the manifest; mistakes in it and in the choice of series are said at once."""
    found = [problem for choice in choices.values() for problem in choice.problems]
    try:
        manifest = read_manifest(path)
    except ManifestError as error:
        raise ManifestError([*error.problems, *found]) from error
    if found:
        raise ManifestError(found)
    return manifest


def _wanted(path: Path, manifest: Manifest, only: str | None) -> dict[str, Source]:
    if only is None:
        return manifest.sources
    if only not in manifest.sources:
        near = did_you_mean(only, manifest.sources)
        raise InputError(f"{path} has no source {only!r}{near}; its sources are {', '.join(manifest.sources)}.")
    return {only: manifest.sources[only]}


def _place(name: str, source: Source, fetched: Mapping[str, Fetched], folders: list[Path], offline: bool) -> Path:
    """Say where a source lies: what was fetched, the mirror's folder of its name, or the file, fetched where it is nowhere."""
    if name in fetched:
        return fetched[name].folder
    return folders[0] / name if source.of_series() else _locate(source, folders, offline)


def _locate(source: Source, folders: list[Path], offline: bool) -> Path:
    found = archives.find(str(source.file), folders=folders)
    if found is not None:
        if not (found.is_file() or found.is_dir()):
            raise InputError(f"{found} is neither a file nor a folder but a pipe or a device, which has no end; give a file")
        return found
    origin = source.origin()
    if origin is None:
        looked = ", ".join(str(folder) for folder in folders)
        raise MissingFileError(
            f"not found in {looked}, and no url is known; get it from its source ({source.citation}) and give --mirror"
        )
    archive, item = origin
    cache = archives.cache_folder()
    return archives.ARCHIVES[archive].fetch(_row(source), cache, endpoint=source.endpoint, offline=offline)[item]


def _row(source: Source) -> pd.DataFrame:
    """Make the row of an archive's list that a source of one file is."""
    _, item = source.origin() or ("", "")
    expected = None if source.sha256 == "first-use" else source.sha256
    return pd.DataFrame({"item": [item], "file": [Path(str(source.file)).name], "sha256": [expected]}, dtype=object)


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
    found = hashlib.sha256(os.fsencode(text)).hexdigest()
    if source.sha256 not in ("first-use", found):
        raise InputError(f"{folder}: the {len(listing)} files in it have the SHA-256 {found}, the manifest says {source.sha256}")
    return found


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
