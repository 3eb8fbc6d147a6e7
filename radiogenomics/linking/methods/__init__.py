"""How two columns are linked: one file per method, and the one table of them."""

from radiogenomics._registry import Registry
from radiogenomics.linking.methods.protocol import LinkMethod

METHODS: Registry[LinkMethod] = Registry(
    "link_methods",
    "radiogenomics.linking.methods:METHODS",
    {
        "pearson": "radiogenomics.linking.methods.pearson:METHOD",
        "spearman": "radiogenomics.linking.methods.spearman:METHOD",
        "partial": "radiogenomics.linking.methods.partial:METHOD",
    },
    needs=("values", "variance", "needs_covariates"),
)
"""Every link method by name; see `LinkMethod` for what one is, and `METHODS.register` to add one."""

__all__ = ["METHODS", "LinkMethod"]
