"""The embedded demo: simulated tables and a manifest for them."""

from pathlib import Path

import tomli_w

from radiogenomics import simulate
from radiogenomics._files import sha256, write_table, write_text


def write_demo(folder: Path, *, signal: bool = True, seed: int = 2026) -> Path:
    """Simulate two cohorts and write their tables and a manifest.

    Parameters
    ----------
    folder : Path
        Where the files shall lie.
    signal : bool
        False plants no link and no outcome effect.
    seed : int
        Seeds the simulation and the study.

    Returns
    -------
    Path
        The manifest.
    """
    folder = Path(folder)
    made = simulate.simulate(signal=signal, seed=seed)
    tables = {"expression": made.expression.T, "truth": made.truth}
    tables |= {f"features_{name}": table for name, table in made.features.items()}
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
        "training": {"features": {"radiomics": "features_training"}, "clinical": "clinical_training", "volume": "volume_mm3"},
        "external": {
            "external": {"features": {"radiomics": "features_external"}, "clinical": "clinical_external", "volume": "volume_mm3"}
        },
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
        "fusion": {"clinical": ["age_years", "subtype"]},
        "expression": {"source": "expression", "unit": "log2"},
        "gene_sets": {"sources": ["gene_sets"], "min_size": 10},
        "gene_score": {"min_kme": 0.85, "min_significance": 0.4},
        "modules": {"min_size": 40, "power": "auto", "network": "unsigned"},
        "sources": sources,
    }
