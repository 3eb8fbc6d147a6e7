import numpy as np
import pydicom
import pytest

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, noise_volume, write


def three(plane="sagittal"):
    return [noise_volume(seed=seed, plane=plane) for seed in range(3)]


def reread(folder, *, pre_contrast=1):
    return images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=pre_contrast)


@pytest.mark.parametrize(
    ("timing", "evidence", "seconds", "clock"),
    [
        ("TemporalPositionIdentifier", "TemporalPositionIdentifier: 3 values, each position once", [np.nan] * 3, "unknown"),
        ("AcquisitionTime", "AcquisitionTime: 3 values, each position once", [0, 90.5, 300], "AcquisitionTime"),
        ("TriggerTime", "TriggerTime: 3 values, each position once", [0, 90.5, 300], "TriggerTime"),
        ("ContentTime", "ContentTime: 3 values, each position once", [0, 90.5, 300], "ContentTime"),
        ("none", "repeated positions: 3 images each, in order of InstanceNumber", [np.nan] * 3, "unknown"),
    ],
)
def test_one_series_is_split_by_each_kind_of_evidence(tmp_path, timing, evidence, seconds, clock):
    truth = three()
    write(truth, tmp_path, seconds=[0, 90.5, 300], timing=timing)
    phases = reread(tmp_path)
    assert list(phases.images) == ["pre", "post1", "post2"]
    assert phases.table["role"].tolist() == ["pre-contrast", "first post-contrast", "later post-contrast"]
    assert phases.table["evidence"].unique().tolist() == [evidence]
    assert phases.table["seconds_from"].unique().tolist() == [clock]
    np.testing.assert_array_equal(phases.table["seconds"], seconds)
    for image, expected in zip(phases.images.values(), truth, strict=True):
        np.testing.assert_array_equal(array(image), array(expected))
    assert (phases.pre, phases.first, phases.last) == tuple(phases.images.values())


def test_more_trusted_evidence_wins(tmp_path):
    """TemporalPositionIdentifier and AcquisitionTime disagree; the first is believed, the clock then cannot be."""
    write(three(), tmp_path, seconds=[300, 90, 0], timing="AcquisitionTime")
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.TemporalPositionIdentifier = number // 6 + 1
        dataset.save_as(path)
    phases = reread(tmp_path)
    assert phases.table["evidence"][0].startswith("TemporalPositionIdentifier")
    assert phases.table["seconds_from"][0] == "unknown"
    np.testing.assert_array_equal(array(phases.pre), array(three()[0]))


def test_times_that_differ_from_slice_to_slice_order_each_position(tmp_path):
    """2D protocols give every slice its own AcquisitionTime: no value holds a whole phase."""
    truth = three("axial")
    write(truth, tmp_path, timing="none")
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.AcquisitionTime = f"0900{number:02d}"
        dataset.save_as(path)
    phases = reread(tmp_path)
    assert phases.table["evidence"][0] == "repeated positions: 3 images each, in order of AcquisitionTime"
    assert phases.table["seconds"].tolist() == [0, 6, 12]
    np.testing.assert_array_equal(array(phases.last), array(truth[2]))


def test_several_series_follow_each_other_in_time(tmp_path):
    truth = three("oblique")
    for number, (image, second) in enumerate(zip(truth, [0, 70, 140], strict=True)):
        tags = {"SeriesNumber": str(9 - number), "SeriesDescription": f"T1 phase {number}"}
        write([image], tmp_path / f"{9 - number}", seconds=[second], timing="AcquisitionTime", tags=tags)
    phases = reread(tmp_path)
    assert phases.table["seconds"].tolist() == [0, 70, 140]
    assert phases.table["evidence"][0] == "one phase per series; series by AcquisitionTime"
    assert phases.table["series"].tolist() == ["9", "8", "7"]
    np.testing.assert_array_equal(array(phases.last), array(truth[2]))


def test_a_pre_contrast_series_and_one_with_the_rest(tmp_path):
    truth = three()
    write(truth[:1], tmp_path / "pre", timing="none", tags={"SeriesNumber": "3", "SeriesDescription": "PRE"})
    write(
        truth[1:], tmp_path / "dyn", timing="TemporalPositionIdentifier", tags={"SeriesNumber": "4", "SeriesDescription": "DYN"}
    )
    phases = reread(tmp_path)
    assert phases.table["evidence"].tolist() == ["one phase per series; series by SeriesNumber"] + 2 * [
        "TemporalPositionIdentifier: 2 values, each position once; series by SeriesNumber"
    ]
    np.testing.assert_array_equal(array(phases.last), array(truth[2]))


def test_positions_rounded_otherwise_are_the_same_positions(tmp_path):
    paths = write(three("oblique"), tmp_path)
    for path in paths[6:12]:
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient = [round(float(value), 3) for value in dataset.ImagePositionPatient]
        dataset.save_as(path)
    assert reread(tmp_path).table["images"].tolist() == [6, 6, 6]


def test_a_phase_that_lacks_a_slice_is_named_with_its_place(tmp_path):
    write(three("axial"), tmp_path, seconds=[0, 90, 180], timing="AcquisitionTime")
    gone = sorted(tmp_path.iterdir())[2 * 6 + 3]
    height = float(pydicom.dcmread(gone).ImagePositionPatient[2])
    gone.unlink()
    with pytest.raises(
        ValueError, match=rf"1 slice\(s\) are missing in phase post2, at {height:.2f} mm, where phase pre has them"
    ):
        reread(tmp_path)


def test_two_phases_before_contrast(tmp_path):
    write(three(), tmp_path)
    phases = reread(tmp_path, pre_contrast=2)
    assert phases.table["phase"].tolist() == ["pre1", "pre2", "post1"]
    np.testing.assert_array_equal(array(phases.pre), array(three()[1]))
    with pytest.raises(
        ValueError, match=r"There is no later post-contrast phase among pre1, pre2, post1; this needs a longer dynamic series\."
    ):
        _ = phases.last


def test_the_dynamic_series_is_chosen_among_all(tmp_path):
    write(three(), tmp_path / "dynamic", tags={"SeriesNumber": "5"})
    write([noise_volume(plane="axial")], tmp_path / "t2", timing="none", tags={"SeriesNumber": "2", "SeriesDescription": "T2"})
    write(
        [noise_volume(seed=7, plane="sagittal")],
        tmp_path / "sub",
        timing="none",
        tags={"SeriesNumber": "6", "ImageType": ["DERIVED", "SUB"]},
    )
    (chosen,) = images.dynamic_series(images.find_series(tmp_path))
    assert chosen.header["SeriesNumber"] == "5"


def test_two_dynamic_series_are_a_question(tmp_path):
    write(three(), tmp_path / "left", tags={"SeriesNumber": "5"})
    write([noise_volume(seed=seed, plane="axial") for seed in range(2)], tmp_path / "right", tags={"SeriesNumber": "6"})
    (chosen,) = images.dynamic_series(images.find_series(tmp_path), number=6)
    assert chosen.slices[0].path.parent.name == "right"
    with pytest.raises(
        ValueError,
        match=(
            r"^2 dynamic series are here: series 5 \(DYNAMIC, left/\); series 6 \(DYNAMIC, right/\)\. Choose one by series "
            r"number \(--series, --content, or extraction\)\.$"
        ),
    ):
        images.dynamic_series(images.find_series(tmp_path))
