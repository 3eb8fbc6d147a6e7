"""The simulation plants what it says."""

import numpy as np
import pandas as pd
import pytest

from radiogenomics import simulate


@pytest.fixture(scope="module")
def made():
    return simulate.simulate()


def test_two_cohorts_of_the_stated_size(made):
    assert {name: len(table) for name, table in made.features.items()} == {"training": 88, "external": 57}
    assert made.expression.shape == (88, 1200)
    assert made.expression.index.equals(made.features["training"].index)
    assert all(table.index.name == "patient" for table in made.features.values())


def test_the_same_seed_gives_the_same_bits(made):
    again = simulate.simulate()
    pd.testing.assert_frame_equal(again.expression, made.expression, check_exact=True)
    assert not simulate.simulate(random_state=1).expression.equals(made.expression)


def test_damaged_patients_are_known_to_tables_and_change_nobody_else(made):
    more = simulate.simulate(damaged=True)
    assert len(more.damaged) == len(simulate.DAMAGES)
    assert list(more.damaged) == [f"SIM-TR-{number:03d}" for number in range(89, 89 + len(simulate.DAMAGES))]
    for table in (more.expression, more.clinical["training"], more.lesions["training"]):
        assert list(table.index[88:]) == list(more.damaged)
        assert table.notna().all(axis=None)
    assert not more.clinical["training"].loc[list(more.damaged), "pathologic_n"].eq("NX").any()
    pd.testing.assert_frame_equal(more.expression[:88], made.expression, check_exact=True)
    pd.testing.assert_frame_equal(more.clinical["training"][:88], made.clinical["training"], check_exact=True)
    pd.testing.assert_frame_equal(more.clinical["external"], made.clinical["external"], check_exact=True)
    pd.testing.assert_frame_equal(more.features["training"], made.features["training"], check_exact=True)
    rows = more.truth[len(made.truth) :]
    assert set(rows["kind"]) == {"damaged"}
    assert list(rows["name"]) == [f"{patient}: {what}" for patient, what in more.damaged.items()]


def test_damaged_patients_express_the_same_modules():
    more = simulate.simulate(n_training=60, damaged=True)
    members = more.expression.columns[:160]
    scaled = (more.expression - more.expression[:60].mean()) / more.expression[:60].std()
    eigengene = scaled[members].mean(axis=1)
    r = [np.corrcoef(eigengene[60:], scaled[gene][60:])[0, 1] for gene in members]
    assert np.mean(r) > 0.5


def test_the_hidden_lesions_are_those_behind_the_features(made):
    for cohort, lesions in made.lesions.items():
        assert list(lesions.columns) == list(simulate.PROPERTIES)
        followed = made.features[cohort].filter(like="heterogeneity").mean(axis=1)
        assert np.corrcoef(followed, lesions["heterogeneity"])[0, 1] > 0.9
        np.testing.assert_array_equal(simulate.volume_mm3(lesions), made.features[cohort]["volume_mm3"])


def test_the_numbers_of_earlier_versions(made):
    assert made.expression.iloc[0, :3].tolist() == pytest.approx(
        [7.407012797011553, 7.514086253476565, 4.8222483713848225], rel=1e-12
    )


def test_genes_of_a_module_hang_together_and_others_do_not(made):
    modules = made.truth[made.truth["kind"] == "gene"].set_index("name")["value"]
    r = np.corrcoef(made.expression.to_numpy().T)
    inside = np.abs(r[:50, :50][np.triu_indices(50, 1)])
    noise = modules.to_numpy() == 0
    assert inside.mean() > 0.4
    assert np.abs(r[np.ix_(noise, noise)]).mean() < 0.12


def test_links_are_planted_where_the_truth_says_and_nowhere_without_signal():
    linked, noise = simulate.simulate(n_training=2000), simulate.simulate(n_training=2000, signal=False)
    for made, expected in ((linked, 0.75 * 0.9), (noise, 0.0)):
        feature = made.features["training"].filter(like="heterogeneity").mean(axis=1)
        gene = made.expression["SIMG00001"]
        assert abs(np.corrcoef(feature, gene)[0, 1]) == pytest.approx(expected, abs=0.06)
    assert (noise.truth["kind"] != "link").all()


def test_the_ceiling_is_the_auc_of_the_hidden_property():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    x = rng.standard_normal(400_000)
    y = rng.random(x.size) < 1 / (1 + np.exp(-simulate.OUTCOME_SLOPE * x))
    assert simulate.oracle_auc() == pytest.approx(roc_auc_score(y, x), abs=0.002)
    assert simulate.oracle_auc(0.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_genes": 100}, "the planted modules alone hold 660"),
        ({"link": 1.5}, "a correlation in"),
        ({"n_features": 100}, "multiple of 6; give 102"),
    ],
)
def test_impossible_simulations(options, message):
    with pytest.raises(ValueError, match=message):
        simulate.simulate(**options)
