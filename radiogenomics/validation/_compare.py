"""Signatures against one another, on the same patients and the same out-of-fold scores."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from radiogenomics._errors import InputError
from radiogenomics.stats import Auc, DelongTest, benjamini_hochberg, delong_test, idi, nri


def compare(
    scores: pd.DataFrame, evaluation: pd.DataFrame, *, estimate: str = "nested", cutoffs: Sequence[float] = ()
) -> pd.DataFrame:
    """Compare every pair of signatures by their areas, net reclassification and integrated discrimination.

    Parameters
    ----------
    scores : DataFrame
        ``patient, cohort, signature, estimate, outcome, score`` of several signatures: `Evaluation.scores`, concatenated.
    evaluation : DataFrame
        ``cohort, signature, estimate, auc, auc_low, auc_high, n, events, auc_se`` of the same: `Evaluation.table`, concatenated.
    estimate : str
        Which scores: ``nested`` for out-of-fold ones, ``external`` for other cohorts. Fitted scores would compare memories.
    cutoffs : sequence of float
        Limits of the risk categories for the net reclassification; without them it is the continuous one.

    Returns
    -------
    DataFrame
        One row per cohort and pair: ``cohort, estimate, first, second, n, events, auc_first, auc_second, difference,
        difference_low, difference_high, p, q, nri, nri_p, idi, idi_p``. NRI and IDI are what `second` gains over `first`; `q` is
        Benjamini and Hochberg's over all rows.

    Raises
    ------
    ValueError
        If there are fewer than two signatures with such scores on the same patients.

    Notes
    -----
    Areas are compared by `compare_areas`. The standard errors of NRI and IDI take the scores as given too; for out-of-fold scores
    they are widened by as much as those of the two areas are, on average of their variances. The IDI of a model within another
    stays somewhat too often significant, see ``docs/validation.md``. In external cohorts nothing is widened.

    References
    ----------
    M. J. Pencina et al., Stat Med 2008. doi:10.1002/sim.2929
    """
    compared = scores[scores["estimate"] == estimate]
    rows = [
        row
        for cohort, part in compared.groupby("cohort", sort=False)
        for row in _pairs(str(cohort), estimate, part, evaluation, cutoffs)
    ]
    if not rows:
        raise InputError(f"No two signatures have {estimate!r} scores of the same patients; evaluate at least two on one cohort.")
    table = pd.DataFrame(rows)
    place = list(table.columns).index("p") + 1
    table.insert(place, "q", benjamini_hochberg(table["p"]))
    return table


def compare_areas(y_true: ArrayLike, first: ArrayLike, second: ArrayLike, *, areas: tuple[Auc, Auc]) -> DelongTest:
    """Compare two judged areas of the same patients -> their difference, its interval and test.

    DeLong's test takes scores as given, and compares the areas of mean out-of-fold scores; between models that know nothing
    it finds a difference far more often than in 5 of 100 cohorts. Here the areas and their standard errors are those that the
    evaluation gives, and only the correlation r between the areas is DeLong's:
    ``variance = se1^2 + se2^2 - 2 r se1 se2``. Of scores that no fit has seen this is DeLong's test itself.

    Parameters
    ----------
    y_true : array or Series, shape (n,)
        1 for the event, 0 otherwise.
    first, second : array or Series, shape (n,)
        The scores.
    areas : pair of Auc
        The areas of the two, each with the standard error it was judged with.

    Returns
    -------
    DelongTest
        Two-sided, at 95 %.

    References
    ----------
    E. R. DeLong et al., Biometrics 1988. doi:10.2307/2531595
    """
    test = delong_test(y_true, first, second)
    z = float(ndtri(0.975))
    one, two, apart = test.first.se, test.second.se, (test.high - test.low) / (2 * z)
    r = (one**2 + two**2 - apart**2) / (2 * one * two) if one * two > 0 else 0.0
    se = float(np.sqrt(max(areas[0].se ** 2 + areas[1].se ** 2 - 2 * r * areas[0].se * areas[1].se, 0.0)))
    difference = areas[0].auc - areas[1].auc
    statistic = difference / se if se > 0 else float(np.sign(difference)) * np.inf if difference else 0.0
    limits = {"low": difference - z * se, "high": difference + z * se, "p": float(2 * ndtr(-abs(statistic)))}
    return replace(test, first=areas[0], second=areas[1], difference=difference, statistic=statistic, **limits)


def area_of(evaluation: pd.DataFrame, cohort: str, signature: str, estimate: str) -> Auc:
    """Find a row of an evaluation -> its area.

    Parameters
    ----------
    evaluation : DataFrame
        `Evaluation.table`, of one signature or several.
    cohort, signature, estimate : str
        What names the row.

    Returns
    -------
    Auc
        Area, interval and standard error.

    Raises
    ------
    ValueError
        If there is no such row.
    """
    named = evaluation[["cohort", "signature", "estimate"]].eq([cohort, signature, estimate]).all(axis=1)
    if not named.any():
        raise InputError(
            f"`evaluation` has no row {estimate!r} of {signature!r} in cohort {cohort!r}, but there are scores of it."
        )
    row = evaluation[named].iloc[0]
    auc, low, high, se = (float(row[name]) for name in ("auc", "auc_low", "auc_high", "auc_se"))
    return Auc(auc, low, high, se, int(row["n"]), int(row["events"]))


def _pairs(
    cohort: str, estimate: str, part: pd.DataFrame, evaluation: pd.DataFrame, cutoffs: Sequence[float]
) -> Iterator[dict[str, Any]]:
    wide = part.pivot_table(index="patient", columns="signature", values="score", sort=False)
    outcome = part.drop_duplicates("patient").set_index("patient")["outcome"]
    for first, second in combinations(wide.columns, 2):
        both = wide[[first, second]].dropna()
        if len(both) < max(wide[first].count(), wide[second].count()):
            raise InputError(
                f"Signatures {first!r} and {second!r} of cohort {cohort!r} share only {len(both)} patients; "
                "evaluate both on the same patients."
            )
        areas = area_of(evaluation, cohort, first, estimate), area_of(evaluation, cohort, second, estimate)
        named = {"cohort": cohort, "estimate": estimate, "first": first, "second": second}
        yield named | _pair(outcome.loc[both.index], both[first], both[second], areas, cutoffs)


def _pair(event: pd.Series, one: pd.Series, two: pd.Series, areas: tuple[Auc, Auc], cutoffs: Sequence[float]) -> dict[str, Any]:
    test, given = compare_areas(event, one, two, areas=areas), delong_test(event, one, two)
    plain = np.array([given.first.se, given.second.se])
    judged = np.array([one.se for one in areas])
    wider = float(np.sqrt(np.mean((judged / plain) ** 2))) if plain.all() else 1.0
    moved, gained = (
        gain.set_index("group").loc["total"] for gain in (nri(event, one, two, cutoffs=cutoffs), idi(event, one, two))
    )
    return {
        "n": len(event),
        "events": int(event.sum()),
        "auc_first": test.first.auc,
        "auc_second": test.second.auc,
        "difference": test.difference,
        "difference_low": test.low,
        "difference_high": test.high,
        "p": test.p,
        "nri": moved["estimate"],
        "nri_p": float(2 * ndtr(-abs(moved["z"]) / wider)),
        "idi": gained["estimate"],
        "idi_p": float(2 * ndtr(-abs(gained["z"]) / wider)),
    }
