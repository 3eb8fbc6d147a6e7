"""An interval for cross-validated scores, which depend on one another through the patients their fits share."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from radiogenomics.stats import Auc, auc


def cross_validated_auc(outcome: ArrayLike, scores: NDArray[np.float64], *, n_splits: int, level: float = 0.95) -> Auc:
    """Judge repeated out-of-fold scores -> the area of their mean, with DeLong's interval widened for shared training.

    DeLong's variance takes scores as given. Out-of-fold scores are not: patient i teaches the fit that scores j, and j the fit
    that scores i, so what a recipe learns by chance is counted in both directions. Where the scores are nothing but chance
    learning (many features, no signal) the true variance is twice DeLong's; where the fit hardly depends on who trained it
    (one strong feature) DeLong's is right. With f the share of the scores' variance that comes from the training sample,

        variance = DeLong's (1 + f),    f = min(1, (n_splits - 1) W / V),

    with W the mean variance of a patient's rank between the repeats and V the variance of the mean ranks between the patients:
    a repeat trains on a share q = 1 - 1/n_splits of the others, drawn without replacement, so what varies between repeats is
    (1 - q)/q of what varies between training samples. With one repeat, f is 1.

    Patients count as independent, also those of one group. The interval covers other patients from the same population, drawn to
    be trained and tested on; it does not cover another hospital or scanner. No unbiased variance of cross-validation exists
    (Bengio & Grandvalet 2004): this one was checked by simulation, see ``docs/validation.md``.

    Parameters
    ----------
    outcome : array, shape (n_patients,)
        0 or 1.
    scores : array, shape (n_repeats, n_patients)
        Out-of-fold probabilities, one row a repeat.
    n_splits : int
        Folds of each repeat.
    level : float
        Confidence level.

    Returns
    -------
    Auc
        Area of the mean scores, its interval and its standard error.

    References
    ----------
    E. R. DeLong et al., Biometrics 1988. doi:10.2307/2531595
    Y. Bengio, Y. Grandvalet, No unbiased estimator of the variance of K-fold cross-validation, J Mach Learn Res 2004, 5:1089.
    """
    area = auc(outcome, scores.mean(axis=0), level=level)
    se = area.se * float(np.sqrt(1 + shared_training(scores, n_splits)))
    half = float(ndtri((1 + level) / 2)) * se
    return replace(area, low=max(area.auc - half, 0.0), high=min(area.auc + half, 1.0), se=se)


def shared_training(scores: NDArray[np.float64], n_splits: int) -> float:
    """Estimate which share of the scores' variance comes from the training sample -> f between 0 and 1."""
    if len(scores) < 2:
        return 1.0
    ranks = rankdata(scores, axis=1)
    within = float(ranks.var(axis=0, ddof=1).mean())
    between = float(ranks.mean(axis=0).var(ddof=1)) - within / len(ranks)
    return 1.0 if between <= 0 else min(1.0, (n_splits - 1) * within / between)
