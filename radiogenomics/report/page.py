"""Facts, tables, figures and provenance -> one HTML page that needs nothing else."""

import base64
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import jinja2
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics.report._view import ReportData, facts_view, view
from radiogenomics.report._words import level
from radiogenomics.report.captions import caption_of
from radiogenomics.report.checklist import Item, checklist
from radiogenomics.report.figure import Figure
from radiogenomics.report.sections import COUNTED, SECTIONS, Section, Show, figures_of
from radiogenomics.report.summary import findings, key_numbers

_KINDS = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_MM_PER_INCH, _POINTS_PER_INCH = 25.4, 72.0


class Facts(TypedDict):
    """What a report must know about a study beyond its tables."""

    name: str
    title: str
    simulated: NotRequired[bool]
    outcome: NotRequired[str]
    positive: NotRequired[str]
    description: NotRequired[str]
    counts: NotRequired[Mapping[str, Any]]
    settings: NotRequired[Mapping[str, Any]]


@dataclass(frozen=True)
class _Image:
    name: str
    caption: str
    uri: str
    width_mm: float


@dataclass(frozen=True)
class _Part:
    anchor: str
    title: str
    lead: str
    views: list[ReportData]
    images: list[_Image]


def render(study: Facts, tables: Mapping[str, pd.DataFrame], figures: Sequence[Figure], provenance: Mapping[str, Any]) -> str:
    """Write the report of a study -> the text of one self-contained HTML file.

    Parameters
    ----------
    study : Facts
        ``name``, ``title``, ``simulated``, ``outcome`` (its name), ``positive`` (what patients with it are called),
        ``description``, ``counts`` and ``settings`` (shown as they are; their ``links.alpha`` is the q below which links count,
        0.05 without it).
    tables : mapping of str to DataFrame
        The study's tables by name (`DESIGN.md`: inclusion, evaluation, modules, links...). Those that a section knows are
        shown there, others at the end; sections without a table or figure are listed as not run.
    figures : sequence of Figure
        In the order they were drawn. Each stands in the section that it names, kind by kind; under it stands its own caption or,
        without one, what the report knows to say of its kind.
    provenance : mapping
        ``radiogenomics`` (the version), ``inputs``, ``steps``, ``seed``, ``settings``, ``packages``...: mappings, lists of
        mappings or values.

    Returns
    -------
    str
        HTML; every text is escaped, every image embedded, nothing is loaded from elsewhere.

    Raises
    ------
    ValueError
        If a figure is neither PNG, JPEG nor SVG, or is missing, or two figures have one name.
    """
    _check_names(figures)
    images = {figure.name: _image(figure, caption_of(figure, study, tables)) for figure in figures}
    parts = [
        _part(section, tables, [images[one.name] for one in figures_of(section, figures)], level(study)) for section in SECTIONS
    ]
    run = [part for part in parts if part.views or part.images]
    silent = {"failures"} if study.get("simulated") else {"failures", "planted"}
    placed = {image.name for part in parts for image in part.images}
    further = _further(tables, [image for name, image in images.items() if name not in placed])
    run += [further] if further.views or further.images else []
    return _template().render(
        study=study,
        numbered={"figure": count(1).__next__, "table": count(1).__next__},
        numbers=key_numbers(study, tables),
        findings=findings(study, tables),
        parts=run,
        missing=[part.title for part in parts if part not in run and part.anchor not in silent],
        checklist=_linked(checklist(tables, figures, {"settings": study.get("settings"), **provenance}), run),
        facts=[
            facts_view(study[key], f"{key.capitalize()}.")
            for key in ("counts", "settings")
            if study.get(key) and key not in provenance
        ],
        provenance=_provenance(provenance),
        version=str(provenance.get("radiogenomics", "")),
    )


def _linked(items: list[Item], parts: list[_Part]) -> list[Item]:
    """Link every item to its table or figure; to the section where that is not shown."""
    there = {view.anchor for part in parts for view in part.views} | {
        f"figure-{one.name}" for part in parts for one in part.images
    }
    return [item if item.anchor in there else replace(item, anchor=item.section) for item in items]


def _check_names(figures: Sequence[Figure]) -> None:
    names = [figure.name for figure in figures]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"`figures` holds {twice!r} more than once; a figure's name is its link in the page, give each its own.")


def _part(section: Section, tables: Mapping[str, pd.DataFrame], images: list[_Image], below: float) -> _Part:
    views = [
        shown
        for name, show in section.tables.items()
        if name in tables
        for shown in _anchored(name, _views(name, tables[name], partial(show, below=below) if name in COUNTED else show))
    ]
    return _Part(section.anchor, section.title, section.lead, views, images)


def _anchored(name: str, views: list[ReportData]) -> list[ReportData]:
    """Give the first view of a table the table's anchor."""
    return [replace(views[0], anchor=f"table-{name}"), *views[1:]] if views else views


def _views(name: str, table: pd.DataFrame, show: Show) -> list[ReportData]:
    """Show a table; an empty one is a result too and is said."""
    return show(table) if len(table) else [ReportData(f"{name.replace('_', ' ').capitalize()}: none.", [], [], [])]


# Points of curves and trees, which the sections draw, and what single questions are answered from.
_NOT_SHOWN = frozenset(
    {
        "signatures",
        "soft_threshold",
        "module_tree",
        "curves",
        "decision_curve",
        "nomogram",
        "survival_curves",
        "null_counts",
        "pathway_genes",
        "other_set_genes",
    }
)


def _further(tables: Mapping[str, pd.DataFrame], images: list[_Image]) -> _Part:
    """Collect what no section claims, so that nothing is silently dropped; single patients and genes are not listed."""
    known = {name for section in SECTIONS for name in section.tables} | _NOT_SHOWN
    rest = {name: table for name, table in tables.items() if name not in known and len(table) and not _one_by_one(table)}
    views = [
        replace(view(table, f"{name}.", most=10, where=f"tables/{name}"), anchor=f"table-{name}") for name, table in rest.items()
    ]
    return _Part("further", "Further tables", "", views, images)


def _one_by_one(table: pd.DataFrame) -> bool:
    return table.index.name in ("patient", "gene") or "patient" in table


def _image(figure: Figure, caption: str) -> _Image:
    name, path = figure.name, Path(figure.path)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None or not path.is_file():
        remedy = "draw it again or leave it out" if kind else f"save it as {', '.join(_KINDS)}"
        raise InputError(
            f"The figure {name!r} cannot be embedded from {path}: {'the file is missing' if kind else 'unknown kind'}; {remedy}."
        )
    data = path.read_bytes()
    return _Image(name, caption, f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}", _width_mm(data, kind))


def _width_mm(data: bytes, kind: str) -> float:
    """Read the printed width of an image from its header; a page's width where none stands."""
    if kind == "image/png" and data[12:16] == b"IHDR":
        pixels = struct.unpack(">I", data[16:20])[0]
        place = data.find(b"pHYs", 0, 200)
        per_metre = struct.unpack(">I", data[place + 4 : place + 8])[0] if place > 0 else 0
        return float(pixels * 1000 / per_metre) if per_metre else 180.0
    points = re.search(rb'<svg[^>]*\bwidth="([\d.]+)pt"', data[:4000]) if kind == "image/svg+xml" else None
    return float(points[1]) / _POINTS_PER_INCH * _MM_PER_INCH if points else 180.0


def _provenance(provenance: Mapping[str, Any]) -> list[ReportData]:
    single = {key: value for key, value in provenance.items() if not isinstance(value, dict | list | tuple | pd.DataFrame)}
    views = [facts_view(single, "This run.")] if single else []
    return views + [
        facts_view(value, f"{key.replace('_', ' ').capitalize()}.")
        for key, value in provenance.items()
        if key not in single and len(value)
    ]


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("radiogenomics.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html")
