"""The simulated images are read by the real code, show what was planted in them, and the damaged ones say what is wrong."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr

from radiogenomics import images, lesions, simulate
from radiogenomics.simulate.breast import NOISE, SECONDS, SPACING, grow_breast, smooth_field
from radiogenomics.simulate.lesion import LARGEST_MM3, SMALLEST_MM3, grow_lesion, redraw

# A stronger link than the default's, so that 40 patients show it.
SIZES = {"n_training": 40, "n_external": 4, "link": 0.9}


@pytest.fixture(scope="module")
def made():
    return simulate.simulate(**SIZES, damaged=True)


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    return simulate.write_images(made, tmp_path_factory.mktemp("simulated"), second_reader=12, random_state=2026)


def read(folders, cohort, patient):
    """Read one patient as any study would -> phases and checked mask."""
    series = images.dynamic_series(images.find_series(folders.dicom(cohort) / patient))
    phases = images.read_phases(series, pre_contrast=1)
    mask = lesions.read_mask(folders.masks(cohort) / f"{patient}.nii.gz", image=phases.first)
    return phases, lesions.validate_mask(mask, phases.first)


def whole(made, cohort="training"):
    return [patient for patient in made.lesions[cohort].index if patient not in made.damaged]


@pytest.fixture(scope="module")
def measured(made, written):
    """What ordinary measurements find in the training cohort, one row per patient."""
    rows = []
    for patient in whole(made):
        phases, mask = read(written, "training", patient)
        labels = sitk.Cast(mask, sitk.sitkUInt8) * lesions.ZONES["core"]
        curve = lesions.time_intensity(phases, labels).query("zone == 'lesion'")["enhancement"].to_numpy()
        first = sitk.GetArrayViewFromImage(phases.first)[sitk.GetArrayViewFromImage(mask) > 0]
        rows.append(
            {
                "spread": first.std(),
                "peak": curve.max(),
                "washout": (curve[1] - curve[-1]) / curve[1],
                "log volume": np.log(lesions.volume_mm3(mask)),
                "first": curve[1],
            }
        )
    return pd.DataFrame(rows, index=whole(made))


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_every_patient_has_a_series_and_a_mask_and_some_a_second_one(made, written):
    for cohort in ("training", "external"):
        patients = sorted(made.lesions[cohort].index)
        assert sorted(path.name for path in written.dicom(cohort).iterdir()) == patients
        assert sorted(path.name for path in written.masks(cohort).iterdir()) == [f"{name}.nii.gz" for name in patients]
        assert list(written.patients[cohort].index) == list(made.lesions[cohort].index)
    table = written.patients["training"]
    twice = sorted(path.name.removesuffix(".nii.gz") for path in written.second_reader("training").iterdir())
    assert twice == sorted(table.index[table["second_reader"]]) == whole(made)[:12]
    assert not written.second_reader("external").exists()


@pytest.mark.parametrize(
    ("scanner", "evidence", "clock", "vendor"),
    [
        ("GE", "ContentTime: 4 values", "ContentTime", "GE"),
        ("Siemens", "AcquisitionTime: 4 values", "AcquisitionTime", "Siemens"),
        ("Philips", "TriggerTime: 4 values", "TriggerTime", "Philips"),
        ("GE numbered", "TemporalPositionIdentifier: 4 values", "AcquisitionTime", "GE"),
    ],
)
def test_each_make_of_scanner_tells_its_phases_apart_in_its_own_way(written, scanner, evidence, clock, vendor):
    table = written.patients["external"]
    series = images.find_series(written.dicom("external") / table.index[table["scanner"] == scanner][0])
    _, phases = images.split_phases(series, pre_contrast=1)
    assert phases["evidence"].str.startswith(evidence).all()
    assert set(phases["seconds_from"]) == {clock}
    assert phases["seconds"].tolist() == list(SECONDS)
    facts = images.series_table(series).iloc[0]
    assert (facts["vendor"], facts["field_t"], facts["orientation"]) == (vendor, 1.5, "sagittal")


def test_the_header_says_that_the_images_are_simulated(written):
    header = pydicom.dcmread(next((written.dicom("training") / "SIM-TR-001").iterdir()))
    assert header.PatientID == "SIM-TR-001"
    assert header.ManufacturerModelName == "SIMULATED"
    assert header.StudyDescription == "simulated"
    assert "simulated" in header.SeriesDescription


def test_masks_need_no_warning_and_have_the_planted_volume(made, written, caplog):
    for patient in whole(made, "external"):
        _, mask = read(written, "external", patient)
        assert lesions.volume_mm3(mask) == pytest.approx(written.patients["external"].loc[patient, "volume_mm3"])
    planted = simulate.volume_mm3(made.lesions["training"]).clip(SMALLEST_MM3, LARGEST_MM3)
    np.testing.assert_allclose(written.patients["training"]["volume_mm3"], planted, rtol=0.03)
    assert not caplog.records


def test_the_hidden_properties_are_seen_in_the_images(made, measured):
    hidden = made.lesions["training"].loc[measured.index]
    assert 0.65 < pearsonr(measured["spread"], hidden["heterogeneity"])[0] < 0.95
    assert pearsonr(measured["washout"], hidden["perfusion"])[0] > 0.8
    assert pearsonr(measured["peak"], hidden["perfusion"])[0] > 0.8
    assert pearsonr(measured["log volume"], hidden["size"])[0] > 0.9


def test_no_property_shows_where_another_was_drawn(made, measured):
    hidden = made.lesions["training"].loc[measured.index]
    scaled = (measured - measured.mean()) / measured.std()
    slopes = np.linalg.lstsq(np.column_stack([np.ones(len(hidden)), hidden]), scaled.to_numpy(), rcond=None)[0][1:]
    slope = pd.DataFrame(slopes, index=hidden.columns, columns=measured.columns)
    assert abs(slope.loc["size", "spread"]) < 0.25
    assert slope.loc["size", ["washout", "peak", "first"]].abs().max() < 0.25
    assert slope.loc["heterogeneity", ["washout", "peak", "first"]].abs().max() < 0.25
    # The planted volume follows heterogeneity a little: 0.2 of its 0.82 log units.
    assert slope.loc["heterogeneity", "log volume"] == pytest.approx(0.2 / 0.82, abs=0.1)


def test_links_from_images_to_genes_are_found_where_planted_and_vanish_with_the_signal(made, measured):
    modules = made.truth[made.truth["kind"] == "gene"].set_index("name")["value"]
    noise = simulate.simulate(**SIZES, damaged=True, signal=False)

    def link(simulated, module, measurement):
        genes = simulated.expression.loc[measured.index, modules.index[modules == module]]
        return pearsonr(((genes - genes.mean()) / genes.std()).mean(axis=1), measured[measurement])

    assert link(made, 1, "spread")[1] < 1e-3
    assert link(made, 2, "spread")[1] < 1e-3
    assert link(made, 4, "washout")[1] < 1e-6
    assert min(link(made, module, name)[1] for module in (3, 5, 6) for name in ("spread", "washout")) > 0.01
    assert min(link(noise, module, name)[1] for module in range(1, 7) for name in ("spread", "washout")) > 0.01


def test_the_curve_of_a_lesion_is_the_planted_one(written, measured):
    truth = written.patients["training"].loc[measured.index]
    planted = 100 * truth["peak"] * (1 - np.exp(-90 / truth["fill_seconds"])) * np.exp(-90 * truth["washout"])
    assert (measured["first"] / planted).between(0.9, 1.1).all()


def test_air_has_the_mean_of_rician_noise(written):
    phases, _ = read(written, "external", "SIM-EX-001")
    air = sitk.GetArrayViewFromImage(phases.pre)[:, :6, :6]
    assert air.mean() == pytest.approx(NOISE * np.sqrt(np.pi / 2), rel=0.05)
    assert air.std() == pytest.approx(NOISE * np.sqrt(2 - np.pi / 2), rel=0.1)


def test_two_readers_agree_as_readers_do(made, written):
    agreement = []
    for patient in whole(made)[:12]:
        _, mask = read(written, "training", patient)
        second = lesions.read_mask(written.second_reader("training") / f"{patient}.nii.gz", image=mask)
        agreement.append(lesions.dice(mask, lesions.validate_mask(second, mask)))
    assert 0.85 < np.mean(agreement) < 0.93
    assert 0.75 < min(agreement) < max(agreement) < 1.0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("a slice is missing", "1 slice.s. are missing in phase"),
        ("one phase only", "No dynamic series is here .1 image."),
        ("mask on another grid", "The mask's grid is not the image's"),
        ("mask outside the image", "voxels lie outside the image"),
        ("mask is empty", "The mask is empty: none of its 65,536 voxels"),
    ],
)
def test_every_damage_gives_its_one_clear_error(made, written, damage, message):
    patient = next(patient for patient, what in made.damaged.items() if what == damage)
    assert written.patients["training"].loc[patient, "damage"] == damage
    with pytest.raises(ValueError, match=message):
        read(written, "training", patient)


def test_no_damage_is_untested(made):
    marks = test_every_damage_gives_its_one_clear_error.pytestmark[0].args[1]
    assert {damage for damage, _ in marks} == set(simulate.DAMAGES) == set(made.damaged.values())


def test_the_files_depend_neither_on_processes_nor_on_other_patients(made, written, tmp_path):
    few = replace(made, lesions={"training": made.lesions["training"].iloc[38:42], "external": made.lesions["external"][:2]})
    few = replace(few, damaged={patient: made.damaged[patient] for patient in few.lesions["training"].index[2:]})
    seen = []
    parallel = simulate.write_images(
        few, tmp_path / "two", second_reader=0, random_state=2026, n_jobs=2, progress=lambda *step: seen.append(step)
    )
    simulate.write_images(few, tmp_path / "one", second_reader=0, random_state=2026)
    assert digests(tmp_path / "two") == digests(tmp_path / "one")
    assert sorted(done for done, _, _ in seen) == list(range(1, 7))
    # Their scanner follows from their place among the patients; the drawing does not.
    for patient, row in parallel.patients["training"].iterrows():
        pd.testing.assert_series_equal(row.drop("scanner"), written.patients["training"].loc[patient].drop("scanner"))
    mine, theirs = (read(one, "external", "SIM-EX-001")[0].first for one in (parallel, written))
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(mine), sitk.GetArrayViewFromImage(theirs))


def test_another_seed_draws_other_images_and_leaves_no_slice_of_the_old(made, tmp_path):
    one = replace(made, lesions={name: table[:1] for name, table in made.lesions.items()}, damaged={})
    before = simulate.write_images(one, tmp_path, second_reader=1, random_state=1)
    stale = before.dicom("training") / "SIM-TR-001" / "9-001.dcm"
    stale.write_bytes(b"left over")
    first = digests(tmp_path)
    (stale.parent / "scan-of-mine.dcm").write_bytes(b"mine")
    with pytest.raises(RuntimeError, match=r"SIM-TR-001 holds scan-of-mine\.dcm, which no simulation wrote; give another folder"):
        simulate.write_images(one, tmp_path, second_reader=1, random_state=2)
    (stale.parent / "scan-of-mine.dcm").unlink()
    assert stale.read_bytes() == b"left over"
    after = simulate.write_images(one, tmp_path, second_reader=1, random_state=2)
    second = digests(tmp_path)
    assert not stale.exists()
    assert set(second) == set(first) - {str(stale.relative_to(tmp_path))}
    assert all(second[name] != first[name] for name in second)
    assert after.patients["training"].loc["SIM-TR-001", "peak"] != before.patients["training"].loc["SIM-TR-001", "peak"]


@settings(max_examples=25, deadline=None)
@given(
    volume=st.floats(SMALLEST_MM3, LARGEST_MM3),
    heterogeneity=st.floats(-3.5, 3.5),
    perfusion=st.floats(-3.5, 3.5),
    seed=st.integers(0, 10_000),
)
def test_any_lesion_has_its_volume_inside_breast_and_slab(volume, heterogeneity, perfusion, seed):
    rng = np.random.default_rng(seed)
    breast = grow_breast(rng)
    lesion = grow_lesion({"heterogeneity": heterogeneity, "perfusion": perfusion}, volume, breast, rng)
    inside = lesion.mask
    assert inside.sum() * np.prod(SPACING) == pytest.approx(volume, rel=0.05, abs=12)
    assert not any(side.any() for axis in range(3) for side in (inside.take(0, axis), inside.take(-1, axis)))
    assert breast.body[inside].mean() > 0.97
    assert lesion.relief[inside].mean() == pytest.approx(0, abs=1e-4)
    assert lesion.relief[inside].std() == pytest.approx(lesion.contrast, rel=1e-3)
    again = redraw(inside, rng)
    assert 0.6 < 2 * (again & inside).sum() / (again.sum() + inside.sum()) <= 1


def test_a_random_field_is_smooth_by_the_asked_length():
    field = smooth_field(np.random.default_rng(0), 3.0)
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-5)
    # White noise through a Gaussian of SD s has the autocorrelation exp(-d^2 / (4 s^2)).
    for step in (1, 2, 3):
        neighbour = np.corrcoef(field[:, :, :-step].ravel(), field[:, :, step:].ravel())[0, 1]
        assert neighbour == pytest.approx(np.exp(-((step * SPACING[2]) ** 2) / (4 * 3.0**2)), abs=0.05)


def test_what_cannot_be_written(made, tmp_path):
    with pytest.raises(ValueError, match="has 40 whole patients; give 0 to 40"):
        simulate.write_images(made, tmp_path, second_reader=41, random_state=1)
    with pytest.raises(ValueError, match="no lesions to draw; make it with simulate"):
        simulate.write_images(replace(made, lesions={}), tmp_path, second_reader=0, random_state=1)
    same = made.lesions["training"]
    with pytest.raises(ValueError, match=r"SIM-TR-001, .* and 40 more are in both cohorts"):
        simulate.write_images(
            replace(made, lesions={"training": same, "external": same}), tmp_path, second_reader=0, random_state=1
        )
    (tmp_path / "file").write_text("in the way")
    one = replace(made, lesions={name: table[:1] for name, table in made.lesions.items()}, damaged={})
    with pytest.raises(RuntimeError, match=r"2 of 2 tasks were interrupted.*Not a directory"):
        simulate.write_images(one, tmp_path / "file", second_reader=0, random_state=1)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
