"""How a pathway is scored: one file per method, and the one table of them."""

from radiogenomics._registry import Registry
from radiogenomics.pathways.methods.protocol import Floats, Method, Options, Sets

METHODS: Registry[type[Method]] = Registry(
    "pathway_methods",
    "radiogenomics.pathways.methods:METHODS",
    {
        "gsva": "radiogenomics.pathways.methods.gsva:Gsva",
        "ssgsea": "radiogenomics.pathways.methods.ssgsea:Ssgsea",
        "zscore": "radiogenomics.pathways.methods.zscore:ZScore",
        "plage": "radiogenomics.pathways.methods.plage:Plage",
    },
    needs=("fit", "score", "keeps_constant_genes", "compares_with_the_rest"),
)
"""Every pathway method by name; see `Method` for what one is, and `METHODS.register` to add one."""

__all__ = ["METHODS", "Floats", "Method", "Options", "Sets"]
