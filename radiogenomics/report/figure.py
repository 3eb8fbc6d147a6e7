"""A figure as the report takes it: what it is, of what, where it belongs, and the file that holds it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """A drawn figure and what is to be known of it.

    Attributes
    ----------
    name : str
        Its link in the page; no two figures have the same.
    kind : str
        What kind of figure it is, such as ``module_trait``: decides its place in the section and, without a caption, what is
        written under it.
    subject : str
        What it is of, as the tables name it: a signature, a family of links, a cohort, an endpoint, or estimate and cohort
        ("nested training"); empty where a study has one figure of the kind.
    section : str
        The section it stands in, by its anchor: ``cohort``, ``images``, ``prediction``, ``modules``, ``links``, ``pathways``,
        ``gene-score``. A figure of any other stands at the end.
    caption : str
        What stands under it; without one the report writes it, for the kinds that it knows.
    path : Path
        A PNG, JPEG or SVG file.
    """

    name: str
    kind: str
    subject: str
    section: str
    caption: str
    path: Path
