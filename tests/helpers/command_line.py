"""Commands called in this process, as `radiogenomics ...` calls them: quicker than a process each, with the same ends."""

import gc
import io
import logging
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from radiogenomics import cli


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def call(*arguments, cwd=None) -> Ended:
    """Call a command; an error that it does not turn into a message comes out of here and fails the test."""
    said, complained, code = io.StringIO(), io.StringIO(), 0
    logger = logging.getLogger("radiogenomics")
    handlers, level = logger.handlers, logger.level
    with pytest.MonkeyPatch.context() as patch, chdir(cwd or Path.cwd()), redirect_stdout(said), redirect_stderr(complained):
        patch.setattr(sys, "argv", ["radiogenomics", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            gc.enable()  # a query leaves it off, since its process ends soon
            logger.handlers = handlers
            logger.setLevel(level)
    return Ended(code, said.getvalue(), complained.getvalue())
