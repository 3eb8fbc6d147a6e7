"""Whoever reads a folder and whoever hashes it see the same files, through links and detached headers."""

import os

import numpy as np
import pytest
import SimpleITK as sitk

from radiogenomics import images
from radiogenomics._errors import MissingFileError
from radiogenomics._files import files_below, voxel_files
from radiogenomics.study.inputs.gathering import _list
from tests.helpers.imaging_phantoms import noise_volume, write


@pytest.fixture
def linked(tmp_path):
    """A folder of images whose one patient is a link, as is a series inside."""
    write([noise_volume((2, 5, 6))], tmp_path / "disc" / "exam" / "a", timing="none")
    write([noise_volume((2, 5, 6), seed=1)], tmp_path / "other", timing="none", tags={"SeriesNumber": "8"})
    (tmp_path / "disc" / "exam" / "b").symlink_to(tmp_path / "other")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "P1").symlink_to(tmp_path / "disc" / "exam")
    return tmp_path


def test_linked_folders_are_read_and_hashed_alike(linked):
    folder = linked / "images"
    read = {str(one.path.relative_to(folder)) for series in images.find_series(folder / "P1") for one in series.slices}
    assert len(read) == 4
    assert set(_list(folder)) == read


@pytest.mark.parametrize("where", ["disc/exam/a", "other"])
def test_a_changed_byte_behind_a_link_changes_the_hash_whatever_size_and_time_say(linked, where):
    before = _list(linked / "images")
    file = sorted((linked / where).iterdir())[0]
    facts = file.stat()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    after = _list(linked / "images")
    assert [name for name in before if before[name] != after[name]] == [f"P1/{'a' if 'disc' in where else 'b'}/{file.name}"]


def test_a_link_to_a_folder_around_it_ends(linked):
    (linked / "other" / "round").symlink_to(linked / "other")
    assert len(files_below(linked / "images")) == 4


def test_a_link_that_leads_nowhere_is_told(linked):
    (linked / "other" / "gone.dcm").symlink_to(linked / "nothing")
    with pytest.raises(MissingFileError, match=r"gone\.dcm is a link that leads nowhere; bring back the file"):
        images.find_series(linked / "images" / "P1")


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_voxels_beside_a_header_belong_to_it(tmp_path, ending):
    header = tmp_path / "masks" / f"P1{ending}"
    header.parent.mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8)), str(header))
    (voxels,) = voxel_files(header)
    moved = tmp_path / "voxels" / voxels.name
    moved.parent.mkdir()
    os.link(voxels, moved)
    voxels.unlink()
    header.write_text(header.read_text().replace(voxels.name, f"../voxels/{voxels.name}"))
    before = _list(header.parent)
    assert sorted(before) == [f"../voxels/{voxels.name}", header.name]
    moved.write_bytes(moved.read_bytes()[::-1] + b"\1")
    assert [name for name, value in _list(header.parent).items() if value != before[name]] == [f"../voxels/{voxels.name}"]


@pytest.mark.parametrize(
    ("name", "text", "files"),
    [
        ("a.mha", "NDims = 3\nElementDataFile = LOCAL\n1 2", []),
        ("a.nrrd", "NRRD0005\ntype: short\n\ndata file: no.raw", []),
        ("a.nhdr", "NRRD0005\ndatafile: LIST\nx.raw\ny.raw\n", ["x.raw", "y.raw"]),
        ("a.mhd", "NDims = 3\nElementDataFile = s%03d.raw 1 5 2\n", ["s001.raw", "s003.raw", "s005.raw"]),
        ("a.txt", "data file: x.raw", []),
    ],
)
def test_headers_name_their_files(tmp_path, name, text, files):
    (tmp_path / name).write_text(text)
    assert [path.name for path in voxel_files(tmp_path / name)] == files
