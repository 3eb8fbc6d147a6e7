"""Survival by the gene score: Kaplan-Meier curves of its halves, and Cox regression beside clinical covariates."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._tables import check_patients, summarise
from radiogenomics.genescore._matched import matched
from radiogenomics.stats import SurvivalCut, cox, kaplan_meier, log_rank, median_survival, proportional_hazards_test


@dataclass(frozen=True)
class ScoreSurvival:
    """What a score says about time to an event.

    Attributes
    ----------
    curves : DataFrame
        Kaplan-Meier of "low" and "high": `group, time, at_risk, events, censored, survival, se, low, high`.
    groups : DataFrame, one row per group
        `group, n, events, median, low, high`.
    hazards : DataFrame, one row per model and term
        `model` ("score" alone, "adjusted"), `term, hazard_ratio, low, high, p, p_proportional, n, events`; the score's ratio is
        per standard deviation; `p_proportional` tests whether the ratio changes with time.
    log_rank_p : float
        Log-rank test of the two groups.
    cut : float
        Patients above it are "high".
    cut_label : str
        Where the cut comes from, for table and figure.
    """

    curves: pd.DataFrame
    groups: pd.DataFrame
    hazards: pd.DataFrame
    log_rank_p: float
    cut: float
    cut_label: str


def survival(
    score: pd.Series,
    time: pd.Series,
    event: pd.Series,
    *,
    training: Sequence[str] | pd.Index | None = None,
    covariates: pd.DataFrame | None = None,
) -> ScoreSurvival:
    """Follow the patients above and not above the training patients' median score.

    Parameters
    ----------
    score : Series, shape (n_patients,)
        Gene score of every patient with expression.
    time, event : Series, shape (n_patients,)
        Follow-up in any unit, and whether it ended with the event (1) or was censored (0). Patients are matched by name; those
        that miss score, time or event are left out.
    training : list of str, optional
        The patients whose scores set the cut, by themselves without regard to survival; all when None.
    covariates : DataFrame, optional
        Clinical columns for a second, adjusted Cox model of the patients that have them all; words become indicators.

    Returns
    -------
    ScoreSurvival
        Curves, groups, log-rank p and hazard ratios.

    Raises
    ------
    ValueError
        If no training patient has a score, a group is empty, or a Cox model did not converge.

    References
    ----------
    Kaplan & Meier (1958), doi:10.1080/01621459.1958.10501452. Cox (1972), doi:10.1111/j.2517-6161.1972.tb00899.x.
    """
    table = matched(score=score, time=time, event=event)
    cut = SurvivalCut().fit(_training(score, training))
    group = pd.Series(cut.transform(table["score"]), index=table.index)
    if group.nunique() < 2:
        raise InputError(
            f"All {len(group)} patients with follow-up are {group.iloc[0]}: none is on the other side of the cut {cut.cut_:g}."
        )
    follow_up = table["time"], table["event"]
    hazards = [_hazards("score", table[[]], table)]
    if covariates is not None:
        hazards.append(_hazards("adjusted", _numbers(covariates), table))
    return ScoreSurvival(
        curves=kaplan_meier(*follow_up, group=group),
        groups=median_survival(*follow_up, group=group),
        hazards=pd.concat(hazards, ignore_index=True),
        log_rank_p=log_rank(*follow_up, group).p,
        cut=cut.cut_,
        cut_label=cut.label_,
    )


def _training(score: pd.Series, training: Sequence[str] | pd.Index | None) -> pd.Series:
    known = score.dropna()
    splitting = known if training is None else known[known.index.isin(training)]
    if splitting.empty:
        raise InputError(
            f"None of the training patients ({summarise(training or [], 3)}) has a score; `score` has "
            f"{summarise(known.index, 3)}."
        )
    return splitting


def _numbers(covariates: pd.DataFrame) -> pd.DataFrame:
    complete = check_patients(covariates, "covariates").dropna()
    words = [name for name, kind in complete.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    return pd.get_dummies(complete, columns=words, drop_first=True, dtype=float).astype(float)


def _hazards(model: str, covariates: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Fit the standardised score with covariates to the patients that have both."""
    both = table.join(covariates, how="inner")
    both["score"] = (both["score"] - both["score"].mean()) / both["score"].std(ddof=1)
    terms = both[["score", *covariates.columns]]
    fitted = cox(terms, both["time"], both["event"])
    steady = proportional_hazards_test(terms, both["time"], both["event"]).set_index("term")["p"]
    rows = fitted.terms[["term", "hazard_ratio", "low", "high", "p"]].copy()
    rows.insert(0, "model", model)
    return rows.assign(p_proportional=rows["term"].map(steady), n=fitted.n, events=fitted.events)
