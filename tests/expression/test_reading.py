"""Expression files as archives and programs write them: what is no gene or patient is left out and told."""

import numpy as np
import pandas as pd
import pytest

from radiogenomics import expression, modules

GENES, PATIENTS = ["TP53", "GATA3", "KRT5", "ESR1"], ["S1", "S2", "S3"]
VALUES = np.array([[1.5, 2.25, 3], [4, 5.5, 6], [7, 8, 9.75], [2, 4, 1]])
EXPECTED = pd.DataFrame(VALUES.T, index=pd.Index(PATIENTS, name="patient"), columns=pd.Index(GENES, name="gene"))


def lines(*rows, sign="\t"):
    return "\n".join(sign.join(str(cell) for cell in row) for row in rows) + "\n"


def table(genes=GENES, first="gene", before=(), notes=()):
    """Lines of a matrix with genes in rows: `before` are rows above, `notes` are (name, values) of columns before the patients."""
    heading = [first, *[name for name, _ in notes], *PATIENTS]
    body = [[gene, *[column[at] for _, column in notes], *VALUES[at]] for at, gene in enumerate(genes)]
    return lines(heading, *before, *body)


FILES = {
    "plain": (table(), []),
    "cbioportal": (table(first="Hugo_Symbol", notes=[("Entrez_Gene_Id", [7157, 2625, 3852, 2099])]), ["columns left out"]),
    "numbers first": (
        lines(["Entrez_Gene_Id", "Hugo_Symbol", *PATIENTS], *[[at, gene, *VALUES[at]] for at, gene in enumerate(GENES)]),
        ["columns left out"],
    ),
    "featurecounts": (
        "# Program:featureCounts v2.0.3\n"
        + table(
            first="Geneid",
            notes=[("Chr", ["chr1;chr1"] * 4), ("Start", [1] * 4), ("End", [9] * 4), ("Strand", ["+"] * 4), ("Length", [9] * 4)],
        ),
        ["comment lines", "columns left out"],
    ),
    "gdc": (
        "# gene-model: GENCODE v36\n"
        + table(
            first="gene",
            notes=[("gene_type", ["protein_coding"] * 4)],
            before=[[f"N_{kind}", "", 9e6, 8e6, 7e6] for kind in ("unmapped", "multimapping", "noFeature", "ambiguous")],
        ),
        ["comment lines", "columns left out", "rows left out"],
    ),
    "htseq": (
        lines(
            ["gene", *PATIENTS],
            *[[g, *v] for g, v in zip(GENES, VALUES, strict=True)],
            ["__no_feature", 9e6, 9e6, 9e6],
            ["__not_aligned", 1, 2, 3],
        ),
        ["rows left out"],
    ),
    "firehose": (table([f"{gene}|{at + 100}" for at, gene in enumerate(GENES)]), ["gene labels"]),
    "identifier first": (table([f"ENSG0000014151{at}|{gene}" for at, gene in enumerate(GENES)]), ["gene labels"]),
    "gct": ("#1.2\n4\t3\n" + table(first="Name", notes=[("Description", ["na"] * 4)]), ["comment lines", "columns left out"]),
    "geo": (
        '!Series_title\t"A study"\n!series_matrix_table_begin\n' + table(first="ID_REF") + "!series_matrix_table_end\n",
        ["comment lines"],
    ),
    "r": (lines(PATIENTS, *[[g, *v] for g, v in zip(GENES, VALUES, strict=True)]), ["heading"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_matrix_of_genes_in_rows_is_read_to_genes_and_patients_alone(tmp_path, name):
    text, decided = FILES[name]
    (tmp_path / "e.txt").write_text(text)
    reading = expression.expression_reading(tmp_path / "e.txt", genes_in="rows")
    pd.testing.assert_frame_equal(reading.table, EXPECTED)
    told = [what for what in reading.decisions["what"] if what != "word for missing"]
    assert told == decided


def test_rows_that_describe_genes_are_no_patients_with_genes_in_columns(tmp_path):
    rows = [[name, *column] for name, column in zip(["Entrez_Gene_Id", *PATIENTS], [[1, 2, 3, 4], *VALUES.T], strict=True)]
    (tmp_path / "e.csv").write_text(lines(["sample", *GENES], *rows, sign=","))
    reading = expression.expression_reading(tmp_path / "e.csv", genes_in="columns")
    pd.testing.assert_frame_equal(reading.table, EXPECTED)
    assert reading.decisions["what"].tolist() == ["rows left out"]


def test_ensembl_versions_are_cut_and_a_copy_on_y_stays_apart(tmp_path):
    genes = ["ENSG00000182378.15", "ENSG00000182378.15_PAR_Y", "ENSG00000141510.18", "ENSG00000107485.17"]
    (tmp_path / "e.tsv").write_text(table(genes))
    found = expression.read_expression(tmp_path / "e.tsv", genes_in="rows").columns
    assert found.tolist() == ["ENSG00000182378", "ENSG00000182378_PAR_Y", "ENSG00000141510", "ENSG00000107485"]


@pytest.mark.parametrize(
    ("label", "symbol"),
    [
        ("2-Sep", "SEPTIN2"),
        ("Sep-07", "SEPTIN7"),
        ("1-Mar", "MARCHF1 (MARCH1) or MTARC1"),
        ("2023-09-11", "SEPTIN11"),
        ("1. Dez", "DELEC1"),
        ("Oct-4", "POU5F1"),
    ],
)
def test_a_date_for_a_gene_is_named_with_its_likely_symbol(tmp_path, label, symbol):
    (tmp_path / "e.tsv").write_text(table([label, *GENES[1:]]))
    reading = expression.expression_reading(tmp_path / "e.tsv", genes_in="rows")
    assert reading.decisions["what"].tolist() == ["dates for genes"]
    assert f"{label} is likely {symbol}" in reading.decisions["why"].item()
    assert label in reading.table.columns


def test_numbers_that_excel_made_of_symbols_are_named_unless_genes_are_numbers(tmp_path):
    genes = [*GENES, *(f"LCE{number}" for number in range(20))]
    rows = pd.DataFrame(np.arange(len(genes) * 3.0).reshape(-1, 3) + 0.5, index=genes, columns=["A", "B", "C"])
    rows.rename({"LCE4": "43900", "LCE7": "44105"}).to_csv(tmp_path / "e.csv")  # 10 March and 1 October 2020
    reading = expression.expression_reading(tmp_path / "e.csv", genes_in="rows")
    assert reading.decisions[["what", "count"]].to_numpy().tolist() == [["dates for genes", 1]]
    assert "43900 is likely MARCHF10 (MARCH10)" in reading.decisions["why"].item()
    rows.set_axis([str(43900 + 7 * at) for at in range(len(genes))]).to_csv(tmp_path / "entrez.csv")
    assert expression.expression_reading(tmp_path / "entrez.csv", genes_in="rows").decisions.empty


def test_controls_of_a_laboratory_are_no_genes(tmp_path):
    genes = ["ERCC1", "ERCC-00171", "AFFX-CreX-3_at", "(+)E1A_r60_3", "AFF1"]
    rows = pd.DataFrame(np.arange(15.0).reshape(5, 3) + 0.25, index=genes, columns=["A", "B", "C"])
    rows.to_csv(tmp_path / "e.csv")
    reading = expression.expression_reading(tmp_path / "e.csv", genes_in="rows")
    assert reading.table.columns.tolist() == ["ERCC1", "AFF1"]
    assert reading.decisions[["what", "count"]].to_numpy().tolist() == [["rows left out", 3]]


@pytest.mark.parametrize("label", ["", "NA", "?", "nan", "---"])
def test_genes_without_a_symbol_are_refused_with_their_line_or_dropped_on_demand(tmp_path, label):
    (tmp_path / "e.tsv").write_text(table(["TP53", label, "KRT5", label]))
    with pytest.raises(ValueError, match=r"2 of 4 genes have no symbol \(line 3, 5\); name them, remove them, or drop them"):
        expression.read_expression(tmp_path / "e.tsv", genes_in="rows")
    reading = expression.expression_reading(tmp_path / "e.tsv", genes_in="rows", unnamed="drop")
    assert reading.table.columns.tolist() == ["TP53", "KRT5"]
    assert reading.decisions.loc[0, ["what", "count"]].tolist() == ["genes dropped", 2]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("mean", [3.0, 17 / 3, 5.25]), ("median", [2, 5.5, 6]), ("highest_variance", [1.5, 2.25, 3])],
)
def test_a_gene_that_comes_more_than_once_is_joined_by_the_rule(tmp_path, rule, expected):
    values = np.array([[1.5, 5.5, 3], [2, 5.5, 6.0], [5.5, 6, 6.75], [2, 4, 1]])
    values[0] = [1.5, 2.25, 3] if rule == "highest_variance" else [1.5, 5.5, 3]
    values[1:3] = [[2, 2.1, 2.2], [3, 3.1, 3.2]] if rule == "highest_variance" else values[1:3]
    rows = [[gene, *row] for gene, row in zip(["A", "A", "A", "B"], values, strict=True)]
    (tmp_path / "e.tsv").write_text(lines(["gene", *PATIENTS], *rows))
    with pytest.raises(ValueError, match=r"gene\(s\) A appear more than once.*duplicates = 'mean', 'median', 'highest_variance'"):
        expression.read_expression(tmp_path / "e.tsv", genes_in="rows")
    reading = expression.expression_reading(tmp_path / "e.tsv", genes_in="rows", duplicates=rule)
    assert reading.table["A"].tolist() == pytest.approx(expected)
    assert reading.table.columns.tolist() == ["A", "B"]
    assert reading.decisions["what"].tolist() == ["genes joined"]
    (tmp_path / "t.tsv").write_text(lines(*zip(*[["patient", *PATIENTS], *rows], strict=True)))
    with pytest.raises(ValueError, match=r"gene\(s\) A appear more than once.*genes_in = 'columns'.*duplicates = 'mean'"):
        expression.read_expression(tmp_path / "t.tsv", genes_in="columns")
    turned = expression.expression_reading(tmp_path / "t.tsv", genes_in="columns", duplicates=rule)
    pd.testing.assert_frame_equal(turned.table, reading.table)
    assert turned.decisions["why"].tolist() == reading.decisions["why"].tolist()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ["Composite Element REF", "signal", "signal", "signal"],
            r"first 'signal' in line 2 \('Composite Element REF'\).*second line of heading",
        ),
        (["MYC", 1, "high", 3], r"column\(s\) S2 hold values that are not numbers, first 'high' in line 2 \('MYC'\)"),
        (["MYC", 1, 2, ">9"], r"column\(s\) S3 hold values that are not numbers, first '>9' in line 2"),
        (["MYC", 1, "True", 2], r"column\(s\) S2 hold values that are not numbers, first 'True' in line 2"),
    ],
)
def test_words_in_a_matrix_are_named_with_their_line(tmp_path, row, message):
    (tmp_path / "e.tsv").write_text(table(before=[row]))
    with pytest.raises(ValueError, match=message):
        expression.read_expression(tmp_path / "e.tsv", genes_in="rows")


def test_decimal_commas_and_words_for_missing_in_a_matrix(tmp_path):
    text = lines(["gene", *PATIENTS], ["TP53", "1,5", "N/A", "3"], ["GATA3", "4", "5,5", "Not measured"], sign=";")
    (tmp_path / "e.csv").write_text(text)
    made = expression.read_expression(tmp_path / "e.csv", genes_in="rows")
    assert made["TP53"].tolist()[::2] == [1.5, 3]
    assert made.isna().to_numpy().sum() == 2


def with_holes(share, n=60, genes=120, seed=5):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((n, 4))
    values = factor @ rng.standard_normal((4, genes)) + 0.3 * rng.standard_normal((n, genes)) + 8
    index = pd.Index([f"P{at}" for at in range(n)], name="patient")
    full = pd.DataFrame(values, index=index, columns=pd.Index([f"G{at}" for at in range(genes)], name="gene"))
    return full, full.mask(rng.random(full.shape) < share)


def test_a_gene_stays_with_half_of_its_values_and_goes_with_fewer():
    full, _ = with_holes(0)
    full.iloc[:30, 3] = np.nan
    full.iloc[:31, 4] = np.nan
    made = expression.prepare(full, unit="log2")
    assert made.dropped["reason"].to_dict() == {"G4": "more than half of its values are missing"}
    assert made.decisions[["what", "count"]].to_numpy().tolist() == [["genes dropped", 1], ["values imputed", 30]]
    assert made.measured["G3"].isna().sum() == 30
    assert not made.expression.isna().to_numpy().any()


def test_imputed_values_are_near_the_true_ones_and_measured_ones_stay():
    full, holes = with_holes(0.05)
    made = expression.prepare(holes, unit="log2")
    missing = holes.isna().to_numpy()
    assert made.expression.shape == full.shape
    assert np.array_equal(made.expression.to_numpy()[~missing], full.to_numpy()[~missing])
    error = {method: np.std((expression.impute(holes, method=method) - full).to_numpy()[missing]) for method in ("knn", "median")}
    assert error["knn"] < 0.7 * error["median"]
    pd.testing.assert_frame_equal(expression.impute(holes.iloc[::-1]).iloc[::-1], expression.impute(holes))


def test_the_median_of_the_gene_stands_in_where_asked_for():
    _, holes = with_holes(0.03)
    made = expression.prepare(holes, unit="log2", imputation="median")
    row, column = np.argwhere(holes.isna().to_numpy())[0]
    assert made.expression.iloc[row, column] == holes.iloc[:, column].median()


def test_a_patient_without_any_value_is_refused_and_one_with_few_is_told():
    full, _ = with_holes(0)
    full.iloc[2, :100] = np.nan
    assert expression.prepare(full, unit="log2").decisions["what"].tolist() == ["values imputed", "patients mostly imputed"]
    full.iloc[7] = np.nan
    with pytest.raises(ValueError, match=r"patient\(s\) P7 have no value of any gene; remove them"):
        expression.prepare(full, unit="log2")


def test_missing_counts_are_refused():
    counts = pd.DataFrame([[5, np.nan], [7, 900]], index=pd.Index(["A", "B"], name="patient"), columns=["G", "H"])
    with pytest.raises(ValueError, match=r"1 counts are missing, the first of patient 'A' and gene 'H'"):
        expression.prepare(counts, unit="counts")


RNG = np.random.default_rng(3)
TPM = RNG.lognormal(1, 2.5, (30, 400))
UNITS = {
    "counts": (RNG.poisson(RNG.lognormal(4, 2, 400), (30, 400)), "counts"),
    "tpm": (TPM / TPM.sum(axis=1, keepdims=True) * 1e6, "tpm"),
    "log2 tpm": (np.log2(TPM / TPM.sum(axis=1, keepdims=True) * 1e6 + 1), "log2"),
    "microarray": (RNG.normal(8, 2, (30, 400)).clip(2, 15.9), "log2"),
    "log2 of intensities": (RNG.normal(11, 2.5, (30, 400)).clip(4, 19), "log2"),
    "log2 ratios": (RNG.normal(RNG.normal(0, 3, 400), 0.8, (30, 400)), "log2"),
    "log2 fpkm with a pseudocount": (np.log2(RNG.lognormal(2, 2, (30, 400)) + 0.01), "log2"),
    "z-scores": (RNG.standard_normal((30, 400)), "zscore"),
}


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_is_guessed_with_its_evidence(name):
    values, unit = UNITS[name]
    guess = expression.guess_unit(pd.DataFrame(values))
    assert guess.unit == unit
    assert guess.why.startswith("values from ")


@pytest.mark.parametrize(
    ("rows", "columns", "patients", "expected"),
    [
        (["TP53", "MYC"], ["p-01", "P_2"], ["P01", "P02"], "rows"),
        (["TCGA.A8.A090.01A", "x"], ["Q1", "Q2"], ["TCGA-A8-A090"], "columns"),
        (["G1", "G2"], ["Entrez_Gene_Id", "a", "b"], ["other"], "rows"),
        (["a", "b"], ["TP53", "EGFR", "unheard"], ["other"], "columns"),
        (["a"], ["b"], ["c"], None),
    ],
)
def test_the_side_of_the_genes_is_found_by_patients_annotation_and_genes(rows, columns, patients, expected):
    assert expression.orientation(rows, columns, patients) == expected


@pytest.mark.parametrize(
    ("scale", "unit", "count"),
    [("log", "tpm", 1), ("log", "fpkm", 1), ("log", "log2", 0), ("linear", "log2", 1), ("linear", "tpm", 0)],
)
def test_a_unit_that_the_range_speaks_against_is_doubted(scale, unit, count):
    rng = np.random.default_rng(31)
    table = pd.DataFrame(rng.normal(6, 2, (25, 60)).clip(0), index=pd.Index([f"P{at}" for at in range(25)], name="patient"))
    table = table.add_prefix("G") if scale == "log" else np.exp2(table.add_prefix("G"))
    told = expression.prepare(table, unit=unit).decisions
    assert (told["what"] == "unit doubted").sum() == count == len(expression.doubt_unit(table, unit=unit))


def test_counts_given_to_modules_are_warned_of():
    rng = np.random.default_rng(8)
    counts = pd.DataFrame(rng.poisson(90, (20, 80)), index=pd.Index([f"P{at}" for at in range(20)], name="patient"))
    counts.columns = pd.Index([f"G{at}" for at in range(80)], name="gene")
    with pytest.warns(UserWarning, match=r"looks like raw counts \(whole numbers up to 1\d\d\)"):
        modules.find_modules(counts, power=6, min_size=20)
    with pytest.warns(UserWarning, match=r"looks like values on a linear scale, .* \(numbers up to 1\d\d\).*unit='tpm'"):
        modules.find_modules(counts * 1.013, power=6, min_size=20)


@pytest.mark.real
def test_the_real_cohort_with_missing_values_keeps_its_genes(real):
    path = real / "nsclc_radiogenomics" / "expression_zscore_1000x130.csv"
    made = expression.prepare(expression.read_expression(path, genes_in="rows"), unit="zscore", clip=4)
    assert made.expression.shape[1] >= 990
    assert not made.expression.isna().to_numpy().any()
    imputed = made.decisions.loc[made.decisions["what"] == "values imputed", "count"].item()
    assert imputed == made.measured.isna().to_numpy().sum() > 4_000


@pytest.mark.real
def test_real_units_are_guessed(real):
    files = {
        "nsclc_radiogenomics/expression_zscore_1000x130.csv": "zscore",
        "tcga_brca/expression_zscore_1558genes_956patients.csv.gz": "zscore",
    }
    for name, unit in files.items():
        guess = expression.guess_unit(expression.read_expression(real / name, genes_in="rows"))
        assert guess.unit == unit, name
