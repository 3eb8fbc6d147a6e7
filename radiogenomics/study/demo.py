"""The embedded demo: simulated images, transcriptome and clinical tables, and a manifest for them."""

from pathlib import Path
from typing import Any

import tomli_w

from radiogenomics import simulate
from radiogenomics._errors import InputError
from radiogenomics._files import refuse_links, sha256, write_table, write_text
from radiogenomics._parallel import Progress
from radiogenomics.study.engine.results import MARKER
from radiogenomics.study.engine.store import claim
from radiogenomics.study.pipeline import run

READ_TWICE = 30
"""Patients whose lesions a second reader draws too."""

_FAST = """# The demo's quick features: shape, and first order and texture of the unfiltered image.
setting: {normalize: true, normalizeScale: 100, resampledPixelSpacing: [1.5, 1.5, 1.5], interpolator: sitkLinear, binWidth: 10}
imageType: {Original: {}}
featureClass: {shape: , firstorder: , glcm: , glrlm: , glszm: , gldm: , ngtdm: }
"""


def write_demo(
    folder: Path,
    *,
    n_training: int = 88,
    n_external: int = 57,
    signal: bool = True,
    fast: bool = False,
    random_state: int = 2026,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Simulate two cohorts and write their images, masks, tables and a manifest.

    Parameters
    ----------
    folder : Path
        Where the files shall lie: absent, empty, or made by an earlier call.
    n_training, n_external : int
        Patients whose images are whole; a few with damaged images are added to the training cohort.
    signal : bool
        False plants no link and no outcome effect.
    fast : bool
        Ask for few radiomic features and no deep ones, which halves the time.
    random_state : int
        Seeds the simulation and the study.
    n_jobs : int
        Processes that write images.
    progress : callable, optional
        Called as ``progress(done, total, name)`` after each patient's images.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    InputError
        If the folder holds files of somebody else.
    """
    folder = claim(Path(folder), "the demo's folder")
    made = simulate.simulate(n_training=n_training, n_external=n_external, signal=signal, damaged=True, random_state=random_state)
    report = None if progress is None else lambda done, total, name: progress(done, total, f"simulated images: {name}")
    drawn = simulate.write_images(
        made,
        folder / "images",
        second_reader=min(READ_TWICE, n_training),
        random_state=random_state,
        n_jobs=n_jobs,
        progress=report,
    )
    sources = _write_tables(made, folder)
    places = {"second_reader": drawn.second_reader("training")}
    places |= {f"images_{name}": drawn.dicom(name) for name in made.lesions}
    places |= {f"masks_{name}": drawn.masks(name) for name in made.lesions}
    sources |= {name: _source(str(place.relative_to(folder))) for name, place in places.items()}
    if fast:
        write_text(folder / "quick.yaml", _FAST)
        sources["quick"] = _source("quick.yaml") | {"sha256": sha256(folder / "quick.yaml")}
    path = folder / "demo.toml"
    write_text(path, tomli_w.dumps(_manifest(sources, random_state, signal, fast)))
    return path


def run_demo(
    out: Path,
    *,
    signal: bool = True,
    fast: bool = False,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
) -> Path:
    """Simulate two cohorts into a study's folder and run every step on them -> ``report.html``.

    Parameters
    ----------
    out : Path
        The study's folder; its ``inputs/`` holds what is simulated.
    signal, fast, n_jobs, progress
        As in `write_demo`.
    scheduler : str or dask.distributed.Client, optional
        A Dask cluster, instead of `n_jobs`.

    Raises
    ------
    InputError
        If `out` holds files that no demo made.
    """
    inputs = claim(Path(out), "the demo's folder") / "inputs"
    if not (inputs / "demo.toml").is_file() and any(path.name not in (MARKER, "inputs") for path in Path(out).iterdir()):
        raise InputError(f"the demo's folder is {out}, which holds another study; give a new or an empty folder with --out.")
    refuse_links(inputs, *inputs.rglob("*"))
    manifest = write_demo(inputs, signal=signal, fast=fast, n_jobs=n_jobs, progress=progress)
    return run(manifest, out=Path(out), n_jobs=n_jobs, scheduler=scheduler, progress=progress)


def _write_tables(made: simulate.Simulated, folder: Path) -> dict[str, dict[str, object]]:
    """Write expression, truth, clinical tables and gene sets -> their sources."""
    tables = {"expression": made.expression.T, "truth": made.truth}
    tables |= {f"clinical_{name}": table for name, table in made.clinical.items()}
    for name, table in tables.items():
        write_table(table, folder / name)
    sets = "".join("\t".join([name, "simulated", *genes]) + "\n" for name, genes in made.gene_sets.items())
    write_text(folder / "gene_sets.gmt", sets)
    files = {name: f"{name}.csv" for name in tables} | {"gene_sets": "gene_sets.gmt"}
    return {name: _source(file) | {"sha256": sha256(folder / file)} for name, file in files.items()}


def _source(file: str) -> dict[str, object]:
    return {"file": file, "licence": "simulated", "citation": "simulated by radiogenomics demo"}


def _manifest(sources: dict[str, dict[str, object]], random_state: int, signal: bool, fast: bool) -> dict[str, Any]:
    raw = _STUDY | {"seed": random_state, "sources": sources, "extraction": {"parameters": "quick"} if fast else _EXTRACTION}
    if signal:
        return raw
    return raw | {"name": "demo-noise", "title": "Simulated cohorts with nothing planted"}


# Random weights are asked for by name: the demo may not need the network, and says so wherever the network is named.
_EXTRACTION = {"deep": {"googlenet": "random"}}

_STUDY: dict[str, Any] = {
    "name": "demo",
    "title": "Simulated cohorts with planted truth",
    "simulated": True,
    "clinical_columns": ["age_years", "subtype"],
    "truth": "truth",
    "training": {
        "images": "images_training",
        "masks": {"reader": "masks_training", "second_reader": "second_reader"},
        "clinical": "clinical_training",
    },
    "external": {
        "external": {"images": "images_external", "masks": {"reader": "masks_external"}, "clinical": "clinical_external"}
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
    "expression": {"source": "expression", "unit": "log2"},
    "gene_sets": {"sources": ["gene_sets"], "min_size": 10},
    "gene_score": {"min_kme": 0.85, "min_significance": 0.25, "at_least": 1, "n_repeats": 3, "inner_repeats": 2},
    "modules": {"min_size": 40, "power": "auto", "network": "unsigned"},
    "signature": {"icc": {"radiomics": 0.9}, "n_repeats": 3},
    "fusion": {"clinical": ["age_years"]},
}
