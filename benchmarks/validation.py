"""Time the validation of signatures, and show on pure noise that the honest estimate is honest.

    python benchmarks/validation.py speed                 the two timings of docs/validation.md
    python benchmarks/validation.py noise --seeds 100     coverage on noise: docs/validation_noise.csv and .svg
    python benchmarks/validation.py interval --seeds 100  area and interval of the nested row against pooled scores, by simulation

Each seed's result is kept in the folder given by --keep, so that an interrupted run goes on where it stopped.
"""

import argparse
import time
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from radiogenomics import signatures, stats, validation
from radiogenomics.study.manifest import schema as sections
from radiogenomics.study.steps import recipes

N, P = 88, 1781
FUSED = 100  # features of the fusion, whose signature is fitted six times in every fold
CLINICAL = ["age", "er", "stage"]
RECIPES = ["forest", "lasso", "fusion", "clinical"]
DOCS = Path(__file__).resolve().parents[1] / "docs"


def noise(seed):
    """88 patients with 1,781 features that know nothing of 42 events."""
    rng = np.random.default_rng(seed)
    patients = pd.Index([f"P{i:03d}" for i in range(N)], name="patient")
    outcome = pd.Series(rng.permutation(np.arange(N) < 42).astype(int), index=patients, name="node")
    return pd.DataFrame(rng.normal(size=(N, P)), index=patients).add_prefix("feature_"), outcome


def timed(label, *, n_jobs, **options):
    features, outcome = noise(0)
    quick = signatures.published(choose_by="out_of_bag")
    start = time.perf_counter()
    judged = validation.evaluate(
        signatures.published(), features, outcome, random_state=0, permutation_recipe=quick, n_jobs=n_jobs, **options
    )
    print(f"| {label} | {time.perf_counter() - start:.0f} s |", flush=True)
    return judged


def speed(arguments):
    features, outcome = noise(0)
    for recipe in (signatures.published(n_trees=2), signatures.published(n_trees=2, choose_by="out_of_bag")):
        recipe.fit(features, outcome)  # compiles, or loads what was compiled
    print(f"| {N} x {P}, 100 trees, 5 sizes, {arguments.jobs} processes | time |\n|---|---|")
    timed("nested 5 x 5, 10 repeats", n_jobs=arguments.jobs, n_boot_optimism=0)
    # Permutations alone cannot be asked for; one repeat stands for the rest.
    timed("nested 5 x 5, 1 repeat", n_jobs=arguments.jobs, n_boot_optimism=0, n_repeats=1)
    timed("the same and 200 permutations", n_jobs=arguments.jobs, n_boot_optimism=0, n_repeats=1, n_permutations=200)


def with_clinical(features, seed):
    """Add an age, a receptor status and a stage that know nothing of the events either, as a study hands them over."""
    rng = np.random.default_rng([seed, 1])
    status = pd.Categorical(rng.choice(["negative", "positive"], N, p=[0.25, 0.75]), categories=["negative", "positive"])
    return features.iloc[:, :FUSED].assign(age=rng.normal(58, 13, N), er=status, stage=rng.integers(1, 4, N).astype(float))


def fused(features, clinical):
    """Build the fusion as a study does whose manifest keeps to the defaults, but for one size instead of three."""
    manifest = SimpleNamespace(signature=sections.Signature(sizes=[10]), fusion=sections.FusionSettings(clinical=clinical))
    plan = SimpleNamespace(inputs=SimpleNamespace(manifest=manifest), seed=lambda name: 0)
    return recipes.fusion(plan, {"radiomics": list(features)} if len(features) else {})


def to_judge(name, seed):
    """Give a recipe with the columns it reads, the outcome, and lesion volume beside the first."""
    features, outcome = noise(seed)
    clinical = with_clinical(features, seed)
    recipe, table = {
        "forest": lambda: (signatures.published(), features),
        "lasso": lambda: (signatures.lasso(), features),
        "fusion": lambda: (fused(clinical.columns[:FUSED], CLINICAL), clinical),
        "clinical": lambda: (fused([], CLINICAL), clinical[CLINICAL]),
    }[name]()
    return recipe, table, outcome, features["feature_0"] if name == "forest" else None


def judge_noise(name, seed, arguments):
    """Judge one recipe on the noise of one seed, or read what was kept -> its table, and its nested scores."""
    kept = [Path(arguments.keep) / f"{name}-{arguments.repeats}-{seed}-{what}.csv" for what in ("table", "scores")]
    if not all(path.exists() for path in kept):
        recipe, table, outcome, volume = to_judge(name, seed)
        judged = validation.evaluate(
            recipe,
            table,
            outcome,
            signature=name,
            random_state=seed,
            n_repeats=arguments.repeats,
            n_boot_optimism=0,
            n_jobs=arguments.jobs,
            volume=volume,
        )
        kept[0].parent.mkdir(parents=True, exist_ok=True)
        for path, made in zip(kept, (judged.table, judged.scores.query("estimate == 'nested'")), strict=True):
            made.assign(seed=seed).to_csv(path, index=False)
    return tuple(map(pd.read_csv, kept))


def found_different(table, scores):
    """Count how often two recipes that know nothing are found to differ, by DeLong's test as it is and by the study's."""
    rows = []
    for seed, part in scores.groupby("seed"):
        compared = validation.compare(part, table[table["seed"] == seed])
        wide = part.pivot_table(index="patient", columns="signature", values="score", sort=False)
        outcome = part.drop_duplicates("patient").set_index("patient")["outcome"].loc[wide.index]
        plain = [stats.delong_test(outcome, wide[one], wide[two]).p for one, two in combinations(wide.columns, 2)]
        rows.append(compared.assign(delong=plain)[["first", "second", "delong", "p", "nri_p", "idi_p"]])
    whole = pd.concat(rows).set_index(["first", "second"])
    return (whole < 0.05).groupby(level=[0, 1], sort=False).mean().round(3)


def coverage(table):
    table = table.assign(covers=(table["auc_low"] <= 0.5) & (table["auc_high"] >= 0.5))
    groups = table.groupby(["signature", "estimate"], sort=False)
    shown = groups["auc"].agg(["size", "mean", "median", "std"]).rename(columns={"size": "seeds"})
    sides = [table["auc_high"] < 0.5, table["auc_low"] > 0.5]
    by = [table["signature"], table["estimate"]]
    below, above = (side.groupby(by, sort=False).mean() for side in sides)
    return shown.assign(covers_half=groups["covers"].mean(), below=below, above=above).round(3)


def draw(table, path):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = list(table.groupby(["signature", "estimate"], sort=False))
    figure, ax = plt.subplots(figsize=(7, 0.6 * len(rows) + 1.2), layout="constrained")
    rng = np.random.default_rng(0)
    for place, (_, part) in enumerate(rows):
        ax.scatter(part["auc"], place + rng.uniform(-0.25, 0.25, len(part)), s=8, alpha=0.6, linewidths=0)
        ax.plot([part["auc"].mean()] * 2, [place - 0.35, place + 0.35], color="black", linewidth=1.5)
    ax.axvline(0.5, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(rows)), [": ".join(name) for name, _ in rows])
    ax.invert_yaxis()
    ax.set(xlabel="area under the ROC curve", title=f"Pure noise (simulated), {table['seed'].nunique()} seeds, {N} patients")
    figure.savefig(path, metadata={"Date": None})


def run_noise(arguments):
    made = []
    for seed in range(arguments.seeds):
        start = time.perf_counter()
        made += [judge_noise(name, seed, arguments) for name in arguments.recipes]
        print(f"seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
    table, scores = (pd.concat(parts, ignore_index=True) for parts in zip(*made, strict=True))
    if set(arguments.recipes) == set(RECIPES):
        columns = ["seed", "signature", "estimate", "auc", "auc_low", "auc_high"]
        table[columns].round(4).to_csv(DOCS / "validation_noise.csv", index=False, lineterminator="\n")
        draw(table, DOCS / "validation_noise.svg")
    print(coverage(table).to_string())
    if len(arguments.recipes) > 1:
        print(found_different(table, scores).to_string())


def ridge(train, outcome, test):
    """Ridge regression on z-scores: every feature learns a little, as noise teaches it."""
    mean, sd = train.mean(axis=0), train.std(axis=0)
    train, test = (train - mean) / sd, (test - mean) / sd
    kernel = train @ train.T / train.shape[1] + np.eye(len(train))
    return test @ train.T / train.shape[1] @ np.linalg.solve(kernel, outcome - outcome.mean())


def logistic(train, outcome, test):
    scale = StandardScaler().fit(train)
    return LogisticRegression(C=np.inf).fit(scale.transform(train), outcome).predict_proba(scale.transform(test))[:, 1]


def stacked(train, outcome, test):
    """Logistic regression on the out-of-fold score of all columns but the last two, and those two."""
    inner = np.empty(len(train))
    for known, left in StratifiedKFold(5, shuffle=True, random_state=0).split(train, outcome):
        inner[left] = ridge(train[known, :-2], outcome[known], train[left, :-2])
    score = ridge(train[:, :-2], outcome, test[:, :-2])
    return logistic(np.column_stack([inner, train[:, -2:]]), outcome, np.column_stack([score, test[:, -2:]]))


def repeated(fit, n_features, binary, signal, seed):
    """Ten repeats of five folds on simulated patients -> pooled area, its two standard errors, area within folds."""
    rng = np.random.default_rng(seed)
    outcome = rng.permutation(np.arange(N) < 42).astype(int)
    features = rng.normal(size=(N, n_features))
    features[:, :20] += signal * outcome[:, None]
    if binary:  # the last column, such as a receptor status, knows nothing in any row
        features[:, -1] = rng.random(N) < 0.75
    scores, folds = np.empty((10, N)), np.empty((10, N), dtype=int)
    for repeat, row in enumerate(scores):
        splits = StratifiedKFold(5, shuffle=True, random_state=repeat).split(features, outcome)
        for fold, (train, test) in enumerate(splits):
            row[test], folds[repeat, test] = fit(features[train], outcome[train], features[test]), fold
    plain, ours = stats.auc(outcome, scores.mean(axis=0)), validation.cross_validated_auc(outcome, scores, folds)
    return plain.auc, plain.se, ours.se, ours.auc


def interval(arguments):
    heads = ["model", "pooled AUC", "SD", "AUC within folds", "SD", "DeLong's SE", "widened SE"]
    heads += ["pooled, DeLong's", "pooled, widened", "within folds, widened"]
    print("|", " | ".join(heads), "|\n" + "|---" * len(heads) + "|")
    settings = [
        ("ridge, 1781 features", ridge, P, False, (0.0, 0.5, 1.0)),
        ("logistic, 5 features", logistic, 5, False, (0.0, 0.3, 0.6)),
        ("logistic, 1 feature", logistic, 1, False, (0.0, 0.5, 1.0)),
        ("clinical: a number, a status", logistic, 2, True, (0.0, 0.5, 1.0)),
        ("fusion: 100 features, the same two", stacked, 102, True, (0.0, 0.3, 0.6)),
    ]
    for name, fit, n_features, binary, signals in settings:
        for signal in signals:
            found = [repeated(fit, n_features, binary, signal, seed) for seed in range(arguments.seeds)]
            pooled, delong, widened, within = np.array(found).T
            # Noise must cover one half; with a signal, the mean over seeds of areas of patients left out stands for the truth.
            truth = 0.5 if signal == 0 else within.mean()
            judged = ((pooled, delong), (pooled, widened), (within, widened))
            shares = [(np.abs(areas - truth) <= 1.96 * se).mean() for areas, se in judged]
            numbers = [pooled.mean(), pooled.std(), within.mean(), within.std(), delong.mean(), widened.mean(), *shares]
            print(f"| {name}, shift {signal} |", " | ".join(f"{one:.3f}" for one in numbers), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "noise", "interval"])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES, help="of the noise: the figure needs all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", default="noise-kept")
    arguments = parser.parse_args()
    {"speed": speed, "noise": run_noise, "interval": interval}[arguments.what](arguments)


if __name__ == "__main__":
    main()
