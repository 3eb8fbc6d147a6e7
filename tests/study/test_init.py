"""`init`: tables as people have them are read right or refused with their line, and the manifest says how and what to mend."""

import io
import tomllib

import numpy as np
import openpyxl
import pandas as pd
import pytest

from radiogenomics import cohort, expression, study
from radiogenomics.study.scaffold.columns import baseline, volume_column
from radiogenomics.study.scaffold.files import expression_file, patient_file, with_barcodes, with_patients
from radiogenomics.study.scaffold.writing import Remark, manifest_text

PATIENTS = ["QX-004", "QX-017", "QX-023", "QX-108"]
TABLE = pd.DataFrame(
    {"marker": [0.5, -1.25, 3.75, 2.125], "Größe": [12.0, 31.0, 8.0, 22.0], "stage": ["II", "III", "I", "II"]},
    index=pd.Index(PATIENTS, name="patient"),
)
GENES = pd.DataFrame(
    np.array([[7.5, 6.25, 8.0, 7.125], [2.5, 3.5, 2.75, 4.0], [9.0, 9.5, 8.25, 9.75]]),
    index=pd.Index(["TP53", "ESR1", "MKI67"], name="gene"),
    columns=PATIENTS,
)


def text(sep=",", decimal=".", table=TABLE, **how):
    return table.to_csv(sep=sep, decimal=decimal, **how)


def book(*sheets):
    """Write a workbook of (title, rows)."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets:
        page = made.create_sheet(title)
        for row in rows:
            page.append(list(row))
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def rows(table=TABLE):
    return [
        [table.index.name, *table.columns],
        *([name, *values] for name, values in zip(table.index, table.to_numpy(), strict=True)),
    ]


def renamed(names, table=TABLE):
    return table.set_axis(pd.Index(names, name="patient"))


def packed(table=TABLE):
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


READ = {
    "commas": ("t.csv", text(), {}),
    "semicolons": ("t.csv", text(";"), {"separator": ";"}),
    "semicolons and decimal commas": ("t.csv", text(";", ","), {"separator": ";", "decimal": ","}),
    "tabs": ("t.tsv", text("\t"), {"separator": "\t"}),
    "tabs in a file called csv": ("t.csv", text("\t"), {"separator": "\t"}),
    "tabs and decimal commas": ("t.txt", text("\t", ","), {"separator": "\t", "decimal": ","}),
    "bars": ("t.txt", text("|"), {"separator": "|"}),
    "a mark of UTF-8": ("t.csv", text().encode("utf-8-sig"), {}),
    "UTF-16": ("t.csv", text("\t").encode("utf-16"), {"separator": "\t", "encoding": "utf-16"}),
    "UTF-16 without a mark": ("t.csv", text(";").encode("utf-16-le"), {"separator": ";", "encoding": "utf-16-le"}),
    "Latin-1": ("t.csv", text(";", ",").encode("latin-1"), {"separator": ";", "decimal": ",", "encoding": "cp1252"}),
    "line ends of Windows": ("t.csv", text(lineterminator="\r\n"), {}),
    "blanks around names and values": ("t.csv", text().replace(",", " , ").replace("QX", " QX"), {}),
    "a line that names the separator": ("t.csv", "sep=;\n" + text(";"), {"separator": ";"}),
    "comments first": ("t.csv", "# exported by hand\n# twice\n" + text(), {}),
    "a caption": ("t.csv", "Table 2. Patients,,,\n" + text(), {}),
    "empty rows and a nameless empty column": (
        "t.csv",
        "\n".join(f"{line}," for line in text().splitlines()).replace("QX-023", ",,,,\nQX-023") + "\n",
        {},
    ),
    "every field in quotes": ("t.csv", text(quoting=1), {}),
    "a workbook": ("t.xlsx", book(("Tabelle1", rows())), {"sheet": "Tabelle1"}),
    "a workbook whose first sheet is a note": (
        "t.xlsx",
        book(("Read me", [["exported"], ["by", "hand"]]), ("Data", rows())),
        {"sheet": "Data"},
    ),
    "parquet": ("t.parquet", packed(), {}),
    "parquet called csv": ("t.csv", packed(), {}),
    "copies of a column and of a row": (
        "t.csv",
        text(table=pd.concat([TABLE, TABLE[["stage"]]], axis=1))
        + text(table=pd.concat([TABLE, TABLE[["stage"]]], axis=1)).splitlines()[2]
        + "\n",
        {},
    ),
}


@pytest.mark.parametrize("kind", READ)
def test_a_table_of_patients_is_read_and_its_manner_is_told(tmp_path, kind):
    name, content, keys = READ[kind]
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    own = patient_file("clinical", file, wanted="stage")
    assert own.keys == keys
    again = cohort.read_patients(file, **own.keys)  # as a study reads it, by the keys of its manifest
    pd.testing.assert_frame_equal(again, TABLE, check_dtype=False, check_index_type=False, check_column_type=False)


ROWS, COLUMNS = {"genes_in": "rows"}, {"genes_in": "columns"}
MATRICES = {
    "genes in rows": ("e.csv", text(table=GENES), ROWS),
    "genes in columns, tabs": ("e.txt", text("\t", table=GENES.T), {**COLUMNS, "separator": "\t"}),
    "decimal commas": ("e.csv", text(";", ",", table=GENES), {**ROWS, "separator": ";", "decimal": ","}),
    "patients with dots": ("e.csv", text(table=GENES.rename(columns=lambda name: name.replace("-", "."))), ROWS),
    "patients in small letters": ("e.csv", text(table=GENES.T.rename(str.lower)), COLUMNS),
    "SYMBOL|ID": ("e.txt", text("\t", table=GENES.rename(lambda name: f"{name}|7157")), {**ROWS, "separator": "\t"}),
    "annotation columns": ("e.csv", text(table=GENES.assign(Entrez_Gene_Id=[7157, 2099, 4288])), ROWS),
    "counts of no gene": ("e.csv", text() and text(table=GENES) + "N_unmapped,100,200,300,400\n", ROWS),
    "a gene twice": ("e.csv", text(table=GENES) + "TP53,1,9,1,9\n", {**ROWS, "duplicates": "highest_variance"}),
    "a gene without a symbol": ("e.csv", text(table=GENES) + "NA,1,9,1,9\n", {**ROWS, "unnamed": "drop"}),
}


@pytest.mark.parametrize("kind", MATRICES)
def test_an_expression_matrix_is_read_and_its_manner_is_told(tmp_path, kind):
    name, content, keys = MATRICES[kind]
    (tmp_path / name).write_text(content)
    own = expression_file(tmp_path / name, PATIENTS)
    assert own.keys == keys
    again = expression.read_expression(tmp_path / name, **own.keys)
    plain = again.rename(lambda label: label.upper().replace(".", "-")).loc[PATIENTS]
    assert list(plain.columns) == list(GENES.index)
    expected = GENES.T.assign(TP53=[1.0, 9.0, 1.0, 9.0]) if kind == "a gene twice" else GENES.T
    np.testing.assert_array_equal(plain, expected)


REFUSED = {
    "a row too long": ("t.csv", text().replace("0.5,", "0.5,1,"), "line 2 has 5 field(s) where the heading has 4"),
    "a row without patient": ("t.csv", text().replace("QX-017", ""), "(line 3)"),
    "above the limit": (
        "t.csv",
        "patient,x\n" + "".join(f"p{i},{i}.5\n" for i in range(8)) + "p9,>80\n",
        "'>80' (patient p9, line 10)",
    ),
    "two answers for one patient": ("t.csv", text() + "QX-017,9,9,I\n", "(QX-017 is in lines 3, 6)"),
    "a date of a web page": ("t.csv", "<!DOCTYPE html><html></html>", "web page"),
    "a heading alone": ("t.csv", "patient,marker\n", "heading and no row"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_table_that_cannot_be_read_is_refused_with_its_line(tmp_path, kind):
    name, content, message = REFUSED[kind]
    (tmp_path / name).write_text(content)
    assert patient_file("clinical", tmp_path / name).table is None
    with pytest.raises(ValueError, match=r"t\.csv") as error:
        cohort.read_patients(tmp_path / name)
    assert message in str(error.value)


WRITINGS = {
    "another case": ([name.lower() for name in PATIENTS], "plain"),
    "other signs": ([name.replace("-", "_") for name in PATIENTS], "plain"),
    "no leading zeros": (["QX-4", "QX-17", "QX-23", "QX-108"], "plain"),
    "as they are": (PATIENTS, None),
}


@pytest.mark.parametrize("kind", WRITINGS)
def test_identifiers_of_all_tables_are_brought_to_one_writing(tmp_path, kind):
    names, barcode = WRITINGS[kind]
    for name, table in (("f.csv", TABLE), ("c.csv", renamed(names))):
        table.to_csv(tmp_path / name)
    owns = with_barcodes([patient_file("features", tmp_path / "f.csv"), patient_file("clinical", tmp_path / "c.csv")])
    assert [own.keys.get("barcode") for own in owns] == [barcode, barcode]
    first, second = (cohort.read_patients(own.file, **own.keys) for own in owns)
    assert list(first.index) == list(second.index)


def test_samples_and_dots_of_tcga_become_patients(tmp_path):
    patients = ["TCGA-A8-A090", "TCGA-E2-A1B0", "TCGA-BH-A0B3"]
    renamed(patients, TABLE.iloc[:3]).to_csv(tmp_path / "f.csv")
    samples = [*(f"{name.replace('-', '.')}.01A.11R" for name in patients), "TCGA.A8.A090.11A.31R"]
    GENES.set_axis(samples, axis=1).to_csv(tmp_path / "e.csv")
    owns = with_barcodes([patient_file("features", tmp_path / "f.csv"), expression_file(tmp_path / "e.csv", patients)])
    assert [own.keys.get("barcode") for own in owns] == [None, "tcga"]
    assert list(owns[1].table.index) == patients  # the normal tissue of the first is out


def test_names_that_would_become_one_stay_as_they_are(tmp_path):
    renamed(["a1", "A1", "a2", "a3"]).to_csv(tmp_path / "f.csv")
    renamed(["A2", "A3", "a4", "a5"]).to_csv(tmp_path / "c.csv")
    owns = with_barcodes([patient_file("features", tmp_path / "f.csv"), patient_file("clinical", tmp_path / "c.csv")])
    assert [own.keys for own in owns] == [{}, {}]
    with pytest.raises(ValueError, match=r"a1 and A1 are all A1; correct them, or read the table with barcode = 'as-is'\.$"):
        cohort.read_patients(tmp_path / "f.csv", barcode="plain")


def test_a_number_as_r_and_spreadsheets_write_it():
    assert cohort.plain_patients(["X001", "12.0", "a.07", "S-10"]) == ["1", "12", "A-7", "S-10"]
    assert cohort.match_patients(["X01", "X12"], ["1", "12"]).names == {"X01": "1", "X12": "12"}


def test_the_column_of_patients_is_found_by_those_who_have_features(tmp_path):
    table = TABLE.reset_index().rename(columns={"patient": "study_code"})
    table.insert(0, "uuid", [f"9f{i}-e" for i in range(4)])
    table.to_csv(tmp_path / "c.csv", index=False)
    own = with_patients(patient_file("clinical", tmp_path / "c.csv"), PATIENTS)
    assert own.keys == {"patient": "study_code"}
    assert list(own.table.index) == PATIENTS


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["original_shape_SurfaceVolumeRatio", "original_shape_MeshVolume", "f"], "original_shape_MeshVolume"),
        (["CT_original_shape_VoxelVolume", "CT_wavelet-LLH_shape_Volume"], "CT_original_shape_VoxelVolume"),
        (["x", "Tumour volume (mm3)"], "Tumour volume (mm3)"),
        (["original_shape_MeshVolume", "VOLUME"], "VOLUME"),
        (["Size/Lesion volume (S1)", "Volume of most enhancing voxels (S4)"], "Size/Lesion volume (S1)"),
        (["FTV_cc", "SER"], "FTV_cc"),
        (["log_volume_change", "surface to volume"], None),
    ],
)
def test_the_volume_column_under_its_common_names(columns, expected):
    table = pd.DataFrame(np.arange(3.0 * len(columns)).reshape(3, -1), columns=columns)
    assert volume_column(table)[0] == expected


def test_a_volume_that_cannot_serve_is_told():
    table = pd.DataFrame({"volume": [1.0, np.nan, 3.0], "original_shape_MeshVolume": [2.0, 2.0, 2.0]})
    name, why = volume_column(table)
    assert name is None
    assert why == ["'volume' is missing for 1 patients", "'original_shape_MeshVolume' is the same in every patient"]


def test_clinical_columns_are_chosen_and_the_others_named():
    rng = np.random.default_rng(4)
    patients = pd.Index([f"p{i}" for i in range(60)], name="patient")
    outcome = pd.Series(np.arange(60) % 2, index=patients).astype(float)
    table = pd.DataFrame(
        {
            "age": rng.integers(30, 80, 60),
            "grade": rng.choice(["1", "2", "3"], 60),
            "age_months": 0.0,
            "node": outcome.map({0.0: "no", 1.0: "yes"}),
            "nodal_status": outcome.map({0.0: "N0", 1.0: "N+"}),
            "days_to_death": rng.integers(1, 900, 60),
            "menopause": [None] * 30 + ["pre", "post"] * 15,
            "visit_date": "2020-01-01",
            "remarks": [f"text {i}" for i in range(60)],
        },
        index=patients,
    )
    table["age_months"] = table["age"] * 12.0
    found = baseline(table, outcome, outcome_column="node")
    assert found.columns == ["age", "grade", "age_months"]
    assert found.fusion == ["age"]  # 30 of each class pay for two terms beside the signature; months follow from years
    assert set(found.left_out) == set(table.columns) - {*found.columns, "node"}
    assert found.left_out["nodal_status"] == "it tells the outcome"
    assert found.left_out["days_to_death"].startswith("known only later")


def test_comments_stand_above_the_nearest_key_that_is_there():
    raw = {"name": "x", "training": {"features": {"a.b": "f"}}, "sources": {"f": {"file": "f.csv", "separator": "\t"}}}
    remarks = [
        Remark(("sources", "f", "separator"), "found"),
        Remark(("training", "features", "a.b"), "bad\nname", wrong=True),
        Remark(("modules", "min_size"), "too large", wrong=True),
        Remark(("sources", "f", "encoding"), "unknown"),
    ]
    written = manifest_text(raw, remarks)
    assert tomllib.loads(written) == raw
    lines = written.splitlines()
    assert lines[lines.index('"a.b" = "f"') - 1] == "# PROBLEM: bad name"
    assert lines[lines.index('separator = "\\t"') - 1] == "# found"
    assert lines[lines.index("[sources.f]") - 1] == "# unknown"
    assert lines[0] == "# PROBLEM: too large"


# --- from files to a manifest ---


@pytest.fixture
def own(tmp_path):
    """Tables of 26 patients: German features, a workbook of clinical data with the age in its own file, genes by sample."""
    rng = np.random.default_rng(9)
    patients = pd.Index([f"BR{i:03d}" for i in range(1, 27)], name="patient")
    hidden = rng.normal(size=26)
    features = pd.DataFrame(rng.normal(size=(26, 6)), index=patients, columns=[f"glcm_{i}" for i in range(6)])
    features.insert(0, "original_shape_MeshVolume", np.exp(hidden + 6))
    features.to_csv(tmp_path / "features.csv", sep=";", decimal=",")
    status = pd.DataFrame({"status": ["pos", "neg"] * 13, "grade": rng.choice(["low", "high"], 26)}, index=patients)
    (tmp_path / "clinical.xlsx").write_bytes(book(("Notes", [["see", "Data"]]), ("Data", rows(status))))
    ages = pd.DataFrame({"age": rng.integers(30, 80, 26)}, index=patients.str.lower())
    ages.to_csv(tmp_path / "ages.txt", sep="\t")
    shared = 8 + hidden[:, None] + 0.3 * rng.normal(size=(26, 45))
    matrix = np.hstack([shared, 8 + rng.normal(size=(26, 25))])
    names = [f"GENE{i}" for i in range(70)]
    pd.DataFrame(matrix.T, index=pd.Index(names, name="gene"), columns=patients).to_csv(tmp_path / "expression.csv")
    return tmp_path


def call_init(own, **more):
    options = {"outcome": "status", "positive": ["pos"], "to": own / "study.toml"} | more
    clinical = options.pop("clinical", [own / "clinical.xlsx", own / "ages.txt"])
    return study.init(own / "features.csv", own / "expression.csv", clinical, **options)


def test_init_finds_out_what_a_user_would_have_to_say(own):
    (own / "study.toml").write_text("old")
    raw = tomllib.loads(call_init(own, overwrite=True).read_text())
    sources = raw["sources"]
    assert sources["features"] | {"licence": "", "citation": ""} == {
        "file": "features.csv", "licence": "", "citation": "", "separator": ";", "decimal": ",", "barcode": "plain",
    }  # fmt: skip
    assert sources["clinical_clinical"]["sheet"] == "Data"
    assert sources["clinical_ages"]["separator"] == "\t"
    assert "sha256" not in sources["expression"]
    assert raw["training"] == {
        "clinical": ["clinical_clinical", "clinical_ages"],
        "volume": "original_shape_MeshVolume",
        "features": {"imaging": "features"},
    }
    assert raw["clinical_columns"] == ["grade", "age"]
    assert raw["links"] == {"covariates": ["age"]}
    checked = study.check(own / "study.toml")
    assert checked.cohorts["training"].patients["age"].notna().all()  # the age's own file has small letters
    ages = (own / "ages.txt").read_text().splitlines()
    (own / "ages.txt").write_text("\n".join([*ages[:-1], "br026\t99"]) + "\n")
    again = study.check(own / "study.toml")  # one's own files may change
    assert again.cohorts["training"].patients.loc["BR26", "age"] == 99
    assert not (own / "study.toml.lock").exists()


def test_what_is_left_out_of_a_table_is_told_and_stands_beside_its_source(own):
    matrix = pd.read_csv(own / "expression.csv", index_col=0)
    matrix.insert(0, "Chromosome", "chr7")
    matrix.to_csv(own / "expression.csv")
    told = []
    lines = call_init(own, tell=told.append).read_text().splitlines()
    assert [(one.what, one.where, one.count) for one in told] == [("columns left out", "expression.csv", 1)]
    above = lines[: lines.index("[sources.expression]")]
    assert "expression.csv: columns left out (1): columns that describe genes: Chromosome" in above[-1]


def test_what_is_wrong_stands_in_the_manifest_beside_its_key(own):
    rest = pd.read_csv(own / "expression.csv", index_col=0)
    rest.iloc[:, :12].to_csv(own / "expression.csv")
    with pytest.raises(
        ValueError, match=r"study\.toml is written, with 2 problems as comments beside the keys; correct them"
    ) as error:
        call_init(own, positive=["yes"])
    assert "say which are positive with --positive" in str(error.value)
    assert "expression.source: `expression` has 12 patients; modules need at least 15" in str(error.value)
    text = (own / "study.toml").read_text()
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("positive = "))
    assert "PROBLEM: 'status' has the values neg, pos" in " ".join(lines[at - 2 : at])
    tomllib.loads(text)
    with pytest.raises(ValueError, match="exists already; choose another name with --to, or remove it, or write over it with"):
        call_init(own)


def test_a_table_that_cannot_be_read_leaves_a_manifest_to_mend(own):
    file = own / "features.csv"
    file.write_text(file.read_text().replace("BR004;", "BR004;1;"))
    with pytest.raises(ValueError, match=r"features\.csv: cannot be read as a table \(line 5 has 9 field\(s\)"):
        call_init(own)
    assert "# PROBLEM: " in (own / "study.toml").read_text()


def test_columns_that_two_clinical_tables_tell_differently_are_refused(own):
    other = pd.read_csv(own / "ages.txt", sep="\t", index_col=0).assign(grade="low")
    other.to_csv(own / "ages.txt", sep="\t")
    with pytest.raises(ValueError, match="column\\(s\\) grade of 'clinical_ages' are also in an earlier table, with other"):
        call_init(own)
