"""What people add: a toy member of every kind from outside the package is registered, or offered by a package, and used."""

import importlib
import json
import logging
import os
import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import tomli_w

from radiogenomics import features, lesions, linking, pathways, signatures, study
from radiogenomics._errors import InputError
from radiogenomics._registry import Carrying, Registry, load
from radiogenomics.study.manifest import choices
from radiogenomics.study.manifest.errors import ManifestError
from tests.helpers import toy_members
from tests.helpers.table_study import write_table_study

TABLES = [load(place) for place in choices.TABLES.values()]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def registered():
    """A toy of every kind, taken out again afterwards."""
    for place, members in toy_members.MEMBERS.items():
        for name, member in members.items():
            load(place).register(name, member)
    yield
    for place, members in toy_members.MEMBERS.items():
        for name in members:
            load(place).unregister(name)


@pytest.fixture
def package(tmp_path):
    """A folder for sys.path with an installed distribution that offers every toy as an entry point."""
    folder = tmp_path / "site"
    facts = folder / "toy_radiogenomics-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-radiogenomics\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(toy_members.ENTRY_POINTS)
    (folder / "toy_members.py").write_text(Path(toy_members.__file__).read_text())
    return folder


def cohort(rng, n, p, prefix):
    index = pd.Index([f"P{i:02d}" for i in range(n)], name="patient")
    return pd.DataFrame(rng.normal(size=(n, p)), index=index, columns=[f"{prefix}{i}" for i in range(p)])


# The table itself


def table(**members):
    return Registry("tasty_fruits", "test_seams:FRUITS", members, needs=("real",))


FRUITS = table(one="builtins:int")


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(
        InputError, match=r"^There is no tasty fruit 'peer'; it must be one of 'apple', 'pear' \(did you mean 'pear'"
    ):
        table(apple="builtins:int", pear="builtins:int")["peer"]
    assert table(apple="builtins:int").get("peer") is None
    assert "peer" not in table(apple="builtins:int")


def test_a_member_is_loaded_when_it_is_asked_for_and_not_before():
    fruits = table(apple="this_module_is_not_there:at_all", pear="builtins:int")
    assert fruits.names() == list(fruits) == ["apple", "pear"]
    assert (fruits["pear"], len(fruits)) == (int, 2)
    with pytest.raises(ModuleNotFoundError):
        fruits["apple"]
    fruits.register("plum", "nor_is_this:one")
    with pytest.raises(
        InputError, match=r"The tasty fruit 'plum' of nor_is_this:one cannot be loaded \(No module named 'nor_is_th"
    ):
        fruits["plum"]


def test_a_taken_name_is_refused_and_what_was_registered_can_be_taken_out():
    fruits = table(apple="builtins:int")
    fruits.register("plum", 3)
    for name in ("apple", "plum"):
        with pytest.raises(InputError, match=f"There is a tasty fruit '{name}' already"):
            fruits.register(name, 4)
    assert fruits.outside() == ["plum"]
    fruits.unregister("plum")
    fruits.register("plum", 4)
    assert fruits["plum"] == 4
    with pytest.raises(InputError, match="'apple' was not added by `register` in this process; it stays"):
        fruits.unregister("apple")
    with pytest.raises(InputError, match="give its name, a text that is not empty"):
        fruits.register("", 4)


def test_a_member_that_lacks_something_is_refused_at_once():
    with pytest.raises(InputError, match=r"The tasty fruit 'plum' \(builtins\.dict\) lacks `real`"):
        table().register("plum", {})
    with pytest.raises(InputError, match=r"The mask reader 'mine' .* lacks `what`, `endings`, `reads`, `read`"):
        lesions.READERS.register("mine", print)


def test_the_files_of_members_from_outside_are_known_and_hashed_as_they_were_loaded(tmp_path, monkeypatch, caplog):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lonely_fruit.py").write_text("real = 1\n\n\nclass Plum:\n    real = 1\n")
    (tmp_path / "orchard").mkdir()
    for name in ("__init__.py", "trees.py", "soil.py"):
        (tmp_path / "orchard" / name).write_text("class Pear:\n    real = 2\n")
    fruits = table(apple="builtins:int")
    assert fruits.foreign_files() == []
    fruits.register("plum", importlib.import_module("lonely_fruit").Plum())
    fruits.register("pear", "orchard.trees:Pear")
    assert fruits.foreign_files(["plum", "apple"]) == [tmp_path / "lonely_fruit.py"]
    assert [path.name for path in fruits.foreign_files(["pear"])] == ["__init__.py", "soil.py", "trees.py"]
    assert "orchard.trees" not in sys.modules
    before = fruits.code()
    assert set(before) == {"plum", "pear"}
    (tmp_path / "lonely_fruit.py").write_text("class Plum:\n    real = 10\n")
    assert fruits.code() == before  # what runs in this process is still the old one
    fruits.unregister("plum")
    fruits.register("plum", importlib.reload(sys.modules["lonely_fruit"]).Plum())
    assert fruits.code()["plum"] != before["plum"]
    assert fruits.code()["pear"] == before["pear"]
    with caplog.at_level(logging.WARNING, logger="radiogenomics"):
        fruits.register("typed", 5)
    assert "The tasty fruit 'typed' has no source file, so that a change of it is not noticed" in caplog.text


def test_two_names_of_one_package_in_different_tables_do_not_meet():
    kinds = [one.kind for one in TABLES]
    assert len(set(kinds)) == len(kinds) == 6
    assert all(load(one.place) is one for one in TABLES)


def test_what_was_registered_travels_with_a_function_to_another_process(tmp_path):
    carried = Carrying((pathways.METHODS,), partial(pow, 2))
    pathways.METHODS.register("median_gene", toy_members.MedianGene)
    (tmp_path / "carried").write_bytes(pickle.dumps(carried))
    pathways.METHODS.unregister("median_gene")
    code = (
        "import pickle, sys; from radiogenomics import pathways; assert 'median_gene' not in pathways.METHODS\n"
        f"print(pickle.load(open({str(tmp_path / 'carried')!r}, 'rb'))(5), pathways.METHODS['median_gene'].__module__)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_env(ROOT))
    assert out.stdout.split() == ["32", "tests.helpers.toy_members"]


def _env(*folders):
    return os.environ | {"PYTHONPATH": os.pathsep.join([*map(str, folders), *sys.path])}


def test_what_a_package_offers_stands_in_every_table_and_its_files_are_known(package):
    code = (
        "from radiogenomics._registry import load\nfrom radiogenomics.study.manifest import choices\n"
        "for kind, place in choices.TABLES.items():\n"
        "    table = load(place)\n"
        "    print(kind, table.names()[-1], table[table.names()[-1]] is not None, *table.foreign_files(), sep=', ')\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_env(package))
    toys = {kind: next(iter(toy_members.MEMBERS[place])) for kind, place in choices.TABLES.items()}
    assert out.stdout.splitlines() == [f"{kind}, {name}, True, {package / 'toy_members.py'}" for kind, name in toys.items()]


def test_a_package_that_takes_a_name_of_ours_is_named(package):
    place = package / "toy_radiogenomics-1.0.dist-info" / "entry_points.txt"
    place.write_text("[radiogenomics.recipes]\nlasso = toy_members:RIDGE\n")
    code = "from radiogenomics import signatures; print(signatures.RECIPES['mrmr'])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=_env(package))
    assert "The recipe 'lasso' of toy_members:RIDGE of the package toy-radiogenomics has a name that is taken" in out.stderr


# Every kind by itself


@pytest.mark.usefixtures("registered")
def test_a_pathway_method_scores_as_ours_do():
    expression, sets = cohort(np.random.default_rng(0), 12, 30, "G"), {"one": [f"G{i}" for i in range(11)]}
    scores = pathways.score(expression, sets, method="median_gene")
    centred = expression[sets["one"]] - expression[sets["one"]].median()
    np.testing.assert_allclose(scores["one"], centred.median(axis=1))
    alone = pathways.project(expression, expression.iloc[[3]], sets, method="median_gene")
    np.testing.assert_allclose(alone, scores.iloc[[3]])


def test_a_pathway_method_that_gives_another_shape_is_named():
    class Wrong(pathways.Method):
        def score(self, values, *, own):
            return values

    pathways.METHODS.register("wrong", Wrong)
    try:
        with pytest.raises(InputError, match=r"The pathway method 'wrong' gave \(20, 5\) scores, not \(1, 5\): sets x patients"):
            pathways.score(cohort(np.random.default_rng(0), 5, 20, "G"), {"a": [f"G{i}" for i in range(10)]}, method="wrong")
    finally:
        pathways.METHODS.unregister("wrong")


@pytest.mark.usefixtures("registered")
def test_a_link_method_links_and_has_a_null():
    rng = np.random.default_rng(1)
    left, right = cohort(rng, 20, 2, "f"), cohort(rng, 20, 3, "t")
    links = linking.correlate(left, right, method="normal_scores", n_permutations=100)
    apart = linking.correlate(left.apply(toy_members.normal_scores), right.apply(toy_members.normal_scores), n_permutations=0)
    np.testing.assert_allclose(links["effect"], apart["effect"])
    assert links["p_permutation"].between(0, 1, inclusive="right").all()
    assert len(linking.random_feature_null(left, right, method="normal_scores", n_repeats=5)) == 2
    with pytest.raises(InputError, match="method is 'normal_scores' with `covariates`; use method='partial'"):
        linking.correlate(left, right, method="normal_scores", covariates=left)


@pytest.mark.usefixtures("registered")
@pytest.mark.deep
def test_a_network_gives_features_and_names_them():
    network = features.Backbone("tiny", weights="random", random_state=3)
    crops = np.random.default_rng(2).normal(size=(4, 3, 40, 40)).astype(np.float32)
    assert network.extract(crops).shape == (4, 6)
    assert network.names[-1] == "tiny_random_weights_0006"
    assert features.known_weights("tiny") == []
    with pytest.raises(InputError, match="`weights` is 'IMAGENET1K_V1': no such file, and no weights of tiny by that name"):
        features.Backbone("tiny", weights="IMAGENET1K_V1")


def test_a_reader_goes_before_ours_and_two_must_not_claim_one_file(registered, tmp_path):
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6), np.float32))
    (tmp_path / "a.voxels").write_text("1 2 3\n1 2 4\n")
    mask = lesions.read_mask(tmp_path / "a.voxels", image=image)
    assert np.argwhere(sitk.GetArrayFromImage(mask)).tolist() == [[1, 2, 3], [1, 2, 4]]
    assert lesions.mask_stem(tmp_path / "P.01.voxels") == "P.01"
    assert lesions.find_mask(tmp_path) == tmp_path / "a.voxels"

    class Greedy(toy_members.VoxelList):
        def reads(self, path, head):
            return path.suffix in (".voxels", ".nii")

    lesions.READERS.register("greedy", Greedy())
    try:
        (tmp_path / "b.nii").write_text("0 0 0\n")
        assert sitk.GetArrayFromImage(lesions.read_mask(tmp_path / "b.nii", image=image)).sum() == 1
        with pytest.raises(
            InputError, match=r"a\.voxels is claimed by the mask readers voxel_list, greedy; take one of them out"
        ):
            lesions.read_mask(tmp_path / "a.voxels", image=image)
    finally:
        lesions.READERS.unregister("greedy")
    (tmp_path / "c.txt").touch()
    with pytest.raises(
        InputError, match=r"c\.txt is not a mask that can be read; give one of .*, \.les, lists of voxels \(\.voxels\)"
    ):
        lesions.read_mask(tmp_path / "c.txt", image=image)


def test_a_recipe_is_a_classifier_and_says_what_it_takes():
    for name, recipe in signatures.RECIPES.items():
        assert recipe.keys <= {"icc", "max_rho", "sizes", "n_trees", "penalty", "imbalance", "parameters"}, name
        assert hasattr(recipe.build(random_state=0, **recipe.cheaper), "predict_proba")


# In a manifest


@pytest.fixture
def change(tmp_path):
    path = write_table_study(tmp_path / "inputs")

    def apply(**changes):
        raw = tomllib.loads(path.read_text())
        for key, value in changes.items():
            *parents, last = key.split("__")
            section = raw
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value
            if value is None:
                del section[last]
        path.write_text(tomli_w.dumps(raw))
        return path

    return apply


def test_a_choice_that_no_table_has_names_the_known_and_the_nearest(change):
    path = change(
        pathways={"method": "gvsa"},
        links__method="partial",
        extraction__deep={"resnet5": "random"},
        signature={"recipe": "laso"},
        sources__truth__archive="htp",
        sources__truth__item="x",
    )
    with pytest.raises(ManifestError) as caught:
        study.read_manifest(path)
    said = {problem.key: problem.remedy for problem in caught.value.problems}
    assert said == {
        "pathways.method": "give one of 'gsva', 'ssgsea', 'zscore', 'plage' (did you mean 'gsva'?)",
        "links.method": "give one of 'pearson', 'spearman'",
        "extraction.deep.resnet5": "its name must be one of 'googlenet', 'resnet50', 'vgg16', 'efficientnet_b0', 'vit_small' "
        "(did you mean 'resnet50'?)",
        "signature.recipe": "unknown recipe; give 'published', 'lasso', 'mrmr', or a classifier by its place, "
        "'package.module:Name' (did you mean 'lasso'?)",
        "sources.truth.archive": "give one of 'http', 'enrichr', 'idc', 'nbia', 'tcia_files' (did you mean 'http'?)",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources__truth__item": "x"}, "sources.truth.archive = (absent): archive and item go together"),
        ({"sources__truth__archive": "http"}, "sources.truth.item = (absent): archive and item go together"),
        (
            {"sources__truth__archive": "http", "sources__truth__item": "x", "sources__truth__url": "http://x"},
            "sources.truth.archive = 'http': both an archive and a url; keep the one it comes from",
        ),
        (
            {"signature": {"recipe": "mrmr", "penalty": "1se"}},
            "signature.penalty = '1se': it means nothing to the recipe 'mrmr', which takes icc, imbalance, sizes; leave it out",
        ),
    ],
)
def test_keys_of_members_that_do_not_fit_are_said(change, changes, message):
    with pytest.raises(ManifestError) as caught:
        study.read_manifest(change(**changes))
    assert message in str(caught.value)


@pytest.mark.usefixtures("registered")
def test_a_recipe_from_outside_is_built_before_long_work(change):
    chosen = {"recipe": "ridge", "parameters": {"stength": 2}}
    with pytest.raises(ManifestError, match=r"signature\.recipe = 'ridge': .*unexpected keyword argument 'stength'"):
        study.check(change(signature=chosen, training__second_reader={}))
    with pytest.raises(ManifestError, match="it means nothing to the recipe 'ridge', which takes parameters; leave it out"):
        study.check(change(signature={"recipe": "ridge", "n_trees": 3}))


def test_a_study_has_the_code_from_outside_in_its_keys(registered, change, tmp_path):
    known = study.read_manifest(change(links__method="spearman"))
    assert choices.outside_code(known) == {}
    chosen = study.read_manifest(
        change(
            links__method="normal_scores",
            pathways={"method": "median_gene"},
            signature={"recipe": "tests.helpers.toy_members:build_ridge"},
        )
    )
    assert set(choices.outside_code(chosen)) == {"links", "pathways", "signature"}


# In a whole study


@pytest.fixture(scope="module")
def exams(tmp_path_factory):
    """Simulated exams whose masks are lists of voxels, whose gene sets lie on a shelf, and a manifest that names every toy."""
    path = study.write_demo(tmp_path_factory.mktemp("exams"), n_training=24, n_external=12, fast=True)
    folder = path.parent
    for exam in sorted((folder / "images" / "training" / "dicom").iterdir())[24:]:  # the last are damaged, and fewer are quicker
        shutil.rmtree(exam)
    for mask in sorted((folder / "images" / "training" / "masks").iterdir()):
        if not (folder / "images" / "training" / "dicom" / mask.name.removesuffix(".nii.gz")).is_dir():
            mask.unlink()
            continue
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(mask)))
        np.savetxt(mask.with_name(mask.name.replace(".nii.gz", ".voxels")), np.argwhere(values > 0), fmt="%d")
        mask.unlink()
    (folder / "shelf").mkdir()
    (folder / "gene_sets.gmt").rename(folder / "shelf" / "sets")
    raw = tomllib.loads(path.read_text())
    del raw["external"], raw["fusion"], raw["survival"], raw["training"]["masks"]["second_reader"]
    raw["sources"]["gene_sets"] |= {"archive": "shelf", "item": "sets"}
    raw["extraction"] = {"radiomics": False, "kinetics": False, "deep": {"tiny": "random"}}
    raw["signature"] = {"recipe": "ridge", "parameters": {"strength": 2.0}, "n_splits": 3, "n_repeats": 1}
    raw["pathways"] = {"method": "median_gene"}
    raw["links"] = {"method": "normal_scores", "n_permutations": 100}
    raw["gene_score"] |= {"n_repeats": 1, "inner_repeats": 1}
    path.write_text(tomli_w.dumps(raw))
    return path


def tables(out):
    return {file.name: file.read_bytes() for file in sorted((out / "tables").glob("*.csv"))}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """The archive of the toys, empty."""
    monkeypatch.setenv("TOY_SHELF", str(tmp_path / "shelf"))
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


def test_a_study_of_tables_runs_on_toys(registered, change, shelf, tmp_path):
    """Pathway method, link method, recipe and archive; networks and readers need images, and the slow tests have them."""
    folder = tmp_path / "inputs"
    (folder / "gene_sets.gmt").rename(shelf / "sets")
    for name, rows, columns in (("expression", 400, 200), ("deep_training", 200, 4)):  # a small study is a quick one
        pd.read_csv(folder / f"{name}.csv", index_col=0).iloc[:rows, :columns].to_csv(folder / f"{name}.csv")
    path = change(
        sources__expression__sha256="first-use",
        sources__deep_training__sha256="first-use",
        modules={"min_size": 20, "power": 6},
        training={"features": {"deep": "deep_training"}, "clinical": "clinical_training"},
        external={},
        fusion=None,
        survival=[],
        sources__gene_sets__archive="shelf",
        sources__gene_sets__item="sets",
        signature={"recipe": "ridge", "parameters": {"strength": 2.0}, "n_splits": 3, "n_repeats": 1},
        pathways={"method": "median_gene"},
        links={"method": "normal_scores", "n_permutations": 100},
        gene_score={"n_repeats": 1, "inner_repeats": 1, "min_kme": 0.95, "min_significance": 0.4},  # few genes, and quick
    )
    out = study.run(path, out=tmp_path / "out", figures=False).parent
    made = {
        name: pd.read_parquet(out / "tables" / f"{name}.parquet") for name in ("pathways", "links", "features_deep", "patients")
    }
    sets, inputs = pathways.read_gmt(shelf / "sets"), study.gather(path)
    wanted = pathways.score(inputs.expression, sets, method="median_gene", min_size=10)
    pd.testing.assert_frame_equal(made["pathways"], wanted, check_names=False, check_like=True)
    patients = made["patients"].index[made["patients"]["included"]]
    again = linking.correlate(
        made["features_deep"].loc[patients], made["pathways"].loc[patients], method="normal_scores", n_permutations=0
    )
    chosen = made["links"].query("imaging == 'deep' and molecular == 'pathways'").merge(again, on=["feature", "target"])
    assert len(chosen) == len(again) == made["features_deep"].shape[1] * made["pathways"].shape[1]
    np.testing.assert_allclose(chosen["effect_x"], chosen["effect_y"], rtol=0, atol=1e-14)
    record = json.loads((out / "steps" / "pathways.json").read_text())
    assert record["made_of"]["code"]["members of pathways"].startswith("median_gene ")
    assert not any(part.startswith("members of signature") for part in record["made_of"]["code"])


@pytest.mark.slow
def test_a_study_of_images_runs_on_toys_of_every_kind(registered, exams, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SHELF", str(exams.parent / "shelf"))
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    out = study.run(exams, out=tmp_path / "out", n_jobs=2, figures=False).parent
    measured = pd.read_parquet(out / "tables" / "features_tiny_random_weights.parquet")
    assert measured.shape == (24, 6)
    assert set(pd.read_parquet(out / "tables" / "evaluation.parquet")["signature"]) == {"tiny_random_weights"}


@pytest.mark.slow
def test_the_same_study_runs_on_what_a_package_offers(registered, exams, package, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SHELF", str(exams.parent / "shelf"))
    monkeypatch.setenv("RADIOGENOMICS_CACHE", str(tmp_path / "cache"))
    here = study.run(exams, out=tmp_path / "here", figures=False).parent
    command = [sys.executable, "-m", "radiogenomics", "run", str(exams), "--out", str(tmp_path / "there"), "--n-jobs", "2", "-q"]
    subprocess.run(command, check=True, env=_env(package), cwd=tmp_path)
    assert tables(tmp_path / "there") == tables(here)


# In the documentation


@pytest.mark.deep
def test_every_example_of_the_page_works(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    assert all(f"`radiogenomics.{one.kind}`" in page for one in TABLES)
    examples = re.findall(r"## A[n]? ([\w ]+)\n.*?```python\n(.*?)```", page, flags=re.S)
    assert [kind.replace("deep network", "backbone") for kind, _ in examples] == [
        "pathway method", "link method", "recipe", "backbone", "mask reader", "archive",
    ]  # fmt: skip
    before = {one.kind: one.names() for one in TABLES}
    try:
        for _, code in examples:
            exec(compile(code, "docs/extending.md", "exec"), {"__name__": "example"})
        pathways.METHODS.register("median_gene", "tests.helpers.toy_members:MedianGene")
        added = {one.kind: [name for name in one.names() if name not in before[one.kind]] for one in TABLES}
        assert all(len(names) == 1 for names in added.values())
        assert features.Backbone("tiny", weights="random").extract(np.zeros((1, 3, 32, 32))).shape == (1, 6)
    finally:
        for one in TABLES:
            for name in set(one.names()) - set(before[one.kind]):
                one.unregister(name)
