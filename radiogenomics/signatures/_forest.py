"""A random forest for a hundred patients: our own because it grows in milliseconds where scikit-learn's takes a hundred."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from radiogenomics._errors import InputError

Floats = NDArray[np.float64]


class Forest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Random forest of two classes, of the same rules as scikit-learn's ``RandomForestClassifier`` but other random numbers.

    The trees are not scikit-learn's own; the forest's votes lie as near to those of a scikit-learn forest as another one's with
    another seed do.

    scikit-learn spends about a millisecond on each tree before it begins to grow it, which for a hundred patients is nearly
    everything, and nested cross-validation with permutations grows millions of trees; here a whole forest takes milliseconds.
    Gini impurity, bootstrap samples, trees grown to the end, probabilities averaged over trees.

    Parameters
    ----------
    n_trees : int
        Trees.
    max_features : int or "sqrt", optional
        Features tried at each split; constant ones do not count. None tries all.
    min_samples_leaf : int
        Patients each side of a split must keep.
    bootstrap : bool
        Whether each tree sees its own sample drawn with replacement.
    class_weight : "balanced" or dict, optional
        Weigh the classes inversely to their size, or by given weights.
    random_state : int, optional
        Seed.

    Attributes
    ----------
    classes_ : array, shape (2,)
        The classes in order.
    oob_decision_function_ : array, shape (n_patients, 2)
        Each training patient's probability of either class by the trees that did not see it; NaN where all did.

    References
    ----------
    L. Breiman, Random forests, Mach Learn 2001. doi:10.1023/A:1010933404324
    """

    def __init__(
        self,
        n_trees: int = 100,
        *,
        max_features: int | Literal["sqrt"] | None = "sqrt",
        min_samples_leaf: int = 1,
        bootstrap: bool = True,
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.n_trees = n_trees
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.bootstrap = bootstrap
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Grow the forest.

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
            If there are not two classes, or a number of trees, tries or patients is below one.
        """
        from radiogenomics.signatures._trees import grow_forest

        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, classes = np.unique(labels, return_inverse=True)
        if len(self.classes_) != 2:
            count = "1 class" if len(self.classes_) == 1 else f"{len(self.classes_)} classes"
            raise InputError(f"Only binary classification is supported. `y` has {count}; a Forest tells two classes apart.")
        balance = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)
        self._nodes, self._cuts, second = grow_forest(
            np.ascontiguousarray(values.T),
            classes.astype(np.int32),
            balance.astype(np.float64),
            self._at_least_one("n_trees"),
            self._tries(values.shape[1]),
            self._at_least_one("min_samples_leaf"),
            self.bootstrap,
            int(check_random_state(self.random_state).randint(2**31 - 1)),
        )
        self.oob_decision_function_ = np.column_stack([1 - second, second])
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Give each patient's probability of either class, shape (n_patients, 2)."""
        from radiogenomics.signatures._trees import mean_votes

        check_is_fitted(self, "_nodes")
        values = validate_data(self, X, dtype=np.float64, reset=False)
        second = mean_votes(np.ascontiguousarray(values.T), self._nodes, self._cuts)
        return np.column_stack([1 - second, second])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give each patient's more probable class, shape (n_patients,)."""
        second = self.predict_proba(X)[:, 1] > 0.5
        labels: NDArray[Any] = self.classes_[second.astype(int)]
        return labels

    def _tries(self, n_features: int) -> int:
        if self.max_features is None:
            return n_features
        if self.max_features == "sqrt":
            return max(1, int(np.sqrt(n_features)))
        return self._at_least_one("max_features")

    def _at_least_one(self, name: str) -> int:
        value = getattr(self, name)
        if value < 1:
            raise InputError(f"`{name}` is {value}; it must be 1 or more.")
        return int(value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
