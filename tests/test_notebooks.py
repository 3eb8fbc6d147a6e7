"""Notebooks are thin: few short cells, nothing defined, nothing looped over, no output stored."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from radiogenomics import study

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
NAMES = ["01_cohort", "02_signatures", "03_modules", "04_pathways", "05_links", "06_gene_score", "pathway_query"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == NAMES


def test_the_first_cell_says_question_inputs_and_outputs(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert all(word in first.source for word in ("**Question:**", "**Input:**", "**Output:**"))


def test_cells_are_few_short_and_plain(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) <= 12
    for cell in cells:
        assert len(cell.source.splitlines()) <= 8
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While)), cell.source


def test_a_study_is_opened_and_its_data_are_found_by_columns(notebook):
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert "rg.study.study_folder()" in code[0]
    assert ("rg.Study.open(" in code[0]) is ("query_panel" not in code[0])
    names = [node.attr for source in code for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    assert not [name for name in names if name.startswith("_") or name == "Store"]
    assert not [source for source in code if re.search(r"family\.str|family\W+(==|in\b)|adjusted_for", source)]


def test_nothing_is_stored(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A study beside the folder of notebooks, which a shell in that place names by a relative path."""
    for folder in ("demo", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "study.json").write_text(json.dumps({"made_by": "radiogenomics", "finished": True}))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")  # as Jupyter does
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.delenv("RADIOGENOMICS_STUDY", raising=False)
    return tmp_path


@pytest.mark.parametrize("named", ["mine", "./mine", "../mine", "{}/mine"])
def test_a_study_is_found_from_where_jupyter_was_started(elsewhere, monkeypatch, named):
    monkeypatch.setenv("RADIOGENOMICS_STUDY", named.format(elsewhere))
    assert study.study_folder() == elsewhere / "mine"


def test_the_demo_is_the_study_where_none_is_named(elsewhere):
    assert study.study_folder() == elsewhere / "demo"


def test_a_study_that_is_not_there_is_named_with_every_place_that_was_tried(elsewhere, monkeypatch):
    monkeypatch.setenv("RADIOGENOMICS_STUDY", "nowhere")
    said = f"RADIOGENOMICS_STUDY is 'nowhere'; no study in {elsewhere}/nowhere or {elsewhere}/notebooks/nowhere; set it to"
    with pytest.raises(FileNotFoundError, match=re.escape(said)):
        study.study_folder()
