"""What the tables that are read again hold: their columns and kinds, so that a made-up table is told before it is used."""

from collections.abc import Collection
from typing import Any

import pandas as pd

_LINK = {
    "text": ("feature", "target", "imaging", "molecular", "adjustment", "family", "estimate"),
    "number": ("effect", "effect_low", "effect_high", "n", "p", "p_spearman", "q", "p_permutation", "p_max_t"),
}
_SHAPES: dict[str, dict[str, tuple[str, ...]]] = {
    "links": _LINK,
    "clinical_links": _LINK | {"text": (*_LINK["text"], "measure")},
    "gene_links": {"text": (*_LINK["text"], "measure"), "number": (*_LINK["number"], "q_gene", "p_max_t_gene")},
    "link_null": {"text": ("imaging", "molecular", "family", "null"), "number": ("tested", "found", "mean", "p")},
    "signatures": {"text": ("patient", "cohort", "signature", "estimate"), "number": ("outcome", "score")},
    "evaluation": {"text": ("cohort", "signature", "estimate"), "number": ("auc", "auc_low", "auc_high", "n")},
    "modules": {"text": ("color",), "number": ("module",), "index": ("gene",)},
    "gene_sets": {"text": ("pathway", "category"), "number": ("size",)},
    "gene_symbols": {"text": ("gene", "symbol")},
    "pathway_genes": {"text": ("pathway", "gene")},
    "other_set_genes": {"text": ("pathway", "gene")},
    "patients": {"text": ("cohort",), "number": ("outcome", "has_expression", "included"), "index": ("patient",)},
}
_OF_NUMBERS = ("eigengenes", "pathways", "expression_linked")
"""Tables of patients in which every column holds numbers, and so do those of imaging features."""


def misfit(name: str, table: pd.DataFrame, columns: Collection[str] | None = None) -> str:
    """Say what keeps a table from being what its step makes; nothing where all is well, or nothing is known of it.

    Parameters
    ----------
    name : str
        The table's.
    table : DataFrame
        As it was read.
    columns : collection of str, optional
        The columns that were asked for; all when left out.
    """
    shape = _SHAPES.get(name, {})
    of_numbers = name in _OF_NUMBERS or name.startswith("features_")
    index = shape.get("index", ("patient",) if of_numbers else ())
    if index and table.index.name not in index:
        return f"has no index {index[0]!r}"
    texts, numbers = ([one for one in shape.get(kind, ()) if columns is None or one in columns] for kind in ("text", "number"))
    lacking = [one for one in (*texts, *numbers) if one not in table]
    if lacking:
        return f"lacks the column(s) {', '.join(lacking)}"
    if table.columns.has_duplicates:
        return f"has the column {table.columns[table.columns.duplicated()][0]!r} twice"
    numbers = list(table.columns) if of_numbers else numbers
    wrong = [one for one in numbers if not _is_number(table[one])] + [one for one in texts if not _is_text(table[one])]
    return f"holds values of another kind in {', '.join(map(str, wrong[:3]))}" if wrong else ""


def _is_number(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) or column.isna().all())


def _is_text(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"))
