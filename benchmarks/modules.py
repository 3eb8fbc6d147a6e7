"""Wall time and peak memory of the modules room beside R's WGCNA and PyWGCNA, on the same matrix in one run.

    python benchmarks/modules.py                    native, PyWGCNA and R (each where it is installed) on 88 x 11,687
    python benchmarks/modules.py --scaling          the native engine on 1,000 to 12,000 genes
    python benchmarks/modules.py --genome COUNTS    20,124 genes of real counts in blocks

Each run is a process of its own. The clock runs around the call alone, after a warm-up on a few genes; peak memory is the
whole process's.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve()
REFERENCE = HERE.parents[2] / "shared" / "reference" / "wgcna"
R_CODE = """
suppressMessages(library(WGCNA)); enableWGCNAThreads({threads}); options(stringsAsFactors = FALSE)
X <- as.matrix(read.csv("{path}", row.names = 1))
t <- system.time(v <- {call})["elapsed"]
{labels}
cat("RESULT", t, "\\n")
"""
R_FIND = (
    "blockwiseModules(X, power = 6, maxBlockSize = 20000, networkType = 'unsigned', TOMType = 'unsigned', minModuleSize = 60, "
    "deepSplit = 3, mergeCutHeight = .25, numericLabels = TRUE, nThreads = {threads}, verbose = 0)"
)
R_PICK = "pickSoftThreshold(X, powerVector = c(1:10, seq(12, 20, 2)), networkType = 'unsigned', verbose = 0)"


def main():
    """Read the arguments, run, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expression", type=Path, default=REFERENCE / "expr_88x11687.csv", help="samples x genes, CSV")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--genome", type=Path, help="genes x samples counts, CSV")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print("RESULT " + json.dumps(CHILDREN[options.child](options.expression)))
    elif options.scaling:
        scaling()
    elif options.genome:
        rows = [{"run": "20,124 genes, blocks of at most 20,000", **python_run("genome", options.genome)}]
        rows.append({"run": "20,124 genes, blocks of at most 10,000", **python_run("genome_in_blocks", options.genome)})
        table(rows)
    else:
        compare(options.expression)


def compare(path):
    """Run every engine on one matrix and print times, memory and ratios."""
    rows = [{"run": "find_modules, native", **python_run("native", path)}]
    rows.append({"run": "pick_soft_threshold, 15 powers", **python_run("pick", path)})
    if r_has_wgcna():
        rows.append({"run": "R blockwiseModules", **r_run(R_FIND, path, labels=True)})
        rows.append({"run": "R pickSoftThreshold, 15 powers", **r_run(R_PICK, path)})
    rows.append({"run": "find_modules, PyWGCNA", **python_run("pywgcna", path)})
    table(rows)
    found = {row["run"]: row for row in rows}
    ours = found["find_modules, native"]
    for other, mine in (
        ("R blockwiseModules", ours),
        ("find_modules, PyWGCNA", ours),
        ("R pickSoftThreshold, 15 powers", rows[1]),
    ):
        if other in found:
            wall, peak = mine["seconds"] / found[other]["seconds"], mine["peak_gb"] / found[other]["peak_gb"]
            print(f"\n{mine['run']} against {other}: {wall:.2f} x its wall, {peak:.2f} x its peak memory.")


def scaling():
    """Show how the native engine grows with the number of genes."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in (1000, 2000, 4000, 8000, 12000):
            path = Path(folder) / f"{n}.csv"
            simulated(n).to_csv(path)
            rows.append({"run": f"find_modules, {n} genes", **python_run("native", path)})
    table(rows)


def simulated(n_genes, n_patients=88):
    """Plant twelve modules of different sizes in noise."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_patients, 12))
    module = rng.choice(13, size=n_genes, p=np.r_[np.arange(12, 0, -1) * 0.6 / 78, 0.4])
    signal = np.where(module < 12, rng.uniform(0.4, 0.95, n_genes), 0.0)
    values = signal * factors[:, module % 12] + np.sqrt(1 - signal**2) * rng.normal(size=(n_patients, n_genes))
    patients = pd.Index([f"P{i:03d}" for i in range(n_patients)], name="patient")
    return pd.DataFrame(8 + values.round(5), index=patients, columns=[f"G{i:05d}" for i in range(n_genes)])


def read(path):
    """Read samples x genes as a patient table."""
    return pd.read_csv(path, index_col=0).rename_axis("patient")


def timed(call, warm):
    """Time one call after a warm-up."""
    warm()
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def child_native(path):
    """Time the native engine; both precisions warm up, so that compilation is not measured."""
    from radiogenomics.modules import find_modules

    expression, tiny, small = read(path), simulated(300), simulated(5100, 20)
    found, seconds = timed(
        lambda: find_modules(expression, power=6),
        lambda: (find_modules(tiny, power=2, min_size=10), find_modules(small, power=6)),
    )
    return {"seconds": seconds, **against_reference(found, path)}


def child_pywgcna(path):
    """Time the PyWGCNA engine."""
    from radiogenomics.modules import find_modules

    expression, tiny = read(path), simulated(300)
    found, seconds = timed(
        lambda: find_modules(expression, power=6, engine="pywgcna"),
        lambda: find_modules(tiny, power=2, min_size=10, engine="pywgcna"),
    )
    return {"seconds": seconds, **against_reference(found, path)}


def child_pick(path):
    """Time the soft threshold."""
    from radiogenomics.modules import pick_soft_threshold

    expression, tiny = read(path), simulated(300)
    _, seconds = timed(lambda: pick_soft_threshold(expression), lambda: pick_soft_threshold(tiny, r2_cut=0.0))
    return {"seconds": seconds}


def child_genome(path, max_block_size=20000):
    """Time the whole genome in blocks: log2 of counts per million, genes that vary."""
    from radiogenomics.modules import find_modules

    counts = pd.read_csv(path, index_col=0).T.rename_axis("patient")
    expression = np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)
    expression = expression.loc[:, ~expression.columns.duplicated()]
    found, seconds = timed(
        lambda: find_modules(expression, power=6, max_block_size=max_block_size),
        lambda: find_modules(simulated(300), power=2, min_size=10),
    )
    return {"seconds": seconds, "modules": int(found.labels.max()), "blocks": len(found.trees), "genes": len(found.labels)}


def against_reference(found, path):
    """Compare labels with R's where R's are known."""
    result = {"modules": int(found.labels.max())}
    reference = path.parent / "big_blockwise_labels.csv"
    if path.name == "expr_88x11687.csv" and reference.exists():
        from sklearn.metrics import adjusted_rand_score

        result["ari_to_r"] = float(adjusted_rand_score(pd.read_csv(reference)["label"], found.labels))
    return result


CHILDREN = {
    "native": child_native,
    "pywgcna": child_pywgcna,
    "pick": child_pick,
    "genome": child_genome,
    "genome_in_blocks": lambda path: child_genome(path, 10000),
}


def python_run(kind, path):
    """Run one child -> its result and its peak memory."""
    command = [sys.executable, "-W", "ignore", str(HERE), "--child", kind, "--expression", str(path)]
    return finished(command, {**os.environ, "PYTHONPATH": str(HERE.parents[1])})


def r_has_wgcna():
    """Say whether Rscript finds WGCNA."""
    probe = ["Rscript", "-e", "quit(status = !requireNamespace('WGCNA', quietly = TRUE))"]
    return shutil.which("Rscript") is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0


def r_run(call, path, labels=False):
    """Run one R call -> its seconds and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "labels.csv"
        keep = f'write.csv(data.frame(label = v$colors), "{out}", row.names = FALSE)' if labels else ""
        code = R_CODE.format(threads=os.cpu_count(), path=path, call=call.format(threads=os.cpu_count()), labels=keep)
        script = Path(folder) / "run.R"
        script.write_text(code)
        result = finished(["Rscript", str(script)], dict(os.environ))
        if labels:
            result["modules"] = int(pd.read_csv(out)["label"].max())
    return result


def finished(command, environment):
    """Run a process to its end -> what it reported, with its peak memory in GB."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        lines = out.read().splitlines()
    if status:
        raise SystemExit("\n".join(lines[-20:]))
    report = next(line for line in reversed(lines) if line.startswith("RESULT")).removeprefix("RESULT ")
    result = json.loads(report) if report.startswith("{") else {"seconds": float(report)}
    return {**result, "peak_gb": usage.ru_maxrss * 1024 / 1e9}


def table(rows):
    """Print rows as Markdown."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        cells = [row.get(name, "") for name in columns]
        print("| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |")


if __name__ == "__main__":
    main()
