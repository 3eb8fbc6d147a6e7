"""The edge of the command line: what a user can mend ends in one message, a bug in a log and how to report it."""

import logging
import os
import shlex
import sys
import traceback
from types import TracebackType

import typer

from radiogenomics import __version__
from radiogenomics._errors import RadiogenomicsError
from radiogenomics.cli.shell import app

logger = logging.getLogger("radiogenomics")

MISTAKE, INTERRUPTED = 2, 130
"""Exit codes of what the user can mend, and of Ctrl-C; a bug ends with Python's own, 1."""


def main() -> None:
    """Run the command line: what the user can mend ends in one message, a bug in where its log lies and how to report it."""
    sys.excepthook = _bug
    os.environ["MPLBACKEND"] = "agg"  # figures go to files: no window is needed, and none may fail to open
    try:
        typer.main.get_command(app)()  # app() itself would put typer's own hook instead of ours
    except RadiogenomicsError as error:
        logger.debug("The traceback of this error:", exc_info=True)
        typer.secho(f"Error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(MISTAKE)
    except KeyboardInterrupt:
        typer.secho("Interrupted. Run the same command again to resume.", err=True)
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
    typer.secho(f"This is a bug in radiogenomics, not your mistake: {kind.__name__}: {error}", err=True, fg=typer.colors.RED)
    typer.echo(
        f"Full log: {file.name}. Please report it on the project's issue tracker and attach this log.\nFinished steps are kept.",
        err=True,
    )
