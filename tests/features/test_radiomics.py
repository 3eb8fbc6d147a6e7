"""Radiomic features: PyRadiomics' own numbers to the last bit, and what goes wrong said clearly."""

import logging
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import features
from radiogenomics._parallel import one_thread, parallel_map
from tests.helpers.imaging_phantoms import array, breast, direction, ellipsoid, volume

IMAGES = [
    "original",
    *(f"wavelet-{a}{b}{c}" for a in "LH" for b in "LH" for c in "LH"),
    *(f"log-sigma-{sigma}-0-mm-3D" for sigma in range(1, 6)),
    "square",
    "squareroot",
    "logarithm",
    "exponential",
    "gradient",
]
COUNTS = {"firstorder": 18, "glcm": 24, "gldm": 14, "glrlm": 16, "glszm": 16, "ngtdm": 5}
FEW = {"Original": {}, "LoG": {"sigma": [1.5]}}
NATIVE = {"resampledPixelSpacing": None}


def by_hand(image, mask, parameters):
    """What a user of PyRadiomics writes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        logging.getLogger("radiomics").setLevel(logging.CRITICAL)
        with one_thread():  # ITK sums the normalisation over threads: more of them, or busy ones, give other last bits
            found = RadiomicsFeatureExtractor(str(parameters), additionalInfo=True).execute(image, mask)
    return pd.Series({name: float(value) for name, value in found.items() if not name.startswith("diagnostics")})


def written(folder, *, images=None, classes=None, **changes):
    """The package's parameters with changes, as a file; None takes a setting away."""
    content = yaml.safe_load(features.PARAMETERS.read_text())
    kept = {name: value for name, value in (content["setting"] | changes).items() if value is not None}
    content |= {"setting": kept, "imageType": images or content["imageType"], "featureClass": classes or content["featureClass"]}
    path = folder / "parameters.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def assert_same_bits(ours, theirs):
    assert list(ours.index) == list(theirs.index)
    differing = ours.index[~((ours == theirs) | (ours.isna() & theirs.isna())).to_numpy()]
    assert list(differing) == []


@pytest.fixture(scope="module")
def phantom():
    phases, mask = breast(noise=15)
    return phases[1], mask


@pytest.fixture(scope="module")
def measured(phantom):
    return features.radiomics(*phantom)


def test_there_are_1781_features_by_pyradiomics_names(measured):
    expected = {f"{image}_{kind}": count for image in IMAGES for kind, count in COUNTS.items()} | {"original_shape": 14}
    assert measured.index.str.rsplit("_", n=1).str[0].value_counts().to_dict() == expected
    assert len(measured) == 1781 == 14 + 93 * 19
    assert measured.index.is_unique
    assert (measured.dtype, measured.name, measured.index.name) == (np.float64, "value", "feature")
    assert np.isfinite(measured).all()


def test_the_default_equals_pyradiomics_by_hand(phantom, measured):
    assert_same_bits(measured, by_hand(*phantom, features.PARAMETERS))


@pytest.mark.parametrize(
    "changes",
    [
        NATIVE,
        NATIVE | {"preCrop": True, "padDistance": 4},
        NATIVE | {"preCrop": True, "normalize": None, "binWidth": 25},
        {"normalize": None, "binWidth": 25},
        {"removeOutliers": 2},
        {"binWidth": None, "binCount": 16},
        {"weightingNorm": "euclidean"},
        {"symmetricalGLCM": False},
        {"distances": [1, 2]},
        {"force2D": True, "force2Ddimension": 0},
        {"interpolator": "sitkLinear", "resampledPixelSpacing": [2, 0, 1.5]},
        {"interpolator": "sitkLanczosWindowedSinc"},
        {"resampledPixelSpacing": [0.9, 0.9, 2.0]},
        {"resegmentRange": [-1.5, 1.5], "resegmentMode": "sigma"},
        {"resegmentRange": [-1.5, 1.5], "resegmentMode": "sigma", "resegmentShape": True},
        {"voxelArrayShift": 300, "gldm_a": 1},
        {"additionalInfo": True},
        {"padDistance": None, "interpolator": None},
    ],
    ids=str,
)
def test_other_settings_equal_pyradiomics_by_hand(phantom, tmp_path, changes):
    path = written(tmp_path, images=FEW, **changes)
    assert_same_bits(features.radiomics(*phantom, parameters=path), by_hand(*phantom, path))


@pytest.mark.parametrize(
    "choice",
    [
        {"images": {"Wavelet": {"wavelet": "haar", "level": 2, "binWidth": 20}, "Exponential": {"binCount": 8}}},
        {"images": {"Gradient": {}}, "classes": {"glcm": ["MCC", "ClusterShade", "SumAverage"], "shape": ["Sphericity"]}},
        {"images": {"Original": {}}, "classes": {"shape": None}},
    ],
    ids=str,
)
def test_a_choice_of_images_and_features_equals_pyradiomics_by_hand(phantom, tmp_path, choice):
    path = written(tmp_path, **choice)
    assert_same_bits(features.radiomics(*phantom, parameters=path), by_hand(*phantom, path))


def test_the_lesion_is_the_label_that_the_parameters_name(phantom, tmp_path):
    image, mask = phantom
    labels = array(mask).astype(np.uint8) * 3
    labels[0, :5, :5] = 1
    two = sitk.GetImageFromArray(labels)
    two.CopyInformation(mask)
    path = written(tmp_path, images={"Original": {}}, label=3)
    found = features.radiomics(image, two, parameters=path)
    assert_same_bits(found, by_hand(image, two, path))
    assert_same_bits(found, features.radiomics(image, mask, parameters=written(tmp_path, images={"Original": {}})))


@pytest.mark.parametrize("kind", [sitk.sitkUInt8, sitk.sitkUInt16, sitk.sitkInt32, sitk.sitkFloat32, sitk.sitkFloat64])
@pytest.mark.parametrize("normalize", [True, None])
def test_every_type_of_voxel_equals_pyradiomics_by_hand(phantom, tmp_path, kind, normalize):
    image, mask = sitk.Cast(phantom[0] / 8, kind), phantom[1]
    path = written(tmp_path, images={"Original": {}}, normalize=normalize)
    assert_same_bits(features.radiomics(image, mask, parameters=path), by_hand(image, mask, path))


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(*(st.integers(low, high) for low, high in ((20, 40), (60, 130), (90, 180)))),
    spacing=st.tuples(*(st.sampled_from([0.5, 0.7, 0.9, 1.0, 1.3, 2.0]) for _ in range(3))),
    plane=st.sampled_from(["axial", "sagittal", "oblique"]),
    where=st.tuples(*(st.floats(0.12, 0.88) for _ in range(3))),
)
def test_what_is_far_behind_the_lesion_is_left_out_without_a_bit_of_difference(
    tmp_path_factory, seed, size, spacing, plane, where
):
    rng = np.random.default_rng(seed)
    center = [share * length for share, length in zip(where, size, strict=True)]
    inside = ellipsoid(size, center, 4.2 / np.array(spacing[::-1]))
    image = volume(rng.normal(300, 90, size).astype(np.float32), plane=plane, spacing=spacing)
    mask = volume(inside.astype(np.uint8), plane=plane, spacing=spacing)
    path = written(tmp_path_factory.mktemp("far"), images={"Original": {}, "LoG": {"sigma": [2.0]}}, padDistance=3)
    assert_same_bits(features.radiomics(image, mask, parameters=path), by_hand(image, mask, path))


def test_the_far_part_is_indeed_left_out():
    from radiogenomics.features._extractor import SPLINE_REACH, _near

    image = sitk.Image([200, 100, 50], sitk.sitkInt16)
    mask = sitk.Image(image.GetSize(), sitk.sitkUInt32)
    mask[10:20, 30:35, 5:9] = 1
    near, of_mask = _near(image, mask, {"resampledPixelSpacing": [2.0, 1.0, 1.0], "padDistance": 7})
    assert near.GetSize() == of_mask.GetSize() == (20 + 14 + SPLINE_REACH, 35 + 7 + SPLINE_REACH, 50)
    assert near.GetOrigin() == image.GetOrigin()


def task(seed):
    phases, mask = breast(noise=15, seed=seed)
    return features.radiomics(phases[1], mask)


@pytest.mark.slow
def test_workers_give_the_same_bits():
    tasks = {"A": 1, "B": 2}
    alone, two = parallel_map(task, tasks).require(), parallel_map(task, tasks, n_jobs=2).require()
    for name in tasks:
        pd.testing.assert_series_equal(alone[name], two[name], check_exact=True)
    assert not alone["A"].equals(alone["B"])


def test_inputs_stay_as_they_are(phantom):
    image, mask = (sitk.Image(one) for one in phantom)
    features.radiomics(image, mask)
    features.shuffle(image, mask, random_state=0)
    for now, before in zip((image, mask), phantom, strict=True):
        assert sitk.Hash(now) == sitk.Hash(before)
        assert (now.GetPixelID(), now.GetOrigin()) == (before.GetPixelID(), before.GetOrigin())


def test_a_mask_of_part_of_the_image_is_put_in_its_place(phantom, measured):
    image, mask = phantom
    assert_same_bits(features.radiomics(image, mask[10:45, 5:40, 3:18]), measured)


# Real images


@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["breast1", pytest.param("brain1", marks=pytest.mark.slow), pytest.param("brain2", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("changes", [{}, NATIVE | {"preCrop": True}, NATIVE | {"normalize": None, "binWidth": 25}], ids=str)
def test_real_images_equal_pyradiomics_by_hand(real, tmp_path, name, changes):
    image, mask = (sitk.ReadImage(str(real / "images" / f"{name}_{kind}.nrrd")) for kind in ("image", "label"))
    path = written(tmp_path, images=FEW | {"Wavelet": {}}, **changes) if changes else features.PARAMETERS
    ours = features.radiomics(image, mask, parameters=path)
    assert_same_bits(ours, by_hand(image, mask, path))
    assert np.isfinite(ours).all()


# The null


def test_shuffled_voxels_keep_their_histogram_and_lose_their_texture(phantom, tmp_path):
    path = written(tmp_path, images={"Original": {}}, **NATIVE)
    image, mask = phantom
    smooth = sitk.Cast(sitk.DiscreteGaussian(image, 4.0) * 4, sitk.sitkInt16)
    before = features.radiomics(smooth, mask, parameters=path)
    after = features.radiomics(features.shuffle(smooth, mask, random_state=1), mask, parameters=path)
    kept = [name for name in before.index if "_shape_" in name or "_firstorder_" in name]
    pd.testing.assert_series_equal(before[kept], after[kept], rtol=1e-9)
    assert after["original_glcm_Contrast"] > 2 * before["original_glcm_Contrast"]
    assert before["original_glcm_Correlation"] > 0.5
    assert abs(after["original_glcm_Correlation"]) < 0.2
    assert after["original_glszm_ZonePercentage"] > before["original_glszm_ZonePercentage"]


@pytest.mark.parametrize("kind", [sitk.sitkInt16, sitk.sitkFloat32])
def test_only_places_inside_the_lesion_change(phantom, kind):
    image, mask = sitk.Cast(phantom[0], kind), phantom[1]
    shuffled = features.shuffle(image, mask, random_state=5)
    inside = array(mask) > 0
    np.testing.assert_array_equal(array(shuffled)[~inside], array(image)[~inside])
    np.testing.assert_array_equal(np.sort(array(shuffled)[inside]), np.sort(array(image)[inside]))
    assert (array(shuffled)[inside] != array(image)[inside]).mean() > 0.9
    assert shuffled.GetPixelID() == kind
    assert shuffled.IsSameImageGeometryAs(image)
    again = features.shuffle(image, mask, random_state=5)
    other = features.shuffle(image, mask, random_state=6)
    assert sitk.Hash(again) == sitk.Hash(shuffled) != sitk.Hash(other)


def test_every_order_of_the_voxels_is_as_likely(phantom):
    image, mask = volume(np.arange(27.0).reshape(3, 3, 3)), volume(np.zeros((3, 3, 3), np.uint8))
    mask[0, 0, 0] = mask[1, 0, 0] = mask[2, 0, 0] = 1
    rng = np.random.default_rng(2)
    orders = [tuple(array(features.shuffle(image, mask, random_state=rng))[0, 0]) for _ in range(120)]
    counts = pd.Series(orders).value_counts()
    assert len(counts) == 6
    assert ((counts - 20) ** 2 / 20).sum() < 20.5  # chi-squared of 5 degrees of freedom, p = 0.001


def test_several_lesions_are_not_shuffled_into_each_other(phantom):
    image, mask = phantom
    two = sitk.Image(mask)
    two[0:4, 0:4, 0:4] = 2
    with pytest.raises(ValueError, match=r"holds 2 labels \(1, 2\); shuffle one lesion at a time"):
        features.shuffle(image, two, random_state=0)
    with pytest.raises(ValueError, match="empty"):
        features.shuffle(image, mask * 0, random_state=0)


# What is no number


def test_values_that_are_no_numbers_are_named_with_their_patients():
    table = pd.DataFrame(
        {"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, 3.0], "c": [np.inf, np.nan, -np.inf], "d": [np.nan, 1, 1]},
        index=pd.Index(["P1", "P2", "P3"], name="patient"),
    )
    found = features.nonfinite(table)
    assert found.to_dict("list") == {
        "feature": ["c", "a", "d"],
        "missing": [1, 1, 1],
        "infinite": [2, 0, 0],
        "n": [3, 3, 3],
        "patients": ["P1, P2, P3", "P2", "P1"],
    }
    nothing = features.nonfinite(table[["b"]])
    assert nothing.empty
    assert list(nothing.columns) == list(found.columns)
    with pytest.raises(ValueError, match="has genes in rows"):
        features.nonfinite(table.rename_axis("gene"))


# Errors


def only(mask, *parts):
    empty = mask * 0
    empty[parts] = 1
    return empty


def displaced(mask):
    moved = sitk.Image(mask)
    moved.SetSpacing((1.0, 1.0, 1.0))
    return moved


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda mask: mask * 0, "mask is empty.*draw the lesion or leave the patient out"),
        (lambda mask: mask * 255, "no label 1, which radiomics.yaml asks for; it holds 255. Give mask == label"),
        (displaced, "mask's grid is not the image's.*1 x 1 x 1 mm.*0.9 x 0.9 x 2 mm"),
        (lambda mask: sitk.Cast(mask, sitk.sitkFloat32) * 0.5, "not whole numbers"),
        (lambda mask: only(mask, 20, 20, 10), "one voxel"),
        (lambda mask: only(mask, slice(20, 22), slice(20, 22), slice(10, 12)), "13 mm3, 8 voxels, 1.8 x 1.8 x 4 mm.*too small"),
        (
            lambda mask: only(mask, slice(20, 32), slice(20, 32), 10),
            "10.8 x 10.8 x 2 mm.*radiomics.yaml.*too few dimensions.*leave",
        ),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(phantom, change, words):
    image, mask = phantom
    with pytest.raises(ValueError, match=words):
        features.radiomics(image, change(mask))


def test_an_image_that_cannot_be_used_is_refused(phantom):
    image, mask = phantom
    with pytest.raises(ValueError, match=r"one grey value \(7\) in all its 473 voxels"):
        features.radiomics(image * 0 + 7, mask)
    holed = sitk.Cast(image, sitk.sitkFloat32)
    holed[0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="1 voxels that are not finite"):
        features.radiomics(holed, mask)
    with pytest.raises(ValueError, match="2 dimensions"):
        features.radiomics(image[:, :, 10], mask[:, :, 10])
    with pytest.raises(ValueError, match=r"2 value\(s\) a voxel"):
        features.radiomics(sitk.Compose(image, image), mask)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setting: {binwidth: 5}", "'binwidth'.*/setting"),
        ("settings: {binWidth: 5}", "'settings'"),
        ("setting: {binWidth: wide}", "'wide' is not of type 'float'.*/setting/binWidth"),
        ("setting: {interpolator: sitkCubic}", "sitkCubic"),
        ("imageType: {Orignal: {}}", "Orignal is not recognized.*Original"),
        ("featureClass: {glcm: [Contarst]}", "Contarst"),
        ("setting: [", "flow"),
        ("- 1", "not a dict"),
        ("", "No source"),
    ],
)
def test_a_parameter_file_that_is_wrong_is_refused(phantom, tmp_path, text, words, capfd):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"(?s)mine.yaml is not valid for PyRadiomics.*{words}.*Compare it with"):
        features.radiomics(*phantom, parameters=path)
    assert capfd.readouterr() == ("", "")


def test_a_parameter_file_that_is_missing_or_has_changed_is_noticed(phantom, tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml cannot be read \(No such file"):
        features.radiomics(*phantom, parameters=tmp_path / "none.yaml")
    path = written(tmp_path, classes={"shape": ["Sphericity"]})
    assert list(features.radiomics(*phantom, parameters=path).index) == ["original_shape_Sphericity"]
    written(tmp_path, classes={"shape": ["Flatness"]})
    assert list(features.radiomics(*phantom, parameters=path).index) == ["original_shape_Flatness"]


@pytest.mark.parametrize(
    ("images", "lacking"),
    [({"LoG": {"sigma": [1.0, 40.0]}}, "log-sigma-40-0-mm-3D"), ({"LoG": {}}, "log-sigma")],
    ids=str,
)
def test_an_image_that_pyradiomics_silently_leaves_out_is_an_error(phantom, tmp_path, images, lacking):
    path = written(tmp_path, images={"Original": {}} | images)
    assert not any(name.startswith(lacking) for name in by_hand(*phantom, path).index)
    with pytest.raises(ValueError, match=f"got no image of type .*{lacking}"):
        features.radiomics(*phantom, parameters=path)


# Manners


def test_nothing_is_printed_and_pyradiomics_stays_as_the_user_set_it(phantom, tmp_path, capfd):
    path = written(tmp_path, images={"Original": {}}, classes={"glcm": ["SumAverage"]})  # PyRadiomics warns of this one
    logger = logging.getLogger("radiomics")
    logger.setLevel(logging.WARNING)
    features.radiomics(*phantom, parameters=path)
    assert capfd.readouterr() == ("", "")
    assert logger.level == logging.WARNING
    assert logging.getLogger("radiomics.glcm").isEnabledFor(logging.WARNING)


def test_importing_the_room_costs_neither_pyradiomics_nor_torch():
    code = (
        "import sys; from radiogenomics import features; features.__all__;"
        "print([m for m in ('radiomics', 'torch', 'numba', 'SimpleITK') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_features_do_not_depend_on_where_the_patient_lies(phantom, tmp_path):
    path = written(tmp_path, images=FEW, **NATIVE)
    image, mask = phantom
    turned = [sitk.Image(one) for one in (image, mask)]
    for one in turned:
        one.SetOrigin((100.0, -50.0, 3.0))
        one.SetDirection(direction("oblique").ravel().tolist())
    assert_same_bits(features.radiomics(*turned, parameters=path), features.radiomics(image, mask, parameters=path))
