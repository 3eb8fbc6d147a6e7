"""What no parser should be given: files without an end, headers that announce too much, numbers and columns without bound."""

import gzip
import io
import lzma
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import tomli_w

from radiogenomics import cohort, expression, images, lesions, pathways, study
from radiogenomics._errors import FileError, InputError, MissingFileError
from radiogenomics._files import number_columns, parsing, read_table, sha256, table_reading
from radiogenomics._files.dialect import MOST_COLUMNS
from radiogenomics._files.unpacking import _read_within
from radiogenomics._files.words import number_column
from radiogenomics._parallel import parallel_map
from radiogenomics.features import _weights, radiomics
from radiogenomics.images.limits import check_voxels
from tests.helpers import tiny_study
from tests.helpers.imaging_phantoms import array, ellipsoid, noise_volume, write


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """A volume, its DICOM files, and a lesion in it."""
    folder = tmp_path_factory.mktemp("exam") / "dicom"
    shape = (5, 9, 11)
    write([noise_volume(shape)], folder, timing="none")
    image = images.read_image(images.find_series(folder)[0])
    mask = sitk.GetImageFromArray(ellipsoid(shape, [2, 4, 5], [1.5, 3, 3]).astype(np.uint8))
    mask.CopyInformation(image)
    return image, mask, folder


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


# -- files without an end ----------------------------------------------------------------------------------------------------------

READERS = {
    "a table": cohort.read_patients,
    "an expression matrix": lambda path: expression.read_expression(path, genes_in="rows"),
    "gene sets": pathways.read_gmt,
    "a manifest": study.read_manifest,
    "a hash": sha256,
    "an archive": lambda path: images.unpack(path, path.parent / "out"),
    "weights": _weights.read,
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.deep] * (kind == "weights")) for kind in READERS])
def test_a_pipe_and_a_device_are_refused_and_not_waited_for(pipe, tmp_path, kind):
    with pytest.raises(InputError, match=r"pipe.* a named pipe.*never ends"):
        READERS[kind](pipe)
    (tmp_path / "zeros").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"zeros.* a device.*never ends"):
        READERS[kind](tmp_path / "zeros")


def test_a_pipe_among_images_or_masks_is_named(exam, tmp_path):
    image, mask, _ = exam
    write([noise_volume((5, 9, 11))], tmp_path / "dicom", timing="none")
    os.mkfifo(tmp_path / "dicom" / "more.dcm")
    with pytest.raises(InputError, match=r"more\.dcm is a named pipe, which never ends; remove it"):
        images.find_series(tmp_path / "dicom")
    (tmp_path / "masks").mkdir()
    os.mkfifo(tmp_path / "masks" / "P1.nii.gz")
    for place in (tmp_path / "masks", tmp_path / "masks" / "P1.nii.gz"):
        with pytest.raises(InputError, match=r"P1\.nii\.gz is a named pipe"):
            lesions.read_mask(place, image=image)
    with pytest.raises(InputError, match="is a named pipe, which never ends; give a PyRadiomics YAML file"):
        radiomics(image, mask, parameters=tmp_path / "masks" / "P1.nii.gz")


def test_a_source_that_is_a_pipe_is_a_problem_of_the_manifest(tmp_path):
    path = tiny_study.write(tmp_path / "inputs")
    (tmp_path / "inputs" / "sets.gmt").unlink()
    os.mkfifo(tmp_path / "inputs" / "sets.gmt")
    with pytest.raises(InputError, match=r"sources\.sets\.file = 'sets\.gmt': .*a pipe or a device, which has no end"):
        study.gather(path)


def test_a_path_with_a_nul_is_no_path(tmp_path):
    with pytest.raises(MissingFileError, match="a path cannot contain a NUL character"):
        read_table("a\0b.csv")


# -- packed files that never end ---------------------------------------------------------------------------------------------------


def test_what_is_packed_many_times_over_is_refused(tmp_path):
    content = b"patient,a\nP1,1\nP2,2\n"
    for _ in range(3):
        content = gzip.compress(content)
    (tmp_path / "t.csv.gz").write_bytes(content)
    assert read_table(tmp_path / "t.csv.gz").shape == (2, 2)
    (tmp_path / "t.csv.gz").write_bytes(lzma.compress(content))
    with pytest.raises(InputError, match="it is compressed more than 3 times"):
        read_table(tmp_path / "t.csv.gz")


def test_a_table_unpacks_no_further_than_a_table_may(tmp_path):
    packed = gzip.compress(b"1," * 5000)
    with gzip.open(io.BytesIO(packed)) as file, pytest.raises(InputError, match=r"t\.csv: .*unpacks to more than 9,999 bytes"):
        _read_within(file, tmp_path / "t.csv", most=9_999)
    with gzip.open(io.BytesIO(packed)) as file:
        assert len(_read_within(file, tmp_path / "t.csv", most=10_000)) == 10_000


# -- the edge ----------------------------------------------------------------------------------------------------------------------


def test_the_edge_turns_whatever_a_parser_raises_into_one_error(tmp_path):
    class OddError(Exception):
        pass

    def refuse(error):
        return InputError(f"refused: {error}")

    for error in (OddError("odd"), KeyError("a"), AssertionError("b"), RecursionError("c"), gzip.BadGzipFile("d"), EOFError()):
        with pytest.raises(InputError, match=r"^refused: ") as caught, parsing(tmp_path, refuse):
            raise error
        assert caught.value.__cause__ is error
    with pytest.raises(FileError, match=r"could not be read \(Permission denied\)"), parsing(tmp_path, refuse):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(InputError, match=r"^ours$"), parsing(tmp_path, refuse):
        raise InputError("ours")
    for error in (MemoryError(), RuntimeError("Failed to allocate memory for image.")):
        with pytest.raises(MemoryError), parsing(tmp_path, refuse):
            raise error
    with pytest.raises(KeyboardInterrupt), parsing(tmp_path, refuse):
        raise KeyboardInterrupt


# -- headers that announce too much ------------------------------------------------------------------------------------------------


def read(case):
    path, image = case
    return int(array(lesions.read_mask(path, image=image)).sum())


def test_a_mask_that_announces_a_huge_size_is_a_failure_of_its_patient_alone(exam, tmp_path):
    image, mask, _ = exam
    sitk.WriteImage(mask, str(tmp_path / "good.nii"))
    content = bytearray((tmp_path / "good.nii").read_bytes())
    struct.pack_into("<3h", content, 42, 10_000, 10_000, 10_000)
    (tmp_path / "huge.nii").write_bytes(content)
    os.truncate(tmp_path / "huge.nii", 10_000**3 + 352)  # as long as it says, and takes no room on the disk
    sitk.WriteImage(mask, str(tmp_path / "huge.mha"))
    text = (tmp_path / "huge.mha").read_bytes().replace(b"DimSize = 11 9 5", b"DimSize = 9999 9999 9999")
    (tmp_path / "huge.mha").write_bytes(text)
    os.truncate(tmp_path / "huge.mha", 10**12)
    (tmp_path / "huge.les").touch()
    os.truncate(tmp_path / "huge.les", 10**12)
    names = ["good.nii", "huge.nii", "huge.mha", "huge.les"]
    done = parallel_map(read, {name: (tmp_path / name, image) for name in names})
    assert done.results == {"good.nii": int(array(mask).sum())}
    assert not done.interrupted
    assert set(done.failures) == set(names[1:])
    assert "10,000 x 10,000 x 10,000 voxels, at most 2,147,483,648" in done.failures["huge.nii"]
    for name in names[1:]:
        (tmp_path / name).unlink()


def test_a_volume_may_be_large_but_not_without_bound():
    check_voxels("here", (512, 512, 4000))
    with pytest.raises(InputError, match=r"^here announces 65,535 x 65,535 x 1 voxels"):
        check_voxels("here", (65_535, 65_535, 1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ElementDataFile = /dev/zero", "its voxels are in '/dev/zero', in another folder"),
        ("ElementDataFile = ../other/m.raw", "its voxels are in '../other/m.raw', in another folder"),
        ("ElementDataFile = LIST", "stores its voxels in several files"),
        ("ElementDataFile = m%03d.raw 1 5 1", "stores its voxels in several files"),
        ("ElementDataFile = pipe", "pipe: is a named pipe"),
        ("ElementDataFile = gone.raw", "gone.raw: no such file"),
    ],
)
def test_a_header_opens_no_file_elsewhere(exam, pipe, tmp_path, line, message):
    header = f"ObjectType = Image\nNDims = 3\nDimSize = 11 9 5\nElementType = MET_UCHAR\n{line}\n"
    (tmp_path / "m.mhd").write_text(header)
    with pytest.raises((InputError, FileError), match=message.replace(".", r"\.")):
        lesions.read_mask(tmp_path / "m.mhd", image=exam[0])


def test_a_damaged_stream_in_a_zip_is_named_and_leaves_nothing_half(tmp_path):
    with zipfile.ZipFile(tmp_path / "e.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.dcm", np.random.default_rng(1).bytes(300) * 3)
    content = bytearray((tmp_path / "e.zip").read_bytes())
    content[50:90] = bytes(40)
    (tmp_path / "e.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"^e\.zip is .*fetch the archive again\.$"):
        images.unpack(tmp_path / "e.zip", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x02cos\nsystem\n", b"<html>Log in</html>"])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.deep
def test_weights_that_are_none_are_named(tmp_path, content, ending):
    path = tmp_path / f"w{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"w\{ending} (cannot be read as weights|holds)"):
        _weights.read(path)


# -- tables ------------------------------------------------------------------------------------------------------------------------


def test_a_million_columns_are_refused_at_their_heading(tmp_path):
    path = tmp_path / "wide.csv"
    for separator in (",", ";"):
        path.write_text(separator.join(["patient", *map(str, range(1_000_000))]) + f"\nP1{separator}1\n")
        with pytest.raises(InputError, match="its heading has 1,000,001 columns, at most 100,000 are read"):
            cohort.read_patients(path)
    assert MOST_COLUMNS > 60_000, "every gene of Ensembl may have a column"


def test_a_heading_longer_than_a_field_may_be_is_read(tmp_path):
    """In a process of its own: the limit of the csv module holds for all that follows."""
    path = tmp_path / "wide.csv"
    path.write_text(",".join(["patient", *(f"feature_number_{i:05d}" for i in range(9_000))]) + "\nP1" + ",1" * 9_000 + "\n")
    code = f"from radiogenomics._files import read_table; print(read_table({str(path)!r}).shape)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "(1, 9001)"


def test_a_wide_table_is_read_as_narrow_ones_are(tmp_path):
    """In one piece, rather than column by column: the same values, words for missing, kinds and decisions."""
    odd = {
        "word": ["a", "NA", "b ", "", " c"], "gone": ["1", "NA", "Not Collected", "", "2"], "date": ["2020-01-02"] * 5,
        "truth": ["True", "False", "", "True", "True"], "zeros": ["007", "08", "9", "NA", "1"], "huge": ["9" * 25, "1", "2", "3", "4"],
        "sign": ["+1", "-.5", "3.", "1e3", " 2"], "sign2": ["\u22121", "2", "3", "4", "5"], "nothing": ["", "NA", " ", "", ""],
        "nan": ["nan", "1", "2", "3", "4"], "code": ["1_0", "1", "2", "3", "0x1"],
        "percent": ["1%", "2%", "3%", "4%", "5%"],
    }  # fmt: skip
    rng = np.random.default_rng(4)
    columns = {f"f{i}": [f"{value:.4g}" for value in rng.normal(size=5)] for i in range(1100)} | odd
    columns |= {f"g{i}": [str(value) for value in rng.integers(0, 2, 5)] for i in range(100)}
    names = list(columns)
    read = {}
    for file, part in {"wide": names, "first": names[:600], "second": names[600:]}.items():
        rows = [["patient", *part], *([f"P{at}", *(columns[name][at] for name in part)] for at in range(5))]
        (tmp_path / f"{file}.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
        read[file] = table_reading(tmp_path / f"{file}.csv"), cohort.patients_reading(tmp_path / f"{file}.csv", text_columns=[])
    for at in (0, 1):
        wide, first, second = (read[file][at] for file in ("wide", "first", "second"))
        parts = [first.table, second.table.drop(columns="patient", errors="ignore")]
        pd.testing.assert_frame_equal(wide.table, pd.concat(parts, axis=1), check_exact=True)
        told = [
            [(what, where.partition(",")[2], count, why) for what, where, count, why in reading.decisions.to_numpy()]
            for reading in (wide, first, second)
        ]
        assert told[0] == told[1] + told[2] != []


def test_columns_turned_together_are_those_turned_one_by_one():
    table = pd.DataFrame(
        {
            "plain": ["1", "2.50", "-3e2", None],
            "odd": ["1", ">80", "3", "4"],
            "sign": ["\u22121", "2", "3", "4"],
            "words": ["a", "b", None, "d"],
            "truth": [True, False, None, True],
            "long": ["9007199254740993", "0.1", "1e-320", "inf"],
            "typed": [1, 2, 3, 4],
            "float": [0.1, np.nan, 2.0, 3.0],
            "none": [None, None, None, None],
        }
    )
    together, exceptions = number_columns(table)
    for name in table.columns:
        one, places = number_column(table[name])
        pd.testing.assert_series_equal(together[name], one, check_exact=True)
        assert exceptions.get(name, []) == places
    assert list(together.columns) == list(table.columns)


def test_parquet_holds_dates_as_dates_and_no_lists(tmp_path):
    table = pd.DataFrame(
        {
            "patient": ["a", "b"],
            "day": pd.to_datetime(["2020-05-01", None]),
            "moment": pd.to_datetime(["2020-05-01 10:30", "2021-01-01 00:00"]),
            "kind": pd.Categorical(["x", "y"]),
            "bytes": [b"u", b"v"],
            "count": pd.array([3, None], dtype="Int64"),
        }
    )
    table.to_parquet(tmp_path / "t.parquet")
    read = cohort.read_patients(tmp_path / "t.parquet")
    assert read.loc["a", ["day", "moment", "kind", "bytes"]].tolist() == ["2020-05-01", "2020-05-01 10:30:00", "x", "u"]
    assert pd.isna(read.loc["b", "day"])
    assert read["count"].dtype == float
    nested = {"lists": [[1], [2, 3]], "records": [{"a": 1}, {"a": 2}]}
    pd.DataFrame({"patient": ["a", "b"], **nested}).to_parquet(tmp_path / "n.parquet")
    with pytest.raises(InputError, match=r"column\(s\) 'lists' \(list<.*'records' \(struct<.* hold several values per cell"):
        cohort.read_patients(tmp_path / "n.parquet")


# -- manifests ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("signature", "n_splits", 10**30),
        ("signature", "n_trees", 10**40),
        ("signature", "n_permutations", 10**19),
        ("signature", "sizes", [5, 10**25]),
        ("links", "n_permutations", 10**12),
        ("modules", "min_size", 10**20),
        ("gene_score", "n_repeats", 2**70),
        ("extraction", "margin_mm", 1e300),
        ("extraction", "segment", 10**300),
    ],
)
def test_numbers_without_bound_are_refused_with_the_bound(tmp_path, section, key, value):
    path = tmp_path / "study.toml"
    made = tiny_study.MANIFEST | {section: tiny_study.MANIFEST.get(section, {}) | {key: value}}
    path.write_text(tomli_w.dumps(made))
    with pytest.raises(InputError, match=rf"{section}\.{key}.*: give .*(at most|less than)"):
        study.read_manifest(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32"])
def test_a_manifest_of_another_encoding_is_read_and_it_is_said(tmp_path, caplog, encoding):
    path = tmp_path / "study.toml"
    path.write_bytes(tomli_w.dumps(tiny_study.MANIFEST | {"title": "Tumorgröße, Übersicht"}).encode(encoding))
    assert study.read_manifest(path).title == "Tumorgröße, Übersicht"
    assert ("the manifest is not UTF-8" in caplog.text) == (encoding != "utf-8-sig")


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "1" * 6_000, "\x00" * 50, "a = 1\x07"])
def test_toml_that_breaks_its_reader_is_unreadable(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"\(file\) = unreadable: not valid TOML: "):
        study.read_manifest(path)
