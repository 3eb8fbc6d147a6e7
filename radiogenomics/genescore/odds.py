"""The odds ratio of a score, per standard deviation and per unit, with its profile interval and with separation said."""

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import chi2

from radiogenomics._errors import InputError
from radiogenomics._tables import check_choice
from radiogenomics.genescore._matched import matched
from radiogenomics.genescore.separation import Separation, separation
from radiogenomics.stats import FirthLogisticRegression

Method = Literal["plain", "firth"]
SUSPICIOUS = 20.0
"""An odds ratio per standard deviation that no honest score of this field reaches."""

Floats = NDArray[np.float64]
_FAR = 500.0  # log odds per standard deviation where a separated likelihood has long reached its limit


def odds_ratio(y_true: pd.Series, y_score: pd.Series, *, method: Method = "plain", confidence: float = 0.95) -> pd.DataFrame:
    """Give the odds ratio of a score, per standard deviation and per unit.

    Parameters
    ----------
    y_true : Series, shape (n_patients,)
        0 or 1; patients are matched by name, those that miss either are left out.
    y_score : Series, shape (n_patients,)
        A score; out-of-fold, or labelled as fitted by the caller.
    method : {"plain", "firth"}
        Maximum likelihood, or Firth's penalised likelihood, finite under separation.
    confidence : float
        Level of the profile likelihood interval.

    Returns
    -------
    DataFrame, two rows
        Columns `scale` ("per SD", "per unit"), `odds_ratio, low, high, p` (likelihood ratio test), `n, events, separation`,
        `method, remark`. With "plain" a separated outcome has an infinite (or zero) odds ratio and one finite limit: any finite
        number printed for it is where some software stopped. `remark` says so; it also says when the ratio per standard
        deviation is beyond 20, as scores fitted to the same patients have, and is empty otherwise.

    Raises
    ------
    ValueError
        If the outcome is not 0 and 1, or the score does not vary.

    References
    ----------
    Venzon & Moolgavkar (1988), doi:10.2307/2347496. Heinze & Schemper (2002), doi:10.1002/sim.1047.
    """
    check_choice(method, "method", get_args(Method))
    both = matched(y_true=y_true, y_score=y_score)
    values, events = both["y_score"].to_numpy(dtype=float), both["y_true"].to_numpy(dtype=float)
    _check(values, events)
    unit = values.std(ddof=1)
    z, separated = (values - values.mean()) / unit, separation(values[:, None], events.astype(int))
    best, low, high, p = _firth(z, events, confidence) if method == "firth" else _profile(z, events, separated, confidence)
    rows = [
        {"scale": scale, "odds_ratio": _exp(best / by), "low": _exp(low / by), "high": _exp(high / by)}
        for scale, by in (("per SD", 1.0), ("per unit", unit))
    ]
    table = pd.DataFrame(rows).assign(p=p, n=len(values), events=int(events.sum()), separation=separated, method=method)
    return table.assign(remark=_remark(best, separated))


def _remark(log_odds: float, separated: Separation) -> str:
    if separated != "none":
        kind = "completely" if separated == "complete" else "but for ties"
        return f"the score separates the outcome {kind}: no finite maximum likelihood odds ratio exists"
    if abs(log_odds) > np.log(SUSPICIOUS):
        return f"beyond {SUSPICIOUS:g} per SD: nearly separated, as a score fitted to the same patients is"
    return ""


def _firth(z: Floats, events: Floats, confidence: float) -> tuple[float, float, float, float]:
    terms = FirthLogisticRegression(confidence=confidence).fit(pd.DataFrame({"score": z}), events).terms_
    row = terms.loc[terms["term"] == "score", ["coefficient", "low", "high", "p"]].to_numpy(dtype=float)[0]
    return float(row[0]), float(row[1]), float(row[2]), float(row[3])


def _check(y_score: Floats, events: Floats) -> None:
    kinds = sorted(set(events.tolist()))
    if kinds != [0.0, 1.0]:
        raise InputError(f"`y_true` has the values {kinds} in {len(events)} common patients; an odds ratio needs 0 and 1, both.")
    if np.ptp(y_score) == 0:
        raise InputError(f"`y_score` is {y_score[0]:g} for all {len(y_score)} patients; an odds ratio needs a score that varies.")


def _exp(log_odds: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(log_odds))


def _profile(z: Floats, events: Floats, separated: Separation, confidence: float) -> tuple[float, float, float, float]:
    """Find the best slope, the two slopes whose likelihood is just acceptable, and the likelihood ratio p."""
    rises = z[events == 1].mean() > z[events == 0].mean()
    best = (np.inf if rises else -np.inf) if separated != "none" else _slope(z, events)
    top = _likelihood(np.clip(best, -_FAR, _FAR), z, events)
    floor = top - chi2.ppf(confidence, 1) / 2.0
    p = float(chi2.sf(2.0 * max(top - _likelihood(0.0, z, events), 0.0), 1))
    return best, _limit(best, -1.0, floor, z, events), _limit(best, 1.0, floor, z, events), p


def _limit(best: float, side: float, floor: float, z: Floats, events: Floats) -> float:
    if np.isinf(best):
        if np.sign(best) == side:
            return best
        near, step = float(np.clip(best, -_FAR, _FAR)), _FAR / 2
    else:
        near, step = best, 0.5
    far = near + side * step
    while _likelihood(far, z, events) > floor:
        near, far, step = far, far + side * step, step * 2
    return float(brentq(lambda slope: _likelihood(slope, z, events) - floor, near, far, xtol=1e-12, rtol=1e-14))


def _slope(z: Floats, events: Floats) -> float:
    """Find where the profile likelihood is level: the residuals no longer correlate with the score."""

    def gradient(slope: float) -> float:
        return float(z @ (events - expit(_intercept(slope, z, events) + slope * z)))

    reach = 1.0
    while gradient(reach) > 0 or gradient(-reach) < 0:
        reach *= 2
    return float(brentq(gradient, -reach, reach, xtol=1e-13, rtol=1e-14))


def _intercept(slope: float, z: Floats, events: Floats) -> float:
    """Find the intercept that predicts as many events as there are."""
    offset, wanted = slope * z, events.sum()
    edge = np.abs(offset).max() + 50.0
    return float(brentq(lambda a: expit(a + offset).sum() - wanted, -edge, edge, xtol=1e-13, rtol=1e-14))


def _likelihood(slope: float, z: Floats, events: Floats) -> float:
    """Give the log likelihood of a slope with its best intercept."""
    odds = _intercept(slope, z, events) + slope * z
    return float(-np.logaddexp(0.0, np.where(events == 1, -odds, odds)).sum())
