"""What a manifest may name, read from the tables of the rooms; a room is loaded when a value is checked, not before."""


def archives() -> list[str]:
    """Name the archives that a source may come from."""
    from radiogenomics.archives import ARCHIVES

    return ARCHIVES.names()


def backbones() -> list[str]:
    """Name the deep networks."""
    from radiogenomics.features import BACKBONES

    return BACKBONES.names()


def pathway_methods() -> list[str]:
    """Name the pathway methods."""
    from radiogenomics.pathways import METHODS

    return METHODS.names()


def link_methods() -> list[str]:
    """Name the link methods that need no covariates: what links are adjusted for has a key of its own."""
    from radiogenomics.linking import METHODS

    return [name for name, method in METHODS.items() if not method.needs_covariates]


def recipes() -> list[str]:
    """Name the recipes of signatures."""
    from radiogenomics.signatures import RECIPES

    return RECIPES.names()


def keys_of_recipe(name: str) -> frozenset[str]:
    """Name the keys of a manifest's signature that a recipe takes; a classifier by its place takes its own parameters."""
    from radiogenomics.signatures import RECIPES

    return RECIPES[name].keys if name in RECIPES else frozenset({"parameters"})
