"""UCSF-BR-06 of Breast-MRI-NACT-Pilot: GE 1.5 T, three phases in one series, TCIA's own PE1 and SER maps, a fractional SEG."""

import json

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk

from radiogenomics import images, lesions
from radiogenomics.study.patient import extract_patient
from tests.helpers.imaging_phantoms import array

pytestmark = pytest.mark.real

FOCUS = (66, 148, 31)  # a satellite focus of 9 mm, apart from the large enhancing masses


@pytest.fixture(scope="module")
def folder(real):
    return real / "mri" / "UCSF-BR-06"


@pytest.fixture(scope="module")
def series(folder):
    return images.find_series(folder)


@pytest.fixture(scope="module")
def phases(series):
    return images.read_phases(images.dynamic_series(series), pre_contrast=1)


@pytest.fixture(scope="module")
def theirs(series):
    """TCIA's maps by name."""
    maps = [one for one in series if one.kind == "derived map"]
    return {one.description.rsplit(maxsplit=1)[-1]: array(images.read_image(one)) for one in maps}


def test_kinds_and_scanner_facts(series):
    table = images.series_table(series)
    assert table["kind"].tolist() == ["image", "derived map", "derived map", "segmentation"]
    assert table["images"].tolist() == [180, 60, 60, 1]
    chosen = table.query("vendor == 'GE' and field_t == 1.5 and kind == 'image'")
    assert chosen[["orientation", "laterality", "tr_ms", "te_ms", "flip_deg"]].to_numpy().tolist() == [
        ["sagittal", "L", 8.2, 4.2, 20.0]
    ]


def test_three_phases_are_named_and_timed(phases):
    """The SEG's private header says -230, 177 and 531 s from the injection: the same differences."""
    assert phases.table["role"].tolist() == ["pre-contrast", "first post-contrast", "later post-contrast"]
    assert phases.table["seconds"].tolist() == [0.0, 177 + 230, 531 + 230]
    assert phases.table["evidence"].unique().tolist() == ["ContentTime: 3 values, each position once"]
    assert phases.pre.GetSize() == (256, 256, 60)


def test_geometry_equals_another_reader(phases):
    paths = [str(one.path) for one in sorted(phases.sources["pre"].slices, key=lambda one: one.height)]
    other = sitk.ReadImage(paths)
    np.testing.assert_array_equal(array(other), array(phases.pre))
    np.testing.assert_allclose(other.GetOrigin(), phases.pre.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(other.GetSpacing(), phases.pre.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(other.GetDirection(), phases.pre.GetDirection(), atol=1e-9)


def test_maps_equal_those_of_the_archive(phases, theirs):
    """With the archive's own background of 35 at every voxel of the volume; SER keeps isolated voxels that the archive drops."""
    enhancement = array(images.percent_enhancement(phases.first, phases.pre, background=35))
    ratio = array(
        images.signal_enhancement_ratio(phases.first, phases.last, phases.pre, background=35, min_enhancement=70, ceiling=3)
    )
    assert (np.abs(np.clip(enhancement, 0, None) - theirs["PE1"]) <= 1).mean() == 1.0
    assert (np.abs(ratio - theirs["SER"]) <= 0.002).mean() >= 0.999
    assert (ratio[theirs["SER"] > 0] > 0).all()


def test_the_fractional_seg_lies_on_the_phases(folder, phases):
    path = folder / "mask" / "1-1.dcm"
    assert lesions.list_segments(path)[["number", "label", "property", "frames"]].to_numpy().tolist() == [
        [1, "Breast", "Breast", 42]
    ]
    mask = lesions.read_mask(path, image=phases.first)
    assert mask.GetSize() == (256, 256, 42)
    placed = array(lesions.validate_mask(mask, phases.first))
    assert int(placed.sum()) == 82_527
    assert np.flatnonzero(placed.any(axis=(1, 2)))[[0, -1]].tolist() == [9, 50]
    brightness = array(phases.first)
    assert brightness[placed > 0].mean() > 3 * brightness[placed == 0].mean()


def test_the_seg_with_a_header_half_a_voxel_off_keeps_every_voxel(folder, phases, tmp_path, caplog):
    dataset = pydicom.dcmread(folder / "mask" / "1-1.dcm")
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        plane = frame.PlanePositionSequence[0]
        x, y, z = (float(value) for value in plane.ImagePositionPatient)
        plane.ImagePositionPatient = [x, round(y - 0.703125 / 2, 6), round(z + 0.703125 / 2, 6)]
    dataset.save_as(tmp_path / "half.dcm")
    placed = array(lesions.validate_mask(lesions.read_mask(tmp_path / "half.dcm", image=phases.first), phases.first))
    whole = array(lesions.validate_mask(lesions.read_mask(folder / "mask", image=phases.first), phases.first))
    assert int(placed.sum()) == 82_527
    np.testing.assert_array_equal(placed, whole)
    assert "0.50 mm off those of the image in the same frame of reference" in caplog.messages[0]


@pytest.mark.slow
def test_seeds_anywhere_in_the_enhancing_tissue_grow_a_lesion(folder, phases):
    """The masses reach farther than 40 mm: they are cut off there, or a bridge of theirs is, and that is said."""
    enhancement = images.percent_enhancement(phases.first, phases.pre, background=images.background_level(phases.pre))
    values = array(enhancement)
    voi = array(lesions.place(lesions.read_mask(folder / "mask", image=phases.first), phases.first)) > 0
    seeds = np.random.default_rng(8).permutation(np.argwhere(voi & (values >= 100)))[:12]
    for z, y, x in seeds.tolist():
        grown = lesions.grow_from_seed(enhancement, seed=(x, y, z), radius_mm=40.0, fraction=0.5, smoothing_mm=0.8)
        inside = array(grown.mask) > 0
        assert inside[z, y, x]
        assert 100 < grown.volume_mm3 < 4 / 3 * np.pi * 40**3 / 2
        assert np.median(values[inside]) > 80
    assert lesions.grow_from_seed(enhancement, seed=FOCUS, radius_mm=40.0, fraction=0.5, smoothing_mm=0.8).limit == "none"


@pytest.mark.parametrize("register", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_one_command_from_folder_to_phases_maps_and_overlay(folder, theirs, tmp_path, register):
    result = extract_patient(folder, seed=FOCUS, out=tmp_path, register=register)
    assert list(result.phases.images) == ["pre", "post1", "post2"]
    assert result.patient == "UCSF-BR-06"
    if not register:
        for name, tolerance in (("pe1", 1.0), ("ser", 0.002)):
            ours, archive = array(sitk.ReadImage(str(tmp_path / "images" / f"{name}.nii.gz"))), theirs[name.upper()]
            where = archive != 0
            assert (np.abs(ours[where] - archive[where]) <= tolerance).mean() >= 0.999
    assert 250 < result.tables["lesion"]["volume_mm3"].item() < 450
    assert 9 < result.tables["lesion"]["largest_diameter_mm"].item() < 12
    curves = result.tables["curves"].pivot_table(index="phase", columns="zone", values="enhancement")
    assert curves.loc["post1", "lesion"] > 80 > curves.loc["post1", "surround"]
    assert all(path.stat().st_size > 0 for path in result.files)
    assert (tmp_path / "figures" / "overlay.png").exists()
    read = lesions.validate_mask(
        lesions.read_mask(tmp_path / "images" / "lesion.seg.dcm", image=result.phases.first), result.phases.first
    )
    np.testing.assert_array_equal(array(read), array(result.lesion))
    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == list(FOCUS)
    assert len(pd.read_csv(tmp_path / "tables" / "phases.csv")) == 3


@pytest.mark.slow
def test_one_command_with_a_mask_or_a_box(folder, tmp_path):
    masked = extract_patient(folder, mask=folder / "mask" / "1-1.dcm", out=tmp_path / "mask")
    assert masked.tables["lesion"]["volume_mm3"].item() == pytest.approx(78_869 * 0.703125**2 * 2)
    boxed = extract_patient(folder, box=[(70, 125), (140, 195), (20, 42)], out=tmp_path / "box")
    assert 10_000 < boxed.tables["lesion"]["volume_mm3"].item() < 25_000


def test_masks_of_pyradiomics_are_checked(real):
    for name in ("breast1", "brain1", "brain2"):
        image = sitk.ReadImage(str(real / "images" / f"{name}_image.nrrd"))
        mask = lesions.validate_mask(lesions.read_mask(real / "images" / f"{name}_label.nrrd", image=image), image)
        assert lesions.volume_mm3(mask) > 100
        assert lesions.largest_slices(mask)["diameter_mm"].max() > 5
