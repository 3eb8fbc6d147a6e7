"""Signatures and clinical columns in one logistic model: the nomogram of most papers, trained without seeing fitted scores."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.signatures._nomogram import RISKS, Axis, Nomogram, build_nomogram, continuous_axis
from radiogenomics.stats import FirthLogisticRegression, separating_predictors
from radiogenomics.validation import folds, seeded

Floats = NDArray[np.float64]


class Fusion(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on signature scores and clinical columns.

    A fitted signature is the outcome in disguise: on the patients it was fitted on, its scores are far too good, and a model
    trained on them believes in nothing else. So the logistic model is trained on inner out-of-fold scores; the signatures
    are then fitted on all training patients to score new ones.

    Parameters
    ----------
    signatures : mapping of str to (classifier, sequence of str)
        Each signature's recipe and the columns it reads, by the name its score gets.
    clinical : sequence of str
        Columns that enter as they are. A level of a pandas category that no training patient has counts as the reference.
    factors : sequence of str
        Those of the clinical columns that are factors although they are numbers; columns of words always are. The first level
        is the reference.
    n_splits : int
        Inner stratified folds; rows with the same label in the index are one patient, and stay together.
    firth : bool
        Whether to fit with Firth's penalty, which gives finite odds ratios where data separate.
    random_state : int, optional
        Seed of the inner folds and of the signatures.

    Attributes
    ----------
    terms_ : DataFrame
        ``term, coefficient, se, odds_ratio, odds_low, odds_high, p``, the intercept first; intervals at 95 % and
        tests are Wald's.
    signatures_ : dict of str to classifier
        The signatures, fitted on all training patients.
    training_ : DataFrame
        Out-of-fold scores and clinical columns the model was trained on.

    References
    ----------
    D. H. Wolpert, Stacked generalization, Neural Netw 1992. doi:10.1016/S0893-6080(05)80023-1
    """

    def __init__(
        self,
        signatures: Mapping[str, tuple[Any, Sequence[str]]],
        *,
        clinical: Sequence[str] = (),
        factors: Sequence[str] = (),
        n_splits: int = 5,
        firth: bool = False,
        random_state: int | None = None,
    ) -> None:
        self.signatures = signatures
        self.clinical = clinical
        self.factors = factors
        self.n_splits = n_splits
        self.firth = firth
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: ArrayLike) -> Self:
        """Fit the logistic model on out-of-fold scores, and the signatures on everyone.

        Parameters
        ----------
        X : DataFrame, shape (n_patients, n_columns)
            The columns of every signature and the clinical ones.
        y : array-like, shape (n_patients,)
            0 or 1.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `X` is no DataFrame.
        ValueError
            If a column is not there, a clinical value is missing, or the data separate (then use ``firth=True``).
        """
        self._check(X)
        outcome = np.asarray(y)
        self.classes_ = np.unique(outcome)
        if list(self.classes_) != [0, 1]:
            raise InputError(f"`y` must hold 0 and 1, it holds {summarise(self.classes_)}; code the event as 1.")
        recipes = {name: self._recipe(one) for name, (one, _) in self.signatures.items()}
        inner = self._inner_folds(X.index, outcome) if recipes else ()
        scores = {
            name: cross_val_predict(recipe, X[self._columns(name)], outcome, cv=inner, method="predict_proba")[:, 1]
            for name, recipe in recipes.items()
        }
        self.signatures_ = {name: recipe.fit(X[self._columns(name)], outcome) for name, recipe in recipes.items()}
        self.training_ = self._table(scores, X)
        self.levels_ = {name: self._levels(name) for name in map(str, self.training_) if self._is_factor(name)}
        design = self._design(self.training_)
        # A level of a categorical column that no training patient has cannot be estimated: it counts as the reference.
        design = design.loc[:, design.any() | ~design.columns.isin(self._dummies())]
        self.terms_ = _firth(design, outcome) if self.firth else _logistic(design, outcome)
        return self

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Give each patient's probability of no event and event, shape (n_patients, 2)."""
        second = expit(self._linear(self.scores(X)))
        return np.column_stack([1 - second, second])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int_]:
        """Give each patient's more probable class, shape (n_patients,)."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)

    def scores(self, X: pd.DataFrame) -> pd.DataFrame:
        """Score patients by every signature -> the table the logistic model reads, clinical columns included."""
        check_is_fitted(self, "terms_")
        self._check(X)
        scores = {name: one.predict_proba(X[self._columns(name)])[:, 1] for name, one in self.signatures_.items()}
        return self._table(scores, X)

    def preselected(self, X: pd.DataFrame, y: ArrayLike) -> tuple[pd.DataFrame, Self]:
        """Fit the signatures on everyone -> their fitted scores, and the logistic model alone: the usual leak.

        Many papers train the combined model on the scores of signatures that had seen the same patients. `validation.evaluate`
        judges that in its row ``published``.
        """
        scores = clone(self).fit(X, y).scores(X)
        alone = type(self)({}, clinical=list(scores.columns), factors=self.factors, firth=True, random_state=self.random_state)
        return scores, alone

    def nomogram(self, *, risks: Sequence[float] = RISKS) -> Nomogram:
        """Lay the model out in points, as R's ``rms::nomogram``.

        Parameters
        ----------
        risks : sequence of float
            The risks to mark on the scale of the totals.

        Returns
        -------
        Nomogram
            The tables a figure draws.
        """
        check_is_fitted(self, "terms_")
        coefficient = self.terms_.set_index("term")["coefficient"]
        axes = []
        for name in map(str, self.training_):
            if name in self.levels_:
                linear = np.array([0.0, *(coefficient.get(_dummy(name, level), 0.0) for level in self.levels_[name][1:])])
                axes.append(Axis(name, self.levels_[name], linear))
            else:
                axes.append(continuous_axis(name, self.training_[name].to_numpy(dtype=float), coefficient[name]))
        return build_nomogram(axes, float(coefficient["intercept"]), self._linear(self.training_), risks)

    def total_points(self, X: pd.DataFrame) -> pd.Series:
        """Add up each patient's points on the nomogram.

        Parameters
        ----------
        X : DataFrame, shape (n_patients, n_columns)
            The columns that the fusion was fitted on: features of every signature, and clinical columns.

        Returns
        -------
        Series, shape (n_patients,)
            Points, named ``total_points``, by patient. A value beyond an axis gets points beyond 0 or the axis' most.

        References
        ----------
        .. [1] Harrell FE (2015). Regression Modeling Strategies, 2nd ed., section 11.3. doi:10.1007/978-3-319-19425-7
        """
        layout = self.nomogram()
        least = self.terms_["coefficient"].iloc[0] + layout.points.groupby("term")["linear"].min().sum()
        return pd.Series(layout.points_per_unit * (self._linear(self.scores(X)) - least), index=X.index, name="total_points")

    def _inner_folds(self, patients: pd.Index, outcome: NDArray[Any]) -> Any:
        # Copies of one patient in a bootstrap sample must not stand on both sides: their scores would be fitted ones.
        copies = patients.factorize()[0] if patients.has_duplicates else None
        return folds(outcome, copies, self.n_splits, self.random_state)

    def _recipe(self, recipe: Any) -> Any:
        seed = self.random_state
        return seeded(recipe, int(np.random.RandomState().randint(2**31 - 1)) if seed is None else seed)

    def _table(self, scores: Mapping[str, Floats], X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({**scores, **{name: X[name].array for name in self.clinical}}, index=X.index)

    def _columns(self, name: str) -> list[str]:
        return list(self.signatures[name][1])

    def _dummies(self) -> list[str]:
        return [_dummy(name, level) for name, levels in self.levels_.items() for level in levels[1:]]

    def _is_factor(self, name: str) -> bool:
        return name in self.factors or not pd.api.types.is_numeric_dtype(self.training_[name])

    def _levels(self, name: str) -> list[Any]:
        values = self.training_[name]
        return list(values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else sorted(values.unique()))

    def _check(self, X: pd.DataFrame) -> None:
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"Fusion needs a DataFrame with named columns, not a {type(X).__name__}.")
        if not self.signatures and not len(self.clinical):
            raise InputError("Fusion has neither signatures nor clinical columns; give at least one.")
        needed = [column for name in self.signatures for column in self._columns(name)] + list(self.clinical)
        lacking = [column for column in dict.fromkeys(needed) if column not in X.columns]
        if lacking:
            raise InputError(f"The table lacks column(s) {summarise(lacking)} that the fusion reads.")
        both = [name for name in self.signatures if name in self.clinical]
        if both:
            raise InputError(f"{both[0]!r} names a signature and a clinical column; rename one.")
        missing = [name for name in self.clinical if X[name].isna().any()]
        if missing:
            raise InputError(f"Clinical column(s) {summarise(missing)} have missing values; impute them or drop the patients.")

    def _design(self, table: pd.DataFrame) -> pd.DataFrame:
        columns: dict[str, Floats] = {}
        for name in map(str, table):
            if name not in self.levels_:
                columns[name] = table[name].to_numpy(dtype=float)
                continue
            strange = table.loc[~table[name].isin(self.levels_[name]), name]
            if len(strange):
                known = summarise(self.levels_[name])
                raise InputError(f"Column {name!r} has the level {strange.iloc[0]!r}, the model was fitted on {known}.")
            columns |= {_dummy(name, level): (table[name] == level).to_numpy(dtype=float) for level in self.levels_[name][1:]}
        return pd.DataFrame(columns, index=table.index)

    def _linear(self, table: pd.DataFrame) -> Floats:
        coefficient = self.terms_["coefficient"].to_numpy()
        design = self._design(table)[self.terms_["term"].iloc[1:]]
        linear: Floats = coefficient[0] + design.to_numpy() @ coefficient[1:]
        return linear

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True  # the signatures impute what they read; clinical columns are checked above
        return tags


def _dummy(name: str, level: object) -> str:
    return f"{name}={level}"


def _logistic(design: pd.DataFrame, outcome: NDArray[Any]) -> pd.DataFrame:
    """Fit by maximum likelihood -> terms with Wald's intervals and tests."""
    values = design.to_numpy()
    mean, sd = values.mean(axis=0), values.std(axis=0)
    constant = design.columns[sd == 0]
    if len(constant):
        raise InputError(f"Term(s) {summarise(constant)} have one value in all training patients; leave them out.")
    scaled = (values - mean) / sd
    _check_estimable(scaled, outcome, design.columns)
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(scaled, outcome)
    beta = np.append(fitted.intercept_, fitted.coef_[0])
    full = np.column_stack([np.ones(len(scaled)), scaled])
    p = expit(full @ beta)
    covariance = np.linalg.inv(full.T @ (full * (p * (1 - p))[:, None]))
    # Back to the units of the columns: the standardised ones keep the matrix well conditioned whatever the units are.
    back = np.diag(np.append(1.0, 1 / sd))
    back[0, 1:] = -mean / sd
    return _wald(["intercept", *design.columns], back @ beta, np.sqrt(np.diag(back @ covariance @ back.T)))


def _check_estimable(scaled: Floats, outcome: NDArray[Any], terms: pd.Index) -> None:
    """Refuse terms without a finite or a unique estimate, by name."""
    separating = terms[separating_predictors(scaled, outcome)]
    if len(separating):
        raise InputError(
            f"Term(s) {summarise(separating)} separate events from non-events, as a rare level without events does: no finite "
            "coefficient has the largest likelihood; use firth=True, join levels, or leave them out."
        )
    diagonal = np.abs(np.diag(np.linalg.qr(scaled / np.sqrt(len(scaled)), mode="r")))
    copies = terms[len(diagonal) :] if len(diagonal) < len(terms) else terms[diagonal < 1e-10]
    if len(copies):
        raise InputError(f"Term(s) {summarise(copies)} are copies or combinations of the terms before; leave them out.")


def _wald(terms: list[str], coefficient: Floats, se: Floats) -> pd.DataFrame:
    half = 1.959963984540054 * se
    table = pd.DataFrame({"term": terms, "coefficient": coefficient, "se": se})
    with np.errstate(over="ignore"):  # the odds ratio of a whole unit, where a unit is far more than patients differ by
        odds, low, high = np.exp(coefficient), np.exp(coefficient - half), np.exp(coefficient + half)
    return table.assign(odds_ratio=odds, odds_low=low, odds_high=high, p=2 * ndtr(-np.abs(coefficient / se)))


def _firth(design: pd.DataFrame, outcome: NDArray[Any]) -> pd.DataFrame:
    # Profile intervals cannot be followed where a term separates by itself, and a fold must not fail for that.
    terms = FirthLogisticRegression(interval="wald").fit(design, pd.Series(outcome, index=design.index)).terms_
    return terms[["term", "coefficient", "se", "odds_ratio", "odds_low", "odds_high", "p"]]
