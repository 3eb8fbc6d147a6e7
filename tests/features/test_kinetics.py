"""Enhancement kinetics: planted curves, the identities of the published table, PyRadiomics' textures, real phases."""

import logging

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import features, images, lesions
from radiogenomics.features._texture import TEXTURES, neighbours, texture
from tests.helpers.imaging_phantoms import ellipsoid, volume

SHAPE = (14, 26, 28)
OPTIONS = {"background": 10.0, "min_enhancement": 50.0}
ZONES_OF = ("lesion", "core", "rim", "surround")


def phases_of(arrays, *, seconds=None, pre=1, **place):
    """Hold arrays as the phases of a dynamic series."""
    names = ["pre"] if pre == 1 else [f"pre{number}" for number in range(1, pre + 1)]
    names += [f"post{number}" for number in range(1, len(arrays) - pre + 1)]
    roles = ["pre-contrast"] * pre + ["first post-contrast"] + ["later post-contrast"] * (len(arrays) - pre - 1)
    seconds = [60.0 * number for number in range(len(arrays))] if seconds is None else seconds
    table = pd.DataFrame({"phase": names, "role": roles, "seconds": seconds})
    return images.Phases({name: volume(values, **place) for name, values in zip(names, arrays, strict=True)}, {}, table)


def labelled(shape=SHAPE):
    """A lesion with core, rim and surround as labels (z, y, x)."""
    labels = np.zeros(shape, np.uint8)
    middle = np.array(shape) / 2
    for radii, label in (([6, 10, 11], 3), ([4, 7, 8], 2), ([2.5, 4, 5], 1)):
        labels[ellipsoid(shape, middle, radii)] = label
    return labels


def patient(curves, *, noise=0.0, seed=0, labels=None, **options):
    """Simulate phases in which each zone follows its own relative curve above a pre-contrast signal of about 200."""
    labels = labelled() if labels is None else labels
    rng = np.random.default_rng(seed)
    before = 200.0 + rng.normal(0, noise, labels.shape)
    arrays = [before]
    for number in range(len(curves["core"])):
        rise = np.zeros(labels.shape)
        for zone, label in lesions.ZONES.items():
            rise[labels == label] = curves[zone][number]
        arrays.append(before * (1 + rise) + rng.normal(0, noise, labels.shape))
    return phases_of(arrays, **options), volume(labels)


CURVES = {"core": [0.5, 0.8, 1.0], "rim": [1.6, 1.2, 1.0], "surround": [0.1, 0.3, 0.2]}


def test_planted_curves_of_each_zone_are_measured():
    phases, zones = patient(CURVES, seconds=[10.0, 100.0, 190.0, 310.0])
    found = features.kinetics(phases, zones, **OPTIONS)
    expected = {
        "core": [1.0, 300.0, 3, 1.0 / 300, 0.0, 0.5, 0.5, 1.0],
        "rim": [1.6, 90.0, 1, 1.6 / 90, 0.6 / 210, 1.6, 1.6, -0.375],
        "surround": [0.3, 180.0, 2, 0.3 / 180, 0.1 / 120, 0.1, 0.5, 1.0],
    }
    names = ["maximum_enhancement", "time_to_peak", "peak_phase", "uptake_rate", "washout_rate", "initial_enhancement"]
    names += ["signal_enhancement_ratio", "curve_shape_index"]
    for zone, values in expected.items():
        assert [found[f"kinetics_{zone}_{name}"] for name in names] == pytest.approx(values, rel=1e-12, abs=1e-15)


def test_the_lesion_is_core_and_rim_as_in_the_curves_table():
    phases, zones = patient(CURVES, noise=15)
    found = features.kinetics(phases, zones, **OPTIONS)
    table = lesions.time_intensity(phases, zones).query("phase == 'post1'").set_index("zone")["enhancement"] / 100
    ours = [found[f"kinetics_{zone}_initial_enhancement"] for zone in table.index]
    assert sorted(table.index) == sorted(ZONES_OF)
    assert ours == pytest.approx(table.tolist(), rel=1e-9)


def test_fractions_of_curve_types_are_those_planted():
    labels = np.zeros((4, 10, 10), np.uint8)
    labels[1:3] = 2
    last = np.full((4, 10, 10), 0.9 * 400)  # exactly -10 %: still a plateau
    last[1, :3], last[1, 3:5], last[2, :1] = 441.0, 359.0, 440.0  # persistent, washout, exactly +10 %
    first = np.full((4, 10, 10), 400.0)
    first[2, 5:] = 299.0  # rises by 49.5 %: no type
    phases = phases_of([np.full((4, 10, 10), 200.0), first, last])
    found = features.kinetics(phases, volume(labels), **OPTIONS)
    kinds = ["persistent", "washout", "plateau", "enhancing"]
    assert [found[f"kinetics_rim_{kind}_fraction"] for kind in kinds] == pytest.approx([0.15, 0.10, 0.50, 0.75])


def test_variance_of_enhancement_has_its_own_dynamics():
    labels = np.full((2, 4, 4), 1, np.uint8)
    spread = np.where(np.indices((2, 4, 4)).sum(axis=0) % 2, 1.0, -1.0)
    arrays = [np.full((2, 4, 4), 100.0)] + [100 * (2 + size * spread) for size in (0.2, 0.6, 0.5)]
    found = features.kinetics(phases_of(arrays, seconds=[0, 50, 100, 150]), volume(labels), **OPTIONS)
    names = ["enhancement_variance_post1", "maximum_enhancement_variance", "enhancement_variance_time_to_peak"]
    names += ["enhancement_variance_increasing_rate", "enhancement_variance_decreasing_rate"]
    assert [found[f"kinetics_core_{name}"] for name in names] == pytest.approx([0.04, 0.36, 100, 0.0036, 0.11 / 50])


def test_several_phases_before_contrast_count_from_the_last():
    phases, zones = patient(CURVES, noise=5)
    pre = sitk.GetArrayFromImage(phases.pre)
    arrays = [pre * 3] + [sitk.GetArrayFromImage(image) for image in phases.images.values()]
    twice = phases_of(arrays, pre=2, seconds=[0, 30, 90, 150, 210])
    one, two = (features.kinetics(each, zones, **OPTIONS) for each in (phases, twice))
    assert one.to_numpy().tolist() == pytest.approx(two.to_numpy().tolist(), rel=1e-12)
    assert two.index.tolist() == one.index.tolist()


def test_names_are_complete_and_those_of_the_published_table_exist():
    phases, zones = patient(CURVES, noise=5)
    found = features.kinetics(phases, zones, **OPTIONS)
    assert found.index.is_unique
    assert found.index.name == "feature"
    # 8 of the curve, 4 fractions, 3 variances and their 4 dynamics, 14 textures of 4 phases and their slopes.
    assert len(found) == 4 * (8 + 4 + 3 + 4 + 14 * 5)
    assert found.notna().all()
    assert {f"kinetics_lesion_{name}" for name in features.UCHICAGO} <= set(found.index)


def identities(values):
    """Relations between features that follow from their formulas, as left and right sides."""
    v = values
    return {
        "K3": (v["uptake_rate"], v["maximum_enhancement"] / v["time_to_peak"]),
        "K5": (v["curve_shape_index"] + 1, 1 / v["signal_enhancement_ratio"]),
        "E3": (
            v["enhancement_variance_increasing_rate"],
            v["maximum_enhancement_variance"] / v["enhancement_variance_time_to_peak"],
        ),
        "T1": (v["texture_contrast_post1"], 2 * v["texture_variance_post1"] * (1 - v["texture_correlation_post1"])),
        "T13": (v["texture_sum_variance_post1"], 2 * v["texture_variance_post1"] * (1 + v["texture_correlation_post1"])),
    }


def test_our_features_obey_the_identities_of_their_formulas():
    phases, zones = patient(CURVES, noise=20)
    found = features.kinetics(phases, zones, **OPTIONS)
    for left, right in identities({name: found[f"kinetics_lesion_{name}"] for name in features.UCHICAGO}).values():
        assert left == pytest.approx(right, rel=1e-12)


@pytest.mark.real
def test_the_published_table_obeys_the_same_identities(real):
    """So that a like name is a like formula: University of Chicago's features of 91 patients, printed to seven digits."""
    table = pd.read_csv(real / "tcga_brca" / "imaging_features_uchicago_91x36.csv", index_col=0)
    assert set(features.UCHICAGO.values()) <= set(table.columns)
    for name, (left, right) in identities({ours: table[theirs] for ours, theirs in features.UCHICAGO.items()}).items():
        apart = np.abs(left / right - 1)
        # One patient's shape index is printed 2e-5 off its own signal enhancement ratio.
        assert np.sort(apart)[-2] < 2e-6, name
        assert apart.max() < (3e-5 if name == "K5" else 2e-6), name
    late = table["E1 (K6)"] / table["Signal Enhancement Ratio (SER) (K7)"]
    peak_is_last = np.isclose(table["Maximum enhancement (K1)"], late, rtol=1e-5)
    assert peak_is_last.sum() == 6
    np.testing.assert_array_equal(table["Washout rate (K4)"] == 0, peak_is_last)


def test_textures_equal_those_of_pyradiomics():
    """Same grey levels, all directions in one matrix; PyRadiomics takes logarithms to base 2, the table of Chicago natural ones."""
    from radiomics.glcm import RadiomicsGLCM

    rng = np.random.default_rng(5)
    inside = labelled() > 0
    signal = rng.gamma(3, 20, inside.sum())
    grey = np.zeros(inside.shape)
    grey[inside] = np.minimum(32 * (signal - signal.min()) / np.ptp(signal), 31).astype(int) + 1
    logging.getLogger("radiomics").setLevel(logging.ERROR)
    glcm = RadiomicsGLCM(volume(grey), volume(inside.astype(np.uint8)), binWidth=1, weightingNorm="no_weighting")
    names = ["Contrast", "Correlation", "DifferenceEntropy", "DifferenceVariance", "JointEnergy", "JointEntropy", "Id", "Imc1"]
    names += ["Imc2", "MCC", "SumAverage", "SumEntropy", "ClusterTendency", "SumSquares"]
    theirs = []
    for name in names:
        glcm.enableFeatureByName(name)
    result = glcm.execute()
    for name in names:
        value = float(result[name])
        if name.endswith("Entropy"):
            value *= np.log(2)
        if name == "Imc2":
            value = np.sqrt(1 - (1 - value**2) ** np.log(2))
        theirs.append(value)
    ours = texture(signal, neighbours(inside), levels=32)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_texture_of_a_checkerboard_is_known():
    """Along an axis every neighbour differs, across a face's diagonal none does, across the cube's diagonal every one."""
    inside = np.ones((2, 2, 2), bool)
    signal = (np.indices((2, 2, 2)).sum(axis=0) % 2).astype(float)[inside]
    found = dict(zip(TEXTURES, texture(signal, neighbours(inside), levels=2), strict=True))
    differ = (12 + 4) / (12 + 12 + 4)
    assert found["contrast"] == found["difference_variance"] / (1 - differ) == pytest.approx(differ)
    assert found["correlation"] == pytest.approx(1 - 2 * differ)
    assert found["maximum_correlation_coefficient"] == pytest.approx(abs(1 - 2 * differ))
    assert found["homogeneity"] == pytest.approx(1 - differ / 2)
    assert found["sum_average"] == pytest.approx(3)
    same = 1 - differ
    entropy = -differ * np.log(differ / 2) - same * np.log(same / 2)
    assert found["entropy"] == pytest.approx(entropy)
    assert found["imc1"] == pytest.approx((entropy - 2 * np.log(2)) / np.log(2))


def test_texture_slopes_are_least_squares_a_second():
    phases, zones = patient(CURVES, noise=10, seconds=[0, 70, 200, 420])
    found = features.kinetics(phases, zones, **OPTIONS)
    for name in ("contrast", "entropy", "imc2"):
        values = [found[f"kinetics_rim_texture_{name}_{phase}"] for phase in ("pre", "post1", "post2", "post3")]
        assert found[f"kinetics_rim_texture_{name}_slope"] == pytest.approx(np.polyfit([0, 70, 200, 420], values, 1)[0])


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**31), st.tuples(*[st.integers(0, 3)] * 3), st.tuples(*[st.booleans()] * 3), st.sampled_from([0.5, 2.0, 64.0])
)
def test_moving_flipping_and_scaling_change_nothing(seed, shift, flips, factor):
    """Enhancement is relative and grey levels run from lowest to highest: a gain of the scanner cancels."""
    labels = np.zeros((12, 18, 20), np.uint8)
    labels[1:9, 1:15, 1:17] = labelled((8, 14, 16))
    phases, zones = patient(CURVES, noise=20, seed=seed, labels=labels)
    flipped = [axis for axis, flip in enumerate(flips) if flip]
    moved = [
        np.flip(np.roll(sitk.GetArrayFromImage(image), shift, (0, 1, 2)), flipped) * factor for image in phases.images.values()
    ]
    other = volume(np.flip(np.roll(labels, shift, (0, 1, 2)), flipped))
    first = features.kinetics(phases, zones, **OPTIONS)
    second = features.kinetics(phases_of(moved), other, background=10.0 * factor, min_enhancement=50.0)
    np.testing.assert_allclose(first, second, rtol=1e-7, atol=1e-9)


def test_what_two_phases_cannot_tell_is_nan_and_named(caplog):
    phases, zones = patient({zone: curve[:1] for zone, curve in CURVES.items()}, noise=5)
    with caplog.at_level(logging.INFO):
        found = features.kinetics(phases, zones, **OPTIONS)
    unknown = ["washout_rate", "signal_enhancement_ratio", "curve_shape_index", "persistent_fraction", "plateau_fraction"]
    unknown += ["washout_fraction", "enhancement_variance_decreasing_rate"]
    assert found.index[found.isna()].tolist() == [f"kinetics_{zone}_{name}" for zone in ZONES_OF for name in unknown]
    assert found["kinetics_rim_initial_enhancement"] == pytest.approx(1.6, abs=0.02)
    assert found["kinetics_rim_enhancing_fraction"] == 1.0
    assert "28 of 236 kinetic features do not exist here: kinetics_lesion_washout_rate" in caplog.text


def test_unknown_times_cost_only_what_is_in_seconds(caplog):
    phases, zones = patient(CURVES, noise=5)
    timeless, _ = patient(CURVES, noise=5, seconds=[np.nan] * 4)
    timed, untimed = (features.kinetics(each, zones, **OPTIONS) for each in (phases, timeless))
    assert "The times of the phases are unknown: times to peak, rates and slopes are NaN; give `seconds`." in caplog.messages
    lost = untimed.index[untimed.isna()]
    assert all(name.endswith(("_rate", "time_to_peak", "_slope")) for name in lost)
    pd.testing.assert_series_equal(untimed.drop(lost), timed.drop(lost))
    given = features.kinetics(timeless, zones, seconds=[0, 60, 120, 180], **OPTIONS)
    pd.testing.assert_series_equal(given, timed)


def test_a_zone_without_voxels_is_nan_and_the_rest_is_not():
    labels = labelled()
    labels[labels == 1] = 2
    phases, zones = patient(CURVES, noise=5, labels=labels)
    found = features.kinetics(phases, zones, **OPTIONS)
    assert found.filter(like="kinetics_core_").isna().all()
    assert found.drop(found.filter(like="kinetics_core_").index).notna().all()


def test_one_voxel_has_a_curve_and_no_texture():
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 2] = 2
    phases, zones = patient(CURVES, labels=labels)
    found = features.kinetics(phases, zones, **OPTIONS)
    assert found["kinetics_lesion_maximum_enhancement"] == pytest.approx(1.6)
    assert found["kinetics_lesion_maximum_enhancement_variance"] == 0
    assert found.filter(regex="kinetics_lesion_texture").isna().all()


def test_air_and_voids_are_left_out(caplog):
    phases, zones = patient(CURVES)
    arrays = [sitk.GetArrayFromImage(image) for image in phases.images.values()]
    arrays[0][labelled() == 2] *= np.where(np.arange((labelled() == 2).sum()) % 4, 1.0, 0.0)  # every fourth voxel of the rim
    with caplog.at_level(logging.INFO):
        found = features.kinetics(phases_of(arrays), zones, **OPTIONS)
    assert found["kinetics_rim_maximum_enhancement"] == pytest.approx(1.6)
    rim = int((labelled() == 2).sum())
    assert f"{-(-rim // 4)} of the {rim} voxels of the rim lie below the background and are left out." in caplog.messages


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": 0.0}, r"^`background` is 0\.0, it must be a positive number\.$"),
        ({"min_enhancement": np.nan}, r"^`min_enhancement` is nan, it must be a positive number\.$"),
        ({"levels": 1}, r"^`levels` is 1, it must be between 2 and 256\.$"),
        ({"seconds": [0, 60]}, r"^`seconds` has 2 value\(s\) and there are 4 phases; give one a phase\.$"),
        (
            {"seconds": [0, 60, 60, 90]},
            r"^The seconds of the phases are \[0\.0, 60\.0, 60\.0, 90\.0\]; they must be finite and rise ",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, message):
    phases, zones = patient(CURVES)
    with pytest.raises(ValueError, match=message):
        features.kinetics(phases, zones, **{**OPTIONS, **change})


def test_zones_and_signals_that_make_no_sense_are_refused():
    phases, zones = patient(CURVES)
    with pytest.raises(ValueError, match=r"^The zones \(\(27, 26, 14\) voxels\) do not lie on the grid of the phases"):
        features.kinetics(phases, zones[1:], **OPTIONS)
    with pytest.raises(ValueError, match=r"^The zones hold no lesion; grow or read a mask first\.$"):
        features.kinetics(phases, volume(np.full(SHAPE, 3, np.uint8)), **OPTIONS)
    arrays = [sitk.GetArrayFromImage(image) for image in phases.images.values()]
    arrays[2][7, 13, 14] = np.nan
    with pytest.raises(ValueError, match=r"^Phase post2 has 1 voxel\(s\) inside the zones that are not finite"):
        features.kinetics(phases_of(arrays), zones, **OPTIONS)


@pytest.mark.real
def test_kinetics_of_a_real_lesion(real):
    """UCSF-BR-06, a focus that washes in by about 100 %: its curve taken again from the voxels."""
    series = images.dynamic_series(images.find_series(real / "mri" / "UCSF-BR-06" / "image_dce_3dfgre_orig"))
    phases = images.read_phases(series, pre_contrast=1)
    level = images.background_level(phases.pre)
    enhancement = images.percent_enhancement(phases.first, phases.pre, background=level)
    grown = lesions.grow_from_seed(enhancement, seed=(66, 148, 31), radius_mm=40, fraction=0.5, smoothing_mm=0.8)
    body = images.body_mask(phases.pre, background=level)
    zones = lesions.zones(lesions.lesion_of_patient(grown.mask, lesions="largest"), rim_mm=2, surround_mm=5, within=body)
    found = features.kinetics(phases, zones, background=level, min_enhancement=70)
    assert found.filter(like="kinetics_lesion_").notna().all()
    before, early, late = (sitk.GetArrayFromImage(image).astype(float) for image in phases.images.values())
    inside = np.isin(sitk.GetArrayFromImage(zones), (1, 2)) & (before >= level)
    first, last = (after[inside].mean() / before[inside].mean() - 1 for after in (early, late))
    assert found["kinetics_lesion_initial_enhancement"] == pytest.approx(first)
    assert found["kinetics_lesion_signal_enhancement_ratio"] == pytest.approx(first / last)
    assert found["kinetics_lesion_time_to_peak"] in (407, 761)
    assert found["kinetics_lesion_maximum_enhancement"] > found["kinetics_surround_maximum_enhancement"]
    kinds = [found[f"kinetics_lesion_{kind}_fraction"] for kind in ("persistent", "plateau", "washout")]
    assert sum(kinds) == pytest.approx(found["kinetics_lesion_enhancing_fraction"])
    assert found["kinetics_lesion_enhancing_fraction"] > 0.5
