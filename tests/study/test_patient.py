"""One patient from a folder to results, and the pictures."""

import json
import zipfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from radiogenomics import figures, images, lesions
from radiogenomics._errors import InputError
from radiogenomics.study.patient import extract_patient
from tests.helpers.imaging_phantoms import array, breast, write


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A phantom examination as archives give it: the dynamic series beside a localiser and a licence."""
    folder = tmp_path_factory.mktemp("examination")
    phases, mask = breast(noise=10)
    write(phases, folder / "dce", seconds=[0, 90, 300], timing="TriggerTime", tags={"SeriesNumber": "4"})
    scout = {"SeriesNumber": "1", "SeriesDescription": "LOC", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write(breast(plane="axial")[0][:1], folder / "scout", timing="none", tags=scout)
    (folder / "LICENSE").write_text("CC BY")
    return folder, phases, mask


@pytest.mark.parametrize(
    "kind", ["mask.nii.gz", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("mask.les", "mask.dcm"))]
)
def test_a_mask_of_any_kind_leads_to_the_same_tables(patient, tmp_path, kind):
    folder, _, mask = patient
    path = tmp_path / kind
    if kind == "mask.les":
        lesions.write_les(mask, path)
    elif kind == "mask.dcm":
        source = next(one for one in images.find_series(folder) if one.kind == "image")
        lesions.write_seg(mask, path, source=images.split_phases([source], pre_contrast=1)[0]["pre"], label="Lesion")
    else:
        images.write_volume(mask, path)
    result = extract_patient(folder, mask=path, out=tmp_path / "out")
    np.testing.assert_array_equal(array(result.lesion), array(mask))
    assert result.tables["lesion"]["volume_mm3"].item() == pytest.approx(lesions.volume_mm3(mask))
    assert result.tables["phases"]["seconds"].tolist() == [0, 90, 300]
    assert result.tables["curves"].query("zone == 'lesion'")["enhancement"].tolist() == pytest.approx([0, 120, 95], abs=2)
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (settings["mask"], settings["patient"]) == (kind, "PHANTOM-01")
    assert {path.name for path in (tmp_path / "out" / "images").iterdir()} == {
        *(f"{name}.nii.gz" for name in ("pre", "post1", "post2", "pe1", "ser", "subtraction", "body", "lesion", "zones")),
        "lesion.seg.dcm",
    }


def test_the_level_of_air_can_be_given_and_is_told(patient, tmp_path):
    """Fat has 200 before contrast and gland 380: with 300 given, fat counts as air in every map."""
    folder, phases, mask = patient
    images.write_volume(mask, tmp_path / "mask.nrrd")
    result = extract_patient(folder, mask=tmp_path / "mask.nrrd", out=tmp_path / "out", background=300)
    expected = images.percent_enhancement(phases[1], phases[0], background=300)
    np.testing.assert_array_equal(array(result.maps["pe1"]), array(expected))
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (settings["background_level"], settings["background_from"]) == (300, "given")


def test_a_seed_grows_the_lesion_from_a_zip(patient, tmp_path):
    folder, _, mask = patient
    archive = tmp_path / "patient.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    result = extract_patient(archive, seed=(29, 22, 10), out=tmp_path / "out")
    assert lesions.dice(result.lesion, mask) > 0.95


def test_a_seed_that_grows_nothing_leaves_maps_and_says_where(patient, tmp_path):
    with pytest.raises(InputError, match=r"does not enhance: .* on the PE1 map\. The maps are in .*out/images\.$"):
        extract_patient(patient[0], seed=(0, 0, 0), out=tmp_path / "out")
    assert {"pe1.nii.gz", "subtraction.nii.gz"} <= {path.name for path in (tmp_path / "out" / "images").iterdir()}


@pytest.mark.slow
def test_a_box_grows_the_lesion_of_a_chosen_series(patient, tmp_path):
    folder, _, mask = patient
    boxed = extract_patient(folder, box=[(20, 40), (12, 32), (5, 15)], out=tmp_path / "box", series=4)
    assert lesions.dice(boxed.lesion, mask) > 0.95


def test_two_phases_have_no_ser(tmp_path):
    phases, mask = breast()
    write(phases[:2], tmp_path / "dicom")
    images.write_volume(mask, tmp_path / "mask.nrrd")
    result = extract_patient(tmp_path / "dicom", mask=tmp_path / "mask.nrrd", out=tmp_path / "out", register=True)
    assert set(result.maps) == {"pe1", "subtraction", "body"}
    assert result.tables["motion"]["phase"].tolist() == ["pre", "post1"]


def test_contradictory_or_missing_choices_are_refused(patient, tmp_path):
    folder = patient[0]
    for options in ({}, {"mask": tmp_path / "a.nii", "seed": (1, 2, 3)}):
        with pytest.raises(ValueError, match=r"^Give exactly one of a mask file, a seed voxel and a box: "):
            extract_patient(folder, out=tmp_path, **options)
    with pytest.raises(
        ValueError, match=r"^Series number 9 is not part of a dynamic series; the series are 1 \(localiser\), 4 \(image\)\.$"
    ):
        extract_patient(folder, seed=(1, 2, 3), out=tmp_path, series=9)


def test_curves_need_zones_on_the_phases(patient):
    folder, _, mask = patient
    read = images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=1)
    with pytest.raises(ValueError, match=r"^The zones hold no lesion; grow or read a mask first\.$"):
        lesions.time_intensity(read, mask * 0)
    with pytest.raises(
        ValueError,
        match=(
            r"^The zones have \(51, 48, 20\) voxels and the phases \(52, 48, 20\); place the mask on the "
            r"phases\.$"
        ),
    ):
        lesions.time_intensity(read, mask[1:])


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    zones = np.zeros((30, 40), dtype=int)
    zones[10:20, 15:25], zones[12:18, 17:23] = 2, 1
    yield rng.normal(100, 10, (30, 40)), zones
    plt.close("all")


def outline(ax):
    return [collection for collection in ax.collections if isinstance(collection, LineCollection)]


def test_the_outline_runs_along_the_edges_of_the_lesion(pictures):
    image, zones = pictures
    ax = figures.lesion_slice(
        image, spacing_mm=(2.0, 0.5), lesion=zones > 0, zones=zones, zone_labels=lesions.ZONES, title="slice 3"
    )
    points = np.concatenate(outline(ax)[0].get_segments())
    assert (points.min(axis=0).tolist(), points.max(axis=0).tolist()) == ([7.5, 20.0], [12.5, 40.0])
    assert len(outline(ax)[0].get_segments()) == 2 * (10 + 10)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["core", "rim"]
    assert ax.images[0].get_extent() == [0.0, 20.0, 60.0, 0.0]
    assert ax.get_title(loc="left") == "slice 3"
    assert [text.get_text() for text in ax.texts] == ["10 mm"]


def test_a_montage_shows_every_phase_on_one_scale(pictures):
    image, zones = pictures
    ax = figures.phase_montage({"pre": image, "post1": 2 * image}, spacing_mm=(1.0, 1.0), lesion=zones > 0)
    assert [text.get_text() for text in ax.texts] == ["pre", "post1", "10 mm"]
    assert len({one.get_clim() for one in ax.images}) == 1
    assert ax.images[1].get_extent()[0] > ax.images[0].get_extent()[1]
    assert len(outline(ax)) == 2
    with pytest.raises(ValueError, match="`slices` is empty, there is nothing to draw; leave the panel out"):
        figures.phase_montage({}, spacing_mm=(1.0, 1.0))
    with pytest.raises(ValueError, match="`slices` have different shapes"):
        figures.phase_montage({"pre": image, "post1": image[1:]}, spacing_mm=(1.0, 1.0))


@pytest.mark.parametrize(
    ("seconds", "label"), [([0.0, 120.0], "Minutes since the first phase"), ([np.nan] * 2, "Phase (times unknown)")]
)
def test_curves_have_minutes_or_say_that_times_are_unknown(pictures, seconds, label):
    curves = pd.DataFrame(
        {
            "phase": ["pre", "post1"] * 2,
            "seconds": seconds * 2,
            "zone": ["core"] * 2 + ["rim"] * 2,
            "enhancement": [0, 90, 0, 60.0],
        }
    )
    ax = figures.time_intensity(curves)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (label, "Enhancement, %")
    lines = [line for line in ax.lines if line.get_label() in ("core", "rim")]
    assert [line.get_ydata().tolist() for line in lines] == [[0, 90], [0, 60]]
    assert np.asarray(lines[0].get_xdata()).tolist() == ([0, 2] if label.startswith("Minutes") else [0, 1])
    with pytest.raises(ValueError, match="`curves` lacks the column"):
        figures.time_intensity(curves.drop(columns="zone"))
