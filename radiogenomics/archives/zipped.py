"""A zip from a server -> its files in one folder; what leads out of the folder, or is no plain file, is refused."""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from radiogenomics._errors import InputError

_LINK = 0xA000
_KINDS = 0xF000


def unzip(source: Path, folder: Path, *, most_bytes: int) -> list[Path]:
    """Unpack a zip of plain files into a folder.

    Parameters
    ----------
    source : Path
        The zip.
    folder : Path
        Where the files shall lie, all beside each other.
    most_bytes : int
        How large they may be together: a larger zip is a bomb, or not what was asked for.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If the zip is damaged or encrypted, too large, or has a member with a path, a link, or the same name twice.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check(members, most_bytes)
            return [_unpack(archive, member, folder / member.filename) for member in members]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"the zip is damaged ({error})") from error


def _check(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    names = [member.filename for member in members]
    for member in members:
        name = member.filename
        if PurePosixPath(name).name != name or "\\" in name or ":" in name or name in (".", ".."):
            raise InputError(f"the zip has a member {name[:80]!r}, which would lie outside its folder")
        kind = (member.external_attr >> 16) & _KINDS
        if kind == _LINK or (kind and not stat.S_ISREG(kind)):
            raise InputError(f"the zip has a member {name[:80]!r}, which is a link or no plain file")
        if member.flag_bits & 1:
            raise InputError(f"the zip has an encrypted member {name[:80]!r}")
    if len(set(map(str.lower, names))) < len(names):
        raise InputError("the zip has several members with one name")
    total = sum(member.file_size for member in members)
    if total > most_bytes:
        raise InputError(f"the zip unpacks to {total / 1e6:,.1f} MB, more than the {most_bytes / 1e6:,.1f} MB that are expected")


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> Path:
    """Stream one member to disk; zipfile gives no more bytes than its size says, and compares its checksum."""
    with archive.open(member) as packed, place.open("wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)
    return place
