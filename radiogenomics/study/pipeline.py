"""A whole study, from manifest to report: the only place that knows the order of things."""

import json
from pathlib import Path
from typing import Any

from radiogenomics._errors import InputError
from radiogenomics._files import make_folder, write_text
from radiogenomics._parallel import Progress, one_thread
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.provenance import provenance
from radiogenomics.study.engine.store import Store
from radiogenomics.study.inputs.checks import check
from radiogenomics.study.presentation import drawing
from radiogenomics.study.steps import links as joint
from radiogenomics.study.steps import molecules as molecular_arm
from radiogenomics.study.steps import signatures as imaging_arm


def run(
    manifest: Path,
    *,
    out: Path,
    mirror: Path | None = None,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
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
    n_jobs : int
        Processes on this machine; the results do not depend on it.
    scheduler : str or dask.distributed.Client, optional
        A Dask cluster, in the place of `n_jobs`.
    progress : callable, optional
        Called as ``progress(done, total, name)`` after each step, and after each task of a long one.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    ManifestError
        With every mistake in the manifest and its files, before work begins.
    ValueError
        If `out` cannot be a folder, `n_jobs` is 0, or a step finds that the data do not allow what is asked.
    """
    if n_jobs == 0:
        raise InputError("`n_jobs` is 0; give the number of processes, or -1 for every core.")
    checked = check(manifest, mirror=mirror)
    store = Store(make_folder(out, "the study's folder"))
    plan = Plan(checked.inputs, store, n_jobs=n_jobs, scheduler=scheduler, progress=progress)
    steps = [*imaging_arm.steps(plan), *molecular_arm.steps(plan), *joint.steps(plan)]
    steps += drawing.figure_steps(plan)
    steps.append(drawing.report_step(plan, steps))
    store.forget(step.name for step in steps)
    with one_thread():
        for i, step in enumerate(steps, 1):
            store.do(step)
            _write_provenance(store, plan)
            if progress is not None:
                progress(i, len(steps), f"study: {step.name}")
    store.clean()
    return Path(out) / "report.html"


def _write_provenance(store: Store, plan: Plan) -> None:
    text = json.dumps(provenance(store, plan), indent=2, sort_keys=True)
    write_text(store.folder / "provenance.json", text + "\n")
