"""Damaged masks end in one clear line: what is wrong, where, and what to do."""

import re

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from radiogenomics import images, lesions
from tests.helpers.imaging_phantoms import array, breast, volume, write
from tests.lesions.test_masks import write_rtstruct


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicom")
    phases, mask = breast()
    write(phases[:1], folder, timing="none")
    (series,) = images.find_series(folder)
    return images.read_image(series), series, mask, folder


@pytest.fixture
def seg(case, tmp_path):
    return lesions.write_seg(case[2], tmp_path / "seg.dcm", source=case[1], label="Lesion")


def with_values(mask, values):
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(mask)
    return result


def moved(mask, origin):
    result = sitk.Image(mask)
    result.SetOrigin(origin)
    return result


def coarser(mask):
    result = sitk.Image(mask)
    result.SetSpacing((1.2, 1.2, 1.125))
    return result


def at(mask, *places):
    values = np.zeros_like(array(mask))
    for place in places:
        values[place] = 1
    return with_values(mask, values)


FATAL = {
    "empty": (
        lambda mask: mask * 0,
        "The mask is empty: none of its 49,920 voxels is labelled; draw the lesion or leave the patient out.",
    ),
    "float labels": (
        lambda mask: sitk.Cast(mask, sitk.sitkFloat32) * 0.37,
        "The mask holds values that are not whole numbers (",
    ),
    "labels that are not numbers": (
        lambda mask: with_values(mask, np.full(array(mask).shape, np.nan)),
        "The mask holds 49,920 values that are not numbers; export it again as labels.",
    ),
    "negative labels": (
        lambda mask: sitk.Cast(mask, sitk.sitkInt16) * -1,
        "The mask holds negative labels (down to -1); give labels from 0.",
    ),
    "wrong frame": (
        lambda mask: moved(mask, (10.3, 0.0, 0.0)),
        "The mask's grid is not the image's: mask (52, 48, 20) voxels of 0.9 x 0.9 x 2 mm from (10.3, 0.0, 0.0); image "
        "(52, 48, 20) voxels of "
        "0.9 x 0.9 x 2 mm from (-40.5, 12.2, 7.1). Give the image it was drawn on, or allow resampling (`resample=True`, "
        "--resample, extraction.resample_masks = true in a manifest).",
    ),
    "whole voxels beside": (
        lambda mask: moved(mask, mask.TransformIndexToPhysicalPoint((40, 0, 0))),
        "of the mask's 473 voxels lie outside the image; it belongs to another image or is displaced.",
    ),
    "one voxel": (
        lambda mask: at(mask, (5, 20, 20)),
        "The mask's largest piece is one voxel; no texture or shape can be measured in it, draw the lesion anew.",
    ),
    "two dimensions": (
        lambda mask: mask[:, :, 10],
        "The mask has 2 dimensions and the image 3; give a three-dimensional mask.",
    ),
}


@pytest.mark.parametrize("name", FATAL)
def test_masks_that_cannot_be_used_are_refused(case, name):
    change, message = FATAL[name]
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        lesions.validate_mask(change(case[2]), case[0])
    assert "\n" not in str(caught.value)
    assert [finding.fatal for finding in lesions.check(change(case[2]), case[0])] == [True]


def test_what_one_should_know_is_said_but_not_refused(case, caplog):
    image, _, mask, _ = case
    values = array(mask)
    values[0:2, 5:8, 5:8] = 2
    with caplog.at_level("WARNING"):
        kept = lesions.validate_mask(with_values(mask, values), image)
    assert [finding.name for finding in lesions.check(with_values(mask, values), image)] == [
        "several labels",
        "several lesions",
        "border",
    ]
    assert caplog.messages == [
        "The mask holds 2 labels (1, 2); all count as lesion unless one is chosen.",
        "The mask holds 2 lesions, the largest with 96 % of 491 voxels.",
        "The mask touches the border of the image (first slice); the lesion may be cut off there.",
    ]
    assert array(kept).max() == 1
    assert lesions.check(mask, image) == []


def test_another_frame_of_reference_is_refused_unless_the_voxels_coincide(case, seg, caplog):
    image, _, mask, _ = case
    read = lesions.read_mask(
        rewrite(seg, lambda dataset: setattr(dataset, "FrameOfReferenceUID", "1.2.3.4567890123")), image=image
    )
    np.testing.assert_array_equal(array(lesions.validate_mask(read, image)), array(mask))
    assert caplog.messages[0].startswith("seg.dcm: The mask's frame of reference (…3.4567890123) is not the image's (…")
    assert caplog.messages[0].endswith(", but their voxels coincide; they are taken for the same place.")
    read.SetOrigin((0.3, 0.0, 0.0))
    for resample in (False, True):
        with pytest.raises(
            ValueError, match=("their positions mean different places; give the image it was drawn on, or register them first")
        ):
            lesions.validate_mask(read, image, resample=resample)


def test_nothing_left_after_resampling_is_refused(case):
    image, _, mask, _ = case
    with pytest.raises(
        ValueError, match=r"^Nothing of the mask \(766 mm3\) lies inside the image; it belongs to another image\.$"
    ):
        lesions.validate_mask(moved(coarser(mask), (900.3, 0.0, 0.0)), image, resample=True)
    with pytest.raises(ValueError, match=r"^473 of the mask's 473 voxels lie outside the image; it belongs to another image"):
        lesions.validate_mask(moved(mask, (900.3, 0.0, 0.0)), image, resample=True)


def rewrite(path, edit):
    dataset = pydicom.dcmread(path)
    edit(dataset)
    dataset.save_as(path)
    return path


def _pathology(dataset):
    def retarget(group):
        for element in group.iterall():
            if element.keyword == "ReferencedSOPClassUID":
                element.value = "1.2.840.10008.5.1.4.1.1.77.1.6"

    retarget(dataset)


def _second_segment(dataset):
    second = pydicom.Dataset()
    second.update(dataset.SegmentSequence[0])
    second.SegmentNumber, second.SegmentLabel = 2, "Node"
    dataset.SegmentSequence.append(second)


def _no_places(dataset):
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


def _uneven(dataset):
    frame = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    x, y, z = frame.ImagePositionPatient
    frame.ImagePositionPatient = [x + 0.7, y, z]


SEGS = {
    "refers to no MR": (
        _pathology,
        {},
        "seg.dcm refers to VL Whole Slide Microscopy Image Storage, not to MR images; it segments something else",
    ),
    "several segments": (_second_segment, {}, "seg.dcm holds 2 segments (1 'Lesion', 2 'Node'); choose one with `segment`."),
    "unknown segment": (
        _second_segment,
        {"segment": "Cyst"},
        "seg.dcm has 0 segments called 'Cyst'; it holds 1 'Lesion', 2 'Node'.",
    ),
    "segment without frames": (
        _second_segment,
        {"segment": 2},
        "seg.dcm: segment 2 has no frame, its mask is empty; choose another segment",
    ),
    "no plane positions": (_no_places, {}, "seg.dcm: frame 1 has no ImagePositionPatient; its place in the patient is unknown"),
    "uneven planes": (_uneven, {}, "seg.dcm: the planes are unevenly spaced ("),
    "impossible threshold": (
        lambda dataset: None,
        {"threshold": 0.0},
        "`threshold` is 0.0, it must be a fraction above 0 and up to 1.",
    ),
}


@pytest.mark.parametrize("name", SEGS)
def test_segmentations_that_cannot_be_used_are_refused(case, seg, name):
    edit, options, message = SEGS[name]
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        lesions.read_mask(rewrite(seg, edit), image=case[0], **options)


def test_files_that_are_no_masks_are_named(case, tmp_path):
    image, _, mask, folder = case
    with pytest.raises(ValueError, match=r"nowhere\.nii does not exist or is not a file; give the one mask file\.$"):
        lesions.read_mask(tmp_path / "nowhere.nii", image=image)
    (tmp_path / "mask.txt").write_text("tumour in the left breast")
    with pytest.raises(
        ValueError,
        match=r"mask\.txt.*give one of DICOM SEG, DICOM RTSTRUCT, NIfTI, NRRD, MetaImage, \.les",
    ):
        lesions.read_mask(tmp_path / "mask.txt", image=image)
    with pytest.raises(ValueError, match=r"^1-001\.dcm is not a DICOM SEG \(its modality is MR\); give the mask file\.$"):
        lesions.read_mask(folder / "1-001.dcm", image=image)
    whole = images.write_volume(mask, tmp_path / "whole.nrrd")
    with pytest.raises(ValueError, match=r"^whole\.nrrd has no label 4; it holds 0, 1\.$"):
        lesions.read_mask(whole, image=image, segment=4)
    with pytest.raises(ValueError, match=r"^mask\.stl does not end in \.nii, \.nii\.gz, \.nrrd or \.mha; give one of those\.$"):
        images.write_volume(mask, tmp_path / "mask.stl")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.98])
@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz", "mask.nrrd", "mask.mha"])
def test_label_volumes_cut_short_are_refused(case, tmp_path, name, share):
    """ITK itself reads a cut NIfTI file without a word."""
    path = images.write_volume(case[2], tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = f"{name} cannot be read as a volume; it is damaged or cut short, export the mask again."
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        lesions.read_mask(path, image=case[0])


def _off_plane(dataset):
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        contour.ContourData = [float(value) + 1.0 * (number % 3 == 0) for number, value in enumerate(contour.ContourData)]


def _outside(dataset):
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        contour.ContourData = [float(value) + 200.0 * (number % 3 == 0) for number, value in enumerate(contour.ContourData)]


def _no_contours(dataset):
    dataset.ROIContourSequence[0].ContourSequence = []


STRUCTURES = {
    "between the slices": (
        _off_plane,
        {},
        "rt.dcm: a contour lies 0.50 slice distances off every slice; it was drawn on other images, give those.",
    ),
    "outside": (_outside, {}, "rt.dcm: a contour lies at slice -"),
    "no contours": (
        _no_contours,
        {},
        "rt.dcm: structure 1 has no closed contour, its mask is empty; choose another or leave the patient out.",
    ),
    "unknown name": (lambda dataset: None, {"segment": "GTV"}, "rt.dcm has 0 structures called 'GTV'; it holds 1 'Lesion'."),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_sets_that_cannot_be_used_are_refused(case, tmp_path, name):
    image, _, mask, folder = case
    write_rtstruct(folder, tmp_path / "rt.dcm", array(mask).astype(bool))
    edit, options, message = STRUCTURES[name]
    assert lesions.list_structures(tmp_path / "rt.dcm").name.tolist() == ["Lesion"]
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        lesions.read_mask(rewrite(tmp_path / "rt.dcm", edit), image=image, **options)


def les(tmp_path, bounds, payload):
    path = tmp_path / "a.les"
    path.write_bytes(np.array(bounds, "<u2").tobytes() + bytes(payload))
    return path


@pytest.mark.parametrize(
    ("bounds", "payload", "message"),
    [
        ([0] * 3, [], "a.les holds 6 bytes, a .les file has 12 header bytes and a payload; fetch it again."),
        (
            [1, 2, 1, 2, 1, 2],
            [7] * 8,
            "a.les holds voxel values up to 7, a .les file has 0 and 1 only; it is damaged or no .les file.",
        ),
        ([1, 2, 1, 2, 1, 2], [0] * 8, "a.les holds an empty mask (8 voxels, none inside); leave the patient out."),
        (
            [2, 1, 2, 1, 2, 1],
            [1] * 8,
            "a.les: its bounds [2, 1, 2, 1, 2, 1] and 8 voxels fit no cuboid inside the image of (52, 48, 20) voxels",
        ),
        (
            [1, 2, 1, 2, 1, 2],
            [1] * 7,
            "a.les: its bounds [1, 2, 1, 2, 1, 2] and 7 voxels fit no cuboid inside the image of (52, 48, 20) voxels",
        ),
        ([90, 91, 1, 2, 1, 2], [1] * 8, "a.les: its bounds [90, 91, 1, 2, 1, 2] and 8 voxels fit no cuboid inside the image"),
        (
            [1, 5, 1, 1, 1, 1],
            [1, 0, 1, 0, 1],
            "a.les: in none of the 6 readings that fit its bounds is the lesion one connected piece",
        ),
    ],
)
def test_les_files_that_cannot_be_used_are_refused(case, tmp_path, bounds, payload, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        lesions.read_mask(les(tmp_path, bounds, payload), image=case[0])


def test_seg_of_another_size_or_empty_is_not_written(case, tmp_path):
    _, series, mask, _ = case
    with pytest.raises(ValueError, match=r"^The mask is empty; there is nothing to write\.$"):
        lesions.write_seg(mask * 0, tmp_path / "seg.dcm", source=series, label="Lesion")
    with pytest.raises(
        ValueError, match=r"^The mask has \(20, 48, 51\) voxels \(z, y, x\) and series 1 .* has \(20, 48, 52\); place it"
    ):
        lesions.write_seg(mask[1:], tmp_path / "seg.dcm", source=series, label="Lesion")
    with pytest.raises(ValueError, match=r"^The mask is empty; there is nothing to write\.$"):
        lesions.write_les(mask * 0, tmp_path / "a.les")
    assert not list(tmp_path.iterdir())


def test_seeds_and_boxes_are_checked(case):
    phases, _ = breast()
    enhancement = images.percent_enhancement(phases[1], phases[0], background=60)
    options = {"radius_mm": 15.0, "fraction": 0.5, "smoothing_mm": 0.8}
    with pytest.raises(
        ValueError,
        match=r"seed \(60, 1, 1\).*\(52, 48, 20\) voxels.*x,y,z.*from 0",
    ):
        lesions.grow_from_seed(enhancement, seed=(60, 1, 1), **options)
    with pytest.raises(
        ValueError,
        match=r"seed \(1, 1, 1\).*0 %.*0 %.*[Cc]hoose a voxel",
    ):
        lesions.grow_from_seed(enhancement, seed=(1, 1, 1), **options)
    with pytest.raises(
        ValueError,
        match=r"seed \(29, 22, 10\).*4 mm.*threshold of \d+ %",
    ):
        lesions.grow_from_seed(enhancement, seed=(29, 22, 10), radius_mm=4.0, fraction=0.5, smoothing_mm=0.8, leak="refuse")
    with pytest.raises(ValueError, match=r"^`fraction` is 1, it must lie between 0 and 1\.$"):
        lesions.grow_from_seed(enhancement, seed=(29, 22, 10), radius_mm=9.0, fraction=1, smoothing_mm=0.8)
    with pytest.raises(ValueError, match=r"`box` is \[\(0, 60\), \(0, 1\), \(0, 1\)\].*first and last voxel"):
        lesions.grow_in_box(enhancement, box=[(0, 60), (0, 1), (0, 1)], fraction=0.5, smoothing_mm=0.8)
    with pytest.raises(ValueError, match=r"[Nn]othing enhances in the box.*0 %.*give a box"):
        lesions.grow_in_box(enhancement, box=[(0, 3), (0, 3), (0, 3)], fraction=0.5, smoothing_mm=0.8)


def test_zones_and_agreement_are_checked(case):
    image, _, mask, _ = case
    with pytest.raises(ValueError, match=r"^`rim_mm` is 0, it must be a positive thickness in mm\.$"):
        lesions.zones(mask, rim_mm=0, surround_mm=5, within=image)
    with pytest.raises(ValueError, match=r"^The mask is empty; there is nothing to divide into zones\.$"):
        lesions.zones(mask * 0, rim_mm=2, surround_mm=5, within=image)
    with pytest.raises(ValueError, match=r"^The mask is empty; there is no lesion to choose\.$"):
        lesions.lesion_of_patient(mask * 0, lesions="largest")
    with pytest.raises(ValueError, match=r"^The mask is empty; it has no largest slice\.$"):
        lesions.largest_slices(mask * 0)
    with pytest.raises(ValueError, match=r"^Both masks are empty; their agreement is not defined\.$"):
        lesions.dice(mask * 0, mask * 0)
    with pytest.raises(ValueError, match=r"\(51, 48, 20\).*\(52, 48, 20\) voxels.*place both"):
        lesions.dice(mask[1:], mask)
    with pytest.raises(ValueError, match=r"`within`.*\(51, 48, 20\).*mask \(52, 48, 20\).*place both"):
        lesions.zones(mask, rim_mm=2, surround_mm=5, within=volume(array(image)[:, :, 1:]))
