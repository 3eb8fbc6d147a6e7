"""Sources that are image series of a public collection: what may be asked, what is refused, and a study that has no local image."""

import json
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import tomli_w
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from radiogenomics import study
from radiogenomics.study.manifest.errors import ManifestError
from tests.helpers import tiny_study
from tests.helpers.command_line import call
from tests.helpers.image_archive import catalogue_row, s3_server, upload, write_catalogue

pytest.importorskip("moto.server", reason="needs moto[server]")
pytest.importorskip("idc_index_data", reason="needs the extra 'archives'")

MODELS = {"P1": "Avanto", "P2": "TrioTim", "P3": "Signa HDxt", "P4": "Signa HDxt"}
TESLA = {"P1": "1.5", "P2": "3", "P3": "15000", "P4": "2.89"}


def write_series(folder, patient, number, modality="MR", n_images=2):
    """Write images that have what a catalogue and a choice of series ask of them."""
    folder.mkdir(parents=True)
    for i in range(n_images):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, f"1.2.826.0.1.{number}.{i + 1}.9"
        image.PatientID, image.Modality = patient, modality
        image.StudyInstanceUID, image.SeriesInstanceUID = f"1.2.826.0.2.{number}", f"1.2.826.0.1.{number}"
        image.SeriesDescription, image.SeriesNumber = f"dynamic {modality}", str(number)
        image.Manufacturer, image.ManufacturerModelName = "GE MEDICAL SYSTEMS", MODELS[patient]
        image.MagneticFieldStrength = TESLA[patient]
        image.PixelData = np.random.default_rng([number, i]).bytes(500 + i)
        image["PixelData"].VR = "OB"
        image.save_as(folder / f"{i}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two collections of small series on loopback: the port, the catalogue and its rows."""
    folder, rows = tmp_path_factory.mktemp("archive"), []
    for number, patient in enumerate(MODELS, 1):
        rows.append(catalogue_row(write_series(folder / f"mr{number}", patient, number), "small_breast"))
        rows.append(catalogue_row(write_series(folder / f"sr{number}", patient, number + 10, "SR"), "small_breast"))
    rows.append(catalogue_row(write_series(folder / "other", "P1", 30), "other_breast"))
    with s3_server() as port:
        upload(port, rows)
        yield port, write_catalogue(rows, folder / "catalogue.parquet"), rows


@pytest.fixture
def asked(archive, tmp_path, monkeypatch):
    """Write a manifest whose training images are what a source says -> its path."""
    port, catalogue, _ = archive
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RADIOGENOMICS_IDC_CATALOGUE", str(catalogue))
    monkeypatch.setenv("RADIOGENOMICS_IDC_ENDPOINT", f"http://127.0.0.1:{port}")

    def write(**sources):
        path = tiny_study.write(tmp_path / "inputs")
        raw = tomllib.loads(path.read_text())
        raw["sources"] |= sources
        path.write_text(tomli_w.dumps(raw))
        return path

    return write


def source(**keys):
    return {"archive": "idc", "collection": "small_breast", **keys}


def bring(path, name="images", **options):
    return study.gather(path, only=name, **options).files[name]


def names(folder):
    return {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*")}


def test_a_collection_comes_with_one_folder_a_patient_and_once(asked, archive):
    path = asked(images=source(series={"modality": "MR"}))
    folder = bring(path)
    assert names(folder) == {f"P{i}/1.2.826.0.1.{i}" for i in range(1, 5)}
    original = sorted(file.read_bytes() for file in archive[1].parent.glob("mr3/*.dcm"))
    assert sorted(file.read_bytes() for file in (folder / "P3").glob("*/*")) == original
    assert bring(path, offline=True) == folder
    shutil.rmtree(folder)
    assert names(bring(path, offline=True)) == {f"P{i}/1.2.826.0.1.{i}" for i in range(1, 5)}


def test_a_second_time_nothing_is_asked_of_the_archive(asked, monkeypatch):
    path = asked(images=source(series={"modality": "SR"}))
    folder = bring(path)
    monkeypatch.setenv("RADIOGENOMICS_IDC_ENDPOINT", "http://127.0.0.1:9")
    assert bring(path) == folder


def test_field_strength_is_the_models_where_that_is_certain_and_the_headers_elsewhere(asked, archive):
    path = asked(images=source(series={"modality": "MR", "field_strength": 1.5}))
    assert study.planned(path, only="images")["items"].item() == 3  # the 3 T model is certain, and stays where it is
    assert {one.partition("/")[0] for one in names(bring(path))} == {"P1", "P3"}
    path = asked_again(path, {"modality": "MR", "field_strength": [3]})
    assert {one.partition("/")[0] for one in names(bring(path))} == {"P2", "P4"}


def asked_again(path, series):
    raw = tomllib.loads(path.read_text())
    raw["sources"]["images"]["series"] = series
    path.write_text(tomli_w.dumps(raw))
    return path


def test_lists_of_every_kind_are_read(asked, archive):
    rows = archive[2]
    path = asked(images=source(series="mr.csv"))
    folder = path.parent
    for patient in ("P1", "P2"):
        assert (
            call("series", "small-breast", "--patient", patient, "--modality", "MR", "--csv", folder / "mr.csv").returncode == 0
        )
        assert names(bring(path)) == {f"{patient}/1.2.826.0.1.{patient[1]}"}
    (folder / "mr.tcia").write_text("downloadServerUrl=x\nmanifestVersion=3.0\nListOfSeriesToDownload=\n1.2.826.0.1.3\n")
    (folder / "mr.s5cmd").write_text(f"cp {rows[6]['series_aws_url']} .\n")
    (folder / "uids.csv").write_text("SeriesInstanceUID\n1.2.826.0.1.2\n")
    for name, patient in (("mr.tcia", "P3"), ("mr.s5cmd", "P4"), ("uids.csv", "P2")):
        assert names(bring(asked_again(path, name))) == {f"{patient}/1.2.826.0.1.{patient[1]}"}
    raw = tomllib.loads(path.read_text())
    del raw["sources"]["images"]["collection"]
    path.write_text(tomli_w.dumps(raw))
    assert names(bring(path)) == {"P2/1.2.826.0.1.2"}


def test_offline_names_what_is_not_there(asked):
    path = asked(images=source())
    with pytest.raises(
        ManifestError, match=r"sources\.images\.collection = 'small_breast': IDC: 8 of 8 series are not in the cache"
    ):
        bring(path, offline=True)


def test_the_mirror_has_the_images_in_a_folder_of_the_sources_name(asked, archive, tmp_path):
    path = asked(images=source(collection="nowhere_known"))
    (tmp_path / "mirror" / "images" / "P1").mkdir(parents=True)
    shutil.copy(archive[1].parent / "mr1" / "0.dcm", tmp_path / "mirror" / "images" / "P1")
    assert bring(path, mirror=tmp_path / "mirror") == tmp_path / "mirror" / "images"


def test_what_was_used_is_told(asked):
    inputs = study.gather(
        asked(images=source(series={"patient": ["P1", "P2"]}, licence="as TCIA says", citation="us")), only="images"
    )
    told = inputs.fetched["images"].facts()
    assert told | {"fetched": "", "size_mb": 0, "servers": ""} == {
        "release": "catalogue catalogue.parquet", "patients": 2, "series": 4, "images": 8, "size_mb": 0, "licences": "CC BY 3.0 (4)",
        "citations": "doi:10.7937/simulated", "fetched": "", "servers": "",
    }  # fmt: skip
    assert told["fetched"].startswith("20")
    one = inputs.fetched_series()["images"]["1.2.826.0.1.1"]
    assert one["address"].startswith("s3://idc-open-data/")
    assert one["endpoint"].startswith("http://127.0.0.1:")
    assert sorted(one["sha256"]) == ["0000.dcm", "0001.dcm"]


def test_the_command_says_what_would_come_then_brings_it(asked, tmp_path):
    path = asked(images=source(series={"modality": "MR"}))
    told = call("fetch", path, "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "images" in told.stdout
    assert "CC BY 3.0 (4)" in told.stdout
    assert "clinical" not in told.stdout  # lies at hand
    assert not (tmp_path / "cache" / "idc").exists()
    assert call("fetch", path, "--only", "images", "--offline").returncode == 2
    assert call("fetch", path, "--only", "imagse").stderr.count("did you mean 'images'") == 1
    told = call("fetch", path, "--only", "images")
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("sha256") == 1
    assert call("fetch", path, "--only", "images", "--offline").returncode == 0
    assert study.planned(path, only="images")[["cached", "missing_mb"]].iloc[0].tolist() == [4, 0]


def test_a_collection_of_nbia_and_a_supplement_come_by_the_same_keys(asked, archive, tmp_path, monkeypatch):
    from tests.helpers.nbia_server import nbia_server

    monkeypatch.setenv("RADIOGENOMICS_NBIA_TOKEN", "s3cr3t-t0ken")
    images = {file.name: file.read_bytes() for file in sorted((archive[1].parent / "mr3").iterdir())}
    with nbia_server() as service:
        service.add("1.2.826.0.1.3", "Own-Breast", "P3", images, ManufacturerModelName="Signa HDxt")
        service.add("1.2.826.0.1.4", "Own-Breast", "P4", images, ManufacturerModelName="Skyra")
        keys = {"archive": "nbia", "collection": "own breast", "series": {"field_strength": 1.5}, "endpoint": service.address}
        path = asked(images=keys, supplement=source_of_file(service.address))
        assert study.planned(path, only="images")["items"].item() == 1
        inputs = study.gather(path, only="images")
        assert names(inputs.files["images"]) == {"P3/1.2.826.0.1.3"}
        asked_before = len(service.asked)
        assert study.gather(path, only="images", offline=True).files == inputs.files
        assert study.gather(path, only="images").files == inputs.files
        assert len(service.asked) == asked_before
        with pytest.raises(ManifestError, match=r"sources\.supplement\.file = 'reads\.xls': .*HTTP 404"):
            study.gather(path, only="supplement")
        assert service.asked[-1] == ("/tcga-breast-radiologist-reads.xls", None)  # the token of NBIA is nobody else's
    told = json.dumps([inputs.origins(), inputs.fetched_series()])
    assert "NBIA v4" in told
    assert "s3cr3t" not in told


def source_of_file(endpoint):
    facts = {"file": "reads.xls", "archive": "tcia_files", "item": "tcga-breast-radiologist-reads.xls", "endpoint": endpoint}
    return facts | {"licence": "CC BY 3.0", "citation": "doi:10.7937/K9/TCIA.2014.8SIPIY6G"}


MISTAKES = {
    "no archive": ({"collection": "small_breast"}, "archive", "required where image series are chosen; name one of 'idc'"),
    "unknown archive": (source(archive="icd"), "archive", "did you mean 'idc'"),
    "archive of files": (source(archive="enrichr"), "archive", "it has single files and no collections"),
    "unknown collection": (source(collection="small_brest"), "collection", "did you mean 'small_breast'"),
    "collection no text": (source(collection=5), "collection", "give a text in quotes"),
    "filters alone": ({"archive": "idc", "series": {"modality": "MR"}}, "collection", "required where series are chosen by filters"),
    "file too": (source(file="images"), "file", "both a file and the image series of a collection"),
    "url too": (source(url="https://example.org/a.zip"), "url", "both a url and the image series"),
    "item too": (source(item="a"), "item", "both a item and the image series"),
    "item of series": ({"archive": "idc", "item": "a", "file": "a", "licence": "l", "citation": "c"}, "item", "name a collection"),
    "empty choice": (source(series={}), "series", "it chooses nothing"),
    "choice of a wrong kind": (source(series=7), "series", "give a table of keys"),
    "unknown filter": (source(series={"modalty": "MR"}), "series.modalty", "unknown key; remove it or correct its spelling (did you mean 'modality'?)"),
    "modality": (source(series={"modality": "CT"}), "series.modality", "No series of collection 'small_breast' has modality"),
    "manufacturer": (source(series={"manufacturer": "Philips"}), "series.manufacturer", "there are GE MEDICAL SYSTEMS"),
    "model": (source(series={"model": "Skyra"}), "series.model", "there are Signa HDxt"),
    "description": (source(series={"description": "T2"}), "series.description", "there are dynamic"),
    "year": (source(series={"year": 2031}), "series.year", "there are 2004"),
    "year as text": (source(series={"year": "2004"}), "series.year", "give a whole number"),
    "year that cannot be": (source(series={"year": 20}), "series.year", "at least 1900"),
    "patient": (source(series={"patient": "P9"}), "series.patient", "there are P1"),
    "field strength": (source(series={"patient": "P2", "field_strength": 1.5}), "series.field_strength", "the scanners are TrioTim, of 3.0 T"),
    "impossible field": (source(series={"field_strength": -3}), "series.field_strength", "more than 0"),
    "filters together": (source(series={"patient": "P1", "model": "TrioTim"}), "series", "No series of collection 'small_breast' with"),
    "no such list": (source(series="absent.csv"), "series", "no such list in"),
    "damaged list": (source(series={"list": "bad.csv"}), "series.list", "line 3 is 'none', not a SeriesInstanceUID"),
    "list of another collection": (source(series="other.csv"), "series", "1 of 2 listed series are not in the collection 'small_breast'"),
    "endpoint": (source(endpoint="s3://bucket"), "endpoint", "is not an HTTP address"),
    "endpoint of nothing": ({"endpoint": "https://x.org", "file": "a", "licence": "l", "citation": "c"}, "endpoint", "there is no archive"),
    "no licence": ({"file": "study.toml", "citation": "c"}, "licence", "required key is missing"),
}  # fmt: skip


def test_every_mistake_in_these_keys_is_named_at_once(asked):
    assert len(MISTAKES) >= 15
    path = asked(**{name.replace(" ", "_"): keys for name, (keys, _, _) in MISTAKES.items()})
    (path.parent / "bad.csv").write_text("series\n1.2.826.0.1.1\nnone\n")
    (path.parent / "other.csv").write_text("series\n1.2.826.0.1.1\n1.2.826.0.1.30\n")
    with pytest.raises(ManifestError) as caught:
        study.check(path)
    said = {}
    for problem in caught.value.problems:
        said.setdefault(problem.key, []).append(problem.remedy)
    for name, (_, key, words) in MISTAKES.items():
        place = f"sources.{name.replace(' ', '_')}.{key}"
        assert any(words in remedy for remedy in said.pop(place, [])), (place, words, caught.value)
    assert said == {}


def test_a_collection_is_no_table(asked):
    path = asked(expression=source())
    with pytest.raises(
        ManifestError, match=r"expression\.source = 'expression': 'expression' is a collection of image series, and no table"
    ):
        study.check(path)


QUICK = """
setting: {resampledPixelSpacing: [3, 3, 3], interpolator: sitkLinear, binWidth: 25}
imageType: {Original: {}}
featureClass: {shape: , firstorder: [Mean, Energy, Variance, Skewness]}
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A simulated cohort whose images and masks lie in an archive alone, as DICOM and DICOM SEG: manifest, port, catalogue."""
    from radiogenomics import images, lesions

    path = study.write_demo(tmp_path_factory.mktemp("remote"), n_training=24, n_external=2, fast=True)
    folder, rows = path.parent / "images" / "training", []
    for place in sorted((folder / "dicom").iterdir())[:24]:
        rows.append(catalogue_row(place, "simulated_breast", PatientID=place.name))
        mask = folder / "masks" / f"{place.name}.nii.gz"
        series = images.dynamic_series(images.find_series(place))
        phases = images.read_phases(series, pre_contrast=1)
        (seg := folder / "seg" / place.name).mkdir(parents=True)
        lesions.write_seg(sitk.ReadImage(str(mask)), seg / "1.dcm", source=next(iter(phases.sources.values())), label="Lesion")
        rows.append(catalogue_row(seg, "simulated_breast", PatientID=place.name))
    catalogue = write_catalogue(rows, path.parent / "catalogue.parquet")
    (path.parent / "quick.yaml").write_text(QUICK)
    raw = tomllib.loads(path.read_text())
    del (
        raw["external"],
        raw["fusion"],
        raw["gene_sets"],
        raw["survival"],
        raw["training"]["masks"]["second_reader"],
        raw["signature"]["icc"],
    )
    for name in ("images_external", "masks_external", "second_reader", "clinical_external"):
        del raw["sources"][name]
    raw["sources"]["quick"].pop("sha256")
    raw["sources"]["images_training"] = source(collection="simulated-breast", series={"modality": "MR"})
    raw["sources"]["masks_training"] = source(collection="simulated-breast", series={"modality": "SEG"})
    raw["signature"] |= {"sizes": [3], "n_trees": 5, "n_repeats": 1, "n_splits": 3}
    raw["links"], raw["gene_score"] = {"n_permutations": 100}, raw["gene_score"] | {"n_repeats": 1, "inner_repeats": 1}
    path.write_text(tomli_w.dumps(raw))
    with s3_server() as port:
        upload(port, rows)
        shutil.rmtree(path.parent / "images")
        yield path, port, catalogue


@pytest.mark.slow
def test_a_study_goes_from_the_archive_to_the_report_with_no_local_image(remote, tmp_path, monkeypatch):
    path, port, catalogue = remote
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RADIOGENOMICS_IDC_CATALOGUE", str(catalogue))
    monkeypatch.setenv("RADIOGENOMICS_IDC_ENDPOINT", f"http://127.0.0.1:{port}")
    first = call("run", path, "--out", tmp_path / "out", "--n-jobs", "1")
    assert first.returncode == 0, first.stderr
    assert "image series (MB)" in first.stdout
    report = (tmp_path / "out" / "report.html").read_text()
    assert all(words in report for words in ("CC BY 3.0 (24)", "doi:10.7937/simulated", "simulated-breast", "catalogue.parquet"))
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert told["inputs"]["masks_training"]["series"] == 24
    assert len(told["series"]["images_training"]) == 24
    measured = pd.read_csv(tmp_path / "out" / "tables" / "features_radiomics.csv", index_col="patient")
    assert len(measured) == 24

    monkeypatch.setenv("RADIOGENOMICS_IDC_ENDPOINT", "http://127.0.0.1:9")
    before = (tmp_path / "out" / "provenance.json").read_bytes()
    again = call("run", path, "--out", tmp_path / "out", "--n-jobs", "1", "--offline")
    assert again.returncode == 0, again.stderr
    assert json.loads(before)["inputs"] == json.loads((tmp_path / "out" / "provenance.json").read_text())["inputs"]
