"""What a gene score looks like as published and as it is, where nothing is to be found and where something is.

    python benchmarks/genescore.py --cohorts 30

Published: the signature is fitted to everyone, genes are chosen by its fitted score, and the score is judged on the same
patients. Honest: signature, gene selection and regression are repeated inside each outer fold. Modules are those planted in
`radiogenomics.simulate`, without looking at the outcome.
"""

import argparse

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from radiogenomics import genescore
from radiogenomics.simulate import MODULE_SIZES, simulate
from radiogenomics.stats import auc

THRESHOLDS = {"min_kme": 0.5, "min_significance": 0.2}
ENDS = np.cumsum(MODULE_SIZES)


def forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=60, min_samples_leaf=3, random_state=seed)


def cohort(seed: int, *, signal: bool) -> tuple[pd.DataFrame, pd.Series, list[str], pd.DataFrame, pd.Series]:
    """Simulate -> imaging and module genes side by side, outcome, imaging columns, kME, module numbers."""
    simulated = simulate(random_state=seed, signal=signal, n_external=10)
    features, expression = simulated.features["training"], simulated.expression.iloc[:, : ENDS[-1]]
    labels = pd.Series(np.repeat(range(1, len(MODULE_SIZES) + 1), MODULE_SIZES), index=expression.columns)
    eigengenes = expression.T.groupby(labels.to_numpy()).mean().T.add_prefix("ME")
    membership = pd.concat([expression, eigengenes], axis=1).corr().loc[expression.columns, eigengenes.columns]
    nodes = simulated.clinical["training"]["pathologic_n"]
    nodes = nodes[nodes != "NX"]
    X = pd.concat([features, expression], axis=1).loc[nodes.index]
    return X, (~nodes.str.startswith("N0")).astype(int), list(features.columns), membership, labels


def published(
    X: pd.DataFrame, y: pd.Series, imaging: list[str], membership: pd.DataFrame, labels: pd.Series, seed: int
) -> pd.Series:
    fitted = pd.Series(forest(seed).fit(X[imaging], y).predict_proba(X[imaging])[:, 1], index=X.index)
    hubs = genescore.hub_genes(membership, X[membership.index], fitted, labels=labels, **THRESHOLDS)
    genes = genescore.intersect({"imaging": hubs})[:20]
    model = genescore.GeneScore(regression="firth").fit(X[genes], y) if genes else None
    return pd.Series(model.decision_function(X[genes]) if model else 0.0, index=X.index)


def honest(
    X: pd.DataFrame, y: pd.Series, imaging: list[str], membership: pd.DataFrame, labels: pd.Series, seed: int
) -> pd.Series:
    # One inner split instead of ten, for a tenth of the time.
    hubs = genescore.HubGenes(
        {"imaging": (forest(seed), imaging)}, membership, labels=labels, n_repeats=1, random_state=seed, **THRESHOLDS
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return pd.Series(cross_val_predict(genescore.GeneScore(hubs), X, y, cv=folds, method="decision_function"), index=X.index)


def judged(seed: int, *, signal: bool) -> list[dict[str, object]]:
    given = cohort(seed, signal=signal)
    rows = []
    for name, score_of in (("published", published), ("honest", honest)):
        score, outcome = score_of(*given, seed), given[1]
        row = {"planted": "signal" if signal else "nothing", "estimate": name, "auc": auc(outcome, score).auc}
        if score.nunique() > 1:
            ratio = genescore.odds_ratio(score, outcome).iloc[0]
            row |= {"odds_ratio": ratio["odds_ratio"], "said": ratio["remark"] != ""}
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=30)
    chosen = parser.parse_args()
    with threadpool_limits(1):
        rows = [row for signal in (False, True) for seed in range(chosen.cohorts) for row in judged(seed, signal=signal)]
    groups = pd.DataFrame(rows).groupby(["planted", "estimate"], sort=False)
    table = groups["auc"].describe(percentiles=[0.05, 0.5, 0.95])[["mean", "5%", "95%"]].add_prefix("AUC ")
    table["median odds ratio per SD"] = groups["odds_ratio"].median()
    table["largest"] = groups["odds_ratio"].max()
    table["remark given"] = groups["said"].apply(lambda said: said.fillna(False).astype(bool).mean())
    print(table.round(2).reset_index().to_markdown(index=False))


if __name__ == "__main__":
    main()
