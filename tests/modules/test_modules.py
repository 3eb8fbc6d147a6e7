"""The modules room against R's WGCNA, number by number."""

import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from radiogenomics import linking, modules
from radiogenomics.modules.correlation import correlate
from radiogenomics.modules.linkage import average_linkage

TAGS = {
    "unsigned_TOMunsigned": {},
    "unsigned_TOMsigned": {"overlap": "signed"},
    "signed_TOMsigned_p12": {"network": "signed", "overlap": "signed", "power": 12},
    "unsigned_TOMunsigned_ds2_min30": {"deep_split": 2, "min_size": 30},
    "unsigned_TOMunsigned_noreassign": {"reassign_threshold": 0, "min_kme_to_stay": 0, "min_core_kme": 0},
    "unsigned_TOMunsigned_nopam": {"pam": False},
}
R_NAMES = {
    "power": "power", "networkType": "network", "TOMType": "overlap", "TOMDenom": "overlap_denominator", "minModuleSize": "min_size",
    "deepSplit": "deep_split", "mergeCutHeight": "merge_height", "detectCutHeight": "detect_height", "pamStage": "pam",
    "pamRespectsDendro": "pam_respects_dendro", "minCoreKME": "min_core_kme", "minKMEtoStay": "min_kme_to_stay",
    "reassignThreshold": "reassign_threshold", "corType": "correlation", "maxPOutliers": "max_p_outliers", "blocks": "blocks",
}  # fmt: skip


@pytest.fixture(scope="module")
def wgcna(reference):
    return reference / "wgcna"


@pytest.fixture(scope="module")
def expression(wgcna):
    return pd.read_csv(wgcna / "expr_88x3000.csv.xz", index_col=0).rename_axis("patient")


@pytest.fixture(scope="module")
def found(expression):
    return modules.find_modules(expression, power=2)


@pytest.fixture(scope="module")
def labels_r(wgcna):
    return pd.read_csv(wgcna / "modules_unsigned_TOMunsigned.csv", index_col=0)["label"].rename_axis("gene")


def close(ours, theirs, tolerance):
    np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("network", "power"), [("unsigned", 2), ("signed", 5), ("signed hybrid", 2)])
def test_soft_threshold_equals_r(expression, wgcna, network, power):
    picked = modules.pick_soft_threshold(expression, network=network)
    theirs = pd.read_csv(wgcna / f"sft_{network.replace(' ', '_')}.csv")
    assert list(picked.table) == ["power", "r2", "slope", "truncated_r2", "mean_k", "median_k", "max_k"]
    close(picked.table, theirs, 1e-6)
    assert picked.power == power


@pytest.mark.parametrize("network", ["unsigned", "signed", "signed hybrid"])
def test_adjacency_equals_r(expression, wgcna, network):
    ours = modules.adjacency(expression.iloc[:, :150], power=4, network=network)
    close(ours, pd.read_csv(wgcna / f"sub150_adj_{network.replace(' ', '_')}_p4.csv.xz", index_col=0), 1e-10)


@pytest.mark.parametrize("network", ["unsigned", "signed"])
@pytest.mark.parametrize("denominator", ["min", "mean"])
def test_overlap_equals_r(expression, wgcna, network, denominator):
    ours = modules.topological_overlap(
        modules.adjacency(expression.iloc[:, :150], power=4, network=network), denominator=denominator
    )
    close(ours, pd.read_csv(wgcna / f"sub150_TOMunsigned_{denominator}_adj{network}_p4.csv.xz", index_col=0), 1e-10)


@pytest.mark.parametrize("overlap", ["signed", "signed Nowick"])
def test_signed_overlap_equals_r(expression, wgcna, overlap):
    signed = modules.adjacency(expression.iloc[:, :150], power=4, keep_sign=True)
    ours = modules.topological_overlap(signed, overlap=overlap)
    theirs = pd.read_csv(wgcna / f"sub150_TOMfromExpr_unsigned_TOM{overlap.replace(' ', '_')}_p4.csv.xz", index_col=0)
    close(ours, theirs, 1e-10)
    close(modules.topological_overlap(signed, overlap="none"), signed, 0)


@pytest.mark.parametrize(("most", "file"), [(1.0, "sub60_bicor.csv"), (0.05, "sub60_bicor_maxP05.csv")])
def test_bicor_equals_r(expression, wgcna, most, file):
    values = expression.iloc[:, :60].to_numpy()
    close(correlate(values, values, "bicor", most), pd.read_csv(wgcna / file, index_col=0), 1e-10)


@pytest.fixture(scope="module")
def grid(expression, wgcna):
    small = expression.iloc[:, :400]
    dissimilarity = 1 - modules.topological_overlap(modules.adjacency(small, power=4))
    tree = average_linkage(dissimilarity.to_numpy().copy(), small.columns)
    return tree, dissimilarity, pd.read_csv(wgcna / "grid400_cutree_labels.csv", index_col=0)


def test_tree_equals_r(grid, wgcna):
    tree, _, _ = grid
    theirs = pd.read_csv(wgcna / "grid400_tree.csv")
    np.testing.assert_array_equal(tree.merge, theirs[["m1", "m2"]])
    close(tree.height, theirs["height"], 1e-10)
    np.testing.assert_array_equal(tree.order + 1, pd.read_csv(wgcna / "grid400_tree_order.csv")["order"])


def test_cut_equals_r_in_all_47_settings(grid):
    tree, dissimilarity, theirs = grid
    columns = [name for name in theirs if not name.startswith("tree")]  # The two others belong to another method.
    for name in columns:
        split, size, pam, respect, height = re.fullmatch(r"ds(\d)_min(\d+)_(?:pam(\d)_prd(\d)|cut(.*))", name).groups()
        options = {"cut_height": float(height)} if height else {"pam": pam == "1", "pam_respects_dendro": respect == "1"}
        ours = modules.cut_tree_hybrid(tree, dissimilarity, deep_split=int(split), min_size=int(size), **options)
        np.testing.assert_array_equal(ours, theirs[name], err_msg=name)
    assert len(columns) == 47


@pytest.fixture(scope="module")
def weak(wgcna):
    """Simulated genes in weak modules of many twigs: small branches lie within one another."""
    return pd.read_csv(wgcna / "cut_expression_60x600.csv.xz").rename_axis("patient").rename(index="p{}".format)


@pytest.mark.parametrize("table", range(1, 25))
def test_small_branches_within_one_another_are_given_away_as_r_does(weak, wgcna, table):
    theirs = pd.read_csv(wgcna / "cut_labels_24_tables.csv.xz", index_col=None).filter(regex=f"^{table} ").dropna()
    network = modules.adjacency(weak.iloc[:, theirs.index], power=3, network="unsigned")
    dissimilarity = 1 - modules.topological_overlap(network)
    tree = average_linkage(dissimilarity.to_numpy().copy(), dissimilarity.columns)
    for name in theirs:
        _, split, size, respect = name.split()
        ours = modules.cut_tree_hybrid(
            tree,
            dissimilarity,
            cut_height=0.995,
            deep_split=int(split),
            min_size=int(size),
            pam_respects_dendro=respect == "TRUE",
        )
        np.testing.assert_array_equal(ours, theirs[name], err_msg=name)
    assert theirs.shape == (300, 20)


@pytest.mark.parametrize("tag", TAGS)
def test_modules_equal_r(expression, wgcna, tag):
    ours = modules.find_modules(expression, **{"power": 2, **TAGS[tag]})
    theirs = pd.read_csv(wgcna / f"modules_{tag}.csv", index_col=0)
    np.testing.assert_array_equal(ours.labels, theirs["label"])
    np.testing.assert_array_equal(ours.labels_unmerged, theirs["label_unmerged"])
    close(ours.eigengenes, pd.read_csv(wgcna / f"MEs_{tag}.csv", index_col=0)[ours.eigengenes.columns], 1e-8)
    if (wgcna / f"tree_{tag}.csv.xz").exists():  # The three others share the first one's tree.
        tree = pd.read_csv(wgcna / f"tree_{tag}.csv.xz")
        np.testing.assert_array_equal(ours.trees[0].merge, tree[["m1", "m2"]])
        close(ours.trees[0].height, tree["height"], 1e-10)
        np.testing.assert_array_equal(ours.trees[0].order + 1, pd.read_csv(wgcna / f"tree_order_{tag}.csv.xz")["order"])


def test_eigengenes_of_every_label_equal_r(expression, wgcna, labels_r):
    # R treats grey like a module here; as a label of its own it is one for us too.
    labels = labels_r.where(labels_r > 0, 12)
    ours = modules.eigengenes(expression, labels)
    table = ours.values  # noqa: PD011
    theirs = pd.read_csv(wgcna / "ME_main.csv", index_col=0).rename(columns={"ME0": "ME12"})[table.columns]
    close(table, theirs, 1e-8)
    explained = pd.read_csv(wgcna / "ME_main_varexplained.csv", index_col=0)["varExplained"].rename({"ME0": "ME12"})
    close(ours.variance_explained, explained[table.columns], 1e-8)
    kme = modules.membership(expression, table)
    theirs = pd.read_csv(wgcna / "kME_main.csv.xz", index_col=0).rename(columns=lambda name: name.replace("kME", "ME"))
    close(kme, theirs.rename(columns={"ME0": "ME12"})[kme.columns], 1e-8)


def test_module_traits_equal_r(found, wgcna):
    traits = pd.read_csv(wgcna / "traits.csv", index_col=0).rename_axis("patient")
    links = linking.correlate(found.eigengenes, traits)
    for column, file in (
        ("effect", "module_trait_cor"),
        ("p", "module_trait_p_corAndPvalue"),
        ("n", "module_trait_nobs_corAndPvalue"),
    ):
        ours = links.pivot_table(index="feature", columns="target", values=column, sort=False)
        theirs = pd.read_csv(wgcna / f"{file}.csv", index_col=0)
        close(ours, theirs.loc[ours.index, ours.columns], 1e-8)


def test_connectivity_and_hubs_equal_r(expression, found, wgcna, labels_r):
    adjacency = modules.adjacency(expression, power=2)
    ours = modules.intramodular_connectivity(adjacency, labels_r)
    close(ours, pd.read_csv(wgcna / "intramodularConnectivity.csv.xz", index_col=0), 1e-8)
    close(ours["k_total"], pd.read_csv(wgcna / "softConnectivity_unsigned.csv")["k"], 1e-8)
    # R's top hub is the gene with the largest connectivity inside its module.
    top = ours["k_within"].groupby(labels_r).idxmax()
    assert top.tolist() == pd.read_csv(wgcna / "tophub.csv")["hub"].tolist()
    hubs = modules.hub_genes(found, most=1)
    assert hubs["module"].tolist() == list(range(1, 12))
    assert hubs["membership"].abs().min() > 0.9


def test_scale_free_fit_equals_r(wgcna):
    from radiogenomics.modules.soft_threshold import scale_free_fit

    k = pd.read_csv(wgcna / "softConnectivity_unsigned.csv")["k"].to_numpy()
    close(list(scale_free_fit(k).values()), pd.read_csv(wgcna / "scaleFreeFitIndex_at_power.csv").iloc[0], 1e-8)


def test_steps_by_themselves_equal_r(expression, wgcna, found):
    cut = pd.read_csv(wgcna / "stepwise_cutreeDynamic_labels.csv", index_col=0)["label"].rename_axis("gene")
    dissimilarity = 1 - modules.topological_overlap(modules.adjacency(expression, power=2))
    ours = modules.cut_tree_hybrid(found.trees[0], dissimilarity, deep_split=3, min_size=60)
    np.testing.assert_array_equal(ours, cut)
    merged = modules.merge_close_modules(expression, cut, merge_height=0.25)
    theirs = pd.read_csv(wgcna / "stepwise_merged_labels.csv", index_col=0)["label"]
    # This R call keeps the old numbers, ours orders by size; the partition is what counts.
    assert adjusted_rand_score(merged, theirs) == 1


def settings_cases():
    from pathlib import Path

    return sorted(path.stem for path in (Path(__file__).parents[1] / "reference" / "wgcna" / "settings").glob("*.json"))


@pytest.mark.parametrize("case", settings_cases())
def test_every_setting_equals_r(wgcna, case):
    """Missing values, bicor, the caller's blocks and odd settings, each on a small matrix of its own."""
    folder = wgcna / "settings"
    options = {R_NAMES[name]: value for name, value in json.loads((folder / f"{case}.json").read_text()).items()}
    table = pd.read_csv(folder / f"{case}.csv.xz", index_col=0).rename_axis("patient")
    if "blocks" in options:
        options["blocks"] = pd.Series(options["blocks"], index=table.columns)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*cannot be used and were dropped")
        ours = modules.find_modules(table, **options)
    theirs = pd.read_csv(folder / f"{case}_labels.csv", index_col=0)
    assert (theirs.loc[ours.dropped.loc[ours.dropped["kind"] == "gene", "name"], "label"] == 0).all()
    np.testing.assert_array_equal(ours.labels, theirs.loc[ours.labels.index, "label"])
    np.testing.assert_array_equal(ours.labels_unmerged, theirs.loc[ours.labels.index, "unmerged"])


R_PRESERVATION = {
    "variance_explained": "propVarExplained.pres", "mean_kme": "meanSignAwareKME.pres", "mean_cor": "meanSignAwareCorDat.pres",
    "mean_adjacency": "meanAdj.pres", "cor_k": "cor.kIM", "cor_kme": "cor.kME", "cor_cor": "cor.cor",
    "median_rank": "medianRank.pres", "median_rank_density": "medianRankDensity.pres",
    "median_rank_connectivity": "medianRankConnectivity.pres",
}  # fmt: skip


@pytest.mark.parametrize("network", ["unsigned", "signed", "signed hybrid"])
def test_preservation_equals_r(expression, wgcna, labels_r, found, network):
    part = replace(found, labels=labels_r.iloc[:800], power=9.0)  # R's test has powers of its own
    times = 200 if network == "unsigned" else 0
    old, new = expression.iloc[:44], expression.iloc[44:]
    table = modules.preservation(part, new, reference=old, network=network, n_permutations=times)
    theirs = pd.read_csv(wgcna / f"preservation_{network.replace(' ', '_')}.csv", index_col="module")
    theirs = theirs.loc[table["module"].astype(float)]
    for ours, r in R_PRESERVATION.items():
        close(table[ours], theirs[r], 1e-8)
    if times:
        # Each of two sets of 200 permutations knows a standard deviation to 5 %; a median of four of them is hardly better.
        np.testing.assert_allclose(table["z_summary"], theirs["Zsummary.pres"], rtol=0.15, atol=0.5)


@pytest.fixture(scope="module")
def with_holes(wgcna):
    old, new = (pd.read_csv(wgcna / f"missing_{name}.csv.xz", index_col="patient") for name in ("old", "new"))
    return old, new, pd.read_csv(wgcna / "missing_labels.csv", index_col="gene")["label"]


def test_eigengenes_and_explained_variance_equal_r_with_missing_values(wgcna, with_holes, caplog):
    old, _, labels = with_holes
    with caplog.at_level("INFO", logger="radiogenomics.modules"):
        ours = modules.eigengenes(old, labels)
    close(ours.values, pd.read_csv(wgcna / "missing_eigengenes.csv", index_col="patient"), 1e-10)
    close(ours.variance_explained, pd.read_csv(wgcna / "missing_explained.csv")["explained"], 1e-12)
    lost = old.loc[:, labels == 3].isna().to_numpy().sum()
    assert f"module 3: {lost} missing value(s)" in caplog.text


def test_a_large_module_with_missing_values_is_near_r_and_says_so(wgcna, caplog):
    table = pd.read_csv(wgcna / "missing_large.csv.xz", index_col="patient")
    theirs = pd.read_csv(wgcna / "missing_large_eigengene.csv", index_col="patient")
    large = modules.eigengenes(table, pd.Series(1, index=table.columns))
    close(large.values["ME1"], theirs["ME1"], 2e-4)  # noqa: PD011
    close(large.variance_explained, theirs["explained"].iloc[:1], 1e-4)
    assert "1800 genes with missing values" in caplog.text


@pytest.mark.parametrize("network", ["unsigned", "signed", "signed hybrid"])
@pytest.mark.parametrize("seed", [0, 1])
def test_preservation_equals_r_with_missing_values_and_lost_modules(wgcna, with_holes, found, network, seed):
    """The lost modules 2 and 5 rank behind the random genes of R's gold, and ours, whichever were drawn."""
    old, new, labels = with_holes
    part = replace(found, labels=labels, power=4.0)
    table = modules.preservation(part, new, reference=old, network=network, n_permutations=0, random_state=seed)
    theirs = pd.read_csv(wgcna / f"missing_preservation_{network.replace(' ', '_')}.csv", index_col="module").loc[1.0:]
    for ours, r in R_PRESERVATION.items():
        close(table[ours], theirs[r], 1e-8)
    other = modules.preservation(part, new, reference=old, network=network, power=3, n_permutations=0, random_state=seed)
    assert (other["mean_adjacency"] > table["mean_adjacency"]).all()


@pytest.mark.real
@pytest.mark.slow
def test_11687_genes_equal_r(real):
    folder = real.parent / "reference" / "wgcna"
    big = pd.read_csv(folder / "expr_88x11687.csv", index_col=0).rename_axis("patient")
    ours = modules.find_modules(big, power=6)
    theirs = pd.read_csv(folder / "big_blockwise_labels.csv", index_col=0)
    assert adjusted_rand_score(ours.labels, theirs["label"]) >= 0.999
    close(ours.eigengenes, pd.read_csv(folder / "big_blockwise_MEs.csv", index_col=0)[ours.eigengenes.columns], 1e-8)
    for network in ("unsigned", "signed"):
        table = modules.pick_soft_threshold(big, network=network).table
        close(table, pd.read_csv(folder / f"big_sft_{network}.csv"), 1e-6)
