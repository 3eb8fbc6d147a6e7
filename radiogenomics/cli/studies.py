"""Commands on whole studies: demo, init, check, fetch, run and query."""

import gc
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from radiogenomics.cli.shell import (
    Jobs,
    Manifest,
    Mirror,
    Offline,
    Out,
    Quiet,
    Scheduler,
    Verbose,
    Wait,
    app,
    log,
    say,
    shown_progress,
)


@app.command()
def demo(
    out: Out = Path("demo"),
    n_jobs: Jobs = -1,
    scheduler: Scheduler = None,
    fast: Annotated[bool, typer.Option("--fast", help="Extract fewer features, for a first look (about half the time).")] = False,
    noise: Annotated[bool, typer.Option("--noise", help="Simulate pure noise: no links and no effect on the outcome.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Simulate two cohorts with known ground truth and run a whole study on them (no data or network needed)."""
    from radiogenomics import study

    log(quiet, verbose)
    with shown_progress(quiet) as progress:
        report = study.run_demo(out, signal=not noise, fast=fast, n_jobs=n_jobs, scheduler=scheduler, progress=progress)
    say(quiet, f"Report: {report} (all data in it are simulated)")


@app.command()
def init(
    features: Annotated[
        list[Path],
        typer.Option("--features", help="Table of imaging features, one row per patient, IDs in the first column; repeatable."),
    ],
    expression: Annotated[Path, typer.Option("--expression", help="Expression matrix, genes x patients or patients x genes.")],
    clinical: Annotated[
        list[Path],
        typer.Option("--clinical", help="Clinical table, one row per patient; repeatable, joined by patient."),
    ],
    outcome: Annotated[str, typer.Option("--outcome", help="Clinical column to predict.")],
    positive: Annotated[
        str | None, typer.Option("--positive", help="Positive value(s) of the outcome, comma-separated. Default: 1.")
    ] = None,
    gene_sets: Annotated[Path | None, typer.Option("--gene-sets", help="Gene sets for pathway scores (GMT).")] = None,
    to: Annotated[Path, typer.Option("--to", help="Manifest to write.")] = Path("study.toml"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Overwrite an existing manifest.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a manifest for your own tables. Problems are noted as comments next to the keys."""
    from radiogenomics import study
    from radiogenomics._files import Decision

    log(quiet or not verbose, verbose)
    words = positive.split(",") if positive else None
    files = features, expression, clinical

    def tell(decision: Decision) -> None:
        say(quiet, f"{decision.where}: {decision.what} ({decision.count}): {decision.why}")

    path = study.init(*files, outcome=outcome, positive=words, gene_sets=gene_sets, to=to, overwrite=overwrite, tell=tell)
    manifest = study.read_manifest(path)
    recorded = manifest.outcome
    say(
        quiet,
        f"positive: {', '.join(recorded.positive)}; negative: {', '.join(recorded.negative)} (move other values to `excluded`)",
    )
    say(
        quiet, f"volume: {manifest.training.volume or 'none'}; clinical columns: {', '.join(manifest.clinical_columns) or 'none'}"
    )
    say(quiet, f"{path} written and checked. Next: radiogenomics run {path} --out {path.stem}")


@app.command()
def check(
    manifest: Manifest, mirror: Mirror = None, offline: Offline = False, quiet: Quiet = False, verbose: Verbose = False
) -> None:
    """Check a study before running it: files, columns, patient IDs, masks, outcome counts."""
    from radiogenomics import study
    from radiogenomics._files.decisions import LOGGED

    log(quiet, verbose)
    for handler in logging.getLogger("radiogenomics").handlers:
        handler.addFilter(lambda record: record.msg != LOGGED)  # decisions are listed below
    with shown_progress(quiet) as progress:
        checked = study.check(manifest, mirror=mirror, offline=offline, progress=progress)
    for name, cohort in checked.cohorts.items():
        for line in study.masks_found(checked.inputs, name):
            say(quiet, f"{name}: {line}")
        for row in cohort.inclusion.to_dict("records"):
            out = f" ({row['excluded']} out: {row['reason']})" if row["excluded"] else ""
            say(quiet, f"{row['cohort']}: {row['step']}: {row['n']}{out}")
        included = cohort.patients[cohort.patients["included"]]
        say(quiet, f"{included['cohort'].iloc[0]}: {int(included['outcome'].sum())} of {len(included)} positive")
    for line in study.sets_found(checked.inputs):
        say(quiet, line)
    for row in study.decided(checked.inputs).to_dict("records"):
        say(quiet, f"{row['where']}: {row['what']} ({row['count']}): {row['why']}")
    say(quiet, f"{manifest}: no problem found")


@app.command()
def fetch(
    manifest: Manifest,
    mirror: Mirror = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come (files, MB, licences); download nothing.")
    ] = False,
    only: Annotated[str | None, typer.Option("--only", help="Fetch this source alone.")] = None,
    offline: Offline = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Download and verify the files and image series of a study."""
    from radiogenomics import study

    log(quiet, verbose)
    if dry_run:
        plan = study.planned(manifest, mirror=mirror, offline=offline, only=only)
        shown = plan.to_string(index=False, float_format="{:,.1f}".format, na_rep="?")
        say(quiet, shown if len(plan) else "nothing to download: every file is at hand")
        return
    with shown_progress(quiet) as progress:
        inputs = study.gather(manifest, mirror=mirror, offline=offline, only=only, progress=progress)
    for name, file in inputs.files.items():
        say(quiet, f"{name}: {file} (sha256 {inputs.hashes[name][:12]}...)")


@app.command()
def run(
    manifest: Manifest,
    out: Out,
    mirror: Mirror = None,
    offline: Offline = False,
    n_jobs: Jobs = -1,
    scheduler: Scheduler = None,
    wait: Wait = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run a study. It can be interrupted at any time; finished steps are kept."""
    from radiogenomics import study

    log(quiet, verbose)
    with shown_progress(quiet) as progress:
        how: dict[str, Any] = {"n_jobs": n_jobs, "scheduler": scheduler, "wait": wait}
        report = study.run(manifest, out=out, mirror=mirror, offline=offline, progress=progress, **how)
    say(quiet, f"Report: {report}")


@app.command()
def query(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished study.")],
    question: Annotated[
        str,
        typer.Argument(help="'MAPK signaling', hypoxia (a category), HER2, 'CA9,VEGFA', ME3, SER (an imaging feature)."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Output folder. Default: FOLDER/queries/NAME.")] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Query a finished study: how gene sets, genes, a module or a feature are linked with imaging and clinical columns."""
    gc.disable()  # a command of a second: the collector would only walk through what was just imported
    from radiogenomics import study

    log(quiet, verbose)
    answer = study.query(folder, question)
    place = study.answer_folder(folder, answer) if out is None else out
    files = study.save_answer(answer, place)
    say(quiet, f"{answer.table()}\n\n{answer.sentence}")
    if answer.others:
        say(quiet, f"It could also have meant: {', '.join(answer.others)}")
    say(quiet, f"{len(files)} files written to {place}")
