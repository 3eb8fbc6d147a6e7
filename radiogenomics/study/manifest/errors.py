"""What is wrong with a manifest, in words: every mistake with its file, key, value and remedy."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from radiogenomics._errors import InputError
from radiogenomics._names import did_you_mean
from radiogenomics.study.manifest.section import MisfitError


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


class ManifestError(InputError):
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


Key = tuple[str | int, ...]

_WANTED = {
    "bool_type": "true or false",
    "date_type": "a date",
    "dict_type": "a table of keys",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "list_type": "a list in brackets",
    "model_attributes_type": "a table of keys",
    "model_type": "a table of keys",
    "string_too_short": "a text that is not empty",
    "string_type": "a text in quotes",
    "too_long": "no more than {max_length} entries",
    "too_short": "{min_length} or more entries",
}
"""What a value must be, by the kind of pydantic's error."""

_PATTERNS = {
    r"^[A-Za-z0-9._-]+$": "only letters, digits, '.', '_' and '-'",
    r"^([0-9a-f]{64}|first-use)$": "64 hexadecimal digits in small letters, or 'first-use'",
}


def problems_of(path: Path, raw: Mapping[str, Any], error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Say in a user's words what pydantic has found -> one problem a key.

    Parameters
    ----------
    path : Path
        The manifest.
    raw : mapping
        What stands in it.
    error : ValidationError
        What the model says of it.
    model : type of BaseModel
        Its sections name the keys that there are.

    Returns
    -------
    list of Problem
        Keys that are missing, misspelt or do not fit each other first; then values of the wrong kind, one problem for all the
        kinds that a value may be of.
    """
    wanted: dict[Key, list[str]] = {}
    said: dict[Key, str] = {}
    for item in error.errors():
        key = _key(raw, item)
        if item["loc"][-1:] == ("[key]",):
            said[key] = f"its name must be {_wanted(item)}"
        elif item["type"] in _WANTED or item["type"] in ("literal_error", "unknown_name", "string_pattern_mismatch"):
            wanted.setdefault(key, []).append(_wanted(item))
        else:
            said |= dict(_said(key, item, model))
    deeper = {key[:length] for key in wanted for length in range(len(key))}
    said |= {key: f"give {', or '.join(dict.fromkeys(texts))}" for key, texts in wanted.items() if key not in deeper}
    return [Problem(str(path), _text(key), _value(raw, key), remedy) for key, remedy in said.items()]


def _key(raw: Any, item: Mapping[str, Any]) -> Key:
    """Keep of a place what a user wrote: pydantic puts the names of a value's possible kinds between."""
    parts: list[str | int] = []
    for part in item["loc"]:
        if (isinstance(raw, Mapping) and part in raw) or (isinstance(raw, list) and isinstance(part, int)):
            parts.append(part)
            raw = raw[part]
        elif item["type"] == "missing" and part == item["loc"][-1]:
            parts.append(part)
    return tuple(parts)


def _wanted(item: Mapping[str, Any]) -> str:
    """Say what a value must be."""
    facts = item.get("ctx", {})
    if item["type"] == "literal_error":
        return _one_of(str(item["input"]), facts["expected"].replace(" or ", ", ").replace("'", "").split(", "))
    if item["type"] == "unknown_name":
        return _one_of(str(item["input"]), facts["known"])
    if item["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(facts["pattern"], f"a text that matches {facts['pattern']}")
    return _WANTED[item["type"]].format(**facts)


def _one_of(word: str, known: Sequence[str]) -> str:
    named = ", ".join(map(repr, known))
    return f"one of {named}{did_you_mean(word, known)}" if len(known) > 1 else named


def _said(key: Key, item: Mapping[str, Any], model: type[BaseModel]) -> Iterator[tuple[Key, str]]:
    """Say what is wrong where no kind of value would mend it."""
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, MisfitError):
        yield from (((*key, *place), remedy) for place, remedy in cause.found)
    elif item["type"] == "missing":
        yield key, "required key is missing; add it"
    elif item["type"] == "extra_forbidden":
        yield key, f"unknown key; remove it or correct its spelling{_alike(str(key[-1]), item['loc'][:-1], model)}"
    else:
        yield key, str(cause or item["msg"])


def _text(key: Key) -> str:
    return ".".join(map(str, key)) or "(whole)"


def _value(raw: Any, key: Key) -> str:
    """Show what stands at a key, on one line."""
    for part in key:
        if isinstance(raw, list):
            part, raw = int(part), dict(enumerate(raw))
        if not isinstance(raw, Mapping) or part not in raw:
            return "(absent)"
        raw = raw[part]
    as_toml = isinstance(raw, bool | datetime.date | datetime.time)
    text = str(raw).lower() if as_toml else repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _alike(word: str, place: Sequence[Any], model: type[BaseModel]) -> str:
    known = _known_keys(place, model)
    return did_you_mean(word, known) or (f" (known here: {', '.join(known)})" if known else "")


def _known_keys(place: Sequence[Any], kind: Any) -> list[str]:
    """Name the keys that a section of the manifest may hold."""
    inside = False  # a table or list, where the next part is a name or a number of the user's
    for part in place:
        if not inside:
            annotation = kind.model_fields[part].annotation
            kind = _section_in(annotation)
        inside = not inside and get_origin(annotation) in (dict, list)
    return list(kind.model_fields) if _is_section(kind) else []


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _section_in(kind: Any) -> Any:
    """Find the section that an annotation such as ``dict[str, Source]`` or ``Masks | None`` holds."""
    if _is_section(kind):
        return kind
    return next((found for one in get_args(kind) if _is_section(found := _section_in(one))), None)
