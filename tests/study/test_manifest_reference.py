"""The reference of a manifest is made from its schema: the page is current, every key is explained, every example is TOML."""

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from radiogenomics._errors import InputError
from radiogenomics.study.manifest import reference
from radiogenomics.study.manifest.meanings import MEANINGS
from radiogenomics.study.manifest.model import Manifest
from tests.helpers.command_line import call

PAGE = Path(__file__).parents[2] / "docs" / "manifest.md"


def test_the_page_is_what_the_schema_gives():
    remedy = "write it again: radiogenomics keys --markdown > docs/manifest.md"
    assert PAGE.read_text(encoding="utf-8") == reference.as_markdown(), remedy


def test_every_key_of_the_schema_is_explained_and_nothing_else_is():
    keys = {key.name for key in reference.every_key()}
    assert keys == set(MEANINGS)
    for name, field in Manifest.model_fields.items():
        inside = field.annotation if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel) else None
        expected = {f"{name}.{one}" for one in inside.model_fields} if inside else set()
        assert expected <= keys


@pytest.mark.parametrize("key", reference.every_key(), ids=lambda key: key.name)
def test_every_example_is_toml(key):
    line = key.example if key.example.startswith("[external") else f"{key.name.rpartition('.')[2]} = {key.example}"
    assert tomllib.loads(line)
    assert key.meaning.endswith(".")
    assert "{" not in key.meaning
    assert "value" not in key.type.split()


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("outcome.column", "text", "required"),
        ("links.alpha", "number above 0 below 1", "0.05"),
        ("modules.power", 'whole number from 1 to 100 or "auto"', '"auto"'),
        ("training.features", "table of text by name", "none"),
        ("survival.N.time", "text", "required"),
        ("signature.sizes", "list of whole number from 1", "[5, 10, 20]"),
    ],
)
def test_types_and_defaults_are_those_of_the_schema(name, kind, default):
    key = next(key for key in reference.every_key() if key.name == name)
    assert (key.type, key.default) == (kind, default)


def test_methods_that_a_key_may_name_come_from_their_tables():
    from radiogenomics.pathways import METHODS

    method = next(key for key in reference.every_key() if key.name == "pathways.method")
    assert all(name in method.meaning for name in METHODS.names())


def test_keys_are_found_by_a_word_of_their_name_or_meaning():
    names = [key.name for key in reference.keys_about("volume")]
    assert names[0] == "training.volume"
    assert "links.covariates" in names
    with pytest.raises(InputError, match="no key of a manifest is about 'qwertz'; the nearest are"):
        reference.keys_about("qwertz")


def test_the_command_prints_type_default_meaning_and_example():
    out = call("keys", "survival")
    assert out.returncode == 0, out.stderr
    assert "survival.N.event: text; required" in out.stdout
    assert 'event = "OS"' in out.stdout
