"""Expression comes to a log scale; what is dropped is listed with the reason."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from radiogenomics import expression
from radiogenomics.study.presentation import molecules
from radiogenomics.study.steps import expression as steps


def matrix(values, genes="AB"):
    values = np.asarray(values, float)
    index = pd.Index([f"p{i}" for i in range(len(values))], name="patient")
    return pd.DataFrame(values, index=index, columns=pd.Index(list(genes), name="gene"))


def test_a_file_with_genes_in_rows_and_in_columns(tmp_path):
    table = matrix([[1, 2], [3, 4]])
    table.T.to_csv(tmp_path / "rows.csv.gz")
    table.to_csv(tmp_path / "columns.tsv", sep="\t")
    pd.testing.assert_frame_equal(expression.read_expression(tmp_path / "rows.csv.gz", genes_in="rows"), table)
    pd.testing.assert_frame_equal(expression.read_expression(tmp_path / "columns.tsv", genes_in="columns"), table)


def test_words_in_a_matrix_are_named(tmp_path):
    (tmp_path / "x.csv").write_text("gene,p1,p2\nA,1,high\n")
    with pytest.raises(ValueError, match=r"x\.csv: column\(s\) p2 hold values that are not numbers"):
        expression.read_expression(tmp_path / "x.csv", genes_in="rows")


def test_zscores_are_clipped_and_counted():
    made = expression.prepare(matrix([[0, -36893], [1, 5], [2, 0]]), unit="zscore", clip=4)
    assert made.expression["B"].tolist() == [-4, 4, 0]
    assert made.clipped == 2


@pytest.mark.parametrize(
    ("unit", "options", "message"),
    [
        ("zscore", {"min_mean": 1}, "min_mean = 1 does not fit unit 'zscore'"),
        ("zscore", {}, r"z-scores reach 36,893; give clip = 4"),
        ("log2", {"clip": 4}, "clip = 4 is for unit 'zscore' only, the unit is 'log2'"),
        ("counts", {}, "unit 'counts' cannot be negative, the smallest value is -36893; is the unit 'log2' or 'zscore'"),
        ("rpkm", {}, "`unit` is 'rpkm', it must be one of 'counts', 'tpm', 'fpkm', 'log2', 'zscore'"),
    ],
)
def test_choices_that_do_not_fit_the_unit(unit, options, message):
    with pytest.raises(ValueError, match=message):
        expression.prepare(matrix([[0, -36893], [1, 5], [2, 0]]), unit=unit, **options)


def test_dropped_genes_are_listed_with_the_reason():
    table = matrix([[5, 0.1, 7, np.nan], [6, 0.2, 7, 1], [7, 0.1, 8, 2]], "ABCD")
    made = expression.prepare(table, unit="log2", min_mean=1, linked=pd.Index(["p0", "p1"]))
    assert made.dropped["reason"].to_dict() == {
        "B": "mean below 1",
        "C": "constant among the patients with images",
        "D": "more than half of its values are missing",
    }
    assert made.expression.columns.tolist() == ["A"]


def test_a_gene_that_varies_by_rounding_alone_is_constant():
    table = matrix([[0.1, 1], [0.1 + 1e-17, 2], [0.3 - 0.2, 3]])
    assert expression.prepare(table, unit="log2").dropped["reason"].to_dict() == {"A": "constant"}


def test_no_gene_left_is_an_error():
    with pytest.raises(ValueError, match=r"no gene is left of 2: \{'mean below 9': 2\}; relax min_mean or check the unit"):
        expression.prepare(matrix([[1, 2], [2, 1]]), unit="log2", min_mean=9)


def test_fpkm_and_tpm_become_log2_of_one_more():
    for unit in ("fpkm", "tpm"):
        made = expression.prepare(matrix([[0, 3], [1, 7], [3, 0]]), unit=unit)
        assert made.expression["B"].tolist() == [2, 3, 0]


def test_tmm_factors_undo_a_few_very_high_genes():
    rng = np.random.default_rng(1)
    counts = matrix(rng.poisson(50, (4, 2000)), [f"g{i}" for i in range(2000)])
    counts.iloc[3, :20] = 20000  # one sample spends most of its reads on 20 genes
    factors = expression.tmm_factors(counts)
    sizes = counts.sum(axis=1) * factors
    assert np.exp(np.log(factors).mean()) == pytest.approx(1)
    assert sizes.to_numpy() == pytest.approx(np.full(4, sizes.mean()), rel=0.05)
    assert np.ptp(expression.log_cpm(counts).iloc[:, 20:].mean(axis=1)) < 0.05


def test_tmm_factors_and_log_cpm_are_edgers_where_genes_tie(reference):
    counts = pd.read_csv(reference / "edger" / "counts_14x2000.csv.xz", index_col="patient")
    factors = pd.read_csv(reference / "edger" / "tmm.csv", index_col="patient")["factor"]
    np.testing.assert_allclose(expression.tmm_factors(counts), factors, rtol=1e-13)
    levels = pd.read_csv(reference / "edger" / "cpm_first100.csv.xz", index_col="patient")
    np.testing.assert_allclose(expression.log_cpm(counts)[levels.columns], levels, rtol=0, atol=1e-12)


@pytest.mark.parametrize("empty", [["P2"], ["P0", "P1", "P2", "P3"]])
def test_a_library_without_reads_is_named(empty):
    counts = pd.DataFrame(
        np.random.default_rng(0).poisson(9, (4, 50)), index=pd.Index([f"P{i}" for i in range(4)], name="patient")
    )
    counts.loc[empty] = 0
    with pytest.raises(ValueError, match=rf"{', '.join(empty)} have no counts at all \({len(empty)} of 4\)"):
        expression.prepare(counts.add_prefix("g"), unit="counts")


def test_principal_components_come_from_scanpy_and_carry_their_variance():
    rng = np.random.default_rng(1)
    side = np.repeat([0.0, 8.0], 10)
    table = matrix(rng.standard_normal((20, 30)) + side[:, None], [f"g{i}" for i in range(30)])
    scores = expression.principal_components(table)
    assert scores.columns.tolist() == ["PC1", "PC2", "PC3", "PC4", "PC5"]
    assert abs(np.corrcoef(scores["PC1"], side)[0, 1]) > 0.99
    assert scores.attrs["variance_ratio"][0] > 0.8


def test_quality_counts_reads_genes_and_the_share_of_the_commonest():
    rng = np.random.default_rng(2)
    counts = pd.DataFrame(rng.poisson(2, (6, 80))).add_prefix("g")  # patients known by number, as in a table of one's own
    counts.iloc[3, 50:] = 0
    made = expression.quality(counts)
    pd.testing.assert_index_equal(made.index, counts.index)
    assert made["total_counts"].tolist() == counts.sum(axis=1).tolist()
    assert made["n_genes_by_counts"].tolist() == (counts > 0).sum(axis=1).tolist()
    commonest = np.sort(counts.to_numpy(), axis=1)[:, -50:].sum(axis=1) / counts.sum(axis=1)
    np.testing.assert_allclose(made["pct_counts_in_top_50_genes"], 100 * commonest)
    assert made.loc[3, "pct_counts_in_top_50_genes"] == 100
    assert list(expression.quality(counts.iloc[:, :49])) == ["n_genes_by_counts", "total_counts"]


@pytest.mark.parametrize(("value", "message"), [(-3.0, "cannot be negative, the smallest value is -3"), (np.nan, "not finite")])
def test_quality_refuses_what_is_no_count(value, message):
    with pytest.raises(ValueError, match=message):
        expression.quality(matrix([[1, 2], [3, value]]))


@pytest.mark.parametrize("unit", ["counts", "log2"])
def test_a_study_of_counts_lists_and_draws_the_reads(unit):
    counts = matrix(np.random.default_rng(3).poisson(40, (12, 60)), [f"g{i}" for i in range(60)])
    patients = pd.DataFrame({"cohort": "training", "included": True, "outcome": 1.0}, index=counts.index)
    settings = SimpleNamespace(
        expression=SimpleNamespace(unit=unit),
        joined={},
        simulated=False,
        outcome=SimpleNamespace(name="node", labels=["no", "yes"]),
    )
    prepared = expression.prepare(counts, unit=unit)
    tables = steps.expression(patients, prepared, settings=settings, inputs=SimpleNamespace(expression=counts))
    drawn = list(
        molecules.expression(
            patients=patients,
            expression_qc=tables["expression_qc"],
            expression_facts=tables["expression_facts"],
            settings=settings,
        )
    )
    if unit == "log2":
        assert list(tables["expression_qc"]) == [f"PC{i}" for i in range(1, 6)]
        assert [panel.subject for panel in drawn] == [""]
    else:
        assert tables["expression_qc"]["total_counts"].equals(counts.sum(axis=1))
        assert [panel.subject for panel in drawn] == ["", "reads"]
        assert [ax.get_ylabel() for ax in drawn[1].axes.figure.axes][1] == "reads"
        assert list(drawn[0].data) == ["PC1", "PC2", "PC3", "PC4", "PC5", "node"]


@pytest.mark.real
def test_real_counts_go_through_the_counts_path(real):
    path = real / "tcga_brca" / "expression_counts_20124genes_60samples.csv.gz"
    table = expression.read_expression(path, genes_in="rows")
    made = expression.prepare(table, unit="counts", min_mean=1)
    assert table.shape == (60, 20124)
    assert 10_000 < made.expression.shape[1] < 16_000
    assert made.dropped["reason"].isin(["mean below 1", "constant"]).all()
    assert expression.tmm_factors(table).between(0.5, 2).all()


@pytest.mark.real
def test_real_counts_give_edgers_factors_and_log_cpm(real):
    """edgeR 3.40.2: y <- calcNormFactors(DGEList(counts), method = "TMM"); cpm(y, log = TRUE, prior.count = 2)."""
    counts = expression.read_expression(real / "tcga_brca" / "expression_counts_20124genes_60samples.csv.gz", genes_in="rows")
    assert expression.tmm_factors(counts)[:5].tolist() == pytest.approx(
        [0.868188411, 0.911604215, 0.937162365, 0.928077056, 1.019581069], abs=1e-9
    )
    first = expression.log_cpm(counts).iloc[0]
    assert first[["TAF7", "TMEM107", "TRAM1L1"]].tolist() == pytest.approx([5.982648, 3.277079, 0.862961], abs=1e-6)
