"""Tables that were once misread without a word: each is read rightly, or refused with its place."""

import numpy as np
import pandas as pd
import pytest

from radiogenomics import cohort, expression, validation
from radiogenomics._errors import InputError
from radiogenomics._files import is_missing_word
from radiogenomics.study.inputs.checks import check, decided
from radiogenomics.study.manifest.errors import ManifestError
from tests.helpers import tiny_study


def written(folder, text, name="table.csv"):
    (folder / name).write_text(text)
    return folder / name


def matrix(folder, notes, *, footer="", label="{}"):
    """A matrix of 12 genes and 6 patients with columns of notes between symbol and patients."""
    rng = np.random.default_rng(4)
    lines = [",".join(["symbol", *notes, *(f"K{i}" for i in range(6))])]
    for gene in range(12):
        name = label.format("") if gene == 5 and "{}" not in label else f"GEN{gene}A"
        lines.append(
            ",".join([name, *[note.format(gene) for note in notes.values()], *(f"{x:.4f}" for x in rng.normal(7, 1, 6))])
        )
    return written(folder, "\n".join(lines) + "\n" + footer)


@pytest.mark.parametrize(
    "word", ["NOT REPORTED", "n/k", "NotAssessed", "data not available", "keine Angabe", "不明", "Unspecified", "\\N"]
)
def test_words_for_missing_in_any_case_and_some_languages(word):
    assert is_missing_word(word)


def test_not_reported_is_a_class_beside_reported(tmp_path):
    rows = "".join(f"Q{i},{'reported' if i % 2 else 'not reported'}\n" for i in range(8))
    table = cohort.read_patients(written(tmp_path, "patient,family history\n" + rows))
    assert table["family history"].nunique() == 2


@pytest.mark.parametrize(("minus", "plus"), [("-", "+"), ("--", "++"), ("–", "(+)")])
def test_a_minus_is_a_class_beside_a_plus_and_missing_alone(tmp_path, minus, plus):
    rows = "".join(f"Q{i},{minus if i % 3 else plus},{minus if i % 3 else i}\n" for i in range(12))
    table = cohort.read_patients(written(tmp_path, "patient,her2,weight\n" + rows))
    assert table["her2"].value_counts().to_dict() == {minus: 8, plus: 4}
    assert table["weight"].isna().sum() == 8


@pytest.mark.parametrize("entry", ["<LLOQ", "3/20", "61?", "(61)", "less than 4", "inf", "≥ 75"])
def test_an_entry_that_keeps_numbers_from_being_numbers_is_refused_with_its_line(tmp_path, entry):
    rows = "".join(f"Q{i},{i * 3 + 20}\n" for i in range(14))
    with pytest.raises(InputError, match="line 16"):
        cohort.read_patients(written(tmp_path, f"patient,ki67\n{rows}Q99,{entry}\n"))


@pytest.mark.parametrize("write", ["{} %", "2'{:03d}", "{} mm"])
def test_a_column_of_numbers_with_signs_is_said_to_be_words(tmp_path, write):
    rows = "".join(f"Q{i},{write.format(i + 10)}\n" for i in range(9))
    decisions = cohort.patients_reading(written(tmp_path, "patient,share\n" + rows)).decisions
    assert decisions["what"].tolist() == ["numbers read as words"]


@pytest.mark.parametrize("name", ["None", "[Not Available]", "n.a.", "Mean", "Std. Dev.", "GRAND TOTAL"])
def test_a_row_that_names_no_patient_is_refused(tmp_path, name):
    name = name.replace("Std. Dev.", "Std.")
    with pytest.raises(InputError, match="line 4"):
        cohort.read_patients(written(tmp_path, f"patient,age\nQ1,50\nQ2,60\n{name},55\n"))


def test_a_heading_with_a_hash_below_comments_is_the_heading(tmp_path):
    table = cohort.read_patients(written(tmp_path, "## exported\n## by a pipeline\n#patient,age\nQ1,50\nQ2,60\n"))
    assert list(table.index) == ["Q1", "Q2"]
    assert list(table.columns) == ["age"]


@pytest.mark.parametrize(
    "notes",
    [
        {"NCBI GeneID": "90{}", "gc_percent": "0.4{}"},
        {"external_gene_name": "GEN{}A", "transcript_length": "12{}"},
        {"chromStart": "7{}", "chromEnd": "8{}", "log2FoldChange": "0.{}", "padj": "0.0{}"},
    ],
)
def test_what_describes_genes_is_no_patient(tmp_path, notes):
    table = expression.read_expression(matrix(tmp_path, notes), genes_in="rows")
    assert list(table.index) == [f"K{i}" for i in range(6)]


def test_a_column_of_whole_numbers_among_fractions_is_refused_whatever_its_name(tmp_path):
    with pytest.raises(InputError, match="vega"):
        expression.read_expression(matrix(tmp_path, {"vega": "44{}"}), genes_in="rows")


def test_sums_below_a_matrix_and_ages_beside_one_are_no_genes(tmp_path):
    footer = "Total_reads" + ",900.5" * 6 + "\nLibrary size" + ",901.5" * 6 + "\n"
    assert expression.read_expression(matrix(tmp_path, {}, footer=footer), genes_in="rows").shape == (6, 12)
    turned = written(tmp_path, "sample,age,Batch,ABC1,DEF2\nK1,51,1,3.5,2.5\nK2,47,2,4.5,1.5\n")
    assert list(expression.read_expression(turned, genes_in="columns").columns) == ["ABC1", "DEF2"]


def test_numbers_about_genes_among_counts_are_told_whatever_their_heading(tmp_path):
    rng = np.random.default_rng(8)
    level = np.exp(rng.normal(5, 2, 120))
    table = pd.DataFrame(
        {f"K{i}": rng.poisson(level * rng.gamma(4, 0.25, 120)) for i in range(7)}, index=[f"GEN{i}A" for i in range(120)]
    )
    table.insert(0, "kb100", rng.integers(3, 900, 120))
    table.to_csv(tmp_path / "counts.csv", index_label="symbol")
    decisions = expression.expression_reading(tmp_path / "counts.csv", genes_in="rows").decisions
    assert decisions[["what", "count"]].to_numpy().tolist() == [["patients unlike the others", 1]]
    assert "kb100" in decisions["why"][0]
    table.drop(columns="kb100").T.to_csv(tmp_path / "counts.csv", index_label="patient")
    assert expression.expression_reading(tmp_path / "counts.csv", genes_in="columns").decisions.empty
    spread = pd.DataFrame(rng.normal(size=(120, 9)), index=table.index, columns=[f"K{i}" for i in range(9)])
    spread.to_csv(tmp_path / "z.csv", index_label="symbol")
    assert expression.expression_reading(tmp_path / "z.csv", genes_in="rows").decisions.empty


@pytest.mark.parametrize("label", ["None", "Unknown", "[not available]", "N.A."])
def test_a_gene_called_missing_is_no_gene(tmp_path, label):
    with pytest.raises(InputError, match="no symbol"):
        expression.read_expression(matrix(tmp_path, {}, label=label), genes_in="rows")


def test_a_patient_called_nan_is_refused_in_a_matrix(tmp_path):
    path = matrix(tmp_path, {})
    path.write_text(path.read_text().replace("K3", "nan"))
    with pytest.raises(InputError, match="no identifier"):
        expression.read_expression(path, genes_in="rows")


def people(names, seed=0):
    return pd.DataFrame(
        np.random.default_rng(seed).normal(size=(len(names), 6)), columns=list("uvwxyz"), index=pd.Index(names, name="patient")
    )


def test_names_written_alike_stay_in_one_fold_and_never_in_two_cohorts(caplog):
    from radiogenomics.validation._cohorts import check_cohort, check_external, keep_copies_together

    table = people([f"AB-{i:02d}" for i in range(20)] + ["ab.7"])
    outcome = pd.Series(np.arange(21) % 2, index=table.index)
    training = keep_copies_together(check_cohort("training", table, outcome))
    groups = pd.Series(training.groups, index=training.features.index)
    assert groups["AB-07"] == groups["ab.7"]
    assert groups.nunique() == 20
    assert "AB-07 and ab.7" in caplog.text
    other = people([f"X{i}" for i in range(9)] + ["AB 3"], seed=1)
    with pytest.raises(InputError, match="'AB 3' and 'AB-03'"):
        check_external(training, {"other": (other, pd.Series(np.arange(10) % 2, index=other.index))}, None)


@pytest.mark.parametrize("name", ["StudyDate", "scan_year", "MRN", "reader", "SeriesNumber", "FieldStrength", "protocol_id"])
def test_a_column_that_says_when_or_by_whom_is_named(name):
    table = people([f"p{i * 37 % 101}" for i in range(30)])
    assert validation.find_leaks(table.assign(**{name: table["u"]}))["column"].tolist() == [name]


def test_a_column_that_parts_the_classes_without_an_error_is_named():
    table = people([f"p{i * 37 % 101}" for i in range(30)])
    outcome = pd.Series(np.arange(30) % 2, index=table.index)
    found = validation.find_leaks(table.assign(score=-4.0 * outcome + table["u"] / 10), outcome)
    assert found[["column", "kind"]].to_numpy().tolist() == [["score", "the outcome in disguise"]]


def test_a_code_of_two_sites_beside_measurements_is_named():
    rng = np.random.default_rng(7)
    outcome = pd.Series(np.arange(60) % 2, index=[f"S{i:02d}" for i in rng.permutation(60)])
    table = pd.DataFrame(rng.normal(size=(60, 5)), index=outcome.index).add_prefix("u")
    code = outcome.where(rng.random(60) < 0.85, 1 - outcome)
    kinds = [validation.find_leaks(table.assign(w=code * step + 1), outcome)["kind"].tolist() for step in (1, 4)]
    assert kinds == [["code that tells the outcome"]] * 2
    words = (table > 0).astype(int).assign(w=code)
    assert validation.find_leaks(words, outcome).empty


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return tiny_study.write(tmp_path_factory.mktemp("silent") / "study")


def change(study, folder, file, how):
    import shutil

    shutil.copytree(study.parent, folder / "s")
    table = pd.read_csv(folder / "s" / file, index_col=0)
    how(table).to_csv(folder / "s" / file)
    return folder / "s" / study.name


def copied(table):
    first = pd.read_csv(copied.training, index_col=0).iloc[[9]].round(2)
    return pd.concat([table, first.set_axis(["E99"], axis=0)])


def test_check_refuses_patients_written_in_two_ways_and_copies_in_another_cohort(study, tmp_path):
    for number, (file, how, message) in enumerate(
        [
            ("clinical_training.csv", lambda table: table.rename({"T05": "t-5"}), "T05 is t-5"),
            ("expression.csv", lambda table: table.rename(columns={"T07": "T.07"}), "T07 is T.07"),
            ("features_external.csv", lambda table: table.rename({"E03": "t_03"}), "t_03 is T03"),
            ("features_external.csv", copied, "E99 is T09"),
        ]
    ):
        copied.training = study.parent / "features_training.csv"
        with pytest.raises(ManifestError, match=message):
            check(change(study, tmp_path / str(number), file, how))


def test_check_tells_of_a_patient_who_stands_in_the_expression_twice(study, tmp_path):
    noise = np.random.default_rng(1).normal(scale=0.01, size=90)
    path = change(study, tmp_path, "expression.csv", lambda table: table.assign(K7=table["T11"] + noise))
    said = decided(check(path).inputs).set_index("what")
    assert "T11 and K7" in said.loc["patients twice", "why"]


def test_check_tells_of_patients_whom_one_table_of_features_lacks(study, tmp_path):
    import tomllib

    import tomli_w

    from radiogenomics.study.manifest.model import read_manifest  # the second kind of features is a part of the first

    path = change(study, tmp_path, "assays.csv", lambda table: table)
    raw = tomllib.loads(path.read_text())
    for name in ("training", "external"):
        table = pd.read_csv(path.parent / f"features_{name}.csv", index_col=0)
        table.iloc[2 if name == "training" else 0 :].add_prefix("deep_").to_csv(path.parent / f"deep_{name}.csv")
        raw["sources"][f"deep_{name}"] = {"file": f"deep_{name}.csv", "licence": "simulated", "citation": "simulated"}
    raw["training"]["features"]["deep"], raw["external"]["other"]["features"]["deep"] = "deep_training", "deep_external"
    path.write_text(tomli_w.dumps(raw))
    assert read_manifest(path).kinds()
    said = decided(check(path).inputs).set_index("what")
    assert "T00 (no deep), T01 (no deep)" in said.loc["patients left out", "why"]
