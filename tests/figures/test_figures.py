"""Panels say what their tables say: labels and plotted data, not pixels."""

import hashlib
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from radiogenomics import figures
from radiogenomics.figures import formatting
from tests.helpers import simulated_tables as simulated


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def texts(panel) -> list[str]:
    figure = panel if isinstance(panel, Figure) else panel.get_figure()
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def line(ax, label):
    return next(line for line in ax.get_lines() if str(line.get_label()).startswith(label))


def one_family(family: str, estimate: str = "nested") -> pd.DataFrame:
    links = simulated.all_links()
    return links[links["family"].eq(family) & links["estimate"].eq(estimate)]


def one_link(feature: str = "a") -> pd.DataFrame:
    numbers = {"effect": [0.5], "effect_low": [0.2], "effect_high": [0.7], "n": [2], "q": [0.04]}
    return pd.DataFrame({"feature": [feature], "target": ["b"]} | numbers)


EVERY_PANEL = {
    "inclusion_flow": lambda: figures.inclusion_flow(simulated.two_cohorts()),
    "expression_pca": lambda: figures.expression_pca(pd.DataFrame({"PC1": [0.0, 1], "PC2": [1.0, 0]})),
    "roc": lambda: figures.roc(simulated.curves(), evaluation=simulated.evaluation()),
    "auc_forest": lambda: figures.auc_forest(simulated.evaluation()),
    "score_distribution": lambda: figures.score_distribution(simulated.signatures()),
    "signature_correlation": lambda: figures.signature_correlation(simulated.signatures()[["outcome", "score"]].corr()),
    "module_trait": lambda: figures.module_trait(one_family("features x modules"), modules=simulated.modules()),
    "link_heatmap": lambda: figures.link_heatmap(one_family("features x pathways")),
    "link_scatter": lambda: figures.link_scatter(pd.DataFrame({"a": [0.0, 1], "b": [1.0, 0]}), one_link()),
    "link_forest": lambda: figures.link_forest(one_family("features x pathways")),
    "icc_by_kind": lambda: figures.icc_by_kind(simulated.agreement()),
    "null_intervals": lambda: figures.null_intervals(simulated.link_null()),
    "soft_threshold": lambda: figures.soft_threshold(simulated.fits(), power=6),
    "dendrogram": lambda: figures.dendrogram(simulated.module_tree(simulated.modules(4)), simulated.modules(4)),
    "pathway_bar": lambda: figures.pathway_bar(one_family("signature x pathways")),
    "pathway_dot": lambda: figures.pathway_dot(one_family("features x pathways")),
    "enrichment_dot": lambda: figures.enrichment_dot(simulated.enrichment()),
    "odds_forest": lambda: figures.odds_forest(simulated.gene_score()),
    "kaplan_meier": lambda: figures.kaplan_meier(simulated.survival(), p=0.03),
    "calibration": lambda: figures.calibration(simulated.calibration_curve(), groups=simulated.calibration_groups()),
    "decision_curve": lambda: figures.decision_curve(simulated.benefit()),
    "nomogram": lambda: figures.nomogram(simulated.nomogram_points()),
    "lesion_slice": lambda: figures.lesion_slice(np.eye(9), spacing_mm=(3.0, 3.0), lesion=np.eye(9) > 0),
    "phase_montage": lambda: figures.phase_montage({"pre": np.eye(9), "post1": np.eye(9)}, spacing_mm=(3.0, 3.0)),
    "time_intensity": lambda: figures.time_intensity(
        pd.DataFrame({"phase": ["pre", "post1"], "seconds": [0.0, 90.0], "zone": "core", "enhancement": [0.0, 80.0]})
    ),
}  # fmt: skip


def test_every_function_of_the_room_is_drawn_here():
    helpers = {"save", "mark", "style", "estimate", "module_rgb"}
    assert {name for name in figures.__all__ if name.islower()} - helpers == set(EVERY_PANEL)


@pytest.mark.parametrize("name", EVERY_PANEL)
def test_a_panel_leaves_the_global_settings_alone_and_fits_its_paper(name):
    plt.switch_backend("agg")
    before = dict(mpl.rcParams)
    panel = EVERY_PANEL[name]()
    assert dict(mpl.rcParams) == before
    figure = panel.get_figure()
    width_mm = figure.get_size_inches()[0] * 25.4
    assert any(width_mm == pytest.approx(width) for width in (figures.COLUMN_MM, figures.PAGE_MM))
    assert figure.get_size_inches()[1] * 25.4 <= 260
    figure.draw_without_rendering()  # constrained layout would warn, and so fail, if a panel did not fit
    sizes = {text.get_fontsize() for text in figure.findobj(mpl.text.Text) if text.get_text().strip()}
    assert min(sizes) >= 6
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) > -0.02, "something leaves the paper on the left or below"
    assert drawn.x1 < width + 0.02, "something leaves the paper on the right"
    assert drawn.y1 < height + 0.02, "something leaves the paper above"


def test_given_axes_and_figures_are_drawn_into_and_given_back():
    figure, (mine, other) = plt.subplots(1, 2, figsize=(16, 12))
    assert figures.roc(simulated.curves(), ax=mine) is mine
    assert not other.lines
    part = figure.subfigures(1, 1)
    assert figures.soft_threshold(simulated.fits(), figure=part) is part
    assert len(plt.get_fignums()) == 1, "no figure of their own"


def test_inclusion_flow_names_every_step_count_and_reason():
    said = " ".join(" ".join(texts(figures.inclusion_flow(simulated.inclusion()))).split())
    for words in (
        "91 patients",
        "88 patients",
        "87 patients",
        "3 left out: no tumour expression profile",
        "1 left out: nodes not assessed",
    ):
        assert words in said
    assert "0 left out" not in said


def test_roc_draws_the_curve_of_the_table_and_names_its_auc():
    curves = simulated.curves()
    ax = figures.roc(curves, evaluation=simulated.evaluation())
    nested = curves[curves["estimate"].eq("nested")]
    drawn = next(line for line in ax.get_lines() if "Nested" in str(line.get_label()))
    np.testing.assert_allclose(drawn.get_xdata(), 1 - nested["specificity"])
    np.testing.assert_allclose(drawn.get_ydata(), nested["sensitivity"])
    area = formatting.amount(np.trapezoid(nested["sensitivity"], nested["specificity"]))
    assert area != "0.58", "the simulated scores are not those of the table"
    assert f"radiomic forest · Nested cross-validation: 0.58 (0.46–0.70);\nas drawn {area}" in texts(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("1 − specificity", "Sensitivity")


@pytest.mark.parametrize(("auc", "said"), [(0.46, "0.46 (0.33–0.59); as drawn 0.37"), (0.372, "0.37 (0.33–0.59)")])
def test_the_legend_of_a_curve_names_the_area_that_is_drawn(auc, said):
    curve = pd.DataFrame({"sensitivity": [1, 1, 0.6, 0.2, 0], "specificity": [0, 0.1, 0.25, 0.5, 1]}).assign(estimate="nested")
    area = np.trapezoid([0, 0.2, 0.6, 1, 1], [0, 0.5, 0.75, 0.9, 1])
    evaluation = pd.DataFrame({"estimate": ["nested"], "auc": [auc], "auc_low": [0.33], "auc_high": [0.59]})
    assert round(area, 2) == 0.37
    assert f"Nested cross-validation: {said}" in texts(figures.roc(curve, evaluation=evaluation))
    backwards = figures.roc(curve.iloc[::-1], evaluation=evaluation)
    assert f"Nested cross-validation: {said}" in texts(backwards)


def test_an_area_that_could_not_be_estimated_gets_words_and_no_point():
    evaluation = simulated.evaluation().replace({"signature": {"radiomic forest": "fusion"}})
    broken = evaluation["estimate"].eq("nested")
    evaluation.loc[broken, ["auc", "auc_low", "auc_high"]] = 0.0
    ax = figures.auc_forest(evaluation)
    assert "could not be estimated" in texts(ax)
    assert "0.00 (0.00–0.00)" not in texts(ax)
    assert not [one for one in ax.get_lines() if str(one.get_label()).startswith("Nested")]
    assert ax.get_xlim()[0] == 0.4, "nothing is drawn at 0"
    curves = simulated.curves().assign(signature="fusion").query("estimate == 'nested'")
    assert "Nested cross-validation: could not be estimated" in texts(figures.roc(curves, evaluation=evaluation))


def test_what_is_published_of_a_combined_model_is_drawn_under_another_name():
    evaluation = simulated.evaluation()
    both = pd.concat([evaluation, evaluation.assign(signature="fusion")])
    labels = [label.get_text() for label in figures.auc_forest(both).get_yticklabels()]
    assert labels.count("Published protocol") == labels.count("Fitted scores fused, the usual leak") == 1
    curves = simulated.curves().query("estimate == 'nested'").assign(estimate="published")
    for name, label in (("radiomic forest", "Published protocol"), ("fusion", "Fitted scores fused, the usual leak")):
        one = curves.assign(signature=name)
        assert any(text.startswith(label) for text in texts(figures.roc(one)))
        two = pd.concat([one.assign(estimate="nested"), one, one.assign(signature="other")])
        assert f"{name} · {label}" in texts(figures.roc(two))


def test_auc_forest_sets_flattering_above_honest_estimates_with_numbers():
    ax = figures.auc_forest(simulated.evaluation().iloc[::-1])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels.index("Apparent (same patients)") < labels.index("Published protocol") < labels.index("Nested cross-validation")
    assert {"1.00 (0.99–1.00)", "0.58 (0.46–0.70)", "0.61"} <= set(texts(ax))
    point = line(ax, "Nested")
    assert point.get_xdata()[0] == 0.58
    assert labels[int(point.get_ydata()[0])] == "Nested cross-validation"
    assert point.get_markerfacecolor() != "white"
    assert line(ax, "Apparent").get_markerfacecolor() == "white"


def test_score_distribution_shows_every_patient_once():
    scores = simulated.signatures().query("estimate == 'nested'")
    ax = figures.score_distribution(scores, labels=("N0", "N1+"), outcome="Lymph node status")
    points = [line for line in ax.get_lines() if line.get_marker() == "o" and len(line.get_ydata())]
    drawn = np.sort(np.concatenate([line.get_ydata() for line in points]))
    np.testing.assert_allclose(drawn, np.sort(scores["score"]))
    assert {"N0 (n = 45)", "N1+ (n = 42)", "Lymph node status"} <= set(texts(ax))


def test_module_trait_turns_either_side_to_rows_and_orders_modules_by_number():
    links = one_family("features x modules")
    turned = links.rename(columns={"feature": "target", "target": "feature"})
    grids = [figures.module_trait(table).collections[0].get_array() for table in (links, turned)]
    np.testing.assert_allclose(*grids)
    ax = figures.module_trait(links, modules=simulated.modules())
    assert [label.get_text() for label in ax.get_yticklabels()][:2] == ["ME1 turquoise (286)", "ME2 blue (286)"]
    row = links[links["target"].eq("ME2")].set_index("feature")["effect"]
    np.testing.assert_allclose(ax.collections[0].get_array()[1], row[links["feature"].unique()])
    assert texts(ax).count("***") == int((links["q"] < 0.001).sum())


def test_module_trait_writes_numbers_when_they_can_be_read():
    links = one_family("signature x modules")
    assert formatting.amount(links["effect"].iloc[0]) in texts(figures.module_trait(links))


def test_module_trait_keeps_the_strongest_of_many_traits():
    many = simulated.links([f"f{number}" for number in range(120)], ["ME1", "ME2"], "features x modules")
    ax = figures.module_trait(many, most=40)
    assert ax.collections[0].get_array().shape == (2, 40)
    assert "40 of 120 traits, those with the smallest p" in texts(ax)


def test_auc_forest_names_the_cohort_of_rows_from_elsewhere():
    evaluation = simulated.evaluation().assign(signature="forest")
    elsewhere = evaluation.tail(1).assign(cohort="Duke")
    labels = [label.get_text() for label in figures.auc_forest(pd.concat([evaluation, elsewhere])).get_yticklabels()]
    assert labels[-2:] == ["Volume alone", "Volume alone (Duke)"]


def test_odds_forest_keeps_the_genes_farthest_from_one():
    genes = simulated.gene_score()
    ax = figures.odds_forest(genes, most=2)
    kept = {label.get_text() for label in ax.get_yticklabels()}
    assert kept == set(np.log(genes["odds_ratio"]).abs().nlargest(2).index)
    assert "The 2 of 12 farthest from 1" in texts(ax)


def test_link_scatter_draws_each_patient_once_and_says_effect_interval_and_q():
    patients = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [1.0, 3.0, 2.0], "outcome": ["no", "yes", "no"]})
    figure = figures.link_scatter(patients, one_link(), color="outcome")
    points = np.concatenate([line.get_xydata() for line in figure.axes[0].get_lines()])
    assert sorted(map(tuple, points)) == sorted(zip(patients["a"], patients["b"], strict=True))
    assert "r 0.50 (0.20–0.70), n = 2, q 0.04" in texts(figure)
    with pytest.raises(ValueError, match="`patients` lacks the column"):
        figures.link_scatter(patients, one_link("c"))


def test_link_heatmap_keeps_the_strongest_rows_and_says_so():
    links = one_family("features x pathways")
    ax = figures.link_heatmap(links, most=10)
    assert ax.collections[0].get_array().shape == (10, 10)
    assert "10 of 88 rows, those with the smallest p" in " ".join(texts(ax))
    strongest = links.loc[links["p"].idxmin(), "target"]
    assert formatting.pathway_label(strongest, 38) in texts(ax)


def test_link_forest_draws_the_strongest_links_with_their_intervals():
    links = one_family("features x pathways")
    first = links.nsmallest(12, "p")
    ax = figures.link_forest(links)
    points = [one for one in ax.get_lines() if one.get_marker() == "o" and len(one.get_xdata())]
    np.testing.assert_allclose([point.get_xdata()[0] for point in points], first["effect"])
    bars = [one for one in ax.get_lines() if one.get_marker() == "None" and len(set(one.get_ydata())) == 1]
    np.testing.assert_allclose([bar.get_xdata() for bar in bars], first[["effect_low", "effect_high"]])
    best = first.iloc[0]
    assert formatting.interval(best["effect"], best["effect_low"], best["effect_high"]) in texts(ax)
    assert "The 12 links with the smallest p" in texts(ax)
    assert "The 12 links with the smallest p" not in texts(figures.link_forest(first))


def test_link_forest_draws_open_what_ranks_do_not_show():
    links = one_family("features x pathways").nsmallest(3, "p").assign(q=[0.01, 0.02, 0.3], p_spearman=[0.001, 0.4, 0.4])
    points = [one for one in figures.link_forest(links).get_lines() if one.get_marker() == "o" and len(one.get_xdata())]
    assert [point.get_markerfacecolor() == "white" for point in points] == [False, True, False], (
        "without q < 0.05 ranks say nothing"
    )


def test_agreement_counts_the_features_that_reach_the_threshold():
    table = pd.DataFrame({"kind": ["shape", "shape", "glcm"], "icc": [0.95, 0.9, 0.3]})
    said = texts(figures.icc_by_kind(table, threshold=0.9))
    assert {"shape", "glcm", "2 of 2", "0 of 1", "ICC ≥ 0.9"} <= set(said)


def test_agreement_draws_what_is_known_and_says_how_much_is_not():
    table = pd.DataFrame({"kind": ["shape"] * 4 + ["glcm"], "icc": [0.8, 0.9, 1.0, np.nan, np.nan]})
    ax = figures.icc_by_kind(table, threshold=0.9)
    assert {"2 of 3, 1 unknown", "0 of 0, 1 unknown"} <= set(texts(ax))
    boxes = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 5]
    np.testing.assert_allclose(boxes, [[0.85, 0.95, 0.95, 0.85, 0.85]])


def test_a_mark_stands_below_the_panel_and_covers_nothing(tmp_path):
    plain, marked = figures.auc_forest(simulated.evaluation()), figures.auc_forest(simulated.evaluation())
    figures.mark(marked, "simulated data")
    assert "simulated data" in texts(marked)
    assert marked.get_figure().get_size_inches()[1] > plain.get_figure().get_size_inches()[1]
    figures.save(marked, tmp_path / "marked", simulated.evaluation())
    marked.get_figure().draw_without_rendering()
    note = next(text for text in marked.get_figure().texts if text.get_text() == "simulated data")
    assert note.get_window_extent().y1 <= marked.get_tightbbox().y0 + 1


def test_a_smoothed_curve_is_not_drawn_where_no_share_can_lie():
    curve = pd.DataFrame({"predicted": [0.1, 0.2, 0.3, 0.4], "observed": [-0.2, 0.1, 0.9, 1.3]})
    drawn = line(figures.calibration(curve), "Smoothed").get_ydata()
    np.testing.assert_allclose(drawn, [np.nan, 0.1, 0.9, np.nan])


def test_roc_curves_are_told_apart_without_colour():
    curves = simulated.curves().query("signature == 'radiomic forest'")
    ax = figures.roc(pd.concat([curves, curves.query("estimate == 'nested'").assign(estimate="published")]))
    styles = [str(one._dash_pattern) for one in ax.get_lines()[1:]]
    assert len(set(styles)) == len(styles) == 3


def test_null_panels_show_found_beside_chance():
    ax = figures.null_intervals(simulated.link_null())
    assert line(ax, "Found").get_xdata().tolist() == [0, 5, 213]


def test_soft_threshold_signs_the_fit_and_marks_the_power():
    figure = figures.soft_threshold(simulated.fits(), power=6)
    upper, lower = figure.axes
    fit = upper.get_lines()[1].get_ydata()
    assert fit[0] < 0 < fit[-1]
    assert "power 6" in texts(figure)
    assert lower.get_ylabel() == "Mean connectivity"


@pytest.mark.parametrize("tree", [simulated.module_tree, simulated.tree_of_nodes])
def test_dendrogram_draws_every_merge_and_the_colours_under_their_genes(tree):
    modules = simulated.modules(3)
    upper, lower = figures.dendrogram(tree(modules), modules).axes
    brackets = upper.collections[0].get_segments()
    assert len(brackets) == len(modules) - 1
    np.testing.assert_allclose(max(bracket[1][1] for bracket in brackets), simulated.module_tree(modules)["height"].max())
    band = lower.images[0].get_array()
    assert band.shape == (1, len(modules), 3)
    assert {tuple(np.round(rgb, 3)) for rgb in band[0]} == {
        tuple(np.round(mpl.colors.to_rgb(name), 3)) for name in modules["color"].unique()
    }


def test_dendrogram_order_is_the_trees_own():
    tree = pd.DataFrame({"left": [0, 1], "right": [2, 3], "height": [0.3, 0.8]})
    modules = pd.DataFrame({"color": ["red", "blue", "green"]}, index=pd.Index(list("abc"), name="gene"))
    band = figures.dendrogram(tree, modules).axes[1].images[0].get_array()[0]
    assert [mpl.colors.to_hex(rgb) for rgb in band] == [mpl.colors.to_hex(name) for name in ("blue", "red", "green")]


def test_kaplan_meier_writes_numbers_at_risk_just_before_each_time():
    curves = pd.DataFrame(
        {"group": "all", "time": [0, 100, 200, 300], "survival": [1, 0.9, 0.8, 0.7], "at_risk": [40, 30, 20, 10]}
    )
    figure = figures.kaplan_meier(curves, unit="days", endpoint="Progression-free survival", p=0.0004)
    lower = figure.axes[1]
    written = {text.get_position()[0]: text.get_text() for text in lower.texts}
    assert (written[0], written[100], written[150], written[300]) == ("40", "30", "20", "10")
    assert figures.kaplan_meier(simulated.survival()).axes[0].get_lines()[1].get_color() == "#D55E00", "high is warm"
    assert {"Log-rank p <0.001", "Time (days)", "all (n = 40)"} <= set(texts(figure))


def test_odds_forest_cuts_endless_intervals_with_an_arrow():
    genes = simulated.gene_score()
    genes.loc["GBP5", ["odds_ratio", "odds_ratio_high"]] = np.inf
    ax = figures.odds_forest(genes, unit="per SD of expression")
    assert ax.get_xlim()[1] <= 1000
    assert any(line.get_marker() == ">" for line in ax.get_lines())
    assert any(text.startswith("∞ (") for text in texts(ax))
    assert ax.get_xlabel() == "Odds ratio per SD of expression"


def test_pathway_bar_shows_effects_in_order_and_says_how_many():
    links = one_family("signature x pathways")
    ax = figures.pathway_bar(links, most=12)
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths, links.nsmallest(12, "p")["effect"].sort_values(ascending=False))
    assert "12 of 88 pathways, those with the smallest p" in texts(ax)


def test_pathway_bar_shows_up_to_forty_and_groups_them_by_category():
    links = one_family("signature x pathways").nsmallest(40, "p")
    links["category"] = np.where(np.arange(40) % 3 == 0, "immune system", "signal transduction")
    ax = figures.pathway_bar(links)
    assert len(ax.patches) == 40
    assert not any("of 40 pathways" in text for text in texts(ax))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    heads = [labels.index(name) for name in ("immune system", "signal transduction")]
    first, second = sorted(heads)
    assert first == 0
    assert len(labels) == 42
    colors = [bar.get_facecolor()[:3] for bar in ax.patches]
    assert len(set(colors)) == 2
    assert len(set(colors[: second - 1])) == 1, "a category's bars stand together in one colour"
    widths = [bar.get_width() for bar in ax.patches][: second - 1]
    assert widths == sorted(widths, reverse=True)


def test_calibration_and_decision_curve_draw_their_tables():
    ax = figures.calibration(simulated.calibration_curve(), groups=simulated.calibration_groups())
    np.testing.assert_allclose(line(ax, "Smoothed").get_ydata(), simulated.calibration_curve()["observed"])
    ax = figures.decision_curve(simulated.benefit())
    np.testing.assert_allclose(line(ax, "Treat none").get_ydata(), 0)
    assert {"Treat all", "lesion volume", "Net benefit per patient", "Threshold probability"} <= set(texts(ax))


def test_nomogram_sets_every_scale_of_the_points_table():
    said = texts(figures.nomogram(simulated.nomogram_points(), outcome="Risk"))
    assert {"Points", "Radiomic score", "Tumour stage", "T4", "Total points", "Risk", "0.9"} <= set(said)


def test_save_writes_the_same_bytes_twice_and_the_numbers_behind(tmp_path):
    evaluation = simulated.evaluation()
    sums = []
    for folder in ("once", "twice"):
        paths = figures.save(figures.auc_forest(evaluation), tmp_path / folder / "auc_forest", evaluation)
        assert [path.suffix for path in paths] == [".svg", ".png", ".csv"]
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert sums[0] == sums[1]
    assert not plt.get_fignums(), "a saved figure is closed"
    pd.testing.assert_frame_equal(pd.read_csv(paths[2]), evaluation)
    with Image.open(paths[1]) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["auc_forest.csv", "auc_forest.png", "auc_forest.svg"]


@pytest.mark.parametrize("draw", [lambda links: figures.pathway_bar(links), lambda links: figures.link_heatmap(links, most=30)])
def test_nothing_is_cut_off_in_the_saved_picture(draw, tmp_path):
    links = one_family("signature x pathways")
    links = links.assign(target=[f"{name}_OF_A_RATHER_LONG_NAME_{place}" for place, name in enumerate(links["target"])])
    _, png, _ = figures.save(draw(links), tmp_path / "long", links)
    with Image.open(png) as image:
        ink = np.asarray(image.convert("L")) < 200
    assert not ink[:, 0].any() and not ink[:, -1].any(), "letters run over the left or right edge"  # noqa: PT018
    assert not ink[0].any() and not ink[-1].any(), "letters run over the upper or lower edge"  # noqa: PT018


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    links = one_family("features x modules").replace({"feature": {"IMC1 (T8)": "price $x^{$ of <b>&"}})
    figures.save(figures.module_trait(links), tmp_path / "trait", links)
    one = links[links["feature"].eq("price $x^{$ of <b>&")]
    panel = figures.link_forest(one)
    figures.save(panel, tmp_path / "link_forest", one)
    assert any("price $x^{$ of <b>&" in text for text in texts(panel))


def test_module_colours_include_the_numbered_ones_of_wgcna():
    assert figures.module_rgb("grey60") == "#999999"
    assert figures.module_rgb("turquoise.1") == figures.module_rgb("turquoise") == "#40e0d0"
    assert figures.module_rgb("brown4") < figures.module_rgb("brown2")
    with pytest.raises(ValueError, match="'nocolour' is not a module colour; use one of WGCNA's"):
        figures.module_rgb("nocolour")


def features_twice():
    return pd.concat([one_family("features x modules")] * 2)


REFUSALS = {
    "`evaluation` lacks the column(s) auc_low; it has cohort": lambda: figures.auc_forest(
        simulated.evaluation().drop(columns="auc_low")
    ),
    "`links` has no rows, there is nothing to draw": lambda: figures.link_forest(simulated.all_links().head(0)),
    "`curves` must be a pandas DataFrame, it is a list": lambda: figures.roc([1, 2]),
    "without an eigengene (ME1, ME2...), such as 'original_glcm": lambda: figures.module_trait(one_family("features x pathways")),
    "the pair 'original_glcm_Feature1' and 'ME1' more than once": lambda: figures.link_heatmap(features_twice()),
    "`correlation` must be square, it is 2 x 1": lambda: figures.signature_correlation(pd.DataFrame({"a": [1.0, 0.5]})),
    "`tree` lacks the column(s) left, right, height": lambda: figures.dendrogram(simulated.fits(), simulated.modules()),
    "leaves, `modules` has": lambda: figures.dendrogram(simulated.module_tree(simulated.modules(3)), simulated.modules(4)),
    "has 'KEGG_MAPK_SIGNALING_PATHWAY' more than once": lambda: figures.pathway_bar(one_family("features x pathways")),
    "no finite odds ratio": lambda: figures.odds_forest(
        simulated.gene_score().assign(odds_ratio=np.nan, odds_ratio_low=0.0, odds_ratio_high=np.inf)
    ),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_a_table_that_cannot_be_drawn_gets_one_clear_error(message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        REFUSALS[message]()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("KEGG_MAPK_SIGNALING_PATHWAY", "MAPK signaling pathway (KEGG)"),
        ("HALLMARK_TNFA_SIGNALING_VIA_NFKB", "TNFA signaling via NFKB (Hallmark)"),
        ("UNC_ROR_S", "UNC_ROR_S"),
        ("Cell cycle", "Cell cycle"),
        ("ME1", "ME1"),
        ("original_glcm_Contrast", "original_glcm_Contrast"),
    ],
)
def test_pathway_names_become_readable(name, label):
    assert formatting.pathway_label(name) == label


def test_numbers_are_written_as_journals_do():
    assert formatting.amount(-0.001) == "0.00"
    assert formatting.interval(-0.5, -0.64, -0.32) == "−0.50 (−0.64 to −0.32)"
    assert formatting.interval(0.61, np.nan, np.nan) == "0.61"
    assert [formatting.p_text(p) for p in (0.0004, 0.004, 0.04, np.nan)] == ["<0.001", "0.004", "0.04", "–"]


def test_a_p_next_to_one_twentieth_shows_on_which_side_it_lies():
    written = [formatting.p_text(p) for p in (0.0449, 0.0451, 0.04996, 0.05, 0.0500001, 0.0502, 0.0549, 0.0551)]
    assert written == ["0.04", "0.045", "0.04996", "0.05", "0.050000", "0.0502", "0.055", "0.06"]
    assert all((float(text) < 0.05) == (p < 0.05) for text, p in zip(written, (0.0449, 0.0451, 0.04996, 0.05), strict=False))


def test_names_are_written_short():
    assert len(formatting.short("x" * 80, 30)) == 30
