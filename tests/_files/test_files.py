"""Files are written whole or not at all."""

import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from radiogenomics._files import atomic, read_table, sha256, write_table, write_text


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic(path) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom radiogenomics._files import atomic\n"
        f"with atomic(Path({str(path)!r})) as t:\n    t.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_table_is_written_twice_and_read_back(tmp_path):
    table = pd.DataFrame({"x": [0.1, np.nan]}, index=pd.Index(["p1", "p2"], name="patient"))
    parquet, csv = write_table(table, tmp_path / "tables" / "features_v1.2")
    assert (parquet.name, csv.name) == ("features_v1.2.parquet", "features_v1.2.csv")
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), table)
    assert csv.read_text() == "patient,x\np1,0.1\np2,\n"
    assert read_table(csv, missing=("",)).columns.tolist() == ["patient", "x"]
    assert read_table(parquet, missing=()).columns.tolist() == ["patient", "x"]


def test_a_table_beyond_two_million_values_is_gzipped_to_the_same_bytes_each_time(tmp_path):
    table = pd.DataFrame(np.zeros((2_001, 1_000), dtype=int), columns=[f"c{number}" for number in range(1_000)])
    first, second = (write_table(table, tmp_path / place / "large")[1] for place in ("a", "b"))
    assert first.name == "large.csv.gz"
    assert first.read_bytes() == second.read_bytes()
    assert pd.read_csv(first).equals(table)
    assert write_table(table.iloc[1:], tmp_path / "a" / "small")[1].name == "small.csv"


def test_sha256_is_that_of_the_standard(tmp_path):
    write_text(tmp_path / "abc", "abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b""), ("a.csv.gz", b"no gzip"), ("a.parquet", b"PAR1x"), ("a.csv", b"a\n\xff\xfe\n")]
)
def test_what_is_no_table_is_said_to_be_none(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: cannot be read as a table"):
        read_table(tmp_path / name, missing=())


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        read_table(tmp_path / "nowhere.csv", missing=())


def test_columns_given_twice_are_refused_and_not_renamed(tmp_path):
    (tmp_path / "a.csv").write_text("gene,P1,P2,P2\nA,1,2,3\n")
    with pytest.raises(ValueError, match=r"a\.csv: cannot be read as a table \(column\(s\) P2 appear more than once"):
        read_table(tmp_path / "a.csv", missing=())


def test_identifiers_keep_their_zeros(tmp_path):
    (tmp_path / "a.csv").write_text("id,x\n001,1.5\n")
    table = read_table(tmp_path / "a.csv", missing=(), text=False)
    assert table.iloc[0].tolist() == ["001", 1.5]
