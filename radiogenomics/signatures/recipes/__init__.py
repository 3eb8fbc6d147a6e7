"""Ready recipes: one file each, and the one table of them."""

from radiogenomics._registry import Registry
from radiogenomics.signatures.recipes.protocol import Recipe

RECIPES: Registry[Recipe] = Registry(
    "recipes",
    "radiogenomics.signatures.recipes:RECIPES",
    {
        "published": "radiogenomics.signatures.recipes.published:RECIPE",
        "lasso": "radiogenomics.signatures.recipes.lasso:RECIPE",
        "mrmr": "radiogenomics.signatures.recipes.mrmr:RECIPE",
    },
    needs=("build", "keys", "cheaper", "makes_folds"),
)
"""Every recipe by name; see `Recipe` for what one is, and `RECIPES.register` to add one."""

__all__ = ["RECIPES", "Recipe"]
