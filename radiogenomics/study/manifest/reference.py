"""The reference of a manifest: every key with its type, default, meaning and example, from the schema itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from radiogenomics._errors import InputError
from radiogenomics._names import closest, words
from radiogenomics.study.manifest import choices
from radiogenomics.study.manifest.meanings import MEANINGS
from radiogenomics.study.manifest.model import Manifest

_REQUIRED = "required"
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_FROM = """# Keys of a manifest

Every key of a study's manifest, a TOML file. `radiogenomics keys WORD` prints those about a word; `radiogenomics keys --markdown`
writes this page from the schema, so do not edit it. `NAME` is a name of yours. Every cohort `[external.NAME]` takes the
keys of `[training]`, and `[[survival]]` may come several times.
"""


@dataclass(frozen=True)
class Key:
    """One key of a manifest.

    Attributes
    ----------
    name : str
        Its place, such as ``outcome.column``.
    type : str
        What may stand there, in words.
    default : str
        What holds when it is left out; "required" where it must be given.
    meaning, example : str
        What it says, and a value as TOML has it.
    """

    name: str
    type: str
    default: str
    meaning: str
    example: str

    @property
    def section(self) -> str:
        """The section that it stands in; empty at the top."""
        return self.name.rpartition(".")[0]


def every_key() -> list[Key]:
    """List every key of a manifest in the order of the schema."""
    schema = Manifest.model_json_schema()
    keys = [_key(name, facts, needed, schema) for name, facts, needed in _walk("", schema, schema)]
    named = {kind: ", ".join(choices.names(kind)) for kind in choices.TABLES}
    return [_filled(key, named) for key in keys]


def keys_about(word: str) -> list[Key]:
    """List the keys that a word stands in: in the name first, then in the meaning.

    Raises
    ------
    InputError
        If no key is about it; names the nearest.
    """
    every, asked = every_key(), words(word)
    named = [
        key for key in every if asked and all(any(one.startswith(part) for one in words(_parts(key.name))) for part in asked)
    ]
    meant = [key for key in every if asked and all(any(one.startswith(part) for one in words(key.meaning)) for part in asked)]
    matches = list(dict.fromkeys([*named, *meant]))
    if not matches:
        near = ", ".join(closest(word, [key.name for key in every]))
        raise InputError(f"no key of a manifest is about {word!r}; the nearest are {near}. Leave the word out for all keys.")
    return matches


def _parts(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")


def as_text(found: list[Key]) -> str:
    """Set keys as text: a line with name, type and default, then the meaning and an example."""
    return "\n\n".join(
        f"{key.name}: {key.type}; {_default(key)}\n    {key.meaning}\n    {_assigned(key)}".rstrip() for key in found
    )


def as_markdown() -> str:
    """Write the reference as a page, a table a section."""
    parts, every = [_FROM], every_key()
    for section in dict.fromkeys(key.section for key in every):
        rows = [
            f"| `{key.name.rpartition('.')[2]}` | {key.type} | {key.default} | {key.meaning} | `{key.example}` |"
            for key in every
            if key.section == section
        ]
        title = f"## `[{_heading(section)}]`" if section else "## At the top"
        parts.append(
            "\n".join([title, "", "| key | type | default | meaning | example |", "|---|---|---|---|---|", *rows]) + "\n"
        )
    return "\n".join(parts)


def _heading(section: str) -> str:
    return "[survival]" if section == "survival.N" else section


def _default(key: Key) -> str:
    return key.default if key.default in (_REQUIRED, "none") else f"default {key.default}"


def _assigned(key: Key) -> str:
    """Write an example as it stands in the file; a heading stands by itself."""
    return key.example if key.example.startswith("[external") else f"{key.name.rpartition('.')[2]} = {key.example}"


def _walk(place: str, section: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Give every key with what the schema says of it, and whether it is required; a section's keys in its place."""
    for name, facts in section["properties"].items():
        here, inner = f"{place}{name}", _inner(facts, schema)
        if here in MEANINGS or not inner:
            yield here, facts, name in section.get("required", ())
        if inner and name != "external":
            suffix, deeper = inner
            yield from _walk(f"{here}{suffix}.", deeper, schema)


def _inner(facts: dict[str, Any], schema: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Find the section that a key holds: itself, one by name (NAME), or a list of them (N)."""
    for one in (facts, *facts.get("anyOf", ()), *facts.get("allOf", ())):
        named = [one.get("additionalProperties"), *one.get("patternProperties", {}).values()]
        nested = (("", one), *((".NAME", inside) for inside in named), (".N", one.get("items")))
        for suffix, inside in nested:
            if isinstance(inside, dict) and "$ref" in inside:
                return suffix, schema["$defs"][inside["$ref"].rpartition("/")[2]]
    return None


def _key(name: str, facts: dict[str, Any], needed: bool, schema: dict[str, Any]) -> Key:
    meaning, example = MEANINGS.get(name, ("", ""))
    return Key(
        name, "section" if _inner(facts, schema) else _type(facts), _REQUIRED if needed else _shown(facts), meaning, example
    )


def _filled(key: Key, named: dict[str, str]) -> Key:
    meaning = re.sub(r"\{([a-z ]+)\}", lambda found: named.get(found[1], found[0]), key.meaning)
    return Key(key.name, key.type, key.default, meaning, key.example)


def _shown(facts: dict[str, Any]) -> str:
    """Write a default as TOML has it."""
    value = facts.get("default")
    return "none" if value in (None, [], {}) else _toml(value)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _type(facts: dict[str, Any]) -> str:
    """Say in words what may stand at a key."""
    if "anyOf" in facts:
        return " or ".join(dict.fromkeys(_type(one) for one in facts["anyOf"] if one.get("type") != "null"))
    if "enum" in facts or "const" in facts:
        return " or ".join(_toml(value) for value in facts.get("enum", [facts.get("const")]))
    kind = facts.get("type")
    if kind == "array":
        return f"list of {_type(facts['items'])}"
    if kind == "object":
        values = [*facts.get("patternProperties", {}).values(), facts.get("additionalProperties") or {}]
        return f"table of {_type(values[0])} by name"
    return f"{_TYPES.get(str(kind), 'value')}{_bounds(facts)}"


_NO_LIMIT = 1e5
"""A bound from here on keeps numbers from running over; nobody needs to be told of it."""


def _bounds(facts: dict[str, Any]) -> str:
    words_of = {"minimum": "from {:g}", "exclusiveMinimum": "above {:g}", "maximum": "to {:g}", "exclusiveMaximum": "below {:g}"}
    limits = [text.format(facts[name]) for name, text in words_of.items() if name in facts and abs(facts[name]) < _NO_LIMIT]
    return f" {' '.join(limits)}" if limits else ""
