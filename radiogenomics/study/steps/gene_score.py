"""The gene score: genes that follow the signatures, their regression on the outcome, and what the score is worth honestly."""

from dataclasses import replace

import pandas as pd
from scipy.special import logit
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from radiogenomics import genescore, validation
from radiogenomics.expression import Prepared
from radiogenomics.study.engine.context import Run
from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.manifest.model import Manifest
from radiogenomics.study.steps.imaging import training_features
from radiogenomics.study.steps.patients import linked
from radiogenomics.study.steps.recipes import recipe

_NEAREST = 1e-12
"""How near to 0 and 1 a score comes before its log odds are taken: scores are kept to twelve decimals."""

_EIGENGENE = "eigengene: "


@step(
    makes={
        "gene_score": "genes of the score: module, membership, significance, coefficient, how often chosen, odds ratio",
        "gene_score_evaluation": "AUC of the gene score by every estimate",
        "gene_score_patients": "gene score of every linked patient by every estimate",
        "gene_score_stability": "how often the fits of nested cross-validation chose each gene",
        "gene_score_odds": "odds ratio of the gene score, as fitted and honest",
        "gene_score_everyone": "gene score of everybody with expression, by the genes fitted to the linked patients",
    },
    settings=("gene_score", "signature", "training", "external", "extraction", "seed"),
)
def gene_score(
    patients: pd.DataFrame,
    features: Tables,
    second_reader: Tables,
    modules: pd.DataFrame,
    membership: pd.DataFrame,
    eigengenes: pd.DataFrame,
    matrix: Prepared,
    *,
    settings: Manifest,
    run: Run,
) -> Tables:
    """Judge the gene score with selection and regression repeated in every outer fold; the modules, unsupervised, stay fixed."""
    who = linked(patients)
    imaging = {kind: training_features(features, patients, kind).loc[who].add_prefix(f"{kind}: ") for kind in settings.kinds()}
    table = pd.concat(
        [
            *imaging.values(),
            matrix.expression.loc[who, modules.index[modules["module"] > 0]],
            eigengenes.loc[who].add_prefix(_EIGENGENE),  # ME1 is a gene too
        ],
        axis=1,
    )
    outcome = patients["outcome"].loc[table.index]
    hubs = _hubs(settings, imaging, second_reader, modules, membership)
    judged = validation.evaluate(
        _recipe(settings, hubs),
        table,
        outcome,
        signature="gene score",
        n_splits=settings.signature.n_splits,
        n_repeats=settings.gene_score.n_repeats,
        n_boot_optimism=0,
        random_state=settings.seed_of("gene score"),
        n_jobs=run.n_jobs,
        scheduler=run.scheduler,
        progress=run.tasks("gene score"),
        keep=run.work,
    )
    if not len(judged.fitted["score"].genes_):  # scores without a gene are the folds' shares of events, and no score
        judged = replace(judged, table=judged.table.iloc[:0], scores=judged.scores.iloc[:0])
    return {
        "gene_score": _genes(judged, table, outcome, modules),
        "gene_score_evaluation": judged.table,
        "gene_score_patients": judged.scores,
        "gene_score_stability": judged.stability,
        "gene_score_odds": _odds(judged.scores),
        "gene_score_everyone": _everyone(matrix.expression, judged.fitted["score"], who),
    }


def _hubs(
    settings: Manifest,
    imaging: Tables,
    second_reader: Tables,
    modules: pd.DataFrame,
    membership: pd.DataFrame,
) -> genescore.HubGenes:
    """Build the selection of genes by the signatures, whose columns carry the name of their table."""
    rule = settings.gene_score
    return genescore.HubGenes(
        {
            name: (recipe(settings, name, second_reader=second_reader, inner=True, prefix=f"{name}: "), list(table.columns))
            for name, table in imaging.items()
        },
        membership.loc[modules.index],
        labels=modules["module"],
        min_kme=rule.min_kme,
        min_significance=rule.min_significance,
        at_least=rule.at_least,
        max_module_p=rule.max_module_p,
        eigengene_prefix=_EIGENGENE,
        n_repeats=rule.inner_repeats,
        random_state=settings.seed_of("hub genes"),
    )


def _recipe(settings: Manifest, hubs: genescore.HubGenes) -> Pipeline:
    score = genescore.GeneScore(regression=settings.gene_score.regression, random_state=settings.seed_of("gene score folds"))
    # Missing measurements are filled inside every fold; the tables keep their names for the steps after.
    impute = SimpleImputer(strategy="median", keep_empty_features=True).set_output(transform="pandas")
    return Pipeline([("impute", impute), ("hubs", hubs), ("score", score)])


def _genes(judged: validation.Evaluation, table: pd.DataFrame, outcome: pd.Series, modules: pd.DataFrame) -> pd.DataFrame:
    """One row per gene of the score fitted to everyone.

    Its module, membership, significance and weight; the share of the nested fits that chose it; its own odds ratio per SD.
    """
    hubs_of_fits = list(judged.fitted["hubs"].hubs_.values())
    hubs = pd.concat([part for part in hubs_of_fits if len(part)] or hubs_of_fits)
    genes = judged.fitted["score"].coefficients_.rename_axis("gene").to_frame()
    genes = genes.join(modules[["module", "color", "kme"]])
    genes["significance"] = hubs.assign(size=hubs["significance"].abs()).groupby("gene")["size"].max().reindex(genes.index)
    often = judged.stability[judged.stability["kind"] == "feature"].set_index("name")["share"]
    genes["chosen"] = often.reindex(genes.index).fillna(0.0)
    ratios = [genescore.odds_ratio(outcome, table[gene]).iloc[0] for gene in genes.index]
    of = pd.DataFrame(ratios, columns=["odds_ratio", "low", "high", "p"], index=genes.index)
    genes = genes.join(of.astype(float).rename(columns={"low": "odds_ratio_low", "high": "odds_ratio_high"}))
    order = ["module", "color", "kme", "significance", "coefficient", "chosen"]
    return pd.DataFrame(genes, columns=[*order, "odds_ratio", "odds_ratio_low", "odds_ratio_high", "p"])


def _everyone(genes: pd.DataFrame, score: genescore.GeneScore, who: pd.Index) -> pd.DataFrame:
    """Score everybody with expression by the genes fitted to the linked patients; log odds, so that it has no ceiling."""
    values = score.decision_function(genes[score.genes_])
    return pd.DataFrame({"score": values, "linked": genes.index.isin(who)}, index=genes.index)


def _odds(scores: pd.DataFrame) -> pd.DataFrame:
    """Odds ratios of the score (its log odds), as fitted and honest; none where no gene was selected and all have one score."""
    scores = scores.assign(score=logit(scores["score"].clip(_NEAREST, 1.0 - _NEAREST)))
    tables = [
        genescore.odds_ratio(*(part.set_index("patient")[name] for name in ("outcome", "score"))).assign(estimate=estimate)
        for estimate, part in scores.groupby("estimate", sort=False)
        if part["score"].nunique() > 1
    ]
    columns = ["estimate", "scale", "odds_ratio", "low", "high", "p", "n", "events", "separation"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
