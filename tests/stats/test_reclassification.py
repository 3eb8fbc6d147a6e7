"""NRI and IDI, against Hmisc::improveProb and PredictABEL."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogenomics import stats


@pytest.fixture(scope="module")
def predictions(reference):
    return pd.read_csv(reference / "stats" / "predictions145.csv")


@pytest.fixture(scope="module")
def hmisc(reference):
    return json.loads((reference / "stats" / "improveProb.json").read_text())


def test_continuous_nri_equals_improveprob(predictions, hmisc):
    found = stats.nri(predictions["y"], predictions["p_clin"], predictions["p_full"]).set_index("group")
    for group, end in (("total", ""), ("events", ".ev"), ("non-events", ".ne")):
        expected = [hmisc[f"nri{end}"], hmisc[f"se.nri{end}"], hmisc[f"z.nri{end}"]]
        assert list(found.loc[group, ["estimate", "se", "z"]]) == pytest.approx(expected, rel=1e-12)


def test_idi_equals_improveprob(predictions, hmisc):
    found = stats.idi(predictions["y"], predictions["p_clin"], predictions["p_full"]).set_index("group")
    total = [hmisc["idi"], hmisc["se.idi"], hmisc["z.idi"]]
    assert list(found.loc["total", ["estimate", "se", "z"]]) == pytest.approx(total, rel=1e-12)
    assert found.loc["events", "estimate"] == pytest.approx(hmisc["improveSens"], rel=1e-12)
    assert found.loc["non-events", "estimate"] == pytest.approx(hmisc["improveSpec"], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "cutoffs"), [("PredictABEL_reclassification", (0.2, 0.4)), ("PredictABEL_reclassification_cut05", (0.5,))]
)
def test_printed_predictabel(reference, predictions, name, cutoffs):
    text = (reference / "stats" / f"{name}.txt").read_text()
    y, old, new = predictions["y"], predictions["p_clin"], predictions["p_full"]
    found = {
        "NRI(Categorical)": stats.nri(y, old, new, cutoffs=cutoffs),
        "NRI(Continuous)": stats.nri(y, old, new),
        "IDI": stats.idi(y, old, new),
    }
    for label, table in found.items():
        line = next(line for line in text.splitlines() if line.strip().startswith(label))
        expected = [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", line.split("CI]:")[1])]
        total = table.set_index("group").loc["total", ["estimate", "low", "high", "p"]].astype(float)
        assert list(total.iloc[:3].round(4)) == pytest.approx([expected[0], *np.abs(expected[1:3])], abs=1e-9)
        assert round(total["p"], 5) == pytest.approx(expected[3], abs=1e-9)


def test_reclassification_table_equals_predictabel(predictions):
    table = stats.reclassification_table(predictions["y"], predictions["p_clin"], predictions["p_full"], cutoffs=(0.2, 0.4))
    cells = table.pivot_table(index=["group", "old"], columns="new", values="n", aggfunc="sum")
    assert cells.loc["non-events"].to_numpy().tolist() == [[28, 9, 0], [37, 22, 9], [0, 2, 1]]
    assert cells.loc["events"].to_numpy().tolist() == [[5, 4, 1], [1, 9, 11], [0, 2, 4]]
    assert list(cells.columns) == ["[0, 0.2)", "[0.2, 0.4)", "[0.4, 1]"]


def test_a_probability_on_a_cutoff_belongs_above_it():
    table = stats.reclassification_table([0, 1], [0.2, 0.1], [1.0, 0.2], cutoffs=(0.2,))
    held = table[table["n"] > 0]
    assert held[["group", "old", "new"]].to_numpy().tolist() == [
        ["events", "[0, 0.2)", "[0.2, 1]"],
        ["non-events", "[0.2, 1]", "[0.2, 1]"],
    ]


PROBABILITY = st.floats(0, 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), PROBABILITY, PROBABILITY), min_size=4, max_size=30))
def test_properties(rows):
    y = np.array([int(event) for event, _, _ in rows])
    if not 2 <= y.sum() <= len(y) - 2:
        return
    old, new = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    for measure in (stats.nri, stats.idi, lambda *models: stats.nri(*models, cutoffs=(0.3, 0.6))):
        there, back, same = measure(y, old, new), measure(y, new, old), measure(y, old, old)
        np.testing.assert_allclose(there["estimate"], -back["estimate"], atol=1e-12)
        assert there["estimate"].abs().iloc[2] <= 2 + 1e-12
        assert there["estimate"].iloc[2] == pytest.approx(there["estimate"].iloc[:2].sum(), abs=1e-12)
        assert (same["p"] == 1).all()
        assert (same["estimate"] == 0).all()


def test_a_perfect_new_model_has_no_spread_and_no_doubt():
    found = stats.nri([0, 0, 1, 1], [0.5] * 4, [0.1, 0.2, 0.8, 0.9])
    assert list(found["estimate"]) == [1, 1, 2]
    assert (found["p"] < 1e-12).all()


class TestFaults:
    def test_outside_the_unit_interval(self):
        y = pd.Series([0, 1, 1], index=["A", "B", "C"])
        with pytest.raises(ValueError, match=r"`new` is 1.2 at row 'C', outside \[0, 1\]; give predicted probabilities"):
            stats.nri(y, pd.Series([0.1, 0.2, 0.3], index=y.index), pd.Series([0.1, 0.2, 1.2], index=y.index))

    def test_one_class_lengths_and_nan(self):
        with pytest.raises(ValueError, match="`y_true` has one class only"):
            stats.idi([1, 1], [0.1, 0.2], [0.1, 0.2])
        with pytest.raises(ValueError, match="`old` has 3 values and `y_true` has 2"):
            stats.idi([0, 1], [0.1, 0.2, 0.3], [0.1, 0.2])
        with pytest.raises(ValueError, match="`new` has 1 value"):
            stats.idi([0, 1], [0.1, 0.2], [0.1, np.nan])

    @pytest.mark.parametrize("cutoffs", [(0, 0.5), (0.5, 0.2), (0.2, 0.2), (20,)])
    def test_cutoffs(self, cutoffs):
        with pytest.raises(ValueError, match=r"`cutoffs` is .*; give ascending limits inside \(0, 1\)"):
            stats.nri([0, 1], [0.1, 0.2], [0.1, 0.2], cutoffs=cutoffs)

    def test_a_table_needs_a_cutoff(self):
        with pytest.raises(ValueError, match="`cutoffs` is empty"):
            stats.reclassification_table([0, 1], [0.1, 0.2], [0.1, 0.2], cutoffs=())
