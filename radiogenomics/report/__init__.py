"""The report of a study: one HTML file that a person understands, from finished tables and figures."""

from radiogenomics.report._words import Finding
from radiogenomics.report.figure import Figure
from radiogenomics.report.page import Facts, render
from radiogenomics.report.summary import findings

__all__ = ["Facts", "Figure", "Finding", "findings", "render"]
