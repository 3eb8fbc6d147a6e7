"""A manifest as text: TOML whose keys have comments beside them."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w

from radiogenomics.study.manifest.errors import Problem

_WIDTH = 120


@dataclass(frozen=True)
class Remark:
    """Something to be said beside a key of a manifest.

    Attributes
    ----------
    key : tuple of str
        The parts of the key.
    text : str
        What was decided, or what is wrong and what to do.
    wrong : bool
        Whether it keeps the study from running.
    """

    key: tuple[str, ...]
    text: str
    wrong: bool = False

    def __str__(self) -> str:
        return f"{'.'.join(self.key) or '(whole)'}: {self.text}"


def remarks_of(problems: Sequence[Problem]) -> list[Remark]:
    """Turn problems of a manifest into remarks beside its keys."""
    return [Remark(tuple(problem.key.split(".")), problem.remedy, wrong=True) for problem in problems]


def manifest_text(raw: Mapping[str, Any], remarks: Sequence[Remark]) -> str:
    """Write a manifest as TOML, each remark above the key it is about; where a key is not there, above the nearest that is."""
    places: dict[tuple[str, ...], list[Remark]] = {}
    for remark in remarks:
        places.setdefault(_place(raw, remark.key), []).append(remark)
    return "\n".join(_lines(raw, (), places)).strip("\n") + "\n"


def _place(raw: Mapping[str, Any], key: tuple[str, ...]) -> tuple[str, ...]:
    """Give the longest part of a key that stands in the manifest; a name with a dot in it is one part."""
    place: tuple[str, ...] = ()
    at, rest = raw, ".".join(key)
    while isinstance(at, Mapping):
        deepest = next((name for name in sorted(at, key=len, reverse=True) if f"{rest}.".startswith(f"{name}.")), None)
        if deepest is None:
            break
        place, at, rest = (*place, deepest), at[deepest], rest[len(deepest) + 1 :]
    return place


def _lines(table: Mapping[str, Any], place: tuple[str, ...], places: Mapping[tuple[str, ...], Sequence[Remark]]) -> list[str]:
    """Write a table of keys: its comments, its values, then the tables in it."""
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [] if place and not values and place not in places else ["", *_comments(places.get(place, ()))]
    if place and len(lines):
        lines.append(f"[{'.'.join(_quoted(part) for part in place)}]")
    for key, value in values.items():
        lines += _comments(places.get((*place, key), ()))
        lines += tomli_w.dumps({key: value}).rstrip("\n").replace("\t", "\\t").split("\n")
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _lines(value, (*place, key), places)
    return lines


def _quoted(part: str) -> str:
    return tomli_w.dumps({part: {}}).strip()[1:-1]


def _comments(remarks: Sequence[Remark]) -> list[str]:
    lines = []
    for remark in remarks:
        text = " ".join(f"{'PROBLEM: ' if remark.wrong else ''}{remark.text}".split())
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
        lines += textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
    return lines
