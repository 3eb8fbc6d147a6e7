"""Damaged input ends in one clear line: what is wrong, where, and what to do. (Masks: lesions/test_damage.py.)"""

import re
import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from radiogenomics import images
from tests.helpers.imaging_phantoms import noise_volume, write


def phases(folder, count=3, **options):
    return write([noise_volume(seed=seed) for seed in range(count)], folder, **options)


def reread(folder):
    return images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=1)


def change(path, **values):
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def pixels_cut(folder, paths):
    cut(paths[4], -100)


def header_cut(folder, paths):
    cut(paths[4], 300)


def nothing_left(folder, paths):
    cut(paths[4], 0)


def a_page_instead(folder, paths):
    paths[4].write_text("<html>504 Gateway Time-out</html>" * 10)


def slice_missing(folder, paths):
    paths[8].unlink()


def end_slice_missing(folder, paths):
    paths[11].unlink()


def slice_doubled(folder, paths):
    copy = folder / "copy.dcm"
    copy.write_bytes(paths[8].read_bytes())
    change(copy, SOPInstanceUID="1.2.3.4")


def file_copied(folder, paths):
    (folder / "copy.dcm").write_bytes(paths[8].read_bytes())


def orientation_mixed(folder, paths):
    change(paths[8], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])


def orientation_broken(folder, paths):
    for path in paths:
        change(path, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])


def size_mixed(folder, paths):
    change(paths[8], Rows=5, PixelData=b"\0" * 5 * 12 * 2)


def position_missing(folder, paths):
    change(paths[8], ImagePositionPatient=None)


def position_of_words(folder, paths):
    content = paths[8].read_bytes()
    position = pydicom.dcmread(paths[8]).ImagePositionPatient
    text = "\\".join(str(value) for value in position).encode()
    paths[8].write_bytes(content.replace(text, b"unknown".ljust(len(text))))


def stack_slanted(folder, paths):
    for number, path in enumerate(paths):
        x, y, z = pydicom.dcmread(path).ImagePositionPatient
        change(path, ImagePositionPatient=[x, y + 0.2 * (number % 6), z])


def slices_uneven(folder, paths):
    for path in paths[2::6]:
        x, y, z = pydicom.dcmread(path).ImagePositionPatient
        change(path, ImagePositionPatient=[x, y, z + 0.4])


def colour(folder, paths):
    for path in paths:
        change(path, SamplesPerPixel=3, BitsAllocated=8, PhotometricInterpretation="RGB", PixelData=b"\0" * 10 * 12 * 3)


def slope_of_nothing(folder, paths):
    change(paths[8], RescaleSlope="0", RescaleIntercept="0")


def pixels_missing(folder, paths):
    change(paths[8], PixelData=None, FloatPixelData=b"\0" * 480)


def stream_broken(folder, paths):
    dataset = pydicom.dcmread(paths[8])
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    dataset.PixelData = pydicom.encaps.encapsulate([b"\x01\0\0\0" + b"\xff" * 70])
    dataset.save_as(paths[8])


def one_phase_only(folder, paths):
    for path in paths[6:]:
        path.unlink()


def phases_untold(folder, paths):
    for path in paths:
        change(path, InstanceNumber=1, ContentTime="090000")


def spacing_of_nothing(folder, paths):
    for path in paths:
        change(path, PixelSpacing=[0, 0])


def bits_odd(folder, paths):
    for path in paths:
        change(path, BitsAllocated=12)


MESSAGES = {
    pixels_cut: "1-005.dcm is cut short: 100 bytes of its pixels are missing; fetch it again or remove it.",
    header_cut: "1-005.dcm is not a whole DICOM file (it ends early, after 300 bytes); fetch it again or remove it.",
    nothing_left: "1-005.dcm is not a whole DICOM file (it is empty); fetch it again or remove it.",
    a_page_instead: "1-005.dcm is not a whole DICOM file (it lacks the DICM mark); fetch it again or remove it.",
    slice_missing: (
        "series 1 (DYNAMIC, dicom/): 1 slice(s) are missing in phase post1, at 11.12 mm, where phase pre has them; fetch the series "
        "again, or leave it out."
    ),
    end_slice_missing: (
        "series 1 (DYNAMIC, dicom/): 1 slice(s) are missing in phase post1, at 17.12 mm, where phase pre has them; fetch the series "
        "again, or leave it out."
    ),
    slice_doubled: (
        "series 1 (DYNAMIC, dicom/): most positions are there 3 times, 1 are not; a slice is doubled at 11.12 mm (4 times: "
        "1-003.dcm, "
        "2-003.dcm, 3-003.dcm, copy.dcm). Remove the copy or fetch the series again."
    ),
    file_copied: "dicom/copy.dcm and dicom/2-003.dcm are the same image (one SOPInstanceUID, the same bytes); remove one of them.",
    orientation_mixed: (
        "series 1 (DYNAMIC, dicom/) mixes 2 orientations (axial, sagittal): 2-003.dcm does not lie like the first slice; "
        "it is a "
        "localiser or several stacks, leave it out or separate the files."
    ),
    orientation_broken: "No dynamic series is here (1 image): no image series repeats its positions, and no two share a grid. "
    "Give the whole examination.",
    size_mixed: (
        "series 1 (DYNAMIC, dicom/) mixes Rows '10', '5': these are several stacks in one series; separate the files by Rows."
    ),
    position_missing: (
        "2-003.dcm: ImagePositionPatient is missing, 3 number(s) are needed to place the image; leave the file out."
    ),
    position_of_words: (
        "2-003.dcm: ImagePositionPatient is 'unknown', 3 number(s) are needed to place the image; leave the file out."
    ),
    stack_slanted: (
        "series 1 (DYNAMIC, dicom/) is a slanted stack: 1-006.dcm lies 1.00 mm beside the slice axis; a rectangular volume "
        "cannot hold it, "
        "leave the series out."
    ),
    slices_uneven: (
        "series 1 (DYNAMIC, dicom/): the slices are unevenly spaced between 9.12 and 11.53 mm (a gap of 2.40 mm where 2.00 "
        "mm is usual, "
        "2 such gap(s)); fetch the series again, or leave it out."
    ),
    colour: "series 1 (DYNAMIC, dicom/) holds colour pixels (RGB, image), no measured signal; leave it out.",
    slope_of_nothing: "2-003.dcm: RescaleSlope is 0, every value would be the same; the header is damaged, leave the file out.",
    pixels_missing: "2-003.dcm holds no whole-number pixels (PixelData, 7FE0,0010); it is not an image that can be read.",
    stream_broken: "series 1 (DYNAMIC, dicom/): the pixels of 2-003.dcm cannot be decoded (",
    one_phase_only: (
        "No dynamic series is here (1 image): no image series repeats its positions, and no two share a grid. Give the "
        "whole examination."
    ),
    phases_untold: (
        "series 1 (DYNAMIC, dicom/): every position is there 3 times, but no tag tells the phases apart, not even "
        "InstanceNumber; leave it out."
    ),
    spacing_of_nothing: "series 1 (DYNAMIC, dicom/) has a PixelSpacing of 0 x 0 mm; it must be positive, leave the series out.",
    bits_odd: "1-001.dcm: BitsAllocated is 12, 8, 16 or 32 can be read; leave the file out.",
}


@pytest.mark.parametrize("damage", MESSAGES, ids=lambda damage: damage.__name__)
def test_damaged_series_end_in_their_own_line(tmp_path, damage):
    folder = tmp_path / "dicom"
    damage(folder, phases(folder))
    with pytest.raises(ValueError, match="^" + re.escape(MESSAGES[damage])) as caught:
        reread(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (2, "series 1 (DYNAMIC, 1/): 1 slice(s) are missing in phase post1, at 11.12 mm, where phase pre has them"),
        (5, "series 1 (DYNAMIC, 1/): 1 slice(s) are missing in phase post1, at 17.12 mm, where phase pre has them"),
        (0, "series 1 (DYNAMIC, 1/): 1 slice(s) are missing in phase post1, at 7.12 mm, where phase pre has them"),
    ],
)
def test_a_slice_missing_from_one_of_several_series_does_not_drop_the_phase(tmp_path, lost, message):
    for number in range(3):
        image, tags = noise_volume(seed=number), {"SeriesNumber": str(number)}
        paths = write([image], tmp_path / str(number), seconds=[60 * number], timing="AcquisitionTime", tags=tags)
        if number == 1:
            paths[lost].unlink()
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        reread(tmp_path)


def test_a_file_cut_anywhere_is_refused_with_a_clear_line(tmp_path):
    (path,) = write([noise_volume((1, 10, 12))], tmp_path, timing="none")
    content = path.read_bytes()
    for size in range(1, len(content), 23):
        path.write_bytes(content[:size])
        with pytest.raises(
            ValueError, match=r"^1-001\.dcm(:| is | holds )[^\n]*(fetch it again or remove it|leave the file out)\.$"
        ):
            images.read_image(images.find_series(tmp_path)[0])


def test_pre_contrast_after_the_others_is_refused(tmp_path):
    for number, name in enumerate(["T1 POST", "T1 PRE"]):
        tags = {"SeriesNumber": str(number), "SeriesDescription": name}
        write([noise_volume(seed=number)], tmp_path / str(number), seconds=[60 * number], timing="AcquisitionTime", tags=tags)
    message = (
        "By time series 0 (T1 POST, 0/) comes first, but series 1 (T1 PRE, 1/) calls itself pre-contrast; check the "
        "order and give only the "
        "series of one injection."
    )
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        reread(tmp_path)


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere does not exist; give the folder that holds the DICOM files\.$"):
        images.find_series(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r" holds no file; give the folder that holds the DICOM files\.$"):
        images.find_series(tmp_path)
    (tmp_path / "notes.txt").write_text("see the other disk")
    with pytest.raises(
        ValueError, match=r" holds 1 file\(s\) and none is DICOM \(notes\.txt\); give the folder of the images\.$"
    ):
        images.find_series(tmp_path)
    with pytest.raises(ValueError, match=r"notes\.txt is a file; give the folder that holds the DICOM files\.$"):
        images.find_series(tmp_path / "notes.txt")


@pytest.mark.parametrize("name", ["../evil.dcm", "/etc/evil.dcm", "a/../../evil.dcm", "..\\evil.dcm", "C:\\evil.dcm"])
def test_a_zip_that_reaches_outside_its_folder_is_refused_whole(tmp_path, name):
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("good.dcm", "x")
        file.writestr(name, "x")
    message = f"series.zip names {name!r}, a place outside its folder; it is not safe, nothing was unpacked."
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        images.unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_zip_is_named_and_a_good_one_unpacked(tmp_path):
    paths = phases(tmp_path / "dicom")
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in paths:
            file.write(path, f"study/{path.name}")
    assert len(reread(images.unpack(archive, tmp_path / "out")).images) == 3
    content = bytearray(archive.read_bytes())
    content[400] ^= 255
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"series\.zip.*checksum of 'study/1-001\.dcm'.*fetch"):
        images.unpack(archive, tmp_path / "again")
    archive.write_bytes(content[:500])
    with pytest.raises(
        ValueError,
        match=r"series\.zip.*invalid or truncated zip file.*fetch",
    ):
        images.unpack(archive, tmp_path / "again")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            lambda image: sitk.Cast(image, sitk.sitkFloat32),
            "A volume is 3-dimensional of 32-bit float; MR images hold 16-bit integers: scale, round and cast it first.",
        ),
        (lambda image: image[:, :, 0], "A volume is 2-dimensional of 16-bit signed integer; MR images hold 16-bit integers"),
        (lambda image: image[:, :, ::-1], "A volume is left-handed; flip its slices first"),
    ],
)
def test_volumes_that_dicom_cannot_hold_are_refused(tmp_path, broken, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        write([broken(noise_volume())], tmp_path, timing="none")


def test_maps_of_unequal_grids_or_thresholds_are_refused():
    small, large = noise_volume((2, 3, 4)), noise_volume((2, 3, 5))
    with pytest.raises(
        ValueError, match=r"^The volumes lie on different grids \(\(5, 3, 2\) and \(4, 3, 2\) voxels\); resample one"
    ):
        images.subtract(large, small)
    with pytest.raises(ValueError, match=r"^`background` is 0, it must be a positive number\.$"):
        images.percent_enhancement(small, small, background=0)
    with pytest.raises(ValueError, match=r"^`view` is 'lateral', it must be one of 'sagittal', 'coronal', 'axial'\.$"):
        images.axis_of(small, "lateral")
    with pytest.raises(ValueError, match=r"pre-contrast volume.*one value.*\(0\).*leave the patient out"):
        images.background_level(small * 0)
    with pytest.raises(ValueError, match=r"^No voxel reaches the background level of 9999 "):
        images.body_mask(small, background=9999)


def test_blank_volumes_are_not_registered():
    blank = noise_volume() * 0
    with pytest.raises(ValueError, match=r"cannot be registered.*check.*blank"):
        images.register(blank, blank, metric="mutual information")
    with pytest.raises(ValueError, match=r"^`reference` is 'before', the phases are pre\.$"):
        images.register_phases({"pre": blank}, reference="before", metric="correlation", interpolation="linear")


def test_numbers_of_preprocessing_are_checked():
    image = noise_volume()
    with pytest.raises(ValueError, match=r"^`spacing_mm` is \(1, 0, 1\), it must be three positive numbers in mm\.$"):
        images.resample(image, spacing_mm=(1, 0, 1), interpolation="linear")
    with pytest.raises(ValueError, match=r"^The region to normalise over is empty; check the mask\.$"):
        images.normalise_zscore({"pre": image}, region=image * 0)
    with pytest.raises(
        ValueError, match=r"^The signal inside the region does not vary \(all about 7\); it cannot be normalised\.$"
    ):
        images.normalise_zscore({"pre": image * 0 + 7}, region=image >= 0)
    with pytest.raises(
        ValueError, match=r"^`low` is 99 and `high` is 1; they must be percentiles with 0 <= low < high <= 100\.$"
    ):
        images.normalise_percentiles({"pre": image}, region=image >= 0, low=99, high=1)
    with pytest.raises(ValueError, match=r"^The reference tissue's mean signal in phase pre is 0; choose tissue with signal\.$"):
        images.normalise_reference({"pre": image * 0}, tissue=image >= 0)
    with pytest.raises(
        ValueError, match=r"^The region has \(4, 3, 2\) voxels and phase pre has \(12, 10, 6\); resample it first\.$"
    ):
        images.normalise_zscore({"pre": image}, region=noise_volume((2, 3, 4)))
    assert np.isfinite(images.normalise_zscore({"pre": image}, region=image >= 0)["pre"][0, 0, 0])
