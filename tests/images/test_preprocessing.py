import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, breast, direction, ellipsoid, noise_volume, volume


def ramp(shape=(8, 10, 12), plane="oblique"):
    """A signal that grows linearly in the patient, so that any resampling has one right answer."""
    image = volume(np.zeros(shape, np.float32), plane=plane)
    return sitk.Cast(
        sitk.PhysicalPointSource(
            sitk.sitkVectorFloat64, image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()
        ),
        sitk.sitkVectorFloat64,
    )


def along(source):
    x, y, z = (sitk.VectorIndexSelectionCast(source, axis) for axis in range(3))
    return sitk.Cast(2 * x - y + 0.5 * z, sitk.sitkFloat32)


def test_resampling_puts_every_value_where_it_was():
    image = along(ramp())
    fine = images.resample(image, spacing_mm=(0.5, 0.5, 0.5), interpolation="linear")
    assert fine.GetSpacing() == (0.5, 0.5, 0.5)
    truth = along(
        sitk.PhysicalPointSource(sitk.sitkVectorFloat64, fine.GetSize(), fine.GetOrigin(), fine.GetSpacing(), fine.GetDirection())
    )
    inner = np.s_[4:-4, 2:-2, 2:-2]
    np.testing.assert_allclose(array(fine)[inner], array(truth)[inner], atol=1e-3)


@pytest.mark.parametrize("plane", ["axial", "sagittal", "oblique"])
def test_resampling_keeps_the_field_of_view(plane):
    image = noise_volume(plane=plane)
    coarse = images.resample(image, spacing_mm=(1.8, 1.6, 4.0), interpolation="nearest")
    middles = [one.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in one.GetSize()]) for one in (image, coarse)]
    np.testing.assert_allclose(middles[0], middles[1], atol=1e-9)
    np.testing.assert_allclose(np.array(coarse.GetSize()) * coarse.GetSpacing(), np.array(image.GetSize()) * image.GetSpacing())
    assert set(np.unique(array(coarse))) <= set(np.unique(array(image)))
    same = images.resample(image, spacing_mm=image.GetSpacing(), interpolation="bspline")
    np.testing.assert_allclose(array(same), array(image), atol=1)


def test_n4_takes_the_shading_and_leaves_the_enhancement():
    shape = (16, 48, 48)
    _, y, x = np.indices(shape)
    body = ellipsoid(shape, (8, 24, 24), (7, 21, 21))
    gland = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=shape), 2) > 0
    tissue = np.where(gland, 420.0, 300.0) * body
    shading = np.exp(0.5 * (x - 24) / 24 - 0.4 * ((y - 24) / 24) ** 2)
    uptake = {"pre": 1.0, "post1": np.where(gland, 1.4, 1.05)}
    shaded = {
        name: volume((tissue * rise * shading).astype(np.float32), spacing=(1.5, 1.5, 3.0)) for name, rise in uptake.items()
    }
    mask = volume(body.astype(np.uint8), spacing=(1.5, 1.5, 3.0))
    field = images.bias_field(shaded["pre"], mask=mask, shrink=2, iterations=(30, 30))
    flat = images.remove_bias(shaded, field)
    left = np.log(array(field)[body] / shading[body])
    assert left.std() < 0.25 * np.log(shading[body]).std()
    assert np.log(array(field)[body]).mean() == pytest.approx(0, abs=1e-5)
    before, after = (array(pair["post1"])[body] / array(pair["pre"])[body] for pair in (shaded, flat))
    np.testing.assert_allclose(after, before, rtol=1e-4)


def test_normalisation_treats_all_phases_alike():
    phases, mask = breast()
    named = dict(zip(["pre", "post1", "post2"], phases, strict=True))
    body = images.body_mask(phases[0], background=60)
    inside = array(body) > 0
    scored = images.normalise_zscore(named, region=body)
    together = np.concatenate([array(image)[inside] for image in scored.values()])
    assert (together.mean(), together.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, rel=1e-4))
    lesion = array(mask) > 0
    rise = [(array(one["post1"])[lesion] - array(one["pre"])[lesion]).mean() for one in (named, scored)]
    assert rise[1] > 0
    scaled = images.normalise_percentiles(named, region=body, low=1, high=99)
    assert np.percentile(np.concatenate([array(image)[inside] for image in scaled.values()]), [1, 99]) == pytest.approx(
        [0, 1], abs=1e-4
    )
    wall = sitk.GetImageFromArray((np.indices(inside.shape)[2] > 46).astype(np.uint8))
    wall.CopyInformation(body)
    referred = images.normalise_reference(named, tissue=wall)
    assert array(referred["pre"])[array(wall) > 0].mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(
        array(referred["post2"]) / np.maximum(array(referred["post1"]), 1e-9) * (array(phases[1]) > 0),
        array(phases[2]) / np.maximum(array(phases[1]), 1e-9) * (array(phases[1]) > 0),
        rtol=1e-4,
        atol=1e-4,
    )


def test_maps_equal_their_formulas_by_hand():
    pre, first, later = (
        volume(np.array([[row]], np.int16))
        for row in ([100, 100, 100, 10, 0, 100], [200, 150, 300, 90, 50, 180], [180, 250, 90, 95, 70, 0])
    )
    assert array(images.subtract(first, pre)).ravel().tolist() == [100, 50, 200, 80, 50, 80]
    enhancement = images.percent_enhancement(first, pre, background=35)
    assert array(enhancement).ravel().tolist() == [100, 50, 200, 0, 0, 80]
    ratio = images.signal_enhancement_ratio(first, later, pre, background=35, min_enhancement=70, ceiling=3)
    np.testing.assert_allclose(array(ratio).ravel(), [100 / 80, 0, 3, 0, 0, 3])


@pytest.mark.parametrize(("plane", "axes"), [("axial", [0, 1, 2]), ("sagittal", [2, 0, 1])])
def test_planes_are_found_along_the_patient(plane, axes):
    image = noise_volume((4, 5, 6), plane=plane)
    assert [images.axis_of(image, view) for view in ("sagittal", "coronal", "axial")] == axes


def test_the_body_is_found_between_air_and_noise():
    phases, _ = breast((24, 64, 64), noise=8)
    level = images.background_level(phases[0])
    assert 20 < level < 200
    truth = ellipsoid((24, 64, 64), [12, 32, 64], [24 * 0.46, 64 * 0.44, 64 * 0.85]) | (np.arange(64) > 64 * 0.86)
    found = array(images.body_mask(phases[0], background=level)) > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.97


def moved_phantom(shape, shift_mm, turn_deg, plane):
    """Move the second phase by a known motion of the patient about the middle of the volume."""
    phases, _ = breast(shape, noise=15, plane=plane)
    fixed, post = phases[:2]
    motion = sitk.Euler3DTransform()
    motion.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in fixed.GetSize()]))
    motion.SetTranslation(shift_mm)
    motion.SetRotation(*np.deg2rad(turn_deg))
    return fixed, sitk.Resample(post, post, motion.GetInverse(), sitk.sitkLinear, 0.0)


MOTIONS = [((3.0, -2.5, 3.0), (3.0, -2.0, 2.5)), ((5.0, 0.0, 0.0), (0.0, 5.0, 0.0)), ((-2.0, 4.0, -2.0), (-4.0, 1.0, 2.0))]


@pytest.mark.parametrize(("shift", "turn"), MOTIONS[:1])
def test_registration_recovers_a_known_motion(shift, turn):
    check_motion((32, 80, 80), shift, turn, "sagittal")


@pytest.mark.slow
@pytest.mark.parametrize("plane", ["sagittal", "axial", "oblique"])
@pytest.mark.parametrize(("shift", "turn"), MOTIONS)
def test_registration_recovers_known_motions_in_every_plane(shift, turn, plane):
    check_motion((48, 112, 112), shift, turn, plane)


def check_motion(shape, shift, turn, plane):
    fixed, moving = moved_phantom(shape, shift, turn, plane)
    aligned = images.register_phases(
        {"pre": fixed, "post1": moving}, reference="pre", metric="mutual information", interpolation="linear"
    )
    motion = aligned.motion.set_index("phase")
    assert motion.loc["pre"].abs().max() == 0
    np.testing.assert_allclose(motion.loc["post1", ["shift_x", "shift_y", "shift_z"]].astype(float), shift, atol=0.3)
    np.testing.assert_allclose(motion.loc["post1", ["turn_x", "turn_y", "turn_z"]].astype(float), turn, atol=0.3)
    assert array(aligned.images["pre"]).tobytes() == array(fixed).tobytes()
    assert direction(plane).shape == (3, 3)


def on_threads(count, function):
    """Call a function on a machine of so many cores, as ITK sees it."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    try:
        return function()
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def test_registration_and_field_have_the_same_bits_on_any_number_of_cores():
    fixed, moving = moved_phantom((16, 40, 40), (1.0, 0.5, -1.0), (1.0, 0.0, 2.0), "axial")
    mask = images.body_mask(fixed, background=100)

    def found():
        motion = images.register(moving, fixed, metric="correlation").GetParameters()
        return motion, array(images.bias_field(fixed, mask=mask, shrink=2, iterations=(10, 10))).tobytes()

    assert len({on_threads(count, found) for count in (1, 2, 4, 16)}) == 1


@pytest.mark.slow
def test_registered_edges_line_up():
    fixed, moving = moved_phantom((32, 80, 80), *MOTIONS[0], "sagittal")
    aligned = images.register_phases(
        {"pre": fixed, "post1": moving}, reference="pre", metric="mutual information", interpolation="linear"
    )
    outline = ndimage.binary_erosion(array(fixed) > 100, iterations=2)
    before, after = (np.corrcoef(array(one)[outline], array(fixed)[outline])[0, 1] for one in (moving, aligned.images["post1"]))
    assert after > before
