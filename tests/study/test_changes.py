"""Whatever goes into a study, once changed, changes all that depends on it: a rerun in place equals a run in a new folder."""

import shutil
import tomllib
from pathlib import Path

import pytest
import tomli_w
from pydantic import BaseModel

from radiogenomics import study
from radiogenomics.study.manifest.model import Manifest
from tests.helpers import tiny_study

SETTINGS = {
    "seed": 4,
    "simulated": False,
    "name": "other",
    "title": "Another title",
    "clinical_columns": ["age_years", "size_mm"],
    "training.volume": None,
    "training.second_reader": {},
    "outcome.name": "nodes",
    "outcome.labels": ["N0", "N+"],
    "outcome.positive": ["pos", "unclear"],
    "outcome.excluded": ["unclear"],
    "joined.assays.columns": [],
    "joined.assays.linked": [],
    "survival.0.name": "recurrence",
    "survival.0.covariates": [],
    "expression.unit": "tpm",
    "expression.clip": "needs z-scores",
    "expression.min_mean": 7.9,
    "gene_sets": None,
    "gene_sets.scored": ["SET_1", "SET_2"],
    "gene_sets.min_size": 16,
    "gene_sets.max_size": 20,
    "signature.recipe": "lasso",
    "signature.icc": 0.99,
    "signature.max_rho": "recipe",
    "signature.penalty": "recipe",
    "signature.parameters": "recipe",
    "signature.sizes": [3],
    "signature.n_trees": 9,
    "signature.imbalance": "oversample",
    "signature.n_splits": 4,
    "signature.n_repeats": 2,
    "signature.n_bootstraps": 0,
    "signature.n_permutations": 0,
    "fusion": None,
    "fusion.clinical": ["size_mm"],
    "fusion.factors": "needs words",
    "fusion.firth": False,
    "modules.engine": "needs another package",
    "modules.power": 5,
    "modules.network": "signed",
    "modules.min_size": 12,
    "modules.deep_split": 1,
    "modules.merge_height": 0.6,
    "pathways.method": "zscore",
    "pathways.kernel": "none",
    "links.method": "spearman",
    "links.covariates": ["size_mm"],
    "links.n_permutations": 120,
    "links.alpha": 0.2,
    "gene_score.min_kme": 0.6,
    "gene_score.min_significance": 0.2,
    "gene_score.max_module_p": 0.5,
    "gene_score.at_least": None,
    "gene_score.regression": "firth",
    "gene_score.n_repeats": 2,
    "gene_score.inner_repeats": 2,
}
"""A change of every setting of a manifest of tables, by its place; those in words are covered elsewhere."""

ELSEWHERE = {"sources", "truth", "external", "extraction", "training", "outcome.column", "outcome.negative", "gene_sets.sources", "gene_sets.aliases",
             "expression.source"}  # fmt: skip
"""Names of sources and columns, of which a change is one of the input; images, which test_images.py changes."""

FILES = ["expression.csv", "features_training.csv", "features_external.csv", "second_reader.csv", "clinical_training.csv",
         "clinical_external.csv", "assays.csv", "sets.gmt"]  # fmt: skip


@pytest.fixture(scope="module")
def plain(tiny):
    """The study as it is."""
    return tiny


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    """The study with a fusion, which takes as long as all the rest."""
    return finished(tmp_path_factory.mktemp("fused"), fusion={"clinical": ["age_years"]})


def finished(folder: Path, **more: object) -> Path:
    study.run(tiny_study.write(folder / "inputs", **more), out=folder / "out", figures=False)
    return folder


@pytest.fixture
def done(request):
    """The finished study that a test changes: one with a fusion where it is the fusion that changes."""
    setting = request.node.callspec.params.get("setting", "") if hasattr(request.node, "callspec") else ""
    return request.getfixturevalue("fused" if setting.startswith("fusion") else "plain")


def bytes_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "tables").iterdir())}


def assert_rerun_equals_clean(folder: Path, done: Path) -> None:
    """Run the changed inputs in the finished study's folder and in a new one: the same files, byte for byte."""
    study.run(folder / "inputs" / "study.toml", out=folder / "out", figures=False)
    study.run(folder / "inputs" / "study.toml", out=folder / "clean", figures=False)
    again, clean = bytes_of(folder / "out"), bytes_of(folder / "clean")
    assert again.keys() == clean.keys()
    assert [name for name in clean if again[name] != clean[name]] == []


def changed_tables(folder: Path, done: Path) -> set[str]:
    before, after = bytes_of(done / "out"), bytes_of(folder / "out")
    return {Path(name).stem for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.fixture
def copy(done, tmp_path):
    shutil.copytree(done, tmp_path / "study", ignore=shutil.ignore_patterns("figures"))
    return tmp_path / "study"


def put(raw: dict, place: str, value: object) -> None:
    *parents, last = place.split(".")
    for part in parents:
        raw = raw[int(part)] if isinstance(raw, list) else raw.setdefault(part, {})
    if value is None:
        raw.pop(last, None)
    else:
        raw[last] = value


def change_of(setting: str) -> dict[str, object]:
    """Give a setting's change, with what it needs beside it."""
    beside = {
        "training.second_reader": {"signature.icc": None},
        "signature.recipe": {"signature.sizes": None, "signature.n_trees": None},
        "training.volume": {"external.other.volume": None},
        "clinical_columns": {},
    }
    return {setting: SETTINGS[setting], **beside.get(setting, {})}


RUNNABLE = [
    name for name, value in SETTINGS.items() if value not in ("recipe", "needs another package", "needs z-scores", "needs words")
]


@pytest.mark.slow
@pytest.mark.parametrize("setting", RUNNABLE)
def test_a_changed_setting_gives_what_a_new_folder_gives(done, copy, setting):
    raw = tomllib.loads((copy / "inputs" / "study.toml").read_text())
    for place, value in change_of(setting).items():
        put(raw, place, value)
    (copy / "inputs" / "study.toml").write_text(tomli_w.dumps(raw))
    assert_rerun_equals_clean(copy, done)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_a_changed_value_of_a_file_gives_what_a_new_folder_gives(done, copy, file):
    path = copy / "inputs" / file
    separator = "\t" if file.endswith(".gmt") else ","
    lines = path.read_text().splitlines()
    cells = lines[2].split(separator)
    cells[-1] = {"sets.gmt": "G089", "clinical_training.csv": "1", "clinical_external.csv": "1"}.get(file, "7.25")
    if file.startswith("clinical"):
        cells[1] = "pos" if cells[1] == "neg" else "neg"
    lines[2] = separator.join(cells)
    path.write_text("\n".join(lines) + "\n")
    assert_rerun_equals_clean(copy, done)
    assert changed_tables(copy, done)


@pytest.mark.slow
def test_expression_dealt_out_anew_among_the_patients_changes_modules_pathways_and_links(done, copy):
    """The source is named like a part of the study, which once hid its change."""
    path = copy / "inputs" / "expression.csv"
    header, *rows = path.read_text().splitlines()
    gene, *patients = header.split(",")
    path.write_text("\n".join([",".join([gene, *patients[7:], *patients[:7]]), *rows]) + "\n")
    assert_rerun_equals_clean(copy, done)
    assert {"links", "eigengenes", "pathways", "expression_linked", "gene_links"} <= changed_tables(copy, done)


def test_every_setting_has_a_change():
    assert set(places(Manifest)) - ELSEWHERE - set(SETTINGS) == set()
    assert "signature.n_trees" in places(Manifest)


def places(model: type[BaseModel], begin: str = "") -> list[str]:
    """List the places of all settings, section by section."""
    named: list[str] = []
    tiny = {"joined": "joined.assays", "survival": "survival.0"}
    for name, field in model.model_fields.items():
        place = f"{begin}{name}"
        section = section_of(field.annotation)
        if section is None or place in ELSEWHERE:
            named.append(place)
        else:
            named += [
                one for one in places(section, f"{tiny.get(place, place)}.") if not one.endswith((".source", ".time", ".event"))
            ]
    return named


def section_of(annotation: object) -> type[BaseModel] | None:
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := section_of(one))), None)
