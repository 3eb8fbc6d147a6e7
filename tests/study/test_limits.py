"""What a run would refuse after minutes is said by `check`, and what need not stop a study does not."""

import os
import tomllib

import numpy as np
import pandas as pd
import pytest
import tomli_w

from radiogenomics import linking, study
from radiogenomics.figures._style import module_rgb
from radiogenomics.modules import color_names
from radiogenomics.study.inputs import gather
from radiogenomics.study.manifest.errors import ManifestError
from radiogenomics.study.presentation.links import _groups, _shared_names, _told_apart
from tests.helpers import tiny_study


@pytest.fixture
def tiny(tmp_path):
    """A study of tables, free to be changed: its manifest by a function, and its tables by others, by name."""
    path = tiny_study.write(tmp_path / "inputs")

    def apply(change=None, **tables):
        raw = tomllib.loads(path.read_text())
        if change is not None:
            change(raw)
            path.write_text(tomli_w.dumps(raw))
        for name, function in tables.items():
            file = path.with_name(f"{name}.csv")
            function(pd.read_csv(file, index_col=0)).to_csv(file)
        return path

    return apply


def problems(path):
    with pytest.raises(ManifestError) as caught:
        study.check(path)
    return "\n".join(str(problem).partition(".toml: ")[2] for problem in caught.value.problems)


def at(column, place, value):
    """Set one value of a column."""

    def change(table):
        table = table.astype({column: object if isinstance(value, str) else float})
        table.iloc[place, table.columns.get_loc(column)] = value
        return table

    return change


def test_follow_up_that_is_no_follow_up(tiny):
    found = problems(tiny(clinical_training=at("days", 5, -3.0)))
    assert found == "survival.0 = 'progression': follow-up 'days' is negative for T05 (-3); correct it, or leave it blank"
    found = problems(tiny(clinical_training=lambda table: table.assign(event=0, days=9)))
    assert found.startswith("survival.0 = 'progression': event column 'event' is 0 for all 44 patients: nobody has the event")


def test_everything_about_the_tables_is_said_at_once(tiny):
    def change(raw):
        raw["signature"]["n_splits"] = 31
        raw["modules"]["min_size"] = 81
        raw["fusion"] = {"clinical": ["age_years", "size_mm", "grade_word"]}
        raw["links"]["covariates"] = ["grade", "age_years"]

    def clinical(table):
        table = at("grade_word", 7, "unheard of")(table)
        return table.assign(size_mm=100 - 2.0 * table["age_years"])

    found = problems(
        tiny(change, clinical_training=clinical, assays=lambda table: table.assign(grade=[1.0] * 20 + [np.nan] * 24))
    )
    lines = {line.partition(":")[0]: line.partition(": ")[2] for line in found.splitlines()}
    assert "fewer than the 31 folds; lower `n_splits` to at most " in lines["signature.n_splits = 31"]
    assert lines["modules.min_size = 81"].startswith("no module of 81 genes or more is found at power 4")
    assert lines["fusion.clinical = 'size_mm'"].startswith("it follows from the columns before it")
    assert lines["fusion.clinical = 'grade_word'"].startswith("its level 'unheard of' has 1 patient(s), fewer than 5")
    assert lines["links.covariates.0 = 'grade'"] == "it is the same in all linked patients; leave it out"


def test_an_infinite_value(tiny):
    found = problems(tiny(clinical_training=at("size_mm", 11, np.inf)))
    assert "infinite, the first of patient T11 in column 'size_mm' (line 13)" in found


def test_a_patient_without_any_expression(tiny):
    found = problems(tiny(expression=lambda table: table.assign(T08=np.nan)))
    assert "expression.source = 'expression': patient(s) T08 have no value of any gene" in found


@pytest.mark.parametrize(("empty", "said"), [(["T08"], "1 of 44 patients have no count of any gene: T08"), (None, "44 of 44")])
def test_patients_without_counts(tiny, empty, said):
    def counts(table):
        whole = (2**table).round().astype(int)
        return whole.assign(**dict.fromkeys(empty or whole.columns, 0))

    found = problems(tiny(lambda raw: raw["expression"].update(unit="counts"), expression=counts))
    assert f"expression.source = 'expression': {said}" in found
    assert "remove them from the expression matrix" in found


def test_features_that_are_the_outcome_or_nothing(tiny):
    def recoded(table):
        words = pd.read_csv(path.with_name("clinical_training.csv"), index_col=0)["node"]
        return table.assign(f3=words.map({"neg": 7.0, "pos": 2.0}))

    path = tiny()
    found = problems(tiny(features_training=recoded))
    assert found.startswith(
        "training.features.mri = 'features_training': `training features` holds the outcome itself in column(s) f3"
    )
    few = {f"f{i}": [1.0, 2.0, 3.0, 4.0] + [np.nan] * 40 for i in range(9)}
    found = problems(tiny(features_training=lambda table: table.assign(**few, volume=8.0), change=without_volume))
    assert "none of its 10 feature(s) varies and is known of 5 of the 44 patients" in found


def without_volume(raw):
    del raw["training"]["volume"]


def test_a_feature_known_of_few_is_told_and_stops_nothing(tiny):
    path = tiny(features_training=lambda table: table.assign(f2=[3.0, 1.0, 2.0] + [np.nan] * 41, f4=1.5))
    decided = study.decided(study.check(path).inputs).set_index("what")
    assert "known of fewer than 5 patients: f2" in decided.loc["features hardly known", "why"]
    assert "the same in every patient: f4" in decided.loc["features constant", "why"]


def test_equal_labels_and_names_of_the_study(tiny):
    def change(raw):
        raw["outcome"]["labels"] = ["node", "node "]
        raw["modules"]["power"] = 101

    found = problems(tiny(change))
    assert "outcome.labels = ['node', 'node ']: both groups would have one name in every table and figure" in found
    assert "modules.power = 101: give at most 100, or 'auto'" in found


def test_no_table_of_features_is_called_signature(tiny):
    def change(raw):
        raw["training"] |= {"features": {"signature": "features_training"}, "second_reader": {"signature": "second_reader"}}
        raw["external"]["other"]["features"] = {"signature": "features_external"}

    assert "training.features.signature = 'features_training': the study uses this name itself" in problems(tiny(change))


def test_the_outcome_among_the_clinical_columns_stands_once(tiny):
    path = tiny(lambda raw: (raw["clinical_columns"].append("node"), raw["outcome"].update(name="node")))
    patients = study.check(path).cohorts["training"].patients
    assert "node" not in patients
    assert {"age_years", "outcome"} <= set(patients.columns)
    found = problems(tiny(lambda raw: raw.update(fusion={"clinical": ["node"]})))
    assert "fusion.clinical = ['node']: 'node' is the outcome itself; leave it out" in found


def test_columns_that_vary_by_rounding_or_are_known_of_few_are_not_linked():
    table = pd.DataFrame({"a": [0.3] * 5, "b": [1.0, 2.0, 3.0, np.nan, np.nan], "c": [1.0, 2, 3, 4, 9]})
    table["a"] += np.array([0, 1, 0, 1, 0]) * np.spacing(0.3)
    assert table["a"].nunique() == 2
    assert list(linking.varying_columns(table).columns) == ["c"]
    assert list(linking.varying_beside(table, table[["c"]]).columns) == ["c"]


def test_features_that_two_tables_share_are_told_apart():
    rng = np.random.default_rng(3)
    patients = pd.Index([f"p{i}" for i in range(9)], name="patient")
    kinds = {kind: pd.DataFrame(rng.normal(size=(9, 3)), columns=["glcm", "size", kind], index=patients) for kind in ("t1", "t2")}
    shared = _shared_names(kinds)
    assert shared == {"glcm", "size"}
    links = pd.DataFrame({"feature": ["glcm", "glcm", "t1", "glcm"], "imaging": ["t1", "t2", "t1", "signature"]})
    assert _told_apart(links, shared)["feature"].tolist() == ["t1: glcm", "t2: glcm", "t1", "glcm"]
    assert sorted(_groups(kinds, shared).index) == ["t1", "t1: glcm", "t1: size", "t2", "t2: glcm", "t2: size"]


def test_every_module_of_a_thousand_has_a_colour():
    names = color_names(pd.Series(range(1001)))
    assert names.is_unique
    assert all(module_rgb(name).startswith("#") for name in names)


def test_a_name_in_bytes_of_latin_1_is_hashed(tiny, tmp_path):
    folder = tmp_path / "inputs" / "images" / "T01"
    folder.mkdir(parents=True)
    (tmp_path / "inputs" / "masks").mkdir()
    with open(os.fsencode(folder) + b"/Sch\xe4del", "wb") as file:
        file.write(b"x")

    def change(raw):
        raw["sources"] |= {name: {"file": name, "licence": "simulated", "citation": "simulated"} for name in ("images", "masks")}
        raw["training"] |= {"images": "images", "masks": {"reader": "masks"}}
        raw["external"] = {}

    inputs = gather(tiny(change))
    assert len(inputs.hashes["images"]) == 64


@pytest.mark.slow
def test_a_study_with_all_that_once_stopped_it_runs_to_its_report(tiny, tmp_path):
    def change(raw):
        raw["training"]["features"]["ct"] = "features_training"
        raw["external"]["other"]["features"]["ct"] = "features_external"
        raw["clinical_columns"].append("node")
        raw["outcome"]["name"] = "node"
        raw["sources"]["expression"]["unnamed"] = "drop"

    def few(table):
        rounded = 0.3 + np.where(np.arange(len(table)) % 2, np.spacing(0.3), 0)
        return table.assign(f0=[1.0, 2.0, 3.0] + [np.nan] * (len(table) - 3), f1=rounded)

    path = tiny(change, features_training=few, expression=lambda table: table.rename(index={"G004": "", "G030": "ME2"}))
    report = study.run(path, out=tmp_path / "out")
    links = pd.read_parquet(tmp_path / "out" / "tables" / "links.parquet")
    assert {"mri", "ct"} <= set(links["imaging"])
    assert not links["feature"].isin(["f0", "f1"]).any()
    assert "mri: f2" in (tmp_path / "out" / "figures" / "module_trait.csv").read_text()
    assert report.is_file()
