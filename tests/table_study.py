"""A study of simulated tables: two kinds of imaging features, two readers, two cohorts, as users bring their own."""

from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w

from radiogenomics import simulate
from radiogenomics._files import sha256, write_table, write_text


def write_table_study(folder: Path, *, signal: bool = True, seed: int = 2026) -> Path:
    """Simulate two cohorts and write their tables and a manifest.

    The radiomics are those of `simulate`; the deep table is 24 noisy mixtures of them; a second reader measured the first 30
    training patients again, every fourth feature badly.
    """
    folder = Path(folder)
    made = simulate.simulate(signal=signal, seed=seed)
    tables = {"expression": made.expression.T, "truth": made.truth}
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(made.features["training"].shape[1] - 1, 24))
    for name, table in made.features.items():
        tables |= {f"features_{name}": table, f"deep_{name}": deep(table.drop(columns="volume_mm3"), mixing, rng)}
    tables["second_reader"] = read_again(made.features["training"].iloc[:30], rng)
    tables |= {f"clinical_{name}": table for name, table in made.clinical.items()}
    for name, table in tables.items():
        write_table(table, folder / name)
    sets = "".join("\t".join([name, "simulated", *genes]) + "\n" for name, genes in made.gene_sets.items())
    write_text(folder / "gene_sets.gmt", sets)
    files = {name: f"{name}.csv" for name in tables} | {"gene_sets": "gene_sets.gmt"}
    sources = {name: _source(folder / file) for name, file in files.items()}
    path = folder / "demo.toml"
    write_text(path, tomli_w.dumps(_manifest(sources, seed, signal)))
    return path


def deep(features: pd.DataFrame, mixing: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    values = features.to_numpy() @ mixing / np.sqrt(len(mixing)) + rng.normal(size=(len(features), mixing.shape[1]))
    return pd.DataFrame(values, index=features.index, columns=[f"deep_{i:04d}" for i in range(1, mixing.shape[1] + 1)])


def read_again(features: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    error = np.where(np.arange(features.shape[1]) % 4 == 3, 1.5, 0.1) * features.std().to_numpy()
    return features + rng.normal(size=features.shape) * error


def _source(file: Path) -> dict[str, object]:
    return {"file": file.name, "sha256": sha256(file), "licence": "simulated", "citation": "simulated by radiogenomics demo"}


def _manifest(sources: dict[str, dict[str, object]], seed: int, signal: bool) -> dict[str, object]:
    return {
        "name": "demo" if signal else "demo-noise",
        "title": "Simulated cohorts with planted truth" if signal else "Simulated cohorts with nothing planted",
        "simulated": True,
        "seed": seed,
        "clinical_columns": ["age_years", "subtype"],
        "truth": "truth",
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
        "gene_score": {"min_kme": 0.85, "min_significance": 0.4},
        "modules": {"min_size": 40, "power": "auto", "network": "unsigned"},
        "sources": sources,
    }
