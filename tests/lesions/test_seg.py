"""DICOM SEG: label maps, frames that do not agree, grids beside the image's, planes far apart, one plane, segments by name."""

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from highdicom.sr import CodedConcept

from radiogenomics import images, lesions
from tests.helpers.imaging_phantoms import array, breast, ellipsoid, redeclare, write


@pytest.fixture(scope="module", params=["sagittal", "oblique"])
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mr")
    phases, mask = breast((14, 30, 34), plane=request.param)
    write(phases[:1], folder, timing="none")
    (series,) = images.find_series(folder)
    return images.read_image(series), series, mask


@pytest.fixture
def seg(case, tmp_path):
    return lesions.write_seg(case[2], tmp_path / "seg.dcm", source=case[1], label="Lesion")


def rewrite(path, edit):
    dataset = pydicom.dcmread(path)
    edit(dataset)
    dataset.save_as(path)
    return path


def segmentation(path, series, labels, values, kind):
    """Write segments with highdicom: values are (z, y, x) numbers of segments."""
    parts = [
        SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
            segmented_property_type=CodedConcept("4147007", "SCT", "Mass"),
            algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(labels, start=1)
    ]
    sources = [pydicom.dcmread(one.path) for one in images.sort_slices(series)]
    for source in sources:
        for keyword in ("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime", "PatientName"):
            setattr(source, keyword, source.get(keyword, ""))
    made = Segmentation(
        source_images=sources,
        pixel_array=values,
        segmentation_type=kind,
        segment_descriptions=parts,
        series_instance_uid=highdicom.UID(),
        series_number=7,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="A",
        manufacturer_model_name="B",
        software_versions="1",
        device_serial_number="1",
    )
    made.save_as(path)
    return path


def test_a_label_map_gives_the_voxels_of_each_segment(case, tmp_path):
    image, series, mask = case
    values = array(mask)
    values[ellipsoid(values.shape, (4, 9, 9), (2.2, 3.1, 4.4))] = 2
    values[11, 20:24, 5:9] = 3
    path = segmentation(tmp_path / "map.dcm", series, ["Mass", "Node", "Vessel"], values, "LABELMAP")
    assert pydicom.dcmread(path).SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.7"  # Label Map Segmentation Storage
    table = lesions.list_segments(path)
    assert table["number"].tolist() == [1, 2, 3]
    assert table["frames"].tolist() == [int((values == number).any(axis=(1, 2)).sum()) for number in (1, 2, 3)]
    for segment, number in (("Mass", 1), (2, 2), ("3", 3), ("Node", 2)):
        read = lesions.validate_mask(lesions.read_mask(path, image=image, segment=segment), image)
        np.testing.assert_array_equal(array(read), values == number)
    with pytest.raises(ValueError, match=r"^map\.dcm holds 3 segments \(1 'Mass', 2 'Node', 3 'Vessel'\); choose one with"):
        lesions.read_mask(path, image=image)


def test_a_label_map_of_one_segment_needs_no_choice(case, tmp_path):
    image, series, mask = case
    path = segmentation(tmp_path / "one.dcm", series, ["Mass"], array(mask), "LABELMAP")
    np.testing.assert_array_equal(array(lesions.validate_mask(lesions.read_mask(path, image=image), image)), array(mask))


@pytest.mark.parametrize("word", ["Lesion ", " Lesion"])
def test_blanks_around_the_name_of_a_segment_mean_nothing(case, seg, word):
    rewrite(seg, lambda dataset: setattr(dataset.SegmentSequence[0], "SegmentLabel", "  Lesion"))
    read = lesions.validate_mask(lesions.read_mask(seg, image=case[0], segment=word), case[0])
    np.testing.assert_array_equal(array(read), array(case[2]))


@pytest.mark.parametrize("word", ["²", "٣", "1.0", "lesion", ""])
def test_a_word_that_is_no_segment_is_refused_with_what_there_is(case, seg, word):
    with pytest.raises(ValueError, match=r"^seg\.dcm has 0 segments called '.*'; it holds 1 'Lesion'"):
        lesions.read_mask(seg, image=case[0], segment=word)


def _fewer_groups(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def _fewer_frames(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    dataset.NumberOfFrames = int(dataset.NumberOfFrames) - 1


def _no_pixels(dataset):
    del dataset.PixelData


def _half_pixels(dataset):
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 4 * 2]


def _turned(dataset):
    frame = dataset.PerFrameFunctionalGroupsSequence[1]
    frame.PlaneOrientationSequence = [pydicom.Dataset()]
    frame.PlaneOrientationSequence[0].ImageOrientationPatient = [0.0, 0.6, 0.8, 1.0, 0.0, 0.0]


def _sliding(dataset):
    shared = dataset.SharedFunctionalGroupsSequence[0]
    row = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient[:3], float)
    frame = dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0]
    frame.ImagePositionPatient = (np.array(frame.ImagePositionPatient, float) + 0.7 * row).round(6).tolist()


def _no_fraction(dataset):
    dataset.SegmentationType, dataset.MaximumFractionalValue = "FRACTIONAL", 0


def _nowhere(dataset):
    dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = [float("nan"), 0.0, 0.0]


BROKEN = {
    "fewer descriptions than frames": (_fewer_groups, " (NumberOfFrames) and describes "),
    "fewer frames than pixels": (_fewer_frames, "slices of the mask would be lost"),
    "half the pixels": (_half_pixels, "slices of the mask would be lost"),
    "no pixels": (_no_pixels, "seg.dcm is a DICOM SEG without pixels (PixelData, 7FE0,0010); fetch or export it again."),
    "no rows": (lambda dataset: setattr(dataset, "Rows", 0), "seg.dcm has 0 rows and 34 columns; export the mask again."),
    "unknown kind": (lambda dataset: setattr(dataset, "SegmentationType", "MESH"), "has the SegmentationType 'MESH'; BINARY,"),
    "a turned frame": (_turned, "its frames form no volume, export the mask on one series."),
    "a sliding frame": (_sliding, "seg.dcm: its planes lie up to 0.70 mm beside each other (voxels of 0.90 mm)"),
    "fractions of nothing": (_no_fraction, "has the MaximumFractionalValue 0; no threshold can be set"),
    "a frame nowhere": (_nowhere, "seg.dcm: frame 1 has the ImagePositionPatient ['nan', '0.0', '0.0']"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_segmentations_that_contradict_themselves_are_refused(case, seg, name):
    edit, message = BROKEN[name]
    with pytest.raises(ValueError, match=r"^seg\.dcm") as caught:
        lesions.read_mask(rewrite(seg, edit), image=case[0])
    assert message in str(caught.value)


def test_a_segmentation_cut_anywhere_is_refused(case, seg):
    content = seg.read_bytes()
    for end in np.linspace(0, len(content) - 1, 60).astype(int):
        seg.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"^seg\.dcm"):
            lesions.read_mask(seg, image=case[0])


def shifted(image, voxels):
    """Move every plane of a SEG by a number of voxels along the axes of the image."""
    step = np.reshape(image.GetDirection(), (3, 3)) @ (np.array(image.GetSpacing()) * voxels)

    def edit(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            plane = frame.PlanePositionSequence[0]
            plane.ImagePositionPatient = (np.array(plane.ImagePositionPatient, float) + step).round(6).tolist()

    return edit


@pytest.mark.parametrize("voxels", [(0.5, 0.5, 0), (-0.5, 0, 0), (0.3, -0.4, 0.2), (0, 0, 0.5), (-0.5, -0.5, -0.5)])
def test_a_grid_beside_the_images_is_placed_at_the_nearest_voxels(case, seg, caplog, voxels):
    """No voxel is lost or doubled; half a voxel goes to the higher index."""
    image, _, mask = case
    read = lesions.read_mask(rewrite(seg, shifted(image, voxels)), image=image)
    placed = array(lesions.validate_mask(read, image))
    moved = [int(np.floor(step + 0.5)) for step in voxels]
    np.testing.assert_array_equal(placed, np.roll(array(mask), moved[::-1], axis=(0, 1, 2)))
    assert caplog.messages[0].startswith("seg.dcm: The mask's voxels lie (")
    assert " off those of the image in the same frame of reference; each was placed at the nearest one" in caplog.messages[0]
    (finding,) = [finding for finding in lesions.check(read, image) if finding.name == "shifted"]
    assert not finding.fatal


def test_a_grid_beside_the_images_without_a_common_frame_needs_a_word(case, seg, caplog):
    image, _, mask = case
    read = lesions.read_mask(rewrite(seg, shifted(image, (0.4, 0, 0))), image=image)
    read.EraseMetaData("FrameOfReferenceUID")
    with pytest.raises(ValueError, match=r"^GTV 7: seg\.dcm: The mask's grid is not .* \(`resample=True`, --resample, .*\)\.$"):
        lesions.validate_mask(read, image, name="GTV 7")
    placed = lesions.validate_mask(read, image, resample=True)
    np.testing.assert_array_equal(array(placed), array(mask))
    assert (
        caplog.messages[0]
        == "seg.dcm: The mask was moved to the nearest voxels of the image, by (0.40, 0.00, 0.00) voxels, 0.36 mm."
    )


def only(values, planes):
    kept = np.zeros_like(values)
    kept[planes] = values[planes]
    return kept


@pytest.mark.parametrize("planes", [[7], [5, 7, 9], [5, 8], [4, 6, 9]])
@pytest.mark.parametrize("stated", [True, False])
def test_planes_far_apart_or_alone_keep_their_place(case, tmp_path, planes, stated):
    """A lesion drawn on some slices only: the distance of planes is the image's, whatever the gaps."""
    image, series, mask = case
    values = only(array(mask), planes)
    drawn = sitk.GetImageFromArray(values)
    drawn.CopyInformation(mask)
    path = lesions.write_seg(drawn, tmp_path / "some.dcm", source=series, label="Lesion")
    if not stated:
        measures = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        assert measures.get("SpacingBetweenSlices") or measures.get("SliceThickness")

        def forget(dataset):
            for keyword in ("SpacingBetweenSlices", "SliceThickness"):
                dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].pop(keyword, None)

        rewrite(path, forget)
    placed = lesions.validate_mask(lesions.read_mask(path, image=image), image)
    np.testing.assert_array_equal(array(placed), values)


def test_one_plane_of_unknown_thickness_is_not_taken_for_one_millimetre(case, tmp_path):
    image, series, mask = case
    drawn = sitk.GetImageFromArray(only(array(mask), [6]))
    drawn.CopyInformation(mask)
    path = lesions.write_seg(drawn, tmp_path / "one.dcm", source=series, label="Lesion")

    def forget(dataset):
        for keyword in ("SpacingBetweenSlices", "SliceThickness"):
            dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].pop(keyword, None)

    rewrite(path, forget)
    with pytest.raises(ValueError, match=r"^one\.dcm has one plane and neither SpacingBetweenSlices nor SliceThickness"):
        lesions.read_seg(path, segment=None, threshold=0.5)
    assert lesions.read_mask(path, image=image).GetSpacing()[2] == pytest.approx(2.0)


@pytest.mark.parametrize("declared", ["", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"])
def test_a_segmentation_is_read_whatever_syntax_is_declared(case, seg, declared):
    expected = array(lesions.validate_mask(lesions.read_mask(seg, image=case[0]), case[0]))
    redeclare(seg, declared)
    np.testing.assert_array_equal(array(lesions.validate_mask(lesions.read_mask(seg, image=case[0]), case[0])), expected)


@pytest.mark.parametrize(("keyword", "less"), [("Rows", 1), ("Columns", 1)])
def test_a_size_that_is_not_the_pixels_is_refused(case, seg, keyword, less):
    rewrite(seg, lambda dataset: setattr(dataset, keyword, dataset[keyword].value - less))
    with pytest.raises(ValueError, match=r"pixels \(Rows, Columns\), .* slices of the mask would be lost or sheared"):
        lesions.read_mask(seg, image=case[0])


def test_a_label_map_among_images_is_a_segmentation(case, tmp_path):
    values = (array(case[2]) > 0).astype(np.uint8)
    segmentation(tmp_path / "m.dcm", case[1], ["Mass"], values, "LABELMAP")
    assert [one.kind for one in images.find_series(tmp_path)] == ["segmentation"]
