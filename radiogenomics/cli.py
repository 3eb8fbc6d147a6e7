"""The command line: a thin shell around the study. Every command reads, calls and writes; the work lies in the rooms."""

import gc
import logging
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal

import typer
import typer.core

from radiogenomics import __version__
from radiogenomics._errors import InputError, RadiogenomicsError


class _TableHelp(typer.core.TyperCommand):
    """A command whose help names members of tables: ``{backbones}`` is filled in when the help is asked for, not before."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Fill in the names, then write the help."""
        from radiogenomics.features import BACKBONES
        from radiogenomics.lesions import READERS

        names = {"backbones": ", ".join(BACKBONES), "mask_kinds": ", ".join(reader.what for reader in READERS.values())}
        for option in self.params:
            if isinstance(option, typer.core.TyperOption) and option.help:
                option.help = option.help.format(**names)
        super().format_help(ctx, formatter)


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Manifest = Annotated[Path, typer.Argument(help="The study manifest, a TOML file.")]
Out = Annotated[Path, typer.Option("--out", help="The study's folder; made when missing, resumed when there.")]
Mirror = Annotated[
    Path | None, typer.Option("--mirror", help="A folder that is searched for files before anything is downloaded.")
]
Jobs = Annotated[int, typer.Option("--n-jobs", help="Processes on this machine; -1 for every core. Results do not depend on it.")]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, in the place of --n-jobs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say every detail.")]

Wait = Annotated[bool, typer.Option("--wait", help="Wait for a run that goes on in the same folder, in the place of leaving.")]

logger = logging.getLogger("radiogenomics")

MISTAKE, INTERRUPTED = 2, 130
"""Exit codes of what the user can mend, and of Ctrl-C; a bug ends with Python's own, 1."""


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    """From breast MRI and matched transcriptomes to signatures, modules, pathways and gene scores, judged honestly."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


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

    _log(quiet, verbose)
    with _progress(quiet) as progress:
        report = study.run(manifest, out=out, mirror=mirror, n_jobs=n_jobs, scheduler=scheduler, progress=progress, wait=wait)
    _say(quiet, f"The report lies at {report}")


@app.command()
def check(manifest: Manifest, mirror: Mirror = None, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Check everything that can be known before long work: files, columns, identifiers, outcome counts."""
    from radiogenomics import study

    _log(quiet, verbose)
    checked = study.check(manifest, mirror=mirror)
    for name, cohort in checked.cohorts.items():
        for line in study.masks_found(checked.inputs, name):
            _say(quiet, f"{name}: {line}")
        for row in cohort.inclusion.to_dict("records"):
            out = f" ({row['excluded']} out: {row['reason']})" if row["excluded"] else ""
            _say(quiet, f"{row['cohort']}: {row['step']}: {row['n']}{out}")
        included = cohort.patients[cohort.patients["included"]]
        _say(quiet, f"{included['cohort'].iloc[0]}: {int(included['outcome'].sum())} of {len(included)} positive")
    for line in study.sets_found(checked.inputs):
        _say(quiet, line)
    for row in study.decided(checked.inputs).to_dict("records"):
        _say(quiet, f"{row['where']}: {row['what']} ({row['count']}): {row['why']}")
    _say(quiet, f"{manifest}: no problem found")


@app.command()
def fetch(manifest: Manifest, mirror: Mirror = None, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Download and verify the files of a study, and do no more."""
    from radiogenomics import study

    _log(quiet, verbose)
    inputs = study.gather(manifest, mirror=mirror)
    for name, file in inputs.files.items():
        _say(quiet, f"{name}: {file} (sha256 {inputs.hashes[name][:12]}...)")


@app.command()
def init(
    features: Annotated[
        Path, typer.Option("--features", help="Imaging features: one row a patient, the first column names them.")
    ],
    expression: Annotated[
        Path, typer.Option("--expression", help="Expression: one row a gene, one column a patient (or the other way).")
    ],
    clinical: Annotated[Path, typer.Option("--clinical", help="Clinical table: one row a patient, the first column names them.")],
    outcome: Annotated[str, typer.Option("--outcome", help="The clinical column to predict.")],
    positive: Annotated[
        str | None, typer.Option("--positive", help="Its positive value(s), comma separated; 1 when left out.")
    ] = None,
    gene_sets: Annotated[Path | None, typer.Option("--gene-sets", help="A GMT file for pathway scores.")] = None,
    to: Annotated[Path, typer.Option("--to", help="Where to write the manifest.")] = Path("study.toml"),
    quiet: Quiet = False,
) -> None:
    """Write a valid manifest for tables of your own."""
    from radiogenomics import study

    words = positive.split(",") if positive else None
    path = study.init(features, expression, clinical, outcome=outcome, positive=words, gene_sets=gene_sets, to=to)
    chosen = study.read_manifest(path).outcome
    _say(
        quiet,
        f"positive: {', '.join(chosen.positive)}; negative: {', '.join(chosen.negative)} (move what is neither to excluded)",
    )
    _say(quiet, f"{path} is written and checked; now: radiogenomics run {path} --out {path.stem}")


@app.command(cls=_TableHelp)
def extract(
    folder: Annotated[Path, typer.Argument(help="One patient's DICOM folder, or a zip of it.")],
    out: Annotated[Path, typer.Option("--out", help="Where images, tables and figures go.")],
    mask: Annotated[Path | None, typer.Option("--mask", help="The lesion, one of {mask_kinds}.")] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", help="A voxel x,y,z inside the lesion, counted from 0; it is grown there.")
    ] = None,
    box: Annotated[
        str | None, typer.Option("--box", help="Voxels x0:x1,y0:y1,z0:z1 around the lesion, counted from 0; it is grown inside.")
    ] = None,
    series: Annotated[
        int | None, typer.Option("--series", help="Number of the dynamic series, where the folder holds several.")
    ] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Which segment, structure or label of the mask.")] = None,
    register: Annotated[bool, typer.Option("--register", help="Align the phases with the pre-contrast one first.")] = False,
    resample: Annotated[bool, typer.Option("--resample", help="Allow a mask on another grid to be resampled.")] = False,
    background: Annotated[
        float | None, typer.Option("--background", help="Signal below which a voxel is air; found in the image when left out.")
    ] = None,
    content: Annotated[
        str | None,
        typer.Option("--content", help="Which images of the series, where it holds several kinds: water, ..."),
    ] = None,
    derived: Annotated[
        bool, typer.Option("--derived", help="Take the series that --series names although it calls itself derived.")
    ] = False,
    radius: Annotated[float, typer.Option("--radius", help="How far from the seed a lesion is grown, in mm.")] = 40.0,
    fraction: Annotated[
        float, typer.Option("--fraction", help="Threshold of growth, between the background (0) and the lesion's level (1).")
    ] = 0.5,
    leak: Annotated[
        Literal["shrink", "refuse"], typer.Option("--leak", help="What becomes of a lesion that reaches the radius.")
    ] = "shrink",
    parameters: Annotated[
        Path | None, typer.Option("--parameters", help="A PyRadiomics parameter file in the place of the package's own.")
    ] = None,
    deep: Annotated[
        list[str] | None,
        typer.Option(
            "--deep",
            help="NETWORK=WEIGHTS; networks are {backbones}, weights a name such as IMAGENET1K_V1, a local file, or random; "
            "may be repeated.",
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take one patient from a DICOM folder to phases, maps, lesion, zones, features, tables and figures."""
    from radiogenomics import study

    _log(quiet, verbose)
    made = study.extract_patient(
        folder,
        mask=mask,
        seed=_voxel(seed) if seed is not None else None,
        box=_box(box) if box is not None else None,
        out=out,
        series=series,
        segment=segment,
        register=register,
        resample=resample,
        parameters=parameters,
        deep=_pairs(deep or []),
        background=background,
        content=content,
        derived=derived,
        radius_mm=radius,
        fraction=fraction,
        leak=leak,
    )
    counts = ", ".join(f"{table.shape[1]:,} {name.removeprefix('features_')}" for name, table in made.features.items())
    lesion = made.tables["lesion"].iloc[0]
    _say(quiet, f"{made.patient}: lesion of {lesion['volume_mm3']:,.0f} mm3, {lesion['largest_diameter_mm']:.1f} mm across")
    _say(quiet, f"{made.patient}: {len(made.phases.images)} phases; features: {counts}; {len(made.files)} files in {out}")


@app.command()
def query(
    folder: Annotated[Path, typer.Argument(help="A finished study's folder.")],
    question: Annotated[str, typer.Argument(help="A pathway, a gene symbol, or a module: 'MAPK signaling', TP53, ME3.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where the answer goes; FOLDER/queries/NAME when left out.")] = None,
    quiet: Quiet = False,
) -> None:
    """Ask a finished study about one pathway, gene or module: its links with every signature and clinical column."""
    gc.disable()  # a command of a second: the collector would only walk through what was just imported
    from radiogenomics import study

    answer = study.query(folder, question)
    place = folder / "queries" / answer.slug if out is None else out
    files = study.save_answer(answer, place)
    _say(quiet, f"{answer.table()}\n\n{answer.sentence}")
    if answer.others:
        _say(quiet, f"It could also have meant: {', '.join(answer.others)}")
    _say(quiet, f"{len(files)} files lie in {place}")


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

    _log(quiet, verbose)
    with _progress(quiet) as progress:
        report = study.run_demo(out, signal=not noise, fast=fast, n_jobs=n_jobs, scheduler=scheduler, progress=progress)
    _say(quiet, f"The report lies at {report} (everything in it is simulated)")


def main() -> None:
    """Run the command line: what the user can mend ends in one message, a bug in where its log lies and how to report it."""
    sys.excepthook = _bug
    try:
        typer.main.get_command(app)()  # app() itself would put typer's own hook in the place of ours
    except RadiogenomicsError as error:
        logger.debug("The traceback of this error:", exc_info=True)
        typer.secho(f"Error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(MISTAKE)
    except KeyboardInterrupt:
        typer.secho("Interrupted; start the same command again and it goes on from here.", err=True)
        sys.exit(INTERRUPTED)


def _bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say that an error is a bug of the package, where the full log lies, and how to report it."""
    import platform
    import tempfile

    text = "".join(traceback.format_exception(kind, error, trace))
    about = f"radiogenomics {__version__}, Python {platform.python_version()}, {platform.platform()}\n{shlex.join(sys.argv)}\n\n"
    with tempfile.NamedTemporaryFile(
        "w", prefix="radiogenomics-bug-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(about + text)
    if logger.isEnabledFor(logging.DEBUG):
        typer.echo(text, err=True)
    typer.secho(f"This is a bug of radiogenomics, no mistake of yours: {kind.__name__}: {error}", err=True, fg=typer.colors.RED)
    typer.echo(
        f"The full log lies at {file.name}; please report it as an issue of the project, with that log.\n"
        "What was finished is kept.",
        err=True,
    )


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        network, _, weights = text.partition("=")
        if not weights:
            raise InputError(f"--deep is {text!r}; give NETWORK=WEIGHTS, such as googlenet=IMAGENET1K_V1 or googlenet=random.")
        if network in pairs:
            raise InputError(f"--deep names {network} twice, with {pairs[network]} and {weights}; give one.")
        pairs[network] = weights
    return pairs


def _voxel(text: str) -> list[int]:
    if not re.fullmatch(r"\d+,\d+,\d+", text):
        raise InputError(f"--seed is {text!r}; give three whole numbers x,y,z, counted from 0: columns, rows, slices.")
    return [int(part) for part in text.split(",")]


def _box(text: str) -> list[tuple[int, int]]:
    if not re.fullmatch(r"\d+:\d+,\d+:\d+,\d+:\d+", text):
        raise InputError(f"--box is {text!r}; give x0:x1,y0:y1,z0:z1, whole numbers counted from 0: columns, rows, slices.")
    ranges = [part.split(":") for part in text.split(",")]
    return [(int(first), int(last)) for first, last in ranges]


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        typer.echo(text)


def _log(quiet: bool, verbose: bool) -> None:
    from rich.logging import RichHandler

    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    logger = logging.getLogger("radiogenomics")
    logger.handlers = [RichHandler(show_path=False, show_time=verbose)]
    logger.setLevel(level)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # a missing font is replaced, and nobody needs to act


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Show one bar for the steps of the study; under it a line for the tasks of a long step."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    if not quiet and not sys.stdout.isatty():  # a file, or a pipe: a line a step says more than one bar at the end
        yield lambda done, total, name: typer.echo(f"{done} of {total}: {name}") if name.startswith("study: ") else None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=quiet, transient=False) as bars:
        lines: dict[str, TaskID] = {}

        def show(done: int, total: int, name: str) -> None:
            label = name.partition(":")[0]
            if label not in lines:
                lines[label] = bars.add_task(label, total=total)
            bars.update(lines[label], completed=done, total=total)

        yield show


if __name__ == "__main__":
    main()
