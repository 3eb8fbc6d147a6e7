"""Figures are the same bytes wherever they are drawn: a user's settings of matplotlib, and its backend, change none."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from radiogenomics import figures
from tests.figures.test_figures import EVERY_PANEL

PANELS = ("link_heatmap", "dendrogram", "kaplan_meier", "phase_montage")

SETTINGS = """
figure.dpi: 51
figure.autolayout: True
savefig.bbox: tight
savefig.facecolor: pink
savefig.pad_inches: 2
font.family: serif
lines.linestyle: --
lines.markersize: 20
axes.grid: True
axes.xmargin: 0.4
axes.prop_cycle: cycler('color', ['g', 'k'])
image.cmap: hot
image.interpolation: nearest
patch.linewidth: 5
scatter.marker: s
text.hinting: none
text.antialiased: False
path.simplify: False
xtick.direction: inout
ytick.minor.visible: True
boxplot.notch: True
legend.loc: lower left
legend.fancybox: False
hatch.color: red
svg.image_inline: False
"""

DRAW = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.figures.test_figures import EVERY_PANEL
from radiogenomics import figures
import pandas as pd
for name in {panels!r}:
    figures.save(EVERY_PANEL[name](), Path({out!r}) / name, pd.DataFrame())
"""


def drawn(folder: Path, **environment: str) -> dict[str, bytes]:
    """Draw in a process of its own, whose working folder has the settings that are there."""
    code = DRAW.format(root=str(Path(__file__).parents[2]), out=str(folder / "out"), panels=PANELS)
    package = str(Path(figures.__file__).parents[2])
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MPL")}
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=plain | {"PYTHONPATH": package, "MPLCONFIGDIR": mpl.get_configdir()} | environment,
        check=True,
        timeout=300,
    )
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def test_a_users_settings_and_backend_change_no_figure(tmp_path):
    plain, own = tmp_path / "plain", tmp_path / "own"
    for name in PANELS:
        figures.save(EVERY_PANEL[name](), plain / name, pd.DataFrame())
    own.mkdir()
    (own / "matplotlibrc").write_text(SETTINGS)
    expected = {path.name: path.read_bytes() for path in plain.iterdir()}
    assert len(expected) == 3 * len(PANELS)
    assert drawn(own, MPLBACKEND="svg") == expected


def test_what_is_set_while_the_look_is_on_stays_and_the_rest_comes_back():
    with mpl.rc_context({"axes.grid": True, "lines.linestyle": ":"}):
        with figures.style():
            assert not mpl.rcParams["axes.grid"]
            mpl.rcParams["image.cmap"] = "hot"  # as a notebook's backend may
        assert mpl.rcParams["axes.grid"]
        assert mpl.rcParams["lines.linestyle"] == ":"
        assert mpl.rcParams["image.cmap"] == "hot"
