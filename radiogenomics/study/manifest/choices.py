"""What a manifest may name, read from the tables of the rooms.

A table is asked for by its place when a value is checked: the manifest imports no room, and what is computed from a manifest
does not hang on the code of every room that it could name.
"""

from functools import cache
from typing import Any

from radiogenomics._registry import Registry, hash_of, load, source_files

TABLES = {
    "archive": "radiogenomics.archives:ARCHIVES",
    "backbone": "radiogenomics.features:BACKBONES",
    "link method": "radiogenomics.linking:METHODS",
    "mask reader": "radiogenomics.lesions:READERS",
    "pathway method": "radiogenomics.pathways:METHODS",
    "recipe": "radiogenomics.signatures:RECIPES",
}
"""Where the table of each kind lies."""


def table(kind: str) -> Registry[Any]:
    """Give the table of a kind."""
    registry: Registry[Any] = load(TABLES[kind])
    return registry


def names(kind: str) -> list[str]:
    """Name what a manifest may choose of a kind: of link methods those without covariates, which have a key of their own."""
    registry = table(kind)
    return [name for name in registry if not registry[name].needs_covariates] if kind == "link method" else registry.names()


def keys_of_recipe(name: str) -> frozenset[str]:
    """Name the keys of a manifest's signature that a recipe takes; a classifier by its place takes its own parameters."""
    recipes = table("recipe")
    return frozenset(recipes[name].keys) if name in recipes else frozenset({"parameters"})


def outside_code(manifest: Any) -> dict[str, str]:
    """Hash the code from outside the package that a study runs, by the part of the manifest that asks for it.

    Returns
    -------
    dict of str to str
        ``extraction`` (networks, and every mask reader where images are measured), ``links``, ``pathways``, ``signature``: names
        and hashes in one text; parts without any are left out.
    """
    recipe = manifest.signature.recipe
    hashes = {
        "extraction": measuring_code(manifest.extraction) if manifest.training.images else {},
        "links": table("link method").code([manifest.links.method]),
        "pathways": table("pathway method").code([manifest.pathways.method]),
        "signature": table("recipe").code([recipe]) if recipe in names("recipe") else {recipe: _hash_of(recipe)},
    }
    return {part: ", ".join(f"{name} {code}" for name, code in codes.items()) for part, codes in hashes.items() if codes}


def measuring_code(extraction: Any) -> dict[str, str]:
    """Hash the code from outside the package that measures lesions, by name: networks asked for, and every mask reader."""
    networks = table("backbone").code(extraction.deep)
    return {f"network {name}": code for name, code in networks.items()} | table("mask reader").code()


@cache
def _hash_of(place: str) -> str:
    """Hash a classifier of the user's own once: what has been edited since it was loaded does not run yet."""
    return hash_of(source_files(place.partition(":")[0]))
