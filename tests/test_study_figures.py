"""What the figures of a study show, and what they leave out as nearly the same."""

import numpy as np
import pandas as pd

from radiogenomics.study.presentation import drawing
from radiogenomics.study.steps import adjusted_links as adjustment
from radiogenomics.study.steps import calibration as calibrated


def features() -> pd.DataFrame:
    """Three sizes that are nearly one, a mirrored fourth, and two features of their own."""
    rng = np.random.default_rng(3)
    size, own = rng.normal(size=100), rng.normal(size=(100, 2))
    error = rng.normal(size=(100, 3)) * [0.2, 0.05, 0.2]
    return pd.DataFrame(
        np.column_stack([*(size[:, None] + error).T, -size + 0.05 * rng.normal(size=100), own]),
        columns=["diameter", "volume", "area", "compactness", "texture", "washout"],
    )


def test_of_features_that_are_nearly_the_same_one_stands_for_all():
    groups = drawing._medoids(features())
    assert groups[["diameter", "volume", "area", "compactness"]].nunique() == 1
    assert groups["diameter"] in ("volume", "compactness"), "the one with the least error is nearest to the others"
    assert groups["texture"] == "texture"
    assert groups["washout"] == "washout"


def test_a_column_with_gaps_and_a_single_column_are_no_obstacle():
    table = features()
    table.loc[:30, "texture"] = np.nan
    assert drawing._medoids(table)["texture"] == "texture"
    assert drawing._medoids(table[["texture"]]).to_dict() == {"texture": "texture"}


def test_features_of_a_kind_named_like_a_signature_are_not_taken_for_signatures():
    names = [f"texture {i:02}" for i in range(40)]
    links = pd.DataFrame({"feature": ["signature_a", *names], "p": [0.9, *np.linspace(0.01, 0.4, 40)]})
    links["family"] = ["signature x modules", *["signature_a features x modules"] * 40]
    kept = drawing._signatures_first(links, set(names))
    assert kept["feature"].tolist() == ["signature_a", *names[:30]]


def test_of_links_of_nearly_the_same_features_the_strongest_is_kept_for_each_target():
    links = pd.DataFrame(
        {
            "feature": ["diameter", "volume", "texture", "volume", "signature"],
            "target": ["ME1", "ME1", "ME1", "ME2", "ME1"],
            "p": [0.01, 0.02, 0.03, 0.04, 0.5],
        }
    )
    kept = drawing._one_a_group(links, drawing._medoids(features()))
    assert kept[["feature", "target"]].to_numpy().tolist() == [
        ["diameter", "ME1"],
        ["texture", "ME1"],
        ["volume", "ME2"],
        ["signature", "ME1"],
    ]


def test_random_weights_are_seen_in_names_and_columns():
    assert drawing._names_random(pd.DataFrame({"signature": ["mri", "googlenet (random weights)"]}))
    assert drawing._names_random(pd.DataFrame({"googlenet_random_weights": [1.0]}))
    assert not drawing._names_random(pd.DataFrame({"signature": ["random features"], "score": [0.5]}))


def test_where_calibration_cannot_be_measured_the_table_says_why():
    outcome = np.array([0, 1] * 10)
    row = calibrated._measured(outcome, np.full(20, 0.5))
    assert (row["n"], row["events"]) == (20, 10)
    assert "0.5 for every patient" in row["remark"]
    certain = calibrated._measured(outcome, np.where(np.arange(20) < 3, 1.0, np.linspace(0.1, 0.9, 20)))
    assert certain["remark"] == "", "a probability of one is no obstacle"


def test_of_a_familys_two_nulls_the_larger_p_is_adjusted_over_the_families():
    nulls = pd.DataFrame({"family": ["a", "a", "b", "b"], "p": [0.001, 0.02, 0.03, 0.001]})
    assert adjustment.holm_over_families(nulls)["p_holm"].tolist() == [0.04, 0.04, 0.04, 0.04]
    assert all(n / (1 + adjustment.draws(n)) < 0.05 for n in range(1, 200)), "the smallest p survives Holm"
