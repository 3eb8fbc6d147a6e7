"""What every command shares: the application, its common options, what is said, logged and shown as progress."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from radiogenomics import __version__

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Manifest = Annotated[Path, typer.Argument(help="The study manifest (TOML).")]
Out = Annotated[Path, typer.Option("--out", help="Output folder. Created if missing; an existing study is resumed.")]
Mirror = Annotated[Path | None, typer.Option("--mirror", help="Folder to search for files before downloading them.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use what is in the cache or in local folders; no network.")]
Jobs = Annotated[int, typer.Option("--n-jobs", help="Number of processes; -1 uses all cores. Does not change results.")]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, instead of --n-jobs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show debug messages and tracebacks.")]

Wait = Annotated[bool, typer.Option("--wait", help="Wait if another run is using the output folder, instead of exiting.")]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Radiogenomics: link imaging features with gene expression, and validate honestly what they predict."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


class TableHelp(typer.core.TyperCommand):
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


def say(quiet: bool, text: str) -> None:
    """Print a line, unless asked to be quiet."""
    if not quiet:
        typer.echo(text)


def log(quiet: bool, verbose: bool) -> None:
    """Show warnings of the package; errors alone when quiet, every detail when verbose."""
    from rich.logging import RichHandler

    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    logger = logging.getLogger("radiogenomics")
    logger.handlers = [RichHandler(show_path=False, show_time=verbose)]
    logger.setLevel(level)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # a missing font is replaced, and nobody needs to act


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Show one bar for the steps of the study; under it a line for the tasks of a long step."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    if not quiet and not sys.stdout.isatty():  # a file, or a pipe: a line a step says more than one bar at the end
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=quiet, transient=False) as bars:
        lines: dict[str, TaskID] = {}

        def show(done: int, total: int, name: str) -> None:
            label = name.partition(":")[0]
            if label not in lines:
                lines[label] = bars.add_task(label, total=total, rate="")
            bars.update(lines[label], completed=done, total=total)
            speed = next(task.speed for task in bars.tasks if task.id == lines[label])
            if label.endswith("(MB)") and speed:
                bars.update(lines[label], rate=f"{speed:.1f} MB/s")

        yield show


def _lines() -> Callable[[int, int, str], None]:
    """Make what tells progress line by line: every step, and every tenth of a download with its rate."""
    told, started = -1, time.monotonic()

    def tell(done: int, total: int, name: str) -> None:
        nonlocal told
        if name.startswith("study: "):
            typer.echo(f"{done} of {total}: {name}")
        elif name.endswith("(MB)") and (tenth := 10 * done // max(total, 1)) != told:
            told = tenth
            typer.echo(f"{done} of {total}: {name}, {done / max(time.monotonic() - started, 0.1):.1f} MB/s")

    return tell
