"""Patients measured without a study: folders of images and masks to tables, several patients, several lesions."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radiogenomics import images, study
from radiogenomics._errors import InputError
from radiogenomics.study.inputs import gathering
from radiogenomics.study.inputs.members import masks_of, members
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.manifest.schema import Extraction, MisfitError, Source
from radiogenomics.study.measuring.examination import read_examination
from radiogenomics.study.patient import extract_patient
from tests.helpers.command_line import call
from tests.helpers.imaging_phantoms import array, breast, ellipsoid, volume, write

QUICK = """
setting: {resampledPixelSpacing: [3, 3, 3], interpolator: sitkLinear, binWidth: 25}
imageType: {Original: {}}
featureClass: {shape: [MeshVolume], firstorder: [Mean]}
"""
SHAPE = (12, 32, 36)


@pytest.fixture(scope="module")
def exam():
    """A small phantom, and a mask with two lesions."""
    phases, mask = breast(shape=SHAPE, noise=10)
    second = ellipsoid(SHAPE, (6, 25, 31), (2, 3, 3))
    both = volume(((array(mask) > 0) | second).astype(np.uint8), plane="sagittal", spacing=(0.9, 0.9, 2.0))
    return phases, mask, both


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, exam):
    """Names with dots; a Latin-1 file name; phases as NIfTI; two lesions; a patient without a mask, one of a broken slice."""
    folder = tmp_path_factory.mktemp("cohort")
    phases, mask, both = exam
    (folder / "masks").mkdir()
    for name in ("AB1.1001", "AB1.1002", "C.3.9", "none", "broken"):
        write(phases, folder / "images" / name, seconds=[0, 90, 300], timing="AcquisitionTime", patient=name)
    os.rename(folder / "images" / "AB1.1002" / "1-001.dcm", os.fsencode(folder / "images" / "AB1.1002") + b"/R\xf6ntgen.dcm")
    (folder / "images" / "broken" / "2-004.dcm").unlink()
    (folder / "images" / "N-4").mkdir()
    for name, phase in zip(("pre", "post1", "post2"), phases, strict=True):
        images.write_volume(phase, folder / "images" / "N-4" / f"{name}.nii.gz")
    for name in ("AB1.1001", "AB1.1002", "N-4_seg", "broken"):
        images.write_volume(mask, folder / "masks" / f"{name}.nii.gz")
    (folder / "masks" / "C.3.9").mkdir()
    images.write_volume(both, folder / "masks" / "C.3.9" / "reader one.nrrd")
    (folder / "quick.yaml").write_text(QUICK)
    return folder


def test_the_command_measures_whom_it_can_and_names_the_others(cohort, tmp_path):
    ended = call(
        *("features", cohort / "images", "--masks", cohort / "masks", "--out", tmp_path / "out"),
        *("--parameters", cohort / "quick.yaml", "--n-jobs", "1"),
    )
    assert ended.returncode == 0, ended.stderr
    radiomics = pd.read_csv(tmp_path / "out" / "tables" / "features_radiomics.csv", index_col="patient")
    assert radiomics.index.tolist() == ["AB1.1001", "AB1.1002", "C.3.9", "N-4"]
    first, *others = (radiomics.loc[name] for name in ("AB1.1001", "AB1.1002", "N-4", "C.3.9"))
    for other in others:  # the same images, however they are written, and the largest of two lesions
        pd.testing.assert_series_equal(first, other, check_names=False, rtol=1e-6)
    left_out = pd.read_csv(tmp_path / "out" / "tables" / "left_out.csv").set_index("patient")["reason"]
    assert left_out["none"] == "no mask of the lesion"
    assert "1 slice(s) are missing in phase post1" in left_out["broken"]
    decisions = pd.read_csv(tmp_path / "out" / "tables" / "decisions.csv")
    told = set(zip(decisions["where"], decisions["what"], strict=True))
    assert {
        ("C.3.9", "lesions left out"),
        ("N-4", "phases by file name"),
        ("none", "patient left out"),
        ("masks", "names of masks"),
    } <= told
    assert ("lesions: background", "level of air found") in told
    assert "none: left out: no mask of the lesion" in ended.stdout


def test_each_lesion_has_a_row_and_a_second_call_measures_nobody_again(cohort, tmp_path):
    chosen = {"masks": cohort / "masks", "out": tmp_path, "parameters": cohort / "quick.yaml", "lesions": "each"}
    made = study.measure_folder(cohort / "images", **chosen)
    rows = made.tables["features_radiomics"].loc[["C.3.9"], ["lesion", "original_shape_MeshVolume"]]
    assert rows["lesion"].tolist() == [1, 2]
    assert rows["original_shape_MeshVolume"].is_monotonic_decreasing
    assert made.tables["lesions"]["lesion"].tolist() == [1, 1, 1, 2, 1]
    bytes_of = {path.name: path.read_bytes() for path in made.files}
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert len(kept) == 4
    again = study.measure_folder(cohort / "images", **chosen)
    assert {path.name: path.read_bytes() for path in again.files} == bytes_of
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == kept


@pytest.mark.parametrize(
    ("images_in", "masks_in", "message"),
    [
        ("images", "nowhere", "nowhere does not exist; give a folder with one mask per patient"),
        ("quick.yaml", "masks", r"quick\.yaml is a file; give a folder with one folder per patient"),
        ("images/none", "masks", "holds no folder; give a folder with one folder of images per patient"),
        ("masks", "images", "No patient has a mask|belong to no folder of images"),
    ],
)
def test_folders_that_do_not_fit_are_refused(cohort, tmp_path, images_in, masks_in, message):
    with pytest.raises(InputError, match=message):
        study.measure_folder(cohort / images_in, masks=cohort / masks_in, out=tmp_path)


@pytest.mark.parametrize(
    "name",
    ["N-4_mask", "N-4.seg", "N-4-label", "N-4_ROI", "mask_N-4", "Segmentation-N-4", "N-4 tumour mask", "N-4_lesion_labelmap"],
)
def test_a_word_for_a_mask_is_no_part_of_the_patient(name):
    masks, told = masks_of(
        ["N-4", "mask", "AB_seg"], {name: Path(f"m/{name}.nii.gz"), "AB_seg": Path("m/AB_seg.nrrd")}, Path("m")
    )
    assert masks == {"N-4": Path(f"m/{name}.nii.gz"), "AB_seg": Path("m/AB_seg.nrrd")}
    assert [(one.what, one.where, one.count) for one in told] == [("names of masks", "m", 1)]
    assert f"{name}.nii.gz is N-4's" in told[0].why


def test_a_mask_of_nobody_keeps_its_name_and_two_of_one_patient_are_refused():
    masks, told = masks_of(["N-4"], {"N-44_mask": Path("m/N-44_mask.nii"), "maskN-4": Path("m/maskN-4.nii")}, Path("m"))
    assert sorted(masks) == ["N-44_mask", "maskN-4"]
    assert told == []
    with pytest.raises(InputError, match=r"m has 2 masks of N-4 \(N-4\.nii, N-4_mask\.nii\); keep the one that is meant"):
        masks_of(["N-4"], {"N-4": Path("m/N-4.nii"), "N-4_mask": Path("m/N-4_mask.nii")}, Path("m"))


def test_a_latin_1_file_name_has_a_place_in_the_hash_of_a_folder(cohort):
    listing = gathering._list(cohort / "images" / "AB1.1002")
    assert len(listing) == 3 * SHAPE[0]
    found = gathering._verified_folder(cohort / "images" / "AB1.1002", listing, Source(file="f", licence="l", citation="c"))
    assert len(found) == 64
    assert found != gathering._verified_folder(
        cohort / "images", dict(list(listing.items())[1:]), Source(file="f", licence="l", citation="c")
    )


def test_what_lies_behind_links_is_read_and_hashed(cohort, tmp_path):
    """A patient's folder may be a link; a change behind it is a change of the source, and a circle of links has an end."""
    shutil.copytree(cohort / "images" / "N-4", tmp_path / "elsewhere")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "N-4").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "images")
    before = gathering._list(tmp_path / "images")
    assert [name for name in before if name.startswith("N-4/p")] == ["N-4/post1.nii.gz", "N-4/post2.nii.gz", "N-4/pre.nii.gz"]
    (tmp_path / "elsewhere" / "pre.nii.gz").write_bytes(b"cut")
    assert gathering._list(tmp_path / "images") != before
    assert len(images.find_phase_files(tmp_path / "images" / "N-4")) == len(before)


def test_a_latin_1_patient_name_is_readable(tmp_path):
    for name in (b"M\xfcller.1", "Möller.2".encode()):
        os.mkdir(os.fsencode(tmp_path) + b"/" + name)
    assert set(members(tmp_path, folders=True)) == {"Müller.1", "Möller.2"}


def test_settings_that_mean_nothing_are_named(cohort, tmp_path):
    for chosen, message in (
        ({"lesions": "all"}, "`lesions` is 'all'"),
        ({"seconds": [4.0]}, "`seconds` is"),
        ({"kinetic": 1}, "`kinetic`"),
    ):
        with pytest.raises(InputError, match=message):
            study.measure_folder(cohort / "images", masks=cohort / "masks", out=tmp_path, **chosen)


def test_one_of_several_patients_is_chosen_by_name(tmp_path, exam):
    for name in ("left.1", "right.2"):
        write(exam[0], tmp_path / "in" / name, seconds=[0, 90, 300], timing="AcquisitionTime", patient=name)
    with pytest.raises(InputError, match=r"images of 2 patients \('left\.1', 'right\.2'\)\. Choose one \(--patient"):
        read_examination(tmp_path / "in", settings=Extraction())
    with pytest.raises(InputError, match=r"none of patient 'left'; name one of them"):
        read_examination(tmp_path / "in", settings=Extraction(), patient="left")
    made = read_examination(tmp_path / "in", settings=Extraction(), patient="right.2")
    assert made.patient == "right.2"
    assert [one.header["PatientID"] for one in made.series] == ["right.2"]


def test_aligned_phases_are_told_and_keep_their_frame_of_reference(cohort):
    told = []
    made = read_examination(cohort / "images" / "AB1.1001", settings=Extraction(register_phases=True), tell=told.append)
    assert [(one.what, one.count) for one in told] == [("phases aligned", 2)]
    assert made.motion["shift_mm"].max() < 0.5
    assert len({phase.GetMetaData(images.FRAME) for phase in made.phases.images.values()}) == 1


@pytest.mark.parametrize(
    ("lesions", "rows"),
    [pytest.param(name, rows, marks=pytest.mark.slow) for name, rows in (("each", 2), ("largest", 1), ("union", 1))],
)
def test_extract_measures_several_lesions_as_asked(tmp_path, exam, cohort, lesions, rows):
    _, mask, both = exam
    images.write_volume(both, tmp_path / "m.nii")
    made = extract_patient(
        cohort / "images" / "N-4",
        mask=tmp_path / "m.nii",
        out=tmp_path / "out",
        lesions=lesions,
        seconds=[0, 60, 120],
        parameters=cohort / "quick.yaml",
    )
    volumes = made.tables["lesion"]["volume_mm3"].tolist()
    voxel = float(np.prod(mask.GetSpacing()))
    parts = [array(mask).sum() * voxel, (array(both).sum() - array(mask).sum()) * voxel]
    assert volumes == pytest.approx({"largest": parts[:1], "union": [sum(parts)], "each": parts}[lesions])
    assert len(made.features["features_radiomics"]) == rows
    assert made.tables["phases"]["seconds"].tolist() == [0, 60, 120]
    assert not (tmp_path / "out" / "images" / "lesion.seg.dcm").exists()  # there is no DICOM that it could refer to
    told = made.tables["decisions"]
    assert set(told["where"]) == {"N-4"}
    assert {"largest": "lesions left out", "union": "lesions united", "each": "several lesions"}[lesions] in set(told["what"])
    labels = tmp_path / "out" / "images" / "lesions.nii.gz"
    assert labels.exists() == (lesions == "each")
    if labels.exists():
        np.testing.assert_array_equal(array(sitk.ReadImage(str(labels))) > 0, array(both) > 0)


@pytest.mark.slow
def test_a_growth_that_is_cut_off_stands_among_the_decisions(tmp_path, exam, cohort):
    at = [round(float(axis.mean())) for axis in np.nonzero(array(exam[1]))][::-1]
    made = extract_patient(cohort / "images" / "AB1.1001", seed=at, out=tmp_path, radius_mm=4.0, parameters=cohort / "quick.yaml")
    told = made.tables["decisions"].set_index("what")
    assert told.loc["lesion shrunk", "where"] == "AB1.1001"
    assert "reaches 4 mm from the seed" in told.loc["lesion shrunk", "why"]
    assert (Path(tmp_path) / "tables" / "decisions.csv").exists()


def test_a_study_has_one_row_a_patient():
    with pytest.raises(MisfitError) as caught:
        Manifest._names_fit(Manifest.model_construct(**_bare("each")))
    assert caught.value.found[0][0] == ("extraction", "lesions")


def _bare(lesions):
    from radiogenomics.study.manifest import schema

    clinical = {"clinical": "c", "images": "i", "masks": {"reader": "m"}}
    source = schema.Source(file="f", licence="l", citation="c")
    return {
        "sources": dict.fromkeys(("c", "i", "m", "e"), source),
        "training": schema.CohortSection.model_validate(clinical),
        "external": {},
        "expression": schema.Expression(source="e", unit="tpm"),
        "extraction": schema.Extraction(lesions=lesions),
        "gene_sets": None,
        "truth": None,
        "fusion": None,
        "joined": {},
        "survival": [],
        "signature": schema.Signature(),
        "gene_score": schema.GeneScoreSettings(),
        "links": schema.LinkSettings(),
        "clinical_columns": [],
        "outcome": schema.Outcome(name="node status", column="node", positive=["1"], negative=["0"]),
        "modules": schema.ModuleSettings(),
    }
