"""A study of simulated tables so small that it can be run a hundred times: it uses every key of a manifest of tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w

SEED = 11
TRAINING, EXTERNAL = [f"T{i:02d}" for i in range(44)], [f"E{i:02d}" for i in range(24)]


def write(folder: Path, **more: object) -> Path:
    """Simulate the tables and write them with a manifest, which further sections may be added to -> its path."""
    rng = np.random.default_rng(SEED)
    folder.mkdir(parents=True)
    hidden = {name: rng.normal(size=(len(patients), 3)) for name, patients in (("training", TRAINING), ("external", EXTERNAL))}
    for name, patients in (("training", TRAINING), ("external", EXTERNAL)):
        _features(hidden[name], rng, patients).to_csv(folder / f"features_{name}.csv")
        _clinical(hidden[name], rng, patients).to_csv(folder / f"clinical_{name}.csv")
    again = pd.read_csv(folder / "features_training.csv", index_col=0).iloc[:20]
    (again + rng.normal(scale=0.05, size=again.shape)).to_csv(folder / "second_reader.csv")
    genes = _expression(hidden["training"], rng)
    genes.T.rename_axis("gene").to_csv(folder / "expression.csv")
    assays = pd.DataFrame({"grade": rng.integers(1, 4, len(TRAINING)), "score": rng.normal(size=len(TRAINING))}, index=TRAINING)
    assays.rename_axis("patient").to_csv(folder / "assays.csv")
    sets = {f"SET_{i}": list(genes.columns[i * 12 : i * 12 + 20]) for i in range(6)}
    (folder / "sets.gmt").write_text("".join("\t".join([name, "simulated", *members]) + "\n" for name, members in sets.items()))
    (folder / "study.toml").write_text(tomli_w.dumps(MANIFEST | more))
    return folder / "study.toml"


def _features(hidden: np.ndarray, rng: np.random.Generator, patients: list[str]) -> pd.DataFrame:
    values = np.repeat(hidden, 3, axis=1) + 0.5 * rng.normal(size=(len(hidden), 9))
    table = pd.DataFrame(values, columns=[f"f{i}" for i in range(9)], index=pd.Index(patients, name="patient"))
    return table.assign(volume=np.exp(hidden[:, 2] + 6))


def _clinical(hidden: np.ndarray, rng: np.random.Generator, patients: list[str]) -> pd.DataFrame:
    n = len(patients)
    node = rng.random(n) < 1 / (1 + np.exp(-1.5 * hidden[:, 0]))
    table = {
        "node": np.where(node, "pos", "neg"),
        "age_years": rng.integers(30, 80, n),
        "size_mm": rng.integers(5, 60, n),
        "grade_word": rng.choice(["low", "high"], n),
        "days": rng.integers(100, 3000, n),
        "event": (rng.random(n) < 0.5).astype(int),
    }
    return pd.DataFrame(table, index=pd.Index(patients, name="patient"))


def _expression(hidden: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    shared = np.column_stack([hidden[:, :2], rng.normal(size=(len(hidden), 1))])
    values = 8 + np.repeat(shared, 26, axis=1) + 0.45 * rng.normal(size=(len(hidden), 78))
    noise = 8 + rng.normal(size=(len(hidden), 12))
    names = ["ME1", "mri", *(f"G{i:03d}" for i in range(2, 90))]  # a gene may be called like an eigengene or a kind of features
    return pd.DataFrame(np.hstack([values, noise]), columns=names, index=TRAINING)


def _source(file: str, **facts: object) -> dict[str, object]:
    return {"file": file, "licence": "simulated", "citation": "simulated", **facts}


MANIFEST = {
    "name": "tiny",
    "title": "A tiny simulated study",
    "simulated": True,
    "seed": 3,
    "clinical_columns": ["age_years", "size_mm", "grade_word"],
    "training": {
        "features": {"mri": "features_training"},
        "second_reader": {"mri": "second_reader"},
        "clinical": "clinical_training",
        "volume": "volume",
    },
    "external": {"other": {"features": {"mri": "features_external"}, "clinical": "clinical_external", "volume": "volume"}},
    "outcome": {"name": "node status", "column": "node", "positive": ["pos"], "negative": ["neg"]},
    "joined": {"assays": {"source": "assays", "columns": ["grade"], "linked": ["score"]}},
    "survival": [
        {"name": "progression", "source": "clinical_training", "time": "days", "event": "event", "covariates": ["age_years"]}
    ],
    "expression": {"source": "expression", "unit": "log2"},
    "gene_sets": {"sources": ["sets"], "min_size": 5},
    "signature": {"sizes": [2], "n_trees": 4, "n_repeats": 1, "n_splits": 3, "icc": 0.5, "n_bootstraps": 1, "n_permutations": 1},
    "modules": {"power": 4, "min_size": 10},
    "links": {"n_permutations": 100},
    "gene_score": {"n_repeats": 1, "inner_repeats": 1, "min_kme": 0.5, "min_significance": 0.1, "at_least": 1},
    "sources": {
        **{name: _source(f"{name}.csv") for name in ("features_training", "features_external", "second_reader", "assays")},
        **{name: _source(f"{name}.csv") for name in ("clinical_training", "clinical_external", "expression")},
        "sets": _source("sets.gmt"),
    },
}
