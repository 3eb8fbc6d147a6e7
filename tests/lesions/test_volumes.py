"""Label volumes and folders: segments by name, sheared and damaged headers, one mask in a folder, names with dots."""

import gzip
import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from radiogenomics import images, lesions
from radiogenomics._errors import FileError, InputError
from radiogenomics.lesions._parsing import parsing
from tests.helpers.imaging_phantoms import array, ellipsoid, noise_volume, volume, write

SHAPE = (9, 20, 24)


@pytest.fixture(scope="module")
def image():
    return noise_volume(SHAPE, spacing=(0.75, 1.25, 2.0), origin=(-8.0, 3.0, 12.0))


@pytest.fixture(scope="module")
def parts(image):
    mass, node = ellipsoid(SHAPE, (4, 9, 9), (2, 5, 6)), ellipsoid(SHAPE, (5, 12, 14), (2, 4, 5))
    assert (mass & node).any()
    return mass, node


def like(image, values):
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result


def slicer(path, volume, segments):
    for number, (name, label, layer) in enumerate(segments):
        volume.SetMetaData(f"Segment{number}_ID", f"Segment_{number + 1}")
        volume.SetMetaData(f"Segment{number}_Name", name)
        if label is not None:
            volume.SetMetaData(f"Segment{number}_LabelValue", str(label))
            volume.SetMetaData(f"Segment{number}_Layer", str(layer))
    sitk.WriteImage(volume, str(path), useCompression=True)
    return path


def test_segments_of_3d_slicer_are_chosen_by_name(image, parts, tmp_path):
    mass, node = parts
    values = np.where(mass, 5, np.where(node, 2, 0)).astype(np.uint8)
    path = slicer(tmp_path / "A.1.seg.nrrd", like(image, values), [("Index lesion", 5, 0), ("Node left", 2, 0)])
    for segment, label in (("Index lesion", 5), ("Node left", 2), (5, 5), ("2", 2)):
        read = lesions.validate_mask(lesions.read_mask(path, image=image, segment=segment), image)
        np.testing.assert_array_equal(array(read), values == label)
    with pytest.raises(
        ValueError, match=r"^A\.1\.seg\.nrrd has 0 segments called 'Node right'; it holds 5 'Index lesion', 2 'Node left'"
    ):
        lesions.read_mask(path, image=image, segment="Node right")
    np.testing.assert_array_equal(array(lesions.read_mask(path, image=image)), values)


@pytest.mark.parametrize("old", [True, False])
def test_overlapping_segments_lie_in_layers(image, parts, tmp_path, old):
    """Old versions wrote neither label nor layer: one layer per segment, label 1."""
    layers = sitk.Compose(*(like(image, part.astype(np.uint8)) for part in parts))
    names = [("Mass", None if old else 1, 0), ("Node", None if old else 1, 1)]
    path = slicer(tmp_path / "two.seg.nrrd", layers, names)
    for (name, _, _), part in zip(names, parts, strict=True):
        read = lesions.validate_mask(lesions.read_mask(path, image=image, segment=name), image)
        np.testing.assert_array_equal(array(read), part)
    with pytest.raises(ValueError, match=r"^two\.seg\.nrrd holds 2 segments \('Mass', 'Node'\) in 2 layers; choose one with"):
        lesions.read_mask(path, image=image)


def test_a_segmentation_of_3d_slicer_without_voxels_is_empty(image, tmp_path):
    path = slicer(tmp_path / "none.seg.nrrd", volume(np.zeros((1, 1, 1), np.uint8)), [("Mass", 1, 0)])
    with pytest.raises(ValueError, match=r"^none\.seg\.nrrd is a segmentation of 3D Slicer without a voxel"):
        lesions.read_mask(path, image=image)


@pytest.fixture
def nifti(image, parts, tmp_path):
    return images.write_volume(like(image, parts[0].astype(np.uint8)), tmp_path / "m.nii")


def patch(path, at, kind, *values):
    content = bytearray(path.read_bytes())
    struct.pack_into(f"<{kind}", content, at, *values)
    path.write_bytes(content)
    return path


def sheared(path, by, *, qform):
    """Lean the second axis of the sform towards the first."""
    rows = np.reshape(struct.unpack_from("<12f", path.read_bytes(), 280), (3, 4)).copy()
    rows[:, 1] += by * rows[:, 0]
    return patch(patch(path, 280, "12f", *rows.ravel()), 252, "h", int(qform))


def test_a_sheared_sform_is_called_sheared(image, nifti):
    with pytest.raises(
        ValueError,
        match=r"^m\.nii: its sform is sheared: two axes are at 8\d\.\d+ degrees, not 90, and it has no qform",
    ):
        lesions.read_mask(sheared(nifti, 0.2, qform=False), image=image)


@pytest.mark.parametrize(
    ("by", "qform", "message"), [(0.2, True, "its qform counts."), (0.005, False, "perpendicular axes are used.")]
)
def test_a_sheared_sform_with_a_qform_or_a_hair_off_is_read_and_said(image, nifti, parts, caplog, by, qform, message):
    path = sheared(nifti, by, qform=qform)
    read = lesions.read_mask(path, image=image)
    np.testing.assert_array_equal(array(read), parts[0])
    assert caplog.messages[0].startswith("m.nii: its sform is sheared by ")
    assert caplog.messages[0].endswith(message)
    middle = [(size - 1) / 2 for size in image.GetSize()]
    off = np.subtract(read.TransformContinuousIndexToPhysicalPoint(middle), image.TransformContinuousIndexToPhysicalPoint(middle))
    assert np.linalg.norm(off) < 0.1


HEADERS = {
    "voxels that begin nowhere": (lambda path: patch(path, 108, "f", float("inf")), "its voxels should begin at byte inf"),
    "voxels that begin at no number": (lambda path: patch(path, 108, "f", float("nan")), "its voxels should begin at byte nan"),
    "no size": (lambda path: patch(path, 42, "h", 0), "its size is [0, 20, 9] voxels"),
    "a negative size": (lambda path: patch(path, 44, "h", -20), "its size is [24, -20, 9] voxels"),
    "a huge size": (
        lambda path: patch(path, 42, "3h", 30000, 30000, 30000),
        "announces 30,000 x 30,000 x 30,000 voxels, at most 2,147,483,648 are read",
    ),
    "a type that is none": (lambda path: patch(path, 70, "h", 12345), "The reader said: "),
}


@pytest.mark.parametrize("name", HEADERS)
def test_impossible_nifti_headers_are_refused(image, nifti, name):
    edit, message = HEADERS[name]
    with pytest.raises(ValueError, match=r"^m\.nii") as caught:
        lesions.read_mask(edit(nifti), image=image)
    assert message in str(caught.value)


def test_a_damaged_stream_is_refused_wherever_it_is_damaged(image, nifti):
    path = nifti.with_suffix(".nii.gz")
    whole = bytearray(gzip.compress(nifti.read_bytes(), mtime=0))
    refused = 0
    for at in range(10, len(whole) - 8, 3):
        content = bytearray(whole)
        content[at] ^= 0x55
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^m\.nii\.gz"):
            lesions.read_mask(path, image=image)
        refused += 1
    assert refused > 20


def test_a_header_with_more_voxels_than_the_file_can_hold_is_refused_before_memory_is_taken(image, parts, tmp_path):
    path = images.write_volume(like(image, parts[0].astype(np.uint8)), tmp_path / "big.nrrd")
    head, _, data = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head.replace(b"sizes: 24 20 9", b"sizes: 40000 40000 40000") + b"\n\n" + data)
    with pytest.raises(
        ValueError, match=r"^big\.nrrd announces 64,000,000,000,000 voxels in [\d,]+ bytes; its header is damaged"
    ):
        lesions.read_mask(path, image=image)


@pytest.mark.parametrize(
    "error", [KeyError("x"), zlib.error("bad"), AttributeError("no"), RecursionError(), OverflowError("inf")]
)
def test_whatever_a_parser_raises_becomes_one_error(tmp_path, error):
    with (
        pytest.raises(
            InputError, match=r"^a\.dcm cannot be read as a DICOM SEG; it is damaged or cut short, export the mask again"
        ),
        parsing(tmp_path / "a.dcm", "a DICOM SEG"),
    ):
        raise error


def test_what_does_not_lie_in_the_file_is_not_blamed_on_it(tmp_path):
    message = r"could not be read \(Input/output error\); make it readable and try again\.$"
    with pytest.raises(FileError, match=message), parsing(tmp_path / "a.nii", "a volume"):
        raise OSError(5, "Input/output error")
    for passed in (MemoryError, KeyboardInterrupt):
        with pytest.raises(passed), parsing(tmp_path / "a.nii", "a volume"):
            raise passed
    with pytest.raises(InputError, match=r"^mine$"), parsing(tmp_path / "a.nii", "a volume"):
        raise InputError("mine")


def test_a_folder_with_one_mask_among_other_files_is_read(image, parts, tmp_path):
    write([image], tmp_path / "mr", timing="none")
    (series,) = images.find_series(tmp_path / "mr")
    folder = tmp_path / "patient"
    (folder / "seg").mkdir(parents=True)
    mask = like(image, parts[0].astype(np.uint8))
    (folder / "LICENSE").write_text("CC BY 3.0")
    (folder / ".DS_Store").write_bytes(b"\0\1")
    (folder / "1-01.dcm").write_bytes(series.slices[0].path.read_bytes())
    with pytest.raises(ValueError, match=r"holds no mask \(2 other files\); give one of DICOM SEG, "):
        lesions.read_mask(folder, image=image)
    one = lesions.write_seg(mask, folder / "seg" / "1-1.dcm", source=series, label="Lesion")
    assert lesions.find_mask(folder) == one
    read = lesions.validate_mask(lesions.read_mask(folder, image=images.read_image(series)), images.read_image(series))
    np.testing.assert_array_equal(array(read), parts[0])
    lesions.write_les(mask, folder / "A-2.les")
    with pytest.raises(ValueError, match=r"holds 2 masks \(A-2\.les, seg/1-1\.dcm\); give the one that is meant, or remove"):
        lesions.read_mask(folder, image=image)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("ISPY1.1001.nii.gz", "ISPY1.1001"),
        ("P.7.seg.nrrd", "P.7"),
        ("TCGA-A1-A0SB-1.les", "TCGA-A1-A0SB-1"),
        ("x.y.SEG.DCM", "x.y"),
        ("Case 3.v2.NII", "Case 3.v2"),
        ("folder.of.a.patient", "folder.of.a.patient"),
    ],
)
def test_a_dot_may_stand_in_the_name_of_a_patient(tmp_path, name, stem):
    assert lesions.mask_stem(tmp_path / name) == stem


def test_messages_name_the_file_and_the_patient(image, parts, tmp_path, caplog):
    mass, _ = parts
    values = mass.astype(np.uint8)
    values[0:2, 0:2, 0:2] = 1
    path = images.write_volume(like(image, values), tmp_path / "b.nrrd")
    lesions.validate_mask(lesions.read_mask(path, image=image), image, name="P-12")
    assert caplog.messages[0].startswith("P-12: b.nrrd: The mask holds 2 lesions, the largest with ")
    empty = images.write_volume(like(image, values * 0), tmp_path / "c.nrrd")
    with pytest.raises(ValueError, match=r"^P-13: c\.nrrd: The mask is empty: none of its 4,320 voxels is labelled"):
        lesions.validate_mask(lesions.read_mask(empty, image=image), image, name="P-13")
