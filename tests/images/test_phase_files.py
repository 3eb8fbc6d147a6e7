"""Phases that are NIfTI, NRRD or MetaImage files: which they are, their order, their times, and what is refused."""

import numpy as np
import pytest
import SimpleITK as sitk

from radiogenomics import images, lesions
from radiogenomics._errors import InputError
from tests.helpers.imaging_phantoms import array, noise_volume, write


@pytest.fixture(scope="module")
def phases():
    return [noise_volume((5, 8, 9), seed=seed) for seed in range(4)]


def put(folder, **volumes):
    folder.mkdir(exist_ok=True)
    for name, volume in volumes.items():
        sitk.WriteImage(volume, str(folder / name.replace("__", ".")))
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ("breast_pre__nii__gz", "breast_post2__nii__gz", "breast_post10__nii__gz"),
        ("P7_0000__nii", "P7_0001__nii", "P7_0010__nii"),
        ("a_precontrast__nrrd", "B1__nrrd", "b2__nrrd"),
        ("Z-PRE__mha", "phase 1__mha", "phase 2__mha"),
    ],
)
def test_names_tell_the_order_and_it_is_said(tmp_path, phases, names):
    put(tmp_path / "P7", **dict(zip(names, phases, strict=False)))
    told = []
    found = images.find_phase_files(tmp_path / "P7", tell=told.append)
    made = images.read_phase_files(found, pre_contrast=1, tell=told.append)
    assert list(made.images) == ["pre", "post1", "post2"]
    for read, given in zip(made.images.values(), phases, strict=False):
        np.testing.assert_array_equal(array(read), array(given))
        assert read.IsSameImageGeometryAs(given, 1e-4, 1e-5)
    assert made.table["seconds"].isna().all()
    assert [(one.what, one.where, one.count) for one in told] == [("phases by file name", "P7", 3)]
    assert made.sources == {}


def test_times_can_be_given_and_must_fit(tmp_path, phases):
    found = images.find_phase_files(put(tmp_path / "P", a1__nrrd=phases[0], a2__nrrd=phases[1], a3__nrrd=phases[2]))
    made = images.read_phase_files(found, pre_contrast=2, seconds=[0, 60, 131.5])
    assert made.table["seconds"].tolist() == [0, 60, 131.5]
    assert made.table["role"].tolist() == ["pre-contrast", "pre-contrast", "first post-contrast"]
    for wrong in ([0, 60], [0, 60, 60], [0, float("nan"), 80]):
        with pytest.raises(InputError, match=r"`seconds` is .*; give 3 rising numbers, one per phase \(pre1, pre2, post1\)"):
            images.read_phase_files(found, pre_contrast=2, seconds=wrong)


@pytest.mark.parametrize(("step", "seconds"), [(75.0, [0, 75, 150, 225]), (1.0, [None] * 4)])
def test_a_fourth_axis_is_time_and_its_step_too_unless_it_is_a_default(tmp_path, phases, step, seconds):
    series = sitk.JoinSeries(phases, 0.0, step)
    found = images.find_phase_files(put(tmp_path / "P", dynamic__nii__gz=series))
    made = images.read_phase_files(found, pre_contrast=1)
    assert made.table["seconds"].astype(object).where(made.table["seconds"].notna(), None).tolist() == seconds
    np.testing.assert_array_equal(array(made.images["post3"]), array(phases[3]))
    assert made.pre.GetSpacing() == pytest.approx(phases[0].GetSpacing())


def test_values_of_a_voxel_are_phases(tmp_path, phases):
    found = images.find_phase_files(put(tmp_path / "P", sequence__nrrd=sitk.Compose(phases[:3])))
    made = images.read_phase_files(found, pre_contrast=1)
    np.testing.assert_array_equal(array(made.images["post2"]), array(phases[2]))


def test_a_mask_beside_the_phases_is_none_and_dicom_goes_first(tmp_path, phases):
    folder = put(tmp_path / "P", pre__nrrd=phases[0], post__nrrd=phases[1], p_mask__nrrd=phases[2] > 2000)
    told = []
    assert [path.name for path in images.find_phase_files(folder, tell=told.append)] == ["pre.nrrd", "post.nrrd"]
    assert [(one.what, one.count) for one in told] == [("files passed over", 1)]
    write(phases[:2], folder / "dicom")
    assert images.find_phase_files(folder) == []
    assert len(images.find_series(folder)) == 1


def cut(folder):
    path = folder / "b.nii"
    path.write_bytes(path.read_bytes()[:-90])


def shift(folder):
    volume = sitk.ReadImage(str(folder / "b.nii"))
    volume.SetOrigin((1, 2, 3))
    sitk.WriteImage(volume, str(folder / "b.nii"))


def one_less(folder):
    (folder / "b.nii").unlink()


def empty(folder):
    (folder / "b.nii").write_bytes(b"")


def not_finite(folder):
    volume = sitk.Cast(sitk.ReadImage(str(folder / "b.nii")), sitk.sitkFloat32)
    volume[1, 1, 1] = float("nan")
    sitk.WriteImage(volume, str(folder / "b.nii"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"b\.nii cannot be read as a volume \(90 bytes are missing\); export the file again"),
        (shift, "Phases pre and post1 lie on different grids"),
        (one_less, r"a\.nii: 1 phase\(s\) with 1 of them before contrast"),
        (empty, r"b\.nii cannot be read as a volume"),
        (not_finite, r"b\.nii holds 1 voxel\(s\) that are not finite numbers"),
    ],
)
def test_what_is_no_series_is_refused_with_its_file(tmp_path, phases, damage, message):
    folder = put(tmp_path / "P", a__nii=phases[0], b__nii=phases[1])
    damage(folder)
    with pytest.raises(InputError, match=message):
        images.read_phase_files(images.find_phase_files(folder), pre_contrast=1)


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("kind", [sitk.sitkFloat32, sitk.sitkFloat64])
@pytest.mark.parametrize("size", [(5, 4, 3), (90, 80, 60)])
def test_what_itk_reads_as_nought_is_counted(tmp_path, ending, kind, size):
    """ITK's NIfTI reader makes 0 of what is no finite number, without a word."""
    volume = sitk.Image(size, kind) + 2
    for at in ((0, 0, 0), (size[0] - 1, size[1] - 1, size[2] - 1), (2, 3, 1)):
        volume[at] = float("nan") if at[0] else float("-inf")
    sitk.WriteImage(volume, str(tmp_path / f"m.{ending}"))
    told = []
    image = lesions.read_mask(tmp_path / f"m.{ending}", image=volume, tell=told.append)
    assert [(one.what, one.count) for one in told] == [("voxels not finite", 3)]
    assert int((array(image) == 0).sum()) == 3
