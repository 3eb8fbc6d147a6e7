import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import images, lesions
from tests.helpers.imaging_phantoms import array, breast, ellipsoid, volume


def ball(radius_mm, spacing=(1.0, 1.0, 2.0), shape=(30, 60, 60), plane="axial"):
    """A ball of a radius in mm, whatever the voxels are."""
    radii = [radius_mm / size for size in spacing[::-1]]
    return volume(ellipsoid(shape, np.array(shape) // 2, radii).astype(np.uint8), spacing=spacing, plane=plane)


def radius(mm3):
    return (3 * mm3 / (4 * np.pi)) ** (1 / 3)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 2.0), (0.8, 0.8, 0.8), (0.7, 0.7, 2.0)])
def test_shells_have_their_thickness_in_mm(spacing):
    shape = tuple(int(48 / size) + 1 for size in spacing[::-1])
    mask = ball(12.0, spacing, shape)
    labels = lesions.zones(mask, rim_mm=4.0, surround_mm=5.0, within=mask * 0 + 1)
    volumes = {name: lesions.volume_mm3(lesions.zone(labels, name)) for name in lesions.ZONES}
    assert volumes["core"] + volumes["rim"] == pytest.approx(lesions.volume_mm3(mask))
    assert radius(volumes["core"]) == pytest.approx(8, abs=max(spacing) / 4)
    assert radius(volumes["surround"] + lesions.volume_mm3(mask)) == pytest.approx(17, abs=max(spacing) / 4)


def test_shells_of_a_flat_lesion_are_exact():
    values = np.zeros((20, 40, 40), dtype=np.uint8)
    values[:, :, 10:30] = 1
    mask = volume(values, spacing=(1.0, 1.0, 2.0))
    labels = array(lesions.zones(mask, rim_mm=3.0, surround_mm=5.0, within=mask * 0 + 1))
    assert labels[10, 20].tolist() == [0] * 5 + [3] * 5 + [2] * 3 + [1] * 14 + [2] * 3 + [3] * 5 + [0] * 5


def test_the_surround_stays_in_the_body():
    mask = ball(8.0)
    half = array(mask) * 0
    half[:, :, :30] = 1
    body = sitk.GetImageFromArray(half)
    body.CopyInformation(mask)
    labels = array(lesions.zones(mask, rim_mm=2.0, surround_mm=5.0, within=body))
    assert not (labels == lesions.ZONES["surround"])[:, :, 30:].any()
    assert (labels == lesions.ZONES["surround"])[:, :, :30].any()
    np.testing.assert_array_equal((labels == 1) | (labels == 2), array(mask) > 0)


def test_a_small_lesion_is_all_rim_and_says_so(caplog):
    labels = lesions.zones(ball(2.5), rim_mm=4.0, surround_mm=3.0, within=ball(29.0))
    assert set(np.unique(array(labels))) == {0, 2, 3}
    assert caplog.messages[0].startswith("The lesion has no core: it is nowhere deeper than")


def test_a_lesion_at_the_border_has_zones_too():
    mask = ball(8.0)[:, :, 15:]
    labels = array(lesions.zones(mask, rim_mm=2.0, surround_mm=5.0, within=mask * 0 + 1))
    assert (labels[0] == 1).any()


def test_the_largest_lesion_or_all_stand_for_the_patient():
    values = array(ball(8.0))
    values[2:4, 2:5, 2:5] = 3
    mask = volume(values)
    np.testing.assert_array_equal(array(lesions.lesion_of_patient(mask, lesions="largest")), array(ball(8.0)))
    np.testing.assert_array_equal(array(lesions.lesion_of_patient(mask, lesions="union")), values > 0)
    with pytest.raises(ValueError, match=r"^`lesions` is 'first', it must be one of 'largest', 'union'\.$"):
        lesions.lesion_of_patient(mask, lesions="first")


def test_each_lesion_has_an_index_the_largest_is_one(caplog):
    values = np.zeros((12, 30, 34), dtype=np.uint8)
    values[1:3, 2:5, 2:6] = 1  # 24 voxels
    values[5:9, 10:20, 12:18] = 4  # 240
    values[10, 25:27, 30] = 1  # 2
    mask = volume(values, spacing=(0.5, 0.5, 2.0))
    table = lesions.list_lesions(mask)
    assert table["voxels"].to_dict() == {1: 240, 2: 24, 3: 2}
    assert table["volume_mm3"].tolist() == [120.0, 12.0, 1.0]
    assert table.loc[3, ["x", "y", "z"]].tolist() == [30, 26, 10]
    each = lesions.split_lesions(mask)
    assert {number: int(array(part).sum()) for number, part in each.items()} == {1: 240, 2: 24, 3: 2}
    np.testing.assert_array_equal(sum(array(part) for part in each.values()), values > 0)
    assert list(lesions.split_lesions(mask, smallest_mm3=10.0)) == [1, 2]
    assert caplog.messages == ["1 lesions below 10 mm3 are left out."]
    with pytest.raises(ValueError, match=r"^No lesion of the mask reaches 900 mm3, the largest has 120 mm3; lower"):
        lesions.split_lesions(mask, smallest_mm3=900.0)


def test_largest_slices_of_a_known_box():
    values = np.zeros((10, 20, 30), dtype=np.uint8)
    values[3:6, 5:15, 8:12] = 1
    values[4, 5:15, 8:20] = 1
    table = lesions.largest_slices(volume(values, spacing=(0.5, 1.0, 2.0)))
    assert table.loc["axial", ["axis", "slice"]].tolist() == [2, 4]
    assert table.loc["axial", "diameter_mm"] == pytest.approx(np.hypot(9 * 1.0, 11 * 0.5))
    assert table.loc["coronal", "diameter_mm"] == pytest.approx(np.hypot(11 * 0.5, 0), rel=0.2)
    assert table.loc["sagittal", ["axis", "slice"]].tolist() == [0, 8]
    assert table.loc["sagittal", "diameter_mm"] == pytest.approx(np.hypot(9 * 1.0, 2 * 2.0))
    assert table.loc["axial", "area_mm2"] == pytest.approx(120 * 0.5)


def test_planes_follow_the_patient_not_the_file():
    mask = ball(9.0, plane="sagittal")
    assert lesions.largest_slices(mask).axis.to_dict() == {"sagittal": 2, "coronal": 0, "axial": 1}
    assert sorted(images.axis_of(ball(9.0, plane="oblique"), view) for view in ("sagittal", "coronal", "axial")) == [0, 1, 2]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.tuples(*[st.integers(0, 4)] * 3), st.tuples(*[st.booleans()] * 3))
def test_zones_move_and_flip_with_the_lesion(seed, shift, flips):
    rng = np.random.default_rng(seed)
    shape = (16, 24, 24)
    inside = ellipsoid(shape, (6, 9, 9), rng.uniform(2, 5, 3)) | ellipsoid(shape, (7, 11, 8), rng.uniform(2, 5, 3))
    other = np.flip(np.roll(inside, shift, axis=(0, 1, 2)), [axis for axis, flip in enumerate(flips) if flip])
    options = {"rim_mm": 1.5, "surround_mm": 2.5}
    first, second = (
        array(lesions.zones(volume(values.astype(np.uint8)), within=volume(np.ones(shape, np.uint8)), **options))
        for values in (inside, other)
    )
    assert [(first == label).sum() for label in (1, 2)] == [(second == label).sum() for label in (1, 2)]


@pytest.mark.parametrize(("noise", "agreement"), [(0, 0.99), (20, 0.98), (40, 0.95), (80, 0.90)])
def test_a_lesion_grows_from_a_seed_and_in_a_box(noise, agreement):
    """Noise as standard deviation; the lesion's own pre-contrast signal is 380, it rises by 450."""
    phases, truth = breast((40, 96, 104), noise=noise, seed=3)
    enhancement = images.percent_enhancement(phases[1], phases[0], background=60)
    grown = lesions.grow_from_seed(enhancement, seed=(57, 43, 20), radius_mm=15, fraction=0.5, smoothing_mm=0.8)
    boxed = lesions.grow_in_box(enhancement, box=[(45, 69), (32, 54), (14, 26)], fraction=0.5, smoothing_mm=0.8)
    assert lesions.dice(grown.mask, truth) >= agreement
    assert lesions.dice(boxed.mask, truth) >= agreement
    assert grown.background_level < grown.threshold < grown.seed_level
    assert grown.volume_mm3 == lesions.volume_mm3(grown.mask)


def test_growing_needs_no_lucky_seed():
    phases, truth = breast((40, 96, 104), noise=20, seed=4)
    enhancement = images.percent_enhancement(phases[1], phases[0], background=60)
    inside = np.argwhere(array(truth))[::41]
    for z, y, x in inside:
        grown = lesions.grow_from_seed(enhancement, seed=(int(x), int(y), int(z)), radius_mm=18, fraction=0.5, smoothing_mm=0.8)
        assert lesions.dice(grown.mask, truth) > 0.93


def test_a_vessel_that_touches_the_lesion_is_cut_off():
    phases, truth = breast((40, 96, 104))
    pre, post = phases[:2]
    values = array(post)
    values[20, 43, 62:80] = 900
    enhancement = images.percent_enhancement(volume(values, plane="sagittal", spacing=(0.9, 0.9, 2.0)), pre, background=60)
    grown = lesions.grow_from_seed(enhancement, seed=(57, 43, 20), radius_mm=15, fraction=0.5, smoothing_mm=0)
    assert lesions.dice(grown.mask, truth) > 0.98


def ridge(values, spacing=(0.9, 0.9, 2.0)):
    return volume(np.asarray(values, dtype=np.float32), spacing=spacing)


def enhancing(*parts):
    """Make a map of 120 % in some parts and 10 % in the tissue around."""
    return ridge(np.where(np.logical_or.reduce(parts), 120.0, 10.0))


SHAPE = (24, 70, 80)
GROW = {"seed": (30, 34, 12), "fraction": 0.5, "smoothing_mm": 0.0}


def test_a_leak_through_a_wide_bridge_is_cut_off(caplog):
    """A lump of 12 mm that a bridge of 6 mm joins to tissue that fills a side of the image."""
    lump, side = ellipsoid(SHAPE, (12, 34, 30), (4, 9, 9)), np.zeros(SHAPE, dtype=bool)
    side[:, :, 55:] = True
    bridge = np.zeros(SHAPE, dtype=bool)
    bridge[11:14, 31:38, 30:60] = True
    grown = lesions.grow_from_seed(enhancing(lump, side, bridge), radius_mm=35.0, **GROW)
    assert grown.limit == "bridges"
    assert lesions.dice(grown.mask, ridge(lump)) > 0.9
    assert caplog.messages == [
        "The lesion grown from seed (30, 34, 12) reaches 35 mm from the seed: bridges of up to 10 mm were cut."
    ]


def test_a_leak_into_weaker_tissue_is_shrunk_by_the_threshold():
    """A lesion of 150 % in broad tissue of 90 %, above half-way but below the higher thresholds."""
    lump = ellipsoid(SHAPE, (12, 34, 30), (4, 9, 9))
    tissue = ellipsoid(SHAPE, (12, 34, 30), (6, 33, 60)) & ~lump
    values = np.where(lump, 150.0, np.where(tissue, 90.0, 10.0))
    grown = lesions.grow_from_seed(ridge(values), radius_mm=20.0, **GROW)
    assert grown.limit == "threshold"
    assert lesions.dice(grown.mask, ridge(lump)) > 0.95


@pytest.mark.parametrize("radius_mm", [9.0, 16.0])
@pytest.mark.parametrize("seed", [(40, 34, 12), (25, 30, 12), (58, 40, 13)])
def test_a_lesion_larger_than_the_radius_is_cut_off_there_and_said(caplog, seed, radius_mm):
    lesion = ellipsoid(SHAPE, (12, 34, 40), (9, 28, 32))
    grown = lesions.grow_from_seed(enhancing(lesion), seed=seed, radius_mm=radius_mm, fraction=0.5, smoothing_mm=0.8)
    inside = array(grown.mask) > 0
    z, y, x = np.nonzero(inside)
    away = np.sqrt(((x - seed[0]) * 0.9) ** 2 + ((y - seed[1]) * 0.9) ** 2 + ((z - seed[2]) * 2.0) ** 2)
    assert grown.limit == "radius"
    assert inside[seed[::-1]]
    assert away.max() <= radius_mm
    assert (lesion & inside).sum() > 0.97 * inside.sum()
    assert caplog.messages[0].endswith(
        f"reaches {radius_mm:g} mm from the seed: it is cut off there; it may be larger than its mask: raise the radius, or give a box."
    )
    with pytest.raises(ValueError, match=r"leaks: it reaches .* let it shrink \(`leak='shrink'`\), or give a box\.$"):
        lesions.grow_from_seed(enhancing(lesion), seed=seed, radius_mm=radius_mm, fraction=0.5, smoothing_mm=0.8, leak="refuse")


def test_a_lesion_within_the_radius_is_left_as_it_is():
    lump = ellipsoid(SHAPE, (12, 34, 30), (4, 9, 9))
    grown = lesions.grow_from_seed(enhancing(lump), radius_mm=20.0, **GROW)
    assert grown.limit == "none"
    np.testing.assert_array_equal(array(grown.mask) > 0, lump)
