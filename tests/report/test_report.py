"""The report says what its tables say, no more; it is whole, safe and needs nothing else."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogenomics import figures, report
from radiogenomics._names import slug
from radiogenomics.report.captions import FIGURES, caption_of
from radiogenomics.report.checklist import AUTHORS, MISSING, checklist
from radiogenomics.report.sections import SECTIONS
from radiogenomics.report.summary import key_numbers
from radiogenomics.study.steps import adjusted_links
from tests.helpers import simulated_tables as simulated

STUDY = {"name": "tcga", "title": "Nodes in TCGA", "outcome": "lymph node metastasis", "positive": "node-positive"}
EVIL = "<script>alert('&\"')</script>"


def patients() -> pd.DataFrame:
    scores = simulated.signatures().query("estimate == 'nested'").set_index("patient")
    return scores[["cohort", "outcome"]].assign(has_expression=True)


def all_tables() -> dict[str, pd.DataFrame]:
    return {
        "inclusion": simulated.inclusion(),
        "patients": patients(),
        "evaluation": simulated.evaluation(),
        "signatures": simulated.signatures(),
        "modules": simulated.modules(),
        "links": simulated.all_links(),
        "link_null": simulated.link_null(),
        "pathways": pd.DataFrame(np.zeros((3, 2)), columns=["A", "B"], index=pd.Index(list("xyz"), name="patient")),
        "gene_score": simulated.gene_score(),
        "gene_score_evaluation": judged(apparent=(0.82, 0.73, 0.91), nested=(0.52, 0.4, 0.64), signature="gene score"),
        "failures": pd.DataFrame(columns=["patient", "step", "reason"]),
    }


def judged(*, signature: str = "forest", n: int = 87, events: int = 42, **estimates: tuple[float, float, float]) -> pd.DataFrame:
    rows = [
        {"cohort": "external" if name == "external" else "training", "signature": signature, "estimate": name,
         "auc": auc, "auc_low": low, "auc_high": high, "n": n, "events": events, "p": np.nan}
        for name, (auc, low, high) in estimates.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def drawn(kind: str, subject: str = "", path: Path = Path("none.png"), **facts: str) -> report.Figure:
    """A figure as a study hands it over, in the section that knows its kind."""
    section = next((section.anchor for section in SECTIONS if kind in section.figures), "")
    name = "_".join(filter(None, [kind, slug(subject)]))
    return report.Figure(
        **{"name": name, "kind": kind, "subject": subject, "section": section, "caption": "", "path": path} | facts
    )


def caption(kind: str, subject: str = "", *, tables: dict[str, pd.DataFrame], **facts: object) -> str:
    return caption_of(drawn(kind, subject), STUDY | facts, tables)


def said(tables: dict[str, pd.DataFrame], **facts: object) -> dict[str, str]:
    return {finding.topic: " ".join(finding.lines) for finding in report.findings(STUDY | facts, tables)}


def counted(tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Families of links and what the table of the summary says of each."""
    found = next(finding for finding in report.findings(STUDY, tables) if finding.topic == "Links")
    return {row[0]: row[1:] for row in found.table.rows}


def cautions(tables: dict[str, pd.DataFrame], **facts: object) -> set[str]:
    return {finding.topic for finding in report.findings(STUDY | facts, tables) if finding.caution}


class Page(HTMLParser):
    """What a browser would load, link to and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.loads, self.links, self.ids, self.words = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        self.tags.append(tag)
        self.ids += [facts["id"]] if "id" in facts else []
        self.links += [facts["href"]] if tag == "a" else []
        self.loads += [
            value
            for name, value in attrs
            if name in ("src", "srcset", "data", "poster", "background") or (name == "href" and tag != "a")
        ]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    ax = figures.auc_forest(simulated.evaluation())
    svg, png, _ = figures.save(ax, folder / "auc_forest", simulated.evaluation())
    return [drawn("auc_forest", path=png), drawn("roc", path=svg), drawn("my_own", path=png)]


def test_the_page_needs_nothing_else(images):
    text = report.render(STUDY, all_tables(), images, {"inputs": [{"name": "features", "url": "https://example.org/x.csv"}]})
    page = Page(text)
    assert page.loads
    assert all(load.startswith("data:image/") for load in page.loads)
    assert not set(page.tags) & {"script", "link", "iframe", "object", "embed", "base", "form"}
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "https://example.org/x.csv" in page.text
    assert {"data:image/png", "data:image/svg+xml"} == {load.split(";")[0] for load in page.loads}


def test_every_link_of_the_page_leads_somewhere(images):
    page = Page(report.render(STUDY, all_tables(), images, {"radiogenomics": "1"}))
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert "Further tables" in page.text, "a figure that no section knows is not lost"


@pytest.mark.parametrize("place", ["study", "tables", "provenance", "figures"])
def test_hostile_names_are_text(place, images, tmp_path):
    study, tables, provenance, mine = dict(STUDY), all_tables(), {"inputs": [{"name": "a"}]}, list(images)
    if place == "study":
        study |= {
            "name": EVIL,
            "title": EVIL,
            "outcome": EVIL,
            "positive": EVIL,
            "description": EVIL,
            "settings": {EVIL: EVIL},
            "counts": {EVIL: 1},
        }
    if place == "tables":
        tables = {name: hostile(table) for name, table in tables.items()} | {EVIL: pd.DataFrame({EVIL: [EVIL]})}
    if place == "provenance":
        provenance = {EVIL: [{EVIL: EVIL}], "steps": {EVIL: {"seconds": 1.0}}, "radiogenomics": EVIL}
    if place == "figures":
        mine += [drawn(EVIL, path=images[0].path), drawn("roc", EVIL, path=images[0].path, name=f"{EVIL} {EVIL}", caption=EVIL)]
    text = report.render(study, tables, mine, provenance)
    page = Page(text)
    assert "script" not in page.tags
    assert "alert('" not in re.sub(r"&[#\w]+;", "", text)
    assert "alert(" in page.text


def hostile(table: pd.DataFrame) -> pd.DataFrame:
    words = [name for name in table.select_dtypes(object) if name not in ("estimate", "null", "family", "color")]
    return table.assign(**dict.fromkeys(words, EVIL))


def test_the_summary_reads_the_counts_of_the_cohort():
    text = said(all_tables())["Patients of TCGA-BRCA"]
    assert text == (
        "Patients left after each step: with imaging features 91; with expression 88; with lymph node status 87. "
        "Of 87 with known lymph node metastasis, 42 (48 %) are node-positive."
    )


def test_decisions_are_shown_by_kind_with_the_place_they_touched_most():
    border = [["lesion at the border", f"P{number}", 1, "it touches the first slice"] for number in range(60)]
    rows = [["word for missing", "a.csv", 4, "NP (4)"], *border, ["word for missing", "b.csv", 1_200, "NP (1200)"]]
    decisions = pd.DataFrame([*rows, ["encoding", "b.csv", 1, "UTF-16"]], columns=["what", "where", "count", "why"])
    (shown,) = next(one for one in SECTIONS if "decisions" in one.tables).tables["decisions"](decisions)
    assert shown.rows == [
        ["word for missing", "b.csv and 1 more", "1,204", "for example: NP (1200)"],
        ["lesion at the border", "P0 and 59 more", "60", "for example: it touches the first slice"],
        ["encoding", "b.csv", "1", "UTF-16"],
    ]
    assert "63 decisions of 3 kinds" in shown.caption


def test_patients_who_were_left_out_do_not_count():
    everybody = pd.concat(
        [patients().assign(included=True), patients().head(3).rename(index="left out {}".format).assign(included=False)]
    )
    assert (
        "Of 87 with known lymph node metastasis, 42 (48 %)"
        in said(all_tables() | {"patients": everybody})["Patients of TCGA-BRCA"]
    )


def test_an_interval_over_chance_is_never_called_success():
    tables = {"evaluation": judged(apparent=(1, 0.99, 1), nested=(0.58, 0.46, 0.7), volume=(0.63, 0.51, 0.75))}
    text = said(tables)["Prediction: forest"]
    assert "On the very patients that the signature was fitted to it reaches AUC 1.00 (95 % interval 0.99 to 1.00)." in text
    assert "(nested cross-validation; 87 patients, 42 node-positive) it reaches AUC 0.58 (95 % interval 0.46 to 0.70)" in text
    assert "The gap of 0.42 is optimism" in text
    assert "does not show that the signature tells lymph node metastasis better than chance" in text
    assert "not shown to add anything to lesion size" in text
    assert "better than chance in this cohort" not in text
    assert "Prediction: forest" in cautions(tables)


@pytest.mark.parametrize(
    ("nested", "volume", "phrase", "caution"),
    [
        ((0.70, 0.60, 0.80), (0.50, 0.40, 0.60), "below the signature's interval", False),
        ((0.70, 0.60, 0.80), (0.65, 0.55, 0.75), "an advantage over lesion size is not shown", False),
        ((0.70, 0.60, 0.80), (0.70, 0.60, 0.80), "not shown to add anything to lesion size", True),
        ((0.30, 0.20, 0.40), (0.20, 0.10, 0.30), "worse than chance, the sign of a mistake", True),
        ((0.90, 0.82, 0.97), (0.50, 0.40, 0.60), "look for a leak before believing it", False),
        ((0.60, np.nan, np.nan), (0.50, 0.40, 0.60), "No interval was computed", True),
        ((0.50, 0.50, 0.50), (0.40, 0.30, 0.50), "does not show", True),
    ],
)
def test_every_outcome_of_the_comparison_has_its_words(nested, volume, phrase, caution):
    tables = {"evaluation": judged(apparent=(0.99, 0.98, 1), nested=nested, volume=volume)}
    assert phrase in said(tables)["Prediction: forest"]
    assert ("Prediction: forest" in cautions(tables)) is caution


def test_a_figure_below_one_half_is_not_read_in_reverse():
    table = simulated.evaluation()
    table.loc[table["estimate"].eq("nested"), ["auc", "auc_low", "auc_high"]] = [0.36, 0.19, 0.52]
    assert (
        "Below 0.5 it tells nothing, and nothing in reverse either" in said({"evaluation": table})["Prediction: radiomic forest"]
    )
    assert "in reverse" not in said({"evaluation": simulated.evaluation()})["Prediction: radiomic forest"]


def test_a_test_that_does_not_exclude_chance_overrules_the_interval():
    tables = {"evaluation": judged(nested=(0.7, 0.6, 0.8)).assign(p=0.2)}
    assert (
        "the test does not exclude chance (p = 0.20 by permuting the outcome): better than chance is not shown"
        in said(tables)["Prediction: forest"]
    )
    assert "Prediction: forest" in cautions(tables)
    assert (
        "better than chance in this cohort (p < 0.001 by permuting the outcome)"
        in said({"evaluation": tables["evaluation"].assign(p=1e-5)})["Prediction: forest"]
    )


def test_volume_is_compared_within_the_same_cohort():
    elsewhere = judged(volume=(0.9, 0.8, 1.0)).assign(cohort="external")
    tables = {"evaluation": pd.concat([judged(nested=(0.7, 0.6, 0.8)), elsewhere])}
    assert "volume" not in said(tables)["Prediction: forest"]


def test_an_external_cohort_confirms_or_does_not():
    for external, phrase in (((0.7, 0.6, 0.8), "better than chance."), ((0.6, 0.45, 0.75), "is not confirmed there")):
        text = said({"evaluation": judged(nested=(0.7, 0.6, 0.8), external=external, n=57, events=20)})["Prediction: forest"]
        assert "In the external cohort (external; 57 patients, 20 events)" in text
        assert phrase in text


def test_without_an_honest_estimate_nothing_is_claimed():
    tables = {"evaluation": judged(apparent=(1, 0.99, 1))}
    assert "say nothing about new ones" in said(tables)["Prediction"]
    assert "1.00" not in said(tables)["Prediction"]


def test_a_close_apparent_figure_is_not_called_optimism():
    text = said({"evaluation": judged(apparent=(0.72, 0.6, 0.8), nested=(0.7, 0.6, 0.8))})["Prediction: forest"]
    assert "little of the apparent performance is optimism" in text


@pytest.mark.parametrize(
    ("signature", "recipe", "words"),
    [
        (
            "mri",
            "published",
            "one cross-validation, with sizes chosen by the quicker out-of-bag rule, not the mean of all repeats",
        ),
        ("mri", "lasso", "one cross-validation, not the mean of all repeats"),
        ("fusion", "published", "one cross-validation, not the mean of all repeats"),
    ],
)
def test_the_prose_says_that_the_permutation_test_judges_another_statistic(signature, recipe, words):
    table = judged(nested=(0.6, 0.5, 0.7), signature=signature)
    settings = {"signature": {"recipe": recipe}}
    assert words in " ".join(said({"evaluation": table.assign(p=0.2)}, settings=settings).values())
    assert "permutation test" not in " ".join(said({"evaluation": table}, settings=settings).values())


def test_the_two_kinds_of_p_stand_in_columns_of_their_own():
    table = judged(apparent=(0.9, 0.8, 1), nested=(0.6, 0.5, 0.7)).assign(p=[0.011, 0.222])
    page = Page(report.render(STUDY, {"evaluation": table}, [], {}))
    assert "p (Mann-Whitney) p (outcome permuted) forest" in page.text.replace("training forest", "forest")
    assert "0.01 – forest" in page.text.replace("training forest", "forest")
    assert "another statistic than the AUC beside it" in page.text
    without = Page(report.render(STUDY, {"evaluation": table.assign(p=[0.011, np.nan])}, [], {}))
    assert "outcome permuted" not in without.text


@pytest.mark.parametrize(
    ("signature", "apparent", "words", "never"),
    [
        ("mri", (0.99, 0.9, 1), "the selection of features has seen every patient", "fusion"),
        ("mri", (0.99, 0.9, 1), "how well the recipe remembers its own patients", "few terms"),
        ("fusion", (0.99, 0.9, 1), "the scores that the model is trained on were fitted to every patient", "selection"),
        ("clinical", (0.75, 0.6, 0.9), "how well a model with few terms fits its own patients", "remembers"),
        ("clinical", (0.6, 0.4, 0.7), "By plain cross-validation, since it selects nothing", "published protocol"),
        ("clinical", (0.6, 0.4, 0.7), "what a weak model gains and loses by chance", "optimism"),
        ("fusion", (0.6, 0.4, 0.7), "Not even on patients that it has seen", "optimism"),
    ],
)
def test_what_is_said_of_the_gap_depends_on_the_model_and_its_numbers(signature, apparent, words, never):
    table = judged(apparent=apparent, published=apparent, nested=(0.45, 0.3, 0.6), signature=signature)
    text = next(text for topic, text in said({"evaluation": table}).items() if topic.startswith("Prediction"))
    assert words in text
    assert never not in text


def test_a_figure_below_one_half_is_not_said_to_lean():
    text = said({"evaluation": judged(nested=(0.4, 0.25, 0.55))})["Prediction: forest"]
    assert "leans" not in text
    assert "has 0.5 on average" in text


def links(found: int, total: int, *, family: str = "features x modules", estimate: str = "nested") -> pd.DataFrame:
    q = np.where(np.arange(total) < found, 0.01, 0.5)
    names = [f"f{number}" for number in range(total)]
    imaging, molecular = sides(family)
    return pd.DataFrame(
        {"feature": names, "target": "ME1", "imaging": imaging, "molecular": molecular, "adjustment": "", "family": family}
        | {"effect": 0.3, "p": q / 2, "q": q, "estimate": estimate}
    ).assign(p_max_t=q)


def sides(family: str) -> tuple[str, str]:
    """The imaging and the molecular table of a family of the tests' own naming."""
    imaging, molecular = family.split(",")[0].split(" x ")
    return imaging.removesuffix(" features"), molecular


def null(found: int, mean: float, p: float, family: str = "features x modules") -> pd.DataFrame:
    imaging, molecular = sides(family)
    row = {
        "imaging": imaging,
        "molecular": molecular,
        "adjustment": "",
        "family": family,
        "null": "permuted patients",
        "found": found,
        "mean": mean,
        "low": 0,
        "high": 6,
        "p": p / 2,
    }
    return pd.DataFrame([row, row | {"null": "random features"}]).assign(p_holm=p)


@pytest.mark.parametrize(
    ("found", "phrase"),
    [
        (0, "None of 100 links survives correction"),
        (1, "1 of 100 links survives correction"),
        (3, "3 of 100 links survive correction"),
    ],
)
def test_links_are_counted_after_correction(found, phrase):
    assert phrase in said({"links": links(found, 100)})["Links"]
    beyond = {"links": links(found, 100), "link_null": null(found, 1.2, 0.01)}
    assert ("Links" in cautions(beyond)) is (found == 0)
    assert "Links" in cautions({"links": links(found, 100)}), "without a null nothing is beyond chance"


def test_links_within_the_reach_of_chance_are_said_to_be_so():
    name = "features × modules"
    within = counted({"links": links(4, 100), "link_null": null(4, 1.2, 0.08)})[name]
    beyond = counted({"links": links(9, 100), "link_null": null(9, 1.2, 0.02)})[name]
    assert within == ["4", "4", "100", "1.2", "1.2", "0.04", "0.08", "within the reach of chance"]
    assert beyond == ["9", "9", "100", "1.2", "1.2", "0.01", "0.02", "beyond chance"]
    assert counted({"links": links(0, 100), "link_null": null(0, 1.2, 0.02)})[name][-1] == "none survives"
    assert counted({"links": links(4, 100)})[name] == ["4", "4", "100", "–", "–", "–", "–", "no null was run"]
    unsure = counted({"links": links(4, 100).assign(p_max_t=0.06), "link_null": null(4, 0.1, 0.02)})[name]
    assert unsure[1] == "0"
    assert unsure[-1] == "more than chance gives, but no single link by max-T"


def size(**rho: float) -> pd.DataFrame:
    rows = {"kind": "mri", "feature": list(rho), "rho": list(rho.values()), "n": 87}
    return pd.DataFrame(rows)


def diameters() -> pd.DataFrame:
    """Three links of one feature, one of another, and a hundred without a signal."""
    table = links(4, 104, family="mri features x modules", estimate="measured")
    return table.assign(feature=["f0"] * 3 + list(table["feature"][3:]), target=["ME1", "ME2", "ME3"] + ["ME1"] * 101)


def test_links_of_one_feature_are_not_counted_as_many_findings():
    rng = np.random.default_rng(0)
    common = rng.normal(size=60)
    eigengenes = pd.DataFrame({f"ME{i}": common + 0.1 * rng.normal(size=60) for i in (1, 2, 3)})
    text = said({"links": diameters(), "eigengenes": eigengenes})["Links"]
    assert "They are 4 links of 2 features (f0 with 3; f3 with 1), so not as many findings." in text
    assert re.search(r"The 3 targets of f0 correlate among themselves \(median \|r\| 0\.9\d\)", text)
    assert "not as many findings" not in said({"links": links(4, 100)})["Links"], "four features, four links"


def test_links_of_lesion_size_are_said_to_be_so_and_the_others_followed_up():
    tables = {
        "links": diameters(),
        "link_null": null(4, 0.1, 0.01, "mri features x modules"),
        "feature_volume": size(f0=-0.95, f3=0.5),
    }
    text = said(tables)["Links"]
    assert "3 links of 1 feature reflect lesion size (f0: |Spearman ρ| with volume 0.9 or more)" in text
    given = diameters().iloc[3:].assign(family="mri features x modules, adjusted", adjustment="age", measure="partial r", n=80)
    kept = said(tables | {"adjusted_links": given})["Links"]
    assert "features that are not lesion size: 1, of them with q < 0.05 given age: 1." in kept
    lost = said(tables | {"adjusted_links": given.assign(q=0.5)})["Links"]
    assert "features that are not lesion size: 1, of them with q < 0.05 given age: 0." in lost
    assert "lesion size" not in said(tables | {"feature_volume": size(f0=0.89, f3=0.5)})["Links"]
    number = next(number for number in key_numbers(STUDY, tables) if number.label == "Links beyond chance")
    assert (number.value, number.note) == ("4", "of 104 tested; 3 of the 4 are lesion size")


def test_adjusted_links_are_told_beside_the_same_patients_unadjusted():
    name = "signature x modules"
    whole = links(0, 7, family=name).assign(n=87)
    given = links(2, 7, family=f"{name}, adjusted").assign(n=80, p_max_t=0.06, adjustment="age", measure="partial r")
    same = links(1, 7, family=f"{name}, the same patients unadjusted").assign(
        n=80, adjustment=adjusted_links.SAME_PATIENTS, measure="Pearson r"
    )
    text = said({"links": whole, "adjusted_links": pd.concat([given, same])})["Links"]
    assert (
        "Given age, 2 of 7 links of signature × modules have q < 0.05, none a max-T p below 0.05 (80 patients); "
        "unadjusted, 1 in the same 80 patients and none in all 87 patients." in text
    )


def test_links_are_counted_at_the_level_of_the_study():
    table = links(5, 20).assign(q=[0.01, *[0.15] * 4, *[0.5] * 15])
    tables = {"links": table, "link_null": null(5, 0.3, 0.02), "clinical_links": table.assign(measure="Pearson r")}
    at_fifth = {"settings": {"links": {"alpha": 0.2}}}
    assert said(tables)["Links"].startswith("1 of 20 links survives correction for multiple tests (q < 0.05 within the family).")
    assert said(tables, **at_fifth)["Links"].startswith("5 of 20 links survive correction for multiple tests (q < 0.2 within")
    number = next(number for number in key_numbers(STUDY | at_fifth, tables) if number.label == "Links beyond chance")
    assert number.value == "5"
    assert "5 of 20 links with q < 0.2" in caption("link_forest", "features x modules", tables=tables, **at_fifth)
    page = Page(report.render(STUDY | at_fifth, tables, [], {}))
    assert page.text.count("5 of 20 with q < 0.2.") == 2, "links and clinical links"
    assert "q < 0.05" not in page.text


def test_fitted_links_are_kept_apart():
    text = said({"links": pd.concat([links(0, 20), links(15, 20, estimate="published")])})["Links"]
    assert "None of 20 links survives" in text
    assert "With the fitted signature 15 of 20 links would have passed; with the out-of-fold one it is 0." in text


def test_the_gene_score_is_judged_honestly_and_separation_is_said():
    tables = all_tables()
    text = said(tables)["Gene score"]
    assert "12 genes" in text
    assert "same patients it reaches AUC 0.82" in text
    assert "inside each fold it reaches AUC 0.52" in text
    assert "does not show that the gene score tells" in text
    assert "separation" not in text
    extreme = tables | {"gene_score_odds": pd.DataFrame({"odds_ratio": [164.0], "separation": ["none"]})}
    assert "An odds ratio of 164 is a warning sign" in said(extreme)["Gene score"]
    separated = tables | {"gene_score_odds": pd.DataFrame({"odds_ratio": [3.0], "separation": ["quasi"]})}
    assert "shows separation" in said(separated)["Gene score"]
    assert "No gene met the selection rule" in said({"gene_score": tables["gene_score"].head(0)})["Gene score"]
    assert "nothing is known about new patients" in said({"gene_score": tables["gene_score"]})["Gene score"]


@pytest.mark.parametrize(("sizes", "share", "finding"), [({"0": 17, "14": 8}, 0.08, False), ({"11": 5, "12": 20}, 0.9, True)])
def test_how_often_the_genes_are_chosen_again_is_said(sizes, share, finding):
    tables = all_tables()
    stability = pd.DataFrame({"kind": "size", "name": sizes.keys(), "times": sizes.values(), "fits": 25})
    tables |= {"gene_score": tables["gene_score"].assign(chosen=share), "gene_score_stability": stability}
    text = said(tables)["Gene score"]
    assert f"in each of the 25 nested fits, the genes number {min(map(int, sizes))} to {max(map(int, sizes))}" in text
    assert ("in 17 of them there is none" in text) is ("0" in sizes)
    assert f"chosen in {share:.0%} of the fits or less" in text
    assert ("depends on these particular patients" in text) is not finding


def test_the_odds_ratio_per_unit_is_no_warning_sign():
    odds = pd.DataFrame({"scale": ["per SD", "per unit"], "odds_ratio": [2.1, 2270.0], "separation": "none"})
    assert "warning sign" not in said(all_tables() | {"gene_score_odds": odds})["Gene score"]


def test_survival_is_told_without_claiming_more_than_the_test():
    row = {"endpoint": "overall survival", "test": "log-rank", "term": "high against low", "p": 0.16, "n": 88.0, "events": 51.0}
    cox = row | {"test": "Cox", "p": 0.03}
    text = said({"survival_tests": pd.DataFrame([row, cox])})["Survival"]
    assert text.startswith("Overall survival of patients with a high against a low gene score (88 patients, 51 events): ")
    assert text.endswith("log-rank p = 0.16, no difference is shown.")
    text = said({"survival_tests": pd.DataFrame([row | {"fitted": 86}])})["Survival"]
    assert "(88 patients, 51 events; 86 of them are those the score was fitted to)" in text
    assert len(text) < 200, "Cox models stand in the table"
    assert "before any correction" in said({"survival_tests": pd.DataFrame([row | {"p": 0.0001}])})["Survival"]


def test_tables_of_single_patients_and_genes_are_not_listed_as_further_ones():
    one_by_one = pd.DataFrame({"score": [1.0]}, index=pd.Index(["secret patient"], name="patient"))
    page = Page(report.render(STUDY, {"mine": one_by_one, "other": pd.DataFrame({"a": ["shown"]})}, [], {}))
    assert "secret patient" not in page.text
    assert "shown" in page.text


def test_the_caption_says_of_whom_and_by_which_estimate(images):
    evaluation = pd.concat(
        [
            judged(apparent=(1, 1, 1), nested=(0.6, 0.5, 0.7), signature="mri"),
            judged(external=(0.6, 0.5, 0.7), n=57, events=20, signature="mri"),
            judged(nested=(0.6, 0.5, 0.7), signature="fusion"),
        ]
    )
    tables = all_tables() | {"evaluation": evaluation}
    whom = "training cohort, 87 patients, 42 node-positive"
    for (kind, subject), words in {
        ("roc", "mri"): f"ROC curves of the mri signature by every estimate: on the patients it was fitted to, by nested "
        f"cross-validation and in the external cohort ({whom}; external cohort, 57 patients, 20 node-positive).",
        ("roc_all", "nested training"): f"ROC curves of every model by nested cross-validation ({whom}).",
        (
            "roc_all",
            "external external",
        ): "of every model in the external cohort (external cohort, 57 patients, 20 node-positive).",
        (
            "score_distribution",
            "nested training",
        ): f"with the outcome of every model by nested cross-validation ({whom}), from fits",
        ("calibration", "fusion"): f"of the combined model, on out-of-fold scores of nested cross-validation ({whom}).",
        ("link_forest", "features x modules"): "Links of the family features × modules (87 patients; ",
        ("pathway_bar", "radiomic forest"): "with the out-of-fold score of the radiomic forest signature (87 patients; ",
        ("module_trait", ""): "Correlation of module eigengenes with imaging (87 patients): every signature",
        ("kaplan_meier", ""): "patients with a gene score above (high)",
        ("inclusion_flow", ""): "Patients of the TCGA-BRCA cohort who stayed",
        ("my_own", ""): "My own.",
    }.items():
        assert words in caption(kind, subject, tables=tables)
        assert caption(kind, subject, tables={}).endswith(".")
    assert "Figure 1." in Page(report.render(STUDY, tables, images, {})).text


def test_a_subject_is_matched_whole_and_never_by_the_beginning_of_a_name():
    evaluation = pd.concat([judged(nested=(0.6, 0.5, 0.7), signature=name, n=n) for name, n in (("mri all", 50), ("mri", 40))])
    assert "of the mri all signature by every estimate: by nested cross-validation (training cohort, 50 patients" in caption(
        "roc", "mri all", tables={"evaluation": evaluation}
    )
    assert "40 patients" in caption("roc", "mri", tables={"evaluation": evaluation})
    assert "patients" not in caption("roc", "mr", tables={"evaluation": evaluation}).split("The legend")[0]


def test_figures_stand_in_their_section_kind_by_kind_as_they_were_drawn(images):
    png = images[0].path
    names = [("roc", "radiomics"), ("toy", "a"), ("roc", "kinetics"), ("roc_all", "nested training"), ("auc_forest", "")]
    mine = [drawn(kind, subject, png, section="prediction") for kind, subject in names]
    text = report.render(STUDY, {}, [drawn("toy", "b", png, section="modules"), *mine], {})
    assert re.findall(r'<figure id="figure-(\w+)"', text) == [
        "auc_forest", "roc_all_nested_training", "roc_radiomics", "roc_kinetics", "toy_a", "toy_b",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="`figures` holds 'toy_a' more than once"):
        report.render(STUDY, {}, [mine[1], mine[1]], {})


def test_a_figure_of_an_unknown_kind_stands_in_its_section_with_the_caption_it_brings(images):
    toy = drawn("spider", "mri", images[0].path, section="gene-score", caption="A spider of 31 patients.")
    text = report.render(STUDY, {}, [toy], {})
    section = text[text.index('<section id="gene-score">') :]
    assert "A spider of 31 patients." in section[: section.index("</section>")]
    assert "Further tables" not in text
    lost = report.render(STUDY, {}, [drawn("auc_forest", "", images[0].path, section="nowhere")], {})
    assert "Further tables" in lost
    assert set(Page(lost).links) <= {f"#{name}" for name in Page(lost).ids}


def test_what_is_published_of_a_combined_model_has_a_name_of_its_own():
    parts = [judged(published=(0.9, 0.8, 1), nested=(0.6, 0.5, 0.7), signature=name) for name in ("mri", "fusion", "clinical")]
    table = pd.concat(parts)
    text = report.render(STUDY, {"evaluation": table}, [], {})
    assert Page(text).text.count("Published protocol") == 1
    assert Page(text).text.count("Fitted scores fused, the usual leak") == 1
    said_of = {name: caption("roc", name, tables={"evaluation": table}) for name in ("mri", "fusion", "clinical")}
    assert "by the published protocol and" in said_of["mri"]
    assert "with fitted scores fused (the usual leak) and by nested" in said_of["fusion"]
    assert "by plain cross-validation and by nested" in said_of["clinical"]
    assert table["estimate"].tolist() == ["published", "nested"] * 3
    fused = said({"evaluation": table[table["signature"].eq("fusion")]})["Prediction: combined model"]
    assert "published" not in fused
    assert "With fitted scores fused, the usual leak (the scores" in fused


@pytest.mark.parametrize("failed", [(0.0, 0.0, 0.0), (np.nan, np.nan, np.nan)])
@pytest.mark.parametrize("which", ["published", "nested", "both"])
def test_an_area_that_a_failed_fit_gives_is_no_number_and_no_optimism(failed, which):
    sound = {"apparent": (0.97, 0.9, 1.0), "published": (0.7, 0.4, 0.95), "nested": (0.61, 0.3, 0.9)}
    broken = sound | dict.fromkeys([which] if which != "both" else ["apparent", "published"], failed)
    table = judged(**broken, volume=(0.66, 0.4, 0.9), n=18, events=7)
    text = said({"evaluation": table})["Prediction: forest"]
    assert "it reaches an AUC that could not be estimated" in text
    assert ("is optimism" in text) is (which == "published")
    assert ("The difference between the two cannot be determined." in text) is (which != "published")
    assert "0.00" not in text
    page = Page(report.render(STUDY, {"evaluation": table}, [], {})).text
    assert "0.00 (0.00–0.00)" not in page
    assert "could not be estimated" in page[page.index("AUC of every estimate") :]
    assert ("Nothing can be said about chance" in text) is (which == "nested")
    numbers = {number.label: (number.value, number.note) for number in key_numbers(STUDY, {"evaluation": table})}
    assert (numbers["Honest AUC"] == ("–", "could not be estimated")) is (which == "nested")


def comparison(first: float, second: float) -> pd.DataFrame:
    row = {"cohort": "training", "estimate": "nested", "first": "mri", "second": "fusion", "n": 87, "events": 42}
    row |= {
        "auc_first": first,
        "auc_second": second,
        "difference": first - second,
        "difference_low": 0.02,
        "difference_high": 0.4,
    }
    return pd.DataFrame([row | {"p": 0.02, "q": 0.03, "nri": 0.1, "nri_p": 0.6, "idi": 0.01, "idi_p": 0.7}])


def test_a_test_against_an_auc_below_one_half_is_marked():
    page = Page(report.render(STUDY, {"comparisons": pd.concat([comparison(0.53, 0.35), comparison(0.7, 0.6)])}, [], {}))
    assert "p does not say that one model predicts better" in page.text
    assert page.text.count("an AUC below 0.5") == 1
    assert "mri: 0.53" in page.text
    sound = Page(report.render(STUDY, {"comparisons": comparison(0.7, 0.6)}, [], {}))
    assert "below 0.5" not in sound.text


def test_nri_and_idi_stand_in_the_report_where_both_are_probabilities():
    page = Page(report.render(STUDY, {"comparisons": comparison(0.7, 0.6)}, [], {}))
    assert "what the second model gains over the first" in page.text
    assert all(heading in page.text for heading in ("NRI", "NRI p", "IDI", "IDI p"))
    without = comparison(0.7, 0.6).assign(nri=np.nan, nri_p=np.nan, idi=np.nan, idi_p=np.nan)
    assert "gains over the first" not in Page(report.render(STUDY, {"comparisons": without}, [], {})).text


def test_the_features_that_carry_a_signature_are_shown_with_how_stably():
    rows = {"signature": "mri", "feature": [f"f{i}" for i in range(12)], "effect": 0.7, "effect_low": 0.5, "effect_high": 0.8}
    table = pd.DataFrame(rows | {"n": 87, "p": 0.001, "q": 0.01, "among_strongest": 0.93, "chosen": np.nan})
    page = Page(report.render(STUDY, {"signature_features": table}, [], {}))
    assert "Among strongest" in page.text
    assert "0.93" in page.text
    assert "no fit keeps or leaves a feature" in page.text
    assert "The first 10 of 12 rows; all are in tables/signature_features" in page.text
    kept = Page(report.render(STUDY, {"signature_features": table.assign(chosen=0.44)}, [], {}))
    assert "0.44" in kept.text
    assert "the share of the nested fits that kept the feature" in kept.text


def test_the_genes_that_go_with_a_signature_are_shown_by_their_link():
    link = {"feature": "mri", "imaging": "signature", "molecular": "genes", "adjustment": "", "family": "signature x genes"}
    link |= {"effect": 0.4, "effect_low": 0.2, "effect_high": 0.6, "n": 87, "p_permutation": 0.001, "p_max_t": 0.4}
    genes = [link | {"target": f"GENE{i}", "p": i / 1000, "q": i / 100, "estimate": "nested"} for i in range(1, 20)]
    clinical = link | {"feature": "age", "target": "GENE3", "p": 1e-9, "q": 1e-9, "estimate": "measured"}
    page = Page(report.render(STUDY, {"gene_links": pd.DataFrame([*reversed(genes), clinical])}, [], {}))
    assert "4 of 19 have q < 0.05" in page.text
    assert "GENE10" in page.text
    assert "GENE11" not in page.text


def test_volume_stands_once_for_every_cohort():
    tables = {"evaluation": pd.concat([judged(nested=(0.6, 0.5, 0.7), volume=(0.6, 0.5, 0.7), signature=name) for name in "ab"])}
    assert Page(report.render(STUDY, tables, [], {})).text.count("Volume alone") == 1


def test_what_is_no_signature_is_not_called_one():
    tables = {
        "evaluation": judged(apparent=(0.6, 0.5, 0.7), nested=(0.5, 0.4, 0.6), volume=(0.6, 0.5, 0.7), signature="clinical")
    }
    text = said(tables)["Prediction: clinical model"]
    assert "the clinical model was fitted to" in text
    assert "signature" not in text
    assert "Prediction: combined model" in said({"evaluation": judged(nested=(0.5, 0.4, 0.6), signature="fusion")})


def test_the_checklist_says_how_lesions_were_segmented():
    table = pd.DataFrame({"cohort": ["training"], "images": [93], "masks": [93], "second_reader": [30]})
    items = {item.item: item for item in checklist({"segmentation": table}, [], {}) if item.guideline == "CLEAR"}
    assert (items["19"].section, items["19"].anchor) == ("images", "table-segmentation")
    assert items["20"].section == "images"
    assert {item.item: item for item in checklist({}, [], {}) if item.guideline == "CLEAR"}["19"].answer == AUTHORS


def test_small_samples_are_called_small_and_large_ones_are_not():
    assert "at least 100 of each" in said({"evaluation": judged(nested=(0.6, 0.5, 0.7))})["Sample size"]
    assert "Sample size" not in said({"evaluation": judged(nested=(0.6, 0.5, 0.7), n=300, events=120)})


def test_a_simulated_study_says_so_and_lists_what_was_planted():
    planted = pd.DataFrame({"kind": ["link", "module"], "name": ["f1 – ME1", "ME3"], "ok": [True, False]})
    assert (
        said({"planted": planted}, simulated=True)["Planted and found"]
        == "1 of 2 planted facts were found again. Not found: module ME3."
    )
    page = Page(report.render(STUDY | {"simulated": True}, {"planted": planted}, [], {}))
    assert "Simulated data. No patient stands behind any number" in page.text
    assert "Simulated data" not in Page(report.render(STUDY, {}, [], {})).text


def test_failures_are_counted_by_patient():
    failures = pd.DataFrame({"patient": ["a", "a", "b"], "step": "features", "reason": "no mask"})
    assert said({"failures": failures})["Left out"].startswith("2 patients were left out")
    assert said({"failures": failures.head(1)})["Left out"].startswith("1 patient was left out")
    assert said({"failures": failures.head(0)})["Left out"] == "No patient was left out."
    again = pd.DataFrame({"patient": ["c"], "step": "images, second reader", "reason": "the mask is empty"})
    assert said({"failures": pd.concat([failures, again])})["Left out"].startswith("2 patients were left out")


def test_key_numbers_stand_at_the_head():
    numbers = {number.label: (number.value, number.note) for number in key_numbers(STUDY, all_tables())}
    assert numbers == {
        "Patients": ("87", "42 node-positive"),
        "Apparent AUC, radiomic forest": ("1.00", "95 % CI 0.99 to 1.00"),
        "Honest AUC, radiomic forest": ("0.58", "95 % CI 0.46 to 0.70"),
        "AUC of volume alone": ("0.63", "95 % CI 0.51 to 0.75"),
        "Links beyond chance": ("10", "of 3,996 tested; 5 more are within the reach of chance"),
    }


def test_links_within_the_reach_of_chance_are_no_key_number():
    for found, p, shown in (
        (4, 0.08, ("0", "of 100 tested; 4 more are within the reach of chance")),
        (9, 0.02, ("9", "of 100 tested")),
    ):
        numbers = key_numbers(STUDY, {"links": links(found, 100), "link_null": null(found, 1.2, p)})
        assert [(number.value, number.note) for number in numbers] == [shown]
    assert key_numbers(STUDY, {"links": links(4, 100)})[0].value == "0", "without a null nothing is beyond chance"


def test_adjusted_links_and_enrichment_are_said_in_words():
    adjusted = links(2, 10).assign(family="signature x modules, adjusted", adjustment="age, volume", measure="partial r")
    split = links(0, 10).assign(
        family="signature x modules, high against low",
        adjustment=adjusted_links.HIGH_AND_LOW,
        measure="rank-biserial r",
        p_max_t=1.0,
    )
    tables = {"links": links(4, 100), "adjusted_links": pd.concat([adjusted, split])}
    chance = null(2, 0.1, 0.3, family="signature x modules, adjusted")
    rows = counted(tables | {"adjusted_null": chance})
    adjusted_row = ["2", "2", "10", "0.1", "0.1", "0.15", "0.30", "within the reach of chance"]
    assert rows["signature × modules, adjusted"] == adjusted_row
    assert rows["signature × modules, high against low"] == ["0", "0", "10", "–", "–", "–", "–", "none survives"]
    assert counted(tables)["signature × modules, adjusted"][-1] == "no null was run"
    found = next(finding for finding in report.findings(STUDY, tables) if finding.topic == "Links")
    assert "partial correlations given age, volume" in found.table.caption
    assert "Holm adjusts it over the families" in found.table.caption
    sets = simulated.enrichment()
    found = int((sets["q"] < 0.05).sum())
    text = said({"modules": simulated.modules(), "enrichment": sets})["Modules"]
    assert f"{found} of {len(sets)} tests show a gene set over-represented" in text
    none = said({"modules": simulated.modules(), "enrichment": sets.assign(q=0.5)})["Modules"]
    assert f"None of {len(sets)} tests shows" in none


def test_the_characteristics_of_the_patients_are_shown(images):
    baseline = pd.DataFrame(
        {"variable": ["age"], "level": [""], "overall": ["54 [46, 63]"], "p": ["<0.001"], "test": ["Kruskal"]}
    )
    page = Page(report.render(STUDY, all_tables() | {"baseline": baseline}, images, {}))
    assert "54 [46, 63]" in page.text
    assert "table-baseline" in page.ids
    assert "#table-baseline" in page.links


@pytest.mark.parametrize("left_out", [name for name in all_tables() if name not in ("patients", "signatures")])
def test_a_missing_table_leaves_its_section_out_and_nothing_else(left_out):
    tables = {name: table for name, table in all_tables().items() if name != left_out}
    page = Page(report.render(STUDY, tables, [], {}))
    section = next(section for section in SECTIONS if left_out in section.tables)
    alone = [name for name in section.tables if name in all_tables()] == [left_out]
    assert (section.anchor in page.ids) is not alone
    assert (section.title in not_run(page)) is (alone and left_out != "failures")


def not_run(page: Page) -> list[str]:
    found = re.search(r"Not run in this study: ([^.]*)\.", page.text)
    return found[1].split(", ") if found else []


def test_an_empty_study_still_makes_a_page():
    empty = {name: table.head(0) for name, table in all_tables().items()}
    assert "Failures: none." in Page(report.render(STUDY, empty, [], {})).text
    page = Page(report.render(STUDY, {}, [], {}))
    assert "The study has no table that could be summed up." in page.text
    assert not_run(page)[:3] == ["Patients", "Images and lesions", "Prediction"]
    assert "No provenance was recorded." in page.text


def test_long_tables_are_cut_and_say_where_the_rest_is():
    page = Page(report.render(STUDY, {"links": links(0, 500)}, [], {}))
    assert "The 8 with the smallest p of 500; all are in tables/links." in page.text
    assert ".csv" not in page.text, "large tables are .csv.gz"
    assert len(report.render(STUDY, {"links": links(400, 5000)}, [], {})) < 60_000


def test_numbers_in_tables_are_set_with_their_intervals():
    page = Page(report.render(STUDY, all_tables(), [], {}))
    for words in (
        "0.58 (0.46–0.70)",
        "Nested cross-validation",
        "AUC (95 % CI)",
        "p (permuted)",
        "turquoise",
        "no tumour expression profile",
    ):
        assert words in page.text
    assert "nan" not in page.text.lower().split()


def test_the_checklist_is_filled_from_what_was_run(images):
    full = {
        (item.guideline, item.item): item
        for item in checklist(all_tables(), images, {"inputs": [{"name": "x"}], "settings": {"seed": 1}})
    }
    bare = {(item.guideline, item.item): item for item in checklist({}, [], {})}
    assert (full["CLEAR", "45"].section, full["CLEAR", "45"].anchor) == ("cohort", "table-inclusion")
    assert full["CLEAR", "48"].section == full["TRIPOD+AI", "23"].section == "prediction"
    assert full["CLEAR", "48"].anchor == full["TRIPOD+AI", "23"].anchor == "table-evaluation"
    assert full["CLEAR", "13"].anchor == "provenance"
    assert full["CLEAR", "9"].anchor == "figure-auc_forest"
    assert full["CLEAR", "45"].answer == "section “Patients”, table inclusion"
    assert full["TRIPOD+AI", "16"].answer == MISSING, "no external cohort was evaluated"
    assert full["TRIPOD+AI", "17"].answer == AUTHORS
    assert bare["CLEAR", "45"].answer == bare["CLEAR", "47"].answer == bare["TRIPOD+AI", "22"].answer == MISSING
    assert full["CLEAR", "25-28"].answer == AUTHORS, "features came as a table, extraction is not ours to describe"
    numbers = [number for guideline, item in full if guideline == "CLEAR" for number in span(item)]
    assert numbers == list(range(1, 59)), "CLEAR has 58 items"
    assert {number for guideline, item in full if guideline == "TRIPOD+AI" for number in span(item)} == set(range(1, 28))


def span(item: str) -> range:
    first, _, last = item.partition("-")
    return range(int(first), int(last or first) + 1)


def test_provenance_is_shown_whole():
    provenance = {
        "radiogenomics": "0.1.0",
        "inputs": {
            "features": {"file": "features.csv", "sha256": "ab" * 32, "licence": "CC BY 3.0", "citation": "doi 10.7937/x"}
        },
        "steps": [{"step": "modules", "seconds": 31.2, "peak_mb": 2100.0}],
        "seeds": {"study": 7},
        "settings": {"modules": {"power": 6}, "recipe": "published", "seed": 20241, "external": {}},
        "empty": {},
    }
    packages = {f"package{number}": f"1.{number}" for number in range(60)}
    text = report.render(STUDY | {"settings": {"only": "once"}}, {}, [], provenance | {"packages": packages})
    assert "package7 1.7, package8 1.8" in Page(text).text, "many pairs stand in one paragraph"
    assert "once" not in text, "the settings of the run stand in the provenance"
    page = Page(text)
    for words in (
        "ab" * 32,
        "CC BY 3.0",
        "31.2",
        "2,100",
        "power: 6",
        "seed 20241",
        "external none",
        "radiogenomics 0.1.0",
        "Peak MB",
    ):
        assert words in page.text


def test_a_figure_that_cannot_be_embedded_is_refused(tmp_path):
    other = tmp_path / "roc.tiff"
    other.write_bytes(b"II*")
    with pytest.raises(
        ValueError, match=r"The figure 'roc' cannot be embedded from .*roc.png: the file is missing; draw it again"
    ):
        report.render(STUDY, {}, [drawn("roc", path=tmp_path / "roc.png")], {})
    with pytest.raises(ValueError, match=r"unknown kind; save it as .png, .svg"):
        report.render(STUDY, {}, [drawn("roc", path=other)], {})


def test_every_panel_of_the_figures_room_has_a_place_and_a_caption():
    panels = {name for name in figures.__all__ if name.islower()} - {"save", "mark", "style", "estimate", "module_rgb"}
    assert panels <= set(FIGURES)
    assert set(FIGURES) == {kind for section in SECTIONS for kind in section.figures}


def test_the_same_study_gives_the_same_page(images):
    pages = [report.render(STUDY, all_tables(), images, {"radiogenomics": "1"}) for _ in range(2)]
    assert pages[0] == pages[1]


def test_a_nomogram_that_is_not_better_than_chance_must_not_be_used():
    for nested, words in (((0.5, 0.35, 0.65), "it should not be used."), ((0.7, 0.6, 0.8), "it reaches AUC 0.70 (95 % interval")):
        tables = {"evaluation": judged(apparent=(0.9, 0.8, 1), nested=nested, signature="fusion")}
        text = caption("nomogram", tables=tables)
        assert words in text
        assert ("not be used" in text) is (nested[0] == 0.5)
    assert ".." not in text


def test_captions_say_on_whom_numbers_were_made():
    row = {"endpoint": "overall survival", "test": "log-rank", "p": 0.2, "n": 88.0, "events": 51.0, "fitted": 86}
    text = caption("kaplan_meier", "overall survival", tables={"survival_tests": pd.DataFrame([row])})
    assert "(88 patients, 51 events; 86 of them are those the score was fitted to)" in text
    assert "on the very patients that chose the genes" in caption("odds_forest", tables=all_tables())
    assert "within one fold, while its curve is that of each patient's mean score" in caption("roc", "mri", tables=all_tables())
    page = Page(report.render(STUDY, all_tables() | {"survival_tests": pd.DataFrame([row | {"p_proportional": 0.031}])}, [], {}))
    for words in ("p (proportional)", "0.03", "Fitted", "the modules, found without a look at outcome or imaging"):
        assert words in page.text


def test_the_threshold_of_volume_has_its_unit():
    table = judged(nested=(0.6, 0.5, 0.7), volume=(0.6, 0.5, 0.7)).assign(
        threshold=[0.56, 4439.695], sensitivity=0.6, specificity=0.6, ppv=0.6, npv=0.6, accuracy=0.6
    )
    assert "4,440 mm³" in Page(report.render(STUDY, {"evaluation": table}, [], {})).text


def test_the_ceiling_is_said_to_be_held_against_the_lower_bounds():
    planted = pd.DataFrame({"kind": ["bound", "bound", "link"], "name": ["a", "b", "c"], "ok": [True, False, True]})
    text = said({"planted": planted}, simulated=True)["Planted and found"]
    assert "The 95 % intervals of 1 of 2 honest AUCs begin at or below the ceiling that was planted." in text


def test_calibration_is_shown_in_numbers_and_the_checklist_leads_there():
    row = {"cohort": "training", "signature": "mri", "estimate": "nested", "n": 87, "events": 42, "intercept": -0.05}
    row |= {"intercept_low": -0.48, "intercept_high": 0.37, "slope": 0.17, "slope_low": -0.47, "slope_high": 0.81, "brier": 0.262}
    row |= {"brier_scaled": -0.05, "hl_chi2": 11.8, "hl_df": 5, "hl_p": 0.037, "remark": ""}
    tables = {"calibration": pd.DataFrame([row])}
    page = Page(report.render(STUDY, tables, [], {}))
    for words in ("0.17 (−0.47 to 0.81)", "0.262", "HL p", "0.04", "the recipe, not one model"):
        assert words in page.text
    assert "Remark" not in page.text
    items = {(item.guideline, item.item): item for item in checklist(tables, [], {})}
    assert items["TRIPOD+AI", "12"].anchor == "table-calibration"


def test_the_checklist_points_at_no_table_that_is_not_shown():
    sizes = pd.DataFrame({"signature": "mri", "kind": "size", "name": ["3"], "times": 1, "fits": 1, "share": 1.0})
    items = {
        item.item: item for item in checklist({"stability": sizes, "links": links(1, 9)}, [], {}) if item.guideline == "CLEAR"
    }
    assert items["43"].anchor == "table-links"
    assert items["46"].answer == MISSING
    kept = sizes.assign(kind="feature")
    items = {item.item: item for item in checklist({"stability": kept}, [], {}) if item.guideline == "CLEAR"}
    assert items["43"].anchor == items["46"].anchor == "table-stability"


def test_links_that_outliers_make_are_named():
    table = links(2, 20).assign(p_spearman=0.001)
    table.loc[0, "p_spearman"] = 0.4
    text = said({"links": table})["Links"]
    assert "Not significant by rank correlation (Spearman p ≥ 0.05), so probably driven by a few outliers: 1 of them: " in text
    assert "Vanishing" not in said({"links": table.assign(p_spearman=0.001)})["Links"]
