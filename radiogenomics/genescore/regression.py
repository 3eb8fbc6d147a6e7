"""The gene score: a logistic regression on genes, penalised, by Firth, or plain."""

import warnings
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice, check_numeric, check_patients
from radiogenomics.genescore.separation import SeparationWarning, separation
from radiogenomics.stats import FirthLogisticRegression

Regression = Literal["penalised", "firth", "plain"]
Floats = NDArray[np.float64]


class GeneScore(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Select genes and weigh them into one score by logistic regression.

    Selection and regression are learnt together, so that a cross-validation around this estimator repeats both. Where a fold
    selects no gene the score is the same for everyone, as it honestly is.

    Parameters
    ----------
    selector : transformer, optional
        Takes patients x columns and keeps genes, as `HubGenes` does; every column when None.
    regression : {"penalised", "firth", "plain"}
        Ridge with the penalty of the best inner cross-validated likelihood; Firth's bias reduction, finite under
        separation; or maximum likelihood.
    n_splits : int
        Folds of the inner cross-validation of "penalised".
    random_state : int
        Seed of its folds.

    Attributes
    ----------
    genes_ : list of str
        The genes of the score.
    coefficients_ : Series, shape (n_genes,)
        Log odds per standard deviation of the training patients.
    intercept_ : float
        Log odds at the training means.
    separation_ : {"none", "quasi", "complete"}
        Whether the genes separate the training outcome; a `SeparationWarning` says so for "plain".

    References
    ----------
    Firth (1993), doi:10.1093/biomet/80.1.27. Heinze & Schemper (2002), doi:10.1002/sim.1047.
    """

    def __init__(
        self, selector: Any = None, *, regression: Regression = "penalised", n_splits: int = 5, random_state: int = 0
    ) -> None:
        self.selector = selector
        self.regression = regression
        self.n_splits = n_splits
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: NDArray[Any]) -> Self:
        """Learn genes and weights from patients x columns and an outcome of two classes."""
        check_choice(self.regression, "regression", get_args(Regression))
        self.classes_, outcome = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) != 2:
            raise InputError(f"`y` has {len(self.classes_)} class(es), {list(self.classes_)}; a gene score needs exactly two.")
        self.selector_ = None if self.selector is None else clone(self.selector).fit(X, outcome)
        genes = self._genes(X)
        self.genes_ = list(genes.columns)
        self.mean_, self.scale_ = genes.mean(), genes.std(ddof=1).replace(0.0, 1.0)
        self._weigh(self._standard(genes), outcome)
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Score patients: log odds, shape (n_patients,)."""
        check_is_fitted(self, "coefficients_")
        return np.asarray(self._standard(self._genes(X)) @ self.coefficients_.to_numpy() + self.intercept_)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Give the chance of both classes, shape (n_patients, 2)."""
        chance = expit(self.decision_function(X))
        return np.column_stack([1.0 - chance, chance])

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Give the likelier class."""
        return np.asarray(self.classes_[(self.decision_function(X) > 0).astype(int)])

    def _genes(self, X: pd.DataFrame) -> pd.DataFrame:
        check_patients(X, "X")
        return check_numeric(X if self.selector_ is None else self.selector_.transform(X), "genes")

    def _standard(self, genes: pd.DataFrame) -> Floats:
        return np.asarray(((genes - self.mean_) / self.scale_).to_numpy(dtype=float))

    def _weigh(self, z: Floats, outcome: NDArray[np.int64]) -> None:
        self.separation_ = separation(z, outcome) if z.shape[1] else "none"
        if z.shape[1] == 0:
            self.intercept_, weights = float(np.log(outcome.mean() / (1.0 - outcome.mean()))), np.empty(0)
        elif self.regression == "plain":
            self.intercept_, weights = _plain(z, outcome, self.separation_)
        elif self.regression == "firth":
            self.intercept_, weights = _firth(z, outcome)
        else:
            self.intercept_, weights = _penalised(z, outcome, self.n_splits, self.random_state)
        self.coefficients_ = pd.Series(weights, index=pd.Index(self.genes_, name="gene"), name="coefficient", dtype=float)


def _plain(z: Floats, outcome: NDArray[np.int64], separated: str) -> tuple[float, Floats]:
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    with warnings.catch_warnings():
        if separated != "none":
            warnings.warn(
                f"{z.shape[1]} gene(s) separate the outcome of {len(z)} patients ({separated}): plain logistic regression has no "
                "finite weights for them; use regression='firth' or 'penalised', or fewer genes.",
                SeparationWarning,
                stacklevel=4,
            )
            warnings.simplefilter("ignore", ConvergenceWarning)  # there is nothing to converge to, and that has been said
        model.fit(z, outcome)
    return float(model.intercept_[0]), model.coef_[0]


def _penalised(z: Floats, outcome: NDArray[np.int64], n_splits: int, random_state: int) -> tuple[float, Floats]:
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=random_state)
    model = LogisticRegressionCV(
        Cs=np.logspace(-4, 2, 13),
        l1_ratios=(0.0,),
        cv=folds,
        scoring="neg_log_loss",
        solver="newton-cholesky",  # exact, and quicker than lbfgs for as few columns as a gene score has
        use_legacy_attributes=False,
    )
    model.fit(z, outcome)
    return float(model.intercept_[0]), model.coef_[0]


def _firth(z: Floats, outcome: NDArray[np.int64]) -> tuple[float, Floats]:
    model = FirthLogisticRegression(interval="wald").fit(z, outcome)
    return float(model.intercept_[0]), model.coef_[0]
