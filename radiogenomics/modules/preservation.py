"""Whether modules found in one cohort exist in another."""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._parallel import Progress, one_thread, parallel_map
from radiogenomics._tables import check_choice, summarise
from radiogenomics.modules.correlation import correlate
from radiogenomics.modules.eigengenes import first_component
from radiogenomics.modules.find import Modules
from radiogenomics.modules.inputs import check_expression, check_power
from radiogenomics.modules.network import Network

Array = np.ndarray[Any, Any]
DENSITY = ("variance_explained", "mean_kme", "mean_cor", "mean_adjacency")
CONNECTIVITY = ("cor_k", "cor_kme", "cor_cor")
_STATISTICS = DENSITY + CONNECTIVITY
_FEWEST_GENES = 3
_POWERS: dict[Network, float] = {"unsigned": 6.0, "signed": 12.0, "signed hybrid": 6.0}
"""R's modulePreservation fixes them, whatever power the modules were found with."""
_OUTSIDE = 0
_CHUNK = 10


def preservation(
    modules: Modules,
    expression: pd.DataFrame,
    *,
    reference: pd.DataFrame,
    network: Network = "unsigned",
    power: float | None = None,
    n_permutations: int = 200,
    largest: int = 1000,
    random_state: int = 0,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Test whether modules are as dense and as connected in new patients as among the same number of random genes.

    Parameters
    ----------
    modules : Modules
        Found in `reference`.
    expression : DataFrame, shape (n_new_patients, n_genes)
        The new patients. Genes that only one table has are left out.
    reference : DataFrame, shape (n_patients, n_genes)
        The expression the modules were found in.
    network : {"unsigned", "signed", "signed hybrid"}
        How correlation becomes adjacency, as when the modules were found.
    power : float, optional
        The soft-threshold power; left out, R's for this test whatever the modules were found with: 12 on a signed network, else
        6. ``modules.power`` gives that of the modules.
    n_permutations : int
        How often module labels are permuted among the genes of the new cohort; 0 for observed statistics and ranks alone.
    largest : int
        Modules with more genes are represented by this many of them, drawn at random.
    random_state : int
        Seed of the draws and permutations; the same for any `n_jobs`.
    n_jobs, scheduler, progress
        As in the package's other fan-outs.

    Returns
    -------
    DataFrame
        One row per module: `module, size`; the observed density statistics `variance_explained, mean_kme, mean_cor,
        mean_adjacency` and connectivity statistics `cor_k, cor_kme, cor_cor`; their `z_...`; and `z_density,
        z_connectivity, z_summary, median_rank_density, median_rank_connectivity, median_rank`. By the authors' rule of
        thumb a `z_summary` below 2 is no evidence of preservation, 2 to 10 moderate, above 10 strong; `median_rank`
        compares modules of different sizes, 1 is best. As in R, two more sets are ranked among the modules: the genes in no
        module (grey), and half of all genes, at most `largest`, drawn at random (gold).

    Raises
    ------
    ValueError
        If a table cannot be used, or fewer than 3 genes of a module are in both.

    References
    ----------
    Langfelder, Luo, Oldham & Horvath (2011), Is my network module preserved and reproducible? doi:10.1371/journal.pcbi.1001057
    """
    if n_permutations < 0 or largest < _FEWEST_GENES:
        raise InputError(
            f"`n_permutations` is {n_permutations} and `largest` {largest}; they must be at least 0 and at least {_FEWEST_GENES}."
        )
    check_choice(network, "network", get_args(Network))
    shape = _Shape(check_power(_POWERS[network] if power is None else power), network)
    labels, old, new = _common(modules, expression, reference)
    draws, *seeds = np.random.SeedSequence(random_state).spawn(1 + -(-n_permutations // _CHUNK))
    with one_thread():
        sets = _profiles(old, labels, shape, largest, np.random.default_rng(draws))
        observed = _statistics(new, np.arange(new.shape[1]), sets, shape)
    profiles = [profile for profile in sets if profile.module > 0]
    counts = [min(_CHUNK, n_permutations - _CHUNK * i) for i in range(len(seeds))]
    tasks = {f"permutations {i}": (new, profiles, shape, seed, n) for i, (seed, n) in enumerate(zip(seeds, counts, strict=True))}
    parts = parallel_map(_permuted, tasks, n_jobs=n_jobs, scheduler=scheduler, progress=progress).require()
    table = pd.DataFrame({"module": [p.module for p in profiles], "size": [p.size for p in profiles]})
    summary = _summary(observed, len(profiles), np.concatenate(list(parts.values())) if parts else None)
    return pd.concat([table, summary], axis=1)


@dataclass(frozen=True, eq=False)
class _Profile:
    """One module in the reference cohort: its genes, and what they look like there."""

    module: int
    size: int
    genes: Array
    kme: Array
    correlations: Array
    k: Array


@dataclass(frozen=True)
class _Shape:
    """What a set of genes looks like on a network -> (kME, correlations above the diagonal, connectivities)."""

    power: float
    network: Network

    def __call__(self, values: Array) -> tuple[Array, Array, Array]:
        kme = correlate(values, first_component(values).eigengene[:, None])[:, 0]
        r = correlate(values, values)
        similarity = {"unsigned": np.abs(r), "signed": (1 + r) / 2, "signed hybrid": np.maximum(r, 0)}[self.network]
        return kme, r[np.triu_indices(len(r), 1)], (similarity**self.power).sum(axis=1) - 1


def _common(modules: Modules, expression: pd.DataFrame, reference: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Take the genes that both tables have and that vary in both -> labels, reference values, new values."""
    both = modules.labels.index.intersection(expression.columns, sort=False).intersection(reference.columns, sort=False)
    if both.empty:
        raise InputError(
            "`expression` and `reference` share no gene with the modules; bring them to one kind of gene identifier."
        )
    old, new = check_expression(reference.loc[:, both]), check_expression(expression.loc[:, both])
    usable = (np.nanstd(old, axis=0) > 0) & (np.nanstd(new, axis=0) > 0)
    labels = modules.labels.loc[both].to_numpy()[usable]
    counts = pd.Series(labels).value_counts().reindex(np.unique(modules.labels[modules.labels > 0]), fill_value=0)
    poor = counts[counts < _FEWEST_GENES]
    if len(poor):
        raise InputError(
            f"Fewer than {_FEWEST_GENES} genes of module(s) {summarise(poor.index)} vary in both tables; drop those modules."
        )
    return labels, old[:, usable], new[:, usable]


def _profiles(old: Array, labels: Array, shape: _Shape, largest: int, rng: np.random.Generator) -> list[_Profile]:
    """Describe the modules in the reference cohort, then grey and gold, which are ranked among them."""
    sets = [(int(module), np.flatnonzero(labels == module)) for module in np.unique(labels[labels > 0])]
    sets.append((_OUTSIDE, np.flatnonzero(labels == 0)))
    gold = min(largest, len(labels) // 2)
    profiles = []
    for module, members in sets:
        genes = np.sort(rng.choice(members, largest, replace=False)) if len(members) > largest else members
        if module > 0 or len(genes) >= _FEWEST_GENES:
            profiles.append(_Profile(module, len(members), genes, *shape(old[:, genes])))
    if gold >= _FEWEST_GENES:
        genes = np.sort(rng.choice(len(labels), gold, replace=False))
        profiles.append(_Profile(_OUTSIDE, gold, genes, *shape(old[:, genes])))
    return profiles


def _statistics(new: Array, place: Array, profiles: list[_Profile], shape: _Shape) -> Array:
    """Compare each module with the genes that stand in its places -> (n_modules, n_statistics)."""
    return np.array([_compare(profile, *shape(new[:, place[profile.genes]])) for profile in profiles])


def _compare(old: _Profile, kme: Array, correlations: Array, k: Array) -> list[float]:
    n = len(k)
    # An eigengene's side is arbitrary, so what depends on it counts by size alone.
    return [
        float(np.mean(kme**2)),
        float(np.abs(np.mean(kme * np.sign(old.kme)))),
        float(np.mean(correlations * np.sign(old.correlations))),
        float(k.sum() / (n * (n - 1))),
        float(np.corrcoef(old.k, k)[0, 1]),
        float(np.abs(np.corrcoef(old.kme, kme)[0, 1])),
        float(np.corrcoef(old.correlations, correlations)[0, 1]),
    ]


def _permuted(task: tuple[Array, list[_Profile], _Shape, np.random.SeedSequence, int]) -> Array:
    """Permute the genes some times -> (n_permutations, n_modules, n_statistics)."""
    new, profiles, shape, seed, times = task
    rng = np.random.default_rng(seed)
    return np.stack([_statistics(new, rng.permutation(new.shape[1]), profiles, shape) for _ in range(times)])


def _summary(observed: Array, n_modules: int, permuted: Array | None) -> pd.DataFrame:
    """Put observed statistics, their Z and their ranks side by side; the modules come first, grey and gold are ranked only."""
    ranks = pd.DataFrame(observed, columns=list(_STATISTICS)).rank(ascending=False).iloc[:n_modules]
    table = pd.DataFrame(observed[:n_modules], columns=list(_STATISTICS))
    if permuted is not None and len(permuted) > 1:
        z = pd.DataFrame((observed[:n_modules] - permuted.mean(axis=0)) / permuted.std(axis=0, ddof=1), columns=list(_STATISTICS))
        table = pd.concat([table, z.add_prefix("z_")], axis=1)
        table["z_density"] = z[list(DENSITY)].median(axis=1)
        table["z_connectivity"] = z[list(CONNECTIVITY)].median(axis=1)
        table["z_summary"] = (table["z_density"] + table["z_connectivity"]) / 2
    table["median_rank_density"] = ranks[list(DENSITY)].median(axis=1)
    table["median_rank_connectivity"] = ranks[list(CONNECTIVITY)].median(axis=1)
    # R takes the median of all seven ranks; the paper averages the two medians.
    table["median_rank"] = ranks.median(axis=1)
    return table
