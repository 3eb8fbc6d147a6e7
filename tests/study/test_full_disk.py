"""A disk without room: one line with file, room, place and remedy; nothing half written stays, and the same run goes on later."""

import re
import shutil
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radiogenomics import _kept, figures, images
from radiogenomics._errors import FileError
from radiogenomics._files import write_table
from radiogenomics._parallel import is_transient
from radiogenomics.study.engine.results import Results
from radiogenomics.study.engine.step import step
from tests.helpers.full_disk import room_for
from tests.study.test_engine import Toy, run, value

NOISE = np.random.default_rng(0).integers(1, 30_000, (6, 70, 80)).astype(np.int16)
MESSAGE = (
    r"^/.*{name} cannot be written: .* \([\d,.]+ MB are free on its disk\); make room there, or choose a folder on another disk"
)


def volume(folder, name):
    images.write_volume(sitk.GetImageFromArray(NOISE), folder / name)


def drawn(folder, name):
    axes = plt.figure(figsize=(9, 9)).subplots()
    axes.imshow(NOISE[0], interpolation="nearest")
    figures.save(axes, folder / name)


WRITERS = {
    "table.parquet": lambda folder, name: write_table(pd.DataFrame({"x": NOISE.ravel() / 7}), folder / "table"),
    "figure.svg": drawn,
    "map.nii": volume,
    "map.nii.gz": volume,
    "1-001.dcm": lambda folder, name: images.write_dicom(
        [sitk.GetImageFromArray(NOISE)], folder, patient="P", seconds=[0.0], timing="none"
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_does_not_fit_is_one_error_and_leaves_nothing(tmp_path, name):
    with room_for(5_000), pytest.raises(FileError, match=MESSAGE.format(name=name.replace(".", r"\."))) as caught:
        WRITERS[name](tmp_path, name)
    assert is_transient(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["map.nrrd", "map.mha"])
def test_what_itk_refuses_itself_leaves_nothing_either(tmp_path, name):
    with room_for(5_000), pytest.raises(FileError, match=rf"{name} cannot be written: .*; .*room|space"):
        volume(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz", "map.nrrd", "map.mha"])
@pytest.mark.parametrize("kind", [sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkFloat32, sitk.sitkVectorFloat32])
def test_what_fits_is_whole(tmp_path, name, kind):
    image = sitk.GetImageFromArray(NOISE[:2])
    image = sitk.Compose(image, image) if kind == sitk.sitkVectorFloat32 else sitk.Cast(image, kind)
    images.write_volume(image, tmp_path / name)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name))), sitk.GetArrayFromImage(image))


def test_a_kept_result_that_does_not_fit_names_its_file_once(tmp_path):
    with room_for(2_000), pytest.raises(FileError, match=MESSAGE.format(name=r"\.kept")) as caught:
        _kept.store(NOISE, "key", _kept.place(tmp_path, "key"), of=())
    assert str(caught.value).count("cannot be written") == 1


@step(makes={"large": "many numbers"}, settings=("factor",))
def large(*, settings):
    return {"large": pd.DataFrame({"x": settings.factor * NOISE.ravel() / 7}, index=pd.RangeIndex(NOISE.size, name="patient"))}


def test_a_study_goes_on_where_the_disk_was_full(tmp_path):
    steps = (large,)
    with room_for(20_000), pytest.raises(FileError, match=MESSAGE.format(name=r"tables/large\.parquet")):
        run(tmp_path / "s", steps=steps)
    assert not Results(tmp_path / "s").finished
    assert Results(tmp_path / "s").tables() == {}
    assert run(tmp_path / "s", steps=steps, manifest=Toy()) == ["large"]
    assert value(tmp_path / "s", "large") == pytest.approx(2 * float(NOISE[0, 0, 0]) / 7)
    assert Results(tmp_path / "s").finished


FULL = """
import sys
import numpy as np, pandas as pd, SimpleITK as sitk
from pathlib import Path
from radiogenomics import images
from radiogenomics._errors import FileError
from radiogenomics._files import write_table
noise = np.random.default_rng(0).integers(1, 30_000, (6, 70, 80)).astype(np.int16)
disk = Path(sys.argv[1])
for name in ("map.nii.gz", "map.nrrd", "table"):
    try:
        if name == "table":
            write_table(pd.DataFrame({"x": noise.ravel() / 7}), disk / name)
        else:
            images.write_volume(sitk.GetImageFromArray(noise), disk / name)
    except FileError as error:
        print(error, list(disk.iterdir()))
"""


def test_a_disk_that_is_full_says_how_much_is_left(tmp_path):
    """A disk of 40 kB, which this process alone sees."""
    mount = f"mount -t tmpfs -o size=40k tmpfs {tmp_path}"
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    command = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$0" -c "$1" {tmp_path}', sys.executable, FULL]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    for name, line in zip(("map.nii.gz", "map.nrrd", "table.parquet"), said, strict=True):
        assert re.search(
            rf"/{name} cannot be written: no space left on device \(0\.\d MB are free on its disk\); .*\. \[\]$", line
        )
