"""A study of simulated tables: two kinds of imaging features, two readers, two cohorts, as users bring their own."""

from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w

from radiogenomics import simulate, study
from radiogenomics._files import sha256, write_table, write_text
from radiogenomics.study import demo


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
    sources = demo._write_tables(made, folder)
    for name, table in tables.items():
        write_table(table, folder / name)
        sources[name] = demo._source(f"{name}.csv") | {"sha256": sha256(folder / f"{name}.csv")}
    write_text(folder / "demo.toml", tomli_w.dumps(demo._STUDY | _STUDY | {"seed": seed, "sources": sources}))
    return folder / "demo.toml"


def run_for_tables(manifest: Path, out: Path, **options: object) -> Path:
    """Run a study without its figures, which take half the time of a small one and are drawn in study/test_study.py -> its folder."""
    return study.run(manifest, out=out, figures=False, **options).parent


def deep(features: pd.DataFrame, mixing: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    values = features.to_numpy() @ mixing / np.sqrt(len(mixing)) + rng.normal(size=(len(features), mixing.shape[1]))
    return pd.DataFrame(values, index=features.index, columns=[f"deep_{i:04d}" for i in range(1, mixing.shape[1] + 1)])


def read_again(features: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    error = np.where(np.arange(features.shape[1]) % 4 == 3, 1.5, 0.1) * features.std().to_numpy()
    return features + rng.normal(size=features.shape) * error


_STUDY = {
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
