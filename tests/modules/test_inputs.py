"""What the modules room does with odd tables, settings, blocks, other engines and new patients; and what never changes."""

import contextlib
import io
import os
import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from radiogenomics import modules
from radiogenomics.modules import blocks as blocks_module
from radiogenomics.modules.impute import impute_nearest

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def planted(n_patients=40, sizes=(60, 40, 30, 30), noise=40, seed=0):
    """Genes of some factors and of none, in a patient table -> the table and the true labels."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes) + 1), (noise, *sizes))
    factors = rng.normal(size=(n_patients, len(sizes) + 1))
    signal = np.where(truth > 0, rng.uniform(0.7, 0.95, len(truth)), 0)
    values = signal * factors[:, truth] + np.sqrt(1 - signal**2) * rng.normal(size=(n_patients, len(truth)))
    patients = pd.Index([f"TCGA-{i:02d}" for i in range(n_patients)], name="patient")
    return pd.DataFrame(8 + values, patients, [f"gene{i:03d}" for i in range(len(truth))]), truth


def find(table, **options):
    return modules.find_modules(table, **{"power": 4, "min_size": 15, **options})


@pytest.fixture(scope="module")
def table():
    return planted()[0]


@pytest.fixture(scope="module")
def found(table):
    return find(table)


def test_planted_modules_are_found():
    table, truth = planted()
    ours = find(table)
    assert ours.labels.max() == 4
    assert adjusted_rand_score(truth[truth > 0], ours.labels[truth > 0]) > 0.95
    assert ours.labels.value_counts().drop(0).is_monotonic_decreasing
    assert (ours.labels[truth == 0] == 0).mean() > 0.7
    assert ours.colors[ours.labels == 1].unique().tolist() == ["turquoise"]
    assert ours.colors[ours.labels == 0].unique().tolist() == ["grey"]
    assert list(ours.eigengenes) == ["ME1", "ME2", "ME3", "ME4"]
    assert ours.eigengenes.index.equals(table.index)
    assert pickle.loads(pickle.dumps(ours)).labels.equals(ours.labels)


def test_noise_has_no_modules():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(60, 150))).rename_axis("patient").rename(columns=str)
    nothing = find(table, power=6)
    assert (nothing.labels == 0).all()
    assert nothing.eigengenes.shape == (60, 0)
    assert nothing.membership.shape == (150, 0)
    assert modules.project(nothing, table).shape == (60, 0)
    assert modules.hub_genes(nothing).empty


@FEW
@given(st.randoms(use_true_random=False))
def test_order_of_patients_and_genes_changes_nothing(random):
    table, _ = planted(30, (25, 20), 15)
    patients, genes = random.sample(list(table.index), len(table)), random.sample(list(table.columns), table.shape[1])
    one, other = find(table, min_size=10), find(table.loc[patients, genes], min_size=10)
    pd.testing.assert_series_equal(one.labels, other.labels.loc[one.labels.index])
    pd.testing.assert_frame_equal(one.eigengenes, other.eigengenes.loc[one.eigengenes.index], rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore:.*values on a linear scale")
@FEW
@given(st.lists(st.floats(1e-3, 1e3), min_size=60, max_size=60), st.floats(-50, 50))
def test_scale_of_genes_changes_nothing(scales, shift):
    table, _ = planted(30, (25, 20), 15)
    one, other = find(table, min_size=10), find(table * np.array(scales) + shift, min_size=10)
    pd.testing.assert_series_equal(one.labels, other.labels)


@FEW
@given(
    st.integers(0, 10**6),
    st.sampled_from(["unsigned", "signed", "signed hybrid"]),
    st.sampled_from(["min", "mean"]),
    st.floats(1, 12),
)
def test_overlap_is_symmetric_between_0_and_1(seed, network, denominator, power):
    table = pd.DataFrame(np.random.default_rng(seed).normal(size=(16, 70))).rename_axis("patient").rename(columns=str)
    overlap = modules.topological_overlap(modules.adjacency(table, power=power, network=network), denominator=denominator)
    values = overlap.to_numpy()
    np.testing.assert_array_equal(values, values.T)
    assert values.min() >= 0
    assert values.max() <= 1
    assert (np.diag(values) == 1).all()


def test_same_bits_twice(table, found):
    again = find(table)
    pd.testing.assert_frame_equal(again.eigengenes, found.eigengenes, check_exact=True)
    np.testing.assert_array_equal(again.trees[0].height, found.trees[0].height)


# --- input handling ---


def test_unusable_genes_and_patients_are_dropped_and_listed(table):
    odd = table.copy()
    odd["flat"] = 3.0
    odd["empty"] = np.nan
    odd.loc[odd.index[:25], "sparse"] = 1.0
    odd.loc[odd.index[25:], "sparse"] = np.nan
    odd.iloc[0, :150] = np.nan
    with pytest.warns(UserWarning, match="were dropped") as caught:
        ours = find(odd)
    said = " ".join(str(warning.message) for warning in caught)
    assert "3 gene(s) cannot be used and were dropped" in said
    assert "1 patient(s) cannot be used and were dropped" in said
    assert set(ours.dropped["name"]) == {"flat", "empty", "sparse", table.index[0]}
    assert set(ours.dropped["reason"]) == {"constant", "more than half of its values are missing"}
    assert "flat" not in ours.labels.index
    assert table.index[0] not in ours.eigengenes.index


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.iloc[:14], ValueError, "14 patients; modules need at least 15"),
        (lambda t: t.rename_axis("symbol"), ValueError, "has genes in rows"),
        (lambda t: pd.concat([t, t.iloc[:, :1]], axis=1), ValueError, "more than one column named gene000"),
        (lambda t: pd.concat([t, t.iloc[:1]]), ValueError, "more than one row for patient TCGA-00"),
        (lambda t: t.assign(words="high"), ValueError, "must be numeric, column(s) words"),
        (lambda t: t.replace(t.iloc[2, 3], np.inf), ValueError, "row 'TCGA-02', column 'gene003'"),
        (lambda t: t.iloc[:, :1], ValueError, "a network needs at least 2"),
        (lambda t: t.to_numpy(), TypeError, "must be a pandas DataFrame"),
    ],
)
def test_bad_tables_get_one_clear_error(table, change, error, message):
    for call in (find, modules.pick_soft_threshold):
        with pytest.raises(error) as caught:
            call(change(table))
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"power": 0}, ValueError, "`power` is 0"),
        ({"power": None}, TypeError, "pick_soft_threshold"),
        ({"network": "both"}, ValueError, "'unsigned', 'signed', 'signed hybrid'"),
        ({"overlap": "x"}, ValueError, "'signed Nowick'"),
        ({"overlap_denominator": "max"}, ValueError, "'min', 'mean'"),
        ({"correlation": "spearman"}, ValueError, "'pearson', 'bicor'"),
        ({"engine": "R"}, ValueError, "'native', 'pywgcna'"),
        ({"min_size": 1}, ValueError, "at least 2 genes"),
        ({"deep_split": 7}, ValueError, "0, 1, 2, 3 or 4"),
        ({"merge_height": 3}, ValueError, "`merge_height` is 3"),
        ({"min_core_kme": 2}, ValueError, "`min_core_kme` is 2"),
        ({"max_block_size": 1}, ValueError, "`max_block_size` is 1"),
    ],
)
def test_bad_settings_get_one_clear_error(table, options, error, message):
    with pytest.raises(error) as caught:
        find(table, **options)
    assert message in str(caught.value)


def test_no_power_is_said_with_a_remedy(table):
    with pytest.warns(UserWarning, match="No power reaches r2 > 0.999.*Look for outlying patients"):
        picked = modules.pick_soft_threshold(table, r2_cut=0.999)
    assert picked.power is None
    with pytest.raises(ValueError, match="`powers` is empty"):
        modules.pick_soft_threshold(table, powers=[])


def test_fractional_powers_are_exact(table):
    picked = modules.pick_soft_threshold(table, powers=[1.5, 2.25, 6], r2_cut=-1)
    for power, mean in picked.table[["power", "mean_k"]].to_numpy():
        adjacency = modules.adjacency(table, power=float(power)).to_numpy()
        assert mean == pytest.approx((adjacency.sum(axis=1) - 1).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.iloc[:5], "give a square"),
        (lambda a: a * 2, "in [-1, 1]"),
        (lambda a: a.where(np.triu(np.ones(a.shape)) > 0, 0.0), "symmetric with 1"),
    ],
)
def test_bad_adjacency_gets_one_clear_error(table, change, message):
    with pytest.raises(ValueError) as caught:
        modules.topological_overlap(change(modules.adjacency(table.iloc[:, :10], power=2)))
    assert message in str(caught.value)


def test_steps_refuse_what_does_not_fit(table, found):
    with pytest.raises(ValueError, match="the tree has 200 genes"):
        modules.cut_tree_hybrid(found.trees[0], np.zeros((3, 3)))
    with pytest.raises(ValueError, match="lacks 1 of 200 labelled genes, the first is 'gene199'"):
        modules.eigengenes(table.iloc[:, :199], found.labels)
    with pytest.raises(ValueError, match="same patients in the same order"):
        modules.membership(table.iloc[::-1], found.eigengenes)
    with pytest.raises(ValueError, match="same genes in the same order"):
        modules.intramodular_connectivity(modules.adjacency(table.iloc[:, :9], power=2), found.labels)
    with pytest.raises(ValueError, match="1 gene\\(s\\) without variance: flat; drop them"):
        modules.adjacency(table.assign(flat=1.0), power=2)
    with pytest.raises(ValueError, match="at least 1 gene"):
        modules.hub_genes(found, most=0)


def test_imputation_equals_r(reference):
    folder = reference / "wgcna"
    holes = pd.read_csv(folder / "impute_input_400x88.csv.xz", index_col=0)
    theirs = pd.read_csv(folder / "impute_knn10_400x88.csv.xz", index_col=0)
    np.testing.assert_allclose(impute_nearest(holes.T.to_numpy()), theirs.T, rtol=0, atol=1e-8)


# --- new patients ---


def test_projection_gives_training_patients_their_own_values(table, found):
    pd.testing.assert_frame_equal(modules.project(found, table), found.eigengenes, rtol=0, atol=1e-12)
    alone = modules.project(found, table.iloc[[3]])
    pd.testing.assert_frame_equal(alone, found.eigengenes.iloc[[3]], rtol=0, atol=1e-12)


def test_projection_says_what_is_missing(table, found):
    first = found.labels[found.labels == 1].index
    with pytest.warns(UserWarning, match="1 gene\\(s\\) of modules are missing"):
        near = modules.project(found, table.drop(columns=first[0]))
    assert np.corrcoef(near["ME1"], found.eigengenes["ME1"])[0, 1] > 0.99
    with pytest.raises(ValueError, match="less than half of the genes of module\\(s\\) 1"):
        modules.project(found, table.drop(columns=first[: len(first) // 2 + 1]))


def test_preservation_tells_planted_from_random(table, found):
    rng = np.random.default_rng(3)
    same = table + rng.normal(scale=0.3, size=table.shape)
    noise = pd.DataFrame(rng.normal(size=table.shape), table.index, table.columns)
    kept = modules.preservation(found, same, reference=table, n_permutations=40)
    lost = modules.preservation(found, noise, reference=table, n_permutations=40)
    assert kept["module"].tolist() == [1, 2, 3, 4]
    assert (kept["z_summary"] > 5).all()
    assert (lost["z_summary"] < 3).all()
    two = modules.preservation(found, same, reference=table, n_permutations=40, n_jobs=2)
    pd.testing.assert_frame_equal(kept, two, check_exact=True)
    plain = modules.preservation(found, same, reference=table, n_permutations=0)
    assert "z_summary" not in plain
    assert plain["median_rank"].between(1, 4).all()


def test_preservation_refuses_what_it_cannot_test(table, found):
    with pytest.raises(ValueError, match="share no gene"):
        modules.preservation(found, table.add_prefix("x"), reference=table)
    gone = found.labels[found.labels == 2].index
    with pytest.raises(ValueError, match="Fewer than 3 genes of module\\(s\\) 2"):
        modules.preservation(found, table.drop(columns=gone), reference=table)
    with pytest.raises(ValueError, match="`n_permutations` is -1"):
        modules.preservation(found, table, reference=table, n_permutations=-1)


# --- trees as tables ---


def test_trees_survive_a_table(found):
    stored = modules.tree_table(found.trees)
    (tree,) = modules.trees_from_table(stored.sample(frac=1, random_state=0))
    np.testing.assert_array_equal(tree.linkage, found.trees[0].linkage)
    np.testing.assert_array_equal(tree.order, found.trees[0].order)
    assert tree.genes.tolist() == found.trees[0].genes.tolist()
    with pytest.raises(ValueError, match="lacks the column\\(s\\) height"):
        modules.trees_from_table(stored.drop(columns="height"))


def test_tree_draws_in_scipy(found):
    from scipy.cluster.hierarchy import dendrogram, is_valid_linkage

    tree = found.trees[0]
    assert is_valid_linkage(tree.linkage)
    assert tree.linkage[-1, 3] == len(tree.genes)
    assert sorted(dendrogram(tree.linkage, no_plot=True)["leaves"]) == sorted(tree.order)


# --- blocks ---


def test_callers_blocks(table, found):
    same = find(table, blocks=pd.Series(1, index=table.columns))
    pd.testing.assert_series_equal(same.labels, found.labels)
    with pytest.raises(ValueError, match="names no block for 1 gene\\(s\\): gene199"):
        find(table, blocks=pd.Series(1, index=table.columns[:199]))
    with pytest.raises(TypeError, match="`blocks` is a list"):
        find(table, blocks=[1] * 200)
    with pytest.raises(ValueError, match="fewer than 2 usable genes: 2"):
        find(table, blocks=pd.Series([2] + [1] * 199, index=table.columns))


def test_our_blocks_fit_and_do_not_depend_on_the_order_of_genes(table):
    ours = find(table, max_block_size=90)
    sizes = [len(tree.genes) for tree in ours.trees]
    assert sum(sizes) == 200
    assert max(sizes) <= 90
    other = find(table.iloc[:, ::-1], max_block_size=90)
    assert adjusted_rand_score(ours.labels, other.labels.loc[ours.labels.index]) == 1


def test_our_blocks_find_the_same_modules(reference):
    expression = pd.read_csv(reference / "wgcna" / "expr_88x3000.csv.xz", index_col=0).rename_axis("patient")
    one = pd.read_csv(reference / "wgcna" / "modules_unsigned_TOMunsigned.csv", index_col=0)["label"]
    ours = modules.find_modules(expression, power=2, max_block_size=1200)
    assert len(ours.trees) > 2
    assert adjusted_rand_score(one, ours.labels) >= 0.9


def test_indistinguishable_genes_still_fit_into_blocks():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(np.repeat(rng.normal(size=(20, 1)), 40, axis=1)).rename_axis("patient").rename(columns=str)
    parts = blocks_module.block_members(table.to_numpy(), table.columns, blocks=None, max_block_size=12, unsigned=True)
    assert sorted(np.concatenate(parts)) == list(range(40))
    assert max(map(len, parts)) <= 12


def test_too_little_memory_is_said_before_the_work():
    """As many genes, of two patients, as have squares of twice the memory of this machine."""
    many = int((2 * psutil.virtual_memory().total / (2 * np.dtype(np.float32).itemsize)) ** 0.5)
    table = np.random.default_rng(0).normal(size=(2, many))
    with pytest.raises(MemoryError, match=rf"A block of {many} genes needs \d.* free; .*max_block_size=\d+") as refused:
        blocks_module.block_members(table, pd.RangeIndex(many), blocks=None, max_block_size=many, unsigned=True)
    assert 2 < int(re.search(r"max_block_size=(\d+)", str(refused.value))[1]) < many


# --- PyWGCNA ---


def test_pywgcna_is_contained(table, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, out = dict(mpl.rcParams), io.StringIO()
    with contextlib.redirect_stdout(out):
        theirs = find(table, engine="pywgcna")
    assert out.getvalue() == ""
    assert os.listdir(tmp_path) == []
    assert os.getcwd() == str(tmp_path)
    assert dict(mpl.rcParams) == before
    assert theirs.labels.index.equals(found.labels.index)
    assert adjusted_rand_score(theirs.labels, found.labels) > 0.5
    np.testing.assert_allclose(np.sort(theirs.trees[0].height), found.trees[0].height, atol=1e-6)
    assert theirs.membership.shape == (200, theirs.labels.max())


def test_pywgcna_leaving_is_an_error(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=r"PyWGCNA gave up.*use engine='native'"):
        find(table, engine="pywgcna", min_size=150)
    assert os.getcwd() == str(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correlation": "bicor"}, "knows only correlation='pearson'"),
        ({"overlap": "none"}, "knows only unsigned and signed overlap"),
        ({"overlap_denominator": "mean"}, "knows only overlap_denominator='min'"),
    ],
)
def test_pywgcna_says_what_it_cannot(table, options, message):
    with pytest.raises(ValueError, match=message):
        find(table, engine="pywgcna", **options)
    with pytest.raises(ValueError, match="cannot use the 1 missing values"):
        find(table.mask(table == table.iloc[0, 0]), engine="pywgcna")


# --- the room itself ---


def test_import_is_cheap():
    code = "import sys, radiogenomics.modules; sys.exit(any(name in sys.modules for name in ('numba', 'PyWGCNA', 'matplotlib', 'sklearn')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_colors_start_again(found):
    names = modules.color_names(pd.Series([0, 1, 2, 435, 436, 871]))
    assert names.tolist() == ["grey", "turquoise", "blue", "gold1", "turquoise.1", "turquoise.2"]


def test_missing_values_are_left_out_pair_by_pair(table):
    rng = np.random.default_rng(5)
    holes = table.mask(rng.random(table.shape) < 0.03)
    r = modules.adjacency(holes, power=1).to_numpy()
    np.testing.assert_allclose(r, holes.corr().abs().to_numpy(), rtol=0, atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = find(holes)
    assert adjusted_rand_score(ours.labels, find(table).labels) > 0.9
    assert replace(ours, power=5).power == 5
