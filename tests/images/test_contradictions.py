"""Headers that contradict each other or the pixels are mended where the pixels prove it, and refused otherwise."""

import logging
import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, noise_volume, write


def rewrite(paths, change):
    """Change the data sets of some files; `change(dataset, number)` works in place."""
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        change(dataset, number)
        dataset.save_as(path)


def read_back(folder):
    (series,) = images.find_series(folder)
    return images.read_image(series)


def reread(folder):
    return images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=1)


def unsigned(dataset, pixels, *, stored, high):
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, stored, high
    dataset.PixelData = pixels.astype("<u2").tobytes()


@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (10, 14)])
def test_values_at_the_upper_end_of_a_pixel_are_moved_down(tmp_path, stored, high):
    image = sitk.Cast(noise_volume((3, 6, 5)) / 4, sitk.sitkUInt16)
    paths = write([image], tmp_path, timing="none")
    rewrite(paths, lambda ds, _: unsigned(ds, ds.pixel_array << (high + 1 - stored), stored=stored, high=high))
    np.testing.assert_array_equal(array(read_back(tmp_path)), array(image))


def test_signed_values_at_the_upper_end_keep_their_sign(tmp_path):
    image = sitk.Cast(noise_volume((2, 6, 5)) / 4 - 500, sitk.sitkInt16)

    def change(dataset, _):
        pixels = dataset.pixel_array
        dataset.BitsStored, dataset.HighBit = 12, 15
        dataset.PixelData = (pixels.astype(np.int16) << 4).astype("<i2").tobytes()

    rewrite(write([image], tmp_path, timing="none"), change)
    np.testing.assert_array_equal(array(read_back(tmp_path)), array(image))


def test_a_high_bit_that_the_pixels_disprove_is_told(tmp_path, caplog):
    image = sitk.Cast(noise_volume((2, 6, 5)), sitk.sitkUInt16)
    rewrite(write([image], tmp_path, timing="none"), lambda ds, _: unsigned(ds, ds.pixel_array, stored=12, high=15))
    np.testing.assert_array_equal(array(read_back(tmp_path)), array(image))
    assert "HighBit places the values 4 bit(s) higher than they are" in caplog.text


@pytest.mark.parametrize(("stored", "high"), [(10, 9), (11, 10), (12, 15)])
def test_values_beyond_the_bits_in_use_are_refused(tmp_path, stored, high):
    image = sitk.Cast(noise_volume((2, 16, 15)) + 500, sitk.sitkUInt16)
    rewrite(write([image], tmp_path, timing="none"), lambda ds, _: unsigned(ds, ds.pixel_array, stored=stored, high=high))
    with pytest.raises(ValueError, match=rf"the header contradicts the pixels|BitsStored {stored} and HighBit {high} leave"):
        read_back(tmp_path)


def test_a_declared_overlay_is_cleared(tmp_path):
    image = sitk.Cast(noise_volume((2, 6, 5)), sitk.sitkUInt16)
    drawn = np.random.default_rng(2).integers(0, 2, (2, 6, 5)).astype(np.uint16)

    def change(dataset, number):
        unsigned(dataset, dataset.pixel_array | drawn[number] << 13, stored=12, high=11)
        dataset.add_new(0x60000102, "US", 13)

    rewrite(write([image], tmp_path, timing="none"), change)
    np.testing.assert_array_equal(array(read_back(tmp_path)), array(image))


@pytest.mark.parametrize(("stored", "high", "fits"), [(17, 16, False), (12, 16, False), (16, 11, True)])
def test_bits_that_do_not_fit_are_refused(tmp_path, stored, high, fits):
    """A HighBit below BitsStored - 1 does no harm while no value needs the bits in doubt."""
    image = sitk.Cast(noise_volume((1, 6, 5)), sitk.sitkUInt16)
    rewrite(write([image], tmp_path, timing="none"), lambda ds, _: unsigned(ds, ds.pixel_array, stored=stored, high=high))
    if fits:
        np.testing.assert_array_equal(array(read_back(tmp_path)), array(image))
        return
    with pytest.raises(ValueError, match=rf"BitsStored {stored} and HighBit {high} do not fit into BitsAllocated 16"):
        read_back(tmp_path)


@pytest.mark.parametrize(("keyword", "value"), [("RescaleSlope", "2.5"), ("RescaleIntercept", "-100")])
@pytest.mark.parametrize("with_it", [[0, 2, 4], list(range(6, 12))], ids=["slices of a phase", "a whole phase"])
def test_a_slope_in_some_images_only_is_refused(tmp_path, keyword, value, with_it):
    paths = write([noise_volume(seed=seed) for seed in range(2)], tmp_path)
    rewrite([paths[at] for at in with_it], lambda ds, _: setattr(ds, keyword, value))
    with pytest.raises(ValueError, match=rf"\d+ of \d+ images have a {keyword} \(.*{value}\) and the others none"):
        reread(tmp_path)


def test_a_slope_of_one_in_some_images_changes_nothing(tmp_path):
    paths = write([noise_volume(seed=seed) for seed in range(2)], tmp_path)

    def neutral(dataset, _):
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"

    rewrite(paths[:5], neutral)
    np.testing.assert_array_equal(array(reread(tmp_path).pre), array(noise_volume()))


@pytest.mark.parametrize("padding", [-2000, 3999, 0])
@pytest.mark.parametrize("implicit", [False, True])
def test_padding_is_no_signal(tmp_path, caplog, padding, implicit):
    image = sitk.Cast(noise_volume((3, 8, 9)) / 2 + 10, sitk.sitkInt16)
    outside = np.random.default_rng(5).random((3, 8, 9)) < 0.3

    def change(dataset, number):
        pixels = dataset.pixel_array.copy()
        pixels[outside[number]] = padding
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", padding)
        if implicit:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian

    for number, path in enumerate(write([image], tmp_path, timing="none")):
        dataset = pydicom.dcmread(path)
        change(dataset, number)
        pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=True, force_encoding=True)
    back = read_back(tmp_path)
    np.testing.assert_array_equal(array(back), np.where(outside, 0, array(image)))
    drawn = sitk.GetImageFromArray((np.random.default_rng(7).random(outside.shape) < 0.4).astype(np.uint8))
    assert images.padding_inside(back, drawn) == (outside & (array(drawn) > 0)).sum() > 0
    assert images.padding_inside(image, drawn) == 0
    assert f"{outside.sum()} of {outside.size} voxels are padding by their header" in caplog.text


def test_a_range_of_padding_and_negative_signal(tmp_path):
    """Padding never lies above the lowest signal: with a rescale intercept that is below 0."""
    image = sitk.Cast(noise_volume((2, 8, 9)) / 2 + 40, sitk.sitkUInt16)
    outside = np.random.default_rng(6).random((2, 8, 9)) < 0.2

    def change(dataset, number):
        pixels = dataset.pixel_array.copy()
        pixels[outside[number]] = np.arange(outside[number].sum()) % 8 + 12
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "US", 12)
        dataset.add_new("PixelPaddingRangeLimit", "US", 19)
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"

    rewrite(write([image], tmp_path, timing="none"), change)
    back = array(read_back(tmp_path))
    signal = array(image)[~outside] - 1024.0
    np.testing.assert_array_equal(back[~outside], signal)
    assert set(back[outside]) == {signal.min()}
    assert float(read_back(tmp_path).GetMetaData(images.PADDING)) == signal.min()


def test_a_padding_value_that_no_pixel_has_changes_nothing(tmp_path, caplog):
    paths = write([noise_volume((2, 4, 5))], tmp_path, timing="none")
    rewrite(paths, lambda ds, _: ds.add_new("PixelPaddingValue", "SS", -32768))
    back = read_back(tmp_path)
    np.testing.assert_array_equal(array(back), array(noise_volume((2, 4, 5))))
    assert not back.HasMetaDataKey(images.PADDING)
    assert "padding" not in caplog.text


@pytest.mark.parametrize("others", [range(3, 6), range(6, 12)], ids=["within a phase", "a whole phase"])
def test_two_patients_in_one_series_are_refused(tmp_path, others):
    paths = write([noise_volume(seed=seed) for seed in range(2)], tmp_path)
    rewrite([paths[at] for at in others], lambda ds, _: setattr(ds, "PatientID", "SOMEONE-ELSE"))
    with pytest.raises(ValueError, match=r"images of 2 patients .*\(PatientID 'PHANTOM-01', 'SOMEONE-ELSE'\); separate"):
        reread(tmp_path)


def test_a_volume_of_two_patients_is_refused(tmp_path):
    paths = write([noise_volume()], tmp_path, timing="none")
    rewrite(paths[:2], lambda ds, _: setattr(ds, "PatientID", "B"))
    with pytest.raises(ValueError, match=r"mixes PatientID 'B', 'PHANTOM-01'"):
        read_back(tmp_path)


def test_names_in_latin_1_do_not_collide(tmp_path):
    """Neither file names its character set; both identifiers have one letter outside ASCII."""
    for written, name in {"MXLLER": b"M\xfcLLER", "MYLLER": b"M\xf6LLER"}.items():
        (path,) = write([noise_volume((1, 4, 5))], tmp_path / written, timing="none", patient=written)
        path.write_bytes(path.read_bytes().replace(written.encode(), name))
    table = images.series_table(images.find_series(tmp_path))
    assert sorted(table["patient"]) == ["MöLLER", "MüLLER"]


@pytest.mark.parametrize(
    ("letters", "encoding"), [("ISO_IR 100", "latin-1"), ("ISO_IR 192", "utf-8"), ("ISO_IR 192", "latin-1"), ("", "utf-8")]
)
def test_names_are_read_in_their_character_set(tmp_path, letters, encoding):
    (path,) = write(
        [noise_volume((1, 4, 5))], tmp_path, timing="none", patient="XXXXXXXX", tags={"SpecificCharacterSet": letters}
    )
    name = "Grün-É".encode(encoding).ljust(8)
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", name))
    assert images.series_table(images.find_series(tmp_path))["patient"].item() == "Grün-É"


@pytest.mark.parametrize("thickness", [None, "0", ""])
def test_a_single_slice_of_unknown_thickness_is_refused(tmp_path, thickness):
    paths = write([noise_volume((1, 5, 6), seed=seed) for seed in range(3)], tmp_path)

    def change(dataset, _):
        del dataset.SpacingBetweenSlices
        if thickness is None:
            del dataset.SliceThickness
        else:
            dataset.SliceThickness = thickness

    rewrite(paths, change)
    (series,) = images.find_series(tmp_path)
    sources, _ = images.split_phases([series], pre_contrast=1)
    with pytest.raises(
        ValueError, match=r"is a single slice \(1-001\.dcm\) without SpacingBetweenSlices or SliceThickness above 0"
    ):
        images.read_image(sources["pre"])


def test_a_single_slice_has_the_thickness_of_its_header(tmp_path):
    paths = write([noise_volume((1, 5, 6))], tmp_path, timing="none")

    def change(dataset, _):
        del dataset.SpacingBetweenSlices
        dataset.SliceThickness = "3.5"

    rewrite(paths, change)
    assert read_back(tmp_path).GetSpacing()[2] == 3.5


@pytest.mark.parametrize(("decimals", "step"), [(1, 2.25), (1, 1.15), (2, 0.375)])
def test_positions_rounded_for_writing_are_one_stack(tmp_path, decimals, step):
    image = noise_volume((9, 5, 6), spacing=(0.9, 0.8, step), origin=(-40.5, 12.2, 7.3))
    paths = write([image], tmp_path, timing="none")
    rewrite(
        paths,
        lambda ds, _: setattr(ds, "ImagePositionPatient", [f"{float(word):.{decimals}f}" for word in ds.ImagePositionPatient]),
    )
    back = read_back(tmp_path)
    np.testing.assert_array_equal(array(back), array(image))
    assert back.GetSpacing()[2] == pytest.approx(step, abs=10**-decimals / 8)


@pytest.mark.parametrize("shift", [0.3, 1.0])
def test_a_shifted_slice_is_no_rounding(tmp_path, shift):
    image = noise_volume((7, 5, 6), spacing=(0.9, 0.8, 3.0), origin=(-40.0, 12.0, 7.0))
    paths = write([image], tmp_path, timing="none")

    def change(dataset, number):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [f"{x:.1f}", f"{y:.1f}", f"{z + shift * (number == 3):.1f}"]

    rewrite(paths, change)
    with pytest.raises(ValueError, match=r"the slices are unevenly spaced between"):
        read_back(tmp_path)


def test_noise_of_the_orientation_moves_no_slice(tmp_path):
    """Far from the origin, 1e-4 of an angle is a tenth of a millimetre along the slice axis."""
    image = noise_volume((8, 5, 6), plane="oblique", origin=(-240.0, 310.0, -500.0))
    rng = np.random.default_rng(8)
    rewrite(
        write([image], tmp_path, timing="none"),
        lambda ds, _: setattr(
            ds,
            "ImageOrientationPatient",
            [
                f"{float(word) + shift:.6f}"
                for word, shift in zip(ds.ImageOrientationPatient, rng.normal(0, 1e-4, 6), strict=True)
            ],
        ),
    )
    back = read_back(tmp_path)
    np.testing.assert_array_equal(array(back), array(image))
    assert back.GetSpacing()[2] == pytest.approx(2.0, abs=1e-3)


def test_an_encrypted_zip_is_named(tmp_path):
    archive = tmp_path / "exam.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.dcm", b"x" * 40)
    content = bytearray(archive.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"^exam\.zip is encrypted \('a\.dcm' needs a password\); unpack it yourself"):
        images.unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_directory_of_a_disc_and_foreign_names_are_passed_over(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    write([noise_volume()], tmp_path, timing="none")
    directory = pydicom.Dataset()
    directory.FileSetID = "DISC"
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    directory.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    directory.save_as(tmp_path / "index.dcm", enforce_file_format=True)
    with open(bytes(tmp_path) + b"/R\xf6ntgen.txt", "wb") as file:
        file.write(b"notes")
    np.testing.assert_array_equal(array(read_back(tmp_path)), array(noise_volume()))
    assert "2 files are not DICOM and were ignored: R\ufffdntgen.txt, index.dcm" in caplog.text
