"""A whole study, from manifest to report: the one ordered list of its steps."""

import json
from pathlib import Path
from typing import Any

from radiogenomics._errors import InputError
from radiogenomics._files import write_text
from radiogenomics._parallel import Progress, one_thread
from radiogenomics.study.engine.context import Context
from radiogenomics.study.engine.provenance import provenance
from radiogenomics.study.engine.step import Step
from radiogenomics.study.engine.store import Store
from radiogenomics.study.inputs.checks import check
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.choices import outside_code
from radiogenomics.study.presentation import images, molecules, prediction
from radiogenomics.study.presentation import links as link_figures
from radiogenomics.study.presentation.report import report
from radiogenomics.study.steps.adjusted_links import adjusted_links, feature_volume
from radiogenomics.study.steps.calibration import calibration
from radiogenomics.study.steps.clinical_links import baseline, clinical_links, gene_links
from radiogenomics.study.steps.cohort import cohort
from radiogenomics.study.steps.comparisons import comparisons
from radiogenomics.study.steps.decisions import decisions
from radiogenomics.study.steps.expression import expression, matrix
from radiogenomics.study.steps.features import agreement, features
from radiogenomics.study.steps.gene_score import gene_score
from radiogenomics.study.steps.links import links
from radiogenomics.study.steps.modules import modules
from radiogenomics.study.steps.pathways import enrichment, pathways
from radiogenomics.study.steps.planted import planted
from radiogenomics.study.steps.signature_features import signature_features
from radiogenomics.study.steps.signatures import signatures
from radiogenomics.study.steps.survival import survival

STEPS: tuple[Step, ...] = (
    # imaging
    features,
    agreement,
    cohort,
    signatures,
    signature_features,
    # molecules
    matrix,
    expression,
    modules,
    pathways,
    enrichment,
    # where they meet
    links,
    baseline,
    clinical_links,
    gene_links,
    adjusted_links,
    feature_volume,
    gene_score,
    calibration,
    comparisons,
    survival,
    planted,
    # what was decided on the way
    decisions,
)
FIGURES: tuple[Step, ...] = (
    prediction.prediction,
    molecules.expression,
    molecules.modules,
    link_figures.links,
    link_figures.clinical,
    images.images,
    images.agreement,
    molecules.enrichment,
    molecules.gene_score,
    molecules.survival,
)


def run(
    manifest: Path,
    *,
    out: Path,
    mirror: Path | None = None,
    offline: bool = False,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
    wait: bool = False,
    figures: bool = True,
) -> Path:
    """Run a study from its manifest to its report; finished steps are not redone.

    Parameters
    ----------
    manifest : Path
        The study manifest.
    out : Path
        The study's folder; made when missing, resumed when there.
    mirror : Path, optional
        A folder searched first for the files.
    offline : bool
        Take nothing from the network; what is not at hand is a problem of the manifest.
    n_jobs : int
        Processes on this machine; the results do not depend on it.
    scheduler : str or dask.distributed.Client, optional
        A Dask cluster, instead of `n_jobs`.
    progress : callable, optional
        Called as ``progress(done, total, name)`` after each step, with a word for one that is kept from an earlier run, and
        after each task of a long one.
    wait : bool
        Wait for a run that goes on in the same folder, instead of refusing.
    figures : bool
        False draws no figures, which saves time where only the tables are wanted; the report is written without them.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    ManifestError
        With every mistake in the manifest and its files, before work begins.
    InputError
        If `out` is no study's folder, `n_jobs` is 0, or a step finds that the data do not allow what is asked.
    RunError
        If another process runs a study in `out`.
    """
    if n_jobs == 0:
        raise InputError("`n_jobs` is 0; give the number of processes, or -1 for every core.")
    inputs = check(manifest, mirror=mirror, offline=offline, progress=progress).inputs
    members = outside_code(inputs.manifest)
    context = Context(inputs.manifest, inputs, n_jobs=n_jobs, scheduler=scheduler, progress=progress, members=members)
    steps = [step for step in (*STEPS, *(FIGURES if figures else ()), report) if step.when(inputs.manifest)]
    with Store.writing(Path(out), steps, wait=wait) as store, one_thread():
        stored = [step for step in steps if step.stored]
        for i, step in enumerate(stored, 1):
            computed = store.do(step, context)
            _write_provenance(store, inputs)
            if progress is not None:
                progress(i, len(stored), f"study: {step.name}{'' if computed else ', kept from an earlier run'}")
        store.finish()
    return Path(out) / "report.html"


def _write_provenance(store: Store, inputs: Inputs) -> None:
    facts = provenance(store, manifest=inputs.manifest.without_sources(), name=inputs.path.name, origins=inputs.origins())
    if series := inputs.fetched_series():
        facts["series"] = series
    write_text(store.folder / "provenance.json", json.dumps(facts, indent=2, sort_keys=True) + "\n")
