"""Pixels are where the bytes say, whatever transfer syntax a file declares, wrongly or not at all."""

import zlib

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, noise_volume, write

WRITTEN = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def encoded(dataset, syntax):
    """Write a data set in one encoding -> its bytes, without file meta information."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    write_dataset(buffer, dataset)
    if syntax != DeflatedExplicitVRLittleEndian:
        return buffer.getvalue()
    press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return press.compress(buffer.getvalue()) + press.flush()


def store(path, dataset, content, *, declared):
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    if declared:
        meta.TransferSyntaxUID = declared
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta, enforce_standard=False)
    path.write_bytes(buffer.getvalue() + content)


def read_back(folder):
    (series,) = images.find_series(folder)
    return array(images.read_image(series))


@pytest.mark.parametrize("declared", ["", *WRITTEN, JPEG2000Lossless], ids=str)
@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_native_pixels_are_read_whatever_is_declared(tmp_path, written, declared):
    image = noise_volume((2, 5, 7), seed=3)
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        if written == ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
        store(path, dataset, encoded(dataset, written), declared=declared)
    np.testing.assert_array_equal(read_back(tmp_path), array(image))


@pytest.mark.parametrize("declared", ["", ExplicitVRLittleEndian, JPEGBaseline8Bit], ids=str)
@pytest.mark.parametrize("kind", [RLELossless, JPEG2000Lossless], ids=str)
def test_compressed_pixels_are_never_read_as_they_stand(tmp_path, kind, declared):
    image = sitk.Cast(noise_volume((2, 64, 48), seed=4), sitk.sitkUInt16)
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        dataset.compress(kind, generate_instance_uid=False)
        store(path, dataset, encoded(dataset, ExplicitVRLittleEndian), declared=declared)
    np.testing.assert_array_equal(read_back(tmp_path), array(image))


def test_an_unknown_compression_is_refused(tmp_path):
    (path,) = write([noise_volume((1, 6, 6))], tmp_path, timing="none")
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pydicom.encaps.encapsulate([b"\x11\x22" * 60])
    dataset["PixelData"].is_undefined_length = True
    store(path, dataset, encoded(dataset, ExplicitVRLittleEndian), declared=ExplicitVRLittleEndian)
    with pytest.raises(
        ValueError, match=r"^1-001\.dcm cannot be read: its pixels are compressed in a way that is not known \(transfer syntax"
    ):
        images.find_series(tmp_path)


@pytest.mark.parametrize("written", WRITTEN[:3], ids=str)
@pytest.mark.parametrize("suffix", [".dcm", ""])
def test_files_without_preamble_and_meta_are_read(tmp_path, written, suffix):
    image = noise_volume((2, 5, 7), seed=5)
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        if written == ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
        path.unlink()
        path.with_suffix(suffix).write_bytes(encoded(dataset, written))
    np.testing.assert_array_equal(read_back(tmp_path), array(image))


@pytest.mark.parametrize("written", WRITTEN, ids=str)
@pytest.mark.parametrize(("keyword", "wrong"), [("Rows", 9), ("Columns", 8)])
def test_a_size_that_is_not_the_pixels_is_refused(tmp_path, written, keyword, wrong):
    """11 rows of 10 columns are stored; fewer of either would shear the image or cut it."""
    (path,) = write([noise_volume((1, 11, 10))], tmp_path, timing="none")
    dataset = pydicom.dcmread(path)
    setattr(dataset, keyword, wrong)
    store(path, dataset, encoded(dataset, written), declared=written)
    with pytest.raises(ValueError, match=r"^1-001\.dcm holds 220 bytes of pixels where its header .* asks for 1\d\d: "):
        images.find_series(tmp_path)


@pytest.mark.parametrize("kind", [RLELossless, JPEG2000Lossless], ids=str)
def test_a_size_that_is_not_the_compressed_pixels_is_refused(tmp_path, kind):
    (path,) = write([sitk.Cast(noise_volume((1, 64, 48)), sitk.sitkUInt16)], tmp_path, timing="none")
    dataset = pydicom.dcmread(path)
    dataset.compress(kind, generate_instance_uid=False)
    dataset.Rows = 60
    dataset.save_as(path)
    (series,) = images.find_series(tmp_path)
    with pytest.raises(ValueError, match=r"the pixels of 1-001\.dcm "):
        images.read_image(series)


@pytest.mark.parametrize("surplus", [1, 2, 6])
def test_padding_shorter_than_a_row_is_no_row(tmp_path, surplus):
    image = noise_volume((2, 5, 7), seed=6)
    for path in write([image], tmp_path, timing="none"):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = dataset.PixelData + b"\0" * surplus
        dataset.save_as(path)
    np.testing.assert_array_equal(read_back(tmp_path), array(image))


@pytest.mark.parametrize(("keyword", "value"), [("Rows", 0), ("Columns", 0)])
def test_an_image_of_no_size_is_refused(tmp_path, keyword, value):
    (path,) = write([noise_volume((1, 5, 7))], tmp_path, timing="none")
    dataset = pydicom.dcmread(path)
    setattr(dataset, keyword, value)
    dataset.save_as(path)
    with pytest.raises(ValueError, match=rf"^1-001\.dcm: {keyword} is '0', it must be a whole number of 1 or more; "):
        images.find_series(tmp_path)


def test_a_number_of_frames_that_is_a_word_is_refused(tmp_path):
    (path,) = write([noise_volume((1, 5, 7))], tmp_path, timing="none")
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = 77
    content = encoded(dataset, ExplicitVRLittleEndian).replace(b"IS\x02\x0077", b"IS\x02\x00zz")
    store(path, dataset, content, declared=ExplicitVRLittleEndian)
    with pytest.raises(ValueError, match=r"^1-001\.dcm: NumberOfFrames is 'zz', it must be a whole number of 1 or more; "):
        images.find_series(tmp_path)
