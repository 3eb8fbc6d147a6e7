"""The command line in processes of its own: help is quick, mistakes end in one message, the demo runs."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from table_study import write_table_study

from radiogenomics import simulate

COMMANDS = ["run", "check", "fetch", "init", "extract", "query", "demo"]


def cli(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "radiogenomics", *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_help_names_every_command():
    out = cli("--help")
    assert out.returncode == 0
    assert all(command in out.stdout for command in COMMANDS)


def test_help_loads_nothing_heavy():
    code = "import sys; from radiogenomics import cli; print(sorted({'pandas', 'numpy', 'scipy', 'sklearn', 'rich.progress'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_version():
    import radiogenomics

    assert cli("--version").stdout.strip() == radiogenomics.__version__


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
    out = cli(*arguments, cwd=tmp_path)
    assert out.returncode == 2
    assert message in out.stderr
    assert "Traceback" not in out.stderr + out.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_a_mistake_too():
    out = cli("run", "--nonsense")
    assert out.returncode == 2
    assert "Traceback" not in out.stderr


@pytest.fixture
def own(tmp_path):
    """Tables of one's own."""
    made = simulate.simulate()
    made.features["training"].to_csv(tmp_path / "features.csv")
    made.expression.to_csv(tmp_path / "expression.tsv", sep="\t")
    clinical = made.clinical["training"]
    clinical.assign(node=np.where(clinical["pathologic_n"].str.startswith("N0"), "negative", "positive")).to_csv(
        tmp_path / "clinical.csv"
    )
    return tmp_path


def test_init_makes_a_valid_manifest_of_own_tables(own):
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv"]
    out = cli("init", *tables, "--outcome", "node", "--positive", "positive", "--to", "mine.toml", cwd=own)
    assert out.returncode == 0, out.stderr
    assert "mine.toml is written and checked; now: radiogenomics run mine.toml --out mine" in out.stdout
    checked = cli("check", "mine.toml", cwd=own)
    assert "training: with imaging features: 88" in checked.stdout
    again = cli("init", *tables, "--outcome", "node", "--positive", "positive", "--to", "mine.toml", cwd=own)
    assert again.returncode == 2
    assert "mine.toml exists already; choose another name with --to, or remove it" in again.stderr


def test_init_asks_what_is_positive(own):
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv"]
    out = cli("init", *tables, "--outcome", "node", cwd=own)
    assert out.returncode == 2
    assert "'node' has the values negative, positive; say which are positive with --positive VALUE[,VALUE...]" in out.stderr
    wrong = cli("init", *tables, "--outcome", "nodes", cwd=own)
    assert "clinical.csv: no column 'nodes' to predict; its columns are pathologic_n" in wrong.stderr
    assert not (own / "study.toml").exists()


def test_fetch_names_every_file_and_its_hash(own):
    manifest = write_table_study(own / "demo")
    out = cli("fetch", manifest)
    assert out.returncode == 0, out.stderr
    assert "expression: " in out.stdout
    assert "(sha256 " in out.stdout


def test_quiet_says_nothing(own):
    tables = ["--features", "features.csv", "--expression", "expression.tsv", "--clinical", "clinical.csv"]
    out = cli("init", *tables, "--outcome", "node", "--positive", "positive", "--quiet", cwd=own)
    assert (out.returncode, out.stdout, out.stderr) == (0, "", "")


@pytest.mark.real
def test_one_patient_from_folder_to_maps_and_overlay(tmp_path, real):
    out = cli(
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


@pytest.mark.slow
def test_the_demo_runs_from_the_command_line(tmp_path):
    out = cli("demo", "--fast", "--out", tmp_path / "demo")
    assert out.returncode == 0, out.stderr
    steps = [line for line in out.stdout.splitlines() if ": study: " in line]
    assert steps[0].endswith(": study: features")
    assert steps[-1].endswith(": study: report")
    assert "everything in it is simulated" in out.stdout.splitlines()[-1]
    planted = pd.read_csv(tmp_path / "demo" / "tables" / "planted.csv")
    assert planted["ok"].all()
