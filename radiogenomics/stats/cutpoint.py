"""Cut a risk score into low and high risk, from training patients only."""

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.stats._checks import Floats, numbers, same_patients
from radiogenomics.stats.survival import log_rank


class SurvivalCut(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Cut-point of a score between low and high risk.

    Fitted on training patients and applied to others, like every estimator. An ``optimal`` cut searches the largest
    log-rank statistic, so that statistic's own p value means nothing: the cut is labelled exploratory and carries a p value
    corrected for the search (Miller & Siegmund 1982; Lausen & Schumacher 1992).

    Parameters
    ----------
    rule : {"median", "optimal"}
        The median of the training scores, or the cut with the largest log-rank chi-square.
    min_share : float
        Least share of training patients on each side of an ``optimal`` cut.

    Attributes
    ----------
    cut_ : float
        Scores above it are high risk.
    exploratory_ : bool
        Whether the outcome was used to find the cut.
    label_ : str
        How a table or figure should name the cut.
    p_corrected_ : float
        P value of an ``optimal`` cut, corrected for the search; NaN for the median, which searches nothing.

    References
    ----------
    Miller R, Siegmund D (1982). Biometrics 38:1011. doi:10.2307/2529881
    Lausen B, Schumacher M (1992). Biometrics 48:73. doi:10.2307/2532740
    Altman DG, et al. (1994). Journal of the National Cancer Institute 86:829. doi:10.1093/jnci/86.11.829
    """

    def __init__(self, *, rule: Literal["median", "optimal"] = "median", min_share: float = 0.2) -> None:
        self.rule = rule
        self.min_share = min_share

    def fit(self, X: npt.ArrayLike, y: pd.DataFrame | None = None) -> Self:
        """Learn the cut from training patients.

        Parameters
        ----------
        X : array or Series, shape (n,)
            Scores; high values stand for high risk.
        y : DataFrame, shape (n, 2), optional
            Columns ``time`` and ``event``; needed by the ``optimal`` rule only.

        Returns
        -------
        SurvivalCut
            Itself.

        Raises
        ------
        ValueError
            If a score is missing, all scores are equal, or the optimal rule has no follow-up or no possible cut.
        """
        check_choice(self.rule, "rule", ("median", "optimal"))
        score = numbers(X, "X")
        if np.ptp(score) == 0:
            raise InputError(f"`X` is {score[0]:g} for every patient; a cut needs scores that differ.")
        self.exploratory_ = self.rule == "optimal"
        self.p_corrected_ = np.nan
        if self.exploratory_:
            self._search(X, score, y)
            self.label_ = "optimal cut-point of the training patients (exploratory)"
        else:
            self.cut_ = float(np.median(score))
            self.label_ = "median of the training patients"
        return self

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """Scores -> ``low`` or ``high`` risk, shape (n,).

        Parameters
        ----------
        X : array or Series, shape (n,)
            Scores of any patients, on the scale of the training scores.

        Returns
        -------
        array of str, shape (n,)
            ``high`` where the score is above the cut.

        Raises
        ------
        ValueError
            If a score is missing.
        """
        check_is_fitted(self)
        return np.where(numbers(X, "X") > self.cut_, "high", "low").astype(object)

    def _search(self, X: npt.ArrayLike, score: Floats, y: pd.DataFrame | None) -> None:
        if y is None or not {"time", "event"} <= set(y.columns):
            raise InputError("The optimal rule needs `y` with the columns time and event; give them or use rule='median'.")
        if not 0 < self.min_share < 0.5:
            raise InputError(f"`min_share` is {self.min_share}; give a share in (0, 0.5), for example 0.2.")
        same_patients(y["time"], X, "y", "X")
        time, event = y["time"].to_numpy(), y["event"].to_numpy()
        distinct = np.unique(score)
        share = np.searchsorted(np.sort(score), distinct, side="right") / score.size
        allowed = distinct[(share >= self.min_share) & (share <= 1 - self.min_share)]
        if not allowed.size:
            raise InputError(f"No cut leaves {self.min_share:.0%} of the patients on each side; lower `min_share`.")
        chi2 = [log_rank(time, event, score > cut).chi2 for cut in allowed]
        best = int(np.argmax(chi2))
        above = distinct[np.searchsorted(distinct, allowed[best]) + 1]
        self.cut_ = float(allowed[best] + (above - allowed[best]) / 2)
        self.p_corrected_ = _maximal_p(float(np.sqrt(chi2[best])), self.min_share)


def _maximal_p(z: float, share: float) -> float:
    """P value of a standardised statistic maximised over cuts that leave `share` on each side."""
    if z <= 1:
        return 1.0
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return float(min(4 * density / z + density * (z - 1 / z) * 2 * np.log((1 - share) / share), 1.0))
