"""Where the arms meet, step by step: links with their null, the gene score, and what was planted against what was found."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
from scipy.special import logit
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from radiogenomics import genescore, linking, validation
from radiogenomics.study.engine.context import Plan
from radiogenomics.study.engine.store import Step, Store
from radiogenomics.study.steps import adjusted_links as adjustment
from radiogenomics.study.steps import calibration as calibrated
from radiogenomics.study.steps import clinical_links as clinical
from radiogenomics.study.steps import comparisons, survival
from radiogenomics.study.steps.recipes import recipe
from radiogenomics.study.steps.signatures import scores_of, training_features

_NEAREST = 1e-12
"""How near to 0 and 1 a score comes before its log odds are taken: scores are kept to twelve decimals."""


def steps(plan: Plan) -> list[Step]:
    """List the joint steps in their order; the planted truth only in a simulated study."""
    manifest = plan.inputs.manifest
    seed = {"seed": manifest.seed}
    linked = seed | {"links": manifest.links.model_dump(), "joined": {name: one.linked for name, one in manifest.joined.items()}}
    imaging = ("patients", "signatures", *(f"features_{name}" for name in manifest.kinds()))
    molecular = ("eigengenes", *(["pathways"] if manifest.gene_sets else []))
    matrix = plan.hashes(manifest.expression.source) | {"expression": manifest.expression.model_dump()}
    score = matrix | seed | {"gene_score": manifest.gene_score.model_dump(), "signature": manifest.signature.model_dump()}
    made = [
        Step("links", plan.bind(_links), needs=(*imaging, *molecular), settings=linked),
        *clinical.steps(plan),
        *adjustment.steps(plan),
        Step("gene_score", plan.bind(_gene_score), needs=(*imaging, "modules", "membership"), settings=score),
        Step("calibration", plan.bind(calibrated.tables), needs=("signatures",)),
        Step("comparisons", plan.bind(comparisons.tables), needs=comparisons.NEEDED),
    ]
    if manifest.survival:
        sources = plan.hashes(manifest.training.clinical, *(one.source for one in manifest.survival))
        settings = sources | {"survival": [one.model_dump() for one in manifest.survival]}
        made.append(Step("survival", plan.bind(survival.tables), needs=("gene_score_everyone",), settings=settings))
    if manifest.truth:
        made.append(
            Step(
                "planted",
                plan.bind(_planted),
                needs=("modules", "links", "evaluation"),
                settings=plan.hashes(manifest.truth) | {"alpha": manifest.links.alpha},
            )
        )
    return made


def _links(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    chosen = plan.inputs.manifest.links
    links, nulls = [], []
    targets = list(clinical.targets(plan, store))
    repeats = adjustment.draws(len(targets) * (1 + len(plan.inputs.manifest.kinds())))
    for kind, right in targets:
        for family, estimate, left in _imaging(plan, store):
            name = f"{family} x {kind}"
            settings: dict[str, Any] = {"method": chosen.method, "family": name, "random_state": plan.seed(f"{name} {estimate}")}
            left = clinical.varying_columns(left.loc[plan.linked])
            links.append(linking.correlate(left, right, n_permutations=chosen.n_permutations, estimate=estimate, **settings))
            links[-1]["p_spearman"] = linking.correlate(left, right, **settings | {"method": "spearman", "n_permutations": 0})[
                "p"
            ]
            if estimate != "published":
                null = linking.random_feature_null(left, right, alpha=chosen.alpha, n_repeats=repeats, **settings)
                nulls.append(null.assign(family=name, tested=left.shape[1] * right.shape[1]))
    known = adjustment.holm_over_families(pd.concat(nulls, ignore_index=True))
    return {"links": pd.concat(links, ignore_index=True), "link_null": known}


def _imaging(plan: Plan, store: Store) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give every imaging table to link, with its family and what it is: fitted scores stand in `published` rows only."""
    for estimate, label in (("nested", "nested"), ("apparent", "published")):
        yield "signature", label, scores_of(plan, store, estimate)
    for signature in plan.inputs.manifest.kinds():
        yield f"{signature} features", "measured", training_features(plan, store, signature)


def _gene_score(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Judge the gene score with selection and regression repeated in every outer fold; the modules, unsupervised, stay fixed."""
    table, pipeline = _gene_table(plan, store), _gene_recipe(plan, store)
    outcome = store.table("patients")["outcome"].loc[table.index]
    chosen = plan.inputs.manifest.gene_score
    judged = validation.evaluate(
        pipeline,
        table,
        outcome,
        signature="gene score",
        n_splits=plan.inputs.manifest.signature.n_splits,
        n_repeats=chosen.n_repeats,
        n_boot_optimism=0,
        random_state=plan.seed("gene score"),
        n_jobs=plan.n_jobs,
        scheduler=plan.scheduler,
        progress=plan.tasks("gene score"),
        keep=store.work("gene-score", plan.inputs.manifest.model_dump(mode="json")),
    )
    if not len(judged.fitted["score"].genes_):  # scores without a gene are the folds' shares of events, and no score
        judged = replace(judged, table=judged.table.iloc[:0], scores=judged.scores.iloc[:0])
    return {
        "gene_score": _genes(judged, table, outcome, store.table("modules")),
        "gene_score_evaluation": judged.table,
        "gene_score_patients": judged.scores,
        "gene_score_stability": judged.stability,
        "gene_score_odds": _odds(judged.scores),
        "gene_score_everyone": _everyone(plan, judged.fitted["score"]),
    }


def _gene_table(plan: Plan, store: Store) -> pd.DataFrame:
    """Lay imaging features, genes of modules and eigengenes side by side; imaging columns carry their table's name."""
    modules = store.table("modules")
    matrix = plan.expression.expression.loc[plan.linked, modules.index[modules["module"] > 0]]
    imaging = [_imaging_columns(plan, store, signature) for signature in plan.inputs.manifest.kinds()]
    return pd.concat([*imaging, matrix, store.table("eigengenes").loc[plan.linked]], axis=1)


def _imaging_columns(plan: Plan, store: Store, signature: str) -> pd.DataFrame:
    return training_features(plan, store, signature).loc[plan.linked].add_prefix(f"{signature}: ")


def _gene_recipe(plan: Plan, store: Store) -> Pipeline:
    chosen, modules = plan.inputs.manifest.gene_score, store.table("modules")
    names = plan.inputs.manifest.kinds()
    hubs = genescore.HubGenes(
        {
            name: (recipe(plan, name, inner=True, prefix=f"{name}: "), list(_imaging_columns(plan, store, name).columns))
            for name in names
        },
        store.table("membership").loc[modules.index],
        labels=modules["module"],
        min_kme=chosen.min_kme,
        min_significance=chosen.min_significance,
        at_least=chosen.at_least,
        max_module_p=chosen.max_module_p,
        n_repeats=chosen.inner_repeats,
        random_state=plan.seed("hub genes"),
    )
    score = genescore.GeneScore(regression=chosen.regression, random_state=plan.seed("gene score folds"))
    # Missing measurements are filled inside every fold; the tables keep their names for the steps after.
    impute = SimpleImputer(strategy="median", keep_empty_features=True).set_output(transform="pandas")
    return Pipeline([("impute", impute), ("hubs", hubs), ("score", score)])


def _genes(judged: validation.Evaluation, table: pd.DataFrame, outcome: pd.Series, modules: pd.DataFrame) -> pd.DataFrame:
    """One row a gene of the score fitted to everyone.

    Its module, membership, significance and weight; the share of the nested fits that chose it; its own odds ratio per SD.
    """
    found = list(judged.fitted["hubs"].hubs_.values())
    hubs = pd.concat([part for part in found if len(part)] or found)
    genes = judged.fitted["score"].coefficients_.rename_axis("gene").to_frame()
    genes = genes.join(modules[["module", "color", "kme"]])
    genes["significance"] = hubs.assign(size=hubs["significance"].abs()).groupby("gene")["size"].max().reindex(genes.index)
    often = judged.stability[judged.stability["kind"] == "feature"].set_index("name")["share"]
    genes["chosen"] = often.reindex(genes.index).fillna(0.0)
    ratios = [genescore.odds_ratio(table[gene], outcome).iloc[0] for gene in genes.index]
    of = pd.DataFrame(ratios, columns=["odds_ratio", "low", "high", "p"], index=genes.index)
    genes = genes.join(of.astype(float).rename(columns={"low": "odds_ratio_low", "high": "odds_ratio_high"}))
    order = ["module", "color", "kme", "significance", "coefficient", "chosen"]
    return pd.DataFrame(genes, columns=[*order, "odds_ratio", "odds_ratio_low", "odds_ratio_high", "p"])


def _everyone(plan: Plan, score: genescore.GeneScore) -> pd.DataFrame:
    """Score everybody with expression by the genes fitted to the linked patients; log odds, so that it has no ceiling."""
    matrix = plan.expression.expression
    values = score.decision_function(matrix[score.genes_])
    return pd.DataFrame({"score": values, "linked": matrix.index.isin(plan.linked)}, index=matrix.index)


def _odds(scores: pd.DataFrame) -> pd.DataFrame:
    """Odds ratios of the score (its log odds), as fitted and honest; none where no gene was selected and all have one score."""
    scores = scores.assign(score=logit(scores["score"].clip(_NEAREST, 1.0 - _NEAREST)))
    tables = [
        genescore.odds_ratio(part.set_index("patient")["score"], part.set_index("patient")["outcome"]).assign(estimate=estimate)
        for estimate, part in scores.groupby("estimate", sort=False)
        if part["score"].nunique() > 1
    ]
    columns = ["estimate", "scale", "odds_ratio", "low", "high", "p", "n", "events", "separation"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _planted(plan: Plan, store: Store) -> dict[str, pd.DataFrame]:
    """Lay what was planted beside what was found."""
    truth = plan.inputs.truth()
    genes = truth[truth["kind"] == "gene"].set_index("name")["value"].astype(int)
    found = store.table("modules")["module"].reindex(genes.index, fill_value=0)
    matched = _matched(genes, found)
    rows = [*_planted_modules(genes, found, matched), *_planted_links(plan, store, truth, matched)]
    rows += _planted_outcome(store, truth)
    return {"planted": pd.DataFrame(rows, columns=["kind", "name", "planted", "found", "ok"])}


def _matched(genes: pd.Series, found: pd.Series) -> dict[int, int]:
    """Match every planted module with the found one that holds most of its genes."""
    counts = pd.crosstab(genes, found)
    return {int(planted): int(counts.loc[planted].idxmax()) for planted in counts.index if planted}


def _planted_modules(genes: pd.Series, found: pd.Series, matched: dict[int, int]) -> Iterator[list[Any]]:
    for planted, label in matched.items():
        inside = (genes == planted) & (found == label)
        both, either = int(inside.sum()), int(((genes == planted) | (found == label)).sum())
        text = f"ME{label}: {both} of them among its {int((found == label).sum())}" if label else "no module"
        yield [
            "module",
            f"planted module {planted}",
            f"{int((genes == planted).sum())} genes",
            text,
            bool(label) and both / either > 0.8,
        ]


def _planted_links(plan: Plan, store: Store, truth: pd.DataFrame, matched: dict[int, int]) -> Iterator[list[Any]]:
    """Find a planted link where an imaging feature is linked with that module at q below alpha; count links with the others."""
    links, alpha = store.table("links"), plan.inputs.manifest.links.alpha
    links = links[links["family"].str.endswith("features x modules") & (links["q"] < alpha)]
    planted = {}
    for name, value in truth.loc[truth["kind"] == "link", ["name", "value"]].itertuples(index=False):
        planted[f"ME{matched[int(name.rsplit(' ', 1)[1])]}"] = (name, value)
    for module, (name, value) in planted.items():
        found = links[links["target"] == module]
        text = f"{len(found)} features linked with {module} at q < {alpha:g}"
        if len(found):
            best = found.iloc[int(found["effect"].abs().to_numpy().argmax())]
            text += f", {best['feature']} most (r {best['effect']:.2f})"
        yield ["link", name, f"hidden correlation {value:g}", text, len(found) > 0]
    false, tested = int((~links["target"].isin(planted)).sum()), len(links)
    text = f"{false} of the {tested} links found at q < {alpha:g}"
    yield ["link", "links with modules that follow nothing", "none", text, false <= max(1, 2 * alpha * tested)]


def _planted_outcome(store: Store, truth: pd.DataFrame) -> Iterator[list[Any]]:
    """Hold every honest AUC against the ceiling: none may be clearly above it, and some must show that there is a signal."""
    ceiling = float(truth.loc[truth["name"].str.startswith("AUC of heterogeneity"), "value"].iloc[0])
    evaluation = store.table("evaluation")
    honest = evaluation[evaluation["estimate"].isin(["nested", "external"])]
    for row in honest.to_dict("records"):
        text = f"{row['estimate']} AUC {row['auc']:.2f} ({row['auc_low']:.2f} to {row['auc_high']:.2f})"
        yield ["bound", f"{row['signature']}, {row['cohort']}", f"AUC at most {ceiling:.2f}", text, row["auc_low"] <= ceiling]
    above, signal = int((honest["auc_low"] > 0.5).sum()), ceiling > 0.5
    text = f"{above} of {len(honest)} honest intervals lie above 0.5"
    yield ["outcome", "some signature tells the outcome", "yes" if signal else "no", text, (above > 0) == signal]
