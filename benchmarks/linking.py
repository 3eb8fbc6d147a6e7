"""How fast the permutation null is, how often planted links are found, and how often links are found that are not there.

python benchmarks/linking.py speed          10,000 permutations of 1,781 features x 32 modules over 88 patients
python benchmarks/linking.py power          planted and noise cohorts of `radiogenomics.simulate`, 200 each
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from radiogenomics import linking
from radiogenomics.simulate import LINKED, MODULE_SIZES, simulate


def random_table(rng: np.random.Generator, n: int, columns: int, name: str) -> pd.DataFrame:
    index = pd.Index([f"P{number:03d}" for number in range(n)], name="patient")
    return pd.DataFrame(rng.normal(size=(n, columns)), index=index, columns=[f"{name}{number}" for number in range(columns)])


def speed(n_permutations: int) -> pd.DataFrame:
    """Time `correlate` with its null, by method and family; one thread."""
    rng = np.random.default_rng(0)
    left, right = random_table(rng, 88, 1781, "feature"), random_table(rng, 88, 32, "ME")
    covariates = random_table(rng, 88, 2, "covariate")
    linking.correlate(left.iloc[:, :40], right, n_permutations=10)  # compile
    rows = []
    for method, family in [("pearson", "all"), ("pearson", "feature"), ("spearman", "all"), ("partial", "all")]:
        adjusted = {"covariates": covariates} if method == "partial" else {}
        start, used = time.perf_counter(), time.process_time()
        linking.correlate(left, right, method=method, family=family, n_permutations=n_permutations, **adjusted)
        wall, cpu = time.perf_counter() - start, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows.append({"method": method, "family": family, "wall_s": wall, "cpu_s": cpu, "peak_gb": peak})
    return pd.DataFrame(rows).round(2)


def eigengenes(expression: pd.DataFrame) -> pd.DataFrame:
    """Mean z-score of each planted module's genes: what a module's eigengene is when every gene follows it."""
    z = (expression - expression.mean()) / expression.std()
    ends = np.cumsum(MODULE_SIZES)
    parts = {
        f"ME{label}": z.iloc[:, end - size : end]
        for label, (size, end) in enumerate(zip(MODULE_SIZES, ends, strict=True), start=1)
    }
    return pd.DataFrame({name: part.mean(axis=1) for name, part in parts.items()})


def is_planted(links: pd.DataFrame) -> np.ndarray:
    wanted = {(f"ME{module}", follows) for module, follows in LINKED.items()}
    kinds = links["feature"].str.split("_").str[0]
    return np.array([pair in wanted for pair in zip(links["target"], kinds, strict=True)])


def cohort(seed: int, *, signal: bool) -> dict[str, float]:
    """Link one simulated cohort -> found, planted, false discovery proportion."""
    simulated = simulate(random_state=seed, signal=signal, n_external=10)
    features = simulated.features["training"]
    # Volume follows size and a little heterogeneity: neither a planted nor a false link.
    features = features.loc[:, ~features.columns.str.contains("volume", case=False)]
    links = linking.correlate(features, eigengenes(simulated.expression), n_permutations=0)
    found, planted = links["q"].to_numpy() < 0.05, is_planted(links)
    true = planted if signal else np.zeros_like(planted)
    return {
        "found": int(found.sum()),
        "power": float(found[true].mean()) if signal else np.nan,
        "modules_found": float(links[found & true]["target"].nunique() / len(LINKED)) if signal else np.nan,
        "fdp": float((found & ~true).sum() / max(found.sum(), 1)),
        "any": float((found & ~true).any()),
    }


def power(n_cohorts: int) -> pd.DataFrame:
    """Summarise planted and noise cohorts; the interval of the noise cohorts' false discovery proportion is exact binomial."""
    rows = []
    for signal in (True, False):
        cohorts = pd.DataFrame([cohort(seed, signal=signal) for seed in range(n_cohorts)])
        half = 1.96 * cohorts["fdp"].std() / np.sqrt(n_cohorts)
        low, high = cohorts["fdp"].mean() - half, cohorts["fdp"].mean() + half
        if not signal:  # every link found in noise is false: the proportion is 0 or 1
            interval = binomtest(int(cohorts["any"].sum()), n_cohorts).proportion_ci()
            low, high = interval.low, interval.high
        row = {"cohorts": n_cohorts, "links_found": cohorts["found"].mean(), "power": cohorts["power"].mean()}
        row |= {"modules_found": cohorts["modules_found"].mean(), "fdp": cohorts["fdp"].mean(), "fdp_low": low, "fdp_high": high}
        rows.append({"planted": "links" if signal else "nothing", **row})
    return pd.DataFrame(rows).round(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "power"])
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--cohorts", type=int, default=200)
    chosen = parser.parse_args()
    table = speed(chosen.permutations) if chosen.what == "speed" else power(chosen.cohorts)
    print(table.to_markdown(index=False))


if __name__ == "__main__":
    main()
