"""How long one question to a finished study takes, from the start of the interpreter to the last file.

python benchmarks/query.py DIR "MAPK signaling" TP53 ME1
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import pandas as pd


def ask(folder: str, question: str, out: str) -> dict[str, object]:
    """Time the command in a process of its own: wall clock, and the processor time of the process."""
    command = [sys.executable, "-m", "radiogenomics", "query", folder, question, "--out", out, "--quiet"]
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True)
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return {"question": question, "wall_s": wall, "cpu_s": used}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as out:
        rows = [ask(chosen.folder, question, out) for question in chosen.questions for _ in range(chosen.repeats)]
    table = pd.DataFrame(rows).groupby("question", sort=False)[["wall_s", "cpu_s"]].agg(["min", "median", "max"])
    print(table.round(2).to_string())
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
