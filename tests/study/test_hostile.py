"""A study's folder, a manifest and an archive from a stranger: opened, asked and run again, they do nothing outside the folder."""

import json
import os
import pickle
import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

import radiogenomics as rg
from radiogenomics import archives, study
from radiogenomics._errors import InputError, RadiogenomicsError
from radiogenomics._files import sha256, write_table
from radiogenomics.study import pipeline
from radiogenomics.study.engine.results import MARKER, Results, digest
from radiogenomics.study.engine.store import Store, claim
from radiogenomics.study.patient import _own_place
from tests.helpers import tiny_study
from tests.helpers.command_line import call


class Trap:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def victim(tmp_path):
    """What lies beside the study, and must stay as it is."""
    folder = tmp_path / "victim"
    (folder / "signatures-0123456789abcdef").mkdir(parents=True)
    for name in ("mine.txt", ".links-ab12cd_9.parquet", "running.lock", f"{'0' * 32}.kept", "expression.csv", "demo.toml"):
        (folder / name).write_text("mine")
    return folder


@pytest.fixture
def foreign(tiny, tmp_path, victim):
    return shutil.copytree(tiny / "out", tmp_path / "study", ignore=shutil.ignore_patterns("*.png", "*.svg"))


def state(folder: Path) -> dict[str, object]:
    return {str(path): path.stat().st_mtime_ns if path.is_dir() else path.read_bytes() for path in sorted(folder.rglob("*"))}


def forged(path: Path, **changes: object) -> None:
    """Change a record as somebody would who knows how: its key fits."""
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(record | {"key": digest(record["made_of"])}))


def linked(part):
    def attack(folder, victim):
        place = folder / part
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(victim / "running.lock" if part.endswith((".lock", ".json", ".html")) else victim)

    return attack


def listing(*files):
    def attack(folder, victim):
        listed = {file.format(victim=victim): "0" * 64 for file in files}
        for name in ("links", "foreign"):
            path = folder / "steps" / f"{name}.json"
            shutil.copy(folder / "steps" / "links.json", path) if name == "foreign" else None
            forged(path, files=listed)

    return attack


def kept(folder, victim):
    for place in ("kept/features", "work/signatures-0123456789abcdef"):
        (folder / place).mkdir(parents=True)
        for name in (f"{'0' * 32}.kept", f"{'0' * 32}.joblib", "result.pkl"):
            (folder / place / name).write_bytes(pickle.dumps(Trap(victim / "trap")))
    (folder / "tables" / "links.parquet").write_bytes(pickle.dumps(Trap(victim / "trap")))


def counts(folder, victim):
    for name in ("links", "cohort"):
        forged(folder / "steps" / f"{name}.json", order=10**400, seconds=1e308, peak_mb=10**300)
    (folder / "steps" / "long.json").write_text("9" * 10_000)
    (folder / "steps" / "deep.json").write_text("[" * 200_000)
    (folder / "running.json").write_text(json.dumps({"process": 10**300, "host": "x" * 10_000, "since": []}))


def pipes(folder, victim):
    for name in ("links", "pipe"):
        (folder / "steps" / f"{name}.json").unlink(missing_ok=True)
        os.mkfifo(folder / "steps" / f"{name}.json")
    (folder / "steps" / "zero.json").symlink_to("/dev/zero")
    (folder / "tables" / "links.parquet").unlink()
    os.mkfifo(folder / "tables" / "links.parquet")
    (folder / "running.json").unlink(missing_ok=True)


def nothings(folder, victim):
    for name in ("links", "modules", "report"):
        (folder / "steps" / f"{name}.json").write_text("null")
    (folder / "provenance.json").write_text("[]")


def wrong_kinds(folder, victim):
    forged(folder / "steps" / "links.json", panels={"../../x": {"kind": "", "subject": "", "section": "", "caption": ""}})
    forged(folder / "steps" / "cohort.json", tables={"../../victim/mine": "x", "a": 7})
    forged(folder / "steps" / "modules.json", made_of={"code": "x", "settings": []})
    forged(folder / "steps" / "report.json", made_of={"settings": {"links": 3, "outcome": []}})


def no_table(folder, victim):
    path = folder / "tables" / "links.parquet"
    path.write_bytes(b"PAR1 no table PAR1")
    record = json.loads((folder / "steps" / "links.json").read_text())
    forged(folder / "steps" / "links.json", files=record["files"] | {"tables/links.parquet": sha256(path)})


def made_up(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Put another table instead of one, with its hash in the record."""
    path = next(path for path in (folder / "steps").glob("*.json") if name in json.loads(path.read_text())["tables"])
    record = json.loads(path.read_text())
    files = {f"tables/{file.name}": sha256(file) for file in write_table(table, folder / "tables" / name)}
    forged(path, files=record["files"] | files)


FORGERIES = {
    "other columns": lambda table: pd.DataFrame({"x": [1.0, 2.0]}),
    "another index": lambda table: table.reset_index(drop=True).rename_axis("row").add_suffix("_"),
    "words for numbers": lambda table: table.map(lambda value: value if isinstance(value, str) else "many"),
    "numbers for words": lambda table: table.map(lambda value: 3.5 if isinstance(value, str) else value),
    "lists": lambda table: table.map(lambda value: [value]),
}


FORGED = (
    "modules", "links", "gene_links", "clinical_links", "signatures", "patients", "link_null", "expression_linked", "eigengenes",
    "features_mri",
)  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_made_up_tables_with_their_hash_end_in_one_line(foreign, forgery):
    for name in FORGED:
        whole = pd.read_parquet(foreign / "tables" / f"{name}.parquet")
        table = FORGERIES[forgery](whole)
        made_up(foreign, name, table)
        again = rf"tables/{name}\.parquet .*: the folder was damaged or made up; run the study's manifest into a new folder\.$"
        said = refusals(Results(foreign).table, name)
        assert table.equals(whole) or re.search(again, said[0]), name
        if name in ("modules", "links"):
            assert [bool(re.search(again, text)) for text in refusals(rg.query, foreign, "ME1")] == [True]
        made_up(foreign, name, whole)
        assert refusals(Results(foreign).table, name) == []


ATTACKS = {
    **{
        f"{part} is a link": linked(part)
        for part in ("tables", "steps", "work", "kept", "kept/features", "queries", "running.lock")
    },
    **{f"{part} is a link": linked(part) for part in ("study.json", "report.html", "running.json", "queries/ME1")},
    "files elsewhere": listing(
        "../victim/mine.txt", "{victim}/mine.txt", "tables/../../victim/mine.txt", "figures/../../victim/x"
    ),
    "files that are none of a step's": listing(
        "study.json", "notes.txt", "tables", "tables/", "..", "", ".", "kept/x", "tables/a\x00b"
    ),
    "pickles": kept,
    "huge counts": counts,
    "pipes and devices": pipes,
    "nothing in the records": nothings,
    "values of wrong kinds": wrong_kinds,
    "a table that is none": no_table,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_study_is_opened_asked_and_claimed_without_effect_outside_it(foreign, victim, attack):
    """Claimed and swept is all that a run does before its first step, here for a manifest that asks for fewer steps."""
    (foreign / "notes.txt").write_text("theirs")
    ATTACKS[attack](foreign, victim)
    before = state(victim)
    assert all(str(foreign) in said and "run" in said for said in opened(foreign))
    if attack.startswith("queries"):  # an answer is written
        ended = call("query", foreign, "ME1", "--quiet")
        assert ended.returncode in (0, 2), ended.stderr
    else:
        refusals(rg.query, foreign, "ME1")
    assert all(re.search("is a link to|is not the folder of a study", said) for said in refusals(claim_and_sweep, foreign))
    assert state(victim) == before
    assert (foreign / "notes.txt").read_text() == "theirs"


def refusals(call, *arguments) -> list[str]:
    """Call a function; what our own errors say of it."""
    try:
        call(*arguments)
    except RadiogenomicsError as error:
        return [str(error)]
    return []


def opened(folder: Path) -> list[str]:
    """Open a study and read every table -> what is refused of it."""
    said = refusals(rg.Study.open, folder)
    if not said:
        study = rg.Study.open(folder)
        said = [text for name in study.tables for text in refusals(study.table, name)]
    return said


def claim_and_sweep(folder: Path) -> None:
    with Store.writing(folder, pipeline.STEPS[:4]) as store:
        store.finish()


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    ["pickles", "huge counts", "pipes and devices", "nothing in the records", "values of wrong kinds", "files elsewhere"],
)
def test_a_hostile_study_is_run_again_to_the_same_tables(tiny, foreign, victim, attack):
    ATTACKS[attack](foreign, victim)
    before = state(victim)
    study.run(tiny / "inputs" / "study.toml", out=foreign, figures=False)
    assert state(victim) == before
    for path in (tiny / "out" / "tables").glob("*.csv"):
        assert (foreign / "tables" / path.name).read_bytes() == path.read_bytes()
    assert Results(foreign).finished


def test_a_folder_with_a_file_of_the_markers_name_is_not_a_study(tmp_path):
    for text in ('{"title": "mine"}', "null", "[]", "{", '{"made_by": "other"}'):
        (tmp_path / MARKER).write_text(text)
        (tmp_path / "work").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="is not the folder of a study"):
            claim(tmp_path, "the study's folder")
        assert not Results(tmp_path).finished


def test_a_kill_while_a_folder_was_claimed_leaves_it_claimable(tmp_path):
    (tmp_path / ".study-ab12cd_9.json").write_text("")
    assert Results(claim(tmp_path, "the study's folder")).finished is False


def test_what_somebody_put_into_a_study_stays_and_what_a_kill_left_goes(foreign):
    """Only names that a writer gives to its temporary files, and kept results, are removed."""
    mine = [
        "work/thesis.tex", "work/figures/old.kept", "kept/features/table.csv", "tables/.my-own.csv", "tables/.a-12345678.txt",
        "figures/.draft-2.svg", "steps/.links-old.json", ".report-final.html", ".study-of-mine.json", ".vscode-settings.toml",
    ]  # fmt: skip
    left = [
        f"work/signatures-0123456789abcdef/mri/{'0' * 32}.kept", f"work/gene_score-0/.{'0' * 32}-ab12cd_9.kept",
        "tables/.links-ab12cd_9.parquet", "tables/.gene_links.csv-ab12cd_9.gz", "figures/.roc_mri-_b12cd_9.png",
        "steps/.links-ab12cd_9.json", ".report-ab12cd_9.html",
    ]  # fmt: skip
    for file in mine + left:
        (foreign / file).parent.mkdir(parents=True, exist_ok=True)
        (foreign / file).write_text("x")
    claim_and_sweep(foreign)
    assert [file for file in mine if not (foreign / file).is_file()] == []
    assert [file for file in left if (foreign / file).exists()] == []
    assert {path.name for path in (foreign / "work").iterdir()} == {"thesis.tex", "figures"}


def test_a_demo_is_written_over_no_file_of_somebody_else(tmp_path):
    (tmp_path / "expression.csv").write_text("mine")
    with pytest.raises(InputError, match=r"the demo's folder is .*not empty and is not the folder of a study.*--out"):
        study.write_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["expression.csv"]


def test_a_demo_writes_through_no_link(tmp_path, victim):
    claim(tmp_path / "demo", "the demo's folder")
    (tmp_path / "demo" / "inputs").symlink_to(victim)
    before = state(victim)
    ended = call("demo", "--out", tmp_path / "demo", "--quiet")
    assert (ended.returncode, "inputs is a link to" in ended.stderr) == (2, True)
    assert state(victim) == before


def test_an_archive_is_unpacked_beside_no_other_patient_and_through_no_link(tmp_path, victim):
    places = []
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("1.dcm", name)
        places.append(_own_place(tmp_path / f"{name}.zip", tmp_path / "out"))
    assert places[0] != places[1]
    assert {place.parent for place in places} == {tmp_path / "out" / "dicom"}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dicom").symlink_to(victim)
    with pytest.raises(InputError, match="dicom is a link to"):
        _own_place(tmp_path / "one.zip", tmp_path / "out")


def test_no_address_of_a_manifest_comes_with_its_secrets_into_keys_and_records(tmp_path):
    manifest = tiny_study.write(tmp_path / "inputs")
    raw = tomllib.loads(manifest.read_text())
    raw["sources"]["assays"]["url"] = "https://me:s3cr3t@example.org/a.csv?token=s3cr3t"
    manifest.write_text(tomli_w.dumps(raw))
    read = study.read_manifest(manifest)
    assert read.sources["assays"].origin()[1] == raw["sources"]["assays"]["url"]
    told = read.model_dump(mode="json")["sources"]["assays"]["url"]
    assert told == archives.public_address(raw["sources"]["assays"]["url"]) == "https://example.org/a.csv?token=HIDDEN"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
@pytest.mark.parametrize("place", ["manifest", "lock", "table", "sets"])
def test_what_has_no_end_is_one_line(tmp_path, make, place):
    manifest = tiny_study.write(tmp_path / "inputs")
    named = {"manifest": manifest, "lock": Path(f"{manifest}.lock")}
    path = named.get(place, manifest.parent / {"table": "assays.csv", "sets": "sets.gmt"}.get(place, ""))
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(InputError, match=r"pipe|device"):
        study.gather(manifest)


def test_a_folder_that_may_not_be_written_to_is_checked_all_the_same(tmp_path, caplog):
    """No lock can be written beside a manifest whose name is as long as names may be; root may write into any folder."""
    manifest = tiny_study.write(tmp_path / "inputs")
    raw = tomllib.loads(manifest.read_text())
    raw["sources"]["sets"]["url"] = "https://example.org/sets.gmt"  # only what can be fetched is locked
    manifest.write_text(tomli_w.dumps(raw))
    manifest = manifest.rename(manifest.with_name(f"{'m' * 248}.toml"))
    inputs = study.gather(manifest)
    assert set(inputs.hashes) == set(inputs.manifest.sources)
    assert "nothing tells whether the sources without a hash" in caplog.text
    assert not list(manifest.parent.glob("*.lock"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK('http://x')", "'=HYPERLINK('http://x')"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("=\n1", "'=\n1"),
        *[(text, text) for text in ("-1.5", "+3e-5", "-12%", "-", "+", "P-1", "'=1", "a=b", "", "-.5")],
    ],
)
def test_no_text_of_a_table_is_run_by_a_spreadsheet(tmp_path, text, cell):
    table = pd.DataFrame({text or "x": [text, None], "n": [-1.5, 2]}, index=pd.Index([text, "P2"], name="patient"))
    table["level"] = pd.Categorical([text, None])
    before = table.copy()
    parquet, csv = write_table(table, tmp_path / "t")
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), before, check_categorical=False)
    read = pd.read_csv(csv, dtype=str, keep_default_na=False)
    assert read.columns[1] == (cell or "x")
    assert read.iloc[0].tolist() == [cell, cell, "-1.5", cell]


def test_a_recipe_whose_module_raises_is_one_line_with_its_place(tmp_path, monkeypatch):
    from radiogenomics.signatures import by_path

    class_of_its_own = "class Odd(Exception): pass\nraise Odd('no licence')"
    monkeypatch.syspath_prepend(tmp_path)
    codes = {"raises": class_of_its_own, "divides": "1 / 0", "leaves": "import sys; sys.exit(0)", "typo": "def (:"}
    for name, code in codes.items():
        (tmp_path / f"hostile_{name}.py").write_text(code)
        with pytest.raises(InputError, match=rf"The recipe 'hostile_{name}:Model' cannot be imported \(\w+"):
            by_path(f"hostile_{name}:Model")
    (tmp_path / "hostile_call.py").write_text("def Model(): raise OSError('no key')")
    with pytest.raises(InputError, match=r"does not take these parameters: none \(OSError: no key\)"):
        by_path("hostile_call:Model")


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("data", [b"", b"w", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\xff" * 64])
@pytest.mark.deep
def test_a_file_of_weights_that_is_none_is_one_line(tmp_path, name, data):
    from radiogenomics.features import _weights

    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{name} (cannot be read as weights \(.+\)|holds pickled code)"):
        _weights.read(tmp_path / name)
