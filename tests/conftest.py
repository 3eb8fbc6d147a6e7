"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every machine, so that what fails is the change; `--hypothesis-profile=default` looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


def real_data() -> Path | None:
    """The folder of real public data: RADIOGENOMICS_REAL_DATA, or ../shared/real beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "real"
    folder = Path(os.environ.get("RADIOGENOMICS_REAL_DATA", beside))
    return folder if folder.is_dir() else None


def pytest_collection_modifyitems(items):
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
