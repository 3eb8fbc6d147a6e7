"""Tables as people have them: every dialect reads to the same patients, and what is damaged is refused with its line."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from radiogenomics import cohort
from radiogenomics._files import MissingWords, read_table, table_reading

PLAIN = "subject,weight,marker,stage\nK-07,61.5,-0.25,II\nK-11,70.25,1.5,III\nK-23,58.75,0.125,II\n"
EXPECTED = pd.DataFrame(
    {"weight": [61.5, 70.25, 58.75], "marker": [-0.25, 1.5, 0.125], "stage": ["II", "III", "II"]},
    index=pd.Index(["K-07", "K-11", "K-23"], name="patient", dtype=object),
)


def semicolons(text=PLAIN):
    return text.replace(",", ";").replace(".", ",")


def tabs(text=PLAIN):
    return text.replace(",", "\t")


def short_heading(sign, quote=""):
    rows = [line.split(",") for line in PLAIN.splitlines()]
    rows[0] = rows[0][1:]
    words = [
        [f"{quote}{cell}{quote}" if not cell.strip("-").replace(".", "").isdigit() else cell for cell in row] for row in rows
    ]
    return "\n".join(sign.join(row) for row in words) + "\n"


def workbook(rows, title="Data", extra=(), before=()):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in [*before, *rows]:
        sheet.append(row)
    for name, content in extra:
        page = book.create_sheet(name)
        for row in content:
            page.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def parquet(table):
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


SHEET = [
    ["subject", "weight", "marker", "stage"],
    ["K-07", 61.5, -0.25, "II"],
    ["K-11", 70.25, 1.5, "III"],
    ["K-23", 58.75, 0.125, "II"],
]
DIALECTS = {
    "commas.csv": PLAIN,
    "commas.txt": PLAIN,
    "commas.tsv": PLAIN,
    "semicolons.csv": semicolons(),
    "semicolons and points.csv": PLAIN.replace(",", ";"),
    "tabs.tsv": tabs(),
    "tabs.csv": tabs(),
    "tabs and decimal commas.txt": tabs(semicolons().replace(";", "\t").replace(",", "§")).replace("§", ","),
    "bars.csv": PLAIN.replace(",", "|"),
    "quoted decimal commas.csv": "subject,weight,marker,stage\n"
    'K-07,"61,5","-0,25",II\nK-11,"70,25","1,5",III\nK-23,"58,75","0,125",II\n',
    "every field quoted.csv": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in PLAIN.splitlines()),
    "windows.csv": PLAIN.replace("\n", "\r\n"),
    "old mac.csv": PLAIN.replace("\n", "\r"),
    "no last line end.csv": PLAIN.rstrip("\n"),
    "blank lines.csv": PLAIN.replace("\n", "\n\n"),
    "excel's empty rows.csv": PLAIN + ",,,\n,,,\n",
    "excel's separator line.csv": "sep=;\n" + semicolons(),
    "trailing commas.csv": "\n".join(line + ",," for line in PLAIN.splitlines()),
    "trailing commas below the heading.csv": "\n".join(line + ("," if at else "") for at, line in enumerate(PLAIN.splitlines())),
    "blanks after commas.csv": PLAIN.replace(",", ", "),
    "blanks around all.csv": PLAIN.replace(",", " , ").replace("\n", " \n"),
    "no-break blanks.csv": PLAIN.replace("K-11,", "K-11\u00a0,"),
    "minus sign.csv": PLAIN.replace("-0.25", "\u22120.25"),
    "byte order mark.csv": b"\xef\xbb\xbf" + PLAIN.encode(),
    "utf-16.csv": PLAIN.encode("utf-16"),
    "utf-16 of excel.txt": tabs().encode("utf-16"),
    "utf-16 without mark.csv": PLAIN.encode("utf-16-le"),
    "dos end.csv": PLAIN + "\x1a",
    "r.txt": short_heading("\t"),
    "r.csv": short_heading(","),
    "r with blanks.txt": short_heading(" ", '"'),
    "pandas index.csv": "".join(f"{'' if not at else at - 1},{line}\n" for at, line in enumerate(PLAIN.splitlines())),
    "one comment.tsv": "# made by a workstation\n" + tabs(),
    "cbioportal.txt": "#Subject\tWeight\tMarker\tStage\n#id\tkg\ta\tb\n#STRING\tNUMBER\tNUMBER\tSTRING\n#1\t1\t1\t1\n" + tabs(),
    "marked heading.tsv": "#" + tabs(),
    "caption.csv": "Table S2. Patients of the second site,,,\n" + PLAIN,
    "packed.csv.gz": gzip.compress(PLAIN.encode()),
    "packed.csv.bz2": bz2.compress(PLAIN.encode()),
    "packed.csv.xz": lzma.compress(PLAIN.encode()),
    "packed.csv.zip": zipped(("table.csv", PLAIN), ("__MACOSX/._table.csv", b"x")),
    "packed.tar.gz": tarred("inner.csv", PLAIN.encode()),
    "packed without saying so.csv": gzip.compress(PLAIN.encode()),
    "unpacked on the way.csv.gz": PLAIN,
    "sheet.xlsx": workbook(SHEET),
    "second sheet.xlsx": workbook(SHEET, extra=[("Legend", [["word", "meaning"], ["II", "two"]])]),
    "sheet with caption.xlsx": workbook(SHEET, before=[["Table 1"], []]),
    "sheet with an empty column.xlsx": workbook([[*row, None] for row in SHEET]),
    "columns.parquet": parquet(EXPECTED.reset_index(names="subject")),
    "named index.parquet": parquet(EXPECTED.rename_axis("subject")),
    "index without name.parquet": parquet(EXPECTED.rename_axis(None)),
}


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_reads_to_the_same_patients(tmp_path, name):
    table = cohort.read_patients(written(tmp_path, name, DIALECTS[name]))
    pd.testing.assert_frame_equal(table, EXPECTED, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("semicolons.csv", {"separator": ";", "decimal": ","}),
        ("utf-16.csv", {"encoding": "utf-16"}),
        ("second sheet.xlsx", {"sheet": "Data"}),
    ],
)
def test_what_is_said_of_a_file_holds(tmp_path, name, options):
    table = cohort.read_patients(written(tmp_path, name, DIALECTS[name]), **options)
    pd.testing.assert_frame_equal(table, EXPECTED, check_dtype=False)


DAMAGED = {
    "cut.csv": (PLAIN[: PLAIN.rindex(",")], r"line 4 has 3 field\(s\) where the heading has 4\); the file was cut there"),
    "short line.tsv": (
        tabs(PLAIN).replace("70.25\t", ""),
        r"line 3 has 3 field\(s\) where the heading has 4\); correct that line",
    ),
    "long line.csv": (PLAIN.replace("70.25", "70,25"), r"line 3 has 5 field\(s\) where the heading has 4"),
    "long line after blanks.csv": ("\n\n" + PLAIN.replace("70.25", "70,25"), r"line 5 has 5 field\(s\)"),
    "a further field.csv": (
        "\n".join(line + (",x" if at else "") for at, line in enumerate(PLAIN.splitlines())),
        r"every row has 5 fields, one more than the heading, which begins with 'subject'",
    ),
    "nul.csv": (PLAIN.replace("1.5,III", "1.\x005,III"), r"line 3 holds the control character '\\x00'"),
    "control.csv": (PLAIN.replace("III", "I\x02I"), r"line 3 holds the control character"),
    "open quote.csv": (PLAIN.replace("70.25", '"70.25'), r"a quote that opens in line 3 is not closed"),
    "two files joined.csv": ("\ufeff" + PLAIN + "\ufeff" + PLAIN, r"line 5 holds the control character"),
    "two encodings.csv": (
        PLAIN.replace("II\n", "Köln\n", 1).encode() + "K-30,1,1,Köln\n".encode("latin-1"),
        r"it mixes UTF-8 \(line 2\) and another encoding \(line 5\)",
    ),
    "wrong encoding.csv": ("Straße\n".encode("latin-1"), r"it has a heading and no row"),
    "heading alone.csv": (PLAIN.splitlines()[0], r"it has a heading and no row"),
    "nothing.csv": (" \n", r"it is empty"),
    "cut.csv.gz": (gzip.compress(PLAIN.encode() * 50)[:-12], r"it is packed, and damaged or cut"),
    "cut.csv.bz2": (bz2.compress(PLAIN.encode() * 50)[:-9], r"it is packed, and damaged or cut"),
    "two.zip": (zipped(("a.csv", PLAIN), ("b.csv", PLAIN)), r"it is an archive of 2 files: a\.csv, b\.csv\); unpack it"),
    "none.zip": (zipped(), "PK|archive of 0 files|cannot be read"),
    "sheet.xls": (b"\xd0\xcf\x11\xe0" + bytes(600), r"it is an old Excel file \(\.xls\)\); save it as \.xlsx or CSV"),
    "cut.xlsx": (workbook(SHEET)[:-400], r"it is an Excel workbook, and damaged or cut"),
    "formula.xlsx": (
        workbook([*SHEET, ["K-30", "=1+1", 1, "II"]]),
        r"sheet 'Data', row 5 holds the formula '=1\+1' without its result",
    ),
    "empty.xlsx": (workbook([]), r"every sheet is empty"),
    "page.csv": ("<!DOCTYPE html><html><body>Sign in</body></html>", r"it is a web page or XML"),
    "part of a page.csv": ("<div class=x><table><tr><td>subject</td></tr></table></div>\n<p>1</p>", r"it is a web page or XML"),
    "records.json": ('[\n {"subject": "K-07", "weight": 61.5},\n {"subject": "K-11"}]', r"it is JSON\); write it as a table"),
    "two separators.csv": (
        "case;weight,stage\nK-07;61,II\nK-11;70,III\n",
        r"commas and semicolons part its lines alike.*say which parts the fields with `separator`",
    ),
    "pointer.csv": ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"it is a Git LFS pointer"),
    "nameless.csv": (PLAIN.replace("marker", ""), r"column 3 has values and no name"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_is_refused_with_its_place(tmp_path, name):
    content, message = DAMAGED[name]
    with pytest.raises(ValueError, match=message):
        cohort.read_patients(written(tmp_path, name, content))


def test_latin_1_names_stay_apart_and_the_encoding_is_said(tmp_path):
    text = "patient,x\nMüller,1\nMöller,2\nMäller,3\n"
    reading = cohort.patients_reading(written(tmp_path, "a.csv", text.encode("latin-1")))
    assert reading.table.index.tolist() == ["Müller", "Möller", "Mäller"]
    assert reading.decisions["what"].tolist() == ["encoding"]
    assert "Möller, Müller" in reading.decisions["why"].iloc[0]
    assert reading.decisions["count"].tolist() == [3]


def test_one_name_written_in_two_ways_of_unicode_is_one(tmp_path):
    import unicodedata

    composed = cohort.read_patients(written(tmp_path, "a.csv", "patient,x\nZoë,1\n"))
    apart = cohort.read_patients(written(tmp_path, "b.csv", unicodedata.normalize("NFD", "patient,x\nZoë,1\n")))
    assert composed.index.equals(apart.index)


@pytest.mark.parametrize(
    "word",
    [
        "Not Collected",
        "not collected",
        "NOT_RECORDED",
        "[Not Evaluated]",
        "(unknown)",
        "N/A",
        "NC",
        "NP",
        "--",
        "?",
        "#REF!",
        "Unknown/Not Reported",
    ],
)
def test_a_word_for_missing_is_missing_everywhere_and_counted_by_column(tmp_path, word):
    rows = "".join(f"P{at},{word if at % 3 == 0 else 40 + at},{word if at == 5 else 'yes'}\n" for at in range(9))
    reading = cohort.patients_reading(written(tmp_path, "a.csv", "patient,age,smoker\n" + rows))
    assert reading.table["age"].dtype == float
    assert reading.table.isna().sum().to_dict() == {"age": 3, "smoker": 1}
    assert reading.decisions["where"].tolist() == ["a.csv, column 'age'", "a.csv, column 'smoker'"]
    assert reading.decisions["count"].tolist() == [3, 1]
    assert reading.decisions["why"].iloc[0] == f'"{word}" (3)'


@pytest.mark.parametrize("word", ["None", "No", "NX", "Not detected", "Not performed", "0", "Indeterminate", "Nat"])
def test_a_word_with_a_meaning_is_kept(word):
    assert not MissingWords().includes(word)


def test_words_of_ones_own_are_missing_too(tmp_path):
    path = written(tmp_path, "a.csv", "patient,age,grade\nA,-9,2\nB,51,verloren\nC,47,Unknown\n")
    table = cohort.read_patients(path, missing=["verloren", "-9"])
    assert table["age"].tolist()[1:] == [51, 47]
    assert table.isna().sum().to_dict() == {"age": 1, "grade": 2}


@pytest.mark.parametrize("entry", [">80", "< 0.1", "72 years", "65*", "60-64", "61,5", "~70"])
def test_an_entry_amid_numbers_is_named_with_patient_and_line(tmp_path, entry):
    rows = "".join(f"Q{at}\t{entry if at == 7 else 50.5 + at}\t{'2' if at % 2 else '3a'}\n" for at in range(12))
    path = written(tmp_path, "a.tsv", "patient\tage\tstage\n" + rows)
    with pytest.raises(
        ValueError,
        match=rf"column 'age' holds numbers, but for '{entry.replace('*', '[*]')}' \(patient Q7, line 9\); write a number",
    ):
        cohort.read_patients(path)
    assert cohort.read_patients(path, missing=[entry])["age"].isna().sum() == 1
    assert cohort.read_patients(path, text_columns=["age"])["age"].iloc[7] == entry


def test_a_quote_that_is_a_letter_in_a_tabbed_file_is_kept_and_told(tmp_path):
    path = written(tmp_path, "a.tsv", 'patient\tsize\tnote\nA\t1\t"so-called\nB\t2\tplain\n')
    reading = cohort.patients_reading(path)
    assert reading.table["note"].tolist() == ['"so-called', "plain"]
    assert reading.decisions["what"].tolist() == ["quotes"]


def test_grades_and_codes_with_signs_stay_words(tmp_path):
    rows = "".join(f"Q{at},{['0', '1+', '2+', '3+'][at % 4]},{['1', '2', '4a'][at % 3]}\n" for at in range(12))
    table = cohort.read_patients(written(tmp_path, "a.csv", "patient,her2,stage\n" + rows))
    assert table["her2"].tolist()[:3] == ["0", "1+", "2+"]


def test_words_amid_numbers_are_told(tmp_path):
    rows = "".join(f"Q{at},{'polysomy' if at == 4 else at * 1.5}\n" for at in range(20))
    reading = cohort.patients_reading(written(tmp_path, "a.csv", "patient,copies\n" + rows))
    assert reading.table["copies"].iloc[4] == "polysomy"
    assert reading.decisions["what"].tolist() == ["words amid numbers"]
    assert "'polysomy' (patient Q4, line 6)" in reading.decisions["why"].iloc[0]


@pytest.mark.parametrize("identifier", ["", " ", "NA", "nan", "n/a", "Unknown", "--"])
def test_a_row_without_identifier_is_refused_with_its_line(tmp_path, identifier):
    path = written(tmp_path, "a.csv", f"patient,x\nA,1\n{identifier},2\nB,3\n")
    with pytest.raises(ValueError, match=r"1 row\(s\) have no patient identifier in column 'patient' \(line 3\)"):
        cohort.read_patients(path)


def test_a_comma_that_may_mean_two_things_is_refused_and_can_be_told(tmp_path):
    path = written(tmp_path, "a.csv", 'patient,cells\nA,"1,250"\nB,"2,500"\n')
    with pytest.raises(
        ValueError, match=r"column\(s\) cells hold numbers with a comma, while it may separate thousands; give decimal"
    ):
        cohort.read_patients(path)
    assert cohort.read_patients(path, decimal=",")["cells"].tolist() == [1.25, 2.5]
    assert cohort.read_patients(path, decimal=".")["cells"].tolist() == [1250, 2500]
    mixed = written(tmp_path, "b.csv", "patient;a;b\nA;1,5;1.5\nB;2,5;2.5\n")
    with pytest.raises(ValueError, match=r"column\(s\) a hold numbers with a comma, while others have a point"):
        cohort.read_patients(mixed)


def test_every_choice_of_a_dialect_is_recorded(tmp_path):
    made = table_reading(written(tmp_path, "a.csv", "# one\n" + semicolons()))
    assert made.decisions.columns.tolist() == ["what", "where", "count", "why"]
    assert made.decisions["what"].tolist() == ["comment lines", "separator", "decimal comma"]
    assert made.decisions["count"].tolist() == [1, 1, 2]
    assert table_reading(written(tmp_path, "b.csv", PLAIN)).decisions.empty


def test_copies_of_a_column_are_one_and_other_values_are_kept_apart(tmp_path):
    path = written(tmp_path, "a.csv", "patient,size,size,side,side\nA,1,1,left,left\nB,2,3,right,right\n")
    reading = cohort.patients_reading(path)
    assert reading.table.columns.tolist() == ["size", "size.1", "side"]
    assert reading.decisions["what"].tolist() == ["copies of columns", "names numbered"]


def test_pyradiomics_notes_are_no_features(tmp_path):
    text = "patient,diagnostics_Image-original_Mean,diagnostics_Versions_Numpy,original_shape_Flatness\nA,5.1,1.2,0.5\nB,5.2,1.2,0.4\n"
    reading = cohort.patients_reading(written(tmp_path, "a.csv", text))
    assert reading.table.columns.tolist() == ["original_shape_Flatness"]
    assert reading.decisions["count"].tolist() == [2]


def test_the_patient_column_is_found_behind_measurements(tmp_path):
    path = written(tmp_path, "a.csv", "volume,entropy,ID\n1.5,2.5,X1\n1.25,2,X2\n")
    reading = cohort.patients_reading(path)
    assert reading.table.index.tolist() == ["X1", "X2"]
    assert reading.decisions["what"].tolist() == ["patient column"]


def test_zeros_before_a_number_stay_in_text_and_in_a_sheet_that_shows_them(tmp_path):
    book = openpyxl.Workbook()
    for row in (["patient", "x"], [7, 1], [12, 2]):
        book.active.append(row)
    for row in (2, 3):
        book.active.cell(row, 1).number_format = "0000"
    book.save(tmp_path / "a.xlsx")
    assert cohort.read_patients(tmp_path / "a.xlsx").index.tolist() == ["0007", "0012"]
    assert cohort.read_patients(written(tmp_path, "b.csv", "id,x\n0007,1\n")).index.tolist() == ["0007"]


def test_numbers_as_identifiers_of_parquet_have_no_point(tmp_path):
    pd.DataFrame({"patient": [3.0, 14.0], "x": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    assert cohort.read_patients(tmp_path / "a.parquet").index.tolist() == ["3", "14"]


def test_the_sheet_that_is_not_there_is_named(tmp_path):
    path = written(tmp_path, "a.xlsx", workbook(SHEET))
    with pytest.raises(ValueError, match=r"has no sheet 'Patients'; its sheets are Data"):
        read_table(path, sheet="Patients")


@pytest.mark.parametrize(
    ("given", "known", "names"),
    [
        (["p01", "P02"], ["P01", "P02"], {"p01": "P01", "P02": "P02"}),
        (["K.7", "K-012"], ["K_007", "K_12"], {"K.7": "K_007", "K-012": "K_12"}),
        (["TCGA.A8.A090.01A", "x"], ["TCGA-A8-A090"], {"TCGA.A8.A090.01A": "TCGA-A8-A090"}),
        (["1", "01"], ["001"], {}),
        (["patch1", "patch10"], ["patch10", "patch1"], {"patch1": "patch1", "patch10": "patch10"}),
    ],
)
def test_patients_are_found_however_they_are_written_and_never_two_as_one(given, known, names):
    found = cohort.match_patients(given, known)
    assert found.names == names
    assert found.unmatched == [text for text in given if text not in names]
    assert found.decisions["count"].sum() == sum(text != other for text, other in names.items())


@pytest.mark.real
def test_the_real_sheets_are_read_with_their_words(real):
    duke = cohort.patients_reading(real / "duke" / "Clinical_and_Other_Features.xlsx")
    assert duke.table.shape == (922, 96)
    assert "sheet" in duke.decisions["what"].tolist()
    assert duke.table["Mol Subtype"].dropna().isin([0, 1, 2, 3]).all()
    nsclc = cohort.patients_reading(real / "nsclc_radiogenomics" / "clinical.csv")
    weight = nsclc.decisions.loc[nsclc.decisions["where"].str.contains("Weight"), "why"].item()
    assert weight == '"Not Collected" (59)'
    assert nsclc.table["Weight (lbs)"].dtype == float
    assert np.isnan(nsclc.table["Weight (lbs)"]).sum() == 59


@pytest.mark.real
def test_a_biotab_tells_its_rows_of_heading(real):
    path = real / "tcga_brca" / "nationwidechildrens.org_clinical_patient_brca.txt"
    assert len(cohort.read_patients(path, patient="bcr_patient_barcode", barcode="tcga")) == 1097
