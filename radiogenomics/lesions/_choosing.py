"""Segments, structures and labels by number or name -> the one that was asked for."""

from collections.abc import Mapping
from pathlib import Path

from radiogenomics._errors import InputError
from radiogenomics._names import did_you_mean
from radiogenomics._tables import summarise

_SHOWN = 12


def choose(path: Path, known: Mapping[int, str], segment: int | str | None, *, what: str) -> int:
    """Choose one of the numbered and named parts of a mask file -> its number.

    Parameters
    ----------
    path : Path
        The file, for messages.
    known : mapping of int to str
        Number -> name.
    segment : int or str or None
        A number, a name, or a number in the digits 0 to 9; None when there is only one. A name counts before a number; blanks
        around it mean nothing, as in DICOM.
    what : str
        What the file calls them, in the plural.

    Raises
    ------
    InputError
        If there are several and none was asked for, or what was asked for is not there once.
    """
    listed = summarise([f"{number} {name!r}" for number, name in known.items()], _SHOWN)
    if segment is None:
        if len(known) == 1:
            return next(iter(known))
        raise InputError(f"{path.name} holds {len(known)} {what} ({listed}); choose one with `segment`.")
    matches = [number for number, name in known.items() if isinstance(segment, str) and segment.strip() == name.strip()]
    matches = matches or [number for number in known if number == as_number(segment)]
    if len(matches) != 1:
        hint = did_you_mean(segment, known.values()) if isinstance(segment, str) and not matches else ""
        raise InputError(f"{path.name} has {len(matches)} {what} called {segment!r}; it holds {listed}{hint}.")
    return matches[0]


def as_number(segment: int | str) -> int | None:
    """Read a segment's number; None where the word is none (``²`` is a digit to Python and no number)."""
    if isinstance(segment, str):
        return int(segment) if segment.isascii() and segment.isdecimal() else None
    return int(segment)
