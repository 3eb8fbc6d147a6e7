"""What radiomic features owe to theory: where a lesion lies, how it is turned and in which unit it is measured."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.helpers import feature_references as references

KINDS = tuple(references.NAMES)
SPACING = (1.0, 1.5, 2.0)
# What PyRadiomics measures on its mesh of triangles, which is not symmetric where voxels touch along a diagonal.
MESH = [f"original_shape_{name}" for name in ("MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity")]
PLANES = [f"original_shape_Maximum2DDiameter{name}" for name in ("Slice", "Row", "Column")]

FLIPS = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=10, deadline=None, database=None)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("parameters")


def placed(values: np.ndarray, *, origin=(0.0, 0.0, 0.0), spacing=SPACING) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def rough(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole grey values, and a ragged body with holes and parts."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 250, (8, 9, 10)).astype(float)
    field = ndimage.gaussian_filter(rng.normal(size=values.shape), 1.2)
    mask = np.zeros(values.shape, np.uint8)
    mask[1:-1, 1:-1, 1:-1] = (field > np.quantile(field, 0.6))[1:-1, 1:-1, 1:-1]
    return values, mask


def smooth(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey values that fill the real line, and an ellipsoid."""
    rng = np.random.default_rng(seed)
    radii = rng.uniform(2.2, 4.8, 3)
    centre = 5 + rng.uniform(-0.5, 0.5, 3)
    distance = sum(
        ((axis - middle) / radius) ** 2 for axis, middle, radius in zip(np.mgrid[:11, :11, :11], centre, radii, strict=True)
    )
    return rng.gamma(2.0, 60.0, (11, 11, 11)), (distance < 1).astype(np.uint8)


def measured(values, mask, scratch, *, kinds=KINDS, origin=(0.0, 0.0, 0.0), spacing=SPACING, **chosen) -> pd.Series:
    image, lesion = (placed(each, origin=origin, spacing=spacing) for each in (values, mask))
    return references.measured(image, lesion, {"binWidth": 25} | chosen, kinds, scratch)


def close(left: pd.Series, right: pd.Series, *, rtol: float) -> None:
    # Where a feature is a difference of nearly equal sums, rounding is judged against the size of those sums, about 1.
    pd.testing.assert_series_equal(left, right, rtol=rtol, atol=rtol)


# ------------------------------------------------------------------------------------------------------------ translation


@quick
@given(seed=seeds, before=st.tuples(*[st.integers(0, 4)] * 3), after=st.tuples(*[st.integers(0, 4)] * 3))
def test_where_a_lesion_lies_in_the_volume_does_not_matter(scratch, seed, before, after):
    values, mask = rough(seed)
    margins = list(zip(before, after, strict=True))
    surround = np.pad(values, margins, constant_values=-1000.0)
    pd.testing.assert_series_equal(
        measured(surround, np.pad(mask, margins), scratch), measured(values, mask, scratch), check_exact=True
    )


@quick
@given(seed=seeds, origin=st.tuples(*[st.floats(-500, 500)] * 3))
def test_where_the_volume_lies_in_the_room_does_not_matter(scratch, seed, origin):
    values, mask = smooth(seed)
    chosen = {"resampledPixelSpacing": [1.3, 1.3, 1.3], "interpolator": "sitkBSpline"}
    # The origin enters the resampled positions, so the grey values differ by rounding, and one may cross the edge of a bin.
    kinds = ("shape", "firstorder")
    moved = measured(values, mask, scratch, origin=origin, kinds=kinds, **chosen)
    rest = measured(values, mask, scratch, kinds=kinds, **chosen)
    binned = ["original_firstorder_Entropy", "original_firstorder_Uniformity"]
    close(moved.drop(binned), rest.drop(binned), rtol=1e-9)


@quick
@given(seed=seeds)
def test_what_lies_outside_the_lesion_does_not_matter(scratch, seed):
    values, mask = rough(seed)
    other = np.where(mask == 1, values, np.random.default_rng(seed + 1).normal(0, 1e4, values.shape))
    pd.testing.assert_series_equal(measured(other, mask, scratch), measured(values, mask, scratch), check_exact=True)


# ------------------------------------------------------------------------------------------------------ flips and turns


@quick
@given(seed=seeds, axes=st.sampled_from(FLIPS))
def test_flips_change_nothing_but_the_mesh_of_a_rough_body(scratch, seed, axes):
    values, mask = rough(seed)
    flipped = measured(np.flip(values, axes), np.flip(mask, axes), scratch)
    close(flipped.drop(MESH), measured(values, mask, scratch).drop(MESH), rtol=1e-9)


@quick
@given(seed=seeds, axes=st.sampled_from(FLIPS))
def test_flips_change_nothing_of_a_smooth_body(scratch, seed, axes):
    values, mask = smooth(seed)
    close(measured(np.flip(values, axes), np.flip(mask, axes), scratch), measured(values, mask, scratch), rtol=1e-9)


@quick
@given(seed=seeds, order=st.sampled_from(list(itertools.permutations(range(3)))))
def test_turns_change_nothing_but_the_names_of_the_planes(scratch, seed, order):
    values, mask = smooth(seed)
    spacing = tuple(SPACING[::-1][axis] for axis in order)[::-1]
    turned = measured(values.transpose(order), mask.transpose(order), scratch, spacing=spacing)
    found = measured(values, mask, scratch)
    close(turned.drop(PLANES), found.drop(PLANES), rtol=1e-9)
    np.testing.assert_allclose(np.sort(turned[PLANES]), np.sort(found[PLANES]), rtol=1e-9)


def has_diagonal_face(body: np.ndarray) -> bool:
    faces = [np.take(body, side, axis) for axis in range(3) for side in range(2)]
    return any(face[0, 0] == face[1, 1] != face[0, 1] == face[1, 0] for face in faces)


def test_the_mesh_depends_on_flips_exactly_where_a_face_is_diagonal():
    from radiomics import cShape

    def area_and_volume(body):
        return cShape.calculate_coefficients(np.pad(body, 1), np.ones(3))[:2]

    bodies = [np.array([number >> bit & 1 for bit in range(8)], bool).reshape(2, 2, 2) for number in range(1, 256)]
    differ = [
        any(not np.allclose(area_and_volume(np.flip(body, axes)), area_and_volume(body), rtol=1e-12) for axes in FLIPS)
        for body in bodies
    ]
    assert differ == [has_diagonal_face(body) for body in bodies]
    assert sum(differ) == 120


@pytest.mark.real
@pytest.mark.parametrize(("name", "largest"), [("brain1", 0.0021), ("brain2", 0.0061), ("breast1", 0.0)])
def test_how_far_flips_change_the_mesh_of_real_lesions(real, scratch, name, largest):
    image, mask = (sitk.ReadImage(str(real / "images" / f"{name}_{what}.nrrd")) for what in ("image", "label"))
    values, inside = sitk.GetArrayFromImage(image), (sitk.GetArrayFromImage(mask) == 1).astype(np.uint8)
    still = measured(values, inside, scratch, kinds=("shape",), spacing=image.GetSpacing())
    changes = [
        (
            measured(np.flip(values, axes), np.flip(inside, axes), scratch, kinds=("shape",), spacing=image.GetSpacing()) / still
            - 1
        ).abs()
        for axes in FLIPS
    ]
    worst = pd.concat(changes, axis=1).max(axis=1)
    assert round(worst[MESH].max(), 4) == largest
    assert worst.drop(MESH).max() < 1e-9


# -------------------------------------------------------------------------------------------------------------- intensity


@quick
@given(seed=seeds, power=st.integers(-8, 8))
def test_normalisation_takes_the_unit_away(scratch, seed, power):
    values, mask = smooth(seed)
    chosen = {"normalize": True, "normalizeScale": 100, "binWidth": 10}
    # Powers of two scale without rounding, so that no grey value can cross the edge of a bin.
    pd.testing.assert_series_equal(
        measured(values * 2.0**power, mask, scratch, **chosen), measured(values, mask, scratch, **chosen), check_exact=True
    )


@quick
@given(seed=seeds, scale=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
def test_normalisation_takes_the_zero_away(scratch, seed, scale, offset):
    values, mask = smooth(seed)
    chosen = {"normalize": True, "normalizeScale": 100, "binWidth": 10}
    # Of thousands of values drawn from the real line none lies within rounding of an edge.
    close(measured(values * scale + offset, mask, scratch, **chosen), measured(values, mask, scratch, **chosen), rtol=1e-8)


@quick
@given(seed=seeds, bins=st.integers(-20, 20))
def test_texture_does_not_see_a_shift_by_whole_bins(scratch, seed, bins):
    values, mask = rough(seed)
    texture = ("glcm", "glrlm", "glszm", "gldm", "ngtdm")
    pd.testing.assert_series_equal(
        measured(values + 25.0 * bins, mask, scratch, kinds=texture),
        measured(values, mask, scratch, kinds=texture),
        check_exact=True,
    )


@quick
@given(seed=seeds, factor=st.sampled_from([0.5, 2.0, 3.0, 7.0]))
def test_texture_does_not_see_a_scale_that_bins_share(scratch, seed, factor):
    values, mask = rough(seed)
    texture = ("glcm", "glrlm", "glszm", "gldm", "ngtdm")
    scaled = measured(values * factor, mask, scratch, kinds=texture, binWidth=25 * factor)
    pd.testing.assert_series_equal(scaled, measured(values, mask, scratch, kinds=texture), check_exact=True)
