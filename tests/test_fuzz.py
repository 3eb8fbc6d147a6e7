"""Damaged and hostile files of every kind: what comes out is a value or an error of ours, in time, and nothing else is touched.

`make slow` runs 2,000 examples; the default suite a few of each kind. An example that fails is printed as the edits that made it.
"""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

import radiogenomics as rg
from radiogenomics import cohort, expression, images, lesions, pathways, study
from radiogenomics._errors import RadiogenomicsError
from radiogenomics._files import sha256, write_table
from radiogenomics.study.engine.results import digest
from tests.helpers import tiny_study
from tests.helpers.imaging_phantoms import ellipsoid, noise_volume, write
from tests.lesions.test_masks import write_rtstruct

pytestmark = pytest.mark.timeout(300)

# How files are damaged: cut, flipped, filled, repeated, words put in; at a place between 0 and 1.
WORDS = st.sampled_from(
    [
        b"\0",
        b"\xff" * 8,
        b"\x7f\xff\xff\xff",
        b"nan",
        b"-1",
        b"1e999",
        b"\n",
        b"\t",
        b'"',
        b",",
        b"=",
        b"[",
        b"\xff\xfe",
        b"9" * 30,
    ]
)
PLACE = st.floats(0, 1, allow_nan=False)
EDIT = st.one_of(
    st.tuples(st.just("flip"), PLACE, st.integers(1, 255)),
    st.tuples(st.just("cut"), PLACE, st.just(0)),
    st.tuples(st.just("fill"), PLACE, st.integers(1, 64)),
    st.tuples(st.just("again"), PLACE, st.integers(1, 64)),
    st.tuples(st.just("drop"), PLACE, st.integers(1, 64)),
    st.tuples(st.just("word"), PLACE, WORDS),
    st.tuples(st.just("over"), PLACE, WORDS),
)
EDITS = st.lists(EDIT, min_size=1, max_size=4)
LIGHT = st.one_of(st.just([]), EDITS)


def damaged(content: bytes, edits) -> bytes:
    made = bytearray(content)
    for what, share, how in edits:
        at = min(int(share * len(made)), max(len(made) - 1, 0))
        if what == "flip" and made:
            made[at] ^= how
        elif what == "cut":
            del made[at:]
        elif what == "fill":
            made[at : at + how] = bytes(len(made[at : at + how]))
        elif what == "again":
            made[at:at] = made[at : at + how]
        elif what == "drop":
            del made[at : at + how]
        elif what == "word":
            made[at:at] = how
        elif what == "over":
            made[at : at + len(how)] = how[: len(made[at : at + len(how)])]
    return bytes(made)


# -- manifests ---------------------------------------------------------------------------------------------------------------------

ODD = st.one_of(
    st.sampled_from(
        [10**30, 10**40, -1, 0, 10**400, 1e308, -0.0, "", "²", "\x00", "../../x", "=1+1", [], {}, [[]], [{}], "e" * 3000]
    ),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=2),
)


def places(value: object, key: tuple = ()) -> list[tuple]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [key, *(deeper for part, one in inside for deeper in places(one, (*key, part)))]


MANIFEST_PLACES = places(tiny_study.MANIFEST)[1:]
CHANGE = st.tuples(st.sampled_from(MANIFEST_PLACES), st.sampled_from(["put", "remove", "beside"]), ODD)


def changed(value: dict, changes) -> dict:
    made = json.loads(json.dumps(value))
    for key, how, odd in changes:
        with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change took the place away
            parent = made
            for part in key[:-1]:
                parent = parent[part]
            if how == "put":
                parent[key[-1]] = odd
            elif how == "remove":
                del parent[key[-1]]
            else:
                parent[f"{key[-1]}x"] = odd
    return made


def try_manifest(folder: Path, example) -> None:
    changes, edits, encoding = example
    path = folder / "study.toml"
    text = tomli_w.dumps(changed(tiny_study.MANIFEST, changes))
    path.write_bytes(damaged(text.encode(encoding, "replace"), edits))
    study.read_manifest(path)


# -- tables ------------------------------------------------------------------------------------------------------------------------


def _tables() -> dict[str, bytes]:
    table = pd.DataFrame(
        {
            "patient": [f"P{i:02d}" for i in range(8)],
            "age": range(40, 48),
            "size": np.linspace(1, 2, 8),
            "grade": ["low", "high"] * 4,
            "note": ["Ärztin", "", "NA", "x;y", 'say "x"', "3", "2-Sep", "é"],
        }
    )
    text = table.to_csv(index=False)
    sheet, parquet, zipped, tarred = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    table.to_excel(sheet, index=False)
    table.to_parquet(parquet)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        facts = tarfile.TarInfo("t.csv")
        facts.size = len(text.encode())
        archive.addfile(facts, io.BytesIO(text.encode()))
    return {
        "t.csv": text.encode(),
        "t.tsv": text.replace(",", "\t").encode("utf-16"),
        "t.txt": text.replace(",", ";").encode("latin-1"),
        "t.csv.gz": gzip.compress(text.encode(), mtime=0),
        "t.csv.bz2": bz2.compress(text.encode()),
        "t.csv.xz": lzma.compress(text.encode()),
        "t.zip": zipped.getvalue(),
        "t.tar": tarred.getvalue(),
        "t.xlsx": sheet.getvalue(),
        "t.parquet": parquet.getvalue(),
        "sets.gmt": "".join(f"SET_{i}\tx\tA{i}\tB{i}\tC\n" for i in range(4)).encode(),
    }


TABLES = _tables()


def try_table(folder: Path, example) -> None:
    name, edits = example
    path = folder / name
    path.write_bytes(damaged(TABLES[name], edits))
    if name.endswith(".gmt"):
        pathways.read_gmt(path)
        return
    for read in (cohort.read_patients, lambda path: expression.read_expression(path, genes_in="columns")):
        with contextlib.suppress(RadiogenomicsError):
            read(path)


# -- images and masks --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """One phase as DICOM, and one lesion as a mask of every kind -> image, files of DICOM, files of masks."""
    folder = tmp_path_factory.mktemp("exam")
    shape = (4, 10, 12)
    paths = write([noise_volume(shape)], folder / "dicom", timing="none")
    (series,) = images.find_series(folder / "dicom")
    image = images.read_image(series)
    mask = sitk.GetImageFromArray(ellipsoid(shape, [1.5, 5, 6], [1.2, 3, 3]).astype(np.uint8))
    mask.CopyInformation(image)
    masks = folder / "masks"
    masks.mkdir()
    lesions.write_seg(mask, masks / "a.seg.dcm", source=series, label="Lesion")
    write_rtstruct(folder / "dicom", masks / "b.dcm", sitk.GetArrayFromImage(mask).astype(bool))
    lesions.write_les(mask, masks / "c.les")
    for ending in (".nii", ".nii.gz", ".nrrd", ".seg.nrrd", ".mha", ".mhd"):
        sitk.WriteImage(mask, str(masks / f"d{ending}"), useCompression=ending == ".seg.nrrd")
    compressed = pydicom.dcmread(paths[0])
    compressed.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    compressed.save_as(folder / "rle.dcm")
    dicom = {path.name: path.read_bytes() for path in paths} | {"rle.dcm": (folder / "rle.dcm").read_bytes()}
    return image, dicom, {path.name: path.read_bytes() for path in masks.iterdir()}


TAGS = [
    "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing",
    "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "RescaleSlope", "RescaleIntercept", "SamplesPerPixel",
    "PixelPaddingValue", "InstanceNumber", "SeriesNumber", "SOPClassUID", "SpecificCharacterSet", "ImageType", "EchoTime",
    "AcquisitionTime", "PixelData", "SegmentSequence", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence",
    "ROIContourSequence", "StructureSetROISequence", "SegmentationType", "MaximumFractionalValue", "Modality", "SegmentNumber",
    "ReferencedSegmentNumber", "ContourData", "NumberOfContourPoints", "ContourGeometricType", "ROINumber", "SpacingBetweenSlices",
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        [b"", b"ab", b"0\\0", b"NaN\\NaN\\NaN ", b"1e308\\1e308\\1e308", b"-1", b"99999999999999999999", b"\0\0", b"\xff\xff"]
    ),
    st.binary(max_size=12),
)
TAG = st.tuples(st.sampled_from(TAGS), VALUES)


def with_tags(content: bytes, tags) -> bytes:
    """Put odd bytes instead of what a tag holds, wherever in the file it stands."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    parts = [dataset, *(item for element in dataset.iterall() if element.VR == "SQ" for item in element.value)]
    for keyword, value in tags:
        tag = Tag(keyword)
        part = next((part for part in parts if tag in part), None)
        if part is not None:
            kind = "UN" if part.get_item(tag).VR == "SQ" else part.get_item(tag).VR
            part._dict[tag] = RawDataElement(tag, kind, len(value), value, 0, False, True)
    made = io.BytesIO()
    try:
        dataset.save_as(made)
    except Exception:  # pydicom itself cannot write it
        return content
    return made.getvalue()


def try_dicom(exam, folder: Path, example) -> None:
    at, tags, edits = example
    _, dicom, _ = exam
    names = [name for name in dicom if name != "rle.dcm"]
    for number, name in enumerate(names):
        content = dicom["rle.dcm"] if number == 0 and at >= len(names) else dicom[name]
        (folder / name).write_bytes(damaged(with_tags(content, tags), edits) if number == at % len(names) else content)
    for one in images.find_series(folder):
        images.read_image(one)


def try_mask(exam, folder: Path, example) -> None:
    name, tags, edits = example
    image, _, masks = exam
    for other, content in masks.items():
        if other.startswith("d") and other.endswith((".raw", ".zraw", ".mhd")):
            (folder / other).write_bytes(content)
    content = with_tags(masks[name], tags) if name.endswith(".dcm") else masks[name]
    (folder / name).write_bytes(damaged(content, edits))
    lesions.validate_mask(lesions.read_mask(folder / name, image=image, segment=None), image)


# -- a study's folder --------------------------------------------------------------------------------------------------------------


def write_finished(folder: Path) -> None:
    """Write what a finished step leaves: a table, its record, and the marker of the study."""
    table = pd.DataFrame({"feature": ["a", "b"], "target": ["ME1", "ME2"], "effect": [0.3, -0.2], "p": [0.1, 0.2], "n": [40, 40]})
    write_table(table, folder / "tables" / "links")
    made_of = {"settings": {"name": "small"}, "code": "x"}
    files = {f"tables/links.{kind}": sha256(folder / "tables" / f"links.{kind}") for kind in ("parquet", "csv")}
    record = {"key": digest(made_of), "made_of": made_of, "files": files, "tables": {"links": "links"}, "panels": {}, "order": 0}
    (folder / "steps").mkdir()
    (folder / "steps" / "links.json").write_text(json.dumps(record))
    (folder / "study.json").write_text(json.dumps({"finished": True}))


RECORD_PLACES = [
    ("key",),
    ("made_of",),
    ("files",),
    ("files", "tables/links.parquet"),
    ("tables",),
    ("tables", "links"),
    ("panels",),
]
FOLDER = st.one_of(
    st.tuples(st.sampled_from(["study.json", "steps/links.json", "tables/links.parquet"]), EDITS),
    st.tuples(
        st.just("record"), st.lists(st.tuples(st.sampled_from(RECORD_PLACES), st.just("put"), ODD), min_size=1, max_size=2)
    ),
    st.tuples(st.just("whole"), st.sampled_from(["null", "[]", "3", "{}", '{"order": 1}', "[" * 5000, "1" * 5000, '"x"'])),
    st.tuples(st.just("link"), st.sampled_from(["steps", "tables", "study.json", "steps/links.json", "tables/links.parquet"])),
    st.tuples(st.just("foreign"), st.sampled_from(["../outside/x", "/etc/hostname", "tables/../../outside/x", "steps/x", ""])),
)


def try_folder(folder: Path, example) -> None:
    write_finished(folder)
    what, how = example
    record = folder / "steps" / "links.json"
    if what == "record":
        record.write_text(json.dumps(changed(json.loads(record.read_text()), how)))
    elif what == "whole":
        record.write_text(how)
    elif what == "link":
        moved = folder.parent / "outside" / Path(how).name
        os.rename(folder / how, moved)
        (folder / how).symlink_to(moved)
    elif what == "foreign":
        facts = json.loads(record.read_text())
        facts["files"][how] = "0" * 64
        record.write_text(json.dumps(facts))
    else:
        (folder / what).write_bytes(damaged((folder / what).read_bytes(), how))
    opened = rg.Study.open(folder)
    for read in (
        lambda: [opened.table(name) for name in opened.tables],
        lambda: opened.settings,
        lambda: study.query(folder, "TP53"),
    ):
        with contextlib.suppress(RadiogenomicsError):
            read()


# -- the run -----------------------------------------------------------------------------------------------------------------------

MASK_NAMES = ["a.seg.dcm", "b.dcm", "c.les", "d.nii", "d.nii.gz", "d.nrrd", "d.seg.nrrd", "d.mha", "d.mhd"]
KINDS: dict[str, tuple[st.SearchStrategy, int]] = {
    "manifest": (
        st.tuples(
            st.lists(CHANGE, max_size=3),
            LIGHT,
            st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"]),
        ),
        600,
    ),
    "table": (st.tuples(st.sampled_from(sorted(TABLES)), EDITS), 400),
    "dicom": (st.tuples(st.integers(0, 7), st.lists(TAG, max_size=2), LIGHT), 400),
    "mask": (st.tuples(st.sampled_from(MASK_NAMES), st.lists(TAG, max_size=2), LIGHT), 400),
    "study folder": (FOLDER, 200),
}
TRIES: dict[str, Callable] = {"manifest": try_manifest, "table": try_table, "study folder": try_folder}


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fuzz(kind: str, examples: int, room: Path, exam) -> int:
    """Try examples of one kind, each in a folder of its own -> how many were tried."""
    strategy, _ = KINDS[kind]
    tried = {
        "dicom": lambda folder, one: try_dicom(exam, folder, one),
        "mask": lambda folder, one: try_mask(exam, folder, one),
    } | TRIES
    count = 0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def once(example):
        nonlocal count
        count += 1
        folder, outside = room / f"{count}" / "study", room / f"{count}" / "outside"
        folder.mkdir(parents=True)
        outside.mkdir()
        (outside / "x").write_text("not of the study")
        with warnings.catch_warnings(), contextlib.suppress(RadiogenomicsError):
            warnings.simplefilter("ignore")  # a library's warning is no error of a user's run
            tried[kind](folder, example)
        assert (outside / "x").read_text() == "not of the study"
        assert {path.name for path in (room / f"{count}").iterdir()} == {"study", "outside"}

    once()
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_damaged_files_end_in_a_value_or_an_error_of_ours(kind, tmp_path, exam):
    assert fuzz(kind, 12, tmp_path, exam) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_damaged_files_end_in_a_value_or_an_error_of_ours(kind, tmp_path, exam):
    assert fuzz(kind, KINDS[kind][1], tmp_path, exam) >= KINDS[kind][1]


def test_there_are_two_thousand():
    assert sum(count for _, count in KINDS.values()) == 2000
