"""Hub genes of modules, their intersection over signatures, and the selection as one step of a pipeline."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import pearsonr, rankdata
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric, check_patients, common_patients, summarise
from radiogenomics.stats import benjamini_hochberg

Correlation = Literal["pearson", "spearman"]
_ROUNDING = 1e-10  # of its size; what varies less does not vary
HUB_COLUMNS = ["gene", "module", "kme", "significance", "n", "p", "q", "hub"]


def hub_genes(
    membership: pd.DataFrame,
    expression: pd.DataFrame,
    score: pd.Series,
    *,
    min_kme: float,
    min_significance: float,
    labels: pd.Series | None = None,
    modules: Sequence[str] | None = None,
    method: Correlation = "pearson",
) -> pd.DataFrame:
    """Judge every gene of a module by its membership and its correlation with a signature's score.

    Parameters
    ----------
    membership : DataFrame, shape (n_genes, n_modules)
        kME: each gene's correlation with each eigengene.
    expression : DataFrame, shape (n_patients, n_genes)
        Log expression or z-scores.
    score : Series, shape (n_patients,)
        The signature's out-of-fold score: a fitted one is the outcome in disguise.
    min_kme, min_significance : float
        A hub's smallest |kME| in its module and smallest |correlation| with the score (gene significance).
    labels : Series, optional
        Each gene's module as the number in the membership's column name (``ME3`` is 3), 0 for none. Without it a gene belongs to
        the module of its largest |kME|.
    modules : list of str, optional
        Columns of `membership` that count: those linked with the signature. All when None.
    method : {"pearson", "spearman"}
        Correlation of gene and score.

    Returns
    -------
    DataFrame, one row per gene of the modules
        Columns `gene, module, kme, significance, n, p, q, hub`; q over all rows; largest |significance| first.

    Raises
    ------
    ValueError
        If tables share no gene or patient, a module is unknown, or a threshold lies outside 0 to 1.

    References
    ----------
    Horvath & Dong (2008), doi:10.1371/journal.pcbi.1000117, on intramodular hubs and gene significance.
    """
    _check_thresholds(min_kme, min_significance)
    check_choice(method, "method", get_args(Correlation))
    homes = _homes(membership, labels, modules)
    genes = homes.index.intersection(expression.columns, sort=False)
    if genes.empty:
        raise InputError(
            f"`membership` and `expression` share no gene of the modules: {summarise(homes.index, 2)} against "
            f"{summarise(expression.columns, 2)}; bring both to one kind of symbol."
        )
    patients = common_patients(expression, score.to_frame(), ("expression", "score"))
    values = check_numeric(check_patients(expression, "expression").loc[patients, genes], "expression")
    table = _significance(values, score.loc[patients].to_numpy(dtype=float), method)
    table.insert(0, "module", homes[genes].to_numpy())
    places = membership.index.get_indexer(genes), membership.columns.get_indexer(pd.Index(homes[genes]))
    table.insert(1, "kme", membership.to_numpy(dtype=float)[places])
    table["hub"] = (table["kme"].abs() >= min_kme) & (table["significance"].abs() >= min_significance)
    order = table["significance"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].rename_axis("gene").reset_index()


def _check_thresholds(min_kme: float, min_significance: float) -> None:
    for name, value in (("min_kme", min_kme), ("min_significance", min_significance)):
        if not 0.0 <= value <= 1.0:
            raise InputError(f"`{name}` is {value}, it must lie in 0 to 1, like the correlation it is compared with.")


def _homes(membership: pd.DataFrame, labels: pd.Series | None, modules: Sequence[str] | None) -> pd.Series:
    """Name every gene's module, genes without one and modules that do not count left out."""
    counted = membership.columns if modules is None else pd.Index(modules)
    unknown = counted.difference(membership.columns)
    if len(unknown):
        raise InputError(f"`modules` names {summarise(unknown)}, `membership` has {summarise(membership.columns)}.")
    homes = membership.abs().idxmax(axis=1) if labels is None else "ME" + labels.reindex(membership.index).astype(str)
    return homes[homes.isin(counted)]


def _significance(expression: pd.DataFrame, score: NDArray[np.float64], method: Correlation) -> pd.DataFrame:
    if not np.isfinite(score).all():
        raise InputError(f"`score` misses {int((~np.isfinite(score)).sum())} of {len(score)} patients; drop them first.")
    values = expression.to_numpy(dtype=float)
    if method == "spearman":
        values, score = rankdata(values, axis=0), rankdata(score)
    varies = np.ptp(values, axis=0) > _ROUNDING * np.abs(values).max(axis=0)
    table = pd.DataFrame({"significance": 0.0, "n": len(score), "p": 1.0}, index=expression.columns)
    if varies.any() and np.ptp(score) > 0:
        result = pearsonr(values[:, varies], score[:, None], axis=0)
        table.loc[varies, "significance"], table.loc[varies, "p"] = result.statistic, result.pvalue
    table["q"] = benjamini_hochberg(table["p"].to_numpy())
    return table


def intersect(hubs: Mapping[str, pd.DataFrame | Sequence[str]], *, at_least: int | None = None) -> list[str]:
    """Find the genes that are hubs for several signatures.

    Parameters
    ----------
    hubs : mapping of str to DataFrame or list of str
        For each signature the table of `hub_genes`, or its hubs' names.
    at_least : int, optional
        Signatures a gene must be a hub for; every one when None.

    Returns
    -------
    list of str
        Genes in the first table's order.

    Raises
    ------
    ValueError
        If there is no signature, or `at_least` is not 1 to their number.
    """
    needed = len(hubs) if at_least is None else at_least
    if not hubs or not 1 <= needed <= len(hubs):
        raise InputError(f"`at_least` is {needed} for {len(hubs)} signature(s); give a signature, and 1 up to their number.")
    names = [one.loc[one["hub"], "gene"] if isinstance(one, pd.DataFrame) else dict.fromkeys(one) for one in hubs.values()]
    counts = pd.Series([gene for genes in names for gene in genes], dtype=object).value_counts(sort=False)
    return [str(gene) for gene, count in counts.items() if count >= needed]


class HubGenes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Select hub genes from imaging and expression columns of one table, inside any training fold.

    The signatures' scores come from an inner cross-validation, so that no gene is chosen by a score fitted to its own patient.
    It is repeated and its scores averaged: one split of some ninety patients chooses other genes than the next. Modules are
    unsupervised and may stay fixed.

    Parameters
    ----------
    signatures : mapping of str to (estimator, list of str)
        For each signature an unfitted classifier and the imaging columns it reads.
    membership : DataFrame, shape (n_genes, n_modules)
        kME; its genes are looked for among the columns.
    labels : Series, optional
        Module numbers of the genes, as in `hub_genes`.
    min_kme, min_significance : float
        Thresholds of `hub_genes`.
    at_least : int, optional
        As in `intersect`.
    max_module_p : float
        A module counts for a signature when its eigengene, a column of the table, correlates with the score at this p or below;
        1 counts every module and needs no eigengene.
    eigengene_prefix : str
        What stands before a module's name in the column of its eigengene, where a gene has such a name too (ME1 is one).
    method : {"pearson", "spearman"}
        Correlation of gene and score.
    n_splits, n_repeats : int
        Folds and repeats of the inner cross-validation.
    random_state : int
        Seed of its folds.

    Attributes
    ----------
    genes_ : list of str
        The selected genes; may be empty.
    hubs_ : dict of str to DataFrame
        The table of `hub_genes` for each signature.
    scores_ : DataFrame, shape (n_patients, n_signatures)
        Inner out-of-fold scores of the training patients, the means over the repeats.
    """

    def __init__(
        self,
        signatures: Mapping[str, tuple[Any, Sequence[str]]],
        membership: pd.DataFrame,
        *,
        min_kme: float,
        min_significance: float,
        labels: pd.Series | None = None,
        at_least: int | None = None,
        max_module_p: float = 1.0,
        eigengene_prefix: str = "",
        method: Correlation = "pearson",
        n_splits: int = 5,
        n_repeats: int = 10,
        random_state: int = 0,
    ) -> None:
        self.signatures = signatures
        self.membership = membership
        self.min_kme = min_kme
        self.min_significance = min_significance
        self.labels = labels
        self.at_least = at_least
        self.max_module_p = max_module_p
        self.eigengene_prefix = eigengene_prefix
        self.method = method
        self.n_splits = n_splits
        self.n_repeats = n_repeats
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: NDArray[np.int64]) -> Self:
        """Learn the hub genes of patients x (imaging features, genes)."""
        check_patients(X, "X")
        outcome = np.asarray(y)
        folds = RepeatedStratifiedKFold(n_splits=self.n_splits, n_repeats=self.n_repeats, random_state=self.random_state)
        splits = list(folds.split(X, outcome))
        self.scores_ = pd.DataFrame(index=X.index)
        self.hubs_ = {}
        for name, (estimator, columns) in self.signatures.items():
            self.scores_[name] = _out_of_fold(estimator, X[list(columns)], outcome, splits) / self.n_repeats
            self.hubs_[name] = self._hubs(X, self.scores_[name])
        self.genes_ = intersect(self.hubs_, at_least=self.at_least)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Keep the selected genes."""
        check_is_fitted(self, "genes_")
        return X[self.genes_]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Name the selected genes."""
        check_is_fitted(self, "genes_")
        return np.array(self.genes_, dtype=object)

    def _hubs(self, X: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
        modules = list(self.membership.columns)
        if self.max_module_p < 1.0:
            columns = [f"{self.eigengene_prefix}{name}" for name in modules]
            p = _significance(X[columns].set_axis(modules, axis=1), score.to_numpy(), self.method)["p"]
            modules = list(p.index[p <= self.max_module_p])
        if not modules:
            return pd.DataFrame(columns=HUB_COLUMNS).astype({"hub": bool})
        return hub_genes(
            self.membership,
            X,
            score,
            min_kme=self.min_kme,
            min_significance=self.min_significance,
            labels=self.labels,
            modules=modules,
            method=self.method,
        )


def _out_of_fold(
    estimator: Any, table: pd.DataFrame, outcome: NDArray[np.int64], splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.float64]:
    """Add up the chances that each patient has from the fits without it."""
    chances = np.zeros(len(table))
    for train, test in splits:
        fitted = clone(estimator).fit(table.iloc[train], outcome[train])
        chances[test] += fitted.predict_proba(table.iloc[test])[:, 1]
    return chances
