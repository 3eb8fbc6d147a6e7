"""RTSTRUCT contours: copies, holes, islands, exclusive or, interpolated slices, and what lies outside the image."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset

from radiogenomics import images, lesions
from radiogenomics.lesions.structures import fill
from tests.helpers.imaging_phantoms import array, noise_volume, redeclare

SHAPE = (5, 26, 32)
FRAME = "1.2.826.0.1.3680043.8.498.77"


@pytest.fixture(scope="module")
def image():
    return noise_volume(SHAPE, spacing=(0.8, 1.1, 2.5), origin=(11.0, -7.5, 30.0))


def ellipse(x, y, a, b, points=40, start=0.0):
    angle = start + np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.column_stack([x + a * np.cos(angle), y + b * np.sin(angle)])


def structure_set(path, image, contours, *, edit=None):
    """Write contours of (type, slice, voxels (n, 2)) as one structure, long words and all."""
    with pydicom.config.disable_value_validation():
        return _write(path, image, contours, edit)


def _write(path, image, contours, edit):
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3"
    dataset.Modality, dataset.PatientID = "RTSTRUCT", "A"
    roi, drawn = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 4, "Mass", FRAME
    drawn.ReferencedROINumber, drawn.ContourSequence = 4, []
    for kind, at, voxels in contours:
        item = Dataset()
        points = [image.TransformContinuousIndexToPhysicalPoint((float(x), float(y), float(at))) for x, y in voxels]
        item.ContourGeometricType, item.NumberOfContourPoints = kind, len(points)
        item.ContourData = [f"{value:.5f}" for value in np.ravel(points)]
        drawn.ContourSequence.append(item)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [roi], [drawn]
    if edit is not None:
        edit(drawn.ContourSequence)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


OUTER = ellipse(15.3, 12.2, 9.1, 8.4)
COPIES = {
    "as it is": OUTER,
    "another first point": np.roll(OUTER, 13, axis=0),
    "the other way round": OUTER[::-1],
    "closed by its first point": np.concatenate([OUTER, OUTER[:1]]),
    "more points": np.concatenate([np.stack([OUTER, (OUTER + np.roll(OUTER, -1, axis=0)) / 2], axis=1)]).reshape(-1, 2),
    "rounded": np.round(OUTER, 1),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_contour_stored_twice_counts_once(image, tmp_path, caplog, name):
    once = lesions.read_mask(structure_set(tmp_path / "1.dcm", image, [("CLOSED_PLANAR", 2, OUTER)]), image=image)
    contours = [("CLOSED_PLANAR", 2, OUTER), ("CLOSED_PLANAR", 2, COPIES[name])]
    twice = lesions.read_mask(structure_set(tmp_path / "2.dcm", image, contours), image=image)
    assert array(once).sum() > 200
    np.testing.assert_array_equal(array(twice), array(once))
    assert caplog.messages == ["2.dcm: slice 2 stores 1 contour(s) twice; each counts once."]


def test_a_contour_that_holds_no_centre_of_a_voxel_is_told(image, tmp_path, caplog):
    line, speck = np.array([[4.2, 5.3], [9.4, 5.4]]), ellipse(20.5, 15.5, 0.3, 0.2, points=9)
    drawn = [("CLOSED_PLANAR", 1, line), ("CLOSED_PLANAR", 3, OUTER), ("CLOSED_PLANAR", 3, speck)]
    read = array(lesions.read_mask(structure_set(tmp_path / "1.dcm", image, drawn), image=image))
    assert not read[1].any()
    assert [message.split(": ", 1)[1][:28] for message in caplog.messages if "centre of a voxel" in message] == [
        "in slice 1 1 contour(s) hold",
        "in slice 3 1 contour(s) hold",
    ]


def test_a_path_that_goes_round_twice_is_no_empty_lesion():
    np.testing.assert_array_equal(fill([np.concatenate([OUTER, OUTER])], SHAPE[1:]), fill([OUTER], SHAPE[1:]))


def test_a_hole_an_island_in_it_and_an_overlap():
    hole, island, beside = ellipse(15, 12, 5.6, 5.3), ellipse(15, 12, 2.2, 2.4), ellipse(24, 12, 6, 5)
    alone = [fill([contour], SHAPE[1:]) for contour in (OUTER, hole, island, beside)]
    expected = (alone[0] & ~alone[1]) | alone[2] | alone[3]
    np.testing.assert_array_equal(fill([island, OUTER, beside, hole], SHAPE[1:]), expected)
    np.testing.assert_array_equal(fill([OUTER, beside], SHAPE[1:]), alone[0] | alone[3])
    assert (alone[0] & alone[3]).any()


def test_exclusive_contours_cancel_out_where_they_overlap(image, tmp_path):
    beside = ellipse(22.3, 12.2, 6, 5)
    first, second = (fill([contour], SHAPE[1:]) for contour in (OUTER, beside))
    drawn = [("CLOSEDPLANAR_XOR", 1, OUTER), ("CLOSEDPLANAR_XOR", 1, beside), ("CLOSED_PLANAR", 3, OUTER)]
    read = array(lesions.read_mask(structure_set(tmp_path / "x.dcm", image, drawn), image=image))
    np.testing.assert_array_equal(read[1], first ^ second)
    np.testing.assert_array_equal(read[3], first)
    assert not fill([OUTER, OUTER[::-1]], SHAPE[1:], exclusive=True).any()


def test_interpolated_slices_are_read_and_what_encloses_nothing_is_said(image, tmp_path, caplog):
    drawn = [
        ("CLOSED_PLANAR", 0, OUTER),
        ("INTERPOLATED_PLANAR", 1, OUTER),
        ("CLOSED_PLANAR", 3, OUTER),
        ("OPEN_PLANAR", 3, OUTER[:9]),
        ("POINT", 4, OUTER[:1]),
    ]
    read = array(lesions.read_mask(structure_set(tmp_path / "i.dcm", image, drawn), image=image))
    assert np.flatnonzero(read.any(axis=(1, 2))).tolist() == [0, 1, 3]
    np.testing.assert_array_equal(read[1], fill([OUTER], SHAPE[1:]))
    assert caplog.messages == [
        "i.dcm: 1 contour(s) of the type OPEN_PLANAR enclose nothing and are passed over.",
        "i.dcm: 1 contour(s) of the type POINT enclose nothing and are passed over.",
        "i.dcm: 1 of the slices 0 to 3 hold no contour; they stay empty.",
    ]


def test_a_structure_without_a_closed_contour_says_what_it_has(image, tmp_path):
    path = structure_set(tmp_path / "o.dcm", image, [("OPEN_PLANAR", 2, OUTER), ("POINT", 2, OUTER[:1])])
    with pytest.raises(ValueError, match=r"structure 4 has no closed contour \(only 1 OPEN_PLANAR, 1 POINT\), its mask is empty"):
        lesions.read_mask(path, image=image)


def test_a_lesion_drawn_twice_with_another_outline_is_named(image, tmp_path, caplog):
    drawn = [("CLOSED_PLANAR", 2, OUTER), ("CLOSED_PLANAR", 2, ellipse(15.3, 12.2, 8.5, 7.8))]
    lesions.read_mask(structure_set(tmp_path / "d.dcm", image, drawn), image=image)
    assert caplog.messages[0].startswith("d.dcm: in slice 2 a contour with 87 % of the area of another lies inside it")


def test_contours_beside_the_image_are_refused(image, tmp_path):
    beside = structure_set(tmp_path / "b.dcm", image, [("CLOSED_PLANAR", 2, OUTER + np.array([14.0, 0.0]))])
    with pytest.raises(
        ValueError, match=r"^b\.dcm: a contour of slice 2 reaches 7\.4 voxels outside the image of 32 x 26; it was"
    ):
        lesions.read_mask(beside, image=image)
    border = np.array([[-0.5, 3.0], [6.0, 3.0], [6.0, 9.0], [-0.5, 9.0]])
    read = lesions.read_mask(structure_set(tmp_path / "e.dcm", image, [("CLOSED_PLANAR", 2, border)]), image=image)
    assert int(array(read).sum()) == 7 * 7


DAMAGE = {
    "no number": (lambda items: items[0].__setattr__("ContourData", [float("nan"), 1.0, 2.0] * 40), "40 coordinates that are no"),
    "infinite": (lambda items: items[0].__setattr__("ContourData", [1.0, float("inf"), 2.0] * 40), "40 coordinates that are no"),
    "fewer points": (
        lambda items: items[0].__setattr__("ContourData", items[0].ContourData[:60]),
        "announces 40 points and holds 60",
    ),
    "half a point": (
        lambda items: items[0].__setattr__("ContourData", items[0].ContourData[:-1]),
        "announces 40 points and holds 119",
    ),
    "no points": (
        lambda items: items[0].__delattr__("ContourData"),
        "cannot be read as a DICOM RTSTRUCT; it is damaged or cut short",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_contours_are_refused(image, tmp_path, name):
    edit, message = DAMAGE[name]
    path = structure_set(tmp_path / "n.dcm", image, [("CLOSED_PLANAR", 2, OUTER)], edit=edit)
    with pytest.raises(ValueError, match=r"^n\.dcm") as caught:
        lesions.read_mask(path, image=image)
    assert message in str(caught.value)


def test_a_structure_set_cut_anywhere_is_refused(image, tmp_path):
    path = structure_set(tmp_path / "w.dcm", image, [("CLOSED_PLANAR", at, OUTER) for at in range(5)])
    content = path.read_bytes()
    for end in np.linspace(0, len(content) - 1, 90).astype(int):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"^w\.dcm"):
            lesions.read_mask(path, image=image)


ROUND = {
    "closed between and after": np.concatenate([OUTER, OUTER[:1], OUTER, OUTER[:1]]),
    "closed after the second": np.concatenate([OUTER, OUTER, OUTER[:1]]),
    "each point twice": np.repeat(OUTER, 2, axis=0),
}


@pytest.mark.parametrize("name", ROUND)
def test_a_path_with_repeated_points_is_one_round(image, tmp_path, name):
    once = lesions.read_mask(structure_set(tmp_path / "1.dcm", image, [("CLOSED_PLANAR", 2, OUTER)]), image=image)
    again = lesions.read_mask(structure_set(tmp_path / "2.dcm", image, [("CLOSED_PLANAR", 2, ROUND[name])]), image=image)
    np.testing.assert_array_equal(array(again), array(once))


def test_a_path_there_and_back_is_said(image, tmp_path, caplog):
    contours = [("CLOSED_PLANAR", 2, OUTER), ("CLOSED_PLANAR", 3, np.concatenate([OUTER, OUTER[::-1]]))]
    mask = lesions.read_mask(structure_set(tmp_path / "1.dcm", image, contours), image=image)
    assert array(mask)[2].any()
    assert not array(mask)[3].any()
    assert caplog.messages == [
        "1.dcm: in slice 3 1 contour(s) run there and back along the same points and enclose nothing; they are empty."
    ]


def test_contours_of_two_planes_in_one_slice_are_no_holes(image, tmp_path, caplog):
    inner = ellipse(15.3, 12.2, 4.1, 4.0)
    contours = [("CLOSED_PLANAR", 1.8, OUTER), ("CLOSED_PLANAR", 2.2, inner)]
    mask = lesions.read_mask(structure_set(tmp_path / "1.dcm", image, contours), image=image)
    once = lesions.read_mask(structure_set(tmp_path / "2.dcm", image, contours[:1]), image=image)
    np.testing.assert_array_equal(array(mask), array(once))
    assert "2 contour(s) lie up to 0.20 slice distances beside the slices; each counts in the nearest." in caplog.text


def test_another_frame_of_reference_is_said_or_refused(image, tmp_path, caplog):
    other = sitk.Image(image)
    other.SetMetaData(images.FRAME, "1.2.826.99")
    path = structure_set(tmp_path / "1.dcm", image, [("CLOSED_PLANAR", 2, OUTER)])
    assert array(lesions.validate_mask(lesions.read_mask(path, image=other), other)).sum() > 200
    assert "its contours lie on slices of the image and are taken for the same place" in caplog.text
    assert "voxels coincide" not in caplog.text
    path = structure_set(tmp_path / "2.dcm", image, [("CLOSED_PLANAR", 2.1, OUTER)])
    with pytest.raises(ValueError, match=r"frame of reference .* is not the image's .* its contours lie beside the slices"):
        lesions.read_mask(path, image=other)


@pytest.mark.parametrize("declared", ["", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_contours_are_read_whatever_syntax_is_declared(image, tmp_path, declared):
    path = structure_set(tmp_path / "1.dcm", image, [("CLOSED_PLANAR", 2, OUTER)])
    expected = array(lesions.read_mask(path, image=image))
    redeclare(path, declared)
    np.testing.assert_array_equal(array(lesions.read_mask(path, image=image)), expected)
    path.write_bytes(path.read_bytes()[path.read_bytes().index(b"\x08\0\x16\0UI") :])
    np.testing.assert_array_equal(array(lesions.read_mask(path, image=image)), expected)
