"""Planted links are found, and links that are not there are not: the benchmark's own functions on few cohorts."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "linking.py"
    spec = importlib.util.spec_from_file_location("linking_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_planted_links_are_found_with_few_false_ones(benchmark):
    cohorts = [benchmark.cohort(seed, signal=True) for seed in range(8)]
    assert np.mean([one["power"] for one in cohorts]) > 0.8
    assert all(one["modules_found"] == 1 for one in cohorts)
    assert np.mean([one["fdp"] for one in cohorts]) < 0.08


def test_noise_cohorts_yield_no_more_false_links_than_q_allows(benchmark):
    false = sum(int(benchmark.cohort(seed, signal=False)["any"]) for seed in range(30))
    assert binomtest(false, 30, 0.05, alternative="greater").pvalue > 0.01
