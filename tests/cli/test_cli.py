"""The command line: help is quick, mistakes end in one message, own tables become a manifest, a patient becomes numbers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogenomics import simulate
from tests.helpers.command_line import call
from tests.helpers.table_study import write_table_study

OWN = ["--expression", "e.csv", "--clinical", "c.csv", "--outcome", "y"]
COMMANDS = ["run", "check", "fetch", "init", "extract", "keys", "query", "demo"]


def process(*arguments):
    command = [sys.executable, "-m", "radiogenomics", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_names_every_command():
    out = call("--help")
    assert out.returncode == 0
    assert all(command in out.stdout for command in COMMANDS)


def test_a_process_of_its_own_ends_as_a_call_does(tmp_path):
    out = process("check", tmp_path / "nowhere.toml")
    assert (out.returncode, out.stdout, out.stderr) == call("check", tmp_path / "nowhere.toml")


def test_help_loads_nothing_heavy():
    code = "import sys; from radiogenomics import cli; print(sorted({'pandas', 'numpy', 'scipy', 'sklearn', 'rich.progress'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_version():
    import radiogenomics

    assert call("--version").stdout.strip() == radiogenomics.__version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere.toml"], "nowhere.toml: (file) = missing: no such manifest; check the path"),
        (["run", "nowhere.toml", "--out", "x"], "no such manifest"),
        (["extract", "nowhere", "--out", "x", "--seed", "1,2"], "--seed is '1,2'; give three whole numbers x,y,z"),
        (["extract", "nowhere", "--out", "x", "--box", "1:2,3:4"], "--box is '1:2,3:4'; give x0:x1,y0:y1,z0:z1"),
        (["extract", "nowhere", "--out", "x", "--seed", "1,2,3"], "nowhere"),
        (["extract", "nowhere", "--out", "x"], "Give exactly one of a mask file, a seed voxel and a box"),
        (
            ["init", "--features", "f.csv", "--expression", "e.csv", "--clinical", "c.csv", "--outcome", "y"],
            "f.csv: no such file; check the path",
        ),
    ],
)
def test_a_mistake_ends_in_one_message_and_exit_code_2(tmp_path, arguments, message):
    out = call(*arguments, cwd=tmp_path)
    assert out.returncode == 2
    assert message in out.stderr
    assert "Traceback" not in out.stderr + out.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "."], ".: (file) = a folder: give the manifest file, not its folder"),
        (["check", "empty.toml"], "empty.toml: outcome = (absent): required key is missing; add it"),
        (["check", "bytes.toml"], "not text in UTF-8 (byte 128 is no part of it); give a TOML file"),
        (["fetch", "empty.toml/x.toml"], "empty.toml/x.toml: (file) = missing: no such manifest; check the path"),
        (["demo", "--out", "empty.toml"], "the demo's folder is empty.toml, but empty.toml is a file; give a folder"),
        (
            ["demo", "--out", "/proc/demo"],
            "the demo's folder is /proc/demo, which cannot be made (No such file or directory)",
        ),
        (["init", *OWN, "--features", "."], ".: is a folder; give the table's file"),
        (["extract", ".", "--out", "x", "--mask", "m", "--parameters", "no.yaml"], "no.yaml"),
    ],
)
def test_a_path_that_cannot_serve_is_one_message(tmp_path, arguments, message):
    (tmp_path / "empty.toml").touch()
    (tmp_path / "bytes.toml").write_bytes(bytes(range(256)))
    out = call(*arguments, cwd=tmp_path)
    assert out.returncode == 2
    assert message in out.stderr
    assert "Errno" not in out.stderr
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("command", "option"), [("run", "--out"), ("check", "--mirror"), ("init", "--to")])
def test_a_file_in_the_place_of_a_folder_is_one_message(own, command, option):
    manifest = write_table_study(own / "inputs")
    (own / "file").touch()
    place = {"--out": "file/study", "--mirror": "file", "--to": "file/mine.toml"}[option]
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv", "--outcome", "node"]
    arguments = [*tables, "--positive", "positive"] if command == "init" else [manifest]
    out = call(command, *arguments, option, place, cwd=own)
    assert out.returncode == 2
    assert ("no such folder" if option == "--mirror" else "file is a file; give a folder") in out.stderr


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").is_dir(), reason="needs a folder that nobody may write to")
def test_a_place_that_cannot_be_written_to_is_one_message(tmp_path):
    out = call("extract", tmp_path, "--seed", "1,2,3", "--out", "/proc/nowhere")
    assert out.returncode == 2
    assert out.stderr.startswith("Error: ")
    assert "Traceback" not in out.stderr


def test_a_bug_is_no_mistake_of_the_user(tmp_path):
    """A recipe module of the user's stands in for a part of the package that raises what nobody expects."""
    code = (
        "import sys; from radiogenomics import cli, study\n"
        "def broken(*arguments, **named): raise KeyError('planted')\n"
        "study.extract_patient = broken\n"
        "sys.argv = ['radiogenomics', 'extract', 'x', '--out', 'y', *sys.argv[1:]]\n"
        "cli.main()"
    )

    def run(*options):
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-c", code, *options], capture_output=True, text=True, check=False, env=environment
        )

    out = run()
    assert out.returncode == 1
    assert "This is a bug in radiogenomics, not your mistake: KeyError: 'planted'" in out.stderr
    assert "Traceback" not in out.stderr
    (log,) = tmp_path.glob("radiogenomics-bug-*.log")
    assert f"Full log: {log}" in " ".join(out.stderr.split())
    text = log.read_text()
    assert all(fact in text for fact in ("Traceback", "KeyError: 'planted'", "in broken", "extract x --out y", "Python 3."))
    assert "in broken" in run("--verbose").stderr


def test_the_traceback_of_a_mistake_is_shown_where_every_detail_is_asked_for(tmp_path):
    quiet, verbose = call("check", tmp_path / "no.toml"), process("check", tmp_path / "no.toml", "--verbose")
    assert (quiet.returncode, verbose.returncode) == (2, 2)
    assert "ManifestError" not in quiet.stderr
    assert "ManifestError" in verbose.stderr + verbose.stdout


def test_an_unknown_option_is_a_mistake_too():
    out = call("run", "--nonsense")
    assert out.returncode == 2
    assert "Traceback" not in out.stderr


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Tables of one's own."""
    folder, made = tmp_path_factory.mktemp("tables"), simulate.simulate()
    made.features["training"].to_csv(folder / "features.csv")
    made.expression.to_csv(folder / "expression.tsv", sep="\t")
    clinical = made.clinical["training"]
    clinical.assign(node=np.where(clinical["pathologic_n"].str.startswith("N0"), "negative", "positive")).to_csv(
        folder / "clinical.csv"
    )
    return folder


@pytest.fixture
def own(tables, tmp_path):
    """A copy of them, beside which may be written."""
    return shutil.copytree(tables, tmp_path / "own")


def test_init_makes_a_valid_manifest_of_own_tables(own):
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv"]
    out = call("init", *tables, "--outcome", "node", "--positive", "positive", "--to", "mine.toml", cwd=own)
    assert out.returncode == 0, out.stderr
    assert "mine.toml written and checked. Next: radiogenomics run mine.toml --out mine" in out.stdout
    checked = call("check", "mine.toml", cwd=own)
    assert "training: with imaging features: 88" in checked.stdout
    again = call("init", *tables, "--outcome", "node", "--positive", "positive", "--to", "mine.toml", cwd=own)
    assert again.returncode == 2
    assert (
        "mine.toml exists already; choose another name with --to, or remove it, or write over it with --overwrite" in again.stderr
    )
    over = call("init", *tables, "--outcome", "node", "--positive", "positive", "--to", "mine.toml", "--overwrite", cwd=own)
    assert over.returncode == 0, over.stderr


def test_init_asks_what_is_positive(own):
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv"]
    out = call("init", *tables, "--outcome", "node", cwd=own)
    assert out.returncode == 2
    assert "'node' has the values negative, positive; say which are positive with --positive VALUE[,VALUE...]" in out.stderr
    assert "# PROBLEM: 'node' has the values" in (own / "study.toml").read_text()
    wrong = call("init", *tables, "--outcome", "nodes", "--overwrite", cwd=own)
    assert "clinical.csv: no column 'nodes' to predict (did you mean 'node'?); its columns are pathologic_n" in wrong.stderr


def test_fetch_names_every_file_and_its_hash(own):
    manifest = write_table_study(own / "demo")
    out = call("fetch", manifest)
    assert out.returncode == 0, out.stderr
    assert "expression: " in out.stdout
    assert "(sha256 " in out.stdout


def test_quiet_says_nothing(own):
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv"]
    out = call("init", *tables, "--outcome", "node", "--positive", "positive", "--quiet", cwd=own)
    assert (out.returncode, out.stdout, out.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.real
def test_one_patient_from_folder_to_maps_and_overlay(tmp_path, real):
    out = call(
        "extract", real / "mri" / "UCSF-BR-06", "--seed", "66,148,31", "--deep", "googlenet=random", "--out", tmp_path / "patient"
    )
    assert out.returncode == 0, out.stderr
    assert "UCSF-BR-06: 3 phases; features: 1,781 radiomics, 296 kinetics, 1,024 googlenet_random_weights; " in out.stdout
    assert {"pre.nii.gz", "pe1.nii.gz", "ser.nii.gz", "lesion.nii.gz"} <= {
        path.name for path in (tmp_path / "patient" / "images").iterdir()
    }
    tables = {path.stem: pd.read_parquet(path) for path in (tmp_path / "patient" / "tables").glob("features_*.parquet")}
    assert {name: table.shape for name, table in tables.items()} == {
        "features_radiomics": (1, 1781),
        "features_kinetics": (1, 296),
        "features_googlenet_random_weights": (1, 1024),
    }
    assert tables["features_radiomics"].notna().all(axis=None)
    assert list((tmp_path / "patient" / "figures").glob("*.png"))
