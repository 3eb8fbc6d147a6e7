"""ComBat, against R's sva and by its properties."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from radiogenomics.stats import ComBat


@pytest.fixture(scope="module")
def table(reference):
    return pd.read_csv(reference / "stats" / "combat_60x50.csv")


@pytest.fixture(scope="module")
def genes(table):
    return [name for name in table if name.startswith("g")]


def planted(n=240, features=30, seed=0, shift=3.0, scale=2.0):
    """Two batches of one population; the second is shifted and stretched by known amounts."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, features)) + rng.normal(size=features) * 2
    batch = np.repeat(["A", "B"], n // 2)
    seen = truth.copy()
    seen[batch == "B"] = seen[batch == "B"] * np.sqrt(scale) + shift + rng.normal(size=features) * 0.3
    table = pd.DataFrame(seen, columns=[f"f{i}" for i in range(features)])
    table.index = pd.Index([f"P{i:03}" for i in range(n)], name="patient")
    return table.assign(site=batch), truth


@pytest.mark.parametrize(
    ("name", "options"),
    [("par_nomod", {}), ("par_mod", {"covariates": ("cov",)}), ("par_meanonly", {"mean_only": True})],
)
def test_equal_to_sva(reference, table, genes, name, options):
    expected = pd.read_csv(reference / "stats" / f"combat_{name}.csv")
    columns = [*genes, "batch", *options.get("covariates", ())]
    found = ComBat(batch="batch", **options).fit_transform(table[columns])
    assert list(found) == genes
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


_COVARIATES = {"covariates": ("age", "her2")}


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("parametric", {}),
        ("covariates", _COVARIATES),
        ("mean_only", {"mean_only": True}),
        ("mean_only_covariates", {"mean_only": True, **_COVARIATES}),
        ("reference", {"reference": "nine"}),
        ("reference_covariates", {"reference": "many", **_COVARIATES}),
        ("reference_mean_only", {"reference": "two", "mean_only": True}),
        ("nonparametric", {"parametric": False}),
        ("nonparametric_covariates", {"parametric": False, **_COVARIATES}),
        ("nonparametric_reference", {"parametric": False, "reference": "three"}),
        ("nonparametric_mean_only", {"parametric": False, "mean_only": True}),
    ],
)
def test_every_form_equals_sva_down_to_a_batch_of_two(reference, form, options):
    small = pd.read_csv(reference / "stats" / "combat_small.csv.xz")
    expected = pd.read_csv(reference / "stats" / f"combat_small_{form}.csv.xz")
    found = ComBat(batch="batch", **options).fit_transform(small[[*expected, "batch", *options.get("covariates", ())]])
    # Where every likelihood of a non-parametric weight is below the least number, sva has no value and ours has.
    there = expected.notna()
    assert there.to_numpy().mean() > 0.9
    assert np.isfinite(found.to_numpy()).all()
    # Features lie eight powers of ten apart: by their standard deviations.
    off = (found - expected)[there] / expected.std()
    assert off.abs().max(axis=None) < 1e-10


@pytest.mark.parametrize("options", [{}, {"parametric": False}, {"mean_only": True}, {"parametric": False, "mean_only": True}])
def test_planted_batch_effect_is_removed(options):
    seen, truth = planted(scale=1.0 if options.get("mean_only") else 2.0)
    found = ComBat(batch="site", **options).fit_transform(seen)
    second = seen["site"] == "B"
    before, after = ((part[~second].mean() - part[second].mean()).abs().mean() for part in (seen[list(found)], found))
    assert after < 0.1 * before
    if not options.get("mean_only"):
        ratio = found[seen["site"] == "B"].std() / found[seen["site"] == "A"].std()
        assert np.abs(np.log(ratio)).mean() < 0.1
    own = [np.corrcoef(found.iloc[:, j], truth[:, j])[0, 1] for j in range(truth.shape[1])]
    assert np.mean(own) > 0.98


def test_nonparametric_agrees_with_parametric_where_the_prior_holds(table, genes):
    one, two = (ComBat(batch="batch", parametric=kind).fit_transform(table[[*genes, "batch"]]) for kind in (True, False))
    assert np.abs(one - two).to_numpy().max() < 0.3
    assert np.corrcoef(one.to_numpy().ravel(), two.to_numpy().ravel())[0, 1] > 0.999


def test_nonparametric_weights_are_the_definition():
    seen, _ = planted(n=40, features=5)
    combat = ComBat(batch="site", parametric=False).fit(seen)
    values = seen.drop(columns="site").to_numpy()
    rows = (seen["site"] == "A").to_numpy()
    scaled = (values - combat._grand) / combat._sd
    shift, scale = scaled[rows].mean(axis=0), scaled[rows].var(axis=0, ddof=1)
    for j in range(5):
        others = [k for k in range(5) if k != j]
        likelihood = [
            np.prod(np.exp(-((scaled[rows, j] - shift[k]) ** 2) / (2 * scale[k])) / np.sqrt(2 * np.pi * scale[k])) for k in others
        ]
        expected = np.average(shift[others], weights=likelihood)
        assert combat._adjustments[0].shift[j] == pytest.approx(expected)


def test_reference_batch_stays_and_the_other_comes_to_it():
    seen, _ = planted()
    found = ComBat(batch="site", reference="A").fit_transform(seen)
    features = list(found)
    pd.testing.assert_frame_equal(found[seen["site"] == "A"], seen.loc[seen["site"] == "A", features])
    gap = found[seen["site"] == "B"].mean() - seen.loc[seen["site"] == "A", features].mean()
    assert gap.abs().mean() < 0.1


def test_a_covariate_keeps_its_effect():
    rng = np.random.default_rng(3)
    seen, _ = planted()
    age = rng.normal(size=len(seen)) + (seen["site"] == "B") * 1.0
    features = [name for name in seen if name != "site"]
    seen = seen.assign(**{name: seen[name] + 2 * age for name in features}, age=age)
    slopes = {}
    for name, columns in (("kept", ("age",)), ("ignored", ())):
        found = ComBat(batch="site", covariates=columns).fit_transform(seen if columns else seen.drop(columns="age"))
        slopes[name] = np.mean([np.polyfit(age, found[feature], 1)[0] for feature in features])
    assert slopes["kept"] > 1.4 * slopes["ignored"] - 0.4
    assert slopes["kept"] == pytest.approx(1.7, abs=0.3)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_what_is_learned_does_not_depend_on_the_patients_it_is_applied_to(seed):
    seen, _ = planted(n=60, features=6, seed=seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(60)
    train, test = seen.iloc[order[:40]], seen.iloc[order[40:]]
    if train["site"].value_counts().min() < 2 or train["site"].nunique() < 2:
        return
    combat = ComBat(batch="site").fit(train)
    together = combat.transform(test)
    alone = pd.concat([combat.transform(test.iloc[[row]]) for row in range(len(test))])
    pd.testing.assert_frame_equal(together, alone)
    assert together.index.equals(test.index)


def test_the_order_of_patients_is_irrelevant_and_the_table_is_not_changed():
    seen, _ = planted(n=60, features=6)
    before = seen.copy()
    found = ComBat(batch="site").fit_transform(seen)
    pd.testing.assert_frame_equal(seen, before)
    shuffled = seen.sample(frac=1, random_state=1)
    again = ComBat(batch="site").fit(shuffled).transform(seen)
    np.testing.assert_allclose(found, again, rtol=1e-10)


def test_in_a_pipeline_and_cloned():
    seen, _ = planted(n=60, features=6)
    y = np.tile([0, 1], 30)
    model = clone(make_pipeline(ComBat(batch="site", covariates=()), LogisticRegression())).fit(seen, y)
    assert model.predict_proba(seen).shape == (60, 2)
    assert model[0].confounding_ < 0.2
    assert list(model[0].get_feature_names_out()) == [f"f{i}" for i in range(6)]


def test_features_constant_in_a_batch_pass_unchanged():
    seen, _ = planted(n=60, features=6)
    seen["f2"] = np.where(seen["site"] == "A", 1.0, seen["f2"])
    combat = ComBat(batch="site").fit(seen)
    assert combat.unadjusted_ == ["f2"]
    pd.testing.assert_series_equal(combat.transform(seen)["f2"], seen["f2"])


class TestFaults:
    def test_confounded_outcome_is_refused(self):
        seen, _ = planted(n=60, features=6)
        y = (seen["site"] == "B").astype(int)
        with pytest.raises(ValueError, match=r"confounded \(events 0 of 30 in A, 30 of 30 in B; Cramer's V 1.00\)"):
            ComBat(batch="site").fit(seen, y)
        y.iloc[[0, 59]] = [1, 0]
        with pytest.raises(ValueError, match=r"Cramer's V 0.93\); no adjustment can tell them apart"):
            ComBat(batch="site").fit(seen, y)
        assert ComBat(batch="site", max_confounding=0.95).fit(seen, y).confounding_ == pytest.approx(0.933, abs=1e-3)

    def test_confounded_covariate_is_refused(self):
        seen, _ = planted(n=60, features=6)
        with pytest.raises(ValueError, match="The covariates field are confounded with batch"):
            ComBat(batch="site", covariates=("field",)).fit(seen.assign(field=(seen["site"] == "B") * 1.5))

    def test_batches(self):
        seen, _ = planted(n=60, features=6)
        with pytest.raises(ValueError, match="Column 'site' is 'A' for every patient"):
            ComBat(batch="site").fit(seen[seen["site"] == "A"])
        with pytest.raises(ValueError, match="Batch 'B' has one patient, whose scale cannot be known; use mean_only=True"):
            ComBat(batch="site").fit(seen.iloc[:31])
        with pytest.raises(ValueError, match="Batch C was not seen by fit, which knows A, B; fit on patients of every batch"):
            ComBat(batch="site").fit(seen).transform(seen.assign(site="C"))
        numbered = ComBat(batch="site").fit(seen.assign(site=(seen["site"] == "B").astype(int)))
        with pytest.raises(ValueError, match="Batch 0, 1 was not seen by fit, which knows 0, 1"):
            numbered.transform(seen.assign(site=(seen["site"] == "B").astype(int).astype(str)))
        with pytest.raises(ValueError, match="`reference` is 'C', the batches are A, B"):
            ComBat(batch="site", reference="C").fit(seen)
        with pytest.raises(ValueError, match="Column 'site' is missing for P003"):
            ComBat(batch="site").fit(seen.assign(site=seen["site"].where(seen.index != "P003")))

    def test_tables(self):
        seen, _ = planted(n=60, features=6)
        with pytest.raises(ValueError, match=r"`X` lacks the column\(s\) scanner"):
            ComBat(batch="scanner").fit(seen)
        with pytest.raises(ValueError, match="`batch` is a Series; give the name of a column"):
            ComBat(batch=seen["site"]).fit(seen.drop(columns="site"))
        with pytest.raises(TypeError, match="must be a pandas DataFrame with the batch column 'site', it is a ndarray"):
            ComBat(batch="site").fit(seen.to_numpy())
        with pytest.raises(ValueError, match=r"not finite, the first at row 'P004', column 'f1'"):
            ComBat(batch="site").fit(seen.assign(f1=seen["f1"].where(seen.index != "P004")))
        with pytest.raises(ValueError, match=r"`X` has 1 feature\(s\) that vary in every batch"):
            ComBat(batch="site").fit(seen[["f1", "site"]])
        with pytest.raises(ValueError, match=r"`X` lacks the column\(s\) f1"):
            ComBat(batch="site").fit(seen).transform(seen.drop(columns="f1"))
