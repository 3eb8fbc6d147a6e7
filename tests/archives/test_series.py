"""The catalogue of public images, offline, and lists of series as archives write them."""

import pandas as pd
import pytest

from radiogenomics import archives
from tests.helpers.command_line import call

pytest.importorskip("idc_index_data", reason="needs the extra 'archives'")

UIDS = ["1.3.6.1.4.1.14519.5.2.1.7.1", "1.3.6.1.4.1.14519.5.2.1.7.22", "1.3.6.1.4.1.14519.5.2.1.7.3"]
HEAD = "downloadServerUrl=https://example.org/servlet\nincludeAnnotation=true\n{}manifestVersion=3.0\nListOfSeriesToDownload=\n"


@pytest.fixture(scope="module")
def pilot():
    return archives.series("Breast-MRI-NACT-Pilot")


def test_published_cohorts_are_whole(pilot):
    assert archives.series("TCGA-BRCA", modality="MR")["patient"].nunique() == 137
    assert pilot.loc[pilot["modality"] == "SEG", "patient"].nunique() == 64


def test_a_row_says_where_a_series_lies_and_under_which_licence(pilot):
    assert pilot["series"].is_unique
    assert pilot["address"].str.startswith("s3://").all()
    assert pilot[["licence", "doi", "images", "size_mb"]].notna().all(axis=None)
    assert pilot.attrs["release"].startswith("IDC v")
    assert pilot["patient"].is_monotonic_increasing


def test_filters_narrow_and_may_be_combined(pilot):
    one = archives.series("breast_mri_nact_pilot", modality=["MR"], description="PE1", patient="UCSF-BR-06")
    assert 0 < len(one) < len(pilot)
    assert set(one["patient"]) == {"UCSF-BR-06"}
    assert one["description"].str.contains("PE1").all()
    year = int(pilot["date"].iloc[0][:4])
    assert (archives.series("breast_mri_nact_pilot", year=year)["date"].str[:4] == str(year)).all()


def test_modalities_sum_up(pilot):
    summed = archives.modalities(pilot)
    assert summed.loc["SEG", "patients"] == 64
    assert summed["series"].sum() == len(pilot)
    assert summed["size_gb"].sum() == pytest.approx(pilot["size_mb"].sum() / 1000)


@pytest.mark.parametrize(
    ("collection", "filters", "words"),
    [
        ("breast_mri_nact_pilto", {}, ["breast_mri_nact_pilto", "did you mean 'breast_mri_nact_pilot'"]),
        ("breast_mri_nact_pilot", {"modality": "CT"}, ["modality", "CT", "SEG, SR"]),
        ("breast_mri_nact_pilot", {"modality": "MR", "year": 2031}, ["year", "2031", "19"]),
        ("breast_mri_nact_pilot", {"patient": ["UCSF-BR-99"]}, ["UCSF-BR-99"]),
    ],
)
def test_what_is_not_there_is_named_with_what_is(collection, filters, words):
    with pytest.raises(ValueError) as error:
        archives.series(collection, **filters)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("more", ["", "noOfrRetry=4\ndatabasketId=x.tcia\n", "a=1\nb=2\nc=3\nd=4\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_manifest_of_tcia_is_read_whatever_its_header(tmp_path, more, end):
    path = tmp_path / "some.tcia"
    path.write_bytes((HEAD.format(more) + "\n".join(UIDS) + "\n\n").replace("\n", end).encode())
    assert archives.read_series_list(path)["series"].tolist() == UIDS


def test_a_manifest_of_s5cmd_is_read(tmp_path):
    path = tmp_path / "some.s5cmd"
    path.write_text("# IDC manifest\ncp s3://idc-open-data/aa-1/* .\ncp --sp s3://idc-open-data/bb-2/* out/\nsync s3://b/c/* x\n")
    assert archives.read_series_list(path)["address"].tolist() == [
        "s3://idc-open-data/aa-1/", "s3://idc-open-data/bb-2/", "s3://b/c/",
    ]  # fmt: skip


def test_a_written_table_of_series_is_read_back(tmp_path, pilot):
    few = pilot.head(7)
    few.to_csv(tmp_path / "few.csv", index=False)
    few.rename(columns={"series": "Series Instance UID"})[["patient", "Series Instance UID"]].to_csv(
        tmp_path / "excel.csv", index=False, sep=";", encoding="utf-16"
    )
    for name in ("few.csv", "excel.csv"):
        back = archives.read_series_list(tmp_path / name)
        assert back["series"].tolist() == few["series"].tolist()
        assert back["patient"].tolist() == few["patient"].tolist()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.tcia", HEAD.format(""), ["no series"]),
        ("a.tcia", "\n".join(UIDS), ["ListOfSeriesToDownload="]),
        ("a.tcia", HEAD.format("") + "\n".join([*UIDS, "1.2.x"]), ["line 8", "1.2.x"]),
        ("a.tcia", HEAD.format("") + "\n".join([*UIDS, UIDS[1]]), ["more than once", UIDS[1]]),
        ("a.s5cmd", "rm s3://idc-open-data/aa-1/*\n", ["line 1", "rm s3"]),
        ("a.csv", "patient,uid\nP1,1.2.3.4\n", ["patient, uid", "series"]),
        ("a.csv", "patient,series\nP1,1.2.3.4\nP2,none\n", ["line 3"]),
    ],
)
def test_a_list_that_is_damaged_is_refused_with_its_line(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError) as error:
        archives.read_series_list(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "count"),
    [("Advanced-MRI-Breast-Lesions-DA-RAD-APR2024.tcia", None), ("CMB-BRCA_v02_20241217.tcia", None), ("test_series.tcia", None)],
)
def test_real_manifests_are_read_line_by_line(real, name, count):
    path = real / "manifests" / name
    uids = [line for line in path.read_text().splitlines() if line.startswith("1.")]
    assert archives.read_series_list(path)["series"].tolist() == uids
    assert uids


def test_the_command_lists_filters_and_writes(tmp_path):
    path = tmp_path / "mr.csv"
    answer = call("series", "TCGA-BRCA", "--modality", "MR", "--csv", path)
    assert answer.returncode == 0, answer.stderr
    assert "137 patients" in answer.stdout
    written = pd.read_csv(path, dtype=str)
    assert written["patient"].nunique() == 137
    assert archives.read_series_list(path)["series"].tolist() == written["series"].tolist()
