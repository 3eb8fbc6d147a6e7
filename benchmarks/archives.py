"""Image series from an S3 server on loopback: seconds and memory of `archives.idc.fetch` against a bare copy with s5cmd.

    python benchmarks/archives.py [--series 200] [--mb 5] [--repeats 3]

The server (moto) and the copies share the machine; copies take turns, and the fastest of each counts. s5cmd copies the bucket in
one command, and series by series as the lists of the archive ask. Exit code 1 where ours takes more than 1.5 times as long as the
former, or its process (without s5cmd and the server) more than 300 MB.
"""

import argparse
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.helpers.image_archive import BUCKET, put, s3_server

MOST_TIMES = 1.5
MOST_MB = 300
IMAGES = 5


def serve(n_series: int, size_mb: float) -> None:
    """Fill a server, say its port, and serve until the other side goes."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_server() as port:
        for i in range(n_series):
            for j in range(IMAGES):
                put(port, f"/{BUCKET}/bench-{i:04d}/{j}.dcm", os.urandom(int(size_mb * 1e6 / IMAGES)))
        print(port, flush=True)
        sys.stdin.read()


def fetch(port: int, n_series: int, size_mb: float, folder: Path) -> None:
    """Fetch every series as a study does -> seconds and the peak of this process in MB, as JSON on the last line."""
    from radiogenomics.archives import idc

    table = pd.DataFrame(
        {
            "series": [f"1.2.826.0.1.{i + 1}" for i in range(n_series)],
            "images": IMAGES,
            "size_mb": size_mb,
            "licence": "CC0",
            "address": [f"s3://{BUCKET}/bench-{i:04d}/*" for i in range(n_series)],
        }
    )
    started = time.perf_counter()
    idc.fetch(table, folder, endpoint=f"http://127.0.0.1:{port}")
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def bare(port: int, folder: Path, commands: list[str]) -> float:
    """Copy with s5cmd alone -> seconds."""
    tool = shutil.which("s5cmd", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))
    how = [tool, "--no-sign-request", "--numworkers", "16", "--endpoint-url", f"http://127.0.0.1:{port}", "run"]
    started = time.perf_counter()
    subprocess.run(how, input="\n".join(commands), text=True, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--mb", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    size = [str(chosen.series), str(chosen.mb)]
    own = [sys.executable, __file__]
    server = subprocess.Popen([*own, "serve", *size], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        ours, theirs, listed, peaks = [], [], [], []
        series = [f"cp s3://{BUCKET}/bench-{i:04d}/* {i:04d}/" for i in range(chosen.series)]
        for _ in range(chosen.repeats):
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(bare(port, Path(folder), [f"cp s3://{BUCKET}/bench-* ."]))
            with tempfile.TemporaryDirectory() as folder:
                listed.append(bare(port, Path(folder), series))
            with tempfile.TemporaryDirectory() as folder:
                said = subprocess.run([*own, "fetch", str(port), *size, folder], check=True, capture_output=True, text=True)
                found = json.loads(said.stdout.splitlines()[-1])
                ours.append(found["seconds"])
                peaks.append(found["mb"])
    finally:
        server.stdin.close()
        server.wait()
    times, peak = min(ours) / min(theirs), max(peaks)
    what = f"{chosen.series} series of {chosen.mb:g} MB"
    print(f"{what}: s5cmd {min(theirs):.1f} s, ours {min(ours):.1f} s, {times:.2f} times; {peak:.0f} MB")
    print(f"the same series as a list (.s5cmd) gives them: s5cmd {min(listed):.1f} s, {min(ours) / min(listed):.2f} times")
    return int(times > MOST_TIMES or peak > MOST_MB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), float(sys.argv[3]))
    elif sys.argv[1:2] == ["fetch"]:
        fetch(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
    else:
        raise SystemExit(main())
