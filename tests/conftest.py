"""What every test may ask for."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.helpers import tiny_study

# The same examples on every machine, so that what fails is the change; `--hypothesis-profile=default` looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


def real_data() -> Path | None:
    """The folder of real public data: RADIOGENOMICS_REAL_DATA, or ../shared/real beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "real"
    folder = Path(os.environ.get("RADIOGENOMICS_REAL_DATA", beside))
    return folder if folder.is_dir() else None


LONG = ("study", "cli", "validation", "test_seams.py", "simulate", "features")
"""Folders and files of tests that take longest: they begin, so that no core waits for another at the end."""


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG if item.path.is_relative_to(here) else True)
    if find_spec("torch") is None:
        for item in items:
            if "deep" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs the extra 'deep'"))
    if real_data() is None:
        skip = pytest.mark.skip(
            reason="the real public data are not here: set RADIOGENOMICS_REAL_DATA or put them at ../shared/real"
        )
        for item in items:
            if "real" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real public data."""
    folder = real_data()
    if folder is None:
        pytest.skip("the real public data are not here: set RADIOGENOMICS_REAL_DATA or put them at ../shared/real")
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of numbers made by reference implementations, as far as it lies in the project."""
    return Path(__file__).parent / "reference"


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Make a folder once for every worker of a test run -> the folder, which nobody may change."""
    everyone = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    folder = everyone / f"once-{name}"
    with FileLock(everyone / f"{name}.lock"):
        if not (folder / "made").exists():
            make(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The tiny study, finished with its figures: its inputs and `out`."""
    from radiogenomics import study

    return once(
        tmp_path_factory, "tiny", lambda folder: study.run(tiny_study.write(folder / "inputs"), out=folder / "out", n_jobs=1)
    )
