import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, noise_volume, write


def one_series(folder):
    (series,) = images.find_series(folder)
    return series


@pytest.mark.parametrize("plane", ["sagittal", "axial", "oblique"])
@pytest.mark.parametrize("kind", [np.int16, np.uint16])
def test_phantom_written_and_read_back_is_equal_to_the_bit(tmp_path, plane, kind):
    image = sitk.Cast(noise_volume(plane=plane), sitk.sitkInt16 if kind is np.int16 else sitk.sitkUInt16)
    write([image], tmp_path, timing="none")
    back = images.read_image(one_series(tmp_path))
    assert array(back).dtype == kind
    np.testing.assert_array_equal(array(back), array(image))
    np.testing.assert_allclose(back.GetOrigin(), image.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(back.GetSpacing(), image.GetSpacing(), atol=1e-9)
    np.testing.assert_allclose(back.GetDirection(), image.GetDirection(), atol=1e-12)
    assert images.series_table([one_series(tmp_path)]).orientation.item() == plane


def test_another_reader_sees_the_same_volume(tmp_path):
    image = noise_volume(plane="oblique")
    write([image], tmp_path, timing="none")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path))
    other = sitk.ReadImage(names)
    np.testing.assert_array_equal(array(other), array(images.read_image(one_series(tmp_path))))
    np.testing.assert_allclose(other.GetOrigin(), image.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(other.GetDirection(), image.GetDirection(), atol=1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_pixels_are_equal_to_the_bit(tmp_path, syntax):
    image = sitk.Cast(noise_volume((4, 64, 48)), sitk.sitkUInt16)
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    np.testing.assert_array_equal(array(images.read_image(one_series(tmp_path))), array(image))


@pytest.mark.parametrize(
    ("kind", "syntax"), [("JPEGLosslessProcess14_1", "1.2.840.10008.1.2.4.70"), ("JPEGLSLossless", "1.2.840.10008.1.2.4.80")]
)
def test_jpeg_lossless_of_old_archives_is_decoded_by_gdcm(tmp_path, kind, syntax):
    image = sitk.Cast(noise_volume((2, 16, 16)), sitk.sitkUInt16)
    for path in write([image], tmp_path, timing="none"):
        _compress_with_gdcm(path, kind)
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(array(images.read_image(one_series(tmp_path))), array(image))


def _compress_with_gdcm(path, kind):
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, kind)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_implicit_big_endian_and_deflated_files_are_read(tmp_path, syntax):
    image = noise_volume((2, 8, 8))
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        pydicom.dcmwrite(
            path,
            dataset,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
            force_encoding=True,
        )
    np.testing.assert_array_equal(array(images.read_image(one_series(tmp_path))), array(image))


def test_rescale_slope_is_honoured_slice_by_slice(tmp_path):
    image = noise_volume((3, 4, 5))
    for number, path in enumerate(write([image], tmp_path, timing="none")):
        dataset = pydicom.dcmread(path)
        dataset.RescaleSlope, dataset.RescaleIntercept = str(0.5 + number), "-10"
        dataset.save_as(path)
    back = images.read_image(one_series(tmp_path))
    assert back.GetPixelID() == sitk.sitkFloat32
    expected = array(image) * (0.5 + np.arange(3))[:, None, None] - 10
    np.testing.assert_array_equal(array(back), expected.astype(np.float32))


def test_bits_above_those_stored_are_cleared(tmp_path):
    image = noise_volume((2, 4, 5))
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        dataset.PixelData = (dataset.pixel_array.astype(np.uint16) | 0xF000).tobytes()
        dataset.save_as(path)
    np.testing.assert_array_equal(array(images.read_image(one_series(tmp_path))), array(image))


def test_files_in_any_order_give_the_same_volume(tmp_path):
    image = noise_volume(plane="oblique")
    paths = write([image], tmp_path / "a", timing="none")
    (tmp_path / "b").mkdir()
    for number, path in enumerate(np.random.default_rng(1).permutation(paths)):
        path.rename(tmp_path / "b" / f"{number}")
    np.testing.assert_array_equal(array(images.read_image(one_series(tmp_path / "b"))), array(image))


@pytest.mark.parametrize("compressed", [False, True])
def test_an_enhanced_multi_frame_series_is_read(tmp_path, compressed):
    image = noise_volume((5, 6, 7), plane="oblique")
    _write_enhanced(image, tmp_path / "enhanced.dcm")
    if compressed:
        dataset = pydicom.dcmread(tmp_path / "enhanced.dcm")
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(tmp_path / "enhanced.dcm")
    series = one_series(tmp_path)
    assert (series.kind, len(series.slices)) == ("image", 5)
    back = images.read_image(series)
    np.testing.assert_array_equal(array(back), array(image))
    np.testing.assert_allclose(back.GetOrigin(), image.GetOrigin(), atol=1e-6)
    assert images.series_table([series]).te_ms.item() == 4.2


def test_the_phases_of_an_enhanced_series_have_their_own_times(tmp_path):
    before, after = noise_volume((4, 6, 7)), noise_volume((4, 6, 7), seed=1)
    _write_enhanced(before, tmp_path / "a" / "1.dcm", number=1, moment="20010101120000.000000")
    _write_enhanced(after, tmp_path / "b" / "2.dcm", number=2, moment="20010101120130.500000")
    phases = images.read_phases(images.dynamic_series(images.find_series(tmp_path)), pre_contrast=1)
    assert phases.table["seconds"].tolist() == [0, 90.5]
    assert phases.table["evidence"][1] == "one phase per series; series by AcquisitionTime"
    np.testing.assert_array_equal(array(phases.first), array(after))


def _write_enhanced(image, path, number=1, moment="20010101120000"):
    """One Enhanced MR file, frames stored in reverse order of position."""
    scratch = path.parent / "scratch"
    files = write([image], scratch, timing="none", tags={"SeriesNumber": str(number)})
    dataset = pydicom.dcmread(files[0])
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    shared, frames = pydicom.Dataset(), []
    shared.PlaneOrientationSequence = [_group(ImageOrientationPatient=dataset.ImageOrientationPatient)]
    shared.PixelMeasuresSequence = [_group(PixelSpacing=dataset.PixelSpacing, SliceThickness=dataset.SliceThickness)]
    shared.MREchoSequence = [_group(EffectiveEchoTime=4.2)]
    for file in files[::-1]:
        frame = pydicom.Dataset()
        frame.FrameContentSequence = [_group(FrameAcquisitionDateTime=moment)]
        frame.PlanePositionSequence = [_group(ImagePositionPatient=pydicom.dcmread(file).ImagePositionPatient)]
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], frames
    dataset.NumberOfFrames = len(files)
    dataset.PixelData = np.ascontiguousarray(array(image)[::-1]).tobytes()
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "EchoTime"):
        del dataset[keyword]
    dataset.save_as(path)
    for file in files:
        file.unlink()


def _group(**values):
    dataset = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """180 slices of 256 x 256: three phases of 60."""
    folder = tmp_path_factory.mktemp("large")
    write([noise_volume((60, 256, 256), seed=seed) for seed in range(3)], folder)
    return folder


def read_all(folder):
    return images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=1)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from Linux's /proc")
def test_reading_needs_at_most_three_times_the_volume(large):
    script = Path(__file__).parents[2] / "benchmarks" / "images.py"
    done = subprocess.run([sys.executable, script, "--memory", large], check=True, capture_output=True, text=True)
    volume, peak = map(float, done.stdout.split())
    assert volume == pytest.approx(180 * 256 * 256 * 2 / 2**20)
    assert peak < 3 * volume


def test_kinds_are_told_apart(tmp_path):
    image = noise_volume((3, 4, 5))
    changes = {
        "dynamic": {},
        "scout": {"SeriesDescription": "3-pl loc"},
        "localiser": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        "subtraction": {"ImageType": ["DERIVED", "PRIMARY", "SUB"]},
        "screen": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        "report": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"},
        "float map": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.30", "PixelData": None, "FloatPixelData": b"\0" * 80},
    }
    for number, (name, change) in enumerate(changes.items()):
        paths = write([image], tmp_path / name, timing="none", tags={"SeriesNumber": str(number), "SeriesDescription": name})
        for path in paths:
            dataset = pydicom.dcmread(path)
            for keyword, value in change.items():
                setattr(dataset, keyword, value)
                if value is None:
                    del dataset[keyword]
            dataset.save_as(path)
    (tmp_path / "LICENSE").write_text("Creative Commons")
    kinds = [one.kind for one in images.find_series(tmp_path)]
    assert kinds == ["image", "localiser", "localiser", "derived map", "secondary capture", "other", "other"]


@pytest.mark.parametrize(
    ("stored", "tesla"),
    [("15000", 1.5), ("1.5", 1.5), ("30000", 3.0), ("2.8936", 3.0), ("1.494", 1.5), ("9.4", 9.4), ("", np.nan), ("0", np.nan)],
)
def test_scanner_facts_serve_inclusion_rules(tmp_path, stored, tesla):
    write([noise_volume((2, 4, 5))], tmp_path, timing="none", tags={"MagneticFieldStrength": stored, "Laterality": "L"})
    table = images.series_table(images.find_series(tmp_path))
    np.testing.assert_equal(table.field_t.item(), tesla)
    assert table.loc[0, ["vendor", "laterality", "tr_ms", "te_ms", "flip_deg"]].tolist() == ["GE", "L", 8.2, 4.2, 20.0]
    assert len(table.query("vendor == 'GE' and field_t == 1.5 and kind == 'image'")) == (tesla == 1.5)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    first = write([noise_volume((2, 4, 5))], tmp_path / "a", timing="none")
    second = write([noise_volume((2, 4, 5))], tmp_path / "b", timing="none")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
