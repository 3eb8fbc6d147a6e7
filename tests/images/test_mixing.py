"""Kinds of image that no single tag names, copies, and clocks that are missing or unreadable in part."""

import numpy as np
import pydicom
import pytest

from radiogenomics import images
from radiogenomics.images.descriptions import tissue_of
from radiogenomics.images.private import private_facts
from tests.helpers.imaging_phantoms import array, noise_volume, write

COUNT = 2  # slices of one volume
SHAPE = (COUNT, 4, 9)


def reread(folder, **choice):
    return images.read_phases(images.dynamic_series(images.find_series(folder), **choice), pre_contrast=1)


def series(folder, tags, *, times=None, count=6):
    """Write one series of phases a minute apart; `tags(phase)` changes the header of each."""
    volumes = [noise_volume(SHAPE, seed=seed) for seed in range(count)]
    paths = write(volumes, folder, seconds=times or [60.0 * phase for phase in range(count)], timing="AcquisitionTime")
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        for keyword, value in tags(number // COUNT).items():
            if keyword == "private":
                dataset.private_block(*value[:2], create=True).add_new(*value[2:])
            elif value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)
    return volumes


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ImageType", (["ORIGINAL", "PRIMARY", "M", "ND"], ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"])),
        ("SequenceName", ("*fl3d1", "*fl3d2")),
        ("RepetitionTime", ("4.1", "9.0")),
        ("ScanOptions", ("FS", "WE")),
        ("ReceiveCoilName", ("LEFT", "RIGHT")),
    ],
)
def test_a_setting_that_alternates_is_no_time(tmp_path, keyword, values):
    series(tmp_path, lambda phase: {keyword: values[phase % 2]})
    with pytest.raises(ValueError, match=rf"{keyword} alternates between .* separated by {keyword}\.$"):
        reread(tmp_path)


def test_a_setting_that_changes_once_or_by_rounding_is_the_injection(tmp_path):
    series(tmp_path, lambda phase: {"ScanOptions": "PRE" if phase == 0 else "POST", "RepetitionTime": f"5.0{phase % 2}"})
    assert len(reread(tmp_path).images) == 6


def test_names_of_series_that_alternate_are_kinds(tmp_path):
    for phase in range(4):
        tags = {"SeriesNumber": str(phase + 1), "SeriesDescription": f"T1 dyn_{'MP'[phase % 2]}"}
        image = noise_volume(SHAPE, seed=phase)
        write([image], tmp_path / f"{phase}", seconds=[60.0 * phase], timing="AcquisitionTime", tags=tags)
    with pytest.raises(ValueError, match="SeriesDescription alternates between 'T1 dyn_M', 'T1 dyn_P'"):
        reread(tmp_path)


@pytest.mark.parametrize("echo_time", [None, "2.0"])
def test_echoes_are_told_by_their_numbers(tmp_path, echo_time):
    volumes = series(tmp_path, lambda phase: {"EchoNumbers": phase % 2 + 1, "EchoTime": echo_time})
    with pytest.raises(ValueError, match=r"Choose one by content \('echo 1', 'echo 2'\)"):
        reread(tmp_path)
    np.testing.assert_array_equal(array(reread(tmp_path, content="echo 2").pre), array(volumes[1]))


@pytest.mark.parametrize(
    "private",
    [
        (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "{b}"),
        (0x0043, "GEMS_PARM_01", 0x39, "IS", r"{b}\8\0\0"),
        (0x0043, "GEMS_PARM_01", 0x39, "IS", r"100000{b:04d}\8\0\0"),
        (0x2001, "Philips Imaging DD 001", 0x03, "FL", "{b}"),
    ],
    ids=str,
)
def test_private_b_values_are_no_times(tmp_path, private):
    *place, kind, text = private

    def tags(phase):
        value = text.format(b=900 * (phase % 2))
        return {"private": (*place, kind, float(value) if kind == "FL" else value.split("\\"))}

    series(tmp_path, tags)
    with pytest.raises(ValueError, match=r"was taken with several settings \(DiffusionBValue 0, 900\)"):
        reread(tmp_path)


def test_a_b_value_that_half_of_the_images_lack(tmp_path):
    series(tmp_path, lambda phase: {"DiffusionBValue": 600.0} if phase % 2 else {})
    with pytest.raises(ValueError, match=r"several settings \(DiffusionBValue none, 600\)"):
        reread(tmp_path)


def test_a_raw_type_counts_for_whoever_reserved_its_block(tmp_path):
    dataset = pydicom.Dataset()
    dataset.private_block(0x0043, "SOMEBODY ELSE", create=True).add_new(0x2F, "SS", 1)
    dataset.save_as(tmp_path / "a", implicit_vr=True, little_endian=True)
    raw = pydicom.dcmread(tmp_path / "a", force=True)
    assert private_facts(raw, {"Manufacturer": "GE MEDICAL SYSTEMS"}) == {}


def test_the_raw_type_of_ge_without_its_name(tmp_path):
    def tags(phase):
        return {"Manufacturer": None, "private": (0x0043, "GEMS_PARM_01", 0x2F, "SS", phase % 2)}

    volumes = series(tmp_path, tags)
    phases = reread(tmp_path)
    assert len(phases.images) == 3
    np.testing.assert_array_equal(array(phases.first), array(volumes[2]))


@pytest.mark.parametrize(
    ("description", "tissue"),
    [
        ("dyn (water)", "water"),
        ("Ax LAVA-Flex InPhase", "in phase"),
        ("Ax Opposed Phase +C", "out of phase"),
        ("t1_fl3d_W_dixon", "water"),
        ("mDIXON-F dyn 2", "fat"),
        ("IDEAL fat fraction", "fat fraction"),
        ("Ax T1 FAT SAT dyn", ""),
        ("Ax T1 water excitation", ""),
        ("dyn no fat", ""),
        ("T1 W dixon", ""),
        ("dyn_W", ""),
        ("water fat images", ""),
        ("dyn phase 2", ""),
    ],
)
def test_descriptions_name_a_tissue_or_none(description, tissue):
    assert tissue_of(description) == tissue


def test_words_of_image_type_joined_with_the_scan(tmp_path):
    series(tmp_path, lambda phase: {"ImageType": ["ORIGINAL", "PRIMARY", f"DIXON_{['WATER', 'FAT'][phase % 2]}"]})
    assert len(reread(tmp_path, content="water").images) == 3


def test_a_copied_phase_under_other_identifiers_is_refused(tmp_path):
    image = noise_volume(SHAPE)
    write([image, noise_volume(SHAPE, seed=1), image], tmp_path)
    with pytest.raises(ValueError, match="Phases pre and post2 hold the same pixels, voxel by voxel"):
        reread(tmp_path)


def test_a_clock_that_one_image_lacks_still_contradicts_the_numbers(tmp_path):
    series(tmp_path, lambda phase: {}, times=[120.0, 60.0, 0.0], count=3)
    path = sorted(tmp_path.iterdir())[-1]
    dataset = pydicom.dcmread(path)
    del dataset.AcquisitionTime
    dataset.pop("ContentTime", None)
    dataset.save_as(path)
    with pytest.raises(ValueError, match="by InstanceNumber contradicts AcquisitionTime, which is better evidence"):
        reread(tmp_path)


def test_a_clock_that_one_series_lacks_still_contradicts_the_numbers(tmp_path):
    for number, second in enumerate([120.0, 60.0, 0.0]):
        write(
            [noise_volume(SHAPE, seed=number)], tmp_path / f"{number}", seconds=[second], timing="AcquisitionTime",
            tags={"SeriesNumber": str(number + 1)},
        )  # fmt: skip
    for path in (tmp_path / "1").iterdir():
        dataset = pydicom.dcmread(path)
        for keyword in ("AcquisitionTime", "ContentTime", "AcquisitionDateTime"):
            dataset.pop(keyword, None)
        dataset.save_as(path)
    with pytest.raises(ValueError, match="by SeriesNumber contradicts AcquisitionTime"):
        reread(tmp_path)


def clocks(folder, texts):
    with pydicom.config.disable_value_validation():
        series(folder, lambda phase: {"AcquisitionTime": texts[phase]}, count=len(texts))
    return reread(folder).table


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (("235900.1234567", "000010.0", "000100"), [0, 69.877, 119.877]),
        (("9:59:00", "10:00:30", "10:02:00"), [0, 90, 180]),
        (("235900,5", "000010,5", "000100,5"), [0, 70, 120]),
        (("2358", "0001", "0003"), [0, 180, 300]),
    ],
)
def test_times_as_scanners_and_people_write_them(tmp_path, texts, seconds):
    assert clocks(tmp_path, texts)["seconds"].tolist() == seconds


@pytest.mark.parametrize("texts", [("126099", "126199", "126299"), ("86340", "86400", "86460"), ("95900", "100000", "100100")])
def test_what_is_no_time_is_told(tmp_path, caplog, texts):
    table = clocks(tmp_path, texts)
    assert table["seconds_from"].unique().tolist() == ["unknown"]
    assert f"AcquisitionTime '{texts[0]}'" in caplog.text
    assert "is not a time; the tag is ignored." in caplog.text


def test_a_clock_against_better_evidence_is_told(tmp_path, caplog):
    series(tmp_path, lambda phase: {"TemporalPositionIdentifier": 3 - phase}, count=3)
    assert reread(tmp_path).table["seconds"].isna().all()
    assert "AcquisitionTime does not rise from phase to phase" in caplog.text


def test_acquisition_numbers_are_better_evidence_than_instance_numbers(tmp_path):
    volumes = [noise_volume(SHAPE, seed=seed) for seed in range(3)]
    for number, path in enumerate(write(volumes, tmp_path, timing="none")):
        dataset = pydicom.dcmread(path)
        dataset.AcquisitionNumber, dataset.InstanceNumber = number // COUNT + 1, 3 * COUNT - number
        dataset.save_as(path)
    phases = reread(tmp_path)
    assert phases.table["evidence"][0] == "repeated positions: 3 images each, in order of AcquisitionNumber"
    np.testing.assert_array_equal(array(phases.pre), array(volumes[0]))
