"""NBIA's REST service on loopback: lists, zips with MD5, tokens, and every fault that a network or a stranger's zip has."""

import io
import logging
import shutil
import stat
import time
import zipfile

import numpy as np
import pandas as pd
import pytest

from radiogenomics import archives
from radiogenomics._errors import DownloadError, FileError
from tests.helpers.full_disk import room_for
from tests.helpers.nbia_server import nbia_server, zipped

pytest.importorskip("tcia_utils", reason="needs the extra 'archives'")

UIDS = [f"1.3.6.1.4.1.14519.{i}" for i in range(3)]


def images_of(i):
    return {f"1-{j:02d}.dcm": np.random.default_rng([i, j]).bytes(2000 + 10 * i + j) for j in range(3)}


@pytest.fixture
def nbia(tmp_path, monkeypatch):
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RADIOGENOMICS_NBIA_TOKEN", raising=False)
    with nbia_server() as service:
        for i, uid in enumerate(UIDS):
            service.add(uid, "New-Breast", f"P{i}", images_of(i), **({"ManufacturerModelName": "Skyra"} if i == 2 else {}))
        service.add("1.2.3.4.9", "Other", "Q", images_of(9))
        monkeypatch.setenv("RADIOGENOMICS_NBIA_ENDPOINT", service.address)
        yield service


@pytest.fixture
def archive():
    return archives.ARCHIVES["nbia"]


def assert_whole(places):
    for i, uid in enumerate(UIDS):
        assert {path.name: path.read_bytes() for path in places[uid].iterdir()} == images_of(i)


def test_a_collection_is_listed_as_that_of_the_commons_and_asked_for_once(nbia, archive):
    table = archive.list("new_breast")
    assert table["series"].tolist() == UIDS
    first = table.iloc[0]
    assert (first["patient"], first["date"], first["model"], first["images"], first["licence"], first["doi"]) == (
        "P0", "2004-05-06", "Avanto", 3, "CC BY 3.0", "10.7937/nbia",
    )  # fmt: skip
    assert first["size_mb"] == pytest.approx(sum(map(len, images_of(0).values())) / 1e6)
    assert archive.list("new_breast", model="skyra")["patient"].tolist() == ["P2"]
    assert archive.list("new_breast", offline=True, uids=UIDS[1:])["series"].tolist() == UIDS[1:]
    assert len(nbia.asked) == 2
    assert archive.list(None, uids=["1.2.3.4.9"])["patient"].tolist() == ["Q"]


def test_what_tcia_utils_does_to_the_log_of_everyone_is_undone(nbia, archive):
    root = logging.getLogger()
    before = list(root.handlers), root.level
    archive.list("new_breast")
    assert (list(root.handlers), root.level) == before


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"what": "new_brest"}, "no public collection 'new_brest' in NBIA.*did you mean 'New-Breast'"),
        ({"what": "new_breast", "uids": ["1.2.3.4.9"]}, "1 of 1 listed series are not in the collection 'new_breast'"),
        ({"what": None, "uids": ["1.2.3.4.8"]}, "1 of 1 listed series are not in NBIA"),
        ({"what": "new_breast", "modality": "CT"}, "No series of collection 'new_breast' has modality"),
        ({"what": None, "addresses": ["s3://x/y/"]}, "is of the archive idc"),
    ],
)
def test_what_is_not_there_is_named(nbia, archive, asked, words):
    with pytest.raises(ValueError, match=words):
        archive.list(**asked)


def test_series_come_whole_and_once(nbia, archive, tmp_path):
    table, told = archive.list("new_breast"), []
    plan = archive.plan(table, tmp_path)
    assert (plan.items, plan.files, plan.cached, plan.licences) == (3, 9, 0, {"CC BY 3.0": 3})
    places = archive.fetch(table, tmp_path, progress=lambda *step: told.append(step))
    assert_whole(places)
    assert len(told) == 3
    before = len(nbia.asked)
    assert archive.fetch(table, tmp_path) == archive.fetch(table, tmp_path, offline=True) == places
    assert len(nbia.asked) == before
    assert archive.plan(table, tmp_path).missing_mb == 0
    record = archives.read_record(tmp_path, "nbia", UIDS[0])
    assert set(record["md5"]) == set(images_of(0))


def test_a_token_goes_to_the_service_and_nowhere_else(nbia, archive, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("RADIOGENOMICS_NBIA_TOKEN", "s3cr3t-t0ken")
    nbia.spoil = lambda what, n, answer: (503, {}, b"") if n == 1 else answer
    with caplog.at_level("DEBUG"):
        archive.fetch(archive.list("new_breast"), tmp_path, wait_s=0.01)
    assert {header for _, header in nbia.asked} == {"Bearer s3cr3t-t0ken"}
    assert "s3cr3t" not in caplog.text
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()]
    assert kept == []
    monkeypatch.setenv("RADIOGENOMICS_NBIA_TOKEN", "s3cr3t\nX: y")
    with pytest.raises(ValueError, match="has blanks or signs that no token has") as error:
        archive.list(None, uids=["1.2.3.4.9"])
    assert "s3cr3t" not in str(error.value)
    monkeypatch.setenv("RADIOGENOMICS_NBIA_TOKEN", "s3cr3t")
    with pytest.raises(ValueError, match="in the clear over http://; use https://") as error:
        archive.list("new_breast", endpoint="http://192.0.2.1")
    assert "s3cr3t" not in str(error.value)


def of_images(spoil):
    return lambda what, n, answer: spoil(n, answer) if what == "getImageWithMD5Hash" else answer


PASSING = {
    "busy": lambda n, answer: (429, {"Retry-After": "0"}, b"") if n == 1 else answer,
    "broken": lambda n, answer: (500, {}, b"") if n <= 2 else answer,
    "cut": lambda n, answer: cut(answer) if n == 1 else answer,
    "wrong MD5": lambda n, answer: (200, {}, zipped(images_of(0), wrong=True)) if n == 1 else answer,
    "cut, and it says the cut length": lambda n, answer: (200, answer[1], answer[2][:-40]) if n == 1 else answer,
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_overcome(nbia, archive, tmp_path, fault):
    nbia.spoil = of_images(PASSING[fault])
    assert_whole(archive.fetch(archive.list("new_breast"), tmp_path, wait_s=0.01, n_workers=2))


def cut(answer):
    status, headers, body = answer
    return status, {**headers, "Content-Length": str(len(body) + 10), "Connection": "close"}, body[:50]


def packed(**members):
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def with_link():
    info = zipfile.ZipInfo("1-00.dcm")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def bomb():
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1-00.dcm", bytes(30_000_000))
    return file.getvalue()


def flipped(data):
    return data[:80] + bytes([data[80] ^ 1]) + data[81:]


BAD = {
    "wrong MD5": (lambda body: zipped(images_of(1), wrong=True), "the MD5 of 1-00.dcm is not the one that NBIA states"),
    "wrong size": (lambda body: zipped({name: content + b"x" for name, content in images_of(1).items()}), "the images have .* bytes, the list says"),
    "too few": (lambda body: zipped(dict(list(images_of(1).items())[:2])), "2 images came, the list says 3"),
    "damaged": (flipped, "the zip is damaged"),
    "no zip": (lambda body: b"sorry", "not a zip file"),
    "page": (lambda body: b"<html>log in</html>", "web page"),
    "slip": (lambda body: packed(**{"../../1-00.dcm": b"x"}), "would lie outside its folder"),
    "absolute": (lambda body: packed(**{"/tmp/1-00.dcm": b"x"}), "would lie outside its folder"),
    "drive": (lambda body: packed(**{"C:evil.dcm": b"x"}), "would lie outside its folder"),
    "link": (lambda body: with_link(), "a link or no plain file"),
    "bomb": (lambda body: bomb(), "more than the"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_lasting_fault_is_one_message_and_no_half_series(nbia, archive, tmp_path, fault):
    spoil, words = BAD[fault]
    nbia.spoil = lambda what, n, answer: (200, answer[1], spoil(answer[2])) if what == "getImageWithMD5Hash" else answer
    table = archive.list("new_breast").iloc[[1]]
    with pytest.raises(DownloadError, match=words) as error:
        archive.fetch(table, tmp_path / "kept", wait_s=0.01, attempts=2)
    assert all(word in str(error.value) for word in ("NBIA", UIDS[1], "try again later")), str(error.value)
    assert len(str(error.value)) < 600
    assert [path.name for path in (tmp_path / "kept").rglob("*")] == ["nbia", "fetching.lock"]
    nbia.spoil = lambda what, n, answer: answer
    folder = archive.fetch(table, tmp_path / "kept")[UIDS[1]]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == images_of(1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {}, b""), "HTTP 404"),
        ((401, {}, b""), "HTTP 401"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "redirects to file:///etc/passwd, which is not https"),
        ((302, {"Location": "http://192.0.2.1/x"}, b""), "which is not https"),
    ],
)
def test_a_refusal_is_told_at_once(nbia, archive, tmp_path, answer, words):
    table = archive.list("new_breast")
    nbia.spoil = of_images(lambda n, _: answer)
    with pytest.raises(DownloadError, match=words):
        archive.fetch(table, tmp_path, wait_s=0.01, n_workers=1)
    assert len(nbia.asked) == 2 + 3  # each series once


def test_a_full_disk_is_said_before_anything_is_asked(nbia, archive, tmp_path):
    table = archive.list("new_breast").assign(size_mb=1e12)
    asked = len(nbia.asked)
    with pytest.raises(OSError, match=r"3 series need .* GB free"):
        archive.fetch(table, tmp_path)
    assert len(nbia.asked) == asked


@pytest.mark.parametrize("packed_small", [False, True])
def test_a_disk_that_fills_is_one_message_and_the_same_call_goes_on_later(nbia, archive, tmp_path, packed_small):
    """The zip does not fit, or what is in it."""
    images = {"1-00.dcm": bytes(30_000)}
    nbia.add("1.2.3.4.7", "Other", "Q", images)

    def deflated(n, answer):
        with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("1-00.dcm", images["1-00.dcm"])
        return 200, {}, file.getvalue()

    if packed_small:
        nbia.spoil = of_images(deflated)
    table = archive.list("Other", uids=["1.2.3.4.7"])
    words = r"NBIA: 1\.2\.3\.4\.7 cannot be written to .*/kept/nbia: .*MB are free.*make room, or set RADIOGENOMICS_CACHE"
    with room_for(10_000), pytest.raises(FileError, match=words) as error:
        archive.fetch(table, tmp_path / "kept", wait_s=30.0)
    assert not isinstance(error.value, DownloadError)
    assert [path.name for path in (tmp_path / "kept").rglob("*")] == ["nbia", "fetching.lock"]
    folder = archive.fetch(table, tmp_path / "kept")["1.2.3.4.7"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == images


def test_a_service_that_dawdles_is_left(nbia, archive, tmp_path):
    table = archive.list("new_breast").iloc[[1]]
    nbia.spoil = of_images(lambda n, answer: (time.sleep(0.4), answer)[1])
    with pytest.raises(DownloadError, match=rf"NBIA: 1 of 1 .*first {UIDS[1]}: .*no answer within 0\.1 s; try again later"):
        archive.fetch(table, tmp_path, timeout_s=0.1, attempts=1)
    assert not (tmp_path / "nbia" / UIDS[1]).exists()


def test_an_answer_that_is_no_list_is_not_kept(nbia, archive):
    nbia.spoil = lambda what, n, answer: (200, {"Content-Type": "application/json"}, b'{"error": "maintenance"}')
    with pytest.raises(DownloadError, match="did not give a list; try again later"):
        archive.list("new_breast")
    nbia.spoil = lambda what, n, answer: answer
    assert len(archive.list("new_breast")) == 3


def test_two_at_once_fetch_a_series_once(nbia, archive, tmp_path):
    import threading

    table = archive.list("new_breast")
    both = [threading.Thread(target=archive.fetch, args=(table, tmp_path)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    paths = [path for path, _ in nbia.asked if "getImage" in path]
    assert sorted(paths) == sorted(set(paths))
    assert_whole({uid: tmp_path / "nbia" / uid for uid in UIDS})


def test_supplements_are_listed_fetched_once_and_verified(tmp_path, monkeypatch):
    import hashlib

    from radiogenomics.archives import tcia_files

    archive = archives.ARCHIVES["tcia_files"]
    table = archive.list()
    assert len(table) == 5
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    with pytest.raises(ValueError, match=r"did you mean 'brca-clinicalforwiki\.xls'"):
        archive.list("brca-clinicalforwik.xls")
    item, content = "tcga-breast-radiologist-reads.xls", b"\xd0\xcf\x11\xe0" + bytes(500)
    with nbia_server() as service:
        monkeypatch.setenv("RADIOGENOMICS_TCIA_FILES_ENDPOINT", service.address)
        service.spoil = lambda what, n, answer: (200, {"Content-Type": "application/vnd.ms-excel"}, content)
        with pytest.raises(ValueError, match=r"its sha256 is .* says 0e476b63"):
            archive.fetch(archive.list(item), tmp_path)
        assert not [path for path in tmp_path.rglob("*") if path.name == item]
        facts = {item: (hashlib.sha256(content).hexdigest(), "readings")}
        monkeypatch.setattr(tcia_files, "_SUPPLEMENTS", facts)  # what the real file holds is not ours to have here
        place = archive.fetch(archive.list(item), tmp_path)[item]
        assert place.read_bytes() == content
        asked = len(service.asked)
        assert (
            archive.fetch(archive.list(item), tmp_path)[item]
            == archive.fetch(pd.DataFrame({"item": [item], "file": [item]}), tmp_path, offline=True)[item]
            == place
        )
        assert len(service.asked) == asked
        assert archive.plan(archive.list(item), tmp_path).cached == 1
        place.write_bytes(b"changed")
        assert archive.fetch(archive.list(item), tmp_path)[item].read_bytes() == content  # pooch sees it
        shutil.rmtree(place.parent)
        with pytest.raises(DownloadError, match=r"tcga-breast-radiologist-reads\.xls is not in the cache"):
            archive.fetch(archive.list(item), tmp_path, offline=True)


def test_an_archive_without_a_server_of_its_own_takes_no_endpoint(tmp_path):
    archive = archives.ARCHIVES["enrichr"]
    with pytest.raises(ValueError, match="'enrichr' takes no endpoint; remove the key; RADIOGENOMICS_ENRICHR_ENDPOINT sets its"):
        archive.fetch(archive.list("KEGG_2021_Human"), tmp_path, endpoint="https://example.org")
    assert list(tmp_path.iterdir()) == []
