"""Pathway scores: R GSVA's numbers, projection of new patients, what order and scale may change, and refusals."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import pathways
from radiogenomics.pathways import _kernels

GAUSSIAN = 1e-12
OTHERS = 1e-8


@pytest.fixture(scope="module")
def expression(reference):
    return pd.read_csv(reference / "gsva" / "expr_88x2000.csv.gz", index_col=0).rename_axis("patient")


@pytest.fixture(scope="module")
def sets(reference):
    return pathways.read_gmt(reference / "gsva" / "sets36.gmt")


def of_r(folder, tag):
    return pd.read_csv(folder / f"scores_{tag}.csv", index_col=0).T


def difference(ours, of_r):
    return np.abs(ours[of_r.columns].to_numpy() - of_r.to_numpy()).max()


@pytest.mark.parametrize(
    ("tag", "options", "tolerance"),
    [
        ("gsva_gaussian", {}, GAUSSIAN),
        ("gsva_gaussian_mxdiffF", {"max_diff": False}, GAUSSIAN),
        ("gsva_gaussian_absranking", {"abs_ranking": True}, GAUSSIAN),
        ("gsva_gaussian_tau025", {"tau": 0.25}, GAUSSIAN),
        ("gsva_minsz20_maxsz150", {"min_size": 20, "max_size": 150}, GAUSSIAN),
        ("gsva_kcdf_none", {"kernel": "none"}, OTHERS),
        ("ssgsea", {"method": "ssgsea"}, OTHERS),
        ("ssgsea_nonorm", {"method": "ssgsea", "normalise": False}, OTHERS),
        ("ssgsea_tau1", {"method": "ssgsea", "tau": 1.0}, OTHERS),
        ("zscore", {"method": "zscore"}, OTHERS),
    ],
)
def test_scores_equal_r(reference, expression, sets, tag, options, tolerance):
    theirs = of_r(reference / "gsva", tag)
    ours = pathways.score(expression, sets, **{"min_size": 1, **options})
    assert list(ours.columns) == list(theirs.columns)
    assert ours.index.equals(expression.index)
    assert difference(ours, theirs) < tolerance


def test_plage_equals_r_up_to_sign(reference, expression, sets):
    theirs = of_r(reference / "gsva", "plage")
    ours = pathways.score(expression, sets, method="plage", min_size=1)
    sign = np.sign((ours * theirs.to_numpy()).sum())
    assert difference(ours * sign, theirs) < OTHERS


def test_kernel_distribution_equals_r(reference, expression):
    theirs = pd.read_csv(reference / "gsva" / "gene_density_gaussian_first200genes.csv.gz", index_col=0)
    values = np.ascontiguousarray(expression[theirs.columns].to_numpy().T)
    ours = _kernels.gaussian_density(values, values, own=True)
    assert np.abs(ours.T - theirs.to_numpy()).max() < GAUSSIAN


@pytest.mark.real
@pytest.mark.parametrize(
    ("method", "tolerance"), [("gsva_gaussian", GAUSSIAN), ("ssgsea", OTHERS), ("zscore", OTHERS), ("plage", OTHERS)]
)
def test_scores_of_11687_genes_equal_r(real, method, tolerance):
    folder = real.parent / "reference"
    expression = pd.read_csv(folder / "wgcna" / "expr_88x11687.csv", index_col=0).rename_axis("patient")
    theirs = of_r(folder / "gsva", f"big_{method}")
    sets = pathways.read_gmt(folder / "gsva" / "sets36_11687.gmt")
    ours = pathways.score(expression, sets, method=method.split("_")[0], min_size=1)
    if method == "plage":
        ours = ours * np.sign((ours * theirs.to_numpy()).sum())
    assert difference(ours, theirs) < tolerance


@pytest.mark.real
def test_gsva_of_the_real_cohort_equals_gseapy(real):
    import gseapy

    expression = pd.read_csv(real / "tcga_brca" / "expression_zscore_1558genes_956patients.csv.gz", index_col=0).T.rename_axis(
        "patient"
    )
    expression = expression.dropna(axis=1).clip(-4, 4).iloc[:120]
    expression = expression.loc[:, expression.max() > expression.min()]
    sets = pathways.restrict_to_genes(pathways.read_gmt(real / "genesets" / "c2.cp.kegg.v7.5.1.symbols.gmt"), expression.columns)
    # Among genes of equal density R's order takes the first row first, gseapy's the last: its table is turned round.
    theirs = gseapy.gsva(expression.T.iloc[::-1], sets, min_size=1, max_size=10_000, threads=1).res2d
    theirs = theirs.pivot_table(index="Name", columns="Term", values="ES").loc[expression.index]
    assert difference(pathways.score(expression, sets), theirs.astype(float)) < GAUSSIAN


def small(rng, n=24, p=60):
    index = pd.Index([f"P{number}" for number in range(n)], name="patient")
    return pd.DataFrame(rng.normal(size=(n, p)), index=index, columns=[f"G{number}" for number in range(p)])


SETS = {"one": [f"G{number}" for number in range(20)], "two": [f"G{number}" for number in range(15, 40)]}
METHODS = [("gsva", "gaussian"), ("gsva", "none"), ("ssgsea", "gaussian"), ("zscore", "gaussian"), ("plage", "gaussian")]


@pytest.mark.parametrize(("method", "kernel"), METHODS)
def test_projecting_the_training_patients_gives_their_own_scores(method, kernel):
    expression = small(np.random.default_rng(0))
    fitted = pathways.PathwayScores(SETS, method=method, kernel=kernel)
    own = fitted.fit_transform(expression)
    pd.testing.assert_frame_equal(fitted.transform(expression), own, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("method", "kernel"), METHODS)
def test_a_projected_patient_does_not_depend_on_the_others(method, kernel):
    rng = np.random.default_rng(1)
    training, new = small(rng), small(rng).iloc[:6]
    together = pathways.project(training, new, SETS, method=method, kernel=kernel)
    alone = pathways.project(training, new.iloc[[2]], SETS, method=method, kernel=kernel)
    np.testing.assert_allclose(together.iloc[[2]], alone, rtol=1e-12, atol=1e-12)


def test_poisson_kernel_on_counts_agrees_with_the_gaussian_on_their_logs():
    rng = np.random.default_rng(2)
    counts = pd.DataFrame(
        rng.poisson(np.exp(small(rng, 40).to_numpy() + 3.0)), index=small(rng, 40).index, columns=small(rng).columns
    )
    poisson = pathways.score(counts, SETS, kernel="poisson")
    gaussian = pathways.score(np.log1p(counts), SETS)
    assert np.corrcoef(poisson.to_numpy().ravel(), gaussian.to_numpy().ravel())[0, 1] > 0.9


def test_a_planted_pathway_is_high_in_the_patients_it_was_planted_in():
    expression = small(np.random.default_rng(3))
    expression.iloc[:12, :20] += 2.0
    for method in ("gsva", "ssgsea", "zscore"):
        scores = pathways.score(expression, SETS, method=method)["one"]
        assert scores.iloc[:12].min() > scores.iloc[12:].max(), method


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100.0), shift=st.floats(-50.0, 50.0))
def test_order_scale_and_shift_change_no_score(seed, scale, shift):
    rng = np.random.default_rng(seed)
    expression = small(rng, 12, 40)
    scores = pathways.score(expression, SETS, min_size=5)
    shuffled = expression.sample(frac=1.0, random_state=seed)[rng.permutation(expression.columns)]
    pd.testing.assert_frame_equal(pathways.score(shuffled, SETS, min_size=5).loc[scores.index], scores, atol=1e-9)
    assert scores.abs().to_numpy().max() <= 1.0
    z = pathways.score(expression * scale + shift, SETS, min_size=5, method="zscore")
    pd.testing.assert_frame_equal(z, pathways.score(expression, SETS, min_size=5, method="zscore"), atol=1e-6)


def test_scores_stand_in_a_pipeline():
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(7)
    expression, outcome = small(rng, 60), rng.integers(0, 2, 60)
    expression.iloc[:, :20] += outcome[:, None]
    scores = pathways.PathwayScores(SETS)
    assert cross_val_score(make_pipeline(scores, LogisticRegression()), expression, outcome, scoring="roc_auc").mean() > 0.9
    assert list(clone(scores).fit(expression).get_feature_names_out()) == ["one", "two"]


def test_one_gene_alone_goes_evenly_from_the_top_of_the_ranking_to_its_end():
    """With as many patients as genes and each gene's highest value in another patient, a gene takes every place."""
    n = 12
    expression = pd.DataFrame(
        (np.arange(n)[:, None] - np.arange(n)) % n, index=pd.Index([f"P{i}" for i in range(n)], name="patient"), dtype=float
    ).rename(columns=lambda number: f"G{number}")
    scores = pathways.score(expression, {"alone": ["G3"]}, min_size=1)["alone"]
    np.testing.assert_allclose(np.sort(scores), np.linspace(-1, 1, n), atol=1e-12)


def test_plage_is_high_where_most_of_the_pathway_is():
    expression = small(np.random.default_rng(8))
    expression.iloc[:12, :20] += 2.0
    expression.iloc[:12, :4] -= 4.0
    scores = pathways.score(expression, SETS, method="plage")["one"]
    assert scores.iloc[:12].min() > scores.iloc[12:].max()


def test_a_constant_gene_is_left_out():
    expression = small(np.random.default_rng(4))
    expression["G3"] = 1.0
    fitted = pathways.PathwayScores(SETS).fit(expression)
    assert "G3" not in fitted.genes_
    assert "G3" not in fitted.gene_sets_["one"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"gene_sets": {"x": ["TP53", "BRCA1"]}},
            "None of 1 gene sets has 10 to any number of measured genes, the largest has 0; the sets name TP53",
        ),
        ({"method": "gvsa"}, "`method` is 'gvsa', it must be one of 'gsva', 'ssgsea', 'zscore', 'plage'"),
        ({"kernel": "poisson"}, "takes counts, `expression` has negative values; use kernel='gaussian'"),
        ({"expression": "missing"}, "not finite, the first at row 'P2', column 'G5'; impute or drop them first"),
        ({"expression": "genes in rows"}, "`expression` has genes in rows"),
        ({"expression": "two"}, "`expression` has 2 patient"),
        (
            {"gene_sets": SETS | {"whole": [f"G{number}" for number in range(60)]}},
            "whole holds all 60 genes of `expression`, and the score compares a pathway's genes with the rest; give more genes, or "
            "leave it out with max_size=59",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused(change, message):
    expression = small(np.random.default_rng(5))
    faults = {
        "missing": expression.mask(expression == expression.loc["P2", "G5"]),
        "genes in rows": expression.rename_axis("gene"),
        "two": expression.iloc[:2],
    }
    change = {"gene_sets": SETS, **change}
    expression = faults.get(change.pop("expression", ""), expression)
    with pytest.raises(ValueError, match=re.escape(message)):
        pathways.score(expression, **change)


def test_new_patients_must_have_the_training_genes():
    expression = small(np.random.default_rng(6))
    with pytest.raises(ValueError, match="lacks 1 of 60 training genes: G7"):
        pathways.PathwayScores(SETS).fit(expression).transform(expression.drop(columns="G7"))
