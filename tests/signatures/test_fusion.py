"""The fusion of signatures and clinical columns, and its nomogram on the scale of R's rms."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics.signatures import Forest, Fusion
from radiogenomics.signatures._nomogram import pretty

CLINICAL = ["age", "size", "grade", "er", "rad", "gene"]


@pytest.fixture(scope="module")
def patients(reference):
    return pd.read_csv(reference / "stats" / "clin145.csv", index_col=0).rename_axis("patient")


@pytest.fixture(scope="module")
def rms(reference):
    return json.loads((reference / "signatures" / "rms_nomogram_lrm.json").read_text())


@pytest.fixture(scope="module")
def fitted(patients):
    return Fusion({}, clinical=CLINICAL).fit(patients[CLINICAL], patients["y"])


def test_the_model_equals_rs_glm(fitted, reference):
    expected = json.loads((reference / "stats" / "glm.json").read_text())["full"]
    terms = fitted.terms_.set_index("term").rename({"intercept": "(Intercept)"})
    for ours, theirs in (
        ("coefficient", "coef"),
        ("se", "se"),
        ("odds_low", "OR_wald_lo"),
        ("odds_high", "OR_wald_hi"),
        ("p", "p"),
    ):
        np.testing.assert_allclose(terms[ours], [expected[theirs][term] for term in terms.index], rtol=2e-5)


def test_the_points_are_those_of_rms(fitted, rms):
    points = fitted.nomogram().points
    for term in CLINICAL:
        axis = points[points["term"] == term]
        assert axis["value"].astype(float).tolist() == pytest.approx(rms["nomogram"][term][term])
        np.testing.assert_allclose(axis["points"], rms["nomogram"][term]["points"], atol=0.1)
        np.testing.assert_allclose(axis["points"], rms["nomogram"][term]["points"], atol=1e-6)


def test_the_totals_and_their_risks_are_those_of_rms(fitted, rms):
    layout = fitted.nomogram()
    assert layout.total["risk"].tolist() == pytest.approx([float(risk) for risk in rms["risk_axis_p"]])
    np.testing.assert_allclose(layout.total["total_points"], rms["risk_axis_total"], atol=0.1)
    assert layout.points_per_unit == pytest.approx(rms["sc_points_per_lp"], rel=1e-7)


@pytest.fixture(scope="module")
def simulated(reference):
    return pd.read_csv(reference / "signatures" / "nomogram_patients.csv").rename_axis("patient")


@pytest.mark.parametrize("number", range(12))
def test_every_axis_and_risk_is_that_of_rms_on_twelve_models(simulated, reference, number):
    model = json.loads((reference / "signatures" / "nomogram_models.json").read_text())["models"][number]
    fitted = Fusion({}, clinical=model["terms"]).fit(simulated[model["terms"]], simulated[model["outcome"][0]])
    layout = fitted.nomogram()
    np.testing.assert_allclose(fitted.terms_["coefficient"], model["coefficients"], rtol=1e-9)
    for term in model["terms"]:
        axis = layout.points[layout.points["term"] == term]
        assert axis["value"].astype(str if term == "site" else float).tolist() == pytest.approx(model["values"][term])
        np.testing.assert_allclose(axis["points"], model["points"][term], rtol=0, atol=1e-6)
    assert layout.points_per_unit == pytest.approx(model["points_per_unit"][0], rel=1e-9)
    assert layout.total["risk"].tolist() == pytest.approx([float(risk) for risk in model["risk"]])
    # R interpolates where a risk lies between two points of its curve; ours is exact.
    np.testing.assert_allclose(layout.total["total_points"], model["risk_points"], rtol=0, atol=1e-3)


def test_pretty_ticks_are_those_of_r(reference):
    for row in pd.read_csv(reference / "signatures" / "pretty.csv").itertuples():
        ticks = pretty(row.low, row.high, row.n)
        expected = row.first + row.step * np.arange(row.ticks)
        assert len(ticks) == row.ticks
        np.testing.assert_allclose(ticks, expected, rtol=1e-12, atol=1e-10 * row.step)  # within which R takes an end for a tick


def test_a_patients_points_mean_the_predicted_risk(fitted, patients):
    layout = fitted.nomogram()
    total = fitted.total_points(patients)
    linear = np.interp(total, layout.total["total_points"], layout.total["linear"])
    within = total.between(layout.total["total_points"].min(), layout.total["total_points"].max())
    risk = fitted.predict_proba(patients)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-linear[within])), risk[within], atol=1e-9)


def test_a_factor_has_one_tick_a_level(patients):
    words = patients.assign(
        grade=pd.Categorical(patients["grade"].map({1: "low", 2: "middle", 3: "high"}), ["low", "middle", "high"])
    )
    numbers = Fusion({}, clinical=CLINICAL, factors=["grade"]).fit(patients[CLINICAL], patients["y"])
    fitted = Fusion({}, clinical=CLINICAL).fit(words[CLINICAL], words["y"])
    np.testing.assert_allclose(fitted.terms_["coefficient"], numbers.terms_["coefficient"])
    assert fitted.terms_["term"].tolist()[3:5] == ["grade=middle", "grade=high"]
    points = fitted.nomogram().points.query("term == 'grade'")
    assert points["value"].tolist() == ["low", "middle", "high"]
    assert points["points"].min() == 0
    with pytest.raises(ValueError, match="'grade' has the level 'unknown'"):
        fitted.predict_proba(words.assign(grade="unknown"))


def test_the_fusion_trains_on_scores_its_signatures_did_not_fit():
    rng = np.random.default_rng(0)
    n = 80
    table = pd.DataFrame(rng.normal(size=(n, 20)), index=pd.Index(range(n), name="patient")).add_prefix("f")
    y = np.arange(n) % 2
    table["stage"] = y + rng.normal(0, 0.8, n)
    signature = make_pipeline(StandardScaler(), Forest(50, random_state=0))
    fusion = Fusion({"radiomics": (signature, [f"f{i}" for i in range(20)])}, clinical=["stage"], random_state=0).fit(table, y)
    # The forest remembers its patients; the model must not believe it, but the clinical column.
    assert np.corrcoef(fusion.signatures_["radiomics"].predict_proba(table.filter(like="f"))[:, 1], y)[0, 1] > 0.9
    assert abs(np.corrcoef(fusion.training_["radiomics"], y)[0, 1]) < 0.4
    terms = fusion.terms_.set_index("term")
    assert terms.loc["radiomics", "p"] > 0.01 > terms.loc["stage", "p"]


def test_copies_of_a_patient_stay_on_one_side_of_the_inner_folds():
    """In a bootstrap sample a forest knows a patient by its copy; scores that had seen the copy would be fitted ones."""
    rng = np.random.default_rng(0)
    names = [f"f{i}" for i in range(20)]
    table = pd.DataFrame(rng.normal(size=(80, 20)), columns=names, index=pd.Index(range(80), name="patient"))
    drawn = rng.integers(80, size=80)
    fusion = Fusion({"radiomics": (Forest(50, random_state=0), names)}, firth=True, random_state=0)
    fitted = fusion.fit(table.iloc[drawn], drawn % 2)
    assert abs(np.corrcoef(fitted.training_["radiomics"], drawn % 2)[0, 1]) < 0.3
    alone = table.iloc[drawn].reset_index(drop=True)  # whose rows nothing tells to be copies
    assert np.corrcoef(clone(fusion).fit(alone, drawn % 2).training_["radiomics"], drawn % 2)[0, 1] > 0.5


def test_firth_gives_finite_odds_where_data_separate(patients):
    table = patients.assign(perfect=patients["y"] + 0.5 * np.random.default_rng(0).random(len(patients)))[["age", "perfect"]]
    with pytest.raises(ValueError, match="separate events from non-events"):
        Fusion({}, clinical=["age", "perfect"]).fit(table, patients["y"])
    terms = Fusion({}, clinical=["age", "perfect"], firth=True).fit(table, patients["y"]).terms_
    assert np.isfinite(terms["odds_ratio"]).all()


@pytest.mark.parametrize("size", [1, 3, 9])
@pytest.mark.parametrize("events", ["none", "all"])
def test_a_rare_level_with_one_outcome_only_is_named(patients, size, events):
    """However rare the level: its estimate is infinite, and where a solver stops is no number to print."""
    same = patients.index[patients["y"] == (events == "all")][:size]
    table = patients[["age", "size"]].assign(stage=np.where(np.arange(len(patients)) % 2, "II", "III"))
    table.loc[same, "stage"] = "IV"
    with pytest.raises(ValueError, match=r"stage=IV separate events from non-events.*firth=True"):
        Fusion({}, clinical=["age", "size", "stage"]).fit(table, patients["y"])
    other = patients.index[patients["y"] != (events == "all")][0]
    table.loc[other, "stage"] = "IV"
    terms = Fusion({}, clinical=["age", "size", "stage"]).fit(table, patients["y"]).terms_
    assert terms["se"].iloc[1:].max() < 3


def test_a_combination_of_terms_that_separates_is_named(patients):
    rng = np.random.default_rng(6)
    noise = rng.normal(size=len(patients))
    table = patients[["age"]].assign(left=patients["y"] + noise, right=noise)
    with pytest.raises(ValueError, match=r"left, right separate"):
        Fusion({}, clinical=["age", "left", "right"]).fit(table, patients["y"])


def test_the_model_does_not_depend_on_units(patients):
    factor = {"age": 1e-7, "size": 1e8, "gene": 1e3}
    plain = Fusion({}, clinical=list(factor)).fit(patients, patients["y"]).terms_
    scaled = (
        Fusion({}, clinical=list(factor))
        .fit(patients.assign(**{k: patients[k] * v for k, v in factor.items()}), patients["y"])
        .terms_
    )
    units = np.array([1.0, *factor.values()])
    np.testing.assert_allclose(scaled["coefficient"] * units, plain["coefficient"], rtol=1e-9)
    np.testing.assert_allclose(scaled["se"] * units, plain["se"], rtol=1e-9)
    np.testing.assert_allclose(scaled["p"], plain["p"], rtol=1e-9)


@pytest.mark.parametrize(
    ("build", "change", "message"),
    [
        (lambda: Fusion({}), lambda t: t, "neither signatures nor clinical"),
        (lambda: Fusion({}, clinical=["age", "height"]), lambda t: t, "lacks column.*height"),
        (lambda: Fusion({}, clinical=["age"]), lambda t: t.assign(age=np.nan), "age have missing values"),
        (lambda: Fusion({}, clinical=["age"]), lambda t: t.assign(age=5.0), "age have one value"),
        (lambda: Fusion({}, clinical=["age", "rad"]), lambda t: t.assign(rad=60 - t["age"]), "rad are copies or combinations"),
        (lambda: Fusion({"age": (Forest(), ["rad"])}, clinical=["age"]), lambda t: t, "names a signature and a clinical column"),
    ],
)
def test_a_fusion_that_cannot_be_fitted_says_why(patients, build, change, message):
    with pytest.raises(ValueError, match=message):
        build().fit(change(patients[CLINICAL]), patients["y"])


def test_a_fusion_needs_names_and_two_classes(patients):
    with pytest.raises(TypeError, match="named columns"):
        Fusion({}, clinical=["age"]).fit(patients[CLINICAL].to_numpy(), patients["y"])
    with pytest.raises(ValueError, match="must hold 0 and 1"):
        Fusion({}, clinical=["age"]).fit(patients[CLINICAL], patients["y"] + 1)


def test_risks_beyond_probability_are_refused(fitted):
    with pytest.raises(ValueError, match="risks lie between 0 and 1"):
        fitted.nomogram(risks=(0.5, 1.0))


def test_the_published_leak_is_a_model_of_fitted_scores():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 40)
    table = pd.DataFrame(rng.normal(size=(80, 20)), columns=[f"f{i}" for i in range(20)])
    table["age"] = rng.normal(60, 10, 80)
    fusion = Fusion({"forest": (Forest(30), list(table.columns[:20]))}, clinical=["age"], firth=True, random_state=1)
    scores, alone = fusion.preselected(table, y)
    assert list(scores) == ["forest", "age"]
    assert scores.loc[y == 1, "forest"].min() > scores.loc[y == 0, "forest"].max()  # of noise: the forest remembers its patients
    assert (alone.signatures, alone.clinical) == ({}, ["forest", "age"])
    assert not hasattr(fusion, "terms_")


def test_a_level_that_no_training_patient_has_counts_as_the_reference():
    table = pd.DataFrame({"stage": pd.Categorical(["I", "II"] * 20, categories=["I", "II", "III"]), "age": np.arange(40.0) % 7})
    fitted = Fusion({}, clinical=["stage", "age"], firth=True).fit(table, np.arange(40) % 3 == 0)
    assert "stage=III" not in set(fitted.terms_["term"])
    new = pd.DataFrame({"stage": pd.Categorical(["I", "III"], categories=["I", "II", "III"]), "age": 3.0})
    risks = fitted.predict_proba(new)[:, 1]
    assert risks[0] == risks[1]
    points = fitted.nomogram().points.query("term == 'stage'").set_index("value")["points"]
    assert points["I"] == points["III"]
