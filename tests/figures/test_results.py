"""Panels take what the rooms return, as it comes; `save` needs no more than the panel."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from radiogenomics import expression, figures, linking, modules, stats, validation
from radiogenomics._errors import InputError


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def patients() -> pd.Index:
    return pd.Index([f"P{i:02d}" for i in range(48)], name="patient")


@pytest.fixture(scope="module")
def judged(patients) -> validation.Evaluation:
    rng = np.random.default_rng(5)
    features = pd.DataFrame(rng.normal(size=(48, 3)), index=patients, columns=["a", "b", "c"])
    outcome = pd.Series((features["a"] + rng.normal(size=48) > 0).astype(int), index=patients, name="node")
    volume = pd.Series(np.exp(rng.normal(size=48)), index=patients)
    how = {"volume": volume, "n_repeats": 1, "n_splits": 3, "n_boot_optimism": 0, "random_state": 1}
    return validation.evaluate(LogisticRegression(), features, outcome, signature="three", **how)


@pytest.fixture(scope="module")
def genes(patients) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    hidden = np.repeat(rng.normal(size=(48, 3)), 20, axis=1)
    names = pd.Index([f"G{i:02d}" for i in range(60)], name="gene")
    return pd.DataFrame(hidden + 0.4 * rng.normal(size=(48, 60)), index=patients, columns=names)


@pytest.fixture(scope="module")
def found(genes) -> modules.Modules:
    return modules.find_modules(genes, power=4, min_size=10)


def test_roc_draws_an_evaluation_with_its_own_areas(judged):
    ax = figures.roc(judged)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    for row in judged.table.query("estimate in ['apparent', 'nested']").to_dict("records"):
        assert any(f"{row['auc']:.2f}" in label for label in labels)
    apparent = judged.scores.query("estimate == 'apparent'")
    expected = stats.roc_curve(apparent["outcome"].to_numpy(), apparent["score"].to_numpy())
    drawn = next(line for line in ax.lines if str(line.get_label()).startswith("Apparent"))
    np.testing.assert_allclose(drawn.get_ydata(), expected["sensitivity"])
    assert set(judged.curves()["estimate"]) == {"apparent", "published", "nested", "volume"}


def test_a_table_of_areas_has_no_curve_and_says_what_has(judged):
    with pytest.raises(InputError, match="give the Evaluation itself, or its curves"):
        figures.roc(judged.table)


def test_the_forest_and_the_scores_of_an_evaluation(judged):
    forest, again = figures.auc_forest(judged), figures.auc_forest(judged.table)
    texts = [[text.get_text() for text in ax.texts] for ax in (forest, again)]
    assert texts[0] == texts[1]
    boxes = figures.score_distribution(judged, labels=("N0", "N+"))
    assert len(boxes.get_xticks()) == 3  # apparent, published, nested; volume is no score


def test_the_tree_of_found_modules_is_drawn_as_it_comes(found):
    from_result = figures.dendrogram(found.trees[0], found)
    table = pd.DataFrame({"module": found.labels, "color": found.colors})
    from_table = figures.dendrogram(modules.tree_table(found.trees), table)
    images = [figure.axes[1].images[0].get_array() for figure in (from_result, from_table)]
    np.testing.assert_array_equal(*images)
    lines = [np.array(figure.axes[0].collections[0].get_segments()) for figure in (from_result, from_table)]
    np.testing.assert_allclose(*lines)


def test_modules_of_another_search_do_not_fit_a_tree(found, genes):
    other = modules.find_modules(genes.iloc[:, :40], power=4, min_size=10)
    with pytest.raises(InputError, match="`modules` lacks 20 of the tree's genes"):
        figures.dendrogram(found.trees[0], other)


def test_module_trait_names_the_modules_that_were_found(found, patients):
    rng = np.random.default_rng(8)
    traits = pd.DataFrame(rng.normal(size=(48, 2)), index=patients, columns=["age", "size"])
    links = linking.correlate(traits, found.eigengenes, n_permutations=0)
    labels = [text.get_text() for text in figures.module_trait(links, modules=found).get_yticklabels()]
    sizes = found.labels.value_counts()
    assert labels == [
        f"ME{i} {found.colors[found.labels == i].iloc[0]} ({sizes[i]})" for i in sorted(sizes.index[sizes.index > 0])
    ]


def test_the_choice_of_power_is_drawn_as_it_comes(genes):
    fit = modules.pick_soft_threshold(genes, powers=[1, 2, 3, 4, 5, 6], r2_cut=0.1)
    upper = figures.soft_threshold(fit).axes[0]
    np.testing.assert_allclose(upper.lines[1].get_xdata(), fit.table["power"])
    assert fit.power is None or any(set(line.get_xdata()) == {fit.power} for line in upper.lines)


def test_prepared_expression_becomes_anndata_with_what_was_measured(genes):
    holes = genes.mask(np.random.default_rng(2).random(genes.shape) < 0.02)
    prepared = expression.prepare(holes, unit="log2")
    made = expression.to_anndata(prepared, pd.DataFrame({"age": np.arange(48.0)}, index=genes.index))
    np.testing.assert_array_equal(made.X, prepared.expression.to_numpy())
    np.testing.assert_array_equal(np.isnan(made.layers["measured"]), prepared.measured.isna().to_numpy())
    assert list(made.obs["age"]) == list(range(48))
    assert len(made.uns["decisions"]) == len(prepared.decisions)


def test_save_needs_the_panel_alone(judged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = figures.save(figures.roc(judged))
    assert [path.name for path in paths] == ["roc.svg", "roc.png", "roc.csv"]
    assert len(pd.read_csv("roc.csv")) == len(judged.curves())
    assert [path.name for path in figures.save(figures.auc_forest(judged.table), "mine.png")] == [
        "mine.svg",
        "mine.png",
        "mine.csv",
    ]
    pd.testing.assert_frame_equal(pd.read_csv("mine.csv"), judged.table)


def test_a_panel_without_a_table_and_a_name_with_a_dot(judged, tmp_path):
    own = plt.subplots()[1]
    assert [path.name for path in figures.save(own, tmp_path / "v1.2")] == ["v1.2.svg", "v1.2.png"]
    ax = plt.subplots()[1]
    figures.auc_forest(judged, ax=ax)
    assert figures.save(ax, tmp_path / "forest")[-1].name == "forest.csv"


def test_features_that_make_a_score_are_found_and_their_copies_share_it(patients):
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(48, 30)), index=patients, columns=[f"f{i}" for i in range(30)])
    score = table["f3"] - table["f7"] + 0.3 * pd.Series(rng.normal(size=48), index=patients)
    table.loc[patients[:4], "f9"] = np.nan
    made = linking.structure(table, score, most=2, n_bootstraps=100, random_state=1)
    assert set(made["feature"].head(2)) == {"f3", "f7"}
    assert made["among_strongest"].head(2).min() > 0.9
    assert made["among_strongest"].sum() == pytest.approx(2)
    row = made.set_index("feature").loc["f9"]
    known = table["f9"].notna()
    assert row["effect"] == pytest.approx(np.corrcoef(table.loc[known, "f9"], score[known])[0, 1])
    assert row["n"] == 44
    pd.testing.assert_frame_equal(made, linking.structure(table, score, most=2, n_bootstraps=100, random_state=1))
    with pytest.raises(InputError, match="`most` is 0"):
        linking.structure(table, score, most=0, random_state=1)


def test_the_order_of_the_rows_changes_no_share(patients):
    rng = np.random.default_rng(14)
    table = pd.DataFrame(rng.normal(size=(48, 25)), index=patients, columns=[f"f{i}" for i in range(25)])
    score = table["f3"] + pd.Series(rng.normal(size=48), index=patients)
    made = linking.structure(table, score, most=4, n_bootstraps=50, random_state=2)
    assert made["among_strongest"].between(0.1, 0.9).any()
    dealt = linking.structure(table.iloc[rng.permutation(48)], score, most=4, n_bootstraps=50, random_state=2)
    pd.testing.assert_frame_equal(made, dealt)


def test_the_share_of_a_resample_is_that_of_plain_correlations(patients):
    rng = np.random.default_rng(4)
    table = pd.DataFrame(rng.normal(size=(48, 12)), index=patients, columns=[f"f{i}" for i in range(12)])
    score = pd.Series(rng.normal(size=48), index=patients)
    made = linking.structure(table, score, most=3, n_bootstraps=20, random_state=9).set_index("feature")["among_strongest"]
    draws, times = np.random.default_rng(9), dict.fromkeys(table, 0)
    for _ in range(20):
        rows = draws.integers(0, 48, 48)
        r = table.iloc[rows].apply(lambda column, rows=rows: abs(np.corrcoef(column, score.iloc[rows])[0, 1]))
        for name in r.nlargest(3).index:
            times[name] += 1
    assert {name: made[name] * 20 for name in table} == pytest.approx(times)
