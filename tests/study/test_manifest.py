"""A manifest is checked whole: every mistake at once, each with file, key, value and remedy."""

import json
import re
import shutil
import tomllib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

from radiogenomics import study
from radiogenomics.study.manifest.model import ManifestError
from tests.helpers.table_study import write_table_study


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_table_study(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def folder(made, tmp_path):
    """A copy of the demo's inputs, free to be broken."""
    return shutil.copytree(made.parent, tmp_path / "inputs")


@pytest.fixture
def change(folder):
    """Change keys of the manifest, given as dotted paths; None removes one."""

    def apply(**changes):
        path = folder / "demo.toml"
        raw = tomllib.loads(path.read_text())
        for key, value in changes.items():
            *parents, last = key.split("__")
            place = raw
            for parent in parents:
                place = place.setdefault(parent, {})
            if value is None:
                place.pop(last)
            else:
                place[last] = value
        path.write_text(tomli_w.dumps(raw))
        return path

    return apply


@pytest.fixture
def edit(folder, change):
    """Change a table of the demo, and forget its checksum."""

    def apply(name, function):
        path = folder / f"{name}.csv"
        function(pd.read_csv(path, index_col=0)).to_csv(path)
        return change(**{f"sources__{name}__sha256": "first-use"})

    return apply


def problems(path):
    with pytest.raises(ManifestError) as caught:
        study.check(path)
    return [str(problem) for problem in caught.value.problems]


def test_the_demo_is_valid(made):
    cohorts = study.check(made).cohorts
    assert list(cohorts) == ["training", "external"]
    flow = cohorts["training"].inclusion
    assert flow["n"].tolist() == [88, 88, 86]
    assert flow["excluded"].tolist() == [0, 0, 2]
    assert cohorts["external"].inclusion["step"].tolist() == ["with imaging features", "with known lymph node status"]


def test_a_missing_manifest(tmp_path):
    assert problems(tmp_path / "no.toml")[0].endswith("(file) = missing: no such manifest; check the path")


def test_no_toml(folder):
    (folder / "demo.toml").write_text("name = \n")
    assert "(file) = unreadable: not valid TOML" in problems(folder / "demo.toml")[0]


def test_several_mistakes_are_listed_at_once(change):
    found = problems(change(outcom={"x": 1}, outcome__name=None, signature__n_splits=1, seed="one", expression__unit="FPKM"))
    assert len(found) == 5
    text = "\n".join(found)
    assert "outcom = {'x': 1}: unknown key; remove it or correct its spelling (did you mean 'outcome'?)" in text
    assert "outcome.name = (absent): required key is missing; add it" in text
    assert "signature.n_splits = 1: give at least 2" in text
    assert "seed = 'one': give a whole number" in text
    assert "expression.unit = 'FPKM': give one of 'counts', 'tpm', 'fpkm', 'log2', 'zscore' (did you mean 'fpkm'?)" in text
    assert all("demo.toml: " in line for line in found)


def test_an_unknown_key_deep_inside(change):
    assert "sources.truth.licens = 'x': unknown key; remove it or correct its spelling (did you mean 'licence'?)" in "\n".join(
        problems(change(sources__truth__licens="x"))
    )


def test_a_source_that_is_not_there(change):
    assert (
        "training.clinical = 'nowhere': no source has this name; [sources] has "
        in problems(change(training__clinical="nowhere"))[0]
    )


def test_missing_files_are_all_listed(folder):
    (folder / "truth.csv").unlink()
    (folder / "gene_sets.gmt").unlink()
    found = problems(folder / "demo.toml")
    assert {line.split(": ")[1] for line in found} == {
        "sources.gene_sets.file = 'gene_sets.gmt'",
        "sources.truth.file = 'truth.csv'",
    }
    assert all("and no url is known; get it from its source" in line for line in found)


def test_a_bad_checksum(folder):
    with (folder / "expression.csv").open("a") as file:
        file.write("X" + ",0" * 88 + "\n")
    found = problems(folder / "demo.toml")
    assert len(found) == 1
    assert "sources.expression.file = 'expression.csv'" in found[0]
    assert "fetch the file again, or correct the hash if the new file is meant" in found[0]


def test_a_hash_seen_first_is_locked_where_the_file_comes_from_an_address(edit, change, folder):
    edit("truth", lambda table: table)
    edit("clinical_training", lambda table: table)  # a file of one's own may change
    first = {f"sources__{name}__sha256": "first-use" for name in ("truth", "clinical_training")}
    path = change(sources__truth__url="https://example.org/truth.csv", **first)
    study.check(path)
    lock = json.loads((folder / "demo.toml.lock").read_text())
    assert list(lock) == ["truth"]
    assert len(lock["truth"]) == 64
    (folder / "truth.csv").write_text("kind,name,value\n")
    assert "the manifest or lock file says" in problems(path)[0]


def test_an_outcome_with_one_class(change):
    words = ["N0", "N0 (i-)", "N0 (i+)", "N1", "N1mi", "N2", "N3"]
    found = problems(change(outcome__positive=words, outcome__negative=["none"]))
    assert "outcome.column = pathologic_n: all 86 patients of training are positive; check the words" in found[0]


def test_an_outcome_word_without_meaning_is_reported_not_guessed(change):
    found = problems(change(outcome__positive=["N1", "N2"]))
    assert len(found) == 2  # one a cohort
    assert "outcome 'pathologic_n' has value(s) with no meaning: 'N1mi' (" in found[0]
    assert found[0].endswith("add each to positive, negative or excluded.")


def test_an_outcome_column_that_is_not_there(change):
    found = problems(change(outcome__column="pN"))
    assert "training.clinical = 'clinical_training': no column pN; its columns are pathologic_n, age_years" in found[0]


def test_fewer_than_ten_patients(edit):
    found = problems(edit("clinical_training", lambda table: table.head(9)))
    assert "training = with imaging features: 88; with expression: 88; with known lymph node status: " in found[0]
    assert "(features has SIM-TR-001, SIM-TR-002 and 86 more; clinical has SIM-TR-001, SIM-TR-002 and 7 more; " in found[0]


def test_cohorts_that_overlap(edit):
    def take_over(table):
        names = table.index.to_series()
        names.iloc[:2] = ["SIM-TR-001", "SIM-TR-002"]
        return table.set_axis(pd.Index(names, name="patient"))

    edit("clinical_external", take_over)
    edit("deep_external", take_over)
    found = problems(edit("features_external", take_over))
    assert (
        "external.external = 2 patients: also in the training cohort: SIM-TR-001, SIM-TR-002; a patient may be in one only"
        in found[0]
    )


def test_identifiers_that_match_nothing(edit):
    found = problems(edit("clinical_training", lambda table: table.rename(index=lambda name: name.replace("-", "_"))))
    assert "no patient with features is in it: features have SIM-TR-001, SIM-TR-002 and 86 more, it has SIM_TR_001" in found[0]


def test_a_patient_with_two_rows(edit):
    found = problems(edit("features_training", lambda table: pd.concat([table, table.iloc[:1] + 1])))
    assert any("SIM-TR-001" in line and "one row" in line for line in found), found


def test_a_row_given_twice_word_for_word_counts_once_and_is_named(edit, caplog):
    path = edit("features_training", lambda table: pd.concat([table, table.iloc[[1]], table.iloc[[1]]]))
    with caplog.at_level("INFO", logger="radiogenomics"):
        checked = study.check(path)
    assert len(checked.cohorts["training"].patients) == 88
    said = [record.getMessage() for record in caplog.records]
    assert "features_training.csv: repeated rows (2): rows that say the same of a patient once more: SIM-TR-002" in said


def test_a_feature_that_is_a_word(edit):
    found = problems(edit("features_training", lambda table: table.assign(perfusion_061="high")))
    assert any("must be numeric, column(s) perfusion_061 are not; drop them or encode them as numbers" in line for line in found)


def test_the_outcome_among_the_features(edit):
    found = problems(edit("features_training", lambda table: table.assign(pathologic_n=1)))
    assert any("the outcome column 'pathologic_n' is among the features; remove it from the table" in line for line in found)


def test_external_features_that_differ(edit):
    found = problems(edit("features_external", lambda table: table.drop(columns=["perfusion_061", "noise_101"])))
    assert any("lacks 2 column(s) that the training cohort has: noise_101, perfusion_061" in line for line in found)


def test_a_volume_that_is_no_feature(change):
    found = problems(change(training__volume="volume"))
    assert "volume column 'volume' is in no feature table; their columns are heterogeneity_001" in found[0]


def test_more_folds_than_events(edit):
    def few(table):
        table["pathologic_n"] = ["N1"] * 4 + ["N0"] * (len(table) - 4)
        return table

    assert (
        "signature.n_splits = 5: the smaller class has 4 patients, too few for folds inside folds"
        in problems(edit("clinical_training", few))[0]
    )


def test_a_follow_up_that_is_not_there(change, edit):
    survival = [{"name": "PFI", "source": "clinical_training", "time": "days", "event": "pfi_event"}]
    assert "survival.0 = 'PFI': no column days; 'clinical_training' has pathologic_n" in problems(change(survival=survival))[0]
    survival[0]["time"] = "pfi_days"
    change(survival=survival)
    found = problems(edit("clinical_training", lambda table: table.assign(pfi_event=2)))
    assert "survival.0 = 'PFI': event column 'pfi_event' must be 1 or 0, it holds 2.0" in found[0]


def test_gene_sets_without_measured_genes(change):
    found = problems(change(gene_sets__min_size=400))
    assert "gene_sets.sources = 'gene_sets': None" in found[0]
    assert "bring both to one kind of symbol, or change the sizes" in found[0]


def test_more_signatures_asked_for_than_there_are(change):
    assert "gene_score.at_least = 5: there are 2 signature(s); lower it" in problems(change(gene_score__at_least=5))[0]


def test_a_truth_that_is_none(change):
    assert "truth = 'clinical_training': no column kind, name, value" in problems(change(truth="clinical_training"))[0]


def test_a_unit_that_does_not_fit(change):
    assert (
        "expression = 'expression': clip = 4.0 is for unit 'zscore' only, the unit is 'log2'"
        in problems(change(expression__clip=4.0))[0]
    )


def test_a_column_named_twice(change):
    found = problems(change(clinical_columns=["age_years", "subtype", "age_years"]))
    assert "column(s) age_years are named more than once" in found[0]


def test_a_volume_that_is_missing_for_somebody(edit):
    def forget(table):
        table.loc["SIM-TR-003", "volume_mm3"] = None
        return table

    found = problems(edit("features_training", forget))
    assert "training.volume = 'volume_mm3': it is missing for SIM-TR-003; give it or leave volume out" in found[0]


def test_external_cohorts_that_overlap_each_other(change):
    again = {"features": {"radiomics": "features_external", "deep": "deep_external"}, "clinical": "clinical_external"}
    assert "external.again = 57 patients: also in the external cohort" in problems(change(external__again=again))[0]


def test_a_lock_that_is_no_lock(edit, folder):
    path = edit("truth", lambda table: table)
    (folder / "demo.toml.lock").write_text("[]")
    assert "(file) = list: not names and hashes; delete it to start anew" in problems(path)[0]


def test_a_gene_given_twice(edit):
    found = problems(edit("expression", lambda table: pd.concat([table, table.iloc[:1] + 1])))
    assert any("SIMG00001" in line and "duplicates" in line for line in found), found


def test_a_mirror_is_searched_first(folder, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    shutil.move(folder / "truth.csv", mirror / "truth.csv")
    assert study.gather(folder / "demo.toml", mirror=mirror).files["truth"] == mirror / "truth.csv"
    with pytest.raises(ManifestError, match=r"--mirror = .*nowhere: no such folder"):
        study.gather(folder / "demo.toml", mirror=tmp_path / "nowhere")


def test_a_recipe_that_is_no_recipe(change):
    found = problems(change(signature__recipe="randomforest"))
    assert (
        "signature.recipe = 'randomforest': unknown recipe; give 'published', 'lasso', 'mrmr', or a classifier by its place"
        in found[0]
    )


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nonsense.module:Foo", "cannot be imported"),
        ("sklearn.svm:SVC", "it has no predict_proba"),
        ("math:pi", "must be a scikit-learn"),
    ],
)
def test_a_classifier_that_cannot_serve_is_known_before_work(change, place, said):
    assert said in problems(change(signature={"recipe": place}, training__second_reader=None))[0]


@pytest.mark.parametrize("name", ["fusion", "clinical", "shuffled_radiomics", "volume-"])
def test_a_name_that_the_study_uses_itself(change, name):
    tables = {"radiomics": "features_training", name: "deep_training"}
    outside = {"radiomics": "features_external", name: "deep_external"}
    found = problems(change(training__features=tables, external__external__features=outside))
    assert f"training.features.{name} = 'deep_training': the study uses this name itself; rename the table" in found[0]


@pytest.mark.parametrize("name", ["modules", "pathways", "x pathways", "_modules"])
def test_a_joined_table_named_as_the_studys_own_families_of_links(change, name):
    found = problems(change(joined={name: {"source": "clinical_training", "linked": ["age"]}}))
    assert f"joined.{name} = " in found[0]
    assert found[0].endswith("the study uses this name itself; rename the table")


def test_names_that_would_write_the_same_files(change):
    tables = {"fu-sed": "features_training", "fu_sed": "deep_training"}
    outside = {"clinical": "clinical_external", "features": {"fu-sed": "features_external", "fu_sed": "deep_external"}}
    cohorts = {"Lyon 1": outside, "Lyon-1": outside, "training_": outside}
    found = problems(change(training__features=tables, training__second_reader=None, signature__icc=None, external=cohorts))
    same = "its figures would have the same file names as those of"
    assert f"training.features.fu_sed = 'deep_training': {same} 'fu-sed'; rename one of them" in found[0]
    assert [line.split(f"{same} ")[-1] for line in found[1:3]] == [
        "'Lyon 1'; rename one of them",
        "'training'; rename one of them",
    ]


def test_repeatability_of_a_kind_that_was_read_once(change):
    found = problems(change(signature__icc={"deep": 0.9}))
    assert "signature.icc.deep = 0.9: no second reader has measured it; leave it out" in found[0]


def test_a_key_that_the_recipe_does_not_know(change):
    found = problems(change(signature__recipe="lasso", signature__sizes=[3]))
    assert (
        "signature.sizes = [3]: it means nothing to the recipe 'lasso', which takes icc, imbalance, max_rho, penalty" in found[0]
    )
    assert list(study.check(change(signature__recipe="mrmr", signature__sizes=[3])).cohorts) == ["training", "external"]


def test_repeatability_without_a_second_reader(change):
    found = problems(change(training__second_reader=None))
    assert (
        "signature.icc = 0.9: it asks for features measured twice; name training.masks.second_reader or training.second_reader"
        in found[0]
    )


def test_repeatability_of_a_kind_nobody_measures(change):
    found = problems(change(signature__icc={"radiomic": 0.9}))
    assert (
        "signature.icc.radiomic = 0.9: the features are radiomics, deep; name one of them (did you mean 'radiomics'?)" in found[0]
    )


def test_a_second_reader_of_few_patients(change, edit):
    found = problems(edit("second_reader", lambda table: table.iloc[:4]))
    assert "training.second_reader.radiomics = 'second_reader': only 4 patient(s) are in both readers' tables" in found[0]


def test_a_second_reader_with_other_features(edit):
    found = problems(edit("second_reader", lambda table: table.drop(columns="perfusion_061")))
    assert "lacks 1 column(s) that the first reader's table has: perfusion_061" in found[0]


def test_fusion_with_a_column_nobody_carries_along(change):
    found = problems(change(fusion__clinical=["age_years", "grade"]))
    assert "fusion.clinical.1 = 'grade': clinical_columns has it not; add it there" in found[0]


def test_fusion_with_a_column_that_is_missing_for_somebody(edit):
    def forget(table):
        table.loc["SIM-TR-003", "age_years"] = None
        return table

    assert (
        "fusion.clinical = 'age_years': missing for patient(s) SIM-TR-003 of training"
        in problems(edit("clinical_training", forget))[0]
    )


def test_fusion_with_a_level_that_training_has_not(edit):
    def recode(table):
        table.loc["SIM-EX-004", "subtype"] = "Claudin-low"
        return table

    found = problems(edit("clinical_external", recode))
    assert "fusion.clinical = 'subtype': external has level(s) Claudin-low, training has none; recode them" in found[0]


def test_neither_features_nor_images(change):
    found = problems(change(training__features=None, training__second_reader=None))
    assert "neither features nor images; name feature tables, or a folder of images and one of masks" in found[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"modules__power": "six"}, "modules.power = 'six': give a whole number, or 'auto'"),
        ({"modules__power": 0}, "modules.power = 0: give at least 1, or 'auto'"),
        ({"signature__icc": 2.0}, "signature.icc = 2.0: give at most 1, or a table of keys"),
        ({"signature__icc": {"radiomics": 2.0}}, "signature.icc.radiomics = 2.0: give at most 1"),
        ({"seed": date(2024, 1, 1)}, "seed = 2024-01-01: give a whole number"),
        ({"seed": True}, "seed = true: give a whole number"),
        ({"links__alpha": float("nan")}, "links.alpha = nan: give a finite number"),
        ({"expression__min_mean": float("inf")}, "expression.min_mean = inf: give a finite number"),
        ({"clinical_columns": "age_years"}, "clinical_columns = 'age_years': give a list in brackets"),
        ({"outcome__positive": []}, "outcome.positive = []: give 1 or more entries"),
        ({"training": "cohort"}, "training = 'cohort': give a table of keys"),
        ({"name": "my study"}, "name = 'my study': give only letters, digits, '.', '_' and '-'"),
        ({"title": ""}, "title = '': give a text that is not empty"),
        ({"simulated": "yes"}, "simulated = 'yes': give true or false"),
        ({"extraction__segment": 1.5}, "extraction.segment = 1.5: give a whole number, or a text in quotes"),
        (
            {"extraction__deep": {"googlnet": "random"}},
            "extraction.deep.googlnet = 'random': its name must be one of 'googlenet', 'resnet50', 'vgg16', 'efficientnet_b0', "
            "'vit_small' (did you mean 'googlenet'?)",
        ),
        ({"training__images": "truth"}, "training.images = 'truth': images and masks go together; name both, or neither"),
        (
            {"links__covariates": ["age"]},
            "links.covariates.0 = 'age': no column of the patients (did you mean 'age_years'?); add it to clinical_columns, "
            "or name one of age_years, subtype",
        ),
    ],
)
def test_a_wrong_value_is_one_problem_in_the_words_of_a_manifest(change, changes, said):
    path = change(**changes)
    assert problems(path) == [f"{path}: {said}"]


def test_covariates_that_the_patients_cannot_be_adjusted_for(change, edit):
    def forget(table):
        return table.assign(grade=[1.0, *[None] * (len(table) - 1)], site="one", ward=[f"w{i}" for i in range(len(table))])

    change(
        clinical_columns=["age_years", "subtype", "grade", "site", "ward"],
        links__covariates=["age_years", "grade", "site", "ward"],
    )
    path = edit("clinical_training", forget)
    assert [line.partition(".toml: ")[2].partition(";")[0] for line in problems(path)] == [
        "links.covariates.1 = 'grade': it is the same in all linked patients",
        "links.covariates.2 = 'site': it is the same in all linked patients",
        "links.covariates.3 = 'ward': it takes 85 number(s), and 86 linked patients pay for 8 in all (one for ten), with lesion "
        "volume and the covariates before it",
    ]


def test_modules_larger_than_the_matrix(change):
    found = problems(change(modules__min_size=1201))
    assert len(found) == 1
    assert "modules.min_size = '1201': no module can hold 1201 genes, since the expression matrix has 1200; lower it" in found[0]


def test_the_manifest_of_the_readme_is_valid():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    raw = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL).group(1))
    assert study.Manifest.model_validate(raw).kinds() == ["radiomics", "kinetics", "googlenet"]


def test_the_manifest_of_the_readme_with_an_external_cohort_and_survival_is_valid():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    raw = tomllib.loads(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    made = study.Manifest.model_validate(raw)
    assert list(made.cohorts()) == ["training", "second-centre"]
    assert made.survival[0].event == "os_event"
