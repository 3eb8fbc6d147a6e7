"""The LASSO for two classes, with its penalty chosen by cross-validation, as R's glmnet does both.

Ours, because scikit-learn has neither glmnet's grid of penalties nor its one-standard-error rule.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice

Floats = NDArray[np.float64]
Measure = Literal["deviance", "auc", "class"]

N_PENALTIES = 100
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class LassoPath:
    """Coefficients of the LASSO for descending penalties, on the scale of the features.

    Attributes
    ----------
    penalty : array, shape (n_penalties,)
        glmnet's lambda.
    intercept : array, shape (n_penalties,)
        Intercepts.
    coef : array, shape (n_penalties, n_features)
        Coefficients.
    explained : array, shape (n_penalties,)
        Share of the null deviance explained (glmnet's ``dev.ratio``).
    """

    penalty: Floats
    intercept: Floats
    coef: Floats
    explained: Floats

    def linear(self, X: Floats, penalty: Floats) -> Floats:
        """Give the linear predictor at any penalties, coefficients interpolated -> shape (n_patients, n_penalties)."""
        at = np.clip(penalty, self.penalty[-1], self.penalty[0])
        both = np.column_stack([self.intercept, self.coef])[::-1]
        right = np.clip(np.searchsorted(self.penalty[::-1], at), 1, max(len(both) - 1, 1))
        if len(both) == 1:
            mixed = np.repeat(both, len(at), axis=0)
        else:
            low, high = self.penalty[::-1][right - 1], self.penalty[::-1][right]
            share = ((at - low) / (high - low))[:, None]
            mixed = share * both[right] + (1 - share) * both[right - 1]
        result: Floats = mixed[:, 0] + X @ mixed[:, 1:].T
        return result


def lasso_path(X: Floats, y: NDArray[Any]) -> LassoPath:
    """Fit the LASSO for a hundred descending penalties -> the path, equal to ``glmnet(family = "binomial")``.

    The features are standardised inside (standard deviation over n); the penalties run from the smallest that leaves every
    coefficient at zero down to 1e-4 of it (1e-2 with more features than patients), and end early where nothing is gained.

    Parameters
    ----------
    X : array, shape (n_patients, n_features)
        The measurements.
    y : array, shape (n_patients,)
        0 or 1, both present.

    Returns
    -------
    LassoPath
        The path.

    References
    ----------
    J. Friedman, T. Hastie, R. Tibshirani, Regularization paths for generalized linear models via coordinate descent, J Stat
    Softw 2010. doi:10.18637/jss.v033.i01
    """
    from radiogenomics.signatures._descent import descend

    mean, sd = X.mean(axis=0), X.std(axis=0)
    sd = np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1e-300), sd, np.inf)
    scaled = np.ascontiguousarray(((X - mean) / sd).T)
    outcome = np.asarray(y, dtype=np.float64)
    largest = np.abs(scaled @ (outcome - outcome.mean())).max() / len(outcome)
    ratio = 1e-4 if len(outcome) >= X.shape[1] else 1e-2
    # A table of constants has no gradient; any penalty then leaves every coefficient at zero.
    penalties = np.geomspace(max(largest, 1e-12), max(largest, 1e-12) * ratio, N_PENALTIES)
    intercept, beta, explained = descend(scaled, outcome, penalties, _TOLERANCE)
    beta[0] = 0.0  # by definition; rounding leaves 1e-16, which would break ties
    coef = beta / sd
    return LassoPath(penalties[: len(intercept)], intercept - coef @ mean, coef, explained)


def cross_validate_lasso(X: Floats, y: NDArray[Any], fold: ArrayLike, *, measure: Measure = "deviance") -> pd.DataFrame:
    """Judge every penalty of the path in folds -> one row per penalty, equal to ``cv.glmnet``.

    Parameters
    ----------
    X : array, shape (n_patients, n_features)
        The measurements.
    y : array, shape (n_patients,)
        0 or 1.
    fold : array, shape (n_patients,)
        The fold each patient is left out in.
    measure : {"deviance", "auc", "class"}
        What is judged: binomial deviance, area under the curve, or the share of misclassified patients.

    Returns
    -------
    DataFrame
        ``penalty, mean, se, n_features``; the area is to be large, the other two small.
    """
    check_choice(measure, "measure", ("deviance", "auc", "class"))
    return _in_folds(X, y, np.asarray(fold), lasso_path(X, y), measure)


class Lasso(SelectorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the features with a coefficient in the LASSO whose penalty cross-validation chose; also predicts by itself.

    Equal to R's ``cv.glmnet(family = "binomial")`` for the same folds.

    Parameters
    ----------
    penalty : {"min", "1se"}
        glmnet's ``lambda.min``, the best penalty, or ``lambda.1se``, the largest within one standard error of it.
    measure : {"deviance", "auc", "class"}
        What the penalties are judged by.
    n_splits : int
        Stratified folds.
    random_state : int, optional
        Seed of the folds.

    Attributes
    ----------
    penalty_ : float
        The chosen penalty.
    coef_ : array, shape (n_features,)
        Coefficients at that penalty.
    intercept_ : float
        Intercept at that penalty.
    cv_ : DataFrame
        ``penalty, mean, se, n_features`` of every penalty.
    path_ : LassoPath
        The path on all training patients.

    Notes
    -----
    Where every coefficient is zero at the chosen penalty, `transform` keeps the feature that enters the path first, since a
    signature needs one; `predict_proba` then gives the share of events.
    """

    def __init__(
        self,
        *,
        penalty: Literal["min", "1se"] = "min",
        measure: Measure = "deviance",
        n_splits: int = 10,
        random_state: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.measure = measure
        self.n_splits = n_splits
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the path, choose the penalty.

        Parameters
        ----------
        X : array-like, shape (n_patients, n_features)
            The measurements.
        y : array-like, shape (n_patients,)
            Two classes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not two classes, or a class has fewer patients than there are folds.
        """
        check_choice(self.penalty, "penalty", ("min", "1se"))
        check_choice(self.measure, "measure", ("deviance", "auc", "class"))
        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, outcome = np.unique(labels, return_inverse=True)
        if len(self.classes_) != 2:
            count = "1 class" if len(self.classes_) == 1 else f"{len(self.classes_)} classes"
            raise InputError(f"Only binary classification is supported. `y` has {count}; this LASSO tells two classes apart.")
        self.path_ = lasso_path(values, outcome)
        self.cv_ = _in_folds(values, outcome, self._fold(outcome), self.path_, self.measure)
        place = _chosen(self.cv_, self.measure, self.penalty)
        self.penalty_, self.coef_ = float(self.path_.penalty[place]), self.path_.coef[place]
        self.intercept_ = float(self.path_.intercept[place])
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Give each patient's probability of either class, shape (n_patients, 2)."""
        check_is_fitted(self, "coef_")
        second = expit(validate_data(self, X, dtype=np.float64, reset=False) @ self.coef_ + self.intercept_)
        return np.column_stack([1 - second, second])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give each patient's more probable class, shape (n_patients,)."""
        second = self.predict_proba(X)[:, 1] > 0.5
        labels: NDArray[Any] = self.classes_[second.astype(int)]
        return labels

    def _fold(self, outcome: NDArray[np.intp]) -> NDArray[np.intp]:
        fewest = np.bincount(outcome).min()
        if fewest < self.n_splits:
            raise InputError(f"a class has {fewest} patient(s), fewer than the {self.n_splits} inner folds; lower `n_splits`.")
        fold = np.empty(len(outcome), dtype=np.intp)
        for number, (_, test) in enumerate(
            StratifiedKFold(self.n_splits, shuffle=True, random_state=self.random_state).split(fold, outcome)
        ):
            fold[test] = number
        return fold

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "coef_")
        kept: NDArray[np.bool_] = self.coef_ != 0
        if not kept.any():
            entered = (self.path_.coef != 0).any(axis=1)
            first = self.path_.coef[np.argmax(entered)]
            kept = np.arange(len(first)) == np.argmax(np.abs(first))
        return kept

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _in_folds(X: Floats, y: NDArray[Any], fold: NDArray[Any], path: LassoPath, measure: Measure) -> pd.DataFrame:
    judge = {"deviance": _deviance, "auc": _area, "class": _wrong}[measure]
    means, sizes = [], []
    for number in np.unique(fold):
        test = fold == number
        # Each fold follows its own penalties; its coefficients are read off at the common ones.
        linear = lasso_path(X[~test], y[~test]).linear(X[test], path.penalty)
        means.append(judge(y[test], linear))
        sizes.append(test.sum())
    mean = np.average(means, axis=0, weights=sizes)
    se = np.sqrt(np.average((np.array(means) - mean) ** 2, axis=0, weights=sizes) / (len(sizes) - 1))
    return pd.DataFrame({"penalty": path.penalty, "mean": mean, "se": se, "n_features": (path.coef != 0).sum(axis=1)})


def _chosen(table: pd.DataFrame, measure: Measure, penalty: Literal["min", "1se"]) -> int:
    """Find the largest penalty that is best, or within one standard error of the best -> its row."""
    loss = (-table["mean"] if measure == "auc" else table["mean"]).to_numpy()
    best = int(np.argmin(loss))
    return best if penalty == "min" else int(np.argmax(loss <= loss[best] + table["se"].iloc[best]))


def _deviance(y: NDArray[Any], linear: Floats) -> Floats:
    p = np.clip(expit(linear), 1e-5, 1 - 1e-5)
    mean: Floats = (-2 * np.where(y[:, None] == 1, np.log(p), np.log1p(-p))).mean(axis=0)
    return mean


def _area(y: NDArray[Any], linear: Floats) -> Floats:
    cases = y == 1
    # From the ranks, for all penalties at once: ties count one half.
    above = rankdata(linear, axis=0)[cases].sum(axis=0) - cases.sum() * (cases.sum() + 1) / 2
    area: Floats = above / (cases.sum() * (~cases).sum())
    return area


def _wrong(y: NDArray[Any], linear: Floats) -> Floats:
    mean: Floats = ((linear > 0) != (y[:, None] == 1)).mean(axis=0)
    return mean
