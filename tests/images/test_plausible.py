"""Pixels that cannot be what the header says, and header facts beside the pixels that contradict each other."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, noise_volume, write


def stored(folder, pixels, **tags):
    """Write a volume whose files hold these pixels, with these tags; a function gives the tag of each file."""
    image = sitk.GetImageFromArray(np.zeros(pixels.shape, np.int16))
    image.SetSpacing((1.0, 1.0, 3.0))
    for number, path in enumerate(write([image], folder, timing="none")):
        dataset = pydicom.dcmread(path)
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        dataset.PixelData = pixels[number].astype(pixels.dtype.newbyteorder("<")).tobytes()
        for keyword, value in tags.items():
            setattr(dataset, keyword, value(number) if callable(value) else value)
        dataset.save_as(path)
    return folder


def read_back(folder):
    (series,) = images.find_series(folder)
    return images.read_image(series)


@pytest.fixture
def smooth():
    z, y, x = np.indices((3, 16, 16))
    return (20 * z + 30 * y + 40 * x).astype(np.int16)


@pytest.mark.parametrize(("bits", "limit"), [(16, 65536), (12, 4096)])
def test_negative_values_read_as_unsigned_are_refused(tmp_path, smooth, bits, limit):
    pixels = ((smooth.astype(np.int64) // 4 - 50) % limit).astype(np.uint16)
    stored(tmp_path, pixels, BitsStored=bits, HighBit=bits - 1)
    with pytest.raises(ValueError, match=r"as negative values do that are read as unsigned; PixelRepresentation \(0\)"):
        read_back(tmp_path)


def test_large_values_read_as_signed_are_refused(tmp_path, smooth):
    large = (smooth.astype(np.int64) * 50).clip(0, 65535).astype(np.uint16).view(np.int16)
    stored(tmp_path, large)
    with pytest.raises(ValueError, match="none is slightly negative, as large values do that are read as signed"):
        read_back(tmp_path)


def test_a_single_far_value_is_told(tmp_path, smooth, caplog):
    pixels = smooth.astype(np.uint16)
    pixels[:, :2] = 65535
    assert array(read_back(stored(tmp_path, pixels))).max() == 65535
    assert "pixels hold 65535, far above all others; the header does not call it padding" in caplog.text


def test_a_sign_that_is_extended_is_told(tmp_path, smooth, caplog):
    stored(tmp_path, ((smooth - 100) & 0xFFF).astype(np.int16), BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(array(read_back(tmp_path)), smooth - 100)
    assert "have the highest of 12 bits set and are read as negative" in caplog.text


def test_bytes_in_the_other_order_are_refused(tmp_path, smooth):
    stored(tmp_path / "right", smooth)
    np.testing.assert_array_equal(array(read_back(tmp_path / "right")), smooth)
    stored(tmp_path / "wrong", smooth.byteswap())
    with pytest.raises(ValueError, match="with their bytes swapped; they are written in the other order of bytes"):
        read_back(tmp_path / "wrong")


def test_small_values_in_the_other_order_are_told(tmp_path, smooth, caplog):
    read_back(stored(tmp_path, (smooth // 10).astype(np.uint16).byteswap()))
    assert "every value is a multiple of 256, as of small values whose bytes are swapped" in caplog.text


@pytest.mark.parametrize(
    "content",
    [b"\xff\x4f\xff\x51" + bytes(508), b"\xff\xd8\xff\xe0" + bytes(508), encapsulate([bytes(480)]).ljust(512, b"\0")],
    ids=["JPEG 2000", "JPEG", "items"],
)
def test_a_compressed_stream_in_an_element_of_plain_pixels_is_refused(tmp_path, smooth, content):
    stored(tmp_path, smooth, PixelData=content[:512])
    with pytest.raises(ValueError, match="its pixels are a compressed stream in an element of uncompressed ones"):
        images.find_series(tmp_path)


def test_colour_tables_and_inverted_grey(tmp_path, smooth, caplog):
    stored(tmp_path / "a", smooth, PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(ValueError, match=r"holds colour pixels \(PALETTE COLOR, image\)"):
        read_back(tmp_path / "a")
    read_back(stored(tmp_path / "b", smooth, PhotometricInterpretation="MONOCHROME1"))
    assert "low values are shown bright (MONOCHROME1)" in caplog.text
    stored(tmp_path / "c", smooth, PhotometricInterpretation=lambda number: f"MONOCHROME{1 + number // 2}")
    with pytest.raises(ValueError, match="mixes PhotometricInterpretation"):
        read_back(tmp_path / "c")


@pytest.mark.parametrize(
    ("between", "thick", "told"),
    [
        ("1.5", "1.5", "SpacingBetweenSlices says 1.5 mm, but the positions lie 3 mm apart, which counts. Every other slice"),
        ("7", "3", "SpacingBetweenSlices says 7 mm, but the positions lie 3 mm apart, which counts."),
        ("-3", "3", ""),
        ("0.5", "2.5", ""),  # a gap, as some scanners write
    ],
)
def test_the_distance_of_slices_against_their_positions(tmp_path, smooth, caplog, between, thick, told):
    stored(tmp_path, smooth, SpacingBetweenSlices=between, SliceThickness=thick)
    assert read_back(tmp_path).GetSpacing()[2] == 3.0
    assert told in caplog.text
    assert told or "SpacingBetweenSlices" not in caplog.text


def test_a_single_slice_with_two_thicknesses_is_told(tmp_path, smooth, caplog):
    stored(tmp_path, smooth[:1], SpacingBetweenSlices="-4", SliceThickness="2.5")
    assert read_back(tmp_path).GetSpacing()[2] == 4.0
    assert "a single slice of 2.5 mm (SliceThickness) with SpacingBetweenSlices 4 mm" in caplog.text


def test_one_identifier_of_two_images_is_told_from_a_copy(tmp_path, smooth):
    stored(tmp_path, smooth, SOPInstanceUID=lambda number: f"1.2.{max(number, 1)}")
    with pytest.raises(ValueError, match=r"one SOPInstanceUID\), but their content differs"):
        images.find_series(tmp_path)


def test_several_persons_of_one_identifier_are_told_without_their_names(tmp_path, smooth, caplog):
    stored(tmp_path, smooth, PatientName=lambda number: ["Doe^Ann", "DOE^ANN", "Roe^Eve"][number])
    images.find_series(tmp_path)
    assert "its images have 2 values of PatientName" in caplog.text
    assert "Roe" not in caplog.text


def test_noise_in_any_order_of_bytes_is_noise(tmp_path):
    np.testing.assert_array_equal(
        array(read_back(stored(tmp_path, array(noise_volume((3, 9, 10)))))), array(noise_volume((3, 9, 10)))
    )
