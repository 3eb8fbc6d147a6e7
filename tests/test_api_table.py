"""The table of the public API is the code's, and one argument has one name."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
OTHER_NAMES = {
    "random_state": {"rng", "random_seed", "generator"},
    "confidence": {"level", "conf", "conf_level", "ci"},
    "n_jobs": {"cores", "n_cores", "workers", "n_workers", "processes"},
    "cache_dir": {"cache", "cache_folder"},
    "y_true": {"labels_true", "y_test"},
    "y_score": {"y_pred", "prediction", "predictions", "probability"},
}
OTHER_SEEDS = {("lesions", "grow_from_seed"), ("study", "extract_patient"), ("study", "Manifest")}  # voxels, and a key


@pytest.fixture(scope="module")
def made():
    return runpy.run_path(str(DOCS / "make_api.py"))


@pytest.fixture(scope="module")
def public(made):
    every = list(made["members"]())
    every += [(room, f"{name}.{method}", own) for room, name, member in every for method, own in made["methods"](member)]
    return [(room, name, [one.name for one in made["arguments"](member)]) for room, name, member in every]


def test_the_page_is_what_the_code_says(made):
    assert (DOCS / "api.md").read_text() == made["text"](), "run `python docs/make_api.py`"


def test_one_argument_has_one_name(public):
    wrong = [
        (room, name, argument, right)
        for room, name, arguments in public
        for right, others in OTHER_NAMES.items()
        for argument in set(arguments) & others
    ]
    assert wrong == []
    assert {(room, name) for room, name, arguments in public if "seed" in arguments} == OTHER_SEEDS


def test_the_table_has_the_methods_of_classes_too(public):
    listed = {(room, name): arguments for room, name, arguments in public}
    assert listed["radiogenomics", "Study.links"] == ["imaging", "molecular"]
    assert listed["stats", "ComBat.transform"] == ["X"]


def test_the_outcome_comes_before_the_score(public):
    both = [a for _, _, a in public if "y_true" in a and {"y_score", "y_prob"} & set(a)]
    assert len(both) > 10
    assert all(arguments[0] == "y_true" and arguments[1] in ("y_score", "y_prob") for arguments in both)
    assert [name for _, name, a in public if {"outcome", "score"} <= set(a) or {"outcome", "scores"} <= set(a)] == [
        "score_distribution"
    ]


def test_every_public_function_says_what_it_does_and_returns(made):
    silent = [(room, name) for room, name, member in made["members"]() if not (member.__doc__ or "").strip()]
    assert silent == []
