import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics import images, lesions
from tests.helpers.imaging_phantoms import array, breast, ellipsoid, noise_volume, volume, write

PLANES = ["sagittal", "axial", "oblique"]


@pytest.fixture(scope="module", params=PLANES)
def case(request, tmp_path_factory):
    """A phantom read back from DICOM, its series and its true mask."""
    folder = tmp_path_factory.mktemp(request.param)
    phases, mask = breast(plane=request.param)
    write(phases[:1], folder, timing="none")
    (series,) = images.find_series(folder)
    return images.read_image(series), series, mask, folder


def write_rtstruct(folder, path, inside, name="Lesion", hole=False):
    """Draw contours with rt-utils, which counts its volumes (y, x, z) in its own order of slices."""
    from rt_utils import RTStructBuilder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rt-utils writes with arguments that pydicom 3 has retired
        builder = RTStructBuilder.create_new(dicom_series_path=str(folder))
        positions = [np.array(one.ImagePositionPatient, float) for one in builder.series_data]
        row, column = np.reshape(np.array(builder.series_data[0].ImageOrientationPatient, float), (2, 3))
        order = np.argsort(np.argsort([position @ np.cross(row, column) for position in positions]))
        builder.add_roi(mask=np.moveaxis(inside[order], 0, 2), name=name, use_pin_hole=hole)
        builder.save(str(path))


def test_seg_rtstruct_nifti_and_les_give_the_same_voxels(case, tmp_path):
    image, series, mask, folder = case
    truth = array(mask)
    lesions.write_seg(mask, tmp_path / "seg.dcm", source=series, label="Lesion")
    images.write_volume(mask, tmp_path / "mask.nii.gz")
    images.write_volume(mask, tmp_path / "mask.nrrd")
    lesions.write_les(mask, tmp_path / "mask.les")
    write_rtstruct(folder, tmp_path / "rtstruct.dcm", truth.astype(bool))
    for name in ("seg.dcm", "mask.nii.gz", "mask.nrrd", "mask.les", "rtstruct.dcm"):
        read = lesions.validate_mask(lesions.read_mask(tmp_path / name, image=image), image)
        np.testing.assert_array_equal(array(read), truth, err_msg=name)
        assert read.GetSize() == image.GetSize()
        np.testing.assert_allclose(read.GetOrigin(), image.GetOrigin(), atol=1e-6)


def test_our_seg_is_readable_by_another_reader(case, tmp_path):
    import highdicom

    _, series, mask, _ = case
    path = lesions.write_seg(mask, tmp_path / "seg.dcm", source=series, label="Lesion")
    other = highdicom.seg.segread(path).get_volume(combine_segments=True)
    assert int(other.array.sum()) == int(array(mask).sum())
    assert lesions.list_segments(path)[["number", "label"]].to_numpy().tolist() == [[1, "Lesion"]]


def test_an_itk_snap_file_in_another_axis_order_is_placed_voxel_by_voxel(case, tmp_path):
    """NIfTI tools like to store axes turned and flipped; the voxels are the same."""
    image, _, mask, _ = case
    turned = sitk.Flip(sitk.PermuteAxes(mask, (2, 0, 1)), (True, False, True))
    path = images.write_volume(turned, tmp_path / "turned.nii.gz")
    placed = lesions.validate_mask(lesions.read_mask(path, image=image), image)
    np.testing.assert_array_equal(array(placed), array(mask))


def fractional(path, change=None):
    """Rewrite a binary SEG as a fractional one with occupancies of 0.2 around 0.9."""
    dataset = pydicom.dcmread(path)
    inside = dataset.pixel_array
    dataset.SegmentationType, dataset.SegmentationFractionalType, dataset.MaximumFractionalValue = "FRACTIONAL", "OCCUPANCY", 255
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = np.where(inside > 0, 230, 51).astype(np.uint8).tobytes()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        if change is not None:
            change(frame)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(("threshold", "share"), [(0.5, "lesion"), (0.95, "nothing"), (0.1, "frames")])
def test_a_fractional_seg_needs_a_threshold(case, tmp_path, threshold, share):
    image, series, mask, _ = case
    path = fractional(lesions.write_seg(mask, tmp_path / "seg.dcm", source=series, label="Lesion"))
    read = lesions.place(lesions.read_mask(path, image=image, threshold=threshold), image)
    slices = array(mask).any(axis=(1, 2))
    expected = {
        "lesion": array(mask),
        "nothing": np.zeros_like(array(mask)),
        "frames": np.ones_like(array(mask)) * slices[:, None, None],
    }
    np.testing.assert_array_equal(array(read), expected[share])


def test_one_of_several_segments_is_chosen_by_number_or_label(case, tmp_path):
    image, series, mask, _ = case
    path = lesions.write_seg(mask, tmp_path / "seg.dcm", source=series, label="Lesion")
    dataset = pydicom.dcmread(path)
    second = pydicom.Dataset()
    second.update(dataset.SegmentSequence[0])
    second.SegmentNumber, second.SegmentLabel = 2, "Node"
    dataset.SegmentSequence.append(second)
    frames = dataset.PerFrameFunctionalGroupsSequence
    frames[0].SegmentIdentificationSequence = [pydicom.Dataset()]
    frames[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 2
    dataset.save_as(path)
    position = [float(value) for value in frames[0].PlanePositionSequence[0].ImagePositionPatient]
    first = image.TransformPhysicalPointToIndex(position)[2]
    assert lesions.list_segments(path).frames.tolist() == [len(frames) - 1, 1]
    node = lesions.place(lesions.read_mask(path, image=image, segment="Node"), image)
    expected = np.zeros_like(array(mask))
    expected[first] = array(mask)[first]
    np.testing.assert_array_equal(array(node), expected)
    rest = lesions.place(lesions.read_mask(path, image=image, segment=1), image)
    np.testing.assert_array_equal(array(rest), array(mask) - expected)


def test_an_image_of_signal_given_as_a_mask_is_refused_unless_a_label_is_chosen(case, tmp_path):
    image, _, mask, _ = case
    signal = np.where(array(mask) > 0, np.arange(mask.GetNumberOfPixels()).reshape(array(mask).shape) % 300 + 1, 0)
    images.write_volume(volume_like(image, signal.astype(np.int16)), tmp_path / "t1.nii.gz")
    with pytest.raises(
        ValueError, match=r"t1\.nii\.gz: The mask holds \d+ labels .* is it an image of signal\? Give the mask, or choose"
    ):
        lesions.validate_mask(lesions.read_mask(tmp_path / "t1.nii.gz", image=image), image)
    label = int(np.bincount(signal[signal > 0].ravel()).argmax())
    chosen = lesions.read_mask(tmp_path / "t1.nii.gz", image=image, segment=label)
    assert (array(chosen) > 0).sum() == (signal == label).sum()


def test_planes_left_out_of_a_seg_are_empty(case, tmp_path):
    """A lesion in two parts with empty planes between: the file holds no frames for those."""
    image, series, mask, _ = case
    values = np.zeros_like(array(mask))
    values[3, 10:14, 10:14] = values[9:11, 20:25, 20:25] = 1
    two = volume_like(mask, values)
    path = lesions.write_seg(two, tmp_path / "seg.dcm", source=series, label="Lesion")
    assert int(pydicom.dcmread(path).NumberOfFrames) == 3
    np.testing.assert_array_equal(array(lesions.place(lesions.read_mask(path, image=image), image)), values)


def volume_like(image, values):
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result


def test_a_hole_drawn_as_a_contour_inside_another_stays_a_hole():
    from radiogenomics.lesions.structures import fill

    outer = np.array([[1.5, 1.5], [10.5, 1.5], [10.5, 9.5], [1.5, 9.5]])
    inner = np.array([[4.5, 4.5], [6.5, 4.5], [6.5, 6.5], [4.5, 6.5]])
    filled = fill([outer, inner], (12, 14))
    expected = np.zeros((12, 14), dtype=bool)
    expected[2:10, 2:11] = True
    expected[5:7, 5:7] = False
    np.testing.assert_array_equal(filled, expected)


def test_random_shapes_are_drawn_and_filled_alike(tmp_path):
    """rt-utils draws, we fill: blobs, several a slice, come back voxel by voxel.

    Square pixels, because rt-utils 1.2.7 takes the row spacing for the column spacing (DICOM PS3.3 10.7.1.3).
    """
    image = noise_volume((8, 40, 44), spacing=(0.8, 0.8, 2.0))
    write([image], tmp_path, timing="none")
    rng = np.random.default_rng(5)
    inside = np.zeros((8, 40, 44), dtype=bool)
    for _ in range(6):
        inside |= ellipsoid(inside.shape, rng.uniform([2, 8, 8], [6, 32, 36]), rng.uniform([1, 3, 3], [3, 8, 8]))
    inside = np.array([ndimage.binary_fill_holes(plane) for plane in inside])
    write_rtstruct(tmp_path, tmp_path.parent / "blobs.dcm", inside)
    read = lesions.read_mask(tmp_path.parent / "blobs.dcm", image=image)
    np.testing.assert_array_equal(array(read).astype(bool), inside)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_les_files_of_either_layout_are_understood(tmp_path, paired, order):
    inside = ellipsoid((12, 40, 30), (6, 22, 11), (3.2, 10.1, 6.3)).astype(np.uint8)
    image = volume(np.zeros(inside.shape, np.int16))
    z, y, x = [slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(inside)]
    lows, highs = [y.start, x.start, z.start], [y.stop - 1, x.stop - 1, z.stop - 1]
    header = np.ravel(np.column_stack([lows, highs])) if paired else np.array(lows + highs)
    path = tmp_path / "TCGA-XX-0000-1.les"
    path.write_bytes(header.astype("<u2").tobytes() + np.ascontiguousarray(inside[z, y, x].transpose(order)).tobytes())
    np.testing.assert_array_equal(array(lesions.read_mask(path, image=image)), inside)


def test_a_mask_on_another_voxel_size_is_resampled_only_when_asked(caplog):
    phases, mask = breast()
    fine = images.resample(mask, spacing_mm=(0.5, 0.5, 1.0), interpolation="nearest")
    with pytest.raises(ValueError, match="grid is not the image's"):
        lesions.validate_mask(fine, phases[0])
    with caplog.at_level("WARNING"):
        resampled = lesions.validate_mask(fine, phases[0], resample=True)
    assert "The mask was resampled onto the image" in caplog.text
    assert lesions.dice(resampled, mask) > 0.95
