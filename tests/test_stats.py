"""The room's door: what it offers, and that opening it is cheap."""

import subprocess
import sys
from typing import Literal, get_origin

import pytest

from radiogenomics import stats

HEAVY = ("sklearn", "lifelines", "statsmodels", "tableone", "dcurves", "scipy.stats", "scipy.ndimage")


def test_everything_offered_is_there_and_documented():
    for name in stats.__all__:
        assert getattr(stats, name).__doc__ or get_origin(getattr(stats, name)) is Literal, name
    assert dir(stats) == sorted(stats.__all__)


def test_an_unknown_name_is_named():
    with pytest.raises(AttributeError, match=r"No radiogenomics.stats attribute delong"):
        _ = stats.delong


def test_importing_it_loads_no_heavy_library():
    code = f"import sys, radiogenomics.stats; sys.exit(' '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""
    assert done.returncode == 0
