"""A study as notebooks use it: opened, read, asked, and handed to the scverse."""

import shutil

import pandas as pd
import pytest

import radiogenomics as rg
from radiogenomics._errors import FileError, InputError, MissingFileError

NAMES_TWICE = pytest.mark.filterwarnings("ignore:var_names are not unique", "ignore:Cannot join columns with the same name")
"""mudata says so when it writes and reads: ME1 is a gene and an eigengene, each in its own modality."""


@pytest.fixture
def manifest(tiny):
    return tiny / "inputs" / "study.toml"


@pytest.fixture
def done(tiny):
    """A finished study with its figures."""
    return rg.Study.open(tiny / "out")


def test_running_gives_what_opening_gives(manifest, done, tmp_path):
    shutil.copytree(done.folder, tmp_path / "out")
    again = rg.Study.run(manifest, out=tmp_path / "out")
    assert again.finished
    assert again.tables == done.tables
    assert repr(again) == f"Study({str(tmp_path / 'out')!r}: {len(done.tables)} tables, {len(done.figures)} figures)"


def test_every_table_says_what_it_holds_and_can_be_read(done):
    assert all(text and "\n" not in text for text in done.tables.values())
    for name in done.tables:
        pd.testing.assert_frame_equal(done.table(name), pd.read_parquet(done.folder / "tables" / f"{name}.parquet"))


def test_links_are_chosen_by_what_stands_on_either_side(done):
    links = done.links()
    assert set(links["imaging"]) == {"signature", "mri"}
    assert set(links["molecular"]) == {"modules", "pathways", "assays"}
    chosen = done.links(imaging="mri", molecular="modules")
    assert len(chosen) == len(links.query("imaging == 'mri' and molecular == 'modules'")) > 0
    assert set(chosen["family"]) == {"mri features x modules"}
    assert set(done.links("signature")["estimate"]) == {"nested", "published"}


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        (lambda s: s.table("link"), ["'link'", "did you mean 'links'?"]),
        (lambda s: s.figure("module_triat"), ["'module_triat'", "did you mean 'module_trait'?"]),
        (lambda s: s.links(imaging="mr"), ["`imaging` is 'mr'", "signature, mri"]),
        (lambda s: s.links(molecular="genes"), ["`molecular` is 'genes'", "modules, pathways, assays"]),
    ],
)
def test_a_name_that_is_not_there_names_those_that_are(done, action, facts):
    with pytest.raises(InputError) as caught:
        action(done)
    assert all(fact in str(caught.value) for fact in facts)


def test_a_figure_shows_itself_and_has_its_table(done):
    figure = done.figure("module_trait")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert {"feature", "target", "effect"} <= set(figure.data)
    assert set(done.figures) == {path.stem for path in (done.folder / "figures").glob("*.png")}


@pytest.mark.parametrize("ending", [".png", ".csv"])
def test_a_figure_with_a_changed_byte_is_refused(done, tmp_path, ending):
    shutil.copytree(done.folder, tmp_path / "out")
    path = tmp_path / "out" / "figures" / f"module_trait{ending}"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:])
    with pytest.raises(FileError, match=rf"figures/module_trait\{ending} is not what its step wrote"):
        rg.Study.open(tmp_path / "out").figure("module_trait")


def test_it_answers_as_the_command_does(done):
    assert done.query("ME1").sentence == rg.query(done.folder, "ME1").sentence


@pytest.mark.parametrize("name", ["mri", "ME1"])
def test_a_gene_is_told_from_the_signature_or_eigengene_of_its_name(done, name):
    answer = done.query(f"gene: {name}")
    column = {"mri": "mri (gene)", "ME1": "ME1"}[name]
    assert list(answer.patients) == ["mri", column, "node status"]
    pd.testing.assert_series_equal(answer.patients[column], done.table("expression_linked")[name], check_names=False)
    assert (
        answer.scatter().axes[0].lines[0].get_ydata().tolist()
        == answer.patients.query("`node status` == 'negative'")[column].tolist()
    )


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match="holds no study; run one there first"):
        rg.Study.open(tmp_path / "nowhere")


def test_check_gives_a_row_a_problem(manifest, tmp_path):
    manifest = shutil.copytree(manifest.parent, tmp_path / "inputs") / "study.toml"
    assert rg.Study.check(manifest).empty
    text = manifest.read_text().replace('column = "node"', 'column = "nodes"').replace('volume = "volume"', 'volume = "size"')
    (manifest.parent / "wrong.toml").write_text(text)
    problems = rg.Study.check(manifest.parent / "wrong.toml")
    assert list(problems.columns) == ["file", "key", "value", "remedy"]
    assert {"training.volume", "training.clinical", "external.other.volume"} <= set(problems["key"])


def test_the_expression_with_modules_and_clinical_columns_is_an_anndata(done):
    data = done.to_anndata()
    linked = done.table("expression_linked")
    assert data.shape == linked.shape
    pd.testing.assert_frame_equal(data.to_df(), linked, check_names=False, check_dtype=False)
    assert data.var["module"].astype(int).to_dict() == done.table("modules")["module"].loc[linked.columns].to_dict()
    assert {"age_years", "outcome"} <= set(data.obs)
    assert data.obsm["eigengenes"].index.equals(data.obs_names)


def test_a_gene_called_like_an_eigengene_stands_in_its_own_modality(done):
    made = done.to_mudata()
    for name, table in (("expression", "expression_linked"), ("eigengenes", "eigengenes")):
        values = made[name].to_df()["ME1"]
        pd.testing.assert_series_equal(values, done.table(table)["ME1"].loc[values.index], check_names=False)


@NAMES_TWICE
def test_the_whole_study_is_written_for_the_scverse_and_read_again(done, tmp_path):
    import mudata
    import scanpy as sc

    made = done.to_mudata()
    with mudata.set_options(pull_on_update=False):  # mudata warns of its own coming default
        made.write(tmp_path / "study.h5mu")
        read = mudata.read_h5mu(tmp_path / "study.h5mu")
    assert set(read.mod) == {"mri", "signatures", "expression", "eigengenes", "pathways"}
    for name, modality in made.mod.items():
        pd.testing.assert_frame_equal(read[name].to_df(), modality.to_df())
    pd.testing.assert_frame_equal(read["mri"].to_df(), done.features("mri"), check_names=False, check_dtype=False)
    for name in ("links", "evaluation"):
        found, table = read.uns[name].reset_index(drop=True), done.table(name)
        assert list(found.columns) == list(table.columns)
        for column in table.select_dtypes("number"):
            pd.testing.assert_series_equal(found[column], table[column], check_dtype=False)
        assert found["cohort" if name == "evaluation" else "feature"].astype(str).tolist() == list(
            table["cohort" if name == "evaluation" else "feature"]
        )
    assert read.obs.loc["T00", "age_years"] == done.table("patients").loc["T00", "age_years"]
    expression = read["expression"].copy()
    sc.pp.pca(expression, n_comps=3)
    assert expression.obsm["X_pca"].shape == (expression.n_obs, 3)
