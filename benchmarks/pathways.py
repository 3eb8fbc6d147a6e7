"""Pathway scores against gseapy on one machine: wall time and largest difference.

python benchmarks/pathways.py                                  simulated, 956 patients x 1,558 genes x 88 sets
python benchmarks/pathways.py EXPRESSION.csv.gz SETS.gmt       your own genes x patients table and gene sets
python benchmarks/pathways.py --genome-wide                    ours alone, 956 patients x 20,000 genes x 186 sets, and peak memory
"""

import argparse
import resource
import time
from pathlib import Path

import gseapy
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from radiogenomics import pathways


def simulated(n_genes: int = 1558, n_sets: int = 88, largest: int = 60) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    rng = np.random.default_rng(0)
    genes = [f"G{number}" for number in range(n_genes)]
    index = pd.Index([f"P{number}" for number in range(956)], name="patient")
    expression = pd.DataFrame(rng.normal(size=(956, n_genes)), index=index, columns=genes)
    sets = {f"SET{number}": list(rng.choice(genes, rng.integers(10, largest), replace=False)) for number in range(n_sets)}
    return expression, sets


def given(expression: Path, sets: Path) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    table = pd.read_csv(expression, index_col=0).T.rename_axis("patient").dropna(axis=1).clip(-4, 4)
    table = table.loc[:, table.max() > table.min()]
    return table, pathways.restrict_to_genes(pathways.read_gmt(sets), table.columns)


def timed(function, *arguments, **options):
    start = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - start


def compare(expression: pd.DataFrame, sets: dict[str, list[str]]) -> pd.DataFrame:
    pathways.score(expression.iloc[:5], sets, min_size=1)  # compile
    ours, our_wall = timed(pathways.score, expression, sets, min_size=1)
    # Among genes of equal density gseapy takes the last row first, R and we the first: its table is turned round.
    theirs, their_wall = timed(gseapy.gsva, expression.T.iloc[::-1], sets, min_size=1, max_size=100_000, threads=2)
    theirs = theirs.res2d.pivot_table(index="Name", columns="Term", values="ES").astype(float)
    difference = np.abs(ours - theirs.loc[ours.index, ours.columns]).to_numpy().max()
    rows = [
        {
            "method": "gsva, gaussian",
            "ours_s": our_wall,
            "gseapy_s": their_wall,
            "ratio": their_wall / our_wall,
            "difference": difference,
        }
    ]
    for method in ("ssgsea", "zscore", "plage"):
        rows.append({"method": method, "ours_s": timed(pathways.score, expression, sets, method=method, min_size=1)[1]})
    return pd.DataFrame(rows)


def genome_wide() -> pd.DataFrame:
    expression, sets = simulated(n_genes=20_000, n_sets=186, largest=250)
    pathways.score(expression.iloc[:5], sets)  # compile
    rows = []
    for method in ("zscore", "plage", "ssgsea", "gsva"):
        start = time.process_time()
        wall = timed(pathways.score, expression, sets, method=method)[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows.append({"method": method, "wall_s": wall, "processor_s": time.process_time() - start, "peak_gb_so_far": peak})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expression", type=Path, nargs="?")
    parser.add_argument("sets", type=Path, nargs="?")
    parser.add_argument("--genome-wide", action="store_true")
    chosen = parser.parse_args()
    if chosen.genome_wide:
        with threadpool_limits(1):
            print(genome_wide().to_markdown(index=False, floatfmt=".3g"))
        return
    expression, sets = given(chosen.expression, chosen.sets) if chosen.expression else simulated()
    print(f"{expression.shape[0]} patients x {expression.shape[1]} genes x {len(sets)} sets; ours on one thread, gseapy on two")
    with threadpool_limits(1):
        print(compare(expression, sets).to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    main()
