"""What is decided about images and masks is told with its kind and count, and stays with the patient."""

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk

from radiogenomics import features, images, lesions
from radiogenomics._errors import InputError
from radiogenomics._files import Decision, decision_table, told_of
from tests.helpers.imaging_phantoms import array, breast, ellipsoid, noise_volume, volume, write


def facts(told):
    return [(one.what, one.count) for one in told]


def test_a_decision_about_a_patient_names_the_patient_and_then_the_file():
    kept = []
    tell = told_of("P.7", kept)
    tell(Decision("padding", "series 3 (DCE)", 40, "40 voxels are padding."))
    tell(Decision("times unknown", "", 3, "No time is known."))
    assert decision_table(kept).to_numpy().tolist() == [
        ["padding", "P.7", 40, "series 3 (DCE): 40 voxels are padding."],
        ["times unknown", "P.7", 3, "No time is known."],
    ]


def test_a_folder_tells_what_it_split_and_passed_over(tmp_path):
    paths = write(
        [noise_volume(seed=seed) for seed in range(3)], tmp_path / "a", tags={"ImageType": ["ORIGINAL", "PRIMARY", "M"]}
    )
    for path in paths[12:]:  # the third volume of the series holds phase
        path.write_bytes(path.read_bytes().replace(rb"ORIGINAL\PRIMARY\M", rb"ORIGINAL\PRIMARY\P"))
    (tmp_path / "notes.csv").write_text("a,b\n")
    told = []
    images.find_series(tmp_path, tell=told.append)
    assert facts(told) == [("files passed over", 1), ("series split", 18)]


def test_maps_that_stand_in_the_series_of_their_images_are_told(tmp_path):
    paths = write([noise_volume(seed=seed) for seed in range(4)], tmp_path, tags={"ImageType": ["ORIGINAL", "PRIMARY", "M"]})
    for path in paths[18:]:
        dataset = pydicom.dcmread(path)
        dataset.ImageType = ["DERIVED", "PRIMARY", "M", "SUB"]
        dataset.save_as(path)
    told = []
    found = images.find_series(tmp_path, tell=told.append)
    assert [(one.kind, len(one.slices)) for one in found] == [("derived map", 6), ("image", 18)]
    assert facts(told) == [("series split", 24)]
    assert "image (18 images), derived map (6 images)" in told[0].why


def test_positions_rounded_to_one_decimal_are_even_and_told(tmp_path):
    written = write([noise_volume((7, 6, 6), spacing=(1.0, 1.0, 1.33), origin=(0.0, 0.0, 0.0))], tmp_path)
    for path in written:
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient = [f"{float(value):.1f}" for value in dataset.ImagePositionPatient]
        dataset.save_as(path)
    told = []
    (series,) = images.find_series(tmp_path)
    assert images.read_image(series, tell=told.append).GetSpacing()[2] == pytest.approx(8.0 / 6, abs=0.02)
    assert [one.what for one in told] == ["positions rounded"]


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("1.2.840.10008.1.2.1", []),
        ("1.2.840.10008.1.2\0\0", [("transfer syntax", 3)]),
        ("1.2.840.10008.1.2.2", [("transfer syntax", 3)]),
    ],
)
def test_a_wrong_transfer_syntax_is_told_once_a_folder(tmp_path, declared, told):
    for path in write([noise_volume((3, 5, 6))], tmp_path):
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", declared.encode().ljust(20, b"\0"), 1))
    found = []
    (series,) = images.find_series(tmp_path, tell=found.append)
    np.testing.assert_array_equal(array(images.read_image(series)), array(noise_volume((3, 5, 6))))
    assert facts(found) == told


def test_clocks_and_padding_are_told(tmp_path):
    phases = [noise_volume(seed=seed) for seed in range(2)]
    values = array(phases[0])
    values[:, :2] = -9
    phases[0] = volume(values)
    write(phases, tmp_path, seconds=[15 * 3600 - 30, 15 * 3600 + 60], timing="AcquisitionTime", tags={"PixelPaddingValue": -9})
    told = []
    read = images.read_phases(images.dynamic_series(images.find_series(tmp_path)), pre_contrast=1, tell=told.append)
    assert facts(told)[-1] == ("padding", int((values == -9).sum()))
    assert read.pre.GetMetaData(images.PADDING) == "0.0"


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "bspline"])
def test_padding_and_frame_outlive_resampling_and_registration(interpolation):
    rng = np.random.default_rng(4)
    values = rng.integers(100, 900, (6, 16, 18)).astype(np.int16)
    values[:, :, :3] = 0
    image = volume(values, spacing=(1.0, 1.0, 2.0))
    image.SetMetaData(images.PADDING, "0.0")
    image.SetMetaData(images.FRAME, "1.2.3")
    shift = sitk.TranslationTransform(3, (0.5, 0.0, 0.0))
    moved = images.resample_like(image, image, interpolation=interpolation, transform=shift)
    everywhere = sitk.Cast(image > -1, sitk.sitkUInt8)
    assert moved.GetMetaData(images.FRAME) == "1.2.3"
    # The first three columns hold padding, half of the fourth one's signal would come from it, and the last lies outside.
    lost = np.flatnonzero((array(moved) == 0).all(axis=(0, 1))).tolist()
    assert lost == [0, 1, 2, 17]
    assert images.padding_inside(moved, everywhere) == 4 * 16 * 6
    scaled = images.normalise_zscore({"pre": image}, region=everywhere)["pre"]
    assert images.padding_inside(scaled, everywhere) == 3 * 16 * 6
    assert images.padding_inside(images.resample(image, spacing_mm=(2, 2, 2), interpolation="linear"), _ones((9, 8, 6))) > 0


def _ones(size):
    return sitk.Image(size, sitk.sitkUInt8) + 1


def test_registered_phases_refuse_a_mask_over_their_padding():
    phases, mask = breast(shape=(10, 24, 28))
    values = array(phases[1])
    values[array(mask) > 0] = 0
    hole = volume(values, plane="sagittal", spacing=(0.9, 0.9, 2.0))
    hole.SetMetaData(images.PADDING, "0.0")
    pair = {"pre": phases[0], "post1": hole}
    aligned = images.register_phases(pair, reference="pre", metric="correlation", interpolation="linear")
    with pytest.raises(InputError, match="voxels of the mask hold padding"):
        lesions.validate_mask(mask, aligned.images["post1"])


def test_masks_tell_what_was_joined_moved_and_left_out():
    shape = (9, 20, 24)
    large, small = ellipsoid(shape, (4, 9, 7), (2, 4, 4)), ellipsoid(shape, (4, 9, 18), (1, 2, 2))
    image = noise_volume(shape)
    mask = volume((large + 2 * small).astype(np.uint8))
    told = []
    placed = lesions.validate_mask(mask, image, tell=told.append)
    lesions.lesion_of_patient(placed, lesions="largest", tell=told.append)
    lesions.lesion_of_patient(placed, lesions="union", tell=told.append)
    assert facts(told) == [("labels united", 2), ("several lesions", 2), ("lesions left out", 1), ("lesions united", 2)]
    coarse = sitk.Resample(mask, [12, 10, 9], sitk.Transform(), sitk.sitkNearestNeighbor, mask.GetOrigin(), (1.8, 1.6, 2.0))
    told.clear()
    lesions.validate_mask(coarse, image, resample=True, tell=told.append)
    assert told[0].what == "mask resampled"


def test_kinetics_tell_what_lies_below_the_level_of_air():
    phases, mask = breast(shape=(10, 24, 28))
    made = images.Phases({"pre": phases[0], "post1": phases[1]}, {}, _table(2))
    zones = lesions.zones(mask, rim_mm=1.0, surround_mm=4.0, within=_ones(mask.GetSize()), tell=lambda decision: None)
    told = []
    features.kinetics(made, zones, background=150.0, min_enhancement=70.0, tell=told.append)
    inside = array(zones) == lesions.ZONES["surround"]
    assert ("times unknown", 2) in facts(told)
    assert ("voxels left out", int((array(phases[0])[inside] < 150).sum())) in facts(told)


def _table(count):
    roles = ["pre-contrast", "first post-contrast", "later post-contrast"][:count]
    return pd.DataFrame({"phase": ["pre", "post1", "post2"][:count], "role": roles, "seconds": np.nan})
