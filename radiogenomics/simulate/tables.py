"""The tables of two simulated cohorts: hidden lesion properties, and what follows them.

Imaging features and co-expression modules both follow the properties, so links between the two are known; the outcome follows
one of them with a known strength.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from radiogenomics._errors import InputError

MODULE_SIZES = (160, 140, 120, 100, 80, 60)
"""Genes of each planted module, largest first."""

LINKED = {1: "heterogeneity", 2: "heterogeneity", 4: "perfusion"}
"""Planted module -> the lesion property it follows; the others follow none."""

PROPERTIES = ("heterogeneity", "perfusion", "size")
"""Hidden lesion properties, each standard normal; the outcome follows the first."""

OUTCOME_SLOPE = 1.8
"""Log odds of the outcome per SD of `heterogeneity`."""

DAMAGES = ("a slice is missing", "one phase only", "mask on another grid", "mask outside the image", "mask is empty")
"""What is wrong with the images of the damaged patients, one patient each."""


@dataclass(frozen=True)
class Simulated:
    """Two simulated cohorts and what was planted in them.

    Attributes
    ----------
    features : dict of str to DataFrame
        Cohort name -> imaging features, patients x features.
    clinical : dict of str to DataFrame
        Cohort name -> clinical table with node status, age and follow-up.
    expression : DataFrame, shape (n_training, n_genes)
        Log2 expression of the training cohort.
    gene_sets : dict of str to list of str
        Sets drawn from planted modules, and sets of genes drawn at random.
    truth : DataFrame
        One row a planted thing: ``kind, name, value``.
    lesions : dict of str to DataFrame
        Cohort name -> the hidden properties (`PROPERTIES`) of every patient, the damaged ones last; `write_images` draws them.
    damaged : dict of str to str
        Patient -> what is wrong with their images, one of `DAMAGES`; they have no row in `features`.
    """

    features: dict[str, pd.DataFrame]
    clinical: dict[str, pd.DataFrame]
    expression: pd.DataFrame
    gene_sets: dict[str, list[str]]
    truth: pd.DataFrame
    lesions: dict[str, pd.DataFrame] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Genes:
    """How every gene follows its module: what the patients of one cohort have in common."""

    modules: pd.Series
    strength: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


def simulate(
    *,
    n_training: int = 88,
    n_external: int = 57,
    n_features: int = 120,
    n_genes: int = 1200,
    link: float = 0.75,
    signal: bool = True,
    damaged: bool = False,
    random_state: int = 2026,
) -> Simulated:
    """Simulate two cohorts with planted modules, links and outcome.

    Parameters
    ----------
    n_training, n_external : int
        Patients of the training cohort (with transcriptome) and of the external one (imaging only).
    n_features : int
        Imaging features, a multiple of 6: half follow heterogeneity, a sixth perfusion, a sixth size, a sixth nothing.
    n_genes : int
        Genes; those beyond the planted modules are noise.
    link : float
        Correlation of a linked module's hidden eigengene with its lesion property.
    signal : bool
        False plants no link and no outcome effect: the pure-noise cohort.
    damaged : bool
        Add one patient of each of `DAMAGES` to the training cohort, beyond `n_training`, with expression and clinical data
        but images that cannot be used. Nothing changes for the others.
    random_state : int
        Seeds everything.

    Returns
    -------
    Simulated
        Tables and truth.

    Raises
    ------
    ValueError
        If there are fewer genes than the planted modules hold, the number of features is no multiple of 6, or `link` is outside
        [0, 1].
    """
    if n_genes < sum(MODULE_SIZES):
        raise InputError(f"`n_genes` is {n_genes}, the planted modules alone hold {sum(MODULE_SIZES)}; give more.")
    if n_features % 6:
        raise InputError(f"`n_features` is {n_features}, it must be a multiple of 6; give {6 * round(n_features / 6) or 6}.")
    if not 0 <= link <= 1:
        raise InputError(f"`link` is {link}, a correlation in [0, 1] is needed.")
    rng = np.random.default_rng(random_state)
    link, slope = (link, OUTCOME_SLOPE) if signal else (0.0, 0.0)
    patients = {"training": _names("SIM-TR", 1, n_training), "external": _names("SIM-EX", 1, n_external)}
    lesions = {name: _lesions(index, rng) for name, index in patients.items()}
    loadings = rng.uniform(0.4, 0.8, n_features)
    modules = _module_of_gene(n_genes)
    expression, genes = _expression(lesions["training"], modules, link, rng)
    made = Simulated(
        features={name: _features(lesion, loadings, rng) for name, lesion in lesions.items()},
        clinical={name: _clinical(lesion, slope, rng) for name, lesion in lesions.items()},
        expression=expression,
        gene_sets=_gene_sets(modules, rng),
        truth=_truth(modules, link, slope),
        lesions=lesions,
    )
    # Their own generator: with or without them, the others keep their numbers.
    return _with_damaged(made, genes, link, slope, np.random.default_rng([random_state, len(DAMAGES)])) if damaged else made


def oracle_auc(slope: float = OUTCOME_SLOPE, *, n: int = 200_001) -> float:
    """AUC that the hidden property itself would reach: the ceiling for any signature.

    With a standard normal property x and log odds ``slope * x``, the AUC is the probability that a positive's x exceeds a
    negative's, integrated on a grid.
    """
    x = np.linspace(-8, 8, n)
    weight = np.exp(-(x**2) / 2)
    positive, negative = weight * expit(slope * x), weight * expit(-slope * x)
    below = np.cumsum(negative) - negative / 2
    return float(np.sum(positive * below) / positive.sum() / negative.sum())


def volume_mm3(lesions: pd.DataFrame) -> pd.Series:
    """Give the volume of each lesion from its hidden properties: it follows size and a little heterogeneity."""
    return pd.Series(np.exp(8 + 0.8 * lesions["size"] + 0.2 * lesions["heterogeneity"]), index=lesions.index)


def _names(prefix: str, first: int, n: int) -> pd.Index:
    return pd.Index([f"{prefix}-{i:03d}" for i in range(first, first + n)], name="patient")


def _lesions(index: pd.Index, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(rng.standard_normal((len(index), len(PROPERTIES))), index=index, columns=list(PROPERTIES))


def _features(lesions: pd.DataFrame, loadings: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Features named after the property they follow, and the volume in mm3."""
    kinds = np.repeat([*PROPERTIES, "noise"], [len(loadings) * share // 6 for share in (3, 1, 1, 1)])
    columns = {}
    for i, (kind, loading) in enumerate(zip(kinds, loadings, strict=True), 1):
        noise = rng.standard_normal(len(lesions))
        signal = lesions[kind].to_numpy() if kind in lesions else 0.0
        columns[f"{kind}_{i:03d}"] = loading * signal + np.sqrt(1 - loading**2) * noise
    table = pd.DataFrame(columns, index=lesions.index)
    table["volume_mm3"] = volume_mm3(lesions)
    return table


def _module_of_gene(n_genes: int) -> pd.Series:
    labels = np.repeat(np.arange(1, len(MODULE_SIZES) + 1), MODULE_SIZES)
    labels = np.concatenate([labels, np.zeros(n_genes - labels.size, dtype=int)])
    return pd.Series(labels, index=pd.Index([f"SIMG{i:05d}" for i in range(1, n_genes + 1)], name="gene"), name="module")


def _expression(lesions: pd.DataFrame, modules: pd.Series, link: float, rng: np.random.Generator) -> tuple[pd.DataFrame, _Genes]:
    values = rng.standard_normal((len(lesions), len(modules)))
    strength = np.zeros(len(modules))
    for module in range(1, len(MODULE_SIZES) + 1):
        eigengene = _eigengene(lesions, module, link, rng)
        members = (modules == module).to_numpy()
        strength[members] = np.sort(rng.uniform(0.55, 0.9, members.sum()))[::-1]
        values[:, members] = _follow(values[:, members], eigengene, strength[members])
    genes = _Genes(modules, strength, rng.uniform(4, 10, len(modules)), rng.uniform(0.5, 1.5, len(modules)))
    return _scaled(values, lesions.index, genes), genes


def _expression_of_more(lesions: pd.DataFrame, genes: _Genes, link: float, rng: np.random.Generator) -> pd.DataFrame:
    """Express the same genes in further patients."""
    values = rng.standard_normal((len(lesions), len(genes.modules)))
    for module in range(1, len(MODULE_SIZES) + 1):
        members = (genes.modules == module).to_numpy()
        values[:, members] = _follow(values[:, members], _eigengene(lesions, module, link, rng), genes.strength[members])
    return _scaled(values, lesions.index, genes)


def _eigengene(lesions: pd.DataFrame, module: int, link: float, rng: np.random.Generator) -> np.ndarray:
    free = rng.standard_normal(len(lesions))
    return link * lesions[LINKED[module]].to_numpy() + np.sqrt(1 - link**2) * free if module in LINKED else free


def _follow(noise: np.ndarray, eigengene: np.ndarray, strength: np.ndarray) -> np.ndarray:
    return np.asarray(strength * eigengene[:, None] + np.sqrt(1 - strength**2) * noise)


def _scaled(values: np.ndarray, index: pd.Index, genes: _Genes) -> pd.DataFrame:
    return pd.DataFrame(genes.mean + genes.spread * values, index=index, columns=genes.modules.index)


def _clinical(lesions: pd.DataFrame, slope: float, rng: np.random.Generator, *, unknown: int = 2) -> pd.DataFrame:
    """Node status in pN words with a few unknown, age in years, and follow-up in days that follows heterogeneity weakly."""
    n = len(lesions)
    positive = rng.random(n) < expit(slope * lesions["heterogeneity"])
    words = np.where(positive, rng.choice(["N1", "N1mi", "N2"], n, p=[0.7, 0.1, 0.2]), rng.choice(["N0", "N0 (i-)"], n))
    words[rng.choice(n, unknown, replace=False)] = "NX"
    hazard = np.exp(0.5 * np.sign(slope) * lesions["heterogeneity"].to_numpy()) / 2500
    event, censored = rng.exponential(1 / hazard), rng.uniform(500, 4000, n)
    return pd.DataFrame(
        {
            "pathologic_n": words,
            "age_years": rng.normal(56, 11, n).round(),
            "subtype": rng.choice(["LumA", "LumB", "Her2", "Basal"], n, p=[0.5, 0.2, 0.1, 0.2]),
            "pfi_days": np.minimum(event, censored).round() + 1,
            "pfi_event": (event <= censored).astype(int),
        },
        index=lesions.index,
    )


def _gene_sets(modules: pd.Series, rng: np.random.Generator) -> dict[str, list[str]]:
    sets = {}
    for module in range(1, len(MODULE_SIZES) + 1):
        members = modules.index[modules == module]
        for part in "AB":
            sets[f"PLANTED_MODULE_{module}_{part}"] = sorted(rng.choice(members, 30, replace=False).tolist())
    for i in range(1, 9):
        sets[f"RANDOM_SET_{i}"] = sorted(rng.choice(modules.index, 40, replace=False).tolist())
    return sets


def _truth(modules: pd.Series, link: float, slope: float) -> pd.DataFrame:
    rows: list[tuple[str, str, object]] = []
    rows += [("module", f"planted module {m}", size) for m, size in enumerate(MODULE_SIZES, 1)]
    rows += [("link", f"{name} ~ planted module {m}", link) for m, name in LINKED.items()] if link else []
    rows.append(("outcome", "log odds per SD of heterogeneity", slope))
    rows.append(("outcome", "AUC of heterogeneity itself (ceiling)", round(oracle_auc(slope), 3)))
    rows += [("gene", str(gene), module) for gene, module in modules.items()]
    return pd.DataFrame(rows, columns=["kind", "name", "value"]).astype({"value": float})


def _with_damaged(made: Simulated, genes: _Genes, link: float, slope: float, rng: np.random.Generator) -> Simulated:
    """Add one patient a damage to the training cohort; their node status is known, so that only the images keep them out."""
    index = _names("SIM-TR", len(made.expression) + 1, len(DAMAGES))
    lesions = _lesions(index, rng)
    clinical = _clinical(lesions, slope, rng, unknown=0)
    damaged = dict(zip(index, DAMAGES, strict=True))
    rows = pd.DataFrame({"kind": "damaged", "name": [f"{patient}: {what}" for patient, what in damaged.items()], "value": 1.0})
    return replace(
        made,
        lesions=made.lesions | {"training": pd.concat([made.lesions["training"], lesions])},
        clinical=made.clinical | {"training": pd.concat([made.clinical["training"], clinical])},
        expression=pd.concat([made.expression, _expression_of_more(lesions, genes, link, rng)]),
        truth=pd.concat([made.truth, rows], ignore_index=True),
        damaged=damaged,
    )
