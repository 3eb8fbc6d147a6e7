"""A study from its manifest to its report: check it, run it, resume it, ask it."""

from typing import TYPE_CHECKING

from radiogenomics._lazy import lazy

if TYPE_CHECKING:
    from radiogenomics.study.answers import Answer, save_answer
    from radiogenomics.study.checks import Checked, check
    from radiogenomics.study.demo import write_demo
    from radiogenomics.study.gene_sets import sets_found
    from radiogenomics.study.image_checks import masks_found
    from radiogenomics.study.imaging import extract_patient
    from radiogenomics.study.inputs import Inputs, gather
    from radiogenomics.study.manifest import Manifest, read_manifest
    from radiogenomics.study.own import init
    from radiogenomics.study.panel import query_panel
    from radiogenomics.study.pipeline import run
    from radiogenomics.study.problems import ManifestError, Problem
    from radiogenomics.study.queries import Names, UnknownNameError, names_of, query
    from radiogenomics.study.store import Store, study_folder

_PLACES = {
    "Answer": "answers",
    "save_answer": "answers",
    "Checked": "checks",
    "check": "checks",
    "extract_patient": "imaging",
    "masks_found": "image_checks",
    "sets_found": "gene_sets",
    "write_demo": "demo",
    "Inputs": "inputs",
    "gather": "inputs",
    "Manifest": "manifest",
    "ManifestError": "problems",
    "Problem": "problems",
    "read_manifest": "manifest",
    "init": "own",
    "run": "pipeline",
    "Names": "queries",
    "UnknownNameError": "queries",
    "names_of": "queries",
    "query_panel": "panel",
    "query": "queries",
    "Store": "store",
    "study_folder": "store",
}

__all__ = [
    "Answer",
    "Checked",
    "Inputs",
    "Manifest",
    "ManifestError",
    "Names",
    "Problem",
    "Store",
    "UnknownNameError",
    "check",
    "extract_patient",
    "gather",
    "init",
    "masks_found",
    "names_of",
    "query",
    "query_panel",
    "read_manifest",
    "run",
    "save_answer",
    "sets_found",
    "study_folder",
    "write_demo",
]

__getattr__, __dir__ = lazy(__name__, _PLACES)
