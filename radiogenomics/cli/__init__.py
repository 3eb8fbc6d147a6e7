"""The command line: a thin shell around the study. Every command reads, calls and writes; the work lies in the rooms."""

from radiogenomics.cli import images, studies, tools
from radiogenomics.cli.edge import main
from radiogenomics.cli.shell import app

__all__ = ["app", "images", "main", "studies", "tools"]
