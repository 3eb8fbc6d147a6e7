"""Commands on whole studies: demo, init, check, fetch, run and query."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from radiogenomics.cli.shell import Jobs, Manifest, Mirror, Out, Quiet, Scheduler, Verbose, Wait, app, log, say, shown_progress


@app.command()
def demo(
    out: Out = Path("demo"),
    n_jobs: Jobs = -1,
    scheduler: Scheduler = None,
    fast: Annotated[bool, typer.Option("--fast", help="Measure few features, for a first look: about half the time.")] = False,
    noise: Annotated[bool, typer.Option("--noise", help="Plant nothing: no link, no outcome effect.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Simulate two cohorts with known truth and run every step on them; needs no file and no network."""
    from radiogenomics import study

    log(quiet, verbose)
    with shown_progress(quiet) as progress:
        report = study.run_demo(out, signal=not noise, fast=fast, n_jobs=n_jobs, scheduler=scheduler, progress=progress)
    say(quiet, f"The report lies at {report} (everything in it is simulated)")


@app.command()
def init(
    features: Annotated[
        list[Path],
        typer.Option("--features", help="Imaging features: one row a patient, the first column names them; once or more."),
    ],
    expression: Annotated[
        Path, typer.Option("--expression", help="Expression: one row a gene, one column a patient (or the other way).")
    ],
    clinical: Annotated[
        list[Path], typer.Option("--clinical", help="Clinical table, one row a patient; several are joined by patient.")
    ],
    outcome: Annotated[str, typer.Option("--outcome", help="The clinical column to predict.")],
    positive: Annotated[
        str | None, typer.Option("--positive", help="Its positive value(s), comma separated; 1 when left out.")
    ] = None,
    gene_sets: Annotated[Path | None, typer.Option("--gene-sets", help="A GMT file for pathway scores.")] = None,
    to: Annotated[Path, typer.Option("--to", help="Where to write the manifest.")] = Path("study.toml"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a manifest that is there.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a manifest for tables of your own; what is to be mended in it stands beside its key."""
    from radiogenomics import study
    from radiogenomics._files import Decision

    log(quiet or not verbose, verbose)
    words = positive.split(",") if positive else None
    files = features, expression, clinical

    def tell(decision: Decision) -> None:
        say(quiet, f"{decision.where}: {decision.what} ({decision.count}): {decision.why}")

    path = study.init(*files, outcome=outcome, positive=words, gene_sets=gene_sets, to=to, overwrite=overwrite, tell=tell)
    manifest = study.read_manifest(path)
    chosen = manifest.outcome
    say(
        quiet,
        f"positive: {', '.join(chosen.positive)}; negative: {', '.join(chosen.negative)} (move what is neither to excluded)",
    )
    say(
        quiet, f"volume: {manifest.training.volume or 'none'}; clinical columns: {', '.join(manifest.clinical_columns) or 'none'}"
    )
    say(quiet, f"{path} is written and checked; now: radiogenomics run {path} --out {path.stem}")


@app.command()
def check(manifest: Manifest, mirror: Mirror = None, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Check everything that can be known before long work: files, columns, identifiers, outcome counts."""
    from radiogenomics import study

    log(quiet, verbose)
    checked = study.check(manifest, mirror=mirror)
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
def fetch(manifest: Manifest, mirror: Mirror = None, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Download and verify the files of a study, and do no more."""
    from radiogenomics import study

    log(quiet, verbose)
    inputs = study.gather(manifest, mirror=mirror)
    for name, file in inputs.files.items():
        say(quiet, f"{name}: {file} (sha256 {inputs.hashes[name][:12]}...)")


@app.command()
def run(
    manifest: Manifest,
    out: Out,
    mirror: Mirror = None,
    n_jobs: Jobs = -1,
    scheduler: Scheduler = None,
    wait: Wait = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run the whole study; finished steps are not redone, and it is safe to interrupt."""
    from radiogenomics import study

    log(quiet, verbose)
    with shown_progress(quiet) as progress:
        report = study.run(manifest, out=out, mirror=mirror, n_jobs=n_jobs, scheduler=scheduler, progress=progress, wait=wait)
    say(quiet, f"The report lies at {report}")


@app.command()
def query(
    folder: Annotated[Path, typer.Argument(help="A finished study's folder.")],
    question: Annotated[
        str,
        typer.Argument(help="Gene sets, genes, a module or a feature: 'MAPK signaling', hypoxia, HER2, 'CA9,VEGFA', ME3, SER."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Where the answer goes; FOLDER/queries/NAME when left out.")] = None,
    quiet: Quiet = False,
) -> None:
    """Ask a finished study about gene sets, genes, a module or a feature: its links with imaging and clinical columns."""
    gc.disable()  # a command of a second: the collector would only walk through what was just imported
    from radiogenomics import study

    answer = study.query(folder, question)
    place = study.answer_folder(folder, answer) if out is None else out
    files = study.save_answer(answer, place)
    say(quiet, f"{answer.table()}\n\n{answer.sentence}")
    if answer.others:
        say(quiet, f"It could also have meant: {', '.join(answer.others)}")
    say(quiet, f"{len(files)} files lie in {place}")
