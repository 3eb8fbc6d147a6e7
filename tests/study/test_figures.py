"""What the figures of a study show, what they leave out as nearly the same, and how a new one comes into the report."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from radiogenomics import linking, report
from radiogenomics.study.engine.context import Context
from radiogenomics.study.engine.results import Panel, Results
from radiogenomics.study.engine.step import step
from radiogenomics.study.engine.store import Store
from radiogenomics.study.inputs.checks import check
from radiogenomics.study.presentation import links as drawn
from radiogenomics.study.presentation import panels, prediction
from radiogenomics.study.presentation.panels import drawing
from radiogenomics.study.steps import calibration as calibrated
from tests.helpers.tiny_study import write

SIZES = ["diameter", "volume", "area", "compactness"]


def features() -> pd.DataFrame:
    """Three sizes that are nearly one, a mirrored fourth, and two features of their own."""
    rng = np.random.default_rng(3)
    size, own = rng.normal(size=100), rng.normal(size=(100, 2))
    error = rng.normal(size=(100, 3)) * [0.2, 0.05, 0.2]
    return pd.DataFrame(
        np.column_stack([*(size[:, None] + error).T, -size + 0.05 * rng.normal(size=100), own]),
        columns=[*SIZES, "texture", "washout"],
    ).rename_axis("patient")


def links(q: dict[tuple[str, str], float], *, others: float = 0.6) -> pd.DataFrame:
    """A link of every feature with two modules, and one signature; q of some of them."""
    rows = [(name, target, "mri") for name in features() for target in ("ME1", "ME2")]
    rows += [("diameter", target, "signature") for target in ("ME1", "ME2")]
    table = pd.DataFrame(rows, columns=["feature", "target", "imaging"]).assign(
        molecular="modules", family="mri features x modules"
    )
    table["q"] = [q.get((name, target), others) if imaging == "mri" else 0.9 for name, target, imaging in rows]
    return table.assign(p=table["q"] / 3)


def test_a_group_without_surviving_links_is_shown_by_the_feature_nearest_to_the_others():
    groups = linking.feature_groups(features())
    shown = drawn._standing(links({}), groups, 0.05)
    assert shown == {groups["diameter"], "texture", "washout"}


@pytest.mark.parametrize("survivor", SIZES)
def test_a_surviving_link_never_vanishes_behind_a_near_copy(survivor):
    groups = linking.feature_groups(features())
    table = links({(survivor, "ME2"): 0.04})
    assert drawn._standing(table[table["imaging"] == "mri"], groups, 0.05) == {survivor, "texture", "washout"}
    shown, _ = drawn._for_the_heat_map(table, groups, 0.05)
    mri = shown[shown["imaging"] == "mri"]
    assert mri.loc[mri["q"] < 0.05, ["feature", "target"]].to_numpy().tolist() == [[survivor, "ME2"]]


def test_of_near_copies_with_surviving_links_the_strongest_is_shown_for_each_target():
    groups = linking.feature_groups(features())
    table = links({("area", "ME1"): 0.03, ("volume", "ME1"): 0.02, ("diameter", "ME2"): 0.01, ("texture", "ME1"): 0.001})
    mri = table[table["imaging"] == "mri"]
    assert drawn._standing(mri, groups, 0.05) == {"volume", "diameter", "texture", "washout"}
    assert drawn._standing(mri, groups, 0.0005) == {groups["area"], "texture", "washout"}, "the level is that of the study"


def test_surviving_links_of_one_kind_are_not_crowded_out_by_smaller_p_of_another():
    names = [f"texture {i:02}" for i in range(40)]
    weak = pd.DataFrame({"feature": names, "p": np.linspace(0.001, 0.01, 40), "q": 0.2, "imaging": "big"})
    found = pd.DataFrame({"feature": ["washout"], "p": [0.02], "q": [0.04], "imaging": "small"})
    signature = pd.DataFrame({"feature": ["texture"], "p": [0.9], "q": [0.9], "imaging": "signature"})
    table = pd.concat([signature, weak, found], ignore_index=True).assign(target="ME1", molecular="modules")
    alone = pd.Series([*names, "washout"], index=[*names, "washout"])
    kept, left_out = drawn._for_the_heat_map(table, alone, 0.05)
    assert (kept["feature"].tolist(), left_out) == (["texture", *names[:29], "washout"], "")
    many, left_out = drawn._for_the_heat_map(table.assign(q=0.01), alone, 0.05)
    assert set(many["feature"]) == {"texture", "washout", *names}, "all survive, all are shown"
    assert left_out == ""
    every = [table.assign(q=0.01), *(weak.assign(feature=weak["feature"] + name, q=0.01, target="ME1") for name in "ab")]
    crowd, left_out = drawn._for_the_heat_map(pd.concat(every), alone, 0.05)
    assert crowd["feature"].iloc[0] == "texture", "a signature is never crowded out"
    assert crowd["feature"].nunique() == 60
    assert left_out == "59 of 121 features with surviving links, those with the smallest p"


def test_features_of_a_kind_named_like_a_signature_are_not_taken_for_signatures():
    names = [f"texture {i:02}" for i in range(40)]
    table = pd.DataFrame({"feature": ["signature_a", *names], "p": [0.9, *np.linspace(0.01, 0.4, 40)], "q": 0.5, "target": "ME1"})
    table["imaging"] = ["signature", *["signature_a"] * 40]
    kept, _ = drawn._for_the_heat_map(table, pd.Series(names, index=names), 0.05)
    assert kept["feature"].tolist() == ["signature_a", *names[:30]]


def test_random_weights_are_seen_in_names_and_columns():
    assert panels._names_random(pd.DataFrame({"signature": ["mri", "googlenet (random weights)"]}))
    assert panels._names_random(pd.DataFrame({"googlenet_random_weights": [1.0]}))
    assert not panels._names_random(pd.DataFrame({"signature": ["random features"], "score": [0.5]}))


def test_where_calibration_cannot_be_measured_the_table_says_why():
    outcome = np.array([0, 1] * 10)
    row = calibrated._measured(outcome, np.full(20, 0.5))
    assert (row["n"], row["events"]) == (20, 10)
    assert "0.5 for every patient" in row["remark"]
    certain = calibrated._measured(outcome, np.where(np.arange(20) < 3, 1.0, np.linspace(0.1, 0.9, 20)))
    assert certain["remark"] == "", "a probability of one is no obstacle"


def test_curves_are_of_signatures_as_the_tables_name_them():
    rng = np.random.default_rng(1)
    names, estimates = ["net_random_weights", "shuffled_mri"], ["nested", "apparent"]
    parts = [
        pd.DataFrame({"patient": [f"p{i}" for i in range(30)], "outcome": [0, 1] * 15, "score": rng.normal(size=30)}).assign(
            cohort="training", signature=name, estimate=estimate
        )
        for name in names
        for estimate in estimates
    ]
    rows = [("training", name, estimate, 0.5, 0.4, 0.6) for name in names for estimate in estimates]
    evaluation = pd.DataFrame(rows, columns=["cohort", "signature", "estimate", "auc", "auc_low", "auc_high"])
    found = list(prediction._discrimination(prediction._shown(evaluation), pd.concat(parts, ignore_index=True)))
    assert [(panel.kind, panel.subject) for panel in found] == [
        ("roc", "net_random_weights"),
        ("roc", "shuffled_mri"),
        ("roc_all", "nested training"),
        ("auc_forest", ""),
    ]
    assert set(found[2].data["signature"]) == {"net (random weights)", "shuffled mri"}
    for panel in found:
        plt.close(panel.axes.get_figure())


@step(makes={"ages": "age of every patient"})
def ages() -> dict[str, pd.DataFrame]:
    """Make a table that the toy figure is drawn from."""
    return {"ages": pd.DataFrame({"patient": ["a", "b", "c"], "age": [41, 52, 63]})}


@drawing(section="modules")
def toy(ages: pd.DataFrame, *, settings: object) -> panels.Panels:
    """Draw what no part of the package has ever heard of."""
    _, ax = plt.subplots(figsize=(2, 2))
    ax.plot(ages["age"])
    yield Panel("age_spider", "of / everybody", ax, ages, f"Ages of {len(ages)} patients.")
    yield Panel("soft_threshold", "", plt.figure(figsize=(2, 2)), ages, section="pathways")


def test_a_new_figure_is_one_step_that_says_where_it_belongs_and_what_it_shows(tmp_path):
    inputs = check(write(tmp_path / "inputs")).inputs
    context = Context(inputs.manifest, inputs)
    with Store.writing(tmp_path / "out", [ages, toy]) as store:
        assert [store.do(step, context) for step in (ages, toy)] == [True, True]
    saved = Results(tmp_path / "out").panels()
    assert [(one.name, one.kind, one.subject, one.section, one.caption) for one in saved] == [
        ("age_spider_of_everybody", "age_spider", "of / everybody", "modules", "Ages of 3 patients."),
        ("soft_threshold", "soft_threshold", "", "pathways", ""),
    ]
    page = report.render({"name": "x", "title": "x"}, {}, [report.Figure(**vars(one)) for one in saved], {})
    modules, pathways = (page[page.index(f'<section id="{name}">') :].split("</section>")[0] for name in ("modules", "pathways"))
    assert "Ages of 3 patients." in modules
    assert 'id="figure-age_spider_of_everybody"' in modules
    assert "Scale-free fit" in pathways, "a kind that is known, in the section that the panel names"
    assert saved[0].data["age"].tolist() == [41, 52, 63]
