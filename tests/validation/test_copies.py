"""The same patient under two names, and columns that say where or when a patient was recorded."""

import logging
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics.validation import COPY_COLUMNS, LEAK_COLUMNS, copy_groups, evaluate, find_copies, find_leaks


def people(n, p=15, seed=0, prefix="P"):
    """Features that correlate, as radiomic ones do, on several scales."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 5)) @ rng.normal(size=(5, p))
    values = np.exp(0.3 * (shared + rng.normal(size=(n, p)))) * 10.0 ** rng.integers(-3, 4, p)
    index = pd.Index([f"{prefix}{i:03d}" for i in range(n)], name="patient")
    return pd.DataFrame(values, index=index).add_prefix("f")


def renamed(table, rows, prefix="Q", noise=0.0):
    """Some rows under other names, in another order, with measurement noise in standard deviations."""
    rng = np.random.default_rng(9)
    copy = table.iloc[rows] + noise * table.std().to_numpy() * rng.normal(size=(len(rows), table.shape[1]))
    return copy.set_axis(pd.Index(prefix + table.index[rows], name="patient"), axis=0).sample(frac=1, random_state=1)


@pytest.mark.parametrize("change", [lambda t: t, lambda t: t * (1 + 1e-4), lambda t: t.map(lambda v: float(f"{v:.4g}"))])
def test_rows_of_another_name_are_found_also_when_rounded(change):
    table = people(60)
    copies = find_copies({"training": pd.concat([table, change(renamed(table, [3, 17, 40]))])})
    assert list(copies.columns) == COPY_COLUMNS
    assert {frozenset(pair) for pair in copies[["first", "second"]].to_numpy()} == {
        frozenset((f"P{i:03d}", f"QP{i:03d}")) for i in (3, 17, 40)
    }
    assert (copies["n_columns"] == 15).all()


def test_identical_and_near_identical_are_told_apart():
    table = people(60, p=40)
    copies = find_copies({"t": pd.concat([table, renamed(table, [5]), renamed(table, [8], "R", noise=0.03)])}).set_index("first")
    assert copies.loc["P005", ["kind", "distance"]].tolist() == ["identical", 0]
    assert copies.loc["P008", "kind"] == "near-identical"
    assert 0 < copies.loc["P008", "distance"] < 0.125


def test_missing_values_hide_no_copy_unless_half_the_row_is_gone():
    table, rng = people(50), np.random.default_rng(2)
    copy = renamed(table, list(range(10)))
    gaps = pd.concat([table.mask(rng.random(table.shape) < 0.1), copy.mask(rng.random(copy.shape) < 0.1)])
    assert len(find_copies({"t": gaps})) == 10
    copy.iloc[:, :9] = np.nan
    assert find_copies({"t": pd.concat([table, copy])}).empty


@pytest.mark.parametrize("p", [3, 6, 20])
def test_people_who_are_not_copies_are_not_found(p):
    found = [len(find_copies({"t": people(60, p=p, seed=seed), "e": people(40, p=p, seed=1000 + seed)})) for seed in range(25)]
    assert sum(found) <= 2


def test_many_copies_hide_none():
    table = people(40)
    twice = pd.concat([table, renamed(table, list(range(40)))])
    assert len(find_copies({"t": twice})) == 40
    assert len(find_copies({"t": pd.concat([twice, renamed(table, list(range(40)), "R")])})) == 120


def test_copies_between_tables_are_found_in_other_units_and_columns():
    table = people(60)
    external = renamed(table, list(range(0, 60, 2)))[table.columns[::-1]].assign(more=1.0)
    copies = find_copies({"training": table, "external": external, "far": people(30, seed=5, prefix="F")})
    assert len(copies) == 30
    assert set(copies["first_table"]) == {"training"}
    assert set(copies["second_table"]) == {"external"}
    whole = renamed(table, list(range(60)), prefix="U") * 1000 + 7
    assert len(find_copies({"training": table, "external": whole})) == 60
    assert find_copies({"training": table, "second reader": table * 1.001}).empty  # the same names are the same patients


def test_codes_and_a_few_columns_say_nothing():
    rng = np.random.default_rng(3)
    codes = people(60)[["f0", "f1"]].assign(**{f"code{i}": rng.integers(0, 3, 60) for i in range(9)}, word="a")
    copies = find_copies({"t": pd.concat([codes, codes.iloc[:5].set_axis([f"Q{i}" for i in range(5)]).rename_axis("patient")])})
    assert copies.empty
    assert copies["distance"].dtype == float


def test_copies_of_copies_are_one_group():
    copies = pd.DataFrame({"first": ["b", "c", "x"], "second": ["c", "d", "gone"]})
    groups = copy_groups(copies, pd.Index(["d", "a", "c", "b", "x"], name="patient"))
    assert groups.to_dict() == {"d": "b", "a": "a", "c": "b", "b": "b", "x": "x"}


def one_nearest(features, outcome, **options):
    recipe = make_pipeline(StandardScaler(), KNeighborsClassifier(1))
    settings = {"random_state": 0, "n_repeats": 4, "n_boot_optimism": 0}
    return evaluate(recipe, features, outcome, **settings | options).table.set_index("estimate")


def test_copies_stay_in_one_fold_and_are_named(caplog):
    table = people(60, p=30)
    whole = pd.concat([table, renamed(table, list(range(25)), noise=1e-5)])
    rng = np.random.default_rng(4)
    labels = pd.Series(rng.permutation(np.arange(60) % 2), index=table.index)
    outcome = pd.Series(labels.loc[whole.index.str.removeprefix("Q")].to_numpy(), index=whole.index, name="node")
    with caplog.at_level(logging.WARNING):
        kept = one_nearest(whole, outcome)
    assert "25 pair(s) of patients have features that are copies" in caplog.text
    assert re.search(r"(P\d+) and Q\1\b", caplog.text)
    group = pd.Series(whole.index.str.removeprefix("Q"), index=whole.index)
    stated = one_nearest(whole, outcome, groups=group)
    assert kept.loc["nested", "auc"] == pytest.approx(stated.loc["nested", "auc"], abs=0.1)
    assert kept.loc["nested", "auc_low"] < 0.5


def test_an_external_copy_of_the_training_cohort_is_refused():
    table = people(50)
    outcome = pd.Series(np.arange(50) % 2, index=table.index, name="node")
    external = renamed(table, list(range(20, 50)), noise=1e-6)
    there = pd.Series(outcome.loc[external.index.str.removeprefix("Q")].to_numpy(), index=external.index)
    with pytest.raises(ValueError, match=r"30 patient\(s\) of cohort 'far'.*'training'.*drop them"):
        one_nearest(table, outcome, external={"far": (external, there)})


def leaky(seed=0):
    table = people(48, seed=seed)
    rng = np.random.default_rng(seed)
    sites = rng.permutation(np.repeat(["AO", "BH", "E2x", "GI"], 12))
    index = pd.Index([f"TCGA-{site}-A{number:04d}" for number, site in zip(rng.permutation(48) + 100, sites, strict=True)])
    table = table.set_axis(index.rename("patient"), axis=0)
    return table, pd.Series(sites, index=table.index)


def test_numbers_of_rows_and_identifiers_are_named():
    table, _ = leaky()
    rng = np.random.default_rng(1)
    accession = [int(name[-4:]) * 7 + 3 for name in table.index]
    found = find_leaks(
        table.assign(
            counted=np.arange(48) * 2.5 + 4, shuffled=rng.permutation(48) + 1, reversed=-(np.arange(48) ** 2.0), a=accession
        )
    ).set_index("column")["kind"]
    assert found.to_dict() == {"counted": "row number", "shuffled": "row number", "reversed": "row number", "a": "identifier"}


def test_codes_of_the_site_are_named_by_identifier_name_or_outcome():
    table, sites = leaky(3)
    code = sites.map({"AO": 4, "BH": 1, "E2x": 2, "GI": 3})
    outcome = sites.isin(["BH", "GI"]).astype(int).where(np.random.default_rng(2).random(48) < 0.9, 0)
    shuffled = pd.Index([f"S{i * 37 % 101}" for i in range(48)], name="patient")
    plain, there = table.set_axis(shuffled, axis=0), outcome.set_axis(shuffled)
    assert find_leaks(table.assign(x=code)).to_numpy()[:, :2].tolist() == [["x", "site code"]]
    coded = plain.assign(x=code.to_numpy())
    assert find_leaks(coded).empty
    assert find_leaks(coded, there).to_numpy()[:, :2].tolist() == [["x", "code that tells the outcome"]]
    named = plain.assign(**{"Scanner model": rng_like(code), "treatment_centre": "north", "case number": 1.5})
    assert find_leaks(named)["kind"].tolist() == ["suspicious name"] * 3


def rng_like(code):
    """Measurements that nothing but their name gives away."""
    return np.random.default_rng(7).normal(size=len(code))


def test_measurements_are_not_held_for_leaks():
    for seed in range(5):
        table, _ = leaky(seed)
        rng = np.random.default_rng(seed)
        table = table.assign(
            voxels=rng.integers(100, 90_000, 48),
            body_mass_index=rng.normal(25, 4, 48),
            firstorder_Mean=rng.normal(size=48),
            center_of_mass=rng.normal(size=48),
            grade=rng.integers(1, 4, 48),
            institutional_mean=rng.normal(size=48),
        )
        outcome = pd.Series(rng.permutation(np.arange(48) % 2), index=table.index)
        found = find_leaks(table, outcome)
        assert list(found.columns) == LEAK_COLUMNS
        assert len(found) == 0


def test_a_possible_leak_is_said_when_a_recipe_is_judged(caplog):
    table = people(40)
    outcome = pd.Series((np.arange(40) >= 20).astype(int), index=table.index, name="node")
    with caplog.at_level(logging.WARNING):
        one_nearest(table.assign(entry=np.arange(40)), outcome)
    assert "feature 'entry' may leak the outcome or the patient's identity (row number)" in caplog.text


def test_a_gene_is_not_taken_for_a_coil():
    table = people(30, 4).set_axis(["COIL", "receive_coil", "CoilName", "ESR1"], axis=1)
    assert find_leaks(table)["column"].tolist() == ["receive_coil", "CoilName"]
