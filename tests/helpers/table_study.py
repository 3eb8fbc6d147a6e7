"""A study of simulated tables: two kinds of imaging features, two readers, two cohorts, as users bring their own."""

from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w

from radiogenomics import simulate, study
from radiogenomics._files import sha256, write_table, write_text


def write_table_study(folder: Path, *, signal: bool = True, seed: int = 2026) -> Path:
    """Simulate two cohorts and write their tables and a manifest.

    The radiomics are those of `simulate`; the deep table is 24 noisy mixtures of them; a second reader measured the first 30
    training patients again, every fourth feature badly.
    """
    made = simulate.simulate(signal=signal, random_state=seed)
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(made.features["training"].shape[1] - 1, 24))
    tables = {"second_reader": read_again(made.features["training"].iloc[:30], rng)}
    for name, table in made.features.items():
        tables |= {f"features_{name}": table, f"deep_{name}": deep(table.drop(columns="volume_mm3"), mixing, rng)}
    sources = write_simulated(made, folder)
    for name, table in tables.items():
        write_table(table, folder / name)
        sources[name] = source(folder, f"{name}.csv")
    write_text(folder / "demo.toml", tomli_w.dumps(MOLECULAR | _IMAGING | {"seed": seed, "sources": sources}))
    return folder / "demo.toml"


def write_simulated(made: simulate.Simulated, folder: Path) -> dict[str, dict[str, str]]:
    """Write expression, truth, clinical tables and gene sets -> their sources."""
    tables = {"expression": made.expression.T, "truth": made.truth}
    tables |= {f"clinical_{name}": table for name, table in made.clinical.items()}
    for name, table in tables.items():
        write_table(table, folder / name)
    sets = "".join("\t".join([name, "simulated", *genes]) + "\n" for name, genes in made.gene_sets.items())
    write_text(folder / "gene_sets.gmt", sets)
    return {name: source(folder, f"{name}.csv") for name in tables} | {"gene_sets": source(folder, "gene_sets.gmt")}


def source(folder: Path, file: str) -> dict[str, str]:
    """Say of a file or folder what a manifest says of a source."""
    facts = {"file": file, "licence": "simulated", "citation": "simulated"}
    return facts | ({"sha256": sha256(folder / file)} if (folder / file).is_file() else {})


def run_for_tables(manifest: Path, out: Path, **options: object) -> Path:
    """Run a study without its figures, which take half the time of a small one and are drawn in study/test_study.py -> its folder."""
    return study.run(manifest, out=out, figures=False, **options).parent


def deep(features: pd.DataFrame, mixing: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    values = features.to_numpy() @ mixing / np.sqrt(len(mixing)) + rng.normal(size=(len(features), mixing.shape[1]))
    return pd.DataFrame(values, index=features.index, columns=[f"deep_{i:04d}" for i in range(1, mixing.shape[1] + 1)])


def read_again(features: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    error = np.where(np.arange(features.shape[1]) % 4 == 3, 1.5, 0.1) * features.std().to_numpy()
    return features + rng.normal(size=features.shape) * error


MOLECULAR = {
    "name": "demo",
    "title": "Simulated cohorts with planted truth",
    "simulated": True,
    "clinical_columns": ["age_years", "subtype"],
    "truth": "truth",
    "outcome": {
        "name": "lymph node status",
        "column": "pathologic_n",
        "labels": ["node-negative", "node-positive"],
        "positive": ["N1mi", "N1", "N2", "N3"],
        "negative": ["N0", "N0 (i-)", "N0 (i+)"],
        "excluded": ["NX"],
    },
    "survival": [
        {
            "name": "progression-free interval",
            "source": "clinical_training",
            "time": "pfi_days",
            "event": "pfi_event",
            "covariates": ["age_years"],
        }
    ],
    "expression": {"source": "expression", "unit": "log2"},
    "gene_sets": {"sources": ["gene_sets"], "min_size": 10},
    "gene_score": {"min_kme": 0.85, "min_significance": 0.25, "at_least": 1, "n_repeats": 3, "inner_repeats": 2},
    "modules": {"min_size": 40, "power": "auto", "network": "unsigned"},
}
"""All of a manifest but its images or imaging tables and its sources."""

_IMAGING = {
    "training": {
        "features": {"radiomics": "features_training", "deep": "deep_training"},
        "second_reader": {"radiomics": "second_reader"},
        "clinical": "clinical_training",
        "volume": "volume_mm3",
    },
    "external": {
        "external": {
            "features": {"radiomics": "features_external", "deep": "deep_external"},
            "clinical": "clinical_external",
            "volume": "volume_mm3",
        }
    },
    "signature": {"icc": 0.9},
    "fusion": {"clinical": ["age_years", "subtype"]},
}
