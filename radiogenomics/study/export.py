"""A study's tables in the scverse: AnnData of its expression, MuData of all it holds."""

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from radiogenomics.study.engine.results import Results

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

_IN_UNS = ("evaluation", "links", "link_null", "clinical_links", "adjusted_links", "enrichment", "gene_score", "inclusion")


def to_anndata(results: Results) -> "AnnData":
    """Give the expression of the linked patients -> AnnData, patients x genes; modules in ``var``, clinical data in ``obs``."""
    from anndata import AnnData

    expression = results.table("expression_linked")
    made = AnnData(expression.to_numpy(dtype=float), obs=_plain(results.table("patients").loc[expression.index]))
    made.var_names = expression.columns.astype(str)
    made.var = made.var.join(_plain(results.table("modules")))
    for name in ("eigengenes", "pathways"):
        if name in results.tables():
            made.obsm[name] = results.table(name).loc[expression.index]
    return made


def to_mudata(results: Results) -> "MuData":
    """Give the whole study -> MuData: imaging kinds, signatures, expression, eigengenes and pathways as modalities.

    Clinical columns stand in ``obs``; links, nulls, evaluation and enrichment in ``uns``.
    """
    import mudata

    # Each modality keeps its own columns, which will be mudata's default from 0.4 on, and its own names: ME1 is also a gene.
    with mudata.set_options(pull_on_update=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "var_names are not unique", UserWarning)
        made = mudata.MuData({name: _modality(table) for name, table in _modalities(results).items()})
        made.obs = made.obs.join(_plain(results.table("patients").reindex(made.obs_names)))
    for name in _IN_UNS:
        if name in results.tables():
            made.uns[name] = _plain(results.table(name).reset_index(drop=True))
    return made


def _modalities(results: Results) -> dict[str, pd.DataFrame]:
    """Give every patient table by the name of its modality; a table without patients is none."""
    tables = {name.removeprefix("features_"): results.table(name) for name in results.tables() if name.startswith("features_")}
    scores = results.table("signatures").query("estimate == 'nested'")
    tables["signatures"] = scores.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)
    tables["expression"] = to_anndata(results).to_df()
    tables |= {name: results.table(name) for name in ("eigengenes", "pathways") if name in results.tables()}
    return {name: table for name, table in tables.items() if len(table)}


def _modality(table: pd.DataFrame) -> "AnnData":
    from anndata import AnnData

    made = AnnData(table.to_numpy(dtype=float))
    made.obs_names, made.var_names = table.index.astype(str), table.columns.astype(str)
    return made


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table that HDF5 can hold: words as categories, missing ones missing."""
    words: dict[Any, Any] = {
        name: table[name].map(str, na_action="ignore").astype("category")
        for name in table.columns
        if not (pd.api.types.is_numeric_dtype(table[name]) or pd.api.types.is_bool_dtype(table[name]))
    }
    return table.assign(**words)
