"""A study from DICOM folders and masks: what is measured, what fails, what a kill or a cluster changes (nothing)."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import tomli_w

from radiogenomics import features, linking, study
from radiogenomics.study import pipeline
from radiogenomics.study.engine.context import Declared, Run
from radiogenomics.study.inputs.leftovers import leftovers
from radiogenomics.study.manifest.model import ManifestError
from radiogenomics.study.manifest.schema import Extraction
from radiogenomics.study.measuring import lesion as measurement
from radiogenomics.study.steps import lesions as extraction

QUICK = """
setting: {resampledPixelSpacing: [3, 3, 3], interpolator: sitkLinear, binWidth: 25}
imageType: {Original: {}}
featureClass: {shape: , firstorder: , glcm: [JointEntropy, Contrast]}
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Simulated images of 24 and 12 patients, 12 of them read twice, five damaged ones, and a manifest that measures little."""
    path = study.write_demo(tmp_path_factory.mktemp("inputs"), n_training=24, n_external=12, fast=True)
    (path.parent / "quick.yaml").write_text(QUICK)
    for mask in sorted((path.parent / "images" / "training" / "second_reader").iterdir())[12:]:
        mask.unlink()
    raw = tomllib.loads(path.read_text())
    raw["sources"]["quick"].pop("sha256")
    raw["extraction"] |= {"shuffled": True, "deep": {"googlenet": "random"}}
    raw["signature"] |= {"sizes": [3], "n_trees": 10, "n_repeats": 1, "n_splits": 3}
    raw["links"] = {"n_permutations": 100}
    raw["gene_score"] |= {"n_repeats": 1, "inner_repeats": 2}
    del raw["fusion"], raw["gene_sets"], raw["survival"]  # they do not ask where features come from
    path.write_text(tomli_w.dumps(raw))
    return path


@pytest.fixture(scope="module")
def done(inputs, tmp_path_factory):
    """The study of it, figures and report too."""
    return study.run(inputs, out=tmp_path_factory.mktemp("study")).parent


@pytest.fixture
def change(inputs, tmp_path):
    """Change the manifest, or the files beside it, in a copy."""

    def apply(**changes):
        folder = shutil.copytree(inputs.parent, tmp_path / "copy", copy_function=_link_images, dirs_exist_ok=True)
        raw = tomllib.loads((folder / "demo.toml").read_text())
        for key, value in changes.items():
            *parents, last = key.split("__")
            place = raw
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
            if value is None:
                del place[last]
        (folder / "demo.toml").write_text(tomli_w.dumps(raw))
        return folder / "demo.toml"

    return apply


def test_who_takes_no_part_is_told_from_the_sources_that_the_step_declares(inputs):
    gathered = study.gather(inputs)
    [step] = [step for step in pipeline.STEPS if step.name == "decisions"]
    declared = gathered.only(set(step.sources(gathered.manifest)), Declared(gathered.manifest, step.settings))
    assert leftovers(declared) == leftovers(gathered)


def _link_images(source, place):
    """Images are removed here and there, and never written to; everything else is copied."""
    return os.link(source, place) if str(source).endswith(".dcm") else shutil.copy2(source, place)


def table(out, name):
    return pd.read_parquet(out / "tables" / f"{name}.parquet")


def problems(path):
    with pytest.raises(ManifestError) as caught:
        study.check(path)
    return "\n".join(str(problem) for problem in caught.value.problems)


def csvs(out, *names):
    files = sorted((out / "tables").glob("*.csv"))
    return {file.name: file.read_bytes() for file in files if not names or file.stem.startswith(names)}


@pytest.mark.slow
def test_every_kind_is_measured_in_both_cohorts(done):
    patients = table(done, "patients")
    assert patients["cohort"].value_counts().to_dict() == {"training": 24, "external": 12}
    names = {"radiomics": "original_firstorder_Mean", "kinetics": "kinetics_lesion_maximum_enhancement"}
    names["googlenet_random_weights"] = "googlenet_random_weights_0001"
    for kind, column in names.items():
        measured = table(done, f"features_{kind}")
        assert measured.index.equals(patients.index)
        assert column in measured
    assert table(done, "networks")["weights"].item().startswith("googlenet, random weights (seed ")
    assert table(done, "lesions")["volume_mm3"].between(400, 20_000).all()


@pytest.mark.slow
def test_a_row_of_the_table_is_what_the_patient_gives_alone(inputs, done):
    images = inputs.parent / "images" / "training"
    lesion = measurement.read_lesion(
        images / "dicom" / "SIM-TR-007", images / "masks" / "SIM-TR-007.nii.gz", settings=Extraction()
    )
    alone = features.radiomics(lesion.phases.first, lesion.mask, parameters=inputs.parent / "quick.yaml")
    row = table(done, "features_radiomics").loc["SIM-TR-007"]
    pd.testing.assert_series_equal(row[alone.index], alone, check_names=False, check_exact=True)


@pytest.mark.slow
def test_damaged_patients_stop_nobody_and_are_named_with_the_reason(done):
    failures = table(done, "failures").set_index("patient")
    reasons = {
        "SIM-TR-025": "slice(s) are missing",
        "SIM-TR-026": "No dynamic series is here",
        "SIM-TR-027": "The mask's grid is not the image's",
        "SIM-TR-028": "voxels lie outside the image",
        "SIM-TR-029": "The mask is empty",
    }
    for patient, reason in reasons.items():
        assert failures.loc[patient, "step"] == "images"
        assert reason in failures.loc[patient, "reason"]
    flow = table(done, "inclusion").query("cohort == 'training'")
    assert flow["n"].tolist()[:2] == [29, 24]
    assert flow["excluded"].tolist()[:2] == [0, 5]


@pytest.mark.slow
def test_what_was_decided_about_each_patient_stands_among_the_decisions(done):
    decisions = table(done, "decisions")
    air = decisions[decisions["what"] == "level of air found"]
    assert air["count"].tolist() == [36]
    left_out = decisions[(decisions["what"] == "patients left out") & decisions["where"].str.endswith(": images")]
    assert left_out["count"].sum() == 5
    assert left_out["why"].str.contains("SIM-TR-028").sum() == 1
    single = table(done, "image_decisions")
    patients = set(single["where"].str.removesuffix(", second reader")) - {"lesions: background"}
    assert patients <= set(table(done, "patients").index)
    assert set(map(tuple, single.to_numpy())) <= set(map(tuple, decisions.to_numpy()))


@pytest.mark.slow
def test_shuffled_voxels_stand_as_a_baseline_and_in_no_signature(done):
    evaluation, links = table(done, "evaluation"), table(done, "links")
    assert "shuffled_radiomics" in set(evaluation["signature"])
    assert not links["feature"].str.contains("shuffled_").any()
    measured = table(done, "features_radiomics")
    same = "original_firstorder_Mean", "original_shape_MeshVolume"
    np.testing.assert_allclose(measured[f"shuffled_{same[1]}"], measured[same[1]], rtol=1e-12)
    texture = "original_glcm_JointEntropy"
    assert (measured[f"shuffled_{texture}"] != measured[texture]).all()


@pytest.mark.slow
def test_two_readers_agree_on_some_features(done):
    agreement = table(done, "agreement")
    assert set(agreement["signature"]) == {"radiomics", "kinetics", "googlenet_random_weights"}
    assert (agreement["n"] == 12).all()
    volume = agreement.set_index("feature")["icc"]["original_shape_MeshVolume"]
    assert volume > 0.9
    assert (agreement["icc"] < 0.9).any()


@pytest.mark.slow
def test_the_report_says_random_weights_and_simulated(done):
    text = (done / "report.html").read_text()
    assert "random weights" in text
    assert "imulated" in text.partition("</header>")[0]


@pytest.mark.slow
def test_every_cohort_has_an_example_lesion_and_its_picture_is_marked(done):
    drawn = {path.stem: path for path in (done / "figures").glob("*.csv")}
    lesions, text = table(done, "lesions"), (done / "report.html").read_text()
    for cohort, rows in lesions.groupby("cohort"):
        shown = pd.read_csv(drawn[f"lesion_slice_{cohort}"]).iloc[0]
        assert abs(rows["volume_mm3"].rank(pct=True)[shown["patient"]] - 0.5) < 0.1
        assert {f"phase_montage_{cohort}", f"time_intensity_{cohort}"} <= set(drawn)
        assert f"of the {cohort} cohort, in every phase" in text
    assert "icc_by_kind" in drawn
    assert "for the manuscript" in text
    assert "Segmentation: patients with images" in text


@pytest.mark.slow
def test_dask_with_a_killed_worker_measures_the_same_to_the_bit(inputs, done, tmp_path):
    import threading

    import psutil
    from distributed import LocalCluster

    seen = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        victim = next(iter(cluster.workers.values())).pid

        def kill_half_way(done, total, name):
            if name.startswith("images: "):
                seen.append(name)
            if len(seen) == total // 2 and psutil.pid_exists(victim):
                threading.Thread(target=psutil.Process(victim).kill).start()

        study.run(inputs, out=tmp_path, scheduler=cluster.scheduler_address, progress=kill_half_way)
        assert not psutil.pid_exists(victim) or psutil.Process(victim).status() == psutil.STATUS_ZOMBIE
    assert csvs(tmp_path) == csvs(done)


@pytest.fixture
def demo(tmp_path):
    """A finished demo: that of RADIOGENOMICS_DEMO, or a quick one."""
    if "RADIOGENOMICS_DEMO" in os.environ:
        return Path(os.environ["RADIOGENOMICS_DEMO"])
    command = [sys.executable, "-m", "radiogenomics", "demo", "--fast", "--out", str(tmp_path / "out")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    steps = [line for line in ended.stdout.splitlines() if ": study: " in line]
    assert steps[0].endswith(": study: features")
    assert steps[-1].endswith(": study: report")
    assert "everything in it is simulated" in ended.stdout.splitlines()[-1]
    return tmp_path / "out"


@pytest.mark.slow
def test_the_demo_finds_planted_links_from_images_and_none_among_permuted_patients(demo):
    planted = table(demo, "planted")
    assert planted["ok"].all(), planted[~planted["ok"]]
    assert planted["kind"].value_counts()["link"] == 4
    eigengenes = table(demo, "eigengenes")
    measured = pd.concat([table(demo, f"features_{kind}") for kind in ("radiomics", "kinetics")], axis=1)
    measured = measured.loc[eigengenes.index.intersection(measured.index)]
    measured = measured.loc[:, measured.nunique() > 1]
    rng = np.random.default_rng(1)
    for _ in range(5):
        permuted = eigengenes.loc[measured.index].set_axis(rng.permutation(measured.index)).rename_axis("patient")
        links = linking.correlate(measured, permuted, family="permuted")
        assert (links["q"] >= 0.05).all()


@pytest.fixture
def few(change):
    """Twelve training patients, read twice; first order, shape and two textures alone are measured."""
    path = change(extraction={"parameters": "quick", "kinetics": False}, external={}, truth=None)
    for folder in ("dicom", "masks", "second_reader"):
        for place in sorted((path.parent / "images" / "training" / folder).iterdir())[12:]:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    return path


def extract(path, out):
    """Measure, beside what is kept in a folder -> tables and failures, and whose lesions were measured now."""
    now = []
    inputs = study.gather(path)
    run = Run(1, None, lambda done, total, name: now.append(name.removeprefix("images: ")), out / "work", out / "kept")
    return extraction.extract(inputs.manifest, inputs, run), now


def test_a_patient_who_comes_changes_or_leaves_costs_no_other(few, tmp_path):
    dicom, masks = [few.parent / "images" / "training" / name for name in ("dicom", "masks")]
    names = [f"SIM-TR-{number:03d}" for number in range(1, 13)]
    assert extract(few, tmp_path / "out")[1] == [*names, *(f"{name}, second reader" for name in names)]
    shutil.copytree(dicom / "SIM-TR-001", dicom / "SIM-TR-077")
    shutil.copy(masks / "SIM-TR-001.nii.gz", masks / "SIM-TR-077.nii.gz")
    larger = sitk.BinaryDilate(sitk.ReadImage(masks / "SIM-TR-002.nii.gz"), [1, 1, 0])
    sitk.WriteImage(larger, masks / "SIM-TR-002.nii.gz")
    next((dicom / "SIM-TR-003").rglob("*.dcm")).unlink()
    shutil.rmtree(dicom / "SIM-TR-010")
    made, now = extract(few, tmp_path / "out")
    lost = ["SIM-TR-003", "SIM-TR-003, second reader"]
    assert now == ["SIM-TR-002", "SIM-TR-003", "SIM-TR-077", "SIM-TR-003, second reader"]
    assert made.failures["patient"].tolist() == ["SIM-TR-003", "SIM-TR-003"]
    fresh, _ = extract(few, tmp_path / "fresh")
    assert made.tables.keys() == fresh.tables.keys()
    for name, table in made.tables.items():
        pd.testing.assert_frame_equal(table, fresh.tables[name], check_exact=True)
    assert len(list((tmp_path / "out" / "kept").iterdir())) == 12 + 11 - len(lost)
    assert extract(few, tmp_path / "out")[1] == lost


def shift_masks(path, reader, name="*"):
    """Move masks off the images' grid."""
    for file in (path.parent / "images" / "training" / reader).glob(f"{name}.nii.gz"):
        mask = sitk.ReadImage(file)
        mask.SetSpacing([1.0, 1.1, 1.2])
        sitk.WriteImage(mask, file)


def test_nobody_measured_or_too_few_read_twice_is_one_error_with_place_and_remedy(few, tmp_path):
    shift_masks(few, "masks", "SIM-TR-00[4-6]")
    with pytest.raises(ValueError, match=r"masks\.second_reader = 'second_reader': 9 of 12 patients .* SIM-TR-004"):
        extract(few, tmp_path / "out")
    shift_masks(few, "second_reader")
    with pytest.raises(ValueError, match=r"training\.masks\.second_reader = 'second_reader': 0 of 12 patients could be") as found:
        extract(few, tmp_path / "out")
    assert "at least 10 must be; SIM-TR-001, " in str(found.value)
    assert "The mask's grid is not the image's" in str(found.value)
    assert str(found.value).endswith("Correct images and masks, or remove masks.second_reader.")
    shift_masks(few, "masks")
    with pytest.raises(ValueError, match=r"training\.masks\.reader = 'masks_training': 0 of 12 patients could be measured"):
        extract(few, tmp_path / "out")


def rename_masks(path, reader):
    """Give the masks of a reader other patients' names."""
    masks = path.parent / "images" / "training" / reader
    for file in list(masks.iterdir()):
        file.rename(masks / file.name.replace("SIM", "XYZ"))
    return path


def test_a_mask_of_nobody(inputs, change):
    path = change()
    masks = path.parent / "images" / "training" / "masks"
    shutil.copy(masks / "SIM-TR-001.nii.gz", masks / "SIM-TR-999.nii.gz")
    assert "training.images = 'images_training': masks of SIM-TR-999 belong to no folder of images" in problems(path)


def test_the_same_image_files_under_two_names_are_refused(change):
    path = change()
    images = path.parent / "images"
    for cohort, name in (("training", "SIM-TR-990"), ("external", "SIM-EX-990")):
        (theirs,) = images.glob("training/**/SIM-TR-004/")
        place = images / cohort / theirs.relative_to(images / "training").with_name(name)
        shutil.copytree(theirs, place)
        next(file for file in sorted(place.rglob("*")) if file.is_file()).write_bytes(b"changed")
        shutil.copy(images / "training" / "masks" / "SIM-TR-004.nii.gz", images / cohort / "masks" / f"{name}.nii.gz")
    found = problems(path)
    assert "training.images = SIM-TR-990: " in found
    assert "external.external.images = SIM-EX-990: " in found
    assert "of its image files are those of SIM-TR-004 (training): one patient under two names" in found


def test_a_patient_without_a_mask_is_left_out_and_named(change, tmp_path):
    path = change()
    (path.parent / "images" / "training" / "masks" / "SIM-TR-002.nii.gz").unlink()
    inputs = study.check(path).inputs
    assert study.masks_found(inputs, "training") == [
        "with images: 29, with a mask: 28, with a second reader's: 12",
        "no mask, will be left out: SIM-TR-002",
    ]
    tasks, failures = extraction._tasks(inputs.manifest, inputs)
    assert failures == [("SIM-TR-002", "training", "images", "no mask of the lesion")]
    assert ("SIM-TR-002", "reader") not in {(task.patient, task.reader) for task in tasks}


def test_second_masks_that_match_nobody(change):
    path = rename_masks(change(), "second_reader")
    assert "only 0 patient(s) have masks of both readers (the second has XYZ-TR-001, XYZ-TR-002 and 10 more)" in problems(path)


def test_repeatability_is_judged_in_training_only(change):
    masks = {"reader": "masks_external", "second_reader": "masks_external"}
    assert "remove masks.second_reader here" in problems(change(external__external__masks=masks))


def test_images_in_one_cohort_and_tables_in_the_other(change):
    cohort = {"features": {"radiomics": "truth"}, "clinical": "clinical_external"}
    found = problems(change(external__external=cohort))
    assert "external.external.images = (absent): images must be measured in it and in training, or in neither" in found


def test_masks_that_match_nobody(change):
    path = rename_masks(change(), "masks")
    assert "no patient has a mask: images are of SIM-TR-001, SIM-TR-002 and 27 more, masks of XYZ-TR-001" in problems(path)


def test_a_parameter_file_with_a_mistake(change):
    path = change()
    (path.parent / "demo.toml.lock").unlink(missing_ok=True)
    (path.parent / "quick.yaml").write_text("setting: {binwidth_: 25}\n")
    found = problems(path)
    assert "extraction = 'radiomics, kinetics, googlenet_random_weights': The parameter file " in found
    assert "quick.yaml is not valid for PyRadiomics" in found


def test_weights_nobody_knows(change):
    found = problems(change(extraction__deep={"resnet50": "IMAGENET"}))
    assert "deep.resnet50 is 'IMAGENET'; give a source of [sources], or one of random, IMAGENET1K_V1, IMAGENET1K_V2" in found


def test_images_without_masks(change):
    assert "training.images = 'a': images and masks go together; name both, or neither" in problems(
        change(training={"images": "a", "clinical": "b"})
    )


def test_a_folder_with_another_checksum(change):
    found = problems(change(sources__images_training__sha256="0" * 64))
    assert "files in it have the SHA-256 " in found
    assert "the manifest says 0000" in found


def test_a_folder_that_is_a_file(change):
    path = change(sources__images_training__file="truth.csv")
    assert "is a file; give a folder with one folder per patient" in problems(path)
