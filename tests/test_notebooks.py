"""Notebooks are thin: few short cells, nothing defined, nothing looped over, no output stored."""

import ast
from pathlib import Path

import nbformat
import pytest

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


def test_nothing_is_stored(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
