"""The area of cross-validated scores, and its interval: both must know which fit gave which score."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from radiogenomics._errors import InputError
from radiogenomics.stats import Auc, auc, newcombe_interval


def cross_validated_auc(
    y_true: ArrayLike, y_score: NDArray[np.float64], folds: NDArray[np.int_], *, confidence: float = 0.95
) -> Auc:
    """Judge repeated out-of-fold scores -> the area within folds, with DeLong's interval widened for shared training.

    **The area** is the share of pairs of a case and a control, both left out of the same fit, whose case scores higher
    (`area_within_folds`). Scores of different folds are never compared: the fit that scores patient i was trained on j, the
    one that scores j on i, so that by chance alone each tends away from the other. Pooled scores of weak models therefore
    lean below one half (Parker et al. 2007), the more so the more repeats their mean is taken over; within a fold the area of
    a model that knows nothing is one half on average, whatever the recipe (Airola et al. 2011).

    **The interval**: DeLong's variance takes scores as given. Out-of-fold scores are not. Where the scores are nothing but
    chance learning (many features, no signal) the true variance is twice DeLong's; where the fit hardly depends on who
    trained it (one strong feature) DeLong's is right. With f the share of the scores' variance that comes from the training
    sample,

        variance = DeLong's (1 + f),    f = min(1, (n_folds - 1) W / V),

    with DeLong's variance that of the mean scores, W the mean variance of a patient's rank between the repeats and V the
    variance of the mean ranks between the patients: a repeat trains on a share q = 1 - 1/n_folds of the others, drawn without
    replacement, so what varies between repeats is (1 - q)/q of what varies between training samples. With one repeat, f is 1.

    **Near an area of 1** (or 0) neither holds: mean scores rank better than those of single fits, and where they separate
    the classes DeLong's variance is 0 while the area within folds is below 1. Where either area's interval reaches 1, its
    limits are as far as Newcombe's reach (`stats.newcombe_interval`, with the same widening).

    Patients count as independent, also those of one group. The interval covers other patients from the same population, drawn to
    be trained and tested on; it does not cover another hospital or scanner. No unbiased variance of cross-validation exists
    (Bengio & Grandvalet 2004): this one was checked by simulation, see ``docs/validation.md``.

    Parameters
    ----------
    y_true : array, shape (n_patients,)
        0 or 1.
    y_score : array, shape (n_repeats, n_patients)
        Out-of-fold probabilities, one row per repeat.
    folds : array of int, shape (n_repeats, n_patients)
        The fold, numbered from 0, that each patient was left out with.
    confidence : float
        Confidence level.

    Returns
    -------
    Auc
        The area within folds, its interval and its standard error.

    Raises
    ------
    ValueError
        If no fold holds both a case and a control.

    References
    ----------
    E. R. DeLong et al., Biometrics 1988. doi:10.2307/2531595
    R. G. Newcombe, Stat Med 2006. doi:10.1002/sim.2324
    B. J. Parker et al., Stratification bias in low signal microarray studies, BMC Bioinformatics 2007.
    doi:10.1186/1471-2105-8-326
    A. Airola et al., An experimental comparison of cross-validation techniques for estimating the area under the ROC curve,
    Comput Stat Data Anal 2011. doi:10.1016/j.csda.2010.11.018
    Y. Bengio, Y. Grandvalet, No unbiased estimator of the variance of K-fold cross-validation, J Mach Learn Res 2004, 5:1089.
    """
    pooled = auc(y_true, y_score.mean(axis=0), confidence=confidence)
    area = area_within_folds(y_true, y_score, folds)
    wider = 1 + shared_training(y_score, int(folds.max()) + 1)
    se = pooled.se * float(np.sqrt(wider))
    half = float(ndtri((1 + confidence) / 2)) * se
    judged = replace(pooled, auc=area, low=max(area - half, 0.0), high=min(area + half, 1.0), se=se)
    return with_width(judged, areas=(area, pooled.auc), confidence=confidence, variance_factor=wider)


def with_width(judged: Auc, *, areas: tuple[float, ...] = (), confidence: float = 0.95, variance_factor: float = 1.0) -> Auc:
    """Give an area near 0 or 1 an interval that is honest there -> the same area; any other is handed back as it is.

    DeLong's variance is measured on the few pairs in the wrong order, of which there are none where scores separate the classes;
    its normal interval then covers the truth far too rarely (in 0.68 to 0.88 instead of 0.95 of simulated cohorts, see
    ``docs/validation.md``). Where it reaches 0 or 1 for one of `areas`, or has no width, the limits move out to Newcombe's
    where those lie further out, and the standard error is at least what the longer arm says.

    Parameters
    ----------
    judged : Auc
        The area with its normal interval.
    areas : tuple of float
        The areas whose interval must stay inside 0 and 1 for the normal interval to be kept: within folds, and of the mean
        scores. Without any, only an interval that has no width is replaced.
    confidence : float
        Confidence level.
    variance_factor : float
        How much wider than that of independent scores the variance is.

    Returns
    -------
    Auc
        With a width, unless the standard error is unknown (a class of one patient).
    """
    z = float(ndtri((1 + confidence) / 2))
    half = z * judged.se
    if np.isnan(half) or (half > 0 and all(half < area < 1 - half for area in areas)):
        return judged
    limits = newcombe_interval(
        judged.auc,
        events=judged.events,
        controls=judged.n - judged.events,
        confidence=confidence,
        variance_factor=variance_factor,
    )
    low, high = min(judged.low, limits[0]), max(judged.high, limits[1])
    return replace(judged, low=low, high=high, se=max(judged.se, (judged.auc - low) / z, (high - judged.auc) / z))


def area_within_folds(outcome: ArrayLike, scores: NDArray[np.float64], folds: NDArray[np.int_]) -> float:
    """Compare cases with controls of the same fold of the same repeat -> the share of pairs whose case scores higher.

    A tie counts one half. Shapes as in `cross_validated_auc`.

    Raises
    ------
    ValueError
        If no fold holds both a case and a control.
    """
    event, above, pairs = np.asarray(outcome) == 1, 0.0, 0
    for score, fold in zip(scores, folds, strict=True):
        for one in np.unique(fold):
            apart = np.subtract.outer(score[event & (fold == one)], score[~event & (fold == one)])
            above += (1 + np.sign(apart)).sum() / 2
            pairs += apart.size
    if pairs == 0:
        raise InputError("No fold holds both a case and a control, so no pair can be compared; lower `n_splits`.")
    return float(above / pairs)


def shared_training(scores: NDArray[np.float64], n_folds: int) -> float:
    """Estimate which share of the scores' variance comes from the training sample -> f between 0 and 1."""
    if len(scores) < 2:
        return 1.0
    ranks = rankdata(scores, axis=1)
    within = float(ranks.var(axis=0, ddof=1).mean())
    between = float(ranks.mean(axis=0).var(ddof=1)) - within / len(ranks)
    return 1.0 if between <= 0 else min(1.0, (n_folds - 1) * within / between)
